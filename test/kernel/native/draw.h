// Numbers out of a seed (splitmix64), so that a failure can be repeated.
#pragma once
#include <stdint.h>

static uint64_t seedNow;

static uint64_t draw64(void) {
  uint64_t z = (seedNow += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
static double draw(void) { return (double)(draw64() >> 11) / 9007199254740992.0; }           // [0, 1)
static uint32_t drawTo(uint32_t n) { return (uint32_t)(draw64() % ((uint64_t)n + 1)); }       // 0 to n
static uint32_t drawFrom(uint32_t least, uint32_t most) { return least + drawTo(most - least); }
static float drawWithin(double range) { return (float)((2 * draw() - 1) * range); }
