"""Wrong policy and configuration files: exit code 2 with file, line and path, and a running gateway
keeps the policy that it has."""

import json
import os

import pytest

from agents import Agent, decision_of, resting
from world import World, until


@pytest.fixture
def files(tmp_path):
    """A world whose files are written and whose processes are not started."""
    world = World(tmp_path)
    world.write_files()
    return world


# What is replaced in the file, with what; the line it is on; the path and a word in the message.
BAD_CONFIG = {
    "an unknown key": ('"listen":', '"listn": {},\n "listen":', "$.listn", "listn"),
    "an unknown key inside": ('"agents":', '"agnts": "127.0.0.1:1",\n  "agents":',
                              "$.listen.agnts", "agnts"),
    "a wrong type": ('"state": "state"', '"state": 5', "$.state", "string"),
    "a wrong type inside": ('"wait": "4s"', '"wait": 4', "$.hold.wait", ""),
    "a bad duration": ('"wait": "4s"', '"wait": "4 parsecs"', "$.hold.wait", ""),
    "a duplicate key": ('"policy":', '"policy": "a.json",\n "policy":', "", "policy"),
    "a bad address": ('"agents": "127.0.0.1', '"agents": "nowhere', "$.listen.agents", ""),
    "an address off loopback": ('"agents": "127.0.0.1', '"agents": "0.0.0.0', "$.listen.agents",
                                "loopback"),
    "a secret in the file": ('"key": {\n   "env": "E2E_READ_KEY"\n  }', '"key": "hunter2"',
                             "$.exchange.key", "secret"),
    "a secret in an environment": (
        '"BYBIT_API_SECRET": {\n     "env": "BYBIT_API_SECRET"\n    }',
        '"BYBIT_API_SECRET": "hunter2"', "$.upstreams.bybit.env.BYBIT_API_SECRET", "secret"),
    "a comma too many": ('"state": "state",', '"state": "state",,', "", ""),
    "a file cut short": ('"hold"', None, "", ""),
}


def refused(world, words, path, word):
    """Runs a command that must end with 2 and say where, why, and nothing secret."""
    done = world.cli(*words, check=False)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stdout == "" and path in done.stderr, done.stderr
    assert "line " in done.stderr and word in done.stderr, done.stderr
    assert "hunter2" not in done.stderr
    return done.stderr


def line_of(text, part):
    return text[:text.index(part)].count("\n") + 1


@pytest.mark.parametrize("name", BAD_CONFIG)
def test_a_bad_configuration_is_refused(files, name):
    old, new, path, word = BAD_CONFIG[name]
    text = files.config_path.read_text()
    assert text.count(old) >= 1, "the test changes what is there"
    changed = text[:text.index(old)] if new is None else text.replace(old, new, 1)
    files.config_path.write_text(changed)
    for words in (["gateway"], ["agent", "list"]):
        said = refused(files, words, path, word)
        assert files.config_path.name in said
    if path and new is not None and name != "a secret in the file":
        assert f"line {line_of(changed, new)}," in said or "\n" in new, said


BAD_POLICY = {
    "an unknown key": {"tools": {"getTickers": {"deny_iff": []}}},
    "an unknown key at the top": {"tols": {}},
    "a wrong version": {"version": "7"},
    "a version of a number": {"version": 1},
    "an unknown action": {"tools": {"getTickers": {"action": "maybe"}}},
    "a default of hold on": {"default": "perhaps"},
    "a quorum of words": {"tools": {"x": {"action": "hold", "approval": {"quorum": "two"}}}},
    "a quorum of nobody": {"tools": {"x": {"action": "hold", "approval": {"quorum": -1}}}},
    "conditions of an object": {"tools": {"x": {"deny_if": [{"conditions": {}}]}}},
    "an unknown operator": {"tools": {"x": {"deny_if": [{"conditions": [
        {"path": "args.symbol", "op": "resembles", "value": "a"}]}]}}},
    "a path to nowhere": {"tools": {"x": {"deny_if": [{"conditions": [
        {"path": "nowhere.symbol", "op": "eq", "value": "a"}]}]}}},
    "tools of an array": {"tools": []},
}


@pytest.mark.parametrize("name", BAD_POLICY)
def test_a_bad_policy_is_refused(files, name):
    policy = {"version": "1", "default": "deny", "tools": {}, **BAD_POLICY[name]}
    files.policy_path.write_text(json.dumps(policy, indent=1))
    for words in (["policy", "check", files.policy_path], ["policy", "check"], ["gateway"]):
        said = refused(files, words, "$", "")
        assert "policy.json" in said, said


def test_a_policy_of_duplicate_keys_is_refused(files):
    files.policy_path.write_text(
        '{"version": "1", "default": "deny",\n "tools": {"a": {}},\n "tools": {"b": {}}}')
    for words in (["policy", "check"], ["gateway"]):
        said = refused(files, words, "", "tools")
        assert "line 3" in said and "policy.json" in said, said


