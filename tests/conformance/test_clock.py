"""The clock of the venue: stepped, or running by itself (ours, not Alpaca's)."""
import pytest
import requests
from desk import DAY, MINUTE, at, opened, parse, rfc3339
from running import wait_until
from streams import feed, updates


def test_a_stepped_clock_stands_still(desk):
    times = {desk.json("/v2/clock")["timestamp"] for _ in range(3)}
    assert len(times) == 1 and parse(times.pop()) == at("10:00")


def test_a_stepped_clock_never_goes_back(desk):
    answer = requests.post(desk.url + "/aurora/v1/clock", json={"now": rfc3339(at("09:59"))}, timeout=10)
    assert answer.status_code == 422 and parse(desk.json("/v2/clock")["timestamp"]) == at("10:00")


def test_a_step_answers_when_everything_has_happened(desk):
    order = desk.placed(type="limit", limit_price="10")
    desk.move(at("16:00:01"))
    assert desk.reread(order)["status"] == "expired"


def test_an_order_fills_without_a_step(desk):
    order = desk.placed()
    wait_until("the order is filled", lambda: desk.reread(order)["status"] == "filled", 5)


def test_in_one_large_step_happens_what_happens_in_small_ones(tmp_path):
    states = []
    for name, moments in [("large", [at("15:00")]), ("small", [at("10:00") + n * MINUTE for n in range(1, 301)])]:
        with opened(tmp_path / name, at("10:00")) as desk:
            price = desk.last()
            for number in range(8):
                kind, sign = ("stop", 1) if number % 2 else ("limit", -1)
                level = round(price * (1 + sign * (number + 1) * 0.001), 2)
                desk.placed(client_order_id=f"n{number}", type=kind, **{kind + "_price": level})
            for moment in moments:
                desk.move(moment)
            orders = desk.json("/v2/orders", status="all", direction="asc")
            keys = ("client_order_id", "status", "filled_qty", "filled_avg_price", "filled_at")
            states.append([tuple(order[key] for key in keys) for order in orders])
    assert states[0] == states[1] and {state[1] for state in states[0]} > {"filled"}


def test_the_same_seed_and_requests_give_the_same_answers(tmp_path):
    answers = []
    for name in ("one", "two"):
        with opened(tmp_path / name, at("10:00")) as desk:
            desk.filled(client_order_id="same")
            answers.append([desk.json(path) for path in ("/v2/account", "/v2/positions", "/v2/orders?status=all",
                                                         "/v2/account/activities")])
    assert answers[0] == answers[1]


@pytest.fixture
def fast(tmp_path):
    """Half an hour a second, from eight in the morning."""
    with opened(tmp_path / "log", None, "--clock", "1800x") as desk:
        yield desk


def test_a_running_clock_opens_the_session_by_itself(fast):
    assert not fast.trading.get_clock().is_open
    wait_until("the session is open", lambda: fast.trading.get_clock().is_open, 20)
    assert parse(fast.json("/v2/clock")["timestamp"]).date() == DAY


def test_a_running_clock_fills_and_streams(fast):
    with updates(fast) as stream, feed(fast, bars=["AAPL"]) as data:
        order = fast.placed(time_in_force="opg")
        seen = [stream.receive()["data"]]
        while seen[-1]["event"] != "fill":
            seen.append(stream.receive()["data"])
        assert seen[-1]["order"]["id"] == order["id"]
        assert data.until(lambda item: item["T"] == "b")[-1]["S"] == "AAPL"


def test_a_running_clock_takes_no_steps(fast):
    answer = requests.post(fast.url + "/aurora/v1/clock", json={"now": rfc3339(at("23:00"))}, timeout=10)
    assert answer.status_code == 422
