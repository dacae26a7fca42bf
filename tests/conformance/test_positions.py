"""§7: positions and closing them."""
from decimal import Decimal

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import AssetClass, PositionSide
from alpaca.trading.requests import ClosePositionRequest
from desk import AFTER, DECIMAL, MINUTE, at, check_order, refused

STRINGS = ("qty qty_available avg_entry_price market_value cost_basis unrealized_pl unrealized_plpc"
           " unrealized_intraday_pl unrealized_intraday_plpc current_price lastday_price change_today").split()


def amounts(position):
    return {name: Decimal(position[name]) for name in STRINGS}


def test_the_sdk_reads_positions(desk):
    desk.filled()
    desk.filled(symbol="MSFT", side="sell", qty="3")
    positions = {position.symbol: position for position in desk.trading.get_all_positions()}
    assert positions["AAPL"].side is PositionSide.LONG and positions["MSFT"].side is PositionSide.SHORT
    assert positions["AAPL"].asset_class is AssetClass.US_EQUITY and positions["MSFT"].qty == "-3"
    assert desk.trading.get_open_position("AAPL") == positions["AAPL"]


def test_keys_and_types_of_a_position(desk):
    desk.filled()
    position = desk.json("/v2/positions/AAPL")
    asset = desk.json("/v2/assets/AAPL")
    for name in STRINGS:
        assert isinstance(position[name], str) and DECIMAL.fullmatch(position[name]), (name, position[name])
    assert (position["asset_id"], position["exchange"]) == (asset["id"], asset["exchange"])
    assert position["asset_marginable"] is True and position["side"] == "long"


@pytest.mark.parametrize("side,sign", [("buy", 1), ("sell", -1)])
def test_amounts_of_a_position_agree_with_each_other(desk, side, sign):
    order = desk.filled(side=side)
    desk.move(at("13:00"))
    held = amounts(desk.json("/v2/positions/AAPL"))
    cent = Decimal("0.02")
    assert held["qty"] == 10 * sign
    assert held["avg_entry_price"] == pytest.approx(Decimal(order["filled_avg_price"]), abs=Decimal("0.00001"))
    assert abs(held["market_value"] - held["qty"] * held["current_price"]) < cent
    assert abs(held["cost_basis"] - held["qty"] * held["avg_entry_price"]) < cent
    assert abs(held["unrealized_pl"] - (held["market_value"] - held["cost_basis"])) < cent
    fraction = held["unrealized_pl"] / abs(held["cost_basis"])
    assert held["unrealized_plpc"] == pytest.approx(fraction, abs=Decimal("1e-5"))
    today = held["current_price"] / held["lastday_price"] - 1
    assert held["change_today"] == pytest.approx(today, abs=Decimal("1e-5"))


def test_the_price_of_a_position_is_that_of_the_last_trade(desk):
    desk.filled()
    for moment in ("10:30", "12:17", "15:59"):
        desk.move(at(moment))
        price = desk.json("/v2/positions/AAPL")["current_price"]
        assert float(price) == pytest.approx(desk.last(), abs=0.01), moment


def test_lastday_price_is_yesterdays_close(desk):
    desk.filled()
    desk.move(at("16:30"))
    close = desk.last()
    desk.move(at("11:00", AFTER))
    assert float(desk.json("/v2/positions/AAPL")["lastday_price"]) == pytest.approx(close, abs=0.005)


def test_intraday_profit_of_what_was_bought_today_counts_from_its_cost(desk):
    """As recorded in rec21_position_AMZN."""
    desk.filled()
    desk.move(at("13:00"))
    held = amounts(desk.json("/v2/positions/AAPL"))
    assert held["unrealized_intraday_pl"] == held["unrealized_pl"]
    assert held["unrealized_intraday_plpc"] == held["unrealized_plpc"]


def test_intraday_profit_of_what_is_held_since_yesterday_counts_from_yesterdays_close(desk):
    desk.filled()
    desk.move(at("12:00", AFTER))
    held = amounts(desk.json("/v2/positions/AAPL"))
    expected = held["qty"] * (held["current_price"] - held["lastday_price"])
    assert abs(held["unrealized_intraday_pl"] - expected) < Decimal("0.02")


def test_the_entry_price_is_the_average_of_all_purchases(desk):
    orders = [desk.filled(qty="10")]
    desk.move(at("13:00"))
    orders.append(desk.filled(qty="30"))
    spent = sum(Decimal(order["filled_qty"]) * Decimal(order["filled_avg_price"]) for order in orders)
    price = Decimal(desk.json("/v2/positions/AAPL")["avg_entry_price"])
    assert price == pytest.approx(spent / 40, abs=Decimal("0.00001"))


def test_a_sale_leaves_the_entry_price(desk):
    desk.filled(qty="10")
    before = desk.json("/v2/positions/AAPL")["avg_entry_price"]
    desk.move(at("13:00"))
    desk.filled(side="sell", qty="4")
    assert desk.json("/v2/positions/AAPL")["avg_entry_price"] == before


def test_a_position_goes_by_the_id_of_its_asset(desk):
    desk.filled()
    position = desk.json("/v2/positions/AAPL")
    assert desk.json(f"/v2/positions/{position['asset_id']}") == position


