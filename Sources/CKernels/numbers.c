// Types of numbers: their sizes, and conversions.
#include <stdatomic.h>
#include <string.h>

#include "CKernels.h"
#include "halves.h"
#include "pool.h"
#include "variant.h"

int64_t plm_bytes(int type, int64_t count) { return plm_bytes_of(type, count); }

// What a thread takes at a time: whole blocks of every type.
#define NUMBERS (1 << 14)

typedef struct {
  float *out;
  const char *in;
  int type;
  int64_t count;
} widen_work;

static void widen_task(void *context, int64_t task, int thread) {
  const widen_work *w = context;
  const int64_t first = task * NUMBERS;
  (void)thread;
  plm_chosen()->widen(w->out + first, w->in + plm_bytes(w->type, first), w->type,
                      PLM_SMALLER(NUMBERS, w->count - first));
}

void plm_widen(float *out, const void *in, int type, int64_t count) {
  widen_work work = {out, in, type, count};
  plm_parallel((count + NUMBERS - 1) / NUMBERS, widen_task, &work);
}

typedef struct {
  const float *in;
  int64_t count;
  _Atomic uint32_t most;
} size_work;

static void size_task(void *context, int64_t task, int thread) {
  size_work *w = context;
  const int64_t first = task * NUMBERS;
  const float *in = w->in + first;
  (void)thread;
  uint32_t most = 0;
  for (int64_t i = 0; i < PLM_SMALLER(NUMBERS, w->count - first); i++) {
    uint32_t bits;
    memcpy(&bits, in + i, sizeof bits);
    bits &= 0x7fffffff;
    most = PLM_LARGER(most, bits);
  }
  uint32_t known = atomic_load_explicit(&w->most, memory_order_relaxed);
  while (most > known && !atomic_compare_exchange_weak(&w->most, &known, most)) {
  }
}

float plm_largest_size(const float *in, int64_t count) {
  size_work work = {in, count, 0};
  plm_parallel((count + NUMBERS - 1) / NUMBERS, size_task, &work);
  const uint32_t most = work.most;
  float size;
  memcpy(&size, &most, sizeof size);
  return size;
}

static void put_half(char *out, float value) {
  const uint16_t half = plm_half(value);
  memcpy(out, &half, sizeof half);
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

static void narrow(char *out, const float *in, int type, int64_t count) {
  switch (type) {
    case PLM_F32: memcpy(out, in, (size_t)count * sizeof(float)); break;
    case PLM_BF16: plm_chosen()->narrow_bf16((uint16_t *)out, in, count); break;
    case PLM_F16:
      for (int64_t i = 0; i < count; i++) put_half(out + 2 * i, in[i]);
      break;
    case PLM_Q4_0:
      for (int64_t i = 0; i < count; i += 32) quantise4(out + plm_bytes(type, i), in + i);
      break;
    default: plm_chosen()->quantise(out, type, in, count / PLM_BLOCK(type), 0, count, NULL);
  }
}

typedef struct {
  char *out;
  const float *in;
  int type;
  int64_t count;
} narrow_work;

static void narrow_task(void *context, int64_t task, int thread) {
  const narrow_work *w = context;
  const int64_t first = task * NUMBERS;
  (void)thread;
  narrow(w->out + plm_bytes(w->type, first), w->in + first, w->type,
         PLM_SMALLER(NUMBERS, w->count - first));
}

void plm_narrow(void *out, const float *in, int type, int64_t count) {
  narrow_work work = {out, in, type, count};
  plm_parallel((count + NUMBERS - 1) / NUMBERS, narrow_task, &work);
}
