// Norms, rotation, gates, embedding, loss, sums and the optimiser. Sizes are odd, and large enough
// that several threads share the work.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

enum { N = 233, D = 79, COUNT = N * D };

static const char *type_name(int type) {
  static const char *const names[] = {"f32", "bf16", "f16", "q8_0", "q4_0"};
  return names[type];
}

static void result(const char *name, const void *got, int type, const double *wanted,
                   int64_t count) {
  begin(type == PLM_F32 ? F32 : BF16, "%s", name);
  put_all(got, type, count);
  end();
  if (!wanted) return;
  begin(ERROR_F32, "%s", name);
  put((float)worst_error(got, type, wanted, count));
  end();
}

static double *doubles(int64_t count) { return zeros(PLM_F32, 2 * count); }

static void norm(int y_type, int x_type) {
  char name[64];
  const void *x = numbers(x_type, COUNT, 1), *dy = numbers(y_type, COUNT, 2);
  const float *w = numbers(PLM_F32, D, 3);
  void *y = zeros(y_type, COUNT);
  float *inverse = zeros(PLM_F32, N), *dw = numbers(PLM_F32, D, 4);
  double *wanted_y = doubles(COUNT), *wanted_inverse = doubles(N);
  double *wanted_dx = doubles(COUNT), *wanted_dw = doubles(D);
  for (int j = 0; j < D; j++) wanted_dw[j] = dw[j];
  for (int i = 0; i < N; i++) {
    double squares = 0, pull = 0;
    for (int j = 0; j < D; j++) squares += pow(number(x, x_type, i * D + j), 2);
    const double r = wanted_inverse[i] = 1 / sqrt(squares / D + 1e-5);
    for (int j = 0; j < D; j++)
      pull += w[j] * number(dy, y_type, i * D + j) * number(x, x_type, i * D + j) * r * r / D;
    for (int j = 0; j < D; j++) {
      const double a = number(x, x_type, i * D + j), d = number(dy, y_type, i * D + j);
      wanted_y[i * D + j] = a * r * w[j];
      wanted_dx[i * D + j] = r * (w[j] * d - a * pull);
      wanted_dw[j] += d * a * r;
    }
  }
  plm_rmsnorm_forward(y, y_type, inverse, x, x_type, w, N, D, 1e-5f);
  snprintf(name, sizeof name, "norm-%s-%s", type_name(y_type), type_name(x_type));
  result(name, y, y_type, wanted_y, COUNT);
  snprintf(name, sizeof name, "norm-inverse-%s-%s", type_name(y_type), type_name(x_type));
  result(name, inverse, PLM_F32, wanted_inverse, N);
  for (int accumulate = 0; accumulate < 2; accumulate++) {
    void *dx = numbers(x_type, COUNT, 5);
    for (int i = 0; accumulate && i < COUNT; i++) wanted_dx[i] += number(dx, x_type, i);
    plm_rmsnorm_backward(dx, x_type, accumulate, accumulate ? NULL : dw, dy, y_type, x, x_type, w,
                         inverse, N, D);
    snprintf(name, sizeof name, "norm-dx-%s-%s-%d", type_name(y_type), type_name(x_type),
             accumulate);
    result(name, dx, x_type, wanted_dx, COUNT);
  }
  snprintf(name, sizeof name, "norm-dw-%s-%s", type_name(y_type), type_name(x_type));
  result(name, dw, PLM_F32, wanted_dw, D);
}

