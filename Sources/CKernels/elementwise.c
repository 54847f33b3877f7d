// Work cut by rows or by elements: norms, rotation, gates, embedding, loss. The variants compute on
// f32; rows of bf16 are widened and narrowed on the way, in the first-level cache.
#include <string.h>

#include "CKernels.h"
#include "pool.h"
#include "variant.h"

// Elements of one task.
#define ELEMENTS 16384
// Elements converted at a time where rows do not matter.
#define PIECE 1024

static int64_t rows_of(int64_t d) { return d >= ELEMENTS ? 1 : ELEMENTS / (d > 0 ? d : 1); }

static char *element(const void *x, int type, int64_t i) {
  return (char *)x + i * (type == PLM_F32 ? 4 : 2);
}

// A row as f32: where it lies, or widened into room.
static const float *read(const void *x, int type, int64_t i, int64_t count, float *room) {
  if (type == PLM_F32) return (const float *)x + i;
  plm_chosen()->widen(room, element(x, type, i), type, count);
  return room;
}

// Where f32 results go: to their place, or to room, from which `write` narrows them.
static float *place(void *x, int type, int64_t i, float *room) {
  return type == PLM_F32 ? (float *)x + i : room;
}
static void write(void *x, int type, int64_t i, int64_t count, const float *room) {
  if (type != PLM_F32)
    plm_chosen()->narrow_bf16((uint16_t *)element(x, type, i), room, count);
}

typedef struct {
  void *y, *y2, *y3;
  const void *x, *x2, *x3;
  int y_type, x_type, x2_type, accumulate;
  float *floats;
  const float *w, *inverse, *bias;
  const int32_t *ids;
  const plm_matrix *table;
  int64_t n, d, rows;
  float number;
  uint64_t seed;
} row_work;

// Cuts n rows of d elements into tasks.
static void share(int64_t n, row_work *w, plm_task task) {
  w->n = n;
  w->rows = rows_of(w->d);
  plm_parallel((n + w->rows - 1) / w->rows, task, w);
}

#define ROWS_OF_TASK(w)                                                                            \
  const plm_variant_table *variant = plm_chosen();                                                 \
  const int64_t first = task * (w)->rows, count = PLM_SMALLER((w)->rows, (w)->n - first);          \
  (void)thread;                                                                                    \
  (void)variant

// ---- Norm ----

static void rmsnorm_forward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  float *room = plm_scratch(thread, 2 * w->d), inverse;
  for (int64_t i = first; i < first + count; i++) {
    const float *x = read(w->x, w->x_type, i * w->d, w->d, room);
    float *y = place(w->y, w->y_type, i * w->d, room + w->d);
    variant->rmsnorm_forward(y, &inverse, x, w->w, w->d, w->number);
    if (w->floats) w->floats[i] = inverse;
    write(w->y, w->y_type, i * w->d, w->d, y);
  }
}

void plm_rmsnorm_forward(void *y, int y_type, float *inverse_rms, const void *x, int x_type,
                         const float *w, int64_t n, int64_t d, float epsilon) {
  row_work work = {.y = y, .y_type = y_type, .floats = inverse_rms, .x = x, .x_type = x_type,
                   .w = w, .d = d, .number = epsilon};
  share(n, &work, rmsnorm_forward_task);
}

static void rmsnorm_backward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  float *room = plm_scratch(thread, 3 * w->d);
  for (int64_t i = first; i < first + count; i++) {
    const float *x = read(w->x, w->x_type, i * w->d, w->d, room);
    const float *dy = read(w->x2, w->x2_type, i * w->d, w->d, room + w->d);
    float *dx = place(w->y, w->y_type, i * w->d, room + 2 * w->d);
    if (!w->accumulate) memset(dx, 0, (size_t)w->d * sizeof(float));
    else if (w->y_type != PLM_F32) read(w->y, w->y_type, i * w->d, w->d, dx);
    variant->rmsnorm_backward(dx, dy, x, w->w, w->inverse[i], w->d);
    write(w->y, w->y_type, i * w->d, w->d, dx);
  }
}

// A gradient that sums over rows is cut by columns: each column is one thread's, rows in order.
#define COLUMNS 64

static void rmsnorm_weight_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  (void)thread;
  const int64_t j = task * COLUMNS, count = PLM_SMALLER(COLUMNS, w->d - j);
  float dy[COLUMNS], x[COLUMNS];
  for (int64_t i = 0; i < w->n; i++)
    plm_chosen()->rmsnorm_weight(w->floats + j, read(w->x2, w->x2_type, i * w->d + j, count, dy),
                                 read(w->x, w->x_type, i * w->d + j, count, x), w->inverse[i],
                                 count);
}

