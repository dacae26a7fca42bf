//! METHODS.md §7 on simple daily net returns: pure functions, conventions of empyrical-reloaded 0.7.1.
//!
//! A number that does not exist (a Sharpe of returns that never vary, anything of an empty series) is
//! `None`, never infinite and never zero in its place.

use crate::normal::normal_cdf;
use thiserror::Error;

/// Trading sessions a year.
pub const YEAR: f64 = 252.0;

/// A standard deviation below this is none.
const SD_MIN: f64 = 1e-12;

/// Finite returns, none below −1: the only series the functions below can be asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Returns(Vec<f64>);

#[derive(Clone, Debug, Error, PartialEq)]
#[error(
    "return {index} is {value}; a daily return is a finite number of at least -1: \
         leave the day out only if it was no session, else mend its source"
)]
pub struct BadReturn {
    pub index: usize,
    pub value: f64,
}

impl Returns {
    pub fn new(values: Vec<f64>) -> Result<Self, BadReturn> {
        let bad = |value: &f64| !value.is_finite() || *value < -1.0;
        match values.iter().position(bad) {
            Some(index) => Err(BadReturn { index, value: values[index] }),
            None => Ok(Self(values)),
        }
    }

    pub fn values(&self) -> &[f64] {
        &self.0
    }

    fn len(&self) -> f64 {
        self.0.len() as f64
    }

    /// Wealth that 1 became, at the start and after each day: one more than there are days.
    pub fn wealth(&self) -> Vec<f64> {
        let mut wealth = vec![1.0];
        for r in &self.0 {
            wealth.push(wealth[wealth.len() - 1] * (1.0 + r));
        }
        wealth
    }

