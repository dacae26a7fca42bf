//! A session's bars: fetch what the store lacks, see that the past is still the past, pass the gate.

use crate::coverage;
use crate::error::IngestError;
use crate::events::read_events;
use crate::fetch::{FetchOptions, fetch_bars};
use crate::store::{self, StoreError};
use crate::update::grows;
use alpaca::Client;
use messages::{Bars, CoverageFailed, Date, Member, Symbol, Time};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a session's gateway has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Today {
    Covered(Bars),
    Failed(CoverageFailed),
}

/// The bars of `signal_session` for the universe, gated; and those of `others`, as far as there are any: who left a dated
/// universe of late and may have to be sold, who joins it later and needs a past. Sessions between the last stored one and
/// `signal_session` are stored on the way; `signal_session` itself is not (see [`keep`]): it may be
/// stored only after the journal holds it. Where it is stored already, its bars are the stored ones.
///
/// # Errors
/// The service or the store fails, or the service no longer says of the last stored session what is
/// stored of it, or nothing at all.
pub async fn fetch_session(
    client: &Client,
    prices: &Path,
    universe: &[Member],
    others: &[Symbol],
    signal_session: Date,
    options: &FetchOptions,
) -> Result<Today, IngestError> {
    let stored = read(prices.to_owned()).await?;
    let events = read_events(prices)?;
    let before = stored.partition_point(|bars| bars.session < signal_session);
    let from = before.checked_sub(1).map_or(signal_session, |last| stored[last].session);
    let members = universe.iter().map(|member| member.symbol.clone());
    let symbols: Vec<Symbol> = members.chain(others.iter().cloned()).collect();
    let fetched = fetch_bars(client, &symbols, from, signal_session, options).await?;
    if from < signal_session && store::session(&fetched, from).is_none() {
        return Err(IngestError::NoOverlap { session: from });
    }
    for bars in &fetched {
        if let Some(stored) = store::session(&stored, bars.session) {
            agree(stored, bars, &symbols)?;
        }
    }
    let none = Bars::empty(signal_session);
    let today = store::session(&fetched, signal_session).unwrap_or(&none);
    let today = &as_stored(today, store::session(&stored, signal_session));
    let last = stored[..before].last().map(|bars| bars.session);
    let gap = |bars: &&Bars| bars.session < signal_session && Some(bars.session) > last;
    // What is stored is what the backtest compares with: volume may have grown since (see `agree`).
    let mut known: Vec<&Bars> = stored[..before].iter().collect();
    for bars in fetched.iter().filter(gap) {
        if let Err(failed) = coverage::check(universe, bars, &known, &events) {
            return Ok(Today::Failed(failed));
        }
        let clock = client.clock().await.map_err(IngestError::Clock)?;
        append(prices.to_owned(), bars.clone(), clock.timestamp.0).await?;
        known.push(bars);
    }
    Ok(match coverage::check(universe, today, &known, &events) {
        Ok(()) => Today::Covered(today.clone()),
        Err(failed) => Today::Failed(failed),
    })
}

/// Bars of which it was found that they [`agree`] with what is stored, if anything: with the volumes of that evening,
/// since the journal and the backtest must know the same ones.
fn as_stored(bars: &Bars, stored: Option<&Bars>) -> Bars {
    let mut bars = bars.clone();
    for (row, symbol) in bars.symbols.iter().enumerate() {
        if let Some((stored, at)) = stored.and_then(|stored| Some((stored, stored.row(symbol)?))) {
            bars.volume[row] = stored.volume[at];
        }
    }
    bars
}

/// Stores what the journal holds since `at`, or says of what is there already that the journal vouches for it.
pub async fn keep(prices: &Path, bars: &Bars, at: Time) -> Result<(), IngestError> {
    match append(prices.to_owned(), bars.clone(), at).await {
        // It may be stored with more symbols than the universe has.
        Err(IngestError::Store(StoreError::Restated { .. })) => {
            let stored = read(prices.to_owned()).await?;
            if let Some(stored) = store::session(&stored, bars.session) {
                agree(stored, bars, &bars.symbols)?;
            }
            let (prices, session) = (prices.to_owned(), bars.session);
            let vouching = tokio::task::spawn_blocking(move || store::vouch(&prices, session));
            Ok(vouching.await.map_err(IngestError::Thread)??)
        }
        result => result,
    }
}

/// What is stored must be the same, bit for bit. Only volume may have grown, of the last sessions, which is
/// all that is asked for here: a daily bar counts trades after hours, so one that was fetched in the evening
/// grows until morning. What is stored stays, as the journal has it (see [`crate::Origin::journaled_from`]).
fn agree(stored: &Bars, now: &Bars, symbols: &[Symbol]) -> Result<(), IngestError> {
    for symbol in symbols {
        let Some(old) = stored.row(symbol) else {
            continue;
        };
        let new = now.row(symbol);
        for ((field, was), (_, is)) in store::columns(stored).into_iter().zip(store::columns(now)) {
            let (was, is) = (was[old], new.map(|row| is[row]));
            match is {
                Some(is) if is.to_bits() == was.to_bits() => {}
                Some(is) if field == "volume" && grows(Some(was), Some(is)) => {
                    tracing::warn!(%symbol, session = %stored.session, was, is, "volume has grown");
                }
                _ => return Err(restated(symbol, stored.session, field, was, is)),
            }
        }
    }
    Ok(())
}

fn restated(
    symbol: &Symbol,
    session: Date,
    field: &'static str,
    stored: f64,
    now: Option<f64>,
) -> IngestError {
    let now = now.map_or("gone".to_owned(), |now| now.to_string());
    IngestError::Restated { symbol: symbol.clone(), session, field, stored, now }
}

/// Parquet and hashing take tenths of a second: off the event loop.
async fn read(prices: PathBuf) -> Result<Arc<Vec<Bars>>, IngestError> {
    let reading = tokio::task::spawn_blocking(move || store::trading_prices(&prices));
    Ok(reading.await.map_err(IngestError::Thread)??)
}

async fn append(prices: PathBuf, bars: Bars, at: Time) -> Result<(), IngestError> {
    let writing = tokio::task::spawn_blocking(move || store::append_session(&prices, &bars, at));
    writing.await.map_err(IngestError::Thread)?.map(drop).map_err(IngestError::Store)
}
