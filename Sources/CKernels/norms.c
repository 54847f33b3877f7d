// The lengths of the rows of weights, with what an adapter adds to them.
#include "CKernels.h"
#include "pool.h"
#include "variant.h"

typedef struct {
  float *norms;
  const plm_matrix *w;
  const float *a, *b;
  float scale;
  int64_t rows, columns, rank, step;
} norms_work;

// Squares of floats are exact in double precision, and their sum nearly so: the length of a row that
// nothing is added to has the same bits in every variant.
static double squares(const float *x, int64_t count) {
  double sums[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int j = 0; j < 8; j++) sums[j] += (double)x[i + j] * (double)x[i + j];
  for (; i < count; i++) sums[i % 8] += (double)x[i] * (double)x[i];
  for (int j = 1; j < 8; j++) sums[0] += sums[j];
  return sums[0];
}

static void norms_task(void *context, int64_t task, int thread) {
  const norms_work *w = context;
  const int64_t end = PLM_SMALLER(w->rows, (task + 1) * w->step);
  float *row = plm_scratch(thread, w->columns);
  for (int64_t i = task * w->step; i < end; i++) {
    const int64_t place = plm_place_of_row(w->w, i) * w->w->stride;
    plm_chosen()->widen(row, (const char *)w->w->data + plm_bytes(w->w->type, place), w->w->type,
                        w->columns);
    for (int64_t r = 0; r < w->rank; r++)
      plm_chosen()->axpy(row, w->a + r * w->columns, w->scale * w->b[i * w->rank + r], w->columns);
    w->norms[i] = (float)plm_sqrt(squares(row, w->columns));
  }
}

void plm_row_norms(float *norms, const plm_matrix *w, const float *a, const float *b, float scale,
                   int64_t rows, int64_t columns, int64_t rank) {
  // About as many products as are worth waking a thread for.
  const int64_t step = PLM_LARGER(1, (1 << 16) / PLM_LARGER(1, columns * (rank + 1)));
  norms_work work = {norms, w, a, b, scale, rows, columns, rank, step};
  plm_parallel((rows + step - 1) / step, norms_task, &work);
}
