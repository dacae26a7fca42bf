//! Fetching over real HTTP on loopback, from a server that answers what each test wants.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use alpaca::{Client, Credentials, Endpoints, Patience};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use ingest::today::{Today, fetch_session, keep};
use ingest::{FetchOptions, Growth, IngestError, Provenance, fetch_bars, read_manifest, store};
use jiff::civil::date;
use messages::{Bars, Date, Member, Symbol, Time};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

type Asked = BTreeMap<String, String>;
type Answer = Arc<dyn Fn(&Asked) -> String + Send + Sync>;

struct Server {
    client: Client,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// The morning of 12 March 2024, by the server's clock.
const NOW: Time = Time(1_710_244_800_000_000_000);

/// Answers `/v2/stocks/bars` with what `answer` makes of the query.
async fn serve(answer: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Server {
    type Shared = (Answer, Arc<Mutex<Vec<Asked>>>);
    async fn bars(
        State((answer, asked)): State<Shared>,
        Query(query): Query<Asked>,
    ) -> (StatusCode, String) {
        asked.lock().unwrap().push(query.clone());
        (StatusCode::OK, answer(&query))
    }
    let asked = Arc::new(Mutex::new(Vec::new()));
    let shared: Shared = (Arc::new(answer), asked.clone());
    let clock = async || {
        let at = alpaca::time::new_york(NOW);
        format!(r#"{{"timestamp":"{at}","is_open":false,"next_open":"{at}","next_close":"{at}"}}"#)
    };
    let router = Router::new().route("/v2/stocks/bars", get(bars)).route("/v2/clock", get(clock));
    let router = router.with_state(shared);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoints = Endpoints::local(&listener.local_addr().unwrap().to_string());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::new(endpoints, Credentials::new("key", "secret")).unwrap();
    let client = client.patient(Patience { attempts_max: 1, ..Patience::default() });
    Server { client, asked }
}

/// A market with a bar of every symbol asked for on each of `days`, in pages of `size` bars, ordered
/// by symbol, then time, as Alpaca does it.
fn market(days: Vec<Date>, size: usize, volume: f64) -> impl Fn(&Asked) -> String + Send + Sync {
    move |asked| {
        let within = |day: &Date| {
            let t = midnight(*day);
            asked["start"].as_str() <= t.as_str() && t.as_str() <= asked["end"].as_str()
        };
        let symbols = asked["symbols"].split(',');
        let all: Vec<(&str, &Date)> = symbols
            .flat_map(|symbol| days.iter().filter(|d| within(d)).map(move |day| (symbol, day)))
            .collect();
        let from: usize = asked.get("page_token").map_or(0, |token| token.parse().unwrap());
        let page = &all[from..all.len().min(from + size)];
        let mut bars: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (symbol, day) in page {
            let (open, close) = price(symbol, **day, &asked["adjustment"]);
            let (high, low) = (open.max(close), open.min(close));
            let t = midnight(**day);
            bars.entry(symbol).or_default().push(format!(
                r#"{{"t":"{t}","o":{open},"h":{high},"l":{low},"c":{close},"v":{volume},"n":1,"vw":1}}"#
            ));
        }
        let mut body = String::from(r#"{"bars":{"#);
        for (index, (symbol, bars)) in bars.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(body, r#"{comma}"{symbol}":[{}]"#, bars.join(",")).unwrap();
        }
        let end = from + page.len();
        let token = if end < all.len() { format!("\"{end}\"") } else { "null".into() };
        write!(body, r#"}},"next_page_token":{token}}}"#).unwrap();
        body
    }
}

/// Numbers with all the digits a 32-bit price has in 64 bits; open and close.
fn price(symbol: &str, day: Date, adjustment: &str) -> (f64, f64) {
    let seed = symbol.bytes().map(f32::from).sum::<f32>() + f32::from(day.day());
    let factor = if adjustment == "raw" { 4.0 } else { 1.0 };
    (f64::from(seed / 7.0) * factor, f64::from(seed / 6.9) * factor)
}

fn midnight(day: Date) -> String {
    alpaca::time::utc(alpaca::time::session_time(day, jiff::civil::Time::midnight()))
}

/// Two sessions in winter time, two in summer time.
fn days() -> Vec<Date> {
    vec![date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11), date(2024, 3, 12)]
}

fn symbols(count: usize) -> Vec<Symbol> {
    (0..count).map(|index| Symbol::from(format!("S{index:03}"))).collect()
}

fn options() -> FetchOptions {
    FetchOptions::new("sip", "split")
}

async fn fetched(server: &Server, symbols: &[Symbol]) -> Result<Vec<Bars>, IngestError> {
    fetch_bars(&server.client, symbols, date(2024, 3, 7), date(2024, 3, 12), &options()).await
}

async fn refused(answer: &'static str) -> String {
    let server = serve(move |_| answer.to_owned()).await;
    let symbols = ["A".into(), "BRK.B".into()];
    fetched(&server, &symbols).await.expect_err("must be refused").chain()
}

#[tokio::test]
async fn prior_art_29_all_pages_of_all_symbols_bit_for_bit() {
    let server = serve(market(days(), 7, 1e6)).await;
    let done = Arc::new(Mutex::new(Vec::new()));
    let heard = done.clone();
    let progress = move |done: usize, total: usize| heard.lock().unwrap().push((done, total));
    let options = FetchOptions { progress: Some(Arc::new(progress)), ..options() };
    let symbols = symbols(123);
    let history =
        fetch_bars(&server.client, &symbols, date(2024, 3, 7), date(2024, 3, 12), &options).await;
    let history = history.unwrap();
    assert_eq!(history.iter().map(|bars| bars.session).collect::<Vec<_>>(), days());
    for bars in &history {
        assert_eq!(bars.symbols, symbols);
        for (row, symbol) in symbols.iter().enumerate() {
            let (open, close) = price(symbol.as_str(), bars.session, "split");
            assert_eq!((bars.open[row], bars.close[row]), (open, close), "{symbol}");
            assert_eq!(bars.raw_close[row], price(symbol.as_str(), bars.session, "raw").1);
        }
    }
    let asked = server.asked.lock().unwrap();
    assert!(asked.iter().all(|query| query["symbols"].split(',').count() <= 50));
    assert!(asked.iter().all(|query| query["start"] == "2024-03-07T05:00:00Z"), "winter");
    assert!(asked.iter().all(|query| query["end"] == "2024-03-12T04:00:00Z"), "summer");
    assert!(asked.iter().all(|query| query["feed"] == "sip" && query["timeframe"] == "1Day"));
    let done = done.lock().unwrap();
    assert_eq!((done.len(), *done.iter().max().unwrap()), (6, (246, 246)));
}

#[tokio::test]
async fn raw_prices_are_asked_for_once() {
    let server = serve(market(days(), 100, 1e6)).await;
    let options = FetchOptions::new("iex", "raw");
    let (symbols, day) = (symbols(3), date(2024, 3, 8));
    let bars = fetch_bars(&server.client, &symbols, day, day, &options).await.unwrap();
    assert_eq!(bars.len(), 1);
    assert_eq!(bars[0].close, bars[0].raw_close);
    assert_eq!(server.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_that_lead_nowhere_are_noticed() {
    let bar = r#"{"bars":{"A":[{"t":"2024-03-08T05:00:00Z","o":1,"h":1,"l":1,"c":1,"v":1}]},"next_page_token":"again"}"#;
    let text = refused(bar).await;
    assert!(text.contains("A has 2024-03-08T05:00:00Z after 2024-03-08T05:00:00Z"), "{text}");
    let text = refused(r#"{"bars":{},"next_page_token":"more"}"#).await;
    assert!(text.contains("page token \"more\" came a second time"), "{text}");
}

#[tokio::test]
async fn bad_answers_are_errors_that_name_the_bar() {
    macro_rules! bar {
        ($t:literal, $rest:literal) => {
            concat!(
                r#"{"bars":{"A":[{"t":""#,
                $t,
                r#"","o":1,"h":1,"l":1,"#,
                $rest,
                r#"}]},"next_page_token":null}"#
            )
        };
    }
    let cases = [
        (
            bar!("2024-03-08T05:00:00Z", r#""c":1"#),
            "A: volume of the bar at 2024-03-08T05:00:00Z is missing",
        ),
        (
            bar!("2024-03-08T00:00:00Z", r#""c":1,"v":1"#),
            "A: a bar at 2024-03-08T00:00:00Z is no daily bar",
        ),
        (
            bar!("2024-03-13T04:00:00Z", r#""c":1,"v":1"#),
            "A: a bar at 2024-03-13T04:00:00Z was not asked for (from 2024-03-07T05:00:00Z",
        ),
        (bar!("2024-03-08T05:00:00Z", r#""c":null,"v":1"#), "MALFORMED"),
        (bar!("2024-03-08T05:00:00Z", r#""c":1e999,"v":1"#), "MALFORMED"),
        (r#"{"bars":{"A":[{"t":"2024-03-08T05:00:00Z","o":1,"h":"#, "the answer is cut off"),
        (r#"{"bars":{"ZZZ":[]},"next_page_token":null}"#, "ZZZ was not asked for"),
        (
            r#"{"bars":{"A":[{"t":"2024-03-08T05:00:00Z","o":1,"h":1,"l":1,"c":1,"v":1},
                {"t":"2024-03-08T05:00:00Z","o":1,"h":1,"l":1,"c":1,"v":1}]},"next_page_token":null}"#,
            "A has 2024-03-08T05:00:00Z after 2024-03-08T05:00:00Z",
        ),
    ];
    for (answer, expected) in cases {
        let text = refused(answer).await;
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn prior_art_29_adjusted_and_raw_bars_must_be_of_the_same_days() {
    let (all, fewer) = (market(days(), 100, 1.0), market(days()[1..].to_vec(), 100, 1.0));
    let server =
        serve(move |asked| if asked["adjustment"] == "raw" { fewer(asked) } else { all(asked) });
    let text = fetched(&server.await, &symbols(2)).await.unwrap_err().to_string();
    assert!(
        text.contains("S000 on 2024-03-07: there is a bar with adjusted prices and none with raw"),
        "{text}"
    );
}

// What follows is a session: the store, the past, the gate.

fn members(count: usize) -> Vec<Member> {
    symbols(count).into_iter().map(|symbol| Member { symbol, sector: "S".into() }).collect()
}

fn stored(history: &[Bars]) -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("prices.parquet");
    let unknown = || "test".to_owned();
    let provenance = Provenance {
        source: unknown(),
        request: unknown(),
        at: unknown(),
        feed: unknown(),
        adjustment: unknown(),
        raw_close: unknown(),
    };
    store::write_prices(&path, history, provenance).unwrap();
    (folder, path)
}

#[tokio::test]
async fn prior_art_29_a_session_fetches_what_the_store_lacks() {
    let server = serve(market(days(), 100, 1e6)).await;
    let history = fetched(&server, &symbols(3)).await.unwrap();
    let (_folder, path) = stored(&history[..2]);
    server.asked.lock().unwrap().clear();
    let today =
        fetch_session(&server.client, &path, &members(3), &[], date(2024, 3, 12), &options()).await;
    assert_eq!(today.unwrap(), Today::Covered(history[3].clone()));
    assert_eq!(
        server.asked.lock().unwrap()[0]["start"],
        "2024-03-08T05:00:00Z",
        "the last stored session"
    );
    assert_eq!(
        store::read_prices(&path).unwrap(),
        &history[..3],
        "the gap is filled, today is not kept"
    );
    let known = read_manifest(&path).unwrap().unwrap().origin.growths;
    let growth = Growth { at: "2024-03-12T12:00:00Z".into(), from: date(2024, 3, 11) };
    assert_eq!(known, [growth], "as of a day before, nobody knew it");
    keep(&path, &history[3], NOW).await.unwrap();
    keep(&path, &history[3], NOW).await.unwrap();
    assert_eq!(store::read_prices(&path).unwrap(), history);
    // Again, as after a crash: the same answer, nothing to store.
    let today =
        fetch_session(&server.client, &path, &members(3), &[], date(2024, 3, 12), &options()).await;
    assert_eq!(today.unwrap(), Today::Covered(history[3].clone()));
}

#[tokio::test]
async fn a_past_that_has_changed_stops_the_session() {
    let server = serve(market(days(), 100, 1e6)).await;
    let history = fetched(&server, &symbols(3)).await.unwrap();
    let session = |path| {
        let client = server.client.clone();
        async move {
            fetch_session(&client, path, &members(3), &[], date(2024, 3, 11), &options()).await
        }
    };
    let mut changed = history[..2].to_vec();
    changed[1].low[2] = 1.0;
    let (_folder, path) = stored(&changed);
    let text = session(&path).await.unwrap_err().to_string();
    assert!(text.starts_with("RESTATED: S002 on 2024-03-08: low is stored as 1 and is "), "{text}");
    assert_eq!(store::read_prices(&path).unwrap(), changed);
    // Volume of the evening before grows until morning.
    let mut evening = history[..2].to_vec();
    evening[1].volume[2] -= 10.0;
    let (_folder, path) = stored(&evening);
    assert_eq!(session(&path).await.unwrap(), Today::Covered(history[2].clone()));
}

/// Fetched in the evening, signalled next morning, when trades after hours count too: the journal gets the bar that
/// the backtest will read, and from then on that one stays.
#[tokio::test]
async fn a_signal_session_that_is_stored_already_is_said_as_it_is_stored() {
    let server = serve(market(days(), 100, 1e6)).await;
    let history = fetched(&server, &symbols(3)).await.unwrap();
    let mut evening = history[..3].to_vec();
    evening[2].volume[1] -= 10.0;
    let (_folder, path) = stored(&evening);
    let (day, options) = (date(2024, 3, 11), options());
    for members in [members(2), members(3)] {
        let said = fetch_session(&server.client, &path, &members, &[], day, &options).await;
        let Today::Covered(bars) = said.unwrap() else { panic!("covered") };
        assert_eq!(bars.symbols, symbols(members.len()));
        for (row, symbol) in bars.symbols.iter().enumerate() {
            let stored = evening[2].volume[evening[2].row(symbol).unwrap()];
            assert_eq!(bars.volume[row].to_bits(), stored.to_bits(), "{symbol}");
        }
        keep(&path, &bars, NOW).await.unwrap();
        assert_eq!(store::read_prices(&path).unwrap(), evening);
        let manifest = ingest::read_manifest(&path).unwrap().unwrap();
        assert_eq!(manifest.origin.journaled_from, Some(day));
    }
    // Another price is no growth.
    evening[2].close[1] += 1.0;
    let (_folder, path) = stored(&evening);
    let said = fetch_session(&server.client, &path, &members(3), &[], day, &options).await;
    assert!(said.unwrap_err().to_string().starts_with("RESTATED: S001 on 2024-03-11"));
}

#[tokio::test]
async fn an_answer_without_the_session_before_is_no_answer() {
    let whole = serve(market(days(), 100, 1e6)).await;
    let history = fetched(&whole, &symbols(3)).await.unwrap();
    let (_folder, path) = stored(&history[..2]);
    let server = serve(market(days()[2..].to_vec(), 100, 1e6)).await;
    let session =
        fetch_session(&server.client, &path, &members(3), &[], date(2024, 3, 12), &options()).await;
    let error = session.unwrap_err();
    assert!(error.to_string().starts_with("NO_OVERLAP: 2024-03-08 is stored"), "{error}");
    assert!(error.is_transient());
    assert_eq!(store::read_prices(&path).unwrap(), &history[..2], "nothing is kept of it");
}

/// A service that repeats a bar under the next date, while the volume of the one before has grown
/// since it was stored: the backtest, which knows the stored bar only, sees no copy, and vice versa.
#[tokio::test]
async fn a_bar_is_stale_if_it_repeats_what_is_stored() {
    let repeated = |volume: [u32; 2]| {
        move |_: &Asked| {
            let bar = |day: Date, volume: u32| {
                format!(r#"{{"t":"{}","o":2,"h":2,"l":2,"c":2,"v":{volume}}}"#, midnight(day))
            };
            let bars = [bar(date(2024, 3, 8), volume[0]), bar(date(2024, 3, 11), volume[1])];
            format!(r#"{{"bars":{{"S000":[{}]}},"next_page_token":null}}"#, bars.join(","))
        }
    };
    let mut evening = Bars::empty(date(2024, 3, 8));
    evening.push("S000".into(), [2.0, 2.0, 2.0, 2.0, 90.0, 2.0]);
    for (volume, stale) in [([100, 90], true), ([100, 100], false)] {
        let server = serve(repeated(volume)).await;
        let (_folder, path) = stored(std::slice::from_ref(&evening));
        let today =
            fetch_session(&server.client, &path, &members(1), &[], date(2024, 3, 11), &options())
                .await;
        match today.unwrap() {
            Today::Failed(failed) => {
                assert!(stale, "{failed:?}");
                assert_eq!(failed.unusable, ["S000: identical to the session before"]);
            }
            Today::Covered(_) => assert!(!stale),
        }
    }
}

#[tokio::test]
async fn a_symbol_without_a_bar_is_named_at_the_gate() {
    let whole = market(days(), 100, 1e6);
    let server = serve(move |asked| {
        let known = asked["symbols"].replace("S001,", "");
        let mut asked = asked.clone();
        asked.insert("symbols".to_owned(), known);
        whole(&asked)
    });
    let server = server.await;
    let history = fetched(&server, &symbols(3)).await.unwrap();
    let (_folder, path) = stored(&history[..2]);
    let today =
        fetch_session(&server.client, &path, &members(3), &[], date(2024, 3, 11), &options()).await;
    let Today::Failed(failed) = today.unwrap() else { panic!("must not pass") };
    assert_eq!((failed.expected, failed.got, failed.missing), (3, 2, vec!["S001".into()]));
    assert_eq!(store::read_prices(&path).unwrap(), &history[..2]);
    // The gap before today passes the same gate, or nothing of it is kept.
    let later =
        fetch_session(&server.client, &path, &members(3), &[], date(2024, 3, 12), &options()).await;
    let Today::Failed(failed) = later.unwrap() else { panic!("must not pass") };
    assert_eq!((failed.session, failed.missing), (date(2024, 3, 11), vec!["S001".into()]));
    assert_eq!(store::read_prices(&path).unwrap(), &history[..2]);
    let server = serve(market(days(), 100, 1e6)).await;
    let never =
        fetch_session(&server.client, &path, &members(3), &[], date(2024, 3, 13), &options()).await;
    let Today::Failed(failed) = never.unwrap() else { panic!("there is no such session yet") };
    assert_eq!((failed.got, failed.missing.len()), (0, 3));
}

#[tokio::test]
async fn without_a_history_there_is_no_session() {
    let server = serve(market(days(), 100, 1e6)).await;
    let nowhere = std::path::Path::new("/nowhere/prices.parquet");
    let text =
        fetch_session(&server.client, nowhere, &members(3), &[], date(2024, 3, 11), &options())
            .await;
    assert!(text.unwrap_err().to_string().contains("aurora fetch"));
    assert_eq!(server.asked.lock().unwrap().len(), 0);
}
