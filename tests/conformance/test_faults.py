"""What the official clients do when things go wrong on request (§1: after a 5xx or a timeout the order may exist)."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.data.live import StockDataStream
from alpaca.data.requests import StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.requests import MarketOrderRequest, ReplaceOrderRequest
from alpaca.trading.stream import TradingStream
from desk import KEY, MINUTE, SECRET, at, parse, refused
from streams import Inbox, feed, running, updates

BUY = {"symbol": "AAPL", "qty": 10, "side": "buy", "time_in_force": "day"}
ORDERS = {"method": "POST", "path": "/v2/orders"}


@pytest.fixture
def broken(desk):
    """A desk whose venue breaks as `broken.arm(kind, ...)` says; the SDK waits a moment instead of seconds."""
    def arm(kind, **rule):
        answer = requests.post(desk.url + "/aurora/v1/faults", json={"seed": 1, "rules": [{"kind": kind, **rule}]},
                               timeout=10)
        assert answer.status_code == 200, answer.text

    def fired():
        return requests.get(desk.url + "/aurora/v1/faults", timeout=10).json()["rules"][0]["fired"]

    desk.arm, desk.fired = arm, fired
    for client in (desk.trading, desk.stocks):
        client._retry_wait = 0.05
    return desk


def orders(desk):
    return desk.json("/v2/orders", status="all")


@pytest.mark.parametrize("kind,status", [("rate_limit", None), ("error", 504)])
def test_the_sdk_gets_over_three_answers_of_429_or_504(broken, kind, status):
    broken.arm(kind, count=3, match={"path": "/v2/account"}, **({"status": status} if status else {}))
    assert broken.trading.get_account().status.value == "ACTIVE" and broken.fired() == 3


def test_the_sdk_gives_up_after_the_fourth_429(broken):
    broken.arm("rate_limit", count=4, match={"path": "/v2/account"})
    with pytest.raises(APIError) as error:
        broken.trading.get_account()
    assert error.value.status_code == 429


@pytest.mark.parametrize("headers", [True, False])
def test_a_429_with_and_without_the_state_of_the_limit(broken, headers):
    broken.arm("rate_limit", count=1, headers=headers)
    answer = broken.get("/v2/account")
    assert refused(answer, 429)["message"] and ("X-RateLimit-Reset" in answer.headers) == headers


@pytest.mark.parametrize("status", [500, 503])
def test_an_order_is_taken_although_its_answer_is_an_error(broken, status):
    broken.arm("error", status=status, count=1, match=ORDERS)
    with pytest.raises(APIError) as error:
        broken.trading.submit_order(MarketOrderRequest(**BUY, client_order_id="mine"))
    assert error.value.status_code == status
    assert broken.trading.get_order_by_client_id("mine").qty == "10" and len(orders(broken)) == 1


def test_the_retry_of_an_order_that_was_taken_is_refused_by_its_client_order_id(broken):
    broken.arm("error", status=504, count=1, match=ORDERS)
    with pytest.raises(APIError, match="client_order_id must be unique"):
        broken.trading.submit_order(MarketOrderRequest(**BUY, client_order_id="mine"))
    assert len(orders(broken)) == 1


def test_an_error_before_the_order_was_taken_leaves_no_order(broken):
    broken.arm("error", status=503, when="before", count=1, match=ORDERS)
    assert broken.order().status_code == 503 and orders(broken) == []


def test_a_connection_that_ends_without_an_answer(broken):
    broken.arm("disconnect", count=1, match=ORDERS)
    with pytest.raises(requests.exceptions.ConnectionError):
        broken.trading.submit_order(MarketOrderRequest(**BUY, client_order_id="mine"))
    assert broken.trading.get_order_by_client_id("mine").qty == "10"


def test_an_answer_that_never_comes(broken):
    broken.arm("half_open", count=1, match=ORDERS)
    with pytest.raises(requests.exceptions.Timeout):
        broken.session.post(broken.url + "/v2/orders", json={**BUY, "type": "market"}, timeout=0.5)
    assert len(orders(broken)) == 1


def test_json_that_ends_early(broken):
    broken.arm("truncate", count=1, match={"path": "/v2/assets"})
    with pytest.raises(requests.exceptions.JSONDecodeError):
        broken.trading.get_all_assets()
    assert broken.trading.get_all_assets()


def test_an_answer_that_is_late(broken):
    broken.arm("latency", ms=300, count=1, match={"path": "/v2/clock"})
    started = time.monotonic()
    broken.trading.get_clock()
    assert time.monotonic() - started >= 0.3


def test_a_clock_that_is_off(broken):
    broken.arm("clock_skew", ms=90_000)
    assert (parse(broken.json("/v2/clock")["timestamp"]) - at("10:00")).total_seconds() == 90


def bars(broken):
    request = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Minute, start=at("09:30"), limit=25)
    return broken.stocks.get_stock_bars(request)["AAPL"]


def test_an_empty_page_with_a_token_is_not_the_end(broken):
    expected = bars(broken)
    broken.arm("empty_page", count=1)
    assert bars(broken) == expected and broken.fired() == 1


def test_a_page_that_repeats(broken):
    page = {"symbols": "AAPL", "timeframe": "1Min", "start": "2019-06-12T13:30:00Z", "limit": 5}
    token = broken.json("/v2/stocks/bars", **page)["next_page_token"]
    broken.arm("repeat_page", count=1)
    again = broken.json("/v2/stocks/bars", page_token=token, **page)
    assert again["next_page_token"] == token
    assert broken.json("/v2/stocks/bars", page_token=token, **page)["bars"] == again["bars"]


def test_a_message_that_is_lost(broken):
    with updates(broken) as stream:
        broken.arm("drop", count=1, match={"path": "/stream", "contains": '"fill"'})
        broken.filled()
        seen = [stream.receive()["data"]["event"]]
        while broken.fired() == 0 or seen[-1] != "new":
            seen.append(stream.receive()["data"]["event"])
        assert stream.nothing() and "fill" not in seen


def test_a_message_that_comes_twice(broken):
    with updates(broken) as stream:
        broken.arm("duplicate", count=1, match={"path": "/stream", "contains": '"fill"'})
        broken.filled()
        executions = []
        while len(executions) < 2:
            update = stream.receive()["data"]
            executions += [update["execution_id"]] if update["event"] == "fill" else []
        assert executions[0] == executions[1]


def test_the_sdk_comes_back_after_its_stream_was_cut(broken):
    inbox, client = Inbox(), TradingStream(KEY, SECRET, url_override=broken.websocket + "/stream")
    client._reconnect_min_backoff, acknowledged = 0.05, []
    client.subscribe_trade_updates(inbox.handle)

    def listening(message):
        acknowledged.extend([1] if message.get("stream") == "listening" else [])
        return bool(acknowledged)

    with running(client, listening):
        broken.arm("disconnect", count=1, match={"on": "messages", "path": "/stream"})
        broken.placed(type="limit", limit_price="10")
        deadline = time.monotonic() + 10
        while len(acknowledged) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        order = broken.placed(type="limit", limit_price="10.50")
        assert str(inbox.until(lambda update: update.order.limit_price == "10.5")[-1].order.id) == order["id"]


def test_the_data_stream_of_the_sdk_comes_back_after_it_was_cut(broken):
    minutes, client = Inbox(), StockDataStream(KEY, SECRET, url_override=broken.websocket + "/v2/iex")
    client._reconnect_min_backoff, acknowledged = 0.05, []
    client.subscribe_bars(minutes.handle, "AAPL")

    def subscribed(message):
        acknowledged.extend([1] if message.get("T") == "subscription" else [])
        return bool(acknowledged)

    with running(client, subscribed):
        broken.arm("disconnect", count=1, match={"on": "messages", "path": "/v2/iex"})
        broken.move(MINUTE)
        deadline = time.monotonic() + 10
        while len(acknowledged) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        broken.move(MINUTE)
        assert minutes.next().timestamp == at("10:01")


def test_a_stream_that_says_nothing_more(broken):
    with feed(broken, bars=["AAPL"]) as stream:
        broken.arm("half_open", count=1, match={"on": "messages", "path": "/v2/iex"})
        broken.move(3 * MINUTE)
        assert stream.nothing()


def test_events_come_before_the_answer_to_their_order(broken):
    with updates(broken) as stream:
        broken.arm("latency", ms=500, when="after", count=1, match=ORDERS)
        started = time.monotonic()
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(broken.order, type="limit", limit_price="10")
            update = stream.receive()["data"]
            assert not answer.done() and time.monotonic() - started < 0.5
            assert answer.result().json()["id"] == update["order"]["id"]


def test_cancels_and_replaces_that_take_their_time(broken):
    order = broken.placed(type="limit", limit_price="10")
    other = broken.placed(type="limit", limit_price="11")
    broken.move(MINUTE)
    broken.arm("lag", ms=60_000)
    broken.trading.cancel_order_by_id(order["id"])
    new = broken.trading.replace_order_by_id(other["id"], ReplaceOrderRequest(qty=5))
    assert broken.reread(order)["status"] == "pending_cancel" and broken.reread(other)["status"] == "pending_replace"
    assert broken.delete(f"/v2/orders/{other['id']}").status_code == 422
    broken.move(2 * MINUTE)
    assert broken.reread(order)["status"] == "canceled" and broken.reread(other)["status"] == "replaced"
    assert broken.trading.get_order_by_id(new.id).status.value == "new"
