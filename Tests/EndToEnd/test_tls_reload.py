"""New certificates while the gateway runs: who is connected stays, who comes sees the new one."""

import json
import os

import pytest

from tls import BarelyReady, Paper, Raw, TLSWorld, authority, request, server_paper, trusting
from waiting import until


class Reloading(BarelyReady, TLSWorld):
    """An authority of the test's own stands beside the gateway's, for odd certificates."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Reloading(tmp_path_factory.mktemp("reload")) as world:
        yield world


@pytest.fixture
def serials(world):
    """What a new connection sees on each listener."""
    return lambda: {world.serial(port) for port in (world.agents_port, world.operators_port)}


def replace(world, **files):
    """Each file by an atomic rename, as tools for certificates do it."""
    for name, content in files.items():
        path = world.tls / {"certificate": "server.pem", "key": "server.key"}[name]
        new = path.with_suffix(".new")
        new.touch(0o600)
        new.write_bytes(content)
        os.rename(new, path)


def contents(world):
    return {"certificate": (world.tls / "server.pem").read_bytes(),
            "key": (world.tls / "server.key").read_bytes()}


def in_use(world, serials, old):
    until(lambda: old not in serials() and len(serials()) == 1, "the new certificate is shown")


def status(raw, world, token):
    raw.send(request("GET", "/v1/status", world.operators_port, token, close=False))
    return raw.until(rb'"is_environment_verified"[\s\S]*\}')


def test_renewal_disturbs_nobody(world, serials):
    token = world.operator().sign_in()["token"]
    (old,) = serials()
    with (Raw(world.operators_port, world.client_context()).handshake() as kept,
          Raw(world.operators_port, world.client_context()).handshake() as stream):
        status(kept, world, token)
        stream.send(request("GET", "/v1/events", world.operators_port, token, close=False))
        stream.until(rb"HTTP/1.1 200 OK[\s\S]*\r\n\r\n")
        known = len(world.log_lines())
        world.certificates("renew")
        in_use(world, serials, old)
        status(kept, world, token)
        # An event of now comes through the stream of before.
        world.cli("freeze", "--reason", "test of a stream")
        stream.until(rb"event: ?status[\s\S]*test of a stream")
        world.cli("thaw", "--reason", "test of a stream")
    lines = world.log_lines()[known:]
    assert sum("new certificate in use" in one for one in lines) == 1, lines
    assert not any("not used" in one for one in lines), lines
    # The world's own authority vouches for it: everything goes on as before.
    assert json.loads(world.cli("pending", "--json").stdout) == []


@pytest.mark.parametrize("name,content,words", [
    ("certificate", b"", "no certificate"), ("certificate", b"garbage\n" * 9, "no certificate"),
    ("certificate", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "broken"),
    ("key", b"", "no private key"), ("certificate", None, "does not belong")])
def test_broken_files_leave_the_old_in_force(world, serials, tmp_path, name, content, words):
    (old,), good, known = serials(), contents(world), len(world.log_lines())
    if content is None:
        content = server_paper(
            tmp_path, "other", authority(tmp_path)).certificate.read_bytes()
    replace(world, **{name: content})
    said = until(lambda: world.log_lines("the new certificate is not used")[-1:] and [
        one for one in world.log_lines()[known:] if "not used" in one], f"{words} is told")
    assert words in said[0] and "server.pem" in said[0], said
    assert serials() == {old}
    replace(world, **good)
    until(lambda: any("new certificate in use" in one for one in world.log_lines()[known:]),
          "the good ones are taken again")
    world.certificates("renew")
    in_use(world, serials, old)
    lines = [one for one in world.log_lines()[known:] if "not used" in one]
    assert len(lines) == 1, "it is told once"


def test_files_that_cannot_be_read_are_told_once(world, serials):
    (old,), known = serials(), len(world.log_lines())
    key = world.tls / "server.key"
    key.chmod(0o644)
    told = lambda: [one for one in world.log_lines()[known:] if "not used" in one]
    until(told, "the open key is told of")
    assert "chmod 600" in told()[0]
    moved = key.rename(key.with_suffix(".away"))
    until(lambda: len(told()) == 2, "the missing key is told of")
    assert serials() == {old}
    moved.rename(key).chmod(0o600)
    world.certificates("renew")
    in_use(world, serials, old)
    assert len(told()) == 2, told()


def test_a_certificate_of_another_authority_and_name(world, serials, tmp_path):
    """The new one counts at once; a name that it adds, after a restart, and the log says so."""
    (old,), good = serials(), contents(world)
    other = server_paper(tmp_path, "moved", authority(tmp_path), names=["127.0.0.1", "new.example"])
    replace(world, key=other.key.read_bytes(), certificate=other.certificate.read_bytes())
    in_use(world, serials, old)
    assert serials() == {other.serial}
    until(lambda: "new.example" in "".join(world.log_lines("only after a restart")), "it is told")
    with Raw(world.agents_port, trusting(other.issuer.certificate)).handshake() as raw:
        raw.send(b"GET /mcp HTTP/1.1\r\nHost: new.example\r\n\r\n")
        raw.until(rb"HTTP/1.1 421")
    refused = world.cli("pending", check=False)
    assert refused.returncode == 4 and "is signed by nobody" in refused.stderr
    replace(world, **good)
    in_use(world, serials, other.serial)
    world.pending()


def test_an_expired_certificate_is_warned_about(world, serials, tmp_path):
    (old,), good = serials(), contents(world)
    for days, words in (((-3, 5.5), "expires in 5 days"), ((-3, -1), "has expired")):
        paper = Paper(tmp_path, "aged", None, names=["127.0.0.1"], days=days)
        replace(world, key=paper.key.read_bytes(), certificate=paper.certificate.read_bytes())
        until(lambda: world.log_lines(words), words)
    replace(world, **good)
    until(lambda: serials() == {old}, "the old one is back")
