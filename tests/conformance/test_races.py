"""§6: what happens at the same time: cancels and replaces against fills, parts of fills, many clients at once."""
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
import requests
from desk import MINUTE, at, opened, refused
from streams import updates

START = at("10:00")


@pytest.fixture
def slow(desk):
    """Cancels and replaces take an hour."""
    rules = [{"kind": "lag", "ms": 3_600_000}]
    assert requests.post(desk.url + "/aurora/v1/faults", json={"rules": rules}, timeout=10).status_code == 200
    return desk


@pytest.fixture
def reached(path):
    """A price below the market that is traded through within the hour."""
    hour = [tick.price for tick in path if START + MINUTE < tick.at < at("10:50")]
    now = [tick.price for tick in path if tick.at <= START][-1]
    assert min(hour) < now - 0.02, "the hour has no such fall: choose another"
    return f"{min(hour) + 0.01:.2f}"


@pytest.fixture
def thin(tmp_path, hindsight):
    """A rich client and an order of a fifth of the day's volume, of which a part is filled."""
    bars = hindsight.json("/v2/stocks/AAPL/bars", timeframe="1Day", start="2019-06-12T00:00:00Z", feed="sip")["bars"]
    with opened(tmp_path / "log", START, cash=10**10) as desk:
        order = desk.placed(qty=str(int(bars[0]["v"] * 0.2)), type="limit", limit_price="900")
        desk.move(MINUTE)
        order = desk.reread(order)
        assert order["status"] == "partially_filled"
        yield desk, order


def events(stream, last):
    seen = [stream.receive()["data"]]
    while seen[-1]["event"] != last:
        seen.append(stream.receive()["data"])
    return [(update["event"], update["order"]["id"]) for update in seen]


def test_a_fill_comes_before_its_cancel(slow, reached):
    order = slow.placed(type="limit", limit_price=reached)
    slow.move(MINUTE)
    assert slow.delete(f"/v2/orders/{order['id']}").status_code == 204
    assert slow.reread(order)["status"] == "pending_cancel"
    slow.move(at("12:00"))
    order = slow.reread(order)
    assert (order["status"], order["filled_qty"], order["canceled_at"]) == ("filled", "10", None)


def test_a_fill_comes_before_its_replacement_which_is_rejected(slow, reached):
    with updates(slow) as stream:
        order = slow.placed(type="limit", limit_price=reached)
        slow.move(MINUTE)
        new = slow.patch(f"/v2/orders/{order['id']}", {"qty": "4"}).json()
        assert slow.reread(order)["status"] == "pending_replace"
        slow.move(at("12:00"))
        assert slow.reread(order)["status"] == "filled" and slow.reread(order)["replaced_by"] is None
        assert slow.reread(new)["status"] == "rejected"
        assert slow.json("/v2/positions/AAPL")["qty"] == "10"
        seen = [stream.receive()["data"]["event"]]
        while seen[-1] not in ("order_replace_rejected", "rejected"):
            seen.append(stream.receive()["data"]["event"])
        assert "fill" in seen


@pytest.mark.parametrize("method,event", [("delete", "pending_cancel"), ("patch", "pending_replace")])
def test_pending_changes_are_told(slow, method, event):
    order = slow.placed(type="limit", limit_price="10")
    slow.move(MINUTE)
    with updates(slow) as stream:
        slow.patch(f"/v2/orders/{order['id']}", {"qty": "4"}) if method == "patch" else slow.delete(
            f"/v2/orders/{order['id']}")
        assert (event, order["id"]) in events(stream, event)


@pytest.mark.parametrize("first", ["delete", "patch"])
def test_an_order_that_is_being_changed_is_not_replaceable(slow, first):
    order = slow.placed(type="limit", limit_price="10")
    slow.move(MINUTE)
    path = f"/v2/orders/{order['id']}"
    assert (slow.delete(path) if first == "delete" else slow.patch(path, {"qty": "4"})).status_code in (200, 204)
    refused(slow.patch(path, {"qty": "3"}), 422)


