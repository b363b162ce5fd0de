#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Two kinds of signals. Those that ask for something set a bit and wake the loop. Those of a crash
// put the terminal back with what was prepared, then go on to whoever handled them before.

enum { STACK_SIZE = 64 * 1024 };

static const int asking[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT};
static const int crashing[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
enum {
  ASKING = sizeof asking / sizeof *asking,
  CRASHING = sizeof crashing / sizeof *crashing,
};

static struct sigaction asking_before[ASKING];
static struct sigaction crashing_before[CRASHING];
static _Atomic uint64_t pending;
static atomic_bool armed;
static cn_guard *guard;
static int waker = -1;
static void *stack;

static void note(int number) {
  atomic_fetch_or(&pending, UINT64_C(1) << number);
  cn_wake_up(waker);
}

static void restore_terminal(void) {
  if (!atomic_exchange(&armed, false)) return;
  cn_write_all(guard->output, guard->bytes, guard->length);
  tcsetattr(guard->output, TCSANOW, &guard->modes);
  cn_errors_end();
}

// A signal that was sent does not happen again by itself: whoever handled it before is called, and
// then it ends the process.
static void end_by(int number, const struct sigaction *before, siginfo_t *info, void *context) {
  if (before != NULL && (before->sa_flags & SA_SIGINFO) && before->sa_sigaction != NULL) {
    before->sa_sigaction(number, info, context);
  } else if (before != NULL && !(before->sa_flags & SA_SIGINFO) && before->sa_handler != SIG_DFL
             && before->sa_handler != SIG_IGN) {
    before->sa_handler(number);
  }
  signal(number, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  pthread_sigmask(SIG_UNBLOCK, &one, NULL);
  raise(number);
}

static void crash(int number, siginfo_t *info, void *context) {
  int saved = errno;
  restore_terminal();
  const struct sigaction *before = NULL;
  for (int i = 0; i < CRASHING; i++) {
    if (crashing[i] == number) before = &crashing_before[i];
  }
  // A fault happens again as soon as this returns, with its true address. A signal that was sent,
  // and a breakpoint that has been stepped over, do not.
  bool was_sent = info == NULL || info->si_code <= 0 || number == SIGTRAP;
  if (was_sent) {
    end_by(number, before, info, context);
  } else if (before != NULL) {
    sigaction(number, before, NULL);
  }
  errno = saved;
}

static void give_stack(void) {
  stack_t current;
  if (sigaltstack(NULL, &current) != 0 || !(current.ss_flags & SS_DISABLE)) return;
  stack = malloc(STACK_SIZE);
  if (stack == NULL) return;
  stack_t mine = {.ss_sp = stack, .ss_size = STACK_SIZE, .ss_flags = 0};
  sigaltstack(&mine, NULL);
}

static void take_stack(void) {
  if (stack == NULL) return;
  stack_t none = {.ss_flags = SS_DISABLE};
  sigaltstack(&none, NULL);
  free(stack);
  stack = NULL;
}

// A parent may have left signals blocked, and threads of a pool block all of them.
static void unblock(void) {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (int i = 0; i < ASKING; i++) sigaddset(&wanted, asking[i]);
  for (int i = 0; i < CRASHING; i++) sigaddset(&wanted, crashing[i]);
  pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
}

// An exit from elsewhere in the process must not leave the terminal raw.
static void at_exit(void) { restore_terminal(); }

int cn_signals_install(cn_guard *prepared, int wake) {
  static bool is_registered = false;
  if (!is_registered && atexit(at_exit) != 0) return -1;
  is_registered = true;
  guard = prepared;
  waker = wake;
  atomic_store(&pending, 0);
  give_stack();
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigfillset(&action.sa_mask);
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  for (int i = 0; i < ASKING; i++) {
    if (sigaction(asking[i], &action, &asking_before[i]) != 0) return -1;
  }
  action.sa_handler = NULL;
  action.sa_sigaction = crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (int i = 0; i < CRASHING; i++) {
    if (sigaction(crashing[i], &action, &crashing_before[i]) != 0) return -1;
  }
  unblock();
  return 0;
}

void cn_signals_remove(void) {
  for (int i = 0; i < ASKING; i++) sigaction(asking[i], &asking_before[i], NULL);
  for (int i = 0; i < CRASHING; i++) sigaction(crashing[i], &crashing_before[i], NULL);
  take_stack();
}

void cn_guard_arm(bool is_armed) { atomic_store(&armed, is_armed); }

uint64_t cn_signals_take(void) { return atomic_exchange(&pending, 0); }

bool cn_signals_contain(int number) {
  return atomic_load(&pending) & (UINT64_C(1) << number);
}

void cn_signals_forget(int number) { atomic_fetch_and(&pending, ~(UINT64_C(1) << number)); }
