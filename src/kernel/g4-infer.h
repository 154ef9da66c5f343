// One call in int8, as infer.h in fp32.
#pragma once
#include "check.h"
#include "g4-lanes.h"

static int g4LongestFirst(const void *a, const void *b) {
  const G4Waiting *x = a, *y = b;
  if (x->steps != y->steps) return x->steps < y->steps ? 1 : -1;
  return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static size_t bySixteen(size_t n) { return (n + 15) / 16 * 16; }

typedef struct { uint32_t first, depth; bool backward; const uint32_t *below; uint32_t *above; size_t aboveRows; } G4Stack;

// Layers that need nothing of one another's later steps, together; false when memory is short.
static bool g4RunStack(const Model *model, Batch *b, int width, const G4Waiting *order, const G4Stack stack) {
  const size_t lanes = model->variant->widths[width];
  G4Lanes *l = (G4Lanes *)zeroed(sizeof(G4Lanes) / sizeof(float) + 16);
  size_t *before = calloc(3 * (size_t)stack.depth + 1, sizeof *before), most = 0;
  bool done = false;
  if (l != NULL && before != NULL) {
    l->model = model; l->batch = b; l->width = width; l->lanes = lanes; l->order = order;
    l->first = stack.first; l->depth = stack.depth; l->backward = stack.backward;
    l->below = stack.below; l->above = stack.above; l->aboveRows = stack.aboveRows;
    l->rowsBefore = before; l->unitsBefore = before + stack.depth; l->notedBefore = before + 2 * stack.depth;
    l->inputRows = model->g4->layers[stack.first].inputRows;
    for (uint32_t i = 0; i < stack.first; i++) l->stateFrom += model->layers[i].units;
    for (uint32_t i = 0; i < stack.depth; i++) {
      const G4Layer *layer = g4LayerAt(l, i);
      l->rowsBefore[i] = l->rows;
      l->unitsBefore[i] = l->units;
      l->rows += layer->rows;
      l->units += bySixteen(layer->units);
      l->notedBefore[i + 1] = l->notedBefore[i] + g4NotedOf(layer->units, lanes);
      if (layer->units > most) most = layer->units;
    }
    for (int i = 0; i < 2; i++) l->xh[i] = (int32_t *)zeroed((l->inputRows + l->rows) * lanes);
    l->kept = zeroed(g4Keeps(model) ? l->units * lanes : LANES_MAX);
    l->reset = zeroed(gatesOf(model->cell) == 3 ? l->units * lanes : LANES_MAX);
    l->scratch = zeroed(lanes == 1 ? 4 * bySixteen(most) : model->cell == CELL_GRU_BEFORE ? 2 * most * lanes : LANES_MAX);
    l->logits = zeroed(bySixteen(model->outputs));
    l->noted = (int32_t *)zeroed(l->notedBefore[stack.depth]);
    const bool ranked = b->mode == OUTPUT_TAG && b->top > 1;
    l->ranking = ranked ? rankingFor(b->top) : NULL;
    done = l->xh[0] && l->xh[1] && l->kept && l->reset && l->scratch && l->logits && l->noted && (!ranked || l->ranking) && g4RunSteps(l);
    b->steps = l->steps;
    free(l->xh[0]); free(l->xh[1]); free(l->kept); free(l->reset); free(l->scratch); free(l->logits); free(l->noted); free(l->ranking);
  }
  free(before); free(l);
  return done;
}

// Each layer forwards and backwards over the whole batch; the next one reads the rows [forward; backward] of every step.
static bool g4RunBidirectional(const Model *model, Batch *b, int width, const G4Waiting *order) {
  const size_t steps = b->offsets[b->count];
  uint32_t *below = NULL;
  bool done = true;
  for (uint32_t pair = 0; done && pair < model->layerCount; pair += 2) {
    const size_t rows = model->g4->layers[pair].rows;
    const bool last = pair + 2 == model->layerCount;
    uint32_t *above = last ? NULL : malloc(steps * 2 * rows * sizeof *above);
    done = last || above != NULL;
    for (uint32_t d = 0; done && d < 2; d++) {
      done = g4RunStack(model, b, width, order, (G4Stack){ .first = pair + d, .depth = 1, .backward = d == 1, .below = below, .above = last ? NULL : above + d * rows, .aboveRows = 2 * rows });
    }
    free(below);
    below = above;
  }
  free(below);
  return done;
}

// The output layer over the last states of whole sequences; false when memory is short.
static bool g4OutputWhole(const Model *model, Batch *b, size_t lanes) {
  const uint32_t directions = model->bidirectional ? 2 : 1;
  const size_t units = model->features / directions, rows = model->g4->featureRows / directions;
  int32_t *h = (int32_t *)zeroed(model->g4->featureRows * lanes);
  float *values = zeroed(bySixteen(model->outputs) * lanes);
  const bool ranked = b->mode == OUTPUT_CLASSIFY && b->top > 1;
  Ranking *ranking = ranked ? rankingFor(b->top) : NULL;
  const bool ready = h != NULL && values != NULL && (!ranked || ranking != NULL);
  int32_t label[LANES_MAX] __attribute__((aligned(64)));
  for (uint32_t from = 0; ready && from < b->count; from += (uint32_t)lanes) {
    const uint32_t n = b->count - from < lanes ? b->count - from : (uint32_t)lanes;
    for (uint32_t i = 0; i < n; i++) for (uint32_t d = 0; d < directions; d++) {
      g4IntoLane(b->h + (from + i + 1) * model->stateUnits - model->features + d * units, units, lanes, h + d * rows * lanes + i);
    }
    if (b->mode == OUTPUT_REGRESS) {
      g4RunValues(model, lanes, h, n, values);
      for (uint32_t i = 0; i < n; i++) fromLane(values + i, model->outputs, lanes, b->values + (size_t)(from + i) * model->outputs);
    } else {
      float probability[LANES_MAX] __attribute__((aligned(64)));
      g4RunLabels(model, lanes, h, n, label, probability, values, ranking);
      for (uint32_t i = 0; i < n && ranked; i++) rankOut(ranking, i, probability[i], b, from + i);
      memcpy(b->labels + from, label, n * sizeof *label);
      memcpy(b->confidence + from, probability, n * sizeof *probability);
    }
  }
  free(h); free(values); free(ranking);
  return ready;
}

// Up to so many sequences are run one after the other on one lane rather than side by side on a block; the table has the most.
enum { G4_SINGLES_MAX = 7 };
static const uint32_t g4SinglesMax[CELLS] = { G4_SINGLES_MAX, G4_SINGLES_MAX, 2, 1, 0 };

static void g4Infer(const Model *model, Batch *b) {
  b->failure = check(model, b);
  if (b->failure != FAILED_NOT || b->count == 0) return;
  const uint32_t *widths = model->variant->widths;
  int width = 0;
  while (width + 1 < WIDTHS_MAX && widths[width + 1] > 0 && (widths[width] == 1 ? g4SinglesMax[model->cell] : model->variant->upTo[width]) < b->count) width++;
  G4Waiting *order = malloc(b->count * sizeof *order);
  b->samples = calloc(model->layerCount, sizeof *b->samples);
  b->failure = FAILED_MEMORY;
  if (order != NULL && b->samples != NULL) {
    for (uint32_t l = 0; l < model->layerCount; l++) b->samples[l].columns = model->layers[l].inputs + (size_t)model->layers[l].units * (gatesOf(model->cell) == 3 ? 2 : 1);
    for (uint32_t s = 0; s < b->count; s++) order[s] = (G4Waiting){ s, b->offsets[s + 1] - b->offsets[s] };
    qsort(order, b->count, sizeof *order, g4LongestFirst);
    const bool done = model->bidirectional ? g4RunBidirectional(model, b, width, order) : g4RunStack(model, b, width, order, (G4Stack){ .depth = model->layerCount });
    if (done && (b->mode == OUTPUT_NONE || b->mode == OUTPUT_TAG || g4OutputWhole(model, b, widths[width]))) b->failure = FAILED_NOT;
  }
  free(order);
}
