// What AVX-512 does in one instruction and vector.inc asks for.
#ifndef PLM_AVX512_H
#define PLM_AVX512_H
#include <immintrin.h>

#define F16C 1
// Of 16 numbers those at `places`, by their lowest four bits.
#define LOOKUP(table, places) ((vec)_mm512_permutexvar_ps((__m512i)(places), (__m512)(table)))
// Of 32 numbers those at `places`, four bits each, and 16 further where `bits` has a 1.
#define LOOKUP_32(low, high, places, bits)                                            \
  ((vec)_mm512_permutex2var_ps(                                                       \
      (__m512)(low),                                                                  \
      _mm512_mask_or_epi32((__m512i)(places), (__mmask16)(bits), (__m512i)(places),   \
                           _mm512_set1_epi32(16)),                                    \
      (__m512)(high)))
#endif
