//! A service that does everything wrong, in any order: a fetch gives exactly the right rows or says what
//! it asked for and what to do. Never a wrong row.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use alpaca::{Client, Credentials, Endpoints};
use ingest::update::{Updated, Wanted, update};
use ingest::{Events, IngestError};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;
use support::{Answer, Asked, Rows, expected, members, options, page, serve, sessions, symbols};

/// What happens to one request.
#[derive(Copy, Clone, Debug)]
enum Fault {
    None,
    Latency,
    /// 429, 500, 503, 504.
    Status(u16),
    TruncatedJson,
    Disconnect,
    /// The page before once more, under this page's token.
    RepeatedPage,
    /// Nothing, and a token that leads to this page.
    EmptyPage,
    /// The end, before it is reached.
    EarlyEnd,
    Duplicated(usize),
    Reordered(usize),
    Dropped(usize),
    /// A price in other units.
    Thousandfold(usize),
    NotANumber(usize),
    /// Somebody else's bars.
    Unasked,
    Html,
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let status = prop_oneof![Just(429_u16), Just(500), Just(503), Just(504)];
    let fault = prop_oneof![
        4 => Just(Fault::None),
        1 => Just(Fault::Latency),
        1 => status.prop_map(Fault::Status),
        1 => Just(Fault::TruncatedJson),
        1 => Just(Fault::Disconnect),
        1 => Just(Fault::RepeatedPage),
        1 => Just(Fault::EmptyPage),
        1 => Just(Fault::EarlyEnd),
        1 => (0..7_usize).prop_map(Fault::Duplicated),
        1 => (0..7_usize).prop_map(Fault::Reordered),
        1 => (0..7_usize).prop_map(Fault::Dropped),
        1 => (0..7_usize).prop_map(Fault::Thousandfold),
        1 => (0..7_usize).prop_map(Fault::NotANumber),
        1 => Just(Fault::Unasked),
        1 => Just(Fault::Html),
    ];
    vec(fault, 0..6)
}

const PAGE: usize = 7;

