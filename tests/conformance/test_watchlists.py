"""Watchlists, as alpaca-py's models have them."""
from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.requests import CreateWatchlistRequest, UpdateWatchlistRequest
from desk import refused


@pytest.fixture
def watchlist(desk):
    return desk.trading.create_watchlist(CreateWatchlistRequest(name="mine", symbols=["AAPL", "MSFT"]))


def symbols(watchlist):
    return [asset.symbol for asset in watchlist.assets]


def test_a_watchlist_is_created_with_its_assets(desk, watchlist):
    assert watchlist.name == "mine" and symbols(watchlist) == ["AAPL", "MSFT"]
    assert str(watchlist.account_id) == desk.json("/v2/account")["id"]


def test_watchlists_are_listed(desk, watchlist):
    assert [each.id for each in desk.trading.get_watchlists()] == [watchlist.id]


def test_a_watchlist_is_read_by_id(desk, watchlist):
    assert desk.trading.get_watchlist_by_id(watchlist.id) == watchlist


def test_a_watchlist_is_renamed_and_refilled(desk, watchlist):
    changed = desk.trading.update_watchlist_by_id(watchlist.id, UpdateWatchlistRequest(name="new", symbols=["SPY"]))
    assert (changed.name, symbols(changed), changed.id) == ("new", ["SPY"], watchlist.id)


def test_an_asset_is_added_and_removed(desk, watchlist):
    assert symbols(desk.trading.add_asset_to_watchlist_by_id(watchlist.id, "TSLA")) == ["AAPL", "MSFT", "TSLA"]
    assert symbols(desk.trading.remove_asset_from_watchlist_by_id(watchlist.id, "MSFT")) == ["AAPL", "TSLA"]


def test_a_watchlist_is_deleted(desk, watchlist):
    assert desk.trading.delete_watchlist_by_id(watchlist.id) is None
    assert desk.trading.get_watchlists() == []
    with pytest.raises(APIError) as error:
        desk.trading.get_watchlist_by_id(watchlist.id)
    assert error.value.status_code == 404


def test_an_unknown_watchlist_is_not_found(desk):
    refused(desk.get(f"/v2/watchlists/{uuid4()}"), 404, 40410000)


def test_an_unknown_symbol_has_no_place_in_a_watchlist(desk, watchlist):
    refused(desk.post(f"/v2/watchlists/{watchlist.id}", {"symbol": "ZZZZ"}), 422)