@pytest.mark.parametrize("data", [b"", b"\xff\xfe{}", b"[" * 5000, b'{"version": "1"', b"null"])
def test_a_policy_that_is_no_json_is_refused(files, data):
    files.policy_path.write_bytes(data)
    for words in (["policy", "check"], ["gateway"]):
        assert "policy.json" in refused(files, words, "", "")


def test_missing_files_are_refused(files):
    files.policy_path.unlink()
    done = files.cli("gateway", check=False)
    assert done.returncode == 2 and "policy.json" in done.stderr
    files.config_path.unlink()
    done = files.cli("gateway", check=False)
    assert done.returncode == 2 and "config.json" in done.stderr


def test_a_running_gateway_keeps_its_policy(world):
    """An invalid file changes nothing but a warning; a valid one counts again."""
    good = world.policy_path.read_text()
    digest = world.status()["policy_digest"]
    agent = Agent(world.agents_url, world.token)
    ticker = ("getTickers", {"category": "linear", "symbol": "BTCUSDT"})
    for bad in (good.replace('"default"', '"defalt"'), "", good[:-3]):
        world.policy_path.write_text(bad)
        until(lambda: world.status()["warnings"], "the operators are warned")
        assert "policy" in " ".join(world.status()["warnings"]).lower()
        assert world.status()["policy_digest"] == digest
        assert not agent.call(*ticker).get("isError")
        world.policy_path.write_text(good)
        until(lambda: not world.status()["warnings"], "the warning is gone")
    closed = json.loads(good)
    del closed["tools"]["get*"]
    world.policy_path.write_text(json.dumps(closed))
    until(lambda: world.status()["policy_digest"] != digest, "a valid file is taken")
    denied = agent.call(*ticker)
    assert denied["isError"] and decision_of(denied)["verdict"] == "denied"
    assert agent.start("wsBatchCreateOrders", resting()) and world.until_held()


def test_a_running_gateway_follows_its_catalogue(world):
    """An atomic replace counts, also behind a symlinked directory as in a mounted volume; a damaged
    catalogue changes nothing but a warning."""
    def catalogue(category):
        return {"version": "1", "server": "s", "tools": {"getTickers": {
            "group": "market", "category": category, "severity": "low", "reason": "Reads."}}}

    def status(condition, what):
        until(lambda: condition(world.status()), what)
        return world.status()["policy_digest"]

    def put(name, text):
        fresh = world.directory / "fresh"
        fresh.write_text(text)
        os.replace(fresh, world.directory / name)

    old = world.policy_path.read_text()
    agent = Agent(world.agents_url, world.token)
    ticker = ("getTickers", {"category": "linear", "symbol": "BTCUSDT"})
    first = world.status()["policy_digest"]
    for volume, category in (("v1", "Read"), ("v2", "Write")):
        (world.directory / volume).mkdir()
        (world.directory / volume / "c.json").write_text(json.dumps(catalogue(category)))
    (world.directory / "volume").symlink_to("v1")
    put("policy.json", json.dumps({
        "version": "1", "default": "deny", "catalogue": "volume/c.json", "tools": {"@Read": {}}}))
    second = status(lambda now: now["policy_digest"] != first, "policy and catalogue are taken")
    assert not agent.call(*ticker).get("isError")
    (world.directory / "next").symlink_to("v2")
    os.replace(world.directory / "next", world.directory / "volume")
    third = status(lambda now: now["policy_digest"] != second, "the other catalogue is taken")
    assert agent.call(*ticker)["isError"]
    for bad in ("{", None):
        if bad is None:
            (world.directory / "volume").unlink()
        else:
            put("volume/c.json", bad)
        assert status(lambda now: now["warnings"], "the operators are warned") == third
        assert "c.json" in " ".join(world.status()["warnings"])
        assert agent.call(*ticker)["isError"], "the old catalogue stays in force"
        if bad is None:
            (world.directory / "volume").symlink_to("v1")
        else:
            put("volume/c.json", json.dumps(catalogue("Write")))
        status(lambda now: not now["warnings"], "the warning is gone")
    assert not agent.call(*ticker).get("isError")
    put("policy.json", old)
    status(lambda now: now["policy_digest"] == first, "the old policy is taken")


def test_a_damaged_operator_key_is_refused(world):
    for text in ("", "{}", '{"type":"x"}', world.key_path().read_text()[:-10]):
        path = world.key_path("broken")
        path.write_text(text)
        path.chmod(0o600)
        done = world.cli("pending", operator="broken", check=False)
        assert done.returncode == 2 and "broken.key" in done.stderr, (text, done)
    assert world.pending() == []
