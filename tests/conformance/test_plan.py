"""§1, §12: what the basic plan does not have."""
from datetime import timedelta

import pytest
from alpaca.data.live import StockDataStream
from alpaca.data.requests import StockLatestTradeRequest
from desk import KEY, SECRET, at, opened, parse, refused, rfc3339
from streams import Inbox, feed, socket

PERMIT = "subscription does not permit querying recent SIP data"
BARS = {"symbols": "AAPL", "timeframe": "1Min", "start": rfc3339(at("13:00"))}
NOW = {**BARS, "end": rfc3339(at("14:00"))}


@pytest.fixture(scope="module")
def basic(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("basic") / "log", at("14:00"), "--plan", "basic") as desk:
        yield desk


def error(answer):
    [answer] = answer
    assert answer["T"] == "error" and isinstance(answer["msg"], str), answer
    return answer["code"]


def test_405_beyond_thirty_symbols_of_trades_and_quotes_leaves_the_state(basic):
    many = [asset["symbol"] for asset in basic.json("/v2/assets")]
    with feed(basic, trades=["AAPL"]) as stream:
        assert len(many) == 30
        assert error(stream.ask({"action": "subscribe", "trades": many, "quotes": ["MSFT", "SPY"]})) == 405
        [state] = stream.ask({"action": "subscribe", "bars": ["AAPL"]})
        assert (state["trades"], state["quotes"]) == (["AAPL"], [])


def test_thirty_symbols_are_allowed_and_bars_do_not_count(basic):
    many = [asset["symbol"] for asset in basic.json("/v2/assets")]
    with feed(basic, trades=many[:15], quotes=many[15:], bars=["*"]):
        pass


def test_409_on_the_stream_of_the_sip(basic):
    with socket(basic.websocket + "/v2/sip") as stream:
        first = stream.receive()
        if first[0]["T"] != "error":
            first = stream.ask({"action": "auth", "key": KEY, "secret": SECRET})
        assert error(first) == 409


def test_the_sdk_stops_at_an_insufficient_subscription(basic):
    stream = StockDataStream(KEY, SECRET, url_override=basic.websocket + "/v2/sip")
    stream.subscribe_trades(Inbox().handle, "AAPL")
    stream.run()  # it comes back, instead of connecting for ever
    assert stream._running is False


@pytest.mark.parametrize("path,params", [
    ("/v2/stocks/bars", NOW), ("/v2/stocks/trades", NOW), ("/v2/stocks/quotes", NOW),
    ("/v2/stocks/trades/latest", {"symbols": "AAPL"}), ("/v2/stocks/quotes/latest", {"symbols": "AAPL"}),
    ("/v2/stocks/bars/latest", {"symbols": "AAPL"}), ("/v2/stocks/snapshots", {"symbols": "AAPL"}),
    ("/v2/stocks/AAPL/trades/latest", {})])
def test_recent_data_of_the_sip_are_not_permitted(basic, path, params):
    body = refused(basic.get(path, **params, feed="sip"), 403)
    assert (body["code"], body["message"]) == (42210000, PERMIT)


def test_data_of_the_sip_are_permitted_after_fifteen_minutes(basic):
    end = rfc3339(at("14:00") - timedelta(minutes=15))
    assert basic.json("/v2/stocks/bars", **BARS, end=end, feed="sip")["bars"]["AAPL"]


def test_without_an_end_data_of_the_sip_end_fifteen_minutes_ago(basic):
    last = basic.json("/v2/stocks/bars", **BARS, feed="sip")["bars"]["AAPL"][-1]
    assert at("13:40") < parse(last["t"]) <= at("13:45")


def test_data_of_iex_are_permitted_at_once(basic):
    assert basic.stocks.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="AAPL", feed="iex"))["AAPL"]
    assert basic.json("/v2/stocks/bars", **BARS, feed="iex")["bars"]["AAPL"]


def test_data_without_a_feed_are_those_of_the_plan(basic):
    assert basic.json("/v2/stocks/trades/latest", symbols="AAPL")["trades"]["AAPL"]["p"] > 0


def test_the_rate_of_data_is_two_hundred_a_minute(basic):
    assert basic.get("/v2/stocks/trades/latest", symbols="AAPL").headers["X-RateLimit-Limit"] == "200"
