"""An agent without an SDK: what the SDKs do not let a test do, and what must be quick."""

import concurrent.futures
import http.client
import json
import urllib.parse

from waiting import until

PROTOCOL = "2025-11-25"


class Fault(Exception):
    """A JSON-RPC error or an HTTP refusal."""

    def __init__(self, status, body):
        self.status, self.body = status, body
        super().__init__(f"HTTP {status}: {body}")


class Agent:
    """One session over Streamable HTTP. Each request has a connection of its own."""

    def __init__(self, url, token, name="raw-agent", tls=None):
        self.url, self.token = urllib.parse.urlsplit(url), token
        # An `ssl.SSLContext` where the URL is https.
        self.tls = tls
        self.session = None
        self.last = 0
        self.pool = concurrent.futures.ThreadPoolExecutor(16)
        greeting = self.request("initialize", {
            "protocolVersion": PROTOCOL, "capabilities": {},
            "clientInfo": {"name": name, "version": "1"}})
        self.protocol = greeting["protocolVersion"]
        self.notify("notifications/initialized")

    # Plain exchange of messages

    def headers(self):
        headers = {
            "Authorization": f"Bearer {self.token}", "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream"}
        if self.session is not None:
            headers |= {"Mcp-Session-Id": self.session, "Mcp-Protocol-Version": PROTOCOL}
        return headers

    def post(self, body, timeout=60):
        """Sends the bytes of one message. Gives status and the message that answers, or None."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        place = (self.url.hostname, self.url.port)
        if self.tls is None:
            connection = http.client.HTTPConnection(*place, timeout=timeout)
        else:
            connection = http.client.HTTPSConnection(*place, timeout=timeout, context=self.tls)
        try:
            connection.request("POST", self.url.path, body, self.headers())
            answer = connection.getresponse()
            self.session = answer.headers.get("Mcp-Session-Id", self.session)
            if answer.headers.get_content_type() == "text/event-stream":
                return answer.status, _last_message(answer)
            data = answer.read()
            return answer.status, json.loads(data) if data else None
        finally:
            connection.close()

    def request(self, method, params=None, timeout=60, id=None):
        """The result of a request; a `Fault` for an error."""
        status, answer = self.post(self.message(method, params, id), timeout)
        if status != 200 or answer is None or "result" not in answer:
            raise Fault(status, answer)
        return answer["result"]

    def message(self, method, params=None, id=None):
        if id is None:
            self.last += 1
            id = self.last
        message = {"jsonrpc": "2.0", "id": id, "method": method}
        return message if params is None else {**message, "params": params}

    def notify(self, method, params=None):
        message = {"jsonrpc": "2.0", "method": method}
        status, answer = self.post(message if params is None else {**message, "params": params})
        if status != 202:
            raise Fault(status, answer)

    # Tools

    def call(self, tool, arguments, timeout=60, id=None):
        return self.request("tools/call", {"name": tool, "arguments": arguments}, timeout, id)

    def start(self, tool, arguments, timeout=60):
        """The same in the background: the request's id and a future."""
        self.last += 1
        return self.last, self.pool.submit(self.call, tool, arguments, timeout, self.last)

    def await_outcome(self, approval, seconds=40):
        """Asks with awaitApproval until it is no longer pending."""
        def look():
            result = self.call("awaitApproval", {"approvalId": approval})
            return None if pending_id(result) else result

        return until(look, f"the agent gets the outcome of {approval}", seconds)


def _last_message(answer):
    """The last message of an event stream that is read to its end."""
    found, data = None, []
    for line in answer:
        line = line.rstrip(b"\r\n")
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            found, data = b"\n".join(data), []
    return json.loads(found) if found else None


def decision_of(result):
    return (result.get("_meta") or {}).get("countersign/decision") or {}


# A call in one of these has no outcome yet.
UNSETTLED = ("pending", "partly_signed", "cooling", "approved", "dispatching", "unknown")


def pending_id(result):
    """The approval id of a result that is not final, None for a final one."""
    decision = decision_of(result)
    return decision["approvalId"] if decision.get("status") in UNSETTLED else None


def text_of(result):
    return "\n".join(one["text"] for one in result["content"] if one["type"] == "text")


# Arguments

def leg(symbol, side, quantity, price=None, **more):
    kind = {"orderType": "Market"} if price is None else {"orderType": "Limit", "price": price}
    return {"symbol": symbol, "side": side, "qty": quantity, **kind, **more}


def batch(*legs, category="linear"):
    return {"category": category, "request": list(legs)}


def resting(count=1, symbol="BTCUSDT", quantity="0.010", base=60_000):
    """A batch of buys that stay in the book, each at a price of its own."""
    return batch(*(leg(symbol, "Buy", quantity, f"{base - 10 * n}.00") for n in range(count)))
