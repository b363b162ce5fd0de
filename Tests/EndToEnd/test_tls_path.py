"""The whole path over TLS: agent, gateway, console, upstream and exchange, each with real peers."""

import json
import os
import subprocess

import pytest

from agents import Agent, batch, leg
from console import Console, tail
from conftest import mcp1_python
from test_console import near_market
from tls import BarelyReady, TLSWorld, run, trusting
from waiting import until
from world import REPOSITORY

PEER = REPOSITORY / "Tests/Peers/peer_agents.py"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TLSWorld(tmp_path_factory.mktemp("path"), clients=True, relay=True) as world:
        yield world


def secure_command(world, operator="ops"):
    return [
        world.program, "console", "--gateway", world.operators_url, "--config", world.config_path,
        "--key", world.key_path(operator), "--ca", world.ca, *world.client_options]


@pytest.fixture
def console(world, monkeypatch):
    monkeypatch.setattr("console.command", secure_command)
    with Console(world, 120, 40) as console:
        yield console.ready()


def peer(world, python, scenario, *options, **variables):
    """An SDK's agent; httpx takes the authority from SSL_CERT_FILE."""
    return subprocess.Popen(
        [python, str(PEER), world.agents_url, world.token, scenario, *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "SSL_CERT_FILE": str(world.ca), **variables})


def test_a_batch_from_agent_to_fill(world, console):
    """Held over https, approved by keystrokes over https, sent over wss, seen in the console."""
    ask = float(world.quote("BTCUSDT")[1])
    arguments = batch(leg("BTCUSDT", "Buy", "0.010", f"{round(ask) + 20}.00"))
    known = {one["id"] for one in world.batches()}
    agent = peer(world, mcp1_python(), "held", "--held-arguments", json.dumps(arguments))
    id = world.until_held(known)["id"]
    console.approve(id)
    console.until_shows(rf"^>.{tail(id)}.*acknowledged", 15)
    console.until_shows("#1 BUY BTCUSDT")
    out, errors = agent.communicate(timeout=60)
    assert agent.returncode == 0, errors
    steps = {one["step"]: one for one in map(json.loads, out.splitlines())}
    assert not steps["held"]["isError"], steps
    console.until_shows(r"#1 BUY BTCUSDT \[#{10}\] 0\.010/0\.010")
    until(lambda: '"status":"filled"' in world.cli("orders", "--json").stdout, "it is filled")
    assert len(world.received_orders()) == 1


def test_both_generations_of_the_sdk_read(world, sdk_python):
    agent = peer(world, sdk_python, "read", "--tool", "getTickers", "--arguments",
                 '{"category": "linear", "symbol": "BTCUSDT"}')
    out, errors = agent.communicate(timeout=60)
    assert agent.returncode == 0 and '"done"' in out, errors


def test_an_sdk_without_the_authority_gets_nothing(world):
    agent = peer(world, mcp1_python(), "tools", SSL_CERT_FILE="")
    _, errors = agent.communicate(timeout=60)
    assert agent.returncode != 0 and "CERTIFICATE_VERIFY_FAILED" in errors, errors


def test_scripts_approve_over_tls(world):
    known = {one["id"] for one in world.batches()}
    sent = len(world.received_orders())
    agent = Agent(world.agents_url, world.token, tls=trusting(world.ca))
    _, answer = agent.start("wsBatchCreateOrders", near_market(world))
    id = world.until_held(known)["id"]
    world.approve(id)
    world.until_state(id, "acknowledged")
    assert not answer.result(30).get("isError")
    assert len(world.received_orders()) == sent + 1
    # Without the certificate the same command gets nowhere.
    done = run(world.program, "pending", "--config", world.config_path, "--key", world.key_path(),
               check=False, env=world.environment())
    assert done.returncode == 4 and "certificate" in done.stderr, done


def test_a_cut_exchange_comes_back_and_nothing_is_sent_twice(world, console):
    """Every connection to the exchange breaks while a batch waits, and again after its order."""
    agent = Agent(world.agents_url, world.token, tls=trusting(world.ca))
    known = {one["id"] for one in world.batches()}
    sent = len(world.received_orders())
    _, answer = agent.start("wsBatchCreateOrders", near_market(world, quantity="0.012"))
    id = world.until_held(known)["id"]
    before = world.relay.connections
    world.relay.cut()
    until(lambda: world.relay.connections > before, "somebody connects again")
    until(world.is_ready, "the order stream is live again", 30)
    world.until_held(known)
    world.approve(id)
    world.until_state(id, "acknowledged")
    world.relay.cut()
    assert not agent.await_outcome(id).get("isError")
    until(world.is_ready, "the order stream is live again", 30)
    console.until_shows(r"link ok.*feed live")
    links = [one["orderLinkId"] for one in world.received_orders()[sent:]]
    assert len(links) == len(set(links)) == 1, links


class Distrusting(BarelyReady, TLSWorld):
    """Its configuration names no authority for the exchange."""

    def write_files(self):
        super().write_files()
        config = json.loads(self.config_path.read_text())
        del config["trust"]
        self.config_path.write_text(json.dumps(config))


def test_an_exchange_that_nobody_vouches_for_is_not_believed(tmp_path):
    with Distrusting(tmp_path, relay=True) as world:
        until(lambda: world.log_lines("is signed by nobody who is trusted here"), "it is told")
        status = world.status()
        assert not status["is_environment_verified"] and status["feed"]["state"] != "live"
