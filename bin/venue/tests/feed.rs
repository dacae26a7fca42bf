//! The market data websockets as a client meets them: our own [`DataStream`], and frames by hand.

#![allow(clippy::unwrap_used, reason = "a test that fails at setting up has failed")]

mod common;

use alpaca::model::{Channels, DataMessage, Level, Of, Orderbook};
use alpaca::{AlpacaError, Client, Codec, Credentials, DataFeed, DataStream};
use common::{Desk, KEYS, Socket, TODAY, at, config, desk, desk_with, market};
use futures::{SinkExt, StreamExt};
use messages::Time;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

fn client(desk: &Desk) -> Client {
    Client::new(desk.venue.endpoints(), Credentials::new(KEYS.0, KEYS.1)).unwrap()
}

async fn stream(desk: &Desk, feed: &str, codec: Codec) -> DataStream {
    let feed = match feed {
        "crypto" => DataFeed::Crypto("us".into()),
        feed => DataFeed::Stocks(feed.into()),
    };
    DataStream::connect(&client(desk), &feed, codec).await.unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "what a channel holds")]
fn only(symbol: &str) -> Option<Vec<String>> {
    Some(vec![symbol.to_owned()])
}

/// A connection by hand that has been told `connected`.
async fn connected(desk: &Desk, feed: &str) -> Socket {
    let mut socket = Socket::connect(&format!("ws://{}/{feed}", desk.venue.addr())).await;
    assert_eq!(socket.next().await, Some(json!([{"T": "success", "msg": "connected"}])));
    socket
}

async fn authenticated(desk: &Desk, feed: &str) -> Socket {
    let mut socket = connected(desk, feed).await;
    let yes = json!([{"T": "success", "msg": "authenticated"}]);
    assert_eq!(ask(&mut socket, auth()).await, yes);
    socket
}

fn auth() -> Value {
    json!({"action": "auth", "key": KEYS.0, "secret": KEYS.1})
}

async fn ask(socket: &mut Socket, request: Value) -> Value {
    socket.send(request).await;
    socket.next().await.expect("an answer")
}

fn error(code: u16, msg: &str) -> Value {
    json!([{"T": "error", "code": code, "msg": msg}])
}

