//! The book from fills alone. Every number is an integer, so nothing depends on the order in which
//! different names fill, and nothing is ever off by a rounding.

use messages::{Filled, Holding, Price, Shares, Symbol, Usd};
use std::collections::BTreeMap;

/// Cash, positions and realised profit of one account.
///
/// Always true: `cash + cost of the positions = opening cash + opening cost + realised`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    cash: Usd,
    realised: Usd,
    /// Without those that are flat.
    positions: BTreeMap<Symbol, Position>,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Signed: negative is short.
    pub quantity: Shares,
    /// What the shares cost at average cost; negative for a short: what they brought in.
    pub cost: Usd,
}

impl Position {
    /// Average entry price, rounded to the nearest micro-dollar.
    pub fn average(self) -> Price {
        Price(divide(i128::from(self.cost.0), i128::from(self.quantity.0)))
    }

    /// Profit that this fill realises. A fill against the position first closes it at average
    /// cost; what is left of it opens a new one at its own price.
    fn fill(&mut self, change: Shares, price: Price) -> Usd {
        let against = self.quantity.0.signum() == -change.0.signum();
        let closed = if against { self.quantity.0.abs().min(change.0.abs()) } else { 0 };
        let closed = Shares(closed * self.quantity.0.signum());
        let released = self.share_of_cost(closed);
        let opened = price.times(change + closed);
        self.quantity += change;
        self.cost += opened - released;
        price.times(closed) - released
    }

    /// Rounded; the whole cost when the whole position goes, so that no rounding outlives it.
    fn share_of_cost(self, closed: Shares) -> Usd {
        if closed == self.quantity {
            return self.cost;
        }
        let product = i128::from(self.cost.0) * i128::from(closed.0);
        Usd(divide(product, i128::from(self.quantity.0)))
    }
}

impl Ledger {
    pub fn new(cash: Usd, holdings: &[Holding]) -> Self {
        let position = |held: &Holding| Position {
            quantity: held.quantity,
            cost: held.average.times(held.quantity),
        };
        let held = holdings.iter().filter(|held| held.quantity.0 != 0);
        let positions = held.map(|held| (held.symbol.clone(), position(held))).collect();
        Self { cash, realised: Usd(0), positions }
    }

    pub fn fill(&mut self, fill: &Filled) {
        let change = fill.change();
        self.cash -= fill.price.times(change);
        let position = self.positions.entry(fill.symbol.clone()).or_default();
        self.realised += position.fill(change, fill.price);
        if position.quantity.0 == 0 {
            self.positions.remove(&fill.symbol);
        }
    }

    pub fn cash(&self) -> Usd {
        self.cash
    }

    /// Since the ledger was opened, by average cost.
    pub fn realised(&self) -> Usd {
        self.realised
    }

    pub fn positions(&self) -> &BTreeMap<Symbol, Position> {
        &self.positions
    }

    pub fn quantity(&self, symbol: &Symbol) -> Shares {
        self.positions.get(symbol).map_or(Shares(0), |position| position.quantity)
    }

    /// Cash plus positions at `marks`; `None` if a position has no mark.
    pub fn equity(&self, marks: &BTreeMap<Symbol, Price>) -> Option<Usd> {
        let value =
            |(symbol, held): (&Symbol, &Position)| Some(marks.get(symbol)?.times(held.quantity));
        let values: Option<Usd> = self.positions.iter().map(value).sum::<Option<Usd>>();
        Some(self.cash + values?)
    }
}

