"""http: allowed calls a second of sixteen agents at once, each on a connection of its own."""

from measure import Measure, Spread, at_least, interleave, percentile, ratios
from place import Gateway, HTTPUpstream, MCPProxy, Nginx, call_http, no_tokens

TITLE = "HTTP front, 16 connections"
SECONDS = 50
ROUNDS = 5
AGENTS = 16


def measures(place):
    with Gateway(place, place.new("http"), AGENTS) as gateway, HTTPUpstream(place) as upstream:
        anybody = no_tokens(place, AGENTS)
        with MCPProxy(place) as proxy, Nginx(place, upstream.port) as nginx:
            found = interleave(ROUNDS, {
                "gateway": lambda: load(place, gateway.port, gateway.tokens),
                "mcp-proxy": lambda: load(place, proxy.port, anybody),
                "nginx": lambda: load(place, nginx.port, anybody)})
        measured = [
            compare("a stdio child", found, "mcp-proxy", at_least(20),
                    "mcp-proxy fronts the same stdio child"),
            compare("a stdio child", found, "nginx", at_least(0.5),
                    "nginx forwards to an HTTP server with the same answers")]
        return measured + over_http(place, upstream, anybody)


def over_http(place, upstream, anybody):
    """The same with an HTTP upstream for both, where the gateway can have one."""
    directory = place.new("http2")
    url = f"http://127.0.0.1:{upstream.port}/mcp"
    gateway = Gateway.__new__(Gateway)
    try:
        gateway.__init__(place, directory, AGENTS, upstream={"url": url})
    except AssertionError:
        # `agent add` reads the configuration: this version has no HTTP upstreams.
        return []
    with gateway, Nginx(place, upstream.port) as nginx:
        found = interleave(ROUNDS, {
            "gateway": lambda: load(place, gateway.port, gateway.tokens),
            "nginx": lambda: load(place, nginx.port, anybody)})
    return [compare("an HTTP upstream", found, "nginx", at_least(0.5),
                    "both forward to the same HTTP server")]


def load(place, port, tokens):
    found = call_http(place, port, tokens, seconds=2)
    return found["calls"] / found["seconds"], percentile(found["latencies"], 0.5) / 1e6


def compare(upstream, found, peer, budget, note):
    rates = {name: [rate for rate, _ in rounds] for name, rounds in found.items()}
    latency = {name: Spread.of([p50 for _, p50 in rounds]).median for name, rounds in found.items()}
    return Measure(
        "http", f"allowed calls a second, {upstream}", Spread.of(rates["gateway"], "/s"), peer,
        Spread.of(rates[peer], "/s"), ratios(rates["gateway"], rates[peer]), budget,
        f"{note}; p50 of a call {latency['gateway']:.2f} ms beside {latency[peer]:.2f} ms")
