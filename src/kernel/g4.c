// One variant in int8 groups of four; compiled once for each target of binding.gyp with its own instruction set, its
// NAME, and VARIANT for its symbol.
#if defined(__AVX512F__) || defined(__aarch64__)
#define NV_MAX 4
#else
#define NV_MAX 2
#endif
#include <math.h>
#include "cpu.h"
#include "g4-infer.h"
#include "gram.h"

#define PASTE(a, b) a##b
#define NAMED(prefix, variant) PASTE(prefix, variant)
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static bool supported(void) {
#if defined(__AVX512VNNI__)
  return (processorHas() & HAS_AVX512_VNNI) != 0;
#elif defined(__AVXVNNI__)
  return (processorHas() & HAS_AVX_VNNI) != 0;
#elif defined(__AVX2__)
  return (processorHas() & HAS_AVX2) != 0;
#else
  return true;
#endif
}

extern const Variant NAMED(variant_, VARIANT);
const Variant NAMED(variant_, VARIANT) = {
  .name = TEXT(NAME),
  .words = WORDS,
  .vector = VW,
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
