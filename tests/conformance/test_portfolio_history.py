"""§8: portfolio history."""
from datetime import date, datetime, timedelta, timezone

import pytest
from alpaca.trading.requests import GetPortfolioHistoryRequest
from desk import AFTER, DAY, NEW_YORK, at, opened, rfc3339

PATH = "/v2/account/portfolio/history"


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A hundred shares bought on the day, two sessions ago at noon."""
    with opened(tmp_path_factory.mktemp("held") / "log", at("10:00")) as desk:
        desk.filled(qty="100")
        desk.equity = {}
        for day in (DAY, AFTER):
            desk.move(at("16:30", day))
            desk.equity[day] = float(desk.json("/v2/account")["equity"])
        desk.move(at("12:00", date(2019, 6, 14)))
        yield desk


def days(history):
    """Points of a day are stamped at midnight UTC or at the open: their date is what counts."""
    return [datetime.fromtimestamp(stamp, timezone.utc).date() for stamp in history["timestamp"]]


def test_the_sdk_reads_the_history(held):
    history = held.trading.get_portfolio_history(GetPortfolioHistoryRequest(period="1W", timeframe="1D"))
    assert history.timeframe == "1D" and len(history.timestamp) == len(history.equity) == len(history.profit_loss) > 0


def test_types_of_the_history(held):
    history = held.json(PATH, period="1W", timeframe="1D")
    length = len(history["timestamp"])
    assert length and {type(stamp) for stamp in history["timestamp"]} == {int}
    for name in ("equity", "profit_loss", "profit_loss_pct"):
        assert len(history[name]) == length
        assert all(value is None or isinstance(value, (int, float)) for value in history[name]), name
    assert isinstance(history["base_value"], (int, float))


def test_a_day_of_the_history_is_the_equity_at_its_close(held):
    history = held.json(PATH, period="1M", timeframe="1D")
    equity = dict(zip(days(history), history["equity"]))
    for day, value in held.equity.items():
        assert equity[day] == pytest.approx(value, abs=0.02), day


def test_fractions_count_from_the_base_value(held):
    history = held.json(PATH, period="1M", timeframe="1D", pnl_reset="no_reset")
    assert history["base_value"] == pytest.approx(100000, abs=0.01)
    for equity, fraction in zip(history["equity"], history["profit_loss_pct"]):
        if equity:
            assert fraction == pytest.approx(equity / history["base_value"] - 1, abs=1e-5)


def test_profit_of_a_day_counts_from_the_base_value(held):
    history = held.json(PATH, period="1D", timeframe="15Min")
    assert history["base_value"] == pytest.approx(held.equity[AFTER], abs=0.02)
    for equity, profit in zip(history["equity"], history["profit_loss"]):
        if equity:
            assert profit == pytest.approx(equity - history["base_value"], abs=0.02)


def test_days_are_sessions_in_order(held):
    history = held.json(PATH, period="1W", timeframe="1D")
    found = days(history)
    assert found == sorted(set(found)) and all(day.weekday() < 5 for day in found)
    assert {DAY, AFTER} <= set(found)


@pytest.mark.parametrize("timeframe,minutes", [("1Min", 1), ("5Min", 5), ("15Min", 15), ("1H", 60)])
def test_intraday_points_have_the_distance_of_their_timeframe(held, timeframe, minutes):
    history = held.json(PATH, period="1D", timeframe=timeframe)
    assert history["timeframe"] == timeframe
    stamps = history["timestamp"]
    assert len(stamps) > 1 and {b - a for a, b in zip(stamps, stamps[1:])} == {60 * minutes}
    assert {datetime.fromtimestamp(stamp, NEW_YORK).date() for stamp in stamps} == {date(2019, 6, 14)}


def test_intraday_equity_follows_the_market(held):
    history = held.json(PATH, period="1D", timeframe="15Min")
    values = [value for value in history["equity"] if value]
    assert len(set(values)) > 1 and all(90000 < value < 110000 for value in values)


def test_start_and_end_bound_the_history(held):
    history = held.json(PATH, start=rfc3339(at("00:00")), end=rfc3339(at("23:00", AFTER)), timeframe="1D")
    assert set(days(history)) <= {DAY, AFTER} and DAY in days(history)


def test_start_end_and_period_are_too_many(held):
    answer = held.get(PATH, start=rfc3339(at("00:00")), end=rfc3339(at("23:00")), period="1D")
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("wrong", [{"period": "1Q"}, {"timeframe": "2Min"}, {"period": "x"},
                                   {"period": "3M", "timeframe": "1Min"}])
def test_parameters_that_make_no_sense_are_refused(held, wrong):
    assert held.get(PATH, **wrong).status_code in (400, 422)


def test_the_default_is_a_month_of_days(held):
    history = held.json(PATH)
    assert history["timeframe"] == "1D" and days(history)[-1] - days(history)[0] <= timedelta(days=32)


def test_date_end_is_still_taken(held):
    history = held.json(PATH, date_end=AFTER.isoformat(), period="1W", timeframe="1D", extended_hours="True")
    assert days(history)[-1] == AFTER


def test_a_new_account_has_made_no_profit(desk):
    history = desk.json(PATH, period="1D", timeframe="5Min")
    assert {value for value in history["profit_loss"] if value is not None} <= {0}
