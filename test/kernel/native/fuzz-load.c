// Fuzz target of load(): bytes become the arguments of a model that is nearly right, in fp32 or in int8, src/kernel/load.h and
// g4-load.h check them, and
// what it lets through must be safe to run. Linked with a fuzzer's main, or with fuzz-driver.c.
#include <math.h>
#include "fake-node-api.h"
#include "../../../src/kernel/load.h"

unsigned long loadedAndRun[2]; // in fp32 and in int8, for fuzz-driver.c
long allocationsLeft = -1; // see allocations.h: none fails here

typedef struct { const uint8_t *at; size_t left; } Bytes;

static uint32_t byte(Bytes *b) {
  if (b->left == 0) return 0;
  b->left--;
  return *b->at++;
}
static uint32_t word(Bytes *b) { uint32_t x = byte(b); x |= byte(b) << 8; x |= byte(b) << 16; return x | byte(b) << 24; }
// One time in 64 (a byte below 4) something else than what is right.
static bool wrong(Bytes *b) { return b->left > 0 && byte(b) < 4; }
static double numberOf(Bytes *b, double right) {
  if (!wrong(b)) return right;
  switch (byte(b) % 6) {
    case 0: return right + 1;
    case 1: return right - 1;
    case 2: return NAN;
    case 3: return 4294967295.0;
    case 4: return right + 0.5;
    default: return (double)word(b);
  }
}
static napi_value otherKind(Bytes *b) {
  switch (byte(b) % 4) {
    case 0: return fakeOf(FAKE_NULL);
    case 1: return fakeText("avx2");
    case 2: return fakeList(byte(b) % 10);
    default: return fakeNumber(word(b));
  }
}
static napi_value typedOf(Bytes *b, napi_typedarray_type type, size_t length) {
  if (wrong(b)) return otherKind(b);
  if (wrong(b)) type = (napi_typedarray_type)(byte(b) % 11);
  if (wrong(b)) length = byte(b) % 2 ? length + 1 + byte(b) : length / 2;
  return fakeTyped(type, length);
}
// Small numbers; one time in 64 any bits at all.
static napi_value floatsOf(Bytes *b, size_t length) {
  napi_value v = typedOf(b, napi_float32_array, length);
  if (v->kind != FAKE_TYPED || v->type != napi_float32_array) return v;
  for (size_t i = 0; i < v->length; i++) {
    const uint32_t small = byte(b), bits = small < 4 ? word(b) : 0;
    float x = ((float)small - 128) / 64;
    if (small < 4) memcpy(&x, &bits, sizeof x);
    ((float *)v->data)[i] = x;
  }
  return v;
}

// Whole numbers of one byte: no bits of it are wrong.
static napi_value smallOf(Bytes *b, napi_typedarray_type type, size_t length) {
  napi_value v = typedOf(b, type, length);
  if (v->kind == FAKE_TYPED && fakeSize(v->type) == 1) for (size_t i = 0; i < v->length; i++) ((uint8_t *)v->data)[i] = (uint8_t)byte(b);
  return v;
}

// Sizes, ptr and sources, the first four parts of a layer whose units read some of `rows`. Returns the number of sources.
static uint32_t sourcesOf(Bytes *b, napi_value list, uint32_t units, uint32_t inputs, uint32_t rows) {
  uint32_t source[2048], count = 0;
  napi_value ptr = typedOf(b, napi_uint32_array, (size_t)units + 1);
  uint32_t *starts = ptr->kind == FAKE_TYPED && ptr->type == napi_uint32_array ? ptr->data : NULL;
  for (uint32_t j = 0; j < units; j++) {
    for (uint32_t k = byte(b) % 8; k < rows && count < 2048; k += 1 + byte(b) % 8) source[count++] = wrong(b) ? word(b) : k;
    if (starts != NULL && j + 1 < ptr->length) starts[j + 1] = wrong(b) ? word(b) : count;
  }
  napi_value sources = typedOf(b, napi_uint32_array, count);
  if (sources->kind == FAKE_TYPED && sources->data != NULL) memcpy(sources->data, source, (sources->length < count ? sources->length : count) * (fakeSize(sources->type) < 4 ? 1 : 4));
  list->items[0] = fakeNumber(numberOf(b, units));
  list->items[1] = fakeNumber(numberOf(b, inputs));
  list->items[2] = ptr;
  list->items[3] = sources;
  return count;
}

static napi_value layerOf(Bytes *b, Cell cell, uint32_t units, uint32_t inputs) {
  napi_value list = fakeList(6);
  const uint32_t count = sourcesOf(b, list, units, inputs, inputs + units);
  list->items[4] = floatsOf(b, (size_t)count * gatesOf(cell));
  list->items[5] = floatsOf(b, (size_t)biasesOf(cell) * units);
  return wrong(b) ? otherKind(b) : list;
}

// The same in groups of four, which stand in rows of four sources. @param below rows of what the layer reads
static napi_value g4LayerOf(Bytes *b, Cell cell, uint32_t units, uint32_t inputs, uint32_t below) {
  napi_value list = fakeList(7);
  const uint32_t count = sourcesOf(b, list, units, inputs, below + quads(units));
  list->items[4] = smallOf(b, napi_int8_array, (size_t)count * gatesOf(cell) * 4);
  list->items[5] = floatsOf(b, (size_t)g4SumsOf(cell) * units);
  list->items[6] = floatsOf(b, (size_t)g4SumsOf(cell) * units);
  return wrong(b) ? otherKind(b) : list;
}

static napi_value pairOf(Bytes *b, napi_value first, napi_value second) {
  napi_value list = fakeList(2);
  list->items[0] = first;
  list->items[1] = second;
  return wrong(b) ? otherKind(b) : list;
}

