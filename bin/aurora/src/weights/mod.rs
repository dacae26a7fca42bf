//! A backtest of weights that a user brings: no features, no model, no optimiser; the same execution core, ledger and
//! run folder as every other run, over a journal in memory.
//!
//! The rules, those of the plain vectorised backtest: at the close of a date its weights become whole shares,
//! `trunc(weight × equity ÷ close)`; at the next session's open they are dealt at `open × (1 ± slippage)`, whatever
//! the volume, and the day's commission is taken from the cash. A session without a row keeps what is held. Prices
//! are the file's own, rounded to no tick; every value is exact to the micro-dollar. Cash earns and owes nothing;
//! bars are split-adjusted, and so are shares. Where a price is missing the run ends with an error: nothing is ever
//! dealt or valued at a price that the bars don't have.

mod market;
mod plan;
mod session;
mod sizing;
#[cfg(test)]
mod tests;
mod venue;

pub use market::Market;
pub use plan::Plan;
pub use session::Account;

use crate::failure::Failure;
use crate::output::progress;
use costs::FlatCosts;
use exchange::calendar::{Calendar, Session};
use kernel::{Entry, Observer};
use messages::{Bars, Date, Envelope, Outcome, SessionOpened};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// What stays the same over the sessions.
pub struct Run<'a> {
    pub plan: &'a Plan<'a>,
    pub costs: FlatCosts,
    /// The first entry of each journal, but for what the plan and the account say.
    pub opening: SessionOpened,
}

/// Plays every session of the plan, or up to the first that stops; returns how the last one ended, and its journal.
/// `keep` is given each journal. What `observer` and `keep` do with one session goes on beside the next, in order, and is
/// done when this returns.
///
/// # Errors
/// What the observer or `keep` failed with, else what no session could be played for. Every session before is kept.
pub fn play(
    run: &Run,
    account: &mut Account,
    observer: &mut (dyn Observer + Send),
    keep: &mut (dyn Keep + Send),
) -> Result<(Outcome, Vec<Envelope>), Failure> {
    let (played, to_keep) = sync_channel(SESSIONS_AHEAD);
    thread::scope(|scope| {
        let keeper = scope.spawn(|| keep_all(to_keep, observer, keep));
        let outcome = play_all(run, account, &played);
        // No more will come.
        drop(played);
        let last = keeper.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok((outcome?, last))
    })
}

/// Given each session's journal.
pub trait Keep: FnMut(Date, &[Envelope]) -> Result<(), Failure> {}

impl<F: FnMut(Date, &[Envelope]) -> Result<(), Failure>> Keep for F {}

/// Journals that wait for being kept: a bound on memory, and more than one session is slower than another.
const SESSIONS_AHEAD: usize = 16;

type Played = (Date, Vec<Entry>);

fn play_all(
    run: &Run,
    account: &mut Account,
    played: &SyncSender<Played>,
) -> Result<Outcome, Failure> {
    let Plan { bars, .. } = run.plan;
    let calendar = Calendar::new(bars.iter().map(|bars| bars.session));
    let bar = progress("trading", run.plan.sessions() as u64);
    let mut last = Outcome::Traded;
    for at in 1..bars.len() {
        let day = Day { signal: &bars[at - 1], today: &bars[at], hours: calendar.sessions()[at] };
        let (outcome, journal) = session::play(run, &day, account)?;
        last = outcome;
        let is_kept = played.send((day.hours.date, journal)).is_ok();
        bar.inc(1);
        bar.set_message(day.hours.date.to_string());
        if last != Outcome::Traded || !is_kept {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(last)
}

/// Returns the last journal, or at the first failure.
fn keep_all(
    played: Receiver<Played>,
    observer: &mut dyn Observer,
    keep: &mut dyn Keep,
) -> Result<Vec<Envelope>, Failure> {
    let mut last = Vec::new();
    for (date, entries) in played {
        let journal: Vec<Envelope> = entries.into_iter().filter_map(Result::ok).collect();
        for (entry, position) in journal.iter().zip(1..) {
            observer.see(position, entry)?;
        }
        keep(date, &journal)?;
        last = journal;
    }
    Ok(last)
}

/// One session: sized at the close before, dealt at its open, valued at its close.
pub struct Day<'a> {
    pub signal: &'a Bars,
    pub today: &'a Bars,
    pub hours: Session,
}
