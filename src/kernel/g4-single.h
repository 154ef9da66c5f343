// One lane: as many groups a vector as their gates fill (LSTM 4, GRU 4 of 3 gates, RNN 16), by AVX512-VNNI. Rows are four
// bytes side by side. The sums of a unit go to scratch, sixteen units a block, and their gates are computed together.
#pragma once
#include "g4-output.h"

#if defined(__AVX512VNNI__)
#define SINGLE 1

static inline size_t unitRoom(size_t units) { return (units + 15) / 16 * 16; }

// The quads of the groups at k0 to k3, each G times in a row.
INLINE __m512i four(const int G, const char *rows, uint32_t k0, uint32_t k1, uint32_t k2, uint32_t k3) {
  const __m128i x = _mm_setr_epi32(*(const int32_t *)(rows + k0), *(const int32_t *)(rows + k1), *(const int32_t *)(rows + k2), *(const int32_t *)(rows + k3));
  const __m512i each = G == 4 ? _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3) : _mm512_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 0, 0);
  return _mm512_permutexvar_epi32(each, _mm512_castsi128_si512(x));
}

// The G sums of the groups k to end - 1, in the low numbers.
INLINE __m128i singleSums(const int G, const int32_t *values, const uint32_t *offset, const char *rows, uint32_t k, const uint32_t end) {
  const __mmask16 whole = (__mmask16)((1 << 4 * G) - 1);
  __m512i a = _mm512_setzero_si512(), b = a;
#define FOUR(into, k) into = _mm512_dpbusd_epi32(into, four(G, rows, offset[k], offset[(k) + 1], offset[(k) + 2], offset[(k) + 3]), \
    G == 4 ? _mm512_loadu_si512(values + 4 * (size_t)(k)) : _mm512_maskz_loadu_epi32(whole, values + (size_t)G * (k)))
  for (; k + 8 <= end; k += 8) { FOUR(a, k); FOUR(b, k + 4); }
  if (k + 4 <= end) { FOUR(a, k); k += 4; }
#undef FOUR
  if (k < end) { // one to three are left over: no weights beyond them
    const uint32_t last = end - 1, many = end - k;
    const __mmask16 some = (__mmask16)((1u << G * many) - 1);
    b = _mm512_dpbusd_epi32(b, four(G, rows, offset[k], offset[k + 1 < last ? k + 1 : last], offset[k + 2 < last ? k + 2 : last], offset[last]), _mm512_maskz_loadu_epi32(some, values + (size_t)G * k));
  }
  a = _mm512_add_epi32(a, b);
  if (G == 4) {
    const __m256i s = _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
  }
  a = _mm512_add_epi32(a, _mm512_alignr_epi32(_mm512_setzero_si512(), a, 6));
  a = _mm512_add_epi32(a, _mm512_alignr_epi32(_mm512_setzero_si512(), a, 3));
  return _mm512_castsi512_si128(a);
}

// One gate: sixteen groups a vector.
INLINE int32_t singleSum(const int32_t *values, const uint32_t *offset, const char *rows, uint32_t k, const uint32_t end) {
  __m512i a = _mm512_setzero_si512();
  for (; k < end; k += 16) {
    const __mmask16 some = end - k < 16 ? (__mmask16)((1u << (end - k)) - 1) : 0xffff;
    const __m512i x = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), some, _mm512_maskz_loadu_epi32(some, offset + k), rows, 1);
    a = _mm512_dpbusd_epi32(a, x, _mm512_maskz_loadu_epi32(some, values + k));
  }
  return _mm512_reduce_add_epi32(a);
}

// Sums of unit j, scaled, where fourGates reads them: units 0, 4, 8, 12 of a block, then 1, 5, 9, 13, and so on.
INLINE void putSums(const G4Layer *layer, uint32_t j, __m128i sums, float *scratch) {
  const size_t at = 4 * (size_t)j;
  const __m128 z = _mm_fmadd_ps(_mm_cvtepi32_ps(_mm_add_epi32(sums, _mm_load_si128((const __m128i *)(layer->start + at)))), _mm_load_ps(layer->scale + at), _mm_load_ps(layer->bias + at));
  _mm_store_ps(scratch + 4 * ((j & ~15u) + (j & 3) * 4 + (j >> 2 & 3)), z);
}

INLINE void fourGates(const float *block, Floats z[4][2]) {
  const __m512 a = _mm512_load_ps(block), b = _mm512_load_ps(block + 16), c = _mm512_load_ps(block + 32), d = _mm512_load_ps(block + 48);
  const __m512 ab = _mm512_unpacklo_ps(a, b), cd = _mm512_unpacklo_ps(c, d), AB = _mm512_unpackhi_ps(a, b), CD = _mm512_unpackhi_ps(c, d);
  z[0][0] = (Floats)_mm512_unpacklo_pd((__m512d)ab, (__m512d)cd); z[1][0] = (Floats)_mm512_unpackhi_pd((__m512d)ab, (__m512d)cd);
  z[2][0] = (Floats)_mm512_unpacklo_pd((__m512d)AB, (__m512d)CD); z[3][0] = (Floats)_mm512_unpackhi_pd((__m512d)AB, (__m512d)CD);
}

