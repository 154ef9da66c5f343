// A model in int8 groups of four ("g4"): four consecutive sources into one unit, with all its gates, are stored together.
// Activations are bytes u for (u - 128) * step: a step of 1/127 for h, of the embedding's own for x. A row holds four
// sources of every lane, [lanes][4 bytes], and so does a weight: one 32-bit word for four sources of one gate.
// Sums are whole numbers and exact: start + sum w u = sum w (u - 128), whatever the instruction set.
#pragma once
#include "kernel.h"

static inline uint32_t quads(uint32_t sources) { return (sources + 3) / 4; }
// Sums of a unit: the GRUs keep the two parts of their candidate apart: z, r, n of the inputs, n of the state.
static inline uint32_t g4SumsOf(Cell cell) { return cell >= CELL_RNN_TANH ? 1 : 4; }

typedef struct {
  uint32_t units, inputRows, rows, groups; // rows: quads(units)
  uint32_t *ptr;         // [units + 1] groups of unit j: ptr[j] to ptr[j + 1]; those from inputs first
  uint32_t *mid;         // [units] the first of them that comes from states
  uint32_t *offset[WIDTHS_MAX]; // [groups] byte offset of the row for each lane width
  int32_t *values;       // [groups, gates, words of the variant]
  int32_t *start;        // [units, sums] -128 * sum of the weights
  float *scale, *bias;   // [units, sums] sum * scale + bias is the exponent of two that pack.ts speaks of
  Side side;             // where the variant has a form for one lane
} G4Layer;

struct G4 {
  G4Layer *layers;       // [layerCount]
  uint32_t *embedding;   // [vocabulary, inputRows] four bytes each
  float step;            // of x
  uint32_t featureRows;
  int32_t *output;       // [ceil(outputs / 4), featureRows, 4 classes, words]
  int32_t *outputStart;  // [ceil(outputs / 4), 4], and so the next two
  float *outputScale, *outputBias;
};

// What is loaded: arrays of the caller, as src/model/pack-g4.ts makes them; weights are bytes.
typedef struct { const uint32_t *ptr, *source; const int8_t *values; const float *scale, *bias; uint32_t units, groups; } G4LayerFrom;
typedef struct { const G4LayerFrom *layers; const uint8_t *embedding; float step; const int8_t *output; const float *outputScale, *outputBias; } G4From;

// As modelLoad; `from` has the sizes.
Model *g4Load(const Variant *, const Model *from, const G4From *);
void g4Free(Model *);
