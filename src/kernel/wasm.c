// The kernel over a linear memory, for WebAssembly: no Node-API; addresses and lengths come as numbers. The caller
// (src/adapters/engine/wasm-worker.mjs) owns the arrays of a call; arrays of a model are copied.
#include <stdlib.h>
#include <string.h>
#include "kernel.h"

extern const Variant variant_portable;
#define EXPORTED(name) __attribute__((export_name(#name), used))

static const char *reason = "";

EXPORTED(reserve) void *reserve(size_t bytes) { return aligned_alloc(64, (bytes + 64) / 64 * 64); }
EXPORTED(discard) void discard(void *memory) { free(memory); }
EXPORTED(reasonOf) const char *reasonOf(void) { return reason; }

#define NEED(condition, message) do { if (!(condition)) { reason = message; return false; } } while (0)

// ptr rises from 0 to the number of connections, and the sources of a unit rise and exist.
static bool layerSound(const Layer *l) {
  NEED(l->units > 0 && l->inputs > 0 && (uint64_t)l->units + l->inputs < (1u << 24), "sizes are above zero, and inputs + units is below 2^24");
  NEED(l->ptr[0] == 0 && l->ptr[l->units] == l->connections, "ptr runs from 0 to the number of connections");
  for (uint32_t j = 0; j < l->units; j++) NEED(l->ptr[j] <= l->ptr[j + 1], "ptr does not fall");
  for (uint32_t j = 0; j < l->units; j++) {
    for (uint32_t k = l->ptr[j]; k < l->ptr[j + 1]; k++) {
      NEED(l->source[k] < l->inputs + l->units, "every source is below inputs + units");
      NEED(k == l->ptr[j] || l->source[k - 1] < l->source[k], "the sources of a unit rise");
    }
  }
  return true;
}

static bool modelSound(const Model *m) {
  const uint32_t directions = m->bidirectional ? 2 : 1;
  NEED(m->cell < CELLS && m->outputs > 0 && m->layerCount > 0 && m->layerCount % directions == 0, "cell is 0 to 4, and there are outputs and layers");
  for (uint32_t l = 0; l < m->layerCount; l++) {
    const uint32_t below = l < directions ? m->layers[0].inputs : directions * m->layers[l - 1 - l % directions].units;
    if (!layerSound(&m->layers[l])) return false;
    NEED(m->layers[l].inputs == below, "a layer reads what the layers below it give");
    NEED(directions == 1 || l % 2 == 0 || m->layers[l].units == m->layers[l - 1].units, "both directions of a layer are as wide");
  }
  return true;
}

// One layer as it comes: sizes, then addresses.
typedef struct { uint32_t units, inputs, connections; uint32_t *ptr, *source; float *values, *bias; } LayerFrom;

// NULL where something is wrong (reasonOf) or memory is short.
EXPORTED(load) Model *load(uint32_t cell, uint32_t bidirectional, uint32_t vocabulary, uint32_t outputs, uint32_t layerCount, const LayerFrom *layers, float *embedding, float *output, float *outputBias) {
  Model from = { .cell = (Cell)cell, .bidirectional = bidirectional == 1, .vocabulary = vocabulary, .outputs = outputs, .layerCount = layerCount, .embedding = embedding, .output = output, .outputBias = outputBias };
  Model *model = NULL;
  reason = "not enough memory for the model";
  from.layers = calloc(layerCount, sizeof *from.layers);
  for (uint32_t l = 0; from.layers != NULL && l < layerCount; l++) {
    const LayerFrom *f = &layers[l];
    from.layers[l] = (Layer){ .units = f->units, .inputs = f->inputs, .connections = f->connections, .ptr = f->ptr, .source = f->source, .values = f->values, .bias = f->bias };
  }
  if (from.layers != NULL && modelSound(&from)) {
    from.features = (from.bidirectional ? 2 : 1) * from.layers[layerCount - 1].units;
    model = modelLoad(&variant_portable, &from);
  }
  free(from.layers);
  return model;
}
EXPORTED(bytesOf) uint32_t bytesOf(const Model *model) { return (uint32_t)model->bytes; }
EXPORTED(release) void release(Model *model) { modelRelease(model); }
EXPORTED(widthAt) uint32_t widthAt(uint32_t at) { return at < WIDTHS_MAX ? variant_portable.widths[at] : 0; }

// A batch as it comes, and what became of it.
typedef struct {
  int32_t *tokens;
  float *frames;
  uint32_t *offsets;
  uint32_t count;
  float *h, *c;
  int32_t *labels;
  float *values, *confidence;
  uint32_t mode, every, phase, top;
  int32_t *best;
  float *chances;
  double *activity;
  uint32_t failure, failedAt, steps, rows; // results
  Sample *samples;
} Call;

EXPORTED(infer) void infer(const Model *model, Call *call) {
  Batch b = { .tokens = call->tokens, .frames = call->frames, .offsets = call->offsets, .count = call->count, .h = call->h, .c = call->c, .labels = call->labels, .values = call->values,
    .confidence = call->confidence, .mode = (OutputMode)call->mode, .every = call->every, .phase = call->phase,
    .top = call->top, .best = call->best, .chances = call->chances, .activity = call->activity };
  model->variant->infer(model, &b);
  call->failure = b.failure;
  call->failedAt = b.failedAt;
  call->steps = b.steps;
  call->samples = b.samples;
  call->rows = b.samples == NULL ? 0 : (uint32_t)b.samples[0].rows;
}
EXPORTED(sampleAt) float *sampleAt(const Call *call, uint32_t layer) { return call->samples[layer].values; }
EXPORTED(columnsAt) uint32_t columnsAt(const Call *call, uint32_t layer) { return (uint32_t)call->samples[layer].columns; }
EXPORTED(settled) void settled(const Model *model, Call *call) {
  for (uint32_t l = 0; call->samples != NULL && l < model->layerCount; l++) free(call->samples[l].values);
  free(call->samples);
}

EXPORTED(gram) uint32_t gram(const float *values, uint32_t rows, uint32_t columns, double *into) { return variant_portable.gram(values, rows, columns, into); }
