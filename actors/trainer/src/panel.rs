//! History as training rows: features as the model will be served them, and what came after.

use crate::dataset::Dataset;
use crate::ic::NAMES_MIN;
use crate::progress::{Stage, Watch};
use crate::{TrainError, label};
use features::WARM_UP;
use features::watch::{Redundancy, Twins};
use messages::{Bars, Date, Features, Symbol, history_sha256, matrix_sha256};
use scoring::{scorable_rows, take_rows};
use std::collections::BTreeMap;
use std::ops::Range;

/// Sessions before the first whose features, and whose beta for the label, are complete. In service there is
/// always more history than that.
pub(crate) const BEFORE: usize = WARM_UP - 1;
/// Last sessions over which features are compared with each other (METHODS.md §2).
const TWINS_SESSIONS: usize = 252;

/// Every date that has features, in order; within a date, rows in symbol order. The last dates have no
/// label yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    pub source: Source,
    pub whitelist_sha256: String,
    /// Columns.
    pub names: Vec<String>,
    pub days: Vec<Day>,
    /// Rows × names, row-major, NaN where missing.
    pub values: Vec<f32>,
    /// Per row: what the model learns; NaN where it is not known, or not yet.
    pub labels: Vec<f32>,
    /// Per row: log return from entry to exit; NaN as above.
    pub returns: Vec<f64>,
    /// Per row: its symbol, by its position in `symbols`.
    pub owners: Vec<u32>,
    pub symbols: Vec<Symbol>,
    pub timing: Timing,
    /// How often each guard of the features fired.
    pub guards: BTreeMap<String, u64>,
    /// Features that said nearly the same over the last year.
    pub twins: Vec<Twins>,
}

/// What a panel was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub history_sha256: String,
    pub members_sha256: String,
    pub members: usize,
    pub first: Date,
    pub through: Date,
    pub sessions: usize,
}

/// One signal date.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    pub session: Date,
    /// Number of the session in the history.
    pub index: usize,
    /// Its rows: the names that were eligible and had enough features.
    pub rows: Range<usize>,
}

/// When a position is entered and left, in sessions after the signal's.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    pub entry: Moment,
    pub exit: Moment,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub sessions: usize,
    pub at: At,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    Open,
    Close,
}

/// Features of a session are known at its close.
pub const SIGNAL: Moment = Moment { sessions: 0, at: At::Close };

impl Timing {
    /// From the next open, over `horizon` sessions.
    pub fn next_open(horizon: usize) -> Self {
        let open = |sessions| Moment { sessions, at: At::Open };
        Self { entry: open(1), exit: open(1 + horizon) }
    }
}

impl Panel {
    /// Folds the history, one session after the other, through the features that live trading uses.
    pub fn build(data: Dataset<'_>, horizon: usize, watch: Watch<'_>) -> Result<Self, TrainError> {
        let symbols = data.members.symbols();
        check(data.history, &symbols)?;
        let timing = Timing::next_open(horizon);
        let mut panel = Self::empty(data, symbols, timing);
        let mut builder = data.members.builder();
        let mut redundancy = Redundancy::default();
        let sessions = data.history.len();
        for (index, bars) in data.history.iter().enumerate() {
            if index < BEFORE {
                builder.advance(bars);
            } else {
                let today = builder.columns(bars);
                if index + TWINS_SESSIONS >= sessions {
                    redundancy.see(&today);
                }
                let features = today.features();
                let held = data.history.get(index + 1..=timing.exit.sessions + index);
                let returns = held
                    .map(|held| label::forward_returns(&features.symbols, held, data.dividends));
                panel.add(index, &features, today.sectors, returns);
            }
            watch.step(Stage::Features, index + 1, sessions)?;
        }
        panel.twins = redundancy.twins();
        Ok(panel)
    }

    fn empty(data: Dataset<'_>, symbols: Vec<Symbol>, timing: Timing) -> Self {
        Self {
            source: source(data, symbols.len()),
            whitelist_sha256: features::whitelist::sha256(),
            names: features::whitelist::names().iter().map(ToString::to_string).collect(),
            days: Vec::new(),
            values: Vec::new(),
            labels: Vec::new(),
            returns: Vec::new(),
            owners: Vec::new(),
            symbols,
            timing,
            guards: BTreeMap::new(),
            twins: Vec::new(),
        }
    }