/// Nearest, half away from zero.
fn divide(numerator: i128, denominator: i128) -> i64 {
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let size = i64::try_from((n + d / 2) / d).expect("a share of an i64 is an i64");
    if (numerator < 0) == (denominator < 0) { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::Side;
    use proptest::prelude::*;

    fn fill(symbol: &str, change: i64, price: i64) -> Filled {
        Filled {
            client_order_id: "x".to_owned(),
            symbol: symbol.into(),
            side: if change > 0 { Side::Buy } else { Side::Sell },
            quantity: Shares(change.abs()),
            price: Price(price),
            cumulative: Shares(change.abs()),
            complete: true,
        }
    }

    fn dollars(amount: i64) -> i64 {
        amount * 1_000_000
    }

    #[test]
    fn average_cost_over_add_reduce_and_close() {
        let mut ledger = Ledger::new(Usd(dollars(10_000)), &[]);
        ledger.fill(&fill("A", 10, dollars(100)));
        ledger.fill(&fill("A", 30, dollars(120)));
        assert_eq!(ledger.positions()[&"A".into()].average(), Price(dollars(115)));
        ledger.fill(&fill("A", -20, dollars(130)));
        assert_eq!(ledger.realised(), Usd(dollars(20 * 15)));
        assert_eq!(ledger.positions()[&"A".into()].average(), Price(dollars(115)));
        ledger.fill(&fill("A", -20, dollars(110)));
        assert_eq!(ledger.realised(), Usd(dollars(300 - 100)));
        assert!(ledger.positions().is_empty());
        assert_eq!(ledger.cash(), Usd(dollars(10_200)));
    }

    #[test]
    fn a_fill_through_zero_closes_at_average_and_opens_at_its_own_price() {
        let mut ledger = Ledger::new(Usd(0), &[]);
        ledger.fill(&fill("A", -10, dollars(50)));
        ledger.fill(&fill("A", 15, dollars(40)));
        assert_eq!(ledger.realised(), Usd(dollars(100)));
        let left = ledger.positions()[&"A".into()];
        assert_eq!((left.quantity, left.average()), (Shares(5), Price(dollars(40))));
    }

    #[test]
    fn thirds_of_a_micro_dollar_do_not_get_lost() {
        let mut ledger = Ledger::new(Usd(0), &[]);
        ledger.fill(&fill("A", 2, 1_000_000));
        ledger.fill(&fill("A", 1, 1_000_001));
        for _ in 0..3 {
            ledger.fill(&fill("A", -1, 1_000_000));
        }
        assert_eq!((ledger.realised(), ledger.cash()), (Usd(-1), Usd(-1)));
    }

    fn fills() -> impl Strategy<Value = Vec<Filled>> {
        let one = (0..4usize, prop_oneof![-500..-1i64, 1..500i64], 1..2_000_000_000i64);
        let build = |(name, change, price): (usize, i64, i64)| {
            fill(["A", "B", "C", "D"][name], change, price)
        };
        prop::collection::vec(one.prop_map(build), 0..60)
    }

    proptest! {
        #[test]
        fn cash_plus_positions_is_equity_after_any_fills(fills in fills(), mark in 1..2_000_000_000i64) {
            let opening = vec![Holding {
                symbol: "A".into(),
                quantity: Shares(-77),
                average: Price(33_333_333),
                mark: Price(1),
            }];
            let mut ledger = Ledger::new(Usd(dollars(1_000)), &opening);
            for fill in &fills {
                ledger.fill(fill);
            }
            let paid: Usd = fills.iter().map(|fill| fill.price.times(fill.change())).sum();
            prop_assert_eq!(ledger.cash(), Usd(dollars(1_000)) - paid);
            let cost: Usd = ledger.positions().values().map(|held| held.cost).sum();
            let opened = Usd(dollars(1_000) - 77 * 33_333_333);
            prop_assert_eq!(ledger.cash() + cost, opened + ledger.realised());

            let marks = ["A", "B", "C", "D"].map(|name| (Symbol::from(name), Price(mark))).into();
            let shares: i64 = -77 + fills.iter().map(|fill| fill.change().0).sum::<i64>();
            let equity = ledger.cash() + Price(mark).times(Shares(shares));
            prop_assert_eq!(ledger.equity(&marks), Some(equity));
        }

        #[test]
        fn names_may_fill_in_any_order(fills in fills()) {
            let book = |fills: &[Filled]| {
                let mut ledger = Ledger::new(Usd(0), &[]);
                for fill in fills {
                    ledger.fill(fill);
                }
                ledger
            };
            let mut by_name = fills.clone();
            by_name.sort_by(|a, b| b.symbol.cmp(&a.symbol)); // stable: order within a name is kept
            prop_assert_eq!(book(&fills), book(&by_name));
        }
    }
}
