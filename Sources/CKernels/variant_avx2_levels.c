// Products of whole numbers with AVX2: pairs of bytes multiplied and added in 16 bits.
#if defined(__x86_64__)
#include "levels.h"
#include "levels_avx2.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define WIDTH 8
#define FMA 1
#define F16C 1
#define SIXTEENS(bits) sixteens_of(bits)
// Levels of weights are below 64: with signed ones of rows, sums of 16 bits hold more of their products.
#define ROW_MIDDLE 0
#define PANELS_AS_STORED 1
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

// What sums of 16 bits start from so that levels as stored come to what they stand for: less the middle of
// a type, times the row's levels that are multiplied into one of them. A word holds two such sums: of the
// first two and of the last two of each four levels. Of eight groups for a middle of 8, of four for one of
// 16, of two for one of 32.
typedef struct {
  int32_t of_8, of_16[2], of_32[4];
} row_starts;

static inline __attribute__((always_inline)) row_starts starts_of(const uint8_t *levels) {
  // Each word: its two pairs of levels, added up.
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1),
                                             _mm256_loadu_si256((const __m256i *)(const void *)levels));
  const __m128i low = _mm256_castsi256_si128(pairs), high = _mm256_extracti128_si256(pairs, 1);
  // Of two groups each: words 0+1, 2+3 of both halves.
  const __m128i twos = _mm_add_epi16(
      _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(low), _mm_castsi128_ps(high), 0x88)),
      _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(low), _mm_castsi128_ps(high), 0xdd)));
  const __m128i fours = _mm_add_epi16(twos, _mm_srli_epi64(twos, 32));  // words 0 and 2
  const __m128i eights = _mm_add_epi16(fours, _mm_unpackhi_epi64(fours, fours));
  const __m128i none = _mm_setzero_si128();
  const __m128i of_16 = _mm_sub_epi16(none, _mm_slli_epi16(fours, 4));
  row_starts out = {
      .of_8 = _mm_cvtsi128_si32(_mm_sub_epi16(none, _mm_slli_epi16(eights, 3))),
      .of_16 = {_mm_cvtsi128_si32(of_16), _mm_extract_epi32(of_16, 2)},
  };
  _mm_storeu_si128((__m128i *)(void *)out.of_32, _mm_sub_epi16(none, _mm_slli_epi16(twos, 5)));
  return out;
}

#include "vector.inc"
#include "levels.inc"
#include "level_dots.inc"

#define ROWS 6
// How many groups sums of 16 bits hold, of two products each of levels of rows, at least -128, by levels of
// four bits (16 * 128 * 15 < 2^15), of five and of six.
#define AT_ONCE(type) (ALIKE(type) <= PLM_Q4_1 ? 8 : ALIKE(type) <= PLM_Q5_1 ? 4 : 2)
#define ALIKE(type) ((type) == PLM_Q4_K ? PLM_Q4_1 : (type) == PLM_Q5_K ? PLM_Q5_1 : (type))
// Sixteen registers hold a group's operands and products, and no more: a compiler that sees several groups
// at once takes the rows one after the other, and keeps columns in memory meanwhile.
#define UNROLL_GROUPS _Pragma("clang loop unroll(disable)")

INLINE ivec begin(const row_block *row, const panel_block *b, const int type, const int from,
                  int64_t column) {
  (void)b, (void)column;
  switch (type) {
    case PLM_Q4_0: return row->starts.of_8 - (ivec){0};
    case PLM_Q5_0: return row->starts.of_16[from / 4] - (ivec){0};
    case PLM_Q6_K: return row->starts.of_32[from / 2] - (ivec){0};
    default: return (ivec){0};
  }
}
INLINE ivec add_products(ivec sums, ivec left, ivec right) {
  return (ivec)_mm256_add_epi16((__m256i)sums, _mm256_maddubs_epi16((__m256i)right, (__m256i)left));
}
INLINE ivec end_(ivec dots, ivec sums, const int is_first) {
  const ivec products = (ivec)pairs_added((__m256i)sums);
  return is_first ? products : dots + products;
}

#include "level_tiles.inc"

const plm_engine plm_avx2_levels = LEVELS;
const plm_level_dots plm_avx2_level_dots = LEVEL_DOTS;
#pragma clang attribute pop
#endif