@pytest.mark.parametrize("method", ["get", "delete"])
def test_no_position_is_not_found(desk, method):
    body = refused(getattr(desk, method)("/v2/positions/AAPL"), 404, 40410000)
    assert body["message"] == "position does not exist"


def test_the_sdk_raises_when_there_is_no_position(desk):
    with pytest.raises(APIError, match="position does not exist"):
        desk.trading.get_open_position("AAPL")


def test_without_positions_the_list_is_empty(desk):
    assert desk.json("/v2/positions") == [] == desk.trading.get_all_positions()


def test_closing_a_position_answers_with_its_order(desk):
    desk.filled()
    answer = desk.delete("/v2/positions/AAPL")
    assert answer.status_code == 200
    order = answer.json()
    check_order(order)
    assert (order["side"], order["qty"], order["type"], order["time_in_force"]) == ("sell", "10", "market", "day")
    assert order["position_intent"] == "sell_to_close"
    desk.move(MINUTE)
    assert desk.json("/v2/positions") == [] and desk.reread(order)["status"] == "filled"


def test_closing_a_short_buys(desk):
    desk.filled(side="sell")
    order = desk.trading.close_position("AAPL")
    assert (order.side.value, order.qty) == ("buy", "10")
    desk.move(MINUTE)
    assert desk.trading.get_all_positions() == []


def test_the_sdk_closes_a_quantity(desk):
    desk.filled()
    assert desk.trading.close_position("AAPL", ClosePositionRequest(qty="4")).qty == "4"
    desk.move(MINUTE)
    assert desk.json("/v2/positions/AAPL")["qty"] == "6"


def test_the_sdk_closes_a_percentage(desk):
    desk.filled()
    assert Decimal(desk.trading.close_position("AAPL", ClosePositionRequest(percentage="50")).qty) == 5
    desk.move(MINUTE)
    assert desk.json("/v2/positions/AAPL")["qty"] == "5"


@pytest.mark.parametrize("options", [
    {"qty": "1", "percentage": "10"}, {"percentage": "101"}, {"percentage": "-1"}, {"qty": "0"}, {"qty": "x"}])
def test_a_close_that_makes_no_sense_is_refused(desk, options):
    desk.filled()
    assert desk.delete("/v2/positions/AAPL", **options).status_code in (400, 422)
    assert desk.json("/v2/orders") == []


def test_closing_more_than_there_is_is_refused(desk):
    desk.filled()
    assert desk.delete("/v2/positions/AAPL", qty="11").status_code in (403, 422)


def test_shares_of_open_orders_keep_a_position_from_closing(desk):
    desk.filled()
    desk.placed(side="sell", qty="10", type="limit", limit_price="9000")
    body = refused(desk.delete("/v2/positions/AAPL"), 403, 40310000, "insufficient qty available for order")
    assert (body["available"], body["existing_qty"], body["held_for_orders"]) == ("0", "10", "10")


def test_closing_all_answers_with_207_and_an_order_each(desk):
    desk.filled()
    desk.filled(symbol="MSFT", side="sell", qty="3")
    answer = desk.delete("/v2/positions")
    assert answer.status_code == 207
    entries = {entry["symbol"]: entry for entry in answer.json()}
    assert set(entries) == {"AAPL", "MSFT"} and {entry["status"] for entry in entries.values()} == {200}
    for entry in entries.values():
        check_order(entry["body"])
    assert entries["MSFT"]["body"]["side"] == "buy"
    desk.move(MINUTE)
    assert desk.json("/v2/positions") == []


def test_closing_all_has_mixed_outcomes(desk):
    desk.filled()
    desk.filled(symbol="MSFT", qty="3")
    desk.placed(side="sell", qty="10", type="limit", limit_price="9000")
    answer = desk.delete("/v2/positions")
    assert answer.status_code == 207
    entries = {entry["symbol"]: entry for entry in answer.json()}
    assert (entries["MSFT"]["status"], entries["AAPL"]["status"]) == (200, 403)
    assert entries["AAPL"]["body"]["code"] == 40310000 and entries["AAPL"]["body"]["available"] == "0"


def test_closing_all_cancels_open_orders_first_when_asked(desk):
    desk.filled()
    resting = desk.placed(side="sell", qty="10", type="limit", limit_price="9000")
    answer = desk.delete("/v2/positions", cancel_orders="true")
    assert answer.status_code == 207
    desk.move(MINUTE)
    assert desk.json("/v2/positions") == [] and desk.json("/v2/orders") == []
    assert desk.reread(resting)["status"] == "canceled"
    assert {entry["symbol"] for entry in answer.json()} <= {"AAPL", resting["id"]}


def test_the_sdk_closes_all_positions(desk):
    desk.filled()
    desk.filled(symbol="MSFT", qty="3")
    responses = desk.trading.close_all_positions(cancel_orders=True)
    assert {response.symbol for response in responses} == {"AAPL", "MSFT"}
    assert {response.body.status.value for response in responses} <= {"pending_new", "accepted", "new", "filled"}


def test_closing_all_without_a_position_is_an_empty_list(desk):
    answer = desk.delete("/v2/positions")
    assert (answer.status_code, answer.json()) == (207, [])
