"""Malformed input at the two listeners: a clear answer, and the gateway serves on."""

import json

import pytest

from agents import Agent, Fault, batch, decision_of, leg, resting
from borders import raw_exchange, statuses
from operators import Operator, Refused
from world import World, until


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One world for all of these: that it goes on serving is what they test."""
    with World(tmp_path_factory.mktemp("malformed"), hold={"wait": "1s"}) as world:
        yield world
        assert world.received_orders() == [], "nothing malformed became an order"


@pytest.fixture(autouse=True)
def serves_on(served):
    """After each test, both listeners and the exchange answer a normal call."""
    pid = served.gateway_pid
    yield
    assert served.gateway_pid == pid, "the gateway is still the same process"
    agent = Agent(served.agents_url, served.token)
    read = agent.call("getTickers", {"category": "linear", "symbol": "BTCUSDT"})
    assert json.loads(read["content"][0]["text"])["retCode"] == 0
    status = served.status()
    assert status["is_store_writable"] and status["feed"]["state"] == "live"


# HTTP

def head(world, *lines, target="/mcp"):
    """The head of an agent's POST, with more header lines."""
    return "\r\n".join([
        f"POST {target} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {world.token}",
        "Content-Type: application/json", "Accept: application/json, text/event-stream",
        *lines, "", ""]).encode()


