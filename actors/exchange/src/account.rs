//! What the account is worth: cash, positions, buying power.

use super::exchange::Exchange;
use super::order::{OrderKind, OrderState, average};
use messages::{Price, Shares, Side, Symbol, Usd};

/// All amounts at the last price: the previous close before the open, the open during a session, the
/// close after it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub cash: Usd,
    /// Cash plus the value of all positions, exactly.
    pub equity: Usd,
    /// Equity at the close of the last session before today.
    pub last_equity: Usd,
    pub long_value: Usd,
    /// Not positive.
    pub short_value: Usd,
    /// What new positions may cost: the leverage limit times equity, less positions and open orders.
    pub buying_power: Usd,
    /// Half of the gross value (Regulation T) and 30 % of it.
    pub initial_margin: Usd,
    pub maintenance_margin: Usd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionState {
    pub asset_id: String,
    pub symbol: Symbol,
    /// Signed: negative is short.
    pub quantity: Shares,
    /// Not held by open orders that reduce it; signed.
    pub available: Shares,
    /// Average entry price, rounded to $0.000001.
    pub average: Price,
    pub mark: Price,
    /// Quantity times mark, and what was paid; negative for a short.
    pub value: Usd,
    pub cost: Usd,
    /// Close of the last session before today, if the symbol has one.
    pub last_close: Option<Price>,
}

/// One position: signed quantity, and what it cost.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) quantity: Shares,
    pub(super) cost: Usd,
}

impl Book {
    /// Adding adds what it cost; reducing keeps the average price.
    ///
    /// # Panics
    /// If the position changes sign at a stroke: admission makes sure that it can't.
    pub(super) fn after(self, change: Shares, price: Price) -> Self {
        let quantity = self.quantity + change;
        if self.quantity.0.signum() * change.0.signum() >= 0 {
            return Self { quantity, cost: self.cost + price.times(change) };
        }
        assert!(self.quantity.0.signum() * quantity.0.signum() >= 0, "a position crossed zero");
        let cost = i128::from(self.cost.0) * i128::from(quantity.0) / i128::from(self.quantity.0);
        Self { quantity, cost: Usd(i64::try_from(cost).expect("smaller than it was")) }
    }
}

impl Exchange {
    pub fn account(&self) -> Account {
        let (long_value, short_value) = self.values();
        let gross = long_value.0 - short_value.0;
        Account {
            cash: self.cash,
            equity: self.equity(),
            last_equity: self.last_equity(),
            long_value,
            short_value,
            buying_power: self.buying_power(),
            initial_margin: Usd(gross / 2),
            maintenance_margin: Usd(gross / 10 * 3),
        }
    }

    /// Ascending by symbol.
    pub fn positions(&self) -> Vec<PositionState> {
        let days_before = self.sessions_before_today();
        let state = |(asset, book): (&usize, &Book)| {
            let info = &self.market.assets()[*asset];
            let mark = self.mark(*asset);
            let reducing = |order: &OrderState| !order.opens;
            let held = self.open_quantity(*asset, reducing);
            PositionState {
                asset_id: info.id.clone(),
                symbol: info.symbol.clone(),
                quantity: book.quantity,
                available: Shares(book.quantity.0 - book.quantity.0.signum() * held.0),
                average: average(book.cost, book.quantity),
                mark,
                value: mark.times(book.quantity),
                cost: book.cost,
                last_close: self.market.last_close(days_before, &info.symbol),
            }
        };
        self.books.iter().map(state).collect()
    }

    pub(super) fn equity(&self) -> Usd {
        let (long, short) = self.values();
        self.cash + long + short
    }

    /// Never negative.
    pub(super) fn buying_power(&self) -> Usd {
        let (long, short) = self.values();
        let limit = i128::from(self.config.leverage_max) * i128::from(self.equity().0);
        let reserved: i128 = self
            .open
            .iter()
            .map(|at| &self.orders[*at])
            .filter(|entry| entry.state.opens)
            .map(|entry| {
                let order = &entry.state;
                self.worst_value(entry.asset, order.side, order.kind, order.remaining())
            })
            .sum();
        let left = limit - i128::from(long.0) + i128::from(short.0) - reserved;
        Usd(i64::try_from(left.max(0)).unwrap_or(i64::MAX))
    }

    /// What an order that opens is counted at, in micro-dollars: a buy at its limit, or 4 % above the
    /// last price; a short sale at 3 % above the last price, or its limit if that is higher.
    pub(super) fn worst_value(
        &self,
        asset: usize,
        side: Side,
        kind: OrderKind,
        quantity: Shares,
    ) -> i128 {
        let last = i128::from(self.mark(asset).0);
        let price = match (side, kind) {
            (Side::Buy, OrderKind::Limit(limit)) => i128::from(limit.0),
            (Side::Buy, OrderKind::Market) => last * 104 / 100,
            (Side::Sell, OrderKind::Limit(limit)) => i128::from(limit.0).max(last * 103 / 100),
            (Side::Sell, OrderKind::Market) => last * 103 / 100,
        };
        price * i128::from(quantity.0)
    }

    /// What open orders of the symbol that `counts` may still fill.
    pub(super) fn open_quantity(
        &self,
        asset: usize,
        counts: impl Fn(&OrderState) -> bool,
    ) -> Shares {
        let entries = self.open.iter().map(|at| &self.orders[*at]);
        let counted = entries.filter(|entry| entry.asset == asset && counts(&entry.state));
        counted.map(|entry| entry.state.remaining()).sum()
    }

    /// Admission lets nobody trade a symbol that never had a price.
    pub(super) fn mark(&self, asset: usize) -> Price {
        self.marks[asset].expect("held or ordered, so it has a price")
    }

    pub(super) fn mark_from_history(&mut self) {
        let calendar = self.market.calendar();
        let (closed, on) = (calendar.closed_by(self.now), calendar.session_at(self.now));
        let market = &self.market;
        let last = |symbol: &Symbol| {
            on.and_then(|session| market.open(session, symbol))
                .or_else(|| market.last_close(closed, symbol))
        };
        self.marks = market.assets().iter().map(|asset| last(&asset.symbol)).collect();
    }

    /// New prices for the symbols that have any in `session`.
    pub(super) fn mark_session(&mut self, session: usize, opening: bool) {
        let market = &self.market;
        let bars = &market.bars()[session];
        let mut row = 0;
        for (asset, mark) in market.assets().iter().zip(&mut self.marks) {
            if bars.symbols.get(row) != Some(&asset.symbol) {
                continue;
            }
            let price = if opening {
                market.open(session, &asset.symbol)
            } else {
                Price::from_f64(bars.close[row])
            };
            *mark = price.or(*mark);
            row += 1;
        }
    }

    /// Of long and of short positions.
    fn values(&self) -> (Usd, Usd) {
        let value = |(asset, book): (&usize, &Book)| self.mark(*asset).times(book.quantity);
        let values = || self.books.iter().map(value);
        (values().filter(|usd| usd.0 > 0).sum(), values().filter(|usd| usd.0 < 0).sum())
    }

    fn last_equity(&self) -> Usd {
        let today = self.market.calendar().local(self.now).date();
        let before = |close: &&Option<_>| matches!(close, Some((date, _)) if *date < today);
        let last = self.closing_equity.iter().rev().find(before).copied().flatten();
        last.map_or(self.config.cash, |(_, equity)| equity)
    }

    fn sessions_before_today(&self) -> usize {
        let calendar = self.market.calendar();
        let today = calendar.local(self.now).date();
        calendar.sessions().partition_point(|session| session.date < today)
    }
}
