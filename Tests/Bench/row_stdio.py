"""stdio: what stands between an agent and a stdio server adds to one allowed call."""

from measure import Measure, Spread, at_most, interleave, percentile
from place import Gateway, call_http

TITLE = "allowed calls one after the other, stdio upstream"
SECONDS = 25
ROUNDS = 7
WARM, CALLS = 300, 1500


def microseconds(text):
    return percentile([int(line) for line in text.split()], 0.5) / 1000


def measures(place):
    peers = place.peers

    def piped(*command):
        return lambda: microseconds(place.run(peers["callstdio"], WARM, CALLS, *command))

    with Gateway(place, place.new("stdio")) as gateway:
        through, lane = way(place, gateway, piped)
        found = interleave(ROUNDS, {
            "direct": piped(peers["upstream"]), "relay": piped(peers["relay"], peers["upstream"]),
            "gateway": lane})
    added = [one - direct for one, direct in zip(found["gateway"], found["direct"])]
    relay = [one - direct for one, direct in zip(found["relay"], found["direct"])]
    return [Measure(
        "stdio", f"added latency of an allowed call, p50, {through}", Spread.of(added, "µs"),
        "relay", Spread.of(relay, "µs"),
        Spread.of([one / other for one, other in zip(added, relay)], "×"), at_most(5),
        f"measured {through}; a call straight to the upstream takes "
        f"{Spread.of(found['direct']).median:.1f} µs")]


def way(place, gateway, piped):
    """The agent's way to the gateway: `countersign wrap` where the program has it, else HTTP."""
    if place.has("wrap"):
        token = gateway.tokens.read_text().split()[0]
        secret = gateway.directory / "token"
        secret.write_text(token + "\n")
        secret.chmod(0o600)
        return "agent – stdio – wrap – gateway – child", piped(
            place.program, "wrap", "--config", gateway.config, "--gateway",
            f"http://127.0.0.1:{gateway.port}", "--token-file", secret, "--",
            place.peers["upstream"])

    def over_http():
        found = call_http(
            place, gateway.port, gateway.tokens, warm=WARM, seconds=60, calls=CALLS)
        return percentile(found["latencies"], 0.5) / 1000

    return "agent – HTTP – gateway – child", over_http
