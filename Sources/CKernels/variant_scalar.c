// Plain C: what every other variant is tested against, and what runs where nothing else does.
#define NAME plm_scalar_variant
#define LABEL "scalar"
#define WIDTH 1
#define ROWS 4
#define FMA 0
#include "variant.inc"
