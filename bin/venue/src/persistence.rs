//! What the venue remembers across restarts: an append-only log of what it accepted.
//!
//! `DIR/log.jsonl` begins with a line that names the market and the account; each line after it is a
//! request that changed something, with the venue's time. It is on the disk before the request is
//! answered and before a stream tells of it. The exchange is a function of these lines, so playing
//! them again gives the same orders, ids, fills and balances. A last line without its end was never
//! answered and is cut off.

use crate::account::Settings;
use crate::state::State;
use crate::watchlists::Change;
use exchange::{
    AssetClass, ClosePosition, ExchangeConfig, Market, NewBooking, NewOrder, Refusal, ReplaceOrder,
};
use messages::Time;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Something that was accepted and changed the venue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    Submit(NewOrder),
    Replace {
        id: String,
        change: ReplaceOrder,
    },
    Cancel {
        id: String,
    },
    CancelAll,
    ClosePosition(ClosePosition),
    CloseAll {
        cancel_orders: bool,
    },
    Book(NewBooking),
    Settings(Settings),
    Watchlist(Change),
    /// Of cancels and replaces, in venue time: a fault.
    Lag {
        nanos: i64,
    },
    /// Nothing but time: a step of the clock, or something happened on the way.
    Clock,
}

impl Command {
    /// Does again what was accepted.
    pub(crate) fn replay(self, state: &mut State) -> Result<(), Refusal> {
        let exchange = &mut state.exchange;
        match self {
            Self::Submit(order) => exchange.submit(&order).map(drop),
            Self::Replace { id, change } => exchange.replace(&id, &change).map(drop),
            Self::Cancel { id } => exchange.cancel(&id),
            Self::CancelAll => {
                exchange.cancel_all();
                Ok(())
            }
            Self::ClosePosition(close) => exchange.close_position(&close).map(drop),
            Self::CloseAll { cancel_orders } => {
                exchange.close_all(cancel_orders);
                Ok(())
            }
            Self::Book(booking) => exchange.book(&booking).map(drop),
            Self::Settings(settings) => {
                settings.apply(state);
                Ok(())
            }
            Self::Watchlist(change) => {
                let (market, now) = (exchange.market(), exchange.now());
                state.watchlists.apply(change, market, now).map(drop)
            }
            Self::Lag { nanos } => {
                exchange.set_lag(nanos);
                Ok(())
            }
            Self::Clock => Ok(()),
        }
    }
}

/// A line of the log: at `at`, behind everything that was due by then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at: Time,
    pub(crate) command: Command,
}

/// The first line: what the others can be replayed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    version: u32,
    /// SHA-256 over the assets and the first `sessions` sessions; the market may go on longer.
    market: String,
    sessions: usize,
    pub(crate) start: Time,
    cash: String,
    seed: u64,
    /// The other settings of the exchange, as text.
    exchange: String,
}

#[derive(Debug, Error)]
pub enum StateError {
    #[error("the state in {path}: {source}; make the directory writable or choose another --state")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is in use by another venue: stop that one or choose another --state")]
    InUse { path: PathBuf },
    #[error(
        "{path} was written with another {what} ({theirs}; now {ours}): start the venue as it was \
         started then, or choose another --state"
    )]
    Foreign { path: PathBuf, what: &'static str, theirs: String, ours: String },
    #[error("{path} line {line}: {problem}; restore the file or choose another --state")]
    Damaged { path: PathBuf, line: usize, problem: String },
}

/// The log of one running venue, locked for it.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    /// Venue time of the last line.
    last: Time,
}

/// A log as it was found or begun.
pub(crate) struct Opened {
    pub(crate) log: Log,
    pub(crate) header: Header,
    pub(crate) entries: Vec<Entry>,
}

impl Header {
    pub(crate) fn new(market: &Market, config: &ExchangeConfig) -> Self {
        let sessions = market.bars().len();
        // What has a field of its own must not differ here as well.
        let others = ExchangeConfig { start: Time(0), seed: 0, ..config.clone() };
        Self {
            version: 1,
            market: digest(market, sessions),
            sessions,
            start: config.start,
            cash: format!("{:?}", config.cash),
            seed: config.seed,
            exchange: format!("{others:?}"),
        }
    }

