// Products of Q8_0 by rows of Q8_0 with AVX2: levels of eight bits are multiplied as numbers of 16, for
// pairs of their products may be beyond what 16 bits hold. Exact, whatever the levels.
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "CKernels.h"
#include "variant.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define WIDTH 8
#define FMA 1
#define F16C 1
#include "vector.inc"

#define PANEL 32
#define PAIRS 16  // of levels, in 32

// 32 numbers of a packed row.
typedef struct {
  float scale;
  int16_t levels[PAIRS][2];
} row_block;

// 32 numbers each of the columns of a panel.
typedef struct {
  int16_t levels[PAIRS][PANEL][2];
  float scale[PANEL];
} panel_block;

// Levels of a block as 16 words, in two vectors.
INLINE void levels_of(wvec words[2], const char *block) {
  for (int h = 0; h < 2; h++)
    words[h] = (wvec)_mm256_cvtepi8_epi16(
        _mm_loadu_si128((const __m128i *)(const void *)(block + 2 + 16 * h)));
}

static void pack_rows(void *packed, int64_t stride, const plm_matrix *a, int64_t i0, int64_t rows,
                      int64_t k, int round) {
  (void)round;
  for (int64_t i = 0; i < rows; i++) {
    row_block *out = (row_block *)((char *)packed + i * stride);
    const char *block = place(a, i0 + i, 0);
    for (int64_t p = 0; p < k; p += 32, out++, block += 34) {
      wvec words[2];
      levels_of(words, block);
      out->scale = half_of(block);
      memcpy(out->levels, words, sizeof words);
    }
  }
}

// Columns of b are rows where it lies: WIDTH of them are read at a time, a block of each, and turned.
static void pack_panels(void *packed, int64_t next, const plm_matrix *b, int64_t j0, int64_t width,
                        int64_t from, int64_t to, int64_t k, int round) {
  // A product takes whole columns only, in their own type.
  (void)from, (void)to, (void)round;
  for (int64_t j = 0; j < PLM_ROUND_UP(width, PANEL); j += WIDTH) {
    panel_block *out = (panel_block *)((char *)packed + j / PANEL * next);
    const int64_t lane = j % PANEL;
    for (int64_t p = 0; p < k; p += 32, out++) {
      wvec halves[2][WIDTH];
      for (int64_t i = 0; i < WIDTH; i++) {
        wvec words[2] = {{0}};
        out->scale[lane + i] = 0;
        if (i < width - j) {
          const char *block = place(b, j0 + j + i, p);
          levels_of(words, block);
          out->scale[lane + i] = half_of(block);
          __builtin_prefetch(block + plm_bytes_of(PLM_Q8_0, WIDTH * b->stride));
        }
        halves[0][i] = words[0];
        halves[1][i] = words[1];
      }
      for (int h = 0; h < 2; h++) {
        transpose(halves[h]);
        for (int q = 0; q < WIDTH; q++)
          memcpy(out->levels[h * WIDTH + q][lane], &halves[h][q], sizeof(wvec));
      }
    }
  }
}

// Adds what one block gives in two vectors of columns.
INLINE void add_block(const int rows, const char *a, int64_t stride, const panel_block *b,
                      int64_t column, vec sums[][2]) {
  ivec dots[rows][2];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) dots[i][0] = dots[i][1] = (ivec){0};
  // Sixteen registers hold the operands and sums of one pair, and no more.
#pragma clang loop unroll(disable)
  for (int p = 0; p < PAIRS; p++) {
    ivec right[2];
    memcpy(right, b->levels[p][column], sizeof right);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      int32_t two;
      memcpy(&two, ((const row_block *)(a + i * stride))->levels[p], sizeof two);
      const __m256i left = _mm256_set1_epi32(two);
#pragma clang loop unroll(full)
      for (int v = 0; v < 2; v++) dots[i][v] += (ivec)_mm256_madd_epi16(left, (__m256i)right[v]);
    }
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < 2; v++) {
    const vec columns = load(b->scale + column + v * WIDTH);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
      sums[i][v] = fma_(CONVERT(dots[i][v], vec) * columns,
                        splat(((const row_block *)(a + i * stride))->scale), sums[i][v]);
  }
}

INLINE void tile(const int rows, int64_t i0, int64_t width, const plm_strip *strips, int count,
                 const plm_result *c) {
  for (int64_t column = 0; column < width; column += 2 * WIDTH) {
    vec sums[rows][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = splat(0);
    for (int t = 0; t < count; t++) {
      const char *a = (const char *)strips[t].a + i0 * strips[t].stride;
      const panel_block *b = strips[t].b, *end = b + strips[t].steps / 32;
      for (; b < end; b++, a += sizeof(row_block))
        add_block(rows, a, strips[t].stride, b, column, sums);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      finish(c, i0 + i, column, width, sums[i][0]);
      finish(c, i0 + i, column + WIDTH, width, sums[i][1]);
    }
  }
}

#define ROWS 6
#include "tiles.inc"

const plm_engine plm_avx2_eights = {
    .element = 1, .unit = 32, .row_bytes = sizeof(row_block), .panel = PANEL,
    .panel_bytes = sizeof(panel_block), .rows = 1, .tile = ROWS, .direct = -1,
    .pack_panels = pack_panels, .pack_rows = pack_rows, .tiles = tiles,
};
#pragma clang attribute pop
#endif
