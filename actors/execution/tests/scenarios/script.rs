//! Scenario language: one message per line, `<time> <author> <topic> <body>`, in the words of the logs. Tables
//! (universe, features, scores) follow indented, a row per symbol. `… | after <topic>` holds a line back until a
//! message of that topic stands in the journal and puts it right behind: what happens when two things cross.

#[path = "../../../../tests/support/rules.rs"]
mod shipped;

use expect_test::Expect;
use kernel::{Actor, Host};
use messages::{
    Alarm, Breakers, CoverageFailed, Date, Edge, Env, ExecutionRules, Exposures, F32s, Features,
    Filled, Holding, Kill, KillLevel, Limits, Marked, Member, Message, ModelRef, Order,
    OrderStatus, OrderUpdated, Phase, PhaseBegan, Price, Resume, RiskRules, Scores, ScoresWithheld,
    SessionOpened, Shares, Side, Style, Symbol, Tick, Time, TimeInForce, Topic, Usd,
};
use messages::{Envelope, MessageId};
use std::fmt::Write;
use std::str::FromStr;

pub(crate) type Desk = fn() -> Vec<Box<dyn Actor>>;

/// Plays `script` to fresh actors and compares what they answer; then gives the journal to other fresh actors,
/// as a restart does, who must say the same.
pub(crate) fn check(desk: Desk, script: &str, expect: &Expect) {
    let journal = play(desk, &parse(script));
    let restarted: Vec<Envelope> = replay(desk, &journal);
    let answered = |said: &Envelope| said.id.position().is_some();
    let answers: Vec<Envelope> = journal.into_iter().filter(answered).collect();
    assert_eq!(sorted(&answers), sorted(&restarted), "a restart says something else");
    expect.assert_eq(&answers.iter().map(show).collect::<String>());
}

/// An input, and the topic it waits for.
type Line = (Envelope, Option<Topic>);

fn play(desk: Desk, lines: &[Line]) -> Vec<Envelope> {
    let mut hosts: Vec<_> = desk().into_iter().map(Host::new).collect();
    let (mut journal, mut waiting) = (Vec::new(), Vec::new());
    let mut handled = 0;
    for (input, after) in lines {
        match after {
            Some(topic) => waiting.push((input.clone(), *topic)),
            None => append(&mut journal, &mut waiting, vec![input.clone()]),
        }
        while handled < journal.len() {
            let position = handled as u64 + 1;
            let entry = Ok(journal[handled].clone());
            let said = hosts.iter_mut().flat_map(|host| host.handle(position, &entry)).collect();
            append(&mut journal, &mut waiting, said);
            handled += 1;
        }
    }
    assert!(waiting.is_empty(), "never came to pass: {waiting:?}");
    journal
}

/// What is said now, and right behind it what waited for that.
fn append(journal: &mut Vec<Envelope>, waiting: &mut Vec<(Envelope, Topic)>, said: Vec<Envelope>) {
    let crossing = waiting.extract_if(.., |(_, topic)| said.iter().any(|s| s.topic() == *topic));
    let crossing: Vec<Envelope> = crossing.map(|(input, _)| input).collect();
    journal.extend(said);
    journal.extend(crossing);
}

fn replay(desk: Desk, journal: &[Envelope]) -> Vec<Envelope> {
    let mut hosts: Vec<_> = desk().into_iter().map(Host::new).collect();
    let entries = journal.iter().zip(1..);
    let answers = entries.flat_map(|(entry, position)| {
        let entry = Ok(entry.clone());
        hosts.iter_mut().flat_map(|host| host.handle(position, &entry)).collect::<Vec<_>>()
    });
    answers.collect()
}

fn sorted(answers: &[Envelope]) -> Vec<Envelope> {
    let mut answers = answers.to_vec();
    answers.sort_by(|a, b| a.id.cmp(&b.id));
    answers
}

/// As the logs say it; targets in full.
fn show(said: &Envelope) -> String {
    let minutes = said.at.0 / 60_000_000_000;
    let mut text = format!("{:02}:{:02} {said}\n", minutes / 60, minutes % 60);
    if let Message::Targets(targets) = &said.body {
        for target in &targets.targets {
            let (symbol, mark) = (&target.symbol, target.mark);
            let (held, quantity) = (target.held, target.quantity);
            let cost = target.cost_bp;
            writeln!(text, "    {symbol} {held} -> {quantity} @ {mark} cost={cost:.1}bp").unwrap();
        }
        for limit in &targets.binding {
            writeln!(text, "    {limit}").unwrap();
        }
    }
    text
}

fn parse(script: &str) -> Vec<Line> {
    let mut blocks: Vec<(&str, Vec<Row>)> = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            blocks.push((line, Vec::new()));
        } else {
            let (_, rows) = blocks.last_mut().expect("a message before its rows");
            rows.push(Row(line.split_whitespace().collect()));
        }
    }
    blocks.iter().zip(1..).map(|((line, rows), number)| message(line, rows, number)).collect()
}

