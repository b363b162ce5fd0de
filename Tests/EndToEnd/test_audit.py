"""What an auditor gets: a verified ledger, receipts that stand alone, and an export."""

import json
import subprocess

import pytest

from agents import pending_id
from scripted import Scripted, tool
from world import until

POLICY = {"version": "1", "default": "deny", "tools": {"order": {"action": "hold"}, "read": {}}}


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A call that was held, approved and sent, and a freeze; and the call's id."""
    place = tmp_path_factory.mktemp("audit")
    with Scripted(place, [tool("order"), tool("read")], policy=POLICY) as world:
        agent = world.agent()
        _, waiting = agent.start("order", {"n": 1})
        held = until(lambda: next(iter(world.batches()), None), "a call is held")
        world.approve(held["id"])
        assert pending_id(waiting.result(60)) is None
        world.cli("freeze", "--reason", "stop")
        world.cli("thaw", "--reason", "go on")
        yield world, held["id"]


def vkey(world):
    return world.operator().ask("GET", "/v1/ledger/checkpoint")["vkey"]


def test_every_signature_is_verified(audited):
    world, _ = audited
    found = json.loads(world.cli("audit", "verify", "--json", "--vkey", vkey(world)).stdout)
    assert found["verified"] and found["signatures"] == 3, found


def test_receipts_stand_alone(audited):
    world, id = audited
    receipts = world.cli("audit", "prove", id).stdout
    path = world.directory / "receipts.jsonl"
    path.write_text(receipts)
    words = ["audit", "verify-receipt", str(path), "--vkey", vkey(world)]
    done = run(world, words)
    assert done.returncode == 0, done.stderr
    kinds = [json.loads(line)["kind"] for line in run(world, [*words, "--json"]).stdout.splitlines()]
    assert kinds[0] == "operator_added" and kinds[1] == "pending"
    assert {"approved", "dispatching", "acknowledged"} <= set(kinds)
    one = world.cli("audit", "prove", "0").stdout
    path.write_text(one)
    assert run(world, words).returncode == 0


def test_a_changed_receipt_is_refused(audited):
    world, id = audited
    lines = [json.loads(one) for one in world.cli("audit", "prove", id).stdout.splitlines()]
    path = world.directory / "forged.jsonl"
    words = ["audit", "verify-receipt", str(path), "--vkey", vkey(world)]
    signed = next(n for n, one in enumerate(lines) if one["signatures"])

    def refuses(change):
        forged = json.loads(json.dumps(lines))
        change(forged)
        path.write_text("".join(json.dumps(one) + "\n" for one in forged))
        done = run(world, words)
        assert done.returncode == 1 and "NOT VERIFIED" in done.stderr, (done.stdout, done.stderr)

    refuses(lambda all: all[1].update(entry=all[1]["entry"].replace("order", "0rder", 1)))
    refuses(lambda all: all[1].update(index=all[1]["index"] + 1))
    refuses(lambda all: all[1].update(proof=all[1]["proof"][:-1]))
    refuses(lambda all: all[signed].update(signatures=[]))
    refuses(lambda all: all[signed].update(signatures=[
        {**all[signed]["signatures"][0], "operator": "somebody"}]))
    refuses(lambda all: all.pop(0))
    wrong = run(world, [*words[:-1], "other+00000000+AAAA"])
    assert wrong.returncode == 2


def test_the_export_is_what_is_hashed(audited):
    world, _ = audited
    lines = world.cli("audit", "export").stdout.splitlines()
    entries = [json.loads(one) for one in lines]
    assert [one["index"] for one in entries] == list(range(len(entries)))
    assert world.cli("audit", "show", "3").stdout.rstrip("\n") == lines[3]
    assert world.cli("audit", "export", "--from", "3").stdout.splitlines()[0] == lines[3]


def test_what_is_not_there_is_said(audited):
    world, _ = audited
    for word, code in (("cs_01J9Z3ABCDEFGHJKMNPQRSTVWX", 1), ("999999", 1), ("x", 2)):
        done = world.cli("audit", "prove", word, check=False)
        assert done.returncode == code and done.stderr, done


def run(world, words):
    """Without a configuration: an auditor has none."""

    return subprocess.run(
        [world.program, *words], capture_output=True, text=True, timeout=60,
        env=world.environment())