    /// The first thing that `self`, read from a log, has different from what the venue plays now.
    fn difference(
        &self,
        market: &Market,
        config: &ExchangeConfig,
    ) -> Option<(&'static str, String, String)> {
        let ours = Self::new(market, config);
        let bars = self.sessions.min(ours.sessions);
        let digest = digest(market, bars);
        let differing = [
            ("format", self.version.to_string(), ours.version.to_string()),
            ("number of sessions", self.sessions.to_string(), bars.to_string()),
            ("market", self.market.clone(), digest),
            ("start", alpaca::time::utc(self.start), alpaca::time::utc(ours.start)),
            ("cash", self.cash.clone(), ours.cash),
            ("seed", self.seed.to_string(), ours.seed.to_string()),
            ("exchange", self.exchange.clone(), ours.exchange),
        ];
        differing.into_iter().find(|(_, theirs, ours)| theirs != ours)
    }
}

impl Log {
    /// The log in `directory`, or a new one there. With `any_start` the log decides where the venue
    /// started; otherwise it must be where `config` says.
    ///
    /// # Errors
    /// The directory can't be written, another venue has it, or it is of another market or account.
    pub(crate) fn open(
        directory: &Path,
        market: &Market,
        config: &ExchangeConfig,
        any_start: bool,
    ) -> Result<Opened, StateError> {
        let path = directory.join("log.jsonl");
        let failed = |source| StateError::Io { path: path.clone(), source };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let options = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let mut file = options.map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StateError::InUse { path: directory.to_owned() },
            TryLockError::Error(source) => failed(source),
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        cut_torn_line(&mut file, &mut text, &path).map_err(failed)?;
        let mut log = Self { file, path: path.clone(), last: config.start };
        if text.is_empty() {
            let header = Header::new(market, config);
            log.write(&header).map_err(failed)?;
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
            return Ok(Opened { log, header, entries: Vec::new() });
        }
        let (header, entries) = parse(&text, &path)?;
        let start = if any_start { header.start } else { config.start };
        let config = ExchangeConfig { start, ..config.clone() };
        if let Some((what, theirs, ours)) = header.difference(market, &config) {
            return Err(StateError::Foreign { path, what, theirs, ours });
        }
        log.last = entries.last().map_or(header.start, |entry| entry.at);
        Ok(Opened { log, header, entries })
    }

    /// On the disk when this returns.
    pub(crate) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.command == Command::Clock && entry.at == self.last {
            return Ok(());
        }
        self.last = entry.at;
        self.write(entry)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)?;
        self.file.sync_data()
    }
}

fn cut_torn_line(file: &mut File, text: &mut Vec<u8>, path: &Path) -> io::Result<()> {
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        tracing::warn!(path = %path.display(), bytes = text.len() - whole,
            "the last line is torn: its request was never answered and is dropped");
        text.truncate(whole);
        file.set_len(whole as u64)?;
        file.seek(io::SeekFrom::End(0))?;
        file.sync_data()?;
    }
    Ok(())
}

fn parse(text: &[u8], path: &Path) -> Result<(Header, Vec<Entry>), StateError> {
    let damaged = |line: usize, error: serde_json::Error| StateError::Damaged {
        path: path.to_owned(),
        line: line + 1,
        problem: error.to_string(),
    };
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate();
    let first = lines.next().map_or(&b""[..], |(_, line)| line);
    let header = serde_json::from_slice(first).map_err(|error| damaged(0, error))?;
    let entry = |(number, line)| serde_json::from_slice(line).map_err(|e| damaged(number, e));
    Ok((header, lines.map(entry).collect::<Result<_, _>>()?))
}

/// Over the assets, the first `sessions` sessions of stocks, and the days of coins up to the last of
/// these.
fn digest(market: &Market, sessions: usize) -> String {
    let stocks = &market.bars()[..sessions];
    let last = stocks.last().map(|bars| bars.session);
    let coins = market.days(AssetClass::Crypto).iter();
    let coins = coins.take_while(|bars| last.is_some_and(|last| bars.session <= last));
    let history = messages::history_sha256(stocks.iter().chain(coins));
    messages::sha256_hex(format!("{:?} {history}", market.assets()).as_bytes())
}
