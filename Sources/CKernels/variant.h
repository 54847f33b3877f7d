// What a variant provides: single-threaded inner loops. product.c, attention.c, layers.c, elementwise.c and
// others split the work among threads.
#ifndef PLM_VARIANT_H
#define PLM_VARIANT_H
#include <stdint.h>

#include "CKernels.h"

// One term of a product, prepared: rows of a, `stride` elements apart, each of `steps` elements,
// and one panel of b, which was of `type` before it was packed.
typedef struct {
  const void *a;
  int64_t stride;
  const void *b;
  int64_t steps;
  int32_t type;
} plm_strip;

// A way to multiply: how operands must lie, and the loop over them.
//
// A panel holds `panel` columns of b over all of k, padded with zeros to whole panels and to
// `unit` elements of k. Elements are f32, or pairs of bf16 (k even first) where `element` is 2, or
// bytes of blocks (levels.inc) where it is 1.
typedef struct {
  int64_t element;      // bytes; rows of a are so many of them apart
  int64_t unit;         // k of a strip is a multiple of this
  int64_t row_bytes;    // that `unit` elements of a packed row of a take
  int64_t panel;        // columns
  int64_t panel_bytes;  // that `unit` elements of a panel's columns take
  int64_t rows;         // rows of packed a are padded to a multiple of this, if they are packed
  int64_t tile;         // rows of a register tile
  int32_t direct;       // the type in which rows of a can be read where they lie, if there is one
  // Columns j..<j+width of b as panels, `next` bytes from one to the next: of its k rows those from
  // p (a multiple of the unit) up to end.
  void (*pack_panels)(void *out, int64_t next, const plm_matrix *b, int64_t j, int64_t width,
                      int64_t p, int64_t end, int64_t k, int round);
  void (*pack_rows)(void *out, int64_t stride, const plm_matrix *a, int64_t i, int64_t rows,
                    int64_t k, int round);
  // c[rows, width] (+)= sum over strips; c points at the block's first element, bias too.
  void (*tiles)(int64_t rows, int64_t width, const plm_strip *strips, int count,
                const plm_result *c);
} plm_engine;

// How few rows of Q8_0 are multiplied as whole numbers by weights of a block type, as dot products.
typedef struct {
  // A row [k] is read once, into `x_bytes` for each 32 numbers.
  int64_t x_bytes;
  void (*read)(void *out, const void *x, int64_t k);
  // sums[i * stride + j] = row i of x [m, k], as read, * row first + j of w. A row's bits do not depend
  // on the others.
  void (*dots)(float *sums, int64_t stride, const void *x, int64_t m, const plm_matrix *w,
               int64_t first, int64_t count, int64_t k);
} plm_level_dots;

typedef struct {
  const char *name;
  const plm_engine *singles;  // operands f32
  const plm_engine *pairs;    // operands rounded to bf16
  // Whole numbers of block types by rows of Q8_0, many and few; null where pairs or floats do better.
  const plm_engine *levels;
  const plm_level_dots *level_dots;
  void (*widen)(float *out, const void *in, int type, int64_t count);
  void (*narrow_bf16)(uint16_t *out, const float *in, int64_t count);
  // Blocks of a matrix of `columns` columns, the first from `column` on; importance may be null.
  void (*quantise)(char *out, int type, const float *in, int64_t blocks, int64_t column,
                   int64_t columns, const float *importance);
  void (*rmsnorm_forward)(float *y, float *inverse_rms, const float *x, const float *w, int64_t d,
                          float epsilon);
  // dx += its gradient.
  void (*rmsnorm_backward)(float *dx, const float *dy, const float *x, const float *w,
                           float inverse_rms, int64_t d);
  void (*rmsnorm_weight)(float *dw, const float *dy, const float *x, float inverse_rms, int64_t d);
  void (*rope)(float *x, const float *cosines, const float *sines, int64_t half, float direction);
  // p[j] = exp(s[j]*scale - max) for j < visible, 0 up to width; gives 1/sum, and log-sum-exp unless null.
  void (*softmax_row)(float *s, int64_t visible, int64_t width, float scale, float *inverse,
                      float *log_sum);
  // p[j] = exp(s[j]*scale - log_sum) for j < visible, 0 up to width.
  void (*probability_row)(float *s, int64_t visible, int64_t width, float scale, float log_sum);
  // ds[j] = p[j] * (dp[j] - delta) * scale.
  void (*score_gradient)(float *dp, const float *p, int64_t width, float delta, float scale);
  float (*dot)(const float *a, const float *b, int64_t count);
  // sums[j] = x[k] * row first + j of w, bit for bit what dot gives of the widened row; k is a
  // multiple of 32.
  void (*dots)(float *sums, const float *x, const plm_matrix *w, int64_t first, int64_t count,
               int64_t k);
  void (*axpy)(float *y, const float *x, float scale, int64_t count);
  void (*scale)(float *y, float scale, int64_t count);
  void (*swiglu_forward)(float *y, const float *gate, const float *up, int64_t count);
  // y may be null.
  void (*swiglu_backward)(float *dgate, float *dup, float *y, const float *dy, const float *gate,
                          const float *up, int64_t count);
  // Turns one row of logits into (softmax - one hot) * scale unless scale is 0; returns the loss.
  float (*cross_entropy)(float *logits, int64_t v, int64_t target, float scale);
  // y = 0 where the hash of (seed, first + j) is below limit, of 2^53, else y * keep.
  void (*dropout)(float *y, int64_t first, int64_t count, uint64_t seed, uint64_t limit,
                  float keep);
  double (*sum_squares)(const float *x, int64_t count);
  void (*adamw)(float *w, float *m, float *v, const float *gradient, int64_t count,
                double gradient_scale, double learning_rate, double beta1, double beta2,
                double epsilon, double weight_decay, double correction1, double correction2);
} plm_variant_table;

