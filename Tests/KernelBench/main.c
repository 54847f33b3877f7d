// Measures this machine's products: kernel-bench [threads] [f32|bf16]
//
// Prints JSON lines: the peak of the registers (no memory), and the rate of a product for every layer
// shape of three models, 1,024 rows, weights read where they lie. Each figure is the median of
// several runs; GFLOP/s.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"
#include "peak.h"

#define RUNS 9
#define ROWS 1024

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, ascending);
  return values[count / 2];
}

typedef struct {
  const char *model;
  int64_t n, k;
} shape;

// Outputs and inputs of every matrix of SmolLM2-135M, Qwen2.5-0.5B and stories15M.
static const shape shapes[] = {
    {"smollm2-135m", 576, 576},  {"smollm2-135m", 192, 576},   {"smollm2-135m", 1536, 576},
    {"smollm2-135m", 576, 1536}, {"smollm2-135m", 49152, 576}, {"qwen2.5-0.5b", 896, 896},
    {"qwen2.5-0.5b", 128, 896},  {"qwen2.5-0.5b", 4864, 896},  {"qwen2.5-0.5b", 896, 4864},
    {"qwen2.5-0.5b", 151936, 896}, {"stories15m", 288, 288},   {"stories15m", 768, 288},
    {"stories15m", 288, 768},    {"stories15m", 32000, 288},
};

static void fill(void *numbers, int type, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float value = (float)(i * 7 % 29 - 14) / 14;
    plm_narrow((char *)numbers + plm_bytes(type, i), &value, type, 1);
  }
}

static void measure(const shape *s, int type) {
  // The vocabulary's products are run on fewer rows: their results would not fit a small machine.
  const int64_t m = s->n > 100000 ? ROWS / 4 : ROWS;
  void *x = malloc((size_t)plm_bytes(type, m * s->k));
  void *w = malloc((size_t)plm_bytes(type, s->n * s->k));
  float *y = malloc(sizeof(float) * (size_t)(m * s->n));
  if (!x || !w || !y) exit(75);
  fill(x, type, m * s->k);
  fill(w, type, s->n * s->k);
  const plm_term term = {{x, s->k, type, 0}, {w, s->k, type, 1}, s->k};
  const plm_result result = {y, s->n, PLM_F32, 0, NULL};
  double rates[RUNS];
  plm_product(m, s->n, &term, 1, type, &result);
  for (int run = 0; run < RUNS; run++) {
    // Short products are timed several at a time.
    const int times = 1 + (int)(4e8 / (double)(m * s->n * s->k));
    const double start = seconds();
    for (int i = 0; i < times; i++) plm_product(m, s->n, &term, 1, type, &result);
    rates[run] = 2e-9 * (double)m * (double)s->n * (double)s->k * times / (seconds() - start);
  }
  printf("{\"model\": \"%s\", \"m\": %lld, \"n\": %lld, \"k\": %lld, \"gflops\": %.1f}\n", s->model,
         (long long)m, (long long)s->n, (long long)s->k, median(rates, RUNS));
  fflush(stdout);
  free(x);
  free(w);
  free(y);
}

int main(int count, char **arguments) {
  plm_set_threads(count > 1 ? atoi(arguments[1]) : 0);
  const int type = count > 2 && strcmp(arguments[2], "f32") == 0 ? PLM_F32 : PLM_BF16;
  double peaks[RUNS];
  for (int run = 0; run < RUNS; run++) peaks[run] = register_peak(plm_variant(), type, plm_threads());
  printf("{\"kernels\": \"%s\", \"threads\": %d, \"type\": \"%s\", \"peak\": %.1f}\n", plm_variant(),
         plm_threads(), type == PLM_F32 ? "f32" : "bf16", median(peaks, RUNS));
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) measure(&shapes[i], type);
  return 0;
}
