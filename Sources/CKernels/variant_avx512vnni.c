// Products of whole numbers with AVX-512's dot products of bytes, four multiplications a lane.
#if defined(__x86_64__)
#include <immintrin.h>

#include "avx512.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#define WIDTH 16
#define FMA 1
#define SIXTEENS(bits) ((bytes32)_mm256_maskz_set1_epi8((bits), 16))
#define MULTIPLY_ADD(sums, unsigned_bytes, signed_bytes)                              \
  ((row_words)_mm512_dpbusd_epi32((__m512i)(sums), (__m512i)(unsigned_bytes), \
                                  (__m512i)(signed_bytes)))
#define MULTIPLY_ADD_8(sums, unsigned_bytes, signed_bytes)                                     \
  ((whole_eight)_mm256_dpbusd_epi32((__m256i)(sums), (__m256i)(unsigned_bytes), \
                                    (__m256i)(signed_bytes)))
#define NIBBLES(p)                                                                             \
  ((bytes32)_mm256_and_si256(                                                                  \
      _mm256_srlv_epi64(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(p))),    \
                        _mm256_set_epi64x(4, 4, 0, 0)),                                        \
      _mm256_set1_epi8(15)))
#define SUM_OF_BYTES(bytes) sum_of_eights(_mm256_sad_epu8((__m256i)(bytes), _mm256_setzero_si256()))

static inline __attribute__((always_inline)) int32_t sum_of_eights(__m256i eights) {
  const __m128i halves = _mm_add_epi64(_mm256_castsi256_si128(eights),
                                       _mm256_extracti128_si256(eights, 1));
  return _mm_cvtsi128_si32(_mm_add_epi64(halves, _mm_unpackhi_epi64(halves, halves)));
}

#include "vector.inc"
#include "levels.inc"

// Sums of floats and of whole numbers at once fill the registers with half as many rows as elsewhere.
#define ROWS 6

// Adds the products of groups first..<end of one block, whose columns have this scale.
INLINE void add_groups(const int rows, const int vectors, const int first, const int end,
                       const char *a, int64_t stride, const panel_block *b, const int32_t *start,
                       const float *scale, vec sums[][2]) {
  __m512i dots[rows][2];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++)
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) dots[i][v] = _mm512_loadu_si512(start + v * WIDTH);
#pragma clang loop unroll(full)
  for (int g = first; g < end; g++) {
    __m512i right[2];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) right[v] = _mm512_loadu_si512(b->levels[g][v * WIDTH]);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      int32_t four;
      memcpy(&four, ((const row_block *)(a + i * stride))->levels + 4 * g, sizeof four);
      const __m512i left = _mm512_set1_epi32(four);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++)
        dots[i][v] = _mm512_dpbusd_epi32(dots[i][v], left, right[v]);
    }
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    const vec columns = load(scale + v * WIDTH);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
      sums[i][v] = fma_((vec)_mm512_cvtepi32_ps(dots[i][v]) * columns,
                        splat(((const row_block *)(a + i * stride))->scale), sums[i][v]);
  }
}

INLINE void add_blocks(const int rows, const int vectors, const extra extra, const char *a,
                       int64_t stride, const panel_block *b, int64_t blocks, vec sums[][2]) {
  for (const panel_block *end = b + blocks; b < end; b++, a += sizeof(row_block)) {
    const int middle = extra == SECOND_SCALE ? GROUPS / 2 : GROUPS;
    add_groups(rows, vectors, 0, middle, a, stride, b, b->start[0], b->scale, sums);
    if (extra == SECOND_SCALE)
      add_groups(rows, vectors, middle, GROUPS, a, stride, b, b->start[1], b->other, sums);
    if (extra == OFFSET)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        const vec offset = load(b->other + v * WIDTH);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++)
          sums[i][v] = fma_(offset, splat(((const row_block *)(a + i * stride))->sum), sums[i][v]);
      }
  }
}

INLINE void tile_of(const int rows, const int vectors, int64_t i0, int64_t width,
                    const plm_strip *strips, int count, const plm_result *c) {
  vec sums[rows][2];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = splat(0);
  for (int t = 0; t < count; t++) {
    const char *a = (const char *)strips[t].a + i0 * strips[t].stride;
#define ADD(EXTRA) \
  add_blocks(rows, vectors, EXTRA, a, strips[t].stride, strips[t].b, strips[t].steps / 32, sums)
    switch (extra_of(strips[t].type)) {
      case OFFSET: ADD(OFFSET); break;
      case SECOND_SCALE: ADD(SECOND_SCALE); break;
      default: ADD(NOTHING_ELSE);
    }
#undef ADD
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    finish(c, i0 + i, 0, width, sums[i][0]);
    if (vectors == 2) finish(c, i0 + i, WIDTH, width, sums[i][1]);
  }
}

// Columns that fill half a panel are computed alone.
INLINE void tile(const int rows, int64_t i0, int64_t width, const plm_strip *strips, int count,
                 const plm_result *c) {
  if (width <= WIDTH) tile_of(rows, 1, i0, width, strips, count, c);
  else tile_of(rows, 2, i0, width, strips, count, c);
}

#include "tiles.inc"

const plm_levels plm_avx512vnni_levels = LEVELS;
#pragma clang attribute pop
#endif
