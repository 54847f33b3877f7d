#define _GNU_SOURCE
#include "pool.h"

#include "CKernels.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAXIMUM_THREADS 256
// How long an idle worker looks for work before it sleeps: most gaps between two products are
// shorter than waking a thread takes.
#define SPINS 20000

// Far above any number of threads.
#define CLOSED 0x10000

static struct {
  pthread_mutex_t turn;   // held by the caller whose tasks are running
  pthread_mutex_t lock;   // guards sleeping and waking
  pthread_cond_t wake;
  atomic_int threads;     // including the caller; 0: as many as there are processors
  int started;            // workers running
  atomic_uint generation; // counts batches; a change means work
  atomic_int inside;      // workers taking tasks; CLOSED is added while no more may come in
  atomic_llong next;      // the next task to take
  int64_t count;
  plm_task task;
  void *context;
  int workers_wanted;     // workers that take part in this batch
} pool = {.turn = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER, .inside = CLOSED};

// The generation at which a worker was started: it waits for the next.
static unsigned born[MAXIMUM_THREADS];

static struct {
  float *floats;
  int64_t count;
} scratch[MAXIMUM_THREADS];

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void take_tasks(int thread) {
  while (1) {
    const int64_t task = atomic_fetch_add_explicit(&pool.next, 1, memory_order_relaxed);
    if (task >= pool.count) return;
    pool.task(pool.context, task, thread);
  }
}

// Whether a worker may take tasks. One that comes late finds the batch closed, or takes part in the
// next: nobody waits for a worker that the system has not let run.
static int enter(void) {
  int inside = atomic_load_explicit(&pool.inside, memory_order_relaxed);
  while (inside < CLOSED)
    if (atomic_compare_exchange_weak_explicit(&pool.inside, &inside, inside + 1,
                                              memory_order_acquire, memory_order_relaxed))
      return 1;
  return 0;
}

static void *work(void *argument) {
  const int thread = (int)(intptr_t)argument;
  unsigned seen = born[thread];
  while (1) {
    unsigned now = seen;
    for (int spin = 0; spin < SPINS; spin++) {
      now = atomic_load_explicit(&pool.generation, memory_order_acquire);
      if (now != seen) break;
      relax();
    }
    if (now == seen) {
      pthread_mutex_lock(&pool.lock);
      while ((now = atomic_load(&pool.generation)) == seen)
        pthread_cond_wait(&pool.wake, &pool.lock);
      pthread_mutex_unlock(&pool.lock);
    }
    seen = now;
    if (!enter()) continue;
    if (thread <= pool.workers_wanted) take_tasks(thread);
    atomic_fetch_sub_explicit(&pool.inside, 1, memory_order_release);
  }
  return NULL;
}

static int processors(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}

void plm_set_threads(int count) {
  if (count <= 0) count = processors();
  if (count > MAXIMUM_THREADS) count = MAXIMUM_THREADS;
  atomic_store_explicit(&pool.threads, count, memory_order_relaxed);
}

int plm_threads(void) {
  int threads = atomic_load_explicit(&pool.threads, memory_order_relaxed);
  if (threads > 0) return threads;
  // Asked once. What somebody sets meanwhile stays.
  const int all = processors();
  atomic_compare_exchange_strong_explicit(&pool.threads, &threads, all, memory_order_relaxed,
                                          memory_order_relaxed);
  return threads > 0 ? threads : all;
}

void plm_parallel(int64_t count, plm_task task, void *context) {
  if (count <= 0) return;
  pthread_mutex_lock(&pool.turn);
  const int workers = count > 1 ? plm_threads() - 1 : 0;
  // Workers start when first needed; a thread that cannot start is simply not there.
  while (pool.started < workers) {
    pthread_t thread;
    born[pool.started + 1] = atomic_load(&pool.generation);
    if (pthread_create(&thread, NULL, work, (void *)(intptr_t)(pool.started + 1)) != 0) break;
    pthread_detach(thread);
    pool.started++;
  }
  pool.task = task;
  pool.context = context;
  pool.count = count;
  pool.workers_wanted = workers;
  atomic_store(&pool.next, 0);
  if (workers > 0 && pool.started > 0) {
    atomic_store_explicit(&pool.inside, 0, memory_order_release);
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add_explicit(&pool.generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
    take_tasks(0);
    atomic_fetch_add_explicit(&pool.inside, CLOSED, memory_order_relaxed);
    int spin = 0;
    while (atomic_load_explicit(&pool.inside, memory_order_acquire) > CLOSED) {
      if (++spin < SPINS) relax();
      else sched_yield();
    }
  } else {
    take_tasks(0);
  }
  pthread_mutex_unlock(&pool.turn);
}

// The exit code of a process that has no memory for scratch space; 0: it aborts.
static atomic_int no_memory_code;

void plm_exit_without_memory(int code) {
  atomic_store_explicit(&no_memory_code, code, memory_order_relaxed);
}

static void *allocate(size_t bytes) {
  void *memory = NULL;
  if (posix_memalign(&memory, 64, (bytes + 63) & ~(size_t)63) != 0) {
    fprintf(stderr, "plm: out of memory: %zu bytes of scratch space\n", bytes);
    const int code = atomic_load_explicit(&no_memory_code, memory_order_relaxed);
    if (code != 0) exit(code);
    abort();
  }
  return memory;
}

float *plm_scratch(int thread, int64_t count) {
  if (scratch[thread].count < count) {
    free(scratch[thread].floats);
    scratch[thread].floats = allocate((size_t)count * sizeof(float));
    scratch[thread].count = count;
  }
  return scratch[thread].floats;
}

struct plm_space {
  plm_space *next;
  int64_t bytes;
  void *memory;
};

static plm_space *spaces;
static pthread_mutex_t spaces_lock = PTHREAD_MUTEX_INITIALIZER;

plm_space *plm_borrow(int64_t bytes) {
  pthread_mutex_lock(&spaces_lock);
  plm_space *space = spaces;
  if (space) spaces = space->next;
  pthread_mutex_unlock(&spaces_lock);
  if (!space) {
    space = allocate(sizeof *space);
    *space = (plm_space){0};
  }
  if (space->bytes < bytes) {
    free(space->memory);
    space->memory = allocate((size_t)bytes);
    space->bytes = bytes;
  }
  return space;
}

void *plm_memory(plm_space *space) { return space->memory; }

void plm_give_back(plm_space *space) {
  pthread_mutex_lock(&spaces_lock);
  space->next = spaces;
  spaces = space;
  pthread_mutex_unlock(&spaces_lock);
}
