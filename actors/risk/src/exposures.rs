//! What a book adds up to, and how far each sum may go.

use crate::portfolio::{Portfolio, share_of};
use messages::{PortfolioExposures, SectorNet, Usd};

/// Sums over a book, in micro-dollars. A name of unknown beta counts as zero, and the targets say so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) gross: f64,
    /// Gross if every order that adds fills and none that reduces does: what the gate will see.
    pub(crate) gross_worst: f64,
    pub(crate) net: f64,
    pub(crate) beta: f64,
    pub(crate) sectors: Vec<f64>,
    /// Traded to get there.
    turnover: f64,
    largest: f64,
}

impl Totals {
    /// `values` in micro-dollars, a row per name, traded to from the book now held.
    pub(crate) fn of(portfolio: &Portfolio, values: &[f64]) -> Self {
        let sectors = vec![0.0; portfolio.sectors.len()];
        let mut totals = Self { sectors, ..Self::default() };
        for (name, &value) in portfolio.names.iter().zip(values) {
            totals.gross += value.abs();
            let held = name.value(name.held.0);
            totals.gross_worst += value.abs().max(held.abs());
            totals.turnover += (value - held).abs();
            totals.net += value;
            totals.beta += name.beta.unwrap_or(0.0) * value;
            if let Some(sector) = name.sector {
                totals.sectors[sector] += value;
            }
            totals.largest = totals.largest.max(value.abs());
        }
        totals
    }

    pub(crate) fn exposures(&self, portfolio: &Portfolio) -> PortfolioExposures {
        // Without equity there is no fraction of it.
        let share = |x: f64| if portfolio.nav > 0.0 { x / portfolio.nav } else { 0.0 };
        let net =
            |(sector, net): (&String, &f64)| SectorNet { sector: sector.clone(), net: share(*net) };
        PortfolioExposures {
            gross: share(self.gross),
            net: share(self.net),
            beta: Some(share(self.beta)),
            sectors: portfolio.sectors.iter().zip(&self.sectors).map(net).collect(),
            name_largest: share(self.largest),
        }
    }
}

/// How far each total may go. Within [`Bounds::no_worse`] a limit that holds is kept, and one that a drifting
/// market broke does not get worse.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    gross: f64,
    gross_worst: f64,
    net: f64,
    beta: f64,
    sectors: Vec<f64>,
    turnover: f64,
}

impl Bounds {
    /// The limits, or what is held where that is more.
    pub(crate) fn no_worse(portfolio: &Portfolio) -> Self {
        let limits = Self::limits(portfolio);
        let now = Totals::of(portfolio, &portfolio.held());
        let sectors = limits.sectors.iter().zip(&now.sectors);
        Self {
            gross: limits.gross.max(now.gross),
            gross_worst: limits.gross_worst.max(now.gross_worst),
            net: limits.net.max(now.net.abs()),
            beta: limits.beta.max(now.beta.abs()),
            sectors: sectors.map(|(limit, now)| limit.max(now.abs())).collect(),
            turnover: limits.turnover,
        }
    }

    /// The limits themselves, whatever is held.
    pub(crate) fn limits(portfolio: &Portfolio) -> Self {
        let Portfolio { nav, limits, sectors, turnover_max, .. } = portfolio;
        let limit = |fraction: f64| share_of(Usd(*nav as i64), fraction).0 as f64;
        Self {
            gross: limit(limits.gross.min(limits.gross_max)),
            gross_worst: limit(limits.gross_max),
            net: limit(limits.net_max),
            beta: limit(limits.beta_max),
            sectors: vec![limit(limits.sector_net_max); sectors.len()],
            turnover: limit(*turnover_max),
        }
    }

    /// By how much `totals` go too far, summed over the limits; zero if every limit is met.
    pub(crate) fn excess(&self, totals: &Totals) -> f64 {
        self.excess_of_book(totals)
            + totals.sectors.iter().zip(&self.sectors).map(|(x, max)| over(*x, *max)).sum::<f64>()
    }

