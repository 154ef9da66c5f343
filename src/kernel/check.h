// Checks of a batch: nothing is computed before everything was found to be good.
#pragma once
#include "kernel.h"

// x - x is 0 for every finite x, and NaN otherwise.
static bool finite32(const float *x, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i] - x[i];
  return sum == 0;
}

// FAILED_NOT, or what is wrong with which sequence.
static Failure check(const Model *model, Batch *b) {
  const size_t units = model->stateUnits, inputs = model->layers[0].inputs;
  for (uint32_t s = 0; s < b->count; s++) {
    const uint32_t from = b->offsets[s], to = b->offsets[s + 1];
    b->failedAt = s;
    if (from >= to) return FAILED_EMPTY;
    if (b->frames != NULL && !finite32(b->frames + from * inputs, (to - from) * inputs)) return FAILED_FRAME;
    for (uint32_t t = from; b->frames == NULL && t < to; t++) if (b->tokens[t] < 0 || (uint32_t)b->tokens[t] >= model->vocabulary) return FAILED_TOKEN;
    if (!finite32(b->h + s * units, units) || (model->cell == CELL_LSTM && !finite32(b->c + s * units, units))) return FAILED_STATE;
  }
  return FAILED_NOT;
}
