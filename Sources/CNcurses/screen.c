#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include "internal.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

// Milliseconds that the system has to stop the process after ^Z; an orphaned process group is
// never stopped.
enum { STOP_MILLISECONDS = 500, ESCAPE_MILLISECONDS = 25, SIDE_LIMIT = 1000 };

static const char reports_on[] = "\033[?2004h\033[?1004h";
static const char reports_off[] = "\033[?1004l\033[?2004l";

struct cn_screen {
  SCREEN *screen;
  FILE *in;
  FILE *out;
  int input;
  // The descriptor that curses writes to, and one of the terminal alone.
  int output;
  int terminal;
  // A file in memory; -1 where there is none.
  int memory;
  int wake_reader;
  int wake_writer;
  int colours;
  bool is_utf8;
  bool is_closed;
  cn_guard guard;
};

static cn_screen *current;

static bool choose_locale(void) {
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0) return true;
  return setlocale(LC_CTYPE, "C.UTF-8") != NULL
         && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

// A capability without its padding marks, `$<5>`.
static void append_capability(cn_guard *guard, const char *name) {
  const char *text = tigetstr((char *)name);
  if (text == NULL || text == (const char *)-1) return;
  while (*text != '\0' && guard->length < sizeof guard->bytes) {
    if (text[0] == '$' && text[1] == '<' && strchr(text, '>') != NULL) {
      text = strchr(text, '>') + 1;
    } else {
      guard->bytes[guard->length++] = *text++;
    }
  }
}

static void prepare_guard(cn_screen *screen) {
  cn_guard *guard = &screen->guard;
  guard->output = screen->terminal;
  guard->length = sizeof reports_off - 1;
  memcpy(guard->bytes, reports_off, guard->length);
  append_capability(guard, "sgr0");
  append_capability(guard, "op");
  append_capability(guard, "cnorm");
  append_capability(guard, "rmcup");
  if (guard->length < sizeof guard->bytes) guard->bytes[guard->length++] = '\r';
}

static void set_modes(void) {
  raw();
  noecho();
  nonl();
  intrflush(stdscr, FALSE);
  leaveok(stdscr, FALSE);
  scrollok(stdscr, FALSE);
  idlok(stdscr, FALSE);
  typeahead(-1);
}

static void set_colours(cn_screen *screen, bool wanted) {
  screen->colours = 0;
  if (!wanted || !has_colors() || start_color() == ERR) return;
  use_default_colors();
  screen->colours = COLORS;
}

static void free_screen(cn_screen *screen) {
  if (screen->in != NULL) fclose(screen->in);
  if (screen->out != NULL) fclose(screen->out);
  if (screen->terminal >= 0) close(screen->terminal);
  if (screen->memory >= 0) close(screen->memory);
  if (screen->wake_reader >= 0) close(screen->wake_reader);
  if (screen->wake_writer >= 0 && screen->wake_writer != screen->wake_reader) {
    close(screen->wake_writer);
  }
  free(screen);
}

static FILE *duplicate(int descriptor, const char *mode) {
  int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return NULL;
  FILE *file = fdopen(copy, mode);
  if (file == NULL) close(copy);
  return file;
}

static cn_failure start(cn_screen *screen, int input, int output, bool wants_colour) {
  if (!isatty(input) || !isatty(output)) return CN_NOT_A_TTY;
  screen->in = duplicate(input, "r");
  screen->out = duplicate(output, "w");
  if (screen->in == NULL || screen->out == NULL) return CN_SYSTEM;
  screen->input = fileno(screen->in);
  screen->output = fileno(screen->out);
  screen->terminal = fcntl(output, F_DUPFD_CLOEXEC, 3);
  if (screen->terminal < 0) return CN_SYSTEM;
#ifdef __linux__
  screen->memory = memfd_create("screen", MFD_CLOEXEC);
#endif
  if (tcgetattr(screen->output, &screen->guard.modes) != 0) return CN_SYSTEM;
  if (cn_waker_open(&screen->wake_reader, &screen->wake_writer) != 0) return CN_SYSTEM;
  int status = 0;
  if (setupterm(NULL, screen->output, &status) != OK) return CN_UNKNOWN_TERM;
  const char *move = tigetstr("cup");
  bool can_move = move != NULL && move != (const char *)-1;
  if (can_move) prepare_guard(screen);
  del_curterm(cur_term);
  if (!can_move) return CN_CANNOT_MOVE_CURSOR;
  // Before newterm, which puts handlers of its own where it finds none.
  if (cn_signals_install(&screen->guard, screen->wake_writer) != 0) return CN_SYSTEM;
  screen->is_utf8 = choose_locale();
  screen->screen = newterm(NULL, screen->out, screen->in);
  if (screen->screen == NULL) {
    cn_signals_remove();
    return CN_UNKNOWN_TERM;
  }
  set_term(screen->screen);
  set_escdelay(ESCAPE_MILLISECONDS);
  set_colours(screen, wants_colour);
  return CN_OK;
}

