// One agent over standard input and output: call after call, each after the answer to the last.
//   callstdio WARMUP COUNT COMMAND…     prints the nanoseconds of each call, one a line
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mcp.h"

static int to_child, from_child;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Sends a line and, where it has an id, reads up to the line that answers it.
static void ask(const char *line, int id) {
  static char in[1 << 16];
  static int have;
  int length = strlen(line);
  if (write(to_child, line, length) != length) die("write");
  if (id == 0) return;
  for (;;) {
    ssize_t count = read(from_child, in + have, sizeof in - 1 - have);
    if (count <= 0) {
      fprintf(stderr, "it ended before it answered\n");
      exit(1);
    }
    have += count;
    in[have] = 0;
    char *end;
    while ((end = memchr(in, '\n', have))) {
      char found[128];
      *end = 0;
      int isMine = message_id(in, found, sizeof found) && atoi(found) == id;
      if (isMine && (!strstr(in, "\"result\"") || strstr(in, "\"isError\":true"))) {
        fprintf(stderr, "it answered: %s\n", in);
        exit(1);
      }
      have -= end + 1 - in;
      memmove(in, end + 1, have);
      if (isMine) return;
    }
  }
}

int main(int count, char **words) {
  int down[2], up[2];
  if (count < 4 || pipe(down) || pipe(up)) die("callstdio WARMUP COUNT COMMAND");
  signal(SIGPIPE, SIG_IGN);
  pid_t child = fork();
  if (child == 0) {
    dup2(down[0], 0);
    dup2(up[1], 1);
    for (int fd = 3; fd < 16; fd++) close(fd);
    execvp(words[3], words + 3);
    die(words[3]);
  }
  close(down[0]);
  close(up[1]);
  to_child = down[1];
  from_child = up[0];
  ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"" PROTOCOL
      "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}\n", 1);
  ask("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n", 0);
  int warm = atoi(words[1]), calls = atoi(words[2]);
  for (int n = 0; n < warm + calls; n++) {
    char line[512];
    snprintf(line, sizeof line,
             "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":\"getQuote\","
             "\"arguments\":{\"symbol\":\"BTCUSDT\"}}}\n", n + 2);
    long long start = now();
    ask(line, n + 2);
    if (n >= warm) printf("%lld\n", now() - start);
  }
  close(to_child);
  waitpid(child, NULL, 0);
  return 0;
}
