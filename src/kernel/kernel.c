// One variant of the kernel; compiled once for each target of binding.gyp with its own instruction set and VARIANT.
// NV_MAX vectors are worked on at once (4 sums each: 16 of 32 registers, or 8 of 16).
#if defined(__AVX512F__) || defined(__aarch64__)
#define NV_MAX 4
#else
#define NV_MAX 2
#endif
#include "cpu.h"
#include "infer.h"
#include "gram.h"

#define PASTE(a, b) a##b
#define NAMED(prefix, variant) PASTE(prefix, variant)
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static bool supported(void) {
#if defined(__AVX512F__)
  return (processorHas() & HAS_AVX512) != 0;
#elif defined(__AVX2__)
  return (processorHas() & HAS_AVX2) != 0;
#else
  return true;
#endif
}

extern const Variant NAMED(variant_, VARIANT);
const Variant NAMED(variant_, VARIANT) = {
  .name = TEXT(VARIANT),
  .vector = VW,
#if defined(__AVX512F__)
  .needs = "AVX-512 (F, DQ, BW, VL) and FMA",
  .widths = { 1, 4, 16, 32, 64 },
  .upTo = { 2, 4, 16, 32 },
#elif defined(__AVX2__)
  .needs = "AVX2 and FMA",
  .widths = { 1, 4, 16 },
  .upTo = { 2, 4 },
#else
  .needs = "nothing beyond the base of the architecture",
  .widths = { 1, VW * NV_MAX },
  .upTo = { 3 },
#endif
  .supported = supported,
  .infer = infer,
  .gram = gram,
};
