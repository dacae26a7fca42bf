"""§12: the websocket of stock data."""
import msgpack
import pytest
from alpaca.data.live import StockDataStream
from desk import KEY, MINUTE, SECRET, UTC_TIME, at, parse
from streams import Inbox, feed, running, socket

CONNECTED, AUTHENTICATED = [{"T": "success", "msg": "connected"}], [{"T": "success", "msg": "authenticated"}]
AUTH = {"action": "auth", "key": KEY, "secret": SECRET}
CHANNELS = "trades quotes bars updatedBars dailyBars statuses lulds corrections cancelErrors".split()
KEYS = {"t": "i x p s c z", "q": "ax ap as bx bp bs c z", "b": "o h l c v n vw", "d": "o h l c v n vw",
        "u": "o h l c v n vw"}


def of(kind):
    return lambda item: item["T"] == kind


def error(stream, message):
    [answer] = stream.ask(message)
    assert answer["T"] == "error" and isinstance(answer["msg"], str), answer
    return answer["code"]


def test_the_server_speaks_first(desk):
    with socket(desk.websocket + "/v2/iex") as stream:
        assert stream.receive() == CONNECTED


@pytest.mark.parametrize("path", ["/v2/iex", "/v2/sip", "/v2/delayed_sip", "/v2/test"])
def test_every_feed_of_stocks_authenticates(desk, path):
    with socket(desk.websocket + path) as stream:
        assert stream.receive() == CONNECTED and stream.ask(AUTH) == AUTHENTICATED


