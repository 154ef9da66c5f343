// The output layer for one lane: h is a plain vector, and what stands side by side are features with their four classes.
#pragma once
#include "output.h"

// Sums of block b, as outputSums: logits of the classes 4b to 4b + 3. VW / 4 features a vector.
INLINE Quad outputQuad(const Model *model, const float *h, const uint32_t b) {
  enum { FEATURES = VW / 4, TURN = 4 * FEATURES };
  const uint32_t features = model->features;
  const float *weights = model->output + 4 * (size_t)b * features;
  Floats sums[4];
  Quad sum = *(const QuadLoose *)(model->outputBias + 4 * (size_t)b);
  uint32_t k = 0;
  UNROLL for (int s = 0; s < 4; s++) sums[s] = (Floats){0};
  for (; k + TURN <= features; k += TURN) {
    UNROLL for (int s = 0; s < 4; s++) sums[s] += *(const FloatsLoose *)(weights + 4 * (size_t)k + VW * s) * eachByFour(h + k + FEATURES * s);
  }
  for (; k < features; k++) sum += *(const QuadLoose *)(weights + 4 * (size_t)k) * (h[k] - (Quad){0});
  sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  UNROLL for (int q = 0; q < VW / 4; q++) sum += ((const Quad *)sums)[q];
  return sum;
}

// Numbers of a vector of all classes: whole vectors.
static inline size_t classRoom(uint32_t outputs) { return ((size_t)outputs + VW - 1) / VW * VW; }

// The numbers of a regression: [classRoom].
static __attribute__((noinline)) void valuesSingle(const Model *model, const float *h, float *values) {
  for (uint32_t b = 0; b < (model->outputs + 3) / 4; b++) *(Quad *)(values + 4 * (size_t)b) = outputQuad(model, h, b);
}

// As labelPass. logits: [classRoom] of scratch.
static __attribute__((noinline)) void labelSingle(const Model *model, const float *h, float *logits, int32_t *label, float *probability) {
  const size_t room = classRoom(model->outputs);
  valuesSingle(model, h, logits);
  for (size_t k = model->outputs; k < room; k++) logits[k] = LOGIT_NONE;
  Floats top = splat(LOGIT_NONE), sum = { 0 };
  for (size_t k = 0; k < room; k += VW) {
    *(Floats *)(logits + k) = bounded(*(const Floats *)(logits + k));
    top = larger(*(const Floats *)(logits + k), top);
  }
  float largest = top[0], all = 0;
  for (int v = 1; v < VW; v++) largest = top[v] > largest ? top[v] : largest;
  for (size_t k = 0; k < room; k += VW) {
    Floats e = *(const Floats *)(logits + k) - largest;
    exp2s(1, &e);
    sum += e;
  }
  for (int v = 0; v < VW; v++) all += sum[v];
  *label = 0;
  while (logits[*label] < largest) ++*label;
  *probability = 1.f / all;
}
