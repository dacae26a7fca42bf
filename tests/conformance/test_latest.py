"""§10: latest trades, quotes and bars, snapshots, historical trades and quotes."""
from datetime import datetime

import pytest
from alpaca.data.enums import DataFeed
from alpaca.data.requests import (StockLatestBarRequest, StockLatestQuoteRequest, StockLatestTradeRequest,
                                  StockQuotesRequest, StockSnapshotRequest, StockTradesRequest)
from desk import BEFORE, MINUTE, UTC_TIME, at, parse, refused, rfc3339

TAPES = set("ABCNO")
HOUR = {"start": rfc3339(at("10:00")), "end": rfc3339(at("10:30")), "feed": "sip"}


def check_trade(trade):
    assert set(trade) - {"u"} == set("txpscisz") | {"c"}, trade
    assert UTC_TIME.fullmatch(trade["t"]) and isinstance(trade["x"], str) and trade["z"] in TAPES
    assert trade["p"] > 0 and type(trade["s"]) is int and trade["s"] > 0 and type(trade["i"]) is int
    assert isinstance(trade["c"], list) and trade["c"] and (trade["c"][0] == "@" if trade["z"] == "C" else True)


def check_quote(quote):
    assert set(quote) == {"t", "ax", "ap", "as", "bx", "bp", "bs", "c", "z"}, quote
    assert UTC_TIME.fullmatch(quote["t"]) and quote["z"] in TAPES and isinstance(quote["c"], list)
    assert 0 < quote["bp"] < quote["ap"] and quote["as"] > 0 and quote["bs"] > 0
    assert type(quote["as"]) is int and type(quote["bs"]) is int


def test_the_sdk_reads_the_latest_trade(market):
    found = market.stocks.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=["AAPL", "MSFT"]))
    assert set(found) == {"AAPL", "MSFT"}
    assert at("13:55") < found["AAPL"].timestamp <= at("14:00") and found["AAPL"].price > 0


def test_the_sdk_reads_the_latest_quote(market):
    found = market.stocks.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAPL", feed=DataFeed.IEX))
    assert 0 < found["AAPL"].bid_price < found["AAPL"].ask_price


def test_the_sdk_reads_the_latest_bar(market):
    found = market.stocks.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="AAPL"))
    assert at("13:50") <= found["AAPL"].timestamp < at("14:00")


def test_the_sdk_reads_snapshots(market):
    found = market.stocks.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=["AAPL", "MSFT"]))
    snapshot = found["AAPL"]
    assert set(found) == {"AAPL", "MSFT"}
    assert snapshot.latest_trade.price == market.last() and snapshot.daily_bar.close == snapshot.latest_trade.price
    assert snapshot.daily_bar.timestamp == at("00:00") and snapshot.previous_daily_bar.timestamp == at("00:00", BEFORE)
    assert snapshot.minute_bar.timestamp < at("14:00") and snapshot.latest_quote.ask_price > 0


@pytest.mark.parametrize("kind,check", [("trade", check_trade), ("quote", check_quote)])
def test_keys_and_types_of_the_latest(market, kind, check):
    answer = market.json(f"/v2/stocks/{kind}s/latest", symbols="AAPL,MSFT", feed="sip")
    assert set(answer) - {"currency"} == {kind + "s"} and set(answer[kind + "s"]) == {"AAPL", "MSFT"}
    for value in answer[kind + "s"].values():
        check(value)


@pytest.mark.parametrize("kind", ["trade", "quote", "bar"])
def test_the_latest_of_one_symbol(market, kind):
    answer = market.json(f"/v2/stocks/AAPL/{kind}s/latest", feed="iex")
    many = market.json(f"/v2/stocks/{kind}s/latest", symbols="AAPL", feed="iex")
    assert answer["symbol"] == "AAPL" and answer[kind] == many[kind + "s"]["AAPL"]


@pytest.mark.parametrize("kind", ["trade", "quote", "bar"])
def test_unknown_symbols_are_left_out_of_the_latest(market, kind):
    assert set(market.json(f"/v2/stocks/{kind}s/latest", symbols="AAPL,ZZZZ")[kind + "s"]) == {"AAPL"}


@pytest.mark.parametrize("feed", ["iex", "sip", "delayed_sip"])
def test_feeds_of_the_latest(market, feed):
    assert market.json("/v2/stocks/trades/latest", symbols="AAPL", feed=feed)["trades"]["AAPL"]["p"] > 0


def test_a_feed_of_the_latest_on_which_nothing_trades(market):
    assert "trades" in market.json("/v2/stocks/trades/latest", symbols="AAPL", feed="overnight")


@pytest.mark.parametrize("path", ["trades/latest", "quotes/latest", "bars/latest", "snapshots"])
def test_the_latest_of_no_symbol_is_refused(market, path):
    refused(market.get(f"/v2/stocks/{path}"), 400)
    refused(market.get(f"/v2/stocks/{path}", symbols="AAPL", feed="cable"), 400)


def test_snapshots_have_no_envelope_and_camel_case(market):
    answer = market.json("/v2/stocks/snapshots", symbols="AAPL,ZZZZ")
    assert "snapshots" not in answer and "AAPL" in answer and not answer.get("ZZZZ")
    assert set(answer["AAPL"]) == {"latestTrade", "latestQuote", "minuteBar", "dailyBar", "prevDailyBar"}
    check_trade(answer["AAPL"]["latestTrade"])
    check_quote(answer["AAPL"]["latestQuote"])


