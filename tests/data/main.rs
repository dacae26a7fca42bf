//! Bars in, from the real venue by the real program: what is asked for, what is kept, what is refused.

mod known;
#[path = "../support/mod.rs"]
mod support;

use exchange::{ExchangeConfig, Market, SyntheticConfig};
use messages::{Date, Time, Usd};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::process::Output;
use std::sync::{Arc, Mutex};
use support::{Desk, last_json, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use venue::{Venue, VenueConfig};

const SESSIONS: usize = 660;
const SYMBOLS: usize = 60;

/// A venue whose clock is stepped, behind a wire that is listened to.
struct Exchange {
    runtime: Runtime,
    market: Market,
    client: alpaca::Client,
    /// Of the wire; the venue itself is elsewhere.
    address: SocketAddr,
    sent: Arc<Mutex<Vec<u8>>>,
    _venue: Venue,
}

impl Exchange {
    /// The clock stands `before` sessions before the last one's close.
    fn new(before: usize) -> Self {
        Self::of(synthetic(), before)
    }

    fn of(market: Market, before: usize) -> Self {
        let runtime = Runtime::new().expect("runtime");
        let start = market.calendar().sessions()[SESSIONS - 1 - before].close;
        let config = ExchangeConfig::new(Usd(1_000_000_000_000), 1, start);
        let config = VenueConfig::new(market.clone(), config);
        let venue = runtime.block_on(Venue::start(config)).expect("venue");
        let sent = Arc::new(Mutex::new(Vec::new()));
        let address = runtime.block_on(wire(venue.addr(), Arc::clone(&sent)));
        let keys = alpaca::Credentials::new("key", "secret");
        let client = alpaca::Client::new(venue.endpoints(), keys).expect("client");
        Self { runtime, market, client, address, sent, _venue: venue }
    }

    fn close_of(&self, before: usize) -> Time {
        self.market.calendar().sessions()[SESSIONS - 1 - before].close
    }

    fn step_to(&self, before: usize) {
        self.runtime.block_on(self.client.set_clock(self.close_of(before))).expect("stepped");
    }

    fn session(&self, before: usize) -> Date {
        self.market.bars()[SESSIONS - 1 - before].session
    }

    /// Requests for bars since the last time.
    fn bars_requests(&self) -> usize {
        let sent = std::mem::take(&mut *self.sent.lock().expect("wire"));
        text(&sent).matches("GET /v2/stocks/bars").count()
    }

    fn universe(&self, desk: &Desk, more: &str) -> String {
        let members = self.market.members();
        let lines: String =
            members.iter().map(|member| format!("{},{}\n", member.symbol, member.sector)).collect();
        let path = desk.path("universe.csv");
        fs::write(&path, format!("symbol,sector\n{lines}{more}")).expect("written");
        path.display().to_string()
    }

    fn fetch(&self, desk: &Desk, arguments: &[&str]) -> Output {
        let address = self.address.to_string();
        let mut command = desk.aurora(&["fetch", "--venue", &address, "--json"]);
        command.env("APCA_API_KEY_ID", "key").env("APCA_API_SECRET_KEY", "secret");
        command.args(arguments).output().expect("aurora runs")
    }

    fn fetched(&self, desk: &Desk, arguments: &[&str]) -> Value {
        let output = self.fetch(desk, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        last_json(&output)
    }
}

fn synthetic() -> Market {
    Market::synthetic(&SyntheticConfig {
        symbols: SYMBOLS,
        sessions: SESSIONS,
        ..SyntheticConfig::default()
    })
}

/// The same market as its source has it after a split of one name: all its prices halved.
fn split(market: &Market) -> Market {
    let members = market.members();
    let name = &members[7].symbol;
    let mut bars = market.bars().to_vec();
    for day in &mut bars {
        let Some(row) = day.row(name) else { continue };
        let prices =
            [&mut day.open, &mut day.high, &mut day.low, &mut day.close, &mut day.raw_close];
        for column in prices {
            column[row] /= 2.0;
        }
        day.volume[row] *= 2.0;
    }
    let sectors = members.iter().map(|member| (member.symbol.clone(), member.sector.clone()));
    Market::from_bars(bars, &sectors.collect()).expect("a market")
}

/// Passes everything on to `venue` and remembers what clients sent.
async fn wire(venue: SocketAddr, sent: Arc<Mutex<Vec<u8>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(venue).await.expect("venue");
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let sent = Arc::clone(&sent);
            tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                    sent.lock().expect("wire").extend_from_slice(&buffer[..count]);
                    if to_server.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
            });
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        }
    });
    address
}