void plm_rmsnorm_backward(void *dx, int dx_type, int accumulate, float *dw, const void *dy,
                          int dy_type, const void *x, int x_type, const float *w,
                          const float *inverse_rms, int64_t n, int64_t d) {
  row_work work = {.y = dx, .y_type = dx_type, .accumulate = accumulate, .floats = dw, .x2 = dy,
                   .x2_type = dy_type, .x = x, .x_type = x_type, .w = w, .inverse = inverse_rms,
                   .d = d};
  if (dw) {
    work.n = n;
    plm_parallel((d + COLUMNS - 1) / COLUMNS, rmsnorm_weight_task, &work);
  }
  share(n, &work, rmsnorm_backward_task);
}

// ---- Rotation ----

typedef struct {
  void *x;
  int type;
  const float *cosines, *sines;
  const int32_t *position;
  int64_t n, heads, c, rows;
  float direction;
} rope_work;

static void rope_task(void *context, int64_t task, int thread) {
  const rope_work *w = context;
  const int64_t end = PLM_SMALLER(w->n, (task + 1) * w->rows), half = w->c / 2;
  const int64_t width = w->heads * w->c;
  float *room = plm_scratch(thread, width);
  for (int64_t i = task * w->rows; i < end; i++) {
    float *x = place(w->x, w->type, i * width, room);
    if (w->type != PLM_F32) read(w->x, w->type, i * width, width, room);
    for (int64_t h = 0; h < w->heads; h++)
      plm_chosen()->rope(x + h * w->c, w->cosines + w->position[i] * half,
                         w->sines + w->position[i] * half, half, w->direction);
    write(w->x, w->type, i * width, width, room);
  }
}

void plm_rope(void *x, int type, const float *cosines, const float *sines,
              const int32_t *position, int64_t n, int64_t heads, int64_t c, float direction) {
  rope_work w = {x, type, cosines, sines, position, n, heads, c, rows_of(heads * c), direction};
  plm_parallel((n + w.rows - 1) / w.rows, rope_task, &w);
}

// ---- Gate ----

static void swiglu_forward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  float gate[PIECE], up[PIECE], y[PIECE];
  for (int64_t i = first; i < first + count; i += PIECE) {
    const int64_t size = PLM_SMALLER(PIECE, first + count - i);
    float *out = place(w->y, w->y_type, i, y);
    variant->swiglu_forward(out, read(w->x, w->y_type, i, size, gate),
                            read(w->x2, w->y_type, i, size, up), size);
    write(w->y, w->y_type, i, size, out);
  }
}

void plm_swiglu_forward(void *y, const void *gate, const void *up, int type, int64_t count) {
  row_work work = {.y = y, .y_type = type, .x = gate, .x2 = up, .d = 1};
  share(count, &work, swiglu_forward_task);
}

static void swiglu_backward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  const int type = w->y_type;
  float gate[PIECE], up[PIECE], dy[PIECE], dgate[PIECE], dup[PIECE], y[PIECE];
  for (int64_t i = first; i < first + count; i += PIECE) {
    const int64_t size = PLM_SMALLER(PIECE, first + count - i);
    const float *g = read(w->x, type, i, size, gate), *u = read(w->x2, type, i, size, up);
    float *dg = place(w->y, type, i, dgate), *du = place(w->y2, type, i, dup);
    float *out = w->y3 ? place(w->y3, type, i, y) : NULL;
    variant->swiglu_backward(dg, du, out, read(w->x3, type, i, size, dy), g, u, size);
    if (out) write(w->y3, type, i, size, out);
    write(w->y, type, i, size, dg);
    write(w->y2, type, i, size, du);
  }
}

void plm_swiglu_backward(void *dgate, void *dup, void *y, const void *dy, const void *gate,
                         const void *up, int type, int64_t count) {
  row_work work = {.y = dgate, .y2 = dup, .y3 = y, .y_type = type, .x3 = dy, .x = gate, .x2 = up,
                   .d = 1};
  share(count, &work, swiglu_backward_task);
}

// ---- Embedding ----

static void embed_forward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  for (int64_t i = first; i < first + count; i++)
    variant->widen((float *)w->y + i * w->d,
                   (const char *)w->table->data +
                       plm_bytes(w->table->type, w->ids[i] * w->table->stride),
                   w->table->type, w->d);
}

void plm_embed_forward(float *x, const plm_matrix *table, const int32_t *ids, int64_t n,
                       int64_t d) {
  row_work work = {.y = x, .table = table, .ids = ids, .d = d};
  share(n, &work, embed_forward_task);
}

