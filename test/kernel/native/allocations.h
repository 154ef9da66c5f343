// Included before every source of the kernel by the compiler's -include: the allocation number `allocationsLeft` + 1 fails.
#pragma once
#include <stdlib.h>

extern long allocationsLeft; // below zero: none fails
static inline int allocationFails(void) { return allocationsLeft >= 0 && allocationsLeft-- == 0; }
static inline void *checkedMalloc(size_t bytes) { return allocationFails() ? NULL : malloc(bytes); }
static inline void *checkedCalloc(size_t n, size_t bytes) { return allocationFails() ? NULL : calloc(n, bytes); }
static inline void *checkedRealloc(void *was, size_t bytes) { return allocationFails() ? NULL : realloc(was, bytes); }
static inline void *checkedAligned(size_t alignment, size_t bytes) { return allocationFails() ? NULL : aligned_alloc(alignment, bytes); }
#define malloc checkedMalloc
#define calloc checkedCalloc
#define realloc checkedRealloc
#define aligned_alloc checkedAligned
