//! Over loopback, as a client sees it: by our own Alpaca client, and byte by byte where the contract
//! says more than the client looks at.

#![expect(clippy::unwrap_used, reason = "tests")]

use alpaca::model::{Amount, Event, NewOrder, Side, TimeInForce, TradeUpdate};
use alpaca::{Client, Credentials, OrdersQuery, TradeStream};
use exchange::{ExchangeConfig, Market, SyntheticConfig};
use jiff::civil::Time as Clock;
use messages::{Time, Usd};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use venue::{ClockMode, Venue, VenueConfig};

const KEYS: (&str, &str) = ("PKTEST", "secret-for-tests");

struct Desk {
    venue: Venue,
    client: Client,
    market: Arc<Market>,
    http: reqwest::Client,
}

/// Eight symbols, forty sessions, the morning of the thirtieth.
async fn desk() -> Desk {
    desk_with(|_| {}).await
}

async fn desk_with(change: impl FnOnce(&mut VenueConfig)) -> Desk {
    let config =
        SyntheticConfig { seed: 5, symbols: 8, sessions: 40, ..SyntheticConfig::default() };
    let market = Arc::new(Market::synthetic(&config));
    let start = at(&market, 29, 8, 0);
    let exchange = ExchangeConfig::new(Usd(1_000_000_000_000), 1, start);
    let mut config = VenueConfig::new(Arc::clone(&market), exchange);
    config.keys = Some((KEYS.0.to_owned(), KEYS.1.to_owned()));
    change(&mut config);
    let venue = Venue::start(config).await.unwrap();
    // Installs the TLS provider that reqwest asks for even where nothing is encrypted.
    let client = Client::new(venue.endpoints(), Credentials::new(KEYS.0, KEYS.1)).unwrap();
    Desk { venue, client, market, http: reqwest::Client::new() }
}

fn at(market: &Market, session: usize, hour: i8, minute: i8) -> Time {
    let date = market.calendar().sessions()[session].date;
    market.calendar().instant(date, Clock::constant(hour, minute, 0, 0))
}

impl Desk {
    fn symbol(&self, n: usize) -> String {
        self.market.assets()[n].symbol.to_string()
    }

    async fn step(&self, session: usize, hour: i8, minute: i8) {
        self.client.set_clock(at(&self.market, session, hour, minute)).await.unwrap();
    }

    async fn submit(
        &self,
        n: usize,
        side: Side,
        qty: i64,
        force: TimeInForce,
    ) -> alpaca::model::Order {
        let order = NewOrder::market(&self.symbol(n), side, Amount::from(qty), force);
        self.client.submit_order(&order).await.unwrap()
    }

    /// Status and body as JSON (null if it is none).
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self
            .http
            .request(method, format!("http://{}{path}", self.venue.addr()))
            .header("APCA-API-KEY-ID", KEYS.0)
            .header("APCA-API-SECRET-KEY", KEYS.1);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, None).await
    }
}

/// As many updates as `count`, one line each.
async fn hear(stream: &mut TradeStream, count: usize) -> Vec<TradeUpdate> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(stream.next().await.unwrap());
    }
    heard
}

#[tokio::test]
async fn an_order_lives_from_post_to_fill_and_every_reader_agrees() {
    let desk = desk().await;
    let mut stream = TradeStream::connect(&desk.client).await.unwrap();
    let posted = desk.submit(0, Side::Buy, 100, TimeInForce::Opg).await;
    assert_eq!(posted.status, alpaca::model::Status::Accepted);
    desk.step(29, 9, 30).await;
    // The step was answered, so the account knows; the stream has it queued.
    let positions = desk.client.positions().await.unwrap();
    assert_eq!(positions[0].qty, Amount::from(100));
    let heard = hear(&mut stream, 3).await;
    let events: Vec<&Event> = heard.iter().map(|update| &update.event).collect();
    assert_eq!(events, [&Event::Accepted, &Event::New, &Event::Fill]);
    let fill = &heard[2];
    assert_eq!((fill.qty, fill.position_qty), (Some(Amount::from(100)), Some(Amount::from(100))));
    let order = desk.client.order_by_client_id(&posted.client_order_id).await.unwrap().unwrap();
    assert_eq!(order, fill.order);
    assert_eq!(order.filled_avg_price, fill.price);
    let fills = desk.client.fills_after(at(&desk.market, 29, 8, 0)).await.unwrap();
    assert_eq!((fills[0].price, fills[0].cum_qty), (fill.price, Some(Amount::from(100))));
    assert_eq!(fills[0].order_id.as_ref(), Some(&posted.id));
    assert!(fills[0].id.ends_with(fill.execution_id.as_ref().unwrap()), "{}", fills[0].id);
    let account = desk.client.account().await.unwrap();
    let (cash, equity) = (account.cash.unwrap().0, account.equity.unwrap().0);
    assert_eq!(
        cash,
        (fill.price.unwrap().0 * -posted.qty.unwrap().0 + rust_decimal::Decimal::from(1_000_000))
            .normalize()
    );
    assert_eq!(equity, (cash + positions[0].market_value.unwrap().0).normalize());
    desk.venue.stop().await;
    assert!(stream.next().await.is_err(), "a stopped venue closes its streams");
}

