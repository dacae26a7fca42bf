"""§1: keys, rates, unknown paths."""
import time

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from desk import KEY, SECRET, at, opened, refused

PATHS = ["/v2/account", "/v2/orders", "/v2/positions", "/v2/assets", "/v2/clock",
         "/v2/stocks/bars?symbols=AAPL&timeframe=1Day"]


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """A venue that takes two hundred requests a minute."""
    with opened(tmp_path_factory.mktemp("limited") / "log", at("14:00"), "--rate-limit", "200") as desk:
        yield desk


def test_a_key_pair_opens(market):
    assert market.trading.get_account().status.value == "ACTIVE"


@pytest.mark.parametrize("path", PATHS)
def test_without_any_key_the_answer_is_401_and_a_page(market, path):
    answer = requests.get(market.url + path, timeout=10)
    assert answer.status_code == 401 and answer.headers["content-type"].startswith("text/html")
    assert "<html>" in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_key_is_unauthorized_without_a_code(market, path):
    answer = requests.get(market.url + path, timeout=10,
                          headers={"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": "wrong"})
    assert answer.status_code == 401 and answer.json() == {"message": "unauthorized."}


def test_the_sdk_raises_on_a_wrong_key(market):
    with pytest.raises(APIError, match="unauthorized") as error:
        TradingClient("PKWRONG", "wrong", url_override=market.url).get_account()
    assert error.value.status_code == 401


def test_an_oauth_token_opens(market):
    """Here the secret key is the token."""
    assert TradingClient(oauth_token=SECRET, url_override=market.url).get_account().status.value == "ACTIVE"


def test_a_wrong_bearer_token_is_unauthorized(market):
    answer = requests.get(market.url + "/v2/account", headers={"Authorization": "Bearer nobody"}, timeout=10)
    assert answer.status_code == 401


def test_half_a_pair_of_keys_is_unauthorized(market):
    answer = requests.get(market.url + "/v2/account", headers={"APCA-API-KEY-ID": KEY}, timeout=10)
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/v2/nothing", "/v3/account", "/"])
def test_an_unknown_path_is_not_found(market, path):
    answer = market.get(path)
    assert answer.status_code == 404 and answer.json()["message"]


def test_a_method_that_a_path_has_not(market):
    assert market.post("/v2/account", {}).status_code in (404, 405)


@pytest.mark.parametrize("path", ["/v2/clock", "/v2/calendar?start=2019-06-12&end=2019-06-12",
                                  "/v2/stocks/bars?symbols=AAPL&timeframe=1Day",
                                  "/v2/stocks/trades/latest?symbols=AAPL",
                                  "/v1beta3/crypto/us/latest/bars?symbols=BTC/USD"])
def test_answers_carry_the_state_of_the_rate_limit(limited, path):
    headers = limited.get(path).headers
    # Of the basic plan, or of the one that has all data.
    assert headers["X-RateLimit-Limit"] in ("200", "10000")
    assert 0 <= int(headers["X-RateLimit-Remaining"]) < int(headers["X-RateLimit-Limit"])
    assert time.time() - 1 <= int(headers["X-RateLimit-Reset"]) <= time.time() + 61


def test_remaining_requests_count_down(limited):
    left = [int(limited.get("/v2/clock").headers["X-RateLimit-Remaining"]) for _ in range(3)]
    # Between two of them the bucket may have been filled again.
    assert any(b == a - 1 for a, b in zip(left, left[1:])), left


def test_429_after_the_last_request(tmp_path):
    with opened(tmp_path / "log", None, "--rate-limit", "3") as desk:
        answers = [desk.get("/v2/account") for _ in range(5)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:3] == [200, 200, 200] and 429 in statuses[3:]
        assert refused(answers[statuses.index(429)], 429)["message"]


def test_a_limited_request_is_not_carried_out(tmp_path):
    with opened(tmp_path / "log", at("10:00"), "--rate-limit", "2") as desk:
        answers = [desk.order(qty="1", type="limit", limit_price="1") for _ in range(4)]
        taken = [answer for answer in answers if answer.status_code == 200]
        assert len(taken) == 2 and {answer.status_code for answer in answers[2:]} == {429}


def test_a_venue_without_keys_lets_everybody_in(tmp_path):
    with opened(tmp_path / "log", None, keys=False) as desk:
        assert requests.get(desk.url + "/v2/account", timeout=10).status_code == 200
        assert desk.trading.get_account().status.value == "ACTIVE"
