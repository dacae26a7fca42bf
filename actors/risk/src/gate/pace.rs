//! How fast orders come: a bucket of tokens, and the same order twice. By the time of messages, so that a replay
//! judges as the session did.

use messages::{DenyReason, Order, Shares, Side, Symbol, Time};
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    /// Tokens taken and not back yet, as of the last approval.
    used: f64,
    at: Time,
    last: BTreeMap<(Symbol, Side, Shares, u8), Time>,
}

impl Pace {
    pub(super) fn check(&self, order: &Order, at: Time, per_minute: u32) -> Result<(), DenyReason> {
        self.check_rate(at, per_minute)?;
        let since = self.last.get(&key(order)).map(|last| at.0 - last.0);
        match since.filter(|since| *since < MINUTE) {
            Some(since) => Err(DenyReason::SameAgain { seconds: (since.max(0) / SECOND) as u32 }),
            None => Ok(()),
        }
    }

    pub(super) fn check_rate(&self, at: Time, per_minute: u32) -> Result<(), DenyReason> {
        if self.used(at, per_minute) + 1.0 > f64::from(per_minute) {
            return Err(DenyReason::TooManyOrders { per_minute });
        }
        Ok(())
    }

    /// `per_minute` tokens come back in a minute.
    fn used(&self, at: Time, per_minute: u32) -> f64 {
        let minutes = (at.0 - self.at.0).max(0) as f64 / MINUTE as f64;
        (self.used - minutes * f64::from(per_minute)).max(0.0)
    }

    pub(super) fn take(&mut self, order: &Order, at: Time, per_minute: u32) {
        self.used = self.used(at, per_minute) + 1.0;
        self.at = self.at.max(at);
        self.last.insert(key(order), at);
    }
}

/// A second leg may be as large as the first: it is another order.
fn key(order: &Order) -> (Symbol, Side, Shares, u8) {
    (order.symbol.clone(), order.side, order.quantity, order.leg)
}
