// Work cut by rows or by elements. The variants compute on f32; rows of bf16 are widened and narrowed on
// the way, in the first-level cache.
#ifndef PLM_ROW_WORK_H
#define PLM_ROW_WORK_H
#include <string.h>

#include "CKernels.h"
#include "pool.h"
#include "variant.h"

// Elements of one task.
#define ELEMENTS 16384
// Elements converted at a time where rows do not matter.
#define PIECE 1024
// A gradient that sums over rows is cut by columns: each column is one thread's, rows in order.
#define COLUMNS 64

static inline int64_t rows_of(int64_t d) { return d >= ELEMENTS ? 1 : ELEMENTS / (d > 0 ? d : 1); }

static inline char *element(const void *x, int type, int64_t i) {
  return (char *)x + i * (type == PLM_F32 ? 4 : 2);
}

// A row as f32: where it lies, or widened into room.
static inline const float *read(const void *x, int type, int64_t i, int64_t count, float *room) {
  if (type == PLM_F32) return (const float *)x + i;
  plm_chosen()->widen(room, element(x, type, i), type, count);
  return room;
}

// Where f32 results go: to their place, or to room, from which `write` narrows them.
static inline float *place(void *x, int type, int64_t i, float *room) {
  return type == PLM_F32 ? (float *)x + i : room;
}
static inline void write(void *x, int type, int64_t i, int64_t count, const float *room) {
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
static inline void share(int64_t n, row_work *w, plm_task task) {
  w->n = n;
  w->rows = rows_of(w->d);
  plm_parallel((n + w->rows - 1) / w->rows, task, w);
}

#define ROWS_OF_TASK(w)                                                                            \
  const plm_variant_table *variant = plm_chosen();                                                 \
  const int64_t first = task * (w)->rows, count = PLM_SMALLER((w)->rows, (w)->n - first);          \
  (void)thread;                                                                                    \
  (void)variant
#endif
