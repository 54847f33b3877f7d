// Products of bf16 pairs with AVX-512's dot product, two multiplications a lane.
#if defined(__x86_64__)
#include <immintrin.h>

#include "avx512.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c"))), apply_to = function)
#define WIDTH 16
#define FMA 1
#define NARROW(low, high) ((wvec)_mm512_cvtne2ps_pbh((__m512)(high), (__m512)(low)))
#include "vector.inc"
#define UNIT 2
#define ROW_UNIT 1
#include "pairs.inc"

#define ROWS 12

INLINE void tile(const int rows, int64_t i0, int64_t width, const plm_strip *strips, int count,
                 const plm_result *c) {
  vec sums[rows][2];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = splat(0);
  // Products of a low rank fill half a panel; the other half is not computed.
  if (width <= WIDTH) {
    for (int t = 0; t < count; t++) {
      const int64_t stride = strips[t].stride / 2, pairs = strips[t].steps / 2;
      const int32_t *a = (const int32_t *)strips[t].a + i0 * stride, *b = strips[t].b;
      for (int64_t p = 0; p < pairs; p++, b += PANEL) {
        const __m512bh low = (__m512bh)_mm512_loadu_si512(b);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++)
          sums[i][0] = (vec)_mm512_dpbf16_ps(
              (__m512)sums[i][0], (__m512bh)_mm512_set1_epi32(a[i * stride + p]), low);
      }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) finish(c, i0 + i, 0, width, sums[i][0]);
    return;
  }
  for (int t = 0; t < count; t++) {
    const int64_t stride = strips[t].stride / 2, pairs = strips[t].steps / 2;
    const int32_t *a = (const int32_t *)strips[t].a + i0 * stride, *b = strips[t].b;
    for (int64_t p = 0; p < pairs; p++, b += PANEL) {
      const __m512bh low = (__m512bh)_mm512_loadu_si512(b);
      const __m512bh high = (__m512bh)_mm512_loadu_si512(b + WIDTH);
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++) {
        const __m512bh left = (__m512bh)_mm512_set1_epi32(a[i * stride + p]);
        sums[i][0] = (vec)_mm512_dpbf16_ps((__m512)sums[i][0], left, low);
        sums[i][1] = (vec)_mm512_dpbf16_ps((__m512)sums[i][1], left, high);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    finish(c, i0 + i, 0, width, sums[i][0]);
    finish(c, i0 + i, WIDTH, width, sums[i][1]);
  }
}

#include "tiles.inc"

const plm_engine plm_avx512bf16_pairs = {
    .element = 2, .unit = UNIT, .row_bytes = 2 * UNIT, .panel = PANEL,
    .panel_bytes = 2 * UNIT * PANEL, .rows = ROW_UNIT, .tile = ROWS, .direct = PLM_BF16,
    .pack_panels = pack_panels_pairs, .pack_rows = pack_rows_pairs, .tiles = tiles,
};
#pragma clang attribute pop
#endif
