#if defined(__x86_64__)
#include <stdint.h>
#include <string.h>

#include "CKernels.h"
#include "avx512.h"
#include "variant.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)
#define NAME plm_avx512_variant
#define LABEL "avx512"
#define WIDTH 16
#define ROWS 12
#define FMA 1
#include "variant.inc"
#pragma clang attribute pop
#endif