#[tokio::test]
async fn two_streams_hear_the_same_in_order() {
    let desk = desk().await;
    let mut first = TradeStream::connect(&desk.client).await.unwrap();
    let mut second = TradeStream::connect(&desk.client).await.unwrap();
    for n in 0..8 {
        desk.submit(n, if n % 2 == 0 { Side::Buy } else { Side::Sell }, 10, TimeInForce::Opg).await;
    }
    desk.step(30, 9, 30).await;
    let (one, two) = (hear(&mut first, 24).await, hear(&mut second, 24).await);
    assert_eq!(one, two);
    let filled: Vec<String> = one
        .iter()
        .filter(|update| update.event == Event::Fill)
        .map(|update| update.order.symbol.clone())
        .collect();
    let symbols: Vec<String> = (0..8).map(|n| desk.symbol(n)).collect();
    assert_eq!(filled, symbols, "in the order they were placed");
}

#[tokio::test]
async fn keys_are_checked_everywhere() {
    let desk = desk().await;
    let url = format!("http://{}/v2/account", desk.venue.addr());
    let none = desk.http.get(&url).send().await.unwrap();
    assert_eq!(none.status(), 401);
    assert!(none.text().await.unwrap().starts_with("<html>"));
    let wrong =
        desk.http.get(&url).header("APCA-API-KEY-ID", KEYS.0).header("APCA-API-SECRET-KEY", "no");
    let wrong = wrong.send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.json::<Value>().await.unwrap(), json!({"message": "unauthorized."}));
    let stranger = Client::new(desk.venue.endpoints(), Credentials::new("PKOTHER", "no")).unwrap();
    let refused = TradeStream::connect(&stranger).await.unwrap_err().to_string();
    assert!(!refused.contains("no\""), "{refused}");
}

