// Matrix products.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

static const char *const type_names[] = {"f32",  "bf16", "f16",  "q8_0", "q4_0", "q4_1",
                                         "q5_0", "q5_1", "q4_k", "q5_k", "q6_k"};

// A matrix [rows, columns] of numbers as a kernel takes it; its rows are longer than they need be,
// and a multiple of 32 long.
static plm_matrix matrix(int type, int transposed, int64_t rows, int64_t columns, uint64_t seed) {
  const int64_t down = transposed ? columns : rows, across = transposed ? rows : columns;
  const int64_t stride = (across + 31) / 32 * 32 + (type >= PLM_Q8_0 ? 32 : 1);
  return (plm_matrix){numbers(type, (down * stride + 31) / 32 * 32, seed), stride, type,
                      transposed};
}

// A matrix as doubles, rounded to the type in which a product computes.
static double *doubles_of(const plm_matrix *x, int64_t rows, int64_t columns, int compute) {
  double *out = zeros(PLM_F32, 2 * rows * columns);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) {
      const double value = element(x, i, j);
      out[i * columns + j] = compute == PLM_BF16 ? rounded_to_bf16(value) : value;
    }
  return out;
}

// What c must become, in double precision; between its rows, what it holds.
static double *plain_product(int64_t m, int64_t n, const plm_term *terms, int count, int compute,
                             const plm_result *c) {
  double *wanted = zeros(PLM_F32, 2 * m * c->stride);
  for (int64_t i = 0; i < m * c->stride; i++)
    wanted[i] = c->accumulate || i % c->stride >= n ? number(c->c, c->type, i) : 0;
  for (int64_t i = 0; c->bias && i < m; i++)
    for (int64_t j = 0; j < n; j++) wanted[i * c->stride + j] += c->bias[j];
  for (int t = 0; t < count; t++) {
    const int64_t k = terms[t].k;
    double *a = doubles_of(&terms[t].a, m, k, compute), *b = doubles_of(&terms[t].b, k, n, compute);
    for (int64_t i = 0; i < m; i++)
      for (int64_t p = 0; p < k; p++)
        for (int64_t j = 0; j < n; j++) wanted[i * c->stride + j] += a[i * k + p] * b[p * n + j];
    free(a);
    free(b);
  }
  return wanted;
}

// Runs a product into a c of its own; prints it, and how far it is from the plain loops.
static void product(const char *name, int64_t m, int64_t n, const plm_term *terms, int count,
                    int compute, int c_type, int accumulate, const float *bias) {
  const int64_t stride = n + 3;
  plm_result c = {numbers(c_type, m * stride, 99), stride, c_type, accumulate, bias};
  const double *wanted = plain_product(m, n, terms, count, compute, &c);
  plm_product(m, n, terms, count, compute, &c);
  begin(c_type == PLM_F32 ? F32 : BF16, "product-%s-%s", type_names[compute], name);
  put_all(c.c, c_type, m * stride);
  end();
  begin(ERROR_F32, "product-%s-%s", type_names[compute], name);
  put((float)worst_error(c.c, c_type, wanted, m * stride));
  end();
}

// A row's product does not depend on the rows beside it.
static void rows_alone(int compute, int type, int transposed) {
  enum { M = 101, N = 70, K = 66 };
  const plm_term all = {matrix(type, transposed, M, K, 3), matrix(type, 0, K, N, 4), K};
  const plm_result c = {zeros(PLM_F32, M * N), N, PLM_F32, 0, NULL};
  plm_product(M, N, &all, 1, compute, &c);
  begin(ZERO, "rows-alone-%s-%s-%d", type_names[compute], type_names[type], transposed);
  for (int i = 0; i < M; i++) {
    for (int rows = 1; rows <= 40 && i + rows <= M; rows += 13) {
      plm_term some = all;
      some.a.data = (const char *)all.a.data + plm_bytes(type, transposed ? i : i * all.a.stride);
      const plm_result d = {zeros(PLM_F32, rows * N), N, PLM_F32, 0, NULL};
      plm_product(rows, N, &some, 1, compute, &d);
      put((float)differences(d.c, (const float *)c.c + i * N, PLM_F32, rows * N));
    }
  }
  end();
}

