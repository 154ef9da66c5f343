// One heap for everything: Windows has no aligned_alloc, and gives back what its substitute gave by another name.
#pragma once
#include <stdlib.h>
#include <string.h>
#if defined(_WIN32)
#include <malloc.h>
static inline void *heapZeroed(size_t count, size_t each) {
  void *memory = each > 0 && count > (size_t)-1 / each ? NULL : _aligned_malloc(count * each > 0 ? count * each : 1, 64);
  if (memory != NULL) memset(memory, 0, count * each);
  return memory;
}
#define aligned_alloc(alignment, bytes) _aligned_malloc(bytes, alignment)
#define malloc(bytes) _aligned_malloc(bytes, 64)
#define calloc(count, each) heapZeroed(count, each)
#define free(memory) _aligned_free(memory)
#endif
