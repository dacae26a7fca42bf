//! The gate over a whole history: what was expected against what came, symbol by symbol and session by
//! session. The same rules as [`crate::coverage`] has for one session.

use crate::coverage::{Before, judge};
use crate::defect::row;
use crate::events::Events;
use crate::store;
use messages::{Bars, Date, Member, Symbol};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Of a history that was inspected; stands in its manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Bars that members should have: one per session in which they are listed and not halted.
    pub expected: u64,
    /// Of these, there and usable.
    pub got: u64,
    /// SHA-256 of the events.csv that said who is expected and which moves are real; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub events_sha256: String,
    /// Ascending by symbol and session; empty means complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// Something that is missing or wrong from session `from` to session `through`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Empty: not of one symbol.
    pub symbol: String,
    pub from: Date,
    pub through: Date,
    pub sessions: u32,
    pub what: String,
}

/// How a finding of missing bars begins.
pub(crate) const NO_BARS: &str = "no bars";

/// Printed; the rest is counted.
const SHOWN: usize = 20;

impl Inspection {
    pub fn is_complete(&self) -> bool {
        self.findings.is_empty() && self.got == self.expected && self.expected > 0
    }

    /// Why only research may use it, if so.
    pub fn partial(&self) -> Option<String> {
        if self.is_complete() {
            return None;
        }
        let first = self.findings.first().map_or(String::new(), |finding| format!(" ({finding})"));
        Some(format!("{} of {} bars{first}", self.got, self.expected))
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bars are there and usable", self.got, self.expected)?;
        for finding in self.findings.iter().take(SHOWN) {
            write!(f, "\n  {finding}")?;
        }
        match self.findings.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more findings"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { symbol, from, through, sessions, what } = self;
        let symbol = if symbol.is_empty() { "all" } else { symbol };
        match sessions {
            1 => write!(f, "{symbol} on {from}: {what}"),
            _ => write!(f, "{symbol} from {from} to {through}, {sessions} sessions: {what}"),
        }
    }
}

/// Compares `history` (ascending, well formed) with what `members` should have in `sessions`
/// (ascending: the calendar's).
pub fn inspect(
    members: &[Member],
    sessions: &[Date],
    history: &[Bars],
    events: &Events,
) -> Inspection {
    let mut found = Inspection { events_sha256: events.sha256().to_owned(), ..Default::default() };
    found.findings.extend(strays(sessions, history));
    let places = members.iter().enumerate();
    let mut names: Vec<Name> =
        places.map(|(place, member)| Name::new(place, member, events, sessions)).collect();
    // Session by session, as the bars lie in memory.
    for (at, session) in sessions.iter().enumerate() {
        let bars = store::session(history, *session);
        for name in &mut names {
            name.session(at, bars, &mut found);
        }
    }
    for name in &mut names {
        name.missing_until(sessions.len(), &mut found);
    }
    found.findings.sort();
    found
}

/// Bars on days on which the exchange was closed.
fn strays(sessions: &[Date], history: &[Bars]) -> Vec<Finding> {
    let known: BTreeSet<&Date> = sessions.iter().collect();
    let strays = history.iter().map(|bars| bars.session).filter(|session| !known.contains(session));
    let finding = |session| Finding {
        symbol: String::new(),
        from: session,
        through: session,
        sessions: 1,
        what: "there are bars, and the exchange was closed by its calendar".to_owned(),
    };
    strays.map(finding).collect()
}

/// One name on its way through the sessions.
struct Name<'a> {
    symbol: &'a Symbol,
    /// The row in which it was last: it mostly stays there.
    row: usize,
    /// `None`: there are none of it.
    events: Option<&'a Events>,
    sessions: &'a [Date],
    /// Where the present run of missing bars began, and how many of it were expected.
    missing: Option<(usize, u32)>,
    /// Its last bar and in which session that was.
    last: Option<(usize, [f64; 6])>,
}

impl<'a> Name<'a> {
    fn new(row: usize, member: &'a Member, events: &'a Events, sessions: &'a [Date]) -> Self {
        let symbol = &member.symbol;
        let events = events.mentions(symbol).then_some(events);
        Self { symbol, row, events, sessions, missing: None, last: None }
    }

    fn session(&mut self, at: usize, bars: Option<&Bars>, found: &mut Inspection) {
        let session = self.sessions[at];
        let expected = self.events.is_none_or(|events| events.expects(self.symbol, session));
        found.expected += u64::from(expected);
        let Some((bars, index)) = bars.and_then(|bars| Some((bars, self.row_in(bars)?))) else {
            if expected {
                let (_, count) = self.missing.get_or_insert((at, 0));
                *count += 1;
            }
            return;
        };
        self.missing_until(at, found);
        let now = row(bars, index);
        let before = self.last.map(|(last, row)| Before { row, adjacent: last + 1 == at });
        let explained = self.events.is_some_and(|events| events.explains(self.symbol, session));
        self.last = Some((at, now));
        match judge(now, before, explained) {
            None => found.got += u64::from(expected),
            Some(defect) => found.findings.push(self.finding(at, at, 1, defect.to_string())),
        }
    }

    fn row_in(&mut self, bars: &Bars) -> Option<usize> {
        store::row_near(bars, self.symbol, &mut self.row).then_some(self.row)
    }

