//! The oracle's numbers (METHODS.md: `features_ref.py --golden`), without Python.

mod common;

use common::{bar_row, members};
use features::{Builder, Matrix, whitelist};
use messages::{Bars, Date};
use std::collections::BTreeMap;

const BARS: &str = include_str!("fixtures/golden_bars.csv");
const SECTORS: &str = include_str!("fixtures/golden_sectors.csv");
const RAW: &str = include_str!("fixtures/golden_raw.csv");
const TRANSFORMED: &str = include_str!("fixtures/golden_xs.csv");

/// The oracle writes 12 digits, so a difference of half a unit in the 12th is its rounding.
fn is_close(ours: f64, theirs: f64) -> bool {
    (ours.is_nan() && theirs.is_nan()) || (ours - theirs).abs() <= 1e-12 + 1e-9 * theirs.abs()
}

#[test]
fn raw_values_are_the_oracles() {
    assert_equal(RAW, |matrix| &matrix.raw);
}

#[test]
fn transformed_values_are_the_oracles() {
    assert_equal(TRANSFORMED, |matrix| &matrix.values);
}

#[test]
fn every_feature_has_golden_values() {
    for table in [RAW, TRANSFORMED] {
        for f in 0..whitelist::COUNT {
            let known = rows(table).filter(|row| !row.values[f].is_nan()).count();
            assert!(known > 150, "{}: {known}", whitelist::names()[f]);
        }
    }
}

fn assert_equal(table: &str, values: impl Fn(&Matrix) -> &Vec<f64>) {
    let header: Vec<_> = table.lines().next().expect("a header").split(',').skip(3).collect();
    assert_eq!(header, whitelist::names());
    let matrices = last_sessions(3);
    let mut wrong = Vec::new();
    for row in rows(table) {
        let matrix = &matrices[&row.session];
        let i = matrix.symbols.iter().position(|s| s.as_str() == row.symbol).expect("a member");
        assert_eq!(matrix.eligible[i], row.eligible, "{} {}", row.session, row.symbol);
        for (f, name) in header.iter().enumerate() {
            let (ours, theirs) = (values(matrix)[i * header.len() + f], row.values[f]);
            if !is_close(ours, theirs) {
                wrong.push(format!("{} {} {name}: {ours} {theirs}", row.session, row.symbol));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(50)].join("\n")
    );
}

fn last_sessions(count: usize) -> BTreeMap<Date, Matrix> {
    let history = history();
    let mut builder = Builder::new(&members(SECTORS.lines().skip(1)));
    let (warm_up, last) = history.split_at(history.len() - count);
    for bars in warm_up {
        builder.advance(bars);
    }
    last.iter().map(|bars| (bars.session, builder.matrix(bars))).collect()
}

fn history() -> Vec<Bars> {
    let mut history: Vec<Bars> = Vec::new();
    for line in BARS.lines().skip(1) {
        match line.split_once(',') {
            None => history.push(Bars::empty(line.parse().expect("a date"))),
            Some((symbol, numbers)) => {
                history.last_mut().expect("a session").push(symbol.into(), bar_row(numbers));
            }
        }
    }
    history
}

struct Row<'a> {
    session: Date,
    symbol: &'a str,
    eligible: bool,
    values: Vec<f64>,
}

fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    table.lines().skip(1).map(|line| {
        let fields: Vec<_> = line.split(',').collect();
        let number = |text: &&str| match *text {
            "" => f64::NAN,
            text => text.parse().expect("a number"),
        };
        Row {
            session: fields[0].parse().expect("a date"),
            symbol: fields[1],
            eligible: fields[2] == "1",
            values: fields[3..].iter().map(number).collect(),
        }
    })
}
