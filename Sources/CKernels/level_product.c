// Products of whole numbers: panels of w are packed by the thread that multiplies them, and stay in its
// cache. Making whole numbers of block types is work enough that handing them from thread to thread
// through a shared cache, as product.c does, would cost more than reading the few bytes of x again.
#include "pool.h"
#include "product.h"

// Packed panels of a task: about half of a second-level cache, and beside them a block of rows.
#define PANELS_BYTES (448 << 10)
#define ROWS_BYTES (192 << 10)
// Tasks for each thread, so that none waits long for the last one.
#define TASKS 3

typedef struct {
  const plm_engine *engine;
  const plm_term *terms;
  int count;
  int64_t m, n;
  const plm_result *result;
  int64_t block;                      // rows at a time
  int64_t panels, packed_bytes;       // of a task, and the bytes of one panel of all terms
  int64_t term_start[PLM_TERMS];      // where a term's panel starts in it, bytes
  int64_t parts;                      // tasks that share panels: each has some blocks of rows
  char *rows[PLM_TERMS];              // a term's packed rows
} level_work;

static int64_t blocks_of(const level_work *w) { return (w->m + w->block - 1) / w->block; }

static void rows_task(void *context, int64_t task, int thread) {
  const level_work *w = context;
  (void)thread;
  const int64_t i = task * w->block;
  for (int t = 0; t < w->count; t++) {
    const int64_t k = w->terms[t].k;
    w->engine->pack_rows(w->rows[t] + plm_rows_bytes(w->engine, i, k), plm_row_stride(w->engine, k),
                         &w->terms[t].a, i, PLM_SMALLER(w->block, w->m - i), k, 0);
  }
}

static void panels_task(void *context, int64_t task, int thread) {
  const level_work *w = context;
  const plm_engine *engine = w->engine;
  const int64_t columns = w->panels * engine->panel, first = task / w->parts * columns;
  const int64_t width = PLM_SMALLER(columns, w->n - first);
  char *packed = (char *)plm_scratch(thread, w->panels * w->packed_bytes / (int64_t)sizeof(float));
  for (int t = 0; t < w->count; t++) {
    const plm_term *term = w->terms + t;
    engine->pack_panels(packed + w->term_start[t], w->packed_bytes, &term->b, first, width, 0, term->k,
                        term->k, 0);
  }
  const int64_t part = task % w->parts;
  const int64_t from = blocks_of(w) * part / w->parts * w->block;
  const int64_t to = PLM_SMALLER(w->m, blocks_of(w) * (part + 1) / w->parts * w->block);
  for (int64_t i = from; i < to; i += w->block) {
    plm_strip strips[PLM_TERMS];
    for (int t = 0; t < w->count; t++) {
      const int64_t k = w->terms[t].k;
      strips[t] = (plm_strip){w->rows[t] + plm_rows_bytes(engine, i, k), plm_row_stride(engine, k), 0,
                              k, w->terms[t].b.type};
    }
    for (int64_t j = 0; j < width; j += engine->panel) {
      for (int t = 0; t < w->count; t++)
        strips[t].b = packed + j / engine->panel * w->packed_bytes + w->term_start[t];
      const plm_result c = plm_result_at(w->result, i, first + j);
      engine->tiles(PLM_SMALLER(w->block, to - i), PLM_SMALLER(engine->panel, width - j), strips,
                    w->count, &c);
    }
  }
}

void plm_level_product(const plm_engine *engine, int64_t m, int64_t n, const plm_term *terms, int count,
                       const plm_result *result) {
  level_work w = {
      .engine = engine, .terms = terms, .count = count, .m = m, .n = n, .result = result};
  int64_t row = 0, bytes = 0;
  for (int t = 0; t < count; t++) {
    w.term_start[t] = w.packed_bytes;
    w.packed_bytes += plm_panels_bytes(engine, terms[t].k, 1);
    row += plm_rows_bytes(engine, 1, terms[t].k);
    bytes += PLM_ROUND_UP(plm_rows_bytes(engine, m, terms[t].k), 64);
  }
  w.block = PLM_ROUND_UP(PLM_LARGER(48, ROWS_BYTES / (row + 1)), engine->tile);
  const int64_t all = PLM_ROUND_UP(n, engine->panel) / engine->panel, tasks = TASKS * plm_threads();
  w.panels = PLM_LARGER(1, PLM_SMALLER(PANELS_BYTES / (w.packed_bytes + 1), all / tasks));
  const int64_t across = (all + w.panels - 1) / w.panels;
  // Few panels: several tasks pack the same ones.
  w.parts = PLM_SMALLER(blocks_of(&w), (tasks + across - 1) / across);

  plm_space *space = plm_borrow(bytes);
  char *room = plm_memory(space);
  for (int t = 0; t < count; t++) {
    w.rows[t] = room;
    room += PLM_ROUND_UP(plm_rows_bytes(engine, m, terms[t].k), 64);
  }
  plm_parallel(blocks_of(&w), rows_task, &w);
  plm_parallel(across * w.parts, panels_task, &w);
  plm_give_back(space);
}