#[test]
fn prior_art_42_a_fetch_asks_for_nothing_it_does_not_need() {
    let (desk, exchange) = (Desk::new(), Exchange::new(2));
    let universe = exchange.universe(&desk, "");
    let from = exchange.session(SESSIONS - 1).to_string();
    let first = exchange.fetched(&desk, &["--universe", &universe, "--from", &from]);
    let sessions = SESSIONS - 2;
    assert_eq!(first["rows"], (SYMBOLS * sessions) as u64);
    assert_eq!(first["gate"]["got"], first["gate"]["expected"]);
    // 50 symbols, then the rest; adjusted and raw; 10,000 bars a page.
    let pages = |symbols: usize, sessions: usize| (symbols * sessions).div_ceil(10_000);
    let needed = 2 * (pages(50, sessions) + pages(SYMBOLS - 50, sessions));
    assert_eq!(exchange.bars_requests(), needed);
    assert_eq!(exchange.fetched(&desk, &[])["new"], 0);
    assert_eq!(
        exchange.bars_requests(),
        4,
        "the last sessions must be as stored: two chunks, adjusted and raw"
    );

    exchange.step_to(0);
    let grown = exchange.fetched(&desk, &[]);
    assert_eq!(
        (&grown["new"], &grown["sessions"]),
        (&(2 * SYMBOLS as u64).into(), &SESSIONS.into())
    );
    assert_eq!(exchange.bars_requests(), 4, "two chunks, adjusted and raw");
    let whole = Desk::new();
    fs::copy(&universe, whole.path("universe.csv")).expect("copied");
    let at_once = exchange.fetched(&whole, &["--universe", &universe, "--from", &from]);
    assert_eq!(grown["content_sha256"], at_once["content_sha256"], "the same, however it came");
    let snapshots = fs::read_dir(desk.path("data/snapshots")).expect("snapshots").count();
    assert_eq!(snapshots, 1, "growing begins none");
}

/// There, the daily fetch wrote "yesterday" over the history, on Mondays a Sunday. Here the exchange's calendar says which
/// session was the last, and what is stored stays.
#[test]
fn prior_art_29_on_a_monday_morning_fridays_session_is_added_to_the_history() {
    let (desk, exchange) = (Desk::new(), Exchange::new(12));
    let universe = exchange.universe(&desk, "");
    let from = exchange.session(40).to_string();
    let first = exchange.fetched(&desk, &["--universe", &universe, "--from", &from]);
    let prices = desk.path("data/latest/prices.parquet");
    let before = ingest::store::read_prices(&prices).expect("stored");
    let sessions = exchange.market.calendar().sessions();
    let monday = (SESSIONS - 10..SESSIONS)
        .find(|at| sessions[*at].date.weekday() == jiff::civil::Weekday::Monday);
    let monday = monday.expect("ten sessions have a Monday");
    let morning = Time(sessions[monday].open.0 - 90 * 60 * 1_000_000_000);
    exchange.runtime.block_on(exchange.client.set_clock(morning)).expect("stepped");
    let grown = exchange.fetched(&desk, &[]);
    assert_eq!(grown["last_session"], sessions[monday - 1].date.to_string());
    assert_eq!(sessions[monday - 1].date.weekday(), jiff::civil::Weekday::Friday);
    let added = (monday - (SESSIONS - 12)) * SYMBOLS;
    assert_eq!(grown["rows"].as_u64(), first["rows"].as_u64().map(|rows| rows + added as u64));
    let after = ingest::store::read_prices(&prices).expect("stored");
    assert_eq!(after[..before.len()], before);
}

