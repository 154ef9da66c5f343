{
  "target_defaults": {
    "defines": ["NAPI_VERSION=8"],
    "cflags": ["-O3", "-std=gnu11", "-fPIC", "-Wall", "-Wextra", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fvisibility=hidden"],
    "xcode_settings": { "OTHER_CFLAGS": ["-O3", "-std=gnu11", "-fno-math-errno", "-ffp-contract=fast", "-fvisibility=hidden"] }
  },
  "targets": [
    {
      "target_name": "kernel_portable",
      "type": "static_library",
      "sources": ["kernel.c"],
      "defines": ["VARIANT=portable"],
      "cflags": []
    },
    {
      "target_name": "kernel_avx2",
      "type": "static_library",
      "sources": ["kernel.c"],
      "defines": ["VARIANT=avx2"],
      "conditions": [["target_arch=='x64'", { "cflags": ["-mavx2", "-mfma"], "xcode_settings": { "OTHER_CFLAGS": ["-mavx2", "-mfma"] } }]]
    },
    {
      "target_name": "kernel_avx512",
      "type": "static_library",
      "sources": ["kernel.c"],
      "defines": ["VARIANT=avx512"],
      "conditions": [["target_arch=='x64'", { "cflags": ["-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mprefer-vector-width=512"], "xcode_settings": { "OTHER_CFLAGS": ["-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"] } }]]
    },
    {
      "target_name": "kernel_portable_g4",
      "type": "static_library",
      "sources": ["g4.c"],
      "defines": ["VARIANT=portable_g4", "NAME=portable-g4"],
      "cflags": []
    },
    {
      "target_name": "kernel_avx2_g4",
      "type": "static_library",
      "sources": ["g4.c"],
      "defines": ["VARIANT=avx2_g4", "NAME=avx2-g4"],
      "conditions": [["target_arch=='x64'", { "cflags": ["-mavx2", "-mfma"], "xcode_settings": { "OTHER_CFLAGS": ["-mavx2", "-mfma"] } }]]
    },
    {
      "target_name": "kernel_avx_vnni_g4",
      "type": "static_library",
      "sources": ["g4.c"],
      "defines": ["VARIANT=avx_vnni_g4", "NAME=avx-vnni-g4"],
      "conditions": [["target_arch=='x64'", { "cflags": ["-mavx2", "-mfma", "-mavxvnni"], "xcode_settings": { "OTHER_CFLAGS": ["-mavx2", "-mfma", "-mavxvnni"] } }]]
    },
    {
      "target_name": "kernel_avx512_vnni_g4",
      "type": "static_library",
      "sources": ["g4.c"],
      "defines": ["VARIANT=avx512_vnni_g4", "NAME=avx512-vnni-g4"],
      "conditions": [["target_arch=='x64'", { "cflags": ["-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx512vnni", "-mprefer-vector-width=512"], "xcode_settings": { "OTHER_CFLAGS": ["-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx512vnni"] } }]]
    },
    {
      "target_name": "espalier_kernel",
      "dependencies": ["kernel_portable", "kernel_avx2", "kernel_avx512", "kernel_portable_g4", "kernel_avx2_g4", "kernel_avx_vnni_g4", "kernel_avx512_vnni_g4"],
      "sources": ["addon.c", "model.c", "side.c", "g4-model.c", "variants.c"]
    }
  ]
}
