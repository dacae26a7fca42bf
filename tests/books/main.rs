//! What moves the account and is no trade: explained by the venue's word for it, or a halt until a human decides. The
//! real program over a real nats-server, on a venue whose clock it moves.

mod emergency;
mod installation;
mod nights;
mod refusals;
#[path = "../support/mod.rs"]
mod support;

use installation::{Installation, dollars, halved};
use messages::{Booked, BookedKind, Message, SessionOpened, Shares, Symbol, Usd};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::{last_json, text, wait_until};

/// The session's opening, and what its journal says was booked.
async fn journal(at: &Installation, session: usize) -> (SessionOpened, Vec<Booked>) {
    let mut opened = None;
    let mut booked = Vec::new();
    for message in at.journal(session).await {
        match message {
            Message::SessionOpened(said) => opened = Some(*said),
            Message::Booked(said) => booked.push(said),
            _ => {}
        }
    }
    (opened.expect("an opening"), booked)
}

/// Longs of the last report, those of the most dollars first; then shorts, likewise.
fn held(record: &Value) -> Vec<(Symbol, i64)> {
    let positions = record["day"]["positions"].as_array().expect("positions");
    let worth = |held: &Value| {
        held["quantity"].as_i64().expect("shares") * held["mark"].as_i64().expect("price")
    };
    let mut sorted: Vec<&Value> = positions.iter().collect();
    sorted.sort_by_key(|held| -worth(held));
    let name = |held: &Value| held["symbol"].as_str().expect("symbol").into();
    sorted
        .into_iter()
        .map(|held| (name(held), held["quantity"].as_i64().expect("shares")))
        .collect()
}

fn micros(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no money"))
}

fn near(ours: i64, theirs: i64) -> bool {
    (ours - theirs).abs() < 10_000
}

fn filled(record: &Value) -> BTreeSet<String> {
    let fills = record["fills"].as_array().expect("fills").iter();
    fills.map(|fill| fill["symbol"].as_str().expect("symbol").to_owned()).collect()
}

/// `cash + cost = opening + realised + dividends + interest + transfers + adopted − fees − borrow`, in micro-dollars.
fn adds_up(ledger: &Value) {
    let sum =
        |of: &Value, names: &[&str]| -> i64 { names.iter().map(|name| dollars(&of[name])).sum() };
    let (balance, total) = (&ledger["balance"], &ledger["total"]);
    let left = sum(balance, &["cash", "cost"]);
    let right = sum(balance, &["opening", "transfers", "adopted"])
        + sum(total, &["realised", "dividends", "interest"])
        - sum(total, &["fees_paid", "borrow_paid"]);
    assert!(near(left, right), "{left} {right} {balance} {total}");
}

/// Everything is killed when the first order is at the venue and its answer is not here.
fn dies_with_its_first_order(at: &Installation) {
    let hang = json!({"rules": [{"kind": "half_open", "match": {"method": "POST", "path": "/v2/orders"}}]});
    at.control("POST", "/aurora/v1/faults", &hang);
    let mut dying = at.start_up();
    let there = || {
        assert!(dying.try_wait().expect("child").is_none(), "it ended early");
        let open = at.control("GET", "/v2/orders?status=open", &Value::Null);
        open.as_array().is_some_and(|open| !open.is_empty())
    };
    tokio::task::block_in_place(|| wait_until("an order is at the venue", there));
    dying.kill().expect("running");
    dying.wait().expect("ended");
    at.control("DELETE", "/aurora/v1/faults", &Value::Null);
}

