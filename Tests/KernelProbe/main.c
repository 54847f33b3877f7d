// Prints what every kernel computes on odd sizes, to the bit, with the variant that PLM_KERNELS
// names: a program of its own, because a variant is chosen once for a process. The argument is the
// number of threads; without one only the variant is printed.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

void begin(const char *kind, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("%s/", kind);
  vprintf(format, arguments);
  va_end(arguments);
}

void put(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  printf(" %x", bits);
}

void put_all(const void *x, int type, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits = type == PLM_F32 ? ((const uint32_t *)x)[i]
                                    : (uint32_t)((const uint16_t *)x)[i] << 16;
    printf(" %x", bits);
  }
}

void end(void) { putchar('\n'); }

void *zeros(int type, int64_t count) {
  void *memory = calloc((size_t)plm_bytes(type, count) + 1, 1);
  if (!memory) exit(75);
  return memory;
}

void *copy(const void *x, int type, int64_t count) {
  return memcpy(zeros(type, count), x, (size_t)plm_bytes(type, count));
}

void *numbers(int type, int64_t count, uint64_t seed) {
  float *floats = zeros(PLM_F32, count);
  for (int64_t i = 0; i < count; i++) {
    uint64_t z = (seed << 32) + (uint64_t)i * 0x9e3779b97f4a7c15ull;  // SplitMix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    floats[i] = (float)(z >> 40) * 0x1p-23f - 1;
  }
  void *out = zeros(type, count);
  plm_narrow(out, floats, type, count);
  free(floats);
  return out;
}

static double half(const void *x) {
  uint16_t h;
  memcpy(&h, x, sizeof h);
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  double value;
  if (exponent == 31) value = fraction ? NAN : INFINITY;
  else value = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
  return h & 0x8000 ? -value : value;
}

double number(const void *x, int type, int64_t i) {
  const uint8_t *bytes = x;
  switch (type) {
    case PLM_F32: return ((const float *)x)[i];
    case PLM_BF16: {
      const uint32_t bits = (uint32_t)((const uint16_t *)x)[i] << 16;
      float value;
      memcpy(&value, &bits, sizeof value);
      return value;
    }
    case PLM_F16: return half(bytes + 2 * i);
    case PLM_Q8_0: {
      const uint8_t *block = bytes + i / 32 * 34;
      return half(block) * (int8_t)block[2 + i % 32];
    }
    default: {
      const uint8_t *block = bytes + i / 32 * 18;
      const int both = block[2 + i % 16];
      return half(block) * ((i % 32 < 16 ? both & 15 : both >> 4) - 8);
    }
  }
}

double element(const plm_matrix *x, int64_t i, int64_t j) {
  return number(x->data, x->type, x->transposed ? j * x->stride + i : i * x->stride + j);
}

double rounded_to_bf16(double x) {
  int exponent;
  const double fraction = frexp(x, &exponent);
  return ldexp(nearbyint(ldexp(fraction, 8)), exponent - 8);
}

double worst_error(const void *got, int type, const double *wanted, int64_t count) {
  double worst = 0, size = 1e-30;
  for (int64_t i = 0; i < count; i++) size = fmax(size, fabs(wanted[i]));
  for (int64_t i = 0; i < count; i++) {
    double error = fabs(number(got, type, i) - wanted[i]);
    if (type == PLM_BF16) error -= fabs(wanted[i]) * 0x1p-8;
    if (!(error <= worst)) worst = error;  // also if it is not a number
    if (worst != worst) break;
  }
  return worst / size;
}

int64_t differences(const void *a, const void *b, int type, int64_t count) {
  const int64_t size = plm_bytes(type, 1);
  int64_t different = 0;
  for (int64_t i = 0; i < count; i++)
    different += memcmp((const char *)a + i * size, (const char *)b + i * size, (size_t)size) != 0;
  return different;
}

// Of pool.h, which no header of the library tells.
struct plm_space *plm_borrow(int64_t bytes);

int main(int count, char **arguments) {
  if (count == 3 && strcmp(arguments[1], "without-memory") == 0) {
    plm_exit_without_memory(atoi(arguments[2]));
    plm_borrow(INT64_MAX / 2);
    return 0;
  }
  printf("variant %s\n", plm_variant());
  if (count < 2) return fflush(stdout) == 0 ? 0 : 1;
  plm_set_threads(atoi(arguments[1]));
  probe_numbers();
  probe_products();
  probe_layers();
  probe_attention();
  return fflush(stdout) == 0 ? 0 : 1;
}
