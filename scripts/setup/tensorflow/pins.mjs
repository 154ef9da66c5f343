// Where libtensorflow comes from on each platform, and the SHA-256 it must have.

export const PLATFORM = `${process.platform}-${process.arch}`;

/**
 * The archives that the install script of @tensorflow/tfjs-node 4.22.0 names. Their checksums are published, for the
 * same addresses, in nixpkgs (immich, nextcloud recognize) and in other projects' build files.
 */
export const OFFICIAL = {
  'linux-x64': {
    version: '2.9.1', path: 'tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz',
    sha256: '7f510d2546e3db5e10b1d119463689003d587842892ad3c95bca51cf82820173',
  },
  'linux-arm64': {
    version: '2.7', path: 'tf-builds/libtensorflow_r2_7_linux_arm64.tar.gz',
    sha256: '9395d1ff39f5b6847f5121e679ff4e599dc7061a2a7f87ceac061c78e908e6e3',
  },
  'darwin-x64': {
    version: '2.9.1', path: 'tensorflow/libtensorflow/libtensorflow-cpu-darwin-x86_64-2.9.1.tar.gz',
    sha256: '56f83d3320ba0f69aaafd6c058645e1b7fbc75fb9a3fc36d6be98de1291ca226',
  },
  'darwin-arm64': {
    version: '2.7', path: 'tf-builds/libtensorflow_r2_7_darwin_arm64_cpu.tar.gz',
    sha256: '13ab22b97e2af06e431aaeb7b42fb89981965dd01aa16da035d8210aa4183d79',
  },
};

/** Wheels of the Python package index; 2.13.1 is the smallest with a libtensorflow_cc, and no slower than later ones. */
export const WHEELS = {
  'linux-x64': {
    version: '2.13.1', requirement: 'tensorflow-cpu==2.13.1', platform: 'manylinux_2_17_x86_64', megabytes: 184,
    sha256: '87be6e61314b2c0fa062f71e26e41d6a17e162ffe4da72c820fe8f1fc94d97fe',
  },
  'linux-arm64': {
    version: '2.13.1', requirement: 'tensorflow-cpu-aws==2.13.1', platform: 'manylinux_2_17_aarch64', megabytes: 249,
    sha256: '583d982a420df1b9735392a38125785da1dd89e6cd2b3524a831279aad890ff0',
  },
};
