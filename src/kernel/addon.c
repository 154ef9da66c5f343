// Node-API glue: variants(), load(), release(), infer(), gram(). Calls run in libuv's pool; references keep the typed
// arrays of a call alive until it ends. A model is freed when its handle is released (or collected) and no call uses it.
#include <stdlib.h>
#include "glue.h"

#define REFERENCES_MAX 7

typedef struct { Model *model; } Handle; // NULL once released

typedef struct {
  napi_async_work work;
  napi_deferred deferred;
  napi_ref references[REFERENCES_MAX];
  size_t referenceCount;
  double ms, cpuMs;
  Model *model;     // infer
  Batch batch;
  const Variant *variant; // gram
  const float *values;
  size_t rows, columns;
  double *into;
  bool failed;
} Call;

// variants() -> [{ name, needs, supported, widths }], fastest first
static napi_value listVariants(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value list;
  TRY(napi_create_array(env, &list));
  for (uint32_t v = 0; variants[v] != NULL; v++) {
    napi_value entry, name, needs, supported, widths, width;
    TRY(napi_create_object(env, &entry));
    TRY(napi_create_string_utf8(env, variants[v]->name, NAPI_AUTO_LENGTH, &name));
    TRY(napi_create_string_utf8(env, variants[v]->needs, NAPI_AUTO_LENGTH, &needs));
    TRY(napi_get_boolean(env, variants[v]->supported(), &supported));
    TRY(napi_create_array(env, &widths));
    for (uint32_t w = 0; w < WIDTHS_MAX && variants[v]->widths[w] > 0; w++) {
      TRY(napi_create_uint32(env, variants[v]->widths[w], &width));
      TRY(napi_set_element(env, widths, w, width));
    }
    TRY(napi_set_named_property(env, entry, "name", name));
    TRY(napi_set_named_property(env, entry, "needs", needs));
    TRY(napi_set_named_property(env, entry, "supported", supported));
    TRY(napi_set_named_property(env, entry, "widths", widths));
    TRY(napi_set_element(env, list, v, entry));
  }
  return list;
}

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