fn answer(fault: Fault, asked: &Asked) -> Answer {
    let mut asked = asked.clone();
    // Tokens of empty pages lead to the same place.
    if let Some(token) = asked.get_mut("page_token") {
        *token = token.trim_start_matches('e').to_owned();
    }
    let at: usize = asked.get("page_token").map_or(0, |token| token.parse().unwrap());
    let mut rows = page(&asked, &sessions(), PAGE);
    let last = rows.bars.len() - 1;
    let mut answer = Answer::ok(String::new());
    match fault {
        Fault::None | Fault::Thousandfold(_) | Fault::NotANumber(_) => {}
        Fault::Latency => answer.delay = Duration::from_millis(30),
        Fault::Status(status) => answer.status = status,
        Fault::Disconnect => answer.cut = true,
        Fault::TruncatedJson => {
            let whole = rows.json();
            return Answer::ok(whole[..whole.len() * 2 / 3].to_owned());
        }
        Fault::RepeatedPage => {
            asked.insert("page_token".to_owned(), at.saturating_sub(PAGE).to_string());
            rows = Rows { token: rows.token, ..page(&asked, &sessions(), PAGE) };
        }
        Fault::EmptyPage => rows = Rows { bars: Vec::new(), token: Some(format!("e{at}")), ..rows },
        Fault::EarlyEnd => rows.token = None,
        Fault::Duplicated(row) => {
            let at = row.min(last);
            rows.bars.insert(at, rows.bars[at].clone());
        }
        Fault::Reordered(row) => rows.bars.rotate_left(row.min(last)),
        Fault::Dropped(row) => drop(rows.bars.remove(row.min(last))),
        Fault::Unasked => "ZZZ".clone_into(&mut rows.bars[0].0),
        Fault::Html => return Answer::ok("<html>nginx</html>".to_owned()),
    }
    answer.body = if answer.status == 200 { rows.json() } else { r#"{"message":"no"}"#.to_owned() };
    let spoilt = |row: usize, make: &dyn Fn(&str) -> String| spoil(&rows, row, make);
    match fault {
        Fault::Thousandfold(row) => {
            answer.body = spoilt(row, &|price| (price.parse::<f64>().unwrap() * 1e3).to_string());
        }
        Fault::NotANumber(row) => answer.body = spoilt(row, &|_| "null".to_owned()),
        _ => {}
    }
    answer
}

/// The page with another close, high and open in one of its rows.
fn spoil(rows: &Rows, row: usize, make: &dyn Fn(&str) -> String) -> String {
    let mut body = rows.json();
    let Some((at, _)) = body.match_indices("\"o\":").nth(row.min(rows.bars.len() - 1)) else {
        return body;
    };
    for name in ["\"o\":", "\"h\":", "\"l\":", "\"c\":"] {
        let from = at + body[at..].find(name).unwrap() + name.len();
        let to = from + body[from..].find(',').unwrap();
        let made = make(&body[from..to]);
        body.replace_range(from..to, &made);
    }
    body
}

async fn fetched(faults: Vec<Fault>) -> Result<Updated, IngestError> {
    let server = serve(move |number, asked| {
        answer(faults.get(number).copied().unwrap_or(Fault::None), asked)
    })
    .await;
    let days = sessions();
    let (members, options) = (members(2), options());
    let (from, through) = (days[0], days[days.len() - 1]);
    let wanted = Wanted::new(&members, from, through);
    update(&server.client, &wanted, &days, &Events::default(), &options).await
}

/// Right or refused; says which.
fn judge(faults: &[Fault], result: Result<Updated, IngestError>) -> bool {
    match result {
        Ok(now) if now.inspection.is_complete() => {
            assert_eq!(now.history, expected(&symbols(2), &sessions()), "{faults:?}");
            true
        }
        Ok(now) => {
            assert!(!now.inspection.findings.is_empty(), "{faults:?}: {:?}", now.inspection);
            false
        }
        Err(error) => {
            let text = error.chain();
            let asked = ["1Day bars", "S00", "ZZZ"];
            let remedies = ["again", "check", "see the table", "base URL"];
            assert!(asked.iter().any(|word| text.contains(word)), "{faults:?}: {text}");
            assert!(remedies.iter().any(|word| text.contains(word)), "{faults:?}: {text}");
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]

    /// Twenty-four sequences at a time: most of their time is pauses between attempts.
    #[test]
    fn any_sequence_of_faults_gives_the_right_rows_or_a_reason(many in vec(faults(), 24)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let results = runtime.block_on(futures::future::join_all(many.iter().cloned().map(fetched)));
        for (faults, result) in many.iter().zip(results) {
            judge(faults, result);
        }
    }
}

/// Each fault by itself, at the first request and at a later one; what only delays is got over.
#[tokio::test]
async fn each_fault_alone() {
    let harmless = [
        Fault::None,
        Fault::Latency,
        Fault::Status(429),
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(504),
        Fault::TruncatedJson,
        Fault::Disconnect,
        Fault::EmptyPage,
    ];
    let harmful = [
        Fault::EarlyEnd,
        Fault::Duplicated(3),
        Fault::Reordered(2),
        Fault::Dropped(3),
        Fault::Thousandfold(3),
        Fault::NotANumber(3),
        Fault::Unasked,
        Fault::Html,
    ];
    let all =
        harmless.map(|fault| (fault, true)).into_iter().chain(harmful.map(|fault| (fault, false)));
    let runs = all.flat_map(|(fault, fine)| {
        [vec![fault], vec![Fault::None, Fault::None, fault]].map(|faults| (faults, fine))
    });
    let runs = runs.map(|(faults, fine)| async move {
        let right = judge(&faults, fetched(faults.clone()).await);
        assert_eq!(right, fine, "{faults:?}");
    });
    futures::future::join_all(runs).await;
    let repeated = vec![Fault::None, Fault::None, Fault::RepeatedPage];
    assert!(!judge(&repeated, fetched(repeated.clone()).await));
}

#[tokio::test]
async fn without_a_network_there_is_an_error_and_no_bar() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let keys = Credentials::new("key", "secret");
    let client = Client::new(Endpoints::local(&address), keys).unwrap();
    let client = client.patient(alpaca::Patience { attempts_max: 1, ..Default::default() });
    let days = sessions();
    let error = ingest::fetch_bars(&client, &symbols(2), days[0], days[1], &options()).await;
    let text = error.unwrap_err().chain();
    assert!(
        text.contains("of S000 … S001 (2 symbols)") && text.contains("check the network"),
        "{text}"
    );
}

#[tokio::test]
async fn without_a_valid_key_there_is_an_error_and_no_bar() {
    for (status, body) in [
        (401, r#"{"message": "unauthorized."}"#),
        (401, "<html>401 Authorization Required</html>"),
        (
            403,
            r#"{"code":42210000,"message":"subscription does not permit querying recent SIP data"}"#,
        ),
    ] {
        let server = serve(move |_, _| Answer { status, ..Answer::ok(body.to_owned()) }).await;
        let days = sessions();
        let error =
            ingest::fetch_bars(&server.client, &symbols(1), days[0], days[1], &options()).await;
        let text = error.unwrap_err().chain();
        assert!(text.contains(&format!("REFUSED {status}")) && text.contains("check"), "{text}");
        assert!(server.requests() <= 2, "a refusal is not asked for again");
    }
}

#[tokio::test]
async fn an_unknown_symbol_is_named_and_never_made_up() {
    let server = serve(|_, asked| {
        let mut rows = page(asked, &sessions(), 100);
        rows.bars.retain(|(symbol, _)| symbol != "S001");
        Answer::ok(rows.json())
    });
    let (server, days, members) = (server.await, sessions(), members(2));
    let (from, through) = (days[0], days[9]);
    let wanted = Wanted::new(&members, from, through);
    let now = update(&server.client, &wanted, &days, &Events::default(), &options()).await.unwrap();
    assert!(!now.inspection.is_complete());
    assert!(now.inspection.to_string().contains("S001 from 2024-03-04 to 2024-03-15, 10 sessions"));
}
