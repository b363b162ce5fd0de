"""The whole order surface of V5, by pybit, in one category of a paper exchange.

usage: pybit_surface.py http://HOST:PORT KEY SECRET CATEGORY

Prints one line a check and ends with 1 at the first that fails.
"""

import os
import sys
import uuid
from decimal import Decimal

import pybit._websocket_trading
import pybit.unified_trading
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading
from pybit_paper import Inbox, check, refused

# A spot order that is not there has a code of its own, and a link id that was used.
MISSING = {"spot": 170213}
DUPLICATE = {"spot": 170141}
COIN = {"linear": {"settleCoin": "USDT"}, "inverse": {"baseCoin": "BTC"},
        "option": {"baseCoin": "BTC"}, "spot": {}}
BOOK = {"option": 25}


class Surface:
    def __init__(self, base, key, secret, category):
        wss = base.replace("http", "ws", 1)
        pybit.unified_trading.PRIVATE_WSS = wss + "/v5/private"
        pybit.unified_trading.PUBLIC_WSS = wss + "/v5/public/{CHANNEL_TYPE}"
        pybit._websocket_trading.TRADE_WSS = wss + "/v5/trade"
        self.category, self.keys = category, {"api_key": key, "api_secret": secret}
        self.session = HTTP(testnet=True, **self.keys)
        self.session.endpoint = base
        self.instrument = self.pick()
        self.symbol = self.instrument["symbol"]
        self.tick = Decimal(self.instrument["priceFilter"]["tickSize"])

    # The market

    def pick(self):
        listed = self.session.get_instruments_info(
            category=self.category, **({"baseCoin": "BTC"} if self.category == "option" else {}))
        rows = listed["result"]["list"]
        check("get_instruments_info", rows and all(row["symbol"] for row in rows), listed)
        # Of options the one nearest to the money: others may have no bid.
        row = rows[len(rows) // 2] if self.category == "option" else rows[0]
        one = self.session.get_instruments_info(category=self.category, symbol=row["symbol"])
        check("get_instruments_info of one symbol", one["result"]["list"] == [row], one)
        page = self.session.get_instruments_info(category=self.category, limit=1)
        if self.category != "spot":
            check("get_instruments_info in pages", len(page["result"]["list"]) == 1
                  and (page["result"]["nextPageCursor"] != "" or len(rows) == 1), page)
        return row

    def ticker(self):
        rows = self.session.get_tickers(category=self.category, symbol=self.symbol)["result"]
        return rows["list"][0]

    def market(self):
        session, symbol, category = self.session, self.symbol, self.category
        ticker = self.ticker()
        bid, ask = Decimal(ticker["bid1Price"]), Decimal(ticker["ask1Price"])
        check("get_tickers: bid below ask", 0 < bid < ask, ticker)
        book = session.get_orderbook(category=category, symbol=symbol, limit=5)["result"]
        check("get_orderbook", 0 < len(book["b"]) <= 5 and book["u"] > 0 and book["ts"] > 0, book)
        trades = session.get_public_trade_history(category=category, symbol=symbol)["result"]
        check("get_public_trade_history", isinstance(trades["list"], list), trades)
        if category != "option":
            candles = session.get_kline(category=category, symbol=symbol, interval=1)["result"]
            check("get_kline", candles["symbol"] == symbol and isinstance(candles["list"], list),
                  candles)
            limits = session.get_price_limit(category=category, symbol=symbol)["result"]
            check("get_price_limit", Decimal(limits["buyLmt"]) > Decimal(limits["sellLmt"]) > 0,
                  limits)
        if category in ("linear", "inverse"):
            rates = session.get_funding_rate_history(category=category, symbol=symbol)["result"]
            check("get_funding_rate_history", rates["category"] == category, rates)
            tiers = session.get_risk_limit(category=category, symbol=symbol)["result"]["list"]
            check("get_risk_limit", Decimal(tiers[0]["maintenanceMargin"]) > 0, tiers)
        return bid

    # Orders

    def low(self):
        """A price under the market, inside the band, on the tick."""
        bid = Decimal(self.ticker()["bid1Price"])
        part = Decimal("0.5") if self.category == "option" else Decimal("0.995")
        return str(max(self.tick, (bid * part // self.tick) * self.tick))

    def size(self, times=1):
        lots = self.instrument["lotSizeFilter"]
        least = Decimal(lots["minOrderQty"])
        if self.category == "spot":
            step = Decimal(lots["basePrecision"])
            worth = Decimal(lots["minOrderAmt"]) * 3 / Decimal(self.low())
            least = max(least, (worth // step + 1) * step)
        if self.category == "linear":
            least *= 10
        return str(least * times)

    def leg(self, **more):
        order = {"symbol": self.symbol, "side": "Buy", "orderType": "Limit", "qty": self.size(),
                 "price": self.low(), "orderLinkId": uuid.uuid4().hex}
        order.update(more)
        return order

    def open(self, **more):
        return self.session.get_open_orders(
            category=self.category, **(more or {"symbol": self.symbol}))["result"]["list"]

    def single(self):
        session, category, symbol = self.session, self.category, self.symbol
        leg = self.leg()
        placed = session.place_order(category=category, **leg)["result"]
        check("place_order", placed["orderLinkId"] == leg["orderLinkId"], placed)
        check("the same link id again", *refused(
            lambda: session.place_order(category=category, **leg),
            DUPLICATE.get(category, 110072)))
        rows = self.open(orderLinkId=leg["orderLinkId"])
        check("get_open_orders by link id",
              [(row["orderId"], row["orderStatus"]) for row in rows] == [(placed["orderId"], "New")],
              rows)
        amended = session.amend_order(
            category=category, symbol=symbol, orderId=placed["orderId"], qty=self.size(2))["result"]
        check("amend_order", amended["orderId"] == placed["orderId"], amended)
        row = self.open(orderId=placed["orderId"])[0]
        check("the order has the new quantity", Decimal(row["qty"]) == Decimal(self.size(2)), row)
        gone = session.cancel_order(
            category=category, symbol=symbol, orderLinkId=leg["orderLinkId"])["result"]
        check("cancel_order", gone["orderId"] == placed["orderId"], gone)
        for name, call in (("cancel", session.cancel_order), ("amend", session.amend_order)):
            more = {} if name == "cancel" else {"qty": self.size()}
            check(f"{name} of what is closed", *refused(
                lambda: call(category=category, symbol=symbol, orderLinkId=leg["orderLinkId"], **more),
                MISSING.get(category, 110001)))
        rows = session.get_order_history(
            category=category, orderLinkId=leg["orderLinkId"])["result"]["list"]
        check("get_order_history", [row["orderStatus"] for row in rows] == ["Cancelled"], rows)

    def batches(self):
        session, category = self.session, self.category
        legs = [self.leg(), self.leg(symbol="NOPE"), self.leg()]
        answer = session.place_batch_order(category=category, request=legs)
        codes = [leg["code"] for leg in answer["retExtInfo"]["list"]]
        check("place_batch_order: a bad leg fails alone",
              codes[0] == codes[2] == 0 and codes[1] != 0, answer)
        rows = answer["result"]["list"]
        check("the answers stand at their legs' places",
              [row["orderLinkId"] for row in rows] == [leg["orderLinkId"] for leg in legs]
              and [row["orderId"] != "" for row in rows] == [True, False, True], rows)
        changes = [{"symbol": self.symbol, "orderId": rows[place]["orderId"], "qty": self.size(2)}
                   for place in (0, 2)]
        answer = session.amend_batch_order(category=category, request=changes)
        check("amend_batch_order",
              [leg["code"] for leg in answer["retExtInfo"]["list"]] == [0, 0], answer)
        check("both have the new quantity",
              {Decimal(row["qty"]) for row in self.open()} == {Decimal(self.size(2))}, self.open())
        names = [{"symbol": self.symbol, "orderId": rows[0]["orderId"]},
                 {"symbol": self.symbol, "orderLinkId": "nobody"}]
        answer = session.cancel_batch_order(category=category, request=names)
        check("cancel_batch_order",
              [leg["code"] for leg in answer["retExtInfo"]["list"]]
              == [0, MISSING.get(category, 110001)], answer)
        session.place_order(category=category, **self.leg())
        gone = session.cancel_all_orders(category=category, **(COIN[category] or {}))["result"]
        check("cancel_all_orders", len(gone["list"]) == 2 and gone["success"] == "1", gone)
        check("nothing is open", self.open() == [], self.open())

    # Streams

    def streams(self):
        names = ("order", "execution", "wallet")
        names += () if self.category == "spot" else ("position",)
        self.inboxes = {name: Inbox() for name in names}
        stream = WebSocket(testnet=True, channel_type="private", **self.keys)
        stream.order_stream(self.inboxes["order"])
        stream.execution_stream(self.inboxes["execution"])
        stream.wallet_stream(self.inboxes["wallet"])
        if "position" in names:
            stream.position_stream(self.inboxes["position"])
        public = WebSocket(testnet=True, channel_type=self.category)
        book, ticker, trades = Inbox(), Inbox(), Inbox()
        public.orderbook_stream(BOOK.get(self.category, 50), self.symbol, book)
        public.ticker_stream(self.symbol, ticker)
        public.trade_stream("BTC" if self.category == "option" else self.symbol, trades)
        check("public orderbook and tickers come",
              book.wait(lambda box: len(box.messages) > 1)
              and ticker.wait(lambda box: len(box.messages) > 0), (book.messages, ticker.messages))
        last = book.messages[-1]["data"]
        bids, asks = [float(row[0]) for row in last["b"]], [float(row[0]) for row in last["a"]]
        check("the book rebuilt by pybit is not crossed", max(bids) < min(asks), last)
        link = uuid.uuid4().hex
        self.session.place_order(
            category=self.category, symbol=self.symbol, side="Buy", orderType="Market",
            qty=self.size(), orderLinkId=link,
            **({"marketUnit": "baseCoin"} if self.category == "spot" else {}))
        check("order_stream: filled", self.inboxes["order"].wait(lambda box: any(
            row["orderLinkId"] == link and row["orderStatus"] == "Filled" for row in box.rows())),
              self.inboxes["order"].rows())
        check("execution_stream", self.inboxes["execution"].wait(lambda box: any(
            row["orderLinkId"] == link and row["category"] == self.category
            for row in box.rows())), self.inboxes["execution"].rows())
        check("wallet_stream", self.inboxes["wallet"].wait(lambda box: len(box.rows()) > 0))
        if "position" in names:
            check("position_stream", self.inboxes["position"].wait(lambda box: any(
                row["symbol"] == self.symbol and Decimal(row["size"] or "0") > 0
                for row in box.rows())), self.inboxes["position"].rows())
        check("trade_stream", trades.wait(lambda box: any(
            row["s"] == self.symbol for row in box.rows())), trades.messages)

    def trading(self):
        socket = WebSocketTrading(testnet=True, recv_window=6000, **self.keys)
        category, symbol = self.category, self.symbol

        def ask(call, **args):
            answers, errors = Inbox(), Inbox()
            call(answers, error_callback=errors, category=category, **args)
            check(f"WebSocketTrading.{call.__name__} answers",
                  answers.wait(lambda box: len(box.messages) == 1), errors.messages)
            return answers.messages[0]

        leg = self.leg()
        data = ask(socket.place_order, **leg)["data"]
        check("its link id comes back", data["orderLinkId"] == leg["orderLinkId"], data)
        check("its event comes on the private stream", self.inboxes["order"].wait(lambda box: any(
            row["orderLinkId"] == leg["orderLinkId"] and row["orderStatus"] == "New"
            for row in box.rows())))
        ask(socket.amend_order, symbol=symbol, orderId=data["orderId"], qty=self.size(2))
        ask(socket.cancel_order, symbol=symbol, orderId=data["orderId"])
        answer = ask(socket.place_batch_order, request=[self.leg(), self.leg(qty="0")])
        codes = [one["code"] for one in answer["retExtInfo"]["list"]]
        check("its legs have codes of their own", codes[0] == 0 != codes[1], answer)
        order = answer["data"]["list"][0]["orderId"]
        answer = ask(socket.amend_batch_order,
                     request=[{"symbol": symbol, "orderId": order, "qty": self.size(2)}])
        check("amended", [one["code"] for one in answer["retExtInfo"]["list"]] == [0], answer)
        answer = ask(socket.cancel_batch_order, request=[{"symbol": symbol, "orderId": order}])
        check("cancelled", [one["code"] for one in answer["retExtInfo"]["list"]] == [0], answer)

    # The account

    def account(self):
        session, category, symbol = self.session, self.category, self.symbol
        fills = session.get_executions(category=category, symbol=symbol)["result"]["list"]
        check("get_executions", fills and all(row["execId"] for row in fills), fills)
        wallet = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
        check("get_wallet_balance", Decimal(wallet["totalEquity"]) > 0, wallet)
        check("get_account_info", session.get_account_info()["result"]["unifiedMarginStatus"] >= 3)
        fees = session.get_fee_rates(category=category)["result"]["list"]
        check("get_fee_rates", fees and Decimal(fees[0]["takerFeeRate"]) > 0, fees)
        coins = session.get_collateral_info()["result"]["list"]
        check("get_collateral_info", any(row["currency"] == "USDT" for row in coins), coins)
        if category == "spot":
            quota = session.get_borrow_quota(category=category, symbol=symbol, side="Buy")["result"]
            check("get_borrow_quota", quota["symbol"] == symbol, quota)
            return
        rows = session.get_positions(category=category, symbol=symbol)["result"]["list"]
        check("get_positions", rows[0]["side"] == "Buy" and Decimal(rows[0]["size"]) > 0, rows)
        if category != "inverse":
            margin = session.pre_check_order(category=category, **self.leg())["result"]
            check("pre_check_order", margin["postImrE4"] >= margin["preImrE4"] >= 0, margin)
        if category == "option":
            return
        self.settings()

    def settings(self):
        session, category, symbol = self.session, self.category, self.symbol
        session.set_leverage(category=category, symbol=symbol, buyLeverage="5", sellLeverage="5")
        row = session.get_positions(category=category, symbol=symbol)["result"]["list"][0]
        check("set_leverage", Decimal(row["leverage"]) == 5, row)
        check("the same leverage again is 110043", *refused(
            lambda: session.set_leverage(
                category=category, symbol=symbol, buyLeverage="5", sellLeverage="5"), 110043))
        stop = str(Decimal(self.low()) // self.tick // 2 * self.tick)
        session.set_trading_stop(
            category=category, symbol=symbol, tpslMode="Full", positionIdx=0, stopLoss=stop)
        row = session.get_positions(category=category, symbol=symbol)["result"]["list"][0]
        check("set_trading_stop", Decimal(row["stopLoss"]) == Decimal(stop), row)
        check("isolated margin is not of the unified account", *refused(
            lambda: session.switch_margin_mode(
                category=category, symbol=symbol, tradeMode=1, buyLeverage="5", sellLeverage="5"),
            100028))
        session.set_trading_stop(
            category=category, symbol=symbol, tpslMode="Full", positionIdx=0, stopLoss="0")
        session.place_order(
            category=category, symbol=symbol, side="Sell", orderType="Market", qty="0",
            reduceOnly=True, closeOnTrigger=True)
        row = session.get_positions(category=category, symbol=symbol)["result"]["list"][0]
        check("closed whole", Decimal(row["size"]) == 0, row)
        if category == "linear":
            session.switch_position_mode(category=category, symbol=symbol, mode=3)
            rows = session.get_positions(category=category, symbol=symbol)["result"]["list"]
            check("switch_position_mode: two sides",
                  [row["positionIdx"] for row in rows] == [1, 2], rows)
            session.switch_position_mode(category=category, symbol=symbol, mode=0)

    def run(self):
        self.market()
        self.single()
        self.batches()
        self.streams()
        self.trading()
        self.account()


def main():
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    base, key, secret, category = sys.argv[1:]
    Surface(base.rstrip("/"), key, secret, category).run()
    print("done", flush=True)
    # pybit's reader threads would keep the process.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