    /// Π(1+r) − 1
    pub fn cumulative(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().map(|r| 1.0 + r).product::<f64>() - 1.0)
    }

    /// Π(1+r)^(252/T) − 1
    pub fn cagr(&self) -> Option<f64> {
        let grown = (1.0 + self.cumulative()?).powf(YEAR / self.len()) - 1.0;
        grown.is_finite().then_some(grown)
    }

    /// Sample standard deviation times √252.
    pub fn volatility(&self) -> Option<f64> {
        Some(sd(&self.0)? * YEAR.sqrt())
    }

    /// mean(r − rf) / sd · √252, `risk_free` per day.
    pub fn sharpe(&self, risk_free: f64) -> Option<f64> {
        Some(self.sharpe_daily(risk_free)? * YEAR.sqrt())
    }

    pub fn sharpe_daily(&self, risk_free: f64) -> Option<f64> {
        ratio(mean(&self.0)? - risk_free, sd(&self.0)?)
    }

    /// √mean(min(r − minimum, 0)²) · √252, every day in the mean.
    pub fn downside_risk(&self, minimum: f64) -> Option<f64> {
        let squares: Vec<f64> = self.0.iter().map(|r| (r - minimum).min(0.0).powi(2)).collect();
        Some((mean(&squares)? * YEAR).sqrt())
    }

    /// mean(r − minimum) · 252 / downside risk, `minimum` acceptable return per day.
    pub fn sortino(&self, minimum: f64) -> Option<f64> {
        ratio((mean(&self.0)? - minimum) * YEAR, self.downside_risk(minimum)?)
    }

    /// E / peak − 1 after each day; the starting equity counts as a peak.
    pub fn drawdowns(&self) -> Vec<f64> {
        let (mut wealth, mut peak) = (1.0, 1.0_f64);
        let step = |r: &f64| {
            wealth *= 1.0 + r;
            peak = peak.max(wealth);
            wealth / peak - 1.0
        };
        self.0.iter().map(step).collect()
    }

    /// The deepest drawdown: zero or negative.
    pub fn max_drawdown(&self) -> Option<f64> {
        self.drawdowns().into_iter().reduce(f64::min)
    }

    /// CAGR / |max drawdown|
    pub fn calmar(&self) -> Option<f64> {
        ratio(self.cagr()?, self.max_drawdown()?.abs())
    }

    /// `share` quantile of the returns, linear between order statistics.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let sorted = self.sorted();
        let at = share * (sorted.len().checked_sub(1)? as f64);
        let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
        Some(low + (high - low) * at.fract())
    }

    /// 5 % value at risk, as a return.
    pub fn value_at_risk(&self) -> Option<f64> {
        self.quantile(0.05)
    }

    /// Mean of the lowest ⌊(T−1)·0.05⌋ + 1 returns.
    pub fn conditional_value_at_risk(&self) -> Option<f64> {
        let worst = (self.0.len().checked_sub(1)? as f64 * 0.05).floor() as usize + 1;
        mean(&self.sorted()[..worst])
    }

    /// |95 % quantile / 5 % quantile|
    pub fn tail_ratio(&self) -> Option<f64> {
        ratio(self.quantile(0.95)?.abs(), self.quantile(0.05)?.abs())
    }

    /// Sum of gains over sum of losses (omega at a threshold of zero).
    pub fn profit_factor(&self) -> Option<f64> {
        let losses: f64 = self.0.iter().filter(|r| **r < 0.0).sum();
        ratio(self.0.iter().filter(|r| **r > 0.0).sum(), -losses)
    }

    /// Days with a gain over days that moved at all.
    pub fn win_rate(&self) -> Option<f64> {
        let moved = self.0.iter().filter(|r| **r != 0.0).count();
        ratio(self.wins(), moved as f64)
    }

    /// Days with a gain over all days.
    pub fn hit_rate(&self) -> Option<f64> {
        ratio(self.wins(), self.len())
    }

    /// R² of cumulative log return on time.
    pub fn stability(&self) -> Option<f64> {
        if self.0.contains(&-1.0) {
            return None;
        }
        let mut total = 0.0;
        let add = |r: &f64| {
            total += r.ln_1p();
            total
        };
        let logs: Vec<f64> = self.0.iter().map(add).collect();
        let days: Vec<f64> = (0..logs.len()).map(|day| day as f64).collect();
        let r = ratio(covariance(&logs, &days)?, sd(&logs)? * sd(&days)?)?;
        Some(r * r)
    }

    /// Third standardised moment of the sample itself (no bias correction).
    pub fn skewness(&self) -> Option<f64> {
        self.standardised_moment(3)
    }

    /// Fourth standardised moment of the sample itself: 3 for a normal distribution.
    pub fn kurtosis(&self) -> Option<f64> {
        self.standardised_moment(4)
    }

    /// cov(r, b) / var(b). `None` if the series differ in length.
    pub fn beta(&self, benchmark: &Returns) -> Option<f64> {
        let spread = sd(&benchmark.0)?;
        ratio(covariance(&self.0, &benchmark.0)?, spread).map(|slope| slope / spread)
    }

    /// (1 + mean(r − βb))^252 − 1
    pub fn alpha(&self, benchmark: &Returns) -> Option<f64> {
        let beta = self.beta(benchmark)?;
        let rest = mean(&self.0)? - beta * mean(&benchmark.0)?;
        Some((1.0 + rest).powf(YEAR) - 1.0)
    }

    /// sd(r − b) · √252
    pub fn tracking_error(&self, benchmark: &Returns) -> Option<f64> {
        Some(sd(&self.less(benchmark)?)? * YEAR.sqrt())
    }

    /// mean(r − b) / sd(r − b) · √252
    pub fn information_ratio(&self, benchmark: &Returns) -> Option<f64> {
        let active = self.less(benchmark)?;
        Some(ratio(mean(&active)?, sd(&active)?)? * YEAR.sqrt())
    }

    /// Probability that the true Sharpe ratio exceeds `benchmark` (per day), given skew and tails.
    pub fn probabilistic_sharpe(&self, benchmark: f64) -> Option<f64> {
        let sharpe = self.sharpe_daily(0.0)?;
        probabilistic_sharpe(sharpe, benchmark, self.len(), self.skewness()?, self.kurtosis()?)
    }

    /// Standard error of the annualised Sharpe ratio. For normal returns √((1+S²/2)/(T−1))·√252 with S
    /// per day; skew and fat tails widen it.
    pub fn sharpe_error(&self) -> Option<f64> {
        let sharpe = self.sharpe_daily(0.0)?;
        let error = sharpe_error_daily(sharpe, self.len(), self.skewness()?, self.kurtosis()?)?;
        Some(error * YEAR.sqrt())
    }

    fn wins(&self) -> f64 {
        self.0.iter().filter(|r| **r > 0.0).count() as f64
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    fn less(&self, benchmark: &Returns) -> Option<Vec<f64>> {
        let pairs = self.0.iter().zip(&benchmark.0);
        (self.0.len() == benchmark.0.len()).then(|| pairs.map(|(r, b)| r - b).collect())
    }

    fn standardised_moment(&self, power: i32) -> Option<f64> {
        let mean_of = |power: i32, center: f64| {
            mean(&self.0.iter().map(|r| (r - center).powi(power)).collect::<Vec<_>>())
        };
        let center = mean(&self.0)?;
        let spread = mean_of(2, center)?.sqrt();
        (spread > SD_MIN).then_some(mean_of(power, center)? / spread.powi(power))
    }
}

/// Σ|trades| / (2 · mean NAV), annualised from `sessions`.
pub fn turnover(traded: f64, nav_mean: f64, sessions: usize) -> Option<f64> {
    (sessions > 0 && nav_mean > 0.0).then(|| traded / (2.0 * nav_mean) * YEAR / sessions as f64)
}

/// Bailey and López de Prado 2012: Φ((S − S₀)·√(T−1) / √(1 − g₃S + (g₄−1)/4·S²)), all per day.
pub fn probabilistic_sharpe(
    sharpe: f64,
    benchmark: f64,
    days: f64,
    skewness: f64,
    kurtosis: f64,
) -> Option<f64> {
    let error = sharpe_error_daily(sharpe, days, skewness, kurtosis)?;
    ratio(sharpe - benchmark, error).map(normal_cdf)
}

/// Mertens 2002. Its radicand is at least (1 − g₃S/2)², since g₄ ≥ g₃² + 1.
fn sharpe_error_daily(sharpe: f64, days: f64, skewness: f64, kurtosis: f64) -> Option<f64> {
    let spread = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe;
    (days > 1.0).then(|| (spread.max(0.0) / (days - 1.0)).sqrt())
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn covariance(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 2 {
        return None;
    }
    let (mean_a, mean_b) = (mean(a)?, mean(b)?);
    let sum: f64 = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum();
    Some(sum / (a.len() - 1) as f64)
}

/// Sample standard deviation (T − 1).
fn sd(values: &[f64]) -> Option<f64> {
    covariance(values, values).map(f64::sqrt)
}

fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator >= SD_MIN).then(|| numerator / denominator)
}
