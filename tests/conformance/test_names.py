"""§9, `asof`: META was FB before 2022-06-09."""
from datetime import date, datetime

import pytest
from alpaca.data.enums import DataFeed
from alpaca.data.requests import StockBarsRequest, StockLatestTradeRequest, StockTradesRequest
from alpaca.data.timeframe import TimeFrame
from desk import NEW_YORK, opened, refused

NOW = date(2022, 6, 14)
FIRST, LAST = date(2022, 6, 1), date(2022, 6, 13)
OLD = [f"2022-06-{day:02}" for day in (1, 2, 3, 6, 7, 8)]
NEW = [f"2022-06-{day:02}" for day in (9, 10, 13)]


@pytest.fixture(scope="module")
def renamed(tmp_path_factory):
    """A client that only reads, some days after the change of name."""
    with opened(tmp_path_factory.mktemp("names") / "venue.log", None, sessions=900, start=NOW) as desk:
        yield desk


def midnight(day):
    return datetime(day.year, day.month, day.day, tzinfo=NEW_YORK)


def daily(desk, symbol, asof=None):
    """Sessions and closes by symbol, as the SDK gives them."""
    answer = desk.stocks.get_stock_bars(StockBarsRequest(
        symbol_or_symbols=symbol, timeframe=TimeFrame.Day, start=midnight(FIRST), end=midnight(LAST), feed=DataFeed.SIP,
        asof=asof))
    return {name: [(bar.timestamp.date().isoformat(), bar.close) for bar in bars] for name, bars in answer.data.items()}


def sessions(found):
    return {name: [day for day, _ in bars] for name, bars in found.items()}


def test_a_name_of_today_brings_what_was_before_it_under_that_name(renamed):
    assert sessions(daily(renamed, "META")) == {"META": OLD + NEW}


@pytest.mark.parametrize("asof", ["2022-06-10", "2022-06-14"])
def test_from_the_day_after_the_change_the_new_name_is_mapped(renamed, asof):
    assert daily(renamed, "META", asof) == daily(renamed, "META")


@pytest.mark.parametrize("asof", ["2022-06-09", "2022-06-08", "2016-01-04", "-"])
def test_before_it_or_without_mapping_the_new_name_has_its_own_days_only(renamed, asof):
    assert sessions(daily(renamed, "META", asof)) == {"META": NEW}


@pytest.mark.parametrize("asof", [None, "2022-06-10", "-"])
def test_the_old_name_has_its_own_days_only_today_or_without_mapping(renamed, asof):
    assert sessions(daily(renamed, "FB", asof)) == {"FB": OLD}


@pytest.mark.parametrize("asof", ["2022-06-06", "2022-06-09", "2016-01-04"])
def test_as_of_a_day_before_the_change_the_old_name_goes_on(renamed, asof):
    found = daily(renamed, "FB", asof)
    assert found == {"FB": daily(renamed, "META")["META"]}


def test_both_names_in_one_request(renamed):
    found = daily(renamed, ["META", "FB", "AAPL"])
    assert sessions(found) == {"AAPL": OLD + NEW, "FB": OLD, "META": OLD + NEW}


def test_pages_go_on_over_the_change(renamed):
    query = {"symbols": "FB,META", "timeframe": "1Day", "start": "2022-06-01T04:00:00Z", "end": "2022-06-13T04:00:00Z",
             "feed": "sip", "asof": "2022-06-06", "limit": 2}
    found, token = [], None
    while True:
        page = renamed.json("/v2/stocks/bars", **query, **({"page_token": token} if token else {}))
        found += [(name, bar["t"][:10]) for name, bars in page["bars"].items() for bar in bars]
        token = page["next_page_token"]
        if token is None:
            break
    assert found == [("FB", day) for day in OLD + NEW] + [("META", day) for day in NEW]


def test_the_answer_for_one_symbol_carries_the_name_that_was_asked_for(renamed):
    answer = renamed.json("/v2/stocks/FB/bars", timeframe="1Day", start="2022-06-01T04:00:00Z", feed="sip",
                          end="2022-06-13T04:00:00Z", asof="2022-06-06")
    assert answer["symbol"] == "FB" and [bar["t"][:10] for bar in answer["bars"]] == OLD + NEW


def test_trades_are_mapped_as_bars_are(renamed):
    def trades(symbol, asof):
        request = StockTradesRequest(symbol_or_symbols=symbol, start=midnight(date(2022, 6, 8)), limit=3, asof=asof,
                                     end=midnight(date(2022, 6, 9)), feed=DataFeed.SIP)
        return [trade.price for trade in renamed.stocks.get_stock_trades(request).data.get(symbol, [])]
    assert len(trades("META", None)) == 3 and trades("META", None) == trades("FB", "2022-06-06")
    assert trades("META", "-") == [] and trades("FB", "-") == trades("META", None)


def test_the_latest_is_never_mapped(renamed):
    latest = renamed.stocks.get_stock_latest_trade
    assert set(latest(StockLatestTradeRequest(symbol_or_symbols=["FB", "META"]))) == {"META"}


def test_an_asof_that_is_no_day_is_refused(renamed):
    for wrong in ("2022-6-9", "yesterday", "--"):
        refused(renamed.get("/v2/stocks/bars", symbols="META", timeframe="1Day", asof=wrong), 400)
