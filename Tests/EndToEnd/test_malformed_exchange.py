"""Malformed input at the paper exchange: Bybit's own codes, and it serves on."""

import json
import time
import uuid

import pytest
from websockets.exceptions import ConnectionClosed

from borders import Exchange, ask, raw_exchange, raw_socket, statuses
from world import KEYS, World, until


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Only the exchange of a world."""
    world = World(tmp_path_factory.mktemp("exchange"))
    world.write_files()
    world.start_paper()
    yield world
    world.close()


@pytest.fixture
def exchange(world):
    exchange = Exchange(world.paper_url, KEYS["BYBIT_API_KEY"], KEYS["BYBIT_API_SECRET"])
    yield exchange
    status, info = exchange.get("/v5/user/query-api")
    assert status == 200 and info["retCode"] == 0, "it serves on"


def order(**changes):
    """A good order that rests; None leaves a field out."""
    whole = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
             "qty": "0.010", "price": "60000.0", "orderLinkId": uuid.uuid4().hex, **changes}
    return {name: value for name, value in whole.items() if value is not None}


# REST

def code(answer):
    status, body = answer
    assert status in (200, 401), answer
    assert body["retMsg"], "with words"
    return body["retCode"]


def test_signatures_and_times(exchange):
    path = "/v5/user/query-api"
    assert code(exchange.get(path, **{"X-BAPI-SIGN": "0" * 64})) == 10004
    assert code(exchange.get(path, **{"X-BAPI-SIGN": "\xe9"})) == 10004
    assert code(exchange.get(path, **{"X-BAPI-API-KEY": "nobody"})) == 10003
    for name in ("X-BAPI-SIGN", "X-BAPI-TIMESTAMP", "X-BAPI-API-KEY"):
        assert code(exchange.get(path, **{name: None})) == 10001
        assert code(exchange.get(path, **{name: ""})) == 10001
    assert code(exchange.get(path, **{"X-BAPI-TIMESTAMP": "soon"})) == 10001
    assert code(exchange.get(path, **{"X-BAPI-RECV-WINDOW": "-1"})) == 10001
    for age in (6, 3600, -5):
        answer = exchange.post("/v5/order/create", order(), age=age)
        assert code(answer) == 10002, age


BAD_BODIES = {
    "no JSON": "garbage", "nothing": "", "an array": "[]", "null": "null", "half": '{"category":',
    "duplicate keys": json.dumps(order()).replace('"qty"', '"qty": "9.000", "qty"'),
    "depth 5000": "[" * 5000 + "]" * 5000, "a lone surrogate": '{"symbol": "\\ud800"}',
}
BAD_ORDERS = {
    **{f"no {name}": order(**{name: None})
       for name in ("category", "symbol", "side", "orderType", "qty", "price")},
    "a quantity of a number": order(qty=0.01), "a quantity of words": order(qty="much"),
    "a quantity of nothing": order(qty="0"), "a negative quantity": order(qty="-1"),
    "a quantity off the step": order(qty="0.0101"), "an unknown side": order(side="Hold"),
    "an unknown symbol": order(symbol="NOPEUSDT"), "an unknown type": order(orderType="Maybe"),
    "a link id of 40": order(orderLinkId="a" * 40), "a price of words": order(price="low"),
    "an unknown category": order(category="stocks"), "a symbol of a number": order(symbol=5),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_bodies(exchange, name):
    for path in ("/v5/order/create", "/v5/order/create-batch", "/v5/order/cancel"):
        assert code(exchange.post(path, BAD_BODIES[name])) == 10001


@pytest.mark.parametrize("name", BAD_ORDERS)
def test_bad_orders(world, exchange, name):
    until(lambda: code(exchange.get("/v5/user/query-api")) == 0, "the exchange answers")
    answer = exchange.post("/v5/order/create", BAD_ORDERS[name])
    if answer[1]["retCode"] == 10006:
        # Ten orders a second; the next second is soon.
        answer = until(lambda: not_limited(exchange, BAD_ORDERS[name]), "the second is over", 3)
    assert code(answer) not in (0, 10006), answer
    shown = exchange.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT")
    assert shown[1]["result"]["list"] == [], "no order came of it"


def not_limited(exchange, body):
    answer = exchange.post("/v5/order/create", body)
    return None if answer[1]["retCode"] == 10006 else answer


def test_paths_queries_and_limits(world, exchange):
    assert exchange.get("/v5/nothing")[0] == 404
    assert exchange.post("/v5/market/tickers", {})[0] == 404
    for query in ("category=linear&symbol=%ff", "category=linear&category=spot", "category=",
                  "category=linear&symbol=%", "symbol=BTCUSDT"):
        assert code(exchange.get("/v5/market/tickers", query)) != 0, query
    for path in ("/v5/order/realtime", "/v5/order/history", "/v5/execution/list"):
        assert code(exchange.get(path, "category=linear&limit=-1&symbol=BTCUSDT")) == 10001
    status, body = exchange.post("/v5/order/create", '{"a": "' + "a" * (300 << 10) + '"}')
    assert status == 413 and body["retCode"] == 10001
    for broken in (b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
                   b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                   b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
        assert statuses(raw_exchange(world.paper_url, broken)) == [400]


# WebSockets

@pytest.fixture
def trade(exchange):
    with exchange.open("/v5/trade") as connection:
        assert ask(connection, exchange.auth())["retCode"] == 0
        yield connection
        placed = until(lambda: accepted(connection, exchange), "a good order is taken", 3)
        cancel = {"category": "linear", "symbol": "BTCUSDT",
                  "orderLinkId": placed["data"]["orderLinkId"]}
        assert code(exchange.post("/v5/order/cancel", cancel)) == 0


def accepted(connection, exchange):
    answer = ask(connection, exchange.order(uuid.uuid4().hex, order()))
    return answer if answer["retCode"] == 0 else None


def test_sign_in_of_the_trade_stream(exchange):
    with exchange.open("/v5/trade") as connection:
        assert ask(connection, exchange.order("1", order()))["retCode"] == 10003
        for message, number in (
                (exchange.auth(seconds=-5), 10001), (exchange.auth(args=[]), 10001),
                (exchange.auth(args=["a", "b"]), 10001), (exchange.auth(args="x"), 10001),
                (exchange.auth(args=[exchange.key, "soon", "x"]), 10001),
                (exchange.auth(args=["nobody", 9_999_999_999_999, "x"]), 10003),
                (exchange.auth(args=[exchange.key, 9_999_999_999_999, "0" * 64]), 10004)):
            answer = ask(connection, message)
            assert answer["retCode"] == number and answer["retMsg"], (message, answer)
        assert ask(connection, exchange.auth())["retCode"] == 0
        assert ask(connection, exchange.auth())["retCode"] == 20001


def unless_limited(connection, message):
    """The answer, unless more than ten orders came within this second."""
    if isinstance(message, dict) and len(message.get("reqId", "")) == 1:
        message = {**message, "reqId": uuid.uuid4().hex}
    answer = ask(connection, message)
    return None if answer["retCode"] == 10006 else answer


def test_messages_of_the_trade_stream(exchange, trade):
    good = exchange.order("x", order())
    for message, number in (
            ("garbage", 10001), ("", 10001), ("[]", 10001), ("5", 10001), ("[" * 5000, 10001),
            (b"\xff\xfe", 10001), ('{"op":"ping","op":"auth"}', 10001),
            ('{"op":"\\ud800"}', 10001), ({**good, "op": "order.explode", "reqId": "a"}, 10404),
            ({"op": 5}, None), ({}, None), ({**good, "reqId": "b", "header": {}}, 10001),
            ({**good, "reqId": "c", "header": None}, 10001),
            ({**good, "reqId": "d" * 37}, 10001), ({**good, "reqId": "e", "args": []}, 10001),
            ({**good, "reqId": "f", "args": [[]]}, 10001),
            ({**good, "reqId": "g", "args": [order(qty=None)]}, 10001),
            (exchange.order("h", order(), age=9), 10002),
            (exchange.order("i", order(), age=-5), 10002)):
        answer = until(lambda: unless_limited(trade, message), "the second is over", 3)
        assert answer["retCode"] != 0 and answer["retMsg"], (message, answer)
        assert number is None or answer["retCode"] == number, (message, answer)
    assert ask(trade, {"op": "ping"})["op"] == "pong"


def test_a_request_id_counts_once(exchange, trade):
    placed = until(lambda: accepted(trade, exchange), "a good order is taken", 3)
    again = until(lambda: unless_limited(trade, exchange.order(placed["reqId"], order())),
                  "the second is over", 3)
    assert again["retCode"] == 20006
    cancel = {"category": "linear", "symbol": "BTCUSDT",
              "orderLinkId": placed["data"]["orderLinkId"]}
    assert code(exchange.post("/v5/order/cancel", cancel)) == 0


def test_messages_of_the_private_stream(exchange):
    with exchange.open("/v5/private") as connection:
        early = ask(connection, {"op": "subscribe", "args": ["order"]})
        assert early["success"] is False
        assert ask(connection, exchange.auth(args=["x", 1, "y"]))["success"] is False
        assert ask(connection, exchange.auth())["success"] is True
        for message in ("garbage", "[]", "{}", "[" * 5000, {"op": "explode"}, {"op": "subscribe"},
                        {"op": "subscribe", "args": []}, {"op": "subscribe", "args": "order"},
                        {"op": "subscribe", "args": ["nothing"]}, {"op": "subscribe", "args": [5]},
                        {"op": "subscribe", "args": ["order"] * 100}):
            answer = ask(connection, message)
            assert answer["success"] is False and answer["ret_msg"], (message, answer)
        assert ask(connection, {"op": "subscribe", "args": ["order"]})["success"] is True


def test_frames_that_are_too_large_close_their_connection_only(exchange, trade):
    with exchange.open("/v5/private") as connection:
        with pytest.raises(ConnectionClosed) as closed:
            connection.send("a" * (300 << 10))
            connection.recv(timeout=10)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    assert ask(trade, {"op": "ping"})["op"] == "pong"


def test_upgrades_that_are_none(world, exchange):
    for lines in ("Connection: upgrade\r\nUpgrade: websocket\r\n",
                  "Connection: upgrade\r\nUpgrade: h2c\r\n",
                  "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\n"
                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"):
        request = f"GET /v5/trade HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()
        answer = statuses(raw_exchange(world.paper_url, request))
        assert answer and answer[0] in (400, 404, 426), (lines, answer)
    assert statuses(raw_socket(world.paper_url, "/v5/nowhere", b"")) == [404]


def test_raw_bytes_inside_a_websocket(world, exchange):
    """Frames that no client library would send."""
    for frame in (b"\x81\x05hello", b"\xf1\x80\0\0\0\0", b"\x8f\x80\0\0\0\0", b"\xff" * 40,
                  b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x89\xfe\x01\x00" + b"\0" * 260):
        begun = time.monotonic()
        answer = raw_socket(world.paper_url, "/v5/trade", frame)
        assert answer.startswith(b"HTTP/1.1 101 "), (frame, answer)
        assert time.monotonic() - begun < 5, "it does not hang"
