//! A file of weights beside the bars it shall be traded on: do they fit?

use ingest::{Universe, Weights};
use messages::{Bars, Date, Member, Symbol};
use reporting::Sectors;
use std::collections::BTreeMap;
use std::rc::Rc;
use thiserror::Error;

/// What is traded when. The first session only gives the first weights their closes.
#[derive(Debug)]
pub struct Plan<'a> {
    weights: &'a Weights,
    /// Those that have weights, ascending.
    pub members: Vec<Member>,
    pub sectors: Rc<Sectors>,
    /// From the first date to the last session, without the names that have no weights.
    pub bars: Vec<Bars>,
}

/// Why these weights can't be traded on these bars, and what to do about it.
#[derive(Debug, Error)]
pub enum PlanError {
    #[error(
        "no bars of {}: take them out of the weights, or name --bars that have them (`aurora fetch`, \
         `aurora import`, or any file of daily bars)",
        listed(.0)
    )]
    UnknownSymbols(Vec<Symbol>),
    #[error(
        "there are weights of {date}, but no bars of that session (they reach from {from} to {to}): correct the date, \
         or fetch or import its bars"
    )]
    NoSession { date: Date, from: Date, to: Date },
    #[error(
        "the weights of {date} add up to {gross} of equity in absolute size, above --gross-max {limit}: weights are \
         fractions (0.02 is 2 %); if so much is meant, raise --gross-max"
    )]
    Gross { date: Date, gross: f64, limit: f64 },
    #[error(
        "no session after {date}, the first with weights: they trade at the next open, so name a later --through, or \
         more dates"
    )]
    NothingToTrade { date: Date },
    #[error(
        "--through {through}: the bars have no such session from {from} on; they end with {to}"
    )]
    NoEnd { through: Date, from: Date, to: Date },
    #[error(
        "{symbol} has no price at the {when} of {date}, but {why}: give it weight 0 in time, or bars that have that day"
    )]
    NoPrice { symbol: Symbol, date: Date, when: &'static str, why: &'static str },
}

fn listed(symbols: &[Symbol]) -> String {
    symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ")
}

impl<'a> Plan<'a> {
    /// From the first date of the weights to `through`, else to the last date: its own weights would trade one session
    /// later.
    ///
    /// # Errors
    /// See [`PlanError`]; missing prices are found when the day comes.
    pub fn new(
        weights: &'a Weights,
        bars: &[Bars],
        universe: &Universe,
        through: Option<Date>,
        gross_max: f64,
    ) -> Result<Self, PlanError> {
        let members = members(weights, universe)?;
        check_dates(weights, bars)?;
        check_gross(weights, gross_max)?;
        let at = |date: Date| bars.binary_search_by_key(&date, |bars| bars.session).ok();
        let (first, last) = (weights.dates[0], weights.dates[weights.dates.len() - 1]);
        let end = through.unwrap_or(last);
        let (Some(from), Some(to)) = (at(first), at(end).filter(|_| end >= first)) else {
            let to = bars.last().map_or(first, |bars| bars.session);
            return Err(PlanError::NoEnd { through: end, from: first, to });
        };
        if from == to {
            return Err(PlanError::NothingToTrade { date: first });
        }
        let bars = bars[from..=to].iter().map(|bars| only(&members, bars)).collect();
        let sectors = members.iter().map(|m| (m.symbol.clone(), m.sector.clone())).collect();
        Ok(Self { weights, members, sectors: Rc::new(sectors), bars })
    }

    /// Sessions that can trade.
    pub fn sessions(&self) -> usize {
        self.bars.len() - 1
    }

    /// What shall be held after the close of `date`, in the order of `members`; `None`: what is held already.
    pub fn row(&self, date: Date) -> Option<&'a [f64]> {
        let at = self.weights.dates.binary_search(&date).ok()?;
        Some(self.weights.row(at))
    }

    /// Sessions that trade nothing because the file has no row for the close before.
    pub fn without_weights(&self) -> usize {
        let signals = &self.bars[..self.sessions()];
        signals.iter().filter(|bars| self.row(bars.session).is_none()).count()
    }
}

fn members(weights: &Weights, universe: &Universe) -> Result<Vec<Member>, PlanError> {
    let known: BTreeMap<&Symbol, &Member> =
        universe.members.iter().map(|member| (&member.symbol, member)).collect();
    let unknown: Vec<Symbol> =
        weights.symbols.iter().filter(|symbol| !known.contains_key(symbol)).cloned().collect();
    if unknown.is_empty() {
        Ok(weights.symbols.iter().map(|symbol| known[symbol].clone()).collect())
    } else {
        Err(PlanError::UnknownSymbols(unknown))
    }
}

fn check_dates(weights: &Weights, bars: &[Bars]) -> Result<(), PlanError> {
    let lone = |date: &&Date| bars.binary_search_by_key(*date, |bars| bars.session).is_err();
    match (weights.dates.iter().find(lone), bars) {
        (Some(&date), [first, .., last]) => {
            Err(PlanError::NoSession { date, from: first.session, to: last.session })
        }
        (Some(&date), _) => Err(PlanError::NoSession { date, from: date, to: date }),
        (None, _) => Ok(()),
    }
}

fn check_gross(weights: &Weights, limit: f64) -> Result<(), PlanError> {
    // What sums of fractions are off by is no breach.
    let above = |at: &usize| weights.gross(*at) > limit + 1e-9;
    match (0..weights.dates.len()).find(above) {
        None => Ok(()),
        Some(at) => {
            Err(PlanError::Gross { date: weights.dates[at], gross: weights.gross(at), limit })
        }
    }
}

fn only(members: &[Member], bars: &Bars) -> Bars {
    if members.iter().map(|member| &member.symbol).eq(&bars.symbols) {
        return bars.clone();
    }
    let mut kept = Bars::empty(bars.session);
    for Member { symbol, .. } in members {
        if let Some(row) = bars.row(symbol) {
            let Bars { open, high, low, close, volume, raw_close, .. } = bars;
            let columns = [open, high, low, close, volume, raw_close];
            kept.push(symbol.clone(), columns.map(|column| column[row]));
        }
    }
    kept
}
