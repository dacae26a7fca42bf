//! Orders that close a position because a kill of level `flatten` says so, the only ones that pass while it is in force.
//! They only reduce, so no limit on exposure is asked of them, nor any on what a plan may trade. In this order:
//!
//! | check | code |
//! |---|---|
//! | a client order id that was judged before | `DUPLICATE` |
//! | restricted list: what is held of it stays | `RESTRICTED` |
//! | no further than to flat, with all that is open | `NOT_IN_TARGETS` |
//! | sized with our price | `NO_REFERENCE` |
//! | one slice: a share of the volume, the largest order | `ADV_SHARE` |
//! | outside of the auction: a limit within the collar of the last price | `NO_PRICE`, `COLLAR` |
//! | token bucket, an open order the other way | `TOO_MANY_ORDERS`, `WASH` |

use super::{Book, Gate};
use messages::{DenyReason, Order, Price, SessionOpened, Shares, Time, TimeInForce};

impl Gate {
    /// `adv`: dollars a day.
    pub(crate) fn check_closing(
        &mut self,
        order: &Order,
        opened: &SessionOpened,
        at: Time,
        adv: Option<f64>,
    ) -> Result<(), DenyReason> {
        if !self.seen.insert(order.client_order_id.clone()) {
            return Err(DenyReason::Duplicate);
        }
        let (Some(rules), Some(execution)) = (&opened.rules, &opened.execution) else {
            return Err(DenyReason::NotInTargets);
        };
        if rules.restricted.contains(&order.symbol) {
            return Err(DenyReason::Restricted);
        }
        let book = self.books.get(&order.symbol).copied().unwrap_or_default();
        if !(Book { target: 0, ..book }).asks_for(order.change()) {
            return Err(DenyReason::NotInTargets);
        }
        let mark = book.mark.filter(|mark| mark.0 > 0 && *mark == order.reference);
        let mark = mark.ok_or(DenyReason::NoReference)?;
        let auction = order.time_in_force == TimeInForce::Opg;
        let most = opened.closing_slice(auction, mark, adv).unwrap_or(Shares(0));
        if order.quantity > most {
            let (notional, limit) = (mark.times(order.quantity), mark.times(most));
            return Err(DenyReason::AdvShare { notional, limit });
        }
        if !auction {
            within(order.limit, book.last.unwrap_or(mark), execution.collar)?;
        }
        self.pace.check_rate(at, rules.orders_per_minute)?;
        self.wash(order)
    }
}

/// A limit, no farther from `last` than the collar.
pub(super) fn within(limit: Option<Price>, last: Price, collar: f64) -> Result<(), DenyReason> {
    let limit = limit.ok_or(DenyReason::NoPrice)?;
    if (limit.0 - last.0).abs() as f64 > collar * last.0 as f64 {
        return Err(DenyReason::Collar { last: limit, reference: last });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
