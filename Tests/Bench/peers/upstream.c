// The upstream that every gateway and proxy stands in front of: an MCP server with fixed answers.
//   upstream           on standard input and output, one message a line
//   upstream --http    Streamable HTTP with plain JSON answers; prints its port, ends with its input
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mcp.h"

enum { ROOM = 1 << 16, PEERS = 1024 };

static void serve_lines(void) {
  static char in[ROOM], out[ROOM];
  int have = 0;
  for (;;) {
    ssize_t count = read(0, in + have, sizeof in - 1 - have);
    if (count <= 0) return;
    have += count;
    char *line = in, *end;
    while ((end = memchr(line, '\n', in + have - line))) {
      *end = 0;
      int length = answer(line, out, sizeof out - 1);
      if (length > 0) {
        out[length++] = '\n';
        if (write(1, out, length) != length) return;
      }
      line = end + 1;
    }
    have -= line - in;
    memmove(in, line, have);
    if (have == sizeof in - 1) return;
  }
}

struct peer {
  char in[ROOM];
  int have;
};

// Answers one whole request at the start of the buffer; 0 when it is not whole, -1 to hang up.
static int serve_request(int socket, struct peer *peer) {
  static char body[ROOM], out[ROOM + 512];
  peer->in[peer->have] = 0;
  char *head = strstr(peer->in, "\r\n\r\n");
  if (!head) return 0;
  char *field = strcasestr(peer->in, "\r\ncontent-length:");
  int content = field && field < head ? atoi(field + 17) : 0;
  int whole = head + 4 - peer->in + content;
  if (whole > ROOM - 1) return -1;
  if (peer->have < whole) return 0;
  char after = peer->in[whole];
  peer->in[whole] = 0;
  int length = answer(head + 4, body, sizeof body);
  peer->in[whole] = after;
  int size = snprintf(
      out, sizeof out,
      length ? "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: bench\r\n"
               "Content-Length: %d\r\n\r\n%.*s"
             : "HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%.*s",
      length, length, body);
  if (write(socket, out, size) != size) return -1;
  peer->have -= whole;
  memmove(peer->in, peer->in + whole, peer->have);
  return 1;
}

static void serve_http(void) {
  static struct peer *peers[PEERS];
  int door = socket(AF_INET, SOCK_STREAM, 0), one = 1, poll = epoll_create1(0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(door, (void *)&address, size) || listen(door, 128)) die("listen");
  getsockname(door, (void *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = door};
  epoll_ctl(poll, EPOLL_CTL_ADD, door, &event);
  event.data.fd = 0;
  epoll_ctl(poll, EPOLL_CTL_ADD, 0, &event);
  for (;;) {
    struct epoll_event ready[64];
    int count = epoll_wait(poll, ready, 64, -1);
    for (int i = 0; i < count; i++) {
      int fd = ready[i].data.fd;
      if (fd == 0) return;
      if (fd == door) {
        int new = accept(door, NULL, NULL);
        if (new < 0 || new >= PEERS) die("accept");
        setsockopt(new, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!peers[new]) peers[new] = malloc(sizeof(struct peer));
        peers[new]->have = 0;
        event.data.fd = new;
        epoll_ctl(poll, EPOLL_CTL_ADD, new, &event);
        continue;
      }
      struct peer *peer = peers[fd];
      ssize_t got = read(fd, peer->in + peer->have, ROOM - 1 - peer->have);
      int state = got > 0 ? 1 : -1;
      if (got > 0) peer->have += got;
      while (state > 0) state = serve_request(fd, peer);
      if (state < 0) close(fd);
    }
  }
}

int main(int count, char **words) {
  if (count > 1 && !strcmp(words[1], "--http"))
    serve_http();
  else
    serve_lines();
  return 0;
}
