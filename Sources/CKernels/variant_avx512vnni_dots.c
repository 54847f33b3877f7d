// Few rows of x by every row of w with AVX-512's dot products of bytes: two blocks of 32 fill a
// register. Adds in the order of level_dots.inc, and has its bits.
#if defined(__x86_64__)
#include <immintrin.h>

#include "avx512.h"
#include "levels.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#define WIDTH 16
#define FMA 1
#include "vector.inc"
#include "level_pairs.inc"

// A row of x: of each block of 32 its levels, what its sums begin at (less the sums of the first and
// the last 16 levels, at places 0 and 4 of eight), its scale eight times, and scale * the sum of its
// levels. Each kind lies by itself, so that two blocks are one load.
typedef struct {
  const int8_t *levels;
  const int32_t *start;
  const float *scales, *sums;
} x_row;

enum { BLOCK_BYTES = 32 + 32 + 32 + 4 };

INLINE x_row row_at(const void *x, int64_t i, int64_t blocks) {
  const char *row = (const char *)x + i * blocks * BLOCK_BYTES;
  return (x_row){(const int8_t *)row, (const int32_t *)(row + 32 * blocks),
                 (const float *)(row + 64 * blocks), (const float *)(row + 96 * blocks)};
}

static void read_row(void *out, const void *x, int64_t k) {
  const int64_t blocks = k / 32;
  char *levels = out;
  int32_t *start = (int32_t *)(levels + 32 * blocks);
  float *scales = (float *)(levels + 64 * blocks), *sums = (float *)(levels + 96 * blocks);
  for (const char *block = x; k > 0; k -= 32, block += 34, levels += 32, start += 8, scales += 8) {
    memcpy(levels, block + 2, 32);
    memset(start, 0, 8 * sizeof *start);
    for (int i = 0; i < 32; i++) start[i / 16 * 4] -= (int8_t)levels[i];
    for (int i = 0; i < 8; i++) scales[i] = half_of(block);
    *sums++ = scales[0] * (float)-(start[0] + start[4]);
  }
}

// Adds what blocks b and b + 1 of a row of w give with rows of x: of both, or of those lanes that `there`
// says.
INLINE void add_pair(__m512 *totals, const x_row *x, const int rows, two_blocks w, int64_t b,
                     __mmask16 there, const int type) {
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    const __m512i levels = _mm512_maskz_loadu_epi32(there, x[i].levels + 32 * b);
    __m512i dots = _mm512_setzero_si512();
    if (extra_of(type) != OFFSET)
      dots = _mm512_slli_epi32(_mm512_maskz_loadu_epi32(there, x[i].start + 8 * b),
                               (unsigned)middle_bits(type));
    dots = _mm512_dpbusd_epi32(dots, w.levels, levels);
    const __m512 scales = _mm512_mul_ps(w.scales, _mm512_maskz_loadu_ps(there, x[i].scales + 8 * b));
    totals[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots), scales, totals[i]);
  }
}

INLINE float sum_of_eight(__m256 eight) {
  float t[8];
  _mm256_storeu_ps(t, eight);
  return ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));
}

// sums[i * stride] = row i of x * one row of w, for up to four rows of x.
INLINE void row_dots(float *sums, int64_t stride, const x_row *x, const int rows, const char *row,
                     int64_t blocks, const int type) {
  const int64_t step = plm_bytes_of(type, 256) / 8;
  __m512 totals[4];
  float offsets[4][8] = {{0}};
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) totals[i] = _mm512_setzero_ps();
  int64_t b = 0;
  if (type == PLM_Q4_K || type == PLM_Q5_K || type == PLM_Q6_K) {
    for (; b < blocks; b += 8) {
      const part_scales parts = scales_of_parts(row + plm_bytes_of(type, 32 * b), type);
#pragma clang loop unroll(full)
      for (int pair = 0; pair < 4; pair++) {
        __builtin_prefetch(row + PLM_AHEAD_BYTES + (b + 2 * pair) * step);
        add_pair(totals, x, rows, blocks_at(row, type, b + 2 * pair, 0, parts), b + 2 * pair, 0xffff, type);
      }
      if (extra_of(type) == OFFSET)
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++)
          _mm256_storeu_ps(offsets[i], _mm256_fmadd_ps(parts.offsets, _mm256_loadu_ps(x[i].sums + b),
                                                       _mm256_loadu_ps(offsets[i])));
    }
  } else {
    const part_scales none = {_mm512_setzero_ps(), _mm256_setzero_ps()};
    for (; b + 1 < blocks; b += 2) {
      __builtin_prefetch(row + PLM_AHEAD_BYTES + b * step);
      add_pair(totals, x, rows, blocks_at(row, type, b, b + 1, none), b, 0xffff, type);
    }
    if (b < blocks) add_pair(totals, x, rows, blocks_at(row, type, b, b, none), b, 0xff, type);
    if (extra_of(type) == OFFSET)
      for (b = 0; b < blocks; b++)
        for (int i = 0; i < rows; i++) {
          const float offset = half_of(row + plm_bytes_of(type, 32 * b) + 2);
          offsets[i][b % 8] = __builtin_fmaf(offset, x[i].sums[b], offsets[i][b % 8]);
        }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    const __m256 low = _mm512_castps512_ps256(totals[i]), high = _mm512_extractf32x8_ps(totals[i], 1);
    float sum = sum_of_eight(_mm256_add_ps(low, high));
    if (extra_of(type) == OFFSET) sum += sum_of_eight(_mm256_loadu_ps(offsets[i]));
    sums[i * stride] = sum;
  }
}

INLINE void dots_of(float *sums, int64_t stride, const void *x, int64_t m, const plm_matrix *w,
                    const int type, int64_t first, int64_t count, int64_t k) {
  const int64_t blocks = k / 32;
  for (int64_t i = 0; i < m; i += 4) {
    x_row rows[4];
    const int64_t here = PLM_SMALLER(m - i, 4);
    for (int64_t r = 0; r < here; r++) rows[r] = row_at(x, i + r, blocks);
    const char *row = (const char *)w->data + plm_bytes_of(type, first * w->stride);
    for (int64_t j = 0; j < count; j++, row += plm_bytes_of(type, w->stride)) {
      float *out = sums + i * stride + j;
      switch (here) {
        case 1: row_dots(out, stride, rows, 1, row, blocks, type); break;
        case 2: row_dots(out, stride, rows, 2, row, blocks, type); break;
        case 3: row_dots(out, stride, rows, 3, row, blocks, type); break;
        default: row_dots(out, stride, rows, 4, row, blocks, type);
      }
    }
  }
}

static void dots(float *sums, int64_t stride, const void *x, int64_t m, const plm_matrix *w,
                 int64_t first, int64_t count, int64_t k) {
#define DOTS(T) dots_of(sums, stride, x, m, w, T, first, count, k)
  EACH_LEVEL_TYPE(w->type, DOTS)
#undef DOTS
}

const plm_level_dots plm_avx512vnni_level_dots = {
    .x_bytes = BLOCK_BYTES, .read = read_row, .dots = dots};
#pragma clang attribute pop
#endif
