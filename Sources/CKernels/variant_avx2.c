#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "CKernels.h"
#include "variant.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define NAME plm_avx2_variant
#define LABEL "avx2"
#define WIDTH 8
#define ROWS 6
#define FMA 1
#define F16C 1
#include "variant.inc"
#pragma clang attribute pop
#endif
