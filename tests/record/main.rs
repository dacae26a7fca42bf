//! What is recorded of a run explains its orders, and today's cores still say it: `aurora explain`, `aurora replay`.

#[path = "../support/mod.rs"]
mod support;

use messages::{Envelope, Message, Usd};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Desk, last_json, text};

fn demo(desk: &Desk, journals: bool) -> Vec<String> {
    let mut arguments = vec!["demo", "--run", "r", "--sessions", "2", "--symbols", "130"];
    arguments.extend(journals.then_some("--journals"));
    let summary = desk.json(&arguments);
    assert!(summary["orders"].as_u64() > Some(0), "{summary}");
    let lines = fs::read_to_string(desk.path("data/runs/r/sessions.jsonl")).expect("file");
    let session = |line: &str| {
        let record: Value = serde_json::from_str(line).expect("JSON");
        record["session"].as_str().expect("a date").to_owned()
    };
    lines.lines().map(session).collect()
}

/// Changes the message it is for, and says so.
type Change = fn(&mut Message) -> bool;

/// Changes the journal by `change`; returns the 1-based position of the entry it was true for.
fn tamper(file: &Path, change: Change) -> u64 {
    let mut entries = Envelope::decode_all(&fs::read(file).expect("journal")).expect("sound");
    let at = entries.iter_mut().position(|entry| change(&mut entry.body)).expect("found");
    let bytes: Vec<u8> = entries.iter().flat_map(Envelope::encode).collect();
    fs::write(file, bytes).expect("written");
    at as u64 + 1
}

#[test]
fn an_untouched_journal_is_clean_and_a_changed_one_is_found_out_at_its_entry() {
    let desk = Desk::new();
    let sessions = demo(&desk, true);
    for session in &sessions {
        let clean = desk.json(&["replay", session, "--run", "r"]);
        assert_eq!((&clean["clean"], &clean["difference"]), (&true.into(), &Value::Null));
        assert_eq!(clean["answers"]["reporting"], 1, "{clean}");
    }
    let file: PathBuf = desk.path("data/runs/r/journals").join(format!("{}.msgpack", sessions[1]));
    let whole = fs::read(&file).expect("journal");
    let changes: [(&str, &str, Change); 2] = [
        ("targets", "risk", |body| match body {
            Message::Targets(targets) => {
                targets.targets[0].quantity.0 += 1;
                true
            }
            _ => false,
        }),
        ("day_reported", "reporting", |body| match body {
            Message::DayReported(day) => {
                day.cash += Usd(10_000);
                true
            }
            _ => false,
        }),
    ];
    for (topic, author, change) in changes {
        fs::write(&file, &whole).expect("written");
        let position = tamper(&file, change);
        let output = desk.run(&["replay", &sessions[1], "--run", "r", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let difference = &last_json(&output)["difference"];
        assert_eq!(difference["position"], position, "{difference}");
        assert_eq!(difference["topic"], topic, "{difference}");
        assert_eq!(difference["author"], author, "{difference}");
    }
}

#[test]
fn an_order_is_explained_from_the_store_that_its_run_left() {
    let desk = Desk::new();
    let sessions = demo(&desk, false);
    let by_session = ["explain", "--run", "r", "--session", &sessions[0]];
    let explained = desk.json(&by_session);
    let order = &explained["orders"][0];
    let trace = order["trace_id"].as_str().expect("a trace");
    assert_eq!(trace.len(), 32);
    assert_eq!(order["features"].as_array().map(Vec::len), Some(45));
    let contributions = order["score"]["contributions"].as_array().expect("contributions");
    let sum: f64 = contributions.iter().map(|part| part["value"].as_f64().expect("number")).sum();
    let score = order["score"]["score"].as_f64().expect("a score");
    let bias = order["score"]["bias"].as_f64().expect("a bias");
    assert!((sum + bias - score).abs() < 1e-5, "{sum} + {bias} is not {score}");
    assert!(order["bar"]["close"].as_f64() > Some(0.0));
    assert!(order["target"]["cost_bp"].as_f64() > Some(0.0));

    let id = order["client_order_id"].as_str().expect("an id");
    let again = desk.json(&["explain", id, "--run", "r"]);
    assert_eq!(&again["orders"][0], order);
    let symbol = order["symbol"].as_str().expect("a symbol");
    let named =
        desk.json(&["explain", "--symbol", symbol, "--session", &sessions[0], "--run", "r"]);
    assert!(named["orders"].as_array().is_some_and(|orders| orders.contains(order)));
    let missing = desk.run(&["explain", "--symbol", "NOPE", "--run", "r"]);
    assert!(!missing.status.success());
    assert!(text(&missing.stderr).contains("neither an order nor a target for NOPE"));
}
