//! The REST client against a scripted server: what it sends, when it asks again, what it makes of bad
//! answers.

#![allow(clippy::unwrap_used, reason = "a test that fails at setting up has failed")]

mod server;

use alpaca::model::{AccountConfigurations, Amount, NewOrder, ReplaceOrder, Side, TimeInForce};
use alpaca::{
    AlpacaError, BarsQuery, Client, Closing, Credentials, Endpoints, Patience, PortfolioQuery,
    Source,
};
use messages::Time;
use server::{ACCOUNT, Answer, Server};
use std::time::Duration;

fn new_order() -> NewOrder {
    let new = NewOrder::market("AAPL", Side::Buy, Amount::from(1), TimeInForce::Opg);
    NewOrder { client_order_id: Some("au-1".into()), ..new }
}

#[tokio::test]
async fn prior_art_29_a_get_is_asked_again_until_it_is_answered() {
    let slow_down = r#"{"message":"slow"}"#;
    let answers = vec![Answer::new(503, "busy"), Answer::new(429, slow_down), Answer::ok(ACCOUNT)];
    let server = Server::start(answers).await;
    let account = server.client.account().await.unwrap();
    assert_eq!(account.cash.unwrap().to_string(), "1.25");
    let seen = server.seen();
    assert_eq!(seen.lines(), ["GET /v2/account"; 3]);
    let request = seen.requests[0].to_lowercase();
    for header in
        ["apca-api-key-id: key", "apca-api-secret-key: hush-hush", "accept-encoding: gzip"]
    {
        assert!(request.contains(header), "{header} in {request}");
    }
}

#[tokio::test]
async fn what_changes_something_is_sent_once() {
    for answer in [Answer::new(504, ""), Answer::new(429, "{}"), Answer::ok(ACCOUNT).cut_at(20)] {
        let server = Server::start(vec![answer; 3]).await;
        let errors = [
            server.client.submit_order(&new_order()).await.unwrap_err(),
            server.client.replace_order("1", &ReplaceOrder::default()).await.unwrap_err(),
            server.client.close_position("AAPL", Closing::All).await.unwrap_err(),
        ];
        assert_eq!(server.seen().requests.len(), 3);
        assert!(errors.iter().all(AlpacaError::is_transient), "it may have happened: {errors:?}");
        assert!(errors[0].to_string().contains("POST /v2/orders au-1"), "{}", errors[0]);
    }
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let half = &ACCOUNT[..20];
    for answer in [Answer::ok(ACCOUNT).cut_at(20), Answer::ok(half), Answer::ok("")] {
        let server = Server::start(vec![answer.clone(), Answer::ok(ACCOUNT)]).await;
        assert!(server.client.account().await.is_ok(), "asked again");
        let server = Server::start(vec![answer, Answer::ok(ACCOUNT)]).await;
        let error = server.client.submit_order(&new_order()).await.unwrap_err();
        assert!(error.is_transient(), "the order may exist: {error}");
        assert_eq!(server.seen().requests.len(), 1);
    }
}

