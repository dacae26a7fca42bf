//! Orders of every kind over REST, and what the trading stream says of them.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Desk, KEYS, TODAY, desk, market};
use futures::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

fn symbol(n: usize) -> String {
    market().assets()[n].symbol.to_string()
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

async fn ask(desk: &Desk, method: Method, path: &str) -> (u16, Value) {
    let (status, body) = desk.ask(method, path, Value::Null).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_bracket_lives_nested_and_flat() {
    let desk = desk().await;
    desk.step(TODAY, 10, 0).await;
    let mut stream = desk.stream().await;
    let name = symbol(0);
    let last = number(&{
        let probe = desk.order(json!({"symbol": name, "qty": 1})).await;
        desk.get(&format!("/v2/orders/{}", probe["id"].as_str().unwrap())).await["filled_avg_price"]
            .clone()
    });
    let price = |factor: f64| format!("{:.2}", last * factor);
    let posted = desk
        .order(json!({"symbol": name, "qty": "3", "order_class": "bracket",
            "take_profit": {"limit_price": price(1.5)},
            "stop_loss": {"stop_price": price(0.6), "limit_price": price(0.5)}}))
        .await;
    assert_eq!(posted["status"], "pending_new");
    let legs = posted["legs"].as_array().unwrap();
    assert_eq!(
        (legs[0]["type"].as_str(), legs[1]["type"].as_str()),
        (Some("limit"), Some("stop_limit"))
    );
    assert!(legs.iter().all(|leg| leg["status"] == "held" && leg["order_class"] == "bracket"));
    let mut events = Vec::new();
    while events.len() < 5 {
        let update = stream.next().await.unwrap();
        assert!(update["data"]["timestamp"].is_string());
        events.push((update["data"]["event"].clone(), update["data"]["order"]["id"].clone()));
    }
    let id = |order: &Value| order["id"].clone();
    let expected = [("new", id(&posted)), ("fill", id(&posted)), ("new", id(&legs[0]))];
    assert_eq!(events[2..], expected.map(|(event, id)| (json!(event), id)));
    // The parent has filled, so that its open legs are listed by themselves even where legs are nested.
    let open = desk.get("/v2/orders?nested=True").await;
    assert_eq!(open.as_array().unwrap().len(), 2);
    let all = desk.get("/v2/orders?status=all&nested=true&limit=1").await;
    assert_eq!(all[0]["legs"].as_array().unwrap().len(), 2);
    let flat = desk.get("/v2/orders?status=all&direction=asc").await;
    assert_eq!(flat.as_array().unwrap().len(), 4);
    assert!(flat.as_array().unwrap().iter().all(|order| order["legs"].is_null()));
    let path = format!("/v2/orders/{}", posted["id"].as_str().unwrap());
    assert!(desk.get(&path).await["legs"].is_null());
    assert_eq!(desk.get(&format!("{path}?nested=true")).await["legs"][1]["status"], "held");
    let (status, closed) = ask(&desk, Method::DELETE, &format!("/v2/positions/{name}?qty=4")).await;
    assert_eq!((status, closed["related_orders"][0].clone()), (403, id(&legs[0])));
    assert_eq!(closed["available"], "1");
    let (status, all) = ask(&desk, Method::DELETE, "/v2/positions?cancel_orders=true").await;
    let subjects: Vec<&Value> =
        all.as_array().unwrap().iter().map(|item| &item["symbol"]).collect();
    assert_eq!((status, subjects), (207, vec![&legs[0]["id"], &json!(name)]));
    assert_eq!(desk.get("/v2/positions").await, json!([]));
}

#[tokio::test]
async fn orders_are_replaced_by_new_ones() {
    let desk = desk().await;
    desk.step(TODAY, 10, 0).await;
    let old = desk
        .order(json!({"symbol": symbol(1), "qty": 5, "type": "limit", "limit_price": "1.5",
            "time_in_force": "gtc"}))
        .await;
    let path = format!("/v2/orders/{}", old["id"].as_str().unwrap());
    let (status, new) =
        desk.ask(Method::PATCH, &path, json!({"qty": "4", "limit_price": 1.25})).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&new["replaces"], &new["qty"], &new["limit_price"]),
        (&old["id"], &json!("4"), &json!("1.25"))
    );
    assert_ne!(new["id"], old["id"]);
    let old = desk.get(&path).await;
    assert_eq!((&old["status"], &old["replaced_by"]), (&json!("replaced"), &new["id"]));
    let (status, body) = desk.ask(Method::PATCH, &path, json!({"qty": 3})).await;
    assert_eq!((status.as_u16(), &body["code"]), (422, &json!(42_210_000)));
    let unknown = "/v2/orders/00000000-0000-4000-8000-000000000000";
    assert_eq!(desk.ask(Method::PATCH, unknown, json!({"qty": 3})).await.0, 404);
    let (status, _) = ask(&desk, Method::DELETE, &path).await;
    assert_eq!(status, 422);
    let open = desk.get("/v2/orders").await;
    assert_eq!(open.as_array().unwrap().len(), 1);
    let mine = open[0]["client_order_id"].as_str().unwrap();
    let by_client =
        desk.get(&format!("/v2/orders:by_client_order_id?client_order_id={mine}")).await;
    assert_eq!(by_client, open[0]);
}