#[test]
fn another_past_is_refused_then_recorded_and_the_old_one_stays() {
    let (desk, exchange) = (Desk::new(), Exchange::new(2));
    let universe = exchange.universe(&desk, "");
    let from = exchange.session(SESSIONS - 1).to_string();
    let first = exchange.fetched(&desk, &["--universe", &universe, "--from", &from]);
    let known = exchange.session(2);
    let other = Exchange::of(split(&exchange.market), 0);
    let before = fs::read(desk.path("data/latest/prices.parquet")).expect("prices");
    let refused = other.fetch(&desk, &[]);
    let said = text(&refused.stderr);
    assert!(!refused.status.success() && said.contains("PAST_CHANGED"), "{said}");
    assert!(said.contains("--restate REASON"), "{said}");
    assert_eq!(fs::read(desk.path("data/latest/prices.parquet")).expect("prices"), before);

    let restated = other.fetched(&desk, &["--restate", "2:1 split of 2020-10-13"]);
    assert_eq!(restated["restated"]["reason"], "2:1 split of 2020-10-13");
    assert_eq!(restated["restated"]["replaced_sha256"], first["content_sha256"]);
    let differences = restated["restated"]["differences"].as_u64().expect("a number");
    let numbers = (SESSIONS - 2) * 6;
    assert_eq!(differences as usize, numbers, "all, the last volume too");
    let mut folders: Vec<_> =
        fs::read_dir(desk.path("data/snapshots")).expect("snapshots").flatten().collect();
    folders.sort_by_key(std::fs::DirEntry::path);
    assert_eq!(folders.len(), 2);
    let csv = fs::read_to_string(folders[1].path().join("differences.csv")).expect("recorded");
    assert_eq!(csv.lines().count() as u64, differences + 1);
    let kept = fs::read(folders[0].path().join("prices.parquet")).expect("kept");
    assert_eq!(kept, before);

    // A backtest as of a day before sees what was known then, and none as of a day before that.
    let bars = desk.path("data/latest/prices.parquet").display().to_string();
    let play = |as_of: &str, run: &str| {
        desk.run(&[
            "backtest",
            "--bars",
            &bars,
            "--as-of",
            as_of,
            "--sessions",
            "2",
            "--run",
            run,
            "--json",
        ])
    };
    let then = last_json(&play(&known.to_string(), "then"));
    let folder = folders[0].path().join("prices.parquet").display().to_string();
    let again = last_json(&desk.run(&[
        "backtest",
        "--bars",
        &folder,
        "--sessions",
        "2",
        "--run",
        "again",
        "--json",
    ]));
    assert_eq!(then["orders_sha256"], again["orders_sha256"]);
    let nothing = text(&play("2001-01-01", "nothing").stderr);
    assert!(nothing.contains("nothing was known on 2001-01-01"), "{nothing}");
}

/// Who left the universe since then belonged to it then, and a backtest as of then has it.
#[test]
fn another_universe_takes_nothing_from_what_was_known_before() {
    let (desk, exchange) = (Desk::new(), Exchange::new(2));
    let universe = exchange.universe(&desk, "");
    let from = exchange.session(40).to_string();
    exchange.fetched(&desk, &["--universe", &universe, "--from", &from]);
    let (first, prices) = (exchange.session(2), desk.path("data/latest/prices.parquet"));
    let known = ingest::universe_of(&prices).expect("universe");
    exchange.step_to(1);
    exchange.fetched(&desk, &[]);
    let folders = || fs::read_dir(desk.path("data/snapshots")).expect("snapshots").count();
    assert_eq!(folders(), 1, "it has grown");

    exchange.step_to(0);
    let text = fs::read_to_string(&universe).expect("universe");
    let gone = &exchange.market.members()[3].symbol;
    let fewer: Vec<&str> =
        text.lines().filter(|line| !line.starts_with(&format!("{gone},"))).collect();
    assert_eq!(fewer.len(), SYMBOLS);
    fs::write(&universe, fewer.join("\n")).expect("written");
    exchange.fetched(&desk, &["--universe", &universe]);
    assert_eq!(folders(), 2);
    assert_eq!(ingest::universe_of(&prices).expect("universe").members.len(), SYMBOLS - 1);
    for day in [first, exchange.session(1)] {
        let (file, bars) = ingest::snapshots::as_of(&prices, day).expect("known");
        assert_eq!(bars.last().map(|bars| bars.session), Some(day));
        assert_eq!(ingest::universe_of(&file).expect("universe"), known, "as of {day}");
    }
    let (file, _) = ingest::snapshots::as_of(&prices, exchange.session(0)).expect("known");
    assert_eq!(ingest::universe_of(&file).expect("universe").members.len(), SYMBOLS - 1);
}

