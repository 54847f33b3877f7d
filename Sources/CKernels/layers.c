// What layers are made of beside products and attention: norms, rotation, gates, embedding, loss.
#include "row_work.h"

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
