"""Random bytes at the borders: the agents' listener, whole HTTP requests, the policy reader. One seed
(`COUNTERSIGN_SEED`) makes a run again; `COUNTERSIGN_FUZZ=20` makes it twenty times as long.

The parser and the judge are compared with others in `test_policy_oracle.py` and `Tests/JSONTests`."""

import http.client
import json
import os
import random
import subprocess

import pytest

from agents import decision_of
from borders import raw_exchange
from scripted import Scripted
from test_differentials import CASES, GOOD, POLICY, TOOLS, call
from world import REPOSITORY, program_path

SEED = int(os.environ.get("COUNTERSIGN_SEED", "4711"))
TIMES = int(os.environ.get("COUNTERSIGN_FUZZ", "1"))
PIECES = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0000", b"\\ud83d\\ude00", b"\\ud800", b"null",
          b"true", b"1e400", b"-0", b"0.1", b"9" * 70, b" ", b"\n", b"\r", b"\t", b"\0", b"\xff", b"\xc0\x80",
          b"\xe2\x84\xaa", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"name":"read"', b'"arguments":{}',
          b'"method":"ping"', b'"symbol":"A"', b"/**/", b"//", b"'", b"+1", b"01", b".5", b"5.", b"NaN"]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    with Scripted(tmp_path_factory.mktemp("fuzz"), TOOLS, policy=POLICY) as world:
        yield world


def mutated(source, data):
    """A few random changes: bytes flipped, cut, doubled, moved, pieces put in."""
    data = bytearray(data)
    for _ in range(source.choice([1, 1, 1, 2, 3, 8])):
        at = source.randrange(len(data) + 1)
        end = min(len(data), at + source.choice([1, 1, 2, 5, 20]))
        kind = source.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << source.randrange(8)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = data[at:end]
        elif kind == 3:
            data[at:at] = source.choice(PIECES)
        elif kind == 4:
            data[at:end] = source.choice(PIECES)
        else:
            other = source.randrange(len(data) + 1)
            data[other:other] = data[at:end]
    return bytes(data)


# A strict reader of another make

class Strange(ValueError):
    """What a careful reader refuses."""


def once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Strange("a key stands twice")
    return found


def refuse(word):
    raise Strange(f"{word} is no number")


def strictly(body):
    """The document of a body as Python reads it; numbers by their text."""
    text = body.decode("utf-8")
    if text.startswith("\ufeff"):
        raise Strange("a byte order mark")
    found = json.loads(text, object_pairs_hook=once, parse_constant=refuse, parse_float=str, parse_int=str)
    json.dumps(found, ensure_ascii=False).encode("utf-8")
    return found


def test_no_call_is_accepted_that_another_parser_reads_otherwise(fuzzed):
    world, source = fuzzed, random.Random(SEED)
    agent, pid = world.agent(), world.gateway_pid
    good = [call(), call('{"symbol":"A","legs":[{"qty":"1"},{"qty":"0.2"}],"x":[1,2.5,null]}'),
            *(body for body, _ in GOOD.values())]
    bad = [body for body, _ in CASES.values() if 0 < len(body) < 2_000]
    connection = http.client.HTTPConnection(agent.url.hostname, agent.url.port, timeout=20)
    accepted = 0
    for number in range(1_500 * TIMES):
        body = mutated(source, source.choice(good if source.random() < 0.6 else bad))
        try:
            connection.request("POST", agent.url.path, body, agent.headers())
            reply = connection.getresponse()
            data = reply.read()
        except http.client.HTTPException:
            pytest.fail(f"seed {SEED}, body {number}: the connection broke on {body!r}")
        if reply.status != 200:
            assert reply.status in (202, 400, 404), (SEED, number, reply.status, body)
            continue
        if b"data:" in data:
            data = [one for one in data.splitlines() if one.startswith(b"data:")][-1][5:]
        answer = json.loads(data)
        if "result" not in answer or decision_of(answer["result"]):
            continue
        try:
            seen = strictly(body)
        except (ValueError, RecursionError) as error:
            pytest.fail(f"seed {SEED}, body {number}: accepted, and Python refuses it ({error}): {body!r}")
        if seen["method"] != "tools/call":
            continue
        accepted += 1
        log = (world.place() / "calls.jsonl").read_bytes().splitlines()[-1]
        sent = strictly(log)["params"]
        wanted = {"name": seen["params"]["name"], "arguments": seen["params"].get("arguments", {})}
        got = {"name": sent["name"], "arguments": sent.get("arguments", {})}
        assert got == wanted, f"seed {SEED}, body {number}: {body!r} arrived as {log!r}"
    assert world.gateway_pid == pid
    assert accepted > 20 * TIMES, "some still are calls"


def test_no_request_breaks_the_listener(fuzzed):
    world, source = fuzzed, random.Random(SEED + 1)
    agent, pid = world.agent(), world.gateway_pid
    body = call('{"symbol":"Z"}')
    whole = "\r\n".join([
        "POST /mcp/main HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in agent.headers().items()),
        f"Content-Length: {len(body)}", "", ""]).encode() + body
    for number in range(150 * TIMES):
        head = mutated(source, whole)
        raw_exchange(world.agents_url, head, seconds=20)
        assert world.gateway_pid == pid, f"seed {SEED + 1}, request {number}: {head!r}"
    assert not agent.call("read", {"symbol": "last"}).get("isError")
    assert all(name in POLICY["tools"] for name, _ in world.calls()), "nothing else was ever allowed"


def test_no_policy_breaks_the_reader(tmp_path):
    source = random.Random(SEED + 2)
    seeds = [(REPOSITORY / "config/policies/page.json").read_bytes(), json.dumps({
        "version": "1", "default": "deny", "hide": ["a*"], "tools": {"get*": {
            "deny_if": [{"conditions": [{"path": "sum(args.a[*].b)", "op": "gt", "value": 1.5}]}],
            "require": [{"conditions": [{"not": {"path": "args.s", "op": "regex", "value": "^[a-z]{2,5}$"}}]}],
            "hold_if": [{"conditions": [{"path": "time.now", "op": "within", "value": {
                "from": "09:00", "to": "17:00", "zone": "Europe/London", "days": ["mon"]}}]}],
            "approval": [{"conditions": [{"path": "args.ip", "op": "cidr", "value": "10.0.0.0/8"}],
                          "quorum": 2, "ttl": "5m"}], "rate_limit": {"max": 3, "window": 60}}}}).encode()]
    path = tmp_path / "policy.json"
    for number in range(80 * TIMES):
        document = mutated(source, source.choice(seeds))
        path.write_bytes(document)
        done = subprocess.run(
            [program_path(), "policy", "check", str(path)], capture_output=True, timeout=30)
        place = f"seed {SEED + 2}, document {number}: {document!r}: {done.stderr!r}"
        assert done.returncode in (0, 2), place
        if done.returncode == 0:
            try:
                json.loads(document.decode("utf-8"), object_pairs_hook=once, parse_constant=refuse)
            except ValueError as error:
                pytest.fail(f"{place} is taken, and Python refuses it: {error}")
        else:
            assert b"policy.json" in done.stderr, place

