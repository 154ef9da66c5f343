// As much of Node-API as src/kernel/load.h calls, over plain structures, so that the addon's own checks run without Node.
#pragma once
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

typedef enum { FAKE_NUMBER, FAKE_TEXT, FAKE_LIST, FAKE_TYPED, FAKE_EXTERNAL, FAKE_NULL } FakeKind;
struct napi_value__ {
  FakeKind kind;
  double number;
  const char *text;
  napi_typedarray_type type;
  void *data;               // typed: exactly length elements; external: the pointer
  size_t length;            // typed, list
  napi_value *items;        // list
  napi_finalize collected;  // external
};
struct napi_env__ { const char *thrown, *code; napi_value *arguments; size_t argumentCount; };
struct napi_callback_info__ { int unused; };

// Everything that a case makes is dropped at its end.
static void *fakeMade[4096];
static size_t fakeCount;
static void *fakeKeep(void *memory) {
  if (memory == NULL || fakeCount == sizeof fakeMade / sizeof *fakeMade) abort();
  return fakeMade[fakeCount++] = memory;
}
static void fakeDropAll(void) { while (fakeCount > 0) free(fakeMade[--fakeCount]); }

static napi_value fakeOf(FakeKind kind) {
  napi_value value = fakeKeep(calloc(1, sizeof *value));
  value->kind = kind;
  return value;
}
static napi_value fakeNumber(double number) { napi_value v = fakeOf(FAKE_NUMBER); v->number = number; return v; }
static napi_value fakeText(const char *text) { napi_value v = fakeOf(FAKE_TEXT); v->text = text; return v; }
static napi_value fakeList(size_t length) {
  napi_value v = fakeOf(FAKE_LIST);
  v->length = length;
  v->items = fakeKeep(calloc(length + 1, sizeof *v->items));
  for (size_t i = 0; i < length; i++) v->items[i] = fakeOf(FAKE_NULL);
  return v;
}
static size_t fakeSize(napi_typedarray_type type) { return type <= napi_uint8_clamped_array ? 1 : type <= napi_uint16_array ? 2 : type == napi_float64_array || type >= napi_bigint64_array ? 8 : 4; }
static napi_value fakeTyped(napi_typedarray_type type, size_t length) {
  napi_value v = fakeOf(FAKE_TYPED);
  v->type = type; v->length = length;
  v->data = fakeKeep(calloc(length > 0 ? length : 1, fakeSize(type)));
  if (length == 0) v->data = NULL; // as Node gives it
  return v;
}

napi_status napi_typeof(napi_env env, napi_value v, napi_valuetype *type) {
  (void)env;
  *type = v->kind == FAKE_NUMBER ? napi_number : v->kind == FAKE_TEXT ? napi_string : v->kind == FAKE_EXTERNAL ? napi_external : v->kind == FAKE_NULL ? napi_null : napi_object;
  return napi_ok;
}
napi_status napi_get_value_external(napi_env env, napi_value v, void **data) { (void)env; *data = v->data; return v->kind == FAKE_EXTERNAL ? napi_ok : napi_invalid_arg; }
napi_status napi_get_array_length(napi_env env, napi_value v, uint32_t *length) {
  (void)env;
  if (v->kind != FAKE_LIST) return napi_array_expected;
  *length = (uint32_t)v->length;
  return napi_ok;
}
napi_status napi_get_element(napi_env env, napi_value v, uint32_t index, napi_value *item) {
  (void)env;
  if (v->kind != FAKE_LIST) return napi_object_expected;
  *item = index < v->length ? v->items[index] : fakeOf(FAKE_NULL);
  return napi_ok;
}
napi_status napi_is_typedarray(napi_env env, napi_value v, bool *is) { (void)env; *is = v->kind == FAKE_TYPED; return napi_ok; }
napi_status napi_get_typedarray_info(napi_env env, napi_value v, napi_typedarray_type *type, size_t *length, void **data, napi_value *buffer, size_t *offset) {
  (void)env; (void)buffer; (void)offset;
  *type = v->type; *length = v->length; *data = v->data;
  return napi_ok;
}
napi_status napi_get_value_double(napi_env env, napi_value v, double *number) { (void)env; *number = v->number; return v->kind == FAKE_NUMBER ? napi_ok : napi_number_expected; }
napi_status napi_get_value_string_utf8(napi_env env, napi_value v, char *to, size_t room, size_t *length) {
  (void)env;
  if (v->kind != FAKE_TEXT) return napi_string_expected;
  *length = strnlen(v->text, room - 1);
  memcpy(to, v->text, *length);
  to[*length] = 0;
  return napi_ok;
}
napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t *count, napi_value *arguments, napi_value *self, void **data) {
  (void)info; (void)self; (void)data;
  for (size_t i = 0; i < *count; i++) arguments[i] = i < env->argumentCount ? env->arguments[i] : fakeOf(FAKE_NULL);
  *count = env->argumentCount;
  return napi_ok;
}
napi_status napi_create_external(napi_env env, void *data, napi_finalize collected, void *hint, napi_value *v) {
  (void)env; (void)hint;
  *v = fakeOf(FAKE_EXTERNAL);
  (*v)->data = data;
  (*v)->collected = collected;
  return napi_ok;
}
napi_status napi_create_double(napi_env env, double number, napi_value *v) { (void)env; *v = fakeNumber(number); return napi_ok; }
napi_status napi_create_array(napi_env env, napi_value *v) { (void)env; *v = fakeList(8); return napi_ok; }
napi_status napi_set_element(napi_env env, napi_value v, uint32_t index, napi_value item) { (void)env; v->items[index] = item; return napi_ok; }
napi_status napi_throw_error(napi_env env, const char *code, const char *message) { env->code = code; env->thrown = message; return napi_ok; }
napi_status napi_is_exception_pending(napi_env env, bool *pending) { *pending = env->thrown != NULL; return napi_ok; }