static void rope(int type, int64_t heads, int64_t c, float direction) {
  char name[64];
  enum { POSITIONS = 50 };
  const int64_t half = c / 2, width = heads * c, n = 18000 / width;
  float *cosines = zeros(PLM_F32, POSITIONS * half), *sines = zeros(PLM_F32, POSITIONS * half);
  for (int64_t i = 0; i < POSITIONS * half; i++) {
    const double angle = (double)(i / half) * pow(10000, -(double)(i % half) / (double)half);
    cosines[i] = (float)plm_cos(angle);
    sines[i] = (float)plm_sin(angle);
  }
  void *x = numbers(type, n * width, 6);
  int32_t *position = zeros(PLM_F32, n);
  double *wanted = doubles(n * width);
  for (int64_t i = 0; i < n; i++) {
    position[i] = (int32_t)(i * 7 % POSITIONS);
    for (int64_t j = 0; j < width; j++) {
      const int64_t first = i * width + j / c * c + j % half, turn = position[i] * half + j % half;
      const double a = number(x, type, first), b = number(x, type, first + half);
      wanted[i * width + j] = j % c < half ? a * cosines[turn] - b * sines[turn] * direction
                                           : b * cosines[turn] + a * sines[turn] * direction;
    }
  }
  plm_rope(x, type, cosines, sines, position, n, heads, c, direction);
  snprintf(name, sizeof name, "rope-%s-%d-%+d", type_name(type), (int)c, (int)direction);
  result(name, x, type, wanted, n * width);
}

static void gate(int type) {
  char name[64];
  float *wide = numbers(PLM_F32, COUNT, 7);
  plm_scale(wide, PLM_F32, 12, COUNT);
  void *gate = zeros(type, COUNT), *y = zeros(type, COUNT), *again = zeros(type, COUNT);
  plm_narrow(gate, wide, type, COUNT);
  void *up = numbers(type, COUNT, 8);
  const void *dy = numbers(type, COUNT, 9);
  void *dgate = zeros(type, COUNT), *dup = zeros(type, COUNT);
  double *wanted_y = doubles(COUNT), *wanted_dgate = doubles(COUNT), *wanted_dup = doubles(COUNT);
  for (int i = 0; i < COUNT; i++) {
    const double g = number(gate, type, i), u = number(up, type, i), d = number(dy, type, i);
    const double s = 1 / (1 + exp(-g));
    wanted_y[i] = g * s * u;
    wanted_dup[i] = d * g * s;
    wanted_dgate[i] = d * u * s * (1 + g * (1 - s));
  }
  plm_swiglu_forward(y, gate, up, type, COUNT);
  snprintf(name, sizeof name, "swiglu-%s", type_name(type));
  result(name, y, type, wanted_y, COUNT);
  plm_swiglu_backward(dgate, dup, again, dy, gate, up, type, COUNT);
  snprintf(name, sizeof name, "swiglu-dgate-%s", type_name(type));
  result(name, dgate, type, wanted_dgate, COUNT);
  snprintf(name, sizeof name, "swiglu-dup-%s", type_name(type));
  result(name, dup, type, wanted_dup, COUNT);
  plm_swiglu_backward(gate, up, NULL, dy, gate, up, type, COUNT);
  begin(ZERO, "swiglu-again-and-in-place-%s", type_name(type));
  put((float)differences(again, y, type, COUNT));
  put((float)differences(gate, dgate, type, COUNT));
  put((float)differences(up, dup, type, COUNT));
  end();
}

static void embed(int type) {
  enum { V = 61, ROWS = 300 };
  const int64_t d = type >= PLM_Q8_0 ? 64 : D, stride = type >= PLM_Q8_0 ? 96 : D + 2;
  const plm_matrix table = {numbers(type, V * stride + 31 - (V * stride + 31) % 32, 10), stride,
                            type, 0};
  int32_t *ids = zeros(PLM_F32, ROWS);
  double *wanted = doubles(ROWS * d);
  for (int i = 0; i < ROWS; i++) {
    ids[i] = i * i % V;
    for (int64_t j = 0; j < d; j++) wanted[i * d + j] = element(&table, ids[i], j);
  }
  float *x = zeros(PLM_F32, ROWS * d);
  plm_embed_forward(x, &table, ids, ROWS, d);
  begin(ZERO, "embed-%s", type_name(type));
  put((float)worst_error(x, PLM_F32, wanted, ROWS * d));
  end();
  if (type != PLM_F32) return;
  float *dtable = numbers(PLM_F32, V * d, 11);
  const float *dx = numbers(PLM_F32, ROWS * d, 12);
  double *wanted_table = doubles(V * d);
  for (int64_t i = 0; i < V * d; i++) wanted_table[i] = dtable[i];
  for (int64_t i = 0; i < ROWS * d; i++) wanted_table[ids[i / d] * d + i % d] += dx[i];
  plm_embed_backward(dtable, dx, ids, ROWS, d);
  result("embed-backward", dtable, PLM_F32, wanted_table, V * d);
}

