//! Average cost: the shares of one name as one lump.

use messages::{Price, Shares, Usd};

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Signed: negative is short.
    pub quantity: Shares,
    /// What the shares cost at average cost; negative for a short: what they brought in.
    pub cost: Usd,
}

impl Position {
    /// Average entry price, rounded to the nearest micro-dollar; zero of nothing.
    pub fn average(self) -> Price {
        match self.quantity.0 {
            0 => Price(0),
            quantity => Price(divide(i128::from(self.cost.0), i128::from(quantity))),
        }
    }

    /// Profit that this fill realises. A fill against the position first closes it at average
    /// cost; what is left of it opens a new one at its own price.
    pub fn fill(&mut self, change: Shares, price: Price) -> Usd {
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
    pub(crate) fn share_of_cost(self, closed: Shares) -> Usd {
        if closed == self.quantity {
            return self.cost;
        }
        let product = i128::from(self.cost.0) * i128::from(closed.0);
        Usd(divide(product, i128::from(self.quantity.0)))
    }
}

/// Nearest, half away from zero.
fn divide(numerator: i128, denominator: i128) -> i64 {
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let size = i64::try_from((n + d / 2) / d).expect("a share of an i64 is an i64");
    if (numerator < 0) == (denominator < 0) { size } else { -size }
}
