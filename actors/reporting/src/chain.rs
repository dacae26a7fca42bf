//! Returns from close to close, and where that chain is broken.

use crate::book::{Book, Flow};
use crate::format::percent;
use crate::record::SessionRecord;
use messages::{Date, DayReported, Usd};
use serde::Serialize;
use std::fmt;

/// The daily returns of a run. One session's return runs from the close before it to its own, so that nothing
/// between sessions is lost. A session without an account breaks the chain: what happened from the last account
/// before it to the opening after it is a step of its own, which no daily return contains.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chain {
    pub(crate) links: Vec<Link>,
    pub(crate) breaks: Vec<Break>,
    /// Deposits and withdrawals, as reported by the venue; in no return.
    pub(crate) transfers: Usd,
    /// What came or went between sessions and nobody explained; in no return.
    pub(crate) unexplained: Usd,
}

#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Link {
    pub(crate) session: Date,
    pub(crate) daily_return: f64,
}

/// A stretch of time without an account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Break {
    /// The sessions with an account on either side.
    pub after: Date,
    pub before: Date,
    /// Of NAV, from the close of `after` to the opening of `before`; the total return holds it, no daily one does.
    pub change: f64,
    /// Sessions in between that have no account, or none where there isn't even a record.
    pub sessions: Vec<Date>,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, before, change, sessions } = self;
        let percent = percent(Some(*change));
        write!(f, "no account between {after} and {before}: {percent} of NAV in no daily return")?;
        match sessions.as_slice() {
            [] => write!(f, " (sessions without a record)"),
            sessions => {
                let dates: Vec<String> = sessions.iter().map(Date::to_string).collect();
                write!(f, " ({})", dates.join(", "))
            }
        }
    }
}

impl Chain {
    /// `records` in order of time, `book` of the same.
    pub(crate) fn of(records: &[&SessionRecord], book: &Book) -> Self {
        let mut chain = Self::default();
        let mut last: Option<&DayReported> = None;
        let mut without = Vec::new();
        for record in records {
            let Some(day) = &record.day else {
                without.push(record.session);
                continue;
            };
            chain.add(last, day, record, book, std::mem::take(&mut without));
            last = Some(day);
        }
        chain
    }

    /// Wealth's steps in order: the daily returns with those of the breaks between them.
    pub(crate) fn steps(&self) -> Vec<f64> {
        let mut breaks = self.breaks.iter().peekable();
        let mut steps = Vec::with_capacity(self.links.len() + self.breaks.len());
        for link in &self.links {
            while let Some(gap) = breaks.next_if(|gap| gap.before <= link.session) {
                steps.push(gap.change);
            }
            steps.push(link.daily_return);
        }
        steps
    }

    pub(crate) fn returns(&self) -> Vec<f64> {
        self.links.iter().map(|link| link.daily_return).collect()
    }

    fn add(
        &mut self,
        last: Option<&DayReported>,
        day: &DayReported,
        record: &SessionRecord,
        book: &Book,
        without: Vec<Date>,
    ) {
        let flow_of = |session: &Date| book.flows.get(session).copied().unwrap_or_default();
        let flow = flow_of(&day.session);
        self.transfers += flow.during;
        let close = (day.nav_close - flow.during).to_f64();
        let mut base = day.nav_open.to_f64();
        if let Some(last) = last {
            let between: Vec<Flow> = without.iter().map(flow_of).collect();
            let transfers =
                flow.before + between.iter().map(|flow| flow.before + flow.during).sum();
            let unexplained = flow.unexplained + between.iter().map(|f| f.unexplained).sum();
            self.transfers += transfers;
            self.unexplained += unexplained;
            let came = transfers + unexplained;
            let carried = (last.nav_close + came).to_f64();
            if record.signal_session == Some(last.session) && carried > 0.0 {
                base = carried;
            } else {
                let opened = (day.nav_open - came).to_f64();
                self.breaks.push(Break {
                    after: last.session,
                    before: day.session,
                    change: f64::max(opened / last.nav_close.to_f64() - 1.0, -1.0),
                    sessions: without,
                });
            }
        }
        let daily_return = f64::max(close / base - 1.0, -1.0);
        self.links.push(Link { session: day.session, daily_return });
    }
}