// What was let through runs: so many sequences, every mode, every step sampled.
static void runModel(Model *m, const uint32_t count) {
  enum { COUNT = 65 };
  const uint32_t inputs = m->layers[0].inputs;
  if ((uint64_t)m->stateUnits * COUNT > 1u << 22 || (uint64_t)m->outputs * m->features > 1u << 22) return;
  for (int mode = 0; mode <= OUTPUT_REGRESS; mode++) {
    if (mode == OUTPUT_TAG && m->bidirectional) continue;
    uint32_t offsets[COUNT + 1] = { 0 };
    for (uint32_t s = 0; s < count; s++) offsets[s + 1] = offsets[s] + 1 + (s % 3 == 0);
    const uint32_t steps = offsets[count];
    Batch b = { .offsets = offsets, .count = count, .mode = (OutputMode)mode, .every = 1 };
    int32_t *tokens = calloc(steps, sizeof *tokens);
    float *frames = calloc((size_t)steps * inputs, sizeof *frames);
    for (uint32_t t = 0; t < steps && m->vocabulary > 0; t++) tokens[t] = (int32_t)(t % m->vocabulary);
    b.tokens = m->vocabulary > 0 ? tokens : NULL;
    b.frames = m->vocabulary > 0 ? NULL : frames;
    b.h = calloc(COUNT * m->stateUnits, sizeof(float));
    b.c = calloc(m->cell == CELL_LSTM ? COUNT * m->stateUnits : 1, sizeof(float));
    b.labels = calloc(steps, sizeof(int32_t));
    b.values = calloc((size_t)COUNT * m->outputs, sizeof(float));
    b.confidence = calloc(COUNT, sizeof(float));
    b.top = m->outputs < TOP_MAX ? m->outputs : TOP_MAX;
    b.best = calloc((size_t)steps * b.top, sizeof(int32_t));
    b.chances = calloc((size_t)steps * b.top, sizeof(float));
    b.activity = calloc(2 * m->stateUnits, sizeof(double));
    m->variant->infer(m, &b);
    if (b.failure != FAILED_NOT) abort();
    for (uint32_t l = 0; l < m->layerCount; l++) free(b.samples[l].values);
    free(b.samples); free(tokens); free(frames); free(b.h); free(b.c); free(b.labels); free(b.values); free(b.confidence); free(b.best); free(b.chances); free(b.activity);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Bytes b = { data, size };
  struct napi_env__ env = { 0 };
  napi_value arg[9];
  size_t supported = 0, pick = byte(&b);
  for (size_t v = 0; variants[v] != NULL; v++) if (variants[v]->supported()) supported++;
  const Variant *variant = NULL;
  for (size_t v = 0, at = 0; variants[v] != NULL; v++) if (variants[v]->supported() && at++ == pick % supported) variant = variants[v];
  const uint32_t cell = byte(&b) % CELLS, bidirectional = byte(&b) % 2, directions = 1 + bidirectional, layers = directions * (1 + byte(&b) % 3);
  const bool g4 = strstr(variant->name, "-g4") != NULL;
  const uint32_t vocabulary = byte(&b) % 2 && !(g4 && byte(&b) % 8) ? 0 : 1 + byte(&b) % 8, outputs = 1 + byte(&b) % 9;
  const uint32_t inputs = 1 + byte(&b) % 9;
  arg[0] = wrong(&b) ? otherKind(&b) : fakeText(variant->name);
  arg[1] = fakeNumber(numberOf(&b, cell));
  arg[2] = fakeNumber(numberOf(&b, bidirectional));
  arg[3] = fakeNumber(numberOf(&b, vocabulary));
  arg[4] = fakeNumber(numberOf(&b, outputs));
  arg[5] = fakeList(layers);
  uint32_t units = 1, below = inputs, rows = quads(inputs);
  for (uint32_t l = 0; l < layers; l++) {
    if (l % directions == 0) units = 1 + byte(&b) % 19;
    arg[5]->items[l] = g4 ? g4LayerOf(&b, (Cell)cell, units, below, rows) : layerOf(&b, (Cell)cell, units, below);
    if (l % directions == directions - 1) { below = directions * units; rows = directions * quads(units); }
  }
  if (wrong(&b)) arg[5] = otherKind(&b);
  const size_t classes = (size_t)(outputs + 3) / 4 * 4;
  if (g4) {
    arg[6] = pairOf(&b, smallOf(&b, napi_uint8_array, (size_t)vocabulary * quads(inputs) * 4), fakeNumber(numberOf(&b, 0.01)));
    arg[7] = pairOf(&b, smallOf(&b, napi_int8_array, classes * rows * 4), floatsOf(&b, classes));
  } else {
    arg[6] = floatsOf(&b, (size_t)vocabulary * inputs);
    arg[7] = floatsOf(&b, classes * below);
  }
  arg[8] = floatsOf(&b, classes);
  env.arguments = arg;
  env.argumentCount = wrong(&b) ? byte(&b) % 9 : 9;
  napi_value pair = load(&env, NULL);
  if ((pair == NULL) != (env.thrown != NULL)) abort();
  if (pair != NULL) {
    napi_value handle[] = { pair->items[0] };
    // One lane, a few, and one sequence more than the widest block.
    const uint32_t counts[] = { 1, 4, 65 };
    for (int i = 0; i < 3; i++) runModel(((Handle *)handle[0]->data)->model, counts[i]);
    if (byte(&b) % 2) { // released by hand, then collected; or collected only
      env.arguments = handle;
      env.argumentCount = 1;
      release(&env, NULL);
    }
    handle[0]->collected(&env, handle[0]->data, NULL);
  }
  fakeDropAll();
  if (pair != NULL) loadedAndRun[g4]++;
  return 0;
}
