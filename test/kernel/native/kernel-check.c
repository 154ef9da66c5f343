// The whole kernel without Node, for the sanitizers: every fp32 variant of this machine on random models and ragged
// batches against plain-network.h, second moments, refusals, and each allocation failing in turn.
// kernel-check SECONDS SEED: walks the cells, sizes and densities once, then goes on until the CPU time is spent.
#include <math.h>
#include <stdio.h>
#include <time.h>
#include "plain-network.h"
#include "samples.h"

long allocationsLeft = -1;
static const char *doing = "";
static unsigned long checks;

#define DEMAND(condition, ...) do { \
    checks++; \
    if (!(condition)) { fprintf(stderr, "%s: ", doing); fprintf(stderr, __VA_ARGS__); fprintf(stderr, " (%s:%d)\n", __FILE__, __LINE__); exit(1); } \
  } while (0)

static double worst;
static void near(double found, double right, double most, const char *what) {
  const double difference = fabs(found - right) / fmax(1, fabs(right));
  if (difference > worst) worst = difference;
  DEMAND(difference <= most, "%s: %.9g, should be %.9g", what, found, right);
}

// Int8 has a reference of its own.
static bool isFp32(const Variant *v) { const size_t n = strlen(v->name); return n < 3 || strcmp(v->name + n - 3, "-g4") != 0; }

static void compareLabels(const Model *m, const Batch *b, uint32_t s, const double *out) {
  const uint32_t steps = b->offsets[s + 1] - b->offsets[s], classes = (m->outputs + 3) / 4 * 4;
  double *logits = exactly(classes, sizeof *logits), mean = 0;
  const uint32_t judged = b->mode == OUTPUT_TAG ? steps : b->mode == OUTPUT_NONE ? 0 : 1;
  for (uint32_t t = 0; t < judged; t++) {
    plainLogits(m, out + (size_t)(b->mode == OUTPUT_TAG ? t : steps - 1) * m->features, logits);
    if (b->mode == OUTPUT_REGRESS) {
      for (uint32_t o = 0; o < m->outputs; o++) near((double)b->values[(size_t)s * m->outputs + o], logits[o], 3e-6, "number");
      continue;
    }
    const int32_t label = b->labels[b->mode == OUTPUT_TAG ? b->offsets[s] + t : s];
    DEMAND(label >= 0 && (uint32_t)label < m->outputs, "label %d of %u", label, m->outputs);
    for (uint32_t o = 0; o < m->outputs; o++) DEMAND(logits[o] - logits[label] < 1e-5, "label %d, but class %u has more", label, o);
    mean += probabilityOf(logits, m->outputs, (uint32_t)label) / judged;
    const size_t at = (b->mode == OUTPUT_TAG ? b->offsets[s] + t : s) * (size_t)b->top;
    for (uint32_t i = 0; b->top > 1 && i < b->top; i++) {
      const int32_t ranked = b->best[at + i];
      DEMAND(ranked >= 0 && (uint32_t)ranked < m->outputs && (i > 0 || ranked == label), "label %d is number %u", ranked, i);
      near((double)b->chances[at + i], probabilityOf(logits, m->outputs, (uint32_t)ranked), 3e-6, "probability");
      uint32_t above = 0; // what is likelier than this one must stand before it
      for (uint32_t o = 0; o < m->outputs; o++) above += logits[o] > logits[ranked] + 1e-5;
      DEMAND(above <= i, "label %d is number %u, but %u are likelier", ranked, i, above);
      for (uint32_t o = 0; o < i; o++) DEMAND(b->best[at + o] != ranked, "label %d twice", ranked);
    }
  }
  if (b->mode == OUTPUT_TAG || b->mode == OUTPUT_CLASSIFY) near((double)b->confidence[s], mean, 3e-6, "confidence");
  free(logits);
}

static Read readOf(const Model *m, const Batch *b) {
  Read read = { exactly(m->layerCount, sizeof(double *)), exactly(m->layerCount, sizeof(double *)) };
  for (uint32_t l = 0; l < m->layerCount; l++) {
    read.sum[l] = calloc(b->samples[l].columns, sizeof(double));
    read.square[l] = calloc(b->samples[l].columns, sizeof(double));
  }
  return read;
}

