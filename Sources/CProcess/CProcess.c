#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/timex.h>
#endif

int countersign_pipe(int ends[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
#else
  if (pipe(ends) != 0) return errno;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  return 0;
#endif
}

static int prepare_files(posix_spawn_file_actions_t *actions, const char *directory,
                         const int standard[3]) {
  int result = 0;
  for (int i = 0; i < 3 && result == 0; i++)
    result = posix_spawn_file_actions_adddup2(actions, standard[i], i);
  if (result == 0 && directory != NULL)
    result = posix_spawn_file_actions_addchdir_np(actions, directory);
#ifdef __linux__
  // Everything above standard error is closed, whoever opened it and however.
  if (result == 0) result = posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
  return result;
}

static int prepare_attributes(posix_spawnattr_t *attributes) {
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
#ifdef __APPLE__
  flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
  int result = posix_spawnattr_setflags(attributes, flags);
  if (result == 0) result = posix_spawnattr_setpgroup(attributes, 0);
  if (result == 0) result = posix_spawnattr_setsigdefault(attributes, &all);
  if (result == 0) result = posix_spawnattr_setsigmask(attributes, &none);
  return result;
}

int countersign_spawn(const char *path, char *const arguments[], char *const environment[],
                      const char *directory, const int standard[3], pid_t *pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int result = posix_spawn_file_actions_init(&actions);
  if (result != 0) return result;
  result = posix_spawnattr_init(&attributes);
  if (result == 0) {
    result = prepare_files(&actions, directory, standard);
    if (result == 0) result = prepare_attributes(&attributes);
    if (result == 0)
      result = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return result;
}

int countersign_clock_is_synchronised(void) {
#ifdef __linux__
  struct timex clock = {0};
  int state = adjtimex(&clock);
  if (state < 0) return -1;
  return state == TIME_ERROR || (clock.status & STA_UNSYNC) ? 0 : 1;
#else
  return -1;
#endif
}
