// Measures this machine's products: kernel-bench [threads] [f32|bf16]
//
// First prints the variant and the peak of the registers (no memory). Then answers each line "m n k"
// of standard input with the rate of x [m, k] times the transpose of w [n, k], weights read where they
// lie: the median of several runs. GFLOP/s.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"
#include "peak.h"

#define RUNS 9

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

static void fill(void *numbers, int type, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float value = (float)(i * 7 % 29 - 14) / 14;
    plm_narrow((char *)numbers + plm_bytes(type, i), &value, type, 1);
  }
}

static double measure(int64_t m, int64_t n, int64_t k, int type) {
  void *x = malloc((size_t)plm_bytes(type, m * k));
  void *w = malloc((size_t)plm_bytes(type, n * k));
  void *y = malloc((size_t)plm_bytes(type, m * n));
  if (!x || !w || !y) exit(75);
  fill(x, type, m * k);
  fill(w, type, n * k);
  const plm_term term = {{x, k, type, 0}, {w, k, type, 1}, k};
  const plm_result result = {y, n, type, 0, NULL};
  double rates[RUNS];
  plm_product(m, n, &term, 1, type, &result);
  for (int run = 0; run < RUNS; run++) {
    // Short products are timed several at a time.
    const int times = 1 + (int)(4e8 / (double)(m * n * k));
    const double start = seconds();
    for (int i = 0; i < times; i++) plm_product(m, n, &term, 1, type, &result);
    rates[run] = 2e-9 * (double)m * (double)n * (double)k * times / (seconds() - start);
  }
  free(x);
  free(w);
  free(y);
  return median(rates, RUNS);
}

int main(int count, char **arguments) {
  plm_set_threads(count > 1 ? atoi(arguments[1]) : 0);
  const int type = count > 2 && strcmp(arguments[2], "f32") == 0 ? PLM_F32 : PLM_BF16;
  double peaks[RUNS];
  for (int run = 0; run < RUNS; run++) peaks[run] = register_peak(plm_variant(), type, plm_threads());
  // The best of the runs: what the processor can do when it is let.
  median(peaks, RUNS);
  printf("%s %.1f\n", plm_variant(), peaks[RUNS - 1]);
  fflush(stdout);
  long long m, n, k;
  while (scanf("%lld %lld %lld", &m, &n, &k) == 3) {
    if (m < 1 || n < 1 || k < 1 || m > 1 << 20 || n > 1 << 20 || k > 1 << 20) {
      fprintf(stderr, "kernel-bench: a shape of three numbers up to a million is wanted\n");
      return 2;
    }
    printf("%.1f\n", measure(m, n, k, type));
    fflush(stdout);
  }
  return 0;
}
