// Layers for one lane, made out of those that are stored by target unit.
#include <stdlib.h>
#include <string.h>
#include "side.h"

typedef struct { uint32_t sources, unit; } Ranked;

static int mostSourcesFirst(const void *a, const void *b) {
  const Ranked *x = a, *y = b;
  if (x->sources != y->sources) return x->sources < y->sources ? 1 : -1;
  return x->unit < y->unit ? -1 : x->unit > y->unit;
}

// Zeroed, on whole cache lines.
static void *room(Model *model, size_t bytes) {
  const size_t padded = (bytes + 63) / 64 * 64 + 64;
  void *memory = aligned_alloc(64, padded);
  if (memory != NULL) memset(memory, 0, padded);
  model->bytes += padded;
  return memory;
}

// Where in a row of sums the unit at `place` of a block stands, so that transposing the vectors brings the places in order.
static uint32_t slotOf(uint32_t vector, uint32_t place) { return (place / vector * 4 + place % 4) * (vector / 4) + place % vector / 4; }

// What one call of `rowsMake` makes: sums of `gates` numbers over all sources, or of the last gate over the states alone.
typedef struct { uint32_t gates, first; bool rest; } Kind;

static void countRows(const SideFrom *from, const Side *side, const Kind kind, uint32_t together, uint32_t *ptr) {
  for (uint32_t p = 0, b = 0; p < from->units; b++) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < together && p < from->units; i++, p++) {
      uint32_t k = from->ptr[side->unit[p]];
      const uint32_t end = from->ptr[side->unit[p] + 1];
      while (kind.rest && k < end && from->source[k] < from->inputs) k++;
      if (end - k > most) most = end - k;
    }
    ptr[b + 1] = ptr[b] + most;
  }
}

static void *columnsOf(Model *model, const SideFrom *from, const Side *side, const Kind kind, uint32_t together, uint32_t vector, const uint32_t *values) {
  uint32_t *to = room(model, (size_t)(from->units + together) * kind.gates * sizeof *to);
  for (uint32_t p = 0; to != NULL && p < from->units; p++) {
    const size_t at = p / together * together + (kind.gates > 1 ? slotOf(vector, p % together) : p % together);
    for (uint32_t g = 0; g < kind.gates && kind.first + g < from->sums; g++) to[at * kind.gates + g] = values[(size_t)side->unit[p] * from->sums + kind.first + g];
  }
  return to;
}

static bool rowsMake(Model *model, const SideFrom *from, const Side *side, const Kind kind, SideRows *rows) {
  const uint32_t vector = model->variant->vector, together = togetherOf(model->variant), gates = gatesOf(model->cell);
  const uint32_t blocks = (from->units + together - 1) / together;
  rows->ptr = room(model, (blocks + 1) * sizeof(uint32_t));
  if (rows->ptr == NULL) return false;
  countRows(from, side, kind, together, rows->ptr);
  const size_t plane = (size_t)together * kind.gates, row = plane * from->words;
  rows->source = room(model, (size_t)rows->ptr[blocks] * together * sizeof(uint16_t));
  rows->values = room(model, rows->ptr[blocks] * row * sizeof(uint32_t));
  if (rows->source == NULL || rows->values == NULL) return false;
  // What fills up has no weight, but it is read: source 0 of a whole row, the first state where there are states alone.
  for (size_t k = 0; kind.rest && k < (size_t)rows->ptr[blocks] * together; k++) rows->source[k] = (uint16_t)from->inputs;
  for (uint32_t p = 0; p < from->units; p++) {
    const uint32_t slot = kind.gates > 1 ? slotOf(vector, p % together) : p % together;
    size_t at = rows->ptr[p / together];
    for (uint32_t k = from->ptr[side->unit[p]]; k < from->ptr[side->unit[p] + 1]; k++) {
      const bool state = from->source[k] >= from->inputs;
      if (kind.rest && !state) continue;
      rows->source[at * together + slot] = (uint16_t)from->source[k];
      for (uint32_t g = kind.rest ? gates - 1 : 0; g < gates; g++) {
        // Of three gates the last is that of the candidate, which keeps inputs and states apart.
        const uint32_t to = kind.rest ? 0 : gates == 3 && g == 2 && state ? 3 : g;
        if (to == 3 && model->cell == CELL_GRU_BEFORE) continue; // its states come in `rest`
        for (uint32_t w = 0; w < from->words; w++) rows->values[at * row + w * plane + slot * kind.gates + to] = from->values[((size_t)k * gates + g) * from->words + w];
      }
      at++;
    }
  }
  const void *const columns[] = { from->start, from->scale, from->bias };
  uint32_t **const into[] = { &rows->start, &rows->scale, &rows->bias };
  for (int i = 0; i < 3; i++) {
    if (columns[i] == NULL) continue;
    *into[i] = columnsOf(model, from, side, kind, together, vector, columns[i]);
    if (*into[i] == NULL) return false;
  }
  return true;
}

bool sideMake(Model *model, const SideFrom *from, Side *side) {
  Ranked *order = malloc(from->units * sizeof *order);
  side->unit = room(model, from->units * sizeof(uint32_t));
  const bool whole = order != NULL && side->unit != NULL;
  for (uint32_t j = 0; whole && j < from->units; j++) order[j] = (Ranked){ from->ptr[j + 1] - from->ptr[j], j };
  if (whole) qsort(order, from->units, sizeof *order, mostSourcesFirst);
  for (uint32_t j = 0; whole && j < from->units; j++) side->unit[j] = order[j].unit;
  free(order);
  return whole && rowsMake(model, from, side, (Kind){ gatesOf(model->cell) == 1 ? 1 : 4, 0, false }, &side->sums)
    && (model->cell != CELL_GRU_BEFORE || rowsMake(model, from, side, (Kind){ 1, 3, true }, &side->rest));
}

static void rowsFree(SideRows *rows) {
  free(rows->ptr); free(rows->source); free(rows->values); free(rows->start); free(rows->scale); free(rows->bias);
}

void sideFree(Side *side) {
  free(side->unit);
  rowsFree(&side->sums);
  rowsFree(&side->rest);
}
