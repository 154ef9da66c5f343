// load() of a variant in int8 groups of four, from the arrays of src/model/pack-g4.ts:
// layers [units, inputs, ptr, source, values Int8Array, bias, scale], embedding [Uint8Array, step], output [Int8Array, scale].
#pragma once
#include "glue.h"
#include "g4.h"

// A sum of products of bytes stays within 32 bits: 127 * 255 * 2^16 < 2^31.
enum { G4_SOURCES_MAX = 65536 };

static napi_value g4ReadLayer(napi_env env, napi_value entry, const Model *sizes, uint32_t l, G4LayerFrom *layer) {
  napi_value part[7];
  uint32_t parts, inputs;
  const uint32_t directions = sizes->bidirectional ? 2 : 1, gates = gatesOf(sizes->cell), sums = g4SumsOf(sizes->cell);
  View ptr, source, values, bias, scale;
  NEED(napi_get_array_length(env, entry, &parts) == napi_ok && parts == 7, "a layer has 7 parts");
  for (uint32_t p = 0; p < 7; p++) TRY(napi_get_element(env, entry, p, &part[p]));
  NEED(whole(env, part[0], &layer->units) && whole(env, part[1], &inputs) && layer->units > 0 && inputs > 0, "sizes are whole numbers above zero");
  const Layer *below = l < directions ? NULL : &sizes->layers[l - 1 - l % directions];
  NEED(l == 0 || inputs == (below == NULL ? sizes->layers[0].inputs : directions * below->units), "a layer reads what the layers below it give");
  NEED(directions == 1 || l % 2 == 0 || layer->units == sizes->layers[l - 1].units, "both directions of a layer are as wide");
  NEED((uint64_t)inputs + layer->units < G4_SOURCES_MAX - 16, "inputs + units is below 65,520");
  const uint32_t rows = (below == NULL ? quads(inputs) : directions * quads(below->units)) + quads(layer->units);
  NEED(view(env, part[2], napi_uint32_array, &ptr) && ptr.length == (size_t)layer->units + 1, "ptr is a Uint32Array [units + 1]");
  NEED(view(env, part[3], napi_uint32_array, &source) && source.length < UINT32_MAX, "source is a Uint32Array [groups]");
  NEED(view(env, part[4], napi_int8_array, &values) && values.length == 4 * (size_t)gates * source.length, "values is an Int8Array [groups, gates, 4]");
  NEED(view(env, part[5], napi_float32_array, &bias) && bias.length == sums * (size_t)layer->units, "bias is a Float32Array [units, sums]");
  NEED(view(env, part[6], napi_float32_array, &scale) && scale.length == sums * (size_t)layer->units, "scale is a Float32Array [units, sums]");
  layer->ptr = ptr.data; layer->source = source.data; layer->values = values.data; layer->bias = bias.data; layer->scale = scale.data;
  layer->groups = (uint32_t)source.length;
  NEED(layer->ptr[0] == 0 && layer->ptr[layer->units] == layer->groups, "ptr runs from 0 to the number of groups");
  for (uint32_t j = 0; j < layer->units; j++) NEED(layer->ptr[j] <= layer->ptr[j + 1], "ptr does not fall");
  for (uint32_t j = 0; j < layer->units; j++) for (uint32_t k = layer->ptr[j]; k < layer->ptr[j + 1]; k++) {
    NEED(layer->source[k] < rows, "every source is a row of the layer");
    NEED(k == layer->ptr[j] || layer->source[k - 1] < layer->source[k], "the sources of a unit rise");
  }
  sizes->layers[l].units = layer->units;
  sizes->layers[l].inputs = inputs;
  return entry;
}

// Arguments 5 to 8; `sizes` has the others, its layers are filled in. `from->layers` is malloc'd.
static napi_value g4Read(napi_env env, const napi_value *arg, Model *sizes, G4From *from) {
  napi_value entry, bytes, step;
  View embedding, output, scale, bias;
  double number;
  NEED(sizes->cell != CELL_RNN_RELU && sizes->vocabulary > 0, "int8 is for bounded cells that read tokens");
  G4LayerFrom *layers = calloc(sizes->layerCount, sizeof *layers);
  from->layers = layers;
  if (layers == NULL) return fail(env, "out-of-memory", "not enough memory for the model");
  for (uint32_t l = 0; l < sizes->layerCount; l++) {
    TRY(napi_get_element(env, arg[5], l, &entry));
    if (g4ReadLayer(env, entry, sizes, l, &layers[l]) == NULL) return NULL;
  }
  const uint32_t directions = sizes->bidirectional ? 2 : 1, last = sizes->layers[sizes->layerCount - 1].units;
  sizes->features = directions * last;
  NEED(napi_get_element(env, arg[6], 0, &bytes) == napi_ok && napi_get_element(env, arg[6], 1, &step) == napi_ok && napi_get_value_double(env, step, &number) == napi_ok && number >= 0, "embedding is a pair of bytes and step");
  NEED(view(env, bytes, napi_uint8_array, &embedding) && embedding.length == (size_t)sizes->vocabulary * quads(sizes->layers[0].inputs) * 4, "the embedding is a Uint8Array [vocabulary, rows of inputs, 4]");
  const size_t classes = ((size_t)sizes->outputs + 3) / 4 * 4;
  NEED(napi_get_element(env, arg[7], 0, &bytes) == napi_ok && napi_get_element(env, arg[7], 1, &step) == napi_ok, "output is a pair of weights and scales");
  NEED(view(env, bytes, napi_int8_array, &output) && output.length == classes * directions * quads(last) * 4, "the output is an Int8Array [ceil(outputs / 4), rows of features, 4, 4]");
  NEED(view(env, step, napi_float32_array, &scale) && scale.length == classes, "its scale is a Float32Array [ceil(outputs / 4), 4]");
  NEED(view(env, arg[8], napi_float32_array, &bias) && bias.length == classes, "outputBias is a Float32Array [ceil(outputs / 4), 4]");
  from->embedding = embedding.data; from->step = (float)number;
  from->output = output.data; from->outputScale = scale.data; from->outputBias = bias.data;
  return arg[5];
}
