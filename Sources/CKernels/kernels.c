// The public functions: choose the variant, cut the work into tasks, leave the rest to it.
#include "CKernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "variant.h"

static const plm_variant_table *variant;
static const char *refused;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const plm_variant_table *available(const char *name) {
  if (strcmp(name, "scalar") == 0) return &plm_scalar_variant;
#if defined(__x86_64__)
  if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return &plm_avx2_variant;
  if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return &plm_avx512_variant;
#elif defined(__aarch64__)
  if (strcmp(name, "neon") == 0) return &plm_neon_variant;
#endif
  return NULL;
}

static void choose(void) {
  const char *forced = getenv("PLM_KERNELS");
  if (forced && *forced) {
    variant = available(forced);
    if (!variant) {
      refused = forced;
      variant = &plm_scalar_variant;
    }
    return;
  }
  const char *best[] = {"avx512", "avx2", "neon", "scalar"};
  for (int i = 0; i < 4 && !variant; i++) variant = available(best[i]);
}

static const plm_variant_table *chosen(void) {
  pthread_once(&once, choose);
  return variant;
}

const char *plm_variant(void) { return chosen()->name; }
const char *plm_variant_refused(void) {
  chosen();
  return refused;
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Work below this many multiplications is not worth waking a thread for.
#define WORTH_SHARING 400000

// ---- Packing and matrix product ----

int64_t plm_packed_count(int64_t k, int64_t n) {
  const int64_t panel = chosen()->panel;
  return (n + panel - 1) / panel * panel * k;
}

typedef struct {
  float *packed;
  const float *b;
  int64_t k, n, rs, cs, width;
} pack_work;

static void pack_task(void *context, int64_t task, int thread) {
  const pack_work *w = context;
  (void)thread;
  const int64_t j = task * w->width;
  variant->pack(w->packed + j * w->k, w->b + j * w->cs, w->k, smaller(w->width, w->n - j), w->rs,
                w->cs);
}

void plm_pack(float *packed, const float *b, int64_t k, int64_t n, int64_t row_stride,
              int64_t column_stride) {
  const int64_t panel = chosen()->panel;
  if (k * n < WORTH_SHARING / 4) {
    variant->pack(packed, b, k, n, row_stride, column_stride);
    return;
  }
  pack_work w = {packed, b, k, n, row_stride, column_stride, panel * 4};
  plm_parallel((n + w.width - 1) / w.width, pack_task, &w);
}

typedef struct {
  int64_t m, n, k, rs, cs, ldc, rows, columns, across;
  const float *a, *packed;
  float *c;
  int accumulate;
} gemm_work;

static void gemm_task(void *context, int64_t task, int thread) {
  const gemm_work *w = context;
  (void)thread;
  const int64_t i = task / w->across * w->rows, j = task % w->across * w->columns;
  variant->gemm(smaller(w->rows, w->m - i), smaller(w->columns, w->n - j), w->k,
                w->a + i * w->rs, w->rs, w->cs, w->packed + j * w->k, w->k,
                w->c + i * w->ldc + j, w->ldc, w->accumulate);
}

void plm_gemm(int64_t m, int64_t n, int64_t k, const float *a, int64_t row_stride,
              int64_t column_stride, const float *packed, float *c, int64_t ldc, int accumulate) {
  chosen();
  if (m <= 0 || n <= 0) return;
  if (m * n * k < WORTH_SHARING) {
    variant->gemm(m, n, k, a, row_stride, column_stride, packed, k, c, ldc, accumulate);
    return;
  }
  // 192 rows (a multiple of every tile height) of 256 columns: A's block stays in the second-level
  // cache while panels of B pass through the first.
  gemm_work w = {m, n, k, row_stride, column_stride, ldc, 192, 256, 0, a, packed, c, accumulate};
  if (m < w.rows) w.columns = 128;
  w.across = (n + w.columns - 1) / w.columns;
  plm_parallel((m + w.rows - 1) / w.rows * w.across, gemm_task, &w);
}

// ---- Work cut by rows or by elements ----

// Rows of one task: about 16,384 elements.
static int64_t rows_of(int64_t d) { return d >= 16384 ? 1 : 16384 / (d > 0 ? d : 1); }

typedef struct {
  float *out, *extra;
  const float *x, *w, *dy, *more;
  const int32_t *ids;
  int64_t n, d, rows, stride, heads;
  float number;
  uint64_t seed;
} row_work;

static void share(int64_t n, row_work *w, plm_task task) {
  w->n = n;
  w->rows = rows_of(w->d);
  plm_parallel((n + w->rows - 1) / w->rows, task, w);
}

#define ROWS_OF_TASK(w)                                                                          \
  const int64_t first = task * (w)->rows, count = smaller((w)->rows, (w)->n - first);            \
  (void)thread

static void rmsnorm_forward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  variant->rmsnorm_forward(w->out + first * w->d, w->extra ? w->extra + first : NULL,
                           w->x + first * w->d, w->w, count, w->d, w->number);
}