// Weights [n, k], in rows a block longer than they need be.
static plm_matrix weights(int type, int64_t n, int64_t k, uint64_t seed) {
  const int64_t stride = k + (type < PLM_Q4_K ? 32 : 256);
  if (type < PLM_Q8_0) return (plm_matrix){numbers(type, n * stride, seed), stride, type, 1};
  const float *floats = numbers(PLM_F32, n * stride, seed);
  char *blocks = zeros(type, n * stride);
  plm_quantise(blocks, type, floats, n, stride, NULL);
  // The lowest level of all, which no rounding makes.
  if (type == PLM_Q8_0) blocks[2] = blocks[17] = -128;
  return (plm_matrix){blocks, stride, type, 1};
}

// wanted[m, n] += x * wT, both as they are widened.
static void add_plainly(double *wanted, int64_t m, int64_t n, const plm_term *term) {
  const int64_t k = term->k, stride = term->b.stride;
  float *wide = zeros(PLM_F32, n * stride);
  plm_widen(wide, term->b.data, term->b.type, n * stride);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      for (int64_t p = 0; p < k; p++)
        wanted[i * n + j] += element(&term->a, i, p) * wide[j * stride + p];
  free(wide);
}

// Products of whole numbers: one term, and two of which the second is of another type.
static void levels(int type, int64_t m, int64_t n, int64_t k) {
  const float *bias = numbers(PLM_F32, n, 50);
  plm_term terms[2] = {{matrix(PLM_Q8_0, 0, m, k, 51), weights(type, n, k, 52), k},
                       {matrix(PLM_Q8_0, 0, m, 64, 53), weights(PLM_Q4_1, n, 64, 54), 64}};
  for (int count = 1; count <= 2; count++) {
    const plm_result c = {numbers(PLM_F32, m * n, 55), n, PLM_F32, count == 2, bias};
    double *wanted = zeros(PLM_F32, 2 * m * n);
    for (int64_t i = 0; i < m * n; i++)
      wanted[i] = bias[i % n] + (count == 2 ? ((const float *)c.c)[i] : 0);
    for (int t = 0; t < count; t++) add_plainly(wanted, m, n, terms + t);
    plm_product(m, n, terms, count, PLM_Q8_0, &c);
    // A variant without whole numbers adds up floats instead, and over thousands of them is not as
    // exact: there the error alone is held to its bound.
    if (k <= 4096) {
      begin(F32, "levels-%s-%d-%d-%d-%d", type_names[type], (int)m, (int)n, (int)k, count);
      put_all(c.c, PLM_F32, m * n);
      end();
    }
    begin(ERROR_F32, "levels-%s-%d-%d-%d-%d", type_names[type], (int)m, (int)n, (int)k, count);
    put((float)worst_error(c.c, PLM_F32, wanted, m * n));
    end();
    // Each row alone has the same bits.
    if (count == 2) continue;
    int64_t different = 0;
    for (int64_t i = 0; i < m; i += 5) {
      plm_term one = terms[0];
      one.a.data = (const char *)one.a.data + plm_bytes(PLM_Q8_0, i * one.a.stride);
      const plm_result d = {zeros(PLM_F32, n), n, PLM_F32, 0, bias};
      plm_product(1, n, &one, 1, PLM_Q8_0, &d);
      different += differences(d.c, (const float *)c.c + i * n, PLM_F32, n);
    }
    begin(ZERO, "levels-alone-%s-%d-%d-%d", type_names[type], (int)m, (int)n, (int)k);
    put((float)different);
    end();
  }
}

