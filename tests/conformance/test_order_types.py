"""§5, §6: types and times in force, against a day whose every trade is known beforehand."""
from datetime import timedelta

import pytest
from alpaca.trading.requests import (LimitOrderRequest, StopLimitOrderRequest, StopOrderRequest,
                                     TrailingStopOrderRequest)
from desk import AFTER, MINUTE, at, check_order, opened, parse, refused

START = at("10:00")
HOLD = {"symbol": "AAPL", "qty": 5, "time_in_force": "day"}


@pytest.fixture
def later(path):
    """Trades from a minute after the checks begin until shortly before the close."""
    return [tick for tick in path if START + MINUTE < tick.at < at("15:45")]


@pytest.fixture
def low(later):
    return min(tick.price for tick in later)


@pytest.fixture
def high(later):
    return max(tick.price for tick in later)


@pytest.fixture
def now(path):
    return [tick.price for tick in path if tick.at <= START][-1]


def halfway(price, extreme):
    return round((price + extreme) / 2, 2)


def first(ticks, reached):
    return next(tick.at for tick in ticks if reached(tick.price))


def check_fill(desk, order, moment):
    """Open until the trade before `moment`, filled after it; gives the price."""
    desk.move(moment - timedelta(seconds=1))
    assert desk.reread(order)["filled_qty"] == "0"
    desk.move(moment + MINUTE)
    order = desk.reread(order)
    assert order["status"] == "filled" and parse(order["filled_at"]) >= moment, order
    check_order(order)
    return float(order["filled_avg_price"])


def test_a_limit_purchase_fills_when_the_market_falls_to_it(desk, later, now, low):
    limit = halfway(now, low)
    order = desk.trading.submit_order(LimitOrderRequest(**HOLD, side="buy", limit_price=limit))
    price = check_fill(desk, {"id": order.id}, first(later, lambda price: price < limit))
    assert price <= limit


def test_a_limit_sale_fills_when_the_market_rises_to_it(desk, later, now, high):
    desk.filled(qty="5")
    limit = halfway(now, high)
    order = desk.placed(side="sell", qty="5", type="limit", limit_price=f"{limit:.2f}")
    assert check_fill(desk, order, first(later, lambda price: price > limit)) >= limit


def test_a_marketable_limit_fills_at_once_and_no_worse_than_its_price(desk, now):
    order = desk.filled(type="limit", limit_price=f"{now * 1.05:.2f}")
    assert float(order["filled_avg_price"]) < now * 1.01


def test_a_limit_out_of_reach_expires_at_the_close(desk):
    order = desk.placed(type="limit", limit_price="10")
    desk.move(at("15:59"))
    assert desk.reread(order)["status"] == "new"
    desk.move(at("16:01"))
    order = desk.reread(order)
    assert order["status"] == "expired" and order["filled_qty"] == "0"
    assert at("16:00") <= parse(order["expired_at"]) <= at("16:01")


def test_a_gtc_order_outlives_the_session(desk):
    order = desk.placed(type="limit", limit_price="10", time_in_force="gtc")
    desk.move(at("12:00", AFTER))
    assert desk.reread(order)["status"] in ("new", "accepted")
    assert [each["id"] for each in desk.json("/v2/orders")] == [order["id"]]


def test_a_gtc_order_fills_in_a_later_session(desk, hindsight):
    """At a price that is out of reach today and is traded through tomorrow."""
    days = {"timeframe": "1Day", "start": "2019-06-12T00:00:00Z", "end": "2019-06-13T12:00:00Z", "feed": "sip"}
    bars = hindsight.json("/v2/stocks/bars", symbols="AAPL,MSFT,AMZN,TSLA,SPY,GOOGL,META,NVDA", **days)["bars"]
    symbol, (today, tomorrow) = next(item for item in bars.items() if item[1][0]["l"] > item[1][1]["l"] + 0.05)
    order = desk.placed(symbol=symbol, type="limit", time_in_force="gtc", limit_price=f"{tomorrow['l'] + 0.02:.2f}")
    desk.move(at("09:29", AFTER))
    assert desk.reread(order)["filled_qty"] == "0"
    desk.move(at("16:01", AFTER))
    order = desk.reread(order)
    assert order["status"] == "filled" and at("09:30", AFTER) <= parse(order["filled_at"]) < at("16:01", AFTER)


