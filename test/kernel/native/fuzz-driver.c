// main() for a fuzz target where no fuzzer is at hand: fuzz-driver SECONDS SEED runs it on random bytes and on mutations
// of the inputs before; fuzz-driver FILE... runs it on files.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "draw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern unsigned long loadedAndRun[2];
enum { SIZE_MAX_ = 8192 };

static int onFile(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) { perror(path); return 1; }
  uint8_t *data = malloc(1 << 20);
  const size_t size = fread(data, 1, 1 << 20, file);
  fclose(file);
  uint8_t *exact = malloc(size > 0 ? size : 1);
  memcpy(exact, data, size);
  LLVMFuzzerTestOneInput(exact, size);
  free(exact); free(data);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3 || atof(argv[1]) <= 0) {
    int failed = 0;
    for (int a = 1; a < argc; a++) failed |= onFile(argv[a]);
    return failed;
  }
  unsigned long cases = 0;
  uint8_t was[SIZE_MAX_];
  size_t size = 0;
  seedNow = strtoull(argv[2], NULL, 10);
  while ((double)clock() / CLOCKS_PER_SEC < atof(argv[1])) {
    if (size == 0 || drawTo(3) == 0) { // afresh; else the one before with a few bytes changed
      size = drawFrom(1, SIZE_MAX_);
      for (size_t i = 0; i < size; i++) was[i] = (uint8_t)(drawTo(30) == 0 ? drawTo(3) : drawFrom(4, 255));
      if (drawTo(1)) for (size_t i = 0; i < size; i++) if (was[i] < 4) was[i] += 4;
    } else for (uint32_t n = drawFrom(1, 4); n > 0; n--) was[drawTo((uint32_t)size - 1)] = (uint8_t)drawTo(drawTo(1) ? 255 : 3);
    uint8_t *exact = malloc(size);
    memcpy(exact, was, size);
    LLVMFuzzerTestOneInput(exact, size);
    cases++;
    free(exact);
  }
  printf("%lu cases, %lu of them loaded and run in fp32, %lu in int8\n", cases, loadedAndRun[0], loadedAndRun[1]);
  return 0;
}
