// Sums, scales, dropout, the optimiser.
#include "row_work.h"

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
