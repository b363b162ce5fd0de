"""A small operator of the gateway's API, made of other libraries than the program's own."""

import base64
import http.client
import json
import pathlib
import secrets
import time
import urllib.parse

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def now_text():
    """The present moment as the gateway writes moments."""
    seconds, rest = divmod(time.time_ns() // 1_000_000, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


class Refused(Exception):
    """The gateway's refusal: its HTTP status, its code and its sentence."""

    def __init__(self, status, body):
        self.status, self.body = status, body
        error = body.get("error", {}) if isinstance(body, dict) else {}
        self.code, self.message = error.get("code"), error.get("message")
        super().__init__(f"{status} {self.code}: {self.message}")


class Operator:
    """Signs in with a key file that `operator init --no-passphrase` wrote."""

    def __init__(self, url, key_path, tls=None):
        self.url = url
        # An `ssl.SSLContext` where the URL is https.
        self.tls = tls
        document = json.loads(pathlib.Path(key_path).read_text())
        self.name = document["name"]
        self.key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(document["seed"]))
        self.token = None

    def sign(self, value):
        return base64.b64encode(self.key.sign(rfc8785.dumps(value))).decode()

    def raw(self, method, path, body=None, headers=()):
        """One request as it stands: status and body, as JSON where it is JSON."""
        place = urllib.parse.urlsplit(self.url)
        if self.tls is None:
            connection = http.client.HTTPConnection(place.hostname, place.port, timeout=15)
        else:
            connection = http.client.HTTPSConnection(
                place.hostname, place.port, timeout=15, context=self.tls)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(data)
        except ValueError:
            return answer.status, data

    def sign_in(self):
        challenge = self._send("POST", "/v1/session/challenge", {"operator": self.name})
        grant = self._send(
            "POST", "/v1/session", {"challenge": challenge, "signature": self.sign(challenge)})
        self.token = grant["token"]
        return grant

    def ask(self, method, path, body=None):
        """A request in a session; signs in first where there is none."""
        if self.token is None:
            self.sign_in()
        try:
            return self._send(method, path, body)
        except Refused as refusal:
            if refusal.status != 401:
                raise
            # The gateway was started again: its sessions are gone.
            self.sign_in()
            return self._send(method, path, body)

    def status(self):
        return self.ask("GET", "/v1/status")

    def batches(self):
        return self.ask("GET", "/v1/batches")["batches"]

    def batch(self, approval):
        return self.ask("GET", f"/v1/batches/{approval}")

    def decision(self, verb, summary, note="", /, **changes):
        """The document that an operator signs; `changes` make it a wrong one."""
        accepted = [one["rule"] for one in summary["findings"] if one["needs_acceptance"]]
        return {
            "type": "countersign/decision/v1", "verb": verb, "batch": summary["id"],
            "revision": summary["revision"], "digest": summary["digest"],
            "environment": summary["environment"], "operator": self.name, "note": note,
            "accepted": accepted if verb == "approve" else [], "decided_at": now_text(),
            "nonce": secrets.token_hex(16), **changes}

    def decide(self, verb, summary, note="", /, cooling=False, **changes):
        """Decides; with `cooling` an approval can be recalled for a while, as in a console."""
        decision = self.decision(verb, summary, note, **changes)
        return self.ask(
            "POST", "/v1/decisions",
            {"decision": decision, "signature": self.sign(decision), "cooling": cooling})

    def _send(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body)
        status, answer = self.raw(method, path, data, headers)
        if status != 200:
            raise Refused(status, answer)
        return answer
