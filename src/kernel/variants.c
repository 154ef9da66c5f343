// The table of variants that drives run-time dispatch and tests: int8, then fp32, each fastest first.
#include "kernel.h"

extern const Variant variant_portable, variant_portable_g4;
#if defined(__x86_64__)
extern const Variant variant_avx2, variant_avx512, variant_avx2_g4, variant_avx_vnni_g4, variant_avx512_vnni_g4;
const Variant *const variants[] = { &variant_avx512_vnni_g4, &variant_avx_vnni_g4, &variant_avx2_g4, &variant_portable_g4, &variant_avx512, &variant_avx2, &variant_portable, NULL };
#else
const Variant *const variants[] = { &variant_portable_g4, &variant_portable, NULL };
#endif
