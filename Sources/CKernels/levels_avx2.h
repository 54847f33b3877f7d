// What AVX2 does in a few instructions and levels.inc asks for.
#ifndef PLM_LEVELS_AVX2_H
#define PLM_LEVELS_AVX2_H
#include <immintrin.h>
#include <stdint.h>

#define NIBBLES(p)                                                                             \
  ((bytes32)_mm256_and_si256(                                                                  \
      _mm256_srlv_epi64(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(p))),    \
                        _mm256_set_epi64x(4, 4, 0, 0)),                                        \
      _mm256_set1_epi8(15)))
#define SUM_OF_BYTES(bytes) \
  plm_sum_of_eights(_mm256_sad_epu8((__m256i)(bytes), _mm256_setzero_si256()))

static inline __attribute__((always_inline, target("avx2"))) int32_t plm_sum_of_eights(
    __m256i eights) {
  const __m128i halves = _mm_add_epi64(_mm256_castsi256_si128(eights),
                                       _mm256_extracti128_si256(eights, 1));
  return _mm_cvtsi128_si32(_mm_add_epi64(halves, _mm_unpackhi_epi64(halves, halves)));
}
#endif
