// Sums of |h| and h^2 of every unit over the steps, from the bytes that a layer has just written. Whole numbers: units of
// 1/127 and of its square.
#pragma once
#include "g4-cell.h"

// Sums of so many steps of every lane fit 32 bits: 127^2 * LANES_MAX * G4_NOTED_STEPS < 2^31.
enum { G4_NOTED_STEPS = 1024 };

// Four units, as bytes: all bits of a lane that works, none of another. What is noted of four units are VW sums of |h|
// and VW of h^2, number i of which belongs to unit i % 4.
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__) || defined(__AVX2__)
#if defined(__AVX512VNNI__)
typedef __m512i Wide;
#define WIDE(name) _mm512_##name
#define BY_UNIT(x) _mm512_shuffle_epi8(x, _mm512_set4_epi32(0x0f0b0703, 0x0e0a0602, 0x0d090501, 0x0c080400))
#define FOUR_EACH(sum, a, b) _mm512_dpbusd_epi32(sum, a, b)
#define LIVE(a, live) _mm512_and_si512(a, live)
#else
typedef __m256i Wide;
#define WIDE(name) _mm256_##name
#define BY_UNIT(x) _mm256_shuffle_epi8(x, _mm256_setr_epi32(0x0c080400, 0x0d090501, 0x0e0a0602, 0x0f0b0703, 0x0c080400, 0x0d090501, 0x0e0a0602, 0x0f0b0703))
#define LIVE(a, live) _mm256_and_si256(a, live)
#if defined(__AVXVNNI__)
#define FOUR_EACH(sum, a, b) _mm256_dpbusd_avx_epi32(sum, a, b)
#else // 2 * 127^2 fits 16 bits
#define FOUR_EACH(sum, a, b) _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)))
#endif
#endif

// The four lanes of a unit come together, then four products are one sum.
INLINE void g4Four(const size_t vectors, const int32_t *h, const int32_t *live, int32_t *noted) {
  Wide sum = *(const Wide *)noted, squares = *(const Wide *)(noted + VW);
  for (size_t v = 0; v < vectors; v++) {
    const Wide bytes = WIDE(abs_epi8)(WIDE(add_epi8)(*(const Wide *)(h + VW * v), WIDE(set1_epi8)(-128)));
    const Wide a = BY_UNIT(LIVE(bytes, *(const Wide *)(live + VW * v)));
    sum = FOUR_EACH(sum, a, WIDE(set1_epi8)(1));
    squares = FOUR_EACH(squares, a, a);
  }
  *(Wide *)noted = sum;
  *(Wide *)(noted + VW) = squares;
}
#else
INLINE void g4Four(const size_t vectors, const int32_t *h, const int32_t *live, int32_t *noted) {
  for (size_t i = 0; i < vectors * VW; i++) for (int q = 0; q < 4 && live[i] != 0; q++) {
    const int32_t a = ((const uint8_t *)(h + i))[q] - 128;
    noted[q] += a < 0 ? -a : a;
    noted[VW + q] += a * a;
  }
}
#endif

// One lane: [2, units] plain.
static void g4NoteSingle(const uint8_t *h, size_t units, size_t room, int32_t *noted) {
  for (size_t j = 0; j < units; j++) {
    const int32_t a = h[j] - 128;
    noted[j] += a < 0 ? -a : a;
    noted[room + j] += a * a;
  }
}

// Numbers noted of a layer.
static inline size_t g4NotedOf(uint32_t units, size_t lanes) { return lanes == 1 ? 2 * (((size_t)units + 15) / 16 * 16) : 2 * VW * (size_t)quads(units); }

// The h [rows, lanes] of a step, of `active` lanes.
static void g4Note(const int32_t *h, uint32_t units, size_t lanes, size_t active, const int32_t *live, int32_t *noted) {
  if (lanes == 1) { g4NoteSingle((const uint8_t *)h, units, ((size_t)units + 15) / 16 * 16, noted); return; }
  const size_t vectors = (active + VW - 1) / VW;
  for (size_t row = 0; row < quads(units); row++) g4Four(vectors, h + row * lanes, live, noted + 2 * VW * row);
}

// What was noted of a layer, added to sums in the unit of h, and forgotten.
static void g4TakeNoted(int32_t *noted, uint32_t units, size_t lanes, double *sum, double *squares) {
  const double step = 1.0 / 127;
  for (size_t j = 0; j < units; j++) {
    const int32_t *of = lanes == 1 ? noted + j : noted + 2 * VW * (j / 4) + j % 4;
    const size_t apart = lanes == 1 ? ((size_t)units + 15) / 16 * 16 : VW, count = lanes == 1 ? 1 : VW / 4;
    for (size_t i = 0; i < count; i++) {
      sum[j] += step * of[4 * i];
      squares[j] += step * step * of[apart + 4 * i];
    }
  }
  memset(noted, 0, g4NotedOf(units, lanes) * sizeof *noted);
}
