// Four lanes, rows of four numbers: what stands side by side in a vector are the gates of the four. The sums of all units
// lie in a scratch, [units, 4, 4]; for the gates and for h and c, unit and lane are then one index, which is worked on
// 2 * VW at a time.
#pragma once
#include <string.h>
#include "cell.h"
#include "rows.h"

enum { PAIR = 2 * VW, L = FEW_LANES };

INLINE Quad loadQuad(const float *from) { return *(const QuadLoose *)from; }
INLINE Quad splatQuad(float x) { return x - (Quad){0}; }

// Sixteen: in as many vectors as it takes. eachOf: every number of a quad four times; repeated: a quad over a vector.
#if VW == 16
enum { VECTORS = 1 };
typedef Floats Sixteen[1];
INLINE void eachOf(Quad x, Sixteen to) { to[0] = _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3), _mm512_zextps128_ps512((__m128)x)); }
INLINE Floats repeated(const float *w) { return _mm512_broadcast_f32x4((__m128)loadQuad(w)); }
#elif VW == 8
enum { VECTORS = 2 };
typedef Floats Sixteen[2];
INLINE void eachOf(Quad x, Sixteen to) {
  to[0] = _mm256_permutevar8x32_ps(_mm256_zextps128_ps256((__m128)x), _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1));
  to[1] = _mm256_permutevar8x32_ps(_mm256_zextps128_ps256((__m128)x), _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3));
}
INLINE Floats repeated(const float *w) { return _mm256_broadcast_ps((const __m128 *)w); }
#else
enum { VECTORS = 4 };
typedef Floats Sixteen[4];
INLINE void eachOf(Quad x, Sixteen to) { UNROLL for (int q = 0; q < 4; q++) to[q] = splatQuad(x[q]); }
INLINE Floats repeated(const float *w) { return loadQuad(w); }
#endif

// The sums of the connections k to end - 1, a part from its start: a quad of gates for each lane.
INLINE void gatherQuads(const int S, const float *values, const uint16_t *source, const float *rows, uint32_t k, const uint32_t end, Quad to[4]) {
  const float *w = values + (size_t)S * k;
  const uint16_t *s = source + k, *const stop = source + end;
  Sixteen sums[2] = { { { 0 } } }, x;
  for (; s < stop; s += 2, w += 2 * S) UNROLL for (int i = 0; i < 2; i++) {
    const Floats quad = repeated(w + S * i);
    eachOf(*(const Quad *)(rows + 4 * (size_t)s[i]), x);
    UNROLL for (int v = 0; v < VECTORS; v++) sums[i][v] += quad * x[v];
  }
  UNROLL for (int v = 0; v < VECTORS; v++) sums[0][v] += sums[1][v];
  const Quad *q = (const Quad *)sums[0];
  UNROLL for (int l = 0; l < L; l++) to[l] = q[l];
}

// Whole pairs of vectors of `cells` = units * L numbers, and the numbers of a scratch of so many quads.
static inline size_t pairsOf(size_t cells) { return (cells + PAIR - 1) / PAIR * PAIR; }
static inline size_t scratchOf(size_t cells) { return 4 * pairsOf(cells); }

// The sums of the cells i to i + PAIR - 1 as vectors of gates.
INLINE void intoGates(const float *sums, size_t i, Floats z[4][2]) {
  UNROLL for (int u = 0; u < PAIR; u += 4) {
    const float *const from = sums + 4 * (i + (size_t)u), *const rows[4] = { from, from + 4, from + 8, from + 12 };
    transpose4(rows, 0, (float *)z + u, PAIR);
  }
}

INLINE void copyPair(void *to, const void *from, size_t n) {
  if (n == PAIR) memcpy(to, from, PAIR * sizeof(float));
  else memcpy(to, from, n * sizeof(float));
}
// As `note`, of the cells i to i + PAIR - 1: noted is [2, pairsOf(cells)], |h| and h^2 of each.
INLINE void noteFew(const Pass *p, const size_t cells, const size_t i, const Floats h[2]) {
  float *const sum = p->noted + i, *const squares = sum + pairsOf(cells);
  UNROLL for (int m = 0; m < 2; m++) {
    const Floats a = (Floats)((Ints)h[m] & *(const Ints *)(p->live + VW * m));
    *(Floats *)(sum + VW * m) += a;
    *(Floats *)(squares + VW * m) += a * a;
  }
}
#define BY_PAIR(cells, i, n) for (size_t i = 0, n; i < (cells) && (n = (cells) - i < PAIR ? (cells) - i : PAIR) > 0; i += PAIR)
// One lane: its units are put where they belong one by one, and are noted when they stand there.
INLINE void noteOne(const Pass *p) {
  BY_PAIR(p->layer->units, i, n) {
    Floats h[2] = { { 0 } };
    copyPair(h, p->h + i, n);
    noteFew(p, p->layer->units, i, h);
  }
}

INLINE void lstmFew(const Pass *p) {
  const Layer *const layer = p->layer;
  const uint32_t *const ptr = layer->ptr, *const end = layer->end;
  const uint16_t *const source = layer->near;
  const float *const values = layer->values, *const bias = layer->bias, *const xh = p->xh;
  const size_t units = layer->units;
  Quad *const scratch = (Quad *)p->scratch;
  for (size_t j = 0; j < units; j++) {
    Quad sums[4];
    gatherQuads(4, values, source, xh, ptr[j], end[j], sums);
    UNROLL for (int l = 0; l < L; l++) scratch[L * j + l] = loadQuad(bias + 4 * j) + sums[l];
  }
  BY_PAIR(units * L, i, n) {
    Floats z[4][2], c[2] = { { 0 } }, h[2];
    intoGates(p->scratch, i, z);
    copyPair(c, p->c + i, n);
    lstmGates(2, z, (float *)c, (float *)h);
    copyPair(p->c + i, c, n);
    copyPair(p->h + i, h, n);
    noteFew(p, units * L, i, h);
  }
}

