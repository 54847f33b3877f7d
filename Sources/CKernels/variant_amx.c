// The AMX variant of products of bf16 pairs.
#if defined(__x86_64__)
#include <immintrin.h>

#include "avx512.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,amx-tile,amx-bf16"))), apply_to = function)
#define WIDTH 16
#define FMA 1
#include "vector.inc"
#define UNIT 32
#define ROW_UNIT 16
#include "pairs.inc"

// Intel's layout of the tile configuration: palette 1, eight tiles of 16 rows of 64 bytes.
typedef struct {
  uint8_t palette, start_row, reserved[14];
  uint16_t bytes[16];
  uint8_t rows[16];
} tile_configuration;

static const tile_configuration all_whole __attribute__((aligned(64))) = {
    .palette = 1,
    .bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

// Written as assembly: some compilers keep only part of the configuration alive for the intrinsic.
#define CONFIGURE() __asm__ volatile("ldtilecfg %0" ::"m"(all_whole))
#define RELEASE() _tile_release()
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, from, stride) _tile_loadd(t, from, (size_t)(stride))
#define TILE_STORE(t, to, stride) _tile_stored(t, to, (size_t)(stride))
#define TILE_DOT(c, a, b) _tile_dpbf16ps(c, a, b)
#define ENGINE plm_amx_pairs
#include "amx.inc"
#pragma clang attribute pop
#endif
