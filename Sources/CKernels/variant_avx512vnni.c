// Products of whole numbers with AVX-512's dot products of bytes, four multiplications a lane: tiles of
// many rows.
#if defined(__x86_64__)
#include <immintrin.h>

#include "avx512.h"
#include "levels.h"
#include "levels_avx2.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#define WIDTH 16
#define FMA 1
#define SUMS_OF_FOURS(words) \
  ((row_words)_mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), (__m512i)(words)))
#include "vector.inc"
#include "level_pairs.inc"

#define LEVELS_64(row, type, i, blocks, middle) levels_of_two(row, type, (i) / 32, blocks, middle)
INLINE row_words levels_of_two(const char *row, const int type, int64_t b, int blocks, uint8_t middle) {
  const part_scales none = {_mm512_setzero_ps(), _mm256_setzero_ps()};
  const __m512i levels = blocks_at(row, type, b, b + blocks - 1, none).levels;
  const __mmask16 there = blocks == 2 ? 0xffff : 0xff;
  return (row_words)_mm512_maskz_mov_epi32(there,
                                           _mm512_sub_epi8(levels, _mm512_set1_epi8((char)middle)));
}
#include "levels.inc"

// Sums of floats and of whole numbers at once fill the registers with half as many rows as elsewhere.
#define ROWS 6

INLINE ivec begin(const row_block *row, const panel_block *b, const int type, const int from,
                  int64_t column) {
  (void)row;
  ivec start;
  memcpy(&start, b->start[extra_of(type) == SECOND_SCALE && from > 0] + column, sizeof start);
  return start;
}
INLINE ivec add_products(ivec sums, ivec left, ivec right) {
  return (ivec)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)left, (__m512i)right);
}
INLINE ivec end_(ivec dots, ivec sums, const int is_first) {
  (void)dots, (void)is_first;
  return sums;
}

#include "level_tiles.inc"

const plm_engine plm_avx512vnni_levels = LEVELS;
#pragma clang attribute pop
#endif
