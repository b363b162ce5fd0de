"""`policy explain`, `test` and `diff`: a policy is tried on calls of a file before it counts."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = os.environ["COUNTERSIGN_PROGRAM"]
LEG = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "60000"}


def policy(limit):
    """Batches above `limit` USDT need two; the rest one."""
    return {
        "version": "1", "default": "deny",
        "tools": {"wsBatchCreateOrders": {
            "action": "hold",
            "approval": [
                {"conditions": [{"path": "order.notional.USDT", "op": "gt", "value": limit}],
                 "quorum": 2},
                {"quorum": 1}]}}}


def batch(legs, **more):
    arguments = {"category": "linear", "request": [LEG] * legs}
    return {"tool": "wsBatchCreateOrders", "arguments": arguments, **more}


@pytest.fixture
def files(tmp_path):
    def write(name, value):
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)
    return write


def run(*arguments):
    done = subprocess.run([PROGRAM, "policy", *arguments], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def test_explain_says_what_comes_of_a_call(files):
    document = files("policy.json", policy(10000))
    code, out, _ = run("explain", "--policy", document, files("call.json", batch(1)))
    assert code == 0
    assert out.splitlines()[0] == "call 1: hold by /tools/wsBatchCreateOrders/action, 1 signature"
    code, out, _ = run("explain", "--json", "--policy", document, files("call.json", batch(2)))
    assert code == 0
    assert json.loads(out)["quorum"] == 2
    code, out, _ = run("explain", "--policy", document,
                       files("call.json", {"tool": "withdraw", "arguments": {}}))
    assert out.startswith("call 1: deny by /default\n")


def test_a_market_leg_has_no_worth_without_a_market(files):
    leg = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.001"}
    call = {"tool": "wsBatchCreateOrders", "arguments": {"category": "linear", "request": [leg]}}
    code, out, _ = run("explain", "--policy", files("policy.json", policy(10000)),
                       files("call.json", call))
    assert (code, "2 signatures" in out) == (0, True), "what cannot be computed asks for more"


def test_test_compares_with_what_is_expected(files):
    document = files("policy.json", policy(10000))
    good = [batch(1, expect={"decision": "hold"}),
            {"tool": "withdraw", "arguments": {}, "expect": {"decision": "deny", "rule": "/default"}}]
    assert run("test", "--policy", document, files("good.json", good)) == (
        0, "2 as expected, 0 failed\n", "")
    bad = good + [batch(1, name="one leg", expect={"decision": "allow"})]
    code, out, _ = run("test", "--policy", document, files("bad.json", bad))
    assert code == 1
    assert "failed  one leg: hold by /tools/wsBatchCreateOrders/action, expected allow" in out
    assert out.endswith("2 as expected, 1 failed\n")


def test_diff_names_the_calls_that_are_decided_differently(files):
    old, new = files("old.json", policy(10000)), files("new.json", policy(20000))
    calls = files("calls.json", [batch(1, name="small"), batch(2, name="middle"),
                                 batch(5, name="large")])
    code, out, _ = run("diff", old, new, calls)
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()[:-1]] == ["middle"]
    assert "2 signatures becomes" in out
    assert run("diff", old, old, calls)[0] == 0


COUNTED = {"version": "1", "default": "deny", "tools": {"wsCreateOrder": {
    "action": "hold",
    "limits": [{"counter": "qty", "window": "hour", "max": 1, "increment_from": "args.qty"}]}}}


def counted_calls():
    """The example of docs/policy.md."""
    page = (REPOSITORY / "docs/policy.md").read_text()
    return re.search(r"### Calls that count.*?```json\n(.*?)```", page, re.S)[1]


def test_calls_count_one_after_another(files):
    document, calls = files("policy.json", COUNTED), files("calls.json", counted_calls())
    assert run("test", "--counting", "--policy", document, calls) == (
        0, "3 as expected, 0 failed\n", "")
    # Each for itself, they all have room.
    assert run("test", "--policy", document, calls)[0] == 1
    code, out, _ = run("explain", "--json", "--counting", "--policy", document, calls)
    denied = json.loads(out.splitlines()[1])
    # When the first is decided is not known, so there is no time to try again.
    assert (code, denied["counter"], "retryAfterMs" in denied) == (0, "qty", False)


def test_diff_counts_for_each_policy(files):
    wider = json.loads(json.dumps(COUNTED))
    wider["tools"]["wsCreateOrder"]["limits"][0]["max"] = 2
    old, new = files("old.json", COUNTED), files("new.json", wider)
    calls = files("calls.json", counted_calls())
    code, out, _ = run("diff", "--counting", old, new, calls)
    assert (code, out.splitlines()) == (1, [
        "call 2: deny by /tools/wsCreateOrder/limits/0 becomes hold by /tools/wsCreateOrder/action, "
        "1 signature", "1 of 3 calls are decided differently"])


def test_calls_that_count_are_listed_as_they_came(files):
    calls = json.loads(counted_calls())
    document = files("policy.json", COUNTED)
    for wrong, words in ((calls[::-1], "came later"), ([{**calls[0], "at": None}], 'need "at"')):
        code, out, err = run("explain", "--counting", "--policy", document, files("c.json", wrong))
        assert (code, out) == (2, "") and words in err and "line 1" in err, err


@pytest.mark.parametrize("text, place", [
    ('{"tool": "t",\n "argument": {}}', "line 2"), ('[{"tool": "t", "arguments": 5}]', "line 1"),
    ('{"tool": "t", "tool": "u", "arguments": {}}', "line 1"), ("", "line 1"),
])
def test_a_bad_file_is_named_with_its_place(files, text, place):
    calls = files("calls.json", text)
    code, out, err = run("explain", "--policy", files("policy.json", policy(1)), calls)
    assert (code, out) == (2, "")
    assert calls in err and place in err, err


@pytest.mark.parametrize("name", ["absent.json", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, files, name):
    (tmp_path / "folder").mkdir()
    document, calls, unread = (files("policy.json", policy(1)), files("calls.json", batch(1)),
                               str(tmp_path / name))
    for words in (["check", unread], ["explain", "--policy", unread, calls],
                  ["test", "--policy", document, unread], ["diff", document, unread, calls]):
        code, out, err = run(*words)
        assert (code, out) == (2, "") and err.startswith(f"countersign: {unread} cannot be read: "), err


CATALOGUE = {"version": "1", "server": "s", "tools": {
    "getTickers": {"group": "market", "category": "Read", "severity": "low", "reason": "Reads."}}}


def test_a_catalogue_is_read_from_beside_the_policy(tmp_path, files):
    (tmp_path / "sub").mkdir()
    document = files("sub/policy.json", {
        "version": "1", "default": "deny", "catalogue": "../c.json", "tools": {"@Read": {}}})
    code, out, err = run("check", document)
    assert (code, out) == (2, "") and "c.json" in err and "policy.json" in err, err
    files("c.json", CATALOGUE)
    code, out, _ = run("check", document)
    assert code == 0 and "catalogue: 1 tools of s: 1 Read" in out, out
    files("c.json", '{"version": "1",\n "sever": "s"}')
    code, out, err = run("check", document)
    assert code == 2 and "c.json: line 2" in err and "$.sever" in err, err
