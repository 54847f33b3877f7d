#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

static void close_from(int first) {
#if defined(__linux__) && defined(SYS_close_range)
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
  long limit = sysconf(_SC_OPEN_MAX);
  if (limit < 0 || limit > 65536) limit = 65536;
  for (int descriptor = first; descriptor < limit; descriptor++) close(descriptor);
}

// Runs in the child: only what is safe after fork in a program with threads.
static void become(const char *path, char *const arguments[], char *const environment[],
                   const char *folder, const int descriptors[4], pid_t parent, int report) {
  setpgid(0, 0);
#if defined(__linux__)
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The parent may have gone before that took effect.
  if (getppid() != parent) _exit(127);
#else
  (void)parent;
#endif
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int number = 1; number < 32; number++) {
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
  }
  // Descriptors are first moved out of the way of the numbers they are to have.
  int moved[4];
  for (int i = 0; i < 4; i++) {
    int source = descriptors[i];
    if (source < 0 && i < 3) source = open("/dev/null", i == 0 ? O_RDONLY : O_WRONLY);
    moved[i] = source < 0 ? -1 : fcntl(source, F_DUPFD, 5);
    if (source >= 0 && moved[i] < 0) goto failed;
  }
  int away = fcntl(report, F_DUPFD_CLOEXEC, 5);
  if (away < 0) goto failed;
  report = away;
  for (int i = 0; i < 4; i++) {
    if (moved[i] < 0) {
      close(i);
    } else if (dup2(moved[i], i) < 0) {
      goto failed;
    }
  }
  if (dup2(report, 4) == 4) {
    fcntl(4, F_SETFD, FD_CLOEXEC);
    report = 4;
    close_from(5);
  }
  if (folder != NULL && chdir(folder) != 0) goto failed;
  execve(path, arguments, environment);
failed:;
  int code = errno;
  if (write(report, &code, sizeof code) < 0) _exit(126);
  _exit(127);
}

// A pipe that no program started meanwhile by another thread inherits, where the system can do so.
static int make_pipe(int ends[2]) {
#if defined(__linux__)
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) != 0) return -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  return 0;
#endif
}

pid_t plm_process_start(const char *path, char *const arguments[], char *const environment[],
                        const char *folder, const int descriptors[4]) {
  int report[2];
  if (make_pipe(report) != 0) return -1;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    become(path, arguments, environment, folder, descriptors, parent, report[1]);
  }
  int code = errno;
  close(report[1]);
  if (child < 0) {
    close(report[0]);
    errno = code;
    return -1;
  }
  setpgid(child, child);
  // The pipe closes with a successful exec, or brings the error of a failed one.
  ssize_t count;
  do {
    count = read(report[0], &code, sizeof code);
  } while (count < 0 && errno == EINTR);
  close(report[0]);
  if (count == sizeof code) {
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    errno = code;
    return -1;
  }
  return child;
}

// A pipe that nothing is ever written to: its reading end sees the end of this process.
static int life[2] = {-1, -1};

static void make_life(void) {
  if (make_pipe(life) != 0) life[0] = life[1] = -1;
}

pid_t plm_process_guard(pid_t group) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_life);
  if (life[0] < 0) return -1;
  pid_t guard = fork();
  if (guard != 0) return guard;
  // Only what is safe after fork in a program with threads. Within the group, its number cannot
  // come to be another's; signals to the group that ask it to end are not for the guard.
  for (int number = 1; number < 32; number++) {
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_IGN);
  }
  if (setpgid(0, group) != 0) _exit(0);
  if (dup2(life[0], 0) != 0) _exit(0);
  close_from(1);
  char byte;
  while (read(0, &byte, 1) < 0 && errno == EINTR) {
  }
  kill(-group, SIGKILL);
  _exit(0);
}

int plm_process_exit(int status, int *signal) {
  if (WIFSIGNALED(status)) {
    *signal = WTERMSIG(status);
    return 128 + *signal;
  }
  *signal = 0;
  return WEXITSTATUS(status);
}
