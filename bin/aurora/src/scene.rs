//! What a demo and a backtest play on: a market, its universe, and the days to trade.

use crate::cli::Period;
use crate::commands::train::Records;
use crate::conductor::Day;
use crate::config::Config;
use crate::failure::{Failure, fail};
use crate::prices::{Purpose, load};
use exchange::{Market, SyntheticConfig};
use ingest::{Events, Universe};
use messages::{Bars, Date, Member, Symbol, Time, Usd};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub struct Scene {
    pub market: Market,
    pub universe: Universe,
    pub cash: Usd,
    /// The session before the first traded one: the model is trained in it.
    pub training: Day,
    pub trading: Vec<Day>,
    /// What is known of names beside the bars.
    pub events: Events,
    /// The file they are from.
    pub events_file: Option<PathBuf>,
    /// What is known of the bars themselves.
    pub records: Records,
    /// `synthetic seed 42`, or the file.
    pub source: String,
}

impl Scene {
    pub fn new(period: &Period, config: &Config, purpose: Purpose) -> Result<Self, Failure> {
        let Given { market, universe, events, records, source } = match &period.bars {
            Some(path) => given(path, period.as_of, purpose)?,
            None => synthetic(period, config),
        };
        let dates: Vec<Date> = market.bars().iter().map(|bars| bars.session).collect();
        let first = first_day(&dates, period, config)?;
        let days = days(&market);
        Ok(Self {
            universe,
            cash: Usd(i64::from(period.cash) * 1_000_000),
            training: days[first - 1],
            trading: days[first..first + period.sessions as usize].to_vec(),
            market,
            events_file: (!events.is_empty()).then(|| ingest::events_path(Path::new(&source))),
            events,
            records,
            source,
        })
    }

    /// Bars that are history when the training session opens; its signal session comes as a message.
    pub fn history(&self) -> &[Bars] {
        let bars = self.market.bars();
        &bars[..bars.partition_point(|bars| bars.session < self.training.signal_session)]
    }
}

/// Sessions before the first traded one: what the audit needs to decide, one to train in, and some on
/// which no IC can be computed.
fn needed(config: &Config) -> usize {
    config.training.sessions_needed() + 11
}

struct Given {
    market: Market,
    universe: Universe,
    events: Events,
    records: Records,
    source: String,
}

fn synthetic(period: &Period, config: &Config) -> Given {
    let sessions = needed(config) + period.sessions as usize;
    let market = Market::synthetic(&SyntheticConfig {
        seed: period.seed,
        symbols: period.symbols as usize,
        sessions,
        ..SyntheticConfig::default()
    });
    let universe = Universe::new(market.members(), market.bars()[0].session);
    Given {
        market,
        universe,
        events: Events::default(),
        records: Records::default(),
        source: format!("synthetic market, seed {}", period.seed),
    }
}

fn given(path: &Path, as_of: Option<Date>, purpose: Purpose) -> Result<Given, Failure> {
    let (path, bars) = load(path, as_of, purpose)?;
    let universe = ingest::universe_of(&path)?;
    let pair = |member: &Member| (member.symbol.clone(), member.sector.clone());
    let sectors: BTreeMap<Symbol, String> = universe.members.iter().map(pair).collect();
    let market = Market::from_bars(bars, &sectors)?;
    let universe = if universe.listed.is_empty() {
        // Of a list without dates those who have bars.
        Universe::new(market.members(), universe.sectors_as_of)
    } else {
        universe
    };
    let source = path.display().to_string();
    let (events, records) = (ingest::read_events(&path)?, Records::beside(&path)?);
    Ok(Given { market, universe, events, records, source })
}

/// Index of the first session to trade.
fn first_day(dates: &[Date], period: &Period, config: &Config) -> Result<usize, Failure> {
    let (count, needed) = (period.sessions as usize, needed(config));
    let first = match period.from {
        Some(from) => dates.partition_point(|date| *date < from),
        None => dates.len().saturating_sub(count),
    };
    if first + count > dates.len() {
        return Err(fail(format!(
            "there are {} sessions from {} on, {count} were asked for: take fewer --sessions or an earlier --from",
            dates.len() - first.min(dates.len()),
            period.from.map_or("the start".to_owned(), |date| date.to_string()),
        )));
    }
    if first < needed {
        let earliest = dates.get(needed).map_or("none in this file".to_owned(), Date::to_string);
        return Err(fail(format!(
            "{first} sessions come before the first traded one; windows, training and test need {needed}: \
             the earliest possible --from is {earliest}",
        )));
    }
    Ok(first)
}

fn days(market: &Market) -> Vec<Day> {
    let sessions = market.calendar().sessions();
    let day = |at: usize| Day {
        session: sessions[at].date,
        signal_session: sessions[at.saturating_sub(1)].date,
        history_session: sessions[at.saturating_sub(2)].date,
        start: Time(sessions[at].open.0 - 90 * 60 * 1_000_000_000),
        open: sessions[at].open,
        close: sessions[at].close,
    };
    (0..sessions.len()).map(day).collect()
}
