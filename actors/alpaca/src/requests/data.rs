//! The market data API, for stocks and crypto alike where both have the same.

use super::pages::Pages;
use crate::client::Api;
use crate::error::AlpacaError;
use crate::model::{
    BarsPage, CryptoSnapshots, LatestBars, LatestOrderbooks, LatestQuotes, LatestTrades,
    QuotesPage, Snapshots, SymbolBarsPage, TradesPage,
};
use crate::{Client, time};
use messages::{Date, Time};
use serde::de::DeserializeOwned;

/// `GET /v2/stocks/bars`. Pages are ordered by symbol, then time.
#[derive(Clone, Debug)]
pub struct BarsQuery {
    pub symbols: Vec<String>,
    /// `1Day`, `1Min`, …
    pub timeframe: String,
    /// Both inclusive.
    pub start: Time,
    pub end: Time,
    /// `raw`, `split`, `dividend`, `all`.
    pub adjustment: String,
    /// `sip`, `iex`, …
    pub feed: String,
    /// The day whose symbols are meant, so that a rename does not cut history off.
    pub asof: Option<Date>,
    pub page_token: Option<String>,
}

/// `GET /v1beta3/crypto/{location}/bars`.
#[derive(Clone, Debug)]
pub struct CryptoBarsQuery {
    /// `us`, `us-1`, `eu-1`, …
    pub location: String,
    /// With a slash: `BTC/USD`.
    pub symbols: Vec<String>,
    pub timeframe: String,
    /// Both inclusive.
    pub start: Time,
    pub end: Time,
}

/// Historical trades or quotes.
#[derive(Clone, Debug)]
pub struct TicksQuery {
    pub source: Source,
    pub symbols: Vec<String>,
    /// Both inclusive.
    pub start: Time,
    pub end: Time,
}

/// Whose data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `sip`, `iex`, `delayed_sip`, …
    Stocks { feed: String },
    /// `us`, `us-1`, `eu-1`, …
    Crypto { location: String },
}

/// Largest pages that Alpaca gives.
const ROWS_PER_PAGE: usize = 10_000;

impl Client {
    /// Any `GET` of the data API.
    pub async fn data<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, AlpacaError> {
        self.get(Api::Data, path, query).await
    }

    /// One page; `next_page_token` leads to the next.
    pub async fn bars_page(&self, query: &BarsQuery) -> Result<BarsPage, AlpacaError> {
        let mut pairs = query.pairs();
        pairs.push(("symbols", query.symbols.join(",")));
        pairs.extend(query.page_token.clone().map(|token| ("page_token", token)));
        self.data("/v2/stocks/bars", &pairs).await
    }

    /// One page of one symbol, which must be the only one of the query.
    pub async fn symbol_bars_page(&self, query: &BarsQuery) -> Result<SymbolBarsPage, AlpacaError> {
        let path = format!("/v2/stocks/{}/bars", query.symbols.join(","));
        let mut pairs = query.pairs();
        pairs.extend(query.page_token.clone().map(|token| ("page_token", token)));
        self.data(&path, &pairs).await
    }

    /// All pages from the first, whatever token the query has.
    pub fn bars_pages(&self, query: &BarsQuery) -> Pages<BarsPage> {
        let mut pairs = query.pairs();
        pairs.push(("symbols", query.symbols.join(",")));
        self.pages("/v2/stocks/bars", pairs)
    }

    pub fn crypto_bars_pages(&self, query: &CryptoBarsQuery) -> Pages<BarsPage> {
        let CryptoBarsQuery { location, symbols, timeframe, start, end } = query;
        let mut pairs = window(*start, *end);
        pairs.push(("symbols", symbols.join(",")));
        pairs.push(("timeframe", timeframe.clone()));
        self.pages(format!("/v1beta3/crypto/{location}/bars"), pairs)
    }

    pub fn trades_pages(&self, query: &TicksQuery) -> Pages<TradesPage> {
        self.pages(query.source.path("trades"), query.pairs())
    }

    pub fn quotes_pages(&self, query: &TicksQuery) -> Pages<QuotesPage> {
        self.pages(query.source.path("quotes"), query.pairs())
    }

    /// Of each symbol that has one.
    pub async fn latest_trades(
        &self,
        source: &Source,
        symbols: &[&str],
    ) -> Result<LatestTrades, AlpacaError> {
        self.data(&source.latest("trades"), &source.of(symbols)).await
    }

    /// Of each symbol that has one.
    pub async fn latest_quotes(
        &self,
        source: &Source,
        symbols: &[&str],
    ) -> Result<LatestQuotes, AlpacaError> {
        self.data(&source.latest("quotes"), &source.of(symbols)).await
    }

    /// The last minute bar of each symbol that has one.
    pub async fn latest_bars(
        &self,
        source: &Source,
        symbols: &[&str],
    ) -> Result<LatestBars, AlpacaError> {
        self.data(&source.latest("bars"), &source.of(symbols)).await
    }

    pub async fn crypto_orderbooks(
        &self,
        location: &str,
        symbols: &[&str],
    ) -> Result<LatestOrderbooks, AlpacaError> {
        let source = Source::Crypto { location: location.to_owned() };
        self.data(&source.latest("orderbooks"), &source.of(symbols)).await
    }

    /// Of each symbol that is known.
    pub async fn snapshots(
        &self,
        source: &Source,
        symbols: &[&str],
    ) -> Result<Snapshots, AlpacaError> {
        let (path, query) = (source.path("snapshots"), source.of(symbols));
        match source {
            Source::Stocks { .. } => self.data(&path, &query).await,
            Source::Crypto { .. } => {
                let CryptoSnapshots { snapshots } = self.data(&path, &query).await?;
                Ok(snapshots)
            }
        }
    }
}

impl BarsQuery {
    /// Without symbols and page token.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = window(self.start, self.end);
        pairs.push(("timeframe", self.timeframe.clone()));
        pairs.push(("adjustment", self.adjustment.clone()));
        pairs.push(("feed", self.feed.clone()));
        pairs.extend(self.asof.map(|asof| ("asof", asof.to_string())));
        pairs
    }
}

impl TicksQuery {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = window(self.start, self.end);
        pairs.push(("symbols", self.symbols.join(",")));
        pairs.extend(self.source.feed());
        pairs
    }
}

impl Source {
    fn path(&self, what: &str) -> String {
        match self {
            Source::Stocks { .. } => format!("/v2/stocks/{what}"),
            Source::Crypto { location } => format!("/v1beta3/crypto/{location}/{what}"),
        }
    }

    fn latest(&self, what: &str) -> String {
        match self {
            Source::Stocks { .. } => format!("/v2/stocks/{what}/latest"),
            Source::Crypto { location } => format!("/v1beta3/crypto/{location}/latest/{what}"),
        }
    }

    fn of(&self, symbols: &[&str]) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("symbols", symbols.join(","))];
        pairs.extend(self.feed());
        pairs
    }

    fn feed(&self) -> Option<(&'static str, String)> {
        match self {
            Source::Stocks { feed } => Some(("feed", feed.clone())),
            Source::Crypto { .. } => None,
        }
    }
}

/// Full times, never dates, whose zone is not documented; ascending, in the largest pages.
fn window(start: Time, end: Time) -> Vec<(&'static str, String)> {
    vec![
        ("start", time::utc(start)),
        ("end", time::utc(end)),
        ("limit", ROWS_PER_PAGE.to_string()),
        ("sort", "asc".to_owned()),
    ]
}
