//! What can be seen from the panel, its folds and the bars themselves.

use super::{Case, Detector, Finding, Status};
use crate::chance::Chance;
use crate::dataset::Restated;
use crate::folds::Fold;
use crate::panel::{At, Day, Panel, SIGNAL};
use crate::snapshot::{Comparison, Snapshot, fnv};
use crate::trials::Earlier;
use features::watch::Twins;
use messages::{Bars, Date, Member, Symbol};
use std::collections::{BTreeMap, BTreeSet};

/// Days whose returns are computed again from the bars.
const RETURNS_CHECKED: usize = 50;
/// Days whose labels are.
const LABELS_CHECKED: usize = 10;
/// Sectors that did not exist before these days (GICS).
const SECTORS_SINCE: [(&str, Date); 2] = [
    ("Communication Services", Date::constant(2018, 9, 28)),
    ("Real Estate", Date::constant(2016, 9, 1)),
];

pub(super) fn findings(case: Case<'_>) -> Vec<Finding> {
    vec![
        overlap(case),
        folds(case),
        execution(case),
        sectors(case),
        filled(case),
        early_stopping(case),
        restated(case),
        redundancy(case),
    ]
}

/// Session number of the first day of some rows.
fn first_index(panel: &Panel, days: &[usize]) -> Option<usize> {
    days.iter().map(|day| panel.days[*day].index).min()
}

fn trained_days(panel: &Panel, fold: &Fold) -> Vec<usize> {
    let mut days = fold.fit.days(panel);
    days.extend(fold.validation.days(panel));
    days.sort_unstable();
    days.dedup();
    days
}

/// Labels that are not known yet at the first signal they are tested by: of the whole training part
/// against the test, and of the fitted part against the validation.
fn overlap(case: Case<'_>) -> Finding {
    let panel = case.panel;
    let reach = panel.timing.exit.sessions;
    let late = |days: &[usize], tested: &[usize]| {
        let first = first_index(panel, tested).unwrap_or(usize::MAX);
        days.iter().filter(|day| panel.days[**day].index + reach >= first).count()
    };
    let count = |fold: &Fold| {
        let (fit, validation) = (fold.fit.days(panel), fold.validation.days(panel));
        late(&trained_days(panel, fold), &fold.test.days(panel)) + late(&fit, &validation)
    };
    let count = case.folds.iter().map(count).sum();
    let folds = case.folds.len();
    Finding::none(
        Detector::Overlap,
        count,
        format!(
            "{count} training dates whose label ends at or after what tests it, in {folds} folds"
        ),
    )
}

/// Dates must not meet, nor (date, symbol), nor rows that are equal to the bit.
fn folds(case: Case<'_>) -> Finding {
    let panel = case.panel;
    let copies = copies(panel);
    let (mut mixed, mut shared, mut copied) = (0, 0, 0);
    for fold in case.folds {
        let trained = trained_days(panel, fold);
        let tested = fold.test.days(panel);
        let first = first_index(panel, &tested).unwrap_or(usize::MAX);
        mixed += trained.iter().filter(|day| panel.days[**day].index >= first).count();
        let keys = |rows: &mut dyn Iterator<Item = usize>| -> BTreeSet<(usize, u32)> {
            rows.map(|row| (panel.days[panel.day_of(row)].index, panel.owners[row])).collect()
        };
        if mixed > 0 {
            let trained = keys(&mut fold.fit.iter().chain(fold.validation.iter()));
            shared += keys(&mut fold.test.iter()).intersection(&trained).count();
        }
        if !copies.is_empty() {
            let tested: BTreeSet<u64> =
                fold.test.iter().filter_map(|row| copies.get(&row)).copied().collect();
            let trained = fold.fit.iter().chain(fold.validation.iter());
            let meets = |row: &usize| copies.get(row).is_some_and(|hash| tested.contains(hash));
            copied += trained.filter(meets).count();
        }
    }
    Finding::none(
        Detector::Folds,
        mixed + shared + copied,
        format!(
            "{mixed} training dates not before the test, {shared} (date, symbol) pairs and {copied} equal \
             rows on both sides"
        ),
    )
}

/// Hash of each row that is there more than once.
fn copies(panel: &Panel) -> BTreeMap<usize, u64> {
    let mut hashes: Vec<(u64, usize)> = (0..panel.labels.len())
        .map(|row| (fnv(panel.row(row).iter().map(|value| u64::from(value.to_bits()))), row))
        .collect();
    hashes.sort_unstable();
    let groups = hashes.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1);
    groups.flatten().map(|(hash, row)| (*row, *hash)).collect()
}

/// The entry comes after the close that made the signal, the exit a horizon after the entry; the returns
/// are those from the declared entry to the declared exit, and the labels are made of them with the
/// exposures of the signal's own day.
fn execution(case: Case<'_>) -> Finding {
    let panel = case.panel;
    let timing = panel.timing;
    let held = timing.exit.sessions.checked_sub(timing.entry.sessions);
    let mistimed =
        usize::from(timing.entry <= SIGNAL) + usize::from(held != Some(case.config.horizon));
    let returns = wrong_returns(case);
    let labels = wrong_labels(case);
    Finding::none(
        Detector::Execution,
        mistimed + returns + labels,
        format!(
            "entry {} sessions after the signal at the {:?}, exit at {}; {returns} returns are not those \
             of the bars, {labels} labels not those of returns and exposures of the day",
            timing.entry.sessions, timing.entry.at, timing.exit.sessions
        ),
    )
}

