// A ragged batch on a block of lanes. Sequences start longest first; a lane whose sequence ends takes the next one,
// and when none waits, the last lane moves into the gap. So lanes 0 to active - 1 always work, and the vectors beyond
// them are not computed.
#pragma once
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cell.h"

typedef struct { uint32_t sequence, steps; } Waiting;

typedef struct {
  const Model *model;
  Batch *batch;
  const uint32_t *offset; // of the chosen width
  size_t lanes;
  float *now, *next;      // [inputs + units, lanes] x(t) and h(t-1); h(t) goes to the lower rows of next
  float *c;               // [units, lanes]
  float *ended;           // [units, lanes] last h of ended sequences, for classify
  uint32_t endedCount, endedSequence[LANES_MAX];
  Waiting *order;         // [count] longest first
  uint32_t taken, active;
  uint32_t sequence[LANES_MAX], position[LANES_MAX], left[LANES_MAX];
  double confidence[LANES_MAX];
  int32_t label[LANES_MAX] __attribute__((aligned(64)));
  float probability[LANES_MAX] __attribute__((aligned(64)));
} Lanes;

static int longestFirst(const void *a, const void *b) {
  const Waiting *x = a, *y = b;
  if (x->steps != y->steps) return x->steps < y->steps ? 1 : -1;
  return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

// Every vector pass over `active` lanes, widest first.
#define OVER_VECTORS(active, pass) do { \
    for (size_t at = 0; at < (active); at += VW * NV_MAX) { \
      const size_t vectors = ((active) - at + VW - 1) / VW; \
      if (NV_MAX >= 4 && vectors >= 4) pass(4); \
      else if (NV_MAX >= 4 && vectors == 3) pass(3); \
      else if (vectors >= 2) pass(2); \
      else pass(1); \
    } } while (0)
#define NV_OF(n) ((n) < NV_MAX ? (n) : NV_MAX)

static __attribute__((noinline)) void runCell(Lanes *l) {
  const size_t rows = l->model->inputs * l->lanes;
#define PASS(n) cellPass(NV_OF(n), l->model, l->offset, l->lanes, l->now + at, l->c + at, l->next + rows + at)
  OVER_VECTORS(l->active, PASS);
#undef PASS
}

// Labels and probabilities of the first `count` lanes of h.
static __attribute__((noinline)) void runOutput(Lanes *l, const float *h, size_t count) {
#define PASS(n) outputPass(NV_OF(n), l->model, l->lanes, h + at, l->label + at, l->probability + at)
  OVER_VECTORS(count, PASS);
#undef PASS
}

static void classifyEnded(Lanes *l) {
  if (l->endedCount == 0) return;
  runOutput(l, l->ended, l->endedCount);
  for (uint32_t i = 0; i < l->endedCount; i++) {
    l->batch->labels[l->endedSequence[i]] = l->label[i];
    l->batch->confidence[l->endedSequence[i]] = l->probability[i];
  }
  l->endedCount = 0;
}

// Puts the next waiting sequence into a lane: its state becomes the column of h and c.
static void take(Lanes *l, uint32_t lane) {
  const Waiting next = l->order[l->taken++];
  const size_t units = l->model->units, lanes = l->lanes, from = next.sequence * units;
  float *h = l->now + l->model->inputs * lanes + lane, *c = l->c + lane;
  for (size_t j = 0; j < units; j++) { h[j * lanes] = l->batch->h[from + j]; c[j * lanes] = l->batch->c[from + j]; }
  l->sequence[lane] = next.sequence;
  l->position[lane] = l->batch->offsets[next.sequence];
  l->left[lane] = next.steps;
  l->confidence[lane] = 0;
}

