#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/eventfd.h>

int cn_waker_open(int *reader, int *writer) {
  int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  *reader = event;
  *writer = event;
  return event < 0 ? -1 : 0;
}
#else
int cn_waker_open(int *reader, int *writer) {
  int ends[2];
  if (pipe(ends) != 0) return -1;
  for (int i = 0; i < 2; i++) {
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fcntl(ends[i], F_SETFL, O_NONBLOCK);
  }
  *reader = ends[0];
  *writer = ends[1];
  return 0;
}
#endif

void cn_wake_up(int waker) {
  int saved = errno;
  uint64_t one = 1;
  // A full counter or pipe already ends the next wait.
  (void)!write(waker, &one, sizeof one);
  errno = saved;
}

void cn_waker_drain(int reader) {
  uint64_t ignored[8];
  while (read(reader, ignored, sizeof ignored) > 0) {
#ifdef __linux__
    break;
#endif
  }
}
