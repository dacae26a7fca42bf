//! Market model: beta, what is left of returns without it, and sector momentum.

use crate::lanes::Lanes;
use crate::series::{MARKET_SESSIONS, QUARTER, Series, WEEK, YEAR, YEAR_BUT_LAST_MONTH};
use crate::transform::{MIN_NAMES, MIN_SECTOR, UNKNOWN_SECTOR};
use crate::window::enough;

/// Slope of a trailing regression on the market, and its squared standard error; NaN if unknown.
///
/// Least squares with intercept of log returns on the market's, over the sessions that have both.
#[inline(always)]
pub(crate) fn regression(s: &Series, b: usize) -> [Lanes; 2] {
    let window = s.returns_and_market.window(b, YEAR);
    let n = at_least(window.n(), enough(MARKET_SESSIONS));
    let market = window.scatter_yy().zip(n, |mm, n| if mm / n > 1e-12 { mm } else { f64::NAN });
    let covariance = window.scatter_xy();
    let slope = covariance / market;
    let unexplained = (window.scatter_xx() - slope * covariance).max(Lanes::ZERO);
    // (Σe²/n)/(n−2)/(Σm²/n): what both scatters have too much cancels out
    [slope, unexplained / (n - Lanes::all(2.0)) / market]
}

#[inline(always)]
fn at_least(count: Lanes, least: u32) -> Lanes {
    count.map(|n| if n >= f64::from(least) { n } else { f64::NAN })
}

/// Vasicek (1973): each slope is pulled to the mean slope of today's eligible names, the more the
/// less precise it is. With fewer than [`MIN_NAMES`] slopes the prior is mean 1, variance 0.16.
#[inline(always)]
pub(crate) fn vasicek(slopes: &[f64], errors_squared: &[f64], eligible: &[bool]) -> Vec<f64> {
    let known = || {
        let eligible =
            slopes.iter().zip(eligible).filter(|(slope, eligible)| **eligible && !slope.is_nan());
        eligible.map(|(slope, _)| *slope)
    };
    let n = known().count();
    let (mean, variance) = if n >= MIN_NAMES {
        let mean = known().sum::<f64>() / n as f64;
        (mean, known().map(|b| (b - mean) * (b - mean)).sum::<f64>() / (n - 1) as f64)
    } else {
        (1.0, 0.16)
    };
    let shrink = |(slope, error_squared): (&f64, &f64)| {
        let weight = variance / (variance + error_squared);
        weight * slope + (1.0 - weight) * mean
    };
    slopes.iter().zip(errors_squared).map(shrink).collect()
}

/// Of returns less today's beta times market.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Residuals {
    /// Standard deviation over 63 sessions, daily.
    pub(crate) sd_63: Lanes,
    pub(crate) resrev_5: Lanes,
    pub(crate) resmom_252_21: Lanes,
}

/// What the residuals' sums are follows from those of returns and market, which don't know beta.
#[inline(always)]
pub(crate) fn residuals(s: &Series, b: usize, beta: Lanes) -> Residuals {
    let n_and_sd = |stretch| {
        let window = s.returns_and_market.window(b, stretch);
        let squares = window.scatter_xx() - beta * window.scatter_xy() * 2.0
            + beta.squared() * window.scatter_yy();
        let n = window.n();
        (n, (squares / (n * (n - Lanes::all(1.0)))).sqrt())
    };
    let sum = |stretch| {
        let window = s.returns_and_market.window(b, stretch);
        window.x() - beta * window.y()
    };
    let whole_year = s.returns_and_market.window(b, YEAR).n();
    let (n_63, sd_63) = n_and_sd(QUARTER);
    let sd_63 = sd_63.where_known(at_least(n_63, enough(63)));
    let week = at_least(s.returns_and_market.window(b, WEEK).n(), enough(5));
    let resrev_5 = sum(WEEK).where_known(week) / (sd_63.positive() * 5.0_f64.sqrt());
    // Σe/(sd(e)·√n) without the last month; the whole year must have enough sessions
    let (n, sd) = n_and_sd(YEAR_BUT_LAST_MONTH);
    let resmom_252_21 = sum(YEAR_BUT_LAST_MONTH) / (sd.positive() * n.sqrt());
    let whole_year = at_least(whole_year, enough(MARKET_SESSIONS));
    Residuals { sd_63, resrev_5, resmom_252_21: resmom_252_21.where_known(whole_year) }
}

/// Mean 63-session return of the other eligible names in the sector: unknown in sectors of fewer than
/// [`MIN_SECTOR`].
#[inline(always)]
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
    use crate::series::Bar;

    /// METHODS.md §2: b 1.6, se² .04, b̄ 1.05, s_b² .09 → 1.430769.
    #[test]
    fn vasicek_vector() {
        // 36 slopes with mean 1.05 and sample variance .09, and one that is not eligible
        let half = (0.09_f64 * 35.0 / 36.0).sqrt();
        let mut slopes: Vec<_> =
            (0..36).map(|i| if i % 2 == 0 { 1.05 - half } else { 1.05 + half }).collect();
        slopes.push(1.6);
        let eligible: Vec<_> = (0..37).map(|i| i < 36).collect();
        assert!((vasicek(&slopes, &[0.04; 37], &eligible)[36] - 1.430_769_230_769).abs() < 1e-9);
    }

    #[test]
    fn few_names_get_the_fixed_prior() {
        let beta = vasicek(&[2.0, f64::NAN], &[0.16, f64::NAN], &[true, true]);
        assert!((beta[0] - 1.5).abs() < 1e-15 && beta[1].is_nan());
    }

    /// A name whose log returns are 0.001 + 1.3 times the market's, but for one halt.
    #[test]
    fn a_line_is_found_again() {
        let market = |t: i32| f64::from(t * 37 % 101) / 1e4;
        let mut series = Series::new(1);
        let mut close = 100.0_f64;
        for t in 0..260 {
            close *= (0.001 + 1.3 * market(t)).exp();
            let bar = [close, close * 1.01, close * 0.99, close, 1e6, close];
            let mut bars = Bar::NONE;
            if t != 200 {
                (0..8).for_each(|lane| bars.set(lane, bar));
            }
            series.push(0, &bars, i64::from(t));
            series.push_market(0, market(t));
        }
        let [slope, error_squared] = regression(&series, 0);
        assert!(
            (slope.0[5] - 1.3).abs() < 1e-10 && error_squared.0[5] < 1e-17,
            "{error_squared:?}"
        );
        let residuals = residuals(&series, 0, Lanes::all(1.3));
        assert!(residuals.sd_63.0[0] < 1e-9, "{residuals:?}");
        for t in 260..520 {
            series.push(0, &Bar::NONE, t);
            series.push_market(0, 0.01);
        }
        assert!(regression(&series, 0)[0].0[0].is_nan(), "nothing is known");
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
