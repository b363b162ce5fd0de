#ifndef COUNTERSIGN_CNCURSES_H
#define COUNTERSIGN_CNCURSES_H

#include <stdbool.h>
#include <stdint.h>

// A narrow face of ncursesw. No curses header is included here: its macros and globals do not
// import into Swift. One screen exists at a time, and one thread calls everything that takes one.

typedef struct cn_screen cn_screen;

typedef enum cn_failure {
  CN_OK = 0,
  CN_NOT_A_TTY,
  CN_UNKNOWN_TERM,
  CN_CANNOT_MOVE_CURSOR,
  CN_ALREADY_OPEN,
  CN_SYSTEM,
} cn_failure;

// Attributes of a cell, as bits.
enum {
  CN_BOLD = 1,
  CN_DIM = 2,
  CN_REVERSE = 4,
  CN_UNDERLINE = 8,
};

// What cn_wait has seen, as bits.
enum {
  CN_BYTES = 1,
  CN_WOKEN = 2,
  CN_CLOSED = 4,
};

// Styles that cn_define_style knows, numbered from 0.
enum { CN_STYLE_LIMIT = 32 };

// Opens the terminal on two descriptors that stay the caller's. Null with *why on failure;
// CN_SYSTEM leaves errno.
cn_screen *cn_open(int input, int output, bool wants_colour, cn_failure *why);

// Gives the terminal back as it was and frees the screen.
void cn_close(cn_screen *screen);

// Colours of the terminal: 0, 8, 16, 256 or more.
int cn_colours(const cn_screen *screen);

// Whether characters beyond ASCII can be shown.
bool cn_is_utf8(const cn_screen *screen);

// The size now, asked from the terminal; curses is told when it changed.
void cn_measure(cn_screen *screen, int *width, int *height);

// A pair of colours, -1 for the terminal's own.
void cn_define_style(cn_screen *screen, int style, int foreground, int background);

// One character of `width` cells: a base and its marks. A character that the C library would
// draw in another width comes out as `?`, so that columns stay ours.
void cn_put(cn_screen *screen, int row, int column, const uint32_t *scalars, int count, int width,
            int style, int attributes);

// The hardware cursor; hidden when row or column is negative.
void cn_set_cursor(cn_screen *screen, int row, int column);

// Blanks everything; the next flush repaints the whole terminal when `all` is set.
void cn_erase(cn_screen *screen, bool all);

// Sends what changed since the last flush.
void cn_flush(cn_screen *screen);

void cn_beep(cn_screen *screen);

// Writes an operating system command: ESC ] text BEL. The caller answers for the text: printable
// ASCII only, or nothing is written.
void cn_command(cn_screen *screen, const char *text);

// Waits at most `timeout` milliseconds (-1: for ever) for input, cn_wake or a signal, and reads at
// most `capacity` bytes. Returns those bits, 0 when the time is up.
int cn_wait(cn_screen *screen, int timeout, uint8_t *buffer, int capacity, int *count);

// Drops what the kernel holds of the terminal's input.
void cn_drop_input(cn_screen *screen);

// A descriptor to give to cn_wake_up.
int cn_waker(const cn_screen *screen);

// Ends a wait. Safe from any thread and from a signal handler.
void cn_wake_up(int waker);

// The signals that came since the last call: bit N for signal N.
uint64_t cn_take_signals(cn_screen *screen);

// Leaves the terminal, stops the process group as ^Z in a shell would, and takes the terminal
// again. False when the system did not stop it.
bool cn_suspend(cn_screen *screen);

// Takes the terminal again after somebody else stopped and continued the process.
void cn_reenter(cn_screen *screen);

// Milliseconds of a clock that is never set back.
int64_t cn_milliseconds(void);

#endif
