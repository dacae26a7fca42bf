"""§1, §5, §6, §8, §12, §13: what is sloppily asked is refused in Alpaca's form, and what is merely odd is taken."""
import json

import pytest
from desk import MINUTE, refused, rfc3339
from streams import feed, updates


@pytest.mark.parametrize("start", ["0001-01-01", "0001-01-01T00:00:00Z", "1600-01-01"])
@pytest.mark.parametrize("end", ["9999-12-31", "9999-12-31T23:59:59.999999Z", "2262-04-12", "2262-04-12T00:00:00Z"])
def test_bounds_beyond_all_times_are_bounds(market, start, end):
    bars = market.json("/v2/stocks/AAPL/bars", timeframe="1Day", start=start, end=end, feed="sip", limit=10000)["bars"]
    known = market.json("/v2/stocks/AAPL/bars", timeframe="1Day", start="2010-01-01", end=rfc3339(market.now),
                        feed="sip", limit=10000)["bars"]
    assert bars == known and bars
    assert market.json("/v2/orders", status="all", after=start, until=end) == []


@pytest.mark.parametrize("bound", ["0000-13-01", "2019-02-30", "10000-01-01T00:00:00Z", "soon"])
def test_bounds_that_are_no_times_are_refused(market, bound):
    refused(market.get("/v2/stocks/AAPL/bars", timeframe="1Day", start=bound), 400)


@pytest.mark.parametrize("path", ["/v1beta1/boats", "/v1beta1/overnight"])
def test_streams_of_the_night_take_subscriptions_and_stay_silent(desk, path):
    with feed(desk, path, trades=["AAPL"], bars=["*"]) as stream:
        desk.move(5 * MINUTE)
        assert stream.nothing()


def test_the_stream_of_news_is_silent_and_its_list_is_where_it_was(desk):
    with feed(desk, "/v1beta1/news", news=["*"]) as stream:
        assert stream.nothing()
    assert desk.json("/v1beta1/news")["news"] == []


@pytest.mark.parametrize("value", [5, True, ["a"], {"a": 1}])
def test_a_client_order_id_is_a_text(desk, value):
    refused(desk.order(client_order_id=value), 422, 40010001, "client_order_id")
    assert desk.json("/v2/orders", status="all") == []
    order = desk.placed(type="limit", limit_price="10")
    refused(desk.patch(f"/v2/orders/{order['id']}", {"qty": "5", "client_order_id": value}), 422, 40010001)


@pytest.mark.parametrize("name", ["before_order_id", "after_order_id"])
@pytest.mark.parametrize("value", ["x", "5", "00000000-0000-4000-8000-000000000000"])
def test_orders_around_an_order_that_is_not_there_are_refused(market, name, value):
    refused(market.get("/v2/orders", **{name: value}), 422, None, name)


def test_orders_of_an_unknown_class_are_refused(market):
    refused(market.get("/v2/orders", asset_class="foo"), 422, None, "asset_class")
    refused(market.get("/v2/orders", asset_class="us_equity,foo"), 422)
    assert market.json("/v2/orders", asset_class="us_option") == []


def test_ids_are_the_same_in_capitals(desk):
    first = desk.placed(type="limit", limit_price="10")
    second = desk.placed(type="limit", limit_price="11")
    loud = first["id"].upper()
    assert desk.json(f"/v2/orders/{loud}")["id"] == first["id"]
    assert [order["id"] for order in desk.json("/v2/orders", after_order_id=loud)] == [second["id"]]
    replaced = desk.patch(f"/v2/orders/{loud}", {"qty": "5"})
    assert replaced.status_code == 200 and replaced.json()["replaces"] == first["id"]
    assert desk.delete(f"/v2/orders/{second['id'].upper()}").status_code == 204


@pytest.mark.parametrize("path", ["/v2/orders/%ff", "/v2/assets/%ff", "/v2/positions/%ff", "/v2/stocks/%ff/bars",
                                  "/v2/watchlists/%ff", "/v2/stocks/%ff/trades/latest"])
def test_a_path_that_is_no_text_is_refused_in_json(market, path):
    answer = market.get(path)
    assert 400 <= answer.status_code < 500
    refused(answer, answer.status_code)


def test_a_body_that_is_too_large_is_refused_in_json(market):
    body = json.dumps({"symbol": "AAPL", "client_order_id": "x" * 3_000_000})
    answer = market.session.post(market.url + "/v2/orders", data=body, timeout=10)
    refused(answer, 413)
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("message", ["nonsense", "[]", "{}", '{"action": "dance"}', b"\xff\xfe", '{"action": "listen"}'])
def test_a_malformed_message_does_not_end_the_trading_stream(desk, message):
    with updates(desk) as stream:
        stream.connection.send(message)
        order = desk.placed(type="limit", limit_price="10")
        update = stream.receive()
        assert update["stream"] == "trade_updates" and update["data"]["order"]["id"] == order["id"]
