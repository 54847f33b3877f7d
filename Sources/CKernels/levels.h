// Of products of whole numbers: the types that have them, and the vectors that levels.inc works with,
// whatever the processor's registers.
#ifndef PLM_LEVELS_H
#define PLM_LEVELS_H
#include <stdint.h>

#include "variant.h"

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint8_t bytes32 __attribute__((vector_size(32)));
typedef uint32_t row_words __attribute__((vector_size(64)));
typedef float eight __attribute__((vector_size(32)));
typedef int32_t whole_eight __attribute__((vector_size(32)));

// What a type has beside one scale to 32 numbers.
typedef enum { NOTHING_ELSE, OFFSET, SECOND_SCALE } extra;

static inline __attribute__((always_inline)) extra extra_of(int type) {
  switch (type) {
    case PLM_Q4_1:
    case PLM_Q5_1:
    case PLM_Q4_K:
    case PLM_Q5_K: return OFFSET;
    case PLM_Q6_K: return SECOND_SCALE;
    default: return NOTHING_ELSE;
  }
}

// For each type code of its own, in which the type is known.
#define EACH_LEVEL_TYPE(type, DO)           \
  switch (type) {                           \
    case PLM_Q4_0: DO(PLM_Q4_0); break;     \
    case PLM_Q4_1: DO(PLM_Q4_1); break;     \
    case PLM_Q5_0: DO(PLM_Q5_0); break;     \
    case PLM_Q5_1: DO(PLM_Q5_1); break;     \
    case PLM_Q4_K: DO(PLM_Q4_K); break;     \
    case PLM_Q5_K: DO(PLM_Q5_K); break;     \
    default: DO(PLM_Q6_K);                  \
  }

// What stands for 0 in the levels of a type as they are stored is 2 to this; where there is an offset,
// 0 is 0.
static inline __attribute__((always_inline)) int middle_bits(int type) {
  switch (type) {
    case PLM_Q4_0: return 3;
    case PLM_Q5_0: return 4;
    case PLM_Q6_K: return 5;
    default: return 0;
  }
}
#endif
