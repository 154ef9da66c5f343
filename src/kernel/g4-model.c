// Life of a model in groups of four. Weights are laid out for the variant: one word of four bytes, or two words of two
// 16-bit numbers (sources 0 and 2, 1 and 3) where it multiplies 16-bit pairs.
#include <stdlib.h>
#include <string.h>
#include "g4.h"
#include "side.h"

static void *room(Model *model, size_t bytes) {
  const size_t padded = (bytes + 63) / 64 * 64 + 64;
  void *memory = aligned_alloc(64, padded);
  if (memory != NULL) memset(memory, 0, padded);
  model->bytes += padded;
  return memory;
}

static void *copy(Model *model, const void *from, size_t bytes) {
  void *to = room(model, bytes);
  if (to != NULL && bytes > 0) memcpy(to, from, bytes);
  return to;
}

static int32_t pair(int8_t low, int8_t high) { return (int32_t)((uint16_t)low | (uint32_t)(uint16_t)high << 16); }

static void widen(const Variant *variant, const int8_t *from, size_t words, int32_t *to) {
  for (size_t k = 0; k < words; k++, from += 4) {
    if (variant->words == 1) memcpy(to + k, from, 4);
    else { to[2 * k] = pair(from[0], from[2]); to[2 * k + 1] = pair(from[1], from[3]); }
  }
}

static int32_t sumOf(const int8_t *four) { return four[0] + four[1] + four[2] + four[3]; }

static bool layerLoad(Model *model, G4Layer *layer, const G4LayerFrom *from, uint32_t inputRows) {
  const uint32_t gates = gatesOf(model->cell), sums = g4SumsOf(model->cell);
  const size_t units = from->units, groups = from->groups;
  layer->units = from->units; layer->groups = from->groups; layer->inputRows = inputRows; layer->rows = quads(from->units);
  layer->ptr = copy(model, from->ptr, (units + 1) * sizeof(uint32_t));
  layer->mid = copy(model, from->ptr, units * sizeof(uint32_t));
  layer->scale = copy(model, from->scale, units * sums * sizeof(float));
  layer->bias = copy(model, from->bias, units * sums * sizeof(float));
  layer->start = room(model, units * sums * sizeof(int32_t));
  layer->values = room(model, groups * gates * model->variant->words * sizeof(int32_t));
  if (!(layer->ptr && layer->mid && layer->scale && layer->bias && layer->start && layer->values)) return false;
  widen(model->variant, from->values, groups * gates, layer->values);
  for (size_t j = 0; j < units; j++) {
    for (uint32_t k = layer->ptr[j]; k < layer->ptr[j + 1]; k++) {
      const bool state = from->source[k] >= inputRows;
      if (!state) layer->mid[j] = k + 1;
      for (uint32_t g = 0; g < gates; g++) layer->start[sums * j + (gates == 3 && g == 2 && state ? 3 : g)] -= 128 * sumOf(from->values + 4 * ((size_t)gates * k + g));
    }
  }
  if (model->variant->widths[0] == 1) {
    const SideFrom side = { .units = from->units, .inputs = inputRows, .words = model->variant->words, .ptr = from->ptr, .source = from->source,
      .values = (const uint32_t *)layer->values, .start = layer->start, .scale = layer->scale, .bias = layer->bias, .sums = sums };
    if (!sideMake(model, &side, &layer->side)) return false;
  }
  for (int w = 0; w < WIDTHS_MAX && model->variant->widths[w] > 0; w++) {
    layer->offset[w] = copy(model, from->source, groups * sizeof(uint32_t));
    if (layer->offset[w] == NULL) return false;
    for (size_t k = 0; k < groups; k++) layer->offset[w][k] *= model->variant->widths[w] * 4;
  }
  return true;
}

static bool outputLoad(Model *model, const G4From *from) {
  struct G4 *g4 = model->g4;
  const size_t classes = ((size_t)model->outputs + 3) / 4 * 4, words = classes * g4->featureRows;
  g4->output = room(model, words * model->variant->words * sizeof(int32_t));
  g4->outputStart = room(model, classes * sizeof(int32_t));
  g4->outputScale = copy(model, from->outputScale, classes * sizeof(float));
  g4->outputBias = copy(model, from->outputBias, classes * sizeof(float));
  if (!(g4->output && g4->outputStart && g4->outputScale && g4->outputBias)) return false;
  widen(model->variant, from->output, words, g4->output);
  for (size_t b = 0; b < classes / 4; b++) for (size_t k = 0; k < g4->featureRows; k++) {
    for (size_t g = 0; g < 4; g++) g4->outputStart[4 * b + g] -= 128 * sumOf(from->output + 4 * ((b * g4->featureRows + k) * 4 + g));
  }
  return true;
}

void g4Free(Model *model) {
  struct G4 *g4 = model->g4;
  if (g4 == NULL) return;
  for (uint32_t l = 0; g4->layers != NULL && l < model->layerCount; l++) {
    G4Layer *layer = &g4->layers[l];
    for (int w = 0; w < WIDTHS_MAX; w++) free(layer->offset[w]);
    free(layer->ptr); free(layer->mid); free(layer->values); free(layer->start); free(layer->scale); free(layer->bias);
    sideFree(&layer->side);
  }
  free(g4->layers); free(g4->embedding); free(g4->output); free(g4->outputStart); free(g4->outputScale); free(g4->outputBias);
  free(g4);
}

// Of the fp32 layers only the sizes are filled in, which is what the calls look at.
Model *g4Load(const Variant *variant, const Model *sizes, const G4From *from) {
  Model *model = calloc(1, sizeof *model);
  if (model == NULL) return NULL;
  *model = (Model){ .cell = sizes->cell, .bidirectional = sizes->bidirectional, .layerCount = sizes->layerCount, .vocabulary = sizes->vocabulary,
    .outputs = sizes->outputs, .features = sizes->features, .references = 1, .variant = variant };
  const uint32_t directions = sizes->bidirectional ? 2 : 1, inputRows = quads(sizes->layers[0].inputs);
  model->layers = calloc(sizes->layerCount, sizeof *model->layers);
  struct G4 *g4 = model->g4 = calloc(1, sizeof *g4);
  bool whole = model->layers != NULL && g4 != NULL;
  if (whole) {
    g4->step = from->step;
    g4->layers = calloc(sizes->layerCount, sizeof *g4->layers);
    g4->featureRows = directions * quads(sizes->layers[sizes->layerCount - 1].units);
    g4->embedding = copy(model, from->embedding, (size_t)sizes->vocabulary * inputRows * 4);
    whole = g4->layers != NULL && g4->embedding != NULL && outputLoad(model, from);
  }
  for (uint32_t l = 0; whole && l < sizes->layerCount; l++) {
    model->layers[l].units = sizes->layers[l].units;
    model->layers[l].inputs = sizes->layers[l].inputs;
    model->stateUnits += sizes->layers[l].units;
    whole = layerLoad(model, &g4->layers[l], &from->layers[l], l < directions ? inputRows : directions * quads(sizes->layers[l - directions].units));
  }
  if (whole) return model;
  modelRelease(model);
  return NULL;
}
