"""Drives a paper exchange with pybit, the exchange's own Python client.

usage: pybit_paper.py http://HOST:PORT KEY SECRET [READ_KEY READ_SECRET]

Prints one line a check and ends with 1 at the first that fails.
"""

import sys
import threading
import time
import uuid

import pybit._websocket_trading
import pybit.unified_trading
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading

SYMBOL = "BTCUSDT"
WAIT = 5.0


def check(name, holds, seen=None):
    print(("ok   " if holds else "FAIL ") + name, flush=True)
    if not holds:
        print("     saw: %r" % (seen,), flush=True)
        sys.exit(1)


class Inbox:
    """Messages of a stream, waited for with a deadline."""

    def __init__(self):
        self.messages = []
        self.changed = threading.Condition()

    def __call__(self, message):
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def rows(self):
        return [row for message in self.messages for row in message.get("data", [])]

    def wait(self, wanted):
        with self.changed:
            return self.changed.wait_for(lambda: wanted(self), WAIT)


def refused(call, code):
    try:
        call()
    except InvalidRequestError as error:
        return error.status_code == code, error
    return False, "accepted"


def market(session):
    server = session.get_server_time()
    check("get_server_time", server["retCode"] == 0 and int(server["result"]["timeSecond"]) > 0)
    ticker = session.get_tickers(category="linear", symbol=SYMBOL)["result"]["list"][0]
    bid, ask = float(ticker["bid1Price"]), float(ticker["ask1Price"])
    check("get_tickers: bid below ask", 0 < bid < ask, ticker)
    listed = session.get_instruments_info(category="linear")["result"]["list"]
    check("get_instruments_info", any(row["symbol"] == SYMBOL for row in listed))
    book = session.get_orderbook(category="linear", symbol=SYMBOL, limit=5)["result"]
    check("get_orderbook", len(book["b"]) == 5 and len(book["a"]) == 5, book)
    # A tenth under the market, on the tick of 0.1.
    return "%.1f" % (int(bid * 0.9 * 10) / 10)


def orders(session, low):
    link = uuid.uuid4().hex
    placed = session.place_order(
        category="linear", symbol=SYMBOL, side="Buy", orderType="Limit", qty="0.010",
        price=low, orderLinkId=link)
    check("place_order", placed["result"]["orderLinkId"] == link, placed)
    again = refused(
        lambda: session.place_order(
            category="linear", symbol=SYMBOL, side="Buy", orderType="Limit", qty="0.010",
            price=low, orderLinkId=link), 110072)
    check("the same link id again is 110072", *again)
    rows = session.get_open_orders(category="linear", symbol=SYMBOL)["result"]["list"]
    check("get_open_orders", [row["orderStatus"] for row in rows] == ["New"], rows)
    cancelled = session.cancel_order(category="linear", symbol=SYMBOL, orderLinkId=link)
    check("cancel_order", cancelled["result"]["orderId"] == placed["result"]["orderId"])
    check("cancelling again is 110001", *refused(
        lambda: session.cancel_order(category="linear", symbol=SYMBOL, orderLinkId=link), 110001))
    rows = session.get_order_history(category="linear", orderLinkId=link)["result"]["list"]
    check("get_order_history", rows and rows[0]["orderStatus"] == "Cancelled", rows)
    check("below the minimum value is 110094", *refused(
        lambda: session.place_order(
            category="linear", symbol="HIFIUSDT", side="Buy", orderType="Limit", qty="1",
            price="0.3000"), 110094))
    check("reduce-only without a position is 110017", *refused(
        lambda: session.place_order(
            category="linear", symbol="SOLUSDT", side="Sell", orderType="Market", qty="1",
            reduceOnly=True), 110017))


def batches(session, low):
    legs = [
        {"symbol": SYMBOL, "side": "Buy", "orderType": "Limit", "qty": qty, "price": low,
         "orderLinkId": uuid.uuid4().hex}
        for qty in ("0.001", "0.0001", "0.002")
    ]
    answer = session.place_batch_order(category="linear", request=legs)
    codes = [leg["code"] for leg in answer["retExtInfo"]["list"]]
    check("place_batch_order: a bad leg fails alone", codes == [0, 10001, 0], answer)
    rows = answer["result"]["list"]
    check("the answers stand at their legs' places",
          [row["orderLinkId"] for row in rows] == [leg["orderLinkId"] for leg in legs]
          and rows[1]["orderId"] == "" and rows[0]["orderId"] != "", rows)
    for leg in (legs[0], legs[2]):
        session.cancel_order(category="linear", symbol=SYMBOL, orderLinkId=leg["orderLinkId"])
    time.sleep(1.1)
    many = [dict(legs[0], orderLinkId=uuid.uuid4().hex) for _ in range(20)]
    answer = session.place_batch_order(category="linear", request=many)
    codes = [leg["code"] for leg in answer["retExtInfo"]["list"]]
    check("20 legs: the first ten succeed, the tail is 10006",
          codes == [0] * 10 + [10006] * 10, codes)
    for number, leg in enumerate(many[:10]):
        if number == 9:
            time.sleep(1.1)
        session.cancel_order(category="linear", symbol=SYMBOL, orderLinkId=leg["orderLinkId"])
    time.sleep(1.1)


