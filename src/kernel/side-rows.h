// What both precisions share on one lane: gathering by sources, and sums of units into vectors of gates.
#pragma once
#include <string.h>
#include "cell.h"
#include "rows.h"
#include "side.h"

// SIDE units stand side by side; their sums are SIDE_VECTORS vectors, their gates SIDE / VW vectors each.
enum { SIDE = VW == 4 ? 8 : 16, SIDE_VECTORS = 4 * SIDE / VW, SIDE_PARTS = SIDE / VW };

// Four sources. One load brings all of them: loads are what these loops wait for.
INLINE void fourSources(const uint16_t *source, size_t k[4]) {
#if defined(__x86_64__)
  uint64_t all;
  memcpy(&all, source, sizeof all);
  k[0] = all & 0xffff; k[1] = all >> 16 & 0xffff; k[2] = all >> 32 & 0xffff; k[3] = all >> 48;
#else
  UNROLL for (int i = 0; i < 4; i++) k[i] = source[i];
#endif
}

// The numbers (of 32 bits) of as many sources as a quad of each fills vectors: VW / 4 of them in every vector, each four times.
enum { SIDE_FOURS = VW == 16 ? 1 : VW == 8 ? 2 : 4 }; // vectors of four sources
INLINE void eachOfFour(const float *x, const uint16_t *source, Floats to[SIDE_FOURS]) {
  size_t k[4];
  fourSources(source, k);
#if VW == 16
  to[0] = _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3), _mm512_castps128_ps512(_mm_setr_ps(x[k[0]], x[k[1]], x[k[2]], x[k[3]])));
#elif VW == 8
  UNROLL for (int i = 0; i < 2; i++) to[i] = _mm256_blend_ps(_mm256_broadcast_ss(x + k[2 * i]), _mm256_broadcast_ss(x + k[2 * i + 1]), 0xf0);
#else
  UNROLL for (int i = 0; i < 4; i++) to[i] = (Floats)((Ints){0} + ((const int32_t *)x)[k[i]]); // bits, whatever they mean
#endif
}

INLINE Quad fourOf(const float *x, const uint16_t *source) {
  size_t k[4];
  fourSources(source, k);
  return (Quad){ x[k[0]], x[k[1]], x[k[2]], x[k[3]] };
}

// Sums in the order of slotOf (side.c) become gates: z[g][v], units VW v to VW v + VW - 1 of the block.
INLINE void sideGates(const Floats sums[SIDE_VECTORS], Floats z[4][2]) {
#if VW == 4
  UNROLL for (int v = 0; v < SIDE_PARTS; v++) {
    const float *const rows[4] = { (const float *)(sums + 4 * v), (const float *)(sums + 4 * v + 1), (const float *)(sums + 4 * v + 2), (const float *)(sums + 4 * v + 3) };
    transpose4(rows, 0, (float *)z + VW * v, 2 * VW);
  }
#else
#if VW == 16
#define LOW(a, b) _mm512_unpacklo_ps(a, b)
#define HIGH(a, b) _mm512_unpackhi_ps(a, b)
#define LOWS(a, b) (Floats)_mm512_unpacklo_pd((__m512d)(a), (__m512d)(b))
#define HIGHS(a, b) (Floats)_mm512_unpackhi_pd((__m512d)(a), (__m512d)(b))
#else
#define LOW(a, b) _mm256_unpacklo_ps(a, b)
#define HIGH(a, b) _mm256_unpackhi_ps(a, b)
#define LOWS(a, b) (Floats)_mm256_unpacklo_pd((__m256d)(a), (__m256d)(b))
#define HIGHS(a, b) (Floats)_mm256_unpackhi_pd((__m256d)(a), (__m256d)(b))
#endif
  UNROLL for (int v = 0; v < SIDE_PARTS; v++) {
    const Floats *s = sums + 4 * v;
    const Floats low = LOW(s[0], s[1]), lows = LOW(s[2], s[3]), high = HIGH(s[0], s[1]), highs = HIGH(s[2], s[3]);
    z[0][v] = LOWS(low, lows); z[1][v] = HIGHS(low, lows); z[2][v] = LOWS(high, highs); z[3][v] = HIGHS(high, highs);
  }
#undef LOW
#undef HIGH
#undef LOWS
#undef HIGHS
#endif
}

// Numbers of a block to where their units are in a row.
INLINE void putUnits(const Floats from[SIDE_PARTS], const uint32_t *unit, const size_t many, float *row) {
  const float *numbers = (const float *)from;
  if (many == SIDE) { UNROLL for (int i = 0; i < SIDE; i++) row[unit[i]] = numbers[i]; }
  else for (size_t i = 0; i < many; i++) row[unit[i]] = numbers[i];
}

// Blocks of units: from `at` on so many.
#define BY_SIDE(units, at, many) for (size_t at = 0, many; at < (units) && (many = (units) - at < SIDE ? (units) - at : SIDE) > 0; at += SIDE)
