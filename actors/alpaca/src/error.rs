//! How a call to Alpaca ends badly. Three kinds, because three different things follow:
//! a refusal is an answer, an unanswered request may still have happened, and an answer that we
//! can't read is a bug on one side.

use std::fmt::Write;
use std::time::Duration;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum AlpacaError {
    /// 4xx: it did not happen. Codes cover many causes; the message is the discriminator.
    #[error("REFUSED {status}{}: {request}: {message}{}", with_code(*code), remedy(*status))]
    Refused { request: String, status: u16, code: Option<u64>, message: String },

    /// 429 or 5xx: after a `POST` it may have happened all the same.
    #[error(
        "UNAVAILABLE {status}: {request}: {message}; Alpaca is overloaded or down: try again{}",
        lookup(request)
    )]
    Unavailable { request: String, status: u16, message: String },

    /// No answer in time, or no connection: after a `POST` it may have happened all the same.
    #[error("UNREACHABLE: {request}: {detail}; check the network and the configured base URL")]
    Unreachable { request: String, detail: String },

    /// An error of the market data stream, by Alpaca's code for it.
    #[error("STREAM {code}: {request}: {message}{}", stream_remedy(*code))]
    Stream { request: String, code: u16, message: String },

    /// Pages of one question that contradict each other.
    #[error(
        "BROKEN_PAGES: {request}: {detail}, so they are not one whole: ask again from the start"
    )]
    Pages { request: String, detail: String },

    #[error("MALFORMED: {request}: {detail}; the API has changed, or the base URL is not Alpaca's")]
    Malformed { request: String, detail: String },
}

impl AlpacaError {
    /// Worth asking again: the request was fine, the answer did not come.
    pub fn is_transient(&self) -> bool {
        match self {
            AlpacaError::Unavailable { .. } | AlpacaError::Unreachable { .. } => true,
            // A connection limit too: a dead session lingers for a while.
            AlpacaError::Stream { code, .. } => [404, 406, 407, 500].contains(code),
            AlpacaError::Refused { .. }
            | AlpacaError::Pages { .. }
            | AlpacaError::Malformed { .. } => false,
        }
    }

    /// The same, saying how often it was tried in vain.
    pub(crate) fn after(mut self, attempts: u32, spent: Duration) -> Self {
        let said = match &mut self {
            AlpacaError::Refused { message, .. }
            | AlpacaError::Unavailable { message, .. }
            | AlpacaError::Stream { message, .. } => message,
            AlpacaError::Unreachable { detail, .. }
            | AlpacaError::Pages { detail, .. }
            | AlpacaError::Malformed { detail, .. } => detail,
        };
        let times = if attempts == 1 { "attempt" } else { "attempts" };
        write!(said, " (gave up after {attempts} {times} in {:.1} s)", spent.as_secs_f64())
            .expect("writing to a String");
        self
    }

    /// There is no such order, position or asset. A 404 without Alpaca's code is a wrong address.
    pub fn is_not_found(&self) -> bool {
        matches!(self, AlpacaError::Refused { status: 404, code: Some(_), .. })
    }

    /// Alpaca's words, if it refused what was asked (and not who asked or where: those answers carry
    /// no code).
    pub fn refusal(&self) -> Option<&str> {
        match self {
            AlpacaError::Refused { code: Some(_), message, .. } => Some(message),
            _ => None,
        }
    }
}

/// A question may be asked twice.
fn lookup(request: &str) -> &'static str {
    if request.starts_with("GET ") {
        " later"
    } else {
        ", and look an order up by its client order id before sending it again"
    }
}

fn with_code(code: Option<u64>) -> String {
    code.map_or_else(String::new, |code| format!(" {code}"))
}

fn stream_remedy(code: u16) -> &'static str {
    match code {
        402 => "; check APCA_API_KEY_ID and APCA_API_SECRET_KEY",
        405 => "; subscribe to fewer symbols, or to a plan that allows more",
        406 => "; close the other connection of this account and try again: a dead one lingers",
        407 => "; read faster or subscribe to less, then connect again",
        409 => "; this account's data subscription does not include the feed",
        _ => "",
    }
}

fn remedy(status: u16) -> &'static str {
    match status {
        401 => {
            "; check APCA_API_KEY_ID and APCA_API_SECRET_KEY, and that paper keys go to the paper \
             host and live keys to the live one"
        }
        403 => "; check the account's permissions, buying power and data subscription",
        404 => "; check the name, and that the base URL has no path",
        _ => "",
    }
}
