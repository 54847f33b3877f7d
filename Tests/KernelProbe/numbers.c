// Types of numbers, and functions of our own.
#include <math.h>
#include <string.h>

#include "probe.h"


// Every half (bf16 or f16) widened, and every half and the tie above it narrowed; counts what is
// not as it must be. An odd count, so that ends of rows are tried too.
static void halves(int type, const char *name) {
  enum { COUNT = 65536 };
  uint16_t *in = zeros(type, COUNT), *back = zeros(type, COUNT);
  float *wide = zeros(PLM_F32, COUNT), *ties = zeros(PLM_F32, COUNT);
  for (int i = 0; i < COUNT; i++) in[i] = (uint16_t)(i * 7);
  plm_widen(wide, in, type, COUNT - 1);
  plm_widen(wide + COUNT - 1, in + COUNT - 1, type, 1);
  int64_t wrong = 0;
  for (int i = 0; i < COUNT; i++) {
    const double wanted = number(in, type, i);
    const int equal = wanted != wanted ? wide[i] != wide[i]
                                       : wide[i] == wanted && !signbit(wide[i]) == !signbit(wanted);
    wrong += !equal;
  }
  begin(ZERO, "widen-%s", name);
  put((float)wrong);
  end();

  plm_narrow(back, wide, type, COUNT - 3);
  plm_narrow(back + COUNT - 3, wide + COUNT - 3, type, 3);
  wrong = 0;
  for (int i = 0; i < COUNT; i++)
    wrong += wide[i] == wide[i] ? back[i] != in[i] : number(back, type, i) == number(back, type, i);
  begin(ZERO, "narrow-%s", name);
  put((float)wrong);
  end();

  // The middle between a number and the next larger one rounds to the even of the two; infinity
  // is what follows the largest. From a hair above the middle on, it rounds up.
  const uint16_t infinity = type == PLM_BF16 ? 0x7f80 : 0x7c00;
  for (int above = 0; above < 2; above++) {
    for (int i = 0; i < COUNT; i++) {
      const uint16_t low = in[i] & 0x7fff;
      const uint16_t pair[2] = {low, (uint16_t)(low + 1)};
      double next = number(pair, type, 1);
      if (low + 1 == infinity) {
        const uint16_t before = low - 1;
        next = 2 * number(pair, type, 0) - number(&before, type, 0);
      }
      ties[i] = low < infinity ? (float)((number(pair, type, 0) + next) / 2) : 0;
      if (above && low < infinity) ties[i] = nextafterf(ties[i], INFINITY);
      if (in[i] & 0x8000) ties[i] = -ties[i];
    }
    plm_narrow(back, ties, type, COUNT - 1);
    plm_narrow(back + COUNT - 1, ties + COUNT - 1, type, 1);
    wrong = 0;
    for (int i = 0; i < COUNT; i++) {
      const uint16_t low = in[i] & 0x7fff, sign = in[i] & 0x8000;
      if (low >= infinity) continue;
      wrong += back[i] != (sign | (above || low % 2 ? low + 1 : low));
    }
    begin(ZERO, "ties-%s-%d", name, above);
    put((float)wrong);
    end();
  }

  const uint32_t special[] = {
      0,          0x80000000, 1,          0x80000001, 0x7fffff,   0x807fffff,
      0x800000,   0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
      0xffc00001, 0x7f800001, 0x3f800001, 0x3f808000, 0x3f818000, 0x33000000,
      0x33000001, 0x477fefff, 0x477ff000, 0x387fffff, 0xb87fe000,
  };
  enum { SPECIAL = sizeof special / sizeof *special };
  uint16_t *narrow = zeros(type, SPECIAL);
  float *again = zeros(PLM_F32, SPECIAL);
  plm_narrow(narrow, (const float *)(const void *)special, type, SPECIAL);
  plm_widen(again, narrow, type, SPECIAL);
  begin(SAME, "special-%s", name);
  put_all(again, PLM_F32, SPECIAL);
  end();
}

// Blocks: widened exactly as decoded here, narrowed to within half a step.
static void blocks(int type, const char *name) {
  enum { COUNT = 32 * 67 };
  float *in = numbers(PLM_F32, COUNT, 1), *wide = zeros(PLM_F32, COUNT);
  memset(in, 0, 32 * sizeof *in);  // a block of zeros has no scale
  for (int i = 32; i < 64; i++) in[i] *= 1e-6f;
  void *narrow = zeros(type, COUNT);
  plm_narrow(narrow, in, type, COUNT);
  plm_widen(wide, narrow, type, COUNT);
  double *exact = zeros(PLM_F32, 2 * COUNT);
  double worst = 0;
  for (int i = 0; i < COUNT; i++) {
    exact[i] = number(narrow, type, i);
    double most = 0;
    for (int j = i / 32 * 32; j < i / 32 * 32 + 32; j++) most = fmax(most, fabs(in[j]));
    // In steps of a block; Q4_0 has no step for the number opposite the largest.
    if (i >= 64) worst = fmax(worst, fabs(exact[i] - in[i]) / most * (type == PLM_Q8_0 ? 127 : 8));
  }
  begin(ZERO, "widen-%s", name);
  put((float)worst_error(wide, PLM_F32, exact, COUNT));
  put(worst > (type == PLM_Q8_0 ? 0.57 : 1.01));
  end();
  begin(SAME, "narrow-%s", name);
  put_all(wide, PLM_F32, COUNT);
  end();
}

