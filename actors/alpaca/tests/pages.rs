//! Page after page: the right rows, or an error that names the request. Never a loop, never a row twice.

#![allow(clippy::unwrap_used, reason = "a test that fails at setting up has failed")]

mod server;

use alpaca::{BarsQuery, CryptoBarsQuery, Source, TicksQuery};
use messages::Time;
use server::{Answer, Server};

fn query() -> BarsQuery {
    BarsQuery {
        symbols: vec!["AAPL".into(), "MSFT".into()],
        timeframe: "1Min".into(),
        start: Time(0),
        end: Time(3_600_000_000_000),
        adjustment: "split".into(),
        feed: "sip".into(),
        asof: None,
        page_token: None,
    }
}

/// A page of minute bars: symbol and minutes, and the token of the next.
fn page(rows: &[(&str, &[u8])], next: Option<&str>) -> Answer {
    let series = rows.iter().map(|(symbol, minutes)| {
        let bars: Vec<String> = minutes
            .iter()
            .map(|m| format!(r#"{{"t":"1970-01-01T00:{m:02}:00Z","o":1,"h":1,"l":1,"c":1,"v":1}}"#))
            .collect();
        format!("\"{symbol}\":[{}]", bars.join(","))
    });
    let bars: Vec<String> = series.collect();
    let next = next.map_or("null".to_owned(), |next| format!("\"{next}\""));
    Answer::ok(format!("{{\"bars\":{{{}}},\"next_page_token\":{next}}}", bars.join(",")))
}

/// How many rows come of these pages, and how many were asked for.
async fn rows(pages: Vec<Answer>) -> (Result<usize, String>, usize) {
    let server = Server::start(pages).await;
    let all = server.client.bars_pages(&query()).collect().await;
    let count = |pages: Vec<alpaca::model::BarsPage>| {
        pages.iter().flat_map(|page| page.bars.values()).map(Vec::len).sum()
    };
    (all.map(count).map_err(|error| error.to_string()), server.seen().requests.len())
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let pages = vec![
        page(&[("AAPL", &[1, 2])], Some("a")),
        page(&[("AAPL", &[3]), ("MSFT", &[1])], Some("b")),
        page(&[("MSFT", &[2])], None),
    ];
    let server = Server::start(pages).await;
    let mut pages = server.client.bars_pages(&query());
    let mut found = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        found.push(page.bars.values().map(Vec::len).sum::<usize>());
    }
    assert_eq!(found, [2, 2, 1]);
    assert!(pages.next().await.unwrap().is_none(), "and nothing is asked after the end");
    let seen = server.seen();
    let tokens: Vec<_> =
        seen.lines().iter().map(|line| line.split_once("page_token=").map(|pair| pair.1)).collect();
    assert_eq!(tokens, [None, Some("a"), Some("b")]);
    assert!(seen.lines()[2].contains("symbols=AAPL%2CMSFT"), "all else is repeated");
}

#[tokio::test]
async fn an_empty_page_with_a_new_token_is_passed_over() {
    let pages = vec![
        page(&[], Some("a")),
        page(&[("AAPL", &[1])], Some("b")),
        page(&[], Some("c")),
        page(&[("AAPL", &[2])], Some("d")),
        page(&[], None),
    ];
    assert_eq!(rows(pages).await, (Ok(2), 5));
    assert_eq!(rows(vec![page(&[], None)]).await, (Ok(0), 1));
    let endless: Vec<_> = (0..200).map(|n| page(&[], Some(&n.to_string()))).collect();
    let (error, asked) = rows(endless).await;
    assert!(error.unwrap_err().contains("100 pages in a row were empty"));
    assert_eq!(asked, 100);
}

async fn broken(pages: Vec<Answer>) -> String {
    let error = rows(pages).await.0.unwrap_err();
    assert!(error.starts_with("BROKEN_PAGES: GET /v2/stocks/bars?"), "{error}");
    assert!(error.contains("&page_token=") && error.contains("ask again"), "{error}");
    assert!(!error.contains("base URL"), "{error}");
    error
}

#[tokio::test]
async fn pages_that_do_not_go_on_are_an_error() {
    let first = || page(&[("AAPL", &[1, 2])], Some("a"));
    let error = broken(vec![first(), page(&[("AAPL", &[3])], Some("a"))]).await;
    assert!(error.contains("page token \"a\" came a second time"), "{error}");
    let error = broken(vec![first(), page(&[], Some("b")), page(&[], Some("a"))]).await;
    assert!(error.contains("page token \"a\" came a second time"), "{error}");
    let error = broken(vec![first(), first()]).await;
    assert!(error.contains("AAPL has 1970-01-01T00:01:00Z after 1970-01-01T00:02:00Z"), "{error}");
    let error = broken(vec![first(), page(&[("AAPL", &[2])], None)]).await;
    assert!(error.contains("AAPL has 1970-01-01T00:02:00Z after"), "twice: {error}");
    let error = broken(vec![first(), page(&[("MSFT", &[5, 4])], None)]).await;
    assert!(error.contains("MSFT has"), "{error}");
    let error = broken(vec![first(), page(&[("TSLA", &[5])], None)]).await;
    assert!(error.contains("TSLA was not asked for"), "{error}");
}

#[tokio::test]
async fn a_page_that_is_cut_off_is_asked_for_again() {
    let first = page(&[("AAPL", &[1])], Some("a"));
    let second = page(&[("AAPL", &[2])], None);
    let pages = vec![first.clone().cut_at(30), first, second.clone().cut_at(50), second];
    assert_eq!(rows(pages).await, (Ok(2), 4));
}

#[tokio::test]
async fn ticks_may_share_a_moment_and_crypto_has_its_own_address() {
    let trade = r#"{"t":"1970-01-01T00:01:00Z","p":1,"s":1,"i":1,"tks":"B"}"#;
    let pages = vec![
        Answer::ok(format!(
            r#"{{"trades":{{"BTC/USD":[{trade},{trade}]}},"next_page_token":"x"}}"#
        )),
        Answer::ok(format!(r#"{{"trades":{{"BTC/USD":[{trade}]}},"next_page_token":null}}"#)),
        Answer::ok(r#"{"bars":{},"next_page_token":null}"#),
    ];
    let server = Server::start(pages).await;
    let symbols = vec!["BTC/USD".to_owned()];
    let source = Source::Crypto { location: "us".into() };
    let (start, end) = (Time(0), Time(1));
    let trades = TicksQuery { source, symbols: symbols.clone(), start, end };
    assert_eq!(server.client.trades_pages(&trades).collect().await.unwrap().len(), 2);
    let (location, timeframe) = ("us".to_owned(), "1Day".to_owned());
    let bars = CryptoBarsQuery { location, symbols, timeframe, start, end };
    server.client.crypto_bars_pages(&bars).collect().await.unwrap();
    let paths: Vec<String> = server
        .seen()
        .lines()
        .iter()
        .map(|line| line.split('?').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        paths,
        [
            "GET /v1beta3/crypto/us/trades",
            "GET /v1beta3/crypto/us/trades",
            "GET /v1beta3/crypto/us/bars",
        ]
    );
}
