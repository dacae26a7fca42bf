"""§5, §11: trading coins."""
from datetime import date
from decimal import Decimal

import pytest
from alpaca.trading.enums import AssetClass, OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest, StopLimitOrderRequest
from desk import MINUTE, at, check_order, opened, refused

BTC = {"symbol": "BTC/USD", "qty": "0.1", "time_in_force": "gtc"}


def test_the_sdk_buys_a_coin(desk):
    order = desk.trading.submit_order(MarketOrderRequest(symbol="BTC/USD", qty=0.25, side=OrderSide.BUY,
                                                         time_in_force=TimeInForce.GTC))
    assert order.asset_class is AssetClass.CRYPTO and order.symbol == "BTC/USD" and order.qty == "0.25"
    desk.move(MINUTE)
    assert desk.trading.get_order_by_id(order.id).status.value == "filled"


def test_an_order_for_a_coin_has_all_keys(desk):
    order = desk.filled(**BTC)
    check_order(order)
    assert (order["symbol"], order["asset_class"]) == ("BTC/USD", "crypto")


def test_the_old_spelling_of_a_pair_is_taken_and_answered_with_the_slash(desk):
    assert desk.placed(**{**BTC, "symbol": "BTCUSD"})["symbol"] == "BTC/USD"


def test_coins_trade_on_a_sunday_night(desk):
    desk.move(at("03:00", date(2019, 6, 16)))
    assert not desk.trading.get_clock().is_open
    assert desk.filled(**BTC)["filled_qty"] == "0.1"


def test_a_position_spells_its_coin_without_a_slash(desk):
    desk.filled(**BTC)
    [position] = desk.json("/v2/positions")
    assert (position["symbol"], position["asset_class"], position["exchange"]) == ("BTCUSD", "crypto", "CRYPTO")
    assert position["asset_id"] == desk.json("/v2/assets/BTC%2FUSD")["id"] and position["asset_marginable"] is False


def test_the_fee_is_taken_from_the_coin_that_is_received(desk):
    order = desk.filled(**BTC)
    qty = Decimal(desk.json("/v2/positions/BTCUSD")["qty"])
    assert order["filled_qty"] == "0.1"
    assert Decimal("0.1") * Decimal("0.9965") <= qty < Decimal("0.1") and qty == pytest.approx(Decimal("0.09975"))


def test_selling_what_was_filled_instead_of_what_is_held_is_refused(desk):
    order = desk.filled(**BTC)
    answer = desk.order(**{**BTC, "qty": order["filled_qty"], "side": "sell"})
    refused(answer, 403, 40310000, "insufficient balance for BTC")


def test_all_that_is_held_is_sold(desk):
    desk.filled(**BTC)
    held = desk.json("/v2/positions/BTCUSD")["qty_available"]
    assert desk.filled(**{**BTC, "qty": held, "side": "sell"})["filled_qty"] == held
    assert desk.json("/v2/positions") == []


def test_the_fee_of_a_sale_is_taken_from_the_dollars(desk):
    desk.filled(**BTC)
    before = Decimal(desk.json("/v2/account")["cash"])
    sale = desk.filled(**{**BTC, "qty": "0.05", "side": "sell"})
    gross = Decimal(sale["filled_qty"]) * Decimal(sale["filled_avg_price"])
    received = Decimal(desk.json("/v2/account")["cash"]) - before
    assert gross * Decimal("0.9965") <= received < gross * Decimal("0.9985")


def test_coins_are_never_sold_short(desk):
    refused(desk.order(**{**BTC, "side": "sell"}), 403, 40310000, "insufficient balance for BTC")


@pytest.mark.parametrize("tif", ["day", "fok", "opg", "cls"])
def test_coins_take_gtc_and_ioc_only(desk, tif):
    answer = desk.order(**{**BTC, "time_in_force": tif})
    body = refused(answer, 422, None, "invalid crypto time_in_force")
    assert body["code"] in (42210000, 40010001)


def test_an_ioc_for_a_coin(desk):
    assert desk.filled(**{**BTC, "time_in_force": "ioc"})["status"] == "filled"


@pytest.mark.parametrize("fields", [
    {"type": "stop", "stop_price": "99999"}, {"type": "trailing_stop", "trail_price": "10"},
    {"order_class": "bracket", "take_profit": {"limit_price": "99999"}, "stop_loss": {"stop_price": "1"}}])
def test_types_and_classes_that_coins_have_not_are_refused(desk, fields):
    refused(desk.order(**BTC, **fields), 422)