#[tokio::test]
async fn prior_art_29_patience_ends_with_a_name_and_a_remedy() {
    let patience = Patience { attempts_max: 2, ..Patience::default() };
    let server = Server::start(vec![Answer::new(500, "oops"); 9]).await;
    let error = server.client.clone().patient(patience).clock().await.unwrap_err().to_string();
    assert!(
        error.starts_with("UNAVAILABLE 500: GET /v2/clock: oops (gave up after 2 att"),
        "{error}"
    );
    assert!(error.contains("try again") && server.seen().requests.len() == 2, "{error}");
    assert!(!error.contains("order"), "a question is no order: {error}");

    let patience = Patience { total: Duration::from_millis(10), ..Patience::default() };
    let server = Server::start(vec![Answer::new(429, r#"{"message":"slow"}"#); 9]).await;
    let error = server.client.clone().patient(patience).clock().await.unwrap_err().to_string();
    assert!(error.contains("slow (gave up after 1 attempt in"), "{error}");

    let patience =
        Patience { answer: Duration::from_millis(50), attempts_max: 2, ..Patience::default() };
    let server = Server::start(Vec::new()).await;
    let error = server.client.clone().patient(patience).clock().await.unwrap_err();
    assert!(matches!(error, AlpacaError::Unreachable { .. }) && error.is_transient(), "{error}");
    assert!(error.to_string().contains("gave up after 2 attempts"), "{error}");
    assert_eq!(server.seen().requests.len(), 2);
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_in_the_budget() {
    let patience = Patience { total: Duration::from_secs(5), ..Patience::default() };
    let refusal = Answer::new(429, r#"{"message":"slow"}"#).header("retry-after", "30");
    let server = Server::start(vec![refusal; 2]).await;
    let client = server.client.clone().patient(patience);
    let error = client.clock().await.unwrap_err().to_string();
    assert!(error.contains("gave up after 1 attempt"), "waiting would take too long: {error}");
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let server = Server::start(vec![Answer::ok(ACCOUNT); 30]).await;
    for _ in 0..30 {
        server.client.clone().account().await.unwrap();
    }
    let seen = server.seen();
    assert_eq!((seen.requests.len(), seen.connections), (30, 1));
}

#[tokio::test]
async fn compressed_answers_are_read() {
    const GZIPPED: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0xca, 0x4c, 0x51,
        0xb2, 0x52, 0x32, 0x54, 0xd2, 0x51, 0x2a, 0x2e, 0x49, 0x2c, 0x29, 0x2d, 0x06, 0x72, 0x1c,
        0x9d, 0x43, 0x3c, 0xc3, 0x5c, 0x81, 0x22, 0xc9, 0x89, 0xc5, 0x19, 0x20, 0x49, 0x3d, 0x23,
        0x53, 0xa5, 0x5a, 0x00, 0xe4, 0x1e, 0x7f, 0x2c, 0x2a, 0x00, 0x00, 0x00,
    ];
    let server = Server::start(vec![Answer::ok(GZIPPED).header("content-encoding", "gzip")]).await;
    assert_eq!(server.client.account().await.unwrap().cash.unwrap().to_string(), "1.25");
}

#[tokio::test]
async fn an_unknown_thing_is_none_and_a_wrong_address_an_error() {
    let unknown = Answer::new(404, r#"{"code":40410000,"message":"not found"}"#);
    let answers = vec![unknown.clone(), unknown.clone(), unknown, Answer::new(404, "nginx")];
    let server = Server::start(answers).await;
    let client = &server.client;
    assert!(client.order_by_client_id("au-20240103-BRK.B-0-0").await.unwrap().is_none());
    assert!(client.position("BTC/USD").await.unwrap().is_none());
    assert!(client.asset("NOPE").await.unwrap().is_none());
    assert!(client.order("x").await.is_err());
    assert_eq!(
        server.seen().lines(),
        [
            "GET /v2/orders:by_client_order_id?client_order_id=au-20240103-BRK.B-0-0",
            "GET /v2/positions/BTC%2FUSD",
            "GET /v2/assets/NOPE",
            "GET /v2/orders/x?nested=true",
        ]
    );
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_named() {
    let server = Server::start(vec![Answer::ok("<html>login</html>")]).await;
    let error = server.client.positions().await.unwrap_err().to_string();
    assert!(
        error.starts_with("MALFORMED: GET /v2/positions: ") && error.contains("<html>login"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoints = Endpoints::local(&listener.local_addr().unwrap().to_string());
    drop(listener);
    let client = Client::new(endpoints, Credentials::new("KEY", "hush-hush")).unwrap();
    let error = client.submit_order(&new_order()).await.unwrap_err();
    assert!(matches!(error, AlpacaError::Unreachable { .. }) && error.is_transient(), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(!format!("{client:?} {error:?}").contains("hush"), "secrets stay secret");
}

#[tokio::test]
async fn trading_questions_go_where_they_belong() {
    let empty = || Answer::ok("[]");
    let history = r#"{"timestamp":[],"equity":[],"profit_loss":[],"profit_loss_pct":[],"base_value":null,"timeframe":"1D"}"#;
    let answers = vec![
        Answer::ok(r#"{"no_shorting":false}"#),
        Answer::ok(r#"{"no_shorting":true,"suspend_trade":false}"#),
        Answer::ok(history),
        empty(),
        empty(),
        empty(),
        Answer::new(204, ""),
    ];
    let server = Server::start(answers).await;
    let client = &server.client;
    assert_eq!(client.configurations().await.unwrap().no_shorting, Some(false));
    let change = AccountConfigurations { no_shorting: Some(true), ..Default::default() };
    assert_eq!(client.configure(&change).await.unwrap().suspend_trade, Some(false));
    let query = PortfolioQuery { period: Some("1W".into()), ..PortfolioQuery::default() };
    assert!(client.portfolio_history(&query).await.unwrap().equity.is_empty());
    assert!(client.close_all_positions(true).await.unwrap().is_empty());
    assert!(client.cancel_all().await.unwrap().is_empty());
    assert!(client.assets_of("crypto").await.unwrap().is_empty());
    client.cancel("1").await.unwrap();
    let seen = server.seen();
    assert_eq!(
        seen.lines(),
        [
            "GET /v2/account/configurations",
            "PATCH /v2/account/configurations",
            "GET /v2/account/portfolio/history?period=1W",
            "DELETE /v2/positions?cancel_orders=true",
            "DELETE /v2/orders",
            "GET /v2/assets?status=active&asset_class=crypto",
            "DELETE /v2/orders/1",
        ]
    );
    assert!(
        seen.requests[1].ends_with("\r\n\r\n{\"no_shorting\":true}"),
        "only the change is said"
    );
}

#[tokio::test]
async fn data_questions_go_where_they_belong() {
    let trade = r#"{"trades":{"AAPL":{"t":"2024-01-03T14:30:00Z","x":"Q","p":1.5,"s":2,"c":["@"],"i":7,"z":"C"}}}"#;
    let coin =
        r#"{"quotes":{"BTC/USD":{"t":"2024-01-03T14:30:00Z","bp":1,"bs":2.5,"ap":3,"as":4}}}"#;
    let answers = vec![
        Answer::ok(trade),
        Answer::ok(coin),
        Answer::ok(r#"{"bars":{}}"#),
        Answer::ok(r#"{"orderbooks":{}}"#),
        Answer::ok(r#"{"AAPL":{"latestTrade":null}}"#),
        Answer::ok(r#"{"snapshots":{"BTC/USD":{"dailyBar":null}}}"#),
        Answer::ok(r#"{"bars":null,"symbol":"AAPL","next_page_token":null}"#),
    ];
    let server = Server::start(answers).await;
    let client = &server.client;
    let stocks = Source::Stocks { feed: "iex".into() };
    let crypto = Source::Crypto { location: "us".into() };
    assert_eq!(client.latest_trades(&stocks, &["AAPL"]).await.unwrap().trades["AAPL"].i, 7);
    let quotes = client.latest_quotes(&crypto, &["BTC/USD"]).await.unwrap().quotes;
    assert_eq!(quotes["BTC/USD"].bs, 2.5);
    assert!(client.latest_bars(&stocks, &["AAPL", "BRK.B"]).await.unwrap().bars.is_empty());
    assert!(client.crypto_orderbooks("us", &["BTC/USD"]).await.unwrap().orderbooks.is_empty());
    assert_eq!(client.snapshots(&stocks, &["AAPL"]).await.unwrap().len(), 1);
    assert_eq!(client.snapshots(&crypto, &["BTC/USD"]).await.unwrap().len(), 1);
    let query = BarsQuery {
        symbols: vec!["AAPL".into()],
        timeframe: "5Min".into(),
        start: Time(0),
        end: Time(60_000_000_000),
        adjustment: "raw".into(),
        feed: "sip".into(),
        asof: None,
        page_token: None,
    };
    assert!(client.symbol_bars_page(&query).await.unwrap().bars.is_empty());
    assert_eq!(
        server.seen().lines(),
        [
            "GET /v2/stocks/trades/latest?symbols=AAPL&feed=iex",
            "GET /v1beta3/crypto/us/latest/quotes?symbols=BTC%2FUSD",
            "GET /v2/stocks/bars/latest?symbols=AAPL%2CBRK.B&feed=iex",
            "GET /v1beta3/crypto/us/latest/orderbooks?symbols=BTC%2FUSD",
            "GET /v2/stocks/snapshots?symbols=AAPL&feed=iex",
            "GET /v1beta3/crypto/us/snapshots?symbols=BTC%2FUSD",
            "GET /v2/stocks/AAPL/bars?start=1970-01-01T00%3A00%3A00Z&end=1970-01-01T00%3A01%3A00Z\
             &limit=10000&sort=asc&timeframe=5Min&adjustment=raw&feed=sip",
        ]
    );
}
