//! Everything the service has of many symbols: 50 of them in a request, pages to the end, some requests
//! at a time. How fast, the client's pace decides, for all of them together.

use crate::decode::{Columns, Page};
use crate::error::IngestError;
use crate::fetch::FetchOptions;
use alpaca::{Client, Pages};
use futures::stream::{self, StreamExt, TryStreamExt};
use messages::{Date, Symbol, Time};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is asked for, but for the symbols.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub source: Source,
    /// `1Day`, `5Min`, …
    pub timeframe: String,
    /// Both inclusive.
    pub start: Time,
    pub end: Time,
    /// Times and closes are all that is wanted.
    pub only_close: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Stocks { feed: String, adjustment: String, asof: Option<Date> },
    Crypto { location: String },
}

/// Largest pages that Alpaca gives.
const BARS_PER_PAGE: usize = 10_000;

/// Symbols done, of how many.
pub(crate) struct Tally<'a> {
    pub options: &'a FetchOptions,
    pub total: usize,
    pub done: AtomicUsize,
}

/// The bars of `symbols` (ascending, each once), in their order; for each of `asks`, and ascending by
/// time, each once.
pub(crate) async fn all(
    client: &Client,
    symbols: &[Symbol],
    asks: &[Ask],
    options: &FetchOptions,
) -> Result<Vec<Vec<Columns>>, IngestError> {
    let progress = Tally { options, total: symbols.len() * asks.len(), done: AtomicUsize::new(0) };
    let chunks = || symbols.chunks(options.chunk.max(1));
    let jobs = (0..asks.len()).flat_map(|ask| chunks().map(move |part| (ask, part)));
    let jobs: Vec<_> = jobs.enumerate().collect();
    let run = |(number, (ask, part))| {
        let (asks, progress) = (&asks, &progress);
        async move {
            let columns = chunk(client, part, &asks[ask], progress).await?;
            Ok::<_, IngestError>((number, ask, columns))
        }
    };
    let mut parts: Vec<(usize, usize, Vec<Columns>)> = stream::iter(jobs.into_iter().map(run))
        .buffer_unordered(options.concurrency.max(1))
        .try_collect()
        .await?;
    parts.sort_by_key(|(number, ..)| *number);
    let mut found: Vec<Vec<Columns>> = asks.iter().map(|_| Vec::new()).collect();
    for (_, ask, part) in parts {
        found[ask].extend(part);
    }
    Ok(found)
}

/// One request, page after page.
async fn chunk(
    client: &Client,
    symbols: &[Symbol],
    ask: &Ask,
    progress: &Tally<'_>,
) -> Result<Vec<Columns>, IngestError> {
    let mut columns = vec![Columns::default(); symbols.len()];
    let (path, query) = ask.query(symbols);
    let mut pages: Pages<Page> = client.pages(path, query);
    let failed = |source| IngestError::Alpaca { asked: Asked { symbols, ask }.to_string(), source };
    while let Some(page) = pages.next().await.map_err(failed)? {
        for (name, bars) in &page.bars {
            let Ok(index) = symbols.binary_search_by(|symbol| symbol.as_str().cmp(name)) else {
                return Err(IngestError::Unasked { symbol: name.clone() });
            };
            check(&symbols[index], bars, ask)?;
            columns[index].append(bars, ask.only_close);
        }
    }
    columns.iter_mut().for_each(Columns::shrink);
    let done = progress.done.fetch_add(symbols.len(), Ordering::Relaxed) + symbols.len();
    if let Some(progress_to) = &progress.options.progress {
        progress_to(done, progress.total);
    }
    Ok(columns)
}

/// Numbers that are numbers, at times that were asked for.
fn check(symbol: &Symbol, bars: &Columns, ask: &Ask) -> Result<(), IngestError> {
    let at = |index: usize| alpaca::time::utc(Time(bars.time[index]));
    let within = |time: &i64| (ask.start.0..=ask.end.0).contains(time);
    if let Some(index) = bars.time.iter().position(|time| !within(time)) {
        let (start, end) = (alpaca::time::utc(ask.start), alpaca::time::utc(ask.end));
        return Err(IngestError::Outside { symbol: symbol.clone(), at: at(index), start, end });
    }
    let columns = [
        ("open", &bars.open),
        ("high", &bars.high),
        ("low", &bars.low),
        ("close", &bars.close),
        ("volume", &bars.volume),
    ];
    for (field, column) in columns {
        if let Some(index) = column.iter().position(|value| !value.is_finite()) {
            return Err(IngestError::NotFinite { symbol: symbol.clone(), at: at(index), field });
        }
    }
    Ok(())
}

impl Ask {
    /// Full times, never dates, whose zone is not documented.
    fn query(&self, symbols: &[Symbol]) -> (String, Vec<(&'static str, String)>) {
        let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
        let mut query = vec![
            ("symbols", names.join(",")),
            ("timeframe", self.timeframe.clone()),
            ("start", alpaca::time::utc(self.start)),
            ("end", alpaca::time::utc(self.end)),
            ("limit", BARS_PER_PAGE.to_string()),
            ("sort", "asc".to_owned()),
        ];
        let path = match &self.source {
            Source::Stocks { feed, adjustment, asof } => {
                query.push(("feed", feed.clone()));
                query.push(("adjustment", adjustment.clone()));
                query.extend(asof.map(|asof| ("asof", asof.to_string())));
                "/v2/stocks/bars".to_owned()
            }
            Source::Crypto { location } => format!("/v1beta3/crypto/{location}/bars"),
        };
        (path, query)
    }
}

impl alpaca::Page for Page {
    fn next_page_token(&self) -> Option<&str> {
        self.next_page_token.as_deref()
    }

    fn series(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Time>)> {
        self.bars
            .iter()
            .map(|(symbol, bars)| (symbol.as_str(), bars.time.iter().copied().map(Time)))
    }
}

/// A request, for people.
struct Asked<'a> {
    symbols: &'a [Symbol],
    ask: &'a Ask,
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ask { source, timeframe, start, end, .. } = self.ask;
        write!(f, "{timeframe} bars")?;
        if let Source::Stocks { adjustment, .. } = source {
            write!(f, " ({adjustment})")?;
        }
        match self.symbols {
            [] => write!(f, " of nothing")?,
            [only] => write!(f, " of {only}")?,
            [first, .., last] => {
                write!(f, " of {first} … {last} ({} symbols)", self.symbols.len())?;
            }
        }
        write!(f, " from {} to {}", alpaca::time::utc(*start), alpaca::time::utc(*end))
    }
}
