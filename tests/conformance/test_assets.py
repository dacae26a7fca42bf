"""§3: assets."""
import pytest
from alpaca.trading.enums import AssetClass, AssetExchange, AssetStatus
from alpaca.trading.requests import GetAssetsRequest
from desk import is_uuid, refused


def test_the_sdk_lists_the_equities(market):
    assets = market.trading.get_all_assets()
    assert {"AAPL", "MSFT", "AMZN", "TSLA", "SPY"} <= {asset.symbol for asset in assets}
    assert {asset.asset_class for asset in assets} == {AssetClass.US_EQUITY}
    assert len({asset.id for asset in assets}) == len(assets)


def test_the_sdk_lists_the_coins(market):
    assets = market.trading.get_all_assets(GetAssetsRequest(asset_class=AssetClass.CRYPTO))
    assert {"BTC/USD", "ETH/USD"} <= {asset.symbol for asset in assets}
    assert {asset.exchange for asset in assets} == {AssetExchange.CRYPTO}
    assert all(asset.min_order_size > 0 and asset.min_trade_increment > 0 for asset in assets)


def test_keys_and_types_of_an_equity(market):
    asset = market.json("/v2/assets/AAPL")
    assert is_uuid(asset["id"]) and asset["class"] == "us_equity" and "asset_class" not in asset
    assert asset["exchange"] in "AMEX ARCA BATS NYSE NASDAQ NYSEARCA OTC".split()
    assert asset["status"] == "active" and asset["name"]
    for name in "tradable marginable shortable fractionable easy_to_borrow".split():
        assert asset[name] is True, name
    assert asset["borrow_status"] == "easy_to_borrow" and isinstance(asset["attributes"], list)
    assert isinstance(asset["margin_requirement_long"], str) and isinstance(asset["margin_requirement_short"], str)
    assert isinstance(asset["maintenance_margin_requirement"], (int, float))
    assert "min_order_size" not in asset


def test_keys_and_types_of_a_coin(market):
    asset = market.json("/v2/assets/BTC%2FUSD")
    assert asset["class"] == "crypto" and asset["exchange"] == "CRYPTO" and asset["symbol"] == "BTC/USD"
    assert asset["fractionable"] and not asset["marginable"] and not asset["shortable"]
    for name in ("min_order_size", "min_trade_increment", "price_increment"):
        assert isinstance(asset[name], str) and float(asset[name]) > 0, name


@pytest.mark.parametrize("name", ["BTCUSD", "BTC%2FUSD", "BTC/USD"])
def test_a_coin_goes_by_either_spelling_and_answers_with_the_slash(market, name):
    assert market.json(f"/v2/assets/{name}")["symbol"] == "BTC/USD"


def test_the_sdk_finds_a_coin_by_its_pair(market):
    assert market.trading.get_asset("BTC/USD").asset_class is AssetClass.CRYPTO


def test_an_asset_goes_by_its_id_as_well(market):
    asset = market.json("/v2/assets/MSFT")
    assert market.json(f"/v2/assets/{asset['id']}") == asset
    assert market.trading.get_asset(asset["id"]).symbol == "MSFT"


@pytest.mark.parametrize("name", ["ZZZZ", "ZZZ%2FUSD", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_asset_is_not_found(market, name):
    refused(market.get(f"/v2/assets/{name}"), 404, 40410000, "asset not found for")


def test_the_refusal_names_the_asset(market):
    assert refused(market.get("/v2/assets/BLAH"), 404)["message"] == "asset not found for BLAH"


def test_a_class_share_has_a_dot(market):
    assert market.trading.get_asset("BRK.B").symbol == "BRK.B"
    refused(market.get("/v2/assets/BRK-B"), 404, 40410000)


def test_active_assets_are_those_of_status_active(market):
    active = market.trading.get_all_assets(GetAssetsRequest(status=AssetStatus.ACTIVE))
    assert active and {asset.status for asset in active} == {AssetStatus.ACTIVE}
    inactive = market.trading.get_all_assets(GetAssetsRequest(status=AssetStatus.INACTIVE))
    assert {asset.status for asset in inactive} <= {AssetStatus.INACTIVE}


def test_assets_of_one_exchange(market):
    exchange = market.trading.get_asset("AAPL").exchange
    found = market.trading.get_all_assets(GetAssetsRequest(exchange=exchange))
    assert "AAPL" in {asset.symbol for asset in found} and {asset.exchange for asset in found} == {exchange}


def test_attributes_are_any_of_a_list(market):
    everything = market.json("/v2/assets")
    known = {attribute for asset in everything for attribute in asset["attributes"]}
    assert everything
    for attribute in known:
        expected = {asset["symbol"] for asset in everything if attribute in asset["attributes"]}
        found = market.json("/v2/assets", attributes=f"ptp_with_exception,{attribute}")
        assert {asset["symbol"] for asset in found} == expected
    assert market.json("/v2/assets", attributes="ptp_with_exception") == []