// load(variant, units, inputs, vocabulary, outputs, ptr, source, values, bias, embedding, output, outputBias) -> [handle, bytes]
static napi_value load(napi_env env, napi_callback_info info) {
  size_t argc = 12;
  napi_value arg[12], external, bytes, pair;
  TRY(napi_get_cb_info(env, info, &argc, arg, NULL, NULL));
  NEED(argc == 12, "load takes 12 arguments");
  const Variant *variant = variantNamed(env, arg[0]);
  NEED(variant != NULL, "this machine has no such variant");
  Model from = { 0 };
  NEED(whole(env, arg[1], &from.units) && whole(env, arg[2], &from.inputs) && whole(env, arg[3], &from.vocabulary) && whole(env, arg[4], &from.outputs), "sizes are whole numbers");
  NEED(from.units > 0 && from.inputs > 0 && from.vocabulary > 0 && from.outputs > 0, "no size is zero");
  // The row offsets are 32-bit: (inputs + units) rows of at most 64 lanes of 4 bytes.
  NEED((uint64_t)from.units + from.inputs < (1u << 24), "inputs + units is below 2^24");
  View ptr, source, values, bias, embedding, output, outputBias;
  NEED(view(env, arg[5], napi_uint32_array, &ptr) && ptr.length == (size_t)from.units + 1, "ptr is a Uint32Array [units + 1]");
  NEED(view(env, arg[6], napi_uint32_array, &source), "source is a Uint32Array [connections]");
  NEED(view(env, arg[7], napi_float32_array, &values) && values.length == 4 * source.length, "values is a Float32Array [connections, 4]");
  NEED(view(env, arg[8], napi_float32_array, &bias) && bias.length == 4 * (size_t)from.units, "bias is a Float32Array [units, 4]");
  NEED(view(env, arg[9], napi_float32_array, &embedding) && embedding.length == (size_t)from.vocabulary * from.inputs, "embedding is a Float32Array [vocabulary, inputs]");
  const size_t blocks = ((size_t)from.outputs + 3) / 4;
  NEED(view(env, arg[10], napi_float32_array, &output) && output.length == 4 * blocks * from.units, "output is a Float32Array [ceil(outputs / 4), units, 4]");
  NEED(view(env, arg[11], napi_float32_array, &outputBias) && outputBias.length == 4 * blocks, "outputBias is a Float32Array [ceil(outputs / 4), 4]");
  from.ptr = ptr.data; from.source = source.data; from.values = values.data; from.bias = bias.data;
  from.embedding = embedding.data; from.output = output.data; from.outputBias = outputBias.data;
  NEED(source.length < UINT32_MAX && from.ptr[0] == 0 && from.ptr[from.units] == source.length, "ptr runs from 0 to the number of connections");
  from.connections = (uint32_t)source.length;
  for (uint32_t j = 0; j < from.units; j++) NEED(from.ptr[j] <= from.ptr[j + 1], "ptr does not fall");
  for (uint32_t k = 0; k < from.connections; k++) NEED(from.source[k] < from.inputs + from.units, "every source is below inputs + units");
  Handle *handle = malloc(sizeof *handle);
  if (handle != NULL) handle->model = modelLoad(variant, &from);
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

static void drop(napi_env env, Call *call) {
  for (size_t r = 0; r < call->referenceCount; r++) napi_delete_reference(env, call->references[r]);
  if (call->work != NULL) napi_delete_async_work(env, call->work);
  if (call->model != NULL) modelRelease(call->model);
  free(call->batch.rows);
  free(call);
}

static bool keep(napi_env env, Call *call, const View *views, size_t count) {
  for (size_t v = 0; v < count; v++) {
    if (napi_create_reference(env, views[v].value, 1, &call->references[call->referenceCount]) != napi_ok) return false;
    call->referenceCount++;
  }
  return true;
}

// Queues the call and gives its promise; on failure frees the call and throws.
static napi_value queue(napi_env env, Call *call, const char *label, napi_async_execute_callback execute, napi_async_complete_callback complete) {
  napi_value promise, name;
  if (napi_create_string_utf8(env, label, NAPI_AUTO_LENGTH, &name) != napi_ok
    || napi_create_async_work(env, NULL, name, execute, complete, call, &call->work) != napi_ok
    || napi_create_promise(env, &call->deferred, &promise) != napi_ok
    || napi_queue_async_work(env, call->work) != napi_ok) {
    drop(env, call);
    return fail(env, "node-api", "the call could not be queued");
  }
  return promise;
}

static void reject(napi_env env, Call *call, const char *code, uint32_t sequence, const char *message) {
  napi_value text, name, error, index;
  if (napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text) == napi_ok && napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &name) == napi_ok
    && napi_create_error(env, name, text, &error) == napi_ok && napi_create_uint32(env, sequence, &index) == napi_ok
    && napi_set_named_property(env, error, "sequence", index) == napi_ok) napi_reject_deferred(env, call->deferred, error);
}

static void inferExecute(napi_env env, void *data) {
  (void)env;
  Call *call = data;
  const double from = clockMs(CLOCK_MONOTONIC), cpuFrom = clockMs(CLOCK_THREAD_CPUTIME_ID);
  call->model->variant->infer(call->model, &call->batch);
  call->ms = clockMs(CLOCK_MONOTONIC) - from;
  call->cpuMs = clockMs(CLOCK_THREAD_CPUTIME_ID) - cpuFrom;
}

