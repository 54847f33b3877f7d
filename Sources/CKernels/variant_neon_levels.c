// Whole numbers on any processor with NEON: products of 16 bits, added up by twos and twos.
#if defined(__aarch64__)
#include <arm_neon.h>

#define LEVELS_NAME plm_neon_levels
#define DOTS_NAME plm_neon_level_dots

static inline __attribute__((always_inline)) int32x4_t dot_products(int32x4_t sums, int8x16_t a,
                                                                    int8x16_t b) {
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
  return vaddq_s32(sums, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
}

#include "neon_levels.inc"
#endif
