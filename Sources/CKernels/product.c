// Matrix products: b is packed a chunk of columns at a time, where it lies, in whatever type; blocks
// of rows of a pass over the chunk. Nothing is kept packed: packing costs the reading of b once, a
// small share of a product with hundreds of rows, and saves a second copy of every weight.
#include "product.h"

#include "pool.h"

// Packed columns made at a time: a few MB, so that they stay in a shared cache.
#define CHUNK_BYTES (6 << 20)
// Rows of a at a time: their k elements stay in the second-level cache.
#define ROWS_BYTES (384 << 10)
// One term's longest k where c is f32; more is cut and added up in c.
#define LONGEST_K 8192

const plm_engine *plm_engine_for(int compute, int *round) {
  const plm_variant_table *variant = plm_chosen();
  *round = compute == PLM_BF16;
  return compute == PLM_BF16 ? variant->pairs : variant->singles;
}

static int64_t padded(const plm_engine *engine, int64_t k) { return PLM_ROUND_UP(k, engine->unit); }

static int64_t panel_bytes(const plm_engine *engine, int64_t k) {
  return padded(engine, k) / engine->unit * engine->panel_bytes;
}

static int64_t row_bytes(const plm_engine *engine, int64_t k) {
  return padded(engine, k) / engine->unit * engine->row_bytes;
}

int64_t plm_panels_bytes(const plm_engine *engine, int64_t k, int64_t n) {
  return PLM_ROUND_UP(n, engine->panel) / engine->panel * panel_bytes(engine, k);
}

// Elements from one packed row to the next: a cache line more than needed keeps rows of a power of
// two from falling into the same places of the cache.
int64_t plm_row_stride(const plm_engine *engine, int64_t k) {
  return (row_bytes(engine, k) + 64) / engine->element;
}

int64_t plm_rows_bytes(const plm_engine *engine, int64_t m, int64_t k) {
  return PLM_ROUND_UP(m, engine->rows) * plm_row_stride(engine, k) * engine->element;
}

void plm_pack_panels(const plm_engine *engine, void *out, const plm_matrix *b, int64_t k, int64_t n,
                     int round) {
  engine->pack_panels(out, panel_bytes(engine, k), b, 0, n, 0, k, k, round);
}

static int64_t type_bytes(int type) { return type == PLM_F32 ? 4 : 2; }

// Rows i.. of a as the engine reads them: where they lie if they may be, else packed into room.
static plm_strip rows_of(const plm_engine *engine, const plm_matrix *a, int64_t i, int64_t rows,
                         int64_t k, void *room, int round) {
  const int as_they_lie = !a->transposed && a->type == engine->direct &&
                          (a->type == PLM_BF16 || !round) && k % engine->unit == 0 &&
                          rows % engine->rows == 0 && a->stride % engine->unit == 0;
  if (as_they_lie)
    return (plm_strip){(const char *)a->data + i * a->stride * type_bytes(a->type), a->stride, 0,
                       k, 0};
  engine->pack_rows(room, plm_row_stride(engine, k), a, i, rows, k, round);
  return (plm_strip){room, plm_row_stride(engine, k), 0, padded(engine, k), 0};
}

plm_result plm_result_at(const plm_result *result, int64_t i, int64_t j) {
  plm_result c = *result;
  c.c = (char *)c.c + (i * c.stride + j) * type_bytes(c.type);
  if (c.bias) c.bias += j;
  return c;
}

void plm_multiply(const plm_engine *engine, int64_t m, int64_t n, int64_t k, const plm_matrix *a,
                  const void *panels, int64_t packed_k, void *room, int round,
                  const plm_result *result) {
  plm_strip strip = rows_of(engine, a, 0, m, k, room, round);
  for (int64_t j = 0; j < n; j += engine->panel) {
    strip.b = (const char *)panels + j / engine->panel * panel_bytes(engine, packed_k);
    const plm_result c = plm_result_at(result, 0, j);
    engine->tiles(m, PLM_SMALLER(engine->panel, n - j), &strip, 1, &c);
  }
}

