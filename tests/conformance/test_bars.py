"""§9: stock bars."""
from datetime import date, datetime, timedelta, timezone

import pytest
from alpaca.common.enums import Sort
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.requests import StockBarsRequest
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from desk import AFTER, BEFORE, DAY, MINUTE, at, parse, refused, rfc3339

PATH = "/v2/stocks/bars"
WEEK = {"start": "2019-06-03T00:00:00Z", "end": "2019-06-08T00:00:00Z", "timeframe": "1Day", "feed": "sip"}


def multi(desk, symbols="AAPL", **params):
    return desk.json(PATH, **{"symbols": symbols, **WEEK, **params})


def bars(desk, **params):
    return multi(desk, **params)["bars"].get("AAPL", [])


def times(desk, **params):
    return [bar["t"] for bar in bars(desk, **params)]


def pages(desk, path=PATH, **params):
    token, found = None, []
    while True:
        found.append(desk.json(path, **params, **({"page_token": token} if token else {})))
        token = found[-1]["next_page_token"]
        if token is None:
            return found


def test_the_sdk_reads_daily_bars(market):
    found = market.stocks.get_stock_bars(StockBarsRequest(
        symbol_or_symbols=["AAPL", "MSFT"], timeframe=TimeFrame.Day, start=datetime(2019, 6, 3),
        end=datetime(2019, 6, 8), feed=DataFeed.SIP, adjustment=Adjustment.RAW))
    assert set(found.data) == {"AAPL", "MSFT"} and [len(found[symbol]) for symbol in ("AAPL", "MSFT")] == [5, 5]
    assert found["AAPL"][0].timestamp == datetime(2019, 6, 3, 4, tzinfo=timezone.utc)
    assert list(found.df.columns) == ["open", "high", "low", "close", "volume", "trade_count", "vwap"]


def test_keys_and_types_of_a_bar(market):
    for bar in bars(market):
        assert list(bar) and set(bar) == set("tohlcvn") | {"vw"}
        assert all(type(bar[name]) is int for name in ("v", "n")), bar
        assert all(isinstance(bar[name], (int, float)) for name in ("o", "h", "l", "c", "vw"))
        assert bar["l"] <= min(bar["o"], bar["c"]) <= max(bar["o"], bar["c"]) <= bar["h"]
        assert bar["l"] <= bar["vw"] <= bar["h"] and bar["n"] > 0 and bar["v"] > 0


def test_a_daily_bar_begins_at_midnight_in_new_york(market, hindsight):
    assert times(market) == [f"2019-06-0{day}T04:00:00Z" for day in range(3, 8)]
    winter = times(hindsight, start="2019-01-07T00:00:00Z", end="2019-01-09T00:00:00Z")
    assert winter == ["2019-01-07T05:00:00Z", "2019-01-08T05:00:00Z"]


def test_both_bounds_are_inclusive(market):
    days = ["2019-06-04T04:00:00Z", "2019-06-05T04:00:00Z"]
    assert times(market, start=days[0], end=days[1]) == days
    assert times(market, start="2019-06-04T04:00:00.000000001Z", end="2019-06-05T03:59:59Z") == []


@pytest.mark.parametrize("start", ["2019-06-04T04:00:00Z", "2019-06-04T00:00:00-04:00", "2019-06-04T04:00:00.000Z",
                                   "2019-06-04T04:00:00.000000000+00:00"])
def test_bounds_are_rfc_3339_in_any_offset_and_precision(market, start):
    assert times(market, start=start)[0] == "2019-06-04T04:00:00Z"


def test_a_date_is_a_bound_as_well(market):
    assert "2019-06-05T04:00:00Z" in times(market, start="2019-06-04", end="2019-06-06")


def test_the_envelope_of_many_symbols(market):
    answer = multi(market, "AAPL,MSFT")
    assert set(answer) - {"currency"} == {"bars", "next_page_token"} and answer["next_page_token"] is None
    assert list(answer["bars"]) == ["AAPL", "MSFT"]


def test_the_envelope_of_one_symbol(market):
    answer = market.json("/v2/stocks/AAPL/bars", **WEEK)
    assert (answer["symbol"], answer["next_page_token"]) == ("AAPL", None) and answer["bars"] == bars(market)


def test_many_symbols_without_a_bar_are_an_empty_object(market):
    assert multi(market, "ZZZZ")["bars"] == {}


def test_one_symbol_without_a_bar_is_empty(market):
    answer = market.json("/v2/stocks/AAPL/bars", **{**WEEK, "start": "2019-06-08T12:00:00Z",
                                                     "end": "2019-06-09T12:00:00Z"})
    assert answer["bars"] in ([], None) and answer["next_page_token"] is None


def test_an_unknown_symbol_is_left_out(market):
    assert set(multi(market, "AAPL,ZZZZ")["bars"]) == {"AAPL"}


