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
use kernel::Observer;
use messages::{Bars, Date, Envelope, Outcome, SessionOpened};

/// What stays the same over the sessions.
pub struct Run<'a> {
    pub plan: &'a Plan<'a>,
    pub costs: FlatCosts,
    /// The first entry of each journal, but for what the plan and the account say.
    pub opening: SessionOpened,
}

/// Plays every session of the plan, or up to the first that stops; returns how the last one ended, and its journal.
/// `keep` is given each journal.
pub fn play(
    run: &Run,
    account: &mut Account,
    observer: &mut dyn Observer,
    mut keep: impl FnMut(Date, &[Envelope]) -> Result<(), Failure>,
) -> Result<(Outcome, Vec<Envelope>), Failure> {
    let Plan { bars, .. } = run.plan;
    let calendar = Calendar::new(bars.iter().map(|bars| bars.session));
    let bar = progress("trading", run.plan.sessions() as u64);
    let mut last = (Outcome::Traded, Vec::new());
    for at in 1..bars.len() {
        let day = Day { signal: &bars[at - 1], today: &bars[at], hours: calendar.sessions()[at] };
        last = session::play(run, &day, account)?;
        for (entry, position) in last.1.iter().zip(1..) {
            observer.see(position, entry)?;
        }
        keep(day.hours.date, &last.1)?;
        bar.inc(1);
        bar.set_message(day.hours.date.to_string());
        if last.0 != Outcome::Traded {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(last)
}

/// One session: sized at the close before, dealt at its open, valued at its close.
pub struct Day<'a> {
    pub signal: &'a Bars,
    pub today: &'a Bars,
    pub hours: Session,
}
