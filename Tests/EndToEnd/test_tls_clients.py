"""The program as a client of TLS: a real server, and small ones that misbehave more than it can.

Every refusal ends with exit code 4 and a sentence of its own, after one connection.
"""

import concurrent.futures
import os
import re
import ssl
import subprocess
import time

import pytest

from tls import (
    CLIENT_LIMIT, LOCAL, Paper, Server, authority, run, s_server, secured, server_paper, serving)
from world import program_path

SLACK = 5


class Desk:
    """An operator's key, an authority, and `countersign pending` against any server."""

    def __init__(self, directory):
        self.directory = directory
        self.root = authority(directory)
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "XDG_CONFIG_HOME": str(directory / "xdg")}
        run(program_path(), "operator", "init", "ops", "--no-passphrase", env=self.environment)
        self.good = server_paper(directory, "good", self.root)
        self.mia = Paper(directory, "mia", self.root, usage="client")

    def paper(self, name, **more):
        return server_paper(self.directory, name, more.pop("issuer", self.root), **more)

    def pending(self, port, *options, host="localhost", ca=None, scheme="https", **variables):
        """Ended with 4; gives its one sentence."""
        trust = [] if ca == "none" else ["--ca", ca or self.root.certificate]
        done = subprocess.run(
            [str(one) for one in [
                program_path(), "pending", "--gateway", f"{scheme}://{host}:{port}", *trust,
                *options]],
            capture_output=True, text=True, timeout=30, env={**self.environment, **variables})
        assert done.stdout == "", done
        assert done.returncode == 4, done
        lines = done.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("countersign: "), done.stderr
        return lines[0]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    return Desk(tmp_path_factory.mktemp("desk"))


# What answers a request after a good handshake: s_server's page is no gateway's answer.
REACHED = "the gateway's answer cannot be read|is no gateway"


def refused(desk, words, paper, *options, chain=None, **more):
    with s_server(paper, *options, chain=chain) as port:
        said = desk.pending(port, **more)
    assert re.search(words, said), said
    return said


# Certificates

@pytest.mark.parametrize("key", ["ec", "rsa", "ed25519"])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_every_kind_of_key_is_taken(desk, key, version):
    refused(desk, REACHED, desk.paper(f"good-{key}", key=key), version)


def test_dates(desk):
    assert "renew it" in refused(
        desk, "localhost has expired", desk.paper("old", days=(-30, -1)))
    assert "clocks" in refused(
        desk, "localhost is not valid yet", desk.paper("new", days=(1, 30)))


def test_names(desk):
    other = desk.paper("other", names=["other.example", "192.0.2.7"])
    refused(desk, r"is not for localhost \(it names other.example, 192.0.2.7\)", other)
    refused(desk, r"is not for 127.0.0.1 \(it names other.example", other, host="127.0.0.1")
    refused(desk, REACHED, desk.good, host="127.0.0.1")
    # An address is no name, also where it is written as one.
    refused(desk, "is not for 127.0.0.1", desk.paper("texts", names=["localhost"]),
            host="127.0.0.1")


def test_a_common_name_is_no_name(desk):
    refused(desk, "is not for localhost", desk.paper("common", names=(), common="localhost"))
    refused(desk, "is not for 127.0.0.1", desk.paper("numeric", names=(), common="127.0.0.1"),
            host="127.0.0.1")


def test_a_wildcard_is_a_label_and_not_its_parent(desk):
    """More of wildcards in `Tests/TLSTests`: the names under localhost do not resolve everywhere."""
    refused(desk, r"is not for localhost \(it names \*.localhost\)",
            desk.paper("wild", names=["*.localhost"]))


def test_unknown_authorities(desk):
    stranger = authority(desk.directory, "stranger")
    untrusted = "is signed by nobody who is trusted here"
    said = refused(desk, untrusted, desk.paper("foreign", issuer=stranger))
    assert "--ca" in said and '"trust"' in said
    # The same name, another key.
    twin = authority(desk.directory, "twin", common="authority")
    refused(desk, untrusted, desk.paper("forged", issuer=twin))
    refused(desk, untrusted, server_paper(desk.directory, "selfsigned", None))
    # Without --ca only the system's authorities count; SSL_CERT_FILE replaces those.
    refused(desk, untrusted, desk.good, ca="none")
    refused(desk, REACHED, desk.good, ca="none", SSL_CERT_FILE=str(desk.root.certificate))
    refused(desk, REACHED, desk.good, ca="none", COUNTERSIGN_CA=str(desk.root.certificate))


def test_a_certificate_for_clients_is_no_servers(desk):
    misused = Paper(desk.directory, "misused", desk.root, names=LOCAL, usage="client")
    refused(desk, "the certificate of localhost is refused: .*purpose", misused)


def test_chains(desk):
    middle = authority(desk.directory, "middle", issuer=desk.root)
    leaf = desk.paper("leaf", issuer=middle)
    refused(desk, REACHED, leaf, chain=middle.certificate)
    refused(desk, "is signed by nobody who is trusted here", leaf)
    # One that may not sign.
    clerk = Paper(desk.directory, "clerk", desk.root)
    refused(desk, "the certificate of localhost is (refused|signed by nobody)",
            desk.paper("clerks", issuer=clerk), chain=clerk.certificate)


# The protocol

