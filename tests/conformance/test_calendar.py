"""§4: clock and calendar."""
import re
from datetime import date, timedelta

import pytest
from alpaca.trading.requests import GetCalendarRequest
from desk import AFTER, DAY, NEW_YORK, at, opened, parse


def sessions(desk, start, end):
    return desk.json("/v2/calendar", start=start, end=end)


def test_the_clock_in_a_session(desk):
    clock = desk.trading.get_clock()
    assert clock.is_open and clock.next_close == at("16:00") and clock.next_open == at("09:30", AFTER)
    assert clock.timestamp == at("10:00")


def test_the_clock_before_a_session(morning):
    clock = morning.trading.get_clock()
    assert not clock.is_open and clock.next_open == at("09:30") and clock.next_close == at("16:00")


def test_the_clock_opens_and_closes_on_the_instant(morning):
    for moment, is_open in [("09:29:59", False), ("09:30", True), ("15:59:59", True), ("16:00", False)]:
        morning.move(at(moment))
        assert morning.trading.get_clock().is_open is is_open, moment


def test_the_clock_over_a_weekend(desk):
    friday, saturday, monday = date(2019, 6, 14), date(2019, 6, 15), date(2019, 6, 17)
    desk.move(at("12:00", friday))
    assert desk.trading.get_clock().next_open == at("09:30", monday)
    desk.move(at("12:00", saturday))
    clock = desk.trading.get_clock()
    assert (clock.is_open, clock.next_open, clock.next_close) == (False, at("09:30", monday), at("16:00", monday))


def test_times_of_the_clock_carry_the_summer_offset_of_new_york(market):
    clock = market.json("/v2/clock")
    for name in ("timestamp", "next_open", "next_close"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?-04:00", clock[name]), clock[name]


def test_times_of_the_clock_carry_the_winter_offset_of_new_york(tmp_path):
    with opened(tmp_path / "log", at("12:00", date(2019, 12, 11))) as desk:
        clock = desk.json("/v2/clock")
        assert clock["timestamp"].startswith("2019-12-11T12:00:00") and clock["timestamp"].endswith("-05:00")
        assert parse(clock["next_close"]) == at("16:00", date(2019, 12, 11))


def test_the_sdk_reads_the_calendar(market):
    days = market.trading.get_calendar(GetCalendarRequest(start=date(2019, 6, 10), end=date(2019, 6, 16)))
    assert [day.date for day in days] == [date(2019, 6, day) for day in range(10, 15)]
    assert all(day.open.strftime("%H:%M") == "09:30" and day.close.strftime("%H:%M") == "16:00" for day in days)


def test_both_ends_of_the_calendar_are_inclusive(market):
    assert [day["date"] for day in sessions(market, DAY, DAY)] == [DAY.isoformat()]
    assert [day["date"] for day in sessions(market, DAY, AFTER)] == [DAY.isoformat(), AFTER.isoformat()]


def test_format_of_a_calendar_day(market):
    [day] = sessions(market, DAY, DAY)
    assert (day["open"], day["close"], day["session_open"], day["session_close"]) == ("09:30", "16:00", "0400", "2000")
    assert DAY < date.fromisoformat(day["settlement_date"]) <= DAY + timedelta(days=2)


@pytest.mark.parametrize("day", ["2019-07-03", "2019-11-29", "2019-12-24", "2024-07-03", "2024-11-29"])
def test_an_early_close_is_at_one(market, day):
    [session] = sessions(market, day, day)
    assert (session["open"], session["close"]) == ("09:30", "13:00")


@pytest.mark.parametrize("day", ["2019-06-15", "2019-07-04", "2019-11-28", "2019-12-25", "2024-01-01", "2024-03-29"])
def test_a_day_without_trading_is_absent(market, day):
    week = timedelta(days=4)
    middle = date.fromisoformat(day)
    around = [session["date"] for session in sessions(market, middle - week, middle + week)]
    assert len(around) >= 4 and day not in around and sessions(market, day, day) == []


def test_the_calendar_reaches_from_1970_to_2029(market):
    days = [day["date"] for day in market.json("/v2/calendar")]
    assert days[0].startswith("1970-01-0") and days[-1].startswith("2029-12-")
    assert days == sorted(set(days))


def test_settlement_dates_are_a_date_type(market):
    days = market.json("/v2/calendar", start=DAY, end=AFTER, date_type="SETTLEMENT")
    assert days and all(DAY.isoformat() <= day["settlement_date"] <= AFTER.isoformat() for day in days)


def test_trading_days_are_those_that_the_clock_opens_on(desk):
    clock = desk.trading.get_clock()
    opens = clock.next_open.astimezone(NEW_YORK).date()
    assert [day["date"] for day in sessions(desk, DAY + timedelta(days=1), opens)] == [opens.isoformat()]


@pytest.mark.parametrize("wrong", ["yesterday", "2019-13-01"])
def test_a_calendar_bound_that_is_no_date_is_refused(market, wrong):
    assert market.get("/v2/calendar", start=wrong).status_code in (400, 422)
