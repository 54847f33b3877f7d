// System calls that Glibc's module does not show to Swift.
#ifdef __linux__
#include <spawn.h>
int syncfs(int fd);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
#endif
