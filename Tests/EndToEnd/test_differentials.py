"""What two parsers may read differently reaches no upstream, over HTTP and over `wrap`: each case has
its code, and a good call works afterwards. The table of docs/agents.md is this one."""

import json

import pytest

from agents import decision_of, text_of
from passage import Wrapped
from scripted import Scripted, tool
from world import until

DEEP = 5_000
READ = {"type": "object", "properties": {
    "symbol": {"type": "string"}, "legs": {"type": "array", "items": {
        "type": "object", "properties": {"qty": {"type": "string"}}}}}}
TOOLS = [{**tool("read"), "inputSchema": READ}, tool("delete_repo"), tool("KAITO"), tool("caf\u00e9"),
         tool("trade"), tool("shun")]
SYMBOLS = {"path": "args.symbol", "op": "in", "value": ["KAITOUSDT", "CAF\u00c9USDT"]}
POLICY = {"version": "1", "default": "deny", "tools": {
    "read": {}, "KAITO": {}, "caf\u00e9": {}, "trade": {"require": [{"conditions": [SYMBOLS]}]},
    "shun": {"deny_if": [{"conditions": [{"not": {**SYMBOLS, "op": "not_in"}}]}]}}}

PARSE, MESSAGE, PARAMS = -32700, -32600, -32602
DENIED = "denied"
SYMBOL = '{"symbol":"BTCUSDT"}'


def message(params, head='"jsonrpc":"2.0","id":7,"method":"tools/call"', tail=""):
    return ("{" + head + ',"params":' + params + tail + "}").encode("utf-8", "surrogatepass")


def call(arguments=SYMBOL, name='"read"', more=""):
    return message('{"name":' + name + ',"arguments":' + arguments + more + "}")


