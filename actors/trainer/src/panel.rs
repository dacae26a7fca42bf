//! History as training rows: features as the model will be served them, and what came after.

use crate::ic::NAMES_MIN;
use crate::{Progress, Stage, TrainError, label};
use messages::{Bars, Date, Features, Member, history_sha256, sha256_hex};
use scoring::{scorable_rows, take_rows};
use std::ops::{ControlFlow, Range};

/// Sessions before the first whose features, and whose beta for the label, are complete (METHODS.md
/// §1 g). In service there is always more history than that.
pub(crate) const WARM_UP: usize = 252;

/// Every date that has features and a label, in order; within a date, rows in symbol order.
#[derive(Clone, Debug)]
pub struct Panel {
    pub source: Source,
    pub whitelist_sha256: String,
    pub names: Vec<String>,
    pub days: Vec<Day>,
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

/// The rows of one signal date that were eligible, had enough features, and got a label.
#[derive(Clone, Debug)]
pub struct Day {
    pub session: Date,
    /// Number of the session in the history; its label is known at the open of `index + 1 + horizon`.
    pub index: usize,
    /// Row-major, rows × names, NaN where missing.
    pub values: Vec<f32>,
    /// Neutral label per row: what the model learns.
    pub labels: Vec<f32>,
    /// Log return per row over the horizon, open to open.
    pub returns: Vec<f64>,
}

impl Panel {
    /// Folds the history, one session after the other, through the features that live trading uses.
    pub fn build(
        history: &[Bars],
        members: &[Member],
        horizon: usize,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, TrainError> {
        check(history, members)?;
        let sectors = features::sector_codes(members);
        let mut builder = features::Builder::new(members);
        let mut days = Vec::new();
        // The last sessions have no label yet, so their features are not needed.
        let labelled = history.len().saturating_sub(horizon + 1);
        for (index, bars) in history.iter().take(labelled).enumerate() {
            if index < WARM_UP {
                builder.advance(bars);
            } else {
                let features = builder.cross_section(bars);
                let (entry, exit) = (&history[index + 1], &history[index + 1 + horizon]);
                let returns = label::forward_returns(&features.symbols, entry, exit);
                days.extend(day(index, &features, &sectors, &returns));
            }
            let step = Progress { stage: Stage::Features, done: index + 1, of: labelled };
            if progress(step).is_break() {
                return Err(TrainError::Stopped);
            }
        }
        Ok(Self {
            source: source(history, members),
            whitelist_sha256: features::whitelist::sha256(),
            names: features::whitelist::names().iter().map(ToString::to_string).collect(),
            days,
        })
    }

    /// Session numbers of the days.
    pub fn indices(&self) -> Vec<usize> {
        self.days.iter().map(|day| day.index).collect()
    }

    pub fn rows(&self, days: Range<usize>) -> usize {
        self.days[days].iter().map(|day| day.labels.len()).sum()
    }
}

fn check(history: &[Bars], members: &[Member]) -> Result<(), TrainError> {
    if !members.windows(2).all(|pair| pair[0].symbol < pair[1].symbol) {
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

fn source(history: &[Bars], members: &[Member]) -> Source {
    let members_json = serde_json::to_vec(members).expect("members are plain data");
    Source {
        history_sha256: history_sha256(history),
        members_sha256: sha256_hex(&members_json),
        members: members.len(),
        first: history.first().map_or(Date::ZERO, |bars| bars.session),
        through: history.last().map_or(Date::ZERO, |bars| bars.session),
        sessions: history.len(),
    }
}

/// `None` where fewer than [`NAMES_MIN`] rows have a label: a day of bad data, or a small universe.
fn day(index: usize, features: &Features, sectors: &[usize], returns: &[f64]) -> Option<Day> {
    let labels = label::neutral(features, sectors, returns);
    let mut rows = scorable_rows(features);
    rows.retain(|row| labels[*row].is_finite());
    (rows.len() >= NAMES_MIN).then(|| Day {
        session: features.session,
        index,
        values: take_rows(features, &rows),
        labels: rows.iter().map(|row| labels[*row] as f32).collect(),
        returns: rows.iter().map(|row| returns[*row]).collect(),
    })
}
