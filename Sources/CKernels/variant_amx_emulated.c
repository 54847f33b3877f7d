// The AMX variant's code on tiles made of memory, so that it is tested where there is no AMX.
// Vectors wider than the processor's are passed between inlined functions alone.
#pragma clang diagnostic ignored "-Wpsabi"
#define WIDTH 16
#define FMA 0
#include "vector.inc"
#define UNIT 32
#define ROW_UNIT 16
#include "pairs.inc"

static _Thread_local uint32_t tile_words[8][16][16];

static void tile_load(int t, const char *from, int64_t stride) {
  for (int i = 0; i < 16; i++) memcpy(tile_words[t][i], from + i * stride, 64);
}

static void tile_store(int t, void *to, int64_t stride) {
  for (int i = 0; i < 16; i++) memcpy((char *)to + i * stride, tile_words[t][i], 64);
}

static float half(uint32_t word, int upper) {
  const uint32_t bits = upper ? word & 0xffff0000u : word << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// TDPBF16PS: c[m][n] += a[m][2k] * b[k][2n] + a[m][2k+1] * b[k][2n+1], k in order.
static void tile_dot(int c, int a, int b) {
  for (int m = 0; m < 16; m++)
    for (int n = 0; n < 16; n++) {
      float sum;
      memcpy(&sum, &tile_words[c][m][n], sizeof sum);
      for (int k = 0; k < 16; k++) {
        const uint32_t left = tile_words[a][m][k], right = tile_words[b][k][n];
        sum += half(left, 0) * half(right, 0);
        sum += half(left, 1) * half(right, 1);
      }
      memcpy(&tile_words[c][m][n], &sum, sizeof sum);
    }
}

#define CONFIGURE() (void)0
#define RELEASE() (void)0
#define TILE_ZERO(t) memset(tile_words[t], 0, sizeof tile_words[t])
#define TILE_LOAD(t, from, stride) tile_load(t, (const char *)(from), stride)
#define TILE_STORE(t, to, stride) tile_store(t, to, stride)
#define TILE_DOT(c, a, b) tile_dot(c, a, b)
#define ENGINE plm_amx_emulated_pairs
#include "amx.inc"