/// A model that was trained on the history with holes saw another past: what filled them stands on record.
#[test]
fn holes_that_are_filled_later_stand_on_record() {
    let whole = synthetic();
    let name = whole.members()[5].symbol.clone();
    let mut bars = whole.bars().to_vec();
    let day = &mut bars[SESSIONS - 10];
    let row = day.row(&name).expect("a bar");
    day.symbols.remove(row);
    for column in [
        &mut day.open,
        &mut day.high,
        &mut day.low,
        &mut day.close,
        &mut day.volume,
        &mut day.raw_close,
    ] {
        column.remove(row);
    }
    let members = whole.members();
    let sectors = members.iter().map(|member| (member.symbol.clone(), member.sector.clone()));
    let holes = Exchange::of(Market::from_bars(bars, &sectors.collect()).expect("a market"), 0);
    let desk = Desk::new();
    let universe = holes.universe(&desk, "");
    let from = holes.session(40).to_string();
    let arguments = ["--universe", universe.as_str(), "--from", from.as_str(), "--allow-partial"];
    let partial = holes.fetched(&desk, &arguments);
    assert_eq!(partial["restated"], Value::Null);
    let filled = Exchange::of(whole, 0).fetched(&desk, &[]);
    assert_eq!(filled["new"], 1);
    assert_eq!(filled["restated"]["differences"], 1);
    assert_eq!(filled["restated"]["replaced_sha256"], partial["content_sha256"]);
    let reason = filled["restated"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("1 bars that a partial history lacked"), "{reason}");
}

#[test]
fn a_partial_history_is_for_research_only() {
    let (desk, exchange) = (Desk::new(), Exchange::new(0));
    let universe = exchange.universe(&desk, "ZZZZ,Energy\n");
    let from = exchange.session(SESSIONS - 1).to_string();
    let arguments = ["--universe", universe.as_str(), "--from", from.as_str()];
    let refused = exchange.fetch(&desk, &arguments);
    let said = text(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("ZZZZ from") && said.contains("COVERAGE"),
        "{said}"
    );
    assert!(!desk.path("data/latest/prices.parquet").exists(), "nothing was written");

    exchange.fetched(&desk, &[&arguments[..], &["--allow-partial"]].concat());
    let bars = desk.path("data/latest/prices.parquet").display().to_string();
    let demo = desk.run(&["demo", "--bars", &bars, "--sessions", "2"]);
    let said = text(&demo.stderr);
    assert!(!demo.status.success() && said.contains("PARTIAL") && said.contains(&bars), "{said}");
    let research = desk.run(&["backtest", "--bars", &bars, "--sessions", "2"]);
    let said = text(&research.stderr);
    assert!(said.contains("is PARTIAL") && said.contains("ZZZZ"), "it says so: {said}");
}

#[test]
fn no_keys_no_network_no_bars() {
    let (desk, exchange) = (Desk::new(), Exchange::new(0));
    let universe = exchange.universe(&desk, "");
    let mut command = desk.aurora(&["fetch", "--universe", &universe, "--venue", "127.0.0.1:9"]);
    command.env_remove("APCA_API_KEY_ID").env_remove("APCA_API_SECRET_KEY");
    let said = text(&command.output().expect("aurora runs").stderr);
    assert!(said.contains("APCA_API_KEY_ID is not set"), "{said}");
    assert!(!desk.path("data/latest").exists(), "and no file");
}
