// Causal attention, forward and backward, a block of queries at a time (Dao et al. 2022 in plain
// words): the scores of a block against all earlier keys fit the second-level cache, and the whole
// score matrix is never stored.
#include <string.h>

#include "CKernels.h"
#include "pool.h"
#include "product.h"

// Query rows handled at a time.
#define QUERIES 48

typedef struct {
  const plm_engine *engine;
  int round, type;
  void *o, *dq, *dk, *dv;
  float *log_sum;
  const void *q, *k, *v, *d_o;
  const int32_t *starts;
  int64_t h, g, c;
  float scale;
} attention_work;

static int64_t size_of(int type) { return type == PLM_F32 ? 4 : 2; }

// Cuts pieces off a thread's scratch space.
typedef struct {
  char *next;
} room;

static void *take(room *r, int64_t bytes) {
  void *piece = r->next;
  r->next += PLM_ROUND_UP(bytes, 64);
  return piece;
}

// Rows from `row` on of a head's share of x, whose rows hold `heads` heads.
static plm_matrix head_of(const attention_work *w, const void *x, int64_t heads, int64_t head,
                          int64_t row, int transposed) {
  return (plm_matrix){(const char *)x + (row * heads * w->c + head * w->c) * size_of(w->type),
                      heads * w->c, w->type, transposed};
}

static plm_matrix floats(const float *x, int64_t stride, int transposed) {
  return (plm_matrix){x, stride, PLM_F32, transposed};
}

static plm_result into(float *c, int64_t stride, int accumulate) {
  return (plm_result){c, stride, PLM_F32, accumulate, NULL};
}

static void write_row(void *x, int type, const float *row, int64_t count) {
  if (type == PLM_F32) memcpy(x, row, (size_t)count * sizeof(float));
  else plm_chosen()->narrow_bf16(x, row, count);
}

static void attention_forward_task(void *context, int64_t task, int thread) {
  const attention_work *w = context;
  const plm_variant_table *variant = plm_chosen();
  const plm_engine *e = w->engine;
  const int64_t s = task / w->h, head = task % w->h, group = head / (w->h / w->g), c = w->c;
  const int64_t start = w->starts[s], length = w->starts[s + 1] - start;
  if (length <= 0) return;
  const int64_t keys_bytes = plm_panels_bytes(e, c, length);
  const int64_t values_bytes = plm_panels_bytes(e, length, c);
  const int64_t rows_bytes = plm_rows_bytes(e, QUERIES, PLM_LARGER(length, c));
  room r = {(char *)plm_scratch(thread, (keys_bytes + values_bytes + rows_bytes) / 4 +
                                            QUERIES * (length + c) + 256)};
  void *keys = take(&r, keys_bytes), *values = take(&r, values_bytes);
  void *rows_room = take(&r, rows_bytes);
  float *scores = take(&r, QUERIES * length * 4), *out = take(&r, QUERIES * c * 4);
  const plm_matrix k = head_of(w, w->k, w->g, group, start, 1);
  const plm_matrix v = head_of(w, w->v, w->g, group, start, 0);
  plm_pack_panels(e, keys, &k, c, length, w->round);
  plm_pack_panels(e, values, &v, length, c, w->round);
  for (int64_t i0 = 0; i0 < length; i0 += QUERIES) {
    const int64_t rows = PLM_SMALLER(QUERIES, length - i0), width = i0 + rows;
    const plm_matrix q = head_of(w, w->q, w->h, head, start + i0, 0);
    const plm_result to_scores = into(scores, length, 0), to_out = into(out, c, 0);
    plm_multiply(e, rows, width, c, &q, keys, c, rows_room, w->round, &to_scores);
    float inverse[QUERIES];
    for (int64_t i = 0; i < rows; i++)
      variant->softmax_row(scores + i * length, i0 + i + 1, width, w->scale, inverse + i,
                           w->log_sum ? w->log_sum + (start + i0 + i) * w->h + head : 0);
    const plm_matrix p = floats(scores, length, 0);
    plm_multiply(e, rows, c, width, &p, values, length, rows_room, w->round, &to_out);
    for (int64_t i = 0; i < rows; i++) {
      variant->scale(out + i * c, inverse[i], c);
      const plm_matrix o = head_of(w, w->o, w->h, head, start + i0 + i, 0);
      write_row((void *)o.data, w->type, out + i * c, c);
    }
  }
}

