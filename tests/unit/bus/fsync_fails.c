/* Preloaded into a real writer: every fsync and fdatasync fails with EIO while the file named by FSYNC_FAILS exists, and is counted in it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int failing(void) {
  const char *trigger = getenv("FSYNC_FAILS");
  int fd = trigger ? open(trigger, O_WRONLY | O_APPEND) : -1;
  if (fd < 0) return 0;
  if (write(fd, "x", 1) != 1) abort();
  close(fd);
  errno = EIO;
  return 1;
}

int fsync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
  return failing() ? -1 : real(fd);
}

int fdatasync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
  return failing() ? -1 : real(fd);
}
