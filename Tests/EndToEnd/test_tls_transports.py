"""MCP over TLS: an upstream at an https URL, and `countersign wrap` in front of a secured gateway."""

import json
from urllib.parse import urlsplit

import pytest

from passage import Passage, Wrapped, text
from test_transports import differences
from tls import Relay, TLSWorld, authority, server_paper, serving


class SecurePassage(Passage):
    """The upstream `remote` is reached over https, by an authority of the gateway's own choice."""

    def __init__(self, tmp_path, **more):
        super().__init__(tmp_path, **more)
        self.relay = None

    def write_files(self):
        super().write_files()
        root = authority(self.directory, "upstream-authority")
        self.relay = Relay(
            serving(server_paper(self.directory, "upstream", root)),
            urlsplit(self.server.url).port)
        config = json.loads(self.config_path.read_text())
        config["upstreams"]["remote"]["url"] = self.relay.url + urlsplit(self.server.url).path
        config["trust"] = ["upstream-authority.pem"]
        self.config_path.write_text(json.dumps(config, indent=1))

    def close(self):
        super().close()
        if self.relay is not None:
            self.relay.close()


def test_an_upstream_over_https_answers_as_directly(tmp_path):
    with SecurePassage(tmp_path) as passage:
        assert differences(passage.directly("remote"), passage.through("remote")) == {}
        assert passage.relay.connections > 0


def test_a_cut_connection_loses_its_call_and_no_other(tmp_path):
    with SecurePassage(tmp_path) as passage:
        agent = passage.agent("remote")
        assert agent.call("echo", {"words": "before"})["content"][0]["text"] == "before"
        passage.relay.cut()
        # Whatever was open is gone; a new call goes over a new connection.
        assert agent.call("echo", {"words": "after"})["content"][0]["text"] == "after"


def test_an_upstream_whose_authority_is_unknown_is_never_asked(tmp_path):
    class Distrustful(SecurePassage):
        def write_files(self):
            super().write_files()
            config = json.loads(self.config_path.read_text())
            del config["trust"]
            self.config_path.write_text(json.dumps(config, indent=1))

        def is_ready(self):
            return self.has_tools("local")

    with Distrustful(tmp_path) as passage:
        assert not passage.has_tools("remote")
        assert passage.has_tools("local")
        log = passage.gateway_log.read_text()
        assert "signed by nobody who is trusted here" in log


@pytest.fixture
def world(tmp_path):
    with TLSWorld(tmp_path) as world:
        yield world


def wrapped(world, *options):
    return [world.program, "wrap", *map(str, options)]


def test_wrap_finds_the_authority_in_the_configuration(world):
    with Wrapped(world, wrapped(world, "--config", world.config_path)) as client:
        client.greet()
        tools = [one["name"] for one in client.request("tools/list")["result"]["tools"]]
        assert "wsBatchCreateOrders" in tools and "awaitApproval" in tools
        assert client.end() == (b"", 0)


def test_wrap_takes_the_authority_as_an_option(world):
    place = world.agents_url.removesuffix("/mcp")
    with Wrapped(world, wrapped(world, "--gateway", place, "--ca", world.ca)) as client:
        client.greet()
        assert client.request("tools/list")["result"]["tools"]


def test_wrap_sends_its_token_to_nobody_whom_it_does_not_trust(world):
    place = world.agents_url.removesuffix("/mcp")
    with Wrapped(world, wrapped(world, "--gateway", place)) as client:
        client.greet()
        assert client.request("tools/list")["result"] == {"tools": []}
        refused = client.call("getTickers", {"category": "linear"})
        assert refused["isError"]
        assert "trusted" in text(refused)