def test_versions(desk):
    refused(desk, "no common TLS version or cipher", desk.good, "-tls1_1", "-cipher",
            "ALL:@SECLEVEL=0")
    for version in ("-tls1_2", "-tls1_3"):
        refused(desk, REACHED, desk.good, version)


def test_a_server_without_tls(desk):
    with Server(lambda one: one.sendall(
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) as server:
        assert "does not speak TLS" in desk.pending(server.port)
    assert server.connections == 1
    with Server(lambda one: one.sendall(os.urandom(64))) as server:
        assert "does not speak TLS" in desk.pending(server.port)
    with Server(lambda one: None) as server:
        assert "closed the connection during the TLS handshake" in desk.pending(server.port)


def test_a_server_with_tls_that_is_asked_without(desk):
    with s_server(desk.good) as port:
        said = desk.pending(port, scheme="http")
    assert "cannot be reached" in said or "no gateway" in said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_server_that_demands_a_client_certificate(desk, version):
    stranger = Paper(desk.directory, f"mallory{version}", authority(desk.directory, "foreigner"),
                     usage="client")
    demand = (version, "-Verify", "3", "-verify_return_error", "-CAfile", desk.root.certificate)
    refused(desk, "wants a client certificate|refused the handshake", desk.good, *demand)
    with s_server(desk.good, *demand) as port:
        assert re.search("refused the client certificate", desk.pending(port, *shown(stranger)))
        assert re.search(REACHED, desk.pending(port, *shown(desk.mia)))


def test_a_refusal_after_the_handshake_is_never_lost(desk):
    """In TLS 1.3 the client is done before its certificate is judged: the reason may come before
    the request is written, while it is, or after."""
    context = serving(desk.good)
    context.load_verify_locations(desk.root.certificate)
    context.verify_mode = ssl.CERT_REQUIRED

    def demand(one):
        with context.wrap_socket(one, server_side=True):
            raise AssertionError("a client without a certificate got in")

    with Server(demand) as server:
        for count in range(12):
            assert "wants a client certificate" in desk.pending(server.port)
            assert server.connections == count + 1


def shown(paper):
    return ["--client-certificate", paper.certificate, "--client-key", paper.key]


# Answers

def answer(text, *, ends):
    def speak(tls):
        tls.sendall(text)
        if ends:
            tls.unwrap()
    return speak


CHALLENGE = b'{"expires_at":"2100-01-01T00:00:00.000Z"}'


@pytest.mark.parametrize("head,is_whole", [
    (b"Content-Length: 4000\r\n", False), (b"Connection: close\r\n", True),
    (b"Transfer-Encoding: chunked\r\n", False)])
def test_a_cut_answer_is_never_taken_as_whole(desk, head, is_whole):
    context = serving(desk.good)
    body = b"29\r\n" + CHALLENGE + b"\r\n" if b"chunked" in head else CHALLENGE
    text = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + head + b"\r\n" + body
    with Server(secured(context, answer(text, ends=False))) as server:
        said = desk.pending(server.port)
        assert "the connection was cut: the peer did not end TLS" in said, said
    assert server.connections == 1
    # With the proper end of TLS a body without a length is whole; one with a length is not.
    with Server(secured(context, answer(text, ends=True))) as server:
        said = desk.pending(server.port)
        assert ("cannot be read" in said) == is_whole, said
    assert server.connections == 1


def test_an_answer_in_many_records(desk):
    def drip(tls):
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n" + CHALLENGE:
            tls.sendall(bytes([byte]))
    with Server(secured(serving(desk.good), drip)) as server:
        assert "cannot be read" in desk.pending(server.port)


def test_nothing_hangs(desk):
    """Servers that never answer the handshake, or give half an answer."""
    def half(one):
        one.recv(1 << 16)
        one.sendall(b"\x16\x03\x03\x40\x00" + bytes(100))
        one.recv(1 << 16)

    def silent(one):
        while one.recv(1 << 16):
            pass

    with (concurrent.futures.ThreadPoolExecutor(2) as pool, Server(silent) as mute,
          Server(half) as slow):
        asked = {one: pool.submit(timed, desk, one.port) for one in (mute, slow)}
        for server, answer in asked.items():
            said, seconds = answer.result()
            assert "the TLS handshake was not complete" in said, said
            assert seconds < CLIENT_LIMIT + SLACK and server.connections == 1


def timed(desk, port):
    start = time.monotonic()
    return desk.pending(port), time.monotonic() - start


# What is given on the command line

def test_files_that_cannot_be_used(desk):
    broken = desk.directory / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    empty = desk.directory / "empty.pem"
    empty.write_text("")
    open_key = desk.directory / "open.key"
    open_key.write_bytes(desk.mia.key.read_bytes())
    open_key.chmod(0o644)
    good, other = desk.mia, Paper(desk.directory, "max", desk.root, usage="client")
    for options, words in (
            (["--ca", "/nowhere.pem"], "/nowhere.pem cannot be read"),
            (["--ca", broken], "broken certificate"), (["--ca", empty], "no certificate"),
            (["--client-certificate", good.certificate], "go together"),
            (["--client-key", good.key], "go together"),
            (["--client-certificate", good.certificate, "--client-key", other.key],
             "does not belong"),
            (["--client-certificate", good.certificate, "--client-key", open_key], "chmod 600")):
        done = run(program_path(), "pending", "--gateway", "https://localhost:9", *options,
                   check=False, env=desk.environment)
        assert done.returncode == 2 and words in done.stderr, done
