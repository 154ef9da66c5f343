// One lane by AVX512-VNNI: the output layer.
#pragma once
#include "g4-one.h"
#include "g4-output.h"

#if defined(__AVX512VNNI__)
#define SINGLE 1

static inline size_t unitRoom(size_t units) { return (units + 15) / 16 * 16; }

// All logits, to values [4 ceil(outputs / 4)].
static void g4ValuesSingle(const Model *model, const int32_t *h, float *values) {
  const struct G4 *g4 = model->g4;
  const __m512i each = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  for (uint32_t b = 0; b < (model->outputs + 3) / 4; b++) {
    const int32_t *weights = g4->output + 4 * (size_t)b * g4->featureRows;
    __m512i sums[2] = { _mm512_setzero_si512(), _mm512_setzero_si512() };
    for (uint32_t k = 0; k < g4->featureRows; k += 4) { // beyond the last row: weights zero
      const uint32_t many = g4->featureRows - k < 4 ? g4->featureRows - k : 4;
      const __m512i x = _mm512_permutexvar_epi32(each, _mm512_castsi128_si512(_mm_maskz_loadu_epi32((__mmask8)((1u << many) - 1), h + k)));
      sums[k >> 2 & 1] = _mm512_dpbusd_epi32(sums[k >> 2 & 1], x, _mm512_maskz_loadu_epi32((__mmask16)((1u << 4 * many) - 1), weights + 4 * (size_t)k));
    }
    const __m512i a = _mm512_add_epi32(sums[0], sums[1]);
    const __m256i s = _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    const __m128i t = _mm_add_epi32(_mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1)), _mm_load_si128((const __m128i *)(g4->outputStart + 4 * b)));
    _mm_store_ps(values + 4 * b, _mm_fmadd_ps(_mm_cvtepi32_ps(t), _mm_load_ps(g4->outputScale + 4 * b), _mm_load_ps(g4->outputBias + 4 * b)));
  }
}

static void g4LabelSingle(const Model *model, const int32_t *h, float *values, int32_t *label, float *probability) {
  g4ValuesSingle(model, h, values);
  const uint32_t outputs = model->outputs;
  Floats top = splat(-3e38f), sum = { 0 };
  for (uint32_t o = outputs; o < unitRoom(outputs); o++) values[o] = -1e30f;
  for (uint32_t o = 0; o < outputs; o += 16) top = larger(top, *(const Floats *)(values + o));
  const float best = _mm512_reduce_max_ps((__m512)top);
  for (uint32_t o = 0; o < outputs; o += 16) {
    Floats e = *(const Floats *)(values + o) - splat(best);
    exp2s(1, &e);
    sum += e;
  }
  *label = 0;
  while (values[*label] != best) ++*label;
  *probability = 1.f / _mm512_reduce_add_ps((__m512)sum);
}
#endif
