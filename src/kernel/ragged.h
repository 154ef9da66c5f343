// A ragged batch on a block of lanes, through a stack of layers. Sequences start longest first; a lane whose sequence
// ends takes the next one, and when none waits, the last lane moves into the gap. So lanes 0 to active - 1 always work,
// and the vectors beyond them are not computed.
//
// Rows of x and of the h of every layer lie one after the other, so that the inputs of a layer stand right before its
// state; there are two such buffers. Layer i reads from buffer (turn + i) % 2 and writes its h into the other, which
// is the one that layer i + 1 reads: nothing is copied between layers or steps.
#pragma once
#include <math.h>
#include "few.h"
#include "few-output.h"
#include "one.h"
#include "rows.h"

typedef struct { uint32_t sequence, steps; } Waiting;

typedef struct {
  const Model *model;
  Batch *batch;
  uint32_t first, depth;  // layers first to first + depth - 1 of the model
  bool backward;          // every sequence from its last step to its first
  const float *frames;    // [steps, inputs]; NULL: embeddings of tokens
  float *kept;            // [steps, keptColumns] takes the h of every step, or NULL
  size_t keptColumns;
  int width;
  size_t lanes, inputs, units; // inputs of the first layer, units of all
  size_t *unitsBefore, *cBefore; // [depth] of this stack; cBefore by sixteens
  size_t stateFrom;       // where the first layer's state lies in that of a sequence
  float *rows[2];         // [inputs + units, lanes]; rows[0] has the reset rows of the GRUs behind, [units, lanes]
  float *c;               // LSTM: [units by sixteens, lanes]; one lane: in the order of Side, and the h of the GRUs
  float *scratch;         // GRU_BEFORE: [2 * units of a layer, lanes]; few lanes: scratchOf(units * lanes)
  float *column, *logits; // few lanes: h of one, [features]; [classRoom]
  float *noted;           // sums of |h| and h^2 since they were last taken: see Pass
  size_t *notedBefore;    // [depth] where those of a layer begin
  Ranking *ranking;       // where more than one label is asked for
  uint32_t turn, steps;
  Waiting *order;         // [count] longest first
  uint32_t taken, active;
  uint32_t sequence[LANES_MAX], position[LANES_MAX], left[LANES_MAX];
  double confidence[LANES_MAX];
  int32_t label[LANES_MAX] __attribute__((aligned(64)));
  float probability[LANES_MAX] __attribute__((aligned(64)));
  int32_t live[LANES_MAX] __attribute__((aligned(64)));
} Lanes;

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

INLINE Pass movedBy(Pass p, size_t at) {
  p.xh += at; p.h += at; p.c += at; p.reset += at; p.scratch += at; p.live += at;
  return p;
}

