// The table of variants that drives run-time dispatch and tests, fastest first.
#include "kernel.h"

extern const Variant variant_portable;
#if defined(__x86_64__)
extern const Variant variant_avx2, variant_avx512;
const Variant *const variants[] = { &variant_avx512, &variant_avx2, &variant_portable, NULL };
#else
const Variant *const variants[] = { &variant_portable, NULL };
#endif
