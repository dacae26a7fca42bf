//! Bars of other lengths than a day, of coins too, and what is latest.

use super::{Source, options, provenance};
use exchange::{Market, SyntheticConfig};
use ingest::series::{self, Market as Where, Series};
use ingest::{IngestError, StoreError, latest, read_manifest, snapshots};
use jiff::civil::Time as Clock;
use messages::{Date, Symbol, Time};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

fn synthetic(seed: u64) -> Arc<Market> {
    let config = SyntheticConfig { seed, symbols: 6, sessions: 12, ..SyntheticConfig::default() };
    Arc::new(Market::synthetic(&config))
}

static MARKET: LazyLock<Arc<Market>> = LazyLock::new(|| synthetic(3));

fn day(session: usize) -> Date {
    MARKET.calendar().sessions()[session].date
}

/// From the morning of one session to the evening of another.
fn span(from: usize, through: usize) -> (Time, Time) {
    let at =
        |session, hour| MARKET.calendar().instant(day(session), Clock::constant(hour, 0, 0, 0));
    (at(from, 0), at(through, 20))
}

fn names(of: &[&str]) -> Vec<Symbol> {
    of.iter().copied().map(Symbol::from).collect()
}

async fn fetched(
    source: &Source,
    timeframe: &str,
    symbols: &[&str],
    days: (usize, usize),
) -> Result<Series, IngestError> {
    let (span, now) = (span(days.0, days.1), source.now().await);
    let market = if symbols[0].contains('/') {
        Where::Crypto { location: "us".into() }
    } else {
        Where::Stocks
    };
    series::fetch(&source.client, &market, &names(symbols), timeframe, span, now, &options()).await
}

/// `data/latest/bars-1Hour.parquet` of an installation.
fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("data/latest/bars-1Hour.parquet")
}

fn first_two() -> [&'static str; 2] {
    let assets = MARKET.equities();
    [assets[0].symbol.as_str(), assets[1].symbol.as_str()]
}

#[tokio::test]
async fn hours_are_written_and_read_back() {
    let source = Source::at(&MARKET, day(10), 8).await;
    let [a, b] = first_two();
    let hours = fetched(&source, "1Hour", &[b, a], (2, 4)).await.unwrap();
    assert_eq!(hours.symbols, names(&[a, b]));
    assert_eq!(hours.time.len(), 3 * 2 * 7, "9 to 15 o'clock, three days, two names");
    assert!(hours.time.is_sorted() && hours.session.first() == Some(&day(2)));
    // Against the same hours as the venue says them, one by one.
    let url = format!(
        "http://{}/v2/stocks/{b}/bars?timeframe=1Hour&feed=sip&adjustment=split&start={}&end={}",
        source.venue.addr(),
        alpaca::time::utc(span(2, 4).0),
        alpaca::time::utc(span(2, 4).1),
    );
    let said: Value =
        serde_json::from_str(&reqwest::get(url).await.unwrap().text().await.unwrap()).unwrap();
    let rows = (0..hours.time.len()).filter(|row| hours.symbol[*row] == 1);
    for (row, bar) in rows.zip(said["bars"].as_array().unwrap()) {
        let values = ["o", "h", "l", "c", "v"].map(|key| bar[key].as_f64().unwrap());
        assert_eq!(hours.values.each_ref().map(|column| column[row]), values);
        assert_eq!(alpaca::time::utc(Time(hours.time[row])), bar["t"].as_str().unwrap());
    }
    let folder = TempDir::new().unwrap();
    let manifest = series::write(&file(&folder), &hours, provenance(), None).unwrap();
    assert_eq!((manifest.rows, manifest.sessions, manifest.symbols), (42, 3, 2));
    assert_eq!(series::read(&file(&folder)).unwrap(), hours);
    let bytes = fs::read(file(&folder)).unwrap();
    fs::write(file(&folder), &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(series::read(&file(&folder)), Err(StoreError::Tampered { .. })));
}

#[tokio::test]
async fn a_series_may_grow_and_nothing_else() {
    let source = Source::at(&MARKET, day(10), 8).await;
    let [a, b] = first_two();
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    let hours = fetched(&source, "1Hour", &[a], (3, 4)).await.unwrap();
    series::write(&file, &hours, provenance(), None).unwrap();
    series::write(&file, &hours, provenance(), None).unwrap();
    let more = fetched(&source, "1Hour", &[a, b], (2, 6)).await.unwrap();
    series::write(&file, &more, provenance(), None).unwrap();
    assert_eq!(series::read(&file).unwrap(), more);
    // Fewer days would lose some.
    let text = series::write(&file, &hours, provenance(), None).unwrap_err().to_string();
    assert!(
        text.starts_with("PAST_CHANGED: ") && text.contains("bars-1Hour.parquet: 56 "),
        "{text}"
    );
    assert!(text.contains(": open stored ") && text.contains(", now absent"), "{text}");
    assert!(text.contains("and 36 more") && text.contains("--restate REASON"), "{text}");
    let mut iex = provenance();
    iex.feed = "iex".into();
    let text = series::write(&file, &more, iex, None).unwrap_err().to_string();
    assert!(
        text.contains("feed \"sip\"") && text.contains("not from venue (feed \"iex\""),
        "{text}"
    );
    assert_eq!(series::read(&file).unwrap(), more, "nothing was written");
}