fn message(line: &str, rows: &[Row], number: u64) -> Line {
    let (line, after) = match line.split_once(" | after ") {
        Some((line, topic)) => (line, Some(topic.parse().unwrap())),
        None => (line, None),
    };
    let words = Row(line.split_whitespace().collect());
    let (hours, minutes) = words.0[0].split_once(':').expect(line);
    let minutes: i64 = number_of::<i64>(hours) * 60 + number_of::<i64>(minutes);
    let author = words.0[1].parse().unwrap();
    let topic: Topic = words.0[2].parse().unwrap();
    let body = body(topic, &Row(words.0[3..].to_vec()), rows);
    let id = MessageId::event(author, number.to_string());
    (Envelope { id, at: Time(minutes * 60_000_000_000), body }, after)
}

fn body(topic: Topic, words: &Row, rows: &[Row]) -> Message {
    match topic {
        Topic::SessionOpened => Message::SessionOpened(Box::new(opened(words, rows))),
        Topic::Features => Message::Features(features(words, rows)),
        Topic::Scores => Message::Scores(scores(words, rows)),
        Topic::ScoresWithheld => {
            Message::ScoresWithheld(ScoresWithheld { session: signal(), reason: words.from(0) })
        }
        Topic::CoverageFailed => Message::CoverageFailed(CoverageFailed {
            session: signal(),
            expected: 2,
            got: 1,
            missing: vec![words.0[0].into()],
            unusable: Vec::new(),
        }),
        Topic::SubmitOrder => Message::SubmitOrder(order(words)),
        Topic::OrderUpdated => Message::OrderUpdated(updated(words)),
        Topic::Filled => Message::Filled(filled(words)),
        // `marked 99000 AAPL 95.10 MSFT 50.20`: the account's equity, and prices.
        Topic::Marked => Message::Marked(Marked {
            equity: words.0[0].parse().unwrap(),
            prices: words.0[1..]
                .chunks(2)
                .map(|named| (named[0].into(), named[1].parse().unwrap()))
                .collect(),
        }),
        Topic::Kill => {
            let level = words.get("level").map_or(KillLevel::Halt, |level| level.parse().unwrap());
            let (operator, reason) = (words.0[0].to_owned(), words.from(1));
            Message::Kill(Kill { level, reason, operator })
        }
        Topic::PhaseBegan => Message::PhaseBegan(PhaseBegan {
            phase: if words.0[0] == "open" { Phase::Open } else { Phase::Close },
        }),
        Topic::Tick => Message::Tick(Tick { minute: number_of(words.0[0]) }),
        Topic::Resume => {
            Message::Resume(Resume { operator: words.0[0].to_owned(), reason: words.from(1) })
        }
        Topic::Alarm => Message::Alarm(Alarm {
            code: words.0[0].to_owned(),
            detail: words.from(1),
            symbol: words.get("of").map(Symbol::from),
        }),
        _ => panic!("scenarios don't say {topic}"),
    }
}

/// `opened equity=100000`, then a row `AAPL tech` or `AAPL tech +10 @ 100` per symbol; `XYZ - +10 @ 100` is held
/// and no member.
fn opened(words: &Row, rows: &[Row]) -> SessionOpened {
    let limit = |name, default| words.get(name).map_or(default, number_of);
    let member = |row: &Row| Member { symbol: row.symbol(), sector: row.0[1].to_owned() };
    let holding = |row: &Row| {
        let (quantity, mark) = (Shares(number_of(row.0[2])), row.0[4].parse().unwrap());
        Holding { symbol: row.symbol(), quantity, average: mark, mark, rounding: Usd(0) }
    };
    SessionOpened {
        run_id: "scenario".to_owned(),
        source: "a test".to_owned(),
        universe: rows.iter().filter(|row| row.0[1] != "-").map(member).collect(),
        model: Some(ModelRef { id: "m1".to_owned(), sha256: "m1".to_owned() }),
        positions: rows.iter().filter(|row| row.0.len() > 2).map(holding).collect(),
        equity: words.get("equity").expect("equity").parse().unwrap(),
        halted: words.get("halted").map(|reason| Kill {
            operator: "ops".to_owned(),
            reason: reason.to_owned(),
            level: words.get("level").map_or(KillLevel::Halt, |level| level.parse().unwrap()),
        }),
        rules: words.get("flatten_share").map(|_| rules(words)),
        edge: words.get("edge").map(|ic| Edge { oof_ic: number_of(ic), horizon: 5 }),
        execution: words.get("flatten_share").map(|share| ExecutionRules {
            style: match words.get("style") {
                Some("limit") => Style::Limit,
                Some("sliced") => Style::Sliced,
                _ => Style::Auction,
            },
            collar: 0.05,
            flatten_share: number_of(share),
            participation: words.get("participation").map(number_of),
        }),
        marked: words.get("marked").is_some(),
        ..SessionOpened::new(
            Env::Paper,
            date("2024-01-03"),
            signal(),
            Limits {
                gross: limit("gross", 1.0),
                gross_max: limit("gross_max", 1.6),
                name_max: limit("name_max", 0.3),
                net_max: limit("net_max", 0.01),
                beta_max: limit("beta_max", 0.01),
                sector_net_max: limit("sector_net_max", 0.03),
                adv_share_max: limit("adv_share_max", 0.02),
                order_max: limit("order_max", 0.5),
            },
        )
    }
}

