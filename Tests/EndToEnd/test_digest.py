"""What was shown, what was signed, what was sent and what was recorded are the same, as other
libraries see it: RFC 8785, SHA-256, Ed25519 and a Merkle tree from outside the program."""

import base64
import hashlib
import json

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agents import Agent, batch, decision_of, leg, resting
from world import POLICY, World, until

# Every kind of value that a leg can have; two legs bring link ids of their own.
LEGS = batch(
    leg("BTCUSDT", "Buy", "0.010", "60000.00", timeInForce="PostOnly", positionIdx=0,
        reduceOnly=False, takeProfit="70000.00", stopLoss="50000.00", tpslMode="Full"),
    leg("ETHUSDT", "Sell", "0.50"),
    leg("SOLUSDT", "Buy", "5.0", "100.00", orderLinkId="mine-01"),
    leg("XRPUSDT", "Buy", "100", "0.4000", timeInForce="GTC", orderLinkId="mine-02"))
# Order tools take no such text; a held call of another tool does.
HOLDS_READS = {**POLICY, "tools": {**POLICY["tools"], "getOpenOrders": {"action": "hold"}}}
HOSTILE = {
    "category": "linear", "symbol": "BTCUSDT",
    "orderLinkId": "\u20ac \U0001f600 \x1b[2J \u202e \r\n\t\"\\/ \ufb33 \x7f\x80"}


def rebuilt_digest(detail):
    """The digest of the statement as another JSON library reads and writes it."""
    return hashlib.sha256(rfc8785.dumps(json.loads(detail["statement"]))).hexdigest()


def public_key(world, name="ops"):
    """As the gateway's registry has it, not as the key file says."""
    people = json.loads(world.cli("operator", "list", "--json").stdout)
    found = next(one for one in people if one["name"] == name)
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(found["key"]))


def signed_entries(world, approval):
    return [one for one in world.audit()
            if one.get("subject") == approval and "signature" in one["body"]]


def check_signature(world, entry, digest):
    """The signed bytes are the RFC 8785 form of the decision that the entry carries."""
    decision = entry["body"]["decision"]
    assert decision["type"] == "countersign/decision/v1"
    assert decision["digest"] == digest and decision["batch"] == entry["subject"]
    key = public_key(world, decision["operator"])
    signature = base64.b64decode(entry["body"]["signature"])
    key.verify(signature, rfc8785.dumps(decision))
    with pytest.raises(InvalidSignature):
        key.verify(signature, rfc8785.dumps({**decision, "digest": "0" * 64}))


def approve_one(world, arguments):
    """Proposes and approves. Gives what `show` said before, with the exchange's side after."""
    agent = Agent(world.agents_url, world.token)
    _, answer = agent.start("wsBatchCreateOrders", arguments)
    held = world.until_held()
    detail = world.show(held["id"])
    world.approve(held["id"], detail["summary"]["digest"])
    answer.result(20)
    return detail


def test_the_digest_is_rebuilt_by_another_library(world):
    detail = approve_one(world, LEGS)
    summary = detail["summary"]
    assert rebuilt_digest(detail) == summary["digest"]
    assert detail["statement"].encode() == rfc8785.dumps(json.loads(detail["statement"]))
    entries = signed_entries(world, summary["id"])
    assert len(entries) == 1
    check_signature(world, entries[0], summary["digest"])
    mine = [one for one in world.audit() if one.get("subject") == summary["id"]]
    kept = {one["kind"]: one["body"] for one in mine}
    assert kept["pending"]["statement"] == json.loads(detail["statement"])
    assert kept["pending"]["received"] == LEGS, "the ledger has what the agent said, too"
    assert kept["pending"]["digest"] == kept["dispatching"]["digest"] == summary["digest"]
    arguments = json.loads(detail["statement"])["arguments"]
    sent = hashlib.sha256(rfc8785.dumps(arguments)).hexdigest()
    assert kept["dispatching"]["arguments_sha256"] == sent


