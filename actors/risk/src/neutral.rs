//! Books and views without exposure to the market, to beta or to a sector.

use crate::portfolio::{Name, Portfolio};

/// Projection onto the books without exposure to the market, to beta or to a sector.
///
/// By Frisch and Waugh: take each sector's mean away (which takes the market's with it), then the component
/// along beta less its sector means. Rank-safe: beta that is constant within every sector has none left.
pub(crate) struct Neutral<'a> {
    portfolio: &'a Portfolio,
    /// Free rows by sector; sectors without one can't be neutralised.
    members: Vec<Vec<usize>>,
    /// Beta less its sector mean, zero for rows that are not free.
    beta_within: Vec<f64>,
    beta_within_squared: f64,
}

impl<'a> Neutral<'a> {
    pub(crate) fn new(portfolio: &'a Portfolio, free: &[usize]) -> Self {
        let names = &portfolio.names;
        let mut members = vec![Vec::new(); portfolio.sectors.len()];
        for &row in free {
            members[names[row].sector.expect("a name with a view has a sector")].push(row);
        }
        let mut beta_within = vec![0.0; names.len()];
        for rows in members.iter().filter(|rows| !rows.is_empty()) {
            let betas = rows.iter().map(|&row| beta(&names[row]));
            let mean = betas.sum::<f64>() / rows.len() as f64;
            for &row in rows {
                beta_within[row] = beta(&names[row]) - mean;
            }
        }
        let size: f64 = free.iter().map(|&row| beta(&names[row]).powi(2)).sum();
        let within: f64 = beta_within.iter().map(|beta| beta * beta).sum();
        let beta_within_squared = if within > 1e-9 * size { within } else { 0.0 };
        Self { portfolio, members, beta_within, beta_within_squared }
    }

    pub(crate) fn project(&self, weights: &mut [f64]) {
        let names = &self.portfolio.names;
        let mut nets = vec![0.0; self.members.len()];
        for (name, weight) in names.iter().zip(&*weights) {
            if let Some(sector) = name.sector {
                nets[sector] += weight;
            }
        }
        for (rows, net) in self.members.iter().zip(nets) {
            for &row in rows {
                weights[row] -= net / rows.len() as f64;
            }
        }
        if self.beta_within_squared > 0.0 {
            let total: f64 = names.iter().zip(&*weights).map(|(name, w)| beta(name) * w).sum();
            for (weight, within) in weights.iter_mut().zip(&self.beta_within) {
                *weight -= within * total / self.beta_within_squared;
            }
        }
    }
}

pub(crate) fn beta(name: &Name) -> f64 {
    name.beta.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::{Neutral, beta};
    use crate::portfolio::{Bound, Name, Portfolio, Stance};
    use messages::{Limits, Price, Shares, Symbol};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn portfolio(rows: &[(usize, f64)]) -> Portfolio {
        let bound = Bound { shares: 0, limit: "", size: 0.0 };
        let name = |&(sector, beta): &(usize, f64)| Name {
            symbol: Symbol::from("X"),
            sector: Some(sector),
            held: Shares(0),
            mark: Price(1_000_000),
            beta: Some(beta),
            sigma_daily: None,
            adv: None,
            stance: Stance::Keep(""),
            lowest: bound,
            highest: bound,
        };
        let limits = Limits {
            gross: 1.0,
            gross_max: 1.0,
            name_max: 1.0,
            net_max: 0.0,
            beta_max: 0.0,
            sector_net_max: 0.0,
            adv_share_max: 1.0,
            order_max: 1.0,
        };
        let sectors = (0..4).map(|sector| sector.to_string()).collect();
        Portfolio {
            nav: 1.0,
            limits,
            sectors,
            names: rows.iter().map(name).collect(),
            over_gross_max: false,
            reducing: None,
            session: messages::Date::constant(2024, 1, 3),
            rules: None,
            edge: None,
            factors: None,
            turnover_max: f64::INFINITY,
        }
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    proptest! {
        /// An orthogonal projection is known by two things: what it leaves has no exposure, and what it takes
        /// away is orthogonal to every book without exposure. Betas include constant ones.
        #[test]
        fn neutral_is_the_orthogonal_projection(
            rows in vec((0_usize..4, prop_oneof![Just(1.0), 0.2..2.0]), 1..30),
            weights in vec(-1.0..1.0, 30),
            other in vec(-1.0..1.0, 30),
        ) {
            let portfolio = portfolio(&rows);
            let free: Vec<usize> = (0..rows.len()).collect();
            let neutral = Neutral::new(&portfolio, &free);
            let before = &weights[..rows.len()];
            let (mut after, mut other) = (before.to_vec(), other[..rows.len()].to_vec());
            neutral.project(&mut after);
            neutral.project(&mut other);
            let betas: Vec<f64> = portfolio.names.iter().map(beta).collect();
            prop_assert!(dot(&betas, &after).abs() < 1e-6, "{after:?}");
            for sector in 0..4 {
                let member = |&(of, _): &(usize, f64)| f64::from(u8::from(of == sector));
                let dummy: Vec<f64> = rows.iter().map(member).collect();
                prop_assert!(dot(&dummy, &after).abs() < 1e-9);
            }
            let taken: Vec<f64> = before.iter().zip(&after).map(|(a, b)| a - b).collect();
            prop_assert!(dot(&taken, &other).abs() < 1e-6, "{taken:?} {other:?}");
        }
    }
}