static void loss(float scale) {
  enum { ROWS = 37, V = 501 };
  float *logits = numbers(PLM_F32, ROWS * V, 13), *losses = zeros(PLM_F32, ROWS);
  plm_scale(logits, PLM_F32, 20, ROWS * V);
  int32_t *targets = zeros(PLM_F32, ROWS);
  double *wanted = doubles(ROWS), *gradient = doubles(ROWS * V);
  for (int i = 0; i < ROWS; i++) {
    targets[i] = i * 13 % V;
    double sum = 0;
    for (int j = 0; j < V; j++) sum += exp(logits[i * V + j]);
    wanted[i] = log(sum) - logits[i * V + targets[i]];
    for (int j = 0; j < V; j++)
      gradient[i * V + j] = (exp(logits[i * V + j]) / sum - (j == targets[i])) * scale;
  }
  plm_cross_entropy(logits, losses, targets, ROWS, V, scale);
  result(scale != 0 ? "losses-with-gradient" : "losses", losses, PLM_F32, wanted, ROWS);
  if (scale != 0) result("loss-gradient", logits, PLM_F32, gradient, ROWS * V);
}

static void elements(int type) {
  char name[64];
  const void *x = numbers(type, COUNT, 14);
  void *y = copy(x, type, COUNT);
  double *wanted = doubles(COUNT), *sums = doubles(D);
  for (int i = 0; i < COUNT; i++) wanted[i] = number(x, type, i) * 0.7f;
  plm_scale(y, type, 0.7f, COUNT);
  snprintf(name, sizeof name, "scale-%s", type_name(type));
  result(name, y, type, wanted, COUNT);

  float *dbias = numbers(PLM_F32, D, 15);
  for (int j = 0; j < D; j++) sums[j] = dbias[j];
  for (int i = 0; i < COUNT; i++) sums[i % D] += number(x, type, i);
  plm_bias_backward(dbias, x, type, N, D);
  snprintf(name, sizeof name, "bias-backward-%s", type_name(type));
  result(name, dbias, PLM_F32, sums, D);

  plm_dropout(y, x, type, 0.3f, 9, COUNT);
  snprintf(name, sizeof name, "dropout-%s", type_name(type));
  begin(SAME, "%s", name);
  put_all(y, type, COUNT);
  end();
  int64_t dropped = 0, wrong = 0;
  for (int i = 0; i < COUNT; i++) {
    const double got = number(y, type, i), kept = number(x, type, i) / 0.7;
    if (got == 0) dropped++;
    else wrong += fabs(got - kept) > fabs(kept) * (type == PLM_F32 ? 1e-6 : 0x1p-8 + 1e-6);
  }
  begin(ZERO, "%s", name);
  put((float)wrong);
  // Within five standard deviations of what is to be dropped.
  put(fabs((double)dropped - 0.3 * COUNT) > 5 * sqrt(0.3 * 0.7 * COUNT));
  void *in_place = copy(x, type, COUNT);
  plm_dropout(in_place, in_place, type, 0.3f, 9, COUNT);
  put((float)differences(in_place, y, type, COUNT));
  end();
}

