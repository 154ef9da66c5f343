// Every cell in float64 from its equations, one unit after the other, over the arrays that a variant is given: what the
// kernel must agree with. Sums are exponents of two (src/model/pack.ts): sigmoid = 1 / (1 + 2^s), tanh likewise.
#pragma once
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../../src/kernel/kernel.h"

static double sigmoidOf(double s) { return 1 / (1 + exp2(s)); }
static double tanhOf(double s) { return tanh(-s * 0.34657359027997264); }

// Sums of gate g of unit j: over the inputs, and over `state` in the place of h.
static double inputSum(Cell cell, const Layer *l, uint32_t j, uint32_t g, const double *x) {
  double sum = 0;
  for (uint32_t k = l->ptr[j]; k < l->ptr[j + 1]; k++) if (l->source[k] < l->inputs) sum += (double)l->values[(size_t)k * gatesOf(cell) + g] * x[l->source[k]];
  return sum;
}
static double stateSum(Cell cell, const Layer *l, uint32_t j, uint32_t g, const double *state) {
  double sum = 0;
  for (uint32_t k = l->ptr[j]; k < l->ptr[j + 1]; k++) if (l->source[k] >= l->inputs) sum += (double)l->values[(size_t)k * gatesOf(cell) + g] * state[l->source[k] - l->inputs];
  return sum;
}

// One step of one layer: h and c are overwritten; read[columns] takes what the layer read.
static void plainStep(Cell cell, const Layer *l, const double *x, double *h, double *c, double *read) {
  const uint32_t units = l->units, biases = biasesOf(cell);
  double *was = malloc(units * sizeof *was), *third = read + l->inputs + units;
  memcpy(was, h, units * sizeof *was);
  memcpy(read, x, l->inputs * sizeof *read);
  memcpy(read + l->inputs, h, units * sizeof *read);
#define SUM(g) ((double)l->bias[(size_t)j * biases + (g)] + inputSum(cell, l, j, g, x) + stateSum(cell, l, j, g, was))
  if (cell == CELL_GRU_BEFORE) for (uint32_t j = 0; j < units; j++) third[j] = sigmoidOf(SUM(1)) * was[j];
  for (uint32_t j = 0; j < units; j++) {
    if (cell == CELL_LSTM) {
      c[j] = sigmoidOf(SUM(1)) * c[j] + sigmoidOf(SUM(0)) * tanhOf(SUM(2));
      h[j] = sigmoidOf(SUM(3)) * tanh(c[j]);
    } else if (cell == CELL_RNN_TANH) h[j] = tanhOf(SUM(0));
    else if (cell == CELL_RNN_RELU) h[j] = fmax(0, SUM(0));
    else {
      const double z = sigmoidOf(SUM(0)), before = (double)l->bias[(size_t)j * biases + 2] + inputSum(cell, l, j, 2, x);
      double n;
      if (cell == CELL_GRU) {
        third[j] = sigmoidOf(SUM(1));
        n = tanhOf(before + third[j] * ((double)l->bias[(size_t)j * biases + 3] + stateSum(cell, l, j, 2, was)));
      } else n = tanhOf(before + stateSum(cell, l, j, 2, third));
      h[j] = z * was[j] + (1 - z) * n;
    }
  }
#undef SUM
  free(was);
}

// Logits of one [features]: [4 * ceil(outputs / 4)].
static void plainLogits(const Model *m, const double *features, double *logits) {
  for (uint32_t o = 0; o < (m->outputs + 3) / 4 * 4; o++) {
    logits[o] = (double)m->outputBias[o];
    for (uint32_t k = 0; k < m->features; k++) logits[o] += (double)m->output[((size_t)(o / 4) * m->features + k) * 4 + o % 4] * features[k];
  }
}
static double probabilityOf(const double *logits, uint32_t outputs, uint32_t label) {
  double sum = 0;
  for (uint32_t o = 0; o < outputs; o++) sum += exp2(logits[o] - logits[label]);
  return 1 / sum;
}

// Sums over all steps of what each layer read and of its squares: [layer][columns].
typedef struct { double **sum, **square; } Read;
// One sequence: state h, c [stateUnits] in and out; out[steps, features] takes the h of the last layer(s), read may grow.
static void plainSequence(const Model *m, const Batch *b, uint32_t s, double *h, double *c, double *out, Read *read) {
  const uint32_t directions = m->bidirectional ? 2 : 1, from = b->offsets[s], steps = b->offsets[s + 1] - from;
  uint32_t width = m->layers[0].inputs;
  double *below = malloc((size_t)steps * width * sizeof *below);
  for (uint32_t t = 0; t < steps; t++) for (uint32_t k = 0; k < width; k++)
    below[(size_t)t * width + k] = (double)(b->frames != NULL ? b->frames[((size_t)from + t) * width + k] : m->embedding[(size_t)b->tokens[from + t] * width + k]);
  size_t at = 0;
  for (uint32_t l = 0; l < m->layerCount; l += directions) {
    const uint32_t units = m->layers[l].units, columns = directions * units;
    double *above = malloc((size_t)steps * columns * sizeof *above), *reads = malloc((width + 2 * (size_t)units) * sizeof *reads);
    for (uint32_t d = 0; d < directions; d++, at += units) for (uint32_t i = 0; i < steps; i++) {
      const uint32_t t = d == 0 ? i : steps - 1 - i;
      plainStep(m->cell, &m->layers[l + d], below + (size_t)t * width, h + at, c + at, reads);
      memcpy(above + (size_t)t * columns + (size_t)d * units, h + at, units * sizeof *h);
      for (size_t k = 0; k < width + (size_t)units * (gatesOf(m->cell) == 3 ? 2 : 1); k++) { read->sum[l + d][k] += reads[k]; read->square[l + d][k] += reads[k] * reads[k]; }
    }
    free(below); free(reads);
    below = above;
    width = columns;
  }
  memcpy(out, below, (size_t)steps * width * sizeof *out);
  if (directions == 2) { // whole sequences are judged by the last h of each direction
    double *last = out + (size_t)(steps - 1) * width;
    memcpy(last, h + at - width, width * sizeof *last);
  }
  free(below);
}
