//! Rows of a file that were not imported: whose they are, where they stand and why.

use crate::inspection::{Inspection, NO_BARS};
use crate::table::place;
use messages::{Date, Symbol};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeftOut {
    /// Of members, ascending by session.
    rows: BTreeMap<Symbol, Vec<Row>>,
    /// The first row of somebody who is no member, and its label.
    stranger: Option<(usize, String)>,
    /// The file is a CSV.
    is_text: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    session: Date,
    at: usize,
    reason: &'static str,
}

/// Names of which it is said why they have no bars; the rest is listed.
const SHOWN: usize = 3;

impl LeftOut {
    pub(crate) fn new(is_text: bool) -> Self {
        Self { is_text, ..Self::default() }
    }

    /// Row `at` of the file, a bar of `symbol` in `session`, which come in ascending order.
    pub(crate) fn add(&mut self, symbol: &Symbol, session: Date, at: usize, reason: &'static str) {
        self.rows.entry(symbol.clone()).or_default().push(Row { session, at, reason });
    }

    /// Row `at` of the file is no member's.
    pub(crate) fn add_stranger(&mut self, at: usize, label: &str) {
        self.stranger.get_or_insert_with(|| (at, label.to_owned()));
    }

    /// Says of the bars that were found missing where their rows are.
    pub fn explain(&self, gate: &mut Inspection) {
        for finding in gate.findings.iter_mut().filter(|it| it.what.starts_with(NO_BARS)) {
            let span = finding.from..=finding.through;
            let rows = self
                .rows
                .get(&Symbol::from(finding.symbol.as_str()))
                .map_or(&[][..], Vec::as_slice);
            let rows: Vec<&Row> = rows.iter().filter(|row| span.contains(&row.session)).collect();
            let Some(why) = self.why(&rows) else { continue };
            finding.what = if rows.len() as u64 >= u64::from(finding.sessions) {
                format!("no usable bar: {why}")
            } else {
                format!("{}; {why}", finding.what)
            };
        }
    }

    /// Why there is no bar of `symbols`, as far as anything is known of it; in brackets.
    pub(crate) fn of_all(&self, symbols: &[Symbol]) -> String {
        let why = |symbol: &Symbol| {
            let rows: Vec<&Row> = self.rows.get(symbol)?.iter().collect();
            Some(format!("{symbol}: {}", self.why(&rows)?))
        };
        let mut known: Vec<String> = symbols.iter().filter_map(why).take(SHOWN).collect();
        if known.is_empty() {
            known.extend(self.stranger.as_ref().map(|(at, label)| {
                format!("{} is of {label:?}, who is not in the universe", place(self.is_text, *at))
            }));
        }
        if known.is_empty() { String::new() } else { format!(" ({})", known.join("; ")) }
    }

    fn why(&self, rows: &[&Row]) -> Option<String> {
        let Row { at, reason, .. } = rows.first()?;
        let first = place(self.is_text, *at);
        Some(match rows.len() {
            1 => format!("{first} was left out: {reason}"),
            more => format!("{more} rows were left out, the first in {first}: {reason}"),
        })
    }
}
