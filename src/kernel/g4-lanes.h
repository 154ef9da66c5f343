// Lanes of a stack of layers, as in ragged.h, over rows of bytes: sequences in and out, their steps, sampling.
#pragma once
#include "g4-note.h"
#include "g4-single.h"
#include "rows.h"

typedef struct { uint32_t sequence, steps; } G4Waiting;

typedef struct {
  const Model *model;
  Batch *batch;
  uint32_t first, depth;  // layers first to first + depth - 1 of the model
  bool backward;          // every sequence from its last step to its first
  const uint32_t *below;  // [steps, inputRows] of the layer below; NULL: embeddings of tokens
  uint32_t *above;        // [steps, aboveRows] takes the h of every step, or NULL
  size_t aboveRows;
  int width;
  size_t lanes, inputRows, rows, units; // inputRows of the first layer; rows and units of all, the units by sixteens
  size_t *rowsBefore, *unitsBefore;     // [depth] of this stack
  size_t stateFrom;       // where the first layer's state lies in that of a sequence
  int32_t *xh[2];         // [inputRows + rows, lanes], by turns as in ragged.h
  float *kept, *reset, *scratch; // see G4Pass; reset [units, lanes] holds the reset rows too
  float *logits;          // one lane: [outputs, by sixteens]
  int32_t *noted;         // sums of |h| and h^2 since they were last taken: see g4-note.h
  size_t *notedBefore;    // [depth] where those of a layer begin
  Ranking *ranking;       // where more than one label is asked for
  uint32_t turn, steps;
  bool sampled;
  const G4Waiting *order; // [count] longest first
  uint32_t taken, active;
  uint32_t sequence[LANES_MAX], position[LANES_MAX], left[LANES_MAX];
  double confidence[LANES_MAX];
  int32_t label[LANES_MAX] __attribute__((aligned(64)));
  float probability[LANES_MAX] __attribute__((aligned(64)));
  int32_t live[LANES_MAX] __attribute__((aligned(64))); // all bits where a lane works
} G4Lanes;

#define G4_OVER_VECTORS(active, pass) do { \
    for (size_t at = 0; at < (active); at += VW * NV_MAX) { \
      const size_t vectors = ((active) - at + VW - 1) / VW; \
      if (NV_MAX >= 4 && vectors >= 4) pass(4); \
      else if (NV_MAX >= 4 && vectors == 3) pass(3); \
      else if (vectors >= 2) pass(2); \
      else pass(1); \
    } } while (0)
#define G4_NV(n) ((n) < NV_MAX ? (n) : NV_MAX)

typedef void G4Run(const G4Pass *);
#define G4_RUN(name, call) static __attribute__((noinline)) void name(const G4Pass *p) { call; }
#define G4_RUNS(name, pass) G4_RUN(name##1, pass(1, p)) G4_RUN(name##2, pass(G4_NV(2), p)) G4_RUN(name##3, pass(G4_NV(3), p)) G4_RUN(name##4, pass(G4_NV(4), p))
G4_RUNS(g4Lstm, g4LstmPass)
G4_RUNS(g4Gru, g4GruPass)
G4_RUNS(g4GruBefore, g4GruBeforePass)
G4_RUNS(g4Rnn, g4RnnPass)
static G4Run *const g4Runs[CELLS][4] = { // the ReLU's h has no bound, so it has no step either
  { g4Lstm1, g4Lstm2, g4Lstm3, g4Lstm4 }, { g4Gru1, g4Gru2, g4Gru3, g4Gru4 }, { g4GruBefore1, g4GruBefore2, g4GruBefore3, g4GruBefore4 }, { g4Rnn1, g4Rnn2, g4Rnn3, g4Rnn4 },
};

// Labels and probabilities of the first `count` lanes of h; the ranking where it is not NULL.
static __attribute__((noinline)) void g4RunLabels(const Model *model, size_t lanes, const int32_t *h, size_t count, int32_t *label, float *probability, float *logits, Ranking *ranking) {
  (void)logits;
#if defined(SINGLE)
  if (lanes == 1) {
    g4LabelSingle(model, h, logits, label, probability);
    if (ranking != NULL) rankSingle(ranking, logits, model->outputs);
    return;
  }
#endif
  if (ranking == NULL) {
#define PASS(n) g4LabelPass(G4_NV(n), model, lanes, h + at, label + at, probability + at, NULL, 0)
    G4_OVER_VECTORS(count, PASS);
#undef PASS
    return;
  }
  rankNone(ranking, lanes);
#define PASS(n) g4LabelPass(G4_NV(n), model, lanes, h + at, label + at, probability + at, ranking, at)
  G4_OVER_VECTORS(count, PASS);
#undef PASS
}