// z, r, the inputs' part of n and the state's, all units.
INLINE void gruSums(const bool before, const Pass *p) {
  const Layer *const layer = p->layer;
  const uint32_t *const ptr = layer->ptr, *const pause = layer->pause, *const mid = layer->mid, *const end = layer->end;
  const uint16_t *const source = layer->near;
  const float *const values = layer->values, *const bias = layer->bias, *const xh = p->xh;
  const size_t units = layer->units;
  Quad *const scratch = (Quad *)p->scratch;
  for (size_t j = 0; j < units; j++) {
    Quad inputs[4], state[4];
    gatherQuads(3, values, source, xh, ptr[j], pause[j], inputs);
    gatherQuads(3, values, source, xh, mid[j], end[j], state);
    const float *const b = bias + (before ? 3 : 4) * j;
    const Quad start = { b[0], b[1], b[2], before ? 0 : b[3] };
    UNROLL for (int l = 0; l < L; l++) scratch[L * j + l] = start + (Quad){ inputs[l][0] + state[l][0], inputs[l][1] + state[l][1], inputs[l][2], state[l][2] };
  }
}

INLINE void gruFew(const Pass *p) {
  const float *const was = p->xh + L * p->layer->inputs;
  gruSums(false, p);
  BY_PAIR(p->layer->units * (size_t)L, i, n) {
    Floats z[4][2], before[2] = { { 0 } }, reset[2], h[2];
    intoGates(p->scratch, i, z);
    copyPair(before, was + i, n);
    gruGates(2, z, (const float *)before, (float *)reset, (float *)h);
    copyPair(p->reset + i, reset, n);
    copyPair(p->h + i, h, n);
    noteFew(p, p->layer->units * (size_t)L, i, h);
  }
}

// As gruBeforePass: z, r * h and the inputs' part of n first, then the rest of n over r * h.
INLINE void gruBeforeFew(const Pass *p) {
  const Layer *const layer = p->layer;
  const size_t units = layer->units;
  const float *const was = p->xh + L * layer->inputs, *const resetRows = p->reset - L * layer->inputs;
  gruSums(true, p);
  BY_PAIR(units * L, i, n) {
    Floats z[4][2], before[2] = { { 0 } };
    intoGates(p->scratch, i, z);
    copyPair(before, was + i, n);
    exp2s(2, z[1]);
    UNROLL for (int m = 0; m < 2; m++) before[m] = before[m] * reciprocal(1.f + z[1][m]);
    copyPair(p->reset + i, before, n);
  }
  for (size_t j = 0; j < units; j++) {
    Quad state[4];
    gatherQuads(3, layer->values, layer->near, resetRows, layer->mid[j], layer->end[j], state);
    UNROLL for (int l = 0; l < L; l++) p->scratch[4 * (L * j + l) + 2] += state[l][2];
  }
  BY_PAIR(units * L, i, n) {
    Floats z[4][2], before[2] = { { 0 } };
    intoGates(p->scratch, i, z);
    copyPair(before, was + i, n);
    exp2s(2, z[0]);
    exp2s(2, z[2]);
    UNROLL for (int m = 0; m < 2; m++) before[m] = blend(z[0][m], z[2][m], before[m]);
    copyPair(p->h + i, before, n);
    noteFew(p, units * L, i, before);
  }
}

// One weight a connection.
INLINE void gatherNumbers(const float *values, const uint16_t *source, const float *rows, uint32_t k, const uint32_t end, float *to) {
  Quad sums[2] = { { 0 }, { 0 } };
  for (; k < end; k += 2) UNROLL for (uint32_t i = 0; i < 2; i++) sums[i] += values[k + i] * *(const Quad *)(rows + 4 * (size_t)source[k + i]);
  *(Quad *)to += sums[0] + sums[1];
}

INLINE void rnnFew(const bool relu, const Pass *p) {
  const Layer *const layer = p->layer;
  const size_t units = layer->units;
  float *const z = p->scratch;
  for (size_t j = 0; j < units; j++) {
    for (int l = 0; l < L; l++) z[L * j + l] = layer->bias[j];
    gatherNumbers(layer->values, layer->near, p->xh, layer->ptr[j], layer->end[j], z + L * j);
  }
  BY_PAIR(units * L, i, n) {
    Floats h[2] = { *(const Floats *)(z + i), *(const Floats *)(z + i + VW) };
    if (relu) { UNROLL for (int m = 0; m < 2; m++) h[m] = larger(h[m], (Floats){0}); }
    else {
      exp2s(2, h);
      UNROLL for (int m = 0; m < 2; m++) h[m] = (1.f - h[m]) * reciprocal(1.f + h[m]);
    }
    copyPair(p->h + i, h, n);
    noteFew(p, units * L, i, h);
  }
}

static __attribute__((noinline)) void lstmFour(const Pass *p) { lstmFew(p); }
static __attribute__((noinline)) void gruFour(const Pass *p) { gruFew(p); }
static __attribute__((noinline)) void gruBeforeFour(const Pass *p) { gruBeforeFew(p); }
static __attribute__((noinline)) void rnnTanhFour(const Pass *p) { rnnFew(false, p); }
static __attribute__((noinline)) void rnnReluFour(const Pass *p) { rnnFew(true, p); }
static void (*const fours[CELLS])(const Pass *) = { lstmFour, gruFour, gruBeforeFour, rnnTanhFour, rnnReluFour };
