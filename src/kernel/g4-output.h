// The output layer in int8, four classes side by side, over rows of the bytes of h.
#pragma once
#include "g4-cell.h"
#include "output.h"

// Logits of the classes 4b to 4b + 3.
INLINE void g4OutputSums(const int NV, const struct G4 *g4, const size_t lanes, const int32_t *h, const uint32_t b, Floats z[4][NV_MAX]) {
  const int32_t *weights = g4->output + (size_t)WORDS * 4 * b * g4->featureRows;
  const uint32_t end = g4->featureRows;
  uint32_t k = 0;
  Ints sums[4][NV_MAX];
  g4Start(4, NV, sums, g4->outputStart + 4 * (size_t)b);
#define ROW(k) h + (k) * lanes
  G4_SUM(4, 4, NV, sums, weights, k, end, ROW);
#undef ROW
  UNROLL for (int g = 0; g < 4; g++) UNROLL for (int v = 0; v < NV; v++) z[g][v] = g4Scaled(sums[g][v], g4->outputScale[4 * (size_t)b + g], g4->outputBias[4 * (size_t)b + g]);
}

INLINE void g4LabelPass(const int NV, const Model *model, const size_t lanes, const int32_t *h, int32_t *label, float *probability, Ranking *ranking, size_t lane) {
  LABELS(NV, model->outputs, label, probability, ranking, lane, g4OutputSums(NV, model->g4, lanes, h, b, z));
}

INLINE void g4ValuePass(const int NV, const Model *model, const size_t lanes, const int32_t *h, float *values) {
  for (uint32_t b = 0; b < (model->outputs + 3) / 4; b++) {
    Floats z[4][NV_MAX];
    g4OutputSums(NV, model->g4, lanes, h, b, z);
    UNROLL for (int g = 0; g < 4; g++) UNROLL for (int v = 0; v < NV; v++) *(Floats *)(values + (4 * (size_t)b + g) * lanes + VW * v) = z[g][v];
  }
}