cn_screen *cn_open(int input, int output, bool wants_colour, cn_failure *why) {
  *why = CN_ALREADY_OPEN;
  if (current != NULL) return NULL;
  *why = CN_SYSTEM;
  cn_screen *screen = calloc(1, sizeof *screen);
  if (screen == NULL) return NULL;
  screen->terminal = -1;
  screen->memory = -1;
  screen->wake_reader = -1;
  screen->wake_writer = -1;
  *why = start(screen, input, output, wants_colour);
  if (*why != CN_OK) {
    int saved = errno;
    free_screen(screen);
    errno = saved;
    return NULL;
  }
  current = screen;
  cn_guard_arm(true);
  cn_errors_begin();
  set_modes();
  clearok(stdscr, TRUE);
  wnoutrefresh(stdscr);
  doupdate();
  cn_write_all(screen->output, reports_on, sizeof reports_on - 1);
  return screen;
}

static void leave(cn_screen *screen) {
  cn_write_all(screen->output, reports_off, sizeof reports_off - 1);
  curs_set(1);
  endwin();
  // Input that is left would be read by the shell as if it had been typed there.
  tcsetattr(screen->output, TCSAFLUSH, &screen->guard.modes);
  cn_guard_arm(false);
  cn_errors_end();
}

void cn_close(cn_screen *screen) {
  leave(screen);
  delscreen(screen->screen);
  cn_signals_remove();
  current = NULL;
  free_screen(screen);
}

void cn_reenter(cn_screen *screen) {
  cn_guard_arm(true);
  cn_errors_begin();
  reset_prog_mode();
  set_modes();
  clearok(stdscr, TRUE);
  wnoutrefresh(stdscr);
  doupdate();
  cn_write_all(screen->output, reports_on, sizeof reports_on - 1);
}

bool cn_suspend(cn_screen *screen) {
  leave(screen);
  struct sigaction normal, ours;
  memset(&normal, 0, sizeof normal);
  normal.sa_handler = SIG_DFL;
  sigaction(SIGTSTP, &normal, &ours);
  cn_signals_forget(SIGCONT);
  kill(0, SIGTSTP);
  // The stop may come a moment after kill has returned; only SIGCONT says that it is over.
  int64_t end = cn_milliseconds() + STOP_MILLISECONDS;
  while (!cn_signals_contain(SIGCONT) && cn_milliseconds() < end) {
    struct pollfd wake = {.fd = screen->wake_reader, .events = POLLIN};
    if (poll(&wake, 1, (int)(end - cn_milliseconds())) > 0) cn_waker_drain(screen->wake_reader);
  }
  sigaction(SIGTSTP, &ours, NULL);
  bool was_stopped = cn_signals_contain(SIGCONT);
  cn_wake_up(screen->wake_writer);
  cn_reenter(screen);
  return was_stopped;
}

int cn_colours(const cn_screen *screen) { return screen->colours; }

bool cn_is_utf8(const cn_screen *screen) { return screen->is_utf8; }

