// Node-API: variants(), load(), release(), infer(), gram(). Calls run in libuv's pool; references keep the typed arrays
// of a call alive until it ends. A model is freed when its handle is released (or collected) and no call uses it.
#include "call.h"
#include "load.h"

// variants() -> [{ name, needs, precision, supported, widths }]
static napi_value listVariants(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value list;
  TRY(napi_create_array(env, &list));
  for (uint32_t v = 0; variants[v] != NULL; v++) {
    napi_value entry, name, needs, precision, supported, widths, width;
    TRY(napi_create_object(env, &entry));
    TRY(napi_create_string_utf8(env, variants[v]->name, NAPI_AUTO_LENGTH, &name));
    TRY(napi_create_string_utf8(env, variants[v]->needs, NAPI_AUTO_LENGTH, &needs));
    TRY(napi_create_string_utf8(env, variants[v]->words > 0 ? "int8-g4" : "fp32", NAPI_AUTO_LENGTH, &precision));
    TRY(napi_get_boolean(env, variants[v]->supported(), &supported));
    TRY(napi_create_array(env, &widths));
    for (uint32_t w = 0; w < WIDTHS_MAX && variants[v]->widths[w] > 0; w++) {
      TRY(napi_create_uint32(env, variants[v]->widths[w], &width));
      TRY(napi_set_element(env, widths, w, width));
    }
    TRY(napi_set_named_property(env, entry, "name", name));
    TRY(napi_set_named_property(env, entry, "needs", needs));
    TRY(napi_set_named_property(env, entry, "precision", precision));
    TRY(napi_set_named_property(env, entry, "supported", supported));
    TRY(napi_set_named_property(env, entry, "widths", widths));
    TRY(napi_set_element(env, list, v, entry));
  }
  return list;
}

static void inferExecute(napi_env env, void *data) {
  (void)env;
  Call *call = data;
  const double from = clockMs(CLOCK_MONOTONIC), cpuFrom = clockMs(CLOCK_THREAD_CPUTIME_ID);
  call->model->variant->infer(call->model, &call->batch);
  call->ms = clockMs(CLOCK_MONOTONIC) - from;
  call->cpuMs = clockMs(CLOCK_THREAD_CPUTIME_ID) - cpuFrom;
}

// values: what each layer read in the sampled steps, [rows, columns]
static napi_value inferResult(napi_env env, Call *call) {
  const Batch *b = &call->batch;
  napi_value result, steps, ms, cpuMs, rows, list, buffer, values;
  void *memory;
  TRY(napi_create_object(env, &result));
  TRY(napi_create_uint32(env, b->steps, &steps));
  TRY(napi_create_double(env, call->ms, &ms));
  TRY(napi_create_double(env, call->cpuMs, &cpuMs));
  TRY(napi_create_uint32(env, b->samples == NULL ? 0 : (uint32_t)b->samples[0].rows, &rows));
  TRY(napi_create_array(env, &list));
  for (uint32_t l = 0; b->samples != NULL && l < call->model->layerCount; l++) {
    const size_t length = b->samples[l].rows * b->samples[l].columns;
    TRY(napi_create_arraybuffer(env, length * sizeof(float), &memory, &buffer));
    if (length > 0) memcpy(memory, b->samples[l].values, length * sizeof(float));
    TRY(napi_create_typedarray(env, napi_float32_array, length, buffer, 0, &values));
    TRY(napi_set_element(env, list, l, values));
  }
  TRY(napi_set_named_property(env, result, "steps", steps));
  TRY(napi_set_named_property(env, result, "ms", ms));
  TRY(napi_set_named_property(env, result, "cpuMs", cpuMs));
  TRY(napi_set_named_property(env, result, "rows", rows));
  TRY(napi_set_named_property(env, result, "values", list));
  return result;
}

