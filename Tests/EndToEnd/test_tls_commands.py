"""`countersign cert`: files, modes, names, exit codes; OpenSSL agrees with every one of them. And
where the gateway may listen without it."""

import json
import os
import re
import socket
import subprocess

import pytest

from tls import BarelyReady, Paper, Raw, TLSWorld, authority, request, run, server_paper, trusting
from world import World, program_path


@pytest.fixture
def cert(tmp_path):
    """Runs `countersign cert …`; its directory is `tmp_path/tls`."""
    environment = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path / "xdg")}

    def cert(*words, check=True, directory=tmp_path / "tls"):
        place = [] if words[0] == "show" else ["--directory", directory]
        return run(program_path(), "cert", *words, *place, check=check, env=environment)

    return cert


def refused(done, *words):
    """Bad input: exit code 2, a sentence, nothing on standard output."""
    assert done.returncode == 2 and done.stdout == "", done
    assert all(one in done.stderr for one in words), done.stderr


def openssl(*words, check=True):
    return run("openssl", *words, check=check)


def text(path):
    return openssl("x509", "-in", path, "-noout", "-text").stdout


def files(directory):
    return {one.name: one.read_bytes() for one in directory.iterdir()}


def test_files_and_modes(cert, tmp_path):
    said = cert("init", "gw.example.net", "192.0.2.7").stdout
    cert("client", "mia")
    place = tmp_path / "tls"
    assert set(files(place)) == {
        "ca.pem", "ca.key", "server.pem", "server.key", "mia.pem", "mia.key"}
    assert place.stat().st_mode & 0o777 == 0o700
    assert all(one.stat().st_mode & 0o777 == 0o600 for one in place.iterdir())
    for name in ("server.pem", "server.key", "ca.pem", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        assert name in said
    # What is printed is what the configuration takes.
    block = json.loads("{" + re.search(r'"tls": \{[^}]*\}', said)[0] + "}")["tls"]
    assert set(block) == {"certificate", "key", "ca"}
    assert all(os.path.exists(one) for one in block.values())


def test_relative_directories_are_printed_as_absolute_ones(tmp_path):
    """The configuration's relative paths start at its own file."""
    said = subprocess.run(
        [program_path(), "cert", "init", "--directory", "here"], capture_output=True, text=True,
        cwd=tmp_path, timeout=30, check=True).stdout
    assert f'"{tmp_path}/here/server.pem"' in said


def test_the_default_directory(tmp_path):
    run(program_path(), "cert", "init",
        env={"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path)})
    assert (tmp_path / "countersign/tls/server.pem").exists()


def test_openssl_agrees(cert, tmp_path):
    cert("init", "gw.example.net", "192.0.2.7", "--days", "30")
    cert("client", "mia", "--days", "7")
    place = tmp_path / "tls"
    root, server, mia = (place / f"{name}.pem" for name in ("ca", "server", "mia"))
    check = ("verify", "-x509_strict", "-CAfile", root)
    openssl(*check, "-purpose", "sslserver", "-verify_hostname", "gw.example.net", server)
    openssl(*check, "-purpose", "sslserver", "-verify_ip", "192.0.2.7", server)
    openssl(*check, "-purpose", "sslserver", "-verify_ip", "::1", server)
    openssl(*check, "-purpose", "sslclient", mia)
    for wrong in (("-purpose", "sslclient", server), ("-purpose", "sslserver", mia),
                  ("-verify_hostname", "example.net", server)):
        assert openssl(*check, *wrong, check=False).returncode != 0, wrong
    shown = text(server)
    for words in ("Version: 3", "prime256v1", "ecdsa-with-SHA256", "CA:FALSE",
                  "TLS Web Server Authentication", "DNS:gw.example.net", "DNS:localhost",
                  "IP Address:192.0.2.7", "IP Address:127.0.0.1", "0:0:0:0:0:0:0:1"):
        assert words in shown, words
    assert "TLS Web Client Authentication" in text(mia) and "CN = mia" in text(mia)
    assert "CA:TRUE, pathlen:0" in text(root) and "Certificate Sign" in text(root)
    for days, path in ((30, server), (7, mia)):
        for more, code in ((-3600, 0), (3600, 1)):
            assert openssl("x509", "-in", path, "-noout", "-checkend", str(
                days * 86_400 + more), check=False).returncode == code
    for name in ("ca", "server", "mia"):
        openssl("pkey", "-in", place / f"{name}.key", "-check", "-noout")


def test_nothing_is_overwritten(cert, tmp_path):
    place = tmp_path / "tls"
    cert("init")
    cert("client", "mia")
    before = files(place)
    refused(cert("init", check=False), "ca.key", "not overwritten")
    refused(cert("client", "mia", check=False), "mia.key", "not overwritten")
    assert files(place) == before
    # Also where a part of them is missing: an authority without its certificates helps nobody.
    for name in ("ca.key", "ca.pem", "server.key", "mia.key"):
        (place / name).rename(tmp_path / name)
    part = files(place)
    refused(cert("init", check=False), "server.pem")
    assert files(place) == part
    for name in ("ca.key", "ca.pem"):
        (tmp_path / name).rename(place / name)
    refused(cert("client", "mia", check=False), "mia.pem")
    assert not (place / "mia.key").exists()


def test_renew_keeps_names_and_authority(cert, tmp_path):
    place = tmp_path / "tls"
    cert("init", "gw.example.net")
    before = files(place)
    said = cert("renew", "--days", "9").stdout
    after = files(place)
    assert {name for name in before if before[name] != after[name]} == {"server.pem", "server.key"}
    assert set(before) == set(after) and "9 days" in said
    names = re.compile(r"DNS:[^\n]*")
    openssl("verify", "-CAfile", place / "ca.pem", place / "server.pem")
    (place / "old.pem").write_bytes(before["server.pem"])
    assert names.search(text(place / "server.pem"))[0] == names.search(text(place / "old.pem"))[0]
    assert (place / "server.key").stat().st_mode & 0o777 == 0o600
    # With the authority's key elsewhere nothing is made, and nothing is lost.
    (place / "ca.key").rename(tmp_path / "ca.key")
    refused(cert("renew", check=False), "ca.key")
    assert files(place)["server.pem"] == after["server.pem"]


@pytest.mark.parametrize("words,said", [
    (["init", "https://gw"], "without scheme or port"), (["init", "gw:8787"], "neither a host name"),
    (["init", "*.example.net"], "neither a host name"), (["init", "a,DNS:b"], "neither a host name"),
    (["init", "", "x"], "neither a host name"), (["init", "--days", "0"], "1 to 825"),
    (["init", "--days", "826"], "1 to 825"), (["init", *[f"h{n}" for n in range(33)]], "1 to 32"),
    (["client", "../mia"], "letters"), (["client", ".mia"], "letters"), (["client", "ca"], "letters"),
    (["client", "server"], "letters"), (["client", "a b"], "letters"),
    (["client", "a" * 65], "letters"), (["renew"], "server.pem"), (["client", "mia"], "ca.pem")])
def test_bad_input_makes_no_file(cert, tmp_path, words, said):
    refused(cert(*words, check=False), said)
    assert not (tmp_path / "tls").exists() or files(tmp_path / "tls") == {}


def test_show(cert, tmp_path):
    cert("init", "gw.example.net")
    shown = cert("show", tmp_path / "tls/server.pem").stdout
    assert "gw.example.net localhost 127.0.0.1 ::1" in shown
    assert re.search("39[67] days left", shown), shown
    assert "Countersign private authority" in shown
    root = authority(tmp_path)
    for days, words in (((-9, -1), "expired"), ((1, 9), "not yet")):
        assert words in cert(
            "show", Paper(tmp_path, "odd", root, days=days).certificate).stdout
    leaf = server_paper(tmp_path, "leaf", authority(tmp_path, "middle", issuer=root))
    assert cert("show", leaf.with_chain()).stdout.count("subject ") == 2
    # A stranger's certificate cannot steer the terminal.
    evil = Paper(tmp_path, "evil", root, common="x\x1b[31m\u202ey")
    assert "\x1b" not in cert("show", evil.certificate).stdout
    assert "\u202e" not in cert("show", evil.certificate).stdout
    refused(cert("show", tmp_path / "nothing.pem", check=False), "cannot be read")
    refused(cert("show", tmp_path / "tls/server.key", check=False), "no certificate")


# Where the gateway listens

def gateway(world):
    return run(world.program, "gateway", "--config", world.config_path, check=False,
               env=world.environment())


def changed(world, **listen):
    config = json.loads(world.config_path.read_text())
    config["listen"] |= listen
    world.config_path.write_text(json.dumps(config))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.2", "[::]", "gw.example.net"])
@pytest.mark.parametrize("listener", ["agents", "operators"])
def test_off_loopback_it_needs_tls(tmp_path, host, listener):
    world = World(tmp_path)
    world.write_files()
    changed(world, **{listener: f"{host}:8787"})
    refused(gateway(world), f"listen.{listener}", "needs TLS", "countersign cert init")


@pytest.mark.parametrize("exchange", [
    {"rest": "http://192.0.2.7:1"}, {"stream": "ws://exchange.example"}])
def test_off_loopback_the_exchange_needs_it_too(tmp_path, exchange):
    world = World(tmp_path)
    world.write_files()
    config = json.loads(world.config_path.read_text())
    config["exchange"] |= exchange
    world.config_path.write_text(json.dumps(config))
    refused(gateway(world), "is needed off loopback")


def test_files_that_cannot_be_used_keep_it_from_starting(tmp_path):
    world = TLSWorld(tmp_path)
    world.write_files()
    files = json.loads(world.config_path.read_text())["listen"]["tls"]
    (tmp_path / "empty.pem").touch(0o600)
    os.chmod(world.tls / "mia.key", 0o644)
    for change, words in (
            ({"certificate": "tls/none.pem"}, "none.pem cannot be read"),
            ({"key": "empty.pem"}, "no private key"), ({"key": "tls/ca.key"}, "does not belong"),
            ({"key": "tls/mia.key"}, "chmod 600"), ({"certificate": "empty.pem"}, "no certificate"),
            ({"client_ca": "empty.pem"}, "no certificate"),
            ({"client_ca": "tls/server.key"}, "no certificate")):
        changed(world, tls={**files, **change})
        refused(gateway(world), words)
    changed(world, tls=files)
    config = json.loads(world.config_path.read_text())
    world.config_path.write_text(json.dumps({**config, "trust": ["empty.pem"]}))
    refused(gateway(world), "trust", "no certificate")


class Everywhere(BarelyReady, TLSWorld):
    pass


def machine_address():
    """This machine's own address off loopback; None where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet leaves: the system only says which address it would use.
            probe.connect(("192.0.2.254", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


def test_with_tls_it_serves_on_every_address(tmp_path):
    address = machine_address()
    with Everywhere(tmp_path, bind="0.0.0.0", names=[address] if address else []) as world:
        assert world.pending() == []
        lines = "".join(one.read_text() for one in world.directory.glob("gateway.*.out"))
        assert f"agents: https://0.0.0.0:{world.agents_port}/mcp" in lines
        for host in ["127.0.0.1", *([address] if address else [])]:
            for port in (world.agents_port, world.operators_port):
                with Raw(port, trusting(world.ca), host).handshake() as raw:
                    raw.send(request("GET", "/", port).replace(b"127.0.0.1", host.encode()))
                    assert b" 421 " not in raw.rest()[:20]
                with Raw(port, trusting(world.ca), host).handshake() as raw:
                    raw.send(request("GET", "/", port).replace(b"127.0.0.1", b"evil.example"))
                    assert b" 421 " in raw.rest()[:20]
