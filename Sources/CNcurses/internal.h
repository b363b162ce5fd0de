#ifndef COUNTERSIGN_CNCURSES_INTERNAL_H
#define COUNTERSIGN_CNCURSES_INTERNAL_H

#include "CNcurses.h"

#include <stddef.h>
#include <termios.h>

// What puts the terminal back, prepared while the process is healthy. A handler of a crash reads
// it: it is complete before `cn_guard_arm` and never changes while armed.
typedef struct cn_guard {
  int output;
  struct termios modes;
  char bytes[512];
  size_t length;
} cn_guard;

// Signals and crashes (signals.c).
int cn_signals_install(cn_guard *guard, int waker);
void cn_signals_remove(void);
void cn_guard_arm(bool armed);
uint64_t cn_signals_take(void);
bool cn_signals_contain(int number);
void cn_signals_forget(int number);

// The standard error while the screen is up (errors.c).
void cn_errors_begin(void);
void cn_errors_end(void);

// A descriptor that ends a poll (waker.c).
int cn_waker_open(int *reader, int *writer);
void cn_waker_drain(int reader);

// The whole of `bytes`, from a signal handler too.
void cn_write_all(int descriptor, const char *bytes, size_t length);

#endif
