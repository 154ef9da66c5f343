// Random models and batches, each array of exactly its size, so that the address sanitizer sees one element too many.
#pragma once
#include <stdlib.h>
#include <string.h>
#include "../../../src/kernel/kernel.h"
#include "draw.h"

static void *exactly(size_t n, size_t size) {
  void *memory = malloc(n * size > 0 ? n * size : 1);
  if (memory == NULL) abort();
  return memory;
}
static float *floats(size_t n, double range) {
  float *x = exactly(n, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = drawWithin(range);
  return x;
}

// Weights in +-1.5 / sqrt(connections of a unit): ordinary ones. Some units have no connection, some models none at all.
static void drawLayer(Cell cell, Layer *l, double density) {
  const uint32_t sources = l->inputs + l->units, gates = gatesOf(cell);
  const bool exponent = cell != CELL_RNN_RELU;
  l->ptr = exactly(l->units + 1, sizeof(uint32_t));
  l->source = exactly((size_t)sources * l->units, sizeof(uint32_t));
  l->connections = l->ptr[0] = 0;
  for (uint32_t j = 0; j < l->units; j++) {
    const bool none = drawTo(9) == 0;
    for (uint32_t k = 0; k < sources; k++) if (!none && draw() < density) l->source[l->connections++] = k;
    l->ptr[j + 1] = l->connections;
  }
  l->source = realloc(l->source, l->connections > 0 ? l->connections * sizeof(uint32_t) : 1);
  l->values = floats((size_t)l->connections * gates, (exponent ? 2 : 1) * sqrt(1.5 / (1 + density * sources)));
  l->bias = floats((size_t)l->units * biasesOf(cell), 0.7);
}

static Model drawModel(Cell cell, uint32_t unitsMax, double density) {
  Model m = { .cell = cell, .bidirectional = drawTo(3) == 0, .vocabulary = drawTo(2) == 0 ? 0 : drawFrom(1, 40), .outputs = drawFrom(1, 13) };
  const uint32_t directions = m.bidirectional ? 2 : 1, depth = unitsMax > 100 ? drawFrom(1, 2) : drawFrom(1, m.bidirectional ? 3 : 5);
  m.layerCount = directions * depth;
  m.layers = calloc(m.layerCount, sizeof *m.layers);
  uint32_t inputs = drawFrom(1, unitsMax * 2 / 3);
  m.embedding = floats((size_t)m.vocabulary * inputs, 1);
  for (uint32_t l = 0; l < m.layerCount; l++) {
    Layer *layer = &m.layers[l];
    layer->units = l % directions == 1 ? m.layers[l - 1].units : drawFrom(1, unitsMax);
    layer->inputs = inputs;
    if (l % directions == directions - 1) inputs = directions * layer->units;
    drawLayer(cell, layer, density);
    m.stateUnits += layer->units;
  }
  m.features = inputs;
  const uint32_t classes = (m.outputs + 3) / 4 * 4;
  m.output = floats((size_t)classes * m.features, 1 / sqrt(m.features));
  m.outputBias = floats(classes, 1);
  for (uint32_t o = m.outputs; o < classes; o++) {
    m.outputBias[o] = -1e30f;
    for (uint32_t k = 0; k < m.features; k++) m.output[((size_t)(o / 4) * m.features + k) * 4 + o % 4] = 0;
  }
  return m;
}
static void freeModel(Model *m) {
  for (uint32_t l = 0; l < m->layerCount; l++) { free(m->layers[l].ptr); free(m->layers[l].source); free(m->layers[l].values); free(m->layers[l].bias); }
  free(m->layers); free(m->embedding); free(m->output); free(m->outputBias);
}

static Batch drawBatch(const Model *m, OutputMode mode, uint32_t count, uint32_t longest) {
  const uint32_t inputs = m->layers[0].inputs;
  uint32_t *offsets = exactly((size_t)count + 1, sizeof *offsets);
  offsets[0] = 0;
  for (uint32_t s = 0; s < count; s++) { const double r = draw(); offsets[s + 1] = offsets[s] + 1 + (uint32_t)(r * r * (longest - 1)); }
  const uint32_t steps = offsets[count];
  const bool fresh = drawTo(2) == 0, labels = mode == OUTPUT_TAG || mode == OUTPUT_CLASSIFY;
  Batch b = { .offsets = offsets, .count = count, .mode = mode, .every = 1 };
  if (m->vocabulary > 0) {
    int32_t *tokens = exactly(steps, sizeof *tokens);
    for (uint32_t t = 0; t < steps; t++) tokens[t] = (int32_t)drawTo(m->vocabulary - 1);
    b.tokens = tokens;
  } else b.frames = floats((size_t)steps * inputs, 1);
  b.h = floats(count * m->stateUnits, fresh ? 0 : 1);
  b.c = floats(m->cell == CELL_LSTM ? count * m->stateUnits : 0, fresh ? 0 : 1);
  b.labels = exactly(mode == OUTPUT_TAG ? steps : mode == OUTPUT_CLASSIFY ? count : 0, sizeof *b.labels);
  b.values = exactly(mode == OUTPUT_REGRESS ? (size_t)count * m->outputs : 0, sizeof *b.values);
  b.confidence = exactly(labels ? count : 0, sizeof *b.confidence);
  b.top = drawTo(1) ? 1 : drawFrom(1, m->outputs < TOP_MAX ? m->outputs : TOP_MAX);
  const size_t ranked = b.top > 1 && labels ? (mode == OUTPUT_TAG ? steps : count) * (size_t)b.top : 0;
  b.best = exactly(ranked, sizeof *b.best);
  b.chances = exactly(ranked, sizeof *b.chances);
  b.activity = calloc(2 * m->stateUnits, sizeof *b.activity);
  return b;
}
static void freeSamples(const Model *m, Batch *b) {
  for (uint32_t l = 0; b->samples != NULL && l < m->layerCount; l++) free(b->samples[l].values);
  free(b->samples);
  b->samples = NULL;
}
static void freeBatch(const Model *m, Batch *b) {
  freeSamples(m, b);
  free((void *)b->tokens); free((void *)b->frames); free((void *)b->offsets);
  free(b->h); free(b->c); free(b->labels); free(b->values); free(b->confidence); free(b->best); free(b->chances); free(b->activity);
}
