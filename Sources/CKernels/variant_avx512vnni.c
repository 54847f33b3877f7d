// Products of whole numbers with AVX-512's dot products of bytes, four multiplications a lane.
#if defined(__x86_64__)
#include <immintrin.h>

#include "avx512.h"
#include "levels_avx2.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#define WIDTH 16
#define FMA 1
#define SIXTEENS(bits) ((bytes32)_mm256_maskz_set1_epi8((bits), 16))
#define SUMS_OF_FOURS(words) \
  ((row_words)_mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), (__m512i)(words)))
#define MULTIPLY_ADD_8(sums, unsigned_bytes, signed_bytes)                      \
  ((whole_eight)_mm256_dpbusd_epi32((__m256i)(sums), (__m256i)(unsigned_bytes), \
                                    (__m256i)(signed_bytes)))
#include "vector.inc"
#include "levels.inc"

// Sums of floats and of whole numbers at once fill the registers with half as many rows as elsewhere.
#define ROWS 6
#define AT_ONCE(extra) GROUPS

INLINE ivec begin(ivec dots) { return dots; }
INLINE ivec add_products(ivec sums, ivec left, ivec right) {
  return (ivec)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)left, (__m512i)right);
}
INLINE ivec end_(ivec dots, ivec sums) {
  (void)dots;
  return sums;
}

#include "level_tiles.inc"

const plm_engine plm_avx512vnni_levels = LEVELS;
const plm_level_dots plm_avx512vnni_level_dots = LEVEL_DOTS;
#pragma clang attribute pop
#endif
