//! The pipeline again, on histories that were cut or rescaled: what knew more than it could have known
//! answers differently.

use super::{Case, Detector, Finding, Status};
use crate::TrainError;
use crate::chance::Chance;
use crate::dataset::Members;
use crate::panel::{BEFORE, Panel};
use crate::progress::{Stage, Watch};
use crate::workers::side_by_side;
use messages::{Bars, Symbol};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// A name without a bar in this many last sessions has left.
const GONE_SESSIONS: usize = 21;
/// Ratios of halved prices are the same ratios, their logarithms only nearly: two names that all but tie
/// may change ranks. So small a move counts for nothing, and so small a share of a column; a leak moves
/// every name that splits.
const SPLIT_TOLERANCE: f32 = 1e-3;
const SPLIT_SHARE_MAX: f64 = 0.02;
/// Over so many sessions some name of an honest universe leaves.
const LEAVERS_SESSIONS: usize = 3 * 252;

pub(super) fn findings(
    case: Case<'_>,
    cuts: usize,
    watch: Watch<'_>,
) -> Result<[Finding; 5], TrainError> {
    let sessions = case.data.history.len();
    let half = usize::midpoint(BEFORE, sessions);
    let mut chance = Chance::new(case.config.seed, 13);
    let random = (0..cuts).map(|_| BEFORE + 1 + chance.below(sessions.saturating_sub(BEFORE + 2)));
    let ends: Vec<usize> = std::iter::once(half).chain(random).collect();
    let mut differences = side_by_side(case.config.threads, ends.len(), |at| {
        // Progress of these would run backwards; only a stop is heard.
        watch.step(Stage::Audit, 2, 4)?;
        let cut = rerun(case, &case.data.history[..ends[at]])?;
        let mut found = difference(case.panel, &cut, ends[at], 0.0);
        compare_labels(case.panel, &cut, ends[at], &mut found);
        Ok(found)
    })?;
    let first_half = differences.remove(0);
    let mut all = Difference::default();
    for difference in differences {
        all.add(difference);
    }
    let hidden = first_half.hidden + all.hidden;
    Ok([
        full_sample(&first_half),
        universe(case, hidden),
        target_encoding(case),
        splits(case, half)?,
        truncation(&all, cuts),
    ])
}

fn rerun(case: Case<'_>, history: &[Bars]) -> Result<Panel, TrainError> {
    let quiet = |_| ControlFlow::Continue(());
    let data = case.data.with_history(history);
    let panel = case.pipeline.panel(data, case.config, Watch::new(&quiet))?;
    Ok(case.pipeline.supervised(panel))
}

#[derive(Default)]
struct Difference {
    cells: usize,
    compared: usize,
    /// Of `cells`, by column.
    by_column: BTreeMap<usize, usize>,
    /// Rows that only one of the two has.
    rows: usize,
    /// Of these, names that were there to be traded and are not in the panel.
    hidden: usize,
    first: Option<String>,
}

impl Difference {
    fn add(&mut self, other: Self) {
        self.cells += other.cells;
        self.compared += other.compared;
        self.rows += other.rows;
        self.hidden += other.hidden;
        self.first = self.first.take().or(other.first);
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if self.first.is_none() {
            self.first = Some(what());
        }
    }

    fn count(&self) -> usize {
        self.cells + self.rows
    }

    fn words(&self) -> String {
        let first = self.first.as_ref().map_or(String::new(), |first| format!(", first {first}"));
        format!("{} of {} values and {} rows differ{first}", self.cells, self.compared, self.rows)
    }
}

/// Of features up to and without session `end`: bit by bit, or beyond a tolerance.
fn difference(whole: &Panel, again: &Panel, end: usize, tolerance: f32) -> Difference {
    let mut found = Difference::default();
    if whole.names != again.names {
        found.rows += 1;
        found.note(|| "other columns".to_owned());
        return found;
    }
    let days = |panel: &Panel| -> BTreeMap<usize, usize> {
        let known = panel.days.iter().zip(0..).filter(|(day, _)| day.index < end);
        known.map(|(day, at)| (day.index, at)).collect()
    };
    let (ours, theirs) = (days(whole), days(again));
    let sessions: BTreeSet<usize> = ours.keys().chain(theirs.keys()).copied().collect();
    for session in sessions {
        let rows = |panel: &Panel, days: &BTreeMap<usize, usize>| -> Vec<usize> {
            days.get(&session).map_or(Vec::new(), |at| panel.days[*at].rows.clone().collect())
        };
        compare_day(
            whole,
            &rows(whole, &ours),
            again,
            &rows(again, &theirs),
            tolerance,
            &mut found,
        );
    }
    found
}

