"""What the tests of TLS share: odd certificates, a gateway behind TLS, clients that control every
record, servers that misbehave, and a relay that gives the paper exchange https and wss."""

import asyncio
import contextlib
import datetime
import ipaddress
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from operators import Operator, Refused
from world import World, free_port

HANDSHAKE_LIMIT = 10
"""Seconds that the gateway gives a handshake: TLSServer.handshakeLimit."""
CLIENT_LIMIT = 8
"""Seconds that our clients give one: TLSClient.handshakeLimit."""

KEYS = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(65_537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
USAGES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
LOCAL = ("localhost", "127.0.0.1", "::1")


# Certificates

class Paper:
    """A certificate and its key, in files. Signed by `issuer`, or by itself."""

    def __init__(self, directory, name, issuer=None, *, names=(), days=(-1, 30), key="ec",
                 usage=None, is_authority=False, common=None):
        self.name, self.issuer = name, issuer
        self.private = KEYS[key]()
        self.certificate = pathlib.Path(directory) / f"{name}.pem"
        self.key = pathlib.Path(directory) / f"{name}.key"
        self.parsed = self._make(common or name, names, days, usage, is_authority)
        self.certificate.write_bytes(self.parsed.public_bytes(serialization.Encoding.PEM))
        self.key.touch(0o600)
        self.key.write_bytes(self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))

    def _make(self, common, names, days, usage, is_authority):
        now = datetime.datetime.now(datetime.timezone.utc)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        signer = self.issuer or self
        made = (
            x509.CertificateBuilder().subject_name(subject)
            .issuer_name(self.issuer.parsed.subject if self.issuer else subject)
            .public_key(self.private.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True))
        if names:
            made = made.add_extension(
                x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
        if usage:
            made = made.add_extension(x509.ExtendedKeyUsage([USAGES[usage]]), critical=False)
        algorithm = None if isinstance(
            signer.private, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return made.sign(signer.private, algorithm)

    @property
    def serial(self):
        return self.parsed.serial_number

    def with_chain(self):
        """A file with this certificate and those above it, without the root."""
        path = self.certificate.with_suffix(".chain.pem")
        links, one = [], self
        while one is not None and (one.issuer is not None or one is self):
            links.append(one.certificate.read_text())
            one = one.issuer
        path.write_text("".join(links))
        return path


def _name(text):
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(text))
    return x509.DNSName(text)


def authority(directory, name="authority", **more):
    return Paper(directory, name, is_authority=True, **more)


def server_paper(directory, name, issuer, names=LOCAL, **more):
    return Paper(directory, name, issuer, names=names, usage="server", **more)


def trusting(path, client=None, version=None):
    """A context of Python's that trusts the authority in `path`; may show a client's `Paper`."""
    context = ssl.create_default_context(cafile=str(path))
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def serving(paper, chain=None):
    """A context of Python's for a server that shows `paper`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain or paper.certificate, paper.key)
    return context


# A gateway behind TLS

class TLSWorld(World):
    """A world whose listeners speak TLS by `countersign cert`'s files.

    `clients`: consoles need a certificate. `relay`: the exchange is reached over https and wss.
    """

    BEHIND_GATEWAY = ("pending", "show", "approve", "reject", "orders", "freeze", "thaw")

    def __init__(self, tmp_path, *, clients=False, relay=False, bind="127.0.0.1", hosts=(),
                 names=(), **more):
        super().__init__(tmp_path, **more)
        self.tls = self.directory / "tls"
        self.ca = self.tls / "ca.pem"
        self.bind, self.hosts, self.names = bind, list(hosts), list(names)
        self.clients, self.relay = clients, None
        self._wants_relay = relay
        self.agents_url = self.agents_url.replace("http:", "https:")
        self.operators_url = self.operators_url.replace("http:", "https:")
        self.agents_port, self.operators_port = self._ports["agents"], self._ports["operators"]

    def close(self):
        super().close()
        if self.relay is not None:
            self.relay.close()

    def environment(self):
        return {**super().environment(), "LOG_LEVEL": "info"}

    def certificates(self, *words, check=True):
        """`countersign cert WORDS` in this world's directory of certificates."""
        place = [] if words[0] == "show" else ["--directory", self.tls]
        return run(self.program, "cert", *words, *place, check=check, env=self.environment())

    def write_files(self):
        if not self.tls.exists():
            self.certificates("init", *self.names)
            self.certificates("client", "mia")
        super().write_files()
        config = json.loads(self.config_path.read_text())
        config["listen"] = {
            name: f"{self.bind}:{self._ports[name]}" for name in ("agents", "operators")}
        config["listen"]["hosts"] = self.hosts
        config["listen"]["tls"] = {
            "certificate": "tls/server.pem", "key": "tls/server.key", "ca": "tls/ca.pem",
            **({"client_ca": "tls/ca.pem"} if self.clients else {})}
        if self._wants_relay:
            self._put_relay_before_exchange(config)
        self.config_path.write_text(json.dumps(config, indent=1))

    def _put_relay_before_exchange(self, config):
        root = authority(self.directory, "exchange-authority")
        self.relay = Relay(
            serving(server_paper(self.directory, "exchange", root)), self._ports["paper"])
        stream = self.relay.url.replace("https", "wss")
        config["exchange"] |= {"rest": self.relay.url, "stream": stream}
        config["trust"] = ["exchange-authority.pem"]
        config["upstreams"]["bybit"]["env"] |= {
            "BYBIT_REST_URL": self.relay.url, "BYBIT_STREAM_URL": stream,
            "SSL_CERT_FILE": str(root.certificate)}

    @property
    def client_options(self):
        return ["--client-certificate", self.tls / "mia.pem", "--client-key", self.tls / "mia.key"]

    def cli(self, *args, **more):
        if self.clients and str(args[0]) in self.BEHIND_GATEWAY:
            args = (*args, *self.client_options)
        return super().cli(*args, **more)

    def client_context(self, version=None):
        """A context for a console of mia's."""
        context = trusting(self.ca, version=version)
        context.load_cert_chain(self.tls / "mia.pem", self.tls / "mia.key")
        return context

    def operator(self, name="ops"):
        if name not in self._operators:
            self._operators[name] = Operator(
                self.operators_url, self.key_path(name), self.client_context())
        return self._operators[name]

    def log_lines(self, words=""):
        return [one for one in self.gateway_log.read_text().splitlines() if words in one]

    def descriptors(self):
        """How many files and sockets the gateway has open."""
        return len(os.listdir(f"/proc/{self.gateway_pid}/fd"))

    def serial(self, port):
        """The serial number of the certificate that a new connection is shown."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with Raw(port, context) as raw:
            raw.handshake()
            shown = raw.tls.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(shown).serial_number


class BarelyReady:
    """For worlds whose upstream or exchange is not looked at."""

    def is_ready(self):
        try:
            return bool(self.status())
        except (OSError, Refused):
            return False


def run(*command, check=True, env=None, input=None, seconds=30):
    done = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, env=env, input=input,
        timeout=seconds)
    if check and done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def s_client(port, *options, send="", seconds=30):
    """`openssl s_client`: sends, reads until the server closes. Status, output and errors."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", *options]
    return run(
        *command, check=False, input=send, seconds=seconds,
        # Nothing of the machine's own settings forbids an old version here.
        env={**os.environ, "OPENSSL_CONF": "/dev/null"})


