//! A server of a few lines that gives the answers it was told to, and remembers what it was asked.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use alpaca::{Client, Credentials, Endpoints};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const ACCOUNT: &str = r#"{"id":"1","status":"ACTIVE","cash":"1.25"}"#;

#[derive(Clone, Debug)]
pub struct Answer {
    head: String,
    body: Vec<u8>,
    /// Only so much of the body comes, then the connection ends.
    cut_at: Option<usize>,
    silent: bool,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        Self { head, body, cut_at: None, silent: false }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        write!(self.head, "{name}: {value}\r\n").unwrap();
        self
    }

    pub fn cut_at(mut self, bytes: usize) -> Self {
        self.cut_at = Some(bytes);
        self
    }

    /// None at all, while the connection stays.
    pub fn none() -> Self {
        Self { silent: true, ..Self::ok("") }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub requests: Vec<String>,
    pub connections: usize,
}

impl Seen {
    /// Methods and targets: `GET /v2/account`.
    pub fn lines(&self) -> Vec<&str> {
        let line = |request: &'_ String| request.find(" HTTP/1.1").expect("a request");
        self.requests.iter().map(|request| &request[..line(request)]).collect()
    }
}

pub struct Server {
    pub client: Client,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    /// Gives `answers` one after the other, over as many connections as the client opens; after the
    /// last one it answers nothing.
    pub async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoints = Endpoints::local(&listener.local_addr().unwrap().to_string());
        let client = Client::new(endpoints, Credentials::new("KEY", "hush-hush")).unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                kept.lock().unwrap().connections += 1;
                let (kept, answers) = (Arc::clone(&kept), Arc::clone(&answers));
                tokio::spawn(async move {
                    let next = || answers.lock().unwrap().next().unwrap_or_else(Answer::none);
                    serve(socket, &kept, next).await;
                });
            }
        });
        Self { client, seen }
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut socket: TcpStream, seen: &Mutex<Seen>, next: impl Fn() -> Answer) {
    while let Some(request) = read_request(&mut socket).await {
        seen.lock().unwrap().requests.push(request);
        let answer = next();
        if answer.silent {
            return tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let length = answer.cut_at.unwrap_or(answer.body.len());
        // In one piece: two small ones would wait for each other's acknowledgement.
        let whole = [answer.head.as_bytes(), b"\r\n", &answer.body[..length]].concat();
        socket.write_all(&whole).await.unwrap();
        if answer.cut_at.is_some() {
            return;
        }
    }
}

/// Head and body of a request, as text; `None` at the end of the connection.
async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => text.push_str(std::str::from_utf8(&buffer[..n]).unwrap()),
        }
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
    }
}
