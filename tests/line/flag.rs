//! The kill flag where there is no bus any more.

use super::support::NatsServer;
use super::{accelerated, installation, market};
use alpaca::{Client, Credentials, Endpoints, OrdersQuery};
use messages::{Env, KillLevel};
use shell::{Bus, BusOptions};
use std::fs;
use std::process::Stdio;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Orders for the opening auction are at the venue when the server dies; then somebody puts the flag down. They are
/// cancelled though no journal can be written, and when the server is back, everybody is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_flag_cancels_open_orders_while_nats_is_down() {
    let market = market(45, 652);
    let desk = installation(&market, 650);
    let venue = accelerated(&market, 651, 300.0).await;
    let mut server = NatsServer::start();
    let (url, address) = (server.url(), venue.addr().to_string());
    let mut up = desk.aurora(&["up", "--sessions", "1", "--venue", &address, "--nats", &url]);
    up.env("APCA_API_KEY_ID", "k").env("APCA_API_SECRET_KEY", "s");
    let log = fs::File::create(desk.path("log")).expect("a log");
    let mut child = up.stdout(Stdio::null()).stderr(log).spawn().expect("aurora starts");
    let client = Client::new(Endpoints::local(&address), Credentials::new("k", "s"));
    let client = client.expect("a client");
    let log = || fs::read_to_string(desk.path("log")).unwrap_or_default();

    until("orders are open", || async { open(&client).await > 10 }, log).await;
    server.kill();
    let kill = r#"{"level": "cancel", "reason": "smoke", "operator": "ada"}"#;
    fs::write(desk.path("kill.flag"), kill).expect("written");
    until("no order is open", || async { open(&client).await == 0 }, log).await;
    assert!(client.positions().await.expect("positions").is_empty(), "before the open");

    server.start_again();
    let bus = Bus::connect(&BusOptions::new(url, Env::Paper)).await.expect("the server is back");
    let told = async || bus.latched_kill().await.expect("kills").map(|kill| kill.level);
    until("everybody is told", || async { told().await == Some(KillLevel::Cancel) }, log).await;
    child.kill().expect("running");
    child.wait().expect("ended");
}

async fn open(client: &Client) -> usize {
    let query = OrdersQuery { status: Some("open"), ..OrdersQuery::default() };
    client.orders(&query).await.map_or(0, |orders| orders.len())
}

async fn until<F: Future<Output = bool>>(
    what: &str,
    holds: impl Fn() -> F,
    log: impl Fn() -> String,
) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain until {what}: {}", log());
}
