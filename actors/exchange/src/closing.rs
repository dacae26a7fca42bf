//! Ending what is there: all orders, a position, all positions.

use super::admission::{Purpose, truncate};
use super::exchange::Exchange;
use super::order::{OrderState, Status};
use super::refusal::Refusal;
use super::request::{ClosePosition, NewOrder, OrderKind, Part, TimeInForce};
use messages::{Side, Symbol};
use rust_decimal::Decimal;

/// What became of one order when all were cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    pub id: String,
    /// As it is now.
    pub outcome: Result<OrderState, Refusal>,
}

/// What became of one position, or of an order that stood in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Symbol of the position, or id of the order that was cancelled.
    pub subject: String,
    /// The order that closes, or the one that was cancelled.
    pub outcome: Result<OrderState, Refusal>,
}

impl Exchange {
    /// Cancels whatever is open, oldest first. Legs that wait go with their orders.
    pub fn cancel_all(&mut self) -> Vec<Cancelled> {
        let waits = |at: &usize| self.orders.get(*at).state.status == Status::Held;
        let open: Vec<usize> = self.orders.open().into_iter().filter(|at| !waits(at)).collect();
        let mut cancelled = Vec::new();
        for at in open {
            // Its sibling's end may have been its own.
            let id = self.orders.get(at).state.id.clone();
            let outcome = self.cancel(&id);
            cancelled.push(Cancelled { id, outcome: outcome.map(|()| self.snapshot(at)) });
        }
        cancelled
    }

    /// Sells or buys back a position, whole or in part, at the market.
    pub fn close_position(&mut self, request: &ClosePosition) -> Result<OrderState, Refusal> {
        let none = || Refusal::not_found("position does not exist");
        let asset = self.market.find_alias(request.symbol.as_str()).ok_or_else(none)?;
        let held = self.ledger.book(asset).quantity;
        if held.is_zero() {
            return Err(none());
        }
        let info = &self.market.assets()[asset];
        let wholes = !info.fractionable || held < Decimal::ZERO;
        let quantity = part(held.abs(), request.part, wholes)?;
        let side = if held > Decimal::ZERO { Side::Sell } else { Side::Buy };
        let force = if info.is_crypto() { TimeInForce::Gtc } else { TimeInForce::Day };
        let order = NewOrder::simple(info.symbol.clone(), side, quantity, OrderKind::Market, force);
        let admitted = self.admit(&order, Purpose::Liquidation)?;
        Ok(self.place(admitted))
    }

    /// Closes all positions; with `cancel_orders`, cancels all orders first and reports them too.
    pub fn close_all(&mut self, cancel_orders: bool) -> Vec<Closed> {
        let cancelled = if cancel_orders { self.cancel_all() } else { Vec::new() };
        let mut closed: Vec<Closed> = cancelled
            .into_iter()
            .map(|Cancelled { id, outcome }| Closed { subject: id, outcome })
            .collect();
        let symbols: Vec<Symbol> = self.positions().into_iter().map(|held| held.symbol).collect();
        for symbol in symbols {
            let request = ClosePosition { symbol: symbol.clone(), part: Part::Whole };
            closed.push(Closed {
                subject: symbol.to_string(),
                outcome: self.close_position(&request),
            });
        }
        closed
    }
}

fn part(held: Decimal, part: Part, wholes: bool) -> Result<Decimal, Refusal> {
    let quantity = match part {
        Part::Whole => return Ok(held),
        Part::Quantity(quantity) => quantity,
        Part::Percentage(percent) => {
            if percent <= Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
                return Err(Refusal::malformed("percentage must be between 0 and 100"));
            }
            let quantity = truncate(held * percent / Decimal::ONE_HUNDRED);
            if wholes { quantity.floor() } else { quantity }
        }
    };
    if quantity <= Decimal::ZERO {
        return Err(Refusal::malformed("qty must be > 0"));
    }
    Ok(quantity)
}
