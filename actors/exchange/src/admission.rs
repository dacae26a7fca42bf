//! What the exchange takes and what it refuses.

use super::exchange::Exchange;
use super::order::{NewOrder, OrderKind, OrderState, Refusal};
use jiff::civil::Time as Clock;
use messages::{Price, Shares, Side, TimeInForce, Usd};

/// Longest client order id, in characters.
const CLIENT_ORDER_ID_MAX: usize = 128;

/// Selling short takes this much equity.
const SHORT_EQUITY_MIN: Usd = Usd(2_000_000_000);

/// An order that may be placed.
pub(super) struct Admitted {
    pub(super) asset: usize,
    /// It opens a position or adds to one; it reduces one otherwise.
    pub(super) opens: bool,
}

impl Exchange {
    /// The whole policy, top to bottom; the first reason wins.
    pub(super) fn admit(&self, request: &NewOrder) -> Result<Admitted, Refusal> {
        let symbol = &request.symbol;
        let assets = self.market.assets();
        let asset = assets
            .binary_search_by(|asset| asset.symbol.cmp(symbol))
            .map_err(|_| Refusal::invalid(format!("asset \"{symbol}\" not found")))?;
        if request.quantity.0 <= 0 {
            return Err(Refusal::malformed("qty must be > 0"));
        }
        if let OrderKind::Limit(limit) = request.kind {
            check_tick(limit)?;
        }
        self.check_client_order_id(request)?;
        self.check_auction_hours(request.time_in_force)?;
        if self.marks[asset].is_none() {
            return Err(Refusal::invalid(format!("asset \"{symbol}\" has no price yet")));
        }
        let held = self.books.get(&asset).map_or(Shares(0), |book| book.quantity);
        self.check_wash(asset, held, request)?;
        let opens = held.0.signum() != -request.side.sign();
        if opens {
            self.check_buying_power(asset, request)?;
        } else {
            self.check_available(asset, held, request)?;
        }
        Ok(Admitted { asset, opens })
    }

    fn check_client_order_id(&self, request: &NewOrder) -> Result<(), Refusal> {
        let Some(id) = &request.client_order_id else {
            return Ok(());
        };
        if id.chars().count() > CLIENT_ORDER_ID_MAX {
            let message = "client_order_id must be no more than 128 characters";
            return Err(Refusal::malformed(message));
        }
        if self.by_client_id.contains_key(id) {
            return Err(Refusal::malformed("client_order_id must be unique"));
        }
        Ok(())
    }

    /// Alpaca takes orders for the opening auction until two minutes before it, and for the next
    /// session's from 19:00 on.
    fn check_auction_hours(&self, time_in_force: TimeInForce) -> Result<(), Refusal> {
        let local = self.market.calendar().local(self.now);
        let hours = Clock::constant(9, 28, 0, 0)..Clock::constant(19, 0, 0, 0);
        let sessions = self.market.calendar().sessions();
        let today = sessions.binary_search_by_key(&local.date(), |session| session.date);
        if time_in_force == TimeInForce::Opg && today.is_ok() && hours.contains(&local.time()) {
            return Err(Refusal::invalid(
                "opg orders are taken before 9:28am and after 7:00pm New York time",
            ));
        }
        Ok(())
    }

    /// Two open orders of one account must not be able to trade with each other.
    fn check_wash(&self, asset: usize, held: Shares, request: &NewOrder) -> Result<(), Refusal> {
        let orders = self.open.iter().map(|at| &self.orders[*at]);
        let mut opposite =
            orders.filter(|entry| entry.asset == asset && entry.state.side != request.side);
        let Some(existing) = opposite.next() else {
            return Ok(());
        };
        if request.side == Side::Sell && held.0 <= 0 {
            let message = "cannot open a short sell while a long buy order is open";
            return Err(Refusal::forbidden(message));
        }
        Err(Refusal::forbidden("potential wash trade detected. use complex orders")
            .with("existing_order_id", &existing.state.id)
            .with("reject_reason", &"opposite side market/stop order exists"))
    }

    fn check_buying_power(&self, asset: usize, request: &NewOrder) -> Result<(), Refusal> {
        if request.side == Side::Sell && self.equity() < SHORT_EQUITY_MIN {
            return Err(Refusal::forbidden("selling short takes an equity of $2000 at least"));
        }
        let cost = self.worst_value(asset, request.side, request.kind, request.quantity);
        let power = self.buying_power();
        if cost > i128::from(power.0) {
            let cost = Usd(i64::try_from(cost).unwrap_or(i64::MAX));
            return Err(Refusal::forbidden("insufficient buying power")
                .with("buying_power", &power)
                .with("cost_basis", &cost));
        }
        Ok(())
    }

    /// A position is closed before it is reversed, and open orders hold what they are about to close.
    fn check_available(
        &self,
        asset: usize,
        held: Shares,
        request: &NewOrder,
    ) -> Result<(), Refusal> {
        let reducing = |order: &OrderState| !order.opens;
        let reserved = self.open_quantity(asset, reducing);
        let (requested, available) = (request.quantity.0, held.abs().0 - reserved.0);
        if requested <= available {
            return Ok(());
        }
        let message = format!(
            "insufficient qty available for order (requested: {requested}, available: {available})"
        );
        Err(Refusal::forbidden(message)
            .with("available", &available)
            .with("existing_qty", &held.abs().0)
            .with("held_for_orders", &reserved.0)
            .with("symbol", &request.symbol))
    }
}

/// Whole cents from a dollar up, hundredths of a cent below.
fn check_tick(limit: Price) -> Result<(), Refusal> {
    if limit.0 <= 0 {
        return Err(Refusal::malformed("limit price must be > 0"));
    }
    let tick = if limit.0 >= 1_000_000 { 10_000 } else { 100 };
    if limit.0 % tick != 0 {
        return Err(Refusal::invalid(format!(
            "invalid limit_price {limit}. sub-penny increment does not fulfill minimum pricing criteria"
        )));
    }
    Ok(())
}
