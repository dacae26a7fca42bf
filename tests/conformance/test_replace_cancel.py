"""§6: replacing and cancelling."""
import pytest
from alpaca.trading.enums import OrderStatus
from alpaca.trading.requests import ReplaceOrderRequest
from desk import MINUTE, at, check_order, is_uuid, refused

LIMIT = {"type": "limit", "limit_price": "10"}


def replaced(desk, order, **fields):
    answer = desk.patch(f"/v2/orders/{order['id']}", fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def resting(desk):
    """An order that is `new` and stays so."""
    order = desk.placed(**LIMIT, client_order_id="first")
    desk.move(MINUTE)
    assert desk.reread(order)["status"] == "new"
    return order


def test_the_sdk_replaces_an_order(desk, resting):
    new = desk.trading.replace_order_by_id(resting["id"], ReplaceOrderRequest(qty=7, limit_price=11))
    assert str(new.id) != resting["id"] and str(new.replaces) == resting["id"]
    desk.move(MINUTE)
    assert desk.trading.get_order_by_id(resting["id"]).status is OrderStatus.REPLACED
    new = desk.trading.get_order_by_id(new.id)
    assert (new.qty, float(new.limit_price), new.status) == ("7", 11, OrderStatus.NEW)


def test_a_replacement_is_a_new_order_and_names_the_old(desk, resting):
    new = replaced(desk, resting, limit_price="12")
    check_order(new)
    assert new["replaces"] == resting["id"] != new["id"] and new["replaced_by"] is None
    desk.move(MINUTE)
    old = desk.reread(resting)
    assert old["status"] == "replaced" and old["replaced_by"] == new["id"] and old["replaced_at"]


def test_a_replacement_gets_a_client_order_id_of_its_own(desk, resting):
    new = replaced(desk, resting, limit_price="12")
    assert is_uuid(new["client_order_id"]) and new["client_order_id"] != "first"


def test_a_replacement_takes_the_client_order_id_that_it_is_given(desk, resting):
    assert replaced(desk, resting, qty="4", client_order_id="second")["client_order_id"] == "second"
    desk.move(MINUTE)
    assert desk.json("/v2/orders:by_client_order_id", client_order_id="first")["status"] == "replaced"


def test_a_replacement_with_a_client_order_id_that_is_taken_is_refused(desk, resting):
    answer = desk.patch(f"/v2/orders/{resting['id']}", {"qty": "4", "client_order_id": "first"})
    refused(answer, 422, 40010001, "client_order_id must be unique")
    assert desk.reread(resting)["status"] == "new"


def test_what_is_not_replaced_stays(desk, resting):
    new = replaced(desk, resting, time_in_force="gtc")
    assert (new["qty"], new["limit_price"], new["side"], new["time_in_force"]) == ("10", "10", "buy", "gtc")


def test_a_replaced_order_is_closed_and_its_successor_open(desk, resting):
    new = replaced(desk, resting, qty="4")
    desk.move(MINUTE)
    assert [order["id"] for order in desk.json("/v2/orders")] == [new["id"]]
    assert [order["id"] for order in desk.json("/v2/orders", status="closed")] == [resting["id"]]


def test_a_stop_price_is_replaced(desk):
    order = desk.placed(type="stop", stop_price="9000")
    desk.move(MINUTE)
    assert float(replaced(desk, order, stop_price="8000")["stop_price"]) == 8000


def test_a_trail_is_replaced(desk):
    order = desk.placed(type="trailing_stop", trail_price="50")
    desk.move(MINUTE)
    assert float(replaced(desk, order, trail="60")["trail_price"]) == 60


def test_a_chain_of_replacements(desk, resting):
    second = replaced(desk, resting, qty="4")
    desk.move(MINUTE)
    third = replaced(desk, second, qty="3")
    desk.move(MINUTE)
    assert desk.reread(second)["replaced_by"] == third["id"] and desk.reread(third)["replaces"] == second["id"]
    assert len(desk.json("/v2/orders", status="all")) == 3


@pytest.mark.parametrize("fields", [
    {"qty": "2.5"}, {"qty": "0"}, {"qty": "-1"}, {"limit_price": "10.123"}, {"limit_price": "0"},
    {"time_in_force": "gtd"}])
def test_a_replacement_that_makes_no_sense_is_refused(desk, resting, fields):
    refused(desk.patch(f"/v2/orders/{resting['id']}", fields), 422)
    assert desk.reread(resting)["status"] == "new"


def test_a_replacement_beyond_the_buying_power_is_refused(desk, resting):
    refused(desk.patch(f"/v2/orders/{resting['id']}", {"qty": "1000000"}), 403, 40310000, "insufficient buying power")
    assert desk.reread(resting)["status"] == "new"


def test_an_accepted_order_is_not_replaceable(morning):
    order = morning.placed()
    assert order["status"] == "accepted"
    refused(morning.patch(f"/v2/orders/{order['id']}", {"qty": "4"}), 422)


@pytest.mark.parametrize("end", ["filled", "canceled"])
def test_an_order_that_is_over_is_not_replaceable(desk, end):
    order = desk.filled() if end == "filled" else desk.placed(**LIMIT)
    if end == "canceled":
        desk.delete(f"/v2/orders/{order['id']}")
        desk.move(MINUTE)
    refused(desk.patch(f"/v2/orders/{order['id']}", {"qty": "4"}), 422)


def test_a_notional_order_is_never_replaceable(desk):
    order = desk.placed(**LIMIT, qty=None, notional="500")
    desk.move(MINUTE)
    refused(desk.patch(f"/v2/orders/{order['id']}", {"limit_price": "11"}), 422)


def test_cancelling_is_answered_with_204_and_nothing(desk, resting):
    answer = desk.delete(f"/v2/orders/{resting['id']}")
    assert answer.status_code == 204 and answer.content == b""
    desk.move(MINUTE)
    order = desk.reread(resting)
    assert order["status"] == "canceled" and order["canceled_at"]
    assert desk.json("/v2/orders") == []


def test_the_sdk_cancels_an_order(desk, resting):
    assert desk.trading.cancel_order_by_id(resting["id"]) is None
    desk.move(MINUTE)
    assert desk.trading.get_order_by_id(resting["id"]).status is OrderStatus.CANCELED


def test_a_filled_order_is_not_cancelable(desk):
    order = desk.filled()
    answer = desk.delete(f"/v2/orders/{order['id']}")
    assert refused(answer, 422, 42210000)["message"] == 'order is already in "filled" state'


def test_an_order_before_the_open_is_cancelable(morning):
    order = morning.placed()
    assert morning.delete(f"/v2/orders/{order['id']}").status_code == 204
    morning.move(at("09:45"))
    assert morning.reread(order)["status"] == "canceled" and morning.json("/v2/positions") == []


def test_cancelling_all_is_answered_with_207_and_one_entry_each(desk):
    ids = {desk.placed(**LIMIT, qty=str(number))["id"] for number in (1, 2, 3)}
    answer = desk.delete("/v2/orders")
    assert answer.status_code == 207
    assert {entry["id"] for entry in answer.json()} == ids
    assert {entry["status"] for entry in answer.json()} == {200}
    for entry in answer.json():
        if entry.get("body"):
            check_order(entry["body"])
    desk.move(MINUTE)
    assert desk.json("/v2/orders") == []


def test_the_sdk_cancels_all_orders(desk):
    order = desk.placed(**LIMIT)
    [response] = desk.trading.cancel_orders()
    assert (str(response.id), response.status) == (order["id"], 200)


def test_cancelling_all_without_an_open_order_is_an_empty_list(desk):
    answer = desk.delete("/v2/orders")
    assert (answer.status_code, answer.json()) == (207, [])


def test_cancelling_gives_reserved_shares_back(desk):
    desk.filled(qty="10")
    order = desk.placed(side="sell", qty="10", type="limit", limit_price="9000")
    assert desk.json("/v2/positions/AAPL")["qty_available"] == "0"
    desk.delete(f"/v2/orders/{order['id']}")
    desk.move(MINUTE)
    assert desk.json("/v2/positions/AAPL")["qty_available"] == "10"