static void embed_backward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  (void)thread;
  const int64_t j = task * COLUMNS, count = PLM_SMALLER(COLUMNS, w->d - j);
  for (int64_t i = 0; i < w->n; i++)
    plm_chosen()->axpy(w->floats + w->ids[i] * w->d + j, (const float *)w->x + i * w->d + j, 1,
                       count);
}

void plm_embed_backward(float *dtable, const float *dx, const int32_t *ids, int64_t n, int64_t d) {
  row_work work = {.floats = dtable, .x = dx, .ids = ids, .d = d, .n = n};
  plm_parallel((d + COLUMNS - 1) / COLUMNS, embed_backward_task, &work);
}

// ---- Loss ----

static void cross_entropy_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  for (int64_t i = first; i < first + count; i++)
    w->floats[i] = variant->cross_entropy((float *)w->y + i * w->d, w->d, w->ids[i], w->number);
}

void plm_cross_entropy(float *logits, float *losses, const int32_t *targets, int64_t n, int64_t v,
                       float scale) {
  row_work work = {.y = logits, .floats = losses, .ids = targets, .d = v, .number = scale};
  share(n, &work, cross_entropy_task);
}

// ---- Sums, scales, dropout ----

static void bias_backward_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  (void)thread;
  const int64_t j = task * COLUMNS, count = PLM_SMALLER(COLUMNS, w->d - j);
  float room[COLUMNS];
  for (int64_t i = 0; i < w->n; i++)
    plm_chosen()->axpy(w->floats + j, read(w->x, w->x_type, i * w->d + j, count, room), 1, count);
}

void plm_bias_backward(float *dbias, const void *dx, int type, int64_t n, int64_t d) {
  row_work work = {.floats = dbias, .x = dx, .x_type = type, .d = d, .n = n};
  plm_parallel((d + COLUMNS - 1) / COLUMNS, bias_backward_task, &work);
}

static void add_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  float room[PIECE], more[PIECE];
  for (int64_t i = first; i < first + count; i += PIECE) {
    const int64_t size = PLM_SMALLER(PIECE, first + count - i);
    float *y = place(w->y, w->y_type, i, room);
    if (w->y_type != PLM_F32) read(w->y, w->y_type, i, size, room);
    variant->axpy(y, read(w->x, w->y_type, i, size, more), 1, size);
    write(w->y, w->y_type, i, size, y);
  }
}

void plm_add(void *y, const void *x, int type, int64_t count) {
  row_work work = {.y = y, .y_type = type, .x = x, .d = 1};
  share(count, &work, add_task);
}

void plm_add_transposed(float *y, const float *x, int64_t rows, int64_t columns) {
  for (int64_t j = 0; j < columns; j++)
    for (int64_t i = 0; i < rows; i++) y[j * rows + i] += x[i * columns + j];
}

static void scale_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  float room[PIECE];
  for (int64_t i = first; i < first + count; i += PIECE) {
    const int64_t size = PLM_SMALLER(PIECE, first + count - i);
    float *y = place(w->y, w->y_type, i, room);
    if (w->y_type != PLM_F32) read(w->y, w->y_type, i, size, room);
    variant->scale(y, w->number, size);
    write(w->y, w->y_type, i, size, y);
  }
}

void plm_scale(void *y, int type, float scale, int64_t count) {
  row_work work = {.y = y, .y_type = type, .number = scale, .d = 1};
  share(count, &work, scale_task);
}

// In two passes, for the compiler makes vectors of what has few conditions.
static void scale_columns_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  float *room = plm_scratch(thread, 3 * w->d), *sum = room + 2 * w->d;
  for (int64_t i = first; i < first + count; i++) {
    const float *x = read(w->x, w->x_type, i * w->d, w->d, room);
    if (w->w)
      for (int64_t j = 0; j < w->d; j++) sum[j] = x[j] * w->w[j];
    else memcpy(sum, x, (size_t)w->d * sizeof(float));
    if (w->bias)
      for (int64_t j = 0; j < w->d; j++) sum[j] += w->bias[j];
    float *y = place(w->y, w->y_type, i * w->d, room + w->d);
    if (w->accumulate) {
      if (w->y_type != PLM_F32) read(w->y, w->y_type, i * w->d, w->d, y);
      for (int64_t j = 0; j < w->d; j++) y[j] += sum[j];
    } else memcpy(y, sum, (size_t)w->d * sizeof(float));
    write(w->y, w->y_type, i * w->d, w->d, y);
  }
}

