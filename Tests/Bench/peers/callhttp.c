// Agents over Streamable HTTP: each a connection and a session of its own, call after call.
//   callhttp PORT PATH TOKENS KIND WARMUP SECONDS CALLS
// TOKENS is a file with one bearer token a line ("-": none is sent): as many lines, so many agents.
// KIND is "read" (an allowed call), "held" (a batch of one order that nobody has sent yet) or "held:20"
// (of twenty). It ends
// after SECONDS, or when every agent has made CALLS (0: no such limit), whichever is first, and
// prints {"calls", "seconds", "latencies": [nanoseconds]}; the first WARMUP calls of each agent do
// not count.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "mcp.h"

enum { ROOM = 1 << 17, AGENTS = 256 };

struct agent {
  int socket, number, calls, have, is_done;
  long long start;
  char token[256], session[256], in[ROOM];
};

static const char *path, *kind;
static int port, warm, limit;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void post(struct agent *agent, const char *body) {
  char out[8192], session[400] = "", token[300] = "";
  if (*agent->session)
    snprintf(session, sizeof session, "Mcp-Session-Id: %s\r\nMcp-Protocol-Version: " PROTOCOL "\r\n",
             agent->session);
  if (strcmp(agent->token, "-"))
    snprintf(token, sizeof token, "Authorization: Bearer %s\r\n", agent->token);
  int size = snprintf(
      out, sizeof out,
      "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
      "Accept: application/json, text/event-stream\r\n%s%sContent-Length: %zu\r\n\r\n%s",
      path, port, token, session, strlen(body), body);
  if (write(agent->socket, out, size) != size) die("write");
}

// The bytes of the answer at the start of the buffer; 0 when it is not whole yet.
static int whole_answer(struct agent *agent) {
  agent->in[agent->have] = 0;
  char *head = strstr(agent->in, "\r\n\r\n");
  if (!head) return 0;
  char *body = head + 4, *field = strcasestr(agent->in, "\r\ncontent-length:");
  if (field && field < head) {
    int whole = body - agent->in + atoi(field + 17);
    return agent->have >= whole ? whole : 0;
  }
  field = strcasestr(agent->in, "\r\ntransfer-encoding:");
  if (!field || field > head) return body - agent->in;
  for (char *chunk = body; chunk < agent->in + agent->have;) {
    char *line;
    long size = strtol(chunk, &line, 16);
    line = strstr(line, "\r\n");
    if (!line) return 0;
    chunk = line + 2 + size + 2;
    if (size == 0) return chunk <= agent->in + agent->have ? chunk - agent->in : 0;
  }
  return 0;
}

static void wrong(struct agent *agent) {
  fprintf(stderr, "agent %d was answered: %s\n", agent->number, agent->in);
  exit(1);
}

// Reads what is there; whether an answer is whole now. It is dropped when it was looked at.
static int take(struct agent *agent) {
  ssize_t count = read(agent->socket, agent->in + agent->have, ROOM - 1 - agent->have);
  if (count <= 0) wrong(agent);
  agent->have += count;
  return whole_answer(agent);
}

static void drop(struct agent *agent, int whole) {
  agent->have -= whole;
  memmove(agent->in, agent->in + whole, agent->have);
}

static void await(struct agent *agent, const char *status) {
  int whole;
  while (!(whole = take(agent))) {}
  if (strncmp(agent->in + 9, status, 3)) wrong(agent);
  char *field = strcasestr(agent->in, "\r\nmcp-session-id:");
  if (field && !*agent->session) sscanf(field + 17, " %255[^\r]", agent->session);
  drop(agent, whole);
}

static void greet(struct agent *agent) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1;
  agent->socket = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(agent->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(agent->socket, (void *)&address, sizeof address)) die("connect");
  post(agent, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"" PROTOCOL
              "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}");
  await(agent, "200");
  post(agent, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
  await(agent, "202");
}

// An order batch. No price was used before: the same arguments would be the same call.
static void batch(struct agent *agent, char *body, size_t room, int id) {
  int orders = kind[4] == ':' ? atoi(kind + 5) : 1;
  size_t used = snprintf(body, room,
             "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":"
             "\"wsBatchCreateOrders\",\"arguments\":{\"category\":\"linear\",\"request\":[", id);
  for (int n = 0; n < orders; n++)
    used += snprintf(body + used, room - used,
             "%s{\"symbol\":\"BTCUSDT\",\"side\":\"Buy\",\"orderType\":\"Limit\",\"qty\":\"0.0%d\","
             "\"price\":\"%d.%d\"}", n ? "," : "", 10 + n, 10000 + 7 * (agent->calls * orders + n),
             agent->number + 1);
  snprintf(body + used, room - used, "]}}}");
}

static void call(struct agent *agent) {
  char body[8192];
  int id = agent->calls + 2;
  if (*kind == 'h')
    batch(agent, body, sizeof body, id);
  else
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":"
             "\"getQuote\",\"arguments\":{\"symbol\":\"BTCUSDT\"}}}", id);
  agent->start = now();
  post(agent, body);
}

static void check(struct agent *agent) {
  int is_held = strstr(agent->in, "approvalId") != NULL;
  if (strncmp(agent->in + 9, "200", 3) || !strstr(agent->in, "\"result\"") ||
      strstr(agent->in, "\"isError\":true") || is_held != (*kind == 'h'))
    wrong(agent);
}

int main(int count, char **words) {
  static struct agent *agents[AGENTS];
  static long long latencies[4000000];
  if (count != 8) die("callhttp PORT PATH TOKENS KIND WARMUP SECONDS CALLS");
  port = atoi(words[1]), path = words[2], kind = words[4], warm = atoi(words[5]);
  limit = atoi(words[7]);
  FILE *tokens = fopen(words[3], "r");
  char token[256];
  int total = 0, poll = epoll_create1(0);
  if (!tokens) die(words[3]);
  while (total < AGENTS && fscanf(tokens, "%255s", token) == 1) {
    struct agent *agent = agents[total] = calloc(1, sizeof *agent);
    agent->number = total++;
    strcpy(agent->token, token);
    greet(agent);
    for (; agent->calls < warm; agent->calls++) {
      call(agent);
      int whole;
      while (!(whole = take(agent))) {}
      check(agent);
      drop(agent, whole);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = agent};
    epoll_ctl(poll, EPOLL_CTL_ADD, agent->socket, &event);
  }
  long long start = now(), end = start + (long long)(atof(words[6]) * 1e9);
  long done = 0;
  int busy = total;
  for (int n = 0; n < total; n++) call(agents[n]);
  while (busy > 0) {
    struct epoll_event ready[64];
    int found = epoll_wait(poll, ready, 64, 60000);
    if (found <= 0) die("nobody answers");
    for (int n = 0; n < found; n++) {
      struct agent *agent = ready[n].data.ptr;
      int whole = take(agent);
      if (!whole) continue;
      long long moment = now();
      check(agent);
      drop(agent, whole);
      if (done < (long)(sizeof latencies / sizeof *latencies))
        latencies[done++] = moment - agent->start;
      agent->calls++;
      if (moment < end && (limit == 0 || agent->calls - warm < limit))
        call(agent);
      else
        busy--;
    }
  }
  long long spent = now() - start;
  printf("{\"calls\": %ld, \"seconds\": %.6f, \"latencies\": [", done, spent / 1e9);
  for (long n = 0; n < done; n++) printf(n ? ",%lld" : "%lld", latencies[n]);
  printf("]}\n");
  return 0;
}