# A client that controls every record

class Raw:
    """TLS over a socket with nothing in between: its end of TLS and its socket are apart."""

    def __init__(self, port, context, host="127.0.0.1", seconds=30):
        self.socket = socket.create_connection((host, port), timeout=seconds)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def handshake(self):
        self._work(self.tls.do_handshake)
        return self

    def hello(self):
        """The ClientHello's bytes, unsent."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def send(self, data):
        self._work(lambda: self.tls.write(data))

    def end_of_tls(self):
        """Sends close_notify and leaves the socket open."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            # The gateway had written more before it knew; the end is on its way all the same.
            if error.reason != "APPLICATION_DATA_AFTER_CLOSE_NOTIFY":
                raise
        self._flush()

    def receive(self):
        """Plain bytes of at least one record; nothing at the proper end, an error at a cut."""
        try:
            return self._work(lambda: self.tls.read(1 << 16))
        except ssl.SSLZeroReturnError:
            return b""

    def rest(self):
        """Everything up to the proper end of TLS."""
        data = b""
        while part := self.receive():
            data += part
        return data

    def until(self, pattern):
        """Reads until the pattern has come."""
        data = b""
        while not re.search(pattern, data):
            part = self.receive()
            assert part, f"it ended before {pattern}: {data}"
            data += part
        return data

    def abort(self):
        """Ends with a reset: no FIN, no end of TLS."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def is_closed_by_peer(self):
        """Whether the peer ends the connection, at once or within the socket's patience."""
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(1 << 16):
                pass
        return True

    def _work(self, step):
        while True:
            try:
                value = step()
                self._flush()
                return value
            except ssl.SSLWantReadError:
                self._flush()
                data = self.socket.recv(1 << 16)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            except ssl.SSLError:
                # The alert that says why.
                with contextlib.suppress(OSError):
                    self._flush()
                raise

    def _flush(self):
        if data := self.outgoing.read():
            self.socket.sendall(data)


