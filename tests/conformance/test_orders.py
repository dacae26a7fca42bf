"""§5: an order that is taken: its object, what may be sent, its client order id."""
import re
from uuid import UUID, uuid4

import pytest
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, OrderType, PositionIntent, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
from desk import DAY, MINUTE, ORDER_KEYS, at, check_order, is_uuid, parse, refused

TAKEN = ("pending_new", "accepted", "new")


def test_the_sdk_buys_at_the_market(desk):
    request = MarketOrderRequest(symbol="AAPL", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    taken = desk.trading.submit_order(request)
    assert taken.status.value in TAKEN and taken.order_class is OrderClass.SIMPLE
    assert taken.filled_qty == "0" and taken.filled_avg_price is None
    desk.move(MINUTE)
    order = desk.trading.get_order_by_id(taken.id)
    assert order.status is OrderStatus.FILLED and order.filled_qty == "10" and float(order.filled_avg_price) > 0


def test_the_sdk_places_a_limit_order(desk):
    request = LimitOrderRequest(symbol="AAPL", qty=3, side=OrderSide.BUY, time_in_force=TimeInForce.GTC,
                                limit_price=12.34, client_order_id="mine")
    order = desk.trading.submit_order(request)
    assert (order.type, order.time_in_force, order.limit_price) == (OrderType.LIMIT, TimeInForce.GTC, "12.34")
    assert order.client_order_id == "mine" and order.qty == "3"


def test_an_order_is_answered_with_200_and_all_its_keys(desk):
    answer = desk.order()
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json")
    order = answer.json()
    check_order(order)
    assert ORDER_KEYS - set(order) == set()


def test_values_of_a_fresh_order(desk):
    order = desk.placed()
    assert is_uuid(order["id"]) and is_uuid(order["client_order_id"])
    assert order["asset_id"] == desk.json("/v2/assets/AAPL")["id"]
    assert (order["symbol"], order["asset_class"], order["side"]) == ("AAPL", "us_equity", "buy")
    assert (order["type"], order["time_in_force"], order["order_class"]) == ("market", "day", "")
    assert (order["qty"], order["notional"], order["filled_qty"]) == ("10", None, "0")
    assert order["status"] in TAKEN and order["extended_hours"] is False and order["position_intent"] == "buy_to_open"
    empty = ("filled_avg_price filled_at expired_at canceled_at failed_at replaced_at replaced_by replaces limit_price"
             " stop_price legs trail_percent trail_price hwm").split()
    assert {name: order[name] for name in empty} == dict.fromkeys(empty)


def test_times_of_an_order(desk):
    order = desk.placed(type="limit", limit_price="10")
    for name in ("created_at", "submitted_at", "updated_at"):
        assert at("10:00") <= parse(order[name]) < at("10:01"), (name, order[name])
    assert parse(order["expires_at"]) == at("16:00")


def test_a_filled_order(desk):
    order = desk.filled()
    check_order(order)
    assert order["filled_qty"] == order["qty"] == "10"
    assert at("10:00") <= parse(order["filled_at"]) <= at("10:01")
    assert order["canceled_at"] is order["expired_at"] is order["failed_at"] is None
    assert float(order["filled_avg_price"]) == pytest.approx(desk.last(), rel=0.01)


@pytest.mark.parametrize("qty", ["10", 10, 10.0, "10.0"])
def test_quantities_come_as_strings_and_as_numbers(desk, qty):
    assert float(desk.placed(qty=qty)["qty"]) == 10


@pytest.mark.parametrize("price", ["12.34", 12.34])
def test_prices_come_as_strings_and_as_numbers(desk, price):
    assert float(desk.placed(type="limit", limit_price=price)["limit_price"]) == 12.34


def test_an_order_names_its_asset_by_id(desk):
    asset = desk.json("/v2/assets/MSFT")
    assert desk.placed(symbol=asset["id"])["symbol"] == "MSFT"


def test_empty_fields_count_as_absent(desk):
    order = desk.post("/v2/orders", {
        "symbol": "AAPL", "qty": "1", "notional": None, "side": "buy", "type": "market", "time_in_force": "day",
        "limit_price": None, "stop_price": None, "client_order_id": None, "order_class": "", "extended_hours": None})
    assert order.status_code == 200 and is_uuid(order.json()["client_order_id"]), order.text


@pytest.mark.parametrize("name", ["simple", ""])
def test_the_simple_class_answers_as_an_empty_string(desk, name):
    assert desk.placed(order_class=name)["order_class"] == ""


@pytest.mark.parametrize("intent", ["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"])
def test_a_position_intent_is_kept(desk, intent):
    opening = {"buy_to_close": "sell", "sell_to_close": "buy"}.get(intent)
    if opening:
        desk.filled(side=opening)
    order = desk.placed(side=intent.split("_")[0], position_intent=intent)
    assert PositionIntent(order["position_intent"]).value == intent


@pytest.mark.parametrize("side,intent", [
    ("buy", "sell_to_open"), ("sell", "buy_to_close"), ("buy", "sell_to_close"), ("sell", "buy_to_open")])
def test_an_intent_that_is_not_the_sides_is_refused(desk, side, intent):
    refused(desk.order(side=side, position_intent=intent), 422)


def test_a_client_order_id_finds_its_order(desk):
    order = desk.placed(client_order_id="strategy-7/leg.1")
    found = desk.trading.get_order_by_client_id("strategy-7/leg.1")
    assert found.id == UUID(order["id"])


def test_a_client_order_id_may_have_128_characters(desk):
    assert desk.placed(client_order_id="x" * 128)["client_order_id"] == "x" * 128
    text = "client_order_id must be no more than 128 characters"
    refused(desk.order(client_order_id="x" * 129), 422, 40010001, text)


def test_a_client_order_id_is_unique_among_open_orders(desk):
    desk.placed(client_order_id="once", type="limit", limit_price="10")
    refused(desk.order(client_order_id="once"), 422, 40010001, "client_order_id must be unique")
    assert len(desk.json("/v2/orders")) == 1


@pytest.mark.parametrize("end", ["filled", "canceled"])
def test_a_client_order_id_stays_taken_after_the_order_ended(desk, end):
    price = {} if end == "filled" else {"type": "limit", "limit_price": "10"}
    order = desk.placed(client_order_id="once", **price)
    if end == "canceled":
        desk.delete(f"/v2/orders/{order['id']}")
    desk.move(MINUTE)
    assert desk.reread(order)["status"] == end
    refused(desk.order(client_order_id="once"), 422, 40010001, "client_order_id must be unique")


def test_a_refused_order_leaves_its_client_order_id_free(desk):
    refused(desk.order(symbol="ZZZZ", client_order_id="again"), 422)
    assert desk.order(client_order_id="again").status_code == 200


def test_a_market_order_before_the_session_waits_for_the_open(morning):
    order = morning.placed()
    assert order["status"] == "accepted"
    morning.move(at("09:29:59"))
    assert morning.reread(order)["status"] in TAKEN and morning.reread(order)["filled_qty"] == "0"
    morning.move(at("09:31"))
    order = morning.reread(order)
    assert order["status"] == "filled" and parse(order["filled_at"]) >= at("09:30")


def test_a_day_order_after_the_close_is_for_the_next_session(desk):
    desk.move(at("18:00"))
    order = desk.placed()
    assert order["status"] == "accepted" and parse(order["expires_at"]) == at("16:00", DAY.replace(day=13))
    desk.move(at("09:31", DAY.replace(day=13)))
    assert desk.reread(order)["status"] == "filled"


def test_a_filled_purchase_costs_at_least_the_last_trade(desk):
    last = desk.last()
    buy, sell = desk.placed(), desk.placed(symbol="MSFT", side="sell")
    other = desk.last("MSFT")
    desk.move(MINUTE)
    assert float(desk.reread(buy)["filled_avg_price"]) >= last * 0.995
    assert float(desk.reread(sell)["filled_avg_price"]) <= other * 1.005


def test_order_ids_are_never_given_twice(desk):
    orders = [desk.placed(qty="1", client_order_id=str(uuid4())) for _ in range(20)]
    assert len({order["id"] for order in orders}) == 20


def test_an_id_is_in_lower_case(desk):
    assert re.fullmatch(r"[0-9a-f-]{36}", desk.placed()["id"])


def test_unknown_fields_are_ignored(desk):
    assert desk.order(some_new_field="x").status_code == 200