    /// Nothing, where fewer than [`NAMES_MIN`] rows can be used: a day of bad data, or a small universe.
    fn add(
        &mut self,
        index: usize,
        features: &Features,
        sectors: &[usize],
        returns: Option<Vec<f64>>,
    ) {
        for (guard, times) in &features.guards {
            *self.guards.entry(guard.clone()).or_insert(0) += u64::from(*times);
        }
        let rows = scorable_rows(features);
        if rows.len() < NAMES_MIN {
            return;
        }
        let first = self.labels.len();
        self.values.extend(take_rows(features, &rows));
        self.owners.extend(rows.iter().map(|row| *row as u32));
        match returns {
            None => {
                self.labels.resize(first + rows.len(), f32::NAN);
                self.returns.resize(first + rows.len(), f64::NAN);
            }
            Some(returns) => {
                let labels = label::neutral(features, sectors, &returns);
                self.labels.extend(rows.iter().map(|row| labels[*row] as f32));
                self.returns.extend(rows.iter().map(|row| returns[*row]));
            }
        }
        let rows = first..self.labels.len();
        self.days.push(Day { session: features.session, index, rows });
    }

    /// Days at the start whose exit lies in the history: those with labels.
    pub fn labelled(&self) -> usize {
        let exit = self.timing.exit.sessions;
        self.days.partition_point(|day| day.index + exit < self.source.sessions)
    }

    /// Session numbers of the labelled days.
    pub fn indices(&self) -> Vec<usize> {
        self.days[..self.labelled()].iter().map(|day| day.index).collect()
    }

    /// Rows of a range of days.
    pub fn rows(&self, days: Range<usize>) -> Range<usize> {
        match (self.days.get(days.start), days.end.checked_sub(1).and_then(|at| self.days.get(at)))
        {
            (Some(first), Some(last)) if days.start < days.end => first.rows.start..last.rows.end,
            _ => 0..0,
        }
    }

    pub fn row(&self, row: usize) -> &[f32] {
        let columns = self.names.len();
        &self.values[row * columns..(row + 1) * columns]
    }

    pub fn symbol(&self, row: usize) -> &Symbol {
        &self.symbols[self.owners[row] as usize]
    }

    /// Session of each row.
    pub fn sessions(&self) -> Vec<Date> {
        let rows = |day: &Day| std::iter::repeat_n(day.session, day.rows.len());
        self.days.iter().flat_map(rows).collect()
    }

    /// Symbol of each row.
    pub fn row_symbols(&self) -> Vec<Symbol> {
        (0..self.labels.len()).map(|row| self.symbol(row).clone()).collect()
    }

    /// Of all that a model can learn from: columns, rows, values, labels, returns.
    pub fn sha256(&self) -> String {
        let (sessions, symbols) = (self.sessions(), self.row_symbols());
        let keys = (sessions.as_slice(), symbols.as_slice());
        matrix_sha256(&self.names, keys, &self.values, &self.labels, &self.returns)
    }

    /// Every column has values, and none is infinite: the library would train on the rest without a word.
    pub(crate) fn check_values(&self) -> Result<(), TrainError> {
        let columns = self.names.len();
        for (at, name) in self.names.iter().enumerate() {
            let values = || self.values.iter().skip(at).step_by(columns);
            let bad = |problem| Err(TrainError::Column { name: name.clone(), problem });
            if values().any(|value| value.is_infinite()) {
                return bad("holds an infinite value");
            }
            if !values().any(|value| value.is_finite()) {
                return bad("has no value at all");
            }
        }
        let outcomes =
            self.labels.iter().map(|label| f64::from(*label)).chain(self.returns.iter().copied());
        if outcomes.into_iter().any(f64::is_infinite) {
            let name = "label".to_owned();
            return Err(TrainError::Column { name, problem: "holds an infinite value" });
        }
        Ok(())
    }

    /// Position of the day that a row belongs to.
    pub fn day_of(&self, row: usize) -> usize {
        self.days.partition_point(|day| day.rows.end <= row)
    }

    /// With a further column, whose value `fill` gives per row.
    pub fn with_column(self, name: &str, fill: impl Fn(&Self, usize) -> f32) -> Self {
        let mut values = Vec::with_capacity(self.values.len() + self.labels.len());
        for row in 0..self.labels.len() {
            values.extend_from_slice(self.row(row));
            values.push(fill(&self, row));
        }
        let names = self.names.iter().cloned().chain([name.to_owned()]).collect();
        Self { names, values, ..self }
    }
}

fn check(history: &[Bars], symbols: &[Symbol]) -> Result<(), TrainError> {
    if !symbols.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err(TrainError::Members);
    }
    let bad = |session, problem| Err(TrainError::History { session, problem });
    for bars in history {
        if !bars.is_well_formed() {
            return bad(bars.session, "columns differ in length, or symbols are not ascending");
        }
    }
    match history.windows(2).find(|pair| pair[0].session >= pair[1].session) {
        Some(pair) => bad(pair[1].session, "not after the session before it"),
        None => Ok(()),
    }
}

fn source(data: Dataset<'_>, members: usize) -> Source {
    Source {
        history_sha256: history_sha256(data.history),
        members_sha256: data.members.sha256(),
        members,
        first: data.history.first().map_or(Date::ZERO, |bars| bars.session),
        through: data.history.last().map_or(Date::ZERO, |bars| bars.session),
        sessions: data.history.len(),
    }
}
