"""Both listeners behind TLS: who gets in, who is told what, and what is left open."""

import contextlib
import json
import os
import re
import ssl
import sys

import pytest

from agents import PROTOCOL, Agent
from tls import (
    HANDSHAKE_LIMIT, BarelyReady, Paper, Raw, TLSWorld, authority, request, run, s_client, trusting)
from waiting import until
from world import REPOSITORY

ECHO = {"version": "1", "default": "deny", "tools": {"echo": {}, "slow": {}}}
SLACK = 5


class EchoWorld(BarelyReady, TLSWorld):
    """A gateway whose upstream says what it is told."""

    def __init__(self, tmp_path):
        super().__init__(
            tmp_path, clients=True, policy=ECHO, names=["gateway.example.net"],
            hosts=["proxy.example.net"],
            upstream_command=[sys.executable, REPOSITORY / "Tests/Peers/stdio_server.py", "good"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with EchoWorld(tmp_path_factory.mktemp("listeners")) as world:
        yield world


@pytest.fixture
def world(shared):
    """Whatever a test does: afterwards nothing is left open, and it serves on."""
    shared.operator().status()
    before = shared.descriptors()
    yield shared
    until(lambda: shared.descriptors() <= before, f"no more than {before} descriptors are open", 15)
    assert shared.operator().status()["gateway"] == "countersign-test"


class Refusals:
    """The log's lines about TLS that came since."""

    def __init__(self, world):
        self.world, self.known = world, len(world.log_lines("TLS of"))

    def new(self):
        return self.world.log_lines("TLS of")[self.known:]

    def one(self, words):
        """Exactly one line, with these words."""
        until(self.new, f"a line about {words}", 15)
        lines = self.new()
        assert len(lines) == 1 and words in lines[0], lines
        assert len(lines[0]) < 600 and "info" in lines[0]
        self.known += 1


@pytest.fixture
def refusals(world):
    return Refusals(world)


def initialize(world, **headers):
    body = (b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"%s",'
            b'"capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}' % PROTOCOL.encode())
    return request(
        "POST", "/mcp", world.agents_port, world.token, body,
        Accept="application/json, text/event-stream", **headers)


def challenge(world, **headers):
    return request("POST", "/v1/session/challenge", world.operators_port,
                   body=b'{"operator":"ops"}', **headers)


def mia(world):
    return ["-cert", world.tls / "mia.pem", "-key", world.tls / "mia.key"]


def trusted(world):
    return ["-CAfile", world.ca, "-verify_return_error", "-verify_ip", "127.0.0.1"]


# Who gets in

@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_both_listeners_answer_openssl(world, version):
    done = s_client(
        world.agents_port, version, *trusted(world), send=initialize(world).decode())
    assert done.returncode == 0 and '"serverInfo"' in done.stdout, done
    done = s_client(
        world.operators_port, version, *trusted(world), *mia(world),
        send=challenge(world).decode())
    assert done.returncode == 0 and '"nonce"' in done.stdout, done


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused_as_such(world, refusals, version):
    for port in (world.agents_port, world.operators_port):
        done = s_client(port, version, "-cipher", "ALL:@SECLEVEL=0", send="GET / HTTP/1.1\n\n")
        assert done.returncode != 0 and "alert protocol version" in done.stderr, done
        refusals.one("no common TLS version or cipher")


def test_no_resumption_and_no_renegotiation(world):
    for version in ("-tls1_2", "-tls1_3"):
        done = s_client(
            world.agents_port, version, *trusted(world), "-msg", send=initialize(world).decode())
        assert "ServerHello" in done.stdout and '"serverInfo"' in done.stdout, done
        assert "NewSessionTicket" not in done.stdout
    renegotiated = run(
        "openssl", "s_client", "-connect", f"127.0.0.1:{world.agents_port}", "-tls1_2",
        check=False, input="R\n" + initialize(world).decode())
    assert "RENEGOTIATING" in renegotiated.stdout + renegotiated.stderr
    assert '"serverInfo"' not in renegotiated.stdout


def test_what_is_no_tls_is_told_so(world, refusals):
    for port in (world.agents_port, world.operators_port):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(512), b"\0" * 600,
                     b"CONNECT x:1 HTTP/1.1\r\n\r\n"):
            with Raw(port, trusting(world.ca)) as raw:
                raw.socket.sendall(data)
                assert raw.is_closed_by_peer()
            refusals.one("does not speak TLS")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_consoles_need_a_certificate_of_the_named_authority(world, refusals, tmp_path, version):
    stranger = Paper(tmp_path, "mallory", authority(tmp_path), usage="client")
    old = expired_client(world, tmp_path)
    for paper, words in (
            (None, "the client sent no certificate"),
            (stranger, "is signed by nobody who is trusted here"),
            (old, "the client's certificate has expired (it names mia)")):
        shown = [] if paper is None else ["-cert", paper.certificate, "-key", paper.key]
        done = s_client(
            world.operators_port, version, *trusted(world), *shown,
            send=challenge(world).decode())
        assert done.returncode != 0 and "nonce" not in done.stdout, done
        assert "alert" in done.stderr, done.stderr
        refusals.one(words)
    # The listener's own certificate is no client's, though the same authority signed it.
    done = s_client(
        world.operators_port, version, "-cert", world.tls / "server.pem", "-key",
        world.tls / "server.key", send=challenge(world).decode())
    assert done.returncode != 0 and "nonce" not in done.stdout, done
    refusals.one("the client's certificate is refused")


def expired_client(world, directory):
    """A certificate of the world's own authority that has expired."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    class Root:
        parsed = x509.load_pem_x509_certificate(world.ca.read_bytes())
        private = load_pem_private_key((world.tls / "ca.key").read_bytes(), None)

    return Paper(directory, "mia", Root, usage="client", days=(-30, -1))


def test_a_client_that_distrusts_the_gateway_is_told_of_in_the_log(world, refusals, tmp_path):
    with Raw(world.agents_port, trusting(authority(tmp_path).certificate)) as raw:
        with pytest.raises(ssl.SSLCertVerificationError):
            raw.handshake()
        assert raw.is_closed_by_peer()
    refusals.one("the client refused this gateway's certificate")


# Time

def test_a_handshake_has_a_limit(world):
    """Silence, half a ClientHello, one byte at a time: all end within the limit, told as slow."""
    known = len(world.log_lines("was not complete"))
    silent = [Raw(port, trusting(world.ca), seconds=HANDSHAKE_LIMIT + SLACK)
              for port in (world.agents_port, world.operators_port) for _ in range(2)]
    for raw in silent[1::2]:
        hello = raw.hello()
        raw.socket.sendall(hello[:len(hello) // 2])
    # Others are served meanwhile.
    assert world.operator().status()
    for raw in silent:
        with raw:
            assert raw.is_closed_by_peer()
    until(lambda: len(world.log_lines("was not complete")) == known + 4, "a line each")


# Cuts

def test_cuts_leave_nothing_behind(world, refusals):
    context = trusting(world.ca)
    for end in (Raw.abort, lambda raw: raw.socket.close()):
        raw = Raw(world.agents_port, context)
        hello = raw.hello()
        raw.socket.sendall(hello[:100])
        end(raw)
        refusals.one("closed the connection during the TLS handshake" if end is not Raw.abort
                     else "TLS of an agent failed")
        # In the middle of a request's head, and of its body.
        for part in (60, -20):
            raw = Raw(world.agents_port, context).handshake()
            raw.send(initialize(world)[:part])
            end(raw)
    assert not refusals.new()


def test_a_cut_event_stream_is_let_go(world):
    context, operator = world.client_context(), world.operator()
    # The connection of the sign-in may be among these still; three that stayed would be seen.
    before = world.descriptors()
    for end in (Raw.abort, lambda raw: raw.socket.close(), Raw.end_of_tls):
        with Raw(world.operators_port, context).handshake() as raw:
            raw.send(request(
                "GET", "/v1/events", world.operators_port, operator.token, close=False))
            raw.until(rb"HTTP/1.1 200 OK[\s\S]*\r\n\r\n")
            end(raw)
            until(lambda: world.descriptors() <= before, "the stream's socket is closed", 15)


# The proper end

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_ends_its_side_still_gets_the_whole_answer(world, version):
    for port, context, message, words in (
            (world.agents_port, trusting(world.ca, version=version),
             initialize(world), b'"serverInfo"'),
            (world.operators_port, world.client_context(version), challenge(world), b'"nonce"')):
        with Raw(port, context).handshake() as raw:
            raw.send(message)
            raw.end_of_tls()
            answer = raw.rest()
        length = int(re.search(rb"(?i)content-length: (\d+)", answer)[1]) if (
            b"ontent-" in answer and b"hunked" not in answer) else None
        head, _, body = answer.partition(b"\r\n\r\n")
        assert words in body and (length is None or len(body) == length), answer


def test_bytes_behind_the_end_are_not_kept(world):
    """Whoever has ended its side and goes on sending costs the gateway no memory."""
    def resident():
        pages = open(f"/proc/{world.gateway_pid}/statm").read().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    agent = Agent(world.agents_url, world.token, tls=trusting(world.ca))
    call = json.dumps(agent.message("tools/call", {"name": "slow", "arguments": {}})).encode()
    with Raw(world.agents_port, trusting(world.ca)).handshake() as raw:
        # A call that is not answered.
        raw.send(request(
            "POST", "/mcp", world.agents_port, world.token, call, close=False,
            Accept="application/json, text/event-stream", Mcp_Session_Id=agent.session,
            Mcp_Protocol_Version=PROTOCOL))
        raw.until(rb"HTTP/1.1 200 OK[\s\S]*\r\n\r\n")
        raw.end_of_tls()
        before, junk = resident(), b"\x17\x03\x03\x40\x00" + bytes(1 << 14)
        # The gateway may end the connection at any time.
        with contextlib.suppress(ConnectionError):
            for _ in range(8000):
                raw.socket.sendall(junk)
        assert resident() - before < 40 << 20


def test_large_requests_and_answers_are_whole(world):
    agent = Agent(world.agents_url, world.token, tls=trusting(world.ca))
    for count in (1, 100, 1800):
        arguments = {"words": [f"{n:05d}" + "äöü\\\"x" * 18 for n in range(count)]}
        result = agent.call("echo", arguments)
        assert json.loads(result["content"][0]["text"]) == arguments


def test_many_connections_one_after_the_other(world):
    """Keep-alive and not, both listeners, no error on the way."""
    context, operators = trusting(world.ca), world.client_context()
    for _ in range(10):
        with Raw(world.agents_port, context).handshake() as raw:
            for _ in range(3):
                raw.send(initialize(world).replace(b"Connection: close\r\n", b""))
                raw.until(rb'"serverInfo"[\s\S]*(0\r\n\r\n|\}\})')
            raw.end_of_tls()
        with Raw(world.operators_port, operators).handshake() as raw:
            raw.send(challenge(world))
            assert b'"nonce"' in raw.rest()


# Hosts

def test_the_certificates_names_and_the_named_hosts_pass(world):
    def status(port, context, message, host):
        with Raw(port, context).handshake() as raw:
            raw.send(re.sub(rb"Host: [^\r]*", b"Host: " + host, message))
            return int(raw.until(rb"HTTP/1.1 \d{3}").split()[1])

    for port, context, message in (
            (world.agents_port, trusting(world.ca), initialize(world)),
            (world.operators_port, world.client_context(), challenge(world))):
        for host in (b"localhost", b"gateway.example.net:8443", b"GATEWAY.example.net",
                     b"proxy.example.net", b"[::1]:1", b"127.0.0.1"):
            assert status(port, context, message, host) == 200, host
        for host in (b"evil.example", b"x.gateway.example.net", b"gateway.example.net.evil",
                     b"192.0.2.99"):
            assert status(port, context, message, host) == 421, host