void cn_measure(cn_screen *screen, int *width, int *height) {
  struct winsize size;
  if (ioctl(screen->output, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    int across = size.ws_col < SIDE_LIMIT ? size.ws_col : SIDE_LIMIT;
    int down = size.ws_row < SIDE_LIMIT ? size.ws_row : SIDE_LIMIT;
    if (across != COLS || down != LINES) resizeterm(down, across);
  }
  *width = COLS;
  *height = LINES;
}

void cn_define_style(cn_screen *screen, int style, int foreground, int background) {
  if (screen->colours == 0 || style < 0 || style >= CN_STYLE_LIMIT) return;
  init_pair((short)(style + 1), (short)foreground, (short)background);
}

static attr_t attributes_of(int bits) {
  attr_t result = A_NORMAL;
  if (bits & CN_BOLD) result |= A_BOLD;
  if (bits & CN_DIM) result |= A_DIM;
  if (bits & CN_REVERSE) result |= A_REVERSE;
  if (bits & CN_UNDERLINE) result |= A_UNDERLINE;
  return result;
}

void cn_put(cn_screen *screen, int row, int column, const uint32_t *scalars, int count, int width,
            int style, int attributes) {
  if (row < 0 || column < 0 || row >= LINES || column + width > COLS || count < 1) return;
  wchar_t text[4] = {0};
  int length = 0;
  for (; length < count && length < 3; length++) text[length] = (wchar_t)scalars[length];
  bool is_ascii = text[0] >= 0x20 && text[0] < 0x7F;
  bool is_ours = is_ascii || (screen->is_utf8 && wcwidth(text[0]) == width);
  for (int i = 1; i < length; i++) is_ours = is_ours && screen->is_utf8 && wcwidth(text[i]) == 0;
  wchar_t unknown[2] = {L'?', 0};
  short pair = screen->colours > 0 ? (short)(style + 1) : 0;
  for (int cell = 0; cell < (is_ours ? 1 : width); cell++) {
    cchar_t character;
    setcchar(&character, is_ours ? text : unknown, attributes_of(attributes), pair, NULL);
    mvwadd_wch(stdscr, row, column + cell, &character);
  }
}

void cn_set_cursor(cn_screen *screen, int row, int column) {
  (void)screen;
  bool is_shown = row >= 0 && column >= 0 && row < LINES && column < COLS;
  curs_set(is_shown ? 1 : 0);
  if (is_shown) wmove(stdscr, row, column);
}

void cn_erase(cn_screen *screen, bool all) {
  (void)screen;
  werase(stdscr);
  if (all) clearok(stdscr, TRUE);
}

// Curses writes at each move of the cursor. Each write would wake whoever reads the terminal, to see a
// part of the picture: they go to a file in memory first. False where that cannot be.
static bool collect(cn_screen *screen) {
#ifdef __linux__
  return screen->memory >= 0 && ftruncate(screen->memory, 0) == 0
         && lseek(screen->memory, 0, SEEK_SET) == 0
         && dup3(screen->memory, screen->output, O_CLOEXEC) >= 0;
#else
  (void)screen;
  return false;
#endif
}

// Gives the terminal what was collected, a usual picture in one write.
static void deliver(cn_screen *screen) {
#ifdef __linux__
  static char buffer[64 * 1024];
  dup3(screen->terminal, screen->output, O_CLOEXEC);
  off_t end = lseek(screen->memory, 0, SEEK_CUR);
  for (off_t at = 0; at < end;) {
    ssize_t got = pread(screen->memory, buffer, sizeof buffer, at);
    if (got <= 0) return;
    cn_write_all(screen->terminal, buffer, (size_t)got);
    at += got;
  }
#endif
}

void cn_flush(cn_screen *screen) {
  wnoutrefresh(stdscr);
  bool is_collected = collect(screen);
  doupdate();
  if (is_collected) deliver(screen);
}

void cn_beep(cn_screen *screen) {
  (void)screen;
  beep();
}

void cn_command(cn_screen *screen, const char *text) {
  for (const char *at = text; *at != '\0'; at++) {
    if (*at < 0x20 || *at > 0x7E) return;
  }
  // Behind what curses has written: its own buffer is empty after doupdate.
  fputs("\033]", screen->out);
  fputs(text, screen->out);
  fputc('\a', screen->out);
  fflush(screen->out);
}

int cn_wait(cn_screen *screen, int timeout, uint8_t *buffer, int capacity, int *count) {
  *count = 0;
  struct pollfd watched[2] = {
      {.fd = screen->is_closed ? -1 : screen->input, .events = POLLIN},
      {.fd = screen->wake_reader, .events = POLLIN},
  };
  int ready = poll(watched, 2, timeout);
  if (ready < 0) return CN_WOKEN;
  int result = 0;
  if (watched[1].revents != 0) {
    cn_waker_drain(screen->wake_reader);
    result |= CN_WOKEN;
  }
  if (watched[0].revents == 0) return result;
  ssize_t got = read(screen->input, buffer, (size_t)capacity);
  if (got > 0) {
    *count = (int)got;
    return result | CN_BYTES;
  }
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return result | CN_WOKEN;
  screen->is_closed = true;
  return result | CN_CLOSED;
}

void cn_drop_input(cn_screen *screen) { tcflush(screen->input, TCIFLUSH); }

int cn_waker(const cn_screen *screen) { return screen->wake_writer; }

uint64_t cn_take_signals(cn_screen *screen) {
  (void)screen;
  return cn_signals_take();
}

int64_t cn_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