static attention_work work_for(int type, const int32_t *starts, int64_t h, int64_t g, int64_t c) {
  attention_work w = {.type = type, .starts = starts, .h = h, .g = g, .c = c,
                      .scale = 1.0f / __builtin_sqrtf((float)c)};
  w.engine = plm_engine_for(type, &w.round);
  return w;
}

void plm_attention_forward(void *o, float *log_sum, const void *q, const void *k, const void *v,
                           int type, const int32_t *starts, int64_t sequences, int64_t h,
                           int64_t g, int64_t c) {
  attention_work w = work_for(type, starts, h, g, c);
  w.o = o;
  w.log_sum = log_sum;
  w.q = q;
  w.k = k;
  w.v = v;
  plm_parallel(sequences * h, attention_forward_task, &w);
}

// One task owns a key/value head of a sequence: the query heads that share it add to its gradient
// one after another.
static void attention_backward_task(void *context, int64_t task, int thread) {
  const attention_work *w = context;
  const plm_variant_table *variant = plm_chosen();
  const plm_engine *e = w->engine;
  const int64_t s = task / w->g, group = task % w->g, c = w->c, shared = w->h / w->g;
  const int64_t start = w->starts[s], length = w->starts[s + 1] - start;
  if (length <= 0) return;
  const int64_t across = plm_panels_bytes(e, c, length), along = plm_panels_bytes(e, length, c);
  const int64_t block = plm_panels_bytes(e, QUERIES, c);
  const int64_t flat_rows = PLM_LARGER(plm_rows_bytes(e, length, QUERIES),
                                       plm_rows_bytes(e, QUERIES, PLM_LARGER(length, c)));
  room r = {(char *)plm_scratch(thread, (2 * across + along + 2 * block + flat_rows) / 4 +
                                            2 * QUERIES * length + 2 * length * c + 2 * c + 512)};
  void *keys_across = take(&r, across), *values_across = take(&r, across);
  void *keys_along = take(&r, along), *q_packed = take(&r, block), *do_packed = take(&r, block);
  void *rows_room = take(&r, flat_rows);
  float *p = take(&r, QUERIES * length * 4), *dp = take(&r, QUERIES * length * 4);
  float *dk = take(&r, length * c * 4), *dv = take(&r, length * c * 4);
  float *row_o = take(&r, c * 4), *row_do = take(&r, c * 4);
  memset(dk, 0, (size_t)(length * c) * sizeof(float));
  memset(dv, 0, (size_t)(length * c) * sizeof(float));
  const plm_matrix k_across = head_of(w, w->k, w->g, group, start, 1);
  const plm_matrix v_across = head_of(w, w->v, w->g, group, start, 1);
  const plm_matrix k_along = head_of(w, w->k, w->g, group, start, 0);
  plm_pack_panels(e, keys_across, &k_across, c, length, w->round);
  plm_pack_panels(e, values_across, &v_across, c, length, w->round);
  plm_pack_panels(e, keys_along, &k_along, length, c, w->round);
  for (int64_t head = group * shared; head < (group + 1) * shared; head++) {
    for (int64_t i0 = 0; i0 < length; i0 += QUERIES) {
      const int64_t rows = PLM_SMALLER(QUERIES, length - i0), width = i0 + rows;
      const plm_matrix q = head_of(w, w->q, w->h, head, start + i0, 0);
      const plm_matrix o = head_of(w, w->o, w->h, head, start + i0, 0);
      const plm_matrix d_o = head_of(w, w->d_o, w->h, head, start + i0, 0);
      const plm_result to_p = into(p, length, 0), to_dp = into(dp, length, 0);
      plm_multiply(e, rows, width, c, &q, keys_across, c, rows_room, w->round, &to_p);
      plm_multiply(e, rows, width, c, &d_o, values_across, c, rows_room, w->round, &to_dp);
      for (int64_t i = 0; i < rows; i++) {
        variant->probability_row(p + i * length, i0 + i + 1, width, w->scale,
                                 w->log_sum[(start + i0 + i) * w->h + head]);
        const int64_t place = i * w->h * c * size_of(w->type);
        variant->widen(row_o, (const char *)o.data + place, w->type, c);
        variant->widen(row_do, (const char *)d_o.data + place, w->type, c);
        variant->score_gradient(dp + i * length, p + i * length, width,
                                variant->dot(row_o, row_do, c), w->scale);
      }
      plm_pack_panels(e, q_packed, &q, rows, c, w->round);
      plm_pack_panels(e, do_packed, &d_o, rows, c, w->round);
      const plm_matrix p_across = floats(p, length, 1), dp_across = floats(dp, length, 1);
      const plm_matrix dp_along = floats(dp, length, 0);
      const plm_result to_dv = into(dv, c, 1), to_dk = into(dk, c, 1);
      plm_multiply(e, width, c, rows, &p_across, do_packed, rows, rows_room, w->round, &to_dv);
      plm_multiply(e, width, c, rows, &dp_across, q_packed, rows, rows_room, w->round, &to_dk);
      const plm_matrix dq = head_of(w, w->dq, w->h, head, start + i0, 0);
      const plm_result to_dq = {(void *)dq.data, dq.stride, w->type, 0, NULL};
      plm_multiply(e, rows, c, width, &dp_along, keys_along, length, rows_room, w->round, &to_dq);
    }
  }
  for (int64_t i = 0; i < length; i++) {
    write_row((void *)head_of(w, w->dk, w->g, group, start + i, 0).data, w->type, dk + i * c, c);
    write_row((void *)head_of(w, w->dv, w->g, group, start + i, 0).data, w->type, dv + i * c, c);
  }
}

