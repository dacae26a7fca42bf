"""§11: crypto market data."""
from datetime import date, datetime, timezone

import pytest
import requests
from alpaca.data.historical import CryptoHistoricalDataClient
from alpaca.data.requests import (CryptoBarsRequest, CryptoLatestBarRequest, CryptoLatestOrderbookRequest,
                                  CryptoLatestQuoteRequest, CryptoLatestTradeRequest, CryptoQuoteRequest,
                                  CryptoSnapshotRequest, CryptoTradesRequest)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from desk import MINUTE, UTC_TIME, at, parse, refused, rfc3339

PATH = "/v1beta3/crypto/us"
WEEK = {"start": "2019-06-03T00:00:00Z", "end": "2019-06-09T23:00:00Z", "timeframe": "1Day"}
HOUR = {"start": rfc3339(at("10:00")), "end": rfc3339(at("10:30"))}
PAIRS = ["BTC/USD", "ETH/USD"]


def bars(desk, symbol="BTC/USD", **params):
    return desk.json(PATH + "/bars", **{"symbols": symbol, **WEEK, **params})["bars"].get(symbol, [])


def test_the_sdk_reads_daily_bars(market):
    found = market.crypto.get_crypto_bars(CryptoBarsRequest(
        symbol_or_symbols=PAIRS, timeframe=TimeFrame.Day, start=datetime(2019, 6, 3), end=datetime(2019, 6, 9)))
    assert {symbol: len(days) for symbol, days in found.data.items()} == {"BTC/USD": 7, "ETH/USD": 7}
    assert found["BTC/USD"][0].timestamp == datetime(2019, 6, 3, tzinfo=timezone.utc)


def test_a_day_begins_at_midnight_utc_on_weekends_too(market):
    assert [bar["t"] for bar in bars(market)] == [f"2019-06-0{day}T00:00:00Z" for day in range(3, 10)]


def test_keys_and_types_of_a_bar(market):
    for bar in bars(market):
        assert set(bar) == set("tohlcvn") | {"vw"} and type(bar["n"]) is int
        assert bar["l"] <= min(bar["o"], bar["c"]) <= max(bar["o"], bar["c"]) <= bar["h"] and bar["v"] >= 0


def test_volume_is_a_fraction_of_a_coin(market):
    assert any(bar["v"] != int(bar["v"]) for bar in bars(market))


def test_weeks_begin_on_monday_and_four_hours_at_zero_four_and_eight(market):
    [week] = [bar["t"] for bar in bars(market, timeframe="1Week")]
    assert week == "2019-06-03T00:00:00Z"
    assert [bar["t"][11:13] for bar in bars(market, timeframe="4Hour", end="2019-06-03T23:00:00Z")] == [
        "00", "04", "08", "12", "16", "20"]


def test_without_a_start_bars_begin_with_the_utc_day(market):
    answer = market.json(PATH + "/bars", symbols="BTC/USD", timeframe="1Hour")
    assert answer["bars"]["BTC/USD"][0]["t"] == "2019-06-12T00:00:00Z"


def test_pages_meet_without_gap_or_repeat(market):
    whole = market.json(PATH + "/bars", symbols=",".join(PAIRS), **WEEK)
    joined, token = {}, {}
    while True:
        page = market.json(PATH + "/bars", symbols=",".join(PAIRS), limit=4, **WEEK, **token)
        assert sum(map(len, page["bars"].values())) <= 4
        for symbol, part in page["bars"].items():
            joined.setdefault(symbol, []).extend(part)
        if page["next_page_token"] is None:
            break
        token = {"page_token": page["next_page_token"]}
    assert joined == whole["bars"] and whole["next_page_token"] is None


def test_the_sdk_follows_pages(market):
    found = market.crypto.get_crypto_bars(CryptoBarsRequest(
        symbol_or_symbols="BTC/USD", timeframe=TimeFrame.Minute, start=at("00:00", date(2019, 6, 1)),
        end=at("00:00", date(2019, 6, 10))))["BTC/USD"]
    assert len(found) > 10_000 and len({bar.timestamp for bar in found}) == len(found)


def test_descending_bars(market):
    assert bars(market, sort="desc") == bars(market)[::-1]


@pytest.mark.parametrize("path", ["bars", "trades", "quotes", "snapshots", "latest/bars", "latest/trades",
                                  "latest/quotes", "latest/orderbooks"])
def test_a_pair_without_slash_is_refused(market, path):
    answer = market.get(f"{PATH}/{path}", symbols="BTCUSD", timeframe="1Day")
    body = refused(answer, 400)
    assert body["message"] == "invalid symbol: BTCUSD does not match ^[A-Z]+x?/[A-Z]+$"


@pytest.mark.parametrize("path,key", [("bars", "bars"), ("latest/bars", "bars"), ("latest/trades", "trades"),
                                      ("latest/quotes", "quotes"), ("latest/orderbooks", "orderbooks"),
                                      ("snapshots", "snapshots")])
def test_an_unknown_pair_is_an_empty_object(market, path, key):
    assert market.json(f"{PATH}/{path}", symbols="TAO/USDT", timeframe="1Day")[key] == {}


@pytest.mark.parametrize("wrong", [{"timeframe": "60Min"}, {"limit": "10001"}, {"start": "x"}, {"symbols": ""}])
def test_a_parameter_that_makes_no_sense_is_refused(market, wrong):
    refused(market.get(PATH + "/bars", **{"symbols": "BTC/USD", **WEEK, **wrong}), 400)


