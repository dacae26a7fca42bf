"""§5, §1: orders that are refused, each with status, code and message; none leaves a trace."""
import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.requests import MarketOrderRequest
from desk import refused

LIMIT = {"type": "limit", "limit_price": "10"}
REFUSED = {
    "both qty and notional": ({"notional": "100"}, (400, 422), None, None),
    "neither qty nor notional": ({"qty": None}, 422, 40010001, "qty or notional is required"),
    "qty of zero": ({"qty": "0"}, 422, None, None),
    "qty below zero": ({"qty": "-1"}, 422, None, None),
    "qty that is no number": ({"qty": "ten"}, 422, None, None),
    "notional of zero": ({"qty": None, "notional": "0"}, 422, None, None),
    "unknown symbol": ({"symbol": "ZZZZ"}, 422, 42210000, 'asset "ZZZZ" not found'),
    "no symbol": ({"symbol": None}, 422, None, None),
    "unknown side": ({"side": "hold"}, 422, 40010001, "invalid side"),
    "sell_short is no side": ({"side": "sell_short"}, 422, 40010001, "invalid side"),
    "no side": ({"side": None}, 422, None, None),
    "unknown type": ({"type": "iceberg"}, 422, 40010001, "invalid order type"),
    "unknown time in force": ({"time_in_force": "gtd"}, 422, 40010001, "invalid time_in_force"),
    "limit without price": ({"type": "limit"}, 422, 40010001, "limit orders require a limit price"),
    "stop without price": ({"type": "stop"}, 422, 40010001, "stop orders require a stop price"),
    "stop_limit without stop": ({**LIMIT, "type": "stop_limit"}, 422, 40010001, "stop"),
    "stop_limit without limit": ({"type": "stop_limit", "stop_price": "10"}, 422, 40010001, "limit price"),
    "market with a limit price": (
        {"limit_price": "10"}, 422, 40010001, "market orders require no stop or limit price"),
    "market with a stop price": (
        {"stop_price": "10"}, 422, 40010001, "market orders require no stop or limit price"),
    "trailing stop without trail": ({"type": "trailing_stop", "side": "buy"}, 422, None, None),
    "trailing stop with both trails": (
        {"type": "trailing_stop", "trail_price": "1", "trail_percent": "1"}, 422, None, None),
    "trailing stop that is ioc": (
        {"type": "trailing_stop", "trail_price": "1", "time_in_force": "ioc"}, 422, None, None),
    "limit of three decimals": (
        {**LIMIT, "limit_price": "290.123"}, 422, 42210000,
        "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria"),
    "stop of three decimals": (
        {"type": "stop", "stop_price": "990.123"}, 422, 42210000, "invalid stop_price 990.123. sub-penny increment"),
    "limit below a dollar of five decimals": ({**LIMIT, "limit_price": "0.12345"}, 422, 42210000, "sub-penny"),
    "limit of zero": ({**LIMIT, "limit_price": "0"}, 422, None, None),
    "limit below zero": ({**LIMIT, "limit_price": "-5"}, 422, None, None),
    "extended hours at the market": ({"extended_hours": True}, 422, 42210000, None),
    "extended hours of an ioc": ({**LIMIT, "extended_hours": True, "time_in_force": "ioc"}, 422, 42210000, None),
    "extended hours of a stop": ({"type": "stop", "stop_price": "990", "extended_hours": True}, 422, 42210000, None),
    "unknown class": ({"order_class": "butterfly"}, 422, None, None),
    "bracket without legs": ({"order_class": "bracket"}, 422, None, None),
    "oto without a leg": ({"order_class": "oto"}, 422, None, None),
    "fractional gtc": ({"qty": "0.5", "time_in_force": "gtc"}, 422, 42210000, "fractional orders must be DAY orders"),
    "fractional bracket": (
        {"qty": "0.5", "order_class": "bracket", "take_profit": {"limit_price": "999"},
         "stop_loss": {"stop_price": "1"}}, 422, None, None),
    "notional below a dollar": ({"qty": None, "notional": "0.99"}, (403, 422), None, None),
    "fractional short": (
        {"qty": "0.5", "side": "sell"}, 422, 42210000, "fractional orders cannot be sold short"),
    "unknown intent": ({"position_intent": "buy_to_hold"}, 422, None, None),
    "more than the buying power": (
        {"qty": "1000000", "type": "limit", "limit_price": "100"}, 403, 40310000, "insufficient buying power"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(desk, case):
    fields, status, code, text = REFUSED[case]
    answer = desk.order(**fields)
    if isinstance(status, tuple):
        assert answer.status_code in status, answer.text
        status = answer.status_code
    refused(answer, status, code, text)
    assert desk.json("/v2/orders", status="all") == []


@pytest.mark.parametrize("body", ["{", "", "[]", '"order"', "nonsense"])
def test_a_body_that_is_no_json_object_is_malformed(desk, body):
    answer = desk.session.post(desk.url + "/v2/orders", data=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422) and answer.json()["message"]


def test_refusals_are_json_objects_with_an_integer_code(desk):
    answer = desk.order(symbol="ZZZZ")
    assert answer.headers["content-type"].startswith("application/json")
    assert type(answer.json()["code"]) is int and str(answer.json()["code"]).startswith("422")


def test_insufficient_buying_power_says_how_much_there_is(desk):
    body = refused(desk.order(qty="1000000"), 403, 40310000, "insufficient buying power")
    assert isinstance(body["buying_power"], str) and isinstance(body["cost_basis"], str)
    assert float(body["buying_power"]) == 400000 < float(body["cost_basis"])


def test_open_orders_count_against_the_buying_power_of_the_next(desk):
    desk.placed(type="limit", limit_price="10", qty="30000")
    refused(desk.order(type="limit", limit_price="10", qty="30000"), 403, 40310000, "insufficient buying power")


def test_buying_more_at_the_market_than_the_margin_of_price_allows_is_refused(desk):
    price = desk.last()
    affordable = int(400000 / price)
    refused(desk.order(qty=str(affordable)), 403, 40310000, "insufficient buying power")  # at price +2.5 % at least
    assert desk.order(qty=str(int(affordable * 0.9))).status_code == 200


def test_the_sdk_raises_what_the_venue_says(desk):
    with pytest.raises(APIError) as error:
        desk.trading.submit_order(MarketOrderRequest(symbol="ZZZZ", qty=1, side="buy", time_in_force="day"))
    assert (error.value.status_code, error.value.code) == (422, 42210000)
    assert error.value.message == 'asset "ZZZZ" not found'


def test_a_sell_larger_than_the_position_is_refused(desk):
    desk.filled(qty="10")
    text = "insufficient qty available for order (requested: 11, available: 10)"
    body = refused(desk.order(side="sell", qty="11"), 403, 40310000, text)
    assert body["available"] == "10" and body["existing_qty"] == "10"
    assert body["held_for_orders"] == "0" and body["symbol"] == "AAPL"


def test_an_open_sell_reserves_its_shares(desk):
    desk.filled(qty="10")
    order = desk.placed(side="sell", qty="6", type="limit", limit_price="9000")
    body = refused(desk.order(side="sell", qty="5"), 403, 40310000, "(requested: 5, available: 4)")
    assert (body["available"], body["existing_qty"], body["held_for_orders"]) == ("4", "10", "6")
    assert body["related_orders"] == [order["id"]]
    assert desk.order(side="sell", qty="4").status_code == 200


def test_an_opposite_market_order_is_a_wash_trade(desk):
    desk.filled(qty="10")
    sell = desk.placed(side="sell", type="stop", stop_price="1", qty="5")
    text = "potential wash trade detected. use complex orders"
    body = refused(desk.order(side="buy"), 403, 40310000, text)
    assert body["existing_order_id"] == sell["id"] and isinstance(body["reject_reason"], str)


def test_a_short_against_an_open_purchase_is_refused(desk):
    desk.placed(type="limit", limit_price="10")
    text = "cannot open a short sell while a long buy order is open"
    body = refused(desk.order(side="sell"), 403, 40310000)
    assert body["message"] in (text, "potential wash trade detected. use complex orders")
