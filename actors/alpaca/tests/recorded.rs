//! Every recorded body of Alpaca's decodes with its type and is written again as it was: nothing is
//! lost, nothing made up. What may differ stands in [`may_be_added`] and [`assert_same`]. Needs the
//! recordings: `AURORA_REAL_DATA`, or `../shared/data` beside the workspace; without them the tests say
//! so and pass.

use alpaca::Codec;
use alpaca::model::{
    Account, AccountConfigurations, Activity, ApiError, Asset, BarsPage, CalendarDay,
    CancelOutcome, Clock, CloseOutcome, DataMessage, LatestBars, LatestQuote, LatestTrade, Order,
    PortfolioHistory, Position, Snapshots, Status, StreamMessage, SymbolBarsPage, SymbolSnapshot,
    SymbolTradesPage,
};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn recordings() -> Option<PathBuf> {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let beside = Path::new(&package).join("../../../shared/data");
    let data = std::env::var_os("AURORA_REAL_DATA").map_or(beside, PathBuf::from);
    let folder = data.join("alpaca_recorded");
    if folder.join("manifest.json").is_file() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no recordings in {}; set AURORA_REAL_DATA", folder.display());
    None
}

/// An entry of the manifest.
#[derive(Debug, serde::Deserialize)]
struct Recording {
    file: String,
    method: String,
    path: String,
    status: Option<u16>,
}

fn manifest(folder: &Path) -> Vec<Recording> {
    let text = fs::read_to_string(folder.join("manifest.json")).expect("readable");
    serde_json::from_str(&text).expect("the manifest is JSON")
}

/// Decodes, writes again, and compares what was recorded with what we write.
fn check<T: DeserializeOwned + Serialize>(file: &str, text: &str) {
    let body: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let recorded: Value = serde_json::from_str(text).expect("recordings are JSON");
    assert_same(file, &recorded, &serde_json::to_value(&body).expect("bodies are plain data"));
}

/// Keys that today's Alpaca always sends and that recordings of 2021 (or a body quoted in part) lack.
fn may_be_added(key: &str, value: &Value) -> bool {
    let of_orders = ["expires_at", "position_intent", "source", "subtag"];
    // Of the order inside the one documented trade update only.
    let of_updates = ["notional"];
    let null = of_orders.contains(&key) || of_updates.contains(&key) || key == "next_page_token";
    (null && value.is_null()) || (key == "attributes" && *value == Value::Array(Vec::new()))
}