// The bytes of units j to j + 15, as far as there are so many.
INLINE void putBytes(Floats h, uint32_t units, uint32_t j, int32_t *to) {
  const uint32_t many = (units - j + 3) / 4 * 4; // a row holds four
  _mm_mask_storeu_epi8((char *)to + j, many < 16 ? (__mmask16)((1u << many) - 1) : 0xffff, _mm512_cvtepi32_epi8((__m512i)byteOf(h)));
}

static void g4LstmSingle(const G4Pass *p) {
  const G4Layer *layer = p->layer;
  for (uint32_t j = 0; j < layer->units; j++) putSums(layer, j, singleSums(4, layer->values, p->offset, (const char *)p->xh, layer->ptr[j], layer->ptr[j + 1]), p->scratch);
  for (uint32_t j = 0; j < layer->units; j += 16) {
    Floats z[4][2], h;
    fourGates(p->scratch + 4 * (size_t)j, z);
    lstmGates(1, z, p->kept + j, (float *)&h);
    putBytes(h, layer->units, j, p->h);
  }
}

// z, r, n of the inputs, n of the state.
INLINE __m128i gruSums(const G4Pass *p, uint32_t j) {
  const G4Layer *layer = p->layer;
  const __m128i x = singleSums(3, layer->values, p->offset, (const char *)p->xh, layer->ptr[j], layer->mid[j]);
  const __m128i h = singleSums(3, layer->values, p->offset, (const char *)p->xh, layer->mid[j], layer->ptr[j + 1]);
  return _mm_blend_epi32(_mm_add_epi32(x, _mm_blend_epi32(h, _mm_setzero_si128(), 0xc)), _mm_shuffle_epi32(h, 0xaa), 8);
}

static void g4GruSingle(const G4Pass *p) {
  const G4Layer *layer = p->layer;
  for (uint32_t j = 0; j < layer->units; j++) putSums(layer, j, gruSums(p, j), p->scratch);
  for (uint32_t j = 0; j < layer->units; j += 16) {
    Floats z[4][2], r;
    fourGates(p->scratch + 4 * (size_t)j, z);
    gruGates(1, z, p->kept + j, (float *)&r, p->kept + j);
    putBytes(*(const Floats *)(p->kept + j), layer->units, j, p->h);
    if (p->reset != NULL) *(Floats *)(p->reset + j) = r;
  }
}

// In a block of scratch: e^z of 16 units, then the inputs' part of n, then that of r * h.
static void g4GruBeforeSingle(const G4Pass *p) {
  const G4Layer *layer = p->layer;
  const char *resetRows = (const char *)(p->resetRows - layer->inputRows);
  for (uint32_t j = 0; j < layer->units; j++) putSums(layer, j, gruSums(p, j), p->scratch);
  for (uint32_t j = 0; j < layer->units; j += 16) {
    Floats z[4][2], e[2];
    fourGates(p->scratch + 4 * (size_t)j, z);
    e[0] = z[0][0]; e[1] = z[1][0];
    exp2s(2, e);
    putBytes(*(const Floats *)(p->kept + j) * reciprocal(1.f + e[1]), layer->units, j, p->resetRows);
    *(Floats *)(p->scratch + 4 * (size_t)j) = e[0];
    *(Floats *)(p->scratch + 4 * (size_t)j + 16) = z[2][0];
  }
  for (uint32_t j = 0; j < layer->units; j++) {
    const int32_t sum = layer->start[4 * (size_t)j + 3] + _mm_extract_epi32(singleSums(3, layer->values, p->offset, resetRows, layer->mid[j], layer->ptr[j + 1]), 2);
    p->scratch[4 * (size_t)(j & ~15u) + 32 + (j & 15)] = (float)sum * layer->scale[4 * (size_t)j + 3] + layer->bias[4 * (size_t)j + 3];
  }
  for (uint32_t j = 0; j < layer->units; j += 16) {
    const float *block = p->scratch + 4 * (size_t)j;
    Floats y = *(const Floats *)(block + 16) + *(const Floats *)(block + 32);
    exp2s(1, &y);
    const Floats h = blend(*(const Floats *)block, y, *(const Floats *)(p->kept + j));
    *(Floats *)(p->kept + j) = h;
    putBytes(h, layer->units, j, p->h);
  }
}

static void g4RnnSingle(const G4Pass *p) {
  const G4Layer *layer = p->layer;
  for (uint32_t j = 0; j < layer->units; j++) p->scratch[j] = (float)(layer->start[j] + singleSum(layer->values, p->offset, (const char *)p->xh, layer->ptr[j], layer->ptr[j + 1])) * layer->scale[j] + layer->bias[j];
  for (uint32_t j = 0; j < layer->units; j += 16) {
    Floats e = *(const Floats *)(p->scratch + j);
    exp2s(1, &e);
    putBytes((1.f - e) * reciprocal(1.f + e), layer->units, j, p->h);
  }
}

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

typedef void Single(const G4Pass *);
static Single *const g4Singles[CELLS] = { g4LstmSingle, g4GruSingle, g4GruBeforeSingle, g4RnnSingle, NULL };
#endif
