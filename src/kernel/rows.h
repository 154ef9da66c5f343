// Memory of rows, and sequences laid out as columns of rows.
#pragma once
#include <stdlib.h>
#include <string.h>
#include "vector.h"

static float *zeroed(size_t floats) {
  const size_t bytes = (floats * sizeof(float) + 63) / 64 * 64;
  float *memory = aligned_alloc(64, bytes > 0 ? bytes : 64);
  if (memory != NULL) memset(memory, 0, bytes);
  return memory;
}

// Four lanes by four numbers at a time: numbers e to e + 3 of four rows become columns.
INLINE void transpose4(const float *const row[4], size_t e, float *to, size_t lanes) {
  Quad r[4];
  for (int i = 0; i < 4; i++) r[i] = *(const QuadLoose *)(row[i] + e);
  const Quad lo01 = PICK(QuadInts, r[0], r[1], 0, 4, 1, 5), hi01 = PICK(QuadInts, r[0], r[1], 2, 6, 3, 7);
  const Quad lo23 = PICK(QuadInts, r[2], r[3], 0, 4, 1, 5), hi23 = PICK(QuadInts, r[2], r[3], 2, 6, 3, 7);
  *(Quad *)(to) = PICK(QuadInts, lo01, lo23, 0, 1, 4, 5);
  *(Quad *)(to + lanes) = PICK(QuadInts, lo01, lo23, 2, 3, 6, 7);
  *(Quad *)(to + 2 * lanes) = PICK(QuadInts, hi01, hi23, 0, 1, 4, 5);
  *(Quad *)(to + 3 * lanes) = PICK(QuadInts, hi01, hi23, 2, 3, 6, 7);
}

// Four rows of n numbers become four neighbouring lanes of n rows.
INLINE void intoLanes(const float *const row[4], size_t n, float *to, size_t lanes) {
  size_t e = 0;
  for (; e + 4 <= n; e += 4) transpose4(row, e, to + e * lanes, lanes);
  for (; e < n; e++) for (int i = 0; i < 4; i++) to[e * lanes + i] = row[i][e];
}

// One lane of n rows becomes n numbers side by side, and back.
INLINE void fromLane(const float *lane, size_t n, size_t lanes, float *to) { for (size_t j = 0; j < n; j++) to[j] = lane[j * lanes]; }
INLINE void intoLane(const float *from, size_t n, size_t lanes, float *lane) { for (size_t j = 0; j < n; j++) lane[j * lanes] = from[j]; }