#[tokio::test]
async fn refusals_have_alpacas_bodies() {
    let desk = desk().await;
    let symbol = desk.symbol(0);
    let order = |change: Value| {
        let mut body = json!({"symbol": symbol, "qty": "1", "side": "buy", "type": "market",
            "time_in_force": "opg"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Some(body)
    };
    for (change, status, code, message) in [
        (json!({"symbol": "ZZZZ"}), 422, 42_210_000, "asset \"ZZZZ\" not found"),
        (json!({"qty": null}), 422, 40_010_001, "qty or notional is required"),
        (json!({"qty": "0"}), 422, 40_010_001, "qty must be > 0"),
        (json!({"qty": "ten"}), 422, 40_010_001, "invalid qty"),
        (json!({"qty": "1.5"}), 422, 42_210_000, "fractional orders must be DAY orders"),
        (json!({"qty": null, "notional": 100}), 422, 42_210_000, "must be DAY orders"),
        (json!({"notional": 100}), 422, 40_010_001, "only one of qty or notional is accepted"),
        (json!({"qty": "-1"}), 422, 40_010_001, "qty must be > 0"),
        (json!({"side": "sell_short"}), 422, 40_010_001, "invalid side"),
        (json!({"type": "magic"}), 422, 40_010_001, "invalid order type"),
        (json!({"type": "stop"}), 422, 40_010_001, "stop orders require a stop price"),
        (json!({"type": "trailing_stop"}), 422, 40_010_001, "require trail_price or trail_percent"),
        (json!({"type": "limit"}), 422, 40_010_001, "limit orders require a limit price"),
        (
            json!({"limit_price": 1}),
            422,
            40_010_001,
            "market orders require no stop or limit price",
        ),
        (
            json!({"client_order_id": "x".repeat(129)}),
            422,
            40_010_001,
            "no more than 128 characters",
        ),
        (json!({"time_in_force": "never"}), 422, 40_010_001, "invalid time_in_force"),
        (json!({"order_class": "bracket"}), 422, 40_010_001, "require take_profit.limit_price"),
        (json!({"order_class": "mleg"}), 422, 42_210_000, "mleg orders are for options"),
        (json!({"take_profit": {"limit_price": 1}}), 422, 40_010_001, "for bracket, oco and oto"),
        (json!({"extended_hours": true}), 422, 42_210_000, "extended hours order must be"),
        (
            json!({"position_intent": "buy_to_close"}),
            422,
            42_210_000,
            "position intent mismatch, inferred: buy_to_open, specified: buy_to_close",
        ),
        (json!({"qty": 100_000_000}), 403, 40_310_000, "insufficient buying power"),
        (json!({"type": "limit", "limit_price": "290.1234567"}), 422, 42_210_000, "sub-penny"),
    ] {
        let (got, body) = desk.ask(Method::POST, "/v2/orders", order(change.clone())).await;
        assert_eq!((got.as_u16(), body["code"].as_i64()), (status, Some(code)), "{change}: {body}");
        assert!(body["message"].as_str().unwrap().contains(message), "{change}: {body}");
    }
    let (status, _) = desk.ask(Method::POST, "/v2/orders", Some(json!([]))).await;
    assert_eq!(status, 400);
    let (_, taken) = desk.ask(Method::POST, "/v2/orders", order(json!({"qty": 3}))).await;
    assert_eq!(taken["qty"], "3");
    let (status, wash) = desk.ask(Method::POST, "/v2/orders", order(json!({"side": "sell"}))).await;
    assert_eq!(status, 403);
    assert!(wash["message"].as_str().unwrap().contains("cannot open a short sell"));
    assert_eq!(desk.get("/v2/nothing").await.0, 404);
    assert_eq!(desk.get("/v2/nothing").await.1["code"], 40_410_000);
    assert_eq!(desk.ask(Method::PUT, "/v2/orders", None).await.0, 405);
    assert_eq!(desk.get("/v2/orders/not-a-uuid").await.0, 422);
    let unknown = "/v2/orders/00000000-0000-4000-8000-000000000000";
    assert_eq!(desk.get(unknown).await.0, 404);
    let none = desk.get("/v2/positions/AAPL").await;
    assert_eq!(none.1, json!({"code": 40_410_000, "message": "position does not exist"}));
    assert_eq!(desk.get("/v2/assets/ZZZZ").await.1["message"], "asset not found for ZZZZ");
}

#[tokio::test]
async fn orders_are_listed_and_cancelled() {
    let desk = desk().await;
    let mut stream = TradeStream::connect(&desk.client).await.unwrap();
    let first = desk.submit(0, Side::Buy, 1, TimeInForce::Day).await;
    let second = desk.submit(1, Side::Sell, 2, TimeInForce::Day).await;
    let query = OrdersQuery { status: Some("open"), ..OrdersQuery::default() };
    let listed = desk.client.orders(&query).await.unwrap();
    assert_eq!(listed, [first.clone(), second.clone()]);
    desk.client.cancel(&first.id).await.unwrap();
    let (status, body) = desk.ask(Method::DELETE, "/v2/orders", None).await;
    assert_eq!((status.as_u16(), body.as_array().unwrap().len()), (207, 1));
    assert_eq!((&body[0]["id"], &body[0]["status"]), (&json!(second.id), &json!(200)));
    assert_eq!(body[0]["body"]["status"], "canceled");
    let events: Vec<Event> = hear(&mut stream, 4).await.into_iter().map(|u| u.event).collect();
    assert_eq!(events, [Event::Accepted, Event::Accepted, Event::Canceled, Event::Canceled]);
    let (_, order) = desk.get(&format!("/v2/orders/{}", first.id)).await;
    assert_eq!(order["status"], "canceled");
    // Every key of the contract, null where empty.
    let keys = "id client_order_id created_at updated_at submitted_at filled_at expired_at expires_at \
        canceled_at failed_at replaced_at replaced_by replaces asset_id symbol asset_class notional qty \
        filled_qty filled_avg_price order_class order_type type side position_intent time_in_force \
        limit_price stop_price status extended_hours legs trail_percent trail_price hwm source subtag";
    for key in keys.split_whitespace() {
        assert!(order.get(key).is_some(), "{key}");
    }
    assert_eq!((&order["filled_qty"], &order["filled_avg_price"]), (&json!("0"), &Value::Null));
    let (_, closed) = desk.get("/v2/orders?status=closed&limit=1").await;
    assert_eq!(closed[0]["id"], Value::String(second.id));
}

#[tokio::test]
async fn executions_are_paged_by_the_last_id() {
    let desk = desk().await;
    for n in 0..8 {
        desk.submit(n, Side::Buy, 5, TimeInForce::Opg).await;
    }
    desk.step(29, 10, 0).await;
    let mut seen: Vec<String> = Vec::new();
    loop {
        let token = seen.last().map(|id| format!("&page_token={id}")).unwrap_or_default();
        let path = format!("/v2/account/activities/FILL?direction=asc&page_size=3{token}");
        let (_, page) = desk.get(&path).await;
        let page = page.as_array().unwrap().clone();
        seen.extend(page.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 8);
    let (_, newest_first) = desk.get("/v2/account/activities?activity_types=FILL").await;
    let ids: Vec<&str> =
        newest_first.as_array().unwrap().iter().rev().map(|x| x["id"].as_str().unwrap()).collect();
    assert_eq!(ids, seen);
    assert_eq!(desk.get("/v2/account/activities/DIV").await.1, json!([]));
}

#[tokio::test]
async fn the_clock_moves_when_told_and_never_back() {
    let desk = desk().await;
    let clock = desk.client.clock().await.unwrap();
    assert!(!clock.is_open && clock.next_open < clock.next_close);
    let to = json!({"now": alpaca::time::utc(at(&desk.market, 29, 12, 0))});
    let (status, body) = desk.ask(Method::POST, "/aurora/v1/clock", Some(to)).await;
    assert_eq!((status.as_u16(), &body["is_open"]), (200, &json!(true)));
    assert!(body["timestamp"].as_str().unwrap().ends_with("12:00:00-05:00"), "{body}");
    let back = json!({"now": alpaca::time::utc(at(&desk.market, 29, 11, 59))});
    let (status, body) = desk.ask(Method::POST, "/aurora/v1/clock", Some(back)).await;
    assert_eq!(status, 422);
    assert!(body["message"].as_str().unwrap().contains("is behind it"), "{body}");
    assert_eq!(desk.ask(Method::POST, "/aurora/v1/clock", Some(json!({}))).await.0, 422);
    let dates = desk.market.bars();
    let days = desk.client.calendar(dates[2].session, dates[4].session).await.unwrap();
    assert_eq!(days.len(), 3);
    assert_eq!(days[0].date, dates[2].session);
    assert_eq!(desk.client.assets().await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_running_clock_lets_the_market_open_by_itself() {
    let desk = desk_with(|config| {
        config.clock = ClockMode::Accelerated { speed: 20_000.0 };
    })
    .await;
    let mut stream = TradeStream::connect(&desk.client).await.unwrap();
    desk.submit(0, Side::Buy, 10, TimeInForce::Day).await;
    loop {
        if stream.next().await.unwrap().event == Event::Fill {
            break;
        }
    }
    let back = desk.client.set_clock(at(&desk.market, 39, 0, 0)).await.unwrap_err().to_string();
    assert!(back.contains("runs by itself"), "{back}");
}

#[tokio::test]
async fn too_many_requests_are_refused() {
    let desk = desk_with(|config| config.rate_limit = Some(3)).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(desk.get("/v2/clock").await.0.as_u16());
    }
    // A new minute may have begun in between.
    assert!(statuses.contains(&429) && statuses[0] == 200, "{statuses:?}");
    let url = format!("http://{}/v2/clock", desk.venue.addr());
    let request = desk.http.get(url).header("APCA-API-KEY-ID", KEYS.0);
    let response = request.header("APCA-API-SECRET-KEY", KEYS.1).send().await.unwrap();
    assert_eq!(response.headers()["x-ratelimit-limit"], "3");
}
