"""§2: the account and its configurations."""
from decimal import Decimal

import pytest
from alpaca.trading.enums import AccountStatus, TradeConfirmationEmail
from desk import DAY, DECIMAL, MINUTE, at, is_uuid, opened, parse

STRINGS = (
    "buying_power regt_buying_power effective_buying_power non_marginable_buying_power options_buying_power cash equity"
    " last_equity portfolio_value position_market_value long_market_value short_market_value initial_margin"
    " maintenance_margin last_maintenance_margin sma accrued_fees pending_transfer_in pending_transfer_out"
    " pending_reg_taf_fees intraday_adjustments multiplier").split()
BOOLS = "trading_blocked transfers_blocked account_blocked trade_suspended_by_user shorting_enabled".split()
INTEGERS = "crypto_tier options_approved_level options_trading_level".split()
GONE = ("pattern_day_trader", "daytrade_count", "daytrading_buying_power", "last_daytrading_buying_power")


def amounts(desk):
    return {name: Decimal(text) for name, text in desk.json("/v2/account").items() if name in STRINGS}


def test_the_sdk_decodes_the_account(desk):
    account = desk.trading.get_account()
    assert account.status is AccountStatus.ACTIVE and account.crypto_status is AccountStatus.ACTIVE
    assert account.currency == "USD" and account.account_number


@pytest.mark.parametrize("name", STRINGS)
def test_an_amount_of_the_account_is_a_decimal_string(market, name):
    value = market.json("/v2/account")[name]
    assert isinstance(value, str) and DECIMAL.fullmatch(value), (name, value)


@pytest.mark.parametrize("name", BOOLS)
def test_a_flag_of_the_account_is_a_bool(market, name):
    assert isinstance(market.json("/v2/account")[name], bool)


@pytest.mark.parametrize("name", INTEGERS)
def test_a_level_of_the_account_is_an_integer(market, name):
    assert type(market.json("/v2/account")[name]) is int


def test_identity_of_the_account(market):
    account = market.json("/v2/account")
    assert is_uuid(account["id"]) and account["account_number"].isalnum()
    assert account["admin_configurations"] == {} and account["user_configurations"] is None
    assert parse(account["created_at"]).tzinfo is not None
    assert account["balance_asof"] < DAY.isoformat()


@pytest.mark.parametrize("name", GONE)
def test_what_left_the_account_in_july_2026_is_gone(market, name):
    account = market.json("/v2/account")
    assert name not in account and "buying_power" in account


def test_a_new_account_has_its_cash_and_nothing_else(desk):
    account = amounts(desk)
    assert account["cash"] == account["equity"] == account["portfolio_value"] == account["last_equity"] == 100000
    assert account["long_market_value"] == account["short_market_value"] == account["initial_margin"] == 0
    assert account["multiplier"] == 4 and account["buying_power"] == 400000
    assert account["regt_buying_power"] == 200000 and account["non_marginable_buying_power"] == 100000


def test_equity_is_cash_and_what_is_held(desk):
    desk.filled(qty="100")
    desk.filled(symbol="MSFT", side="sell", qty="20")
    account = amounts(desk)
    assert account["long_market_value"] > 0 > account["short_market_value"]
    assert account["equity"] == account["cash"] + account["long_market_value"] + account["short_market_value"]
    assert account["portfolio_value"] == account["equity"]
    held = {position["symbol"]: Decimal(position["market_value"]) for position in desk.json("/v2/positions")}
    assert held == {"AAPL": account["long_market_value"], "MSFT": account["short_market_value"]}
    assert account["position_market_value"] in (sum(held.values()), sum(map(abs, held.values())))


def test_cash_pays_for_a_purchase_and_is_reported_in_cents(desk):
    order = desk.filled(qty="7")
    cash = desk.json("/v2/account")["cash"]
    spent = 100000 - Decimal(cash)
    assert abs(spent - 7 * Decimal(order["filled_avg_price"])) < Decimal("0.02")
    assert len(cash.partition(".")[2]) <= 2


def test_a_purchase_takes_buying_power(desk):
    desk.filled(qty="100")
    account = amounts(desk)
    assert account["initial_margin"] > 0 and account["maintenance_margin"] > 0
    assert account["buying_power"] < 400000
    assert account["maintenance_margin"] <= account["initial_margin"]