def test_keys_of_the_handshake_authenticate_unasked(desk):
    with socket(desk.websocket + "/v2/iex", **{"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}) as stream:
        assert stream.receive() == CONNECTED and stream.receive() == AUTHENTICATED


@pytest.mark.parametrize("binary,frames", [(False, str), (True, bytes)])
def test_json_goes_in_text_frames_and_msgpack_in_binary_ones(desk, binary, frames):
    with feed(desk, binary=binary, bars=["AAPL"]) as stream:
        assert set(stream.frames) == {frames}


def test_json_content_type_is_json(desk):
    with socket(desk.websocket + "/v2/iex", **{"Content-Type": "application/json"}) as stream:
        assert stream.receive() == CONNECTED and stream.frames == [str]


def test_402_for_a_wrong_key(desk):
    with socket(desk.websocket + "/v2/iex") as stream:
        stream.receive()
        assert error(stream, {**AUTH, "secret": "wrong"}) == 402


def test_401_before_authentication(desk):
    with socket(desk.websocket + "/v2/iex") as stream:
        stream.receive()
        assert error(stream, {"action": "subscribe", "bars": ["AAPL"]}) == 401


def test_403_for_a_second_authentication_which_harms_nothing(desk):
    with feed(desk) as stream:
        assert error(stream, AUTH) == 403
        assert stream.ask({"action": "subscribe", "bars": ["AAPL"]})[0]["bars"] == ["AAPL"]


@pytest.mark.parametrize("message", ["nonsense", "[]", '{"action":"dance"}', "{}"])
def test_400_for_invalid_syntax(desk, message):
    with feed(desk) as stream:
        stream.connection.send(message)
        [answer] = stream.receive()
        assert (answer["T"], answer["code"]) == ("error", 400), answer


def test_400_for_symbols_that_are_no_list(desk):
    with feed(desk) as stream:
        assert error(stream, {"action": "subscribe", "bars": "AAPL"}) == 400


def test_410_for_a_channel_of_coins(desk):
    with feed(desk) as stream:
        assert error(stream, {"action": "subscribe", "orderbooks": ["AAPL"]}) == 410


def test_404_for_a_client_that_never_authenticates(desk):
    with socket(desk.websocket + "/v2/iex") as stream:
        stream.receive()
        [answer] = stream.receive(15)
        assert (answer["T"], answer["code"]) == ("error", 404)


def test_406_for_a_second_connection(desk):
    with feed(desk), socket(desk.websocket + "/v2/iex") as other:
        first = other.receive()
        answer = first if first[0]["T"] == "error" else other.ask(AUTH)
        assert (answer[0]["T"], answer[0]["code"]) == ("error", 406), answer


def test_a_connection_that_ended_makes_room(desk):
    for _ in range(3):
        with feed(desk, bars=["AAPL"]):
            pass


def test_a_connection_to_each_endpoint(desk):
    with feed(desk, "/v2/iex"), feed(desk, "/v2/test"), feed(desk, "/v1beta3/crypto/us"):
        pass


def test_the_state_of_a_subscription_is_complete(desk):
    with feed(desk) as stream:
        [state] = stream.ask({"action": "subscribe", "quotes": ["MSFT"], "bars": ["*"], "dailyBars": ["SPY"]})
        assert {name: state[name] for name in CHANNELS} == {
            **{name: [] for name in CHANNELS}, "quotes": ["MSFT"], "bars": ["*"], "dailyBars": ["SPY"]}


def test_trades_bring_corrections_and_cancels_along(desk):
    with feed(desk) as stream:
        [state] = stream.ask({"action": "subscribe", "trades": ["AAPL"]})
        assert state["trades"] == state["corrections"] == state["cancelErrors"] == ["AAPL"]
        [state] = stream.ask({"action": "unsubscribe", "trades": ["AAPL"]})
        assert state["trades"] == state["corrections"] == state["cancelErrors"] == []


def test_subscriptions_add_up_and_are_taken_back(desk):
    with feed(desk, bars=["AAPL"], quotes=["AAPL"]) as stream:
        [state] = stream.ask({"action": "subscribe", "bars": ["MSFT"]})
        assert sorted(state["bars"]) == ["AAPL", "MSFT"] and state["quotes"] == ["AAPL"]
        [state] = stream.ask({"action": "unsubscribe", "bars": ["AAPL"], "quotes": ["AAPL"]})
        assert (state["bars"], state["quotes"]) == (["MSFT"], [])


def test_statuses_lulds_and_imbalances_are_subscribed(desk):
    with feed(desk) as stream:
        [state] = stream.ask({"action": "subscribe", "statuses": ["*"], "lulds": ["AAPL"], "imbalances": ["AAPL"]})
        assert (state["statuses"], state["lulds"], state["imbalances"]) == (["*"], ["AAPL"], ["AAPL"])


@pytest.mark.parametrize("channel,kind", [("trades", "t"), ("quotes", "q"), ("bars", "b"), ("dailyBars", "d")])
def test_keys_of_an_item_in_json(desk, channel, kind):
    with feed(desk, **{channel: ["AAPL"]}) as stream:
        desk.move(3 * MINUTE)
        item = stream.until(of(kind))[-1]
        assert set(item) == {"T", "S", "t", *KEYS[kind].split()} and item["S"] == "AAPL"
        assert UTC_TIME.fullmatch(item["t"]) and at("10:00") <= parse(item["t"]) <= desk.now or kind == "d"
        assert isinstance(item["c"], list) == (kind in "tq")


@pytest.mark.parametrize("channel,kind", [("trades", "t"), ("quotes", "q"), ("bars", "b"), ("dailyBars", "d")])
def test_an_item_in_msgpack_is_that_in_json(desk, channel, kind):
    wanted = {channel: ["AAPL"]}
    with feed(desk, "/v2/iex", **wanted) as text, feed(desk, "/v2/sip", binary=True, **wanted) as binary:
        desk.move(3 * MINUTE)
        expected, item = text.until(of(kind))[0], binary.until(of(kind))[0]
        assert list(item)[0] == "T" and isinstance(item["t"], msgpack.Timestamp)
        assert item["t"].to_datetime() == parse(expected["t"])
        other = {"t": None, "x": None, "ax": None, "bx": None}  # the feeds have other exchanges
        assert {**item, **other} == {**expected, **other}


def test_every_item_of_msgpack_begins_with_its_type(desk):
    with feed(desk, binary=True, trades=["AAPL"], quotes=["AAPL"], bars=["*"]) as stream:
        desk.move(2 * MINUTE)
        assert {list(item)[0] for item in stream.until(of("b"))} == {"T"}


def test_trades_of_the_stream_are_those_of_rest(desk):
    with feed(desk, trades=["AAPL"]) as stream:
        desk.move(10 * MINUTE)
        expected = desk.json("/v2/stocks/trades", symbols="AAPL", feed="iex", start="2019-06-12T14:00:00.000000001Z",
                             end="2019-06-12T14:10:00Z")["trades"]["AAPL"]
        seen = stream.until(lambda item: item["t"] == expected[-1]["t"])
        fields = [{name: item[name] for name in "tpsixcz"} for item in seen]
        assert fields == [{name: trade[name] for name in "tpsixcz"} for trade in expected]


def test_minutes_of_the_stream_are_those_of_rest(desk):
    with feed(desk, bars=["AAPL"]) as stream:
        desk.move(10 * MINUTE)
        expected = desk.json("/v2/stocks/bars", symbols="AAPL", timeframe="1Min", feed="iex",
                             start="2019-06-12T14:00:00Z", end="2019-06-12T14:09:59Z")["bars"]["AAPL"]
        seen = stream.until(lambda item: item["t"] == expected[-1]["t"])
        assert [{name: item[name] for name in bar} for item, bar in zip(seen, expected, strict=True)] == expected


def test_a_minute_is_sent_when_it_is_over(desk):
    with feed(desk, bars=["AAPL"]) as stream:
        desk.move(at("10:00:59"))
        assert stream.nothing()
        desk.move(at("10:01:01"))
        assert parse(stream.until(of("b"))[-1]["t"]) == at("10:00")


def test_the_daily_bar_grows_with_the_day(desk):
    with feed(desk, dailyBars=["AAPL"]) as stream:
        desk.move(MINUTE)
        first = stream.until(of("d"))[-1]
        desk.move(at("10:30"))
        later = stream.until(lambda item: item["v"] > first["v"])[-1]
        assert first["t"] == later["t"] == "2019-06-12T04:00:00Z" and first["o"] == later["o"]


def test_a_star_brings_every_symbol(desk):
    with feed(desk, bars=["*"]) as stream:
        desk.move(5 * MINUTE)
        seen = set()
        while len(seen) < 10:
            seen |= {item["S"] for item in stream.receive()}
        assert {"AAPL", "MSFT"} <= seen | {"AAPL", "MSFT"} and not any("/" in symbol for symbol in seen)


def test_a_whole_session_in_one_step_arrives_whole(desk):
    with feed(desk, trades=["*"]) as stream:
        desk.move(at("16:30"))
        seen = {"AAPL": 0, "MSFT": 0}
        expected = {symbol: len(desk.json(f"/v2/stocks/{symbol}/trades", start="2019-06-12T14:00:00.000000001Z",
                                          end="2019-06-12T20:00:00Z", limit=10000)["trades"]) for symbol in seen}
        while seen != expected:
            for item in stream.receive():
                if item["S"] in seen:
                    seen[item["S"]] += 1
        assert min(expected.values()) > 1000


def test_what_is_not_subscribed_is_not_sent(desk):
    with feed(desk, bars=["AAPL"]) as stream:
        stream.ask({"action": "unsubscribe", "bars": ["AAPL"]})
        desk.move(5 * MINUTE)
        assert stream.nothing()


def test_nothing_happens_out_of_the_session(morning):
    with feed(morning, trades=["AAPL"], quotes=["AAPL"], bars=["AAPL"]) as stream:
        morning.move(at("09:29:59"))
        assert stream.nothing()


def test_the_test_feed_always_has_its_one_symbol(morning):
    with feed(morning, "/v2/test", trades=["FAKEPACA"], quotes=["FAKEPACA"]) as stream:
        assert {item["S"] for item in stream.until(of("t"))} == {"FAKEPACA"}


def test_fragmented_messages_are_taken(desk):
    message = msgpack.packb({"action": "subscribe", "bars": ["AAPL", "MSFT"]})
    with feed(desk, binary=True) as stream:
        stream.connection.send(message[index:index + 7] for index in range(0, len(message), 7))
        assert sorted(stream.receive()[0]["bars"]) == ["AAPL", "MSFT"]


def test_pings_are_answered(desk):
    with feed(desk) as stream:
        assert stream.connection.ping().wait(5)


def subscribed(message):
    return message.get("T") == "subscription"


@pytest.mark.parametrize("path", ["/v2/iex", "/v2/sip"])
def test_the_sdk_hears_trades_quotes_and_bars(desk, path):
    trades, quotes, minutes, days = Inbox(), Inbox(), Inbox(), Inbox()
    client = StockDataStream(KEY, SECRET, url_override=desk.websocket + path)
    client.subscribe_trades(trades.handle, "AAPL")
    client.subscribe_quotes(quotes.handle, "AAPL", "MSFT")
    client.subscribe_bars(minutes.handle, "*")
    client.subscribe_daily_bars(days.handle, "AAPL")
    with running(client, subscribed):
        desk.move(3 * MINUTE)
        trade, quote, minute, day = (inbox.next() for inbox in (trades, quotes, minutes, days))
    assert trade.symbol == "AAPL" and trade.price > 0 and at("10:00") <= trade.timestamp <= desk.now
    assert 0 < quote.bid_price < quote.ask_price and minute.timestamp == at("10:00") and day.timestamp == at("00:00")


def test_the_sdk_unsubscribes(desk):
    minutes = Inbox()
    client = StockDataStream(KEY, SECRET, url_override=desk.websocket + "/v2/iex")
    client.subscribe_bars(minutes.handle, "AAPL", "MSFT")
    with running(client, subscribed):
        client.unsubscribe_bars("MSFT")
        desk.move(5 * MINUTE)
        seen = [minutes.next() for _ in range(3)]
    assert {minute.symbol for minute in seen} == {"AAPL"}


def test_the_sdk_subscribes_to_hundreds_of_symbols_in_fragments(desk):
    """Its messages are cut at 32 KiB."""
    minutes = Inbox()
    client = StockDataStream(KEY, SECRET, url_override=desk.websocket + "/v2/iex")
    client.subscribe_bars(minutes.handle, "AAPL", *(f"Q{number:06}".translate(str.maketrans("0123456789", "ABCDEFGHIJ"))
                                                    for number in range(6000)))
    with running(client, subscribed):
        desk.move(2 * MINUTE)
        assert minutes.next().symbol == "AAPL"
