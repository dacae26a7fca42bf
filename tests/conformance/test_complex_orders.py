"""§5, §6: bracket, one-cancels-other and one-triggers-other orders."""
import pytest
from alpaca.trading.enums import OrderClass
from alpaca.trading.requests import (GetOrderByIdRequest, LimitOrderRequest, MarketOrderRequest, StopLossRequest,
                                     TakeProfitRequest)
from desk import MINUTE, at, check_order, refused

WIDE = {"take_profit": {"limit_price": "9000"}, "stop_loss": {"stop_price": "1", "limit_price": "0.9"}}


def nested(desk, order):
    return desk.json(f"/v2/orders/{order['id']}", nested="true")


def leg(order, kind):
    [found] = [leg for leg in order["legs"] if leg["type"] == kind]
    return found


@pytest.fixture
def around(path):
    """Two prices that the market keeps between until noon, and one of which it crosses afterwards."""
    morning = [tick.price for tick in path if at("10:00") <= tick.at <= at("11:00")]
    rest = [tick.price for tick in path if tick.at > at("11:02")]
    return min(morning), max(morning), min(rest), max(rest)


def test_the_sdk_places_a_bracket(desk):
    order = desk.trading.submit_order(MarketOrderRequest(
        symbol="AAPL", qty=5, side="buy", time_in_force="day", order_class=OrderClass.BRACKET,
        take_profit=TakeProfitRequest(limit_price=9000), stop_loss=StopLossRequest(stop_price=1)))
    assert order.order_class is OrderClass.BRACKET and len(order.legs) == 2
    assert {leg.type.value for leg in order.legs} == {"limit", "stop"}


def test_a_bracket_answers_with_its_legs_held(desk):
    order = desk.placed(order_class="bracket", **WIDE)
    check_order(order)
    assert order["order_class"] == "bracket" and order["legs"] and len(order["legs"]) == 2
    profit, loss = leg(order, "limit"), leg(order, "stop_limit")
    assert (profit["limit_price"], loss["stop_price"], loss["limit_price"]) == ("9000", "1", "0.9")
    for each in (profit, loss):
        assert (each["side"], each["qty"], each["symbol"]) == ("sell", "10", "AAPL")
        assert (each["status"], each["order_class"], each["legs"]) == ("held", "bracket", None)


def test_a_stop_loss_without_limit_is_a_stop(desk):
    order = desk.placed(order_class="bracket", take_profit={"limit_price": "9000"}, stop_loss={"stop_price": "1"})
    assert leg(order, "stop")["limit_price"] is None


def test_legs_wait_until_the_entry_fills(desk):
    order = desk.placed(order_class="bracket", type="limit", limit_price="10", **{
        "take_profit": {"limit_price": "9000"}, "stop_loss": {"stop_price": "1"}})
    desk.move(at("15:00"))
    order = nested(desk, order)
    assert order["status"] == "new" and [leg["status"] for leg in order["legs"]] == ["held", "held"]


def test_the_profit_leg_works_once_the_entry_filled(desk):
    order = desk.placed(order_class="bracket", **WIDE)
    desk.move(MINUTE)
    order = nested(desk, order)
    assert order["status"] == "filled"
    assert leg(order, "limit")["status"] == "new" and leg(order, "stop_limit")["status"] in ("held", "new")


def test_taking_the_profit_cancels_the_loss_leg(desk, path):
    now = [tick.price for tick in path if tick.at <= at("10:00")][-1]
    high = max(tick.price for tick in path if at("10:02") < tick.at < at("15:50"))
    target = round((now + high) / 2, 2)
    order = desk.placed(order_class="bracket", take_profit={"limit_price": target}, stop_loss={"stop_price": "1"})
    desk.move(at("15:55"))
    order = nested(desk, order)
    assert leg(order, "limit")["status"] == "filled" and leg(order, "stop")["status"] == "canceled"
    assert desk.json("/v2/positions") == []


def test_taking_the_loss_cancels_the_profit_leg(desk, path):
    now = [tick.price for tick in path if tick.at <= at("10:00")][-1]
    low = min(tick.price for tick in path if at("10:02") < tick.at < at("15:50"))
    stop = round((now + low) / 2, 2)
    order = desk.placed(order_class="bracket", take_profit={"limit_price": "9000"}, stop_loss={"stop_price": stop})
    desk.move(at("15:55"))
    order = nested(desk, order)
    assert leg(order, "stop")["status"] == "filled" and leg(order, "limit")["status"] == "canceled"
    assert desk.json("/v2/positions") == []


def test_cancelling_the_entry_cancels_its_legs(desk):
    order = desk.placed(order_class="bracket", type="limit", limit_price="10", **{
        "take_profit": {"limit_price": "9000"}, "stop_loss": {"stop_price": "1"}})
    desk.delete(f"/v2/orders/{order['id']}")
    desk.move(MINUTE)
    order = nested(desk, order)
    assert [order["status"], *(leg["status"] for leg in order["legs"])] == ["canceled"] * 3


