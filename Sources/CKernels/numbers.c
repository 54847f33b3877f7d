// Types of numbers: their sizes, and conversions.
#include <string.h>

#include "CKernels.h"
#include "halves.h"
#include "variant.h"

int64_t plm_bytes(int type, int64_t count) {
  switch (type) {
    case PLM_F32: return count * 4;
    case PLM_Q8_0: return count / 32 * 34;
    case PLM_Q4_0: return count / 32 * 18;
    case PLM_Q4_1: return count / 32 * 20;
    case PLM_Q5_0: return count / 32 * 22;
    case PLM_Q5_1: return count / 32 * 24;
    case PLM_Q4_K: return count / 256 * 144;
    case PLM_Q5_K: return count / 256 * 176;
    case PLM_Q6_K: return count / 256 * 210;
    default: return count * 2;
  }
}

void plm_widen(float *out, const void *in, int type, int64_t count) {
  plm_chosen()->widen(out, in, type, count);
}

static void put_half(char *out, float value) {
  const uint16_t half = plm_half(value);
  memcpy(out, &half, sizeof half);
}

static void quantise8(char *block, const float *x) {
  float most = 0;
  for (int j = 0; j < 32; j++) most = PLM_LARGER(most, __builtin_fabsf(x[j]));
  const float scale = most / 127, inverse = scale != 0 ? 1 / scale : 0;
  put_half(block, scale);
  for (int j = 0; j < 32; j++) block[2 + j] = (char)(int)__builtin_roundf(x[j] * inverse);
}

// The scale makes the number of largest size -8.
static void quantise4(char *block, const float *x) {
  float most = 0, extreme = 0;
  for (int j = 0; j < 32; j++)
    if (__builtin_fabsf(x[j]) > most) {
      most = __builtin_fabsf(x[j]);
      extreme = x[j];
    }
  const float scale = extreme / -8, inverse = scale != 0 ? 1 / scale : 0;
  put_half(block, scale);
  for (int j = 0; j < 16; j++) {
    const int low = (int)(x[j] * inverse + 8.5f), high = (int)(x[j + 16] * inverse + 8.5f);
    block[2 + j] = (char)(PLM_SMALLER(low, 15) | PLM_SMALLER(high, 15) << 4);
  }
}

void plm_narrow(void *out, const float *in, int type, int64_t count) {
  char *bytes = out;
  switch (type) {
    case PLM_F32: memcpy(out, in, (size_t)count * sizeof(float)); break;
    case PLM_BF16: plm_chosen()->narrow_bf16(out, in, count); break;
    case PLM_F16:
      for (int64_t i = 0; i < count; i++) put_half(bytes + 2 * i, in[i]);
      break;
    case PLM_Q8_0:
      for (int64_t i = 0; i < count; i += 32) quantise8(bytes + plm_bytes(type, i), in + i);
      break;
    case PLM_Q4_0:
      for (int64_t i = 0; i < count; i += 32) quantise4(bytes + plm_bytes(type, i), in + i);
      break;
    default: plm_chosen()->quantise(bytes, type, in, count / PLM_BLOCK(type), 0, count, NULL);
  }
}
