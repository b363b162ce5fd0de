// Starting a child, and the clock: the calls that Swift's C library overlay does not show.
#ifndef COUNTERSIGN_CPROCESS_H
#define COUNTERSIGN_CPROCESS_H

#include <sys/types.h>

// A pipe whose ends are closed on exec. 0, or an errno.
int countersign_pipe(int ends[2]);

// Starts `path` as the leader of a process group of its own, with standard input, output and error
// from `standard`, default signal handlers, an empty signal mask and no other descriptor.
// `directory` may be NULL. 0, or an errno.
int countersign_spawn(const char *path, char *const arguments[], char *const environment[],
                      const char *directory, const int standard[3], pid_t *pid);

// Whether the system says that its clock is kept right: 1 yes, 0 no, -1 it does not tell.
int countersign_clock_is_synchronised(void);

#endif
