// What the small peers share: reading a message just far enough to answer it.
// They see only messages that this benchmark makes, so a search for a key is enough.
#ifndef MCP_H
#define MCP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL "2025-11-25"

static inline void die(const char *words) {
  perror(words);
  exit(1);
}

// The text of the message's id, up to the first byte that ends a number or a quoted string.
static inline int message_id(const char *line, char *id, int room) {
  const char *at = strstr(line, "\"id\":");
  if (!at) return 0;
  at += 5;
  while (*at == ' ') at++;
  int length = 0, quotes = 0;
  for (; *at && length < room - 1; at++) {
    if (*at == '"') quotes++;
    if (quotes == 0 && (*at == ',' || *at == '}' || *at == ' ')) break;
    id[length++] = *at;
    if (quotes == 2) break;
  }
  id[length] = 0;
  return length;
}

#define TEXT                                                                                       \
  "BTCUSDT last 60000.10 bid 60000.00 ask 60000.20 volume 12345.678 turnover 740740680.00 "        \
  "funding 0.0001 next 08:00 open interest 54321.000 high 61234.50 low 58765.40"

#define ORDER                                                                                      \
  "{\"type\":\"object\",\"properties\":{\"category\":{\"type\":\"string\"},"                       \
  "\"request\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"                \
  "\"symbol\":{\"type\":\"string\"},\"side\":{\"type\":\"string\"},"                               \
  "\"orderType\":{\"type\":\"string\"},\"qty\":{\"type\":\"string\"},"                             \
  "\"price\":{\"type\":\"string\"},\"timeInForce\":{\"type\":\"string\"},"                         \
  "\"orderLinkId\":{\"type\":\"string\"}}}}}}"

// The answer to a message in `out`; 0 for one that has none.
static inline int answer(const char *line, char *out, int room) {
  char id[128];
  if (!message_id(line, id, sizeof id)) return 0;
  const char *result = "{}";
  if (strstr(line, "\"tools/call\""))
    result = "{\"content\":[{\"type\":\"text\",\"text\":\"" TEXT "\"}],\"isError\":false}";
  else if (strstr(line, "\"initialize\""))
    result = "{\"protocolVersion\":\"" PROTOCOL "\",\"capabilities\":{\"tools\":{}},"
             "\"serverInfo\":{\"name\":\"bench\",\"version\":\"1\"}}";
  else if (strstr(line, "\"tools/list\""))
    result = "{\"tools\":[{\"name\":\"getQuote\",\"description\":\"One quote.\","
             "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"symbol\":"
             "{\"type\":\"string\"}}}},{\"name\":\"wsBatchCreateOrders\","
             "\"description\":\"Orders.\",\"inputSchema\":" ORDER "}]}";
  return snprintf(out, room, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}", id, result);
}

#endif
