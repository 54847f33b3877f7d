// Products of whole numbers with AVX2: pairs of bytes multiplied and added in 16 bits.
#if defined(__x86_64__)
#include "levels.h"
#include "levels_avx2.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define WIDTH 8
#define FMA 1
#define F16C 1
#define SIXTEENS(bits) sixteens_of(bits)
#define SUMS_OF_FOURS(words) sums_of_fours(words)
// Levels are below 64 and so no pair of products beyond 16 bits.
#define MULTIPLY_ADD_8(sums, unsigned_bytes, signed_bytes)                                        \
  ((sums) + (whole_eight)pairs_added(                                                             \
                _mm256_maddubs_epi16((__m256i)(unsigned_bytes), (__m256i)(signed_bytes))))

static inline __attribute__((always_inline)) __m256i pairs_added(__m256i pairs) {
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

// Byte i is 16 where bit i is 1.
static inline __attribute__((always_inline)) bytes32 sixteens_of(uint32_t bits) {
  const __m256i spread = _mm256_shuffle_epi8(
      _mm256_set1_epi32((int32_t)bits),
      _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0));
  const __m256i one = _mm256_set1_epi64x((int64_t)0x8040201008040201);
  return (bytes32)_mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(spread, one), one),
                                    _mm256_set1_epi8(16));
}

static inline __attribute__((always_inline)) row_words sums_of_fours(row_words words) {
  __m256i halves[2];
  __builtin_memcpy(halves, &words, sizeof halves);
  for (int h = 0; h < 2; h++)
    halves[h] = pairs_added(_mm256_maddubs_epi16(_mm256_set1_epi8(1), halves[h]));
  __builtin_memcpy(&words, halves, sizeof words);
  return words;
}

#include "vector.inc"
#include "levels.inc"
#include "level_dots.inc"

#define ROWS 4
// Sums of 16 bits hold, of unsigned bytes by signed levels, two products of each of four groups where
// levels are -16..15 (8 * 255 * 16 < 2^15), and of two groups where they reach 31 or -32.
#define AT_ONCE(extra) ((extra) == NOTHING_ELSE ? 4 : 2)

INLINE ivec begin(ivec dots) {
  (void)dots;
  return (ivec){0};
}
INLINE ivec add_products(ivec sums, ivec left, ivec right) {
  return (ivec)_mm256_add_epi16((__m256i)sums, _mm256_maddubs_epi16((__m256i)left, (__m256i)right));
}
INLINE ivec end_(ivec dots, ivec sums) { return dots + (ivec)pairs_added((__m256i)sums); }

#include "level_tiles.inc"

const plm_engine plm_avx2_levels = LEVELS;
const plm_level_dots plm_avx2_level_dots = LEVEL_DOTS;
#pragma clang attribute pop
#endif