// The same by dot products.
static void level_dots(int type, int64_t m, int64_t n, int64_t k) {
  const float *bias = numbers(PLM_F32, n, 60);
  const plm_term term = {{numbers(PLM_Q8_0, m * k, 61), k, PLM_Q8_0, 0}, weights(type, n, k, 62), k};
  const plm_matrix w = {term.b.data, term.b.stride, type, 0};
  const int64_t stride = n + 3;
  float *y = numbers(PLM_F32, m * stride, 63);
  double *wanted = zeros(PLM_F32, 2 * m * n), *all = zeros(PLM_F32, 2 * m * stride);
  add_plainly(wanted, m, n, &term);
  for (int64_t i = 0; i < m * stride; i++) {
    all[i] = y[i];
    if (i % stride < n) all[i] += wanted[i / stride * n + i % stride] + bias[i % stride];
  }
  const float *before = copy(y, PLM_F32, m * stride);
  plm_dot_product p = {y, stride, term.a.data, PLM_Q8_0, 1, w, n, k, 1, bias};
  plm_dots(&p, 1, m);
  int64_t different = 0;
  for (int64_t i = 0; i < m; i++) {
    float *alone = copy(before + i * stride, PLM_F32, n);
    p.y = alone;
    p.x = (const char *)term.a.data + plm_bytes(PLM_Q8_0, i * k);
    plm_dots(&p, 1, 1);
    different += differences(alone, y + i * stride, PLM_F32, n);
  }
  begin(F32, "level-dots-%s-%d-%d-%d", type_names[type], (int)m, (int)n, (int)k);
  put_all(y, PLM_F32, m * stride);
  end();
  begin(ERROR_F32, "level-dots-%s-%d-%d-%d", type_names[type], (int)m, (int)n, (int)k);
  put((float)worst_error(y, PLM_F32, all, m * stride));
  end();
  begin(ZERO, "level-dots-alone-%s-%d-%d-%d", type_names[type], (int)m, (int)n, (int)k);
  put((float)different);
  end();
}

// The place of row i where rows lie in pairs.
static int64_t place_in_pairs(int64_t i, int64_t half) {
  const int64_t in_head = i % (2 * half), start = i - in_head;
  return in_head < half ? start + 2 * in_head : start + 2 * (in_head - half) + 1;
}

// The weights w [n, k] whose rows lie in pairs, copied into the order of their rows.
static plm_matrix in_order(const plm_matrix *w, int64_t n) {
  plm_matrix out = *w;
  const int64_t row = plm_bytes(w->type, w->stride);
  char *data = zeros(w->type, n * w->stride);
  for (int64_t i = 0; i < n; i++)
    memcpy(data + i * row, (const char *)w->data + place_in_pairs(i, w->half) * row, (size_t)row);
  out.data = data;
  out.half = 0;
  return out;
}

// Rows in pairs give the bits of rows in order: as columns of b, as rows of b (and of some types so
// many that the sum is cut within a head), and as dot products.
static void rows_in_pairs(int type) {
  enum { HALF = 6, M = 5 };
  const int64_t k = type < PLM_Q4_K ? 96 : 256;
  for (int many = 0; many <= (type <= PLM_Q8_0); many++) {
    const int64_t n = many ? 8196 : 84;
    plm_matrix pairs = weights(type, n, k, 100);
    pairs.half = HALF;
    plm_matrix ordered = in_order(&pairs, n);
    const float *bias = numbers(PLM_F32, n, 101);
    begin(ZERO, "rows-in-pairs-%s-%d", type_names[type], many);
    for (int compute = PLM_F32; compute <= PLM_Q8_0; compute++) {
      if (compute == PLM_F16 || (compute == PLM_Q8_0 && type < PLM_Q8_0)) continue;
      const int x_type = compute == PLM_Q8_0 ? PLM_Q8_0 : PLM_F32;
      plm_term terms[2] = {{matrix(x_type, 0, M, k, 102), pairs, k}};
      terms[1] = terms[0];
      terms[1].b = ordered;
      plm_result c[2];
      for (int t = 0; t < 2; t++) {
        c[t] = (plm_result){zeros(PLM_F32, M * n), n, PLM_F32, 0, bias};
        plm_product(M, n, terms + t, 1, compute, c + t);
      }
      put((float)differences(c[0].c, c[1].c, PLM_F32, M * n));
      if (compute == PLM_Q8_0) continue;
      for (int t = 0; t < 2; t++) {
        terms[t].a = matrix(PLM_F32, 0, M, n, 103);
        terms[t].b.transposed = 0;
        terms[t].k = n;
        c[t] = (plm_result){zeros(PLM_F32, M * k), k, PLM_F32, 0, NULL};
        plm_product(M, k, terms + t, 1, compute, c + t);
      }
      put((float)differences(c[0].c, c[1].c, PLM_F32, M * k));
    }
    pairs.transposed = ordered.transposed = 0;
    for (int m = 1; m <= 3; m += 2)
      for (int x_type = PLM_F32; x_type <= PLM_Q8_0; x_type += PLM_Q8_0 - PLM_F32) {
        const void *x = numbers(x_type, m * k, 104);
        const plm_dot_product dots[2] = {
            {zeros(PLM_F32, m * n), n, x, x_type, 0, pairs, n, k, 1, bias},
            {zeros(PLM_F32, m * n), n, x, x_type, 0, ordered, n, k, 1, bias}};
        plm_dots(dots, 2, m);
        put((float)differences(dots[0].y, dots[1].y, PLM_F32, m * n));
      }
    end();
  }
}

