//! Page after page, to the end, or an error: no page twice, no row twice, none left out unnoticed.

use crate::Client;
use crate::client::{Api, describe};
use crate::error::AlpacaError;
use crate::model::{Bar, BarsPage, Quote, QuotesPage, Trade, TradesPage};
use crate::time;
use messages::Time;
use reqwest::Method;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

/// A page of rows by symbol.
pub trait Page: DeserializeOwned {
    /// The times of a symbol ascend strictly; otherwise one may be repeated.
    const STRICT: bool = true;

    /// `None`, or an empty one: this is the last page.
    fn next_page_token(&self) -> Option<&str>;

    /// Each symbol with its rows' times, in the order in which they came.
    fn series(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Time>)>;
}

/// Pages of one question. After an error there is nothing more to be had: what came before it is
/// incomplete.
#[derive(Debug)]
pub struct Pages<P> {
    client: Client,
    path: String,
    query: Vec<(&'static str, String)>,
    /// `None`: the end was reached.
    token: Option<Token>,
    seen: BTreeSet<String>,
    last: BTreeMap<String, Time>,
    empty: usize,
    page: PhantomData<fn() -> P>,
}

#[derive(Debug)]
enum Token {
    First,
    Next(String),
}

/// Pages without a row, one after the other, before the server is taken to be broken.
const EMPTY_PAGES_MAX: usize = 100;

impl Client {
    /// Pages of any question to the data API. `query` without `page_token`, `symbols` separated by commas.
    pub fn pages<P: Page>(
        &self,
        path: impl Into<String>,
        query: Vec<(&'static str, String)>,
    ) -> Pages<P> {
        Pages {
            client: self.clone(),
            path: path.into(),
            query,
            token: Some(Token::First),
            seen: BTreeSet::new(),
            last: BTreeMap::new(),
            empty: 0,
            page: PhantomData,
        }
    }
}

impl<P: Page> Pages<P> {
    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// What a `GET` may end in, and `Pages` if the page doesn't go on where the last one ended: a
    /// token that was given before, a row that is not after its symbol's last, a symbol that was not
    /// asked for, too many empty pages.
    pub async fn next(&mut self) -> Result<Option<P>, AlpacaError> {
        let mut query = self.query.clone();
        match self.token.take() {
            None => return Ok(None),
            Some(Token::First) => {}
            Some(Token::Next(token)) => query.push(("page_token", token)),
        }
        let page: P = self.client.get(Api::Data, &self.path, &query).await?;
        self.follow(&page).map_err(|detail| AlpacaError::Pages {
            request: describe(&Method::GET, &self.path, &query),
            detail,
        })?;
        Ok(Some(page))
    }

    /// Checks that `page` goes on where the last one ended.
    fn follow(&mut self, page: &P) -> Result<(), String> {
        let asked: Option<BTreeSet<&str>> = self
            .query
            .iter()
            .find(|(key, _)| *key == "symbols")
            .map(|(_, symbols)| symbols.split(',').collect());
        let mut rows = 0;
        for (symbol, times) in page.series() {
            if asked.as_ref().is_some_and(|asked| !asked.contains(symbol)) {
                return Err(format!("{symbol} was not asked for"));
            }
            let mut last = self.last.get(symbol).copied();
            for at in times {
                if let Some(last) = last.filter(|last| at < *last || (P::STRICT && at == *last)) {
                    let (at, last) = (time::utc(at), time::utc(last));
                    return Err(format!("{symbol} has {at} after {last}"));
                }
                (last, rows) = (Some(at), rows + 1);
            }
            if let Some(last) = last {
                self.last.insert(symbol.to_owned(), last);
            }
        }
        self.empty = if rows == 0 { self.empty + 1 } else { 0 };
        let Some(token) = page.next_page_token().filter(|token| !token.is_empty()) else {
            return Ok(());
        };
        if self.empty >= EMPTY_PAGES_MAX {
            return Err(format!("{EMPTY_PAGES_MAX} pages in a row were empty"));
        }
        if !self.seen.insert(token.to_owned()) {
            return Err(format!("page token {token:?} came a second time"));
        }
        self.token = Some(Token::Next(token.to_owned()));
        Ok(())
    }

    /// All that are left.
    pub async fn collect(mut self) -> Result<Vec<P>, AlpacaError> {
        let mut all = Vec::new();
        while let Some(page) = self.next().await? {
            all.push(page);
        }
        Ok(all)
    }
}

/// Symbols, and what the time of one of their rows is.
fn times<T>(
    rows: &BTreeMap<String, Vec<T>>,
    time: fn(&T) -> Time,
) -> impl Iterator<Item = (&str, impl Iterator<Item = Time>)> {
    rows.iter().map(move |(symbol, rows)| (symbol.as_str(), rows.iter().map(time)))
}

impl Page for BarsPage {
    fn next_page_token(&self) -> Option<&str> {
        self.next_page_token.as_deref()
    }

    fn series(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Time>)> {
        times(&self.bars, |bar: &Bar| bar.t.0)
    }
}

impl Page for TradesPage {
    const STRICT: bool = false;

    fn next_page_token(&self) -> Option<&str> {
        self.next_page_token.as_deref()
    }

    fn series(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Time>)> {
        times(&self.trades, |trade: &Trade| trade.t.0)
    }
}

impl Page for QuotesPage {
    const STRICT: bool = false;

    fn next_page_token(&self) -> Option<&str> {
        self.next_page_token.as_deref()
    }

    fn series(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Time>)> {
        times(&self.quotes, |quote: &Quote| quote.t.0)
    }
}