def test_buying_power_holds_the_larger_of_order_and_replacement(slow):
    def power():
        return Decimal(slow.json("/v2/account")["buying_power"])
    before = power()
    order = slow.placed(type="limit", limit_price="10", qty="100")
    slow.move(MINUTE)
    slow.patch(f"/v2/orders/{order['id']}", {"qty": "300"})
    assert before - power() >= 3000
    slow.move(at("12:00"))
    assert before - power() == pytest.approx(Decimal(3000), rel=Decimal("0.05"))


def test_a_part_is_kept_when_the_rest_is_cancelled(thin):
    desk, order = thin
    desk.delete(f"/v2/orders/{order['id']}")
    desk.move(MINUTE)
    order = desk.reread(order)
    assert order["status"] == "canceled" and 0 < Decimal(order["filled_qty"]) < Decimal(order["qty"])
    assert desk.json("/v2/positions/AAPL")["qty"] == order["filled_qty"]


def test_a_part_is_kept_when_the_rest_is_replaced(thin):
    desk, order = thin
    new = desk.patch(f"/v2/orders/{order['id']}", {"limit_price": "1"})
    assert new.status_code == 200, new.text
    desk.move(MINUTE)
    old = desk.reread(order)
    assert old["status"] == "replaced" and old["replaced_by"] == new.json()["id"]
    assert Decimal(desk.json("/v2/positions/AAPL")["qty"]) >= Decimal(order["filled_qty"])


def test_a_partially_filled_order_is_open(thin):
    desk, order = thin
    assert [each["id"] for each in desk.json("/v2/orders")] == [order["id"]]
    assert desk.json("/v2/orders", status="closed") == []


def test_fills_come_in_two_pieces_when_the_venue_is_told_so(tmp_path):
    """As every tenth does on paper."""
    with opened(tmp_path / "log", START, "--partial-fills", "1") as desk, updates(desk) as stream:
        order = desk.placed(qty="100")
        desk.move(30 * MINUTE)
        seen = [stream.receive()["data"]]
        while seen[-1]["event"] != "fill":
            seen.append(stream.receive()["data"])
        parts = [update for update in seen if update["event"] in ("partial_fill", "fill")]
        assert [part["event"] for part in parts] == ["partial_fill", "fill"]
        assert sum(Decimal(part["qty"]) for part in parts) == 100
        order = desk.reread(order)
        spent = sum(Decimal(part["qty"]) * Decimal(part["price"]) for part in parts)
        assert Decimal(order["filled_avg_price"]) == pytest.approx(spent / 100, abs=Decimal("0.0001"))
        fills = desk.json("/v2/account/activities/FILL", direction="asc")
        assert [fill["type"] for fill in fills] == ["partial_fill", "fill"]


def parallel(work, count=16):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def send(desk, **fields):
    """A connection of its own for every order."""
    body = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "limit_price": "10", "time_in_force": "day"}
    return requests.post(desk.url + "/v2/orders", json={**body, **fields}, headers=desk.session.headers, timeout=20)


def test_of_many_orders_with_one_client_order_id_one_is_taken(desk):
    statuses = sorted(answer.status_code for answer in parallel(lambda _: send(desk, client_order_id="one")))
    assert statuses == [200] + [422] * 15 and len(desk.json("/v2/orders")) == 1


def test_many_orders_at_once_are_all_taken(desk):
    ids = {send_.json()["id"] for send_ in parallel(lambda number: send(desk, client_order_id=f"n{number}"))}
    assert len(ids) == 16 and {order["id"] for order in desk.json("/v2/orders")} == ids


def test_the_last_shares_are_sold_once(desk):
    desk.filled(qty="10")
    answers = parallel(lambda _: send(desk, side="sell", qty="10", limit_price="9000"))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 15
    assert desk.json("/v2/positions/AAPL")["qty_available"] == "0"
