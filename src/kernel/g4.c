// One variant in int8 groups of four; compiled once for each target of binding.gyp with its own instruction set, its
// NAME, and VARIANT for its symbol.
#if defined(__AVX512F__) || defined(__aarch64__)
#define NV_MAX 4
#else
#define NV_MAX 2
#endif
#include <math.h>
#if defined(__AVXVNNI__)
#include <cpuid.h>
#endif
#include "g4-infer.h"
#include "gram.h"

#define PASTE(a, b) a##b
#define NAMED(prefix, variant) PASTE(prefix, variant)
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static bool supported(void) {
#if defined(__AVX512VNNI__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
    && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined(__AVXVNNI__)
  unsigned a, b, c, d; // CPUID leaf 7, sub-leaf 1, EAX bit 4; old compilers have no word for it
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
#elif defined(__AVX2__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

extern const Variant NAMED(variant_, VARIANT);
const Variant NAMED(variant_, VARIANT) = {
  .name = TEXT(NAME),
  .words = WORDS,
#if defined(__AVX512VNNI__)
  .needs = "AVX-512 (F, DQ, BW, VL, VNNI) and FMA",
  .widths = { 1, 16, 32, 64 },
  .upTo = { G4_SINGLES_MAX, 16, 32 },
#elif defined(__AVXVNNI__)
  .needs = "AVX2, AVX-VNNI and FMA",
  .widths = { 16 },
#elif defined(__AVX2__)
  .needs = "AVX2 and FMA",
  .widths = { 16 },
#else
  .needs = "nothing beyond the base of the architecture",
  .widths = { VW * NV_MAX },
#endif
  .supported = supported,
  .infer = g4Infer,
  .gram = gram,
};
