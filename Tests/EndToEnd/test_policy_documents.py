"""Schemas, the catalogue on the command line, imported policies and policies to begin with."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

PROGRAM = os.environ["COUNTERSIGN_PROGRAM"]
REPOSITORY = Path(__file__).resolve().parents[2]
CATALOGUE = REPOSITORY / "config/catalogues/bybit.json"
SHIPPED = REPOSITORY / "config/policies/bybit.json"
SERVER = REPOSITORY / "Tests/Peers/everything_server.py"


def run(*arguments, code=0):
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


# Schemas

@pytest.fixture(scope="module")
def schemas():
    """A validator for each document, from what the program prints."""
    found = {}
    for name in ("policy", "config", "catalogue"):
        schema = json.loads(run("schema", name).stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        found[name] = jsonschema.Draft202012Validator(schema)
    return found


@pytest.mark.parametrize("name", ["policy", "config", "catalogue"])
def test_the_checked_in_schema_is_what_the_program_prints(name):
    """Write it anew with: countersign schema NAME > config/schemas/NAME.schema.json"""
    checked_in = (REPOSITORY / f"config/schemas/{name}.schema.json").read_text()
    assert run("schema", name).stdout == checked_in


def documents():
    """Every whole policy, configuration and catalogue of config/ and of the documentation."""
    for path in sorted(REPOSITORY.glob("config/*.json")):
        yield "config", path.name, json.loads(path.read_text())
    for path in sorted(REPOSITORY.glob("config/policies/*.json")):
        yield "policy", path.name, json.loads(path.read_text())
    for path in sorted(REPOSITORY.glob("config/catalogues/*.json")):
        yield "catalogue", path.name, json.loads(path.read_text())
    for path in sorted([*REPOSITORY.glob("docs/*.md"), REPOSITORY / "README.md"]):
        for number, text in enumerate(re.findall(r"```json\n(.*?)```", path.read_text(), re.S)):
            try:
                document = json.loads(text)
            except ValueError:
                continue
            if not isinstance(document, dict):
                continue
            keys = set(document)
            kind = ("catalogue" if {"server", "tools"} <= keys else
                    "policy" if {"version", "default"} <= keys else
                    "config" if {"state", "upstreams"} <= keys else None)
            if kind:
                yield kind, f"{path.name} {number}", document


@pytest.mark.parametrize("kind, name, document", list(documents()), ids=lambda one: one
                         if isinstance(one, str) else "")
def test_every_document_fits_its_schema(schemas, kind, name, document):
    schemas[kind].validate(document)


def paths(document, path=()):
    """Every object in a document."""
    if isinstance(document, dict):
        yield path
    for key, value in (document.items() if isinstance(document, dict) else
                       enumerate(document) if isinstance(document, list) else ()):
        yield from paths(value, (*path, key))


RICH = {
    "policy": {
        "version": "1", "default": "deny", "hide": ["x"],
        "all_tools": {"limits": [{"counter": "all", "concurrent": 5, "scope": "global"}]},
        "tools": {"t": {
            "action": "hold", "reason": "r",
            "rate_limit": {"max": 1, "window": 60, "scope": "session"},
            "limits": [{"counter": "c", "window": "day", "max": "0.5", "scope": ["agent", "tool"],
                        "increment_from": "sum(args.a[*].b)", "on_deny": "no"}],
            "approval": [{"conditions": [], "quorum": 2, "roles": ["admin"], "ttl": "5m",
                          "forbid_owner": True}],
            "require": [{"conditions": [
                {"path": "args.a", "op": "eq", "value": 1},
                {"any": [{"path": "args.b", "op": "in", "value": ["x"]},
                         {"not": {"path": "args.c", "op": "exists", "value": True}}]}],
                "on_deny": "no"}],
            "hold_if": [{"conditions": [
                {"path": "time.now", "op": "within",
                 "value": {"from": "09:00", "to": "10:00", "zone": "UTC"}}],
                "on_hold": "wait", "shadow": True}]}}},
    "catalogue": {"version": "1", "server": "s", "tools": {
        "t": {"group": "g", "category": "Read", "severity": "low", "reason": "Reads."}}},
    "config": {
        "listen": {"agents": "127.0.0.1:1", "tls": {"certificate": "c", "key": "k"}},
        "state": "s", "policy": "p.json",
        "upstreams": {"a": {"command": ["x"], "env": {"A_SECRET": {"env": "B"}}},
                      "b": {"url": "https://example.com/", "headers": {"x-one": "y"}}},
        "exchange": {"rest": "https://example.com", "stream": "wss://example.com",
                     "key": {"file": "k"}, "secret": {"file": "s"}},
        "hold": {"ttl": "5m", "wait_by_client": {"c": "5s"}}},
}
# Objects whose keys are the author's own.
FREE = [("tools",), ("upstreams",), ("env",), ("headers",), ("wait_by_client",)]


def verdict(kind, document, tmp_path):
    """Whether the program takes the document."""
    if kind == "config":
        (tmp_path / "config.json").write_text(json.dumps(document))
        done = subprocess.run(
            [PROGRAM, "agent", "list", "--config", tmp_path / "config.json"], capture_output=True,
            text=True, timeout=30)
        return "config.json" not in done.stderr
    policy = document
    if kind == "catalogue":
        (tmp_path / "c.json").write_text(json.dumps(document))
        policy = {"version": "1", "default": "deny", "catalogue": "c.json"}
    (tmp_path / "p.json").write_text(json.dumps(policy))
    done = subprocess.run([PROGRAM, "policy", "check", tmp_path / "p.json"], capture_output=True,
                          timeout=30)
    return done.returncode == 0


@pytest.mark.parametrize("kind", RICH)
def test_schema_and_reader_refuse_the_same_keys(schemas, tmp_path, kind):
    """A key that nobody knows, in every object of a document in turn."""
    assert schemas[kind].is_valid(RICH[kind]) and verdict(kind, RICH[kind], tmp_path)
    for path in paths(RICH[kind]):
        if path and path[-1:] in FREE:
            continue
        document = json.loads(json.dumps(RICH[kind]))
        place = document
        for step in path:
            place = place[step]
        place["unheard_of"] = 1
        assert not schemas[kind].is_valid(document), path
        assert not verdict(kind, document, tmp_path), path


# The catalogue

def test_tools_are_listed_with_their_verdicts():
    rows = json.loads(run("tools", "list", "--json", "--policy", SHIPPED).stdout)
    assert len(rows) == 382
    money = [row for row in rows if row["category"] == "Financial"]
    assert len(money) == 71 and {row["verdict"] for row in money} == {"hold"}
    chosen = run("tools", "list", "--policy", SHIPPED, "--category", "Destructive",
                 "--severity", "high", "--verdict", "allow").stdout.splitlines()
    assert "cancelAllOrders  Destructive  high  allow" in chosen
    assert all(line.endswith("Destructive  high  allow") for line in chosen)
    run("tools", "list", "--policy", SHIPPED, "--category", "Money", code=2)


def test_a_tool_is_shown_in_words():
    text = run("tools", "show", "wsBatchCreateOrders", "--policy", SHIPPED).stdout
    for words in ("Financial, critical, in wstrade", "verdict: hold (/tools/@Financial)",
                  "every call is held for approval", "Places several orders in one call"):
        assert words in text, text
    unknown = run("tools", "show", "withdraw", "--policy", SHIPPED).stdout
    assert "the catalogue does not list it" in unknown and "verdict: deny (/default)" in unknown


def test_check_says_where_a_rule_can_never_fire(tmp_path):
    policy = tmp_path / "p.json"
    policy.write_text("""{"version": "1", "default": "allow", "tools": {
  "t": {"deny_if": [
    {"conditions": [{"path": "args.a", "op": "gt", "value": 5}]},
    {"conditions": [{"path": "args.a", "op": "gt", "value": 6}]}]}}}""")
    words = "t: deny_if/1 can never fire, deny_if/0 decides first whenever it could"
    assert f"warning: line 4, column 5: {words}" in run("policy", "check", policy).stdout
    found = json.loads(run("policy", "check", "--json", policy).stdout)["findings"]
    assert found == [{"path": "$.tools.t.deny_if[1]", "words": words, "line": 4, "column": 5}]


# Imported policies

def test_an_imported_policy_is_a_policy(tmp_path):
    source = tmp_path / "shop.yaml"
    source.write_text("""version: "1"
