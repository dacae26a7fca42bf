//! How an order that meets the market fills.

use super::account::Book;
use super::costs::{Fillable, against};
use super::exchange::Exchange;
use super::order::{Fill, OrderKind};
use messages::{Price, Shares, Side, TimeInForce};

impl Exchange {
    /// At the open of `session`, as far as price limit and volume allow; perhaps not at all.
    pub(super) fn meet_open(&mut self, at: usize, session: usize, auction: bool) {
        let (asset, order) = (self.orders[at].asset, &self.orders[at].state);
        let (side, kind) = (order.side, order.kind);
        let quantity = order.remaining().min(self.obtainable(asset, session));
        let market = &self.market;
        let terms =
            market.open(session, &order.symbol).zip(market.liquidity(session, &order.symbol));
        let Some((open, liquidity)) = terms.filter(|_| quantity.0 > 0) else {
            return;
        };
        if !within(kind, side, open) {
            return;
        }
        let dollars = open.times(quantity).to_f64();
        let before = self.executed.get(&asset).map_or(0.0, |executed| match side {
            Side::Buy => executed.bought,
            Side::Sell => executed.sold,
        });
        let fillable = Fillable { price: open, liquidity, auction };
        let price = against(side, open, fillable.bp(&self.config.costs, before, dollars));
        self.fill(at, quantity, at_most(kind, side, price), dollars);
    }

    /// A resting limit order that the session traded through, at its limit.
    pub(super) fn meet_range(&mut self, at: usize, session: usize) {
        let (asset, order) = (self.orders[at].asset, &self.orders[at].state);
        let quantity = order.remaining().min(self.obtainable(asset, session));
        let OrderKind::Limit(limit) = order.kind else {
            return;
        };
        if quantity.0 <= 0 || order.time_in_force != TimeInForce::Day {
            return;
        }
        let traded_through =
            self.market.range(session, &order.symbol).is_some_and(|(low, high)| match order.side {
                Side::Buy => low < limit,
                Side::Sell => high > limit,
            });
        if traded_through && self.market.liquidity(session, &order.symbol).is_some() {
            self.fill(at, quantity, limit, limit.times(quantity).to_f64());
        }
    }

    /// What is left of the account's share of the session's volume.
    fn obtainable(&self, asset: usize, session: usize) -> Shares {
        let volume = self.market.volume(session, &self.market.assets()[asset].symbol);
        let limit = (volume.0 as f64 * self.config.volume_share_max) as i64;
        Shares(limit - self.executed.get(&asset).map_or(0, |executed| executed.shares))
    }

    /// `dollars` is the value that the impact of later orders counts from.
    fn fill(&mut self, at: usize, quantity: Shares, price: Price, dollars: f64) {
        let (asset, order) = (self.orders[at].asset, &mut self.orders[at].state);
        let value = price.times(quantity);
        order.filled += quantity;
        order.filled_value += value;
        let executed = self.executed.entry(asset).or_default();
        executed.shares += quantity.0;
        let change = match order.side {
            Side::Buy => {
                executed.bought += dollars;
                self.cash -= value;
                quantity
            }
            Side::Sell => {
                executed.sold += dollars;
                self.cash += value;
                -quantity
            }
        };
        let book = self.books.get(&asset).copied().unwrap_or_default().after(change, price);
        if book == Book::default() {
            self.books.remove(&asset);
        } else {
            self.books.insert(asset, book);
        }
        let order = &self.orders[at].state;
        let fill = Fill {
            id: self.ids.next(),
            order_id: order.id.clone(),
            symbol: order.symbol.clone(),
            side: order.side,
            quantity,
            price,
            cumulative: order.filled,
            leaves: order.remaining(),
            position: book.quantity,
            at: self.now,
        };
        self.tell_fill(at, fill);
    }
}

/// Whether `price` is one that the order accepts.
fn within(kind: OrderKind, side: Side, price: Price) -> bool {
    match (kind, side) {
        (OrderKind::Market, _) => true,
        (OrderKind::Limit(limit), Side::Buy) => price <= limit,
        (OrderKind::Limit(limit), Side::Sell) => price >= limit,
    }
}

/// `price`, but no worse than the limit.
fn at_most(kind: OrderKind, side: Side, price: Price) -> Price {
    match (kind, side) {
        (OrderKind::Market, _) => price,
        (OrderKind::Limit(limit), Side::Buy) => price.min(limit),
        (OrderKind::Limit(limit), Side::Sell) => price.max(limit),
    }
}