#[tokio::test]
async fn coins_have_two_spellings() {
    let desk = desk().await;
    let order =
        desk.order(json!({"symbol": "BTCUSD", "notional": "1000", "time_in_force": "gtc"})).await;
    assert_eq!((&order["symbol"], &order["asset_class"]), (&json!("BTC/USD"), &json!("crypto")));
    assert_eq!((&order["qty"], &order["notional"]), (&Value::Null, &json!("1000")));
    let order = desk.get(&format!("/v2/orders/{}", order["id"].as_str().unwrap())).await;
    assert_eq!((&order["status"], &order["qty"]), (&json!("filled"), &Value::Null));
    let spent = number(&order["filled_qty"]) * number(&order["filled_avg_price"]);
    assert!(spent <= 1000.0 && spent > 999.99, "{order}");
    let position = desk.get("/v2/positions/BTCUSD").await;
    assert_eq!((&position["symbol"], &position["exchange"]), (&json!("BTCUSD"), &json!("CRYPTO")));
    let received = number(&order["filled_qty"]) * 0.9975;
    assert!((number(&position["qty"]) - received).abs() < 1e-8, "{position}");
    assert_eq!(desk.get("/v2/positions/BTC%2FUSD").await, position);
    assert_eq!(desk.get("/v2/positions/BTC/USD").await, position);
    assert_eq!(
        desk.get(&format!("/v2/positions/{}", position["asset_id"].as_str().unwrap())).await,
        position
    );
    for (query, count) in [
        ("symbols=BTCUSD", 1),
        ("symbols=BTC/USD", 1),
        ("symbols=ETHUSD", 0),
        ("asset_class=crypto", 1),
        ("asset_class=us_equity", 0),
        ("asset_class=us_equity,crypto", 1),
        ("asset_class=us_option", 0),
        ("side=buy", 1),
        ("side=sell", 0),
    ] {
        let listed = desk.get(&format!("/v2/orders?status=all&{query}")).await;
        assert_eq!(listed.as_array().unwrap().len(), count, "{query}");
    }
    let (status, body) = desk
        .try_order(json!({"symbol": "ETH/USD", "qty": 1, "side": "sell", "time_in_force": "gtc"}))
        .await;
    assert_eq!(status, 403);
    assert!(
        body["message"].as_str().unwrap().starts_with("insufficient balance for ETH"),
        "{body}"
    );
    let (status, half) = ask(&desk, Method::DELETE, "/v2/positions/BTC/USD?percentage=50").await;
    assert_eq!(
        (status, &half["side"], &half["time_in_force"]),
        (200, &json!("sell"), &json!("gtc"))
    );
}

#[tokio::test]
async fn orders_are_paged_by_time_and_by_id() {
    let desk = desk().await;
    let mut ids = Vec::new();
    for minute in 0..4 {
        desk.step(TODAY, 8, minute).await;
        let body = json!({"symbol": symbol(2), "qty": 1, "type": "limit", "limit_price": 1});
        ids.push(desk.order(body).await);
    }
    let listed = async |query: &str| -> Vec<usize> {
        let orders = desk.get(&format!("/v2/orders?{query}")).await;
        let place = |order: &Value| ids.iter().position(|id| id["id"] == order["id"]).unwrap();
        orders.as_array().unwrap().iter().map(place).collect()
    };
    let at = |n: usize| ids[n]["submitted_at"].as_str().unwrap();
    let id = |n: usize| ids[n]["id"].as_str().unwrap();
    assert_eq!(listed("").await, [3, 2, 1, 0]);
    assert_eq!(listed("limit=2&direction=asc").await, [0, 1]);
    assert_eq!(listed(&format!("after={}", at(1))).await, [3, 2]);
    assert_eq!(listed(&format!("until={}&limit=1", at(2))).await, [1]);
    assert_eq!(listed(&format!("after={}&until={}", at(0), at(3))).await, [2, 1]);
    assert_eq!(listed(&format!("before_order_id={}", id(2))).await, [1, 0]);
    assert_eq!(listed(&format!("after_order_id={}&direction=asc", id(2))).await, [3]);
    let both = format!("/v2/orders?after_order_id={}&after={}", id(2), at(0));
    assert_eq!(desk.refused(&both).await.0, 422);
    for wrong in ["limit=0", "limit=501", "status=some", "direction=up", "side=long"] {
        assert_eq!(desk.refused(&format!("/v2/orders?{wrong}")).await.0, 422, "{wrong}");
    }
}

