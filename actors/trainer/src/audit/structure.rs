//! What can be seen from the panel, its folds and the bars themselves.

use super::{Case, Detector, Finding, Status};
use crate::chance::Chance;
use crate::folds::Fold;
use crate::panel::{At, Day, Moment, Panel, SIGNAL};
use crate::trials::snapshot_sha256;
use messages::{Bars, Date, Symbol};
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
    let mut hashes: Vec<(u64, usize)> =
        (0..panel.labels.len()).map(|row| (hash(panel.row(row)), row)).collect();
    hashes.sort_unstable();
    let groups = hashes.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1);
    groups.flatten().map(|(hash, row)| (*row, *hash)).collect()
}

/// FNV-1a over the bits.
fn hash(row: &[f32]) -> u64 {
    row.iter().fold(0xcbf2_9ce4_8422_2325, |hash, value| {
        (hash ^ u64::from(value.to_bits())).wrapping_mul(0x0000_0100_0000_01b3)
    })
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
    let (panel, history) = (case.panel, case.data.history);
    let timing = panel.timing;
    let wrong = |day: &Day| {
        let differs = |row: &usize| {
            let price = |moment: Moment| price(history, day.index, moment, panel.symbol(*row));
            let expected = (price(timing.exit) / price(timing.entry)).ln();
            let found = panel.returns[*row];
            found.to_bits() != expected.to_bits() && !(found.is_nan() && expected.is_nan())
        };
        day.rows.clone().filter(differs).count()
    };
    sample(case, RETURNS_CHECKED).into_iter().map(|day| wrong(&panel.days[day])).sum()
}

/// Labels that are others when made again from the bars up to their day and the returns after it.
fn wrong_labels(case: Case<'_>) -> usize {
    let (panel, data) = (case.panel, case.data);
    let sampled: BTreeMap<usize, &Day> = sample(case, LABELS_CHECKED)
        .into_iter()
        .map(|day| (panel.days[day].index, &panel.days[day]))
        .collect();
    let Some((last, _)) = sampled.last_key_value() else { return 0 };
    let sectors = features::sector_codes(data.members);
    let mut builder = features::Builder::new(data.members);
    let mut wrong = 0;
    for (index, bars) in data.history[..=*last].iter().enumerate() {
        let Some(day) = sampled.get(&index) else {
            builder.advance(bars);
            continue;
        };
        let features = builder.cross_section(bars);
        let price = |moment, symbol: &Symbol| price(data.history, index, moment, symbol);
        let timing = panel.timing;
        let earned =
            |symbol: &Symbol| (price(timing.exit, symbol) / price(timing.entry, symbol)).ln();
        let returns: Vec<f64> = features.symbols.iter().map(earned).collect();
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

fn price(history: &[Bars], signal: usize, moment: Moment, symbol: &Symbol) -> f64 {
    let price = history.get(signal + moment.sessions).and_then(|bars| {
        let row = bars.row(symbol)?;
        Some(match moment.at {
            At::Open => bars.open[row],
            At::Close => bars.close[row],
        })
    });
    price.filter(|price| price.is_finite() && *price > 0.0).unwrap_or(f64::NAN)
}

/// Sectors of a later day than the row's. A snapshot that says so is hindsight, one that claims to be
/// old and knows later sectors is a lie.
fn sectors(case: Case<'_>) -> Finding {
    let (panel, as_of) = (case.panel, case.data.sectors_as_of);
    let ahead = panel.days.iter().filter(|day| day.session < as_of).count();
    let made_later = case.data.members.iter().find_map(|member| {
        let since = SECTORS_SINCE.iter().find(|(sector, _)| *sector == member.sector)?.1;
        (as_of < since).then_some((member, since))
    });
    if let Some((member, since)) = made_later {
        let found = format!(
            "{} is in {} in a snapshot of {as_of}; there is no such sector before {since}",
            member.symbol, member.sector
        );
        return Finding::new(Detector::Sectors, Status::Fail, found);
    }
    let status = if ahead == 0 { Status::Pass } else { Status::Hindsight };
    let found = format!("{ahead} dates before {as_of}, the day the sectors speak for");
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

/// The closes that earlier trials saw, as they were traded, must still be the same.
fn restated(case: Case<'_>) -> Finding {
    let history = case.data.history;
    let first = history.first().map(|bars| bars.session);
    let ours = case.trials.iter().filter(|trial| {
        Some(trial.first) == first
            && trial.members_sha256 == case.panel.source.members_sha256
            && trial.sessions <= history.len()
    });
    let mut snapshots: Vec<_> =
        ours.map(|trial| (trial.sessions, &trial.snapshot_sha256, trial.through)).collect();
    snapshots.sort();
    snapshots.dedup();
    let changed: Vec<Date> = snapshots
        .iter()
        .filter(|(sessions, sha256, _)| snapshot_sha256(&history[..*sessions]) != **sha256)
        .map(|(_, _, through)| *through)
        .collect();
    let when = changed.first().map_or(String::new(), |date| {
        format!("; the closes through {date} are not those an earlier trial was run on")
    });
    let found = format!("{} of {} earlier snapshots changed{when}", changed.len(), snapshots.len());
    Finding::none(Detector::Restated, changed.len(), found)
}