static napi_value inferResult(napi_env env, Call *call) {
  const Batch *b = &call->batch;
  const size_t columns = call->model->inputs + call->model->units, bytes = b->rowCount * columns * sizeof(float);
  napi_value result, steps, ms, cpuMs, rows, buffer, values;
  void *memory;
  TRY(napi_create_object(env, &result));
  TRY(napi_create_uint32(env, b->steps, &steps));
  TRY(napi_create_double(env, call->ms, &ms));
  TRY(napi_create_double(env, call->cpuMs, &cpuMs));
  TRY(napi_create_uint32(env, (uint32_t)b->rowCount, &rows));
  TRY(napi_create_arraybuffer(env, bytes, &memory, &buffer));
  if (bytes > 0) memcpy(memory, b->rows, bytes);
  TRY(napi_create_typedarray(env, napi_float32_array, b->rowCount * columns, buffer, 0, &values));
  TRY(napi_set_named_property(env, result, "steps", steps));
  TRY(napi_set_named_property(env, result, "ms", ms));
  TRY(napi_set_named_property(env, result, "cpuMs", cpuMs));
  TRY(napi_set_named_property(env, result, "rows", rows));
  TRY(napi_set_named_property(env, result, "values", values));
  return result;
}

static void inferComplete(napi_env env, napi_status status, void *data) {
  static const struct { const char *code, *message; } failures[] = {
    [FAILED_MEMORY] = { "out-of-memory", "not enough memory for the batch" },
    [FAILED_TOKEN] = { "bad-token", "a token lies outside the vocabulary" },
    [FAILED_EMPTY] = { "empty", "a sequence has no steps" },
    [FAILED_STATE] = { "bad-state", "a state is not finite" },
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

// infer(handle, tokens, offsets, h, c, labels, confidence, mode, every, phase) -> Promise<{ steps, ms, cpuMs, rows, values }>
static napi_value infer(napi_env env, napi_callback_info info) {
  size_t argc = 10;
  napi_value arg[10];
  TRY(napi_get_cb_info(env, info, &argc, arg, NULL, NULL));
  NEED(argc == 10, "infer takes 10 arguments");
  const Handle *handle = handleOf(env, arg[0]);
  NEED(handle != NULL && handle->model != NULL, "the handle is a loaded model");
  View tokens, offsets, h, c, labels, confidence;
  NEED(view(env, arg[1], napi_int32_array, &tokens), "tokens is an Int32Array [steps]");
  NEED(view(env, arg[2], napi_uint32_array, &offsets) && offsets.length > 0, "offsets is a Uint32Array [sequences + 1]");
  const size_t count = offsets.length - 1, units = handle->model->units;
  const uint32_t *offset = offsets.data;
  NEED(count < UINT32_MAX && offset[0] == 0 && offset[count] == tokens.length, "offsets run from 0 to the number of tokens");
  for (size_t s = 0; s < count; s++) NEED(offset[s] <= offset[s + 1], "offsets do not fall");
  NEED(view(env, arg[3], napi_float32_array, &h) && h.length == count * units, "h is a Float32Array [sequences, units]");
  NEED(view(env, arg[4], napi_float32_array, &c) && c.length == count * units, "c is a Float32Array [sequences, units]");
  uint32_t mode, every, phase;
  NEED(whole(env, arg[7], &mode) && mode <= OUTPUT_CLASSIFY, "mode is 0, 1 or 2");
  const size_t labelled = mode == OUTPUT_TAG ? tokens.length : mode == OUTPUT_CLASSIFY ? count : 0;
  NEED(view(env, arg[5], napi_int32_array, &labels) && labels.length == labelled, "labels is an Int32Array, [steps] for tag and [sequences] for classify");
  NEED(view(env, arg[6], napi_float32_array, &confidence) && confidence.length == (mode == OUTPUT_NONE ? 0 : count), "confidence is a Float32Array [sequences]");
  NEED(whole(env, arg[8], &every) && whole(env, arg[9], &phase), "every and phase are whole numbers");
  Call *call = calloc(1, sizeof *call);
  if (call == NULL) return fail(env, "out-of-memory", "not enough memory for the call");
  call->model = handle->model;
  modelHold(call->model);
  call->batch = (Batch){ .tokens = tokens.data, .offsets = offset, .count = (uint32_t)count, .h = h.data, .c = c.data, .labels = labels.data,
    .confidence = confidence.data, .mode = (OutputMode)mode, .every = every, .phase = phase };
  const View views[] = { tokens, offsets, h, c, labels, confidence };
  if (!keep(env, call, views, 6)) { drop(env, call); return fail(env, "node-api", "napi_create_reference"); }
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
