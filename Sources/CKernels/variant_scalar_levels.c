// Products of whole numbers in plain C: what other variants are tested against.
#define WIDTH 1
#define FMA 0
#include "vector.inc"
#include "levels.inc"
#include "level_dots.inc"

#define ROWS 4

// Products of groups first..<end of a block, in column j.
static float dot_of(const row_block *a, const panel_block *b, int64_t j, int first, int end,
                    int32_t start, float scale) {
  int32_t dot = start;
  for (int p = 4 * first; p < 4 * end; p++)
    dot += (int32_t)a->levels[p] * b->levels[p / 4][j][p % 4];
  return (float)dot * scale * a->scale;
}

static float block_sum(const row_block *a, const panel_block *b, int64_t j, extra extra, float sum) {
  const int middle = extra == SECOND_SCALE ? GROUPS / 2 : GROUPS;
  sum += dot_of(a, b, j, 0, middle, b->start[0][j], b->scale[j]);
  if (extra == SECOND_SCALE) sum += dot_of(a, b, j, middle, GROUPS, b->start[1][j], b->other[j]);
  if (extra == OFFSET) sum += b->other[j] * a->sum;
  return sum;
}

static void tiles(int64_t rows, int64_t width, const plm_strip *strips, int count,
                  const plm_result *c) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < width; j++) {
      float sum = 0;
      for (int t = 0; t < count; t++) {
        const row_block *a = (const row_block *)((const char *)strips[t].a + i * strips[t].stride);
        const panel_block *b = strips[t].b;
        for (int64_t p = 0; p < strips[t].steps / 32; p++)
          sum = block_sum(a + p, b + p, j, extra_of(strips[t].type), sum);
      }
      finish(c, i, j, width, sum);
    }
}

const plm_engine plm_scalar_levels = LEVELS;
const plm_level_dots plm_scalar_level_dots = LEVEL_DOTS;