// The variant in use.
const plm_variant_table *plm_chosen(void);

extern const plm_variant_table plm_scalar_variant;
extern const plm_engine plm_scalar_levels;
extern const plm_level_dots plm_scalar_level_dots;
#if defined(__x86_64__)
extern const plm_variant_table plm_avx2_variant;
extern const plm_variant_table plm_avx512_variant;
extern const plm_engine plm_avx512bf16_pairs;
extern const plm_engine plm_avx2_levels;
extern const plm_level_dots plm_avx2_level_dots;
extern const plm_engine plm_avx512vnni_levels;
extern const plm_level_dots plm_avx512vnni_level_dots;
extern const plm_engine plm_amx_pairs;
#elif defined(__aarch64__)
extern const plm_variant_table plm_neon_variant;
extern const plm_engine plm_neon_levels;
extern const plm_level_dots plm_neon_level_dots;
extern const plm_engine plm_neon_dotprod_levels;
extern const plm_level_dots plm_neon_dotprod_level_dots;
#endif
extern const plm_engine plm_amx_emulated_pairs;

// plm_bytes where the type is known to the compiler; of `count` numbers, whole blocks alone.
static inline int64_t plm_bytes_of(int type, int64_t count) {
  switch (type) {
    case PLM_F32: return count * 4;
    case PLM_Q8_0: return count / 32 * 34;
    case PLM_Q4_0: return count / 32 * 18;
    case PLM_Q4_1: return count / 32 * 20;
    case PLM_Q5_0: return count / 32 * 22;
    case PLM_Q5_1: return count / 32 * 24;
    case PLM_Q4_K: return count / 256 * 144;
    case PLM_Q5_K: return count / 256 * 176;
    case PLM_Q6_K: return count / 256 * 210;
    default: return count * 2;
  }
}

// Where row i of a matrix lies, counted in rows from its data.
static inline int64_t plm_place_of_row(const plm_matrix *m, int64_t i) {
  if (m->half == 0) return i;
  const int64_t in_head = (m->first + i) % (2 * m->half);
  return m->first + i - in_head + in_head % m->half * 2 + in_head / m->half;
}

// Which row of a matrix with `first` 0 lies at a place.
static inline int64_t plm_row_at_place(const plm_matrix *m, int64_t place) {
  if (m->half == 0) return place;
  const int64_t in_head = place % (2 * m->half);
  return place - in_head + in_head % 2 * m->half + in_head / 2;
}

// Numbers of a block.
#define PLM_BLOCK(type) ((type) < PLM_Q8_0 ? 1 : (type) < PLM_Q4_K ? 32 : 256)

// How far ahead of its reading a row of weights is asked for, bytes: memory takes long to answer, and
// rows are too short for the processor to foresee it. Asking for what lies beyond does no harm.
#define PLM_AHEAD_BYTES 24576

#define PLM_SMALLER(a, b) ((a) < (b) ? (a) : (b))
#define PLM_LARGER(a, b) ((a) > (b) ? (a) : (b))
#define PLM_ROUND_UP(a, unit) (((a) + (unit) - 1) / (unit) * (unit))

#endif