default: deny
tools:
  read_it: {rules: []}
  pay:
    rules:
      - name: largest
        conditions: [{path: args.amount, op: lte, value: 500}]
""")
    out = tmp_path / "policy.json"
    done = run("policy", "import", source, "--out", out)
    assert done.stdout == "" and "line 7, column 7: kept: pay: rule largest" in done.stderr
    assert "pay: denied unless args.amount ≤ 500" in run("policy", "check", out).stdout
    assert out.stat().st_mode & 0o777 == 0o600
    again = run("policy", "import", source, "--out", out, code=2)
    assert "policy.json" in again.stderr


def test_what_is_not_imported_is_said_and_denied(tmp_path):
    source = tmp_path / "p.json"
    source.write_text('{"version":"1","default":"allow","tools":{\n "t":{"spend":{"daily":5}}}}')
    done = run("policy", "import", source, code=5)
    assert json.loads(done.stdout)["tools"]["t"]["action"] == "deny"
    assert "line 2, column" in done.stderr and "refused: t: " in done.stderr
    source.write_text('{"version":"1",\n"defualt":"deny"}')
    done = run("policy", "import", source, code=2)
    assert done.stdout == "" and "line 2" in done.stderr


# Policies to begin with

@pytest.fixture(scope="module")
def sdk_server():
    python = os.environ.get("COUNTERSIGN_MCP1_PYTHON") or str(REPOSITORY / ".venv/mcp1/bin/python")
    return [python, str(SERVER)]


def test_a_policy_for_a_server_that_is_started(tmp_path, sdk_server):
    out = tmp_path / "policy.json"
    run("policy", "init", "--out", out, "--", *sdk_server, "stdio")
    policy = json.loads(out.read_text())
    assert policy["default"] == "deny" and len(policy["tools"]) > 5
    assert {rules["action"] for rules in policy["tools"].values()} == {"deny"}
    assert run("policy", "check", out).returncode == 0
    hinted = json.loads(
        run("policy", "init", "--allow-hinted-reads", "--", *sdk_server, "stdio").stdout)
    assert set(hinted["tools"]) == set(policy["tools"])


def test_a_policy_for_a_server_over_http(sdk_server, monkeypatch):
    server = subprocess.Popen([*sdk_server, "http", "--key", "k3y"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    try:
        url = server.stdout.readline().removeprefix("http: ").strip()
        run("policy", "init", "--from-server", url, code=4)
        monkeypatch.setenv("MY_TOKEN", "Bearer k3y")
        done = run("policy", "init", "--from-server", url, "--header", "Authorization:MY_TOKEN")
        assert len(json.loads(done.stdout)["tools"]) > 5
        assert "k3y" not in done.stdout + done.stderr
    finally:
        server.kill()
        server.wait()


def test_the_catalogue_says_what_is_known(tmp_path):
    out = tmp_path / "policy.json"
    server = tmp_path / "server.py"
    server.write_text(THREE_TOOLS)
    run("policy", "init", "--catalogue", CATALOGUE, "--out", out, "--", sys.executable, server)
    tools = json.loads(out.read_text())["tools"]
    assert {name: rules["action"] for name, rules in tools.items()} == {
        "createOrder": "hold", "getTickers": "allow", "newcomer": "deny"}
    assert tools["createOrder"]["reason"].startswith("Financial, critical: ")
    assert "says that it only reads" in tools["newcomer"]["reason"]
    assert "tools of bybit-exchange/trading-mcp" in run("policy", "check", out).stdout


THREE_TOOLS = '''
import json, sys
TOOLS = [{"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
         for name in ("getTickers", "createOrder", "newcomer")]
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    result = ({"tools": TOOLS} if message["method"] == "tools/list" else
              {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
               "serverInfo": {"name": "three", "version": "1"}})
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
'''


@pytest.mark.parametrize("words", [
    [], ["--from-server", "http://example.com/mcp"], ["--from-server", "x", "--", "y"],
    ["--from-server", "https://example.com", "--header", "x"],
])
def test_init_says_what_it_needs(words):
    assert run("policy", "init", *words, code=2).stdout == ""


# The page that teaches the language

PAGE = (REPOSITORY / "docs/policy-by-example.md").read_text()


def examples():
    """Each policy of the page with the calls behind it."""
    blocks = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.S)]
    policies = [one for one in blocks if isinstance(one, dict)]
    calls = [one for one in blocks if isinstance(one, list)]
    assert blocks == [one for pair in zip(policies, calls, strict=True) for one in pair]
    return list(zip(policies, calls))


@pytest.mark.parametrize("policy, calls", examples(), ids=lambda _: "")
def test_every_example_does_what_the_page_says(tmp_path, policy, calls):
    (tmp_path / "catalogue.json").write_bytes(CATALOGUE.read_bytes())
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    (tmp_path / "calls.json").write_text(json.dumps(calls))
    done = run("policy", "test", "--policy", tmp_path / "policy.json", tmp_path / "calls.json")
    assert done.stdout == f"{len(calls)} as expected, 0 failed\n"


def test_the_desks_policy_has_nothing_to_warn_about(tmp_path):
    (tmp_path / "catalogue.json").write_bytes(CATALOGUE.read_bytes())
    (tmp_path / "policy.json").write_text(json.dumps(examples()[-1][0]))
    assert "warning" not in run("policy", "check", tmp_path / "policy.json").stdout
