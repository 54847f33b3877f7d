// The vectors that levels.inc works with, whatever the processor's registers.
#ifndef PLM_LEVELS_H
#define PLM_LEVELS_H
#include <stdint.h>

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint8_t bytes32 __attribute__((vector_size(32)));
typedef uint32_t row_words __attribute__((vector_size(64)));
typedef float eight __attribute__((vector_size(32)));
typedef int32_t whole_eight __attribute__((vector_size(32)));
#endif
