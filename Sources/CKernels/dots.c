// Products with few rows: each element one dot product. Weights are read once, where they lie, and
// reading them is what takes the time.
#include "pool.h"
#include "variant.h"

// Products made at once.
#define PRODUCTS 8
// Columns of y at a time.
#define COLUMNS 32
// Bytes of w in one task, if there are enough for every thread: what is asked for ahead of its reading
// (PLM_AHEAD_BYTES) is then mostly what this thread reads, and not another.
#define RUN_BYTES (512 << 10)

typedef struct {
  const plm_dot_product *product;
  const void *read;  // x as the variant reads whole numbers, or null
  int64_t columns;   // of a task: whole times COLUMNS
  int64_t tasks;
} dots_part;

typedef struct {
  dots_part parts[PRODUCTS];
  int64_t m;
} dots_work;

static int64_t columns_of_task(const plm_dot_product *p) {
  const int64_t row = PLM_LARGER(1, plm_bytes_of(p->w.type, p->w.stride));
  const int64_t most = PLM_LARGER(1, RUN_BYTES / row / COLUMNS);
  const int64_t all = (p->n + COLUMNS - 1) / COLUMNS;
  const int64_t fair = PLM_LARGER(1, all / (8 * plm_threads()));
  return PLM_SMALLER(most, fair) * COLUMNS;
}

// Takes the product with the row that lies at a place of w: rows are read in the order of memory.
static void put(const plm_dot_product *p, int64_t i, int64_t place, float dot) {
  const int64_t j = plm_row_at_place(&p->w, place);
  float sum = p->scale * dot;
  if (p->bias) sum += p->bias[j];
  float *y = p->y + i * p->stride + j;
  *y = p->accumulate ? *y + sum : sum;
}

static void whole_numbers(const dots_part *part, int64_t m, int64_t first, int64_t count,
                          int thread) {
  const plm_dot_product *p = part->product;
  float *sums = plm_scratch(thread, m * COLUMNS);
  plm_chosen()->level_dots->dots(sums, COLUMNS, part->read, m, &p->w, first, count, p->k);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < count; j++) put(p, i, first + j, sums[i * COLUMNS + j]);
}

static void floats(const plm_dot_product *p, int64_t m, int64_t first, int64_t count, int thread) {
  const plm_variant_table *variant = plm_chosen();
  const float *x = p->x;
  if (m == 1 && p->k % 32 == 0) {
    float sums[COLUMNS];
    variant->dots(sums, x, &p->w, first, count, p->k);
    for (int64_t j = 0; j < count; j++) put(p, 0, first + j, sums[j]);
    return;
  }
  // A row of w goes with several of x: it is widened once.
  float *room = plm_scratch(thread, p->k);
  for (int64_t j = first; j < first + count; j++) {
    const void *start = (const char *)p->w.data + plm_bytes_of(p->w.type, j * p->w.stride);
    const float *row = start;
    if (p->w.type != PLM_F32) {
      variant->widen(room, start, p->w.type, p->k);
      row = room;
    }
    for (int64_t i = 0; i < m; i++) put(p, i, j, variant->dot(x + i * p->k, row, p->k));
  }
}

static void dots_task(void *context, int64_t task, int thread) {
  const dots_work *w = context;
  const dots_part *part = w->parts;
  for (; task >= part->tasks; part++) task -= part->tasks;
  const int64_t end = PLM_SMALLER(part->product->n, (task + 1) * part->columns);
  for (int64_t j = task * part->columns; j < end; j += COLUMNS) {
    const int64_t count = PLM_SMALLER(COLUMNS, end - j);
    if (part->read) whole_numbers(part, w->m, j, count, thread);
    else floats(part->product, w->m, j, count, thread);
  }
}

// How x is read for a product: as whole numbers, or null where the variant has none for w's type.
static const plm_level_dots *levels_for(const plm_dot_product *p) {
  return plm_has_levels(p->w.type, 0) ? plm_chosen()->level_dots : 0;
}

// Bytes of x [m, k] as it is read: whole numbers, or f32.
static int64_t read_bytes(const plm_dot_product *p, int64_t m) {
  const plm_level_dots *levels = levels_for(p);
  if (p->x_type == PLM_F32) return 0;
  return m * (levels ? p->k / 32 * levels->x_bytes : p->k * (int64_t)sizeof(float));
}

static void read_x(char *out, const plm_dot_product *p, int64_t m) {
  const plm_level_dots *levels = levels_for(p);
  for (int64_t i = 0; i < m; i++) {
    const char *row = (const char *)p->x + plm_bytes_of(PLM_Q8_0, i * p->k);
    if (levels) levels->read(out + i * (p->k / 32) * levels->x_bytes, row, p->k);
    else plm_chosen()->widen((float *)(void *)out + i * p->k, row, PLM_Q8_0, p->k);
  }
}

static int reads_alike(const plm_dot_product *p, const plm_dot_product *other) {
  return p->x == other->x && p->x_type == other->x_type && levels_for(p) == levels_for(other);
}

static void some_dots(const plm_dot_product *products, int count, int64_t m) {
  dots_work work = {.m = m};
  plm_dot_product widened[PRODUCTS];
  int64_t bytes = 0, tasks = 0;
  for (int t = 0; t < count; t++) bytes += PLM_ROUND_UP(read_bytes(products + t, m), 64);
  plm_space *space = plm_borrow(bytes);
  char *room = plm_memory(space);
  const char *last = 0;  // what the product before this one reads
  for (int t = 0; t < count; t++) {
    const plm_dot_product *p = products + t;
    dots_part *part = work.parts + t;
    part->product = p;
    part->columns = columns_of_task(p);
    part->tasks = (p->n + part->columns - 1) / part->columns;
    tasks += part->tasks;
    if (p->x_type == PLM_F32) continue;
    if (t == 0 || !reads_alike(p, p - 1)) {
      read_x(room, p, m);
      last = room;
      room += PLM_ROUND_UP(read_bytes(p, m), 64);
    }
    if (levels_for(p)) {
      part->read = last;
    } else {
      widened[t] = *p;
      widened[t].x = last;
      part->product = widened + t;
    }
  }
  plm_parallel(tasks, dots_task, &work);
  plm_give_back(space);
}

void plm_dots(const plm_dot_product *products, int count, int64_t m) {
  for (; count > 0; products += PRODUCTS, count -= PRODUCTS)
    some_dots(products, PLM_SMALLER(count, PRODUCTS), m);
}