def test_a_stop_sale_becomes_a_market_order_at_its_price(desk, later, now, low):
    desk.filled(qty="5")
    stop = halfway(now, low)
    order = desk.trading.submit_order(StopOrderRequest(**HOLD, side="sell", stop_price=stop))
    assert order.stop_price == f"{stop:g}" or float(order.stop_price) == stop
    price = check_fill(desk, {"id": order.id}, first(later, lambda price: price <= stop))
    assert price == pytest.approx(stop, rel=0.01)


def test_a_stop_purchase_becomes_a_market_order_at_its_price(desk, later, now, high):
    stop = halfway(now, high)
    order = desk.placed(type="stop", stop_price=f"{stop:.2f}")
    assert check_fill(desk, order, first(later, lambda price: price >= stop)) == pytest.approx(stop, rel=0.01)


def test_a_stop_limit_fills_only_within_its_limit(desk, later, now, high):
    stop, limit = halfway(now, high), round(high * 1.02, 2)
    request = StopLimitOrderRequest(**HOLD, side="buy", stop_price=stop, limit_price=limit)
    order = desk.trading.submit_order(request)
    assert check_fill(desk, {"id": order.id}, first(later, lambda price: price >= stop)) <= limit


def test_a_stop_limit_whose_limit_is_out_of_reach_stays_open(desk, later, now, high):
    stop = halfway(now, high)
    order = desk.placed(type="stop_limit", stop_price=f"{stop:.2f}", limit_price=f"{now * 0.5:.2f}")
    desk.move(at("15:50"))
    assert desk.reread(order)["status"] == "new" and desk.reread(order)["filled_qty"] == "0"


def test_a_trailing_stop_follows_the_high_and_sells_below_it(desk, path):
    desk.filled(qty="5")
    since = [tick for tick in path if tick.at > START + MINUTE]
    trail, high = 0.01, [tick.price for tick in path if tick.at <= START + MINUTE][-1]
    fired = None
    for tick in since:
        high = max(high, tick.price)
        if tick.price <= high * (1 - trail / 100):
            fired = tick.at
            break
    assert fired and fired < at("15:50"), "the day has no such fall: choose another trail"
    order = desk.trading.submit_order(TrailingStopOrderRequest(**HOLD, side="sell", trail_percent=trail))
    assert order.trail_percent == "0.01" and order.trail_price is None and order.limit_price is None
    assert float(order.hwm) > 0 and float(order.stop_price) < float(order.hwm)
    desk.move(fired + MINUTE)
    assert desk.reread({"id": order.id})["status"] == "filled"


def test_a_trailing_stop_by_price_keeps_its_distance(desk, path):
    desk.filled(qty="5")
    order = desk.placed(side="sell", qty="5", type="trailing_stop", trail_price="30", time_in_force="gtc")
    desk.move(at("13:00"))
    order = desk.reread(order)
    high = max(tick.price for tick in path if START + MINUTE <= tick.at <= at("13:00"))
    assert order["status"] == "new" and order["trail_price"] == "30" and order["trail_percent"] is None
    assert float(order["hwm"]) == pytest.approx(high, abs=0.02)
    assert float(order["stop_price"]) == pytest.approx(float(order["hwm"]) - 30, abs=0.011)