#[tokio::test]
async fn sizes_come_as_strings_and_numbers() {
    let desk = desk().await;
    desk.step(TODAY, 10, 0).await;
    for (fields, qty) in [
        (json!({"qty": 2}), json!("2")),
        (json!({"qty": 2.5}), json!("2.5")),
        (json!({"qty": "0.123456789"}), json!("0.123456789")),
        (json!({"notional": 100.25}), Value::Null),
    ] {
        let mut body = json!({"symbol": symbol(0)});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert_eq!(desk.order(body).await["qty"], qty);
    }
    let position = desk.get(&format!("/v2/positions/{}", symbol(0))).await;
    let (status, _) =
        desk.try_order(json!({"symbol": symbol(1), "qty": 0.5, "side": "sell"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(number(&position["qty"]) > 4.6);
    assert_eq!(position["qty"], position["qty_available"]);
}

/// Both forms of authentication, silence before it, and `[]` to stop.
#[tokio::test]
async fn a_stream_asks_who_one_is() {
    let desk = desk().await;
    let url = format!("ws://{}/stream", desk.venue.addr());
    let mut request = url.as_str().into_client_request().unwrap();
    // Headers let nobody in.
    request.headers_mut().insert("APCA-API-KEY-ID", KEYS.0.parse().unwrap());
    request.headers_mut().insert("APCA-API-SECRET-KEY", KEYS.1.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let listen = |streams: Value| json!({"action": "listen", "data": {"streams": streams}});
    let authorization = |status: &str, action: &str| json!({"stream": "authorization", "data": {"status": status, "action": action}});
    let auth = |key: &str| json!({"action": "auth", "key": key, "secret": KEYS.1});
    for (said, answer) in [
        (listen(json!(["trade_updates"])), authorization("unauthorized", "listen")),
        (auth("PKOTHER"), authorization("unauthorized", "authenticate")),
        (auth(KEYS.0), authorization("authorized", "authenticate")),
        (
            listen(json!(["trade_updates", "account_updates"])),
            json!({"stream": "listening", "data": {"streams": ["trade_updates"]}}),
        ),
        (listen(json!([])), json!({"stream": "listening", "data": {"streams": []}})),
    ] {
        // In two fragments: the first says that more follows.
        let text = said.to_string().into_bytes();
        let (head, tail) = text.split_at(text.len() / 2);
        let first = Frame::message(head.to_vec(), OpCode::Data(Data::Text), false);
        let rest = Frame::message(tail.to_vec(), OpCode::Data(Data::Continue), true);
        socket.send(Message::Frame(first)).await.unwrap();
        socket.send(Message::Frame(rest)).await.unwrap();
        let Message::Binary(heard) = socket.next().await.unwrap().unwrap() else {
            panic!("frames are binary")
        };
        assert_eq!(serde_json::from_slice::<Value>(&heard).unwrap(), answer);
    }
}

#[tokio::test]
async fn a_stream_speaks_messagepack_when_asked_to() {
    let desk = desk().await;
    let url = format!("ws://{}/stream", desk.venue.addr());
    let mut request = url.as_str().into_client_request().unwrap();
    request.headers_mut().insert("Content-Type", "application/msgpack".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let codec = alpaca::Codec::Msgpack;
    let keys = json!({"key_id": KEYS.0, "secret_key": KEYS.1});
    for said in [
        json!({"action": "authenticate", "data": keys}),
        json!({"action": "listen", "data": {"streams": ["trade_updates"]}}),
    ] {
        socket.send(Message::Binary(codec.write(&said).into())).await.unwrap();
    }
    desk.order(json!({"symbol": symbol(3), "qty": 7})).await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        let Message::Binary(bytes) = socket.next().await.unwrap().unwrap() else {
            panic!("frames are binary")
        };
        assert_eq!(alpaca::Codec::of(&bytes), codec);
        heard.push(codec.decode(&bytes).unwrap());
    }
    assert_eq!(heard[0]["data"]["status"], "authorized");
    assert_eq!(
        (&heard[2]["data"]["event"], &heard[2]["data"]["order"]["qty"]),
        (&json!("accepted"), &json!("7"))
    );
}