fn wrong_returns(case: Case<'_>) -> usize {
    let panel = case.panel;
    let wrong = |day: &Day| day.rows.clone().filter(|row| differs(case, day.index, *row)).count();
    sample(case, RETURNS_CHECKED).into_iter().map(|day| wrong(&panel.days[day])).sum()
}

/// Is the return of a row on session `index` not what it would have earned?
pub(super) fn differs(case: Case<'_>, index: usize, row: usize) -> bool {
    let expected = earned(case, index, case.panel.symbol(row));
    let found = case.panel.returns[row];
    found.to_bits() != expected.to_bits() && !(found.is_nan() && expected.is_nan())
}

/// Labels that are others when made again from the bars up to their day and the returns after it.
fn wrong_labels(case: Case<'_>) -> usize {
    let (panel, data) = (case.panel, case.data);
    let sampled: BTreeMap<usize, &Day> = sample(case, LABELS_CHECKED)
        .into_iter()
        .map(|day| (panel.days[day].index, &panel.days[day]))
        .collect();
    let Some((last, _)) = sampled.last_key_value() else { return 0 };
    let mut builder = data.members.builder();
    let mut wrong = 0;
    for (index, bars) in data.history[..=*last].iter().enumerate() {
        let Some(day) = sampled.get(&index) else {
            builder.advance(bars);
            continue;
        };
        let features = builder.cross_section(bars);
        let earned = |symbol: &Symbol| earned(case, index, symbol);
        let returns: Vec<f64> = features.symbols.iter().map(earned).collect();
        let sectors = data.members.sectors(bars.session);
        let labels = case.pipeline.label(&features, &sectors, &returns);
        for row in day.rows.clone() {
            let at = features.symbols.binary_search(panel.symbol(row)).ok();
            let expected = at.map_or(f32::NAN, |at| labels[at] as f32);
            let found = panel.labels[row];
            let same =
                found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
            wrong += usize::from(!same);
        }
    }
    wrong
}

/// Labelled days, drawn with the training's seed.
fn sample(case: Case<'_>, days: usize) -> BTreeSet<usize> {
    let mut chance = Chance::new(case.config.seed, 8);
    let labelled = case.panel.labelled();
    (0..days.min(labelled)).map(|_| chance.below(labelled)).collect()
}

/// From the declared entry to the declared exit, dividends included; who has left by then, or is halted, leaves
/// at the last close. Said again here, so that a label of its own making is noticed.
fn earned(case: Case<'_>, signal: usize, symbol: &Symbol) -> f64 {
    let (history, timing) = (case.data.history, case.panel.timing);
    let (entry, exit) = (signal + timing.entry.sessions, signal + timing.exit.sessions);
    if exit >= history.len() {
        return f64::NAN;
    }
    let at_exit = price(&history[exit], timing.exit.at, symbol).map(|price| (price, exit));
    let left = |index: usize| Some((price(&history[index], At::Close, symbol)?, index));
    let sold = at_exit.or_else(|| (entry..exit).rev().find_map(left));
    let (Some(bought), Some((sold, last))) =
        (price(&history[entry], timing.entry.at, symbol), sold)
    else {
        return f64::NAN;
    };
    ((sold + received(case, symbol, entry, last)) / bought).ln()
}

/// Dividends whose ex-date came after the session of the entry and no later than that of the sale, each in the prices
/// of the last bar before or on its day.
fn received(case: Case<'_>, symbol: &Symbol, entry: usize, sale: usize) -> f64 {
    let history = case.data.history;
    let mut sum = 0.0;
    for (ex_date, amount) in case.data.dividends.into_iter().flat_map(|known| known.of(symbol)) {
        if ex_date <= history[entry].session || ex_date > history[sale].session {
            continue;
        }
        let mut sessions = (entry..=sale).rev().filter(|at| history[*at].session <= ex_date);
        let bar = sessions.find_map(|at| Some((&history[at], history[at].row(symbol)?)));
        sum += amount * bar.map_or(1.0, |(bars, row)| bars.close[row] / bars.raw_close[row]);
    }
    sum
}

fn price(bars: &Bars, at: At, symbol: &Symbol) -> Option<f64> {
    let row = bars.row(symbol)?;
    let price = match at {
        At::Open => bars.open[row],
        At::Close => bars.close[row],
    };
    (price.is_finite() && price > 0.0).then_some(price)
}

