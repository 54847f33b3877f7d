// A pool of threads that share numbered tasks, and memory to work in.
#ifndef PLM_POOL_H
#define PLM_POOL_H
#include <stdint.h>

typedef void (*plm_task)(void *context, int64_t task, int thread);

// Runs tasks 0..<count, in any order, and returns when all are done. Which thread takes a task
// must not matter to its result. Calls from several threads take turns.
void plm_parallel(int64_t count, plm_task task, void *context);

// At least `count` floats that belong to a thread for the length of its task, 64-byte aligned.
float *plm_scratch(int thread, int64_t count);

// At least `bytes` of memory for the length of a call, 64-byte aligned; it goes back with
// plm_give_back and is used again.
typedef struct plm_space plm_space;
plm_space *plm_borrow(int64_t bytes);
void *plm_memory(plm_space *space);
void plm_give_back(plm_space *space);

#endif
