#include "peak.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define ROUNDS 400000
#define CHAINS 24

// Chains of additions that depend on nothing else hide each other's latency. The barrier keeps the
// compiler from taking a loop apart.
#define LOOP(VECTOR, STEP)                                                                  \
  VECTOR sums[CHAINS];                                                                      \
  for (int i = 0; i < CHAINS; i++) sums[i] = (VECTOR){0};                                   \
  for (int round = 0; round < ROUNDS; round++) {                                            \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAINS; i++) {                   \
      STEP;                                                                                 \
      __asm__ volatile("" : "+x"(sums[i]));                                                 \
    }                                                                                       \
  }

#define LOOP_WIDE(VECTOR, STEP)                                                             \
  VECTOR sums[CHAINS];                                                                      \
  for (int i = 0; i < CHAINS; i++) sums[i] = (VECTOR){0};                                   \
  for (int round = 0; round < ROUNDS; round++) {                                            \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAINS; i++) {                   \
      STEP;                                                                                 \
      __asm__ volatile("" : "+v"(sums[i]));                                                 \
    }                                                                                       \
  }

__attribute__((target("avx2,fma"))) static double avx2(void) {
  const __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f);
#undef CHAINS
#define CHAINS 12
  LOOP(__m256, sums[i] = _mm256_fmadd_ps(a, b, sums[i]))
  return 2.0 * 8 * CHAINS * ROUNDS;
}
#undef CHAINS
#define CHAINS 24

__attribute__((target("avx512f"))) static double avx512(void) {
  const __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
  LOOP_WIDE(__m512, sums[i] = _mm512_fmadd_ps(a, b, sums[i]))
  return 2.0 * 16 * CHAINS * ROUNDS;
}

__attribute__((target("avx512f,avx512bf16"))) static double avx512bf16(void) {
  const __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f003f00), b = a;
  LOOP_WIDE(__m512, sums[i] = _mm512_dpbf16_ps(sums[i], a, b))
  return 4.0 * 16 * CHAINS * ROUNDS;
}

__attribute__((target("amx-tile,amx-bf16"))) static double amx(void) {
  struct {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
  } tiles __attribute__((aligned(64)));
  memset(&tiles, 0, sizeof tiles);
  tiles.palette = 1;
  for (int i = 0; i < 8; i++) {
    tiles.bytes[i] = 64;
    tiles.rows[i] = 16;
  }
  __asm__ volatile("ldtilecfg %0" ::"m"(tiles));
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int round = 0; round < ROUNDS; round++) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return 4.0 * 2 * 16 * 16 * 32 * ROUNDS;
}

static double (*chosen(const char *variant, int type))(void) {
  if (strcmp(variant, "avx2") == 0) return avx2;
  if (strcmp(variant, "amx") == 0 && type == PLM_BF16) return amx;
  if (strcmp(variant, "avx512bf16") == 0 && type == PLM_BF16) return avx512bf16;
  if (strncmp(variant, "avx512", 6) == 0 || strcmp(variant, "amx") == 0) return avx512;
  return 0;
}

static void *work(void *loop) {
  double (*const run)(void) = *(double (**)(void))loop;
  run();
  return NULL;
}

double register_peak(const char *variant, int type, int threads) {
  double (*loop)(void) = chosen(variant, type);
  if (!loop || threads > 256) return 0;
  struct timespec start, end;
  pthread_t workers[256];
  clock_gettime(CLOCK_MONOTONIC, &start);
  int started = 1;
  while (started < threads && pthread_create(&workers[started], NULL, work, &loop) == 0) started++;
  const double operations = loop();
  for (int i = 1; i < started; i++) pthread_join(workers[i], NULL);
  clock_gettime(CLOCK_MONOTONIC, &end);
  const double seconds = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
  return operations * started / seconds * 1e-9;
}
#else
double register_peak(const char *variant, int type, int threads) {
  (void)variant;
  (void)type;
  (void)threads;
  return 0;
}
#endif
