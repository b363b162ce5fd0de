"""Stands in for a gateway's operator API: what a real one answered, and as many order updates a
second as are asked for, which no paper exchange can make.

    stand_in.py RECORDED.json RATE

Prints its port, then a line of JSON for each thing worth knowing: `{"events": monotonic seconds}`
when a console asked for the event stream, `{"sent": updates a second}` once a second. It ends with
its standard input.
"""

import datetime
import http.server
import json
import socket
import sys
import threading
import time

# Orders that the updates are about, and how many updates go out in one write.
ORDERS = 200
BLOCKS_A_SECOND = 100


def now_text(seconds=0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def tell(**words):
    print(json.dumps(words), flush=True)


class Updates:
    """Order updates without end: each fills a little more of its order, a filled one is replaced."""

    def __init__(self, template):
        self.template = {
            **template, "leg": 0, "agent": "alpha", "quantity": "1", "status": "part_filled"}
        self.template.pop("batch", None)
        self.count = 0
        self.parts = [self.split(n) for n in range(ORDERS)]

    def split(self, order):
        """The bytes of an order around what changes: filled, identity, time."""
        one = {**self.template, "price": f"{60_000 + order}.5", "average_price": f"{60_000 + order}.1",
               "symbol": "BTCUSDT", "filled": "FILLED", "order_id": f"{order}-ROUND",
               "order_link_id": f"{order}-ROUND", "updated_at": "TIME"}
        return json.dumps(one, separators=(",", ":"))

    def block(self, size):
        time_text, out = now_text(), []
        for _ in range(size):
            order, step = self.count % ORDERS, self.count // ORDERS
            number, filled = divmod(step, 999)
            self.count += 1
            data = self.parts[order].replace("FILLED", f"0.{filled + 1:03d}").replace(
                "ROUND", str(number)).replace("TIME", time_text)
            out.append(f"id: {self.count}\nevent: order\ndata: {data}\n\n")
        return "".join(out).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Set before it serves.
    recorded, rate = {}, 0.0

    def setup(self):
        super().setup()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        if self.path == "/v1/session/challenge":
            return self.answer({
                "expires_at": now_text(60), "gateway": "stand-in", "nonce": "00",
                "operator": body["operator"], "type": "countersign/sign-in/v1"})
        if self.path == "/v1/session":
            return self.answer(
                {"token": "token", "role": "operator", "expires_at": now_text(3600)})
        return self.refuse()

    def do_GET(self):
        if self.path == "/v1/events":
            return self.events()
        if self.path in self.recorded:
            return self.answer(self.recorded[self.path])
        return self.refuse()

    def answer(self, value, status=200):
        body = json.dumps(value, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self):
        self.answer({"error": {"code": "not_found", "message": "not here"}}, 404)

    # The event stream

    def events(self):
        tell(events=time.monotonic())
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        try:
            self.chunk(b":\n\n")
            if self.rate:
                self.feed()
            while True:
                time.sleep(15)
                self.chunk(b":\n\n")
        except OSError:
            pass

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def feed(self):
        """At the rate, on time: what a slow reader holds up is not made up for."""
        # The console has asked for everything before the flood begins.
        time.sleep(0.5)
        updates = Updates(self.recorded["/v1/orders"]["orders"][0])
        blocks = min(BLOCKS_A_SECOND, self.rate)
        due = second = time.monotonic()
        told = 0
        while True:
            self.chunk(updates.block(round(self.rate / blocks)))
            moment = time.monotonic()
            due = max(due + 1 / blocks, moment - 0.05)
            if moment - second >= 1:
                tell(sent=(updates.count - told) / (moment - second))
                second, told = moment, updates.count
            time.sleep(max(0, due - moment))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        Handler.recorded = json.load(file)
    Handler.rate = float(sys.argv[2])
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
