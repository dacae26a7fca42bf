//! The client against a server of a few lines: what it sends, when it asks again, what it makes of
//! bad answers.

#![allow(clippy::unwrap_used, reason = "a test that fails at setting up has failed")]

use alpaca::model::{Amount, NewOrder, Side, TimeInForce};
use alpaca::{AlpacaError, Client, Credentials, Endpoints, TradeStream};
use futures::{SinkExt, StreamExt};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

const ACCOUNT: &str = r#"{"id":"1","status":"ACTIVE","cash":"1.25"}"#;

fn client(listener: &TcpListener) -> Client {
    let address = listener.local_addr().unwrap().to_string();
    Client::new(Endpoints::local(&address), Credentials::new("KEY", "hush-hush")).unwrap()
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

type Requests = Arc<Mutex<Vec<String>>>;

/// Gives `answers` one after the other, each on its own connection, and keeps the requests.
fn serve(listener: TcpListener, answers: Vec<(u16, &'static str)>) -> Requests {
    let requests = Requests::default();
    let kept = Arc::clone(&requests);
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let request = read_request(&mut socket).await;
            kept.lock().unwrap().push(request);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    requests
}

/// Head and body of a request, as text.
async fn read_request(socket: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let n = socket.read(&mut buffer).await.unwrap();
        text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
    }
}

fn new_order() -> NewOrder {
    let new = NewOrder::market("AAPL", Side::Buy, Amount::from(1), TimeInForce::Opg);
    NewOrder { client_order_id: Some("au-1".into()), ..new }
}

#[tokio::test]
async fn a_get_is_asked_again_until_it_is_answered() {
    let listener = listener().await;
    let client = client(&listener);
    let requests =
        serve(listener, vec![(503, "busy"), (429, r#"{"message":"slow"}"#), (200, ACCOUNT)]);
    let account = client.account().await.unwrap();
    assert_eq!(account.cash.unwrap().to_string(), "1.25");
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 3);
    let request = requests[0].to_lowercase();
    assert!(request.starts_with("get /v2/account http/1.1"), "{request}");
    for header in
        ["apca-api-key-id: key", "apca-api-secret-key: hush-hush", "accept-encoding: gzip"]
    {
        assert!(request.contains(header), "{header} in {request}");
    }
}

#[tokio::test]
async fn a_post_is_sent_once() {
    let listener = listener().await;
    let client = client(&listener);
    let requests = serve(listener, vec![(504, ""), (200, "{}")]);
    let error = client.submit_order(&new_order()).await.unwrap_err();
    assert!(matches!(error, AlpacaError::Unavailable { status: 504, .. }), "{error}");
    assert_eq!(requests.lock().unwrap().len(), 1);
    assert!(error.to_string().contains("au-1"), "{error}");
}

#[tokio::test]
async fn an_unknown_order_is_none_and_a_wrong_address_an_error() {
    let listener = listener().await;
    let client = client(&listener);
    let requests = serve(
        listener,
        vec![(404, r#"{"code":40410000,"message":"order not found"}"#), (404, "nginx")],
    );
    assert!(client.order_by_client_id("au-20240103-BRK.B-0-0").await.unwrap().is_none());
    assert!(client.order_by_client_id("x").await.is_err());
    let request = requests.lock().unwrap()[0].clone();
    let path = "GET /v2/orders:by_client_order_id?client_order_id=au-20240103-BRK.B-0-0 ";
    assert!(request.starts_with(path), "{request}");
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_named() {
    let listener = listener().await;
    let client = client(&listener);
    serve(listener, vec![(200, "<html>login</html>")]);
    let error = client.positions().await.unwrap_err().to_string();
    assert!(
        error.starts_with("MALFORMED: GET /v2/positions: ") && error.contains("<html>login"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there() {
    let listener = listener().await;
    let client = client(&listener);
    drop(listener);
    let error = client.submit_order(&new_order()).await.unwrap_err();
    assert!(matches!(error, AlpacaError::Unreachable { .. }) && error.is_transient(), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

async fn said(socket: &mut WebSocketStream<TcpStream>) -> String {
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

#[tokio::test]
async fn a_trade_stream_from_handshake_to_close() {
    let listener = listener().await;
    let client = client(&listener);
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(socket).await.unwrap();
        let authenticate = said(&mut socket).await;
        let ok =
            r#"{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}"#;
        socket.send(Message::binary(ok)).await.unwrap();
        let listen = said(&mut socket).await;
        let ok = r#"{"stream":"listening","data":{"streams":["trade_updates"]}}"#;
        socket.send(Message::binary(ok)).await.unwrap();
        let update = r#"{"stream":"trade_updates","data":{"event":"new","timestamp":"2024-01-03T14:30:00Z",
            "order":{"id":"1","client_order_id":"au-1","symbol":"A","qty":"1","filled_qty":"0","type":"market",
            "side":"buy","time_in_force":"opg","status":"new"}}}"#;
        socket.send(Message::Ping("hi".into())).await.unwrap();
        socket.send(Message::binary(r#"{"stream":"other","data":[]}"#)).await.unwrap();
        socket.send(Message::binary(update)).await.unwrap();
        socket.send(Message::text(update)).await.unwrap();
        let pong = socket.next().await.unwrap().unwrap();
        socket.close(None).await.unwrap();
        (authenticate, listen, pong)
    });
    let mut stream = TradeStream::connect(&client).await.unwrap();
    for _ in 0..2 {
        assert_eq!(stream.next().await.unwrap().order.client_order_id, "au-1");
    }
    let error = stream.next().await.unwrap_err();
    assert!(matches!(error, AlpacaError::Unreachable { .. }), "{error}");
    let (authenticate, listen, pong) = server.await.unwrap();
    assert_eq!(
        authenticate,
        r#"{"action":"authenticate","data":{"key_id":"KEY","secret_key":"hush-hush"}}"#
    );
    assert_eq!(listen, r#"{"action":"listen","data":{"streams":["trade_updates"]}}"#);
    assert_eq!(pong, Message::Pong("hi".into()));
}

#[tokio::test]
async fn a_trade_stream_that_is_not_authorised() {
    let listener = listener().await;
    let client = client(&listener);
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(socket).await.unwrap();
        let no = r#"{"stream":"authorization","data":{"status":"unauthorized","action":"authenticate"}}"#;
        socket.send(Message::binary(no)).await.unwrap();
        socket.next().await
    });
    let error = TradeStream::connect(&client).await.unwrap_err();
    assert!(matches!(error, AlpacaError::Refused { status: 401, .. }), "{error}");
    assert!(!error.to_string().contains("hush"), "{error}");
}
