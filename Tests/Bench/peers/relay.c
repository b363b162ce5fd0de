// The least that stands between a client and a stdio server: starts COMMAND and hands whole lines
// through, both ways.
//   relay COMMAND…
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "mcp.h"

struct way {
  int from, to, have;
  char bytes[1 << 16];
};

// Hands on what is whole; 0 at the end of the input.
static int hand_on(struct way *way) {
  ssize_t count = read(way->from, way->bytes + way->have, sizeof way->bytes - way->have);
  if (count <= 0) return 0;
  way->have += count;
  char *last = memrchr(way->bytes, '\n', way->have);
  if (!last) return way->have < (int)sizeof way->bytes;
  int whole = last + 1 - way->bytes;
  if (write(way->to, way->bytes, whole) != whole) return 0;
  way->have -= whole;
  memmove(way->bytes, last + 1, way->have);
  return 1;
}

int main(int count, char **words) {
  static struct way there, back;
  int down[2], up[2];
  if (count < 2 || pipe(down) || pipe(up)) die("relay COMMAND");
  signal(SIGPIPE, SIG_IGN);
  if (fork() == 0) {
    dup2(down[0], 0);
    dup2(up[1], 1);
    for (int fd = 3; fd < 16; fd++) close(fd);
    execvp(words[1], words + 1);
    die(words[1]);
  }
  close(down[0]);
  close(up[1]);
  there.from = 0, there.to = down[1];
  back.from = up[0], back.to = 1;
  struct pollfd polls[] = {{.fd = 0, .events = POLLIN}, {.fd = up[0], .events = POLLIN}};
  while (poll(polls, 2, -1) > 0) {
    if (polls[0].revents && !hand_on(&there)) break;
    if (polls[1].revents && !hand_on(&back)) break;
  }
  return 0;
}
