"""§5: fractional shares and dollar amounts."""
from decimal import Decimal

import pytest
from alpaca.trading.requests import MarketOrderRequest
from desk import MINUTE, check_order, refused


def test_the_sdk_buys_a_fraction(desk):
    order = desk.trading.submit_order(MarketOrderRequest(symbol="AAPL", qty=0.123456789, side="buy",
                                                         time_in_force="day"))
    assert order.qty == "0.123456789"
    desk.move(MINUTE)
    order = desk.trading.get_order_by_id(order.id)
    assert order.status.value == "filled" and order.filled_qty == "0.123456789"
    assert desk.trading.get_open_position("AAPL").qty == "0.123456789"


def test_the_sdk_buys_for_dollars(desk):
    order = desk.trading.submit_order(MarketOrderRequest(symbol="AAPL", notional=500, side="buy",
                                                         time_in_force="day"))
    assert order.notional == "500" and order.qty is None
    desk.move(MINUTE)
    order = desk.trading.get_order_by_id(order.id)
    assert order.status.value == "filled"
    assert float(order.filled_qty) * float(order.filled_avg_price) == pytest.approx(500, abs=0.05)


def test_a_dollar_order_has_no_quantity_even_after_it_filled(desk):
    order = desk.filled(qty=None, notional="250.50")
    check_order(order)
    assert order["qty"] is None and Decimal(order["notional"]) == Decimal("250.50") and Decimal(order["filled_qty"]) > 0


def test_a_fraction_is_sold(desk):
    desk.filled(qty="1.5")
    desk.filled(side="sell", qty="0.7")
    position = desk.json("/v2/positions/AAPL")
    assert Decimal(position["qty"]) == Decimal("0.8") == Decimal(position["qty_available"])


def test_more_of_a_fraction_than_there_is_is_refused(desk):
    desk.filled(qty="0.5")
    body = refused(desk.order(side="sell", qty="0.6"), 403, 40310000, "insufficient qty available for order")
    assert "(requested: 0.6, available: 0.5)" in body["message"]


def test_dollars_are_sold(desk):
    desk.filled(qty="5")
    order = desk.filled(side="sell", qty=None, notional="100")
    assert Decimal(desk.json("/v2/positions/AAPL")["qty"]) == 5 - Decimal(order["filled_qty"])


def test_dollars_are_never_sold_short(desk):
    answer = desk.order(side="sell", qty=None, notional="100")
    assert answer.status_code in (403, 422) and desk.json("/v2/orders", status="all") == []


def test_a_fractional_limit_order_is_taken_for_the_day(desk):
    order = desk.placed(qty="0.5", type="limit", limit_price="10")
    assert (order["qty"], order["time_in_force"]) == ("0.5", "day")


@pytest.mark.parametrize("tif", ["gtc", "ioc", "fok", "opg", "cls"])
def test_fractions_are_for_the_day_only(desk, tif):
    refused(desk.order(qty="0.5", time_in_force=tif), 422, 42210000, "fractional orders must be DAY orders")


@pytest.mark.parametrize("kind", ["bracket", "oto"])
def test_fractional_orders_are_simple(desk, kind):
    refused(desk.order(qty="0.5", order_class=kind, take_profit={"limit_price": "9000"},
                       stop_loss={"stop_price": "1"}), 422)


def test_a_quantity_has_up_to_nine_decimals(desk):
    assert desk.placed(qty="0.987654321", type="limit", limit_price="10")["qty"] == "0.987654321"


def test_a_fraction_of_a_resting_order_cannot_change(desk):
    order = desk.placed(qty="0.5", type="limit", limit_price="10")
    desk.move(MINUTE)
    refused(desk.patch(f"/v2/orders/{order['id']}", {"qty": "0.7"}), 422)
