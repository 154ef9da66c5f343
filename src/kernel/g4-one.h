// The cells on one lane, in int8: as one.h, over quads of bytes.
#pragma once
#include "side-rows.h"
#include "g4-cell.h"

// Sums of all units, four each, scaled, to the scratch: [blocks, SIDE_VECTORS] vectors.
INLINE void g4OneSums(const SideRows *rows, const size_t units, const int32_t *x, float *to) {
  const uint16_t *source = rows->source;
  const int32_t *w = (const int32_t *)rows->values;
  const Ints *start = (const Ints *)rows->start;
  const Floats *scale = (const Floats *)rows->scale, *bias = (const Floats *)rows->bias;
  for (size_t b = 0; b * SIDE < units; b++, start += SIDE_VECTORS, scale += SIDE_VECTORS, bias += SIDE_VECTORS, to += 4 * SIDE) {
    const uint16_t *const end = rows->source + (size_t)SIDE * rows->ptr[b + 1];
    Ints sums[SIDE_VECTORS];
    UNROLL for (int v = 0; v < SIDE_VECTORS; v++) sums[v] = start[v];
    for (; source < end; source += SIDE, w += WORDS * 4 * SIDE) UNROLL for (int v = 0; v < SIDE_VECTORS; v += SIDE_FOURS) {
      Floats each[SIDE_FOURS];
      eachOfFour((const float *)x, source + VW / 4 * v, each);
      UNROLL for (int i = 0; i < SIDE_FOURS; i++) sums[v + i] = dots4(sums[v + i], bytesOf((Ints)each[i]), (const Ints *)w + v + i, SIDE_VECTORS);
    }
    UNROLL for (int v = 0; v < SIDE_VECTORS; v++) *(Floats *)(to + VW * v) = __builtin_convertvector(sums[v], Floats) * scale[v] + bias[v];
  }
}

// One sum a unit.
INLINE void g4OneSum(const SideRows *rows, const size_t b, const int32_t *x, Floats sums[SIDE_PARTS]) {
  const uint16_t *source = rows->source + (size_t)SIDE * rows->ptr[b], *const end = rows->source + (size_t)SIDE * rows->ptr[b + 1];
  const int32_t *w = (const int32_t *)rows->values + WORDS * (size_t)SIDE * rows->ptr[b];
  const float *const scale = (const float *)rows->scale + SIDE * b, *const bias = (const float *)rows->bias + SIDE * b;
  Ints all[SIDE_PARTS];
  UNROLL for (int v = 0; v < SIDE_PARTS; v++) all[v] = *(const Ints *)((const int32_t *)rows->start + SIDE * b + VW * v);
  for (; source < end; source += SIDE, w += WORDS * SIDE) UNROLL for (int v = 0; v < SIDE_PARTS; v++) {
    union { Quad quads[VW / 4]; Ints all; } each;
    UNROLL for (int q = 0; q < VW / 4; q++) each.quads[q] = fourOf((const float *)x, source + VW * v + 4 * q);
    all[v] = dots4(all[v], bytesOf(each.all), (const Ints *)w + v, SIDE_PARTS);
  }
  UNROLL for (int v = 0; v < SIDE_PARTS; v++) sums[v] = __builtin_convertvector(all[v], Floats) * *(const Floats *)(scale + VW * v) + *(const Floats *)(bias + VW * v);
}

// The bytes of a block to where their units are in a row.
INLINE void putBytes(const Floats h[SIDE_PARTS], const uint32_t *unit, const size_t many, int32_t *row) {
  Ints bytes[SIDE_PARTS];
  UNROLL for (int v = 0; v < SIDE_PARTS; v++) bytes[v] = byteOf(h[v]);
  const int32_t *const numbers = (const int32_t *)bytes;
  if (many == SIDE) { UNROLL for (int i = 0; i < SIDE; i++) ((uint8_t *)row)[unit[i]] = (uint8_t)numbers[i]; }
  else for (size_t i = 0; i < many; i++) ((uint8_t *)row)[unit[i]] = (uint8_t)numbers[i];
}

static __attribute__((noinline)) void g4LstmOne(const G4Pass *p) {
  const Side *const side = &p->layer->side;
  g4OneSums(&side->sums, p->layer->units, p->xh, p->scratch);
  BY_SIDE(p->layer->units, at, many) {
    Floats z[4][2], h[2];
    sideGates((const Floats *)(p->scratch + 4 * at), z);
    lstmGates(SIDE_PARTS, z, p->kept + at, (float *)h);
    putBytes(h, side->unit + at, many, p->h);
  }
}

static __attribute__((noinline)) void g4GruOne(const G4Pass *p) {
  const Side *const side = &p->layer->side;
  g4OneSums(&side->sums, p->layer->units, p->xh, p->scratch);
  BY_SIDE(p->layer->units, at, many) {
    Floats z[4][2], r[2];
    sideGates((const Floats *)(p->scratch + 4 * at), z);
    gruGates(SIDE_PARTS, z, p->kept + at, (float *)r, p->kept + at);
    putBytes((const Floats *)(p->kept + at), side->unit + at, many, p->h);
    if (p->reset != NULL) putUnits(r, side->unit + at, many, p->reset);
  }
}

// In the scratch of a block: e^z, then the inputs' part of n.
static __attribute__((noinline)) void g4GruBeforeOne(const G4Pass *p) {
  const Side *const side = &p->layer->side;
  const int32_t *const resetRows = p->resetRows - p->layer->inputRows;
  g4OneSums(&side->sums, p->layer->units, p->xh, p->scratch);
  BY_SIDE(p->layer->units, at, many) {
    Floats z[4][2], *const kept = (Floats *)(p->scratch + 4 * at);
    sideGates(kept, z);
    UNROLL for (int m = 0; m < SIDE_PARTS; m++) { kept[m] = z[0][m]; kept[SIDE_PARTS + m] = z[2][m]; }
    exp2s(SIDE_PARTS, kept);
    exp2s(SIDE_PARTS, z[1]);
    UNROLL for (int m = 0; m < SIDE_PARTS; m++) z[1][m] = ((const Floats *)(p->kept + at))[m] * reciprocal(1.f + z[1][m]);
    putBytes(z[1], side->unit + at, many, p->resetRows);
  }
  BY_SIDE(p->layer->units, at, many) {
    const Floats *const kept = (const Floats *)(p->scratch + 4 * at);
    Floats y[2], *const h = (Floats *)(p->kept + at);
    g4OneSum(&side->rest, at / SIDE, resetRows, y);
    UNROLL for (int m = 0; m < SIDE_PARTS; m++) y[m] += kept[SIDE_PARTS + m];
    exp2s(SIDE_PARTS, y);
    UNROLL for (int m = 0; m < SIDE_PARTS; m++) h[m] = blend(kept[m], y[m], h[m]);
    putBytes(h, side->unit + at, many, p->h);
  }
}

static __attribute__((noinline)) void g4RnnOne(const G4Pass *p) {
  const Side *const side = &p->layer->side;
  BY_SIDE(p->layer->units, at, many) {
    Floats h[2];
    g4OneSum(&side->sums, at / SIDE, p->xh, h);
    exp2s(SIDE_PARTS, h);
    UNROLL for (int m = 0; m < SIDE_PARTS; m++) h[m] = (1.f - h[m]) * reciprocal(1.f + h[m]);
    putBytes(h, side->unit + at, many, p->h);
  }
}
static void (*const g4Ones[CELLS])(const G4Pass *) = { g4LstmOne, g4GruOne, g4GruBeforeOne, g4RnnOne, NULL };