def test_a_page_has_a_thousand_bars_by_default(market):
    days = {"start": "2019-06-03T00:00:00Z", "end": "2019-06-08T00:00:00Z", "timeframe": "1Min"}
    answer = market.json(PATH, symbols="AAPL,MSFT", feed="sip", **days)
    assert sum(map(len, answer["bars"].values())) == 1000 and answer["next_page_token"]


@pytest.mark.parametrize("limit", [1, 3, 4, 7])
def test_pages_meet_without_gap_or_repeat(market, limit):
    found = pages(market, symbols="AAPL,MSFT,SPY", limit=limit, **WEEK)
    assert all(sum(map(len, page["bars"].values())) <= limit for page in found)
    joined = {}
    for page in found:
        for symbol, part in page["bars"].items():
            joined.setdefault(symbol, []).extend(part)
    assert joined == multi(market, "AAPL,MSFT,SPY")["bars"]


def test_pages_go_by_symbol_and_then_by_time(market):
    first = multi(market, "MSFT,AAPL", limit=5)
    assert list(first["bars"]) == ["AAPL"] and len(first["bars"]["AAPL"]) == 5 and first["next_page_token"]


def test_a_page_token_of_other_symbols_is_refused(market):
    token = multi(market, "MSFT,SPY", limit=7)["next_page_token"]
    assert multi(market, "MSFT,SPY", limit=7, page_token=token)["bars"]
    refused(market.get(PATH, symbols="AAPL", page_token=token, **WEEK), 400)


def test_pages_of_one_symbol(market):
    found = pages(market, "/v2/stocks/AAPL/bars", limit=2, **WEEK)
    assert [len(page["bars"]) for page in found] == [2, 2, 1]
    assert [bar for page in found for bar in page["bars"]] == bars(market)


def test_the_sdk_follows_pages(market):
    request = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Minute, feed=DataFeed.SIP,
                               start=at("09:30", date(2019, 4, 15)), end=at("16:00", BEFORE))
    found = market.stocks.get_stock_bars(request)["AAPL"]
    assert len(found) > 10_000 and len({bar.timestamp for bar in found}) == len(found)
    assert found == sorted(found, key=lambda bar: bar.timestamp)


def test_the_sdk_bounds_the_number_of_bars(market):
    request = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Day, limit=3, start=datetime(2019, 5, 1))
    assert len(market.stocks.get_stock_bars(request)["AAPL"]) == 3


def test_descending_bars_are_the_ascending_ones_reversed(market):
    assert bars(market, sort="desc") == bars(market)[::-1]
    request = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Day, limit=1, sort=Sort.DESC,
                               start=datetime(2019, 6, 1), end=datetime(2019, 6, 8))
    assert market.stocks.get_stock_bars(request)["AAPL"][0].timestamp.day == 7


@pytest.mark.parametrize("timeframe", ["1Min", "1T", "59Min", "1Hour", "1H", "23Hour", "1Day", "1D", "1Week", "1W",
                                       "1Month", "1M", "2Month", "3Month", "4Month", "6Month", "12Month"])
def test_a_timeframe_that_there_is(market, timeframe):
    assert bars(market, timeframe=timeframe, start="2018-12-01T00:00:00Z", limit=5)


@pytest.mark.parametrize("timeframe", ["60Min", "0Min", "24Hour", "2Day", "2Week", "5Month", "1Year", "Day", "x", ""])
def test_a_timeframe_that_there_is_not(market, timeframe):
    refused(market.get(PATH, symbols="AAPL", **{**WEEK, "timeframe": timeframe}), 400)


@pytest.mark.parametrize("wrong", [
    {"start": "yesterday"}, {"end": "2019-13-01"}, {"limit": "0"}, {"limit": "10001"}, {"limit": "x"},
    {"sort": "up"}, {"adjustment": "most"}, {"feed": "cable"}, {"page_token": "!?"}, {"asof": "then"}])
def test_a_parameter_that_makes_no_sense_is_refused(market, wrong):
    refused(market.get(PATH, symbols="AAPL", **{**WEEK, **wrong}), 400)


def test_bars_without_symbols_are_refused(market):
    refused(market.get(PATH, **WEEK), 400)
    refused(market.get(PATH, symbols="A!B", **WEEK), 400)


@pytest.mark.parametrize("adjustment", ["raw", "split", "dividend", "spin-off", "all", "split,dividend"])
def test_an_adjustment_that_there_is(market, adjustment):
    assert len(bars(market, adjustment=adjustment)) == 5


@pytest.mark.parametrize("feed", ["iex", "sip"])
def test_a_feed_that_there_is(market, feed):
    assert len(bars(market, feed=feed)) == 5


@pytest.mark.parametrize("feed", ["otc", "boats"])
def test_a_feed_on_which_nothing_trades(market, feed):
    assert market.get(PATH, symbols="AAPL", **{**WEEK, "feed": feed}).status_code == 200


