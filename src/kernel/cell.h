// The inner loops. NV vectors of VW lanes stand side by side; NV and the number of gates G are constants at every call
// and disappear. Rows are `lanes` floats apart.
#pragma once
#include "kernel.h"
#include "vector.h"

// sums[g][v] += weights[g] * row[v]: one connection (G gates), or one hidden unit for four classes.
INLINE void accumulate(const int G, const int NV, Floats sums[4][NV_MAX], const float *weights, const float *row) {
  Floats x[NV_MAX];
  UNROLL for (int v = 0; v < NV; v++) x[v] = *(const Floats *)(row + VW * v);
  UNROLL for (int g = 0; g < G; g++) {
    const Floats w = splat(weights[g]);
    UNROLL for (int v = 0; v < NV; v++) sums[g][v] += w * x[v];
  }
}

INLINE void startAt(const int G, const int NV, Floats sums[4][NV_MAX], const float *bias) {
  UNROLL for (int g = 0; g < G; g++) UNROLL for (int v = 0; v < NV; v++) sums[g][v] = splat(bias[g]);
}

// Connections k to end - 1 added to the sums; S weights a connection, of which the G at `values` count.
INLINE void gather(const int G, const int S, const int NV, Floats sums[4][NV_MAX], const float *values, const uint32_t *offset, const float *rows, uint32_t k, const uint32_t end) {
  // Few chains of additions would wait for one another. By G alone, so that a lane's sums are the same to the bit however many lanes work.
  const int sets = G >= 4 ? 1 : G >= 2 ? 2 : 4;
#define CONNECTION(into, k) accumulate(G, NV, into, values + S * (size_t)(k), (const float *)((const char *)rows + offset[k]))
  if (sets > 1) {
    Floats more[3][4][NV_MAX];
    UNROLL for (int s = 1; s < sets; s++) UNROLL for (int g = 0; g < G; g++) UNROLL for (int v = 0; v < NV; v++) more[s - 1][g][v] = (Floats){0};
    for (; k + (uint32_t)sets <= end; k += (uint32_t)sets) {
      CONNECTION(sums, k);
      UNROLL for (int s = 1; s < sets; s++) CONNECTION(more[s - 1], k + (uint32_t)s);
    }
    UNROLL for (int s = 1; s < sets; s++) UNROLL for (int g = 0; g < G; g++) UNROLL for (int v = 0; v < NV; v++) sums[g][v] += more[s - 1][g][v];
  }
  for (; k < end; k++) CONNECTION(sums, k);
#undef CONNECTION
}

// What a pass reads and writes, all at its first lane.
typedef struct {
  const Layer *layer;
  const uint32_t *offset; // of the lane width
  size_t lanes;
  const float *xh;        // [inputs + units, lanes] x(t), h(t-1)
  float *h;               // [units, lanes] h(t)
  float *c;               // LSTM: [units, lanes]
  float *reset;           // GRU: r(t), GRU_BEFORE: r(t) * h(t-1); [units, lanes], with at least `inputs` rows before it
  float *scratch;         // GRU_BEFORE: [2 units, lanes]
  const int32_t *live;    // [lanes, PAIR at least] all bits but the sign's where a lane works, else none
  float *noted;           // blocks: [units, VW] sums of |h| in VW / 2 parts, then of h^2; few lanes: see few.h
} Pass;

// The h of unit j, all lanes that work, added to what is noted of it. Right behind its gates, which are one long chain, this
// would cost 13 % of a block of 16 lanes: so it comes a unit late, between sums and gates of the next, and where there are few
// vectors after all units (noteRest).
INLINE void note(const int NV, const Pass *p, const size_t j) {
  const float *const h = p->h + j * p->lanes;
  Floats sum = { 0 }, squares = { 0 };
  UNROLL for (int v = 0; v < NV; v++) {
    const Floats a = (Floats)(*(const Ints *)(h + VW * v) & *(const Ints *)(p->live + VW * v));
    sum += a;
    squares += a * a;
  }
  *(Floats *)(p->noted + VW * j) += halved(sum, squares);
}
INLINE void noteRest(const int NV, const Pass *p) { for (size_t j = NV > 2 ? p->layer->units - 1 : 0; j < p->layer->units; j++) note(NV, p, j); }

// Two vectors at a time, so that the chains of two overlap and the registers suffice.
#define BY_TWO(NV, j, step) UNROLL for (int v = 0; v < NV; v += 2) { \
    const size_t at = (size_t)(j) * lanes + VW * v; \
    if (v + 1 < NV) step(2) \
    else step(1) \
  }