void plm_attention_backward(void *dq, void *dk, void *dv, const void *d_o, const void *o,
                            const float *log_sum, const void *q, const void *k, const void *v,
                            int type, const int32_t *starts, int64_t sequences, int64_t h,
                            int64_t g, int64_t c) {
  attention_work w = work_for(type, starts, h, g, c);
  w.o = (void *)o;
  w.log_sum = (float *)log_sum;
  w.dq = dq;
  w.dk = dk;
  w.dv = dv;
  w.d_o = d_o;
  w.q = q;
  w.k = k;
  w.v = v;
  plm_parallel(sequences * g, attention_backward_task, &w);
}

// ---- One new token per sequence ----

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
  const plm_variant_table *variant = plm_chosen();
  const int64_t s = task / w->h, head = task % w->h, group = head / (w->h / w->g), c = w->c;
  const int64_t length = w->lengths[s], stride = w->g * c;
  float *scores = plm_scratch(thread, length);
  const float *q = w->q + (s * w->h + head) * c;
  float *o = w->o + (s * w->h + head) * c, inverse;
  for (int64_t j = 0; j < length; j++)
    scores[j] = variant->dot(q, w->keys[s] + j * stride + group * c, c);
  variant->softmax_row(scores, length, length, w->scale, &inverse, 0);
  memset(o, 0, (size_t)c * sizeof(float));
  for (int64_t j = 0; j < length; j++)
    variant->axpy(o, w->values[s] + j * stride + group * c, scores[j] * inverse, c);
}