static void finish(Lanes *l, uint32_t lane) {
  Batch *b = l->batch;
  const size_t units = l->model->units, lanes = l->lanes, to = l->sequence[lane] * units;
  const float *h = l->now + l->model->inputs * lanes + lane, *c = l->c + lane;
  for (size_t j = 0; j < units; j++) { b->h[to + j] = h[j * lanes]; b->c[to + j] = c[j * lanes]; }
  if (b->mode == OUTPUT_TAG) {
    const uint32_t s = l->sequence[lane];
    b->confidence[s] = (float)(l->confidence[lane] / (b->offsets[s + 1] - b->offsets[s]));
  } else if (b->mode == OUTPUT_CLASSIFY) {
    for (size_t j = 0; j < units; j++) l->ended[j * lanes + l->endedCount] = h[j * lanes];
    l->endedSequence[l->endedCount++] = l->sequence[lane];
    if (l->endedCount == lanes) classifyEnded(l);
  }
}

// The last lane moves into one that has nothing left to do.
static void close(Lanes *l, uint32_t lane) {
  const uint32_t last = --l->active;
  if (lane == last) return;
  const size_t units = l->model->units, lanes = l->lanes;
  float *h = l->now + l->model->inputs * lanes, *c = l->c;
  for (size_t j = 0; j < units; j++) { h[j * lanes + lane] = h[j * lanes + last]; c[j * lanes + lane] = c[j * lanes + last]; }
  l->sequence[lane] = l->sequence[last];
  l->position[lane] = l->position[last];
  l->left[lane] = l->left[last];
  l->confidence[lane] = l->confidence[last];
}

// Four lanes by four inputs at a time: embedding rows become columns of the x rows.
INLINE void transpose4(const float *const row[4], size_t e, float *to, size_t lanes) {
  Quad r[4];
  for (int i = 0; i < 4; i++) r[i] = *(const QuadLoose *)(row[i] + e);
  typedef int32_t Pick __attribute__((vector_size(16)));
#if defined(__clang__)
  (void)sizeof(Pick);
#define PICK(a, b, i, j, k, m) __builtin_shufflevector(a, b, i, j, k, m)
#else
#define PICK(a, b, i, j, k, m) __builtin_shuffle(a, b, (Pick){ i, j, k, m })
#endif
  const Quad lo01 = PICK(r[0], r[1], 0, 4, 1, 5), hi01 = PICK(r[0], r[1], 2, 6, 3, 7);
  const Quad lo23 = PICK(r[2], r[3], 0, 4, 1, 5), hi23 = PICK(r[2], r[3], 2, 6, 3, 7);
  *(Quad *)(to) = PICK(lo01, lo23, 0, 1, 4, 5);
  *(Quad *)(to + lanes) = PICK(lo01, lo23, 2, 3, 6, 7);
  *(Quad *)(to + 2 * lanes) = PICK(hi01, hi23, 0, 1, 4, 5);
  *(Quad *)(to + 3 * lanes) = PICK(hi01, hi23, 2, 3, 6, 7);
#undef PICK
}

static void embed(Lanes *l) {
  const size_t inputs = l->model->inputs, lanes = l->lanes;
  for (uint32_t first = 0; first < l->active; first += 4) {
    const float *row[4];
    for (uint32_t i = 0; i < 4; i++) { // beyond the active lanes: any row will do
      const uint32_t lane = first + i < l->active ? first + i : first;
      row[i] = l->model->embedding + (size_t)l->batch->tokens[l->position[lane]] * inputs;
    }
    size_t e = 0;
    for (; e + 4 <= inputs; e += 4) transpose4(row, e, l->now + e * lanes + first, lanes);
    for (; e < inputs; e++) for (int i = 0; i < 4; i++) l->now[e * lanes + first + i] = row[i][e];
  }
}

// Appends [x(t); h(t-1)] of every active lane; false when memory is short.
static bool sample(Lanes *l) {
  Batch *b = l->batch;
  const size_t columns = l->model->inputs + l->model->units;
  if (b->rowCount + l->active > b->rowRoom) {
    const size_t room = 2 * b->rowRoom + l->active;
    float *rows = realloc(b->rows, room * columns * sizeof(float));
    if (rows == NULL) return false;
    b->rows = rows;
    b->rowRoom = room;
  }
  float *to = b->rows + b->rowCount * columns;
  for (size_t k = 0; k < columns; k++) for (uint32_t i = 0; i < l->active; i++) to[i * columns + k] = l->now[k * l->lanes + i];
  b->rowCount += l->active;
  return true;
}

