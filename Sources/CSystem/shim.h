// System calls that Glibc's module does not show to Swift.
#ifdef __linux__
int syncfs(int fd);
#endif
