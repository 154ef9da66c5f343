// Vectors of VW floats through the compiler's vector extensions; intrinsics only where the extensions have no word.
#pragma once
#include <stdint.h>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

#if defined(__AVX512F__)
#define VW 16
#elif defined(__AVX2__)
#define VW 8
#else
#define VW 4
#endif

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

typedef float Floats __attribute__((vector_size(4 * VW), may_alias));
typedef int32_t Ints __attribute__((vector_size(4 * VW), may_alias));
typedef float Quad __attribute__((vector_size(16), may_alias));
typedef int32_t QuadInts __attribute__((vector_size(16), may_alias));
typedef float FloatsLoose __attribute__((vector_size(4 * VW), may_alias, aligned(4)));
typedef float QuadLoose __attribute__((vector_size(16), may_alias, aligned(4)));

INLINE Floats splat(float x) { return x - (Floats){0}; }

// VW / 4 numbers, each four times.
INLINE Floats eachByFour(const float *x) {
#if defined(__AVX512F__)
  return _mm512_permutevar_ps(_mm512_broadcast_f32x4(_mm_loadu_ps(x)), _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));
#elif defined(__AVX2__)
  return _mm256_blend_ps(_mm256_broadcast_ss(x), _mm256_broadcast_ss(x + 1), 0xf0);
#else
  return splat(*x);
#endif
}

INLINE Floats larger(Floats a, Floats b) {
#if defined(__AVX512F__)
  return _mm512_max_ps(a, b);
#elif defined(__AVX2__)
  return _mm256_max_ps(a, b);
#elif defined(__SSE2__)
  return _mm_max_ps(a, b);
#elif defined(__wasm_simd128__)
  return wasm_f32x4_pmax(b, a); // b < a ? a : b
#else
  const Ints m = a > b;
  return (Floats)(((Ints)a & m) | ((Ints)b & ~m));
#endif
}

INLINE Floats smaller(Floats a, Floats b) {
#if defined(__AVX512F__)
  return _mm512_min_ps(a, b);
#elif defined(__AVX2__)
  return _mm256_min_ps(a, b);
#elif defined(__SSE2__)
  return _mm_min_ps(a, b);
#elif defined(__wasm_simd128__)
  return wasm_f32x4_pmin(b, a); // a < b ? a : b
#else
  const Ints m = a < b;
  return (Floats)(((Ints)a & m) | ((Ints)b & ~m));
#endif
}

// a > b ? x : y
INLINE Ints whereLarger(Floats a, Floats b, Ints x, Ints y) {
#if defined(__AVX512F__)
  return (Ints)_mm512_mask_blend_epi32(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), (__m512i)y, (__m512i)x);
#else
  const Ints m = a > b;
  return (x & m) | (y & ~m);
#endif
}

// Numbers of a and b by their places.
#if defined(__clang__)
#define PICK(Places, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(Places, a, b, ...) __builtin_shuffle(a, b, (Places){ __VA_ARGS__ })
#endif

// First halves plus second halves: those of a, then those of b.
INLINE Floats halved(Floats a, Floats b) {
#if VW == 16
  return PICK(Ints, a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) + PICK(Ints, a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
#elif VW == 8
  return PICK(Ints, a, b, 0, 1, 2, 3, 8, 9, 10, 11) + PICK(Ints, a, b, 4, 5, 6, 7, 12, 13, 14, 15);
#else
  return PICK(Ints, a, b, 0, 1, 4, 5) + PICK(Ints, a, b, 2, 3, 6, 7);
#endif
}

// 1 / d to about one unit in the last place.
INLINE Floats reciprocal(Floats d) {
#if defined(__AVX512F__)
  const __m512 r = _mm512_rcp14_ps(d);
  return _mm512_fmadd_ps(r, _mm512_fnmadd_ps(d, r, _mm512_set1_ps(1.f)), r);
#else
  return 1.f / d;
#endif
}

// 2^x of n vectors, stage by stage so that the n chains overlap. Minimax polynomials of degree 5, relative error
// 7.5e-8: on [0, 1) where the exponent is floor(x), on [-1/2, 1/2] where it is the nearest integer. x is clamped at
// 42 so that a product of three stays finite; far below zero the result is 0 (AVX-512) or 2^-125.
INLINE void exp2s(const int n, Floats *x) {
  Floats p[16];
#if defined(__AVX512F__)
  Floats f[16];
  UNROLL for (int m = 0; m < n; m++) x[m] = smaller(x[m], splat(42.f));
  UNROLL for (int m = 0; m < n; m++) f[m] = _mm512_reduce_ps(x[m], 0x09); // x - floor(x)
  UNROLL for (int m = 0; m < n; m++) p[m] = splat(0.00187757646f) * f[m] + splat(0.00898934063f);
  UNROLL for (int m = 0; m < n; m++) p[m] = p[m] * f[m] + splat(0.0558263175f);
  UNROLL for (int m = 0; m < n; m++) p[m] = p[m] * f[m] + splat(0.240153611f);
  UNROLL for (int m = 0; m < n; m++) p[m] = p[m] * f[m] + splat(0.693153083f);
  UNROLL for (int m = 0; m < n; m++) p[m] = p[m] * f[m] + splat(0.99999994f);
  UNROLL for (int m = 0; m < n; m++) x[m] = _mm512_scalef_ps(p[m], x[m]);
#else
  Floats r[16];
  const Floats magic = splat(12582912.f); // 1.5 * 2^23: adding it rounds to the nearest integer, kept in the low bits
  UNROLL for (int m = 0; m < n; m++) x[m] = larger(smaller(x[m], splat(42.f)), splat(-125.f));
  UNROLL for (int m = 0; m < n; m++) r[m] = x[m] + magic;
  UNROLL for (int m = 0; m < n; m++) x[m] = x[m] - (r[m] - magic);
  UNROLL for (int m = 0; m < n; m++) p[m] = splat(0.00132764701f) * x[m] + splat(0.00967554096f);
  UNROLL for (int m = 0; m < n; m++) p[m] = p[m] * x[m] + splat(0.0555071309f);
  UNROLL for (int m = 0; m < n; m++) p[m] = p[m] * x[m] + splat(0.240221202f);
  UNROLL for (int m = 0; m < n; m++) p[m] = p[m] * x[m] + splat(0.693146944f);
  UNROLL for (int m = 0; m < n; m++) p[m] = p[m] * x[m] + splat(1.00000012f);
  UNROLL for (int m = 0; m < n; m++) x[m] = (Floats)((Ints)p[m] + ((Ints)r[m] << 23));
#endif
}
