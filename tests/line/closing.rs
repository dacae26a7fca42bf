//! An emergency: everything held is closed, slice by slice, whatever dies meanwhile, and nothing trades afterwards.

use super::support::{Desk, NatsServer};
use super::{accelerated, installation, market, stepped, text};
use alpaca::{Client, Credentials, Endpoints};
use serde_json::Value;
use std::fs;
use std::process::{Output, Stdio};
use std::time::Duration;

fn client(venue: &venue::Venue) -> Client {
    let endpoints = Endpoints::local(&venue.addr().to_string());
    Client::new(endpoints, Credentials::new("k", "s")).expect("a client")
}

async fn held(client: &Client) -> usize {
    client.positions().await.map_or(0, |positions| positions.len())
}

/// Days as the run's record has them.
fn days(desk: &Desk) -> Vec<Value> {
    let record = fs::read_to_string(desk.path("data/runs/paper/sessions.jsonl")).expect("record");
    record.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Defect 9 of the prior art: an emergency stop cancelled and closed nothing. Here a file is put down once the book is
/// filled, and at the end of the day nothing is held, though no minute trades more than its share.
#[tokio::test(flavor = "multi_thread")]
async fn prior_art_9_a_kill_flag_of_level_flatten_closes_the_book() {
    let market = market(45, 652);
    let desk = installation(&market, 650);
    let venue = accelerated(&market, 651, 1_500.0).await;
    let client = client(&venue);
    let (day, ()) = tokio::join!(super::up(&desk, &venue), async {
        while held(&client).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let kill = r#"{"level": "flatten", "reason": "smoke", "operator": "ada"}"#;
        fs::write(desk.path("kill.flag"), kill).expect("written");
    });
    let said = text(&day.stderr);
    assert!(said.contains("Stopped") && said.contains("smoke"), "{said}");
    let left = client.positions().await.expect("positions");
    assert!(left.is_empty(), "{} positions are left: {said}", left.len());
    let day = &days(&desk)[0]["day"];
    assert!(day["orders"].as_u64() > Some(90), "openers, and slices of each: {day}");
}

async fn run(mut command: std::process::Command) -> Output {
    let ended = tokio::task::spawn_blocking(move || command.output());
    ended.await.expect("joined").expect("aurora runs")
}

/// A kill between two sessions closes the book in the next one, in the opening auction; everything that runs is killed
/// in the middle and started again. The morning after opens halted.
#[tokio::test(flavor = "multi_thread")]
async fn a_book_is_closed_in_the_auction_over_a_crash_and_stays_closed() {
    let market = market(45, 655);
    let desk = installation(&market, 650);
    let venue = stepped(&market, 651).await;
    let (server, client) = (NatsServer::start(), client(&venue));
    let (address, url) = (venue.addr().to_string(), server.url());
    let up = || {
        let arguments = ["up", "--sessions", "1", "--venue", &address, "--nats", &url];
        let mut command = desk.aurora(&arguments);
        command.env("APCA_API_KEY_ID", "k").env("APCA_API_SECRET_KEY", "s");
        command
    };
    let first = run(up()).await;
    assert!(text(&first.stderr).contains("Traded"), "{}", text(&first.stderr));
    let book = held(&client).await;
    assert!(book > 10, "{book}");

    let words = ["--level", "flatten", "--reason", "smoke", "--operator", "ada", "--nats", &url];
    let killed = run(desk.aurora(&[&["kill"], &words[..]].concat())).await;
    assert!(killed.status.success(), "{}", text(&killed.stderr));
    let orders = alpaca::OrdersQuery { status: Some("all"), ..alpaca::OrdersQuery::default() };
    let before = client.orders(&orders).await.expect("orders").len();
    let mut child = up().stderr(Stdio::null()).spawn().expect("aurora starts");
    while client.orders(&orders).await.expect("orders").len() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    child.kill().expect("running");
    child.wait().expect("ended");
    let second = run(up()).await;
    let said = text(&second.stderr);
    assert!(said.contains("Stopped") && said.contains("smoke"), "{said}");
    assert_eq!(held(&client).await, 0, "{said}");
    let after = client.orders(&orders).await.expect("orders");
    assert_eq!(after.len(), before + book, "one for each name: {said}");
    assert!(after[before..].iter().all(|order| order.client_order_id.ends_with("-2-0")));

    let third = run(up()).await;
    let said = text(&third.stderr);
    assert!(said.contains("Stopped") && said.contains("smoke"), "{said}");
    assert_eq!(client.orders(&orders).await.expect("orders").len(), after.len(), "{said}");
    assert_eq!(held(&client).await, 0);
    assert_eq!(days(&desk).len(), 3);
}
