// Whole numbers with the dot products of bytes that newer ARM processors have.
#if defined(__aarch64__)
#include <arm_neon.h>

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#define LEVELS_NAME plm_neon_dotprod_levels
#define DOTS_NAME plm_neon_dotprod_level_dots

static inline __attribute__((always_inline)) int32x4_t dot_products(int32x4_t sums, int8x16_t a,
                                                                    int8x16_t b) {
  return vdotq_s32(sums, a, b);
}

#include "neon_levels.inc"
#pragma clang attribute pop
#endif
