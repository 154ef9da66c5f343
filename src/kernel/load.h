// load(variant, cell, bidirectional, vocabulary, outputs, layers, embedding, output, outputBias) -> [handle, bytes]; release(handle).
#pragma once
#include "g4-load.h"

typedef struct { Model *model; } Handle; // NULL once released

static void collected(napi_env env, void *data, void *hint) {
  (void)env; (void)hint;
  Handle *handle = data;
  if (handle->model != NULL) modelRelease(handle->model);
  free(handle);
}

static Handle *handleOf(napi_env env, napi_value value) {
  napi_valuetype type;
  void *data = NULL;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external || napi_get_value_external(env, value, &data) != napi_ok) return NULL;
  return data;
}

// [units, inputs, ptr, source, values, bias] of a layer that reads `inputs` (0: any number).
static napi_value readLayer(napi_env env, napi_value entry, Cell cell, uint32_t inputs, Layer *layer) {
  napi_value part[6];
  uint32_t parts;
  View ptr, source, values, bias;
  NEED(napi_get_array_length(env, entry, &parts) == napi_ok && parts == 6, "a layer has 6 parts");
  for (uint32_t p = 0; p < 6; p++) TRY(napi_get_element(env, entry, p, &part[p]));
  NEED(whole(env, part[0], &layer->units) && whole(env, part[1], &layer->inputs) && layer->units > 0 && layer->inputs > 0, "sizes are whole numbers above zero");
  NEED(inputs == 0 || layer->inputs == inputs, "a layer reads what the layers below it give");
  // The row offsets are 32-bit: (inputs + units) rows of at most 64 lanes of 4 bytes.
  NEED((uint64_t)layer->units + layer->inputs < (1u << 24), "inputs + units is below 2^24");
  NEED(view(env, part[2], napi_uint32_array, &ptr) && ptr.length == (size_t)layer->units + 1, "ptr is a Uint32Array [units + 1]");
  NEED(view(env, part[3], napi_uint32_array, &source), "source is a Uint32Array [connections]");
  NEED(view(env, part[4], napi_float32_array, &values) && values.length == gatesOf(cell) * source.length, "values is a Float32Array [connections, gates]");
  NEED(view(env, part[5], napi_float32_array, &bias) && bias.length == biasesOf(cell) * (size_t)layer->units, "bias is a Float32Array [units, gates] (GRU: [units, 4])");
  layer->ptr = ptr.data; layer->source = source.data; layer->values = values.data; layer->bias = bias.data;
  NEED(source.length < UINT32_MAX && layer->ptr[0] == 0 && layer->ptr[layer->units] == source.length, "ptr runs from 0 to the number of connections");
  layer->connections = (uint32_t)source.length;
  for (uint32_t j = 0; j < layer->units; j++) NEED(layer->ptr[j] <= layer->ptr[j + 1], "ptr does not fall");
  for (uint32_t j = 0; j < layer->units; j++) {
    for (uint32_t k = layer->ptr[j]; k < layer->ptr[j + 1]; k++) {
      NEED(layer->source[k] < layer->inputs + layer->units, "every source is below inputs + units");
      NEED(k == layer->ptr[j] || layer->source[k - 1] < layer->source[k], "the sources of a unit rise");
    }
  }
  return entry;
}

// The layers of a model, each fitting those below it.
static napi_value readLayers(napi_env env, napi_value list, Model *model) {
  const uint32_t directions = model->bidirectional ? 2 : 1;
  for (uint32_t l = 0; l < model->layerCount; l++) {
    napi_value entry;
    const uint32_t below = l < directions ? (l == 0 ? 0 : model->layers[0].inputs) : directions * model->layers[l - 1 - l % directions].units;
    TRY(napi_get_element(env, list, l, &entry));
    if (readLayer(env, entry, model->cell, below, &model->layers[l]) == NULL) return NULL;
    NEED(directions == 1 || l % 2 == 0 || model->layers[l].units == model->layers[l - 1].units, "both directions of a layer are as wide");
  }
  model->features = directions * model->layers[model->layerCount - 1].units;
  return list;
}