void plm_rmsnorm_forward(float *y, float *inverse_rms, const float *x, const float *w, int64_t n,
                         int64_t d, float epsilon) {
  chosen();
  row_work work = {.out = y, .extra = inverse_rms, .x = x, .w = w, .d = d, .number = epsilon};
  share(n, &work, rmsnorm_forward_task);
}

static void rmsnorm_backward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  variant->rmsnorm_backward(w->out + first * w->d, w->dy + first * w->d, w->x + first * w->d,
                            w->w, w->more + first, count, w->d);
}

// A gradient that sums over rows is cut by columns: each column is one thread's, rows in order.
static void rmsnorm_weight_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  (void)thread;
  variant->rmsnorm_weight(w->extra, w->dy, w->x, w->more, w->n, w->d, task * w->rows,
                          smaller(w->d, (task + 1) * w->rows));
}

void plm_rmsnorm_backward(float *dx, float *dw, const float *dy, const float *x, const float *w,
                          const float *inverse_rms, int64_t n, int64_t d) {
  chosen();
  row_work work = {.out = dx, .extra = dw, .dy = dy, .x = x, .w = w, .more = inverse_rms, .d = d};
  share(n, &work, rmsnorm_backward_task);
  if (dw) {
    work.rows = 64;
    plm_parallel((d + 63) / 64, rmsnorm_weight_task, &work);
  }
}

typedef struct {
  float *x;
  const float *cosines, *sines;
  const int32_t *position;
  int64_t n, heads, c, stride, rows;
  float direction;
} rope_work;

static void rope_task(void *context, int64_t task, int thread) {
  const rope_work *w = context;
  (void)thread;
  const int64_t end = smaller(w->n, (task + 1) * w->rows), half = w->c / 2;
  for (int64_t i = task * w->rows; i < end; i++)
    for (int64_t h = 0; h < w->heads; h++)
      variant->rope(w->x + i * w->stride + h * w->c, w->cosines + w->position[i] * half,
                    w->sines + w->position[i] * half, half, w->direction);
}

void plm_rope(float *x, const float *cosines, const float *sines, const int32_t *position,
              int64_t n, int64_t heads, int64_t c, int64_t stride, float direction) {
  chosen();
  rope_work w = {x, cosines, sines, position, n, heads, c, stride, rows_of(heads * c), direction};
  plm_parallel((n + w.rows - 1) / w.rows, rope_task, &w);
}

static void swiglu_forward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  variant->swiglu_forward(w->out + first, w->x + first, w->w + first, count);
}

void plm_swiglu_forward(float *y, const float *gate, const float *up, int64_t count) {
  chosen();
  row_work work = {.out = y, .x = gate, .w = up, .d = 1};
  share(count, &work, swiglu_forward_task);
}

static void swiglu_backward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  variant->swiglu_backward(w->out + first, w->extra + first, w->dy + first, w->x + first,
                           w->w + first, count);
}

void plm_swiglu_backward(float *dgate, float *dup, const float *dy, const float *gate,
                         const float *up, int64_t count) {
  chosen();
  row_work work = {.out = dgate, .extra = dup, .dy = dy, .x = gate, .w = up, .d = 1};
  share(count, &work, swiglu_backward_task);
}

static void embed_forward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  for (int64_t i = first; i < first + count; i++)
    memcpy(w->out + i * w->d, w->x + w->ids[i] * w->d, (size_t)w->d * sizeof(float));
}

void plm_embed_forward(float *x, const float *table, const int32_t *ids, int64_t n, int64_t d) {
  row_work work = {.out = x, .x = table, .ids = ids, .d = d};
  share(n, &work, embed_forward_task);
}

static void embed_backward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  (void)thread;
  const int64_t last = smaller(w->d, (task + 1) * w->rows);
  for (int64_t i = 0; i < w->n; i++)
    for (int64_t j = task * w->rows; j < last; j++)
      w->out[w->ids[i] * w->d + j] += w->x[i * w->d + j];
}