typedef struct {
  const plm_engine *engine;
  const plm_term *terms;
  int count, round;
  int64_t m;
  const plm_result *result;
  char *packed;
  int64_t packed_bytes;          // of one panel of all terms
  int64_t term_start[PLM_TERMS]; // where a term's panel starts in it, bytes
  int64_t first, columns;        // the chunk
  int64_t cuts;                  // tasks that pack it
  int64_t block, across, panels; // rows of a task, tasks across the chunk, panels of a task
  int64_t room_start[PLM_TERMS]; // where a term's packed rows start in the scratch space, bytes
  int64_t room_bytes;
} product_work;

static void pack_task(void *context, int64_t task, int thread) {
  const product_work *w = context;
  (void)thread;
  // Memory is read in runs as long as may be: whole rows, so a b that lies as it is is cut along k,
  // a transposed one across.
  const int64_t panel = w->engine->panel, all = (w->columns + panel - 1) / panel;
  for (int t = 0; t < w->count; t++) {
    const plm_term *term = &w->terms[t];
    char *out = w->packed + w->term_start[t];
    if (term->b.transposed) {
      const int64_t from = all * task / w->cuts, to = all * (task + 1) / w->cuts;
      const int64_t j = w->first + from * panel;
      if (from < to)
        w->engine->pack_panels(out + from * w->packed_bytes, w->packed_bytes, &term->b, j,
                               PLM_SMALLER((to - from) * panel, w->first + w->columns - j), 0,
                               term->k, term->k, w->round);
    } else {
      const int64_t units = PLM_ROUND_UP(term->k, w->engine->unit) / w->engine->unit;
      const int64_t from = units * task / w->cuts * w->engine->unit;
      const int64_t to = units * (task + 1) / w->cuts * w->engine->unit;
      if (from < to)
        w->engine->pack_panels(out, w->packed_bytes, &term->b, w->first, w->columns, from,
                               PLM_SMALLER(to, term->k), term->k, w->round);
    }
  }
}

static void tiles_task(void *context, int64_t task, int thread) {
  const product_work *w = context;
  const int64_t i = task / w->across * w->block, panel = w->engine->panel;
  const int64_t rows = PLM_SMALLER(w->block, w->m - i);
  const int64_t from = task % w->across * w->panels * panel;
  const int64_t to = PLM_SMALLER(w->columns, from + w->panels * panel);
  char *room = (char *)plm_scratch(thread, w->room_bytes / 4);
  plm_strip strips[PLM_TERMS];
  for (int t = 0; t < w->count; t++) {
    strips[t] = rows_of(w->engine, &w->terms[t].a, i, rows, w->terms[t].k,
                        room + w->room_start[t], w->round);
    strips[t].type = w->terms[t].b.type;
  }
  for (int64_t j = from; j < to; j += panel) {
    for (int t = 0; t < w->count; t++)
      strips[t].b = w->packed + j / panel * w->packed_bytes + w->term_start[t];
    const plm_result c = plm_result_at(w->result, i, w->first + j);
    w->engine->tiles(rows, PLM_SMALLER(panel, to - j), strips, w->count, &c);
  }
}

int plm_has_pairs(void) { return plm_chosen()->pairs->element == 2; }

int plm_has_levels(int type, int many) {
  const plm_variant_table *variant = plm_chosen();
  return type > PLM_Q8_0 && (many ? variant->levels != 0 : variant->level_dots != 0);
}

// Terms of Q8_0 and block types are multiplied as whole numbers where the variant can, else as f32.
static const plm_engine *engine_of(const plm_term *terms, int count, int compute, int *round) {
  int all = compute == PLM_Q8_0;
  for (int t = 0; t < count; t++)
    all = all && terms[t].a.type == PLM_Q8_0 && !terms[t].a.transposed && terms[t].b.transposed &&
          plm_has_levels(terms[t].b.type, 1);
  *round = 0;
  return all ? plm_chosen()->levels : plm_engine_for(compute, round);
}

