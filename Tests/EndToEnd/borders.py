"""How tests speak to a border without a library that would mend what they send."""

import contextlib
import hashlib
import hmac
import http.client
import json
import re
import socket
import time
import urllib.parse

from websockets.sync.client import connect as connect_socket


def raw_exchange(url, data, seconds=30):
    """Sends bytes, ends the sending half, and gives every byte that comes back."""
    place = urllib.parse.urlsplit(url)
    answer = b""
    with socket.create_connection((place.hostname, place.port), timeout=seconds) as connection:
        # A server that has refused may close while the rest is still being sent.
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(1 << 16):
                answer += part
    return answer


def raw_socket(url, path, frame, seconds=30):
    """Opens a WebSocket by hand, sends a frame as it stands, and gives all that comes back."""
    place = urllib.parse.urlsplit(url)
    greeting = (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    answer = b""
    with socket.create_connection((place.hostname, place.port), timeout=seconds) as connection:
        connection.sendall(greeting.encode())
        while b"\r\n\r\n" not in answer and (part := connection.recv(1 << 16)):
            answer += part
        with contextlib.suppress(ConnectionError):
            connection.sendall(frame)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(1 << 16):
                answer += part
    return answer


def statuses(answer):
    """The status of each response in raw bytes; a body without a line end may stand before one."""
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


class Exchange:
    """A client of the paper exchange that signs as it is told, wrongly too."""

    def __init__(self, url, key, secret):
        self.url, self.key, self.secret = url, key, secret

    def signature(self, text):
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def headers(self, payload, age=0, window="5000"):
        stamp = str(int((time.time() - age) * 1000))
        return {
            "X-BAPI-API-KEY": self.key, "X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": self.signature(stamp + self.key + window + payload),
            "Content-Type": "application/json"}

    def get(self, path, query="", **headers):
        target = path + ("?" + query if query else "")
        return self.send("GET", target, None, {**self.headers(query), **headers})

    def post(self, path, body, age=0, **headers):
        text = body if isinstance(body, str) else json.dumps(body)
        return self.send("POST", path, text, {**self.headers(text, age), **headers})

    def send(self, method, target, body, headers):
        """Status and envelope of one request; headers of None are left out."""
        place = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
        try:
            kept = {name: value for name, value in headers.items() if value is not None}
            connection.request(method, target, body, kept)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(data)
        except ValueError:
            return answer.status, data

    # WebSockets

    def open(self, path):
        return connect_socket(self.url.replace("http", "ws", 1) + path, max_size=1 << 24)

    def auth(self, seconds=10, **changes):
        expires = int((time.time() + seconds) * 1000)
        return {"op": "auth", **{"args": [
            self.key, expires, self.signature(f"GET/realtime{expires}")], **changes}}

    def order(self, request_id, body, age=0, op="order.create"):
        stamp = str(int((time.time() - age) * 1000))
        return {"op": op, "reqId": request_id, "header": {"X-BAPI-TIMESTAMP": stamp},
                "args": [body]}


def ask(connection, message):
    """Sends one message and reads one answer."""
    connection.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
    return json.loads(connection.recv(timeout=30))
