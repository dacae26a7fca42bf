//! Daily bars from Alpaca (or the simulated venue, which speaks the same API), whole or not at all.

use crate::error::IngestError;
use alpaca::model::{Bar, BarsPage};
use alpaca::{BarsQuery, Client};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::civil;
use messages::{Bars, Date, Symbol, Time};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Hears how many symbols are done, and of how many (each counts twice where raw closes are asked
/// for as well).
pub type Progress = Arc<dyn Fn(usize, usize) + Send + Sync>;

#[derive(Clone)]
pub struct FetchOptions {
    /// `sip`, `iex`.
    pub feed: String,
    /// `split`, `raw`, `all`.
    pub adjustment: String,
    /// Requests in flight.
    pub concurrency: usize,
    /// Symbols in a request.
    pub chunk: usize,
    pub progress: Option<Progress>,
}

impl FetchOptions {
    /// 50 symbols in a request, 4 requests in flight.
    pub fn new(feed: impl Into<String>, adjustment: impl Into<String>) -> Self {
        let (feed, adjustment) = (feed.into(), adjustment.into());
        Self { feed, adjustment, concurrency: 4, chunk: 50, progress: None }
    }
}

impl fmt::Debug for FetchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feed, adjustment, concurrency, chunk, .. } = self;
        write!(f, "feed={feed} adjustment={adjustment} concurrency={concurrency} chunk={chunk}")
    }
}

/// The bars of `symbols` in the sessions `from` to `through`, both inclusive, as the service has
/// them: a symbol without a bar is absent, a session without any is too. The raw close comes from a
/// second request, unless the prices are raw anyway.
///
/// # Errors
/// Any answer that is missing, ambiguous or contradicts itself; then there are no bars at all.
pub async fn fetch_bars(
    client: &Client,
    symbols: &[Symbol],
    from: Date,
    through: Date,
    options: &FetchOptions,
) -> Result<Vec<Bars>, IngestError> {
    if from > through {
        return Err(IngestError::Backwards { from, through });
    }
    let unique: BTreeSet<&Symbol> = symbols.iter().collect();
    let symbols: Vec<Symbol> = unique.into_iter().cloned().collect();
    let is_raw = options.adjustment == "raw";
    let total = symbols.len() * if is_raw { 1 } else { 2 };
    let fetch = Fetch { client, from, through, options, total, done: AtomicUsize::new(0) };
    let adjusted = fetch.rows(&symbols, &options.adjustment).await?;
    let raw = if is_raw { None } else { Some(fetch.rows(&symbols, "raw").await?) };
    assemble(&symbols, &adjusted, raw.as_deref())
}

struct Fetch<'a> {
    client: &'a Client,
    from: Date,
    through: Date,
    options: &'a FetchOptions,
    total: usize,
    done: AtomicUsize,
}

/// One bar; orders by session, then symbol (symbols ascend).
struct Row {
    session: Date,
    /// Index into the symbols asked for.
    symbol: usize,
    /// Open, high, low, close, volume.
    values: [f64; 5],
}

impl Row {
    fn key(&self) -> (Date, usize) {
        (self.session, self.symbol)
    }
}

