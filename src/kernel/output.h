// The output layer, four classes side by side, over [features, lanes] of h.
#pragma once
#include <string.h>
#include "cell.h"
#include "rank.h"

// Sums of block b: logits of the classes 4b to 4b + 3.
INLINE void outputSums(const int NV, const Model *model, const size_t lanes, const float *h, const uint32_t b, Floats z[4][NV_MAX]) {
  const uint32_t features = model->features;
  const float *weights = model->output + 4 * (size_t)b * features;
  startAt(4, NV, z, model->outputBias + 4 * (size_t)b);
  for (uint32_t k = 0; k < features; k++) accumulate(4, NV, z, weights + 4 * (size_t)k, h + k * lanes);
}

// The classes 4b to 4b + 3 join those before: label = argmax (the first of equals) and, with m the largest so far, the sum
// of 2^(z - m). Logits come in units of log 2, so the probability of the label is 1 / sum. Whatever overflowed, the label is one
// of the classes and the probability within [0, 1]: exp2s takes what is no number for a large one.
INLINE void join4(const int NV, const uint32_t b, Floats z[4][NV_MAX], Floats top[NV_MAX], Floats sum[NV_MAX], Ints best[NV_MAX]) {
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

// Labels and their probabilities of NV * VW lanes, the first of which is `lane`; `sums` gives the logits of a block of four
// classes. More labels than one go to a ranking, where it is not NULL: a constant.
#define LABELS(NV, outputs, label, probability, ranking, lane, sums) do { \
    Floats top[NV_MAX], sum[NV_MAX]; \
    Ints best[NV_MAX]; \
    UNROLL for (int v = 0; v < NV; v++) { top[v] = splat(LOGIT_NONE); sum[v] = (Floats){0}; best[v] = (Ints){0}; } \
    const uint32_t blocks = ((outputs) + 3) / 4; \
    for (uint32_t b = 0; b < blocks; b++) { \
      Floats z[4][NV_MAX]; \
      sums; \
      join4(NV, b, z, top, sum, best); \
      if ((ranking) != NULL) for (uint32_t g = 0; g < 4 && 4 * b + g < (outputs); g++) rankClass(ranking, lane, NV, z[g], (int32_t)(4 * b + g)); \
    } \
    UNROLL for (int v = 0; v < NV; v++) { \
      *(Ints *)((label) + VW * v) = best[v]; \
      *(Floats *)((probability) + VW * v) = smaller(1.f / sum[v], splat(1.f)); \
    } } while (0)

INLINE void labelPass(const int NV, const Model *model, const size_t lanes, const float *h, int32_t *label, float *probability, Ranking *ranking, size_t lane) {
  LABELS(NV, model->outputs, label, probability, ranking, lane, outputSums(NV, model, lanes, h, b, z));
}

// The numbers of a regression: [4 blocks, lanes].
INLINE void valuePass(const int NV, const Model *model, const size_t lanes, const float *h, float *values) {
  const uint32_t blocks = (model->outputs + 3) / 4;
  for (uint32_t b = 0; b < blocks; b++) {
    Floats z[4][NV_MAX];
    outputSums(NV, model, lanes, h, b, z);
    UNROLL for (int g = 0; g < 4; g++) UNROLL for (int v = 0; v < NV; v++) *(Floats *)(values + (4 * (size_t)b + g) * lanes + VW * v) = z[g][v];
  }
}