void plm_attention_decode(float *o, const float *q, const float *const *keys,
                          const float *const *values, const int32_t *lengths, int64_t sequences,
                          int64_t h, int64_t g, int64_t c) {
  decode_work w = {o, q, keys, values, lengths, h, g, c, 1.0f / __builtin_sqrtf((float)c)};
  plm_parallel(sequences * h, attention_decode_task, &w);
}

// ---- New tokens of sequences whose earlier ones lie in caches ----

typedef struct {
  const plm_engine *engine;
  int round;
  float *o;
  const float *q;
  const float *const *keys, *const *values;
  const int32_t *starts, *lengths;
  int64_t h, g, c;
  float scale;
} cached_work;

// As attention_forward_task, with the queries beginning behind `first` keys. What stands beyond a
// row's own place weighs 0 and is added last: a row's result is the same however its sequence was
// cut.
static void attention_cached_task(void *context, int64_t task, int thread) {
  const cached_work *w = context;
  const plm_variant_table *variant = plm_chosen();
  const plm_engine *e = w->engine;
  const int64_t s = task / w->h, head = task % w->h, group = head / (w->h / w->g), c = w->c;
  const int64_t start = w->starts[s], count = w->starts[s + 1] - start, length = w->lengths[s];
  const int64_t first = length - count;
  if (count <= 0) return;
  const int64_t keys_bytes = plm_panels_bytes(e, c, length);
  const int64_t values_bytes = plm_panels_bytes(e, length, c);
  const int64_t rows_bytes = plm_rows_bytes(e, QUERIES, PLM_LARGER(length, c));
  room r = {(char *)plm_scratch(thread, (keys_bytes + values_bytes + rows_bytes) / 4 +
                                            QUERIES * length + 256)};
  void *keys = take(&r, keys_bytes), *values = take(&r, values_bytes);
  void *rows_room = take(&r, rows_bytes);
  float *scores = take(&r, QUERIES * length * 4);
  const plm_matrix k = {w->keys[s] + group * c, w->g * c, PLM_F32, 1};
  const plm_matrix v = {w->values[s] + group * c, w->g * c, PLM_F32, 0};
  plm_pack_panels(e, keys, &k, c, length, w->round);
  plm_pack_panels(e, values, &v, length, c, w->round);
  for (int64_t i0 = 0; i0 < count; i0 += QUERIES) {
    const int64_t rows = PLM_SMALLER(QUERIES, count - i0), width = first + i0 + rows;
    const int64_t place = (start + i0) * w->h * c + head * c;
    const plm_matrix q = {w->q + place, w->h * c, PLM_F32, 0};
    const plm_result to_scores = into(scores, length, 0);
    const plm_result to_out = into(w->o + place, w->h * c, 0);
    plm_multiply(e, rows, width, c, &q, keys, c, rows_room, w->round, &to_scores);
    float inverse[QUERIES];
    for (int64_t i = 0; i < rows; i++)
      variant->softmax_row(scores + i * length, first + i0 + i + 1, width, w->scale, inverse + i, 0);
    const plm_matrix p = floats(scores, length, 0);
    plm_multiply(e, rows, c, width, &p, values, length, rows_room, w->round, &to_out);
    for (int64_t i = 0; i < rows; i++)
      variant->scale(w->o + place + i * w->h * c, inverse[i], c);
  }
}

void plm_attention_cached(float *o, const float *q, const float *const *keys,
                          const float *const *values, const int32_t *starts,
                          const int32_t *lengths, int64_t sequences, int64_t h, int64_t g,
                          int64_t c, int compute) {
  cached_work w = {.o = o, .q = q, .keys = keys, .values = values, .starts = starts,
                   .lengths = lengths, .h = h, .g = g, .c = c,
                   .scale = 1.0f / __builtin_sqrtf((float)c)};
  w.engine = plm_engine_for(compute, &w.round);
  plm_parallel(sequences * h, attention_cached_task, &w);
}
