//! Everything the service has of many symbols: 50 of them in a request, pages to the end, some requests
//! at a time. How fast, the client's pace decides, for all of them together.

use crate::decode::{Columns, Page};
use crate::error::IngestError;
use crate::fetch::{FetchOptions, Progress};
use alpaca::{Client, Pages};
use futures::stream::{self, StreamExt, TryStreamExt};
use messages::{Date, Symbol, Time};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinHandle;

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

/// The bars of `symbols` (ascending, each once), in their order; for each of `asks`, and ascending by
/// time, each once.
pub(crate) async fn all(
    client: &Client,
    symbols: &[Symbol],
    asks: &[Ask],
    options: &FetchOptions,
) -> Result<Vec<Vec<Columns>>, IngestError> {
    let tally = Arc::new(Tally {
        progress: options.progress.clone(),
        total: symbols.len() * asks.len(),
        done: AtomicUsize::new(0),
    });
    let chunks = || symbols.chunks(options.chunk.max(1));
    let jobs = asks.iter().flat_map(|ask| chunks().map(move |part| (part.to_vec(), ask.clone())));
    let jobs: Vec<_> = jobs.enumerate().collect();
    let per_ask = jobs.len() / asks.len().max(1);
    let run = |(number, (part, ask))| {
        let job = Task::start(chunk(client.clone(), part, ask, Arc::clone(&tally)));
        async move { Ok::<_, IngestError>((number, job.await?)) }
    };
    let mut parts: Vec<(usize, Vec<Columns>)> = stream::iter(jobs.into_iter().map(run))
        .buffer_unordered(options.concurrency.max(1))
        .try_collect()
        .await?;
    parts.sort_by_key(|(number, _)| *number);
    let mut parts = parts.into_iter().map(|(_, columns)| columns);
    let one = |_| parts.by_ref().take(per_ask).flatten().collect();
    Ok(asks.iter().map(one).collect())
}

/// Symbols done, of how many.
struct Tally {
    progress: Option<Progress>,
    total: usize,
    done: AtomicUsize,
}

/// A request on a thread of its own, so that pages are decoded while others are on their way. Ends with
/// whoever waits for it.
struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    async fn start(job: impl Future<Output = T> + Send + 'static) -> T {
        let mut task = Self(tokio::spawn(job));
        match (&mut task.0).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One request, page after page.
async fn chunk(
    client: Client,
    symbols: Vec<Symbol>,
    ask: Ask,
    tally: Arc<Tally>,
) -> Result<Vec<Columns>, IngestError> {
    let mut columns = vec![Columns::default(); symbols.len()];
    let (path, query) = ask.query(&symbols);
    let mut pages: Pages<Page> = client.pages(path, query);
    let asked = Asked { symbols: &symbols, ask: &ask };
    let failed = |source| IngestError::Alpaca { asked: asked.to_string(), source };
    while let Some(page) = pages.next().await.map_err(failed)? {
        for (name, bars) in &page.bars {
            let Ok(index) = symbols.binary_search_by(|symbol| symbol.as_str().cmp(name)) else {
                return Err(IngestError::Unasked { symbol: name.clone() });
            };
            check(&symbols[index], bars, &ask)?;
            columns[index].append(bars, ask.only_close);
        }
    }
    columns.iter_mut().for_each(Columns::shrink);
    let done = tally.done.fetch_add(symbols.len(), Ordering::Relaxed) + symbols.len();
    if let Some(progress) = &tally.progress {
        progress(done, tally.total);
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