// N vectors of gates to c and h. z holds exponents of two: with e = 2^z, sigmoid = 1 / (1 + e) and, for gate g,
// tanh = (1 - e) / (1 + e). c' = f c + i g and h = o tanh(c') each take one reciprocal.
INLINE void lstmGates(const int N, Floats z[4][2], float *c, float *h) {
  Floats e[8], a[2], b[2], t[2];
  UNROLL for (int g = 0; g < 4; g++) UNROLL for (int n = 0; n < N; n++) e[g * N + n] = z[g][n];
  exp2s(4 * N, e);
  UNROLL for (int n = 0; n < N; n++) a[n] = (1.f + e[n]) * (1.f + e[2 * N + n]);
  UNROLL for (int n = 0; n < N; n++) b[n] = 1.f + e[N + n];
  UNROLL for (int n = 0; n < N; n++) t[n] = (*(Floats *)(c + VW * n) * a[n] + (1.f - e[2 * N + n]) * b[n]) * reciprocal(a[n] * b[n]);
  UNROLL for (int n = 0; n < N; n++) *(Floats *)(c + VW * n) = t[n];
  UNROLL for (int n = 0; n < N; n++) t[n] = t[n] * splat(-2.88539008f);
  exp2s(N, t);
  UNROLL for (int n = 0; n < N; n++) *(Floats *)(h + VW * n) = (1.f - t[n]) * reciprocal((1.f + e[3 * N + n]) * (1.f + t[n]));
}

INLINE void lstmPass(const int NV, const Pass *p) {
  const uint32_t *const ptr = p->layer->ptr, *const end = p->layer->end, *const offset = p->offset, units = p->layer->units;
  const float *const values = p->layer->values, *const bias = p->layer->bias, *const xh = p->xh;
  const size_t lanes = p->lanes;
  float *const c = p->c, *const h = p->h;
  for (uint32_t j = 0; j < units; j++) {
    Floats sums[4][NV_MAX];
    startAt(4, NV, sums, bias + 4 * (size_t)j);
    gather(4, 4, NV, sums, values, offset, xh, ptr[j], end[j]);
    if (NV > 2 && j > 0) note(NV, p, j - 1);
#define GATES(N) { Floats z[4][2]; UNROLL for (int g = 0; g < 4; g++) UNROLL for (int n = 0; n < N; n++) z[g][n] = sums[g][v + n]; lstmGates(N, z, c + at, h + at); }
    BY_TWO(NV, j, GATES)
#undef GATES
  }
  noteRest(NV, p);
}

// h' = z h + (1 - z) n = h + (1 - z) (n - h) out of e = 2^(sum of z) and y = 2^(sum of n): h + e ((1 - y) - h (1 + y)) /
// ((1 + e) (1 + y)). In this form a gate that keeps (e = 0) keeps h to the bit, over any number of steps.
INLINE Floats blend(Floats e, Floats y, Floats h) { return h + e * ((1.f - y) - h * (1.f + y)) * reciprocal((1.f + e) * (1.f + y)); }

// n = tanh(a + r b): a from the inputs, b from the state.
INLINE void gruGates(const int N, Floats z[4][2], const float *was, float *reset, float *h) {
  Floats e[4], y[2], r[2];
  UNROLL for (int g = 0; g < 2; g++) UNROLL for (int n = 0; n < N; n++) e[g * N + n] = z[g][n];
  exp2s(2 * N, e);
  UNROLL for (int n = 0; n < N; n++) r[n] = reciprocal(1.f + e[N + n]);
  UNROLL for (int n = 0; n < N; n++) *(Floats *)(reset + VW * n) = r[n];
  UNROLL for (int n = 0; n < N; n++) y[n] = z[2][n] + r[n] * z[3][n];
  exp2s(N, y);
  UNROLL for (int n = 0; n < N; n++) *(Floats *)(h + VW * n) = blend(e[n], y[n], *(const Floats *)(was + VW * n));
}