static void columns(int y_type, int x_type) {
  char name[64];
  const void *x = numbers(x_type, COUNT, 21), *dy = numbers(y_type, COUNT, 22);
  const float *scale = numbers(PLM_F32, D, 23), *bias = numbers(PLM_F32, D, 24);
  double *wanted = doubles(COUNT);
  // Without and with each: bit 0 adds, bit 1 scales, bit 2 has a bias.
  for (int how = 0; how < 8; how++) {
    void *y = copy(dy, y_type, COUNT);
    for (int i = 0; i < COUNT; i++)
      wanted[i] = number(x, x_type, i) * (how & 2 ? scale[i % D] : 1) +
                  (how & 4 ? bias[i % D] : 0) + (how & 1 ? number(y, y_type, i) : 0);
    plm_scale_columns(y, y_type, how & 1, x, x_type, how & 2 ? scale : NULL,
                      how & 4 ? bias : NULL, N, D);
    snprintf(name, sizeof name, "scale-columns-%s-%s-%d", type_name(y_type), type_name(x_type), how);
    result(name, y, y_type, wanted, COUNT);
  }
  float *sums = numbers(PLM_F32, D, 25);
  double *wanted_sums = doubles(D);
  for (int j = 0; j < D; j++) {
    for (int i = j; i < COUNT; i += D)
      wanted_sums[j] += number(x, x_type, i) * number(dy, y_type, i);
    wanted_sums[j] = sums[j] + scale[j] * wanted_sums[j];
  }
  plm_column_dots(sums, scale, x, x_type, dy, y_type, N, D);
  snprintf(name, sizeof name, "column-dots-%s-%s", type_name(y_type), type_name(x_type));
  result(name, sums, PLM_F32, wanted_sums, D);
  if (x_type != y_type) return;
  void *beside = zeros(x_type, COUNT), *in_place = copy(x, x_type, COUNT);
  plm_scale_columns(beside, x_type, 0, x, x_type, scale, NULL, N, D);
  plm_scale_columns(in_place, x_type, 0, in_place, x_type, scale, NULL, N, D);
  begin(ZERO, "scale-columns-in-place-%s", type_name(x_type));
  put((float)differences(beside, in_place, x_type, COUNT));
  end();
}

// Rows in their order, and in pairs; with what an adapter adds, and without.
static void row_norms(int type) {
  enum { ROWS = 60, HALF = 5, RANK = 7 };
  const int64_t columns = type >= PLM_Q8_0 ? 160 : 147, stride = type >= PLM_Q8_0 ? 192 : 150;
  const void *numbers_of_w = numbers(type, ROWS * stride + 31 - (ROWS * stride + 31) % 32, 26);
  const float *a = numbers(PLM_F32, RANK * columns, 27), *b = numbers(PLM_F32, ROWS * RANK, 28);
  for (int paired = 0; paired < 2; paired++) {
    const plm_matrix w = {numbers_of_w, stride, type, 0, paired ? HALF : 0, 0};
    for (int rank = 0; rank <= RANK; rank += RANK) {
      char name[64];
      float norms[ROWS];
      double wanted[ROWS];
      for (int64_t i = 0; i < ROWS; i++) {
        const int64_t in_head = i % (2 * HALF);
        const int64_t at = paired ? i - in_head + in_head % HALF * 2 + in_head / HALF : i;
        double squares = 0;
        for (int64_t j = 0; j < columns; j++) {
          double sum = element(&w, at, j);
          for (int r = 0; r < rank; r++) sum += 0.5 * b[i * rank + r] * a[r * columns + j];
          squares += sum * sum;
        }
        wanted[i] = sqrt(squares);
      }
      plm_row_norms(norms, &w, a, b, 0.5f, ROWS, columns, rank);
      snprintf(name, sizeof name, "row-norms-%s-%d-%d", type_name(type), paired, rank);
      if (rank == 0) {
        begin(SAME, "%s", name);
        put_all(norms, PLM_F32, ROWS);
        end();
      }
      result(name, norms, PLM_F32, wanted, ROWS);
    }
  }
}