// What both precisions have in common; `layers` is malloc'd; NULL where something is wrong.
static napi_value readSizes(napi_env env, const napi_value *arg, Model *from) {
  uint32_t cell, bidirectional;
  NEED(whole(env, arg[1], &cell) && cell < CELLS, "cell is 0 to 4");
  NEED(whole(env, arg[2], &bidirectional) && bidirectional <= 1, "bidirectional is 0 or 1");
  NEED(whole(env, arg[3], &from->vocabulary) && whole(env, arg[4], &from->outputs) && from->outputs > 0, "vocabulary and outputs are whole numbers, and there are outputs");
  from->cell = (Cell)cell;
  from->bidirectional = bidirectional == 1;
  NEED(napi_get_array_length(env, arg[5], &from->layerCount) == napi_ok && from->layerCount > 0 && (bidirectional == 0 || from->layerCount % 2 == 0), "layers is an array, one for each layer and direction");
  from->layers = calloc(from->layerCount, sizeof *from->layers);
  return from->layers == NULL ? fail(env, "out-of-memory", "not enough memory for the model") : arg[5];
}

// The model of the arguments in fp32, its other arrays still theirs.
static napi_value readModel(napi_env env, const napi_value *arg, Model *from) {
  View embedding, output, outputBias;
  if (readLayers(env, arg[5], from) == NULL) return NULL;
  NEED(view(env, arg[6], napi_float32_array, &embedding) && embedding.length == (size_t)from->vocabulary * from->layers[0].inputs, "embedding is a Float32Array [vocabulary, inputs]");
  const size_t blocks = ((size_t)from->outputs + 3) / 4;
  NEED(view(env, arg[7], napi_float32_array, &output) && output.length == 4 * blocks * from->features, "output is a Float32Array [ceil(outputs / 4), features, 4]");
  NEED(view(env, arg[8], napi_float32_array, &outputBias) && outputBias.length == 4 * blocks, "outputBias is a Float32Array [ceil(outputs / 4), 4]");
  from->embedding = embedding.data; from->output = output.data; from->outputBias = outputBias.data;
  return arg[5];
}

static napi_value load(napi_env env, napi_callback_info info) {
  size_t argc = 9;
  napi_value arg[9], external, bytes, pair;
  TRY(napi_get_cb_info(env, info, &argc, arg, NULL, NULL));
  NEED(argc == 9, "load takes 9 arguments");
  const Variant *variant = variantNamed(env, arg[0]);
  NEED(variant != NULL, "this machine has no such variant");
  Model from = { 0 };
  G4From g4 = { 0 };
  Handle *handle = NULL;
  const bool read = readSizes(env, arg, &from) != NULL && (variant->words > 0 ? g4Read(env, arg, &from, &g4) : readModel(env, arg, &from)) != NULL;
  if (read && (handle = malloc(sizeof *handle)) != NULL) handle->model = variant->words > 0 ? g4Load(variant, &from, &g4) : modelLoad(variant, &from);
  free(from.layers); free((void *)g4.layers);
  if (!read) return NULL;
  if (handle == NULL || handle->model == NULL) { free(handle); return fail(env, "out-of-memory", "not enough memory for the model"); }
  if (napi_create_external(env, handle, collected, NULL, &external) != napi_ok) { collected(env, handle, NULL); return fail(env, "node-api", "napi_create_external"); }
  TRY(napi_create_double(env, (double)handle->model->bytes, &bytes));
  TRY(napi_create_array(env, &pair));
  TRY(napi_set_element(env, pair, 0, external));
  TRY(napi_set_element(env, pair, 1, bytes));
  return pair;
}

// release(handle): calls in flight end well, later ones are refused.
static napi_value release(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value arg[1];
  TRY(napi_get_cb_info(env, info, &argc, arg, NULL, NULL));
  Handle *handle = argc == 1 ? handleOf(env, arg[0]) : NULL;
  NEED(handle != NULL, "release takes a handle");
  if (handle->model != NULL) modelRelease(handle->model);
  handle->model = NULL;
  return NULL;
}
