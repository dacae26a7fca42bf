"""§6: reading orders."""
from datetime import timedelta
from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import QueryOrderStatus
from alpaca.trading.requests import GetOrdersRequest
from desk import MINUTE, at, check_order, opened, refused, rfc3339

@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Eight orders a minute apart: f0 was filled, c0 canceled, o0 to o5 are open."""
    with opened(tmp_path_factory.mktemp("book") / "log", at("10:00")) as desk:
        desk.placed(client_order_id="f0", qty="3")
        desk.move(MINUTE)
        order = desk.placed(client_order_id="c0", type="limit", limit_price="10")
        desk.delete(f"/v2/orders/{order['id']}")
        for number in range(6):
            desk.move(MINUTE)
            symbol, side = ("MSFT", "sell") if number == 3 else ("AAPL", "buy")
            price = "9000" if side == "sell" else "10"
            desk.placed(client_order_id=f"o{number}", symbol=symbol, side=side, type="limit", limit_price=price)
        desk.move(MINUTE)
        yield desk


def names(desk, **filters):
    return [order["client_order_id"] for order in desk.json("/v2/orders", **filters)]


def moment(desk, name):
    return desk.json("/v2/orders:by_client_order_id", client_order_id=name)["submitted_at"]


def identity(desk, name):
    return desk.json("/v2/orders:by_client_order_id", client_order_id=name)["id"]


def test_open_orders_newest_first_are_the_default(book):
    assert names(book) == names(book, status="open", direction="desc") == ["o5", "o4", "o3", "o2", "o1", "o0"]


def test_closed_orders(book):
    assert names(book, status="closed") == ["c0", "f0"]


def test_all_orders_oldest_first(book):
    expected = ["f0", "c0", "o0", "o1", "o2", "o3", "o4", "o5"]
    assert names(book, status="all", direction="asc") == expected


def test_the_sdk_lists_orders(book):
    orders = book.trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, direction="asc", nested=True,
                                                      after=at("09:00"), until=at("15:00"), symbols=["AAPL"]))
    assert [order.client_order_id for order in orders] == ["f0", "c0", "o0", "o1", "o2", "o4", "o5"]


def test_a_limit_bounds_the_list(book):
    assert names(book, status="all", limit=3) == ["o5", "o4", "o3"]
    assert names(book, status="all", limit=2, direction="asc") == ["f0", "c0"]


@pytest.mark.parametrize("limit", ["0", "-1", "501", "many"])
def test_a_limit_outside_of_1_to_500_is_refused(book, limit):
    refused(book.get("/v2/orders", limit=limit), 422)


def test_after_is_exclusive(book):
    assert names(book, status="all", after=moment(book, "o3")) == ["o5", "o4"]


def test_until_is_exclusive(book):
    assert names(book, status="all", until=moment(book, "o1")) == ["o0", "c0", "f0"]


def test_pages_by_time_meet_without_gap_or_repeat(book):
    seen, after = [], rfc3339(at("09:00"))
    while page := book.json("/v2/orders", status="all", direction="asc", limit=3, after=after):
        seen += [order["client_order_id"] for order in page]
        after = page[-1]["submitted_at"]
    assert seen == names(book, status="all", direction="asc")


def test_pages_by_order_id_meet_without_gap_or_repeat(book):
    seen, last = [], {}
    while page := book.json("/v2/orders", status="all", limit=3, **last):
        seen += [order["client_order_id"] for order in page]
        last = {"before_order_id": page[-1]["id"]}
    assert seen == names(book, status="all")


def test_after_order_id_is_exclusive(book):
    assert names(book, status="all", after_order_id=identity(book, "o3")) == ["o5", "o4"]


def test_order_ids_and_times_do_not_go_together(book):
    answer = book.get("/v2/orders", after_order_id=identity(book, "o3"), after=rfc3339(at("09:00")))
    assert answer.status_code in (400, 422)


def test_orders_of_one_side(book):
    assert names(book, status="all", side="sell") == ["o3"]


def test_orders_of_symbols(book):
    assert names(book, status="all", symbols="MSFT") == ["o3"]
    assert len(names(book, status="all", symbols="MSFT,AAPL")) == 8
    assert names(book, status="all", symbols="TSLA") == []


def test_orders_of_an_asset_class(book):
    assert len(names(book, status="all", asset_class="us_equity")) == 8
    assert names(book, status="all", asset_class="crypto") == []


@pytest.mark.parametrize("filters", [{"status": "done"}, {"direction": "up"}, {"after": "soon"}])
def test_a_filter_that_makes_no_sense_is_refused(book, filters):
    assert book.get("/v2/orders", **filters).status_code in (400, 422)


def test_every_listed_order_is_complete(book):
    for order in book.json("/v2/orders", status="all"):
        check_order(order)


def test_an_order_by_id_is_that_of_the_list(book):
    for order in book.json("/v2/orders", status="all"):
        assert book.reread(order) == order


def test_an_unknown_order_is_not_found(book):
    refused(book.get(f"/v2/orders/{uuid4()}"), 404, 40410000)
    refused(book.delete(f"/v2/orders/{uuid4()}"), 404, 40410000)
    refused(book.patch(f"/v2/orders/{uuid4()}", {"qty": "1"}), 404, 40410000)


def test_an_id_that_is_no_uuid_is_missing(book):
    refused(book.get("/v2/orders/not-a-uuid"), 422, 40010001, "order_id is missing")
    refused(book.delete("/v2/orders/not-a-uuid"), 422, 40010001, "order_id is missing")


def test_an_unknown_client_order_id_is_not_found(book):
    with pytest.raises(APIError) as error:
        book.trading.get_order_by_client_id("nobody")
    assert error.value.status_code == 404 and error.value.code == 40410000


def test_more_than_fifty_orders_need_a_limit(desk):
    for number in range(55):
        desk.placed(type="limit", limit_price="1", qty="1", client_order_id=f"n{number}")
    assert len(desk.json("/v2/orders")) == 50 and len(desk.json("/v2/orders", limit=500)) == 55
    assert names(desk, limit=1) == ["n54"]


def test_orders_of_one_instant_page_without_loss(desk):
    for number in range(5):
        desk.placed(type="limit", limit_price="1", qty="1", client_order_id=f"n{number}")
    after = rfc3339(desk.now - timedelta(seconds=1))
    assert sorted(names(desk, after=after)) == [f"n{number}" for number in range(5)]
    times = [order["submitted_at"] for order in desk.json("/v2/orders")]
    assert len(set(times)) == 5, "paging by time would lose orders of one instant"