def streams(session, base, key, secret):
    inboxes = {name: Inbox() for name in ("order", "execution", "position", "wallet")}
    stream = WebSocket(testnet=True, channel_type="private", api_key=key, api_secret=secret)
    stream.order_stream(inboxes["order"])
    stream.execution_stream(inboxes["execution"])
    stream.position_stream(inboxes["position"])
    stream.wallet_stream(inboxes["wallet"])
    public, book, ticker = WebSocket(testnet=True, channel_type="linear"), Inbox(), Inbox()
    public.orderbook_stream(50, SYMBOL, book)
    public.ticker_stream(SYMBOL, ticker)
    check("public orderbook and tickers move",
          book.wait(lambda box: len(box.messages) > 3)
          and ticker.wait(lambda box: len(box.messages) > 3))
    last = book.messages[-1]["data"]
    bids, asks = [float(row[0]) for row in last["b"]], [float(row[0]) for row in last["a"]]
    check("the book rebuilt by pybit is not crossed", max(bids) < min(asks))

    link = uuid.uuid4().hex
    session.place_order(
        category="linear", symbol=SYMBOL, side="Buy", orderType="Market", qty="0.010",
        orderLinkId=link)

    def status(box):
        return [row["orderStatus"] for row in box.rows() if row["orderLinkId"] == link]

    check("order_stream: New, then Filled",
          inboxes["order"].wait(lambda box: status(box) == ["New", "Filled"]),
          inboxes["order"].rows())
    check("execution_stream",
          inboxes["execution"].wait(
              lambda box: sum(float(row["execQty"]) for row in box.rows()) == 0.01),
          inboxes["execution"].rows())
    check("position_stream",
          inboxes["position"].wait(lambda box: any(row["size"] == "0.01" for row in box.rows())),
          inboxes["position"].rows())
    check("wallet_stream", inboxes["wallet"].wait(lambda box: len(box.rows()) > 0))
    fills = session.get_executions(category="linear", symbol=SYMBOL)["result"]["list"]
    check("get_executions", {row["orderLinkId"] for row in fills} >= {link}, fills)
    positions = session.get_positions(category="linear", symbol=SYMBOL)["result"]["list"]
    check("get_positions", positions[0]["side"] == "Buy", positions)
    wallet = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
    check("get_wallet_balance: the fee is gone", float(wallet["totalWalletBalance"]) < 100000)
    trading(session, key, secret, inboxes["order"])


def trading(session, key, secret, events):
    socket = WebSocketTrading(testnet=True, api_key=key, api_secret=secret)
    answers, errors = Inbox(), Inbox()
    link = uuid.uuid4().hex
    order = {"category": "linear", "symbol": SYMBOL, "side": "Sell", "orderType": "Market",
             "qty": "0.010", "reduceOnly": True, "orderLinkId": link}
    socket.place_order(answers, error_callback=errors, **order)
    check("WebSocketTrading.place_order",
          answers.wait(lambda box: any(m["data"]["orderLinkId"] == link for m in box.messages)),
          (answers.messages, errors.messages))
    check("its fill comes on the private stream",
          events.wait(lambda box: any(
              row["orderLinkId"] == link and row["orderStatus"] == "Filled"
              for row in box.rows())))
    socket.place_order(answers, error_callback=errors, **dict(order, reduceOnly=False))
    check("the same link id again is 110072",
          errors.wait(lambda box: any(m["retCode"] == 110072 for m in box.messages)),
          errors.messages)
    batch = Inbox()
    legs = [{"symbol": SYMBOL, "side": "Buy", "orderType": "Market", "qty": "0.001"},
            {"symbol": "NOPEUSDT", "side": "Buy", "orderType": "Market", "qty": "1"}]
    socket.place_batch_order(batch, category="linear", request=legs)
    check("WebSocketTrading.place_batch_order answers",
          batch.wait(lambda box: len(box.messages) == 1), errors.messages)
    codes = [leg["code"] for leg in batch.messages[0]["retExtInfo"]["list"]]
    check("its legs have codes of their own", codes == [0, 10001], batch.messages)


def reader(base, key, secret):
    session = HTTP(testnet=True, api_key=key, api_secret=secret)
    session.endpoint = base
    info = session.get_api_key_information()["result"]
    check("the reading key says so", info["readOnly"] == 1, info)
    rows = session.get_executions(category="linear")["result"]["list"]
    check("it reads the same account", len(rows) > 0)
    check("it places nothing: 10005", *refused(
        lambda: session.place_order(
            category="linear", symbol=SYMBOL, side="Buy", orderType="Market", qty="0.001"), 10005))


def main():
    if len(sys.argv) not in (4, 6):
        print(__doc__, file=sys.stderr)
        return 2
    base, key, secret = sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3]
    wss = base.replace("http", "ws", 1)
    pybit.unified_trading.PRIVATE_WSS = wss + "/v5/private"
    pybit.unified_trading.PUBLIC_WSS = wss + "/v5/public/{CHANNEL_TYPE}"
    pybit._websocket_trading.TRADE_WSS = wss + "/v5/trade"
    session = HTTP(testnet=True, api_key=key, api_secret=secret)
    session.endpoint = base
    low = market(session)
    orders(session, low)
    batches(session, low)
    streams(session, base, key, secret)
    if len(sys.argv) == 6:
        reader(base, sys.argv[4], sys.argv[5])
    print("done", flush=True)
    # pybit's reader threads would keep the process.
    sys.stdout.flush()
    import os
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