/// What came overnight is all that the account opened with beyond the last close, and the ledger of the run agrees.
fn pays_to_the_cent(
    at: &Installation,
    (before, after): (&Value, &Value),
    dividends: i64,
    net: Usd,
) {
    let (close, open) = (micros(&before["day"]["nav_close"]), micros(&after["day"]["nav_open"]));
    assert!(near(open - close, net.0), "{open} - {close} is not {net}");
    let ledger = at.ledger();
    adds_up(&ledger);
    let made = micros(&after["day"]["nav_close"]) - at.cash.0;
    assert!(near(dollars(&ledger["total"]["net"]), made), "{made} {}", ledger["total"]);
    assert!(near(dollars(&ledger["total"]["dividends"]), dividends));
    assert_eq!(
        (dollars(&ledger["balance"]["adopted"]), dollars(&ledger["total"]["fees_paid"])),
        (0, 3_210_000)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dividends_fees_and_a_split_overnight_are_explained_once_and_add_up() {
    let mut at = Installation::new(2, 1).await;
    at.up_well().await;
    let before = at.record();
    let names = held(&before);
    let (payer, split) = (&names[0], &names[1]);
    let short = names.last().expect("a short");
    assert!(split.1 > 0 && short.1 < 0, "{names:?}");

    // The night: the split's price is half of what it was from the next open on.
    at.reopen(halved(at.market(), &split.0, 1)).await;
    let paid = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
    let nights: [(BookedKind, Value); 5] = [
        (
            BookedKind::Dividend,
            json!({"activity_type": "DIV", "symbol": payer.0, "qty": payer.1.to_string(),
            "per_share_amount": "0.24", "net_amount": paid(24 * payer.1), "description": "Cash DIV @ 0.24"}),
        ),
        (
            BookedKind::Dividend,
            json!({"activity_type": "DIV", "symbol": short.0, "qty": short.1.to_string(),
            "net_amount": format!("-{}", paid(-11 * short.1))}),
        ),
        (
            BookedKind::Fee,
            json!({"activity_type": "FEE", "net_amount": "-3.21", "description": "TAF fee"}),
        ),
        (BookedKind::Interest, json!({"activity_type": "INT", "net_amount": "0.55"})),
        (
            BookedKind::Split,
            json!({"activity_type": "SPLIT", "symbol": split.0, "qty": split.1.to_string()}),
        ),
    ];
    for (_, body) in &nights {
        at.control("POST", "/aurora/v1/activities", body);
    }
    let net = Usd(10_000 * (24 * payer.1 + 11 * short.1 - 321 + 55));

    dies_with_its_first_order(&at);
    at.up_well().await;

    let (opened, booked) = journal(&at, 1).await;
    let overnight = opened.overnight.expect("a night");
    assert_eq!(overnight.unexplained, Vec::<String>::new());
    let kinds: Vec<BookedKind> = nights.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(booked.iter().map(|said| said.kind).collect::<Vec<_>>(), kinds, "each once");
    assert!(booked.iter().all(|said| said.before_open), "{booked:?}");
    assert_eq!(booked[4].shares, Shares(split.1));
    let now = opened.positions.iter().find(|held| held.symbol == split.0).expect("held");
    assert_eq!(now.quantity, Shares(2 * split.1));
    nights::targets_add_up_at_the_openings_marks(&at, 1).await;

    let after = at.record();
    assert_eq!(after["alarms"], json!([]), "{after}");
    assert_eq!(after["booked"].as_array().map(Vec::len), Some(5), "{after}");
    let traded = filled(&after);
    assert!(traded.len() > 5 && !traded.contains(split.0.as_str()), "{traded:?}");
    let orders: Vec<&str> =
        after["orders"].as_array().expect("orders").iter().filter_map(Value::as_str).collect();
    assert_eq!(
        orders.iter().collect::<BTreeSet<_>>().len(),
        orders.len(),
        "none twice: {orders:?}"
    );

    pays_to_the_cent(&at, (&before, &after), 10_000 * (24 * payer.1 + 11 * short.1), net);
    let equal = at.run(&["reconcile", "--json"]).await;
    assert!(equal.status.success(), "{}", text(&equal.stderr));
    assert_eq!(last_json(&equal)["equal"], true);
    at.replays_and_explains(1).await;
}

/// `aurora reconcile` fails with one row, as often as one asks.
async fn shows_a_difference_of(at: &Installation, dollars: f64) {
    for _ in 0..2 {
        let shown = at.run(&["reconcile", "--json"]).await;
        assert!(!shown.status.success());
        let shown = last_json(&shown);
        assert_eq!((&shown["equal"], &shown["adopted"]), (&json!(false), &json!(false)), "{shown}");
        assert_eq!(shown["differences"].as_array().map(Vec::len), Some(1), "{shown}");
        assert_eq!(shown["differences"][0]["what"], "cash", "{shown}");
        let off: f64 =
            shown["differences"][0]["off"].as_str().expect("text").parse().expect("dollars");
        assert!((off - dollars).abs() < 0.01, "{shown}");
    }
}

/// A difference that comes while the session is open, before any order: the broker's own look at the books halts the day.
async fn breaks_while_it_is_open(at: &Installation, session: usize) {
    let bars = |rule: Value| json!({"rules": [rule]});
    let never = json!({"kind": "half_open", "match": {"path": "/v2/stocks/bars"}});
    at.control("POST", "/aurora/v1/faults", &bars(never));
    let mut child = at.start_up();
    at.opened(session).await;
    let more = json!({"activity_type": "JNLC", "net_amount": "-500", "unlisted": true});
    at.control("POST", "/aurora/v1/activities", &more);
    child.kill().expect("running");
    child.wait().expect("ended");
    let late =
        json!({"kind": "latency", "ms": 8_000, "count": 1, "match": {"path": "/v2/stocks/bars"}});
    at.control("POST", "/aurora/v1/faults", &bars(late));
    let broken = at.up().await;
    assert!(!broken.status.success(), "{}", text(&broken.stderr));
    let record = at.record();
    let alarms = record["alarms"].to_string();
    assert!(alarms.contains("broker RECONCILIATION: cash ours"), "{record}");
    assert_eq!(record["fills"], json!([]), "{record}");
}

/// In the books and in the report both differences are what was adopted; what was made has nothing of them.
fn is_adopted_and_no_profit(at: &Installation, record: &Value) {
    let ledger = at.ledger();
    adds_up(&ledger);
    let taken = dollars(&ledger["balance"]["adopted"]);
    assert!(near(taken, -1_734_560_000), "{}", ledger["balance"]);
    let last = micros(&record["day"]["nav_close"]);
    let made = last - at.cash.0 - taken;
    assert!(near(dollars(&ledger["total"]["net"]), made), "{made} {}", ledger["total"]);
    let entries = ledger["entries"].as_array().expect("entries");
    let why = |entry: &&Value| entry["kind"] == "adopted";
    let adopted: Vec<&Value> = entries.iter().filter(why).collect();
    assert_eq!(adopted.len(), 2, "{entries:?}");
    assert!(
        adopted[0]["explanation"].as_str().is_some_and(|why| why.contains("ada")),
        "{adopted:?}"
    );
    let report = at.report();
    assert!(report.contains("adopted") && report.contains("a journal of the bank"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_explains_halts_until_a_human_adopts_it_and_is_no_profit() {
    let at = Installation::new(5, 5).await;
    at.up_well().await;

    // A difference without an activity: the day is not traded, and says why.
    let lost = json!({"activity_type": "JNLC", "net_amount": "-1234.56", "unlisted": true});
    at.control("POST", "/aurora/v1/activities", &lost);
    let halted = at.up().await;
    let said = text(&halted.stderr);
    assert!(!halted.status.success(), "{said}");
    assert!(said.contains("OVERNIGHT: cash ours") && said.contains("off 1234.5"), "{said}");
    let record = at.record();
    assert_eq!((&record["fills"], &record["orders"]), (&json!([]), &json!([])), "{record}");

    // The same table by command, as often as one asks.
    shows_a_difference_of(&at, 1_234.56).await;
    let nobody = at.run(&["reconcile", "--adopt", "--reason", "a journal"]).await;
    assert!(!nobody.status.success(), "nobody adopts anonymously");
    let adopt = [
        "reconcile",
        "--adopt",
        "--operator",
        "ada",
        "--reason",
        "a journal of the bank",
        "--json",
    ];
    let adopted = at.run(&adopt).await;
    assert!(adopted.status.success(), "{}", text(&adopted.stderr));
    assert_eq!(last_json(&adopted)["adopted"], true);
    let equal = at.run(&["reconcile", "--json"]).await;
    assert!(equal.status.success(), "{}", text(&equal.stdout));

    // An adoption lifts no halt; a resume does, and a fee of the night is explained beside it.
    let resumed = at.run(&["resume", "--operator", "ada", "--reason", "adopted"]).await;
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
    at.control(
        "POST",
        "/aurora/v1/activities",
        &json!({"activity_type": "FEE", "net_amount": "-0.44"}),
    );
    at.up_well().await;
    let (opened, booked) = journal(&at, 2).await;
    let overnight = opened.overnight.expect("a night");
    assert_eq!(overnight.unexplained, Vec::<String>::new());
    assert_eq!(overnight.adopted.map(|adopted| adopted.operator).as_deref(), Some("ada"));
    assert_eq!(booked.len(), 1, "{booked:?}");
    let record = at.record();
    assert!(!filled(&record).is_empty(), "{record}");
    assert_eq!(record["adopted"]["reason"], "a journal of the bank", "{record}");
    at.replays_and_explains(2).await;

    breaks_while_it_is_open(&at, 3).await;
    let adopted = at.run(&adopt).await;
    assert!(adopted.status.success(), "{}", text(&adopted.stderr));

    // Closing orders, in a session that has a booking too.
    let mut kill = vec!["kill", "--level", "flatten", "--operator", "ada", "--reason", "a drill"];
    kill.push("--json");
    at.run(&kill).await;
    at.control(
        "POST",
        "/aurora/v1/activities",
        &json!({"activity_type": "INT", "net_amount": "0.09"}),
    );
    let flattened = at.up().await;
    assert!(!flattened.status.success(), "a killed session is no success");
    let record = at.record();
    assert!(!filled(&record).is_empty(), "positions are closed: {record}");
    at.replays_and_explains(4).await;

    is_adopted_and_no_profit(&at, &record);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_bookings_than_a_page_holds_are_all_read_once_and_in_order() {
    let at = Installation::bare().await;
    let client = at.client();
    let since = at.today().checked_sub(jiff::Span::new().days(1)).expect("a date");
    for cent in 1..=230 {
        let amount = format!("{}.{:02}", cent / 100, cent % 100);
        at.control(
            "POST",
            "/aurora/v1/activities",
            &json!({"activity_type": "INT", "net_amount": amount}),
        );
    }
    let unlisted = json!({"activity_type": "INT", "net_amount": "1000", "unlisted": true});
    at.control("POST", "/aurora/v1/activities", &unlisted);

    let listed = client.booked_after(messages::Time(0)).await.expect("listed");
    let amounts: Vec<Decimal> =
        listed.iter().filter_map(|one| one.net_amount).map(|one| one.0).collect();
    let cents: Vec<Decimal> = (1..=230).map(|cent| Decimal::new(cent, 2)).collect();
    assert_eq!(amounts, cents);
    assert_eq!(listed.iter().map(|one| &one.id).collect::<BTreeSet<_>>().len(), 230);
    assert!(client.fills_after(messages::Time(0)).await.expect("listed").is_empty());

    let (statement, booked) = broker::account_since(&client, since).await.expect("an account");
    let sum: Usd = booked.iter().map(|said| said.amount).sum();
    assert_eq!((booked.len(), sum), (230, Usd(10_000 * 230 * 231 / 2)));
    assert_eq!(
        statement.cash,
        at.cash + sum + Usd(1_000_000_000),
        "the account has what no list has"
    );
    let later = broker::account_since(
        &client,
        at.today().checked_add(jiff::Span::new().days(1)).expect("a date"),
    );
    assert!(later.await.expect("an account").1.is_empty());
}