static void dots(int type, int accumulate, int with_bias) {
  enum { M = 3, N = 70, STRIDE = 75 };
  const int64_t k = type >= PLM_Q8_0 ? 96 : 83;
  const plm_matrix w = matrix(type, 0, N, k, 5);
  const float *x = numbers(PLM_F32, M * k, 6), *bias = numbers(PLM_F32, N, 7);
  float *y = numbers(PLM_F32, M * STRIDE, 8);
  double *wanted = zeros(PLM_F32, 2 * M * STRIDE);
  for (int i = 0; i < M; i++)
    for (int j = 0; j < STRIDE; j++) {
      double *sum = wanted + i * STRIDE + j;
      if (accumulate || j >= N) *sum = y[i * STRIDE + j];
      if (j >= N) continue;
      if (with_bias) *sum += bias[j];
      for (int64_t p = 0; p < k; p++) *sum += 0.3 * x[i * k + p] * element(&w, j, p);
    }
  const plm_dot_product p = {y, STRIDE, x, PLM_F32, accumulate, w, N, k, 0.3f,
                             with_bias ? bias : NULL};
  plm_dots(&p, 1, M);
  begin(F32, "dots-%s-%d-%d", type_names[type], accumulate, with_bias);
  put_all(y, PLM_F32, M * STRIDE);
  end();
  begin(ERROR_F32, "dots-%s-%d-%d", type_names[type], accumulate, with_bias);
  put((float)worst_error(y, PLM_F32, wanted, M * STRIDE));
  end();
}

// Several products at once, more than are made at a time, with what they read of their own or in
// common: none is another for it.
static void dots_together(void) {
  enum { COUNT = 11, M = 2, K = 256, MOST = 300 };
  plm_dot_product all[COUNT];
  const float *floats = numbers(PLM_F32, M * K, 70);
  const void *blocks = numbers(PLM_Q8_0, M * K, 71);
  for (int t = 0; t < COUNT; t++) {
    const int is_whole = t % 3 != 0;
    plm_matrix w = weights(PLM_Q4_0 + t % 7, MOST, K, 72 + (uint64_t)t);
    w.transposed = 0;
    const void *x = is_whole ? t == 7 ? numbers(PLM_Q8_0, M * K, 90) : blocks : floats;
    all[t] = (plm_dot_product){zeros(PLM_F32, M * MOST), MOST, x, is_whole ? PLM_Q8_0 : PLM_F32, 0,
                               w, MOST - 29 * t, K, 1, NULL};
  }
  plm_dots(all, COUNT, M);
  begin(ZERO, "dots-together");
  for (int t = 0; t < COUNT; t++) {
    plm_dot_product one = all[t];
    one.y = zeros(PLM_F32, M * MOST);
    plm_dots(&one, 1, M);
    put((float)differences(one.y, all[t].y, PLM_F32, M * MOST));
  }
  end();
}

