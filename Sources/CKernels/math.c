// Elementary functions in double precision, accurate to about 1e-15 relative.
#include "CKernels.h"

#include <string.h>

static double from_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint64_t to_bits(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

double plm_sqrt(double x) { return __builtin_sqrt(x); }

// exp(x) = 2^k * exp(r), |r| <= ln2 / 2; Taylor series of r.
double plm_exp(double x) {
  if (x != x) return x;
  if (x > 709.0) return from_bits(0x7ff0000000000000ull);
  if (x < -708.0) return 0.0;
  const double k = __builtin_rint(x * 1.4426950408889634074);
  const double r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  double sum = 1.0;
  for (int i = 16; i > 0; i--) sum = 1.0 + sum * r / i;
  return sum * from_bits((uint64_t)((int64_t)k + 1023) << 52);
}

// log(m * 2^e) = e * ln2 + 2 artanh((m - 1) / (m + 1)), m in [sqrt(1/2), sqrt(2)).
double plm_log(double x) {
  if (!(x > 0)) return x == 0 ? from_bits(0xfff0000000000000ull) : from_bits(0x7ff8000000000000ull);
  uint64_t bits = to_bits(x);
  int64_t e = (int64_t)(bits >> 52) - 1023;
  if (e == 1024) return x;
  if (e == -1023) {  // subnormal
    bits = to_bits(x * 0x1p54);
    e = (int64_t)(bits >> 52) - 1023 - 54;
  }
  double m = from_bits((bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e += 1;
  }
  const double t = (m - 1) / (m + 1), t2 = t * t;
  double sum = 0;
  for (int i = 27; i >= 1; i -= 2) sum = sum * t2 + 1.0 / i;
  return (double)e * 6.93147180559945286227e-01 + 2 * t * sum;
}

// Taylor series after reduction to [-pi/4, pi/4]; good for |x| up to about 1e6.
static double sine_or_cosine(double x, int quarter) {
  const double k = __builtin_rint(x * 0.63661977236758134308);
  double r = x - k * 1.57079632673412561417e+00;
  r -= k * 6.07710050630396597660e-11;
  r -= k * 2.02226624879595063154e-21;
  const int64_t q = ((int64_t)k + quarter) & 3;
  const double r2 = r * r;
  double sum = 1.0;
  if (q & 1) {
    for (int i = 18; i > 0; i -= 2) sum = 1.0 - sum * r2 / (i * (i - 1));
  } else {
    for (int i = 19; i > 1; i -= 2) sum = 1.0 - sum * r2 / (i * (i - 1));
    sum *= r;
  }
  return q & 2 ? -sum : sum;
}

double plm_sin(double x) { return sine_or_cosine(x, 0); }
double plm_cos(double x) { return sine_or_cosine(x, 1); }