static void inferComplete(napi_env env, napi_status status, void *data) {
  static const struct { const char *code, *message; } failures[] = {
    [FAILED_MEMORY] = { "out-of-memory", "not enough memory for the batch" },
    [FAILED_TOKEN] = { "bad-token", "a token lies outside the vocabulary" },
    [FAILED_EMPTY] = { "empty", "a sequence has no steps" },
    [FAILED_STATE] = { "bad-state", "a state is not finite" },
    [FAILED_FRAME] = { "bad-frame", "a frame is not finite" },
  };
  Call *call = data;
  napi_value result;
  if (status != napi_ok) reject(env, call, "cancelled", 0, "the call was cancelled");
  else if (call->batch.failure != FAILED_NOT) reject(env, call, failures[call->batch.failure].code, call->batch.failedAt, failures[call->batch.failure].message);
  else if ((result = inferResult(env, call)) != NULL) napi_resolve_deferred(env, call->deferred, result);
  else {
    napi_value error;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_reject_deferred(env, call->deferred, error);
  }
  drop(env, call);
}

// infer(handle, inputs, offsets, h, c, labels, values, confidence, mode, every, phase, top, best, chances, activity)
// -> Promise<{ steps, ms, cpuMs, rows, values }>
static napi_value infer(napi_env env, napi_callback_info info) {
  size_t argc = 15;
  napi_value arg[15];
  TRY(napi_get_cb_info(env, info, &argc, arg, NULL, NULL));
  NEED(argc == 15, "infer takes 15 arguments");
  const Handle *handle = handleOf(env, arg[0]);
  NEED(handle != NULL && handle->model != NULL, "the handle is a loaded model");
  const Model *model = handle->model;
  View inputs, offsets, h, c, labels, values, confidence, best, chances, activity;
  NEED(view(env, arg[2], napi_uint32_array, &offsets) && offsets.length > 0, "offsets is a Uint32Array [sequences + 1]");
  const size_t count = offsets.length - 1, units = model->stateUnits;
  const uint32_t *offset = offsets.data;
  const size_t steps = offset[count];
  NEED(count < UINT32_MAX && offset[0] == 0, "offsets start at 0");
  for (size_t s = 0; s < count; s++) NEED(offset[s] <= offset[s + 1], "offsets do not fall");
  if (model->vocabulary > 0) NEED(view(env, arg[1], napi_int32_array, &inputs) && inputs.length == steps, "inputs is an Int32Array [steps]");
  else NEED(view(env, arg[1], napi_float32_array, &inputs) && inputs.length == steps * model->layers[0].inputs, "inputs is a Float32Array [steps, inputs]");
  NEED(view(env, arg[3], napi_float32_array, &h) && h.length == count * units, "h is a Float32Array [sequences, units of all layers]");
  NEED(view(env, arg[4], napi_float32_array, &c) && c.length == (model->cell == CELL_LSTM ? count * units : 0), "c is a Float32Array [sequences, units of all layers], empty but for the LSTM");
  uint32_t mode, every, phase, top;
  NEED(whole(env, arg[8], &mode) && mode <= OUTPUT_REGRESS && !(mode == OUTPUT_TAG && model->bidirectional), "mode is 0 to 3, and not 1 (tag) where bidirectional");
  const bool labelling = mode == OUTPUT_TAG || mode == OUTPUT_CLASSIFY;
  NEED(view(env, arg[5], napi_int32_array, &labels) && labels.length == (mode == OUTPUT_TAG ? steps : mode == OUTPUT_CLASSIFY ? count : 0), "labels is an Int32Array, [steps] for tag and [sequences] for classify");
  NEED(view(env, arg[6], napi_float32_array, &values) && values.length == (mode == OUTPUT_REGRESS ? count * model->outputs : 0), "values is a Float32Array, [sequences, outputs] for regress");
  NEED(view(env, arg[7], napi_float32_array, &confidence) && confidence.length == (labelling ? count : 0), "confidence is a Float32Array, [sequences] for tag and classify");
  NEED(whole(env, arg[9], &every) && whole(env, arg[10], &phase), "every and phase are whole numbers");
  NEED(whole(env, arg[11], &top) && top >= 1 && top <= TOP_MAX && top <= model->outputs, "top is 1 to 16, and no more than there are outputs");
  const size_t ranked = top > 1 && labelling ? labels.length * top : 0;
  NEED(view(env, arg[12], napi_int32_array, &best) && best.length == ranked, "best is an Int32Array [labels, top], empty where top is 1");
  NEED(view(env, arg[13], napi_float32_array, &chances) && chances.length == ranked, "chances is a Float32Array [labels, top], empty where top is 1");
  NEED(view(env, arg[14], napi_float64_array, &activity) && activity.length == 2 * units, "activity is a Float64Array [2, units of all layers]");
  Call *call = calloc(1, sizeof *call);
  if (call == NULL) return fail(env, "out-of-memory", "not enough memory for the call");
  call->model = handle->model;
  modelHold(call->model);
  call->batch = (Batch){ .tokens = model->vocabulary > 0 ? inputs.data : NULL, .frames = model->vocabulary > 0 ? NULL : inputs.data, .offsets = offset, .count = (uint32_t)count,
    .h = h.data, .c = c.data, .labels = labels.data, .values = values.data, .confidence = confidence.data, .mode = (OutputMode)mode, .every = every, .phase = phase,
    .top = top, .best = best.data, .chances = chances.data, .activity = activity.data };
  const View views[] = { inputs, offsets, h, c, labels, values, confidence, best, chances, activity };
  if (!keep(env, call, views, sizeof views / sizeof *views)) { drop(env, call); return fail(env, "node-api", "napi_create_reference"); }
  return queue(env, call, "espalier:infer", inferExecute, inferComplete);
}

