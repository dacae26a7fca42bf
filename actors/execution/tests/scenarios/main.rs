//! Risk and execution together, text in, text out: what the desk does, day by day.

#![allow(clippy::unwrap_used, reason = "what does not parse fails its test")]
#![allow(clippy::needless_raw_string_hashes, reason = "as expect-test writes them")]

mod closing;
mod gate;
mod halts;
mod orders;
mod plan;
mod script;
mod sliced;

use execution::Execution;
use kernel::Actor;
use risk::Risk;

fn desk() -> Vec<Box<dyn Actor>> {
    vec![Box::new(Risk::new()), Box::new(Execution::new())]
}

/// Risk alone: for orders that execution would never write.
fn risk_alone() -> Vec<Box<dyn Actor>> {
    vec![Box::new(Risk::new())]
}

/// Two names that are each other's hedge: scores decide who is long.
pub(crate) const PAIR: &str = "
    08:00 features features
        AAPL close=100 adv=5e8 beta=1 sigma=0.02
        MSFT close=50 adv=5e8 beta=1 sigma=0.02
    08:00 scoring scores
        AAPL 1
        MSFT -1
";

/// Opened from `positions`, then [`PAIR`], then `rest`.
pub(crate) fn pair_day(opening: &str, rest: &str) -> String {
    format!("{opening}{PAIR}{rest}")
}

pub(crate) const FLAT: &str = "
    08:00 session opened equity=100000
        AAPL tech
        MSFT tech
";

/// Short what is to be long and long what is to be short.
pub(crate) const CROSSED: &str = "
    08:00 session opened equity=100000
        AAPL tech -100 @ 100
        MSFT tech +200 @ 50
";
