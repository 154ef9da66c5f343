// A layer for one lane, and where its sums come from.
#pragma once
#include "kernel.h"

// Units that stand side by side: as many sums as registers hold.
static inline uint32_t togetherOf(const Variant *variant) { return variant->vector == 4 ? 8 : 16; }

typedef struct {
  uint32_t units, inputs; // sources below `inputs` are inputs
  uint32_t words;         // of 32 bits a weight
  const uint32_t *ptr, *source, *values; // [units + 1], [connections], [connections, gates, words]
  const void *start, *scale, *bias;      // [units, sums] of 32 bits each, or NULL
  uint32_t sums;
} SideFrom;

// False when memory is short.
bool sideMake(Model *, const SideFrom *, Side *);
void sideFree(Side *);
