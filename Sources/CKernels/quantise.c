// Rounding of whole matrices, and the importance of their columns, shared among threads.
#include "CKernels.h"
#include "pool.h"
#include "variant.h"

typedef struct {
  char *out;
  int type;
  const float *in;
  int64_t blocks, columns, step;
  const float *importance;
} quantise_work;

static void quantise_task(void *context, int64_t task, int thread) {
  const quantise_work *w = context;
  (void)thread;
  const int64_t size = PLM_BLOCK(w->type), first = task * w->step;
  const int64_t blocks = PLM_SMALLER(w->step, w->blocks - first);
  plm_chosen()->quantise(w->out + plm_bytes(w->type, first * size), w->type, w->in + first * size,
                         blocks, first * size % w->columns, w->columns, w->importance);
}

void plm_quantise(void *out, int type, const float *in, int64_t rows, int64_t columns,
                  const float *importance) {
  const int64_t size = PLM_BLOCK(type), numbers = 1 << 14;
  quantise_work work = {out, type, in, rows * columns / size, columns, numbers / size, importance};
  plm_parallel((work.blocks + work.step - 1) / work.step, quantise_task, &work);
}

typedef struct {
  double *sums;
  const char *x;
  int type;
  int64_t n, d;
} squares_work;

#define COLUMNS 64

static void squares_task(void *context, int64_t task, int thread) {
  const squares_work *w = context;
  (void)thread;
  const int64_t first = task * COLUMNS, count = PLM_SMALLER(COLUMNS, w->d - first);
  float row[COLUMNS];
  for (int64_t i = 0; i < w->n; i++) {
    plm_chosen()->widen(row, w->x + plm_bytes(w->type, i * w->d + first), w->type, count);
    for (int64_t j = 0; j < count; j++) w->sums[first + j] += (double)row[j] * (double)row[j];
  }
}

void plm_column_squares(double *sums, const void *x, int type, int64_t n, int64_t d) {
  squares_work work = {sums, x, type, n, d};
  plm_parallel((d + COLUMNS - 1) / COLUMNS, squares_task, &work);
}