static __attribute__((noinline)) void g4RunValues(const Model *model, size_t lanes, const int32_t *h, size_t count, float *values) {
#if defined(SINGLE)
  if (lanes == 1) { g4ValuesSingle(model, h, values); return; }
#endif
#define PASS(n) g4ValuePass(G4_NV(n), model, lanes, h + at, values + at)
  G4_OVER_VECTORS(count, PASS);
#undef PASS
}

static inline const G4Layer *g4LayerAt(const G4Lanes *l, uint32_t i) { return &l->model->g4->layers[l->first + i]; }
static inline int32_t *g4StateOf(const G4Lanes *l, uint32_t i) { return l->xh[(l->turn + i) & 1] + (l->inputRows + l->rowsBefore[i]) * l->lanes; }
static inline bool g4Keeps(const Model *model) { return model->cell != CELL_RNN_TANH; }

static void g4RunLayer(G4Lanes *l, uint32_t i) {
  const G4Layer *layer = g4LayerAt(l, i);
  const Cell cell = l->model->cell;
  const size_t floats = l->unitsBefore[i] * l->lanes;
  const G4Pass pass = {
    .layer = layer, .offset = layer->offset[l->width], .lanes = l->lanes, .scratch = l->scratch,
    .xh = g4StateOf(l, i) - layer->inputRows * l->lanes,
    .h = l->xh[(l->turn + i + 1) & 1] + (l->inputRows + l->rowsBefore[i]) * l->lanes,
    .kept = l->kept + (g4Keeps(l->model) ? floats : 0),
    .reset = cell == CELL_GRU && l->sampled ? l->reset + floats : NULL,
    .resetRows = (int32_t *)l->reset + (cell == CELL_GRU_BEFORE ? floats : 0),
  };
  if (l->lanes == 1) { g4Ones[cell](&pass); return; }
#define PASS(n) do { \
    G4Pass moved = pass; \
    moved.xh += at; moved.h += at; moved.kept += at; moved.resetRows += at; moved.scratch += at; \
    if (moved.reset != NULL) moved.reset += at; \
    g4Runs[cell][n - 1](&moved); \
  } while (0)
  G4_OVER_VECTORS(l->active, PASS);
#undef PASS
}

static void g4SetLive(G4Lanes *l) { for (uint32_t i = 0; i < LANES_MAX; i++) l->live[i] = i < l->active ? -1 : 0; }

// What was noted goes to the sums of the batch.
static void g4TakeAllNoted(G4Lanes *l) {
  size_t to = l->stateFrom;
  for (uint32_t i = 0; i < l->depth && l->batch->activity != NULL; i++) {
    const uint32_t units = g4LayerAt(l, i)->units;
    g4TakeNoted(l->noted + l->notedBefore[i], units, l->lanes, l->batch->activity + to, l->batch->activity + l->model->stateUnits + to);
    to += units;
  }
}

// Numbers as bytes of a lane, and back. The step of h is 1/127, of r * h too.
static inline uint8_t *g4ByteAt(int32_t *rows, size_t lanes, size_t j) { return (uint8_t *)(rows + j / 4 * lanes) + j % 4; }
static void g4IntoLane(const float *from, size_t n, size_t lanes, int32_t *lane) {
  for (size_t j = 0; j < n; j++) *g4ByteAt(lane, lanes, j) = (uint8_t)(128 + lrintf(127.f * (from[j] > 1.f ? 1.f : from[j] < -1.f ? -1.f : from[j])));
}
static void g4FromLane(const int32_t *lane, size_t n, size_t lanes, float step, float *to) {
  for (size_t j = 0; j < n; j++) to[j] = (float)(*g4ByteAt((int32_t *)lane, lanes, j) - 128) * step;
}
static const float G4_STEP = 1.f / 127.f;