/// Equal but for [`may_be_added`]. Numbers are compared as numbers, also those in strings, and times
/// as moments: both have several spellings.
fn assert_same(at: &str, recorded: &Value, written: &Value) {
    match (recorded, written) {
        (Value::Object(recorded), Value::Object(written)) => {
            for (key, value) in recorded {
                // Only trade updates have this key; where it says nothing we leave it out.
                let nothing = key == "cancel_requested_at" && value.is_null();
                assert!(nothing || written.contains_key(key), "{at}.{key} is lost");
            }
            for (key, value) in written {
                match recorded.get(key) {
                    Some(known) => assert_same(&format!("{at}.{key}"), known, value),
                    None => assert!(may_be_added(key, value), "{at}.{key} is made up: {value}"),
                }
            }
        }
        (Value::Array(recorded), Value::Array(written)) => {
            assert_eq!(recorded.len(), written.len(), "{at}");
            for (index, (known, value)) in recorded.iter().zip(written).enumerate() {
                assert_same(&format!("{at}[{index}]"), known, value);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            assert!(a == b || a.as_f64() == b.as_f64(), "{at}: {a} became {b}");
        }
        (Value::String(a), Value::String(b)) => {
            let (x, y) = (alpaca::time::parse(a), alpaca::time::parse(b));
            let times = x.is_ok() && x == y;
            let (x, y) = (Decimal::from_str_exact(a), Decimal::from_str_exact(b));
            let numbers = x.is_ok() && x == y;
            assert!(a == b || times || numbers, "{at}: {a} became {b}");
        }
        _ => assert_eq!(recorded, written, "{at}"),
    }
}

/// By method and path, as a client knows what it gets. Panics if it has no type for it.
fn check_body(recording: &Recording, text: &str) {
    let file = recording.file.as_str();
    let path = recording.path.split(['?', ' ']).next().expect("a path");
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    if recording.status.is_some_and(|status| status >= 400) {
        return check::<ApiError>(file, text);
    }
    match (recording.method.as_str(), parts.as_slice()) {
        ("GET", ["v2", "account"]) => check::<Account>(file, text),
        ("GET", ["v2", "account", "configurations"]) => check::<AccountConfigurations>(file, text),
        ("GET", ["v2", "account", "activities"]) => check::<Vec<Activity>>(file, text),
        ("GET", ["v2", "account", "portfolio", "history"]) => check::<PortfolioHistory>(file, text),
        ("GET", ["v2", "assets", _]) => check::<Asset>(file, text),
        ("GET", ["v2", "calendar"]) => check::<Vec<CalendarDay>>(file, text),
        ("GET", ["v2", "clock"]) => check::<Clock>(file, text),
        ("GET", ["v2", "orders"]) => check::<Vec<Order>>(file, text),
        ("POST", ["v2", "orders"])
        | ("PATCH", ["v2", "orders", _])
        | ("DELETE", ["v2", "positions", _]) => check::<Order>(file, text),
        ("DELETE", ["v2", "orders"]) => check::<Vec<CancelOutcome>>(file, text),
        // 204: the recording of an empty body is `null`.
        ("DELETE", ["v2", "orders", _]) => check::<()>(file, text),
        ("GET", ["v2", "positions"]) => check::<Vec<Position>>(file, text),
        ("GET", ["v2", "positions", _]) => check::<Position>(file, text),
        ("DELETE", ["v2", "positions"]) => check::<Vec<CloseOutcome>>(file, text),
        ("GET", ["v2", "stocks", "bars"] | ["v1beta3", "crypto", _, "bars"]) => {
            check::<BarsPage>(file, text);
        }
        ("GET", ["v2", "stocks", "snapshots"]) => check::<Snapshots>(file, text),
        ("GET", ["v2", "stocks", _, "bars"]) => check::<SymbolBarsPage>(file, text),
        ("GET", ["v2", "stocks", _, "trades"]) => check::<SymbolTradesPage>(file, text),
        ("GET", ["v2", "stocks", _, "trades", "latest"]) => check::<LatestTrade>(file, text),
        ("GET", ["v2", "stocks", _, "quotes", "latest"]) => check::<LatestQuote>(file, text),
        ("GET", ["v2", "stocks", _, "snapshot"]) => check::<SymbolSnapshot>(file, text),
        ("GET", ["v1beta3", "crypto", _, "latest", "bars"]) => check::<LatestBars>(file, text),
        ("WS", ["stream"]) => check_frame::<StreamMessage>(file, text),
        ("WS", _) if file.contains("msgpack") => {}
        ("WS", ["v2", _]) => check_frame::<Vec<DataMessage>>(file, text),
        other => panic!("{file}: no type for {other:?}"),
    }
}

/// A websocket message, over JSON as recorded and over our own MessagePack of it.
fn check_frame<T: DeserializeOwned + Serialize>(file: &str, text: &str) {
    check::<T>(file, text);
    let message: T = Codec::Json.read(text.as_bytes()).expect(file);
    let packed = Codec::Msgpack.write(&message);
    let unpacked: T =
        Codec::Msgpack.read(&packed).unwrap_or_else(|error| panic!("{file}: {error}"));
    let recorded: Value = serde_json::from_str(text).expect("recordings are JSON");
    assert_same(file, &recorded, &serde_json::to_value(&unpacked).expect("plain data"));
}

#[test]
fn every_recorded_body_decodes_without_loss() {
    let Some(folder) = recordings() else { return };
    let recordings = manifest(&folder);
    assert_eq!(recordings.len(), 71, "a new recording? give it its type");
    for recording in recordings {
        let text = fs::read_to_string(folder.join(&recording.file)).expect("readable");
        check_body(&recording, &text);
    }
}

#[test]
fn no_message_of_the_data_stream_is_of_an_unknown_kind() {
    let Some(folder) = recordings() else { return };
    for recording in manifest(&folder).iter().filter(|one| one.file.starts_with("ws_md")) {
        let bytes = fs::read(folder.join(&recording.file)).expect("readable");
        if !recording.file.contains("msgpack") {
            let messages = DataMessage::decode(&bytes).expect("decodes");
            let unknown = messages.iter().any(|one| matches!(one, DataMessage::Other(_)));
            assert!(!unknown && !messages.is_empty(), "{}: {messages:?}", recording.file);
        }
    }
}

#[test]
fn messagepack_says_what_its_json_twin_says() {
    let Some(folder) = recordings() else { return };
    let mut checked = 0;
    for name in ["bar", "quote", "trades_batch"] {
        let json = fs::read(folder.join(format!("ws_md_{name}.json"))).expect("readable");
        let text = fs::read(folder.join(format!("ws_md_{name}_msgpack_base64.json"))).expect("");
        let text: String = serde_json::from_slice(&text).expect("a JSON string");
        let packed = base64(&text);
        let twin: Value = serde_json::from_slice(&json).expect("JSON");
        assert_same(name, &twin, &Codec::Msgpack.decode(&packed).expect(name));
        let messages = DataMessage::decode(&packed).expect(name);
        assert_eq!(messages, DataMessage::decode(&json).expect(name));
        assert_eq!(
            DataMessage::decode(&DataMessage::encode(Codec::Msgpack, &messages)),
            Ok(messages)
        );
        checked += 1;
    }
    assert_eq!(checked, 3);
}

/// Standard alphabet, padded.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter).expect("base64");
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

#[test]
fn what_the_recordings_say() {
    let Some(folder) = recordings() else { return };
    let read = |file: &str| fs::read_to_string(folder.join(file)).expect(file);
    let account: Account = serde_json::from_str(&read("rec21_account.json")).unwrap();
    assert_eq!(account.cash.unwrap().to_string(), "85523.79");
    assert!(account.shorting_enabled && !account.trading_blocked);
    let order: Order = serde_json::from_str(&read("rec21_order_submit_market.json")).unwrap();
    assert_eq!(order.status, Status::Accepted);
    assert_eq!(
        order.submitted_at.unwrap().0,
        alpaca::time::parse("2021-06-03T18:34:17.365263Z").unwrap()
    );
    let days: Vec<CalendarDay> =
        serde_json::from_str(&read("rec21_calendar_early_closes_2020.json")).unwrap();
    let half: Vec<_> =
        days.iter().filter(|day| day.close.hour() == 13).map(|day| day.date.to_string()).collect();
    assert_eq!(half, ["2020-11-27", "2020-12-24"]);
    let fills: Vec<Activity> =
        serde_json::from_str(&read("rec21_activities_mixed_desc50.json")).unwrap();
    assert!(fills.iter().all(|fill| fill.price.is_some() && fill.cum_qty.is_some()));
    let snapshots: Snapshots = serde_json::from_str(&read("rec21_snapshots_multi.json")).unwrap();
    let spot = &snapshots["SPOT"];
    assert_eq!(spot.latest_quote.as_ref().unwrap().bp, 0.0, "no bid is a bid of zero");
    assert_eq!(spot.latest_trade.as_ref().unwrap().i, 54_306_731_352_151);
}
