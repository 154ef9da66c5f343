// The `top` likeliest labels of each lane, kept while the classes come by, four at a time and in their order.
#pragma once
#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "vector.h"

// One for each call that asks for more than one label.
typedef struct {
  float least[LANES_MAX] __attribute__((aligned(64)));          // logit that a class must be above to be among them
  float logit[LANES_MAX][TOP_MAX] __attribute__((aligned(64))); // falling, in units of log 2
  int32_t label[LANES_MAX][TOP_MAX];
  uint32_t top;
} Ranking;

// The bias of classes that only fill a block up: they are not above it, so they are never chosen.
static const float LOGIT_NONE = -1e30f;
// Below every logit that is ranked, so that the first `top` classes always come in.
static const float RANK_NONE = -3e38f;
// A logit as a finite number, whatever overflowed. (max and min give their second number where the first is none.)
INLINE Floats bounded(Floats z) { return smaller(larger(z, splat(LOGIT_NONE)), splat(-LOGIT_NONE)); }

// NULL where one label is enough, or memory is short.
static Ranking *rankingFor(uint32_t top) {
  Ranking *r = top > 1 ? aligned_alloc(64, sizeof(Ranking)) : NULL;
  if (r != NULL) r->top = top;
  return r;
}

static void rankNone(Ranking *r, size_t lanes) {
  for (size_t lane = 0; lane < lanes; lane++) {
    r->least[lane] = RANK_NONE;
    for (uint32_t i = 0; i < r->top; i++) r->logit[lane][i] = RANK_NONE;
  }
}

// Before the first that is smaller: of equals, the label that came first stays first.
static void rankIn(Ranking *r, size_t lane, float logit, int32_t label) {
  uint32_t at = r->top - 1;
  for (; at > 0 && r->logit[lane][at - 1] < logit; at--) {
    r->logit[lane][at] = r->logit[lane][at - 1];
    r->label[lane][at] = r->label[lane][at - 1];
  }
  r->logit[lane][at] = logit;
  r->label[lane][at] = label;
  r->least[lane] = r->logit[lane][r->top - 1];
}

// Logits of one class for the n vectors from `lane` on. Few of them come in: about top * ln(outputs / top) a lane.
static __attribute__((noinline)) void rankClass(Ranking *r, size_t lane, int n, const Floats *logit, int32_t label) {
  for (int v = 0; v < n; v++, lane += VW) {
    const Floats z = bounded(logit[v]);
    const Ints above = whereLarger(z, *(const Floats *)(r->least + lane), (Ints){ 0 } - 1, (Ints){ 0 });
    int32_t some = 0;
    UNROLL for (int i = 0; i < VW; i++) some |= above[i];
    if (some != 0) for (size_t i = 0; i < VW; i++) if (above[i] != 0) rankIn(r, lane + i, z[i], label);
  }
}

// The logits of lane 0 in their order.
static void rankSingle(Ranking *r, const float *logits, uint32_t outputs) {
  rankNone(r, 1);
  for (uint32_t k = 0; k < outputs; k++) {
    const float z = bounded(splat(logits[k]))[0];
    if (z > r->least[0]) rankIn(r, 0, z, (int32_t)k);
  }
}

// The probability of the first label makes those of all: p_i = p_0 2^(z_i - z_0).
static void rankOut(const Ranking *r, size_t lane, float probability, const Batch *b, size_t answer) {
  float chance[TOP_MAX] __attribute__((aligned(64)));
  for (int i = 0; i < TOP_MAX; i += VW) {
    Floats e = *(const Floats *)(r->logit[lane] + i) - r->logit[lane][0];
    exp2s(1, &e);
    *(Floats *)(chance + i) = e * probability;
  }
  memcpy(b->best + answer * r->top, r->label[lane], r->top * sizeof(int32_t));
  memcpy(b->chances + answer * r->top, chance, r->top * sizeof(float));
}