def test_a_trailing_purchase_follows_the_low(desk, path):
    order = desk.placed(type="trailing_stop", trail_price="30")
    desk.move(at("13:00"))
    order = desk.reread(order)
    low = min(tick.price for tick in path if START <= tick.at <= at("13:00"))
    assert float(order["hwm"]) == pytest.approx(low, abs=0.02)
    assert float(order["stop_price"]) == pytest.approx(float(order["hwm"]) + 30, abs=0.011)


def test_an_ioc_that_cannot_fill_is_canceled_at_once(desk):
    order = desk.placed(type="limit", limit_price="10", time_in_force="ioc")
    desk.move(MINUTE)
    order = desk.reread(order)
    assert order["status"] == "canceled" and order["canceled_at"] and order["filled_qty"] == "0"


def test_an_ioc_that_can_fill_does(desk):
    assert desk.filled(time_in_force="ioc")["filled_qty"] == "10"


def test_a_fok_fills_whole_or_not_at_all(desk):
    assert desk.filled(time_in_force="fok")["filled_qty"] == "10"
    order = desk.placed(type="limit", limit_price="10", time_in_force="fok")
    desk.move(MINUTE)
    assert desk.reread(order)["status"] == "canceled"


def test_an_opg_order_fills_at_the_open(morning, hindsight):
    order = morning.placed(time_in_force="opg")
    assert order["time_in_force"] == "opg" and order["status"] in ("accepted", "new", "pending_new")
    morning.move(at("09:30:30"))
    order = morning.reread(order)
    [day] = hindsight.json("/v2/stocks/AAPL/bars", timeframe="1Day", start="2019-06-12T00:00:00Z",
                           end="2019-06-12T12:00:00Z", feed="sip")["bars"]
    assert order["status"] == "filled"
    assert float(order["filled_avg_price"]) == pytest.approx(day["o"], rel=0.005)


def test_an_opg_limit_that_misses_the_open_is_over_after_it(morning):
    order = morning.placed(time_in_force="opg", type="limit", limit_price="10")
    morning.move(at("09:45"))
    assert morning.reread(order)["status"] in ("canceled", "expired")


def test_a_cls_order_fills_at_the_close(desk, path):
    order = desk.placed(time_in_force="cls")
    desk.move(at("15:59"))
    assert desk.reread(order)["filled_qty"] == "0"
    desk.move(at("16:01"))
    order = desk.reread(order)
    assert order["status"] == "filled"
    assert float(order["filled_avg_price"]) == pytest.approx(path[-1].price, rel=0.005)


def test_a_limit_with_extended_hours_is_taken(desk):
    order = desk.placed(type="limit", limit_price="10", extended_hours=True)
    assert order["extended_hours"] is True


@pytest.mark.parametrize("price,kept", [("0.1234", True), ("1.23", True), ("1.234", False)])
def test_prices_have_two_decimals_above_a_dollar_and_four_below(desk, price, kept):
    answer = desk.order(type="limit", limit_price=price, qty="1")
    if kept:
        assert answer.status_code == 200 and answer.json()["limit_price"] == price
    else:
        refused(answer, 422, 42210000, "sub-penny")


def test_an_order_larger_than_the_market_fills_in_parts(hindsight, tmp_path):
    """Thin paper: an order of more than a day's share of the volume is not filled at one price and time."""
    bars = hindsight.json("/v2/stocks/AAPL/bars", timeframe="1Day", start="2019-06-12T00:00:00Z", feed="sip")["bars"]
    qty = int(bars[0]["v"] * 0.2)
    with opened(tmp_path / "log", at("10:00"), cash=10**10) as desk:
        order = desk.placed(qty=str(qty))
        desk.move(MINUTE)
        order = desk.reread(order)
        assert order["status"] == "partially_filled" and 0 < float(order["filled_qty"]) < qty
        desk.move(at("16:05"))
        order = desk.reread(order)
        assert order["status"] in ("expired", "canceled") and 0 < float(order["filled_qty"]) < qty
        assert desk.json("/v2/positions/AAPL")["qty"] == order["filled_qty"]
