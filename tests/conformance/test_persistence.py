"""A venue with a folder for its state goes on where it was, also after it was killed."""
import subprocess

import pytest
from desk import DAY, KEY, MINUTE, SECRET, at, opened
from running import venue

READ = ["/v2/account", "/v2/positions", "/v2/orders?status=all&nested=true&limit=500", "/v2/account/activities",
        "/v2/account/configurations", "/v2/watchlists", "/v2/account/portfolio/history?period=1D&timeframe=15Min",
        "/v2/clock"]


@pytest.fixture
def restarted(tmp_path):
    """What every path answered before the end of a venue, and a desk of its successor."""
    state = tmp_path / "state"
    with opened(tmp_path / "first.log", at("10:00"), "--state", str(state)) as desk:
        desk.filled(qty="20", client_order_id="filled")
        desk.filled(symbol="BTC/USD", qty="0.1", time_in_force="gtc")
        desk.filled(symbol="MSFT", side="sell", qty="5")
        desk.placed(client_order_id="open", type="limit", limit_price="10", time_in_force="gtc")
        desk.placed(order_class="bracket", symbol="SPY", take_profit={"limit_price": "9000"},
                    stop_loss={"stop_price": "1"})
        gone = desk.placed(type="limit", limit_price="11")
        desk.move(at("11:00"))
        desk.patch(f"/v2/orders/{gone['id']}", {"qty": "4", "client_order_id": "replaced"})
        desk.move(MINUTE)
        desk.delete("/v2/positions/AAPL", qty="5")
        desk.patch("/v2/account/configurations", {"no_shorting": True})
        desk.post("/v2/watchlists", {"name": "mine", "symbols": ["AAPL"]})
        desk.move(at("12:00"))
        before = {path: desk.json(path) for path in READ}
        desk.process.kill()
        desk.process.wait()
    with opened(tmp_path / "second.log", None, "--state", str(state)) as desk:
        # Its clock is stepped: it may have to be told what the time is.
        if desk.trading.get_clock().timestamp < at("12:00"):
            desk.move(at("12:00"))
        desk.now = at("12:00")
        yield before, desk


def test_everything_reads_as_before(restarted):
    before, desk = restarted
    for path in READ:
        assert desk.json(path) == before[path], path


def test_it_goes_on(restarted):
    before, desk = restarted
    assert desk.filled(qty="1")["status"] == "filled"
    order = desk.json("/v2/orders:by_client_order_id", client_order_id="open")
    assert desk.delete(f"/v2/orders/{order['id']}").status_code == 204


def test_client_order_ids_stay_taken(restarted):
    before, desk = restarted
    for name in ("filled", "open", "replaced"):
        assert desk.order(client_order_id=name).status_code == 422


def test_new_ids_are_new(restarted):
    before, desk = restarted
    old = {order["id"] for order in before[READ[2]]}
    assert desk.placed(qty="1", type="limit", limit_price="1")["id"] not in old


def test_the_state_of_another_market_is_refused_by_name(tmp_path):
    state = tmp_path / "state"
    with opened(tmp_path / "first.log", at("10:00"), "--state", str(state)) as desk:
        desk.filled()
    other = [venue(), "--synthetic", "8", "--symbols", "30", "--sessions", "260", "--start", str(DAY),
             "--key-id", KEY, "--secret-key", SECRET, "--state", str(state)]
    done = subprocess.run(other, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and str(state) in done.stderr, done.stderr
