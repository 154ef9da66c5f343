// One call: the runs of the layers, the output layer of whole sequences.
#pragma once
#include "check.h"
#include "ragged.h"

static int longestFirst(const void *a, const void *b) {
  const Waiting *x = a, *y = b;
  if (x->steps != y->steps) return x->steps < y->steps ? 1 : -1;
  return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

typedef struct { uint32_t first, depth; bool backward; const float *frames; float *kept; size_t keptColumns; } Stack;

// Layers that need nothing of one another's later steps, together; false when memory is short.
static bool runStack(const Model *model, Batch *b, int width, const Waiting *order, const Stack stack) {
  const size_t lanes = model->variant->widths[width];
  Lanes *l = (Lanes *)zeroed(sizeof(Lanes) / sizeof(float) + 16);
  size_t *unitsBefore = calloc(3 * (size_t)stack.depth + 1, sizeof *unitsBefore), byBlocks = 0;
  bool done = false;
  if (l != NULL && unitsBefore != NULL) {
    size_t most = 0;
    l->model = model; l->batch = b; l->width = width; l->lanes = lanes; l->order = (Waiting *)order;
    l->unitsBefore = unitsBefore; l->cBefore = unitsBefore + stack.depth; l->notedBefore = unitsBefore + 2 * (size_t)stack.depth;
    l->first = stack.first; l->depth = stack.depth; l->backward = stack.backward;
    l->frames = stack.frames; l->kept = stack.kept; l->keptColumns = stack.keptColumns;
    l->inputs = model->layers[stack.first].inputs;
    for (uint32_t i = 0; i < stack.first; i++) l->stateFrom += model->layers[i].units;
    for (uint32_t i = 0; i < stack.depth; i++) {
      const size_t units = layerAt(l, i)->units;
      unitsBefore[i] = l->units;
      l->cBefore[i] = byBlocks;
      byBlocks += (units + 15) / 16 * 16;
      l->units += units;
      l->notedBefore[i + 1] = l->notedBefore[i] + (lanes <= FEW_LANES ? 2 * pairsOf(units * lanes) : VW * units);
      if (units > most) most = units;
    }
    l->rows[0] = zeroed((l->inputs + l->units * (gatesOf(model->cell) == 3 ? 2 : 1)) * lanes);
    l->rows[1] = zeroed((l->inputs + l->units) * lanes);
    l->c = zeroed(byBlocks * lanes);
    l->scratch = zeroed(lanes <= FEW_LANES ? scratchOf(most * lanes) : model->cell == CELL_GRU_BEFORE ? 2 * most * lanes : LANES_MAX);
    l->column = zeroed(model->features);
    l->logits = zeroed(classRoom(model->outputs));
    l->noted = zeroed(l->notedBefore[stack.depth]);
    const bool ranked = b->mode == OUTPUT_TAG && b->top > 1;
    l->ranking = ranked ? rankingFor(b->top) : NULL;
    done = l->rows[0] && l->rows[1] && l->c && l->scratch && l->column && l->logits && l->noted && (!ranked || l->ranking) && runSteps(l);
    b->steps = l->steps;
    free(l->rows[0]); free(l->rows[1]); free(l->c); free(l->scratch); free(l->column); free(l->logits); free(l->noted); free(l->ranking);
  }
  free(unitsBefore); free(l);
  return done;
}

// Each layer forwards and backwards over the whole batch; the next one reads [forward; backward] of every step.
static bool runBidirectional(const Model *model, Batch *b, int width, const Waiting *order) {
  const size_t steps = b->offsets[b->count];
  float *below = NULL;
  bool done = true;
  for (uint32_t pair = 0; done && pair < model->layerCount; pair += 2) {
    const size_t units = model->layers[pair].units, columns = 2 * units;
    const bool last = pair + 2 == model->layerCount;
    float *kept = last ? NULL : malloc(steps * columns * sizeof(float));
    done = last || kept != NULL;
    for (uint32_t d = 0; done && d < 2; d++) {
      done = runStack(model, b, width, order, (Stack){ .first = pair + d, .depth = 1, .backward = d == 1, .frames = pair == 0 ? b->frames : below,
        .kept = last ? NULL : kept + d * units, .keptColumns = columns });
    }
    free(below);
    below = kept;
  }
  free(below);
  return done;
}

static __attribute__((noinline)) void runValues(const Model *model, size_t lanes, const float *h, size_t count, float *values) {
#define PASS(n) valuePass(NV_OF(n), model, lanes, h + at, values + at)
  OVER_VECTORS(count, PASS);
#undef PASS
}

// As outputBlocks, one sequence after the other.
static bool outputEach(const Model *model, Batch *b, Ranking *ranking) {
  float *values = zeroed(classRoom(model->outputs));
  for (uint32_t s = 0; values != NULL && s < b->count; s++) {
    const float *h = b->h + (s + (size_t)1) * model->stateUnits - model->features;
    if (b->mode == OUTPUT_CLASSIFY) {
      labelSingle(model, h, values, b->labels + s, b->confidence + s);
      if (ranking == NULL) continue;
      rankSingle(ranking, values, model->outputs);
      rankOut(ranking, 0, b->confidence[s], b, s);
      continue;
    }
    valuesSingle(model, h, values);
    memcpy(b->values + (size_t)s * model->outputs, values, model->outputs * sizeof *values);
  }
  free(values);
  return values != NULL;
}

static bool outputBlocks(const Model *model, Batch *b, size_t lanes, Ranking *ranking) {
  const size_t features = model->features, padded = classRoom(model->outputs);
  const float *states = b->h + model->stateUnits - features;
  float *h = zeroed(features * lanes), *values = zeroed(padded * lanes);
  int32_t label[LANES_MAX] __attribute__((aligned(64)));
  for (uint32_t from = 0; h != NULL && values != NULL && from < b->count; from += (uint32_t)lanes) {
    const uint32_t n = b->count - from < lanes ? b->count - from : (uint32_t)lanes;
    for (uint32_t lane = 0; lane < n; lane += 4) {
      const float *row[4];
      for (uint32_t i = 0; i < 4; i++) row[i] = states + (from + (lane + i < n ? lane + i : lane)) * model->stateUnits;
      intoLanes(row, features, h + lane, lanes);
    }
    if (b->mode == OUTPUT_REGRESS) {
      runValues(model, lanes, h, n, values);
      for (uint32_t i = 0; i < n; i++) fromLane(values + i, model->outputs, lanes, b->values + (size_t)(from + i) * model->outputs);
    } else {
      if (ranking == NULL) runLabels(model, lanes, h, n, label, values);
      else {
        runRanking(model, lanes, h, n, label, values, ranking);
        for (uint32_t i = 0; i < n; i++) rankOut(ranking, i, values[i], b, from + i);
      }
      memcpy(b->labels + from, label, n * sizeof *label);
      memcpy(b->confidence + from, values, n * sizeof *values);
    }
  }
  const bool done = h != NULL && values != NULL;
  free(h); free(values);
  return done;
}

// The output layer over the last states of whole sequences, which close the state of each; false when memory is short.
static bool outputWhole(const Model *model, Batch *b, size_t lanes) {
  const bool ranked = b->mode == OUTPUT_CLASSIFY && b->top > 1;
  Ranking *ranking = ranked ? rankingFor(b->top) : NULL;
  const bool done = (!ranked || ranking != NULL) && (lanes <= FEW_LANES ? outputEach(model, b, ranking) : outputBlocks(model, b, lanes, ranking));
  free(ranking);
  return done;
}

// The first width that the variant gives to so many sequences, or the widest. Few lanes have 16-bit sources.
static int widthFor(const Model *model, uint32_t count) {
  const Variant *v = model->variant;
  int width = 0;
  while (width + 1 < WIDTHS_MAX && v->widths[width + 1] > 0 && (v->upTo[width] < count || (v->widths[width] <= FEW_LANES && !model->near))) width++;
  return width;
}

static void infer(const Model *model, Batch *b) {
  b->failure = check(model, b);
  if (b->failure != FAILED_NOT || b->count == 0) return;
  const int width = widthFor(model, b->count);
  const uint32_t lanes = model->variant->widths[width];
  Waiting *order = malloc(b->count * sizeof *order);
  b->samples = calloc(model->layerCount, sizeof *b->samples);
  b->failure = FAILED_MEMORY;
  if (order != NULL && b->samples != NULL) {
    for (uint32_t l = 0; l < model->layerCount; l++) b->samples[l].columns = model->layers[l].inputs + (size_t)model->layers[l].units * (gatesOf(model->cell) == 3 ? 2 : 1);
    for (uint32_t s = 0; s < b->count; s++) order[s] = (Waiting){ s, b->offsets[s + 1] - b->offsets[s] };
    qsort(order, b->count, sizeof *order, longestFirst);
    const bool done = model->bidirectional ? runBidirectional(model, b, width, order)
      : runStack(model, b, width, order, (Stack){ .depth = model->layerCount, .frames = b->frames });
    if (done && (b->mode == OUTPUT_NONE || b->mode == OUTPUT_TAG || outputWhole(model, b, lanes))) b->failure = FAILED_NOT;
  }
  free(order);
}
