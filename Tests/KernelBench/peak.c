#include "peak.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define ROUNDS 4000000

// Chains of additions that depend on nothing else hide each other's latency. Written as assembly, so
// that no compiler takes them apart.
#define ALL(DO)                                                                                  \
  DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define ZMM_FMA(i) "vfmadd231ps %%zmm30, %%zmm31, %%zmm" #i "\n"
#define ZMM_DOT(i) "vdpbf16ps %%zmm30, %%zmm31, %%zmm" #i "\n"
#define YMM_FMA(i) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #i "\n"
#define CHANGED                                                                                  \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11"
#define CHAINS 12

__attribute__((target("avx2,fma"))) static double avx2(void) {
  for (int round = 0; round < ROUNDS; round++) __asm__ volatile(ALL(YMM_FMA)::: CHANGED);
  return 2.0 * 8 * CHAINS * ROUNDS;
}

__attribute__((target("avx512f"))) static double avx512(void) {
  for (int round = 0; round < ROUNDS; round++) __asm__ volatile(ALL(ZMM_FMA)::: CHANGED);
  return 2.0 * 16 * CHAINS * ROUNDS;
}

__attribute__((target("avx512f,avx512bf16"))) static double avx512bf16(void) {
  for (int round = 0; round < ROUNDS; round++) __asm__ volatile(ALL(ZMM_DOT)::: CHANGED);
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
