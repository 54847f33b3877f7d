#if defined(__aarch64__)
#define NAME plm_neon_variant
#define LABEL "neon"
#define WIDTH 4
#define ROWS 12
#define FMA 1
#include "variant.inc"
#endif
