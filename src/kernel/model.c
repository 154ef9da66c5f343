// Life of a loaded model: one copy of everything, counted references, freed with the last.
#include <stdlib.h>
#include <string.h>
#include "kernel.h"

static void *copied(Model *model, const void *from, size_t bytes) {
  void *to = malloc(bytes > 0 ? bytes : 1);
  if (to != NULL && bytes > 0) memcpy(to, from, bytes);
  model->bytes += bytes;
  return to;
}

static void destroy(Model *model) {
  for (int w = 0; w < WIDTHS_MAX; w++) free(model->offset[w]);
  free(model->ptr); free(model->source); free(model->values); free(model->bias);
  free(model->embedding); free(model->output); free(model->outputBias);
  free(model);
}

Model *modelLoad(const Variant *variant, const Model *from) {
  Model *model = calloc(1, sizeof *model);
  if (model == NULL) return NULL;
  const size_t units = from->units, connections = from->connections, blocks = (from->outputs + 3) / 4, four = 4 * sizeof(float);
  model->units = from->units; model->inputs = from->inputs; model->vocabulary = from->vocabulary; model->outputs = from->outputs;
  model->connections = from->connections; model->references = 1; model->variant = variant;
  model->ptr = copied(model, from->ptr, (units + 1) * sizeof(uint32_t));
  model->source = copied(model, from->source, connections * sizeof(uint32_t));
  model->values = copied(model, from->values, connections * four);
  model->bias = copied(model, from->bias, units * four);
  model->embedding = copied(model, from->embedding, (size_t)from->vocabulary * from->inputs * sizeof(float));
  model->output = copied(model, from->output, blocks * units * four);
  model->outputBias = copied(model, from->outputBias, blocks * four);
  bool whole = model->ptr && model->source && model->values && model->bias && model->embedding && model->output && model->outputBias;
  for (int w = 0; w < WIDTHS_MAX && variant->widths[w] > 0 && whole; w++) {
    model->offset[w] = copied(model, from->source, connections * sizeof(uint32_t));
    whole = model->offset[w] != NULL;
    for (size_t k = 0; whole && k < connections; k++) model->offset[w][k] *= variant->widths[w] * (uint32_t)sizeof(float);
  }
  if (whole) return model;
  destroy(model);
  return NULL;
}

void modelHold(Model *model) { model->references++; }

void modelRelease(Model *model) {
  if (--model->references == 0) destroy(model);
}
