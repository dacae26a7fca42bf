//! The main job, end to end: bars in, report out, over a real nats-server and over none.

mod dated;
#[path = "../support/mod.rs"]
mod support;

use messages::{Bars, Envelope, Message, Order, Symbol, TimeInForce};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use support::{Desk, essence, last_json, real_data, text};

/// A market with so much of an edge that a model trained in a moment finds it: without one no book is built.
const SMALL: [&str; 6] = ["--sessions", "5", "--symbols", "45", "--seed", "12"];

fn with<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [first, rest].concat()
}

/// Bodies by author and topic, in the order they were said, less what names the run and its processes.
fn said(journal: &Path) -> Said {
    let mut said = Said::new();
    for entry in Envelope::decode_all(&fs::read(journal).expect("journal")).expect("sound") {
        let Envelope { id, mut body, .. } = entry;
        match &mut body {
            Message::ActorStarted(_) => continue,
            Message::SessionOpened(opened) => {
                opened.run_id = String::new();
                opened.env = messages::Env::Backtest;
            }
            _ => {}
        }
        said.entry(format!("{}.{}", id.author, body.topic())).or_default().push(body);
    }
    said
}

fn journals(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("journals")).expect("journals").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_backtest_says_what_the_running_system_said_byte_for_byte() {
    let sessions = plays_the_same(&Desk::new(), &SMALL);
    assert_eq!(sessions.len(), 5);
    assert!(sessions.iter().flat_map(orders).count() > 20);
}

/// The plan goes to the market minute by minute, for more than half an hour: what leaves after ten o'clock is not late.
#[test]
fn and_the_same_slice_by_slice() {
    let desk = Desk::new();
    let config = fs::read_to_string(desk.path("aurora.toml")).expect("written");
    let sliced = config
        .replace("style = \"auction\"", "style = \"sliced\"")
        .replace("participation = 0.05", "participation = 0.02");
    assert_ne!(sliced, config);
    fs::write(desk.path("aurora.toml"), sliced).expect("written");
    let sessions = plays_the_same(&desk, &with(&["--sessions", "1"], &SMALL[2..]));
    assert_eq!(sessions.len(), 1);
    let orders: Vec<&Order> = sessions.iter().flat_map(orders).collect();
    assert!(orders.iter().all(|order| order.time_in_force == TimeInForce::Ioc), "{orders:?}");
    let attempt = |order: &&Order| -> u32 {
        let (_, attempt) = order.client_order_id.rsplit_once('-').expect("an id of ours");
        attempt.parse().expect("a number")
    };
    assert!(orders.iter().map(attempt).max() > Some(30), "{orders:?}");
}

type Said = BTreeMap<String, Vec<Message>>;

fn orders(session: &Said) -> impl Iterator<Item = &Order> {
    session.values().flatten().filter_map(|message| match message {
        Message::SubmitOrder(order) => Some(order),
        _ => None,
    })
}

/// What was said in each session, by either.
fn plays_the_same(desk: &Desk, market: &[&str]) -> Vec<Said> {
    let live = desk.json(&with(&["demo", "--run", "live", "--journals"], market));
    let test = desk.json(&with(&["backtest", "--run", "test", "--journals"], market));
    assert_eq!(essence(&live), essence(&test));

    let (live, test) = (desk.path("data/runs/live"), desk.path("data/runs/test"));
    let play = |name: &String| {
        let live = said(&live.join("journals").join(name));
        let test = said(&test.join("journals").join(name));
        assert_eq!(live.keys().collect::<Vec<_>>(), test.keys().collect::<Vec<_>>(), "{name}");
        for (who, bodies) in &test {
            assert_eq!(live.get(who), Some(bodies), "{name}: {who}");
        }
        test
    };
    journals(&test).iter().map(play).collect()
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let desk = Desk::new();
    let run =
        |seed: &str| desk.json(&with(&["backtest", "--seed", seed, "--run", seed], &SMALL[..4]));
    let (one, two) = (run("12"), run("10"));
    assert_ne!(one["orders_sha256"], two["orders_sha256"]);
    let again = desk.json(&with(&["backtest", "--run", "again"], &SMALL));
    assert_eq!(essence(&one), essence(&again));
}

