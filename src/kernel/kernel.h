// What the parts of the addon share: a loaded model, a ragged batch, and the table of variants.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "heap.h"

enum { WIDTHS_MAX = 5, LANES_MAX = 64, FEW_LANES = 4 }; // blocks of at most FEW_LANES: few.h
enum { PART = 2 }; // connections, see Layer
enum { TOP_MAX = 16 }; // labels of an answer, at most

// GRU: reset after the product; GRU_BEFORE: reset before it. See src/model/shape.ts.
typedef enum { CELL_LSTM = 0, CELL_GRU, CELL_GRU_BEFORE, CELL_RNN_TANH, CELL_RNN_RELU, CELLS } Cell;

// Gates of a connection, and sums that a unit starts with: the GRU keeps the two parts of its candidate apart.
static inline uint32_t gatesOf(Cell cell) { return cell == CELL_LSTM ? 4 : cell <= CELL_GRU_BEFORE ? 3 : 1; }
static inline uint32_t biasesOf(Cell cell) { return cell == CELL_GRU ? 4 : gatesOf(cell); }

// Rows of sources for one lane. Units stand side by side, togetherOf(variant) of them to a block, those with about as many
// sources, so that little is filled up (with weights of zero). Four sums a unit or one: LSTM i, f, g, o; GRU z, r, n of the
// inputs, n of the state.
typedef struct {
  uint32_t *ptr;         // [blocks + 1] rows of block b: ptr[b] to ptr[b + 1]
  uint16_t *source;      // [rows, together]
  uint32_t *values;      // [rows, words, together, sums] of 32 bits, floats or bytes
  uint32_t *start, *scale, *bias; // [blocks, together, sums] as in Layer and G4Layer; those that there are
} SideRows;
typedef struct {
  uint32_t *unit;        // [units] which unit stands where
  SideRows sums, rest;   // rest: GRU_BEFORE, n of the state alone
} Side;

// One layer (of one direction) stored by target unit.
typedef struct {
  uint32_t units, inputs, connections;
  uint32_t *ptr;         // [units + 1] before loading: connections of unit j are ptr[j] to ptr[j + 1]; after it:
  // ptr[j] to end[j], or for the GRUs those from inputs ptr[j] to pause[j] and those from states mid[j] to end[j]. Each
  // of these parts starts at a multiple of PART and is filled up to one with weights of zero.
  uint32_t *pause, *mid, *end; // [units]
  uint16_t *near;        // [connections] source again, for four lanes; NULL where inputs + units is above 2^16
  uint32_t *source;      // [connections] 0 to inputs + units - 1; inputs first within a unit
  uint32_t *offset[WIDTHS_MAX]; // [connections] byte offset of the source row for each lane width of the variant; NULL for few lanes
  float *values;         // [connections, gates], scaled as src/model/pack.ts says: LSTM i, f, g, o; GRU z, r, n; RNN one
  float *bias;           // [units, biases] likewise; the GRU has z, r, n of the inputs, n of the state
  Side side;             // where `near`
} Layer;

// A stack of layers with embedding and output layer. Immutable once loaded.
typedef struct {
  Cell cell;
  bool bidirectional;    // layers are forward 0, backward 0, forward 1, ...; each pair reads both of the pair below
  uint32_t layerCount, vocabulary, outputs; // vocabulary 0: steps are frames
  Layer *layers;         // [layerCount]
  float *embedding;      // [vocabulary, inputs]
  float *output;         // [ceil(outputs / 4), features, 4]; padded classes have zero weights
  float *outputBias;     // [ceil(outputs / 4), 4]; padded classes have -1e30
  bool near;             // every layer has 16-bit sources
  uint32_t features;     // rows of the output layer: units of the last layer, of both directions
  size_t stateUnits;     // units of all layers
  size_t bytes;          // of everything above
  uint32_t references;   // the handle and every call in flight; touched on the JavaScript thread only
  const struct Variant *variant;
  struct G4 *g4;         // where the variant works in int8: all of the model but the sizes above; see g4.h
} Model;

typedef enum { OUTPUT_NONE = 0, OUTPUT_TAG = 1, OUTPUT_CLASSIFY = 2, OUTPUT_REGRESS = 3 } OutputMode;
typedef enum { FAILED_NOT = 0, FAILED_MEMORY, FAILED_TOKEN, FAILED_EMPTY, FAILED_STATE, FAILED_FRAME } Failure;

// Sampled [x(t); h(t-1)] of one layer, and behind it r(t) (GRU) or r(t) * h(t-1) (GRU_BEFORE).
typedef struct { float *values; size_t rows, room, columns; } Sample; // [rows, columns]; malloc

// A ragged batch: sequence s owns the steps offsets[s] to offsets[s + 1] - 1.
typedef struct {
  const int32_t *tokens;   // [steps], or NULL
  const float *frames;     // [steps, inputs], or NULL
  const uint32_t *offsets; // [count + 1]
  uint32_t count;
  float *h, *c;            // [count, stateUnits] state before the first step, layer by layer; overwritten with that after the last; c: LSTM only
  int32_t *labels;         // tag: [steps]; classify: [count]
  float *values;           // regress: [count, outputs]
  float *confidence;       // tag, classify: [count] mean soft-max probability of the labels
  uint32_t top;            // tag, classify: so many labels of each answer, with their probabilities; at most TOP_MAX and outputs
  int32_t *best;           // where top > 1: [steps or count, top] the likeliest first, of equals the first
  float *chances;          // where top > 1: [steps or count, top] their soft-max probabilities
  double *activity;        // [2, stateUnits] takes the sums over all steps of |h| and of h^2 of every unit; or NULL
  OutputMode mode;
  uint32_t every, phase;   // sample the steps s with (s + phase) % every == 0; every = 0 samples none
  // results
  uint32_t steps;
  Sample *samples;         // [layerCount]; malloc
  Failure failure;
  uint32_t failedAt;       // sequence of the failure
} Batch;

typedef struct Variant {
  const char *name;
  const char *needs;
  bool (*supported)(void);
  uint32_t vector;       // numbers of a vector
  uint32_t words;        // 0: fp32; else int8 in groups of four, which take so many 32-bit words for a gate
  uint32_t widths[WIDTHS_MAX]; // lanes of a block, narrowest first; 0 ends the list
  uint32_t upTo[WIDTHS_MAX];   // a width is taken for at most so many sequences: measured. The last takes all
  void (*infer)(const Model *, Batch *);
  bool (*gram)(const float *values, size_t rows, size_t columns, double *into); // false: out of memory
} Variant;

extern const Variant *const variants[]; // int8, then fp32, each fastest first; NULL ends the table

// Copies everything and makes the offsets; NULL when memory is short. Sizes and sources must have been checked.
Model *modelLoad(const Variant *, const Model *from);
void modelHold(Model *);
void modelRelease(Model *);
