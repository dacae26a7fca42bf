"""§8: account activities."""
import re
from datetime import date
from decimal import Decimal

import pytest
from alpaca.trading.models import TradeActivity
from desk import AFTER, DAY, MINUTE, NEW_YORK, UTC_TIME, at, is_uuid, opened, parse, rfc3339

PATH = "/v2/account/activities"


@pytest.fixture(scope="module")
def active(tmp_path_factory):
    """Seven executions, some of them a day later, the last of a coin."""
    with opened(tmp_path_factory.mktemp("active") / "log", at("10:00")) as desk:
        desk.orders = [desk.filled(qty="1"), desk.filled(qty="2"), desk.filled(side="sell", qty="3")]
        desk.move(at("11:00", AFTER))
        desk.orders += [desk.filled(symbol="MSFT", side="sell", qty="4"), desk.filled(symbol="MSFT", qty="4"),
                        desk.filled(qty="5"), desk.filled(symbol="BTC/USD", qty="0.1", time_in_force="gtc")]
        yield desk


def orders(desk, **filters):
    return [fill["order_id"] for fill in desk.json(PATH + "/FILL", **filters)]


def test_every_execution_is_an_activity_newest_first(active):
    assert orders(active) == [order["id"] for order in reversed(active.orders)]


def test_keys_and_types_of_a_fill(active):
    for fill in active.json(PATH + "/FILL"):
        assert fill["activity_type"] == "FILL" and fill["type"] == "fill" and fill["order_status"] == "filled"
        for name in ("qty", "cum_qty", "leaves_qty", "price"):
            assert isinstance(fill[name], str), name
        assert is_uuid(fill["order_id"]) and fill["side"] in ("buy", "sell", "sell_short")
        assert UTC_TIME.fullmatch(fill["transaction_time"]) and "client_order_id" not in fill


def test_a_fill_agrees_with_its_order(active):
    found = {fill["order_id"]: fill for fill in active.json(PATH + "/FILL")}
    for order in active.orders:
        fill = found[order["id"]]
        assert fill["qty"] == fill["cum_qty"] == order["filled_qty"] and Decimal(fill["leaves_qty"]) == 0
        assert Decimal(fill["price"]) == Decimal(order["filled_avg_price"])
        assert fill["symbol"].replace("/", "") == order["symbol"].replace("/", "")
        assert abs((parse(fill["transaction_time"]) - parse(order["filled_at"])).total_seconds()) < 1


def test_an_id_is_new_yorks_wall_time_and_a_uuid(active):
    for fill in active.json(PATH + "/FILL"):
        digits, _, identity = fill["id"].partition("::")
        assert re.fullmatch(r"\d{17}", digits) and is_uuid(identity)
        local = parse(fill["transaction_time"]).astimezone(NEW_YORK)
        assert digits.startswith(local.strftime("%Y%m%d%H%M%S"))


def test_the_models_of_the_sdk_decode_a_fill(active):
    account = active.json("/v2/account")["id"]
    for fill in active.json(PATH + "/FILL"):
        activity = TradeActivity(account_id=account, **fill)
        assert activity.qty > 0 and activity.leaves_qty == 0


def test_pages_meet_without_gap_or_repeat(active):
    seen, token = [], {}
    while page := active.json(PATH, page_size=2, activity_types="FILL", **token):
        assert len(page) <= 2
        seen += [fill["id"] for fill in page]
        token = {"page_token": page[-1]["id"]}
    assert seen == [fill["id"] for fill in active.json(PATH, activity_types="FILL")] and len(set(seen)) == 7


def test_pages_in_ascending_direction(active):
    seen, token = [], {}
    while page := active.json(PATH + "/FILL", page_size=3, direction="asc", **token):
        seen += [fill["order_id"] for fill in page]
        token = {"page_token": page[-1]["id"]}
    assert seen == [order["id"] for order in active.orders]


def test_after_is_strict(active):
    third = active.json(PATH + "/FILL", direction="asc")[2]["transaction_time"]
    assert orders(active, after=third, direction="asc") == [order["id"] for order in active.orders[3:]]


def test_until_ends_the_list(active):
    until = rfc3339(at("12:00"))
    assert orders(active, until=until, direction="asc") == [order["id"] for order in active.orders[:3]]


@pytest.mark.parametrize("day,count", [(DAY, 3), (AFTER, 4), (date(2019, 6, 14), 0)])
def test_activities_of_a_day(active, day, count):
    assert len(orders(active, date=day.isoformat())) == count


def test_categories(active):
    trades = active.json(PATH, category="trade_activity")
    assert {item["activity_type"] for item in trades} == {"FILL"} and len(trades) == 7
    assert "FILL" not in {item["activity_type"] for item in active.json(PATH, category="non_trade_activity")}


def test_types_are_a_comma_list(active):
    assert len(active.json(PATH, activity_types="FILL,DIV")) == 7
    assert active.json(PATH, activity_types="DIV") == [] == active.json(PATH + "/DIV")


@pytest.mark.parametrize("size", ["0", "101", "many"])
def test_a_page_has_1_to_100_items(active, size):
    assert active.get(PATH, page_size=size).status_code in (400, 422)


def test_parts_of_an_order_add_up(tmp_path, hindsight):
    bars = hindsight.json("/v2/stocks/AAPL/bars", timeframe="1Day", start="2019-06-12T00:00:00Z", feed="sip")["bars"]
    qty = int(bars[0]["v"] * 0.2)
    with opened(tmp_path / "log", at("10:00"), cash=10**10) as desk:
        order = desk.placed(qty=str(qty))
        desk.move(at("15:00"))
        fills = desk.json(PATH + "/FILL", direction="asc")
        filled = Decimal(desk.reread(order)["filled_qty"])
        assert fills and {fill["type"] for fill in fills} == {"partial_fill"}
        total = Decimal(0)
        for fill in fills:
            total += Decimal(fill["qty"])
            assert Decimal(fill["cum_qty"]) == total and Decimal(fill["leaves_qty"]) == qty - total
            assert fill["order_status"] == "partially_filled"
        assert total == filled


def test_a_new_account_has_no_fill(desk):
    assert desk.json(PATH + "/FILL") == []
    desk.placed(type="limit", limit_price="10")
    desk.move(MINUTE)
    assert desk.json(PATH + "/FILL") == []
