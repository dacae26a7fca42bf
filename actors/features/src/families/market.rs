//! Market model: beta, what is left of returns without it, and sector momentum.

use crate::transform::{MIN_NAMES, MIN_SECTOR, UNKNOWN_SECTOR};
use crate::window::{is_enough, positive, sd, sum, sums, sums_of_pairs};

/// Sessions of the regression, and of momentum before it skips the last month.
const LENGTH: usize = 252;
const SKIPPED: usize = 21;

/// Slope of a trailing regression on the market, and its squared standard error; NaN if unknown.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Line {
    pub(crate) slope: f64,
    pub(crate) error_squared: f64,
}

impl Line {
    pub(crate) const UNKNOWN: Self = Self { slope: f64::NAN, error_squared: f64::NAN };
}

/// Least squares with intercept of one symbol's log returns on the market's, over the same sessions.
pub(crate) fn line(returns: &[f64], market: &[f64]) -> Line {
    let [n, sum_r, sum_m] = sums_of_pairs(returns, market, |r, m| [1.0, r, m]);
    if !is_enough(n, returns.len()) {
        return Line::UNKNOWN;
    }
    let (mean_r, mean_m) = (sum_r / n, sum_m / n);
    let [mm, mr] = sums_of_pairs(returns, market, |r, m| {
        let (dr, dm) = (r - mean_r, m - mean_m);
        [dm * dm, dm * dr]
    });
    if mm <= 1e-12 {
        return Line::UNKNOWN;
    }
    let slope = mr / mm;
    let [unexplained] = sums_of_pairs(returns, market, |r, m| {
        let e = (r - mean_r) - slope * (m - mean_m);
        [e * e]
    });
    Line { slope, error_squared: unexplained / (n - 2.0) / mm }
}

/// Vasicek (1973): each slope is pulled to the mean slope of today's eligible names, the more the
/// less precise it is. With fewer than [`MIN_NAMES`] slopes the prior is mean 1, variance 0.16.
pub(crate) fn vasicek(lines: &[Line], eligible: &[bool]) -> Vec<f64> {
    let known: Vec<f64> = lines
        .iter()
        .zip(eligible)
        .filter(|(line, eligible)| **eligible && !line.slope.is_nan())
        .map(|(line, _)| line.slope)
        .collect();
    let (mean, variance) = if known.len() >= MIN_NAMES {
        let n = known.len() as f64;
        let mean = known.iter().sum::<f64>() / n;
        (mean, sums(&known, |b| [(b - mean) * (b - mean)])[0] / (n - 1.0))
    } else {
        (1.0, 0.16)
    };
    let shrink = |line: &Line| {
        let weight = variance / (variance + line.error_squared);
        weight * line.slope + (1.0 - weight) * mean
    };
    lines.iter().map(shrink).collect()
}

/// Of returns less today's beta times market.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Residuals {
    /// Standard deviation over 63 sessions, daily.
    pub(crate) sd_63: f64,
    pub(crate) resrev_5: f64,
    pub(crate) resmom_252_21: f64,
}

impl Residuals {
    pub(crate) const UNKNOWN: Self =
        Self { sd_63: f64::NAN, resrev_5: f64::NAN, resmom_252_21: f64::NAN };
}

/// `returns` and `market` over 252 sessions.
pub(crate) fn residuals(returns: &[f64], market: &[f64], beta: f64) -> Residuals {
    let mut e = [f64::NAN; LENGTH];
    for ((e, r), m) in e.iter_mut().zip(returns).zip(market) {
        *e = r - beta * m;
    }
    let sd_63 = sd(&e[LENGTH - 63..]);
    let resrev_5 = sum(&e[LENGTH - 5..]) / (positive(sd_63) * 5.0_f64.sqrt());
    Residuals { sd_63, resrev_5, resmom_252_21: skip_month_momentum(&e) }
}