// Every step sampled: the columns sum up to what the plain network read.
static void compareSamples(const Model *m, const Batch *b, Read *read) {
  for (uint32_t l = 0; l < m->layerCount; l++) {
    const Sample *sample = &b->samples[l];
    if (b->every == 1) {
      DEMAND(sample->rows == b->offsets[b->count], "%zu rows of layer %u, %u steps", sample->rows, l, b->offsets[b->count]);
      for (size_t k = 0; k < sample->columns; k++) {
        double sum = 0, square = 0;
        for (size_t r = 0; r < sample->rows; r++) { const double x = (double)sample->values[r * sample->columns + k]; sum += x; square += x * x; }
        near(sum / (double)sample->rows, read->sum[l][k] / (double)sample->rows, 2e-6, "mean of what was read");
        near(square / (double)sample->rows, read->square[l][k] / (double)sample->rows, 4e-6, "mean square of what was read");
      }
    } else DEMAND(b->every > 0 || sample->rows == 0, "sampled without being asked");
    free(read->sum[l]); free(read->square[l]);
  }
  free(read->sum); free(read->square);
}

// Sums of h^2 over every step: what each layer read as its state, without the h before the first step and with the last.
static void compareActivity(const Model *m, const Batch *b, const Read *read, const double *before, const double *after) {
  for (size_t l = 0, from = 0; l < m->layerCount; from += m->layers[l++].units) for (size_t j = 0; j < m->layers[l].units; j++) {
    double squares = read->square[l][m->layers[l].inputs + j];
    for (size_t s = 0; s < b->count; s++) {
      const size_t at = s * m->stateUnits + from + j;
      squares += after[at] * after[at] - before[at] * before[at];
    }
    near(b->activity[m->stateUnits + from + j], squares, 1e-5, "sum of h^2");
    const double steps = b->offsets[b->count]; // Cauchy-Schwarz, h being within 1e-6
    DEMAND(b->activity[from + j] <= sqrt(steps * fmax(squares, 0)) * (1 + 1e-4) + 1e-6 * steps, "sum of |h| against that of h^2");
  }
}

static void compareBatch(const Variant *variant, const Model *from, Batch *b) {
  const size_t states = b->count * from->stateUnits, units = from->stateUnits;
  double *h = exactly(states, sizeof *h), *before = exactly(states, sizeof *before), *c = calloc(states + 1, sizeof *c);
  for (size_t i = 0; i < states; i++) { h[i] = (double)b->h[i]; c[i] = from->cell == CELL_LSTM ? (double)b->c[i] : 0; }
  memcpy(before, h, states * sizeof *h);
  Model *m = modelLoad(variant, from);
  DEMAND(m != NULL, "load");
  variant->infer(m, b);
  DEMAND(b->failure == FAILED_NOT, "failure %d", b->failure);
  if (b->count > 0) {
    Read read = readOf(from, b);
    for (uint32_t s = 0; s < b->count; s++) {
      double *out = exactly((size_t)(b->offsets[s + 1] - b->offsets[s]) * from->features, sizeof *out);
      plainSequence(from, b, s, h + s * units, c + s * units, out, &read);
      for (size_t j = 0; j < units; j++) near((double)b->h[s * units + j], h[s * units + j], 1.5e-6, "h");
      for (size_t j = 0; j < units && from->cell == CELL_LSTM; j++) near((double)b->c[s * units + j], c[s * units + j], 3e-6, "c");
      compareLabels(from, b, s, out);
      free(out);
    }
    compareActivity(from, b, &read, before, h);
    compareSamples(from, b, &read);
  }
  modelRelease(m);
  free(h); free(c); free(before);
}

static void checkGram(const Variant *variant, size_t rows, size_t columns) {
  const size_t size = columns + 1, length = size * (size + 1) / 2;
  float *values = floats(rows * columns, 1);
  double *into = calloc(length, sizeof *into);
  DEMAND(variant->gram(values, rows, columns, into), "gram");
  for (size_t i = 0, at = 0; i < size; i++) for (size_t j = i; j < size; j++, at++) {
    double sum = 0, scale = 1;
    for (size_t r = 0; r < rows; r++) {
      const double a = i < columns ? (double)values[r * columns + i] : 1, b = j < columns ? (double)values[r * columns + j] : 1;
      sum += a * b; scale += fabs(a * b);
    }
    DEMAND(fabs(into[at] - sum) <= 33 * 0x1p-24 * scale, "second moment %zu, %zu: %g, should be %g", i, j, into[at], sum);
  }
  free(values); free(into);
}