// Puts the next waiting sequence into a lane.
static void g4Take(G4Lanes *l, uint32_t lane) {
  const G4Waiting next = l->order[l->taken++];
  const Batch *b = l->batch;
  size_t from = next.sequence * l->model->stateUnits + l->stateFrom;
  for (uint32_t i = 0; i < l->depth; i++) {
    const size_t units = g4LayerAt(l, i)->units;
    g4IntoLane(b->h + from, units, l->lanes, g4StateOf(l, i) + lane);
    const float *kept = (l->model->cell == CELL_LSTM ? b->c : b->h) + from;
    float *to = l->kept + l->unitsBefore[i] * l->lanes + lane;
    if (g4Keeps(l->model) && l->lanes > 1) intoLane(kept, units, l->lanes, to);
    else if (g4Keeps(l->model)) for (size_t p = 0; p < units; p++) to[p] = kept[g4LayerAt(l, i)->side.unit[p]];
    from += units;
  }
  l->sequence[lane] = next.sequence;
  l->position[lane] = l->backward ? b->offsets[next.sequence + 1] - 1 : b->offsets[next.sequence];
  l->left[lane] = next.steps;
  l->confidence[lane] = 0;
}

static void g4Finish(G4Lanes *l, uint32_t lane) {
  Batch *b = l->batch;
  const uint32_t s = l->sequence[lane];
  size_t to = s * l->model->stateUnits + l->stateFrom;
  for (uint32_t i = 0; i < l->depth; i++) {
    const size_t units = g4LayerAt(l, i)->units;
    const float *kept = l->kept + l->unitsBefore[i] * l->lanes + lane;
    if (l->model->cell == CELL_LSTM || !g4Keeps(l->model)) g4FromLane(g4StateOf(l, i) + lane, units, l->lanes, G4_STEP, b->h + to);
    float *into = (l->model->cell == CELL_LSTM ? b->c : b->h) + to;
    if (g4Keeps(l->model) && l->lanes > 1) fromLane(kept, units, l->lanes, into);
    else if (g4Keeps(l->model)) for (size_t p = 0; p < units; p++) into[g4LayerAt(l, i)->side.unit[p]] = kept[p];
    to += units;
  }
  if (b->mode == OUTPUT_TAG) b->confidence[s] = (float)(l->confidence[lane] / (b->offsets[s + 1] - b->offsets[s]));
}

// The last lane moves into one that has nothing left to do.
static void g4Close(G4Lanes *l, uint32_t lane) {
  const uint32_t last = --l->active;
  g4SetLive(l);
  if (lane == last) return;
  for (uint32_t i = 0; i < l->depth; i++) {
    int32_t *state = g4StateOf(l, i);
    for (size_t j = 0; j < g4LayerAt(l, i)->rows; j++) state[j * l->lanes + lane] = state[j * l->lanes + last];
  }
  for (size_t j = 0; g4Keeps(l->model) && j < l->units; j++) l->kept[j * l->lanes + lane] = l->kept[j * l->lanes + last];
  l->sequence[lane] = l->sequence[last];
  l->position[lane] = l->position[last];
  l->left[lane] = l->left[last];
  l->confidence[lane] = l->confidence[last];
}

// Four bytes move like one float: intoLanes only moves them.
static void g4Embed(G4Lanes *l) {
  const uint32_t *row[4];
#define SOURCE(lane) (l->below != NULL ? l->below + l->position[lane] * l->inputRows : l->model->g4->embedding + (size_t)l->batch->tokens[l->position[lane]] * l->inputRows)
  if (l->lanes == 1) { memcpy(l->xh[l->turn], SOURCE(0), l->inputRows * 4); return; }
  for (uint32_t first = 0; first < l->active; first += 4) {
    for (uint32_t i = 0; i < 4; i++) row[i] = SOURCE(first + i < l->active ? first + i : first);
    intoLanes((const float *const *)row, l->inputRows, (float *)l->xh[l->turn] + first, l->lanes);
  }
#undef SOURCE
}