def test_the_snapshot_of_one_symbol(market):
    one = market.json("/v2/stocks/AAPL/snapshot", feed="sip")
    many = market.json("/v2/stocks/snapshots", symbols="AAPL", feed="sip")["AAPL"]
    assert {name: one[name] for name in many} == many


def test_the_latest_trade_moves_with_the_clock(desk):
    seen = []
    for minute in range(3):
        seen.append(desk.json("/v2/stocks/trades/latest", symbols="AAPL")["trades"]["AAPL"]["t"])
        desk.move(MINUTE)
    assert seen == sorted(set(seen)) and parse(seen[-1]) <= desk.now


def test_the_latest_quote_surrounds_the_latest_trade(market):
    quote = market.json("/v2/stocks/quotes/latest", symbols="AAPL")["quotes"]["AAPL"]
    assert quote["bp"] <= market.last() <= quote["ap"]


def test_the_sdk_reads_historical_trades(market):
    found = market.stocks.get_stock_trades(StockTradesRequest(
        symbol_or_symbols="AAPL", start=at("10:00"), end=at("10:30"), feed=DataFeed.SIP))["AAPL"]
    assert len(found) > 60 and all(at("10:00") <= trade.timestamp <= at("10:30") for trade in found)


def test_the_sdk_reads_historical_quotes(market):
    found = market.stocks.get_stock_quotes(StockQuotesRequest(
        symbol_or_symbols=["AAPL", "MSFT"], start=at("10:00"), end=at("10:30")))
    assert set(found.data) == {"AAPL", "MSFT"} and all(quote.bid_price < quote.ask_price for quote in found["AAPL"])


@pytest.mark.parametrize("kind,check", [("trades", check_trade), ("quotes", check_quote)])
def test_historical_ticks_are_complete_and_in_order(market, kind, check):
    answer = market.json(f"/v2/stocks/{kind}", symbols="AAPL", limit=10000, **HOUR)
    times = [tick["t"] for tick in answer[kind]["AAPL"]]
    for tick in answer[kind]["AAPL"]:
        check(tick)
    assert times == sorted(times) and set(answer) - {"currency"} == {kind, "next_page_token"}


@pytest.mark.parametrize("kind", ["trades", "quotes"])
def test_historical_ticks_of_one_symbol(market, kind):
    one = market.json(f"/v2/stocks/AAPL/{kind}", limit=10000, **HOUR)
    many = market.json(f"/v2/stocks/{kind}", symbols="AAPL", limit=10000, **HOUR)
    assert (one["symbol"], one["next_page_token"]) == ("AAPL", None) and one[kind] == many[kind]["AAPL"]


@pytest.mark.parametrize("kind", ["trades", "quotes"])
def test_pages_of_ticks_meet_without_gap_or_repeat(market, kind):
    whole = market.json(f"/v2/stocks/{kind}", symbols="AAPL,MSFT", limit=10000, **HOUR)[kind]
    joined, token = {}, {}
    while True:
        page = market.json(f"/v2/stocks/{kind}", symbols="AAPL,MSFT", limit=17, **HOUR, **token)
        for symbol, part in page[kind].items():
            joined.setdefault(symbol, []).extend(part)
        if page["next_page_token"] is None:
            break
        token = {"page_token": page["next_page_token"]}
    assert joined == whole


def test_ids_of_trades_are_unique_and_survive_64_bits(market):
    trades = market.json("/v2/stocks/trades", symbols="AAPL", limit=10000, **HOUR)["trades"]["AAPL"]
    ids = [trade["i"] for trade in trades]
    assert len(set(ids)) == len(ids) and all(0 <= identity < 2 ** 64 for identity in ids)


def test_minute_bars_are_made_of_trades(market):
    trades = market.json("/v2/stocks/trades", symbols="AAPL", limit=10000, **HOUR)["trades"]["AAPL"]
    minutes = market.json("/v2/stocks/bars", symbols="AAPL", timeframe="1Min", **HOUR)["bars"]["AAPL"]
    for bar in minutes[:-1]:
        left = parse(bar["t"])
        part = [trade for trade in trades if left <= parse(trade["t"]) < left + MINUTE]
        prices = [trade["p"] for trade in part]
        assert (bar["o"], bar["h"], bar["l"], bar["c"]) == (prices[0], max(prices), min(prices), prices[-1])
        assert (bar["v"], bar["n"]) == (sum(trade["s"] for trade in part), len(part))


def test_ticks_in_descending_order(market):
    up = market.json("/v2/stocks/trades", symbols="AAPL", limit=10000, **HOUR)["trades"]["AAPL"]
    down = market.json("/v2/stocks/trades", symbols="AAPL", limit=10000, sort="desc", **HOUR)["trades"]["AAPL"]
    assert down == up[::-1]


def test_a_weekend_has_no_trade(market):
    request = StockTradesRequest(symbol_or_symbols="AAPL", start=datetime(2019, 6, 8, 12), end=datetime(2019, 6, 9))
    assert market.stocks.get_stock_trades(request).data.get("AAPL", []) == []
