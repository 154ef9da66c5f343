// Life of a loaded model: one copy of everything, counted references, freed with the last.
#include <stdlib.h>
#include <string.h>
#include "g4.h"

static void *copied(Model *model, const void *from, size_t bytes) {
  void *to = malloc(bytes > 0 ? bytes : 1);
  if (to != NULL && bytes > 0) memcpy(to, from, bytes);
  model->bytes += bytes;
  return to;
}

static void destroy(Model *model) {
  for (uint32_t l = 0; model->layers != NULL && l < model->layerCount; l++) {
    Layer *layer = &model->layers[l];
    for (int w = 0; w < WIDTHS_MAX; w++) free(layer->offset[w]);
    free(layer->ptr); free(layer->mid); free(layer->source); free(layer->values); free(layer->bias);
  }
  free(model->layers); free(model->embedding); free(model->output); free(model->outputBias);
  g4Free(model);
  free(model);
}

static bool layerLoad(Model *model, Layer *layer, const Layer *from) {
  const size_t units = from->units, connections = from->connections;
  layer->units = from->units; layer->inputs = from->inputs; layer->connections = from->connections;
  layer->ptr = copied(model, from->ptr, (units + 1) * sizeof(uint32_t));
  layer->mid = copied(model, from->ptr, units * sizeof(uint32_t));
  layer->source = copied(model, from->source, connections * sizeof(uint32_t));
  layer->values = copied(model, from->values, connections * gatesOf(model->cell) * sizeof(float));
  layer->bias = copied(model, from->bias, units * biasesOf(model->cell) * sizeof(float));
  if (!(layer->ptr && layer->mid && layer->source && layer->values && layer->bias)) return false;
  for (size_t j = 0; j < units; j++) while (layer->mid[j] < layer->ptr[j + 1] && layer->source[layer->mid[j]] < layer->inputs) layer->mid[j]++;
  for (int w = 0; w < WIDTHS_MAX && model->variant->widths[w] > 0; w++) {
    layer->offset[w] = copied(model, from->source, connections * sizeof(uint32_t));
    if (layer->offset[w] == NULL) return false;
    for (size_t k = 0; k < connections; k++) layer->offset[w][k] *= model->variant->widths[w] * (uint32_t)sizeof(float);
  }
  return true;
}

Model *modelLoad(const Variant *variant, const Model *from) {
  Model *model = calloc(1, sizeof *model);
  if (model == NULL) return NULL;
  const size_t blocks = (from->outputs + 3) / 4, four = 4 * sizeof(float);
  model->cell = from->cell; model->bidirectional = from->bidirectional; model->layerCount = from->layerCount;
  model->vocabulary = from->vocabulary; model->outputs = from->outputs; model->features = from->features;
  model->references = 1; model->variant = variant;
  model->layers = calloc(from->layerCount, sizeof *model->layers);
  model->embedding = copied(model, from->embedding, (size_t)from->vocabulary * from->layers[0].inputs * sizeof(float));
  model->output = copied(model, from->output, blocks * from->features * four);
  model->outputBias = copied(model, from->outputBias, blocks * four);
  bool whole = model->layers && model->embedding && model->output && model->outputBias;
  for (uint32_t l = 0; whole && l < from->layerCount; l++) {
    whole = layerLoad(model, &model->layers[l], &from->layers[l]);
    model->stateUnits += from->layers[l].units;
  }
  if (whole) return model;
  destroy(model);
  return NULL;
}

void modelHold(Model *model) { model->references++; }

void modelRelease(Model *model) {
  if (--model->references == 0) destroy(model);
}