static void product(int64_t m, int64_t n, const plm_term *terms, int count, int compute,
                    const plm_result *result) {
  product_work w = {.terms = terms, .count = count, .m = m, .result = result};
  w.engine = engine_of(terms, count, compute, &w.round);
  const plm_engine *engine = w.engine;
  if (engine == plm_chosen()->levels) {
    plm_level_product(engine, m, n, terms, count, result);
    return;
  }
  int64_t row = 0;
  for (int t = 0; t < count; t++) {
    w.term_start[t] = w.packed_bytes;
    w.packed_bytes += panel_bytes(engine, terms[t].k);
    row += row_bytes(engine, terms[t].k);
  }
  const int64_t panels = PLM_ROUND_UP(n, engine->panel) / engine->panel;
  const int64_t chunk = PLM_SMALLER(panels, PLM_LARGER(4, CHUNK_BYTES / (w.packed_bytes + 1)));
  // Blocks of whole register tiles, all about alike.
  const int64_t most = PLM_SMALLER(384, PLM_LARGER(96, ROWS_BYTES / (row + 1)));
  const int64_t blocks = (m + most - 1) / most;
  w.block = PLM_ROUND_UP((m + blocks - 1) / blocks, engine->tile);
  w.block = PLM_SMALLER(w.block, PLM_ROUND_UP(m, engine->rows));
  for (int t = 0; t < count; t++) {
    w.room_start[t] = w.room_bytes;
    w.room_bytes += PLM_ROUND_UP(plm_rows_bytes(engine, w.block, terms[t].k), 64);
  }
  const int64_t down = (m + w.block - 1) / w.block;
  plm_space *space = plm_borrow(chunk * w.packed_bytes);
  w.packed = plm_memory(space);
  const int threads = plm_threads();
  for (int64_t panel = 0; panel < panels; panel += chunk) {
    w.first = panel * engine->panel;
    w.columns = PLM_SMALLER(chunk * engine->panel, n - w.first);
    const int64_t here = PLM_ROUND_UP(w.columns, engine->panel) / engine->panel;
    w.cuts = PLM_SMALLER(here, 4 * threads);
    plm_parallel(w.cuts, pack_task, &w);
    // Enough tasks that no thread waits long for the last one, and few enough that a's rows are
    // not packed over and over.
    const int64_t wanted = 6 * threads;
    w.across = down >= wanted ? 1 : PLM_SMALLER(here, (wanted + down - 1) / down);
    w.panels = (here + w.across - 1) / w.across;
    w.across = (here + w.panels - 1) / w.panels;
    plm_parallel(down * w.across, tiles_task, &w);
  }
  plm_give_back(space);
}

// The same matrix without its first `p` rows (of b) or columns (of a).
static plm_matrix later(const plm_matrix *x, int64_t p, int along_rows) {
  plm_matrix y = *x;
  if (x->half != 0 && along_rows != (x->transposed != 0)) {
    y.first += p;
    return y;
  }
  const int64_t places = (along_rows != (x->transposed != 0)) ? p * x->stride : p;
  y.data = (const char *)x->data + plm_bytes(x->type, places);
  return y;
}

void plm_product(int64_t m, int64_t n, const plm_term *terms, int count, int compute,
                 const plm_result *result) {
  if (m <= 0 || n <= 0) return;
  plm_result c = *result;
  // Long terms are cut into pieces, and many terms into several products, that add up in c; bf16
  // would round in between, and so takes long terms whole.
  const int64_t longest = c.type == PLM_F32 ? LONGEST_K : INT64_MAX / 2;
  plm_term now[PLM_TERMS];
  int held = 0;
  for (int t = 0; t < count; t++) {
    for (int64_t p = 0; p < terms[t].k || (p == 0 && t == 0); p += longest) {
      if (held == PLM_TERMS || (held > 0 && terms[t].k > longest)) {
        product(m, n, now, held, compute, &c);
        c.accumulate = 1;
        c.bias = 0;
        held = 0;
      }
      now[held++] = (plm_term){.a = later(&terms[t].a, p, 0), .b = later(&terms[t].b, p, 1),
                               .k = PLM_SMALLER(longest, terms[t].k - p)};
    }
  }
  product(m, n, now, held, compute, &c);
}
