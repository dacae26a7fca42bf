//! Where Alpaca is, and who we are there.

use crate::model::Secret;

/// Base URLs, without a trailing slash and without the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    pub trading: String,
    pub data: String,
    /// Market data websocket; `v2/iex` and the like are appended.
    pub data_stream: String,
    /// Trading websocket; `/stream` is appended.
    pub trading_stream: String,
}

/// A key pair. Its `Debug` shows neither half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    key_id: Secret,
    secret_key: Secret,
}

impl Endpoints {
    pub fn paper() -> Self {
        Self::alpaca("paper-api.alpaca.markets")
    }

    pub fn live() -> Self {
        Self::alpaca("api.alpaca.markets")
    }

    fn alpaca(trading_host: &str) -> Self {
        Self {
            trading: format!("https://{trading_host}"),
            data: "https://data.alpaca.markets".to_owned(),
            data_stream: "wss://stream.data.alpaca.markets".to_owned(),
            trading_stream: format!("wss://{trading_host}"),
        }
    }

    /// All four at one address, as the simulated venue serves them: `127.0.0.1:8080`.
    pub fn local(address: &str) -> Self {
        Self {
            trading: format!("http://{address}"),
            data: format!("http://{address}"),
            data_stream: format!("ws://{address}"),
            trading_stream: format!("ws://{address}"),
        }
    }
}

impl Credentials {
    /// From `APCA_API_KEY_ID` and `APCA_API_SECRET_KEY`, which the caller reads.
    pub fn new(key_id: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self { key_id: Secret::new(key_id), secret_key: Secret::new(secret_key) }
    }

    pub(crate) fn key_id(&self) -> &Secret {
        &self.key_id
    }

    pub(crate) fn secret_key(&self) -> &Secret {
        &self.secret_key
    }
}

/// The host of a base URL; the whole text if it has no scheme.
pub(crate) fn host(base: &str) -> &str {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

pub(crate) fn is_alpaca(base: &str) -> bool {
    host(base).ends_with(".alpaca.markets")
}

pub(crate) fn is_loopback(base: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].contains(&host(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert_eq!(host("https://data.alpaca.markets"), "data.alpaca.markets");
        assert_eq!(host("http://127.0.0.1:8080/x"), "127.0.0.1");
        assert!(is_loopback("http://[::1]:80"));
        assert!(!is_loopback("https://127.0.0.1.example.com"));
        assert!(is_alpaca("https://paper-api.alpaca.markets/") && !is_alpaca("http://127.0.0.1"));
    }

    #[test]
    fn credentials_do_not_show() {
        let text = format!("{:?}", Credentials::new("PKTOPSECRET", "hush-hush"));
        assert!(!text.contains("PKTOPSECRET") && !text.contains("hush"), "{text}");
    }
}
