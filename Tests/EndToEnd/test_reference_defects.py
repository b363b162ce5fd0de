"""What was measured to be wrong in other policy proxies about reading and matching, each as a test that
passes here. Bypasses of parsing are in `test_differentials.py`, reloading in `test_policy_reload.py`."""

import json
import subprocess

import pytest

from policy_oracle import Number, text_of
from world import program_path


@pytest.fixture
def policies(tmp_path):
    return Policies(tmp_path)


class Policies:
    def __init__(self, place):
        self.place = place

    def run(self, *words):
        done = subprocess.run(
            [program_path(), "policy", *map(str, words)], capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout, done.stderr

    def check(self, document):
        path = self.place / "policy.json"
        path.write_text(document if isinstance(document, str) else text_of(document))
        return self.run("check", path)

    def decisions(self, document, *calls):
        """What comes of calls, each a tool and its arguments."""
        (self.place / "policy.json").write_text(text_of(document))
        (self.place / "calls.json").write_text(text_of(
            [{"tool": tool, "arguments": arguments} for tool, arguments in calls]))
        code, out, err = self.run(
            "explain", "--json", "--policy", self.place / "policy.json", self.place / "calls.json")
        assert code == 0, err
        return [json.loads(line)["decision"] for line in out.splitlines()]

    def denied_if(self, condition, *arguments):
        """What a `deny_if` with one condition does to calls with these arguments."""
        document = policy(t={"deny_if": [{"conditions": [condition]}]})
        return self.decisions(document, *(("t", one) for one in arguments))


def policy(**tools):
    return {"version": "1", "default": "deny", "tools": tools}


def where(path, op, value):
    return {"path": path, "op": op, "value": value}


@pytest.mark.parametrize("document", [
    '{"version":"1","defualt":"allow","default":"deny"}',
    '{"version":"1","default":"deny","tools":{"t":{"ruels":[]}}}',
    '{"version":"1","default":"deny","tools":{"t":{"rules":[{"name":"x","action":"deny"}]}}}',
    '{"version":"1","default":"deny","tools":{"t":{"deny_if":[{"conditions":[],"on_deni":"x"}]}}}',
    '{"version":"1","default":"deny","Default":"allow"}',
    '{"version":"1","default":"deny","tools":{"t":{"Deny_if":[]}}}',
])
def test_an_unknown_key_is_an_error(policies, document):
    code, _, err = policies.check(document)
    assert code == 2 and "policy.json" in err


def test_the_published_document_holds_and_never_allows(policies):
    document = policy(wsBatchCreateOrders={
        "deny_if": [{"conditions": [], "on_deny": "Requires human approval."}]})
    assert policies.decisions(document, ("wsBatchCreateOrders", {}), ("other", {})) == ["hold", "deny"]


def test_values_of_different_types_are_never_equal(policies):
    for value, other in ((True, "true"), ("true", True), (Number(1), [Number(1)]), ("[1]", [Number(1)]),
                         ("null", None), ("1", True)):
        document = policy(t={"require": [{"conditions": [where("args.x", "eq", value)]}]})
        assert policies.decisions(document, ("t", {"x": other})) == ["deny"], (value, other)


def test_large_numbers_keep_every_digit(policies):
    limit = where("args.x", "gt", Number("9007199254740992"))
    assert policies.denied_if(limit, {"x": Number("9007199254740992")}, {"x": Number("9007199254740993")}) == [
        "allow", "deny"]
    exact = where("sum(args.x[*])", "gt", Number("0.3"))
    assert policies.denied_if(exact, {"x": [Number("0.1"), Number("0.2")]}) == ["allow"]


def test_decimal_strings_are_numbers(policies):
    limit = where("args.qty", "gte", Number("0.5"))
    assert policies.denied_if(limit, {"qty": "0.49"}, {"qty": "0.50"}, {"qty": "half"}, {"qty": "1e9"}) == [
        "allow", "deny", "deny", "deny"]


def test_what_is_missing_passes_no_condition(policies):
    for op, value in (("neq", "a"), ("not_in", ["a"]), ("eq", "a"), ("lt", Number(1)), ("regex", "a")):
        condition = where("args.gone", op, value)
        assert policies.denied_if(condition, {}, {"gone": None}) == ["deny", "deny"], op
        document = policy(t={"require": [{"conditions": [condition]}]})
        assert policies.decisions(document, ("t", {})) == ["deny"], op


def test_null_is_absent(policies):
    assert policies.denied_if(where("args.x", "exists", False), {"x": None}, {"x": Number(0)}) == [
        "deny", "allow"]


@pytest.mark.parametrize("path", ["args.", "args", "args..x", "arg.x", "state.t.n", "args.x[", "args.x[-1]"])
def test_a_path_that_never_matches_is_an_error(policies, path):
    document = policy(t={"deny_if": [{"conditions": [where(path, "eq", "a")]}]})
    code, _, err = policies.check(document)
    assert code == 2 and "path" in err


def test_a_pattern_is_matched_in_linear_time(policies):
    condition = where("args.x", "regex", "^(a+)+$")
    assert policies.denied_if(condition, {"x": "a" * 4000 + "b"}, {"x": "a" * 4000}) == ["allow", "deny"]
    code, _, err = policies.check(policy(t={"deny_if": [{"conditions": [where("args.x", "regex", "(?=a)b")]}]}))
    assert code == 2 and "regular expression" in err


def test_names_are_bytes_and_globs_cover_families(policies):
    document = policy(**{"KAITO": {}, "caf\u00e9": {}, "get*": {}, "get*Secret": {"action": "deny"}})
    assert policies.decisions(
        document, ("KAITO", {}), ("\u212aAITO", {}), ("kaito", {}), ("caf\u00e9", {}), ("cafe\u0301", {}),
        ("getX", {}), ("GETX", {}), ("getSecret", {}), ("getMySecret", {})) == [
            "allow", "deny", "deny", "allow", "deny", "allow", "deny", "deny", "deny"]


def test_hiding_everything_hides_everything(policies):
    document = {**policy(t={}), "hide": ["*"], "default": "allow"}
    assert policies.decisions(document, ("t", {}), ("u", {})) == ["deny", "deny"]


def test_every_element_of_a_list_is_looked_at(policies):
    large = where("args.legs[*].qty", "gt", Number(5))
    calls = [{"legs": [{"qty": "1"}, {"qty": "6"}]}, {"legs": [{"qty": "1"}]}, {"legs": [{}]}, {"legs": []}]
    assert policies.denied_if(large, *calls) == ["deny", "allow", "deny", "deny"]
