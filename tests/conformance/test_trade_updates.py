"""§13: the trading stream."""
import contextlib
import json
from decimal import Decimal

import pytest
from alpaca.trading.enums import TradeEvent
from alpaca.trading.stream import TradingStream
from desk import KEY, MINUTE, SECRET, at, check_order, is_uuid, opened, parse
from streams import Inbox, running, socket, updates
from websockets.exceptions import ConnectionClosed

LIMIT = {"type": "limit", "limit_price": "10"}
LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}


def events(stream, last):
    """Updates until the event `last`."""
    seen = [stream.receive()["data"]]
    while seen[-1]["event"] != last:
        seen.append(stream.receive()["data"])
    return seen


def names(seen):
    return [update["event"] for update in seen]


@pytest.fixture
def stream(desk):
    with updates(desk) as stream:
        yield stream


def test_no_welcome_precedes_the_authentication(desk):
    with socket(desk.websocket + "/stream") as stream:
        assert stream.nothing()


def test_authorization(desk):
    with socket(desk.websocket + "/stream") as stream:
        answer = stream.ask({"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}})
        assert answer == {"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}}


def test_the_short_form_of_authorization(desk):
    with socket(desk.websocket + "/stream") as stream:
        assert stream.ask({"action": "auth", "key": KEY, "secret": SECRET})["data"]["status"] == "authorized"


@pytest.mark.parametrize("key,secret", [(KEY, "wrong"), ("wrong", SECRET), ("", "")])
def test_a_wrong_key_is_unauthorized(desk, key, secret):
    with socket(desk.websocket + "/stream") as stream:
        answer = stream.ask({"action": "authenticate", "data": {"key_id": key, "secret_key": secret}})
        assert (answer["stream"], answer["data"]["status"]) == ("authorization", "unauthorized")


def test_listening_before_authorization_is_unauthorized(desk):
    with socket(desk.websocket + "/stream") as stream:
        answer = stream.ask(LISTEN)
        assert answer == {"stream": "authorization", "data": {"status": "unauthorized", "action": "listen"}}


def test_unavailable_streams_are_left_out(stream):
    answer = stream.ask({"action": "listen", "data": {"streams": ["trade_updates", "account_updates", "gossip"]}})
    assert answer["stream"] == "listening" and "trade_updates" in answer["data"]["streams"]
    assert "gossip" not in answer["data"]["streams"]


def test_an_empty_list_stops_the_updates(desk, stream):
    assert stream.ask({"action": "listen", "data": {"streams": []}}) == {"stream": "listening", "data": {"streams": []}}
    desk.filled()
    assert stream.nothing()


def test_frames_are_binary_and_hold_json(desk, stream):
    desk.placed()
    stream.receive()
    assert set(stream.frames) == {bytes} and json.loads(stream.last)["stream"] == "trade_updates"


def test_msgpack_by_content_type(desk):
    with updates(desk, binary=True) as stream:
        order = desk.placed(**LIMIT)
        update = stream.receive()
        assert update["stream"] == "trade_updates" and update["data"]["order"]["id"] == order["id"]


def test_a_market_order_is_new_and_then_filled(desk, stream):
    order = desk.filled()
    seen = events(stream, "fill")
    assert names(seen)[-2:] == ["new", "fill"] and set(names(seen)[:-2]) <= {"pending_new", "accepted"}
    assert {update["order"]["id"] for update in seen} == {order["id"]}


def test_keys_and_types_of_a_fill(desk, stream):
    order = desk.filled()
    fill = events(stream, "fill")[-1]
    assert is_uuid(fill["execution_id"]) and parse(fill["timestamp"])
    for name in ("price", "qty", "position_qty"):
        assert isinstance(fill[name], str), name
    assert (Decimal(fill["qty"]), Decimal(fill["position_qty"])) == (10, 10)
    assert Decimal(fill["price"]) == Decimal(order["filled_avg_price"])
    assert (fill["order"]["status"], fill["order"]["filled_qty"]) == ("filled", "10")


def test_the_order_of_an_update_is_complete(desk, stream):
    desk.filled()
    for update in events(stream, "fill"):
        order = {name: value for name, value in update["order"].items()}
        # Times of an order may carry an offset here.
        check_order({name: None if name.endswith("_at") else value for name, value in order.items()})
        assert parse(order["created_at"]).tzinfo and update["timestamp"]


def test_updates_other_than_fills_have_no_price(desk, stream):
    desk.placed(**LIMIT)
    update = events(stream, "new")[-1]
    assert "price" not in update and "qty" not in update and update["order"]["status"] == "new"


def test_a_cancelled_order(desk, stream):
    order = desk.placed(**LIMIT)
    desk.move(MINUTE)
    desk.delete(f"/v2/orders/{order['id']}")
    desk.move(MINUTE)
    seen = events(stream, "canceled")
    assert set(names(seen)) <= {"pending_new", "accepted", "new", "pending_cancel", "canceled"}
    assert seen[-1]["order"]["status"] == "canceled" and seen[-1]["order"]["canceled_at"]


def test_a_replaced_order(desk, stream):
    order = desk.placed(**LIMIT)
    desk.move(MINUTE)
    new = desk.patch(f"/v2/orders/{order['id']}", {"qty": "4"}).json()
    desk.move(MINUTE)
    seen = events(stream, "replaced")
    carried = seen[-1]["order"]
    assert carried["id"] in (order["id"], new["id"])
    assert carried["replaced_by"] == new["id"] or carried["replaces"] == order["id"]


def test_an_expired_order(desk, stream):
    desk.placed(**LIMIT)
    desk.move(at("16:01"))
    seen = events(stream, "expired")
    assert "new" in names(seen) and seen[-1]["order"]["status"] == "expired"


def test_an_order_before_the_session_is_accepted(morning):
    with updates(morning) as stream:
        morning.placed()
        assert stream.receive()["data"]["event"] == "accepted"
        morning.move(at("09:31"))
        assert names(events(stream, "fill"))[-2:] == ["new", "fill"]


def test_the_position_after_a_short_is_negative(desk, stream):
    desk.filled(side="sell", qty="7")
    assert Decimal(events(stream, "fill")[-1]["position_qty"]) == -7


def test_partial_fills_add_up(desk, tmp_path, hindsight):
    bars = hindsight.json("/v2/stocks/AAPL/bars", timeframe="1Day", start="2019-06-12T00:00:00Z", feed="sip")["bars"]
    qty = int(bars[0]["v"] * 0.2)
    with opened(tmp_path / "log", at("10:00"), cash=10**10) as rich, updates(rich) as stream:
        rich.placed(qty=str(qty))
        rich.move(at("16:01"))
        seen = events(stream, "expired")
        parts = [update for update in seen if update["event"] == "partial_fill"]
        total = Decimal(0)
        for part in parts:
            total += Decimal(part["qty"])
            assert part["order"]["status"] == "partially_filled"
            assert Decimal(part["order"]["filled_qty"]) == Decimal(part["position_qty"]) == total
        assert parts and len({part["execution_id"] for part in parts}) == len(parts)


def test_a_refused_order_is_not_on_the_stream(desk, stream):
    desk.order(symbol="ZZZZ")
    assert stream.nothing()


def test_a_coin_keeps_its_name_on_the_stream(desk, stream):
    desk.filled(symbol="BTC/USD", qty="0.1", time_in_force="gtc")
    fill = events(stream, "fill")[-1]
    assert fill["order"]["asset_class"] == "crypto" and fill["order"]["symbol"] in ("BTC/USD", "BTCUSD")


def test_legs_of_a_bracket_are_on_the_stream(desk, stream):
    order = desk.placed(order_class="bracket", take_profit={"limit_price": "9000"}, stop_loss={"stop_price": "1"})
    desk.move(MINUTE)
    profit = next(leg["id"] for leg in order["legs"] if leg["type"] == "limit")
    seen = []
    while not any(update["event"] == "new" and update["order"]["id"] == profit for update in seen):
        seen.append(stream.receive()["data"])
    assert ("fill", order["id"]) in {(update["event"], update["order"]["id"]) for update in seen}


def test_every_listener_hears_everything(desk, stream):
    with updates(desk) as other:
        desk.filled()
        mine, theirs = events(stream, "fill"), events(other, "fill")
        assert [update["execution_id"] for update in mine[-1:]] == [update["execution_id"] for update in theirs[-1:]]
        assert names(mine) == names(theirs)


def test_nothing_is_repeated_after_a_reconnect(desk):
    with updates(desk) as stream:
        desk.filled()
        events(stream, "fill")
    with updates(desk) as stream:
        assert stream.nothing()


def test_a_message_that_is_no_json_ends_nothing_else(desk, stream):
    with socket(desk.websocket + "/stream") as other:
        with contextlib.suppress(ConnectionClosed):  # that one may be ended
            other.connection.send("nonsense")
            other.connection.send(b"\xff\xfe")
    desk.filled()
    assert names(events(stream, "fill"))[-1] == "fill"


def test_pings_are_answered(stream):
    assert stream.connection.ping().wait(5)


def test_the_sdk_hears_trade_updates(desk):
    inbox = Inbox()
    client = TradingStream(KEY, SECRET, url_override=desk.websocket + "/stream")
    client.subscribe_trade_updates(inbox.handle)
    with running(client, lambda message: message.get("stream") == "listening"):
        order = desk.filled()
        fill = inbox.until(lambda update: update.event == TradeEvent.FILL)[-1]
        assert str(fill.order.id) == order["id"] and (fill.qty, fill.position_qty) == (10, 10)
        assert fill.price == float(order["filled_avg_price"]) and fill.execution_id and fill.timestamp.tzinfo


def test_the_sdk_hears_a_cancellation(desk):
    inbox = Inbox()
    client = TradingStream(KEY, SECRET, url_override=desk.websocket + "/stream")
    client.subscribe_trade_updates(inbox.handle)
    with running(client, lambda message: message.get("stream") == "listening"):
        order = desk.placed(**LIMIT)
        desk.move(MINUTE)
        desk.trading.cancel_order_by_id(order["id"])
        desk.move(MINUTE)
        seen = inbox.until(lambda update: update.event == TradeEvent.CANCELED)
        assert seen[-1].order.status.value == "canceled" and seen[-1].qty is None
