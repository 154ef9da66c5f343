// What the parts of the addon share: a loaded model, a ragged batch, and the table of variants.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIDTHS_MAX = 3, LANES_MAX = 64 };

// One LSTM layer stored by target unit, with embedding and output layer. Immutable once loaded.
typedef struct {
  uint32_t units, inputs, vocabulary, outputs, connections;
  uint32_t *ptr;         // [units + 1] connections of unit j: ptr[j] to ptr[j + 1]
  uint32_t *source;      // [connections] 0 to inputs + units - 1, inputs first
  uint32_t *offset[WIDTHS_MAX]; // [connections] byte offset of the source row for each lane width of the variant
  float *values;         // [connections, 4] gates i, f, g, o, scaled by -log2(e), -log2(e), -2 log2(e), -log2(e)
  float *bias;           // [units, 4] likewise
  float *embedding;      // [vocabulary, inputs]
  float *output;         // [ceil(outputs / 4), units, 4] scaled by log2(e); padded classes have zero weights
  float *outputBias;     // [ceil(outputs / 4), 4] scaled by log2(e); padded classes have -1e30
  size_t bytes;          // of everything above
  uint32_t references;   // the handle and every call in flight; touched on the JavaScript thread only
  const struct Variant *variant;
} Model;

typedef enum { OUTPUT_NONE = 0, OUTPUT_TAG = 1, OUTPUT_CLASSIFY = 2 } OutputMode;
typedef enum { FAILED_NOT = 0, FAILED_MEMORY, FAILED_TOKEN, FAILED_EMPTY, FAILED_STATE } Failure;

// A ragged batch: sequence s owns tokens[offsets[s]] to tokens[offsets[s + 1]].
typedef struct {
  const int32_t *tokens;
  const uint32_t *offsets; // [count + 1]
  uint32_t count;
  float *h, *c;            // [count, units] state before the first step; overwritten with that after the last
  int32_t *labels;         // tag: [offsets[count]]; classify: [count]
  float *confidence;       // [count] mean soft-max probability of the labels
  OutputMode mode;
  uint32_t every, phase;   // sample the steps s with (s + phase) % every == 0; every = 0 samples none
  // results
  uint32_t steps;
  float *rows;             // [rowCount, inputs + units] sampled [x(t); h(t-1)]; malloc
  size_t rowCount, rowRoom;
  Failure failure;
  uint32_t failedAt;       // sequence of the failure
} Batch;

typedef struct Variant {
  const char *name;
  const char *needs;
  bool (*supported)(void);
  uint32_t widths[WIDTHS_MAX]; // lanes of a block, narrowest first; 0 ends the list
  void (*infer)(const Model *, Batch *);
  bool (*gram)(const float *values, size_t rows, size_t columns, double *into); // false: out of memory
} Variant;

extern const Variant *const variants[]; // fastest first; NULL ends the table

// Copies everything and makes the offsets; NULL when memory is short. The sources must have been checked.
Model *modelLoad(const Variant *, const Model *from);
void modelHold(Model *);
void modelRelease(Model *);