    fn excess_of_book(&self, totals: &Totals) -> f64 {
        over(totals.gross, self.gross)
            + over(totals.gross_worst, self.gross_worst)
            + over(totals.net, self.net)
            + over(totals.beta, self.beta)
            + over(totals.turnover, self.turnover)
    }

    /// By how much the excess changes if the name in `row` goes from one value to another.
    pub(crate) fn excess_change(
        &self,
        portfolio: &Portfolio,
        totals: &Totals,
        row: usize,
        (from, to): (f64, f64),
    ) -> f64 {
        let name = &portfolio.names[row];
        let held = name.value(name.held.0);
        let moved = Totals {
            gross: totals.gross + to.abs() - from.abs(),
            gross_worst: totals.gross_worst + to.abs().max(held.abs()) - from.abs().max(held.abs()),
            net: totals.net + to - from,
            beta: totals.beta + name.beta.unwrap_or(0.0) * (to - from),
            turnover: totals.turnover + (to - held).abs() - (from - held).abs(),
            sectors: Vec::new(),
            largest: 0.0,
        };
        let sector = name.sector.map_or(0.0, |sector| {
            let (net, max) = (totals.sectors[sector], self.sectors[sector]);
            over(net + to - from, max) - over(net, max)
        });
        self.excess_of_book(&moved) - self.excess_of_book(totals) + sector
    }

    /// Code and size of each limit that `totals` break: `BETA 0.01`.
    pub(crate) fn broken(&self, portfolio: &Portfolio, totals: &Totals) -> Vec<String> {
        let sizes = self.sums(portfolio, totals).into_iter();
        let broken = sizes.filter(|sum| over(sum.total, sum.limit) > 0.0);
        broken.map(|sum| format!("{} {:.4}", sum.code, sum.limit / portfolio.nav)).collect()
    }

    /// Code of each limit that `totals` all but reach, and its size.
    pub(crate) fn reached(&self, portfolio: &Portfolio, totals: &Totals) -> Vec<String> {
        let near = |sum: &Sum| sum.total.abs() >= sum.limit * (1.0 - NEAR);
        let sums = self.sums(portfolio, totals).into_iter().filter(near);
        sums.map(|sum| format!("{} {:.4}", sum.code, sum.limit / portfolio.nav)).collect()
    }

    /// By how much `totals` are beyond each limit, in words: `RELAXED` for those that may give way, `BROKEN` for those
    /// that only what was held before can break.
    pub(crate) fn beyond(&self, portfolio: &Portfolio, totals: &Totals) -> Vec<String> {
        let sums = self.sums(portfolio, totals).into_iter();
        let beyond = sums.filter(|sum| over(sum.total, sum.limit) > 0.0);
        let say = |sum: Sum| {
            let what = if sum.code.starts_with("GROSS") { "BROKEN" } else { "RELAXED" };
            format!("{what} {} {:.6}", sum.code, over(sum.total, sum.limit) / portfolio.nav)
        };
        beyond.map(say).collect()
    }

    fn sums(&self, portfolio: &Portfolio, totals: &Totals) -> Vec<Sum> {
        let sum = |code: &str, total, limit| Sum { code: code.to_owned(), total, limit };
        let mut sums = vec![
            sum("GROSS", totals.gross, self.gross),
            sum("GROSS_WORST", totals.gross_worst, self.gross_worst),
            sum("NET", totals.net, self.net),
            sum("BETA", totals.beta, self.beta),
            sum("TURNOVER", totals.turnover, self.turnover),
        ];
        for (sector, (net, max)) in totals.sectors.iter().zip(&self.sectors).enumerate() {
            sums.push(sum(&format!("SECTOR {}", portfolio.sectors[sector]), *net, *max));
        }
        sums
    }
}

/// A limit, and what it limits.
struct Sum {
    code: String,
    total: f64,
    limit: f64,
}

/// A limit that is met but for so small a part of it is reached.
const NEAR: f64 = 1e-3;

fn over(total: f64, max: f64) -> f64 {
    (total.abs() - max).max(0.0)
}
