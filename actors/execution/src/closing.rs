//! Closing what is held, slice by slice, while a kill of level `flatten` is in force.
//!
//! - Before the open: one order per name in the opening auction, at the market, for what a session may trade of it.
//! - In the open market: at the open, at the kill, and at each tick one order per name, `ioc` with a limit within the
//!   collar of the last price we know, for no more than the share of a minute's volume that the rules allow.
//! - Only names without an open order are sliced, so nothing is ever sold twice; what was open before is cancelled by
//!   the broker gateway and waited for.
//! - Given up for the session: a name that risk will not let go (restricted), one that the venue refused
//!   [`REFUSALS_MAX`] times, and one of which nobody knows what is held, because an alarm says so. What is left at
//!   the close is said in an alarm, and closed from the next session on: the kill lasts.

use crate::client_order_id;
use messages::{
    Alarm, DenyReason, Features, Holding, Order, Price, SessionOpened, Shares, Side, Symbol,
    Targets, Time, TimeInForce,
};
use std::collections::{BTreeMap, BTreeSet};

const MINUTE: i64 = 60 * 1_000_000_000;
/// Of one name, by the venue, in a session.
const REFUSALS_MAX: u32 = 5;
/// Alarms about a symbol after which our count of its shares is not to be relied on.
const DOUBTS: [&str; 5] =
    ["IMPOSSIBLE_FILL", "TRADE_BUST", "TRADE_CORRECT", "OVERFILL", "UNKNOWN_ORDER"];
/// Prices below a dollar have four decimals, others two.
const DOLLAR: Price = Price(1_000_000);

#[derive(Clone, Debug, Default)]
pub(crate) struct Closing {
    names: BTreeMap<Symbol, Name>,
    doubted: BTreeSet<Symbol>,
}

#[derive(Clone, Debug, Default)]
struct Name {
    /// What risk values it at.
    mark: Option<Price>,
    /// Of the last fill.
    last: Option<Price>,
    /// Dollars a day.
    adv: Option<f64>,
    attempts: u32,
    sliced: Option<Time>,
    refusals: u32,
    given_up: bool,
}

impl Closing {
    pub(crate) fn on_holding(&mut self, Holding { symbol, mark, .. }: &Holding) {
        self.names.entry(symbol.clone()).or_default().mark = Some(*mark);
    }

    pub(crate) fn on_features(&mut self, features: &Features) {
        for symbol in &features.symbols {
            self.names.entry(symbol.clone()).or_default().adv = features.adv(symbol);
        }
    }

    pub(crate) fn on_targets(&mut self, targets: &Targets) {
        for target in &targets.targets {
            self.names.entry(target.symbol.clone()).or_default().mark = Some(target.mark);
        }
    }

    pub(crate) fn on_price(&mut self, symbol: &Symbol, price: Price) {
        let name = self.names.entry(symbol.clone()).or_default();
        name.last = Some(price);
        name.mark.get_or_insert(price);
    }

    pub(crate) fn on_alarm(&mut self, alarm: &Alarm) {
        if let Some(symbol) = alarm.symbol.as_ref().filter(|_| DOUBTS.contains(&&*alarm.code)) {
            self.doubted.insert(symbol.clone());
        }
    }

    pub(crate) fn on_denied(&mut self, symbol: &Symbol, reason: &DenyReason) {
        let passes = matches!(
            reason,
            DenyReason::TooManyOrders { .. } | DenyReason::Wash { .. } | DenyReason::Halted { .. }
        );
        self.names.entry(symbol.clone()).or_default().given_up |= !passes;
    }

    pub(crate) fn on_rejected(&mut self, symbol: &Symbol) {
        let name = self.names.entry(symbol.clone()).or_default();
        name.refusals += 1;
        name.given_up |= name.refusals >= REFUSALS_MAX;
    }

    /// Price of the last fill in this session.
    pub(crate) fn last(&self, symbol: &Symbol) -> Option<Price> {
        self.names.get(symbol)?.last
    }

    /// Whether more of it may be closed in this session.
    pub(crate) fn goes_on(&self, symbol: &Symbol) -> bool {
        !self.doubted.contains(symbol) && !self.names.get(symbol).is_some_and(|name| name.given_up)
    }

    /// The next order for a name without an open one; `None`: not now.
    pub(crate) fn slice(
        &mut self,
        symbol: &Symbol,
        held: Shares,
        opened: &SessionOpened,
        auction: bool,
        at: Time,
    ) -> Option<Order> {
        let name = self.names.entry(symbol.clone()).or_default();
        let early = if auction {
            name.attempts > 0
        } else {
            name.sliced.is_some_and(|before| at.0 - before.0 < MINUTE)
        };
        if early {
            return None;
        }
        let slice = name.mark.and_then(|mark| opened.closing_slice(auction, mark, name.adv));
        let Some((reference, most)) = name.mark.zip(slice) else {
            name.given_up = true;
            return None;
        };
        let side = if held.0 > 0 { Side::Sell } else { Side::Buy };
        let collar = opened.execution.as_ref().map_or(0.0, |rules| rules.collar);
        let limit = (!auction).then(|| limit(side, name.last.unwrap_or(reference), collar));
        let attempt = name.attempts;
        name.attempts += 1;
        name.sliced = (!auction).then_some(at);
        let quantity = held.abs().min(most);
        Some(Order {
            client_order_id: client_order_id(opened.session, symbol, Order::CLOSING, attempt),
            symbol: symbol.clone(),
            side,
            quantity,
            time_in_force: if auction { TimeInForce::Opg } else { TimeInForce::Ioc },
            leg: Order::CLOSING,
            reference,
            limit,
        })
    }
}

/// As far from `last` as the collar allows, on a price that can be quoted, never beyond.
pub(crate) fn limit(side: Side, Price(last): Price, collar: f64) -> Price {
    let worst = last + side.sign() * (last as f64 * collar) as i64;
    let tick = if Price(worst) < DOLLAR { 100 } else { 10_000 };
    let below = worst.div_euclid(tick) * tick;
    let within = if side == Side::Sell && below < worst { below + tick } else { below };
    // No price is less than a tick.
    Price(within.max(tick))
}