void plm_embed_backward(float *dtable, const float *dx, const int32_t *ids, int64_t n, int64_t d) {
  row_work work = {.out = dtable, .x = dx, .ids = ids, .d = d, .n = n, .rows = 64};
  plm_parallel((d + 63) / 64, embed_backward_task, &work);
}

static void cross_entropy_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  for (int64_t i = first; i < first + count; i++)
    w->extra[i] = variant->cross_entropy(w->out + i * w->d, w->d, w->ids[i], w->number);
}

void plm_cross_entropy(float *logits, float *losses, const int32_t *targets, int64_t n, int64_t v,
                       float scale) {
  chosen();
  row_work work = {.out = logits, .extra = losses, .ids = targets, .d = v, .number = scale};
  share(n, &work, cross_entropy_task);
}

static void bias_forward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  for (int64_t i = first; i < first + count; i++) variant->axpy(w->out + i * w->d, w->x, 1, w->d);
}

void plm_bias_forward(float *x, const float *bias, int64_t n, int64_t d) {
  chosen();
  row_work work = {.out = x, .x = bias, .d = d};
  share(n, &work, bias_forward_task);
}

static void bias_backward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  (void)thread;
  const int64_t first = task * w->rows, count = smaller(w->rows, w->d - first);
  for (int64_t i = 0; i < w->n; i++)
    variant->axpy(w->out + first, w->x + i * w->d + first, 1, count);
}

void plm_bias_backward(float *dbias, const float *dx, int64_t n, int64_t d) {
  chosen();
  row_work work = {.out = dbias, .x = dx, .d = d, .n = n, .rows = 64};
  plm_parallel((d + 63) / 64, bias_backward_task, &work);
}

static void axpy_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  variant->axpy(w->out + first, w->x + first, w->number, count);
}

void plm_axpy(float *y, const float *x, float scale, int64_t count) {
  chosen();
  row_work work = {.out = y, .x = x, .number = scale, .d = 1};
  share(count, &work, axpy_task);
}

static void scale_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  variant->scale(w->out + first, w->number, count);
}

void plm_scale(float *y, float scale, int64_t count) {
  chosen();
  row_work work = {.out = y, .number = scale, .d = 1};
  share(count, &work, scale_task);
}

// Keeps an element by a hash of its index (the finaliser of SplitMix64).
static void dropout_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  const float keep = 1.0f / (1.0f - w->number);
  const uint64_t limit = (uint64_t)((double)w->number * 0x1p53);
  for (int64_t i = first; i < first + count; i++) {
    uint64_t z = w->seed + (uint64_t)(i + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    w->out[i] = (z >> 11) < limit ? 0 : w->x[i] * keep;
  }
}

void plm_dropout(float *y, const float *x, float p, uint64_t seed, int64_t count) {
  row_work work = {.out = y, .x = x, .number = p, .seed = seed, .d = 1};
  share(count, &work, dropout_task);
}

double plm_sum_squares(const float *x, int64_t count) { return chosen()->sum_squares(x, count); }

int plm_all_finite(const float *x, int64_t count) {
  // x - x is zero for finite numbers alone; the sum of such zeros is zero.
  float sum = 0;
  for (int64_t i = 0; i < count; i++) sum += x[i] - x[i];
  return sum == 0;
}

typedef struct {
  float *w, *m, *v;
  const float *gradient;
  int64_t count;
  double gradient_scale, learning_rate, beta1, beta2, epsilon, weight_decay, correction1,
      correction2;
} adamw_work;

#define ADAMW_ELEMENTS 65536

static void adamw_task(void *context, int64_t task, int thread) {
  const adamw_work *w = context;
  (void)thread;
  const int64_t i = task * ADAMW_ELEMENTS;
  variant->adamw(w->w + i, w->m + i, w->v + i, w->gradient + i,
                 smaller(ADAMW_ELEMENTS, w->count - i), w->gradient_scale, w->learning_rate,
                 w->beta1, w->beta2, w->epsilon, w->weight_decay, w->correction1, w->correction2);
}