static void products(int compute) {
  char name[64];
  // Every type and layout.
  for (int b = PLM_F32; b <= PLM_Q4_0; b++)
    for (int a = PLM_F32; a <= PLM_BF16; a++)
      for (int layout = 0; layout < 4; layout++) {
        const int64_t m = 19, n = layout % 2 ? 64 : 37, k = layout / 2 ? 96 : 45;
        const plm_term term = {matrix(a, layout & 1, m, k, 1), matrix(b, layout >> 1, k, n, 2), k};
        snprintf(name, sizeof name, "%s-%s-%d", type_names[a], type_names[b], layout);
        product(name, m, n, &term, 1, compute, PLM_F32, 0, NULL);
      }
  // Odd shapes, one of them with more columns than are packed at a time; both types of result,
  // added to what is there or not.
  static const int shapes[][3] = {{1, 7, 5},    {2, 70, 33},   {5, 31, 300},  {13, 97, 64},
                                  {33, 1, 1},   {16, 32, 32},  {17, 33, 31},  {200, 66, 257},
                                  {400, 9, 34}, {5, 1000, 3300}, {49, 40, 1000}};
  for (int s = 0; s < (int)(sizeof shapes / sizeof *shapes); s++) {
    const int64_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
    const float *bias = numbers(PLM_F32, n, 12);
    for (int type = PLM_F32; type <= PLM_BF16; type++) {
      const plm_term term = {matrix(type, 0, m, k, 10), matrix(type, s % 2, k, n, 11), k};
      snprintf(name, sizeof name, "%s-%d-%d-%d", type_names[type], (int)m, (int)n, (int)k);
      product(name, m, n, &term, 1, compute, type, type == PLM_F32, s % 3 ? bias : NULL);
    }
  }
  // Sums of several terms, some very short, more than are taken at a time; long ones, which are
  // cut if c is f32; and none at all.
  static const int lengths[][4] = {{64, 1, 3, 8}, {1, 0, 0, 0}, {3, 8192, 33, 0},
                                   {8201, 0, 0, 0}, {5, 16390, 7, 0}, {0, 0, 0, 0}};
  const int64_t m = 21, n = 39;
  const float *bias = numbers(PLM_F32, n, 14);
  for (int s = 0; s < (int)(sizeof lengths / sizeof *lengths); s++) {
    plm_term terms[4];
    int count = 0;
    for (int t = 0; t < 4 && (t == 0 || lengths[s][t] > 0); t++, count++) {
      const int64_t k = lengths[s][t];
      terms[t] = (plm_term){matrix(t % 2, t == 3 || s == 4, m, k, 20 + t),
                            matrix((t + s) % 3, t == 2 || s == 4, k, n, 30 + t), k};
    }
    for (int c_type = PLM_F32; c_type <= PLM_BF16; c_type++) {
      snprintf(name, sizeof name, "terms-%s-%d", type_names[c_type], s);
      product(name, m, n, terms, count, compute, c_type, c_type == PLM_F32 && s % 2, bias);
    }
  }
  plm_term many[37];
  for (int t = 0; t < 37; t++)
    many[t] = (plm_term){matrix(PLM_BF16, t % 2, m, t % 9 + 1, 40 + t),
                         matrix(PLM_BF16, t / 2 % 2, t % 9 + 1, n, 80 + t), t % 9 + 1};
  product("many-terms", m, n, many, 37, compute, PLM_F32, 1, bias);
  for (int type = PLM_F32; type <= PLM_BF16; type++)
    for (int transposed = 0; transposed < 2; transposed++) rows_alone(compute, type, transposed);
}

void probe_products(void) {
  products(PLM_F32);
  products(PLM_BF16);
  for (int type = PLM_F32; type <= PLM_Q4_0; type++)
    for (int how = 0; how < 4; how++) dots(type, how & 1, how >> 1);
  // Every height of a register tile, odd numbers of blocks and columns of no whole panel; last, a term
  // that is cut and more columns than are packed at a time.
  for (int type = PLM_Q8_0; type <= PLM_Q6_K; type++) {
    const int64_t block = type < PLM_Q4_K ? 32 : 256;
    for (int64_t m = 1; m <= 13; m++) levels(type, m, 10 * m + 7, block * (m % 3 + 1));
    levels(type, 200, 70, 3 * block);
    for (int64_t m = 1; m <= 7; m++) level_dots(type, m, 29 * m, block * (m % 4 + 1));
  }
  levels(PLM_Q8_0, 3, 600, 8192 + 64);
  for (int type = PLM_F32; type <= PLM_Q6_K; type++) rows_in_pairs(type);
  dots_together();
}
