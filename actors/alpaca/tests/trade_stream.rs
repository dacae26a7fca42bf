//! The trade stream against a server of a few lines.

#![allow(clippy::unwrap_used, reason = "a test that fails at setting up has failed")]

use alpaca::{AlpacaError, Client, Credentials, Endpoints, TradeStream};
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

fn client(listener: &TcpListener) -> Client {
    let address = listener.local_addr().unwrap().to_string();
    Client::new(Endpoints::local(&address), Credentials::new("KEY", "hush-hush")).unwrap()
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
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