def test_an_open_order_counts_against_buying_power(desk):
    before = amounts(desk)["buying_power"]
    order = desk.placed(type="limit", limit_price="10.00", qty="100")
    assert before - amounts(desk)["buying_power"] >= 1000
    desk.delete(f"/v2/orders/{order['id']}")
    desk.move(MINUTE)
    assert amounts(desk)["buying_power"] == before


def test_last_equity_is_that_of_the_previous_close(desk):
    desk.filled(qty="200")
    assert amounts(desk)["last_equity"] == 100000
    desk.move(at("16:30"))
    close = amounts(desk)["equity"]
    desk.move(at("11:00", DAY.replace(day=13)))
    account = amounts(desk)
    assert account["last_equity"] == pytest.approx(close, rel=Decimal("0.00001"))
    assert account["equity"] != account["last_equity"]


def test_the_sdk_reads_the_configurations(desk):
    settings = desk.trading.get_account_configurations()
    assert settings.fractional_trading and not settings.no_shorting and not settings.suspend_trade
    assert settings.max_margin_multiplier == "4"
    assert settings.trade_confirm_email in TradeConfirmationEmail


def test_types_of_the_configurations(market):
    settings = market.json("/v2/account/configurations")
    for name in "fractional_trading no_shorting suspend_trade disable_overnight_trading ptp_no_exception_entry".split():
        assert isinstance(settings[name], bool), name
    assert isinstance(settings["max_margin_multiplier"], str)
    assert type(settings["max_options_trading_level"]) is int
    assert settings["trade_confirm_email"] in ("all", "none")


def test_the_sdk_changes_the_configurations(desk):
    settings = desk.trading.get_account_configurations()
    settings.no_shorting, settings.trade_confirm_email = True, TradeConfirmationEmail.NONE
    assert desk.trading.set_account_configurations(settings).no_shorting
    kept = desk.trading.get_account_configurations()
    assert kept.no_shorting and kept.trade_confirm_email is TradeConfirmationEmail.NONE
    assert not desk.trading.get_account().shorting_enabled


def test_one_configuration_changes_alone(desk):
    before = desk.json("/v2/account/configurations")
    answer = desk.patch("/v2/account/configurations", {"suspend_trade": True})
    assert answer.status_code == 200 and answer.json() == {**before, "suspend_trade": True}
    assert desk.json("/v2/account")["trade_suspended_by_user"] is True


def test_a_suspended_account_takes_no_order(desk):
    desk.patch("/v2/account/configurations", {"suspend_trade": True})
    assert desk.order().status_code == 403
    desk.patch("/v2/account/configurations", {"suspend_trade": False})
    assert desk.order().status_code == 200


def test_an_account_without_shorting_sells_no_share_that_it_has_not(desk):
    desk.patch("/v2/account/configurations", {"no_shorting": True})
    assert desk.order(side="sell").status_code == 403


@pytest.mark.parametrize("multiplier,power", [("1", 100000), ("2", 200000), ("4", 400000)])
def test_buying_power_of_each_multiplier(tmp_path, multiplier, power):
    with opened(tmp_path / "log", None, "--multiplier", multiplier) as desk:
        account = desk.json("/v2/account")
        assert (account["multiplier"], Decimal(account["buying_power"])) == (multiplier, power)


def test_buying_power_of_a_cash_account_is_its_cash(tmp_path):
    with opened(tmp_path / "log", at("10:00"), "--multiplier", "1") as desk:
        desk.filled(qty="50")
        account = amounts(desk)
        assert account["buying_power"] == account["cash"] < 100000
        assert desk.order(symbol="MSFT", side="sell").status_code == 403


def test_buying_power_of_a_margin_account(tmp_path):
    with opened(tmp_path / "log", at("10:00"), "--multiplier", "2") as desk:
        desk.filled(qty="50")
        account = amounts(desk)
        expected = 2 * max(account["equity"] - account["initial_margin"], 0)
        assert account["buying_power"] == pytest.approx(expected, abs=Decimal("0.05"))


def test_an_account_may_begin_without_shorting(tmp_path):
    with opened(tmp_path / "log", at("10:00"), "--no-shorting") as desk:
        assert desk.json("/v2/account")["shorting_enabled"] is False
        assert desk.order(side="sell").status_code == 403