@pytest.mark.parametrize("place", ["us", "us-1", "us-2", "eu-1", "bs-1"])
def test_every_location_answers(market, place):
    assert market.json(f"/v1beta3/crypto/{place}/latest/bars", symbols="BTC/USD")["bars"]["BTC/USD"]


def test_data_need_no_key(market):
    answer = requests.get(f"{market.url}{PATH}/latest/bars", params={"symbols": "BTC/USD"}, timeout=10)
    assert answer.status_code == 200
    free = CryptoHistoricalDataClient(url_override=market.url)
    assert free.get_crypto_latest_trade(CryptoLatestTradeRequest(symbol_or_symbols="BTC/USD"))["BTC/USD"].price > 0


def test_a_wrong_key_is_refused_even_here(market):
    headers = {"APCA-API-KEY-ID": "PKWRONG", "APCA-API-SECRET-KEY": "wrong"}
    answer = requests.get(f"{market.url}{PATH}/latest/bars", params={"symbols": "BTC/USD"}, headers=headers, timeout=10)
    assert answer.status_code == 401


def test_the_sdk_reads_everything_latest(market):
    two = {"symbol_or_symbols": PAIRS}
    trades = market.crypto.get_crypto_latest_trade(CryptoLatestTradeRequest(**two))
    quotes = market.crypto.get_crypto_latest_quote(CryptoLatestQuoteRequest(**two))
    minutes = market.crypto.get_crypto_latest_bar(CryptoLatestBarRequest(**two))
    assert set(trades) == set(quotes) == set(minutes) == set(PAIRS)
    assert quotes["BTC/USD"].bid_price < quotes["BTC/USD"].ask_price
    assert minutes["BTC/USD"].timestamp < at("14:00") and trades["BTC/USD"].timestamp <= at("14:00")


def test_the_sdk_reads_order_books(market):
    books = market.crypto.get_crypto_latest_orderbook(CryptoLatestOrderbookRequest(symbol_or_symbols=PAIRS))
    for book in books.values():
        bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
        assert bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]
        assert all(level.size > 0 for level in book.bids + book.asks)


def test_the_sdk_reads_snapshots(market):
    snapshot = market.crypto.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols=PAIRS))["BTC/USD"]
    assert snapshot.daily_bar.timestamp == datetime(2019, 6, 12, tzinfo=timezone.utc)
    assert snapshot.previous_daily_bar.timestamp == datetime(2019, 6, 11, tzinfo=timezone.utc)
    assert snapshot.latest_trade.price == market.last("BTC/USD")


def test_snapshots_have_an_envelope(market):
    answer = market.json(PATH + "/snapshots", symbols="BTC/USD")
    assert set(answer) == {"snapshots"}
    assert set(answer["snapshots"]["BTC/USD"]) == {"latestTrade", "latestQuote", "minuteBar", "dailyBar",
                                                   "prevDailyBar"}


def test_keys_and_types_of_a_trade(market):
    trade = market.json(PATH + "/latest/trades", symbols="BTC/USD")["trades"]["BTC/USD"]
    assert set(trade) == {"t", "p", "s", "i", "tks"} and trade["tks"] in ("B", "S")
    assert UTC_TIME.fullmatch(trade["t"]) and type(trade["i"]) is int and trade["p"] > 0 and trade["s"] > 0


def test_keys_and_types_of_a_quote(market):
    quote = market.json(PATH + "/latest/quotes", symbols="BTC/USD")["quotes"]["BTC/USD"]
    assert set(quote) == {"t", "bp", "bs", "ap", "as"} and 0 < quote["bp"] < quote["ap"]


def test_the_sdk_reads_historical_ticks(market):
    trades = market.crypto.get_crypto_trades(CryptoTradesRequest(symbol_or_symbols="BTC/USD", start=at("10:00"),
                                                                 end=at("10:30")))["BTC/USD"]
    quotes = market.crypto.get_crypto_quotes(CryptoQuoteRequest(symbol_or_symbols="BTC/USD", start=at("10:00"),
                                                                end=at("10:30")))["BTC/USD"]
    assert trades and quotes and all(at("10:00") <= tick.timestamp <= at("10:30") for tick in [*trades, *quotes])


def test_minutes_are_made_of_trades(market):
    trades = market.json(PATH + "/trades", symbols="BTC/USD", limit=10000, **HOUR)["trades"]["BTC/USD"]
    minutes = bars(market, timeframe="1Min", **HOUR)
    assert minutes
    for bar in minutes[:-1]:
        left = parse(bar["t"])
        part = [trade["p"] for trade in trades if left <= parse(trade["t"]) < left + MINUTE]
        if bar["n"]:
            assert (bar["o"], bar["h"], bar["l"], bar["c"]) == (part[0], max(part), min(part), part[-1])
            assert bar["n"] == len(part)


def test_the_sdk_asks_for_any_timeframe(market):
    for amount, unit in [(15, TimeFrameUnit.Minute), (4, TimeFrameUnit.Hour), (1, TimeFrameUnit.Week),
                         (1, TimeFrameUnit.Month)]:
        request = CryptoBarsRequest(symbol_or_symbols="BTC/USD", timeframe=TimeFrame(amount, unit),
                                    start=datetime(2019, 5, 1), end=datetime(2019, 6, 11))
        assert market.crypto.get_crypto_bars(request)["BTC/USD"]