# Name: bytes of one message, and how it is refused.
CASES = {
    # The same key twice, at every level.
    "method twice": (message('{"name":"read"}', tail=',"method":"ping"'), PARSE),
    "id twice": (message('{"name":"read"}', tail=',"id":8'), PARSE),
    "params twice": (message('{"name":"read"}', tail=',"params":{"name":"delete_repo"}'), PARSE),
    "name twice": (call(more=',"name":"delete_repo"'), PARSE),
    "arguments twice": (call(more=',"arguments":{}'), PARSE),
    "an argument twice": (call('{"symbol":"A","symbol":"B"}'), PARSE),
    "an argument twice inside": (call('{"legs":[{"qty":"1","qty":"2"}]}'), PARSE),
    "an argument twice by an escape": (call('{"symbol":"A","s\\u0079mbol":"B"}'), PARSE),
    "a member of _meta twice": (call(more=',"_meta":{"a":1,"a":2}'), PARSE),
    # Keys that only some readers take for the same.
    "Method": (message('{"name":"read"}', tail=',"Method":"ping"'), MESSAGE),
    "METHOD alone": (message('{"name":"read"}', head='"jsonrpc":"2.0","id":7,"METHOD":"tools/call"'),
                     MESSAGE),
    "Params": (message('{"name":"read"}', tail=',"Params":{"name":"delete_repo"}'), MESSAGE),
    "param\u017f": (message('{"name":"read"}', tail=',"param\u017f":{"name":"delete_repo"}'), MESSAGE),
    "Id": (message('{"name":"read"}', tail=',"Id":8'), MESSAGE),
    "Name": (call(more=',"Name":"delete_repo"'), PARAMS),
    "NAME alone": (message('{"NAME":"read","arguments":{}}'), PARAMS),
    "Arguments": (call(more=',"Arguments":{}'), PARAMS),
    "argument\u017f": (call(more=',"argument\u017f":{"symbol":"B"}'), PARAMS),
    "ProgressToken": (call(more=',"_meta":{"progressToken":1,"ProgressToken":2}'), PARAMS),
    "an argument in another case": (call('{"Symbol":"A"}'), DENIED),
    "an argument in both cases": (call('{"symbol":"A","SYMBOL":"B"}'), DENIED),
    "an argument with a long s": (call('{"\u017fymbol":"A"}'), DENIED),
    "an argument in another case inside": (call('{"legs":[{"Qty":"2"}]}'), DENIED),
    "two unknown arguments that differ in case": (call('{"x":{"a":1,"A":2}}'), DENIED),
    # Batches.
    "a batch": (b"[" + call() + b"]", MESSAGE),
    "a batch of two": (b"[" + call() + b"," + call(name='"delete_repo"') + b"]", MESSAGE),
    "an empty batch": (b"[]", MESSAGE),
    # Arguments of another type.
    "arguments of a string": (call('"{}"'), PARAMS),
    "arguments of an array": (call("[]"), PARAMS),
    "arguments of a number": (call("5"), PARAMS),
    "arguments of true": (call("true"), PARAMS),
    "arguments of null": (call("null"), PARAMS),
    "params of an array": (message('["read",{}]'), MESSAGE),
    "params of a string": (message('"read"'), MESSAGE),
    "a name of an array": (call(name='["read"]'), PARAMS),
    # Numbers.
    "400 digits": (call('{"x":' + "9" * 400 + "}"), PARSE),
    "a fraction of 400 digits": (call('{"x":0.' + "1" * 400 + "}"), PARSE),
    "a leading zero": (call('{"x":01}'), PARSE),
    "a plus": (call('{"x":+1}'), PARSE),
    "a bare point": (call('{"x":1.}'), PARSE),
    "hexadecimal": (call('{"x":0x10}'), PARSE),
    "Infinity": (call('{"x":Infinity}'), PARSE),
    "NaN": (call('{"x":NaN}'), PARSE),
    "an id of 1e400": (message('{"name":"read"}', head='"jsonrpc":"2.0","id":1e400,"method":"tools/call"'),
                       MESSAGE),
    # Text.
    "a lone surrogate": (call('{"symbol":"\\ud800"}'), PARSE),
    "a lone surrogate in a key": (call('{"\\udc00":1}'), PARSE),
    "swapped surrogates": (call('{"symbol":"\\udc00\\ud800"}'), PARSE),
    "a surrogate in UTF-8": (call('{"symbol":"\ud800"}'), PARSE),
    "overlong UTF-8": (call().replace(b"BTC", b"\xc0\xaf"), PARSE),
    "bad UTF-8": (call().replace(b"BTC", b"\xc3\x28"), PARSE),
    "a control character": (call().replace(b"BTC", b"B\x01C"), PARSE),
    "a byte order mark": (b"\xef\xbb\xbf" + call(), PARSE),
    # Size and depth.
    "5,000 arrays": (call("[" * DEEP + "]" * DEEP), PARSE),
    "5,000 objects": (call('{"a":' * DEEP + "1" + "}" * DEEP), PARSE),
    "5,000 open brackets": (b"[" * DEEP, PARSE),
    # Names that look the same.
    "a Kelvin sign in a name": (call(name='"\u212aAITO"'), DENIED),
    "a decomposed name": (call(name='"cafe\u0301"'), DENIED),
    "a name in another case": (call(name='"Read"'), DENIED),
    "a name with a blank": (call(name='"read "'), DENIED),
    "a name with NUL": (call(name='"read\\u0000"'), DENIED),
    "an empty name": (call(name='""'), PARAMS),
    "a name of 300 bytes": (call(name='"' + "r" * 300 + '"'), PARAMS),
    # Symbols that look the same: none is on the list.
    "a Kelvin sign in a symbol": (call('{"symbol":"\u212aAITOUSDT"}', name='"trade"'), DENIED),
    "an escaped Kelvin sign in a symbol": (call('{"symbol":"\\u212aAITOUSDT"}', name='"trade"'), DENIED),
    "a decomposed symbol": (call('{"symbol":"CAFE\u0301USDT"}', name='"trade"'), DENIED),
    "a symbol in another case": (call('{"symbol":"kaitousdt"}', name='"trade"'), DENIED),
    "a symbol with a blank": (call('{"symbol":"KAITOUSDT "}', name='"trade"'), DENIED),
    "a symbol that is listed, by an escape": (call('{"symbol":"\\u004bAITOUSDT"}', name='"shun"'), DENIED),
    # Other documents than one.
    "two messages": (call() + call(name='"delete_repo"'), PARSE),
    "a comment": (call('{}/*x*/'), PARSE),
    "a trailing comma": (call('{"a":1,}'), PARSE),
    "single quotes": (call("{'a':1}"), PARSE),
}
# What looks strange and is one thing to every reader: it arrives as it was judged.
GOOD = {
    "1e400": (call('{"x":1e400}'), {"x": "1e400"}),
    "an escaped name": (call(name='"re\\u0061d"'), {"symbol": "BTCUSDT"}),
    "no arguments": (message('{"name":"read"}'), {}),
    "white space": (b" \t\n\r" .replace(b"\n", b" ") + call() + b" ", {"symbol": "BTCUSDT"}),
}


def refusal(answer):
    """The code of a refusal, or that it was denied."""
    if "error" in answer:
        assert len(answer["error"]["message"]) > 10, answer
        return answer["error"]["code"]
    return decision_of(answer["result"]).get("verdict")


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    with Scripted(tmp_path_factory.mktemp("differentials"), TOOLS, policy=POLICY) as world:
        yield world


