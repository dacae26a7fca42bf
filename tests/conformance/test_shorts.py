"""§5: selling short."""
from decimal import Decimal

from desk import MINUTE, at, opened, refused


def test_a_plain_sale_of_nothing_sells_short(desk):
    order = desk.filled(side="sell", qty="20")
    assert order["position_intent"] == "sell_to_open"
    position = desk.json("/v2/positions/AAPL")
    assert (position["side"], position["qty"]) == ("short", "-20")
    assert Decimal(position["market_value"]) < 0 and Decimal(position["cost_basis"]) < 0


def test_the_proceeds_of_a_short_are_cash_and_a_debt(desk):
    order = desk.filled(side="sell", qty="20")
    account = desk.json("/v2/account")
    assert Decimal(account["cash"]) > 100000 and Decimal(account["short_market_value"]) < 0
    proceeds = 20 * Decimal(order["filled_avg_price"])
    assert abs(Decimal(account["cash"]) - 100000 - proceeds) < 1


def test_a_short_is_covered_by_a_purchase(desk):
    desk.filled(side="sell", qty="20")
    assert desk.filled(qty="20")["position_intent"] == "buy_to_close"
    assert desk.json("/v2/positions") == []


def test_a_long_position_is_not_turned_into_a_short(desk):
    desk.filled(qty="10")
    refused(desk.order(side="sell", qty="15"), 403, 40310000, "(requested: 15, available: 10)")
    assert desk.json("/v2/positions/AAPL")["qty"] == "10"


def test_a_short_of_a_fraction_is_refused(desk):
    refused(desk.order(side="sell", qty="1.5"), 422, 42210000, "fractional orders cannot be sold short")


def test_a_short_needs_two_thousand_dollars_of_equity(tmp_path):
    with opened(tmp_path / "log", at("10:00"), cash=1900) as desk:
        refused(desk.order(side="sell", qty="1"), 403)


def test_a_short_beyond_the_buying_power_is_refused(desk):
    shares = int(400000 / desk.last())
    refused(desk.order(side="sell", qty=str(shares)), 403, 40310000, "insufficient buying power")


def test_an_order_to_cover_counts_not_as_a_wash_trade_against_itself(desk):
    desk.filled(side="sell", qty="10")
    desk.placed(qty="4", type="limit", limit_price="1")
    desk.move(MINUTE)
    assert desk.order(qty="6").status_code == 200
