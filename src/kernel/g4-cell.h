// The inner loops over int8 groups of four: sums of whole numbers, then the gates of cell.h in fp32. Pass and gather are
// those of cell.h with rows of bytes.
#pragma once
#include "cell.h"
#include "g4.h"

// A row of four bytes a lane as the multiplication wants it, and a sum plus its product with four weights: of all lanes
// (dot), or each of its own (dots4; the second word of each lies `plane` vectors behind the first).
// Without VNNI: pairs of 16-bit numbers (pmaddwd). vpmaddubsw would need as many multiplications, as its sums of pairs
// are 16-bit and have to be widened by one more, and it saturates: 2 * 255 * 127 is beyond 32,767.
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define WORDS 1
typedef struct { Ints all; } Bytes;
INLINE Bytes bytesOf(Ints x) { return (Bytes){ x }; }
#if defined(__AVX512VNNI__)
INLINE Ints dot(Ints sum, Bytes x, const int32_t *w) { return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x.all, _mm512_set1_epi32(*w)); }
INLINE Ints dots4(Ints sum, Bytes x, const Ints *w, size_t plane) { (void)plane; return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x.all, (__m512i)*w); }
#else
INLINE Ints dot(Ints sum, Bytes x, const int32_t *w) { return (Ints)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)x.all, _mm256_set1_epi32(*w)); }
INLINE Ints dots4(Ints sum, Bytes x, const Ints *w, size_t plane) { (void)plane; return (Ints)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)x.all, (__m256i)*w); }
#endif
#elif defined(__SSE2__)
#define WORDS 2
typedef struct { Ints even, odd; } Bytes;
typedef uint16_t Shorts __attribute__((vector_size(4 * VW), may_alias));
INLINE Bytes bytesOf(Ints x) { return (Bytes){ x & 0x00ff00ff, (Ints)((Shorts)x >> 8) }; }
#if defined(__AVX2__)
#define PAIRS(x, w) (Ints)_mm256_madd_epi16((__m256i)(x), (__m256i)(w))
#else
#define PAIRS(x, w) (Ints)_mm_madd_epi16((__m128i)(x), (__m128i)(w))
#endif
INLINE Ints dot(Ints sum, Bytes x, const int32_t *w) { return sum + (PAIRS(x.even, (Ints){0} + w[0]) + PAIRS(x.odd, (Ints){0} + w[1])); }
INLINE Ints dots4(Ints sum, Bytes x, const Ints *w, size_t plane) { return sum + (PAIRS(x.even, w[0]) + PAIRS(x.odd, w[plane])); }
#else
#define WORDS 1
typedef struct { Ints byte[4]; } Bytes;
INLINE Bytes bytesOf(Ints x) { return (Bytes){ { x & 255, (x >> 8) & 255, (x >> 16) & 255, (x >> 24) & 255 } }; }
INLINE Ints dot(Ints sum, Bytes x, const int32_t *w) {
  UNROLL for (int i = 0; i < 4; i++) sum += x.byte[i] * (int32_t)((const int8_t *)w)[i];
  return sum;
}
INLINE Ints dots4(Ints sum, Bytes x, const Ints *w, size_t plane) {
  (void)plane;
  UNROLL for (int i = 0; i < 4; i++) sum += x.byte[i] * (*w << (24 - 8 * i) >> 24);
  return sum;
}
#endif

// h in [-1, 1] as 128 + the nearest of 127 h, halves to even: 1.5 * 2^23 + 128 brings it into the low bits.
INLINE Ints byteOf(Floats h) { return (Ints)(h * splat(127.f) + splat(12583040.f)) & 255; }

INLINE void dots(const int G, const int NV, Ints sums[4][NV_MAX], const int32_t *weights, const int32_t *row) {
  Bytes x[NV_MAX];
  UNROLL for (int v = 0; v < NV; v++) x[v] = bytesOf(*(const Ints *)(row + VW * v));
  UNROLL for (int g = 0; g < G; g++) UNROLL for (int v = 0; v < NV; v++) sums[g][v] = dot(sums[g][v], x[v], weights + WORDS * g);
}

INLINE void g4Start(const int G, const int NV, Ints sums[4][NV_MAX], const int32_t *start) {
  UNROLL for (int g = 0; g < G; g++) UNROLL for (int v = 0; v < NV; v++) sums[g][v] = (Ints){0} + start[g];
}

INLINE Floats g4Scaled(Ints sum, float scale, float bias) { return __builtin_convertvector(sum, Floats) * splat(scale) + splat(bias); }