/// Sectors of a later day than the row's. A snapshot that says so is hindsight, one that claims to be
/// old and knows later sectors is a lie.
fn sectors(case: Case<'_>) -> Finding {
    let (panel, members) = (case.panel, case.data.members);
    let as_of = members.sectors_as_of();
    let ahead = panel.days.iter().filter(|day| day.session < as_of).count();
    let snapshots = members.snapshots();
    let later = |as_of: Date, member: &Member| {
        let since = SECTORS_SINCE.iter().find(|(sector, _)| *sector == member.sector)?.1;
        let symbol = &member.symbol;
        (as_of < since).then(|| {
            format!(
                "{symbol} is in {} in a snapshot of {as_of}; there is no such sector before {since}",
                member.sector
            )
        })
    };
    let lie =
        snapshots.iter().find_map(|(day, of)| of.iter().find_map(|member| later(*day, member)));
    if let Some(found) = lie {
        return Finding::new(Detector::Sectors, Status::Fail, found);
    }
    let status = if ahead == 0 { Status::Pass } else { Status::Hindsight };
    let found = format!(
        "{ahead} dates before {as_of}, the first day that the sectors speak for; {} snapshots",
        snapshots.len()
    );
    Finding::new(Detector::Sectors, status, found)
}

/// A row needs a bar of its day.
fn filled(case: Case<'_>) -> Finding {
    let panel = case.panel;
    let mut invented = 0;
    let mut first = String::new();
    for day in &panel.days {
        let bars = &case.data.history[day.index];
        for row in day.rows.clone() {
            let symbol = panel.symbol(row);
            if !bars.row(symbol).is_some_and(|at| is_bar(bars, at)) {
                invented += 1;
                if first.is_empty() {
                    first = format!(", first {symbol} on {}", day.session);
                }
            }
        }
    }
    let found = format!("{invented} rows without a bar of their day{first}");
    Finding::none(Detector::Filled, invented, found)
}

fn is_bar(bars: &Bars, row: usize) -> bool {
    let prices = [bars.open[row], bars.high[row], bars.low[row], bars.close[row]];
    let traded = bars.volume[row].is_finite() && bars.volume[row] > 0.0;
    traded && prices.iter().all(|price| price.is_finite() && *price > 0.0)
}

/// The rows that choose the number of trees are not those that are tested.
fn early_stopping(case: Case<'_>) -> Finding {
    let both = |fold: &Fold| {
        let tested: BTreeSet<usize> = fold.test.iter().collect();
        fold.validation.iter().filter(|row| tested.contains(row)).count()
    };
    let count = case.folds.iter().map(both).sum();
    let found = format!("{count} rows both choose the number of trees and test it");
    Finding::none(Detector::EarlyStopping, count, found)
}

/// The bars that earlier trials saw, as they were traded, must still be the same wherever both have them; or somebody
/// has replaced them since and said why, which is told.
pub(super) fn restated(case: Case<'_>) -> Finding {
    let known = case.data.restated;
    let ours = Snapshot::of(case.data.history);
    let mut seen: Vec<(&Snapshot, bool)> = Vec::new();
    let (mut explained, mut silent) = (0, Vec::new());
    for (at, Earlier { trial, snapshot }) in case.trials.iter().enumerate() {
        // A reason that this trial, or one before it, knew already explains nothing that came later.
        let heard =
            case.trials[..=at].iter().any(|earlier| earlier.trial.restated.as_ref() == known);
        let later = known.is_some() && !heard;
        let compared = ours.compare(snapshot);
        if compared == Comparison::Apart || seen.contains(&(snapshot, later)) {
            continue;
        }
        seen.push((snapshot, later));
        match compared {
            Comparison::Apart | Comparison::Same => {}
            Comparison::Changed { .. } if later => explained += 1,
            Comparison::Changed { session, symbol } => {
                silent.push((session, symbol, trial.through));
            }
        }
    }
    let of = seen.len();
    match (silent.first(), known) {
        (Some((session, symbol, through)), _) => Finding::new(
            Detector::Restated,
            Status::Fail,
            format!(
                "{} of {of} earlier snapshots changed; {symbol} on {session} is not what an earlier trial through \
                 {through} was run on: restore it, or say why with --restate REASON where it is fetched or imported",
                silent.len()
            ),
        ),
        (None, Some(Restated { reason, .. })) if explained > 0 => Finding::new(
            Detector::Restated,
            Status::Warn,
            format!("{explained} of {of} earlier snapshots replaced, on record: {reason}"),
        ),
        (None, _) => Finding::new(
            Detector::Restated,
            Status::Pass,
            format!("0 of {of} earlier snapshots changed"),
        ),
    }
}

/// Two features that say the same are one too many (METHODS.md §2).
fn redundancy(case: Case<'_>) -> Finding {
    let twins = &case.panel.twins;
    let status = match twins.first() {
        None => Status::Pass,
        Some(closest) if closest.rejected => Status::Fail,
        Some(_) => Status::Warn,
    };
    let pairs = twins
        .iter()
        .map(|Twins { features: [a, b], correlation, .. }| format!("{a} and {b} {correlation:.4}"));
    let pairs: Vec<String> = pairs.collect();
    let words = if pairs.is_empty() { String::new() } else { format!(": {}", pairs.join(", ")) };
    let found =
        format!("{} pairs above .95 in rank over the last year, .999 refuses{words}", twins.len());
    Finding::new(Detector::Redundancy, status, found)
}
