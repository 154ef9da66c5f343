// Second moments: into += sum over rows of a aT, a = [row; 1], packed upper triangle by rows.
#pragma once
#include <stdlib.h>
#include <string.h>
#include "cell.h"

enum { GRAM_ROWS = 32 };

// Blocks of 32 rows are summed in float32 and added in float64, so an element differs from the exact sum by at most
// 33 * 2^-24 * sum |a_i a_j| (about 2e-6 of the sum of absolute products), however many rows there are.
static bool gram(const float *values, size_t rows, size_t columns, double *into) {
  const size_t size = columns + 1, tile = VW * NV_MAX, stride = (size + tile - 1) / tile * tile;
  float *block = aligned_alloc(64, (GRAM_ROWS * stride * sizeof(float) + 63) / 64 * 64);
  if (block == NULL) return false;
  memset(block, 0, GRAM_ROWS * stride * sizeof(float));
  for (size_t from = 0; from < rows; from += GRAM_ROWS) {
    const size_t n = rows - from < GRAM_ROWS ? rows - from : GRAM_ROWS;
    for (size_t r = 0; r < n; r++) {
      memcpy(block + r * stride, values + (from + r) * columns, columns * sizeof(float));
      block[r * stride + columns] = 1.f;
    }
    for (size_t i = 0; i < size; i += 4) for (size_t j = i / tile * tile; j < size; j += tile) {
      Floats sums[4][NV_MAX];
      UNROLL for (int g = 0; g < 4; g++) UNROLL for (int v = 0; v < NV_MAX; v++) sums[g][v] = (Floats){0};
      for (size_t r = 0; r < n; r++) accumulate(4, NV_MAX, sums, block + r * stride + i, block + r * stride + j);
      for (size_t g = 0; g < 4 && i + g < size; g++) {
        const float *sum = (const float *)sums[g];
        const size_t row = i + g, to = j + tile < size ? j + tile : size;
        double *packed = into + row * size - row * (row + 1) / 2; // element (row, column) lies at [column]
        for (size_t column = j > row ? j : row; column < to; column++) packed[column] += (double)sum[column - j];
      }
    }
  }
  free(block);
  return true;
}