// A batch that is wrong in one place is refused with the sequence, and nothing is written.
static void checkRefusals(const Variant *variant, Cell cell) {
  for (int wrong = 0; wrong < 5; wrong++) {
    Model from = drawModel(cell, 20, 0.4), *m = modelLoad(variant, &from);
    Batch b = drawBatch(&from, OUTPUT_NONE, drawFrom(2, 40), 9);
    const uint32_t s = drawTo(b.count - 1), t = b.offsets[s] + drawTo(b.offsets[s + 1] - b.offsets[s] - 1);
    float *place = wrong == 0 ? b.h + s * from.stateUnits + drawTo((uint32_t)from.stateUnits - 1) : NULL;
    Failure expected = FAILED_STATE;
    if (wrong == 1 && cell == CELL_LSTM) place = b.c + s * from.stateUnits + drawTo((uint32_t)from.stateUnits - 1);
    if (wrong == 2 && b.frames != NULL) { place = (float *)b.frames + (size_t)t * from.layers[0].inputs; expected = FAILED_FRAME; }
    if (place != NULL) *place = drawTo(1) ? NAN : -INFINITY;
    else if (wrong >= 2 && b.tokens != NULL) { ((int32_t *)b.tokens)[t] = (int32_t[]){ -1, (int32_t)from.vocabulary, INT32_MAX, INT32_MIN }[drawTo(3)]; expected = FAILED_TOKEN; }
    else { ((uint32_t *)b.offsets)[s + 1] = b.offsets[s]; expected = FAILED_EMPTY; }
    variant->infer(m, &b);
    DEMAND(b.failure == expected && b.failedAt == s, "failure %d at %u, should be %d at %u", b.failure, b.failedAt, expected, s);
    freeBatch(&from, &b); freeModel(&from); modelRelease(m);
  }
}

// The first allocation fails, then the second, ...; each time nothing leaks and the batch says so.
static void checkMemory(const Variant *variant, Cell cell) {
  Model from = drawModel(cell, 12, 0.5);
  const OutputMode mode = from.bidirectional ? OUTPUT_CLASSIFY : (OutputMode)drawTo(3);
  bool failed = true;
  for (long n = 0; failed; n++) {
    Batch b = drawBatch(&from, mode, 20, 6);
    allocationsLeft = n;
    Model *m = modelLoad(variant, &from);
    failed = m == NULL;
    if (m != NULL) {
      variant->infer(m, &b);
      failed = b.failure != FAILED_NOT;
      DEMAND(!failed || b.failure == FAILED_MEMORY, "failure %d", b.failure);
      modelRelease(m);
    }
    allocationsLeft = -1;
    freeBatch(&from, &b);
  }
  freeModel(&from);
}

static void one(const Variant *variant, Cell cell, uint32_t unitsMax, double density) {
  Model from = drawModel(cell, unitsMax, density);
  const OutputMode mode = from.bidirectional ? (OutputMode[]){ OUTPUT_NONE, OUTPUT_CLASSIFY, OUTPUT_REGRESS }[drawTo(2)] : (OutputMode)drawTo(3);
  const uint32_t count = (uint32_t[]){ 0, 1, 2, drawTo(20), drawTo(70), drawTo(150) }[drawTo(5)];
  Batch b = drawBatch(&from, mode, unitsMax > 100 ? count % 20 : count, count == 1 && unitsMax < 50 ? 200 : 9);
  b.every = (uint32_t[]){ 0, 1, 1, drawFrom(2, 40) }[drawTo(3)];
  b.phase = b.every > 0 ? drawTo(b.every - 1) : 0;
  compareBatch(variant, &from, &b);
  freeBatch(&from, &b); freeModel(&from);
}

static double cpuSeconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

int main(int argc, char **argv) {
  const double seconds = argc > 1 ? atof(argv[1]) : 5;
  const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  static const double densities[] = { 0, 0.05, 0.3, 1 };
  char text[96];
  uint64_t round = 0;
  do {
    for (size_t v = 0; variants[v] != NULL; v++) {
      if (!isFp32(variants[v]) || !variants[v]->supported()) continue;
      for (int cell = 0; cell < CELLS; cell++) for (int d = 0; d < 4; d++) {
        seedNow = seed + 1000003 * round + 1009 * v + 31 * (uint64_t)cell + (uint64_t)d;
        snprintf(text, sizeof text, "%s, cell %d, density %g, seed %llu", variants[v]->name, cell, densities[d], (unsigned long long)seedNow);
        doing = text;
        one(variants[v], (Cell)cell, d == (int)(round % 4) && cell == (int)(round / 4 % CELLS) ? 300 : 40, densities[d]);
        if (d == 0) { checkRefusals(variants[v], (Cell)cell); checkMemory(variants[v], (Cell)cell); }
        if (cell == 0) checkGram(variants[v], drawTo(100), drawTo(d == 3 ? 140 : 40));
      }
    }
    round++;
  } while (cpuSeconds() < seconds);
  for (size_t v = 0; variants[v] != NULL; v++) if (isFp32(variants[v])) printf("%s %s\n", variants[v]->supported() ? "checked" : "lacked", variants[v]->name);
  printf("%llu rounds, %lu checks, largest difference %.2g\n", (unsigned long long)round, checks, worst);
  return 0;
}