// Groups k to end - 1 added to the sums; `row(k)` is the row of group k, S gates of weights a group, of which G count.
#define G4_SUM(G, S, NV, sums, values, k, end, row) do { \
    const int sets = G * NV >= 8 ? 1 : G * NV >= 3 ? 2 : 4; \
    if (sets > 1) { \
      Ints more[3][4][NV_MAX]; \
      UNROLL for (int s = 1; s < sets; s++) UNROLL for (int g = 0; g < G; g++) UNROLL for (int v = 0; v < NV; v++) more[s - 1][g][v] = (Ints){0}; \
      for (; k + (uint32_t)sets <= end; k += (uint32_t)sets) { \
        dots(G, NV, sums, values + WORDS * S * (size_t)k, row(k)); \
        UNROLL for (int s = 1; s < sets; s++) dots(G, NV, more[s - 1], values + WORDS * S * ((size_t)k + (size_t)s), row(k + (uint32_t)s)); \
      } \
      UNROLL for (int s = 1; s < sets; s++) UNROLL for (int g = 0; g < G; g++) UNROLL for (int v = 0; v < NV; v++) sums[g][v] += more[s - 1][g][v]; \
    } \
    for (; k < end; k++) dots(G, NV, sums, values + WORDS * S * (size_t)k, row(k)); \
  } while (0)

INLINE void g4Gather(const int G, const int S, const int NV, Ints sums[4][NV_MAX], const int32_t *values, const uint32_t *offset, const int32_t *rows, uint32_t k, const uint32_t end) {
#define ROW(k) (const int32_t *)((const char *)rows + offset[k])
  G4_SUM(G, S, NV, sums, values, k, end, ROW);
#undef ROW
}

// What a pass reads and writes, all at its first lane.
typedef struct {
  const G4Layer *layer;
  const uint32_t *offset;
  size_t lanes;
  const int32_t *xh;      // [inputRows + rows, lanes] x(t), h(t-1)
  int32_t *h;             // [rows, lanes] h(t)
  float *kept;            // [units, lanes]: c of the LSTM, h of the GRUs, which move by less than a byte's step
  float *reset;           // GRU: takes r(t) where this step is sampled, else NULL; [units, lanes]
  int32_t *resetRows;     // GRU_BEFORE: r(t) * h(t-1), [rows, lanes], with at least inputRows rows before it
  float *scratch;         // GRU_BEFORE: [2 units, lanes]; one lane: see g4-single.h
} G4Pass;

// Units by fours, as their h share a row: unit j = first + q adds its bytes to `packed`.
#define BEGIN_FOURS(NV, units) for (uint32_t first = 0; first < (units); first += 4) { \
    Ints packed[NV_MAX]; \
    UNROLL for (int v = 0; v < NV; v++) packed[v] = (Ints){0}; \
    for (uint32_t q = 0; q < 4 && first + q < (units); q++) { \
      const uint32_t j = first + q;
#define END_FOURS(NV, into) } \
    UNROLL for (int v = 0; v < NV; v++) *(Ints *)((into) + first / 4 * lanes + VW * v) = packed[v]; \
  }
// The byte of h, as that of unit q of four.
#define PACK(v, h) packed[v] |= byteOf(h) << (int)(8 * q)

INLINE void g4LstmPass(const int NV, const G4Pass *p) {
  const G4Layer *const layer = p->layer;
  const uint32_t *const ptr = layer->ptr, *const offset = p->offset;
  const float *const scale = layer->scale, *const bias = layer->bias;
  const int32_t *const values = layer->values, *const start = layer->start, *const xh = p->xh;
  const size_t lanes = p->lanes;
  float *const c = p->kept;
  int32_t *const to = p->h;
  BEGIN_FOURS(NV, layer->units)
    Ints sums[4][NV_MAX];
    g4Start(4, NV, sums, start + 4 * (size_t)j);
    g4Gather(4, 4, NV, sums, values, offset, xh, ptr[j], ptr[j + 1]);
#define GATES(N) { \
      Floats z[4][2], h[2]; \
      UNROLL for (int g = 0; g < 4; g++) UNROLL for (int n = 0; n < N; n++) z[g][n] = g4Scaled(sums[g][v + n], scale[4 * (size_t)j + g], bias[4 * (size_t)j + g]); \
      lstmGates(N, z, c + at, (float *)h); \
      UNROLL for (int n = 0; n < N; n++) PACK(v + n, h[n]); \
    }
    BY_TWO(NV, j, GATES)
#undef GATES
  END_FOURS(NV, to)
}