def test_cancelling_one_leg_cancels_the_other(desk):
    order = desk.placed(order_class="bracket", **WIDE)
    desk.move(MINUTE)
    assert desk.delete(f"/v2/orders/{leg(order, 'limit')['id']}").status_code == 204
    desk.move(MINUTE)
    assert [leg["status"] for leg in nested(desk, order)["legs"]] == ["canceled", "canceled"]


def test_legs_of_a_bracket_expire_with_the_day(desk):
    order = desk.placed(order_class="bracket", **WIDE)
    desk.move(at("16:05"))
    assert {leg["status"] for leg in nested(desk, order)["legs"]} <= {"expired", "canceled"}


def test_a_short_bracket_covers(desk):
    order = desk.placed(order_class="bracket", side="sell", take_profit={"limit_price": "1"},
                        stop_loss={"stop_price": "9000"})
    assert {leg["side"] for leg in order["legs"]} == {"buy"}
    desk.move(MINUTE)
    assert nested(desk, order)["status"] == "filled" and desk.json("/v2/positions/AAPL")["side"] == "short"


@pytest.mark.parametrize("fields", [
    {"take_profit": {"limit_price": "9000"}},
    {"stop_loss": {"stop_price": "1"}},
    {"take_profit": {"limit_price": "1"}, "stop_loss": {"stop_price": "9000"}},
    {"take_profit": {}, "stop_loss": {"stop_price": "1"}},
    {**WIDE, "extended_hours": True},
    {**WIDE, "extended_hours": True, "type": "limit", "limit_price": "100"},
    {**WIDE, "time_in_force": "ioc"},
    {**WIDE, "qty": None, "notional": "100"},
])
def test_a_bracket_that_makes_no_sense_is_refused(desk, fields):
    refused(desk.order(order_class="bracket", **fields), 422)
    assert desk.json("/v2/orders", status="all") == []


def test_an_oco_is_a_limit_order_with_a_stop_leg(desk):
    desk.filled(qty="5")
    order = desk.trading.submit_order(LimitOrderRequest(
        symbol="AAPL", qty=5, side="sell", time_in_force="gtc", order_class=OrderClass.OCO,
        take_profit=TakeProfitRequest(limit_price=9000), stop_loss=StopLossRequest(stop_price=1)))
    assert order.order_class is OrderClass.OCO and order.type.value == "limit" and float(order.limit_price) == 9000
    [stop] = order.legs
    assert (stop.type.value, float(stop.stop_price), stop.status.value) == ("stop", 1, "held")
    assert stop.qty == order.qty == "5"


def test_both_sides_of_an_oco_reserve_the_shares_once(desk):
    desk.filled(qty="5")
    desk.placed(order_class="oco", side="sell", type="limit", qty="5", **WIDE)
    assert desk.json("/v2/positions/AAPL")["qty_available"] == "0"


def test_a_fill_of_an_oco_cancels_its_other_side(desk, path):
    desk.filled(qty="5")
    now = [tick.price for tick in path if tick.at <= at("10:01")][-1]
    low = min(tick.price for tick in path if at("10:02") < tick.at < at("15:50"))
    order = desk.placed(order_class="oco", side="sell", type="limit", qty="5", take_profit={"limit_price": "9000"},
                        stop_loss={"stop_price": round((now + low) / 2, 2)})
    desk.move(at("15:55"))
    order = nested(desk, order)
    assert (order["status"], order["legs"][0]["status"]) == ("canceled", "filled")
    assert desk.json("/v2/positions") == []


def test_an_oto_places_its_one_leg_after_the_entry(desk):
    order = desk.trading.submit_order(MarketOrderRequest(
        symbol="AAPL", qty=5, side="buy", time_in_force="day", order_class=OrderClass.OTO,
        stop_loss=StopLossRequest(stop_price=1)))
    [stop] = order.legs
    assert (stop.status.value, stop.type.value, stop.order_class) == ("held", "stop", OrderClass.OTO)
    desk.move(MINUTE)
    order = desk.trading.get_order_by_id(order.id, GetOrderByIdRequest(nested=True))
    assert order.status.value == "filled" and order.legs[0].status.value == "new"


def test_legs_are_orders_of_their_own_unless_nested(desk):
    order = desk.placed(order_class="bracket", **WIDE)
    ids = {order["id"], *(leg["id"] for leg in order["legs"])}
    flat = desk.json("/v2/orders", status="all")
    assert {each["id"] for each in flat} == ids and {each["legs"] is None for each in flat} == {True}
    [rolled] = desk.json("/v2/orders", status="all", nested="true")
    assert {rolled["id"], *(leg["id"] for leg in rolled["legs"])} == ids


@pytest.mark.parametrize("spelling", ["true", "True", "TRUE"])
def test_booleans_in_queries_are_taken_in_any_case(desk, spelling):
    desk.placed(order_class="bracket", **WIDE)
    assert len(desk.json("/v2/orders", status="all", nested=spelling)) == 1


def test_a_leg_is_read_by_its_own_id(desk):
    order = desk.placed(order_class="bracket", **WIDE)
    for each in order["legs"]:
        found = desk.reread(each)
        check_order(found)
        assert found["id"] == each["id"] and found["type"] == each["type"]