// What a layer read, as numbers, [x(t); h(t-1)] and the reset of the GRUs; `columns` of every active lane.
static void g4Read(const G4Lanes *l, uint32_t i, float *to, size_t columns) {
  const Model *model = l->model;
  const G4Layer *layer = g4LayerAt(l, i);
  const bool embedded = l->first + i < (model->bidirectional ? 2u : 1u);
  const size_t inputs = model->layers[l->first + i].inputs, units = layer->units;
  const size_t part = embedded || !model->bidirectional ? inputs : inputs / 2; // sources that share no row with others
  for (uint32_t lane = 0; lane < l->active; lane++, to += columns) {
    const int32_t *state = g4StateOf(l, i) + lane, *x = state - layer->inputRows * l->lanes;
    for (size_t from = 0; from < inputs; from += part, x += quads((uint32_t)part) * l->lanes) g4FromLane(x, part, l->lanes, embedded ? model->g4->step : G4_STEP, to + from);
    g4FromLane(state, units, l->lanes, G4_STEP, to + inputs);
    const float *reset = l->reset + l->unitsBefore[i] * l->lanes + lane;
    if (model->cell == CELL_GRU) fromLane(reset, units, l->lanes, to + inputs + units);
    if (model->cell == CELL_GRU_BEFORE) g4FromLane((const int32_t *)reset, units, l->lanes, G4_STEP, to + inputs + units);
  }
}

// Appends what each layer read in this step; false when memory is short.
static bool g4Sample(G4Lanes *l) {
  for (uint32_t i = 0; i < l->depth; i++) {
    Sample *s = &l->batch->samples[l->first + i];
    if (s->rows + l->active > s->room) {
      const size_t room = 2 * s->room + l->active;
      float *values = realloc(s->values, room * s->columns * sizeof(float));
      if (values == NULL) return false;
      s->values = values;
      s->room = room;
    }
    g4Read(l, i, s->values + s->rows * s->columns, s->columns);
    s->rows += l->active;
  }
  return true;
}

// After a step: labels of the step, ended sequences out, waiting ones in.
static void g4Settle(G4Lanes *l) {
  Batch *b = l->batch;
  const int32_t *h = g4StateOf(l, l->depth - 1);
  if (b->mode == OUTPUT_TAG) {
    g4RunLabels(l->model, l->lanes, h, l->active, l->label, l->probability, l->logits, l->ranking);
    for (uint32_t i = 0; i < l->active && l->ranking != NULL; i++) rankOut(l->ranking, i, l->probability[i], b, l->position[i]);
    for (uint32_t i = 0; i < l->active; i++) { b->labels[l->position[i]] = l->label[i]; l->confidence[i] += (double)l->probability[i]; }
  }
  if (l->above != NULL) for (uint32_t i = 0; i < l->active; i++) for (size_t j = 0; j < g4LayerAt(l, l->depth - 1)->rows; j++) {
    l->above[l->position[i] * l->aboveRows + j] = (uint32_t)h[j * l->lanes + i];
  }
  for (uint32_t lane = l->active; lane-- > 0;) { // backwards: a lane that moves into the gap has been looked at
    l->position[lane] += l->backward ? -1u : 1u;
    if (--l->left[lane] > 0) continue;
    g4Finish(l, lane);
    if (l->taken < b->count) g4Take(l, lane);
    else g4Close(l, lane);
  }
}

static bool g4RunSteps(G4Lanes *l) {
  const Batch *b = l->batch;
  while (l->active < l->lanes && l->taken < b->count) g4Take(l, l->active++);
  g4SetLive(l);
  while (l->active > 0) {
    l->sampled = b->every > 0 && ((uint64_t)l->steps + b->phase) % b->every == 0;
    g4Embed(l);
    for (uint32_t i = 0; i < l->depth; i++) {
      g4RunLayer(l, i);
      g4Note(l->xh[(l->turn + i + 1) & 1] + (l->inputRows + l->rowsBefore[i]) * l->lanes, g4LayerAt(l, i)->units, l->lanes, l->active, l->live, l->noted + l->notedBefore[i]);
    }
    if (l->sampled && !g4Sample(l)) return false;
    l->turn ^= 1;
    l->steps++;
    if (l->steps % G4_NOTED_STEPS == 0) g4TakeAllNoted(l);
    g4Settle(l);
  }
  g4TakeAllNoted(l);
  return true;
}
