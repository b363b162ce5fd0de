#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// A library that writes to standard error would write across the screen. While the screen is up
// its words go to a file in memory, and to the terminal afterwards.

// Bytes that are kept; further writes to standard error fail.
enum { LIMIT = 256 * 1024 };

static int held = -1;
static int original = -1;

void cn_write_all(int descriptor, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(descriptor, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes += written;
    length -= (size_t)written;
  }
}

static int open_file(void) {
#ifdef __linux__
  int file = memfd_create("stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return -1;
  if (ftruncate(file, LIMIT) != 0 || fcntl(file, F_ADD_SEALS, F_SEAL_GROW) != 0) {
    close(file);
    return -1;
  }
  return file;
#else
  char path[] = "/tmp/countersign-stderr-XXXXXX";
  int file = mkstemp(path);
  if (file >= 0) unlink(path);
  return file;
#endif
}

void cn_errors_begin(void) {
  if (held >= 0 || !isatty(STDERR_FILENO)) return;
  int file = open_file();
  if (file < 0) return;
  int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (copy < 0 || dup2(file, STDERR_FILENO) < 0) {
    close(file);
    if (copy >= 0) close(copy);
    return;
  }
  held = file;
  original = copy;
}

// Called by the crash handler too: system calls only.
void cn_errors_end(void) {
  if (held < 0) return;
  int file = held;
  held = -1;
  off_t end = lseek(file, 0, SEEK_CUR);
  dup2(original, STDERR_FILENO);
  char buffer[1024];
  for (off_t at = 0; at < end;) {
    size_t wanted = (size_t)(end - at) < sizeof buffer ? (size_t)(end - at) : sizeof buffer;
    ssize_t got = pread(file, buffer, wanted, at);
    if (got <= 0) break;
    cn_write_all(STDERR_FILENO, buffer, (size_t)got);
    at += got;
  }
  close(original);
  close(file);
  original = -1;
}