BROKEN = {
    "a line of garbage": lambda w: b"GARBAGE\r\n\r\n",
    "a TLS greeting": lambda w: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 60,
    "an unknown version": lambda w: head(w).replace(b"HTTP/1.1", b"HTTP/9.9"),
    "a header of 70 kB": lambda w: head(w, "X: " + "a" * 70_000, "Content-Length: 2") + b"{}",
    "500 headers": lambda w: head(w, *(f"X-{n}: a" for n in range(500))),
    "NUL in a name": lambda w: head(w, "X\0: a", "Content-Length: 2") + b"{}",
    "a folded header": lambda w: head(w, "X: a\r\n b", "Content-Length: 2") + b"{}",
    "a length of words": lambda w: head(w, "Content-Length: abc") + b"{}",
    "a negative length": lambda w: head(w, "Content-Length: -5") + b"{}",
    "two lengths": lambda w: head(w, "Content-Length: 2", "Content-Length: 3") + b"{}",
    "length and chunks": lambda w: head(
        w, "Content-Length: 2", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "a chunk size of letters": lambda w: head(w, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n",
    "no end of a chunk": lambda w: head(w, "Transfer-Encoding: chunked") + b"2\r\n{}garbage",
    "an endless chunk": lambda w: head(w, "Transfer-Encoding: chunked") + b"f" * 20 + b"\r\n{}",
    "a body cut short": lambda w: head(w, "Content-Length: 50") + b"{}",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("listener", ["agents_url", "operators_url"])
def test_broken_http_is_refused(served, name, listener):
    answer = raw_exchange(getattr(served, listener), BROKEN[name](served))
    assert statuses(answer)[-1:] and statuses(answer)[-1] in (400, 413, 414, 431, 505), answer
    assert not {200, 202} & set(statuses(answer))


@pytest.mark.parametrize("listener", ["agents_url", "operators_url"])
def test_broken_http_is_told_why(served, listener):
    """An error that a person can act on has words."""
    answer = raw_exchange(getattr(served, listener), BROKEN["a header of 70 kB"](served))
    assert len(answer.partition(b"\r\n\r\n")[2]) > 20, answer


def test_other_methods_hosts_and_types_are_refused(served):
    good = head(served, "Content-Length: 2") + b"{}"
    for old, new, status in (
            (b"POST", b"PUT", 405), (b"Host: 127.0.0.1", b"Host: evil.example", 421),
            (b"application/json\r\nAccept", b"text/plain\r\nAccept", 415),
            (b", text/event-stream", b"", 406), (b"Bearer ", b"Bearer x", 401),
            (b"Host:", b"Origin: https://evil.example\r\nHost:", 403),
            (b"POST /mcp", b"POST /mcp/nothing", 404)):
        answer = raw_exchange(served.agents_url, good.replace(old, new))
        assert statuses(answer) == [status], (new, answer)
        assert len(answer.partition(b"\r\n\r\n")[2]) > 20, "with words"


def test_two_requests_are_not_smuggled_as_one(served):
    inner = head(served, "Content-Length: 2") + b"{}"
    data = head(served, "Transfer-Encoding: chunked", "Content-Length: 4") + b"0\r\n\r\n" + inner
    assert statuses(raw_exchange(served.agents_url, data)) == [400]


# JSON

def call_text(arguments):
    """A tools/call of a held tool with `arguments` as raw text."""
    return (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":'
            b'{"name":"wsBatchCreateOrders","arguments":' + arguments + b"}}")


ORDER = json.dumps(resting()).encode()
BAD_JSON = {
    "duplicate key": (call_text(ORDER.replace(b'"side"', b'"qty":"9.000","side"')), "qty"),
    "duplicate method": (b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}', "method"),
    "invalid UTF-8": (call_text(ORDER.replace(b"BTC", b"\xc3\x28")), "UTF-8"),
    "overlong UTF-8": (call_text(ORDER.replace(b"BTC", b"\xc0\xaf")), "UTF-8"),
    "lone surrogate": (call_text(ORDER.replace(b"BTC", b"\\ud800")), "surrogate"),
    "swapped surrogates": (call_text(ORDER.replace(b"BTC", b"\\udc00\\ud800")), "surrogate"),
    "depth 5000": (call_text(b"[" * 5000 + b"]" * 5000), "nest"),
    "depth 5000 of objects": (call_text(b'{"a":' * 5000 + b"1" + b"}" * 5000), "nest"),
    "a bare control character": (call_text(ORDER.replace(b"BTC", b"B\x01")), "control"),
    "two documents": (call_text(ORDER) + b"{}", ""),
    "a comment": (call_text(ORDER + b"/* ok */"), ""),
    "NaN": (call_text(ORDER.replace(b'"0.010"', b"NaN")), ""),
    "half a document": (call_text(ORDER)[:-1], ""),
    "a byte order mark": (b"\xef\xbb\xbf" + call_text(ORDER), ""),
    "UTF-16": (call_text(ORDER).decode().encode("utf-16"), ""),
    "a long number": (call_text(b"1" * 100_000), "number"),
    "nothing": (b"", ""),
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json_is_refused(served, name):
    body, word = BAD_JSON[name]
    agent = Agent(served.agents_url, served.token)
    status, answer = agent.post(body)
    assert status == 400
    assert answer["error"]["code"] == -32700 and answer["id"] is None, answer
    assert word in answer["error"]["message"] and len(answer["error"]["message"]) > 20, answer
    assert agent.request("ping") == {}, "the session lives on"
    assert served.pending() == []


def test_a_body_of_8_mb_is_refused(served):
    agent = Agent(served.agents_url, served.token)
    status, answer = agent.post(call_text(b'"' + b"a" * (8 << 20) + b'"'))
    assert status == 413 and "1048576 bytes" in answer["error"]["message"]
    assert agent.request("ping") == {}


# MCP

BAD_MESSAGES = {
    "an array": [{"jsonrpc": "2.0", "id": 1, "method": "ping"}],
    "an empty array": [],
    "a string": "ping",
    "no version": {"id": 1, "method": "ping"},
    "version 1.0": {"jsonrpc": "1.0", "id": 1, "method": "ping"},
    "no method": {"jsonrpc": "2.0", "id": 1},
    "a method of 5": {"jsonrpc": "2.0", "id": 1, "method": 5},
    "an empty method": {"jsonrpc": "2.0", "id": 1, "method": ""},
    "an id of null": {"jsonrpc": "2.0", "id": None, "method": "ping"},
    "an id of true": {"jsonrpc": "2.0", "id": True, "method": "ping"},
    "an id of 1.5": {"jsonrpc": "2.0", "id": 1.5, "method": "ping"},
    "an id of an object": {"jsonrpc": "2.0", "id": {}, "method": "ping"},
    "an id of 100 kB": {"jsonrpc": "2.0", "id": "a" * 100_000, "method": "ping"},
    "params of an array": {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": []},
    "an unknown member": {"jsonrpc": "2.0", "id": 1, "method": "ping", "extra": 1},
    "a member in capitals": {"jsonrpc": "2.0", "id": 1, "method": "ping", "Params": {}},
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_a_bad_message_is_refused(served, name):
    agent = Agent(served.agents_url, served.token)
    status, answer = agent.post(BAD_MESSAGES[name])
    assert status == 400 and answer["error"]["code"] == -32600, answer
    assert len(answer["error"]["message"]) > 20
    assert agent.request("ping") == {}, "the session lives on"


BAD_REQUESTS = {
    "an unknown method": ("tools/explode", {}, -32601),
    "no name": ("tools/call", {"arguments": {}}, -32602),
    "a name of 5": ("tools/call", {"name": 5, "arguments": {}}, -32602),
    "arguments of an array": ("tools/call", {"name": "getTickers", "arguments": []}, -32602),
    "arguments of a string": ("tools/call", {"name": "getTickers", "arguments": "{}"}, -32602),
    "a cursor of 5": ("tools/list", {"cursor": 5}, -32602),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_is_an_error_of_the_protocol(served, name):
    method, params, code = BAD_REQUESTS[name]
    agent = Agent(served.agents_url, served.token)
    status, answer = agent.post(agent.message(method, params))
    assert status == 200, "a 4xx would tear the client's session down"
    assert answer["error"]["code"] == code and len(answer["error"]["message"]) > 10, answer


def test_an_id_that_is_in_use_is_refused(served):
    agent = Agent(served.agents_url, served.token)
    number, first = agent.start("subscribeOrder", {"messageCount": 1, "timeoutMs": 1500})
    until(lambda: _ping(agent, number), "the first call is under way")
    first.result(20)


def _ping(agent, number):
    """True once the id is refused because a request under way has it."""
    status, answer = agent.post(agent.message("ping", None, number))
    assert status in (200, 400), answer
    return "error" in answer


def test_messages_without_a_session_are_refused(served):
    agent = Agent(served.agents_url, served.token)
    good, agent.session = agent.session, "not-a-session"
    with pytest.raises(Fault) as gone:
        agent.request("ping")
    assert gone.value.status == 404
    agent.session = None
    with pytest.raises(Fault) as unnamed:
        agent.request("ping")
    assert unnamed.value.status == 400
    agent.session = good
    assert agent.request("ping") == {}


BAD_ORDERS = {
    "a quantity of a number": batch(leg("BTCUSDT", "Buy", 0.01)),
    "a quantity of words": batch(leg("BTCUSDT", "Buy", "a lot")),
    "a quantity with an exponent": batch(leg("BTCUSDT", "Buy", "1e3")),
    "a negative quantity": batch(leg("BTCUSDT", "Buy", "-1")),
    "an unknown side": batch(leg("BTCUSDT", "buy", "0.010")),
    "an unknown key": batch(leg("BTCUSDT", "Buy", "0.010", stopLos="1")),
    "a key in other letters": batch(leg("BTCUSDT", "Buy", "0.010", Qty="9")),
    "no legs": batch(),
    "a leg of a string": batch("BTCUSDT"),
    "21 legs": resting(21),
    "no category": {"request": resting()["request"]},
    "legs of an object": {"category": "linear", "request": {}},
    "a Kelvin sign": batch(leg("\u212aAITOUSDT", "Buy", "1")),
    "the same link id twice": batch(
        leg("BTCUSDT", "Buy", "0.010", "60000.00", orderLinkId="a"),
        leg("BTCUSDT", "Buy", "0.010", "60001.00", orderLinkId="a")),
}


@pytest.mark.parametrize("name", BAD_ORDERS)
def test_a_bad_order_is_denied_with_a_sentence(served, name):
    agent = Agent(served.agents_url, served.token)
    result = agent.call("wsBatchCreateOrders", BAD_ORDERS[name])
    assert result["isError"] and decision_of(result)["verdict"] == "denied", result
    assert len(result["content"][0]["text"]) > 40
    assert served.pending() == [], "it is shown to no operator"


def test_a_number_that_libraries_write_differently_is_denied(served):
    agent = Agent(served.agents_url, served.token)
    text = ORDER.replace(b'"side"', b'"positionIdx":0.0,"side"')
    _, answer = agent.post(call_text(text))
    assert decision_of(answer["result"])["verdict"] == "denied", answer
    assert served.pending() == []


# The operator API

def operator_headers(operator):
    operator.sign_in()
    return {"Authorization": f"Bearer {operator.token}", "Content-Type": "application/json"}


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'{"decision":1,"decision":2}', b'{"decision":{}}', b"\xff{}",
    b"[" * 5000, b'{"a":"' + b"a" * 100_000 + b'"}'])
@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/halt", "/v1/session"])
def test_bad_bodies_of_operators_are_refused(served, path, body):
    operator = served.operator()
    status, answer = operator.raw("POST", path, body, operator_headers(operator))
    assert status in (400, 413), answer
    assert answer["error"]["code"] == "bad_request" and len(answer["error"]["message"]) > 10


def test_bad_requests_of_operators_are_refused(served):
    operator = served.operator()
    headers = operator_headers(operator)
    for method, path, status in (
            ("GET", "/v1/nothing", 404), ("DELETE", "/v1/status", 405), ("GET", "/v1/halt", 405),
            ("GET", "/v1/batches/cs_01J9Z3ABCDEFGHJKMNPQRSTVWX", 404),
            ("GET", "/v1/batches/x%00y", 404), ("GET", "/v1/batches/../status", 404),
            ("GET", "/v1/ledger?from=x", 400), ("GET", "/v1/ledger?limit=9999999", 400),
            ("GET", "/v1/ledger?unknown=1", 400), ("GET", "/v1/ledger?from=1&from=2", 400),
            ("GET", "/v1/ledger/consistency?from=99999999", 400),
            ("GET", "/v1/ledger/proof?index=99999999", 404)):
        got, answer = operator.raw(method, path, None, headers)
        assert got == status, (method, path, got, answer)
        assert len(answer["error"]["message"]) > 10
    plain = {**headers, "Content-Type": "text/plain"}
    assert operator.raw("POST", "/v1/halt", b"{}", plain)[0] == 415


@pytest.fixture
def held(served):
    """A held call that is withdrawn when the test is over."""
    agent = Agent(served.agents_url, served.token)
    # A new price each time: a repeat of what was rejected gets the rejection again.
    arguments = resting(base=50_000 + 20 * len(served.batches()))
    number, answer = agent.start("wsBatchCreateOrders", arguments)
    try:
        yield served.until_held()
    finally:
        agent.notify("notifications/cancelled", {"requestId": number})
        for one in served.pending():
            served.reject(one["id"], "the test is over")
        answer.cancel()


def test_wrong_decisions_are_refused(served, held):
    operator = served.operator()
    for changes, status, code in (
            ({"digest": "0" * 64}, 409, "stale"), ({"revision": 2}, 409, "stale"),
            ({"batch": "cs_01J9Z3ABCDEFGHJKMNPQRSTVWX"}, 404, "not_found"),
            ({"operator": "somebody"}, 403, "forbidden"), ({"verb": "sell"}, 400, "bad_request"),
            ({"environment": "mainnet"}, 409, "stale"), ({"digest": "zz"}, 400, "bad_request"),
            ({"extra": 1}, 400, "bad_request"), ({"note": "a" * 501}, 400, "bad_request"),
            ({"decided_at": "yesterday"}, 400, "bad_request"),
            ({"type": "countersign/decision/v9"}, 400, "bad_request")):
        with pytest.raises(Refused) as refused:
            operator.decide("approve", held, **changes)
        assert (refused.value.status, refused.value.code) == (status, code), changes
    assert served.operator().batch(held["id"])["summary"]["state"] == "pending"


def test_wrong_signatures_are_refused(served, held):
    operator = served.operator()
    decision = operator.decision("approve", held)
    other = operator.decision("reject", held)
    wrong = operator.sign(other)
    for signature, status in ((wrong, (401, 403, 422)), ("A" * 86 + "==", (401, 403, 422)),
                              ("", (400,)), ("AAAA", (400,)), (7, (400,))):
        with pytest.raises(Refused) as refused:
            operator.ask("POST", "/v1/decisions", {"decision": decision, "signature": signature})
        assert refused.value.status in status, (signature, refused.value)
        assert "signature" in refused.value.message or status == (400,)
    assert served.operator().batch(held["id"])["summary"]["state"] == "pending"


def test_a_decision_cannot_be_played_again(served, held):
    operator = served.operator()
    decision = operator.decision("reject", held, "once")
    signed = {"decision": decision, "signature": operator.sign(decision)}
    operator.ask("POST", "/v1/decisions", signed)
    served.until_state(held["id"], "rejected")
    with pytest.raises(Refused) as again:
        operator.ask("POST", "/v1/decisions", signed)
    assert again.value.status in (409, 422)


def test_a_viewer_decides_nothing(served, held):
    served.add_operator("viewer", "viewer")
    viewer = served.operator("viewer")
    assert viewer.batch(held["id"])["summary"]["id"] == held["id"]
    with pytest.raises(Refused) as refused:
        viewer.decide("approve", held)
    assert refused.value.status == 403


def test_strangers_cannot_sign_in(served):
    stranger = Operator(served.operators_url, served.key_path())
    stranger.name = "nobody"
    with pytest.raises(Refused) as refused:
        stranger.sign_in()
    assert refused.value.status == 401
    for token in ("", "x", "a" * 10_000, served.token):
        headers = {"Authorization": f"Bearer {token}"}
        assert stranger.raw("GET", "/v1/status", None, headers)[0] == 401


def test_the_command_line_refuses_with_its_exit_codes(served, held):
    assert served.approve(held["id"], digest="0" * 64, check=False).returncode == 3
    assert served.approve(held["id"], digest="zz", check=False).returncode == 2
    assert served.cli("show", "cs_01J9Z3ABCDEFGHJKMNPQRSTVWX", check=False).returncode == 1
    assert served.cli("show", "x", check=False).returncode == 2
    away = served.cli("pending", "--gateway", "http://127.0.0.1:1", check=False)
    assert away.returncode == 4 and away.stderr
