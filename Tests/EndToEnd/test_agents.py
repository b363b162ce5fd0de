"""The official MCP SDKs, 1.x and 2.x, as the agent of a running gateway."""

import asyncio
import fnmatch
import json
import re
import subprocess
import sys
import time

import pytest

import agents
from agents import Agent, batch, decision_of, leg, pending_id, resting
from operators import Operator
from waiting import until
from world import KEYS, POLICY, REPOSITORY, World, program_path

HERE = REPOSITORY / "Tests/EndToEnd"
PEER = REPOSITORY / "Tests/Peers/peer_agents.py"


class Peer:
    """A running scenario of an SDK's agent: its steps are read as they are printed."""

    def __init__(self, python, script, world, scenario, *options):
        self.lines = []
        self.process = subprocess.Popen(
            [python, str(script), world.agents_url, world.token, scenario, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def step(self, name):
        """The next step of that name; fails when the scenario ends before it."""
        for line in self.process.stdout:
            self.lines.append(json.loads(line))
            if self.lines[-1]["step"] == name:
                return self.lines[-1]
        raise AssertionError(f"no step {name}: {self.lines} {self.process.stderr.read()}")

    def tell(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        """All steps, when the scenario went as it must."""
        out, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors
        return self.lines + [json.loads(line) for line in out.splitlines()]


def held_options(arguments):
    return ["--held-arguments", json.dumps(arguments)]


def shimmed(tmp_path, **more):
    """A world whose upstream's lines are kept."""
    command = [sys.executable, HERE / "shim.py", tmp_path, program_path(), "bybit-tools"]
    return World(tmp_path, upstream_command=command, **more)


def upstream_answers(tmp_path, tool):
    """The upstream's own results of `tool`, as they stood on its output."""
    lines = [json.loads(one) for one in (tmp_path / "lines.jsonl").read_text().splitlines()]
    calls = {}
    for one in lines:
        message = json.loads(one["line"])
        if one["way"] == "in" and message.get("params", {}).get("name") == tool:
            calls[message["id"]] = None
        elif one["way"] == "out" and message.get("id") in calls and "result" in message:
            calls[message["id"]] = message["result"]
    return list(calls.values())


# Reading

async def ask_directly(world, calls):
    """The same calls at the same upstream, over stdio, with no gateway between."""
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client
    server = StdioServerParameters(
        command=world.program, args=["bybit-tools"],
        env={**world.environment(), "BYBIT_REST_URL": world.paper_url,
             "BYBIT_STREAM_URL": world.paper_url.replace("http", "ws", 1)})
    async with Client(stdio_client(server)) as client:
        listing = await client.list_tools()
        results = [await client.call_tool(tool, arguments) for tool, arguments in calls]
    tools = [one.model_dump(by_alias=True, mode="json", exclude_none=True)
             for one in listing.tools]
    return tools, ["\n".join(b.text for b in one.content) for one in results]


def shape(value):
    """The structure of a JSON value without its leaves."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__


def without_time(text):
    document = json.loads(text)
    assert document.pop("time") > 0
    return document


INSTRUMENTS = ("getInstrumentsInfo", {"category": "linear"})
TICKER = ("getTickers", {"category": "linear", "symbol": "BTCUSDT"})


def test_an_allowed_read_is_the_upstreams_own(world, sdk_python):
    _, direct = asyncio.run(ask_directly(world, [INSTRUMENTS, TICKER]))
    through = []
    for tool, arguments in (INSTRUMENTS, TICKER):
        peer = Peer(sdk_python, PEER, world, "read", "--tool", tool,
                    "--arguments", json.dumps(arguments))
        result = next(one for one in peer.end() if one["step"] == "read")
        assert not result["isError"]
        through.append(result["text"])
    assert without_time(through[0]) == without_time(direct[0])
    # Layout included: the text is the upstream's, not the gateway's writing of it.
    assert re.sub(r'"time": \d+', "", through[0]) == re.sub(r'"time": \d+', "", direct[0])
    assert shape(json.loads(through[1])) == shape(json.loads(direct[1]))


def test_the_list_of_tools(world, sdk_python):
    direct, _ = asyncio.run(ask_directly(world, []))
    steps = Peer(sdk_python, PEER, world, "tools", "--tool", "getTickers").end()
    names = next(one for one in steps if one["step"] == "tools")["names"]
    let_through = [one for one in direct if is_named(one["name"])]
    assert 0 < len(let_through) < len(direct)
    assert sorted(names) == sorted([one["name"] for one in let_through] + ["awaitApproval"])
    listed = Agent(world.agents_url, world.token).request("tools/list")["tools"]
    by_name = {one["name"]: one for one in listed}
    for tool in let_through:
        assert by_name[tool["name"]] == tool, "every field is the upstream's"


def is_named(tool):
    """Whether the policy of these tests allows or holds it; what it does not name is denied."""
    return any(fnmatch.fnmatchcase(tool, pattern) for pattern in POLICY["tools"])


def test_what_the_policy_denies_is_not_listed(tmp_path, sdk_python):
    policy = {"version": "1", "default": "deny",
              "tools": {"getTickers": {}, "wsBatchCreateOrders": {"action": "hold"}}}
    with World(tmp_path, policy=policy) as world:
        steps = Peer(sdk_python, PEER, world, "tools", "--tool", "getTickers").end()
        names = next(one for one in steps if one["step"] == "tools")["names"]
        assert sorted(names) == ["awaitApproval", "getTickers", "wsBatchCreateOrders"]
        denied = Agent(world.agents_url, world.token).call(
            "wsCancelOrder", {"category": "linear", "symbol": "BTCUSDT"})
        assert denied["isError"]
        assert agents.decision_of(denied)["verdict"] == "denied"


# Holding

def test_a_held_batch_is_approved(tmp_path, sdk_python):
    with shimmed(tmp_path, hold={"wait": "2s"}) as world:
        arguments = resting(2)
        peer = Peer(sdk_python, PEER, world, "held", *held_options(arguments))
        pending = peer.step("pending")
        assert [one["id"] for one in world.pending()] == [pending["id"]]
        assert world.received_orders() == [], "nothing is sent before the approval"
        approved = world.approve(pending["id"])
        assert approved["state"] == "acknowledged"
        result = next(one for one in peer.end() if one["step"] == "held")
        answers = upstream_answers(tmp_path, "wsBatchCreateOrders")
        assert len(answers) == 1
        assert not result["isError"]
        assert result["text"] == answers[0]["content"][0]["text"], "the upstream's own words"
        assert len(json.loads(result["text"])["data"]["list"]) == 2
        assert result["meta"]["countersign/decision"]["approvalId"] == pending["id"]
        assert len(world.received_orders()) == 2


def test_a_held_batch_is_rejected(tmp_path, sdk_python):
    with World(tmp_path, hold={"wait": "1s"}) as world:
        peer = Peer(sdk_python, PEER, world, "held", *held_options(resting()))
        pending = peer.step("pending")
        world.reject(pending["id"], "too large for a Friday; try 0.001")
        result = next(one for one in peer.end() if one["step"] == "held")
        assert result["isError"]
        assert "too large for a Friday; try 0.001" in result["text"]
        assert result["meta"]["countersign/decision"]["status"] == "rejected"
        assert world.received_orders() == []


def test_a_waiting_client_hears_that_it_is_waited_for(tmp_path, sdk_python):
    """Every ten seconds, where it gave a progress token: this takes as long as it takes."""
    with World(tmp_path, hold={"wait": "11s"}) as world:
        peer = Peer(sdk_python, PEER, world, "held", *held_options(resting()))
        world.reject(peer.step("pending")["id"], "not today")
        result = next(one for one in peer.end() if one["step"] == "held")
        assert result["progress"] == [1]


def test_a_held_batch_expires(tmp_path, sdk_python):
    with World(tmp_path, hold={"wait": "1s", "ttl": "3s"}) as world:
        peer = Peer(sdk_python, PEER, world, "held", *held_options(resting()))
        pending = peer.step("pending")
        result = next(one for one in peer.end() if one["step"] == "held")
        assert result["isError"]
        assert result["text"].startswith("Expired")
        assert result["meta"]["countersign/decision"]["status"] == "expired"
        late = world.approve(pending["id"], check=False)
        assert late.returncode == 1, "an approval after the expiry is refused"
        assert world.received_orders() == []


def test_pending_comes_within_the_wait(tmp_path):
    with World(tmp_path, hold={"wait": "2s"}) as world:
        agent = Agent(world.agents_url, world.token)
        begun = time.monotonic()
        assert pending_id(agent.call("wsBatchCreateOrders", resting()))
        assert 1.9 <= time.monotonic() - begun <= 3.5


def test_a_cancelled_call_is_withdrawn(world, sdk_python):
    peer = Peer(sdk_python, HERE / "sdk_agent.py", world, "cancel", *held_options(resting()),
                "--tool", "getTickers", "--arguments", json.dumps(TICKER[1]))
    peer.step("called")
    held = world.until_held()
    peer.tell()
    world.until_state(held["id"], "withdrawn")
    peer.end()
    assert world.pending() == []
    late = world.approve(held["id"], check=False)
    assert late.returncode == 1
    assert world.received_orders() == []


def test_twins_are_one_batch(world, sdk_python):
    peer = Peer(sdk_python, HERE / "sdk_agent.py", world, "twins", *held_options(resting()))
    held = world.until_held()
    world.approve(held["id"])
    results = [one for one in peer.end() if one["step"] == "twin"]
    assert len(results) == 2 and results[0]["text"] == results[1]["text"]
    assert all(json.loads(one["text"])["retCode"] == 0 for one in results)
    assert {one["meta"]["countersign/decision"]["approvalId"] for one in results} == {held["id"]}
    assert len(world.batches()) == 1 and len(world.received_orders()) == 1


def call_anew(world, agent, tool, arguments):
    """Starts a call that makes a batch. An answer counts as delivered a moment after it was read: until
    then the same call is answered with it once more, and says so."""
    known = {one["id"] for one in world.batches()}

    def look():
        _, future = agent.start(tool, arguments)
        until(lambda: future.done() or {one["id"] for one in world.batches()} - known,
              "an answer or a batch")
        if not future.done():
            return future
        assert decision_of(future.result())["replayed"]
        return None

    return until(look, "the answer counts as delivered")


def test_a_repeat_after_the_outcome_is_a_new_batch(world):
    agent = Agent(world.agents_url, world.token)
    _, first = agent.start("wsBatchCreateOrders", resting())
    one = world.until_held()
    world.approve(one["id"])
    assert not first.result(20).get("isError")
    second = call_anew(world, agent, "wsBatchCreateOrders", resting())
    other = world.until_held(known=[one["id"]])
    assert other["identical_to"] == one["id"], "the operator is told that it is a repeat"
    world.approve(other["id"])
    assert not second.result(20).get("isError")
    links = [order["orderLinkId"] for order in world.received_orders()]
    assert len(links) == 2 and len(set(links)) == 2


def test_a_repeat_while_pending_attaches(tmp_path):
    with World(tmp_path, hold={"wait": "1s"}) as world:
        agent = Agent(world.agents_url, world.token)
        first = pending_id(agent.call("wsBatchCreateOrders", resting()))
        again = Agent(world.agents_url, world.token)
        assert pending_id(again.call("wsBatchCreateOrders", resting())) == first
        other = Agent(world.agents_url, world.add_agent("beta"))
        assert pending_id(other.call("wsBatchCreateOrders", resting())) != first
        stolen = other.call("awaitApproval", {"approvalId": first})
        assert stolen["isError"], "an approval id of another agent opens nothing"


# Blocking

@pytest.mark.parametrize("slow", [
    ("wsBatchCreateOrders", resting()),
    ("subscribeOrder", {"category": "linear", "messageCount": 1, "timeoutMs": 5000})])
def test_a_slow_call_does_not_block_another_agent(world, slow):
    alpha = Agent(world.agents_url, world.token)
    beta = Agent(world.agents_url, world.add_agent("beta"))
    _, answer = alpha.start(*slow)
    if slow[0].startswith("ws"):
        world.until_held()
    begun = time.monotonic()
    for agent in (beta, alpha):
        assert not agent.call(*TICKER).get("isError")
    assert time.monotonic() - begun < 1.5
    assert not answer.done(), "the slow call was still waiting"
    answer.result(20)


def test_a_held_call_does_not_block_the_same_session(tmp_path, sdk_python):
    with World(tmp_path, hold={"wait": "2s"}) as world:
        steps = Peer(sdk_python, PEER, world, "parallel", *held_options(resting()),
                     "--tool", "getTickers", "--arguments", json.dumps(TICKER[1])).end()
        assert any(one["step"] == "parallel" for one in steps)


def test_an_impatient_client_keeps_its_session(world, sdk_python):
    Peer(sdk_python, PEER, world, "impatient", *held_options(resting()), "--tool", "getTickers",
         "--arguments", json.dumps(TICKER[1])).end()


# Rights

def operator_routes():
    """Every path that the sources name, so that a new one is tested as well."""
    paths = set()
    for place in ("Sources/OperatorProtocol", "Sources/Gateway/Operators"):
        for file in (REPOSITORY / place).glob("*.swift"):
            paths |= set(re.findall(r'"(/v1/[a-z/]+)"', file.read_text()))
    assert len(paths) >= 13, paths
    # The beginning of paths that name an upstream and its tool; alone it is no path.
    paths.remove("/v1/tools/drift/")
    return sorted(paths) + [
        "/v1/batches/cs_01J9Z3ABCDEFGHJKMNPQRSTVWX", "/v1/tools/drift/bybit/getTickers"]


SIGN_IN = ("/v1/session/challenge", "/v1/session")


def test_an_agents_token_opens_nothing_of_the_operators(world):
    stranger = Operator(world.operators_url, world.key_path())
    headers = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}
    for path in operator_routes():
        answers = [stranger.raw(method, path, body, headers)
                   for method, body in (("GET", None), ("POST", b"{}"))]
        statuses = [status for status, _ in answers]
        if path in SIGN_IN:
            # The way in asks for no session; without a signature it leads nowhere.
            assert 200 not in statuses, (path, answers)
        else:
            # One of the two is the path's own method; the other may be called wrong instead.
            assert {401, 403} & set(statuses), (path, answers)
            assert set(statuses) <= {401, 403, 405}, (path, answers)


def test_an_agents_token_cannot_finish_a_sign_in(world):
    stranger = Operator(world.operators_url, world.key_path())
    headers = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}
    status, challenge = stranger.raw(
        "POST", "/v1/session/challenge", json.dumps({"operator": "ops"}), headers)
    assert status == 200 and "token" not in challenge
    forged = {"challenge": challenge, "signature": "A" * 86 + "=="}
    assert stranger.raw("POST", "/v1/session", json.dumps(forged), headers)[0] == 401
    taken = {"challenge": {**challenge, "operator": "alpha"}, "signature": stranger.sign(challenge)}
    assert stranger.raw("POST", "/v1/session", json.dumps(taken), headers)[0] == 401


def test_an_operators_session_is_no_agents_token(world):
    operator = world.operator()
    operator.sign_in()
    with pytest.raises(agents.Fault) as refused:
        Agent(world.agents_url, operator.token)
    assert refused.value.status == 401


def test_no_secret_reaches_log_or_ledger(world):
    agent = Agent(world.agents_url, world.token)
    _, answer = agent.start("wsBatchCreateOrders", batch(leg("BTCUSDT", "Buy", "0.010")))
    held = world.until_held()
    world.approve(held["id"])
    answer.result(20)
    world.stop_gateway()
    seen = world.gateway_log.read_text() + json.dumps(world.audit())
    for secret in (world.token, KEYS["BYBIT_API_SECRET"], KEYS["E2E_READ_SECRET"]):
        assert secret not in seen