def test_what_was_signed_is_what_arrived(world):
    detail = approve_one(world, LEGS)
    statement = json.loads(detail["statement"])
    signed = statement["arguments"]["request"]
    received = world.received_orders()
    assert received == signed, "leg by leg, every field"
    (_, request), = world.received_requests()
    assert request == statement["arguments"]
    links = [one["orderLinkId"] for one in received]
    ulid = statement["batch"].removeprefix("cs_")
    assert links == [f"cs-{ulid}-01", f"cs-{ulid}-02", "mine-01", "mine-02"]
    for mine, sent in zip(LEGS["request"], received):
        assert {**mine, "orderLinkId": sent["orderLinkId"]} == sent, "nothing else was changed"


def test_hostile_text_has_the_same_digest_everywhere(tmp_path):
    with World(tmp_path, policy=HOLDS_READS) as world:
        agent = Agent(world.agents_url, world.token)
        refused = agent.call("wsAmendOrder", {**HOSTILE, "qty": "0.020"})
        assert refused["isError"] and decision_of(refused)["rule"] == "(arguments)"
        _, answer = agent.start("getOpenOrders", HOSTILE)
        held = until(lambda: next(iter(world.batches()), None), "it is held")
        assert held["tool"] == "getOpenOrders"
        detail = world.show(held["id"])
        assert rebuilt_digest(detail) == detail["summary"]["digest"]
        assert json.loads(detail["statement"])["arguments"] == HOSTILE
        world.reject(held["id"], "no \u202e thanks \U0001f600")
        assert answer.result(20)["isError"]
        entry, = signed_entries(world, held["id"])
        assert entry["body"]["decision"]["verb"] == "reject"
        check_signature(world, entry, detail["summary"]["digest"])


def test_two_signatures_of_two_operators(tmp_path):
    policy = {"version": "1", "default": "deny", "tools": {
        "get*": {}, "query*": {},
        "wsBatchCreateOrders": {"action": "hold", "approval": {"quorum": 2}}}}
    with World(tmp_path, policy=policy) as world:
        world.add_operator("second")
        agent = Agent(world.agents_url, world.token)
        _, answer = agent.start("wsBatchCreateOrders", resting())
        held = world.until_held()
        assert world.approve(held["id"])["state"] == "partly_signed"
        again = world.approve(held["id"], check=False)
        assert again.returncode == 1, "one operator is not two"
        assert world.received_orders() == []
        assert world.approve(held["id"], operator="second")["state"] == "acknowledged"
        answer.result(20)
        entries = signed_entries(world, held["id"])
        assert [one["body"]["by"] for one in entries] == ["ops", "second"]
        for entry in entries:
            check_signature(world, entry, held["digest"])


# The ledger

def tree_root(leaves):
    """RFC 6962, as the RFC defines it."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = tree_root(leaves[:split]), tree_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_the_ledger_is_a_signed_tree(world):
    approve_one(world, LEGS)
    world.stop_gateway()
    leaves = [rfc8785.dumps(one) for one in world.audit()]
    verified = json.loads(world.cli("audit", "verify", "--json").stdout)
    assert verified["entries"] == verified["covered"] == len(leaves)
    assert tree_root(leaves).hex() == verified["root"]


def test_the_checkpoint_is_a_signed_note(world):
    approve_one(world, resting())
    answer = world.operator().ask("GET", "/v1/ledger/checkpoint")
    text, _, signatures = answer["checkpoint"].partition("\n\n")
    origin, size, root = text.split("\n")
    leaves = [rfc8785.dumps(one) for one in world.audit()][:int(size)]
    assert base64.b64decode(root) == tree_root(leaves)
    name, key_hash, key = answer["vkey"].split("+", 2)
    assert name == origin == "countersign-test"
    key = base64.b64decode(key)
    assert key[0] == 1, "Ed25519"
    line = next(one for one in signatures.splitlines() if one.startswith(f"\u2014 {name} "))
    signature = base64.b64decode(line.rsplit(" ", 1)[1])
    assert signature[:4].hex() == key_hash
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], (text + "\n").encode())