/// When, and what: bars at their end.
fn told(message: &DataMessage) -> (char, Time) {
    const MINUTE: i64 = 60_000_000_000;
    match message {
        DataMessage::Trade(trade) => ('t', trade.data.t.0),
        DataMessage::Quote(quote) => ('q', quote.data.t.0),
        DataMessage::Bar(bar) => ('b', Time(bar.data.t.0.0 + MINUTE)),
        DataMessage::DailyBar(bar) => ('d', bar.data.t.0),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_encodings_tell_the_tape() {
    let mut config = config();
    config.feed.connections_max = 2;
    let desk = desk_with(config).await;
    let mut json = stream(&desk, "sip", Codec::Json).await;
    let mut packed = stream(&desk, "sip", Codec::Msgpack).await;
    let channels = Channels {
        trades: only("AAPL"),
        quotes: only("AAPL"),
        bars: only("*"),
        daily_bars: only("AAPL"),
        ..Channels::default()
    };
    for stream in [&mut json, &mut packed] {
        stream.subscribe(channels.clone()).await.unwrap();
    }
    desk.step(TODAY, 9, 32).await;

    let (from, to) = (at(TODAY, 8, 0), at(TODAY, 9, 32));
    let market = market();
    let aapl = market.find("AAPL").unwrap();
    let ticks: Vec<_> = market.ticks(aapl, from, to).collect();
    let bars = (0..market.equities().len()).map(|asset| market.minutes(asset, from, to).count());
    let bars: usize = bars.sum();
    let days = market.minutes(aapl, from, to).count();
    let mut heard = Vec::new();
    for _ in 0..2 * ticks.len() + bars + days {
        heard.push(json.next().await.unwrap());
        assert_eq!(packed.next().await.unwrap(), heard[heard.len() - 1]);
    }
    let trades: Vec<_> = heard
        .iter()
        .filter_map(|one| match one {
            DataMessage::Trade(trade) => Some((trade.data.t.0, trade.data.p, trade.data.i)),
            _ => None,
        })
        .collect();
    let number = |decimal: &dyn ToString| decimal.to_string().parse::<f64>().unwrap();
    let taped: Vec<_> = ticks.iter().map(|one| (one.at, number(&one.price), one.id)).collect();
    assert_eq!(trades, taped);
    assert!(bars >= 2 && !trades.is_empty(), "something happens in two minutes");
    let times = heard.iter().map(told).filter(|one| one.0 != 'd').map(|one| one.1);
    assert!(times.is_sorted(), "in the order of time");
    let Some(DataMessage::DailyBar(day)) =
        heard.iter().rfind(|one| matches!(one, DataMessage::DailyBar(_)))
    else {
        panic!("the day grows");
    };
    let before: f64 = ticks.iter().filter(|one| one.at < to).map(|one| number(&one.size)).sum();
    assert_eq!(day.data.v, Some(before), "all that was traded by then");
}

#[tokio::test]
async fn subscriptions_add_up_and_are_told_whole() {
    let desk = desk().await;
    let mut stream = stream(&desk, "iex", Codec::Msgpack).await;
    let first = Channels { trades: only("AAPL"), bars: only("*"), ..Channels::default() };
    let state = stream.subscribe(first).await.unwrap();
    assert_eq!((&state.trades, &state.bars), (&only("AAPL"), &only("*")));
    assert_eq!((&state.corrections, &state.cancel_errors), (&only("AAPL"), &only("AAPL")));
    for channel in [&state.quotes, &state.updated_bars, &state.daily_bars, &state.statuses] {
        assert_eq!(channel, &Some(Vec::new()));
    }
    assert_eq!((state.lulds, state.imbalances, state.orderbooks), (Some(Vec::new()), None, None));
    let more = Channels { trades: only("BRK.B"), imbalances: only("AAPL"), ..Channels::default() };
    let state = stream.subscribe(more).await.unwrap();
    assert_eq!(state.trades, Some(vec!["AAPL".into(), "BRK.B".into()]));
    assert_eq!((state.bars, state.imbalances), (only("*"), only("AAPL")));
    let less = Channels { trades: only("AAPL"), quotes: only("XOM"), ..Channels::default() };
    let state = stream.unsubscribe(less).await.unwrap();
    assert_eq!((state.trades, state.quotes), (only("BRK.B"), Some(Vec::new())));

    let mut test = authenticated(&desk, "v2/test").await;
    let answer = ask(&mut test, json!({"action": "subscribe", "bars": ["FAKEPACA"]})).await;
    assert_eq!(
        answer,
        json!([{"T": "subscription", "trades": [], "quotes": [], "bars": ["FAKEPACA"]}])
    );
}

#[tokio::test]
async fn each_mistake_has_its_code() {
    let mut config = config();
    config.feed.symbols_max = Some(3);
    config.feed.sip = false;
    let desk = desk_with(config).await;
    let mut socket = connected(&desk, "v2/iex").await;
    let subscribe = |symbols: &[&str]| json!({"action": "subscribe", "trades": symbols});
    assert_eq!(ask(&mut socket, subscribe(&["AAPL"])).await, error(401, "not authenticated"));
    let wrong = json!({"action": "auth", "key": KEYS.0, "secret": "nonsense"});
    assert_eq!(ask(&mut socket, wrong).await, error(402, "auth failed"));
    assert_eq!(ask(&mut socket, auth()).await[0]["msg"], "authenticated", "another try");
    assert_eq!(ask(&mut socket, auth()).await, error(403, "already authenticated"));
    for nonsense in [
        json!("hello"),
        json!({"action": "dance"}),
        json!({"action": "subscribe", "trades": "AAPL"}),
        subscribe(&["AAPL", "not a symbol"]),
        subscribe(&["aapl"]),
        subscribe(&[""]),
    ] {
        assert_eq!(ask(&mut socket, nonsense).await, error(400, "invalid syntax"));
    }
    socket.0.send(Message::text("{")).await.unwrap();
    assert_eq!(socket.next().await, Some(error(400, "invalid syntax")));
    let books = json!({"action": "subscribe", "orderbooks": ["AAPL"]});
    let not_here = error(410, "invalid subscribe action for this feed");
    assert_eq!(ask(&mut socket, books).await, not_here);

    let many = json!({"action": "subscribe", "trades": ["AAPL", "XOM"], "quotes": ["AAPL"]});
    assert_eq!(ask(&mut socket, many).await[0]["T"], "subscription");
    let limit = error(405, "symbol limit exceeded");
    assert_eq!(ask(&mut socket, subscribe(&["BA"])).await, limit);
    assert_eq!(ask(&mut socket, subscribe(&["*"])).await, limit);
    let state = ask(&mut socket, json!({"action": "subscribe", "bars": ["*"]})).await;
    assert_eq!(state[0]["trades"], json!(["AAPL", "XOM"]), "unchanged; bars are free");

    let mut second = connected(&desk, "v2/iex").await;
    assert_eq!(ask(&mut second, auth()).await, error(406, "connection limit exceeded"));
    assert_eq!(second.next().await, None, "closed");
    let mut sip = connected(&desk, "v2/sip").await;
    assert_eq!(ask(&mut sip, auth()).await, error(409, "insufficient subscription"));
    drop(socket);
}

#[tokio::test]
async fn who_says_nothing_is_sent_away() {
    let mut config = config();
    config.feed.auth_timeout = Duration::from_millis(50);
    let desk = desk_with(config).await;
    let mut quiet = connected(&desk, "v2/iex").await;
    let mut known = authenticated(&desk, "v2/sip").await;
    assert_eq!(quiet.next().await, Some(error(404, "auth timeout")));
    assert_eq!(quiet.next().await, None);
    let answer = ask(&mut known, json!({"action": "subscribe"})).await;
    assert_eq!(answer[0]["T"], "subscription", "who is known stays");
}

#[tokio::test]
async fn keys_in_the_handshake_are_enough() {
    let desk = desk().await;
    for (secret, answer) in [(KEYS.1, "authenticated"), ("nonsense", "auth failed")] {
        let url = format!("ws://{}/v2/iex", desk.venue.addr());
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("APCA-API-KEY-ID", KEYS.0.parse().unwrap());
        request.headers_mut().insert("APCA-API-SECRET-KEY", secret.parse().unwrap());
        let mut socket = Socket(connect_async(request).await.unwrap().0);
        assert_eq!(socket.next().await.unwrap()[0]["msg"], "connected");
        assert_eq!(socket.next().await.unwrap()[0]["msg"], answer, "unasked");
        socket.0.close(None).await.unwrap();
        while socket.next().await.is_some() {}
    }
    let mut socket = connected(&desk, "v1beta3/crypto/us").await;
    let token = json!({"action": "auth", "key": "oauth", "secret": KEYS.1});
    assert_eq!(ask(&mut socket, token).await[0]["msg"], "authenticated");
}

#[tokio::test]
async fn our_client_knows_what_is_worth_another_try() {
    let desk = desk().await;
    let feed = DataFeed::Stocks("iex".into());
    let _first = stream(&desk, "iex", Codec::Msgpack).await;
    let second = DataStream::connect(&client(&desk), &feed, Codec::Json).await.unwrap_err();
    assert!(matches!(second, AlpacaError::Stream { code: 406, .. }) && second.is_transient());
    let stranger = Client::new(desk.venue.endpoints(), Credentials::new("PK", "hush")).unwrap();
    let unknown = DataStream::connect(&stranger, &feed, Codec::Msgpack).await.unwrap_err();
    assert!(matches!(unknown, AlpacaError::Stream { code: 402, .. }) && !unknown.is_transient());
    assert!(!unknown.to_string().contains("hush"), "{unknown}");
    let nowhere = DataFeed::Crypto("moon".into());
    assert!(DataStream::connect(&client(&desk), &nowhere, Codec::Json).await.is_err());
    let (status, _) = desk.refused("/v2/iex").await;
    assert_eq!(status, 400, "a websocket and nothing else");
}

#[tokio::test]
async fn who_does_not_read_is_cut_off() {
    let mut config = config();
    config.feed.backlog_max = 4;
    let desk = desk_with(config).await;
    let mut slow = authenticated(&desk, "v2/iex").await;
    let mut other = authenticated(&desk, "v2/sip").await;
    assert_eq!(
        ask(&mut slow, json!({"action": "subscribe", "trades": ["*"]})).await[0]["T"],
        "subscription"
    );
    assert_eq!(
        ask(&mut other, json!({"action": "subscribe", "bars": ["AAPL"]})).await[0]["T"],
        "subscription"
    );
    desk.step(TODAY, 12, 0).await;
    let mut last = Value::Null;
    while let Some(message) = slow.next().await {
        last = message;
    }
    assert_eq!(last, error(407, "slow client"));
    let first = other.next().await.unwrap();
    assert!(
        first[0]["T"] == "b" && first.as_array().unwrap().len() > 1,
        "many in a frame: {first}"
    );
}

#[tokio::test]
async fn fragments_and_pings() {
    let desk = desk().await;
    let mut socket = connected(&desk, "v2/iex").await;
    let text = auth().to_string();
    let (first, second) = text.split_at(11);
    let piece = |part: &str, opcode, last| {
        Message::Frame(Frame::message(part.as_bytes().to_vec(), OpCode::Data(opcode), last))
    };
    socket.0.send(piece(first, Data::Text, false)).await.unwrap();
    socket.0.send(Message::Ping("between".into())).await.unwrap();
    socket.0.send(piece(second, Data::Continue, true)).await.unwrap();
    let (mut pong, mut answer) = (false, Value::Null);
    while !pong || answer.is_null() {
        match socket.0.next().await.unwrap().unwrap() {
            Message::Pong(bytes) => pong = bytes == "between",
            Message::Text(text) => answer = serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answer[0]["msg"], "authenticated");
}

#[tokio::test]
async fn messagepack_is_in_binary_frames_with_its_own_times() {
    let desk = desk().await;
    let url = format!("ws://{}/v1beta3/crypto/us", desk.venue.addr());
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("content-type", "application/msgpack".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let mut frames = Vec::new();
    let subscribe = json!({"action": "subscribe", "trades": ["BTC/USD"]});
    for request in [auth(), subscribe] {
        frames.push(socket.next().await.unwrap().unwrap());
        socket.send(Message::binary(Codec::Msgpack.write(&request))).await.unwrap();
    }
    frames.push(socket.next().await.unwrap().unwrap());
    desk.step(TODAY, 8, 1).await;
    frames.push(socket.next().await.unwrap().unwrap());
    assert!(frames.iter().all(Message::is_binary), "{frames:?}");
    let data = frames.pop().unwrap().into_data();
    assert_eq!(data[0] & 0xf0, 0x90, "an array");
    assert_eq!(data[2..6], [0xa1, b'T', 0xa1, b't'], "T first");
    let seconds = at(TODAY, 8, 0).0 / 1_000_000_000 + 15;
    let stamp = [&[0xa1, b't', 0xd6, 0xff][..], &(seconds as u32).to_be_bytes()].concat();
    assert!(data.windows(stamp.len()).any(|part| part == stamp), "t is a timestamp: {data:x?}");
}

#[tokio::test]
async fn an_order_book_comes_whole_and_then_in_changes() {
    let desk = desk().await;
    let mut stream = stream(&desk, "crypto", Codec::Json).await;
    let books = Channels { orderbooks: only("BTC/USD"), ..Channels::default() };
    stream.subscribe(books.clone()).await.unwrap();
    let DataMessage::Orderbook(Of { data: mut book, .. }) = stream.next().await.unwrap() else {
        panic!("the book");
    };
    assert_eq!(book.r, Some(true));
    let market = market();
    let pair = market.find("BTC/USD").unwrap();
    let count = market.ticks(pair, at(TODAY, 8, 0), at(TODAY, 8, 2)).count();
    desk.step(TODAY, 8, 2).await;
    for _ in 0..count {
        let DataMessage::Orderbook(change) = stream.next().await.unwrap() else {
            panic!("a change")
        };
        assert_eq!(change.data.r, None);
        apply(&mut book, &change.data);
    }
    assert!(count > 0);
    let rest = client(&desk).crypto_orderbooks("us", &["BTC/USD"]).await.unwrap();
    let now = &rest.orderbooks["BTC/USD"];
    assert_eq!((&book.b, &book.a), (&now.b, &now.a), "what REST shows");
    let left = stream.unsubscribe(books.clone()).await.unwrap();
    assert_eq!(left.orderbooks, Some(Vec::new()));
    stream.subscribe(books).await.unwrap();
    assert!(
        matches!(stream.next().await.unwrap(), DataMessage::Orderbook(one) if one.data.r == Some(true))
    );
}

fn apply(book: &mut Orderbook, change: &Orderbook) {
    for (levels, changes) in [(&mut book.b, &change.b), (&mut book.a, &change.a)] {
        for change in changes {
            levels.retain(|level| level.p != change.p);
            if change.s > 0.0 {
                levels.push(Level { ..*change });
            }
        }
    }
    book.b.sort_by(|x, y| y.p.total_cmp(&x.p));
    book.a.sort_by(|x, y| x.p.total_cmp(&y.p));
}

#[tokio::test]
async fn the_delayed_stream_is_a_quarter_of_an_hour_behind() {
    let desk = desk().await;
    let mut stream = stream(&desk, "delayed_sip", Codec::Json).await;
    stream.subscribe(Channels { trades: only("AAPL"), ..Channels::default() }).await.unwrap();
    desk.step(TODAY, 9, 44).await;
    let early = timeout(Duration::from_millis(50), stream.next()).await;
    assert!(early.is_err(), "nothing of the open yet: {early:?}");
    desk.step(TODAY, 9, 46).await;
    let DataMessage::Trade(first) = stream.next().await.unwrap() else { panic!("a trade") };
    let market = market();
    let aapl = market.find("AAPL").unwrap();
    let open = market.ticks(aapl, at(TODAY, 8, 0), at(TODAY, 9, 31)).next().unwrap();
    assert_eq!((first.data.t.0, first.data.i), (open.at, open.id));
}

#[tokio::test]
async fn the_test_stream_ticks_on_the_machines_clock() {
    let desk = desk().await;
    let mut stream = stream(&desk, "test", Codec::Msgpack).await;
    let channels =
        Channels { trades: only("FAKEPACA"), quotes: only("FAKEPACA"), ..Channels::default() };
    stream.subscribe(channels).await.unwrap();
    let (trade, quote) = (stream.next().await.unwrap(), stream.next().await.unwrap());
    let DataMessage::Trade(trade) = trade else { panic!("{trade:?}") };
    let DataMessage::Quote(quote) = quote else { panic!("{quote:?}") };
    assert_eq!((trade.symbol.as_str(), trade.data.t), ("FAKEPACA", quote.data.t));
    assert!(quote.data.bp < trade.data.p && trade.data.p < quote.data.ap);
    let now = jiff::Timestamp::now().as_nanosecond() as i64;
    assert!((now - trade.data.t.0.0).abs() < 5_000_000_000, "it is now");
}
