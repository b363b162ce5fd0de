"""`countersign wrap`: a client that launches its server keeps working, whatever the gateway does."""

import signal

import pytest

from passage import Passage, Wrapped, text
from waiting import until


@pytest.fixture
def passage(tmp_path):
    with Passage(tmp_path) as world:
        yield world


def test_the_command_of_an_upstream_finds_it(passage):
    with Wrapped(passage, passage.wrap(command=passage.local)) as client:
        assert client.greet()["instructions"] == "Ask for everything."
        assert text(client.call("echo", {"words": "hello"})) == "hello"
        rest, code = client.end()
        assert (rest, code) == (b"", 0)
        assert "connected" not in client.errors.read_text()


def test_a_signal_ends_it_too(passage):
    with Wrapped(passage, passage.wrap("--upstream", "local")) as client:
        client.greet()
        client.process.send_signal(signal.SIGTERM)
        assert client.process.wait(20) == 0


def test_a_gateway_that_comes_and_goes(passage):
    passage.stop_gateway()
    with Wrapped(passage, passage.wrap("--upstream", "local")) as client:
        greeting = client.greet()
        assert greeting["capabilities"] == {"tools": {"listChanged": True}}
        assert client.request("tools/list")["result"] == {"tools": []}
        refused = client.call("echo", {"words": "hello"})
        assert refused["isError"] and "countersign gateway" in text(refused)
        passage.start_gateway()
        client.until_heard("notifications/tools/list_changed")
        listed = client.request("tools/list")["result"]["tools"]
        assert "echo" in [one["name"] for one in listed]
        assert text(client.call("echo", {"words": "hello"})) == "hello"
        passage.stop_gateway()
        assert client.call("echo", {"words": "hello"})["isError"]
        passage.start_gateway()
        until(lambda: text(client.call("echo", {"words": "again"})) == "again",
              "calls work again")


def test_a_gateway_that_was_killed_is_found_again(passage):
    """The client's session is unknown to the new process, and no call fails for that."""
    with Wrapped(passage, passage.wrap("--upstream", "local")) as client:
        client.greet()
        client.call("echo", {"words": "hello"})
        passage.kill_gateway()
        passage.start_gateway()
        assert text(client.call("echo", {"words": "again"})) == "again"


def test_a_wrong_token_is_mended_without_starting_the_client_again(passage):
    place = passage.directory / "token"
    place.write_text("csa_wrong\n")
    place.chmod(0o600)
    command = passage.wrap("--upstream", "local", "--token-file", str(place))
    with Wrapped(passage, command) as client:
        client.greet()
        refused = client.call("echo", {"words": "hello"})
        assert refused["isError"] and "countersign agent add" in text(refused)
        place.write_text(passage.token + "\n")
        assert text(client.call("echo", {"words": "hello"})) == "hello"


def test_a_token_file_that_others_can_read_is_refused(passage):
    place = passage.directory / "token"
    place.write_text(passage.token + "\n")
    place.chmod(0o644)
    command = passage.wrap("--upstream", "local", "--token-file", str(place))
    with Wrapped(passage, command) as client:
        client.greet()
        assert "chmod 600" in text(client.call("echo", {"words": "hello"}))
        place.chmod(0o600)
        assert text(client.call("echo", {"words": "hello"})) == "hello"


@pytest.mark.parametrize("options,command,words", [
    ([], ["no-such", "command"], "local, remote"),
    (["--upstream", "nobody"], [], "--upstream"),
    (["--upstream", "local", "--gateway", "http://example.com"], [], "https://"),
])
def test_what_is_unknown_refuses_each_call_with_the_remedy(passage, options, command, words):
    with Wrapped(passage, passage.wrap(*options, command=command)) as client:
        client.greet()
        refused = client.call("echo", {"words": "hello"})
        assert refused["isError"] and words in text(refused)
        assert client.request("ping")["result"] == {}


def test_lines_that_are_no_messages_are_answered_and_survived(passage):
    with Wrapped(passage, passage.wrap("--upstream", "local")) as client:
        client.process.stdin.write(b"\n \r\nnot json\n" + b"x" * (2 << 20) + b"\n[]\n")
        client.process.stdin.flush()
        for _ in range(3):
            assert client.read()["error"]["code"] in (-32700, -32600)
        client.greet()
        assert text(client.call("echo", {"words": "hello"})) == "hello"


def test_a_cancelled_call_is_cancelled(passage):
    with Wrapped(passage, passage.wrap("--upstream", "remote")) as client:
        client.greet()
        client.send({"id": 77, "method": "tools/call", "params": {
            "name": "endless", "arguments": {}, "_meta": {"progressToken": "p"}}})
        client.until_heard("notifications/progress")
        client.send({"method": "notifications/cancelled", "params": {"requestId": 77}})
        until(lambda: "endless was cancelled" in passage.server.log.read_text(), "it is cancelled")
        assert text(client.call("echo", {"words": "hello"})) == "hello"
        assert not any(one.get("id") == 77 for one in client.heard)


def test_without_a_name_it_is_the_first_upstream(passage):
    with Wrapped(passage, passage.wrap("--gateway", passage.agents_url.removesuffix("/mcp"))) as one:
        one.greet()
        # Only a child of the gateway has its environment.
        assert text(one.call("environment", {"name": "HOME"})) != "(not set)"
        assert text(one.call("environment", {"name": "COUNTERSIGN_TOKEN"})) == "(not set)"


def test_a_name_and_a_command_are_bad_usage(passage):
    done = passage.cli("wrap", "--upstream", "local", "--", "x", check=False)
    assert done.returncode == 2 and "not both" in done.stderr
