// What the processor has and the system keeps between two threads' turns, asked of the processor itself: the compilers'
// own __builtin_cpu_supports needs a run-time library that not every one of them brings.
#pragma once
#if defined(__x86_64__)
#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>

enum { HAS_AVX2 = 1, HAS_AVX512 = 2, HAS_AVX_VNNI = 4, HAS_AVX512_VNNI = 8 };

// HAS_AVX2: with FMA. HAS_AVX512: F, DQ, BW, VL, with AVX2 and FMA.
static inline uint32_t processorHas(void) {
  const uint32_t fma = 1u << 12, saves = 1u << 27, avx = 1u << 28, vectors = 0x6, wideVectors = 0xe6;
  const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; // F, DQ, BW, VL
  uint32_t a, b, c, d, kept, high, has = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (fma | saves | avx)) != (fma | saves | avx)) return 0;
  __asm__ volatile("xgetbv" : "=a"(kept), "=d"(high) : "c"(0));
  if ((kept & vectors) != vectors || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 5)) return 0;
  has |= HAS_AVX2;
  if ((kept & wideVectors) == wideVectors && (b & avx512) == avx512) has |= HAS_AVX512 | (c & 1u << 11 ? HAS_AVX512_VNNI : 0);
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && a & 1u << 4) has |= HAS_AVX_VNNI;
  return has;
}
#endif