/// With the shipped limits; `restricted=AAPL`.
fn rules(words: &Row) -> RiskRules {
    let shipped = shipped::rules();
    RiskRules {
        turnover_max: 3.0,
        restricted: words.get("restricted").map(Symbol::from).into_iter().collect(),
        orders_per_minute: words.get("orders_per_minute").map_or(150, number_of),
        breakers: Breakers { rejects_in_a_row: 100, ..shipped.breakers },
        ..shipped
    }
}

/// A row `AAPL close=100 adv=5e6 beta=1.1 sigma=0.02` per symbol, `ineligible` after it if so.
fn features(words: &Row, rows: &[Row]) -> Features {
    let column =
        |name: &str| rows.iter().map(|row| number_of(row.get(name).unwrap())).collect::<Vec<f64>>();
    Features {
        session: words.0.first().map_or(signal(), |day| date(day)),
        symbols: rows.iter().map(Row::symbol).collect(),
        names: Vec::new(),
        whitelist_sha256: String::new(),
        values: F32s::default(),
        raw: Vec::new().into(),
        eligible: rows.iter().map(|row| !row.0.contains(&"ineligible")).collect(),
        exposures: Exposures {
            beta: column("beta").into(),
            sigma_daily: column("sigma").into(),
            idio_daily: column("sigma").into(),
            adv: column("adv").into(),
            close: column("close").into(),
            factors: None,
        },
        guards: Vec::new(),
    }
}

/// A row `AAPL 1.5` per symbol.
fn scores(words: &Row, rows: &[Row]) -> Scores {
    let model = words.get("model").unwrap_or("m1").to_owned();
    Scores {
        session: signal(),
        symbols: rows.iter().map(Row::symbol).collect(),
        scores: rows.iter().map(|row| number_of(row.0[1])).collect::<Vec<f32>>().into(),
        model_id: model.clone(),
        model_sha256: model,
        whitelist_sha256: String::new(),
        names: Vec::new(),
        contributions: F32s::default(),
        undecided: Vec::new(),
    }
}

/// `au-20240103-AAPL-0-0 buy 10 AAPL opg @ 100`
fn order(words: &Row) -> Order {
    Order {
        client_order_id: words.0[0].to_owned(),
        symbol: words.0[3].into(),
        side: side(words.0[1]),
        quantity: Shares(number_of(words.0[2])),
        time_in_force: if words.0[4] == "opg" { TimeInForce::Opg } else { TimeInForce::Ioc },
        leg: number_of(words.0[0].rsplit('-').nth(1).unwrap()),
        reference: words.0[6].parse().unwrap(),
        limit: None,
    }
}

/// `au-20240103-AAPL-0-0 accepted`, `… rejected: no buying power`
fn updated(words: &Row) -> OrderUpdated {
    let status = match words.0[1].trim_end_matches(':') {
        "accepted" => OrderStatus::Accepted,
        "canceled" => OrderStatus::Canceled,
        "expired" => OrderStatus::Expired,
        "rejected" => OrderStatus::Rejected,
        other => panic!("no status is called {other}"),
    };
    OrderUpdated {
        client_order_id: words.0[0].to_owned(),
        symbol: symbol_in(words.0[0]),
        venue_order_id: String::new(),
        status,
        reason: (words.0.len() > 2).then(|| words.from(2)),
    }
}

/// `au-20240103-AAPL-0-0 buy 60 AAPL @ 100.01 total 60`, `complete` after it if so.
fn filled(words: &Row) -> Filled {
    Filled {
        client_order_id: words.0[0].to_owned(),
        symbol: words.0[3].into(),
        side: side(words.0[1]),
        quantity: Shares(number_of(words.0[2])),
        price: words.0[5].parse::<Price>().unwrap(),
        cumulative: Shares(number_of(words.0[7])),
        complete: words.0.get(8) == Some(&"complete"),
        rounding: Usd(0),
    }
}

fn side(word: &str) -> Side {
    if word == "buy" { Side::Buy } else { Side::Sell }
}

fn symbol_in(client_order_id: &str) -> Symbol {
    client_order_id.split('-').nth(2).expect("au-<day>-<symbol>-<leg>-<attempt>").into()
}

fn signal() -> Date {
    date("2024-01-02")
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn number_of<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// A line in words.
struct Row<'a>(Vec<&'a str>);

impl<'a> Row<'a> {
    fn symbol(&self) -> Symbol {
        self.0[0].into()
    }

    /// The value of `key=value`.
    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    fn from(&self, first: usize) -> String {
        self.0[first..].join(" ")
    }
}