def test_over_http(scripted):
    world, agent, pid = scripted, scripted.agent(), scripted.gateway_pid
    before = len(world.calls())
    for number, (name, (body, code)) in enumerate(CASES.items()):
        status, answer = agent.post(body)
        assert refusal(answer) == code, (name, status, answer)
        assert status == (400 if code in (PARSE, MESSAGE) else 200), (name, status)
        good(agent, number)
    status, answer = agent.post(call('"' + "a" * (8 << 20) + '"'))
    assert status == 413 and "error" in answer
    good(agent, len(CASES))
    assert world.gateway_pid == pid
    assert [one["symbol"] for _, one in world.calls()[before:]] == [
        f"S{n}" for n in range(len(CASES) + 1)], "only good calls arrived"


def test_only_the_listed_bytes_of_a_symbol_pass(scripted):
    agent = scripted.agent()
    for symbol in SYMBOLS["value"]:
        assert text_of(agent.call("trade", {"symbol": symbol})) == "did trade"
    assert text_of(agent.call("shun", {"symbol": "\u212aAITOUSDT"})) == "did shun", "another symbol"


def good(agent, number):
    assert text_of(agent.call("read", {"symbol": f"S{number}"})) == "did read"


def test_over_stdio(scripted):
    world, before = scripted, len(scripted.calls())
    command = [world.program, "wrap", "--config", str(world.config_path), "--upstream", "main"]
    with Wrapped(world, command) as client:
        client.greet()
        huge = call('"' + "a" * (8 << 20) + '"')
        for number, (name, (line, code)) in enumerate([*CASES.items(), ("8 MB", (huge, PARSE))]):
            client.process.stdin.write(line + b"\n")
            client.process.stdin.flush()
            answer = until_answer(client)
            assert refusal(answer) == code, (name, answer)
            assert text_of(client.call("read", {"symbol": f"S{number}"})) == "did read", name
    assert [one["symbol"] for _, one in world.calls()[before:]] == [
        f"S{n}" for n in range(len(CASES) + 1)], "only good calls arrived"


def until_answer(client):
    while "method" in (message := client.read()):
        client.heard.append(message)
    return message


def test_what_is_one_thing_arrives_as_it_was_judged(scripted):
    world, agent = scripted, scripted.agent()
    for name, (body, arguments) in GOOD.items():
        status, answer = agent.post(body)
        assert status == 200 and text_of(answer["result"]) == "did read", (name, answer)
        last = (world.place() / "calls.jsonl").read_bytes().splitlines()[-1]
        found = json.loads(last, parse_float=str)["params"]
        assert (found["name"], found.get("arguments", {})) == ("read", arguments), name


# The bypasses of a well-known proxy, by their names.

def reaches(world, body, over):
    """Whether a call of `delete_repo` arrives that is sent in this way."""
    before = len(world.calls())
    if over == "http":
        agent = world.agent()
        agent.post(body)
        good(agent, 0)
    else:
        command = [world.program, "wrap", "--config", str(world.config_path), "--upstream", "main"]
        with Wrapped(world, command) as client:
            client.greet()
            client.process.stdin.write(body + b"\n")
            client.process.stdin.flush()
            until_answer(client)
            client.call("read", {"symbol": "S"})
    return any(name == "delete_repo" for name, _ in world.calls()[before:])


BYPASSES = {
    "a batch": b"[" + call(name='"delete_repo"') + b"]",
    "arguments of a string": call('"{}"', name='"delete_repo"'),
    "arguments of an array": call("[]", name='"delete_repo"'),
    "a second Name": call("{}", name='"delete_repo"', more=',"Name":"read"'),
    "a second Method": message('{"name":"delete_repo","arguments":{}}', tail=',"Method":"ping"'),
}


@pytest.mark.parametrize("over", ["http", "stdio"])
@pytest.mark.parametrize("name", BYPASSES)
def test_no_bypass(scripted, name, over):
    assert not reaches(scripted, BYPASSES[name], over)


def test_no_bypass_over_the_old_event_stream_transport(scripted):
    """There is no such endpoint: `POST /message` and `GET /sse` are not served."""
    agent = scripted.agent()
    for path in ("/message", "/mcp/message", "/sse"):
        agent.url = agent.url._replace(path=path)
        status, _ = agent.post(call("{}", name='"delete_repo"'))
        assert status == 404, path
    assert all(name != "delete_repo" for name, _ in scripted.calls())


def test_a_call_without_an_id_is_no_call(scripted):
    """A notification gets no answer, and no tool runs."""
    agent, before = scripted.agent(), len(scripted.calls())
    body = message('{"name":"read","arguments":{}}', head='"jsonrpc":"2.0","method":"tools/call"')
    status, answer = agent.post(body)
    assert status in (202, 400) and answer is None or "error" in answer
    good(agent, 0)
    assert len(scripted.calls()) == before + 1
