//! Closing what is held, slice by slice (see [`crate::slices`]), while a kill of level `flatten` is in force.
//!
//! - Before the open: one order per name in the opening auction, at the market, for what a session may trade of it.
//! - In the open market: at the open, at the kill, and at each tick one order per name for no more than the share of a
//!   minute's volume that the rules allow.
//! - Only names without an open order are sliced, so nothing is ever sold twice; what was open before is cancelled by
//!   the broker gateway and waited for.
//! - Given up for the session: a name that risk will not let go (restricted), one that the venue refused
//!   [`REFUSALS_MAX`] times, and one of which nobody knows what is held, because an alarm says so. What is left at
//!   the close is said in an alarm, and closed from the next session on: the kill lasts.

use crate::slices::{Slices, Wish, passes};
use messages::{Alarm, DenyReason, Order, SessionOpened, Shares, Symbol};
use std::collections::{BTreeMap, BTreeSet};

/// Of one name, by the venue, in a session.
const REFUSALS_MAX: u32 = 5;
/// Alarms about a symbol after which our count of its shares is not to be relied on.
const DOUBTS: [&str; 5] =
    ["IMPOSSIBLE_FILL", "TRADE_BUST", "TRADE_CORRECT", "OVERFILL", "UNKNOWN_ORDER"];

#[derive(Clone, Debug, Default)]
pub(crate) struct Closing {
    given_up: BTreeSet<Symbol>,
    doubted: BTreeSet<Symbol>,
    refusals: BTreeMap<Symbol, u32>,
}

impl Closing {
    pub(crate) fn on_alarm(&mut self, alarm: &Alarm) {
        if let Some(symbol) = alarm.symbol.as_ref().filter(|_| DOUBTS.contains(&&*alarm.code)) {
            self.doubted.insert(symbol.clone());
        }
    }

    pub(crate) fn on_denied(&mut self, symbol: &Symbol, reason: &DenyReason) {
        // Too far from the last price, which has changed while the order was on its way to risk.
        let late = matches!(reason, DenyReason::Collar { .. });
        if !(late || passes(reason)) {
            self.given_up.insert(symbol.clone());
        }
    }

    pub(crate) fn on_rejected(&mut self, symbol: &Symbol) {
        let refusals = self.refusals.entry(symbol.clone()).or_default();
        *refusals += 1;
        if *refusals >= REFUSALS_MAX {
            self.given_up.insert(symbol.clone());
        }
    }

    /// Whether more of it may be closed in this session.
    pub(crate) fn goes_on(&self, symbol: &Symbol) -> bool {
        !self.doubted.contains(symbol) && !self.given_up.contains(symbol)
    }

    /// What one order may do about what is held; a name that nothing can be said of is given up.
    pub(crate) fn wish(
        &mut self,
        symbol: &Symbol,
        held: Shares,
        slices: &Slices,
        opened: &SessionOpened,
        auction: bool,
    ) -> Option<Wish> {
        let known = slices.mark_and_adv(symbol);
        let most = known.and_then(|(mark, adv)| opened.closing_slice(auction, mark, adv));
        let Some(most) = most else {
            self.given_up.insert(symbol.clone());
            return None;
        };
        Some(Wish { symbol: symbol.clone(), leg: Order::CLOSING, missing: Shares(-held.0), most })
    }
}