/// Σe/(sd(e)·√n) without the last month; the whole year must have enough sessions.
fn skip_month_momentum(e: &[f64; LENGTH]) -> f64 {
    let [whole_year] = sums(e, |_| [1.0]);
    let [n, total] = sums(&e[..LENGTH - SKIPPED], |e| [1.0, e]);
    if !is_enough(whole_year, LENGTH) {
        return f64::NAN;
    }
    let mean = total / n;
    let [squares] = sums(&e[..LENGTH - SKIPPED], |e| [(e - mean) * (e - mean)]);
    total / (positive((squares / (n - 1.0)).sqrt()) * n.sqrt())
}

/// Mean 63-session return of the other eligible names in the sector: unknown in sectors of fewer than
/// [`MIN_SECTOR`].
pub(crate) fn sector_momentum(returns: &[f64], eligible: &[bool], sectors: &[usize]) -> Vec<f64> {
    let counts = |i: usize| eligible[i] && !returns[i].is_nan() && sectors[i] != UNKNOWN_SECTOR;
    let known = (0..returns.len()).filter(|&i| counts(i));
    let groups = known.clone().map(|i| sectors[i] + 1).max().unwrap_or(0);
    let mut sums = vec![(0_usize, 0.0); groups];
    for i in known.clone() {
        let (n, sum) = &mut sums[sectors[i]];
        *n += 1;
        *sum += returns[i];
    }
    let mut out = vec![f64::NAN; returns.len()];
    for i in known {
        let (n, sum) = sums[sectors[i]];
        if n >= MIN_SECTOR {
            out[i] = (sum - returns[i]) / (n - 1) as f64;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// METHODS.md §2: b 1.6, se² .04, b̄ 1.05, s_b² .09 → 1.430769.
    #[test]
    fn vasicek_vector() {
        let one = |slope, error_squared| Line { slope, error_squared };
        // 36 slopes with mean 1.05 and sample variance .09, and one that is not eligible
        let half = (0.09_f64 * 35.0 / 36.0).sqrt();
        let mut lines: Vec<_> = (0..36)
            .map(|i| one(if i % 2 == 0 { 1.05 - half } else { 1.05 + half }, 0.04))
            .collect();
        lines.push(one(1.6, 0.04));
        let eligible: Vec<_> = (0..37).map(|i| i < 36).collect();
        assert!((vasicek(&lines, &eligible)[36] - 1.430_769_230_769).abs() < 1e-9);
    }

    #[test]
    fn few_names_get_the_fixed_prior() {
        let lines = [Line { slope: 2.0, error_squared: 0.16 }, Line::UNKNOWN];
        let beta = vasicek(&lines, &[true, true]);
        assert!((beta[0] - 1.5).abs() < 1e-15 && beta[1].is_nan());
    }

    #[test]
    fn a_line_is_found_again() {
        let market: Vec<f64> = (0..252).map(|t| f64::from(t * 37 % 101) / 1e4).collect();
        let mut returns: Vec<f64> = market.iter().map(|m| 0.001 + 1.3 * m).collect();
        returns[7] = f64::NAN;
        let Line { slope, error_squared } = line(&returns, &market);
        assert!((slope - 1.3).abs() < 1e-12 && error_squared < 1e-20);
        assert!(line(&returns, &[0.01; 252]).slope.is_nan(), "a market that does not move");
    }

    #[test]
    fn sector_momentum_leaves_the_name_out() {
        let eligible = [true, true, true, false, true, true, true, true, true];
        let unknown = UNKNOWN_SECTOR;
        let sectors = [0, 0, 0, 0, 1, 1, unknown, unknown, unknown];
        let returns = [0.1, 0.2, 0.3, 9.0, 0.4, 0.5, 0.6, 0.7, 0.8];
        let out = sector_momentum(&returns, &eligible, &sectors);
        assert!((out[0] - 0.25).abs() < 1e-15 && (out[2] - 0.15).abs() < 1e-15);
        assert!(out[3..].iter().all(|x| x.is_nan()));
    }
}
