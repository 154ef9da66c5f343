// Life of a loaded model: one copy of everything, counted references, freed with the last.
#include <stdlib.h>
#include <string.h>
#include "g4.h"
#include "side.h"

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
    free(layer->ptr); free(layer->pause); free(layer->mid); free(layer->end); free(layer->near); free(layer->source); free(layer->values); free(layer->bias);
    sideFree(&layer->side);
  }
  free(model->layers); free(model->embedding); free(model->output); free(model->outputBias);
  g4Free(model);
  free(model);
}

static uint32_t wholeParts(size_t connections) { return (uint32_t)((connections + PART - 1) / PART * PART); }

// Where the parts of each unit lie.
static void layOut(Layer *layer, const Layer *from, bool apart) {
  uint32_t at = 0;
  for (uint32_t j = 0; j < from->units; j++) {
    const uint32_t stop = from->ptr[j + 1];
    uint32_t states = from->ptr[j];
    while (states < stop && (!apart || from->source[states] < from->inputs)) states++;
    layer->ptr[j] = at;
    layer->pause[j] = layer->end[j] = at + (states - from->ptr[j]);
    layer->mid[j] = at += wholeParts(states - from->ptr[j]);
    if (!apart) continue;
    layer->end[j] = at + (stop - states);
    at += wholeParts(stop - states);
  }
  layer->ptr[from->units] = layer->connections = at;
}

// Zeroed, on whole cache lines; PART more than asked for, as the loops of four lanes read four gates where there are three.
static void *room(Model *model, size_t count, size_t each) {
  const size_t bytes = ((count + PART) * each + 63) / 64 * 64;
  void *memory = aligned_alloc(64, bytes);
  if (memory != NULL) memset(memory, 0, bytes);
  model->bytes += bytes;
  return memory;
}

static bool layerLoad(Model *model, Layer *layer, const Layer *from) {
  const size_t units = from->units, index = sizeof(uint32_t), each = gatesOf(model->cell) * sizeof(float);
  layer->units = from->units; layer->inputs = from->inputs;
  layer->ptr = room(model, units + 1, index); layer->pause = room(model, units, index); layer->mid = room(model, units, index);
  layer->end = room(model, units, index);
  layer->bias = copied(model, from->bias, units * biasesOf(model->cell) * sizeof(float));
  if (!(layer->ptr && layer->pause && layer->mid && layer->end && layer->bias)) return false;
  layOut(layer, from, gatesOf(model->cell) == 3);
  layer->source = room(model, layer->connections, index);
  layer->values = room(model, layer->connections, each);
  if (!(layer->source && layer->values)) return false;
  for (size_t j = 0; j < units; j++) {
    const size_t inputs = layer->pause[j] - layer->ptr[j], parts[2][3] = {
      { layer->ptr[j], from->ptr[j], inputs }, { layer->mid[j], from->ptr[j] + inputs, from->ptr[j + 1] - from->ptr[j] - inputs } };
    for (int p = 0; p < 2; p++) {
      if (parts[p][2] == 0) continue; // a layer without connections has no arrays
      memcpy(layer->source + parts[p][0], from->source + parts[p][1], parts[p][2] * index);
      memcpy((char *)layer->values + parts[p][0] * each, (const char *)from->values + parts[p][1] * each, parts[p][2] * each);
    }
  }
  if (layer->units + layer->inputs <= 1u << 16) {
    layer->near = room(model, layer->connections, sizeof(uint16_t));
    if (layer->near == NULL) return false;
    for (size_t k = 0; k < layer->connections; k++) layer->near[k] = (uint16_t)layer->source[k];
    const SideFrom side = { .units = from->units, .inputs = from->inputs, .words = 1, .ptr = from->ptr, .source = from->source, .values = (const uint32_t *)from->values, .start = from->bias, .sums = biasesOf(model->cell) };
    if (!sideMake(model, &side, &layer->side)) return false;
  }
  for (int w = 0; w < WIDTHS_MAX && model->variant->widths[w] > 0; w++) {
    if (model->variant->widths[w] <= FEW_LANES) continue;
    layer->offset[w] = room(model, layer->connections, index);
    if (layer->offset[w] == NULL) return false;
    for (size_t k = 0; k < layer->connections; k++) layer->offset[w][k] = layer->source[k] * model->variant->widths[w] * (uint32_t)sizeof(float);
  }
  return true;
}

Model *modelLoad(const Variant *variant, const Model *from) {
  Model *model = calloc(1, sizeof *model);
  if (model == NULL) return NULL;
  const size_t blocks = (from->outputs + 3) / 4, four = 4 * sizeof(float);
  model->cell = from->cell; model->bidirectional = from->bidirectional; model->layerCount = from->layerCount;
  model->vocabulary = from->vocabulary; model->outputs = from->outputs; model->features = from->features;
  model->references = 1; model->near = true; model->variant = variant;
  model->layers = calloc(from->layerCount, sizeof *model->layers);
  model->embedding = copied(model, from->embedding, (size_t)from->vocabulary * from->layers[0].inputs * sizeof(float));
  model->output = copied(model, from->output, blocks * from->features * four);
  model->outputBias = copied(model, from->outputBias, blocks * four);
  bool whole = model->layers && model->embedding && model->output && model->outputBias;
  for (uint32_t l = 0; whole && l < from->layerCount; l++) {
    whole = layerLoad(model, &model->layers[l], &from->layers[l]);
    model->stateUnits += from->layers[l].units;
    model->near = model->near && model->layers[l].near != NULL;
  }
  if (whole) return model;
  destroy(model);
  return NULL;
}

void modelHold(Model *model) { model->references++; }

void modelRelease(Model *model) {
  if (--model->references == 0) destroy(model);
}