INLINE void gruPass(const int NV, const Pass *p) {
  const Layer *layer = p->layer;
  const uint32_t *ptr = layer->ptr, *pause = layer->pause, *mid = layer->mid, *end = layer->end;
  const size_t lanes = p->lanes;
  const float *was = p->xh + layer->inputs * lanes;
  for (uint32_t j = 0; j < layer->units; j++) {
    Floats sums[4][NV_MAX], a[NV_MAX];
    startAt(3, NV, sums, layer->bias + 4 * (size_t)j);
    gather(3, 3, NV, sums, layer->values, p->offset, p->xh, ptr[j], pause[j]);
    UNROLL for (int v = 0; v < NV; v++) { a[v] = sums[2][v]; sums[2][v] = splat(layer->bias[4 * (size_t)j + 3]); }
    gather(3, 3, NV, sums, layer->values, p->offset, p->xh, mid[j], end[j]);
    if (NV > 2 && j > 0) note(NV, p, j - 1);
#define GATES(N) { \
      Floats z[4][2]; \
      UNROLL for (int n = 0; n < N; n++) { z[0][n] = sums[0][v + n]; z[1][n] = sums[1][v + n]; z[2][n] = a[v + n]; z[3][n] = sums[2][v + n]; } \
      gruGates(N, z, was + at, p->reset + at, p->h + at); \
    }
    BY_TWO(NV, j, GATES)
#undef GATES
  }
  noteRest(NV, p);
}

// The candidate needs r of all units: first z, r * h and the inputs' part of n, then the rest of n over r * h.
INLINE void gruBeforePass(const int NV, const Pass *p) {
  const Layer *layer = p->layer;
  const uint32_t *ptr = layer->ptr, *pause = layer->pause, *mid = layer->mid, *end = layer->end;
  const size_t lanes = p->lanes, rows = layer->units * lanes;
  const float *was = p->xh + layer->inputs * lanes, *resetRows = p->reset - layer->inputs * lanes;
  for (uint32_t j = 0; j < layer->units; j++) {
    Floats sums[4][NV_MAX];
    startAt(3, NV, sums, layer->bias + 3 * (size_t)j);
    gather(3, 3, NV, sums, layer->values, p->offset, p->xh, ptr[j], pause[j]);
    gather(2, 3, NV, sums, layer->values, p->offset, p->xh, mid[j], end[j]);
#define GATES(N) { \
      Floats e[4]; \
      UNROLL for (int n = 0; n < N; n++) { e[n] = sums[0][v + n]; e[N + n] = sums[1][v + n]; } \
      exp2s(2 * N, e); \
      UNROLL for (int n = 0; n < N; n++) *(Floats *)(p->reset + at + VW * n) = *(const Floats *)(was + at + VW * n) * reciprocal(1.f + e[N + n]); \
      UNROLL for (int n = 0; n < N; n++) { *(Floats *)(p->scratch + at + VW * n) = e[n]; *(Floats *)(p->scratch + rows + at + VW * n) = sums[2][v + n]; } \
    }
    BY_TWO(NV, j, GATES)
#undef GATES
  }
  for (uint32_t j = 0; j < layer->units; j++) {
    Floats sums[4][NV_MAX];
    UNROLL for (int v = 0; v < NV; v++) sums[0][v] = *(const Floats *)(p->scratch + rows + j * lanes + VW * v);
    gather(1, 3, NV, sums, layer->values + 2, p->offset, resetRows, mid[j], end[j]);
    if (NV > 2 && j > 0) note(NV, p, j - 1);
#define GATES(N) { \
      Floats y[2]; \
      UNROLL for (int n = 0; n < N; n++) y[n] = sums[0][v + n]; \
      exp2s(N, y); \
      UNROLL for (int n = 0; n < N; n++) *(Floats *)(p->h + at + VW * n) = blend(*(const Floats *)(p->scratch + at + VW * n), y[n], *(const Floats *)(was + at + VW * n)); \
    }
    BY_TWO(NV, j, GATES)
#undef GATES
  }
  noteRest(NV, p);
}

INLINE void rnnPass(const bool relu, const int NV, const Pass *p) {
  const Layer *layer = p->layer;
  const uint32_t *ptr = layer->ptr, *end = layer->end;
  const size_t lanes = p->lanes;
  for (uint32_t j = 0; j < layer->units; j++) {
    Floats sums[4][NV_MAX];
    startAt(1, NV, sums, layer->bias + j);
    gather(1, 1, NV, sums, layer->values, p->offset, p->xh, ptr[j], end[j]);
    if (NV > 2 && j > 0) note(NV, p, j - 1);
    if (!relu) {
      exp2s(NV, sums[0]);
      UNROLL for (int v = 0; v < NV; v++) sums[0][v] = (1.f - sums[0][v]) * reciprocal(1.f + sums[0][v]);
    }
    UNROLL for (int v = 0; v < NV; v++) *(Floats *)(p->h + j * lanes + VW * v) = relu ? larger(sums[0][v], (Floats){0}) : sums[0][v];
  }
  noteRest(NV, p);
}