// A function for each cell and number of vectors, so that the rows of a pass have one base.
typedef void Run(const Pass *);
#define RUN(name, call) static __attribute__((noinline)) void name(const Pass *p) { call; }
#define RUNS(name, pass, ...) \
  RUN(name##1, pass(__VA_ARGS__ 1, p)) RUN(name##2, pass(__VA_ARGS__ NV_OF(2), p)) RUN(name##3, pass(__VA_ARGS__ NV_OF(3), p)) RUN(name##4, pass(__VA_ARGS__ NV_OF(4), p))
RUNS(lstm, lstmPass)
RUNS(gru, gruPass)
RUNS(gruBefore, gruBeforePass)
RUNS(rnnTanh, rnnPass, false,)
RUNS(rnnRelu, rnnPass, true,)
static Run *const runs[CELLS][4] = {
  { lstm1, lstm2, lstm3, lstm4 }, { gru1, gru2, gru3, gru4 }, { gruBefore1, gruBefore2, gruBefore3, gruBefore4 },
  { rnnTanh1, rnnTanh2, rnnTanh3, rnnTanh4 }, { rnnRelu1, rnnRelu2, rnnRelu3, rnnRelu4 },
};

// Labels and probabilities of the first `count` lanes of h.
static __attribute__((noinline)) void runLabels(const Model *model, size_t lanes, const float *h, size_t count, int32_t *label, float *probability) {
#define PASS(n) labelPass(NV_OF(n), model, lanes, h + at, label + at, probability + at, NULL, 0)
  OVER_VECTORS(count, PASS);
#undef PASS
}

// The same, and the ranking.
static __attribute__((noinline)) void runRanking(const Model *model, size_t lanes, const float *h, size_t count, int32_t *label, float *probability, Ranking *ranking) {
  rankNone(ranking, lanes);
#define PASS(n) labelPass(NV_OF(n), model, lanes, h + at, label + at, probability + at, ranking, at)
  OVER_VECTORS(count, PASS);
#undef PASS
}

static inline const Layer *layerAt(const Lanes *l, uint32_t i) { return &l->model->layers[l->first + i]; }
// h(t-1) of layer i before its step, h(t) once the turn has changed.
static inline float *stateOf(const Lanes *l, uint32_t i) { return l->rows[(l->turn + i) & 1] + (l->inputs + l->unitsBefore[i]) * l->lanes; }

static void runLayer(Lanes *l, uint32_t i) {
  const Layer *layer = layerAt(l, i);
  const size_t before = l->unitsBefore[i] * l->lanes;
  const Pass pass = {
    .layer = layer, .offset = layer->offset[l->width], .lanes = l->lanes,
    .xh = stateOf(l, i) - layer->inputs * l->lanes,
    .h = l->rows[(l->turn + i + 1) & 1] + l->inputs * l->lanes + before,
    .c = l->c + l->cBefore[i] * l->lanes, .scratch = l->scratch,
    .reset = l->rows[0] + (gatesOf(l->model->cell) == 3 ? (l->inputs + l->units) * l->lanes + before : 0),
    .live = l->live, .noted = l->noted + l->notedBefore[i],
  };
  if (l->lanes == 1) { ones[l->model->cell](&pass); noteOne(&pass); return; }
  if (l->lanes <= FEW_LANES) { fours[l->model->cell](&pass); return; }
#define PASS(n) do { const Pass moved = movedBy(pass, at); runs[l->model->cell][n - 1](&moved); } while (0)
  OVER_VECTORS(l->active, PASS);
#undef PASS
}

// Which lanes work: of few lanes, four as often as a pair of vectors has room for.
static void setLive(Lanes *l) {
  for (uint32_t i = 0; i < LANES_MAX; i++) l->live[i] = (l->lanes <= FEW_LANES ? i % l->lanes : i) < l->active ? INT32_MAX : 0;
}

// float32 sums of so many steps lose nothing worth having.
enum { NOTED_STEPS = 256 };

// What was noted goes to the sums of the batch. A unit has `stride` numbers, `part` of which are sums of |h|; those of h^2
// stand `apart` from them.
static void takeNoted(Lanes *l) {
  const bool few = l->lanes <= FEW_LANES;
  const size_t stride = few ? l->lanes : VW, part = few ? l->lanes : VW / 2;
  for (uint32_t i = 0; i < l->depth && l->batch->activity != NULL; i++) {
    const size_t units = layerAt(l, i)->units, apart = few ? pairsOf(units * l->lanes) : part;
    const float *noted = l->noted + l->notedBefore[i];
    double *sum = l->batch->activity + l->stateFrom + l->unitsBefore[i], *squares = sum + l->model->stateUnits;
    for (size_t j = 0; j < units; j++, noted += stride) for (size_t k = 0; k < part; k++) {
      sum[j] += (double)noted[k];
      squares[j] += (double)noted[apart + k];
    }
  }
  memset(l->noted, 0, l->notedBefore[l->depth] * sizeof(float));
}

// Puts the next waiting sequence into a lane: its state becomes the column of h and c.
static void take(Lanes *l, uint32_t lane) {
  const Waiting next = l->order[l->taken++];
  const Batch *b = l->batch;
  const size_t from = next.sequence * l->model->stateUnits + l->stateFrom;
  for (uint32_t i = 0; i < l->depth; i++) {
    const Layer *layer = layerAt(l, i);
    const float *kept = (l->model->cell == CELL_LSTM ? b->c : b->h) + from + l->unitsBefore[i];
    float *to = l->c + l->cBefore[i] * l->lanes;
    intoLane(b->h + from + l->unitsBefore[i], layer->units, l->lanes, stateOf(l, i) + lane);
    if (l->lanes == 1) for (uint32_t p = 0; p < layer->units; p++) to[p] = kept[layer->side.unit[p]];
    else if (l->model->cell == CELL_LSTM) intoLane(kept, layer->units, l->lanes, to + lane);
  }
  l->sequence[lane] = next.sequence;
  l->position[lane] = l->backward ? b->offsets[next.sequence + 1] - 1 : b->offsets[next.sequence];
  l->left[lane] = next.steps;
  l->confidence[lane] = 0;
}

static void finish(Lanes *l, uint32_t lane) {
  Batch *b = l->batch;
  const uint32_t s = l->sequence[lane];
  const size_t to = s * l->model->stateUnits + l->stateFrom;
  for (uint32_t i = 0; i < l->depth; i++) {
    const Layer *layer = layerAt(l, i);
    const float *kept = l->c + l->cBefore[i] * l->lanes;
    fromLane(stateOf(l, i) + lane, layer->units, l->lanes, b->h + to + l->unitsBefore[i]);
    if (l->model->cell != CELL_LSTM) continue;
    float *c = b->c + to + l->unitsBefore[i];
    if (l->lanes == 1) for (uint32_t p = 0; p < layer->units; p++) c[layer->side.unit[p]] = kept[p];
    else fromLane(kept + lane, layer->units, l->lanes, c);
  }
  if (b->mode == OUTPUT_TAG) b->confidence[s] = (float)(l->confidence[lane] / (b->offsets[s + 1] - b->offsets[s]));
}

static void moveLane(float *rows, size_t n, size_t lanes, uint32_t from, uint32_t to) { for (size_t j = 0; j < n; j++) rows[j * lanes + to] = rows[j * lanes + from]; }

// The last lane moves into one that has nothing left to do.
static void close(Lanes *l, uint32_t lane) {
  const uint32_t last = --l->active;
  setLive(l);
  if (lane == last) return;
  for (uint32_t i = 0; i < l->depth; i++) moveLane(stateOf(l, i), layerAt(l, i)->units, l->lanes, last, lane);
  if (l->model->cell == CELL_LSTM) moveLane(l->c, l->cBefore[l->depth - 1] + layerAt(l, l->depth - 1)->units, l->lanes, last, lane);
  l->sequence[lane] = l->sequence[last];
  l->position[lane] = l->position[last];
  l->left[lane] = l->left[last];
  l->confidence[lane] = l->confidence[last];
}

static inline const float *inputOf(const Lanes *l, uint32_t position) {
  return l->frames != NULL ? l->frames + position * l->inputs : l->model->embedding + (size_t)l->batch->tokens[position] * l->inputs;
}

static void embed(Lanes *l) {
  if (l->lanes == 1) { memcpy(l->rows[l->turn], inputOf(l, l->position[0]), l->inputs * sizeof(float)); return; }
  for (uint32_t first = 0; first < l->active; first += 4) {
    const float *row[4];
    for (uint32_t i = 0; i < 4; i++) row[i] = inputOf(l, l->position[first + i < l->active ? first + i : first]); // beyond the active lanes: any row will do
    intoLanes(row, l->inputs, l->rows[l->turn] + first, l->lanes);
  }
}

// Appends what each layer read in this step, for every active lane; false when memory is short.
static bool sample(Lanes *l) {
  for (uint32_t i = 0; i < l->depth; i++) {
    const Layer *layer = layerAt(l, i);
    Sample *s = &l->batch->samples[l->first + i];
    const size_t sources = layer->inputs + layer->units;
    if (s->rows + l->active > s->room) {
      const size_t room = 2 * s->room + l->active;
      float *values = realloc(s->values, room * s->columns * sizeof(float));
      if (values == NULL) return false;
      s->values = values;
      s->room = room;
    }
    const float *xh = stateOf(l, i) - layer->inputs * l->lanes, *reset = l->rows[0] + (l->inputs + l->units + l->unitsBefore[i]) * l->lanes;
    float *to = s->values + s->rows * s->columns;
    for (size_t k = 0; k < s->columns; k++) {
      const float *row = k < sources ? xh + k * l->lanes : reset + (k - sources) * l->lanes;
      for (uint32_t lane = 0; lane < l->active; lane++) to[lane * s->columns + k] = row[lane];
    }
    s->rows += l->active;
  }
  return true;
}

// After a step: labels of the step, ended sequences out, waiting ones in.
static void settle(Lanes *l) {
  Batch *b = l->batch;
  const float *h = stateOf(l, l->depth - 1);
  if (b->mode == OUTPUT_TAG) {
    if (l->lanes <= FEW_LANES) for (uint32_t i = 0; i < l->active; i++) {
      fromLane(h + i, l->model->features, l->lanes, l->column);
      labelSingle(l->model, l->column, l->logits, &l->label[i], &l->probability[i]);
      if (l->ranking == NULL) continue;
      rankSingle(l->ranking, l->logits, l->model->outputs);
      rankOut(l->ranking, 0, l->probability[i], b, l->position[i]);
    } else if (l->ranking == NULL) runLabels(l->model, l->lanes, h, l->active, l->label, l->probability);
    else {
      runRanking(l->model, l->lanes, h, l->active, l->label, l->probability, l->ranking);
      for (uint32_t i = 0; i < l->active; i++) rankOut(l->ranking, i, l->probability[i], b, l->position[i]);
    }
    for (uint32_t i = 0; i < l->active; i++) { b->labels[l->position[i]] = l->label[i]; l->confidence[i] += (double)l->probability[i]; }
  }
  if (l->kept != NULL) for (uint32_t i = 0; i < l->active; i++) fromLane(h + i, layerAt(l, l->depth - 1)->units, l->lanes, l->kept + l->position[i] * l->keptColumns);
  for (uint32_t lane = l->active; lane-- > 0;) { // backwards: a lane that moves into the gap has been looked at
    l->position[lane] += l->backward ? -1u : 1u;
    if (--l->left[lane] > 0) continue;
    finish(l, lane);
    if (l->taken < b->count) take(l, lane);
    else close(l, lane);
  }
}

// All sequences from their first step (or last, where backward) to the end; false when memory is short.
static bool runSteps(Lanes *l) {
  const Batch *b = l->batch;
  while (l->active < l->lanes && l->taken < b->count) take(l, l->active++);
  setLive(l);
  while (l->active > 0) {
    embed(l);
    for (uint32_t i = 0; i < l->depth; i++) runLayer(l, i);
    if (b->every > 0 && ((uint64_t)l->steps + b->phase) % b->every == 0 && !sample(l)) return false;
    l->turn ^= 1;
    l->steps++;
    if (l->steps % NOTED_STEPS == 0) takeNoted(l);
    settle(l);
  }
  takeNoted(l);
  return true;
}
