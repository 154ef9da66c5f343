// The two inner loops. NV vectors of VW lanes stand side by side; NV is a constant at every call and disappears.
#pragma once
#include "kernel.h"
#include "vector.h"

// sums[g][v] += weights[g] * row[v]: one connection (four gates), or one hidden unit for four classes.
INLINE void accumulate(const int NV, Floats sums[4][NV_MAX], const float *weights, const float *row) {
  Floats x[NV_MAX];
  UNROLL for (int v = 0; v < NV; v++) x[v] = *(const Floats *)(row + VW * v);
  UNROLL for (int g = 0; g < 4; g++) {
    const Floats w = splat(weights[g]);
    UNROLL for (int v = 0; v < NV; v++) sums[g][v] += w * x[v];
  }
}

INLINE void startAt(const int NV, Floats sums[4][NV_MAX], const float *bias) {
  UNROLL for (int g = 0; g < 4; g++) UNROLL for (int v = 0; v < NV; v++) sums[g][v] = splat(bias[g]);
}

// N vectors of gates to c and h. z holds exponents of two: with e = 2^z, sigmoid = 1 / (1 + e) and, for gate g,
// tanh = (1 - e) / (1 + e). c' = f c + i g and h = o tanh(c') each take one reciprocal.
INLINE void gates(const int N, Floats z[4][2], float *c, float *h) {
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

// One step of the layer for NV * VW lanes out of rows of `lanes` floats. xh: [inputs + units, lanes], c and h: [units, lanes].
INLINE void cellPass(const int NV, const Model *model, const uint32_t *offset, const size_t lanes, const float *xh, float *c, float *h) {
  const uint32_t *ptr = model->ptr;
  for (uint32_t j = 0; j < model->units; j++) {
    Floats sums[4][NV_MAX];
    startAt(NV, sums, model->bias + 4 * (size_t)j);
    uint32_t k = ptr[j];
    const uint32_t end = ptr[j + 1];
    if (NV == 1) { // a second set of sums: four alone would wait for one another
      Floats more[4][NV_MAX];
      UNROLL for (int g = 0; g < 4; g++) more[g][0] = (Floats){0};
      for (; k + 2 <= end; k += 2) {
        accumulate(NV, sums, model->values + 4 * (size_t)k, (const float *)((const char *)xh + offset[k]));
        accumulate(NV, more, model->values + 4 * (size_t)k + 4, (const float *)((const char *)xh + offset[k + 1]));
      }
      UNROLL for (int g = 0; g < 4; g++) sums[g][0] += more[g][0];
    }
    for (; k < end; k++) accumulate(NV, sums, model->values + 4 * (size_t)k, (const float *)((const char *)xh + offset[k]));
    UNROLL for (int v = 0; v < NV; v += 2) {
      const size_t at = (size_t)j * lanes + VW * v;
      Floats z[4][2];
      UNROLL for (int g = 0; g < 4; g++) {
        z[g][0] = sums[g][v];
        if (v + 1 < NV) z[g][1] = sums[g][v + 1];
      }
      if (v + 1 < NV) gates(2, z, c + at, h + at);
      else gates(1, z, c + at, h + at);
    }
  }
}

// The output layer for NV * VW lanes: label = argmax (the first of equals) and its soft-max probability. Logits come in
// units of log 2, so with m the largest, p = 1 / sum 2^(z - m); the sum is kept relative to the largest so far.
INLINE void outputPass(const int NV, const Model *model, const size_t lanes, const float *h, int32_t *label, float *probability) {
  Floats top[NV_MAX], sum[NV_MAX];
  Ints best[NV_MAX];
  UNROLL for (int v = 0; v < NV; v++) { top[v] = splat(-3e38f); sum[v] = (Floats){0}; best[v] = (Ints){0}; }
  const uint32_t blocks = (model->outputs + 3) / 4;
  for (uint32_t b = 0; b < blocks; b++) {
    Floats z[4][NV_MAX];
    startAt(NV, z, model->outputBias + 4 * (size_t)b);
    const float *weights = model->output + 4 * (size_t)b * model->units;
    for (uint32_t k = 0; k < model->units; k++) accumulate(NV, z, weights + 4 * (size_t)k, h + k * lanes);
    UNROLL for (int v = 0; v < NV; v++) {
      const Floats before = top[v];
      UNROLL for (int g = 0; g < 4; g++) {
        best[v] = whereLarger(z[g][v], top[v], (Ints){0} + (int32_t)(4 * b + g), best[v]);
        top[v] = larger(z[g][v], top[v]);
      }
      Floats e[5] = { before - top[v], z[0][v] - top[v], z[1][v] - top[v], z[2][v] - top[v], z[3][v] - top[v] };
      exp2s(5, e);
      sum[v] = sum[v] * e[0] + ((e[1] + e[2]) + (e[3] + e[4]));
    }
  }
  UNROLL for (int v = 0; v < NV; v++) {
    *(Ints *)(label + VW * v) = best[v];
    *(Floats *)(probability + VW * v) = 1.f / sum[v];
  }
}
