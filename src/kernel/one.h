// The cells on one lane, in fp32. Units stand side by side in vectors, those with about as many sources, so a sum needs
// neither adding up across a vector nor guessing where a unit ends. c, and the h that a GRU blends, are kept in that order.
#pragma once
#include "side-rows.h"

// Sums of all units, four each, to the scratch: [blocks, SIDE_VECTORS] vectors. The gates come after all of them, as their
// chains are long and those of neighbouring blocks overlap.
INLINE void oneSums(const SideRows *rows, const size_t units, const float *x, float *to) {
  const uint16_t *source = rows->source;
  const float *w = (const float *)rows->values, *start = (const float *)rows->start;
  const uint32_t *ptr = rows->ptr;
  for (size_t b = 0; b * SIDE < units; b++, start += 4 * SIDE, to += 4 * SIDE) {
    const uint16_t *const end = rows->source + (size_t)SIDE * ptr[b + 1];
    Floats sums[SIDE_VECTORS];
    UNROLL for (int v = 0; v < SIDE_VECTORS; v++) sums[v] = *(const Floats *)(start + VW * v);
    for (; source < end; source += SIDE, w += 4 * SIDE) UNROLL for (int v = 0; v < SIDE_VECTORS; v += SIDE_FOURS) {
      Floats each[SIDE_FOURS];
      eachOfFour(x, source + VW / 4 * v, each);
      UNROLL for (int i = 0; i < SIDE_FOURS; i++) sums[v + i] += *(const Floats *)(w + VW * (v + i)) * each[i];
    }
    UNROLL for (int v = 0; v < SIDE_VECTORS; v++) *(Floats *)(to + VW * v) = sums[v];
  }
}

// One sum a unit.
INLINE void oneSum(const SideRows *rows, const size_t b, const float *x, Floats sums[SIDE_PARTS]) {
  const uint16_t *source = rows->source + (size_t)SIDE * rows->ptr[b], *const end = rows->source + (size_t)SIDE * rows->ptr[b + 1];
  const float *w = (const float *)rows->values + (size_t)SIDE * rows->ptr[b];
  Quad all[SIDE / 4];
  UNROLL for (int q = 0; q < SIDE / 4; q++) all[q] = *(const Quad *)((const float *)rows->start + SIDE * b + 4 * q);
  for (; source < end; source += SIDE, w += SIDE) UNROLL for (int q = 0; q < SIDE / 4; q++) all[q] += *(const Quad *)(w + 4 * q) * fourOf(x, source + 4 * q);
  UNROLL for (int q = 0; q < SIDE / 4; q++) ((Quad *)sums)[q] = all[q];
}

static __attribute__((noinline)) void lstmOne(const Pass *p) {
  const Side *const side = &p->layer->side;
  oneSums(&side->sums, p->layer->units, p->xh, p->scratch);
  BY_SIDE(p->layer->units, at, many) {
    Floats z[4][2], h[2];
    sideGates((const Floats *)(p->scratch + 4 * at), z);
    lstmGates(SIDE_PARTS, z, p->c + at, (float *)h);
    putUnits(h, side->unit + at, many, p->h);
  }
}

static __attribute__((noinline)) void gruOne(const Pass *p) {
  const Side *const side = &p->layer->side;
  oneSums(&side->sums, p->layer->units, p->xh, p->scratch);
  BY_SIDE(p->layer->units, at, many) {
    Floats z[4][2], r[2];
    sideGates((const Floats *)(p->scratch + 4 * at), z);
    gruGates(SIDE_PARTS, z, p->c + at, (float *)r, p->c + at);
    putUnits((const Floats *)(p->c + at), side->unit + at, many, p->h);
    putUnits(r, side->unit + at, many, p->reset);
  }
}

// As gruBeforePass. In the scratch of a block: e^z, then the inputs' part of n.
static __attribute__((noinline)) void gruBeforeOne(const Pass *p) {
  const Side *const side = &p->layer->side;
  const float *const resetRows = p->reset - p->layer->inputs;
  oneSums(&side->sums, p->layer->units, p->xh, p->scratch);
  BY_SIDE(p->layer->units, at, many) {
    Floats z[4][2], *const kept = (Floats *)(p->scratch + 4 * at);
    sideGates(kept, z);
    UNROLL for (int m = 0; m < SIDE_PARTS; m++) { kept[m] = z[0][m]; kept[SIDE_PARTS + m] = z[2][m]; }
    exp2s(SIDE_PARTS, kept);
    exp2s(SIDE_PARTS, z[1]);
    UNROLL for (int m = 0; m < SIDE_PARTS; m++) z[1][m] = ((const Floats *)(p->c + at))[m] * reciprocal(1.f + z[1][m]);
    putUnits(z[1], side->unit + at, many, p->reset);
  }
  BY_SIDE(p->layer->units, at, many) {
    const Floats *const kept = (const Floats *)(p->scratch + 4 * at);
    Floats y[2], *const h = (Floats *)(p->c + at);
    oneSum(&side->rest, at / SIDE, resetRows, y);
    UNROLL for (int m = 0; m < SIDE_PARTS; m++) y[m] += kept[SIDE_PARTS + m];
    exp2s(SIDE_PARTS, y);
    UNROLL for (int m = 0; m < SIDE_PARTS; m++) h[m] = blend(kept[m], y[m], h[m]);
    putUnits(h, side->unit + at, many, p->h);
  }
}

INLINE void rnnOne(const bool relu, const Pass *p) {
  const Side *const side = &p->layer->side;
  BY_SIDE(p->layer->units, at, many) {
    Floats h[2];
    oneSum(&side->sums, at / SIDE, p->xh, h);
    if (relu) { UNROLL for (int m = 0; m < SIDE_PARTS; m++) h[m] = larger(h[m], (Floats){0}); }
    else {
      exp2s(SIDE_PARTS, h);
      UNROLL for (int m = 0; m < SIDE_PARTS; m++) h[m] = (1.f - h[m]) * reciprocal(1.f + h[m]);
    }
    putUnits(h, side->unit + at, many, p->h);
  }
}
static __attribute__((noinline)) void rnnTanhOne(const Pass *p) { rnnOne(false, p); }
static __attribute__((noinline)) void rnnReluOne(const Pass *p) { rnnOne(true, p); }
static void (*const ones[CELLS])(const Pass *) = { lstmOne, gruOne, gruBeforeOne, rnnTanhOne, rnnReluOne };