/// Another venue says otherwise of the same hours.
#[tokio::test]
async fn a_changed_past_is_refused_and_listed_and_replaced_for_a_reason_only() {
    let (source, other) = (synthetic(3), synthetic(4));
    let (source, other) =
        (Source::at(&source, day(10), 8).await, Source::at(&other, day(10), 8).await);
    let [a, _] = first_two();
    let folder = TempDir::new().unwrap();
    let file = file(&folder);
    let before = fetched(&source, "1Hour", &[a], (3, 3)).await.unwrap();
    series::write(&file, &before, provenance(), None).unwrap();
    let now = fetched(&other, "1Hour", &[a], (3, 3)).await.unwrap();
    let text = series::write(&file, &now, provenance(), None).unwrap_err().to_string();
    assert!(text.starts_with("PAST_CHANGED"), "{text}");
    let first = format!(
        "{a} at {}: open stored {}, now {}\n",
        alpaca::time::utc(Time(before.time[0])),
        before.values[0][0],
        now.values[0][0]
    );
    assert!(text.contains(&first), "{text}");
    assert_eq!(series::read(&file).unwrap(), before, "nothing was written");

    let replaced = read_manifest(&file).unwrap().unwrap().content_sha256;
    let manifest = series::write(&file, &now, provenance(), Some("another seed")).unwrap();
    assert_eq!(series::read(&file).unwrap(), now);
    let restated = manifest.origin.restated.unwrap();
    assert_eq!((restated.reason.as_str(), restated.replaced_sha256), ("another seed", replaced));
    let kept = snapshots::folder(&file).join("2024-03-18T220000Z");
    assert_eq!(series::read(&kept.join("bars-1Hour.parquet")).unwrap(), before);
    let csv = fs::read_to_string(kept.join("differences.csv")).unwrap();
    assert_eq!(csv.lines().count() as u64, restated.differences + 1);
    assert!(csv.starts_with("symbol,time,field,stored,now\n"), "{csv}");
}

#[tokio::test]
async fn coins_have_days_of_their_own() {
    let source = Source::at(&MARKET, day(10), 8).await;
    let coins = fetched(&source, "1Day", &["ETH/USD", "BTC/USD"], (2, 6)).await.unwrap();
    assert_eq!(coins.symbols, names(&["BTC/USD", "ETH/USD"]));
    assert!(coins.time.iter().all(|time| time % 86_400_000_000_000 == 0), "midnight UTC");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("crypto-1Day.parquet");
    series::write(&file, &coins, provenance(), None).unwrap();
    assert_eq!(series::read(&file).unwrap(), coins);
}

#[tokio::test]
async fn what_there_is_not_is_an_error_and_no_file() {
    let source = Source::at(&MARKET, day(10), 8).await;
    let [a, _] = first_two();
    let text = fetched(&source, "1Hour", &[a, "ZZZZ"], (2, 4)).await.unwrap_err().to_string();
    assert!(text.contains("no bars of ZZZZ from") && text.contains("check spelling"), "{text}");
    let text = fetched(&source, "60Min", &[a], (2, 4)).await.unwrap_err().to_string();
    assert!(text.contains("60Min") && text.contains("1Min to 59Min"), "{text}");
    // The hour that has begun is not finished: nobody could fetch it again.
    let source = Source::at(&MARKET, day(10), 12).await;
    let hours = fetched(&source, "1Hour", &[a], (10, 10)).await.unwrap();
    assert_eq!(hours.time.len(), 3, "9, 10 and 11 o'clock");
}

#[tokio::test]
async fn the_latest_is_what_the_venue_says_in_the_order_asked_for() {
    let source = Source::at(&MARKET, day(10), 12).await;
    let [a, b] = first_two();
    let wanted = names(&[b, "BTC/USD", a]);
    let found = latest::latest(&source.client, &wanted, "sip", "us").await.unwrap();
    let asked: Vec<&Symbol> = found.iter().map(|latest| &latest.symbol).collect();
    assert_eq!(asked, wanted.iter().collect::<Vec<_>>());
    let said = async |path: &str| -> Value {
        let url = format!("http://{}{path}", source.venue.addr());
        serde_json::from_str(&reqwest::get(url).await.unwrap().text().await.unwrap()).unwrap()
    };
    let quote = said(&format!("/v2/stocks/{b}/quotes/latest")).await;
    let trade = said(&format!("/v2/stocks/{b}/trades/latest")).await;
    assert_eq!(trade["trade"]["p"].as_f64().unwrap().to_string(), found[0].trade.p.to_string());
    assert_eq!(quote["quote"]["ap"].as_f64().unwrap().to_string(), found[0].quote.ap.to_string());
    let coins = said("/v1beta3/crypto/us/latest/trades?symbols=BTC/USD").await;
    assert_eq!(
        coins["trades"]["BTC/USD"]["p"].as_f64().unwrap().to_string(),
        found[1].trade.p.to_string()
    );
    for unknown in ["ZZZZ", "ZZZ/USD"] {
        let wanted = names(&[a, unknown]);
        let text = latest::latest(&source.client, &wanted, "sip", "us").await.unwrap_err();
        assert!(
            text.to_string().contains(&format!("no latest trade and quote of {unknown}")),
            "{text}"
        );
    }
}
