// A call in libuv's pool: its life, its promise, and the references that keep its arrays alive.
#pragma once
#include "glue.h"

#define REFERENCES_MAX 10

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

static void drop(napi_env env, Call *call) {
  for (size_t r = 0; r < call->referenceCount; r++) napi_delete_reference(env, call->references[r]);
  if (call->work != NULL) napi_delete_async_work(env, call->work);
  for (uint32_t l = 0; call->batch.samples != NULL && l < call->model->layerCount; l++) free(call->batch.samples[l].values);
  free(call->batch.samples);
  if (call->model != NULL) modelRelease(call->model);
  free(call);
}

static bool keep(napi_env env, Call *call, const View *views, size_t count) {
  for (size_t v = 0; v < count; v++) {
    if (views[v].length == 0) continue; // nothing of it is touched
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