static void sums(void) {
  enum { LENGTH = 40001 };
  float *x = numbers(PLM_F32, LENGTH, 16), *y = numbers(PLM_F32, LENGTH, 17);
  double squares = 0;
  double *wanted = doubles(LENGTH);
  for (int i = 0; i < LENGTH; i++) {
    squares += (double)x[i] * x[i];
    wanted[i] = (double)y[i] + x[i];
  }
  plm_add(y, x, PLM_F32, LENGTH);
  begin(ERROR_F32, "add");
  put((float)worst_error(y, PLM_F32, wanted, LENGTH));
  end();
  begin(F32, "add");
  put_all(y + 16000, PLM_F32, 1000);  // around the border between two threads
  end();
  const float got = (float)plm_sum_squares(x, LENGTH);
  result("squares", &got, PLM_F32, &squares, 1);

  int wrong = !plm_all_finite(x, LENGTH) || !plm_all_finite(x, 0);
  static const float strange[] = {INFINITY, -INFINITY, NAN};
  for (int s = 0; s < 3; s++)
    for (int i = 0; i < LENGTH; i += 1 + i) {
      const float before = x[i];
      x[i] = strange[s];
      wrong += plm_all_finite(x, LENGTH) != 0;
      x[i] = before;
    }
  // Finite, though their sum would not be.
  x[0] = x[1] = 3.4e38f;
  wrong += plm_all_finite(x, LENGTH) != 1;
  begin(ZERO, "finite");
  put((float)wrong);
  end();
}

static void adamw(void) {
  enum { LENGTH = 70001, FROM = 65536 - 300, SHOWN = 700 };
  float *w = numbers(PLM_F32, LENGTH, 18), *m = numbers(PLM_F32, LENGTH, 19);
  float *v = zeros(PLM_F32, LENGTH);
  const float *gradient = numbers(PLM_F32, LENGTH, 20);
  double *wanted = doubles(LENGTH);
  const double correction1 = 1 - 0.9 * 0.9 * 0.9, correction2 = 1 - 0.99 * 0.99 * 0.99;
  for (int i = 0; i < LENGTH; i++) {
    v[i] = fabsf(m[(i + 1) % LENGTH]);
    const double g = gradient[i] * 0.5, first = 0.9 * m[i] + 0.1 * g;
    const double second = 0.99 * v[i] + 0.01 * g * g;
    wanted[i] = w[i] * (1 - 1e-2 * 0.1) -
                1e-2 * first / correction1 / (sqrt(second / correction2) + 1e-8);
  }
  plm_adamw(w, m, v, gradient, LENGTH, 0.5, 1e-2, 0.9, 0.99, 1e-8, 0.1, correction1, correction2);
  begin(ERROR_F32, "adamw");
  put((float)worst_error(w, PLM_F32, wanted, LENGTH));
  end();
  begin(F32, "adamw");  // around the border between two threads
  put_all(w + FROM, PLM_F32, SHOWN);
  put_all(m + FROM, PLM_F32, SHOWN);
  put_all(v + FROM, PLM_F32, SHOWN);
  end();
}

void probe_layers(void) {
  for (int type = PLM_F32; type <= PLM_BF16; type++) {
    norm(type, PLM_F32);
    norm(type, PLM_BF16);
    rope(type, 3, 10, 1);
    rope(type, 5, 64, -1);
    rope(type, 2, 70, 1);
    gate(type);
    elements(type);
  }
  for (int type = PLM_F32; type <= PLM_BF16; type++) {
    columns(type, PLM_F32);
    columns(type, PLM_BF16);
  }
  for (int type = PLM_F32; type <= PLM_Q4_0; type++) {
    embed(type);
    row_norms(type);
  }
  loss(0);
  loss(0.25f);
  sums();
  adamw();
}