@pytest.mark.parametrize("asof", ["2019-06-12", "-"])
def test_asof_is_taken(market, asof):
    assert len(bars(market, asof=asof)) == 5


def test_without_a_start_bars_begin_with_the_current_day(market):
    answer = market.json(PATH, symbols="AAPL", timeframe="1Min", feed="iex")
    assert parse(answer["bars"]["AAPL"][0]["t"]) == at("09:30")


def test_nothing_is_shown_of_the_future(market):
    found = bars(market, timeframe="1Min", start=rfc3339(at("09:30")), end=rfc3339(at("20:00")))
    assert parse(found[-1]["t"]) < at("14:00") and parse(found[-1]["t"]) >= at("13:50")
    assert bars(market, start=f"{AFTER}T00:00:00Z", end="2019-12-01T00:00:00Z") == []


def test_the_day_so_far_is_a_daily_bar_that_grows(desk):
    def today():
        return bars(desk, start=f"{DAY}T00:00:00Z", end=f"{AFTER}T00:00:00Z")[0]
    before = today()
    desk.move(at("15:00"))
    after = today()
    assert before["t"] == after["t"] == "2019-06-12T04:00:00Z" and before["o"] == after["o"]
    assert after["v"] > before["v"] and after["h"] >= before["h"] and after["l"] <= before["l"]


def test_minutes_begin_with_the_session_and_end_before_its_close(hindsight):
    found = times(hindsight, timeframe="1Min", start=rfc3339(at("00:00")), end=rfc3339(at("19:00")), limit=10000)
    assert parse(found[0]) == at("09:30") and parse(found[-1]) == at("15:59") and len(found) <= 390
    assert found == sorted(set(found))


@pytest.mark.parametrize("timeframe,minutes", [("5Min", 5), ("15Min", 15), ("30Min", 30), ("1Hour", 60)])
def test_longer_bars_are_made_of_minutes(hindsight, timeframe, minutes):
    day = {"start": rfc3339(at("09:30")), "end": rfc3339(at("16:00")), "limit": 10000}
    ones = bars(hindsight, timeframe="1Min", **day)
    for bar in bars(hindsight, timeframe=timeframe, **{**day, "start": rfc3339(at("00:00"))}):
        left = parse(bar["t"])
        assert left.minute % min(minutes, 60) == 0
        part = [one for one in ones if left <= parse(one["t"]) < left + minutes * MINUTE]
        assert (bar["o"], bar["c"]) == (part[0]["o"], part[-1]["c"])
        assert (bar["h"], bar["l"]) == (max(one["h"] for one in part), min(one["l"] for one in part))
        assert (bar["v"], bar["n"]) == (sum(one["v"] for one in part), sum(one["n"] for one in part))


def test_weeks_begin_on_monday_and_months_on_the_first(hindsight):
    span = {"start": "2019-03-01T00:00:00Z", "end": "2019-06-01T00:00:00Z"}
    weeks = times(hindsight, timeframe="1Week", **span)
    assert all(parse(week).astimezone(timezone.utc).weekday() == 0 for week in weeks)
    assert times(hindsight, timeframe="1Month", **span)[-1] == "2019-05-01T04:00:00Z"


def test_a_week_is_made_of_its_days(hindsight):
    [week] = bars(hindsight, timeframe="1Week", end="2019-06-07T20:00:00Z")
    days = bars(hindsight)
    assert (week["o"], week["c"], week["v"]) == (days[0]["o"], days[-1]["c"], sum(day["v"] for day in days))
    assert (week["h"], week["l"]) == (max(day["h"] for day in days), min(day["l"] for day in days))


def test_an_answer_is_compressed_on_request(market):
    answer = market.get(PATH, symbols="AAPL", limit=10000, **{**WEEK, "start": "2019-01-02T00:00:00Z"})
    assert answer.headers.get("content-encoding") == "gzip" and len(answer.json()["bars"]["AAPL"]) > 100


def test_the_sdk_asks_for_any_timeframe(market):
    for amount, unit in [(5, TimeFrameUnit.Minute), (2, TimeFrameUnit.Hour), (1, TimeFrameUnit.Week),
                         (3, TimeFrameUnit.Month)]:
        request = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame(amount, unit),
                                   start=at("09:30", date(2019, 3, 4)), end=at("16:00", BEFORE))
        assert market.stocks.get_stock_bars(request)["AAPL"]


def test_a_range_that_ends_before_it_starts_is_no_data(market):
    answer = market.get(PATH, symbols="AAPL", **{**WEEK, "start": WEEK["end"], "end": WEEK["start"]})
    assert answer.status_code == 400 or answer.json()["bars"] == {}


def test_yesterday_is_the_bar_before_today(market):
    found = bars(market, start=f"{BEFORE}T00:00:00Z", end=f"{AFTER}T00:00:00Z")
    assert [parse(bar["t"]).date() for bar in found] == [BEFORE, DAY] and DAY - BEFORE == timedelta(days=1)
