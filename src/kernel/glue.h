// Checked conversions between JavaScript values and C, and errors with a code.
#pragma once
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "kernel.h"

typedef struct { void *data; size_t length; napi_value value; } View;

static napi_value fail(napi_env env, const char *code, const char *message) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) napi_throw_error(env, code, message);
  return NULL;
}
#define TRY(call) do { if ((call) != napi_ok) return fail(env, "node-api", #call); } while (0)
#define NEED(condition, message) do { if (!(condition)) return fail(env, "bad-argument", message); } while (0)

static bool view(napi_env env, napi_value value, napi_typedarray_type type, View *out) {
  bool typed = false;
  napi_typedarray_type is;
  out->value = value;
  return napi_is_typedarray(env, value, &typed) == napi_ok && typed
    && napi_get_typedarray_info(env, value, &is, &out->length, &out->data, NULL, NULL) == napi_ok && is == type;
}

static bool whole(napi_env env, napi_value value, uint32_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= 0 && number <= 4294967295.0)) return false;
  *out = (uint32_t)number;
  return (double)*out == number;
}

static const Variant *variantNamed(napi_env env, napi_value value) {
  char name[32];
  size_t length;
  if (napi_get_value_string_utf8(env, value, name, sizeof name, &length) != napi_ok) return NULL;
  for (size_t v = 0; variants[v] != NULL; v++) if (strcmp(variants[v]->name, name) == 0 && variants[v]->supported()) return variants[v];
  return NULL;
}

static double clockMs(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}