void plm_scale_columns(void *y, int y_type, int accumulate, const void *x, int x_type,
                       const float *scale, const float *bias, int64_t n, int64_t d) {
  row_work work = {.y = y, .y_type = y_type, .accumulate = accumulate, .x = x, .x_type = x_type,
                   .w = scale, .bias = bias, .d = d};
  share(n, &work, scale_columns_task);
}

static void column_dots_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  (void)thread;
  const int64_t j = task * COLUMNS, count = PLM_SMALLER(COLUMNS, w->d - j);
  float x[COLUMNS], y[COLUMNS], sums[COLUMNS] = {0};
  for (int64_t i = 0; i < w->n; i++)
    plm_chosen()->rmsnorm_weight(sums, read(w->x, w->x_type, i * w->d + j, count, x),
                                 read(w->x2, w->x2_type, i * w->d + j, count, y), 1, count);
  for (int64_t k = 0; k < count; k++) w->floats[j + k] += w->w[j + k] * sums[k];
}

void plm_column_dots(float *sums, const float *scale, const void *x, int x_type, const void *y,
                     int y_type, int64_t n, int64_t d) {
  row_work work = {.floats = sums, .w = scale, .x = x, .x_type = x_type, .x2 = y,
                   .x2_type = y_type, .d = d, .n = n};
  plm_parallel((d + COLUMNS - 1) / COLUMNS, column_dots_task, &work);
}

static void dropout_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  const float keep = 1.0f / (1.0f - w->number);
  const uint64_t limit = (uint64_t)((double)w->number * 0x1p53);
  float room[PIECE];
  for (int64_t i = first; i < first + count; i += PIECE) {
    const int64_t size = PLM_SMALLER(PIECE, first + count - i);
    float *y = place(w->y, w->y_type, i, room);
    if (w->y != w->x || w->y_type != PLM_F32)
      variant->widen(y, element(w->x, w->y_type, i), w->y_type, size);
    variant->dropout(y, i, size, w->seed, limit, keep);
    write(w->y, w->y_type, i, size, y);
  }
}

void plm_dropout(void *y, const void *x, int type, float p, uint64_t seed, int64_t count) {
  row_work work = {.y = y, .y_type = type, .x = x, .number = p, .seed = seed, .d = 1};
  share(count, &work, dropout_task);
}

// Elements whose squares are one task's.
#define SQUARES 262144

typedef struct {
  const float *x;
  double *sums;
  int64_t count;
} squares_work;

static void squares_task(void *context, int64_t task, int thread) {
  const squares_work *w = context;
  (void)thread;
  const int64_t first = task * SQUARES;
  w->sums[task] =
      plm_chosen()->sum_squares(w->x + first, PLM_SMALLER(SQUARES, w->count - first));
}

double plm_sum_squares(const float *x, int64_t count) {
  const int64_t tasks = (count + SQUARES - 1) / SQUARES;
  if (tasks <= 1) return plm_chosen()->sum_squares(x, count);
  plm_space *space = plm_borrow(tasks * (int64_t)sizeof(double));
  squares_work work = {x, plm_memory(space), count};
  plm_parallel(tasks, squares_task, &work);
  double sum = 0;
  for (int64_t i = 0; i < tasks; i++) sum += work.sums[i];
  plm_give_back(space);
  return sum;
}

static void zero_task(void *context, int64_t task, int thread) {
  const row_work *w = context;
  ROWS_OF_TASK(w);
  memset((float *)w->y + first, 0, (size_t)count * sizeof(float));
}

void plm_zero(float *x, int64_t count) {
  row_work work = {.y = x, .d = 1};
  share(count, &work, zero_task);
}

int plm_all_finite(const float *x, int64_t count) {
  // A number whose exponent is all ones is infinite or none.
  uint32_t strange = 0;
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    strange |= (bits & 0x7f800000) == 0x7f800000;
  }
  return !strange;
}

// ---- AdamW ----

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
  plm_chosen()->adamw(w->w + i, w->m + i, w->v + i, w->gradient + i,
                      PLM_SMALLER(ADAMW_ELEMENTS, w->count - i), w->gradient_scale,
                      w->learning_rate, w->beta1, w->beta2, w->epsilon, w->weight_decay,
                      w->correction1, w->correction2);
}

void plm_adamw(float *w, float *m, float *v, const float *gradient, int64_t count,
               double gradient_scale, double learning_rate, double beta1, double beta2,
               double epsilon, double weight_decay, double correction1, double correction2) {
  adamw_work work = {w,     m,     v,       gradient,     count,       gradient_scale, learning_rate,
                     beta1, beta2, epsilon, weight_decay, correction1, correction2};
  plm_parallel((count + ADAMW_ELEMENTS - 1) / ADAMW_ELEMENTS, adamw_task, &work);
}