// After a step: labels of the step, ended sequences out, waiting ones in.
static void settle(Lanes *l) {
  Batch *b = l->batch;
  if (b->mode == OUTPUT_TAG) {
    runOutput(l, l->now + l->model->inputs * l->lanes, l->active);
    for (uint32_t i = 0; i < l->active; i++) { b->labels[l->position[i]] = l->label[i]; l->confidence[i] += (double)l->probability[i]; }
  }
  for (uint32_t lane = l->active; lane-- > 0;) { // backwards: a lane that moves into the gap has been looked at
    l->position[lane]++;
    if (--l->left[lane] > 0) continue;
    finish(l, lane);
    if (l->taken < b->count) take(l, lane);
    else close(l, lane);
  }
}

// Nothing is computed before everything was found to be good. FAILED_NOT, or what is wrong with which sequence.
static Failure check(const Model *model, Batch *b) {
  for (uint32_t s = 0; s < b->count; s++) {
    b->failedAt = s;
    if (b->offsets[s] >= b->offsets[s + 1]) return FAILED_EMPTY;
    for (uint32_t t = b->offsets[s]; t < b->offsets[s + 1]; t++) {
      if (b->tokens[t] < 0 || (uint32_t)b->tokens[t] >= model->vocabulary) return FAILED_TOKEN;
    }
    const size_t from = (size_t)s * model->units;
    float sum = 0; // x - x is 0 for every finite x, and NaN otherwise
    for (size_t j = from; j < from + model->units; j++) sum += (b->h[j] - b->h[j]) + (b->c[j] - b->c[j]);
    if (sum != 0) return FAILED_STATE;
  }
  return FAILED_NOT;
}

static bool runSteps(Lanes *l) {
  Batch *b = l->batch;
  while (l->active < l->lanes && l->taken < b->count) take(l, l->active++);
  while (l->active > 0) {
    embed(l);
    if (b->every > 0 && ((uint64_t)b->steps + b->phase) % b->every == 0 && !sample(l)) return false;
    runCell(l);
    float *was = l->now;
    l->now = l->next;
    l->next = was;
    b->steps++;
    settle(l);
  }
  classifyEnded(l);
  return true;
}

static float *zeroed(size_t floats) {
  const size_t bytes = (floats * sizeof(float) + 63) / 64 * 64;
  float *memory = aligned_alloc(64, bytes > 0 ? bytes : 64);
  if (memory != NULL) memset(memory, 0, bytes);
  return memory;
}

static void infer(const Model *model, Batch *b) {
  b->failure = check(model, b);
  if (b->failure != FAILED_NOT || b->count == 0) return;
  const uint32_t *widths = model->variant->widths;
  int w = 0;
  while (w + 1 < WIDTHS_MAX && widths[w + 1] > 0 && widths[w] < b->count) w++;
  Lanes *l = (Lanes *)zeroed(sizeof(Lanes) / sizeof(float) + 16);
  b->failure = FAILED_MEMORY;
  if (l == NULL) return;
  const size_t units = model->units, lanes = widths[w];
  l->model = model; l->batch = b; l->lanes = lanes; l->offset = model->offset[w];
  l->now = zeroed((model->inputs + units) * lanes);
  l->next = zeroed((model->inputs + units) * lanes);
  l->c = zeroed(units * lanes);
  l->ended = zeroed(b->mode == OUTPUT_CLASSIFY ? units * lanes : 0);
  l->order = malloc(b->count * sizeof *l->order);
  if (l->now && l->next && l->c && l->ended && l->order) {
    for (uint32_t s = 0; s < b->count; s++) l->order[s] = (Waiting){ s, b->offsets[s + 1] - b->offsets[s] };
    qsort(l->order, b->count, sizeof *l->order, longestFirst);
    if (runSteps(l)) b->failure = FAILED_NOT;
  }
  free(l->now); free(l->next); free(l->c); free(l->ended); free(l->order); free(l);
}
