"""The policy file is replaced in every way that people and their tools do it: the newest valid one
counts, and everybody can see which one that is."""

import hashlib
import json
import os
import urllib.request

import pytest
import rfc8785

from agents import decision_of, text_of
from scripted import Listener, Scripted, tool
from world import until

TOOLS = [tool("read"), tool("order"), tool("cancel"), tool("wipe"), tool("guarded")]


def policy(number, **tools):
    return {"version": "1", "default": "deny", "description": f"policy {number}",
            "tools": {"read": {}, **tools}}


def digest(document):
    return hashlib.sha256(rfc8785.dumps(document)).hexdigest()


@pytest.fixture
def reloading(tmp_path):
    with Scripted(tmp_path, TOOLS, policy=policy(0)) as world:
        yield world


def in_force(world, document):
    """Waits until a document is in force, and looks for it everywhere that names it."""
    wanted = digest(document)
    until(lambda: world.status()["policy_digest"] == wanted, f"{document['description']} counts", 30)
    health = json.load(urllib.request.urlopen(world.operators_url + "/healthz", timeout=10))
    assert wanted in json.dumps(health)
    assert text_of(world.agent().call("read", {})) == "did read"

    def recorded():
        return any(one["body"].get("policy") == wanted for one in world.audit()
                   if one["kind"] == "allowed")

    until(recorded, "a decision in the ledger names the policy")
    assert any(one["kind"] in ("policy", "started") and wanted in json.dumps(one["body"])
               for one in world.audit())


def replace(path, document):
    """As editors and configuration tools do: a new file takes the name."""
    new = path.with_name("policy.new")
    new.write_text(json.dumps(document))
    os.replace(new, path)


def test_an_atomic_replace_is_seen_and_the_next_one_too(reloading):
    for number in (1, 2):
        replace(reloading.policy_path, policy(number))
        in_force(reloading, policy(number))


def test_a_rename_as_vim_does_it_after_an_invalid_save(reloading):
    world = reloading
    for number, text in ((1, "{"), (2, json.dumps(policy(2)))):
        world.policy_path.rename(world.policy_path.with_name("policy.json~"))
        world.policy_path.write_text(text)
        if text == "{":
            until(lambda: any("policy file" in one for one in world.status()["warnings"]), "a warning")
    in_force(world, policy(2))
    assert not any("policy file" in one for one in world.status()["warnings"])


def test_a_mount_of_kubernetes(tmp_path):
    """policy.json → ..data/policy.json, ..data → a directory by its time; the link is replaced."""
    def mount(place, number):
        version = place / f"..2026_11_0{number}"
        version.mkdir()
        (version / "policy.json").write_text(json.dumps(policy(number)))
        (place / "..data_tmp").symlink_to(version.name)
        os.replace(place / "..data_tmp", place / "..data")

    class Mounted(Scripted):
        def write_files(self):
            super().write_files()
            self.policy_path.unlink()
            mount(self.directory, 1)
            self.policy_path.symlink_to("..data/policy.json")

    with Mounted(tmp_path, TOOLS) as world:
        in_force(world, policy(1))
        mount(world.directory, 2)
        in_force(world, policy(2))
        mount(world.directory, 3)
        in_force(world, policy(3))


def test_an_invalid_file_and_one_that_vanishes_leave_the_old_one_in_force(reloading):
    world = reloading
    for break_it in (lambda: world.policy_path.write_text('{"version":"1","defualt":"deny"}'),
                     lambda: world.policy_path.unlink()):
        break_it()
        until(lambda: any("policy file" in one for one in world.status()["warnings"]), "a warning")
        in_force(world, policy(0))
        world.policy_path.write_text(json.dumps(policy(0)))
        until(lambda: not any("policy file" in one for one in world.status()["warnings"]), "no warning")
    world.policy_path.unlink()
    until(lambda: any("policy file" in one for one in world.status()["warnings"]), "a warning")
    world.policy_path.write_text(json.dumps(policy(5)))
    in_force(world, policy(5))


def test_of_many_writes_in_a_row_the_last_counts(reloading):
    world = reloading
    for number in range(1, 200):
        if number % 3:
            replace(world.policy_path, policy(number))
        else:
            world.policy_path.write_text(json.dumps(policy(number))[: 40 + number])
    replace(world.policy_path, policy(200))
    in_force(world, policy(200))


# What agents see

def test_the_list_is_shaped_by_the_whole_policy_and_every_session_hears_of_changes(reloading):
    world = reloading
    sessions = [world.agent() for _ in range(3)]
    first = sessions[0]
    with Listener(world, agent=sessions[1]) as old, Listener(world, agent=sessions[2]) as other:
        assert world.listed(agent=first) == ["read"]
        shaped = policy(
            1, order={"action": "hold"}, cancel={"action": "deny"},
            wipe={"deny_if": [{"conditions": [], "on_deny": "Never."}]},
            guarded={"deny_if": [{"conditions": [
                {"path": "args.n", "op": "gt", "value": 5}], "on_deny": "At most 5."}]})
        replace(world.policy_path, shaped)
        in_force(world, shaped)
        for one in (old, other):
            one.until_told(1)
        for one in sessions:
            assert world.listed(agent=one) == ["guarded", "order", "read"], "what may pass is shown"
        assert text_of(first.call("guarded", {"n": 5})) == "did guarded"
        assert decision_of(first.call("guarded", {"n": 6}))["verdict"] == "denied"
        assert decision_of(first.call("wipe", {}))["verdict"] == "denied"
        hidden = {**policy(2, **{"*": {}}), "hide": ["wi*", "order"]}
        replace(world.policy_path, hidden)
        in_force(world, hidden)
        for one in (old, other):
            one.until_told(2)
        assert world.listed(agent=first) == ["cancel", "guarded", "read"]
        assert decision_of(first.call("order", {}))["rule"] == "/hide/1"
        replace(world.policy_path, {**hidden, "description": "the same list"})
        until(lambda: world.status()["policy_digest"] != digest(hidden), "another document")
        assert (old.count, other.count) == (2, 2), "nothing is said where nothing changed"
    assert [name for name, _ in world.calls() if name != "read"] == ["guarded"]