fn compare_day(
    whole: &Panel,
    ours: &[usize],
    again: &Panel,
    theirs: &[usize],
    tolerance: f32,
    found: &mut Difference,
) {
    let mine: BTreeMap<&Symbol, usize> =
        ours.iter().map(|row| (whole.symbol(*row), *row)).collect();
    let mut met = 0;
    for row in theirs {
        let symbol = again.symbol(*row);
        let Some(mine) = mine.get(symbol) else {
            found.hidden += 1;
            found.rows += 1;
            found.note(|| format!("{symbol} on {}", again.days[again.day_of(*row)].session));
            continue;
        };
        met += 1;
        let (a, b) = (whole.row(*mine), again.row(*row));
        found.compared += a.len();
        for column in 0..a.len() {
            let same = a[column].to_bits() == b[column].to_bits()
                || (a[column] - b[column]).abs() <= tolerance;
            if !same {
                found.cells += 1;
                *found.by_column.entry(column).or_insert(0) += 1;
                let session = whole.days[whole.day_of(*mine)].session;
                found.note(|| format!("{} of {symbol} on {session}", whole.names[column]));
            }
        }
    }
    found.rows += ours.len() - met;
}

/// Labels whose exit lies before session `end`: what came after it is no part of them.
fn compare_labels(whole: &Panel, cut: &Panel, end: usize, found: &mut Difference) {
    let known: BTreeMap<(usize, &Symbol), usize> = whole
        .days
        .iter()
        .take_while(|day| day.index + whole.timing.exit.sessions < end)
        .flat_map(|day| day.rows.clone().map(|row| ((day.index, whole.symbol(row)), row)))
        .collect();
    for day in &cut.days {
        for row in day.rows.clone() {
            let Some(ours) = known.get(&(day.index, cut.symbol(row))) else { continue };
            let (a, b) = (whole.labels[*ours], cut.labels[row]);
            found.compared += 1;
            // A missing label has no bits to speak of.
            if a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()) {
                found.cells += 1;
                found.note(|| format!("the label of {} on {}", cut.symbol(row), day.session));
            }
        }
    }
}

fn full_sample(half: &Difference) -> Finding {
    let found = format!("features of the first half without the second: {}", half.words());
    Finding::none(Detector::FullSample, half.count(), found)
}

fn truncation(all: &Difference, cuts: usize) -> Finding {
    let found = format!("{cuts} histories cut at random: {}", all.words());
    Finding::none(Detector::Truncation, all.count(), found)
}

/// Names must be those that could be known. FAIL: rows were left out with hindsight, or a list that
/// claims to be old holds nobody who left in three years. HINDSIGHT: the list is of a later day than the
/// first row, however many of it have left since: those who left before it are not on it.
fn universe(case: Case<'_>, hidden: usize) -> Finding {
    let panel = case.panel;
    let history = case.data.history;
    let recent = &history[history.len().saturating_sub(GONE_SESSIONS)..];
    let owners: BTreeSet<u32> = panel.owners.iter().copied().collect();
    let members = case.data.members;
    // Of a dated list also who was taken off it and trades on.
    let still = |owner: usize| match members {
        Members::Dated(universe) => universe.at(panel.source.through).is_member[owner],
        Members::Listed { .. } => true,
    };
    let left = owners.iter().map(|owner| *owner as usize).filter(|owner| {
        let symbol = &panel.symbols[*owner];
        recent.iter().all(|bars| bars.row(symbol).is_none()) || !still(*owner)
    });
    let (left, names) = (left.count(), owners.len());
    let long = history.len() >= LEAVERS_SESSIONS;
    let as_of = members.as_of();
    let later = panel.days.first().is_some_and(|day| as_of > day.session);
    let status = if hidden > 0 || (long && left == 0 && !later) {
        Status::Fail
    } else if later {
        Status::Hindsight
    } else {
        Status::Pass
    };
    let found = format!(
        "{hidden} rows left out with hindsight; {left} of {names} names have left in {} sessions; {} {as_of}",
        history.len(),
        if members.is_dated() { "dated list from" } else { "list as of" }
    );
    Finding::new(Detector::Universe, status, found)
}

/// Features must not change with the labels.
fn target_encoding(case: Case<'_>) -> Finding {
    let permuted = super::controls::permuted(case.raw, case.config.seed);
    let again = case.pipeline.supervised(permuted);
    let end = case.data.history.len();
    let found = difference(case.panel, &again, end, 0.0);
    let words = format!("labels permuted within dates: {}", found.words());
    Finding::none(Detector::TargetEncoding, found.count(), words)
}

/// As if a third of the names split two for one after session `at`: every bar before is restated, and
/// no feature may notice.
fn splits(case: Case<'_>, at: usize) -> Result<Finding, TrainError> {
    let mut history = case.data.history.to_vec();
    let symbols = case.data.members.symbols();
    let splits: BTreeSet<&Symbol> = symbols.iter().step_by(3).collect();
    for bars in &mut history[..at] {
        for row in 0..bars.symbols.len() {
            if splits.contains(&bars.symbols[row]) {
                for column in [&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close] {
                    column[row] *= 0.5;
                }
                bars.volume[row] *= 2.0;
            }
        }
    }
    let found = difference(case.panel, &rerun(case, &history)?, at, SPLIT_TOLERANCE);
    let rows = found.compared / case.panel.names.len().max(1);
    let worst = found.by_column.values().copied().max().unwrap_or(0);
    let moved = worst as f64 > SPLIT_SHARE_MAX * rows as f64;
    let offences = found.rows + if moved { found.cells } else { 0 };
    let words = format!("after a later split of every third name: {}", found.words());
    Ok(Finding::none(Detector::Splits, offences, words))
}