#[test]
fn the_end_of_a_run_is_one_json_object_and_files_that_say_the_same() {
    let desk = Desk::new();
    let output = desk.run(&with(&["backtest", "--run", "r", "--json"], &SMALL));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 1, "only the object goes to stdout");
    let summary = last_json(&output);
    for key in [
        "coverage",
        "sessions",
        "orders",
        "fills",
        "rejects",
        "total_return",
        "sharpe",
        "max_drawdown",
        "turnover",
        "gross",
        "beta",
        "orders_sha256",
        "report",
    ] {
        assert!(summary.get(key).is_some(), "no {key}: {summary}");
    }
    assert_eq!(summary["coverage"]["expected"], 45);
    assert_eq!(summary["coverage"]["got"], 45);
    assert!(summary["explanation"].as_str().is_some_and(|line| line.contains("au-")), "{summary}");

    let report = fs::read_to_string(summary["report"].as_str().expect("path")).expect("report");
    assert!(report.contains("<svg") && !report.contains("NaN"), "charts and no NaN");
    let metrics =
        fs::read_to_string(desk.path("data/runs/r/performance_metrics.json")).expect("file");
    let metrics: Value = serde_json::from_str(&metrics).expect("JSON");
    assert_eq!(metrics["final_nav"], summary["final_nav"]);
    assert!(desk.path("data/runs/r/positions.json").exists());
}

/// Of a seed whose model finds an edge: where it finds none, nothing is traded.
fn market(symbols: usize, sessions: usize) -> exchange::Market {
    exchange::Market::synthetic(&exchange::SyntheticConfig {
        symbols,
        sessions,
        seed: 7,
        ..Default::default()
    })
}

fn provenance() -> ingest::Provenance {
    let said = |text: &str| text.to_owned();
    ingest::Provenance {
        source: said("a test"),
        request: said("all"),
        at: said("2024-01-02T00:00:00Z"),
        feed: said(""),
        adjustment: said("split"),
        raw_close: said("close"),
    }
}

/// Writes bars and universe as an import would.
fn store(desk: &Desk, bars: &[Bars], market: &exchange::Market) -> String {
    let path = desk.path("data/latest/prices.parquet");
    fs::create_dir_all(path.parent().expect("folder")).expect("created");
    ingest::store::write_prices(&path, bars, provenance()).expect("written");
    let universe = ingest::universe::Universe::new(market.members(), bars[0].session);
    let beside = ingest::universe::universe_path(&path);
    ingest::universe::write_universe(&beside, &universe).expect("written");
    path.display().to_string()
}

fn without(bars: &Bars, symbol: &Symbol) -> Bars {
    let mut rest = Bars::empty(bars.session);
    for (row, name) in bars.symbols.iter().enumerate().filter(|(_, name)| *name != symbol) {
        let fields =
            [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume, &bars.raw_close];
        rest.push(name.clone(), fields.map(|field| field[row]));
    }
    rest
}

#[test]
fn prior_art_28_one_missing_symbol_stops_the_day_before_any_order_and_is_named() {
    for command in ["demo", "backtest"] {
        let desk = Desk::new();
        let market = market(45, 650);
        let missing = market.members()[17].symbol.clone();
        let mut bars = market.bars().to_vec();
        let last = bars.len() - 3;
        bars[last] = without(&bars[last], &missing);
        let file = store(&desk, &bars, &market);
        let run = [command, "--bars", file.as_str(), "--sessions", "2", "--run", "r", "--json"];
        let output = desk.run(&run);
        assert!(!output.status.success(), "{command}");
        let said = text(&output.stderr) + &text(&output.stdout);
        assert!(said.contains(missing.as_str()), "{command} names {missing}: {said}");
        assert_eq!(last_json(&output)["orders"], 0, "{command}: {said}");
    }
}

#[test]
fn a_run_that_cannot_be_had_is_refused_with_what_to_do() {
    let desk = Desk::new();
    let market = market(45, 650);
    let file = store(&desk, market.bars(), &market);
    let cases: [(&[&str], &str); 5] = [
        (&["backtest", "--bars", "no-such-file.parquet"], "no-such-file.parquet"),
        (&["backtest", "--bars", &file, "--sessions", "9999"], "fewer --sessions"),
        (&["backtest", "--bars", &file, "--sessions", "649"], "earliest possible --from"),
        (&["backtest", "--config", "no-such.toml"], "no-such.toml"),
        (&["status"], "aurora up"),
    ];
    for (arguments, remedy) in cases {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aurora"));
        let output = command.args(arguments).arg("--home").arg(desk.home.path()).output();
        let output = output.expect("aurora runs");
        let said = text(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(remedy), "{arguments:?}: {said}");
    }
}

