//! One answer of a history as it grows, and the token of the next.

use super::render;
use super::request::History;
use crate::reply::{Refused, bad_parameter};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use messages::Time;

/// The last item of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) symbol: String,
    pub(super) at: Time,
}

impl Token {
    pub(super) fn read(text: &str) -> Result<Self, Refused> {
        let parse = || {
            let text = String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()?;
            let mut fields = text.split('|');
            let (symbol, _, at) = (fields.next()?, fields.next()?, fields.next()?);
            let at = at.parse().ok()?;
            fields.next().is_none().then(|| Self { symbol: symbol.to_owned(), at: Time(at) })
        };
        parse().ok_or_else(|| bad_parameter("invalid page_token"))
    }

    /// Opaque to the client: symbol, kind, nanoseconds, in base64.
    fn write(&self, code: char) -> String {
        BASE64_STANDARD.encode(format!("{}|{code}|{}", self.symbol, self.at.0))
    }
}

/// What a page is a page of.
pub(super) struct Kind<'a, T> {
    /// Of the list: `bars`.
    pub(super) name: &'static str,
    /// In page tokens.
    pub(super) code: char,
    pub(super) at: &'a dyn Fn(&T) -> Time,
    pub(super) write: &'a dyn Fn(&mut Vec<u8>, usize, &T),
}

pub(super) struct Page<'a, T> {
    history: &'a History,
    kind: Kind<'a, T>,
    /// Lists by symbol; otherwise one list.
    multi: bool,
    out: Vec<u8>,
    written: usize,
    some_symbol: bool,
    last: Option<Token>,
    full: bool,
}

impl<'a, T> Page<'a, T> {
    pub(super) fn new(history: &'a History, kind: Kind<'a, T>, multi: bool) -> Self {
        let mut out = Vec::with_capacity(4_096);
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(kind.name.as_bytes());
        out.extend_from_slice(if multi { b"\":{" } else { b"\":[" });
        Self { history, kind, multi, out, written: 0, some_symbol: false, last: None, full: false }
    }

    /// No more fits: there is another page.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// All that is left of one symbol, in order, as far as it fits.
    pub(super) fn symbol(&mut self, asset: usize, symbol: &str, items: impl Iterator<Item = T>) {
        let mut last = None;
        for item in items {
            if self.written == self.history.limit {
                self.full = true;
                break;
            }
            if last.is_some() {
                self.out.push(b',');
            } else if self.multi {
                self.name(symbol);
            }
            (self.kind.write)(&mut self.out, asset, &item);
            self.written += 1;
            last = Some((self.kind.at)(&item));
        }
        if let Some(at) = last {
            if self.multi {
                self.out.push(b']');
            }
            self.last = Some(Token { symbol: symbol.to_owned(), at });
        }
    }

    fn name(&mut self, symbol: &str) {
        if self.some_symbol {
            self.out.push(b',');
        }
        self.some_symbol = true;
        render::text(&mut self.out, symbol);
        self.out.extend_from_slice(b":[");
    }

    /// `symbol` for a single one.
    pub(super) fn finish(mut self, symbol: Option<&str>) -> Vec<u8> {
        self.out.push(if self.multi { b'}' } else { b']' });
        if let Some(symbol) = symbol {
            self.out.extend_from_slice(b",\"symbol\":");
            render::text(&mut self.out, symbol);
        }
        self.out.extend_from_slice(b",\"next_page_token\":");
        match self.last.filter(|_| self.full) {
            Some(last) => render::text(&mut self.out, &last.write(self.kind.code)),
            None => self.out.extend_from_slice(b"null"),
        }
        if let Some(currency) = &self.history.currency {
            self.out.extend_from_slice(b",\"currency\":");
            render::text(&mut self.out, currency);
        }
        self.out.push(b'}');
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back_and_nothing_else_is() {
        let token = Token { symbol: "BTC/USD".to_owned(), at: Time(1_788_264_000_000_000_000) };
        assert_eq!(token.write('M'), "QlRDL1VTRHxNfDE3ODgyNjQwMDAwMDAwMDAwMDA=");
        assert_eq!(Token::read(&token.write('M')).ok(), Some(token));
        for wrong in ["zz", "", "QUFQTA==", "QUFQTHxEfHg="] {
            assert!(Token::read(wrong).is_err(), "{wrong}");
        }
    }
}
