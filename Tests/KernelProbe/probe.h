// What the parts of the probe share: arrays of numbers, results, and plain loops in double
// precision to judge the kernels by.
#ifndef PROBE_H
#define PROBE_H
#include <stdint.h>

#include "CKernels.h"

// A result is a line: its kind and name, then the bits of its numbers as f32 in hexadecimal. The
// kind says what holds for it:
#define SAME "same"        // equal bits in every variant
#define F32 "f32"          // variants differ in the order of additions and in fused products alone
#define BF16 "bf16"        // computed like that, and rounded to bf16 once, at the end
#define MIXED "mixed"      // rounded to bf16 on the way as well
#define ZERO "zero"        // all numbers are 0
#define ERROR_F32 "error-f32"      // how far from the plain loops, relative to the size of them
#define ERROR_MIXED "error-mixed"  // the same, of a result of kind MIXED

// Begins a result; the rest of the name is as for printf.
__attribute__((format(printf, 2, 3))) void begin(const char *kind, const char *format, ...);
void put(float value);
void put_all(const void *x, int type, int64_t count);  // f32 or bf16
void end(void);

// Memory for numbers of a type, all zeros (f32 and bf16) or all different and of a size up to one.
// A short program: nothing is given back.
void *zeros(int type, int64_t count);
void *numbers(int type, int64_t count, uint64_t seed);
void *copy(const void *x, int type, int64_t count);

// Number i of what lies at x, decoded here and not by CKernels.
double number(const void *x, int type, int64_t i);
// Element (i, j) of a matrix.
double element(const plm_matrix *x, int64_t i, int64_t j);
// To the nearest bf16, ties to even.
double rounded_to_bf16(double x);

// The worst error of `got`, less half a unit in the last place if that is bf16, relative to the
// largest of `wanted`.
double worst_error(const void *got, int type, const double *wanted, int64_t count);
// How many numbers of two arrays differ, in any bit.
int64_t differences(const void *a, const void *b, int type, int64_t count);

void probe_numbers(void);
void probe_products(void);
void probe_layers(void);
void probe_attention(void);

#endif