def request(method, path, port, token=None, body=None, close=True, **headers):
    """The bytes of an HTTP request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    if close:
        lines.append("Connection: close")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


# Servers that misbehave

class Server:
    """Accepts, counts, and lets `talk(socket)` do what it likes with each connection."""

    def __init__(self, talk):
        self.talk, self.connections = talk, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._serve, daemon=True)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A thread that waits in accept keeps a closed listener open.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.threads:
            one.join(15)
        assert not any(one.is_alive() for one in self.threads), "a connection was left open"

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            one = threading.Thread(target=self._talk, args=(connection,), daemon=True)
            self.threads.append(one)
            one.start()

    def _talk(self, connection):
        connection.settimeout(14)
        with connection, contextlib.suppress(OSError):
            self.talk(connection)


def secured(context, answer):
    """A talk: shake hands, read one request, then `answer(tls)` speaks."""
    def talk(connection):
        with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as tls:
            read_request(tls)
            answer(tls)
    return talk


def read_request(stream):
    data = b""
    while b"\r\n\r\n" not in data:
        part = stream.recv(1 << 16)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += stream.recv(1 << 16)
    return data


NO_GATEWAY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextlib.contextmanager
def s_server(paper, *options, chain=None):
    """`openssl s_server` that answers every POST with a document that is no gateway's."""
    port = free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}",
               "-cert", paper.certificate, "-key", paper.key, *options]
    if chain is not None:
        command += ["-cert_chain", chain]
    process = subprocess.Popen(
        [str(one) for one in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "OPENSSL_CONF": "/dev/null"})
    try:
        line = b""
        while b"ACCEPT" not in line:
            line = process.stdout.readline()
            assert line or process.poll() is None, f"s_server ended: {command}"
        reader = threading.Thread(target=_answer_posts, args=(process,), daemon=True)
        reader.start()
        yield port
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        process.stdin.close()
        process.stdout.close()


def _answer_posts(process):
    """What s_server receives it prints, and what it is given it sends."""
    with contextlib.suppress(OSError, ValueError):
        for line in process.stdout:
            if line.startswith(b"POST "):
                process.stdin.write(NO_GATEWAY)
                process.stdin.flush()


# TLS for the paper exchange

class Relay:
    """TLS in front of a plain port of this machine. `cut` breaks what is open."""

    def __init__(self, context, target):
        self.context, self.target = context, target
        self.connections = 0
        self.transports = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self._run(
            asyncio.start_server(self._carry, "127.0.0.1", 0, ssl=self.context))
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"https://localhost:{port}"

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def close(self):
        self.server.close()
        self.cut()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def cut(self):
        """Ends every connection in the middle, without the end of TLS."""
        self._run(self._abort())

    async def _abort(self):
        for one in list(self.transports):
            one.abort()

    async def _carry(self, reader, writer):
        self.connections += 1
        ends = {writer.transport}
        self.transports |= ends
        try:
            behind, ahead = await asyncio.open_connection("127.0.0.1", self.target)
            ends.add(ahead.transport)
            self.transports |= ends
            await asyncio.gather(_copy(reader, ahead), _copy(behind, writer))
        finally:
            self.transports -= ends
            for one in ends:
                one.close()


async def _copy(source, sink):
    with contextlib.suppress(OSError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    sink.close()
