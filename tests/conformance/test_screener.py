"""The screener: alpaca-py 0.44's own models, filled from the day so far."""
import pytest
from alpaca.data.enums import MarketType, MostActivesBy
from alpaca.data.historical.screener import ScreenerClient
from alpaca.data.requests import MarketMoversRequest, MostActivesRequest
from desk import KEY, SECRET, at, refused

ACTIVES, MOVERS = "/v1beta1/screener/stocks/most-actives", "/v1beta1/screener/{}/movers"


@pytest.fixture
def screener(market):
    return ScreenerClient(KEY, SECRET, url_override=market.urls["data"])


def snapshots(desk, crypto=False):
    """An independent account of the same: what snapshots say."""
    if crypto:
        symbols = [asset["symbol"] for asset in desk.json("/v2/assets", asset_class="crypto")]
        return desk.json("/v1beta3/crypto/us/snapshots", symbols=",".join(symbols))["snapshots"]
    symbols = [asset["symbol"] for asset in desk.json("/v2/assets", asset_class="us_equity")]
    return desk.json("/v2/stocks/snapshots", symbols=",".join(symbols), feed="sip")


@pytest.mark.parametrize("by,key,field", [
    (MostActivesBy.VOLUME, "v", "volume"), (MostActivesBy.TRADES, "n", "trade_count")])
def test_the_sdk_reads_the_most_active(market, screener, by, key, field):
    answer = screener.get_most_actives(MostActivesRequest(by=by, top=5))
    days = {symbol: each["dailyBar"] for symbol, each in snapshots(market).items()}
    assert len(answer.most_actives) == 5 and answer.last_updated == market.now
    for active in answer.most_actives:
        day = days[active.symbol]
        assert (active.volume, active.trade_count) == (day["v"], day["n"])
    highest = sorted((day[key] for day in days.values()), reverse=True)[:5]
    assert [getattr(active, field) for active in answer.most_actives] == highest


@pytest.mark.parametrize("kind", [MarketType.STOCKS, MarketType.CRYPTO])
def test_the_sdk_reads_the_movers(market, screener, kind):
    answer = screener.get_market_movers(MarketMoversRequest(market_type=kind, top=50))
    assert answer.market_type is kind and answer.last_updated == market.now
    gains = [mover.percent_change for mover in answer.gainers]
    losses = [mover.percent_change for mover in answer.losers]
    assert gains == sorted(gains, reverse=True) and all(gain > 0 for gain in gains)
    assert losses == sorted(losses) and all(loss < 0 for loss in losses)
    known = snapshots(market, kind is MarketType.CRYPTO)
    moved = answer.gainers + answer.losers
    assert moved and len({mover.symbol for mover in moved}) == len(moved) <= len(known)
    for mover in moved:
        price, before = known[mover.symbol]["latestTrade"]["p"], known[mover.symbol]["prevDailyBar"]["c"]
        assert mover.price == price
        assert mover.change == pytest.approx(price - before, abs=1e-9 + 1e-9 * price)
        assert mover.percent_change == pytest.approx(100 * (price / before - 1), abs=0.0051)


def test_top_is_ten_unless_asked_for(market):
    assert len(market.json(ACTIVES)["most_actives"]) == 10
    assert len(market.json(MOVERS.format("stocks"), top=2)["gainers"]) == 2


def test_until_the_session_opens_it_is_the_day_before(morning):
    """As Alpaca's reference says of movers: it resets when the market opens."""
    days = {symbol: each["dailyBar"] for symbol, each in snapshots(morning).items()}
    actives = morning.json(ACTIVES)["most_actives"]
    assert len(actives) == 10 and all(active["volume"] == days[active["symbol"]]["v"] for active in actives)
    before = morning.json(MOVERS.format("stocks"))
    morning.move(at("09:31"))
    assert sum(active["volume"] for active in morning.json(ACTIVES)["most_actives"]) < actives[0]["volume"]
    assert morning.json(MOVERS.format("stocks"))["gainers"] != before["gainers"]


def test_bad_parameters_of_the_screener_are_refused(market):
    for params in ({"by": "beauty"}, {"top": "0"}, {"top": "x"}, {"top": "101"}):
        refused(market.get(ACTIVES, **params), 400)
    refused(market.get(MOVERS.format("stocks"), top=51), 400)
    assert market.get(MOVERS.format("bonds")).status_code in (400, 404)