INLINE void g4GruPass(const int NV, const G4Pass *p) {
  const G4Layer *layer = p->layer;
  const uint32_t *ptr = layer->ptr, *mid = layer->mid;
  const size_t lanes = p->lanes;
  BEGIN_FOURS(NV, layer->units)
    const float *scale = layer->scale + 4 * (size_t)j, *bias = layer->bias + 4 * (size_t)j;
    Ints sums[4][NV_MAX], a[NV_MAX];
    g4Start(3, NV, sums, layer->start + 4 * (size_t)j);
    g4Gather(3, 3, NV, sums, layer->values, p->offset, p->xh, ptr[j], mid[j]);
    UNROLL for (int v = 0; v < NV; v++) { a[v] = sums[2][v]; sums[2][v] = (Ints){0} + layer->start[4 * (size_t)j + 3]; }
    g4Gather(3, 3, NV, sums, layer->values, p->offset, p->xh, mid[j], ptr[j + 1]);
#define GATES(N) { \
      Floats z[4][2], r[2]; \
      UNROLL for (int n = 0; n < N; n++) { \
        z[0][n] = g4Scaled(sums[0][v + n], scale[0], bias[0]); z[1][n] = g4Scaled(sums[1][v + n], scale[1], bias[1]); \
        z[2][n] = g4Scaled(a[v + n], scale[2], bias[2]); z[3][n] = g4Scaled(sums[2][v + n], scale[3], bias[3]); \
      } \
      gruGates(N, z, p->kept + at, (float *)r, p->kept + at); \
      UNROLL for (int n = 0; n < N; n++) PACK(v + n, *(const Floats *)(p->kept + at + VW * n)); \
      if (p->reset != NULL) UNROLL for (int n = 0; n < N; n++) *(Floats *)(p->reset + at + VW * n) = r[n]; \
    }
    BY_TWO(NV, j, GATES)
#undef GATES
  END_FOURS(NV, p->h)
}

// First z, r * h and the inputs' part of n of all units, then the rest of n over r * h.
INLINE void g4GruBeforePass(const int NV, const G4Pass *p) {
  const G4Layer *layer = p->layer;
  const uint32_t *ptr = layer->ptr, *mid = layer->mid;
  const size_t lanes = p->lanes, rows = layer->units * lanes;
  const int32_t *resetRows = p->resetRows - layer->inputRows * lanes;
  BEGIN_FOURS(NV, layer->units)
    const float *scale = layer->scale + 4 * (size_t)j, *bias = layer->bias + 4 * (size_t)j;
    Ints sums[4][NV_MAX];
    g4Start(3, NV, sums, layer->start + 4 * (size_t)j);
    g4Gather(3, 3, NV, sums, layer->values, p->offset, p->xh, ptr[j], mid[j]);
    g4Gather(2, 3, NV, sums, layer->values, p->offset, p->xh, mid[j], ptr[j + 1]);
#define GATES(N) { \
      Floats e[4]; \
      UNROLL for (int n = 0; n < N; n++) { e[n] = g4Scaled(sums[0][v + n], scale[0], bias[0]); e[N + n] = g4Scaled(sums[1][v + n], scale[1], bias[1]); } \
      exp2s(2 * N, e); \
      UNROLL for (int n = 0; n < N; n++) PACK(v + n, *(const Floats *)(p->kept + at + VW * n) * reciprocal(1.f + e[N + n])); \
      UNROLL for (int n = 0; n < N; n++) { *(Floats *)(p->scratch + at + VW * n) = e[n]; *(Floats *)(p->scratch + rows + at + VW * n) = g4Scaled(sums[2][v + n], scale[2], bias[2]); } \
    }
    BY_TWO(NV, j, GATES)
#undef GATES
  END_FOURS(NV, p->resetRows)
  BEGIN_FOURS(NV, layer->units)
    Ints sums[4][NV_MAX];
    g4Start(1, NV, sums, layer->start + 4 * (size_t)j + 3);
    g4Gather(1, 3, NV, sums, layer->values + 2 * WORDS, p->offset, resetRows, mid[j], ptr[j + 1]);
#define GATES(N) { \
      Floats y[2]; \
      UNROLL for (int n = 0; n < N; n++) y[n] = *(const Floats *)(p->scratch + rows + at + VW * n) + g4Scaled(sums[0][v + n], layer->scale[4 * (size_t)j + 3], layer->bias[4 * (size_t)j + 3]); \
      exp2s(N, y); \
      UNROLL for (int n = 0; n < N; n++) { \
        const Floats h = blend(*(const Floats *)(p->scratch + at + VW * n), y[n], *(const Floats *)(p->kept + at + VW * n)); \
        *(Floats *)(p->kept + at + VW * n) = h; \
        PACK(v + n, h); \
      } \
    }
    BY_TWO(NV, j, GATES)
#undef GATES
  END_FOURS(NV, p->h)
}

INLINE void g4RnnPass(const int NV, const G4Pass *p) {
  const G4Layer *layer = p->layer;
  const size_t lanes = p->lanes;
  BEGIN_FOURS(NV, layer->units)
    Ints sums[4][NV_MAX];
    Floats e[NV_MAX];
    g4Start(1, NV, sums, layer->start + j);
    g4Gather(1, 1, NV, sums, layer->values, p->offset, p->xh, layer->ptr[j], layer->ptr[j + 1]);
    UNROLL for (int v = 0; v < NV; v++) e[v] = g4Scaled(sums[0][v], layer->scale[j], layer->bias[j]);
    exp2s(NV, e);
    UNROLL for (int v = 0; v < NV; v++) PACK(v, (1.f - e[v]) * reciprocal(1.f + e[v]));
  END_FOURS(NV, p->h)
}
