"""§12: the websocket of crypto data."""
import msgpack
import pytest
from alpaca.data.live import CryptoDataStream
from desk import KEY, MINUTE, SECRET, at, parse
from streams import Inbox, feed, running

PATH = "/v1beta3/crypto/us"
KEYS = {"t": "p s i tks", "q": "bp bs ap as", "b": "o h l c v n vw", "d": "o h l c v n vw"}


def of(kind):
    return lambda item: item["T"] == kind


@pytest.mark.parametrize("place", ["us", "us-1", "eu-1"])
def test_every_location_streams(desk, place):
    with feed(desk, f"/v1beta3/crypto/{place}", bars=["BTC/USD"]):
        pass


def test_the_state_of_a_subscription_has_order_books(desk):
    with feed(desk, PATH) as stream:
        [state] = stream.ask({"action": "subscribe", "orderbooks": ["BTC/USD"], "bars": ["*"]})
        assert (state["orderbooks"], state["bars"], state["trades"]) == (["BTC/USD"], ["*"], [])


@pytest.mark.parametrize("channel,kind", [("trades", "t"), ("quotes", "q"), ("bars", "b"), ("dailyBars", "d")])
def test_keys_of_an_item(desk, channel, kind):
    with feed(desk, PATH, **{channel: ["BTC/USD"]}) as stream:
        desk.move(5 * MINUTE)
        item = stream.until(of(kind))[-1]
        assert set(item) == {"T", "S", "t", *KEYS[kind].split()} and item["S"] == "BTC/USD"


def test_an_order_book_comes_whole_first(desk):
    with feed(desk, PATH, orderbooks=["BTC/USD"]) as stream:
        desk.move(2 * MINUTE)
        book = stream.until(of("o"))[-1]
        assert book["r"] is True and book["S"] == "BTC/USD"
        assert all(set(level) == {"p", "s"} for level in book["a"] + book["b"]) and book["a"] and book["b"]
        assert max(level["p"] for level in book["b"]) < min(level["p"] for level in book["a"])


def test_msgpack(desk):
    with feed(desk, PATH, True, trades=["BTC/USD"], orderbooks=["BTC/USD"]) as stream:
        desk.move(5 * MINUTE)
        for item in stream.until(of("t")):
            assert list(item)[0] == "T" and isinstance(item["t"], msgpack.Timestamp)


def test_trades_of_the_stream_are_those_of_rest(desk):
    with feed(desk, PATH, trades=["ETH/USD"]) as stream:
        desk.move(10 * MINUTE)
        expected = desk.json(PATH + "/trades", symbols="ETH/USD", start="2019-06-12T14:00:00.000000001Z",
                             end="2019-06-12T14:10:00Z")["trades"]["ETH/USD"]
        seen = stream.until(lambda item: item["t"] == expected[-1]["t"])
        assert [{name: item[name] for name in trade} for item, trade in zip(seen, expected, strict=True)] == expected


def test_coins_move_at_night(desk):
    desk.move(at("22:00"))
    with feed(desk, PATH, bars=["BTC/USD"]) as stream:
        desk.move(30 * MINUTE)
        assert parse(stream.until(of("b"))[-1]["t"]) >= at("22:00")


def test_a_star_brings_every_pair(desk):
    with feed(desk, PATH, bars=["*"]) as stream:
        desk.move(10 * MINUTE)
        seen = set()
        while not {"BTC/USD", "ETH/USD"} <= seen:
            seen |= {item["S"] for item in stream.receive()}
        assert all("/" in symbol for symbol in seen)


def test_a_pair_without_slash_is_invalid_syntax(desk):
    with feed(desk, PATH) as stream:
        [answer] = stream.ask({"action": "subscribe", "trades": ["BTC USD!"]})
        assert (answer["T"], answer["code"]) == ("error", 400)


def test_channels_of_stocks_are_refused(desk):
    with feed(desk, PATH) as stream:
        [answer] = stream.ask({"action": "subscribe", "lulds": ["BTC/USD"]})
        assert (answer["T"], answer["code"]) == ("error", 410)


def test_the_sdk_hears_everything_of_a_coin(desk):
    trades, quotes, minutes, books = Inbox(), Inbox(), Inbox(), Inbox()
    client = CryptoDataStream(KEY, SECRET, url_override=desk.websocket + PATH)
    client.subscribe_trades(trades.handle, "BTC/USD")
    client.subscribe_quotes(quotes.handle, "BTC/USD")
    client.subscribe_bars(minutes.handle, "BTC/USD", "ETH/USD")
    client.subscribe_orderbooks(books.handle, "BTC/USD")
    with running(client, lambda message: message.get("T") == "subscription"):
        desk.move(5 * MINUTE)
        trade, quote, minute, book = (inbox.next() for inbox in (trades, quotes, minutes, books))
    assert trade.symbol == "BTC/USD" and trade.price > 0 and quote.bid_price < quote.ask_price
    assert at("10:00") <= minute.timestamp < desk.now and book.bids[0].price < book.asks[0].price


def test_the_sdk_hears_daily_bars_of_a_coin(desk):
    days = Inbox()
    client = CryptoDataStream(KEY, SECRET, url_override=desk.websocket + PATH, raw_data=True)
    client.subscribe_daily_bars(days.handle, "*")
    with running(client, lambda message: message.get("T") == "subscription"):
        desk.move(2 * MINUTE)
        day = days.next()
    assert day["T"] == "d" and day["t"].to_datetime().hour == 0