def test_less_than_ten_dollars_of_a_coin_is_refused(desk):
    text = "cost basis must be >= minimal amount of order 10"
    assert refused(desk.order(**{**BTC, "qty": None, "notional": "9.99"}), 403, 40310000)["message"] == text


def test_more_than_two_hundred_thousand_dollars_of_a_coin_is_refused(tmp_path):
    with opened(tmp_path / "log", at("10:00"), cash=10**7) as desk:
        answer = desk.order(**{**BTC, "qty": None, "notional": "200001"})
        assert answer.status_code in (403, 422)
        assert desk.order(**{**BTC, "qty": None, "notional": "199000"}).status_code == 200


def test_coins_for_dollars(desk):
    order = desk.filled(**{**BTC, "qty": None, "notional": "1000"})
    assert (order["qty"], order["notional"]) == (None, "1000")
    spent = Decimal(order["filled_qty"]) * Decimal(order["filled_avg_price"])
    assert spent == pytest.approx(Decimal(1000), abs=Decimal("0.05"))


def test_decimals_beyond_nine_are_cut(desk):
    price = desk.last("BTC/USD")
    order = desk.placed(**{**BTC, "qty": "0.1234567899", "type": "limit", "limit_price": f"{price / 2:.2f}"})
    assert order["qty"] == "0.123456789"


def test_a_resting_limit_for_a_coin(desk):
    price = round(desk.last("BTC/USD") / 2, 2)
    request = LimitOrderRequest(symbol="BTC/USD", qty=0.1, side="buy", time_in_force="gtc", limit_price=price)
    order = desk.trading.submit_order(request)
    desk.move(at("12:00"))
    assert desk.trading.get_order_by_id(order.id).status.value == "new" and order.expires_at is None
    desk.trading.cancel_order_by_id(order.id)
    desk.move(MINUTE)
    assert desk.trading.get_order_by_id(order.id).status.value == "canceled"


def test_prices_far_below_a_cent_come_as_floats_with_an_exponent(desk):
    """Python writes 0.00001 as 1e-05."""
    request = LimitOrderRequest(symbol="SHIB/USD", qty=2_000_000, side="buy", time_in_force="gtc", limit_price=0.00001)
    order = desk.trading.submit_order(request)
    assert order.limit_price == "0.00001" and order.qty == "2000000"


def test_a_stop_limit_for_a_coin(desk):
    price = desk.last("BTC/USD")
    order = desk.trading.submit_order(StopLimitOrderRequest(
        symbol="BTC/USD", qty=0.1, side="buy", time_in_force="gtc", stop_price=round(price * 2, 2),
        limit_price=round(price * 2.1, 2)))
    desk.move(MINUTE)
    assert desk.trading.get_order_by_id(order.id).status.value == "new"


def test_coins_are_bought_with_cash_and_not_on_margin(desk):
    account = desk.json("/v2/account")
    assert Decimal(account["non_marginable_buying_power"]) == 100000 < Decimal(account["buying_power"])
    refused(desk.order(**{**BTC, "qty": None, "notional": "150000"}), 403, 40310000, "insufficient")


def test_orders_for_coins_are_listed_without_the_slash(desk):
    desk.filled(**BTC)
    desk.filled()
    listed = desk.json("/v2/orders", status="all", symbols="BTCUSD")
    assert [order["symbol"] for order in listed] == ["BTC/USD"]
    assert len(desk.json("/v2/orders", status="all", asset_class="crypto")) == 1


def test_the_sdk_closes_a_coin(desk):
    desk.filled(**BTC)
    order = desk.trading.close_position("BTCUSD")
    assert order.side is OrderSide.SELL and order.time_in_force in (TimeInForce.GTC, TimeInForce.IOC)
    desk.move(MINUTE)
    assert desk.trading.get_all_positions() == []


def test_a_coin_is_held_in_the_account_value(desk):
    desk.filled(**BTC)
    account, [position] = desk.json("/v2/account"), desk.json("/v2/positions")
    assert abs(Decimal(account["long_market_value"]) - Decimal(position["market_value"])) <= Decimal("0.01")


def test_the_fee_is_an_activity(desk):
    desk.filled(**BTC)
    desk.move(at("12:00", date(2019, 6, 14)))
    fees = desk.json("/v2/account/activities/CFEE")
    assert fees and all(fee["activity_type"] == "CFEE" for fee in fees)
    [fee] = fees
    assert fee["symbol"] in ("BTCUSD", "BTC/USD")
    assert date.fromisoformat(fee["date"]) and isinstance(fee["net_amount"], str) and isinstance(fee["qty"], str)
    assert abs(Decimal(fee["qty"])) == pytest.approx(Decimal("0.00025"), abs=Decimal("0.00000001"))
