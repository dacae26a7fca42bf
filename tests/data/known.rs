//! What was known when, and what a fetch makes of what is stored: of clocks that lie, of days that are named, of names
//! that come and go.

use super::*;
use serde_json::json;
use std::io::{Read, Write};

const HOUR: i64 = 3_600_000_000_000;

impl Exchange {
    fn set(&self, now: Time) {
        self.runtime.block_on(self.client.set_clock(now)).expect("stepped");
    }

    /// 20:30 in New York, which is the next day in UTC.
    fn evening_of(&self, before: usize) -> Time {
        Time(self.close_of(before).0 + 4 * HOUR + HOUR / 2)
    }

    /// What the venue does wrong from now on.
    fn faults(&self, rules: &Value) {
        let body = json!({"seed": 1, "rules": rules}).to_string();
        let head = "POST /aurora/v1/faults HTTP/1.1\r\nhost: venue\r\nconnection: close\r\n";
        let mut stream = std::net::TcpStream::connect(self.address).expect("venue");
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn refused(&self, desk: &Desk, arguments: &[&str]) -> String {
        let output = self.fetch(desk, arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }

    fn day(&self, before: usize) -> String {
        self.session(before).to_string()
    }
}

/// An hour before the close of the last session, a clock that is ahead would have its bars finished, one that is behind
/// would leave sessions out.
#[test]
fn a_clock_that_the_calendar_contradicts_is_not_believed() {
    let (desk, exchange) = (Desk::new(), Exchange::new(1));
    let (universe, from) = (exchange.universe(&desk, ""), exchange.day(40));
    let arguments = ["--universe", universe.as_str(), "--from", from.as_str()];
    exchange.set(Time(exchange.close_of(0).0 - HOUR));
    let day_ms = 24 * 3_600_000_i64;
    for off in [2 * 3_600_000, day_ms, 90 * day_ms, -day_ms, -3 * day_ms] {
        exchange.faults(&json!([{"kind": "clock_skew", "ms": off}]));
        let said = exchange.refused(&desk, &arguments);
        assert!(said.contains("CLOCK: ") && said.contains("try again"), "{off}: {said}");
        let said = exchange.refused(&desk, &["--symbols", "AAPL", "--from", &from]);
        assert!(said.contains("CLOCK: "), "{off}: {said}");
        assert!(!desk.path("data/latest").exists(), "and no file");
    }
    // A minute changes nothing.
    exchange.faults(&json!([{"kind": "clock_skew", "ms": 60_000}]));
    let honest = exchange.fetched(&desk, &arguments);
    assert_eq!(honest["last_session"], exchange.day(1), "the session that is on is not over");
    exchange.faults(&json!([]));
    exchange.step_to(0);
    assert_eq!(exchange.fetched(&desk, &[])["last_session"], exchange.day(0));
}

/// One close of the last session is another in the evening.
#[test]
fn the_last_sessions_are_compared_where_nothing_is_new() {
    let (desk, exchange) = (Desk::new(), Exchange::new(0));
    let (universe, from) = (exchange.universe(&desk, ""), exchange.day(40));
    exchange.fetched(&desk, &["--universe", &universe, "--from", &from]);
    exchange.bars_requests();
    let again = exchange.fetched(&desk, &[]);
    assert_eq!((&again["new"], &again["overlap"]), (&json!(0), &json!(5)), "of this fetch");
    assert_eq!(exchange.bars_requests(), 4, "two chunks, adjusted and raw, and nothing else");
    let mut bars = exchange.market.bars().to_vec();
    let last = bars.last_mut().expect("sessions");
    let close = f64::midpoint(last.open[3], last.close[3]);
    (last.close[3], last.raw_close[3]) = (close, close);
    let (symbol, members) = (last.symbols[3].clone(), exchange.market.members());
    let sectors = members.iter().map(|member| (member.symbol.clone(), member.sector.clone()));
    let market = Market::from_bars(bars, &sectors.collect()).expect("a market");
    let said = Exchange::of(market, 0).refused(&desk, &[]);
    let named = format!("{symbol} on {}: close stored ", exchange.day(0));
    assert!(said.contains("PAST_CHANGED: 2 stored numbers") && said.contains(&named), "{said}");
}

#[test]
fn a_last_session_that_is_named_comes_or_the_fetch_fails() {
    let (desk, exchange) = (Desk::new(), Exchange::new(2));
    let (universe, from) = (exchange.universe(&desk, ""), exchange.day(40));
    exchange.set(Time(exchange.close_of(1).0 - HOUR));
    for (through, why) in [(0, "lies after today"), (1, "has not closed yet")] {
        let through = exchange.day(through);
        let arguments = ["--universe", &universe, "--from", &from, "--through", &through];
        let said = exchange.refused(&desk, &arguments);
        let named = format!("--through {through}");
        assert!(said.contains(&named) && said.contains(why), "{said}");
        assert!(said.contains("leave out --through"), "{said}");
    }
    let today = exchange.day(0);
    let said =
        exchange.refused(&desk, &["--symbols", "AAPL", "--from", &from, "--through", &today]);
    assert!(said.contains("lies after today"), "{said}");
    assert!(!desk.path("data/latest/prices.parquet").exists(), "nothing was written");
}

#[test]
fn what_is_stored_is_gone_on_with_and_never_narrowed_in_silence() {
    let (desk, exchange) = (Desk::new(), Exchange::new(2));
    let universe = exchange.universe(&desk, "");
    let (first, last) = (exchange.day(40), exchange.day(20));
    let begun = ["--universe", &universe, "--from", &first, "--through", &last];
    exchange.fetched(&desk, &begun);
    assert_eq!(exchange.fetched(&desk, &begun)["new"], 0, "the same again is no contradiction");
    let prices = desk.path("data/latest/prices.parquet");
    let before = fs::read(&prices).expect("prices");
    let (inside, beyond) = (exchange.day(30), exchange.day(10));
    for (option, day) in [("--from", &inside), ("--from", &beyond), ("--through", &inside)] {
        let said = exchange.refused(&desk, &[option, day]);
        let named = format!("{option} {day} ");
        assert!(said.contains(&named) && said.contains("--restate REASON"), "{said}");
        assert!(said.contains(&format!("leave out {option}")), "{said}");
    }
    assert_eq!(fs::read(&prices).expect("prices"), before);
    // Without it there is no gap.
    let grown = exchange.fetched(&desk, &[]);
    assert_eq!((&grown["sessions"], &grown["first_session"]), (&json!(39), &json!(first)));
    let restated = exchange.fetched(&desk, &["--from", &inside, "--restate", "a shorter one"]);
    assert_eq!(restated["first_session"], json!(inside));
}

/// They were not asked for meanwhile: their past has not changed, and what they lack comes.
#[test]
fn who_comes_back_into_the_universe_goes_on_from_its_own_last_session() {
    let (desk, exchange) = (Desk::new(), Exchange::new(30));
    let (universe, from) = (exchange.universe(&desk, ""), exchange.day(60));
    let all = fs::read_to_string(&universe).expect("universe");
    let few: Vec<&str> = all.lines().take(11).collect();
    let fewer = desk.path("fewer.csv").display().to_string();
    fs::write(&fewer, few.join("\n")).expect("written");
    exchange.fetched(&desk, &["--universe", &universe, "--from", &from]);
    for (short, whole) in [(28, 27), (26, 2)] {
        exchange.step_to(short);
        exchange.fetched(&desk, &["--universe", &fewer]);
        exchange.step_to(whole);
        let back = exchange.fetched(&desk, &["--universe", &universe]);
        assert_eq!(back["rows"], json!(SYMBOLS * (61 - whole)));
        assert_eq!(back["restated"], Value::Null, "nothing was stored otherwise");
        let fresh = Desk::new();
        let at_once = exchange.fetched(&fresh, &["--universe", &universe, "--from", &from]);
        assert_eq!(back["content_sha256"], at_once["content_sha256"], "however it came");
    }
}

#[test]
fn as_of_a_day_is_what_had_been_fetched_by_its_end_in_new_york() {
    let (desk, exchange) = (Desk::new(), Exchange::new(8));
    let (universe, from) = (exchange.universe(&desk, ""), exchange.day(40));
    exchange.set(exchange.evening_of(6));
    exchange.fetched(&desk, &["--universe", &universe, "--from", &from]);
    exchange.set(exchange.evening_of(1));
    exchange.fetched(&desk, &[]);
    assert_eq!(fs::read_dir(desk.path("data/snapshots")).expect("snapshots").count(), 1);
    let prices = desk.path("data/latest/prices.parquet");
    let known = |day: Date| {
        let (_, bars) = ingest::snapshots::as_of(&prices, day).expect("known");
        bars.last().map(|bars| bars.session)
    };
    for (day, last) in [(6, 6), (5, 6), (4, 6), (2, 6), (1, 1), (0, 1)] {
        let day = exchange.session(day);
        assert_eq!(known(day), Some(exchange.session(last)), "as of {day}");
    }
    let before = ingest::snapshots::as_of(&prices, exchange.session(7)).map(|_| ());
    assert!(before.unwrap_err().to_string().contains("nothing was known"));
}

#[test]
fn a_name_that_is_named_twice_is_one() {
    let (desk, exchange) = (Desk::new(), Exchange::new(0));
    let (name, from) = (exchange.market.members()[0].symbol.clone(), exchange.day(5));
    let twice = format!("{name},{name}");
    let stored = exchange.fetched(&desk, &["--symbols", &twice, "--from", &from]);
    let request = stored["request"].as_str().expect("a request");
    assert!(request.contains("1Day bars of 1 symbols"), "{request}");
}

/// Whose bar is there, and can't be used, is not told to look for a halt.
#[test]
fn an_import_says_of_a_missing_bar_where_its_row_is() {
    let desk = Desk::new();
    let (bars, universe) = (desk.path("bars.csv"), desk.path("names.csv"));
    fs::write(&universe, "symbol,sector,as_of\nA,Tech,2024-01-02\nB,Tech,2024-01-02\n")
        .expect("written");
    let day = |day: u32, price: u32| {
        let cells = |price: u32| format!("{price},{price},{price},{price},{}", 1_000 + price);
        format!("A,2024-01-0{day},{}\nB,2024-01-0{day},{}\n", cells(price), cells(2 * price))
    };
    let sound: String = (2..=5).map(|at| day(at, 50 + at)).collect();
    let row = "B,2024-01-04,108,108,108,108,1108\n";
    assert!(sound.contains(row));
    let import = |rows: &str| {
        fs::write(&bars, format!("symbol,date,open,high,low,close,volume\n{rows}"))
            .expect("written");
        let (bars, universe) = (bars.display().to_string(), universe.display().to_string());
        let output = desk.run(&["import", &bars, "--universe", &universe]);
        assert!(!output.status.success(), "{}", text(&output.stdout));
        text(&output.stderr)
    };
    for (cells, why) in [
        ("108,108,108,NaN,1108", "line 7 was left out: not a finite number"),
        ("108,108,108,-5,1108", "line 7 was left out: price not positive"),
        ("108,108,108,108,0", "line 7 was left out: no volume"),
        ("108", "line 7 was left out: not a finite number"),
    ] {
        let said = import(&sound.replace(row, &format!("B,2024-01-04,{cells}\n")));
        assert!(said.contains(&format!("B on 2024-01-04: no usable bar: {why}")), "{said}");
        assert!(!said.contains("halted"), "{said}");
    }
    let said = import(&sound.replace(row, ""));
    assert!(said.contains("B on 2024-01-04: no bars; if it was halted"), "{said}");
    let said = import(&sound.replace(row, "B,2024-01-04,1,108,108,108,108,1108\n"));
    assert!(said.contains("line 7 has 8 cells and the header 7"), "{said}");
}