impl Fetch<'_> {
    /// All bars of `symbols` at one adjustment, ascending, each once.
    async fn rows(&self, symbols: &[Symbol], adjustment: &str) -> Result<Vec<Row>, IngestError> {
        let size = self.options.chunk.max(1);
        let parts = symbols.chunks(size).enumerate();
        let parts = parts.map(|(index, part)| self.chunk(part, index * size, adjustment));
        let found: Vec<Vec<Row>> = stream::iter(parts.collect::<Vec<_>>())
            .buffer_unordered(self.options.concurrency.max(1))
            .try_collect()
            .await?;
        let mut rows: Vec<Row> = found.into_iter().flatten().collect();
        rows.sort_unstable_by_key(Row::key);
        match rows.windows(2).find(|pair| pair[0].key() == pair[1].key()) {
            None => Ok(rows),
            Some(pair) => Err(IngestError::Duplicate {
                symbol: symbols[pair[0].symbol].clone(),
                session: pair[0].session,
            }),
        }
    }

    /// One request, page after page. `first` is the index of `symbols[0]` among all.
    async fn chunk(
        &self,
        symbols: &[Symbol],
        first: usize,
        adjustment: &str,
    ) -> Result<Vec<Row>, IngestError> {
        let mut query = self.query(symbols, adjustment);
        let (mut rows, mut seen) = (Vec::new(), BTreeSet::new());
        for number in 1.. {
            let page = self.client.bars_page(&query).await;
            let page =
                page.map_err(|source| IngestError::Alpaca { symbols: named(symbols), source })?;
            let count = rows.len();
            self.read(&page, symbols, first, &mut rows)?;
            let Some(token) = page.next_page_token else {
                break;
            };
            if rows.len() == count {
                return Err(IngestError::PageEmpty { symbols: named(symbols), page: number });
            }
            if !seen.insert(token.clone()) {
                return Err(IngestError::PageRepeated { symbols: named(symbols), token });
            }
            query.page_token = Some(token);
        }
        let done = self.done.fetch_add(symbols.len(), Ordering::Relaxed) + symbols.len();
        if let Some(progress) = &self.options.progress {
            progress(done, self.total);
        }
        Ok(rows)
    }

    /// Full times, never dates (whose zone is not documented). A daily bar's time is midnight in New
    /// York and both bounds are inclusive, so the end is the last session's own midnight: not in the
    /// future even on the day itself, which the free plan would refuse.
    fn query(&self, symbols: &[Symbol], adjustment: &str) -> BarsQuery {
        BarsQuery {
            symbols: symbols.iter().map(|symbol| symbol.as_str().to_owned()).collect(),
            timeframe: "1Day".to_owned(),
            start: midnight(self.from),
            end: midnight(self.through),
            adjustment: adjustment.to_owned(),
            feed: self.options.feed.clone(),
            asof: None,
            page_token: None,
        }
    }

    fn read(
        &self,
        page: &BarsPage,
        symbols: &[Symbol],
        first: usize,
        rows: &mut Vec<Row>,
    ) -> Result<(), IngestError> {
        for (name, bars) in &page.bars {
            let Ok(index) = symbols.binary_search_by(|symbol| symbol.as_str().cmp(name)) else {
                return Err(IngestError::Unasked { symbol: name.clone() });
            };
            for bar in bars {
                let session = self.session(&symbols[index], bar)?;
                let values = values(&symbols[index], session, bar)?;
                rows.push(Row { session, symbol: first + index, values });
            }
        }
        Ok(())
    }

    fn session(&self, symbol: &Symbol, bar: &Bar) -> Result<Date, IngestError> {
        let (from, through) = (self.from, self.through);
        let session = alpaca::time::session_date(bar.t.0);
        if midnight(session) == bar.t.0 && (from..=through).contains(&session) {
            return Ok(session);
        }
        let t = alpaca::time::utc(bar.t.0);
        Err(IngestError::NotDaily { symbol: symbol.clone(), t, from, through })
    }
}

fn values(symbol: &Symbol, session: Date, bar: &Bar) -> Result<[f64; 5], IngestError> {
    let volume = bar.v.unwrap_or(f64::NAN);
    let values = [bar.o, bar.h, bar.l, bar.c, volume];
    let fields = ["open", "high", "low", "close", "volume"];
    match values.iter().zip(fields).find(|(value, _)| !value.is_finite()) {
        None => Ok(values),
        Some((_, field)) => Err(IngestError::NotFinite { symbol: symbol.clone(), session, field }),
    }
}

/// Cross-sections from rows, each with its raw close.
fn assemble(
    symbols: &[Symbol],
    rows: &[Row],
    raw: Option<&[Row]>,
) -> Result<Vec<Bars>, IngestError> {
    if let Some(raw) = raw {
        same_keys(symbols, rows, raw)?;
    }
    let mut history: Vec<Bars> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        if history.last().is_none_or(|bars| bars.session != row.session) {
            history.push(Bars::empty(row.session));
        }
        let [open, high, low, close, volume] = row.values;
        let raw_close = raw.map_or(close, |raw| raw[at].values[3]);
        let bars = history.last_mut().expect("pushed above");
        bars.push(symbols[row.symbol].clone(), [open, high, low, close, volume, raw_close]);
    }
    Ok(history)
}

fn same_keys(symbols: &[Symbol], rows: &[Row], raw: &[Row]) -> Result<(), IngestError> {
    let adjusted: BTreeSet<_> = rows.iter().map(Row::key).collect();
    let unadjusted: BTreeSet<_> = raw.iter().map(Row::key).collect();
    let Some(&(session, symbol)) = adjusted.symmetric_difference(&unadjusted).next() else {
        return Ok(());
    };
    let words = ("with adjusted prices", "with raw ones");
    let here = adjusted.contains(&(session, symbol));
    let (present, absent) = if here { words } else { (words.1, words.0) };
    Err(IngestError::RawMismatch { symbol: symbols[symbol].clone(), session, present, absent })
}

fn midnight(session: Date) -> Time {
    alpaca::time::session_time(session, civil::Time::midnight())
}

fn named(symbols: &[Symbol]) -> String {
    match symbols {
        [] => "nothing".to_owned(),
        [only] => only.to_string(),
        [first, .., last] => format!("{first} … {last} ({} symbols)", symbols.len()),
    }
}