void plm_adamw(float *w, float *m, float *v, const float *gradient, int64_t count,
               double gradient_scale, double learning_rate, double beta1, double beta2,
                double epsilon, double weight_decay, double correction1, double correction2) {
  chosen();
  adamw_work work = {w,           m,     v,     gradient, count,        gradient_scale,
                     learning_rate, beta1, beta2, epsilon,  weight_decay, correction1,
                     correction2};
  plm_parallel((count + ADAMW_ELEMENTS - 1) / ADAMW_ELEMENTS, adamw_task, &work);
}

// ---- Attention ----

// Query rows handled at a time: their scores against all earlier keys fit the second-level cache.
#define QUERIES 48

typedef struct {
  float *o, *log_sum, *dq, *dk, *dv;
  const float *d_o, *q, *k, *v;
  const int32_t *starts;
  int64_t h, g, c, q_stride, kv_stride;
  float scale;
} attention_work;

static int64_t packed_floats(int64_t k, int64_t n) {
  const int64_t panel = variant->panel;
  return ((n + panel - 1) / panel * panel * k + 15) / 16 * 16;
}

static void attention_forward_task(void *context, int64_t task, int thread) {
  const attention_work *w = context;
  const int64_t s = task / w->h, head = task % w->h, group = head / (w->h / w->g), c = w->c;
  const int64_t start = w->starts[s], length = w->starts[s + 1] - start;
  if (length <= 0) return;
  const int64_t keys = packed_floats(c, length), values = packed_floats(length, c);
  float *packed_keys = plm_scratch(thread, keys + values + QUERIES * length);
  float *packed_values = packed_keys + keys, *scores = packed_values + values;
  const float *k = w->k + start * w->kv_stride + group * c;
  const float *v = w->v + start * w->kv_stride + group * c;
  variant->pack(packed_keys, k, c, length, 1, w->kv_stride);
  variant->pack(packed_values, v, length, c, w->kv_stride, 1);
  for (int64_t i0 = 0; i0 < length; i0 += QUERIES) {
    const int64_t rows = smaller(QUERIES, length - i0), width = i0 + rows;
    const float *q = w->q + (start + i0) * w->q_stride + head * c;
    float *o = w->o + (start + i0) * w->h * c + head * c;
    variant->gemm(rows, width, c, q, w->q_stride, 1, packed_keys, c, scores, length, 0);
    float inverse[QUERIES];
    for (int64_t i = 0; i < rows; i++) {
      const float log_sum =
          variant->softmax_row(scores + i * length, i0 + i + 1, width, w->scale, inverse + i);
      if (w->log_sum) w->log_sum[(start + i0 + i) * w->h + head] = log_sum;
    }
    variant->gemm(rows, c, width, scores, length, 1, packed_values, length, o, w->h * c, 0);
    for (int64_t i = 0; i < rows; i++) variant->scale(o + i * w->h * c, inverse[i], c);
  }
}

void plm_attention_forward(float *o, float *log_sum, const float *q, const float *k,
                           const float *v, const int32_t *starts, int64_t sequences, int64_t h,
                           int64_t g, int64_t c, int64_t q_stride, int64_t kv_stride) {
  chosen();
  attention_work w = {.o = o, .log_sum = log_sum, .q = q, .k = k, .v = v, .starts = starts,
                      .h = h, .g = g, .c = c, .q_stride = q_stride, .kv_stride = kv_stride,
                      .scale = 1.0f / __builtin_sqrtf((float)c)};
  plm_parallel(sequences * h, attention_forward_task, &w);
}

