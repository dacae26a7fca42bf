//! One order to a venue on loopback that answers by a script.

use super::*;
use crate::gateway::place::{Placed, place};
use alpaca::{Client, Credentials, Endpoints};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers `POST` with 422 and `words`, the clock with a time, everything else with Alpaca's 404.
async fn refusing(words: &'static str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoints = Endpoints::local(&listener.local_addr().unwrap().to_string());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !is_whole(&request) && socket.read_buf(&mut request).await.unwrap() > 0 {}
            let (status, body) = answer(&String::from_utf8_lossy(&request), words);
            let body = body.to_string();
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n");
            let text = format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
            socket.write_all(text.as_bytes()).await.unwrap();
        }
    });
    Client::new(endpoints, Credentials::new("key", "secret")).unwrap()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
    });
    body.len() >= length.unwrap_or(0)
}

fn answer(request: &str, words: &str) -> (&'static str, Value) {
    if request.starts_with("POST /v2/orders") {
        return ("422 Unprocessable Entity", json!({"code": 40_010_001, "message": words}));
    }
    if request.starts_with("GET /v2/clock") {
        let at = "2024-01-03T08:00:00-05:00";
        return (
            "200 OK",
            json!({"timestamp": at, "is_open": false, "next_open": at, "next_close": at}),
        );
    }
    ("404 Not Found", json!({"code": 40_410_000, "message": "order not found"}))
}

#[tokio::test]
async fn an_id_that_is_taken_is_no_rejection() {
    let client = refusing("client_order_id must be unique").await;
    let placed = place(&client, &order("AAPL")).await.unwrap();
    let Placed::Unknown(error) = placed else { panic!("it may be there") };
    assert!(error.to_string().contains("must be unique"), "{error}");
}

#[tokio::test]
async fn other_refusals_are() {
    let client = refusing("insufficient buying power").await;
    let Placed::Refused(words, at) = place(&client, &order("AAPL")).await.unwrap() else {
        panic!("it was refused")
    };
    assert_eq!(
        (words.as_str(), alpaca::time::utc(at).as_str()),
        ("insufficient buying power", "2024-01-03T13:00:00Z")
    );
}