static void gramExecute(napi_env env, void *data) {
  (void)env;
  Call *call = data;
  const double from = clockMs(CLOCK_THREAD_CPUTIME_ID);
  call->failed = !call->variant->gram(call->values, call->rows, call->columns, call->into);
  call->cpuMs = clockMs(CLOCK_THREAD_CPUTIME_ID) - from;
}

static void gramComplete(napi_env env, napi_status status, void *data) {
  Call *call = data;
  napi_value cpuMs;
  if (status != napi_ok || call->failed) reject(env, call, "out-of-memory", 0, "not enough memory for the second moments");
  else if (napi_create_double(env, call->cpuMs, &cpuMs) == napi_ok) napi_resolve_deferred(env, call->deferred, cpuMs);
  drop(env, call);
}

// gram(variant, values, rows, columns, into) -> Promise<number>, its CPU time in milliseconds
static napi_value gram(napi_env env, napi_callback_info info) {
  size_t argc = 5;
  napi_value arg[5];
  TRY(napi_get_cb_info(env, info, &argc, arg, NULL, NULL));
  NEED(argc == 5, "gram takes 5 arguments");
  const Variant *variant = variantNamed(env, arg[0]);
  NEED(variant != NULL, "this machine has no such variant");
  View values, into;
  uint32_t rows, columns;
  NEED(whole(env, arg[2], &rows) && whole(env, arg[3], &columns), "rows and columns are whole numbers");
  NEED(view(env, arg[1], napi_float32_array, &values) && values.length == (size_t)rows * columns, "values is a Float32Array [rows, columns]");
  const size_t size = (size_t)columns + 1;
  NEED(view(env, arg[4], napi_float64_array, &into) && into.length == size * (size + 1) / 2, "into is a Float64Array [(columns + 1) (columns + 2) / 2]");
  Call *call = calloc(1, sizeof *call);
  if (call == NULL) return fail(env, "out-of-memory", "not enough memory for the call");
  call->variant = variant; call->values = values.data; call->rows = rows; call->columns = columns; call->into = into.data;
  const View views[] = { values, into };
  if (!keep(env, call, views, 2)) { drop(env, call); return fail(env, "node-api", "napi_create_reference"); }
  return queue(env, call, "espalier:gram", gramExecute, gramComplete);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
    { "variants", NULL, listVariants, NULL, NULL, NULL, napi_enumerable, NULL }, { "load", NULL, load, NULL, NULL, NULL, napi_enumerable, NULL },
    { "release", NULL, release, NULL, NULL, NULL, napi_enumerable, NULL }, { "infer", NULL, infer, NULL, NULL, NULL, napi_enumerable, NULL },
    { "gram", NULL, gram, NULL, NULL, NULL, napi_enumerable, NULL },
  };
  TRY(napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions));
  return exports;
}