// One task owns a key/value head of a sequence: the query heads that share it add to its gradient
// one after another.
static void attention_backward_task(void *context, int64_t task, int thread) {
  const attention_work *w = context;
  const int64_t s = task / w->g, group = task % w->g, c = w->c, shared = w->h / w->g;
  const int64_t start = w->starts[s], length = w->starts[s + 1] - start;
  if (length <= 0) return;
  const int64_t across = packed_floats(c, length), along = packed_floats(length, c);
  const int64_t rows_packed = packed_floats(QUERIES, c);
  float *keys_across =
      plm_scratch(thread, 2 * across + along + 2 * rows_packed + 2 * QUERIES * length);
  float *values_across = keys_across + across, *keys_along = values_across + across;
  float *q_packed = keys_along + along, *do_packed = q_packed + rows_packed;
  float *p = do_packed + rows_packed, *dp = p + QUERIES * length;
  const float *k = w->k + start * w->kv_stride + group * c;
  const float *v = w->v + start * w->kv_stride + group * c;
  float *dk = w->dk + start * w->kv_stride + group * c;
  float *dv = w->dv + start * w->kv_stride + group * c;
  for (int64_t i = 0; i < length; i++) {
    memset(dk + i * w->kv_stride, 0, (size_t)c * sizeof(float));
    memset(dv + i * w->kv_stride, 0, (size_t)c * sizeof(float));
  }
  variant->pack(keys_across, k, c, length, 1, w->kv_stride);
  variant->pack(values_across, v, c, length, 1, w->kv_stride);
  variant->pack(keys_along, k, length, c, w->kv_stride, 1);
  const int64_t o_stride = w->h * c;
  for (int64_t head = group * shared; head < (group + 1) * shared; head++) {
    for (int64_t i0 = 0; i0 < length; i0 += QUERIES) {
      const int64_t rows = smaller(QUERIES, length - i0), width = i0 + rows;
      const float *q = w->q + (start + i0) * w->q_stride + head * c;
      const float *o = w->o + (start + i0) * o_stride + head * c;
      const float *d_o = w->d_o + (start + i0) * o_stride + head * c;
      variant->gemm(rows, width, c, q, w->q_stride, 1, keys_across, c, p, length, 0);
      variant->gemm(rows, width, c, d_o, o_stride, 1, values_across, c, dp, length, 0);
      for (int64_t i = 0; i < rows; i++) {
        variant->probability_row(p + i * length, i0 + i + 1, width, w->scale,
                                 w->log_sum[(start + i0 + i) * w->h + head]);
        const float delta = variant->dot(o + i * o_stride, d_o + i * o_stride, c);
        variant->score_gradient(dp + i * length, p + i * length, width, delta, w->scale);
      }
      variant->pack(q_packed, q, rows, c, w->q_stride, 1);
      variant->pack(do_packed, d_o, rows, c, o_stride, 1);
      variant->gemm(width, c, rows, p, 1, length, do_packed, rows, dv, w->kv_stride, 1);
      variant->gemm(width, c, rows, dp, 1, length, q_packed, rows, dk, w->kv_stride, 1);
      variant->gemm(rows, c, width, dp, length, 1, keys_along, length,
                    w->dq + (start + i0) * w->q_stride + head * c, w->q_stride, 0);
    }
  }
}

void plm_attention_backward(float *dq, float *dk, float *dv, const float *d_o, const float *o,
                            const float *log_sum, const float *q, const float *k, const float *v,
                            const int32_t *starts, int64_t sequences, int64_t h, int64_t g,
                            int64_t c, int64_t q_stride, int64_t kv_stride) {
  chosen();
  attention_work w = {.o = (float *)o, .log_sum = (float *)log_sum, .dq = dq, .dk = dk, .dv = dv,
                      .d_o = d_o, .q = q, .k = k, .v = v, .starts = starts, .h = h, .g = g, .c = c,
                      .q_stride = q_stride, .kv_stride = kv_stride,
                      .scale = 1.0f / __builtin_sqrtf((float)c)};
  plm_parallel(sequences * g, attention_backward_task, &w);
}

typedef struct {
  float *o;
  const float *q;
  const float *const *keys, *const *values;
  const int32_t *lengths;
  int64_t h, g, c;
  float scale;
} decode_work;

static void attention_decode_task(void *context, int64_t task, int thread) {
  const decode_work *w = context;
  const int64_t s = task / w->h, head = task % w->h, group = head / (w->h / w->g), c = w->c;
  const int64_t length = w->lengths[s], stride = w->g * c;
  float *scores = plm_scratch(thread, length);
  const float *q = w->q + (s * w->h + head) * c;
  float *o = w->o + (s * w->h + head) * c, inverse;
  for (int64_t j = 0; j < length; j++)
    scores[j] = variant->dot(q, w->keys[s] + j * stride + group * c, c);
  variant->softmax_row(scores, length, length, w->scale, &inverse);
  memset(o, 0, (size_t)c * sizeof(float));
  for (int64_t j = 0; j < length; j++)
    variant->axpy(o, w->values[s] + j * stride + group * c, scores[j] * inverse, c);
}

void plm_attention_decode(float *o, const float *q, const float *const *keys,
                          const float *const *values, const int32_t *lengths, int64_t sequences,
                          int64_t h, int64_t g, int64_t c) {
  chosen();
  decode_work w = {o, q, keys, values, lengths, h, g, c, 1.0f / __builtin_sqrtf((float)c)};
  plm_parallel(sequences * h, attention_decode_task, &w);
}
