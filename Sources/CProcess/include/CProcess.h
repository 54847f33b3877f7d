#ifndef CPROCESS_H
#define CPROCESS_H

#include <sys/types.h>

// Starts a program in a process group of its own, with exactly the four descriptors given: what is
// to be its 0, 1, 2 and 3 (-1: the null device; closed in place of 3). On Linux it is killed when
// the thread that started it ends, so that no stage outlives its resolver: the caller's thread has
// to wait for it. posix_spawn can ask for neither.
// Returns the process id, or -1 with errno set if it could not be started.
pid_t plm_process_start(const char *path, char *const arguments[], char *const environment[],
                        const char *folder, const int descriptors[4]);

// Starts a process that waits for this one's end, however that comes, and then kills a whole group,
// itself included: programs that a child of this process has started die with it too. The group must
// be one that plm_process_start made, and be killed and the guard waited for when it has ended.
// Returns the guard's process id, or -1: the group then goes unguarded.
pid_t plm_process_guard(pid_t group);

// Reads a status that waitpid gave: the exit code, or 128 + n and *signal = n after a signal n.
int plm_process_exit(int status, int *signal);

#endif