// The block types whose scales are searched: the same bytes from every variant, with an importance
// of the columns and without; and read in a product, a dot and a table as they are when widened first.
static void searched(int type, const char *name) {
  enum { ROWS = 19, COLUMNS = 768, M = 21, COUNT = ROWS * COLUMNS };
  const float *in = numbers(PLM_F32, COUNT, 5), *weights = numbers(PLM_F32, COLUMNS, 6);
  float *importance = copy(weights, PLM_F32, COLUMNS), *wide = zeros(PLM_F32, COUNT);
  for (int j = 0; j < COLUMNS; j++) importance[j] = importance[j] * importance[j] + 0.01f;
  void *narrow = zeros(type, COUNT);
  for (int with = 0; with < 2; with++) {
    plm_quantise(narrow, type, in, ROWS, COLUMNS, with ? importance : NULL);
    plm_widen(wide, narrow, type, COUNT);
    begin(SAME, "quantise-%s-%d", name, with);
    put_all(wide, PLM_F32, COUNT);
    end();
  }
  const plm_matrix here = {narrow, COLUMNS, type, 0}, there = {wide, COLUMNS, PLM_F32, 0};
  const plm_matrix x = {numbers(PLM_F32, M * COLUMNS, 7), COLUMNS, PLM_F32, 0};
  float *got = zeros(PLM_F32, M * COLUMNS), *wanted = zeros(PLM_F32, M * COLUMNS);
  int64_t different = 0;
  for (int compute = PLM_F32; compute <= PLM_BF16; compute++)
    for (int transposed = 0; transposed < 2; transposed++) {
      const int64_t n = transposed ? ROWS : COLUMNS, k = transposed ? COLUMNS : ROWS;
      plm_result c = {got, n, PLM_F32, 0, NULL}, d = {wanted, n, PLM_F32, 0, NULL};
      plm_term a = {x, here, k}, b = {x, there, k};
      a.b.transposed = b.b.transposed = transposed;
      plm_product(M, n, &a, 1, compute, &c);
      plm_product(M, n, &b, 1, compute, &d);
      different += differences(got, wanted, PLM_F32, M * n);
    }
  plm_dot_product p = {got, ROWS, x.data, PLM_F32, 0, here, ROWS, COLUMNS, 1, NULL}, q = p;
  q.y = wanted;
  q.w = there;
  plm_dots(&p, 1, 2);
  plm_dots(&q, 1, 2);
  different += differences(got, wanted, PLM_F32, 2 * ROWS);
  // One row alone, read from the blocks, is no different.
  plm_dots(&p, 1, 1);
  different += differences(got, wanted, PLM_F32, ROWS);
  const int32_t ids[] = {0, ROWS - 1, 7};
  plm_embed_forward(got, &here, ids, 3, COLUMNS);
  plm_embed_forward(wanted, &there, ids, 3, COLUMNS);
  different += differences(got, wanted, PLM_F32, 3 * COLUMNS);
  begin(ZERO, "read-%s", name);
  put((float)different);
  end();
}

static void column_squares(void) {
  enum { N = 13, D = 200 };
  const float *x = numbers(PLM_F32, N * D, 8);
  double sums[D] = {0}, wanted[D] = {0};
  plm_column_squares(sums, x, PLM_F32, N, D);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < D; j++) wanted[j] += (double)x[i * D + j] * x[i * D + j];
  begin(ZERO, "column-squares");
  put((float)memcmp(sums, wanted, sizeof sums));
  end();
}

void probe_numbers(void) {
  halves(PLM_BF16, "bf16");
  halves(PLM_F16, "f16");
  blocks(PLM_Q8_0, "q8_0");
  blocks(PLM_Q4_0, "q4_0");
  searched(PLM_Q8_0, "q8_0");
  searched(PLM_Q4_0, "q4_0");
  searched(PLM_Q4_1, "q4_1");
  searched(PLM_Q5_0, "q5_0");
  searched(PLM_Q5_1, "q5_1");
  searched(PLM_Q4_K, "q4_k");
  searched(PLM_Q5_K, "q5_k");
  searched(PLM_Q6_K, "q6_k");
  column_squares();
  const uint32_t bits[] = {0, 0x80000000, 1, 0x7f800000, 0x7fc00001, 0x3f800000, 0xff7fffff};
  uint32_t *out = zeros(PLM_F32, 7);
  plm_widen((float *)out, bits, PLM_F32, 7);
  int64_t different = differences(out, bits, PLM_F32, 7);
  plm_narrow(out, (const float *)(const void *)bits, PLM_F32, 7);
  begin(ZERO, "f32");
  put((float)(different + differences(out, bits, PLM_F32, 7)));
  end();

  double worst = 0;
  for (int i = -4000; i <= 4000; i++) {
    const double x = i / 100.0;
    worst = fmax(worst, fabs(plm_exp(x) / exp(x) - 1));
    worst = fmax(worst, fmax(fabs(plm_cos(x) - cos(x)), fabs(plm_sin(x) - sin(x))));
    if (x > 0) worst = fmax(worst, fabs(plm_log(x) - log(x)));
  }
  begin(ZERO, "functions");
  put(worst > 1e-14);
  put(plm_exp(-1000) != 0 || plm_exp(1000) != INFINITY || plm_sqrt(2) != sqrt(2));
  end();
  begin(SAME, "functions");
  for (int i = -50; i <= 50; i++) {
    const double x = i * 0.7310585;
    put((float)plm_exp(x));
    put((float)plm_log(x));
    put((float)plm_sin(x));
    put((float)plm_cos(x));
  }
  end();
}
