"""Everything that MCP has, through the gateway, over stdio and over HTTP: the same as directly."""

import pytest

from passage import ALLOW, KEY, Passage, says, text
from waiting import until

UPSTREAMS = ["local", "remote"]
SCHEMA_TOOLS = "echo,weather,image,mixed,broken"


@pytest.fixture
def passage(tmp_path):
    with Passage(tmp_path) as world:
        yield world


def differences(direct, through):
    """Where two documents differ: the parts, by name."""
    parts = {}
    for name in direct.keys() | through.keys():
        a, b = direct.get(name), through.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            parts |= {f"{name}.{one}": (a.get(one), b.get(one))
                      for one in a.keys() | b.keys() if a.get(one) != b.get(one)}
        elif a != b:
            parts[name] = (a, b)
    return parts


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_everything_is_the_same(passage, upstream):
    direct, through = passage.directly(upstream), passage.through(upstream)
    assert direct["tools"]["sample"]["result"]["content"][0]["text"] == "model-7 says HELLO"
    assert direct["tools"]["ask"]["result"]["content"][0]["text"] == "Ada is 36"
    assert direct["tools"]["slow"]["progress"] == [[n, 3, f"step {n}"] for n in (1, 2, 3)]
    assert differences(direct, through) == {}


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_everything_is_the_same_through_wrap(passage, upstream):
    direct = passage.directly(upstream)
    through = passage.ask_everything(command=passage.wrap("--upstream", upstream))
    assert differences(direct, through) == {}


def test_a_server_that_answers_with_json(tmp_path):
    with Passage(tmp_path, server_options=["--json"]) as passage:
        options = ["--only", SCHEMA_TOOLS]
        direct = passage.directly("remote", options=options)
        assert differences(direct, passage.through("remote", options=options)) == {}


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_a_client_that_declared_nothing_is_asked_nothing(passage, upstream):
    options = ["--mute", "--only", "sample,ask,roots"]
    answers = passage.through(upstream, options=options)["tools"]
    for name, capability in [("sample", "sampling"), ("ask", "elicitation"), ("roots", "roots")]:
        said = answers[name]["result"]["content"][0]["text"]
        assert f'did not declare the capability "{capability}"' in said


def test_who_is_asked_is_never_guessed(passage):
    """While a call of somebody else is under way one pipe does not tell whose question it is; an
    event stream does."""
    other = passage.add_agent("beta")
    for upstream in UPSTREAMS:
        stranger = passage.agent(upstream, other)
        stranger.start("endless", {}, timeout=120)
        stranger_began(passage, upstream)
    local = passage.through("local", options=["--only", "sample,ask,roots"])["tools"]
    for name in ("sample", "ask", "roots"):
        said = local[name]["result"]["content"][0]["text"]
        assert "it is not known whose client is meant" in said
    remote = passage.through("remote", options=["--only", "sample,ask,roots"])["tools"]
    assert remote["sample"]["result"]["content"][0]["text"] == "model-7 says HELLO"
    assert remote["ask"]["result"]["content"][0]["text"] == "Ada is 36"
    # The SDK asks for roots outside the stream of the call.
    said = remote["roots"]["result"]["content"][0]["text"]
    assert "it is not known whose client is meant" in said


def stranger_began(passage, upstream):
    log = passage.gateway_log if upstream == "local" else passage.server.log
    says(log, "endless began")


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_a_cancelled_call_is_cancelled_at_the_upstream(passage, upstream):
    agent = passage.agent(upstream)
    id, _ = agent.start("endless", {}, timeout=120)
    stranger_began(passage, upstream)
    agent.notify("notifications/cancelled", {"requestId": id, "reason": "enough"})
    log = passage.gateway_log if upstream == "local" else passage.server.log
    says(log, "endless was cancelled")
    assert text(agent.call("echo", {"words": "still here"})) == "still here"


@pytest.fixture
def forgetful(tmp_path):
    """Streams of its server cannot be resumed, so that what is lost is lost at once."""
    with Passage(tmp_path, server_options=["--forgetful"]) as world:
        yield world


def test_a_lost_session_is_begun_anew_and_nothing_is_repeated(forgetful):
    passage, agent = forgetful, forgetful.agent("remote")
    _, waiting = agent.start("endless", {}, timeout=120)
    stranger_began(passage, "remote")
    passage.server.stop()
    lost = waiting.result(60)
    assert lost["isError"] and "gave no answer" in text(lost)
    passage.server.start()
    until(lambda: not agent.call("echo", {"words": "again"}).get("isError"),
          "calls work again", 60)
    assert passage.server.log.read_text().count("endless began") == 1


def test_a_session_that_the_server_forgot_is_begun_anew(passage):
    """The server is there again before anybody noticed: the old session is 404."""
    agent = passage.agent("remote")
    passage.server.stop()
    passage.server.start()
    until(lambda: not agent.call("echo", {"words": "again"}).get("isError"),
          "calls work again", 60)


def test_the_secret_of_a_header_is_nowhere(passage):
    passage.agent("remote").call("echo", {"words": "hello"})
    for path in passage.directory.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def held(tool):
    return {**ALLOW, "tools": {tool: {"action": "hold"}}}


def the_held(passage):
    return until(lambda: next(iter(passage.batches()), None), "a call is held")["id"]


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_a_held_call_is_sent_once_and_asks_nobody(tmp_path, upstream):
    with Passage(tmp_path, policy=held("sample"), hold={"wait": "30s"}) as passage:
        agent = passage.agent(upstream)
        _, waiting = agent.start("sample", {"words": "hello"})
        passage.approve(the_held(passage))
        said = text(waiting.result(60))
        assert '"sampling/createMessage" is not offered' in said or "not support" in said


def test_a_held_call_whose_answer_is_lost_over_http_waits_for_a_person(tmp_path):
    with Passage(tmp_path, policy=held("endless"), hold={"wait": "30s"},
                 server_options=["--forgetful"]) as passage:
        _, waiting = passage.agent("remote").start("endless", {}, timeout=120)
        id = the_held(passage)
        passage.approve(id, check=False)
        stranger_began(passage, "remote")
        passage.server.stop()
        passage.until_state(id, "unknown", seconds=60)
        passage.server.start()
        passage.stop_gateway()
        passage.start_gateway()
        assert passage.until_state(id, "unknown")["state"] == "unknown"
        assert passage.server.log.read_text().count("endless began") == 1