#[test]
fn real_bars_go_the_same_way() {
    let Some(data) = real_data() else { return };
    let desk = Desk::new();
    let file = |name: &str| data.join(name).display().to_string();
    let (bars, universe, sectors) =
        (file("equities_daily.parquet"), file("universe_130.csv"), file("sectors.csv"));
    let import = ["import", &bars, "--universe", &universe, "--sectors", &sectors];
    // One true move is so large that a person has to vouch for it.
    let unseen = text(&desk.run(&import).stderr);
    assert!(unseen.contains("OXY on 2020-03-09: close 12.51"), "{unseen}");
    let events = support::root().join("deploy/events.csv").display().to_string();
    let stored = desk.json(&with(&import, &["--events", &events]));
    assert_eq!(stored["symbols"], 130);
    let prices = desk.path("data/latest/prices.parquet").display().to_string();
    let period = ["--bars", &prices, "--from", "2016-10-03", "--sessions", "5"];
    let live = desk.json(&with(&["demo", "--run", "live"], &period));
    let test = desk.json(&with(&["backtest", "--run", "test"], &period));
    assert_eq!(essence(&live), essence(&test));
    assert_eq!(live["coverage"]["got"], 130);
    assert!(live["orders"].as_u64() > Some(100), "{live}");
}

/// A home with everything `aurora up` needs for the session after `bars`, its model trained.
fn installation(market: &exchange::Market, known: usize) -> Desk {
    let desk = Desk::new();
    store(&desk, &market.bars()[..known], market);
    let trained = desk.json(&["train"]);
    assert!(
        trained["label"].as_str().is_some_and(|label| label.starts_with("edge not established"))
    );
    // A list of today's members is hindsight: such a model trades only where somebody says so.
    if trained["promoted"] == false {
        desk.json(&["models", "promote", trained["model"]["id"].as_str().expect("an id")]);
    }
    desk
}

async fn accelerated(market: &exchange::Market, session: usize) -> venue::Venue {
    let open = market.calendar().sessions()[session].open;
    let start = messages::Time(open.0 - 95 * 60 * 1_000_000_000);
    let cash = messages::Usd(10_000_000_000_000);
    let exchange = exchange::ExchangeConfig::new(cash, 1, start);
    let mut config = venue::VenueConfig::new(market.clone(), exchange);
    config.clock = venue::ClockMode::Accelerated { speed: 1_500.0 };
    venue::Venue::start(config).await.expect("venue starts")
}

async fn up(desk: &Desk, venue: &venue::Venue) -> std::process::Output {
    let address = venue.addr().to_string();
    let mut command = desk.aurora(&["up", "--sessions", "1", "--venue", &address]);
    command.env("APCA_API_KEY_ID", "k").env("APCA_API_SECRET_KEY", "SEKRIT");
    let ended = tokio::task::spawn_blocking(move || command.output());
    ended.await.expect("joined").expect("aurora runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn up_trades_a_day_on_a_clock_that_waits_for_nobody() {
    let market = market(45, 652);
    let desk = installation(&market, 650);
    let venue = accelerated(&market, 651).await;
    let output = up(&desk, &venue).await;
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("Traded"), "{said}");
    assert!(!said.contains("SEKRIT"), "a secret in the log");
    let record = fs::read_to_string(desk.path("data/runs/paper/sessions.jsonl")).expect("record");
    let record: Value = serde_json::from_str(record.lines().last().expect("line")).expect("JSON");
    assert!(record["day"]["orders"].as_u64() > Some(0), "{record}");
    assert_eq!(record["day"]["orders"], record["day"]["fills"], "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prior_art_28_up_does_not_trade_across_a_hole_in_history() {
    let market = market(45, 652);
    let desk = installation(&market, 649);
    let venue = accelerated(&market, 651).await;
    let output = up(&desk, &venue).await;
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("aurora fetch"), "{}", text(&output.stderr));
}