    /// Ends a run of missing bars at session `end`, exclusive.
    fn missing_until(&mut self, end: usize, found: &mut Inspection) {
        let Some((from, count)) = self.missing.take() else {
            return;
        };
        let what = if self.last.is_none() && end < self.sessions.len() {
            let (symbol, first) = (self.symbol, self.sessions[end]);
            format!(
                "{NO_BARS} before the first of {first}; if it was not listed before, say so in events.csv: \
                 {symbol},listed,{first},,WHY"
            )
        } else {
            format!("{NO_BARS}; if it was halted or delisted, say so in events.csv")
        };
        found.findings.push(self.finding(from, end - 1, count, what));
    }

    fn finding(&self, from: usize, through: usize, sessions: u32, what: String) -> Finding {
        let (from, through) = (self.sessions[from], self.sessions[through]);
        Finding { symbol: self.symbol.to_string(), from, through, sessions, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Event, Kind};
    use jiff::civil::date;

    fn sessions() -> Vec<Date> {
        (2..=8).map(|day| date(2024, 1, day)).collect()
    }

    fn members() -> Vec<Member> {
        ["A", "B"].map(|symbol| Member { symbol: symbol.into(), sector: "S".into() }).into()
    }

    /// Every session with a bar of both, a little higher every day, but for what `spoil` does.
    fn history(spoil: impl Fn(&str, Date, [f64; 6]) -> Option<[f64; 6]>) -> Vec<Bars> {
        let day = |(at, session): (usize, Date)| {
            let mut bars = Bars::empty(session);
            for symbol in ["A", "B"] {
                let price = 10.0 + at as f64 / 10.0;
                let row = [price, price + 1.0, price - 1.0, price, 1_000.0, price];
                if let Some(row) = spoil(symbol, session, row) {
                    bars.push(symbol.into(), row);
                }
            }
            bars
        };
        sessions().into_iter().enumerate().map(day).collect()
    }

    fn said(history: &[Bars], events: Vec<Event>) -> (u64, u64, Vec<String>) {
        let found = inspect(&members(), &sessions(), history, &Events::new(events));
        let lines = found.findings.iter().map(ToString::to_string).collect();
        (found.expected, found.got, lines)
    }

    fn event(kind: Kind, from: Date) -> Event {
        Event { symbol: "B".into(), kind, from, through: from, note: "why".into(), amount: None }
    }

    #[test]
    fn complete_is_every_bar_of_every_session() {
        let whole = history(|_, _, row| Some(row));
        assert_eq!(said(&whole, vec![]), (14, 14, vec![]));
        assert!(inspect(&members(), &sessions(), &whole, &Events::default()).is_complete());
        assert!(!inspect(&[], &sessions(), &whole, &Events::default()).is_complete());
        let (expected, got, lines) = said(&whole[..6], vec![]);
        assert_eq!(
            (expected, got, lines.len()),
            (14, 12, 2),
            "the last session is gone: {lines:?}"
        );
    }

    #[test]
    fn runs_of_missing_bars_are_one_finding() {
        let listed = date(2024, 1, 4);
        let late = history(|symbol, day, row| (symbol == "A" || day >= listed).then_some(row));
        let (expected, got, lines) = said(&late, vec![]);
        assert_eq!((expected, got, lines.len()), (14, 12, 1));
        assert!(
            lines[0].starts_with("B from 2024-01-02 to 2024-01-03, 2 sessions: no bars before")
        );
        assert!(lines[0].ends_with("B,listed,2024-01-04,,WHY"), "{lines:?}");
        assert_eq!(said(&late, vec![event(Kind::Listed, listed)]), (12, 12, vec![]));
        let holes =
            history(|symbol, day, row| (symbol == "A" || day.day() % 2 == 0).then_some(row));
        assert_eq!(said(&holes, vec![]).2.len(), 3);
    }

    #[test]
    fn bars_that_cannot_be_used_are_findings() {
        let spoilt = history(|symbol, day, row| {
            Some(match (symbol, day.day()) {
                ("A", 3) => row.map(|value| value * 1_000.0),
                ("B", 4) => [row[0], row[1], row[2], row[3], 0.0, row[5]],
                ("B", 7) => [10.4, 11.4, 9.4, 10.4, 1_000.0, 10.4],
                _ => row,
            })
        });
        let (expected, got, lines) = said(&spoilt, vec![]);
        // A falls back on the day after: that is a move as well.
        assert_eq!((expected, got), (14, 10));
        assert!(
            lines[0].starts_with("A on 2024-01-03: close 10100 after 10 (×1010.000)"),
            "{lines:?}"
        );
        assert!(lines[1].starts_with("A on 2024-01-04: close 10.2 after 10100"), "{lines:?}");
        assert_eq!(lines[2], "B on 2024-01-04: volume 0");
        assert_eq!(lines[3], "B on 2024-01-07: identical to the session before");
    }

    #[test]
    fn a_day_that_is_no_session_is_noticed() {
        let mut strange = history(|_, _, row| Some(row));
        strange.push(Bars { session: date(2024, 1, 13), ..strange[6].clone() });
        let (_, _, lines) = said(&strange, vec![]);
        assert_eq!(
            lines,
            ["all on 2024-01-13: there are bars, and the exchange was closed by its calendar"]
        );
    }

    #[test]
    fn nobody_is_expected_after_a_delisting() {
        let gone = date(2024, 1, 5);
        let short = history(|symbol, day, row| (symbol == "A" || day < gone).then_some(row));
        assert_eq!(said(&short, vec![event(Kind::Delisted, gone)]), (10, 10, vec![]));
    }
}
