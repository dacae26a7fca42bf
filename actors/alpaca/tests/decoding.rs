//! Bodies written by hand: what recordings don't show and the contract demands.

use alpaca::Codec;
use alpaca::model::{
    Amount, Asset, Bar, BarsPage, CancelOutcome, Channels, DataMessage, DataRequest, Event,
    KeyPair, NewOrder, Order, Secret, Side, Status, StreamMessage, StreamRequest, SymbolBarsPage,
    TimeInForce,
};
use serde_json::{Value, json};

fn order() -> Value {
    json!({"id": "1", "client_order_id": "c", "symbol": "BRK.B", "qty": "3", "filled_qty": "0",
        "type": "market", "side": "sell", "time_in_force": "opg", "status": "new"})
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

#[test]
fn amounts_are_exact_from_strings_and_numbers() {
    let amount = |text: &str| serde_json::from_str::<Amount>(text).map(|amount| amount.to_string());
    assert_eq!(amount("\"0.1\"").unwrap(), "0.1");
    assert_eq!(amount("0.1").unwrap(), "0.1");
    assert_eq!(amount("100").unwrap(), "100");
    assert_eq!(amount("\"123456789.12345678901\"").unwrap(), "123456789.12345678901");
    assert_eq!(amount("\"-1.50\"").unwrap(), "-1.5");
    for wrong in ["\"\"", "\"abc\"", "true", "{}", "\"1e400\"", "1e300"] {
        assert!(amount(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn words_we_do_not_know_are_kept() {
    let body = with(order(), "status", json!("hibernating"));
    let body: Order = serde_json::from_value(body).unwrap();
    assert_eq!(body.status, Status::Other("hibernating".into()));
    assert_eq!(serde_json::to_value(&body).unwrap()["status"], "hibernating");
    assert!(!body.status.is_terminal(), "an unknown status is no end");
}

#[test]
fn an_order_shows_every_key() {
    let body: Order = serde_json::from_value(order()).unwrap();
    let written = serde_json::to_value(&body).unwrap();
    for key in ["expires_at", "filled_avg_price", "legs", "hwm", "replaced_by", "notional"] {
        assert_eq!(written.get(key), Some(&Value::Null), "{key}");
    }
    assert_eq!((&written["qty"], &written["time_in_force"]), (&json!("3"), &json!("opg")));
}

#[test]
fn an_order_without_its_essentials_is_refused() {
    for key in ["id", "client_order_id", "symbol", "status", "filled_qty", "side"] {
        let mut body = order();
        body.as_object_mut().unwrap().remove(key);
        let error = serde_json::from_value::<Order>(body).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn a_new_order_says_only_what_it_means() {
    let new = NewOrder::market("AAPL", Side::Buy, Amount::from(100), TimeInForce::Opg);
    let new = NewOrder { client_order_id: Some("au-1".into()), ..new };
    assert_eq!(
        serde_json::to_value(&new).unwrap(),
        json!({"symbol": "AAPL", "qty": "100", "side": "buy", "type": "market",
            "time_in_force": "opg", "client_order_id": "au-1"})
    );
}

#[test]
fn empty_pages_come_as_brackets_or_null() {
    for text in [r#"{"bars":null,"next_page_token":null}"#, r#"{"bars":{}}"#, "{}"] {
        assert_eq!(serde_json::from_str::<BarsPage>(text).unwrap(), BarsPage::default(), "{text}");
    }
    let single = r#"{"bars":null,"symbol":"X","next_page_token":null}"#;
    assert!(serde_json::from_str::<SymbolBarsPage>(single).unwrap().bars.is_empty());
}

#[test]
fn bars_are_numbers_and_whole_ones_have_no_fraction() {
    let text = r#"{"t":"2024-01-03T05:00:00Z","o":144,"h":144.5,"l":143.25,"c":144,"v":5000000000,"n":12,"vw":144.1}"#;
    let bar: Bar = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&bar).unwrap(), text);
}

#[test]
fn an_asset_without_a_permission_does_not_have_it() {
    let asset: Asset = serde_json::from_value(
        json!({"id": "1", "class": "us_equity", "symbol": "X", "status": "active", "attributes": null}),
    )
    .unwrap();
    assert!(!asset.tradable && !asset.shortable && !asset.easy_to_borrow);
}

#[test]
fn trade_updates_and_their_neighbours() {
    let update = |event: &str| {
        json!({"stream": "trade_updates", "data": {"event": event,
            "timestamp": "2024-01-03T09:30:00.000001-05:00", "order": order(), "price": "10.5", "qty": 3}})
        .to_string()
    };
    let decode = |text: &str| StreamMessage::decode(text.as_bytes());
    let Ok(Some(StreamMessage::TradeUpdates(fill))) = decode(&update("partial_fill")) else {
        panic!("a fill decodes");
    };
    assert_eq!((fill.event, fill.qty), (Event::PartialFill, Some(Amount::from(3))));
    let Ok(Some(StreamMessage::TradeUpdates(odd))) = decode(&update("order_went_fishing")) else {
        panic!("unknown events decode");
    };
    assert_eq!(odd.event, Event::Other("order_went_fishing".into()));
    assert!(matches!(decode(r#"{"stream":"account_updates","data":{"x":1}}"#), Ok(None)));
    assert!(decode(r#"{"data":{}}"#).is_err());
    assert!(decode(r#"{"stream":"trade_updates","data":{"event":"fill"}}"#).is_err());
}

#[test]
fn legs_within_legs_end_in_an_error_and_not_in_the_stack() {
    let order = order().to_string();
    let head = format!("{},\"legs\":[", order.strip_suffix('}').unwrap());
    for depth in [40, 10_000] {
        let text = format!("{}{order}{}", head.repeat(depth), "]}".repeat(depth));
        assert_eq!(serde_json::from_str::<Order>(&text).is_ok(), depth < 60, "{depth}");
        let update = format!(r#"{{"stream":"trade_updates","data":{text}}}"#);
        assert!(StreamMessage::decode(update.as_bytes()).is_err(), "an order is no update");
        let both = format!(r#"[{{"id":"1","status":200,"body":{text}}}]"#);
        assert_eq!(serde_json::from_str::<Vec<CancelOutcome>>(&both).is_ok(), depth < 60);
    }
}

#[test]
fn the_data_stream_keeps_what_it_does_not_know() {
    let text = r#"[{"T":"z","S":"AAPL","x":[1,2.5]},{"T":"success","msg":"connected"}]"#;
    let messages = DataMessage::decode(text.as_bytes()).unwrap();
    assert!(matches!(messages[0], DataMessage::Other(_)), "{messages:?}");
    let value: Value = serde_json::from_str(text).unwrap();
    for codec in [Codec::Json, Codec::Msgpack] {
        let frame = DataMessage::encode(codec, &messages);
        assert_eq!(codec.decode(&frame).unwrap(), value);
        assert_eq!(DataMessage::decode(&frame).unwrap(), messages);
    }
    for wrong in [r#"{"T":"t"}"#, r#"[{"S":"AAPL"}]"#, r#"[{"T":"t","S":"AAPL"}]"#, "[1]", ""] {
        assert!(DataMessage::decode(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn data_requests_are_read_in_both_encodings() {
    let channels = Channels { trades: Some(vec!["AAPL".into()]), ..Channels::default() };
    let requests = [
        (DataRequest::Subscribe(channels), json!({"action": "subscribe", "trades": ["AAPL"]})),
        (
            DataRequest::Auth { key: "K".into(), secret: Secret::new("S") },
            json!({"action": "auth", "key": "K", "secret": "S"}),
        ),
    ];
    for (request, text) in requests {
        for codec in [Codec::Json, Codec::Msgpack] {
            let bytes = request.encode(codec);
            assert_eq!(codec.decode(&bytes).unwrap(), text);
            assert_eq!(DataRequest::decode(codec, &bytes), Ok(request.clone()));
        }
        assert!(!format!("{request:?}").contains("\"S\""), "secrets stay secret");
    }
    assert!(DataRequest::decode(Codec::Json, br#"{"action":"dance"}"#).is_err());
}

#[test]
fn both_ways_to_authenticate() {
    let text = r#"{"action":"authenticate","data":{"key_id":"K","secret_key":"S"}}"#;
    let data = KeyPair { key_id: "K".into(), secret_key: Secret::new("S") };
    let request = StreamRequest::Authenticate { data };
    assert_eq!(serde_json::to_string(&request).unwrap(), text);
    assert_eq!(serde_json::from_str::<StreamRequest>(text).unwrap(), request);
    assert!(!format!("{request:?}").contains("\"S\""));
    let other = serde_json::from_str(r#"{"action":"auth","key":"K","secret":"S"}"#).unwrap();
    assert!(matches!(other, StreamRequest::Auth { key, .. } if key == "K"));
}
