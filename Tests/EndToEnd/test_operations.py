"""What the person who runs a gateway relies on: health, metrics, and an end in order."""

import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agents import Agent, decision_of, pending_id, resting, text_of
from waiting import until
from world import KEYS, REPOSITORY, World, children, program_path

# The time that the documentation names for an end in order.
STOP_SECONDS = int(re.search(
    r"within (\d+) seconds", (REPOSITORY / "docs/operations.md").read_text())[1])


def get(url, **headers):
    """Status and body of one request."""
    try:
        with urllib.request.urlopen(
                urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def slow_upstream(seconds):
    """An upstream whose answers to held calls come late."""
    here = pathlib.Path(__file__).resolve().parent
    return [sys.executable, here / "slow_answers.py", seconds, program_path(), "bybit-tools"]


@pytest.fixture
def watched(tmp_path):
    with World(tmp_path, metrics=True) as world:
        yield world


class Figures:
    """One reading of /metrics, by name and labels."""

    def __init__(self, world):
        status, text = get(world.metrics_url + "/metrics")
        assert status == 200, text
        self.families = {one.name: one for one in text_string_to_metric_families(text)}
        self.samples = {}
        for family in self.families.values():
            for one in family.samples:
                key = (one.name, frozenset(one.labels.items()))
                assert key not in self.samples, f"{key} stands twice"
                self.samples[key] = one.value

    def __call__(self, name, **labels):
        return self.samples.get((name, frozenset(labels.items())))


# Health

@pytest.mark.parametrize("listener", ["operators_url", "metrics_url"])
def test_health_needs_no_sign_in_and_tells_no_more_than_it_must(watched, listener):
    url = getattr(watched, listener)
    digest = watched.status()["policy_digest"]
    for path, word in (("/healthz", "ok"), ("/readyz", "ready")):
        status, text = get(url + path)
        assert status == 200
        assert json.loads(text) == {"status": word, "version": "0.1.0", "policy": digest}
    assert get(url + "/healthz", Host="evil.example")[0] == 421


def test_readiness_names_an_upstream_that_is_down(tmp_path):
    down = tmp_path / "down"
    shell = ["/bin/sh", "-c", 'if test -e "$0"; then exit 1; fi; exec "$1" bybit-tools', down]
    with World(
            tmp_path, metrics=True, upstream_command=[*shell, program_path()]) as world:
        down.touch()
        for pid in children(world.gateway_pid):
            os.kill(pid, signal.SIGKILL)

        def is_down():
            status, text = get(world.metrics_url + "/readyz")
            return status == 503 and json.loads(text)["reasons"] == ["upstream_down:bybit"]

        until(is_down, "readiness says that the upstream is down")
        assert get(world.metrics_url + "/healthz")[0] == 200
        assert Figures(world)("countersign_upstream_up", upstream="bybit") == 0


def test_metrics_are_off_unless_configured(world):
    assert world.metrics_url is None
    assert get(world.operators_url + "/metrics")[0] == 404


# Metrics

def test_the_figures_of_a_known_history(watched):
    before = Figures(watched)
    agent = Agent(watched.agents_url, watched.token, "history")
    read = {"category": "linear", "symbol": "BTCUSDT"}
    for _ in range(3):
        agent.call("getTickers", read)
    agent.call("withdraw", {})
    _, first = agent.start("wsBatchCreateOrders", resting(1))
    one = watched.until_held()
    figures = Figures(watched)
    assert figures("countersign_held_calls", state="pending") == 1
    watched.operator().decide("approve", watched.operator().batch(one["id"])["summary"])
    assert decision_of(first.result(20))["status"] == "acknowledged"
    _, second = agent.start("wsBatchCreateOrders", resting(2, base=50_000))
    two = watched.until_held(known={one["id"]})
    watched.operator().decide("reject", watched.operator().batch(two["id"])["summary"], "no")
    assert decision_of(second.result(20))["status"] == "rejected"

    after = Figures(watched)

    def calls(kind, verdict):
        return after(
            "countersign_calls_total", upstream="bybit", verdict=verdict, **{"class": kind})

    assert calls("other", "allowed") == 3
    assert calls("other", "denied") == 1
    assert calls("create", "held") == 2
    assert after("countersign_decisions_total", verb="approve", outcome="taken") == 1
    assert after("countersign_decisions_total", verb="reject", outcome="taken") == 1
    assert after("countersign_decision_seconds_count") == 2
    assert after("countersign_decision_seconds_bucket", le="+Inf") == 2
    assert after("countersign_decision_seconds_sum") > 0
    assert after("countersign_dispatches_total", upstream="bybit", outcome="acknowledged") == 1
    assert after("countersign_held_calls", state="pending") == 0
    assert after("countersign_held_calls", state="acknowledged") == 1
    assert after("countersign_held_calls", state="rejected") == 1
    assert after("countersign_upstream_up", upstream="bybit") == 1
    assert after("countersign_upstream_starts_total", upstream="bybit") == 1
    assert after("countersign_agent_sessions") == 1
    assert after("countersign_store_up") == 1
    assert after("countersign_exchange_stream_live") == 1
    assert after("countersign_exchange_stream_stale_seconds") == 0
    assert after("countersign_ledger_entries") == watched.status()["ledger_size"]
    assert after("countersign_ledger_entries") > before("countersign_ledger_entries")
    commits = after("countersign_store_commit_seconds_count")
    assert commits > before("countersign_store_commit_seconds_count")
    assert after("process_resident_memory_bytes") > 1 << 20
    for queue in ("gateway", "operators", "agents", "store"):
        assert after("countersign_queue_length", queue=queue) is not None
    for family in after.families.values():
        assert family.documentation, family.name
        assert family.type in ("counter", "gauge", "histogram")


def test_agents_cannot_make_labels(watched):
    agent = Agent(watched.agents_url, watched.token, 'label"\n} 1')
    for number in range(20):
        agent.call(f'tool{number}"{{x="1"}}', {})
    text = get(watched.metrics_url + "/metrics")[1]
    assert "tool1" not in text and "label\"" not in text
    count = Figures(watched)(
        "countersign_calls_total", upstream="bybit", verdict="denied", **{"class": "other"})
    assert count == 20


# The end

def test_term_with_calls_in_every_state(tmp_path):
    """Held, cooling and sent calls; their agents are told what to ask for, and nothing is lost."""
    with World(tmp_path, hold={"wait": "60s", "cooling": "10s"}) as world:
        agent = Agent(world.agents_url, world.token)
        _, pending = agent.start("wsBatchCreateOrders", resting(1))
        held = world.until_held()
        _, cooling = agent.start("wsBatchCreateOrders", resting(1, base=40_000))
        cools = world.until_held(known={held["id"]})
        world.operator().decide(
            "approve", world.operator().batch(cools["id"])["summary"], cooling=True)
        world.until_state(cools["id"], "cooling")

        start = time.monotonic()
        assert world.stop_gateway() == 0
        assert time.monotonic() - start < STOP_SECONDS

        for call, id in ((pending, held["id"]), (cooling, cools["id"])):
            result = call.result(5)
            assert pending_id(result) == id
            assert "The gateway is stopping" in text_of(result)
            assert f'awaitApproval with {{"approvalId": "{id}"}}' in text_of(result)
            assert not result.get("isError")
        assert world.received_orders() == []
        assert [one["kind"] for one in world.audit()][-1] == "stopped"

        world.start_gateway()
        states = {one["id"]: one for one in world.batches()}
        assert {one["state"] for one in states.values()} == {"pending"}
        # They were told the id, so they count as agents that can be answered.
        assert not any(one["is_agent_gone"] for one in states.values())
        again = Agent(world.agents_url, world.token)
        _, waits = again.start("awaitApproval", {"approvalId": held["id"]})
        world.operator().decide("approve", world.operator().batch(held["id"])["summary"])
        assert decision_of(waits.result(20))["status"] == "acknowledged"
        assert len(world.received_orders()) == 1


def test_term_while_a_call_is_being_sent(tmp_path):
    """The answer of the exchange is waited for, so that the outcome is known after the restart."""
    with World(tmp_path, hold={"wait": "60s"}, upstream_command=slow_upstream(2)) as world:
        agent = Agent(world.agents_url, world.token)
        _, call = agent.start("wsBatchCreateOrders", resting(1))
        held = world.until_held()
        world.operator().decide("approve", world.operator().batch(held["id"])["summary"])
        until(lambda: len(world.received_orders()) == 1, "the order arrives")
        assert world.operator().batch(held["id"])["summary"]["state"] == "dispatching"
        assert world.stop_gateway() == 0
        assert pending_id(call.result(5)) == held["id"]
        world.start_gateway()
        assert world.until_state(held["id"], "acknowledged")
        assert len(world.received_orders()) == 1


def test_a_second_term_ends_it_at_once(tmp_path):
    with World(tmp_path, hold={"wait": "60s"}, upstream_command=slow_upstream(30)) as world:
        agent = Agent(world.agents_url, world.token)
        agent.start("wsBatchCreateOrders", resting(1))
        held = world.until_held()
        world.operator().decide("approve", world.operator().batch(held["id"])["summary"])
        until(lambda: len(world.received_orders()) == 1, "the order arrives")
        pid = world.gateway_pid
        os.kill(pid, signal.SIGTERM)
        until(lambda: "stopping" in world.gateway_log.read_text(), "it has begun to stop")
        os.kill(pid, signal.SIGTERM)
        assert world.gateway_ended(5) == 5


# Logs

def test_no_secret_is_in_a_log_at_the_loudest_level(tmp_path):
    with World(
            tmp_path, gateway_arguments=["--log-format", "json"],
            gateway_environment={"LOG_LEVEL": "trace"}) as world:
        agent = Agent(world.agents_url, world.token, "planted\nsecret")
        secret = "planted-argument-secret"
        agent.call("getTickers", {"category": "linear", "symbol": secret})
        agent.call("withdraw\x1b[2J", {"address": secret})
        _, call = agent.start("wsBatchCreateOrders", resting(1))
        held = world.until_held()
        world.operator().decide("reject", world.operator().batch(held["id"])["summary"], secret)
        call.result(20)
        world.operator().raw("GET", "/v1/status", headers={"Authorization": "Bearer wrong-" + secret})
        seed = json.loads(world.key_path().read_text())["seed"]
        ledger_key = (tmp_path / "state/ledger.key").read_text().strip()
        secrets = [
            secret, world.token, world.operator().token, agent.session, seed, ledger_key,
            *KEYS.values()]
        assert world.stop_gateway() == 0
        text = world.gateway_log.read_text()
        for one in secrets:
            assert one not in text, one
        lines = [json.loads(line) for line in text.splitlines()]
        assert "\x1b" not in text
        about = [one for one in lines if one.get("decision") == held["id"]]
        assert [one["message"] for one in about] == ["pending", "rejected"]
        for one in about:
            assert one["agent"] == "alpha" and one["upstream"] == "bybit"
            assert one["tool"] == "wsBatchCreateOrders" and one["rule"] and one["time"]
        assert about[1]["by"] == "ops"
        denied = next(one for one in lines if one["message"] == "denied")
        assert denied["decision"].startswith("cs_") and denied["rule"] == "/default"


# Backups

def restore(world, file):
    """What docs/operations.md says: a new state directory with the copy and the key."""
    state = world.directory / "state"
    state.rename(world.directory / "state.old")
    state.mkdir(mode=0o700)
    shutil.copy(file, state / "countersign.sqlite")
    key = pathlib.Path(f"{file}.key")
    if key.exists():
        shutil.copy(key, state / "ledger.key")
    for one in state.iterdir():
        one.chmod(0o600)


def test_a_backup_under_load_is_whole_and_can_be_restored(world):
    agent = Agent(world.agents_url, world.token)
    _, call = agent.start("wsBatchCreateOrders", resting(1))
    waiting = world.until_held()
    _, second = agent.start("wsBatchCreateOrders", resting(1, base=50_000))
    done = world.until_held(known={waiting["id"]})
    world.operator().decide("approve", world.operator().batch(done["id"])["summary"])
    world.until_state(done["id"], "acknowledged")
    stop = threading.Event()

    def load():
        while not stop.is_set():
            agent.call("withdraw", {})

    loader = threading.Thread(target=load)
    loader.start()
    file = world.directory / "backup.sqlite"
    try:
        size = len(world.audit())
        made = json.loads(world.cli("backup", file, "--with-key", "--json").stdout)
    finally:
        stop.set()
        loader.join()
    assert made["entries"] >= size
    assert {one.name: one.stat().st_mode & 0o777 for one in world.directory.glob("backup*")} == {
        "backup.sqlite": 0o600, "backup.sqlite.key": 0o600}
    refused = world.cli("backup", file, check=False)
    assert refused.returncode == 2 and "never overwrites" in refused.stderr

    # After the backup the waiting call is approved and sent: the copy does not know.
    world.operator().decide("approve", world.operator().batch(waiting["id"])["summary"])
    world.until_state(waiting["id"], "acknowledged")
    call.result(20)
    orders = len(world.received_orders())
    assert orders == 2
    assert world.stop_gateway() == 0
    restore(world, file)
    assert "verified" in world.cli("audit", "verify").stdout
    world.start_gateway()
    states = {one["id"]: one for one in world.batches()}
    assert states[waiting["id"]]["state"] == "withdrawn"
    assert "restored from a backup" in states[waiting["id"]]["outcome"]
    assert states[done["id"]]["state"] == "acknowledged"
    assert "restored" in [one["kind"] for one in world.audit()]
    assert "verified" in world.cli("audit", "verify").stdout
    again = Agent(world.agents_url, world.token)
    assert decision_of(again.call("awaitApproval", {"approvalId": waiting["id"]}))[
        "status"] == "withdrawn"
    assert len(world.received_orders()) == orders


def test_a_ledger_does_not_go_on_without_its_key(world):
    file = world.directory / "backup.sqlite"
    assert "ledger entries verified" in world.cli("backup", file).stdout
    assert not pathlib.Path(f"{file}.key").exists()
    world.stop_gateway()
    restore(world, file)
    done = world.cli("gateway", check=False)
    assert done.returncode == 2
    assert "ledger.key is missing" in done.stderr


def test_a_damaged_ledger_is_not_backed_up(world):
    Agent(world.agents_url, world.token).call("withdraw", {})
    until(lambda: any(one["kind"] == "denied" for one in world.audit()), "the denial is recorded")
    world.stop_gateway()
    with sqlite3.connect(world.directory / "state/countersign.sqlite") as database:
        database.execute("UPDATE ledger SET entry = replace(entry, 'started', 'startet')")
    database.close()
    file = world.directory / "backup.sqlite"
    done = world.cli("backup", file, check=False)
    assert done.returncode == 1 and "NOT VERIFIED" in done.stderr
    assert list(world.directory.glob("backup*")) == []
