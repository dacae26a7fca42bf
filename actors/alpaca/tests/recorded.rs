//! Every recorded body of Alpaca's that we have a type for decodes, and what it says survives our
//! own writing of it. Needs the recordings: `AURORA_REAL_DATA`, or `../shared/data` beside the
//! workspace; without them the tests say so and pass.

use alpaca::model::{
    Account, Activity, ApiError, Asset, BarsPage, CalendarDay, Clock, Order, Position, Status,
    StreamMessage, SymbolBarsPage,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn recordings() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("AURORA_REAL_DATA").map_or(beside, PathBuf::from);
    let folder = data.join("alpaca_recorded");
    if folder.join("manifest.json").is_file() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no recordings in {}; set AURORA_REAL_DATA", folder.display());
    None
}

/// Decodes, writes again, and compares what was recorded with what we write.
fn check<T: DeserializeOwned + Serialize>(file: &str, text: &str) {
    let body: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let recorded: Value = serde_json::from_str(text).expect("recordings are JSON");
    let written = serde_json::to_value(&body).expect("bodies are plain data");
    assert_says(file, &recorded, &written);
}

/// Everything that `written` says of a key that was recorded is what was recorded.
fn assert_says(at: &str, recorded: &Value, written: &Value) {
    match (recorded, written) {
        (Value::Object(recorded), Value::Object(written)) => {
            for (key, value) in written {
                match recorded.get(key) {
                    Some(known) => assert_says(&format!("{at}.{key}"), known, value),
                    None => {
                        assert!(
                            value.is_null()
                                || *value == false
                                || *value == Value::Array(Vec::new()),
                            "{at}.{key} made up: {value}"
                        );
                    }
                }
            }
        }
        (Value::Array(recorded), Value::Array(written)) => {
            assert_eq!(recorded.len(), written.len(), "{at}");
            for (index, (known, value)) in recorded.iter().zip(written).enumerate() {
                assert_says(&format!("{at}[{index}]"), known, value);
            }
        }
        (Value::Number(a), Value::Number(b)) => assert_eq!(a.as_f64(), b.as_f64(), "{at}"),
        (Value::String(a), Value::String(b)) => {
            let (x, y) = (alpaca::time::parse(a), alpaca::time::parse(b));
            assert!(a == b || (x.is_ok() && x == y), "{at}: {a} became {b}");
        }
        _ => assert_eq!(recorded, written, "{at}"),
    }
}

/// Whether we have a type for the file.
fn check_file(file: &str, text: &str) -> bool {
    match file.trim_end_matches(".json") {
        "rec21_account" => check::<Account>(file, text),
        "rec21_asset_TSLA" => check::<Asset>(file, text),
        "rec21_clock_closed" => check::<Clock>(file, text),
        "rec21_position_AMZN" => check::<Position>(file, text),
        "rec21_positions_list" => check::<Vec<Position>>(file, text),
        "rec21_close_position_200_order" => check::<Order>(file, text),
        name if name.contains("_error_4") && !name.starts_with("ws") => {
            check::<ApiError>(file, text);
        }
        name if name.starts_with("rec21_activities") => check::<Vec<Activity>>(file, text),
        name if name.starts_with("rec21_calendar") => check::<Vec<CalendarDay>>(file, text),
        name if name.starts_with("rec21_orders_list") => check::<Vec<Order>>(file, text),
        name if name.starts_with("rec21_order_") => check::<Order>(file, text),
        name if name.starts_with("rec21_bars_single") => check::<SymbolBarsPage>(file, text),
        name if name.starts_with("obs_bars") || name.starts_with("obs_crypto") => {
            check::<BarsPage>(file, text);
        }
        name if name.starts_with("ws_tu") => check::<StreamMessage>(file, text),
        _ => return false,
    }
    true
}

#[test]
fn every_recorded_body_with_a_type_decodes() {
    let Some(folder) = recordings() else { return };
    let mut checked = 0;
    for entry in fs::read_dir(&folder).expect("readable").map(|entry| entry.expect("readable")) {
        let file = entry.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path()).expect("readable");
        checked += usize::from(file != "manifest.json" && check_file(&file, &text));
    }
    // All but quotes, trades, snapshots, portfolio history, bulk closing and the market data stream.
    assert_eq!(checked, 40, "recordings with a type");
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
}
