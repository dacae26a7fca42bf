//! What the model learns to rank by: what a holder earns from the open of t+1 to that of t+1+h, clipped, ranked
//! and made neutral to beta and sectors with the exposures of day t (METHODS.md §3).
//!
//! y = ln((O[t+1+h] + Σ dividends) / O[t+1]). A dividend counts whose ex-date lies after the entry's session and
//! not after the sale's: who buys on the ex-date does not get it. A name that has no bar at the exit, halted or
//! gone for good, keeps its label: it leaves at its last close within the holding period. To leave it out would
//! be to know at t that it stays. A name without an open at the entry could not be bought and has none.

use crate::dividends::Dividends;
use features::transform::{self, Neutral, Norm};
use messages::{Bars, Features, Symbol};

/// Log return per symbol over `held`, the sessions from the entry's to the exit's; NaN where there was no entry.
pub(crate) fn forward_returns(
    symbols: &[Symbol],
    held: &[Bars],
    dividends: Option<&Dividends>,
) -> Vec<f64> {
    symbols.iter().map(|symbol| forward_return(symbol, held, dividends)).collect()
}

fn forward_return(symbol: &Symbol, held: &[Bars], dividends: Option<&Dividends>) -> f64 {
    let [entry, .., exit] = held else { return f64::NAN };
    let Some(bought) = usable(entry, symbol, |bars| &bars.open) else { return f64::NAN };
    let at_exit = usable(exit, symbol, |bars| &bars.open).map(|price| (price, held));
    let last_close = || {
        let closed =
            |last: usize| Some((usable(&held[last], symbol, |bars| &bars.close)?, &held[..=last]));
        (0..held.len() - 1).rev().find_map(closed)
    };
    let Some((sold, held)) = at_exit.or_else(last_close) else { return f64::NAN };
    let paid = dividends.map_or(0.0, |dividends| dividends.paid(symbol, held));
    ((sold + paid) / bought).ln()
}

fn usable(bars: &Bars, symbol: &Symbol, column: fn(&Bars) -> &[f64]) -> Option<f64> {
    let price = column(bars)[bars.row(symbol)?];
    (price.is_finite() && price > 0.0).then_some(price)
}

/// Per row of `features`, whose sectors (by code) these are; NaN where ineligible or without a return.
pub(crate) fn neutral(features: &Features, sectors: &[usize], returns: &[f64]) -> Vec<f64> {
    let eligible: Vec<bool> = features
        .eligible
        .iter()
        .zip(returns)
        .map(|(eligible, value)| *eligible && value.is_finite())
        .collect();
    let beta = &features.exposures.beta;
    transform::cross_section(returns, &eligible, beta, sectors, Norm::Rank, Neutral::MarketSector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::Date;

    /// Opens at 10, 11, 12, …, closes half a dollar above; a name without a bar where it says `None`.
    fn held(factor: f64, there: [bool; 6]) -> Vec<Bars> {
        let day = |t: usize| {
            let mut bars = Bars::empty(Date::constant(2024, 3, 4 + t as i8));
            if there[t] {
                let (open, close) = ((10.0 + t as f64) * factor, (10.5 + t as f64) * factor);
                bars.push("A".into(), [open, close, open, close, 1e6, close / factor]);
            }
            bars
        };
        (0..6).map(day).collect()
    }

    fn earned(there: [bool; 6], dividends: Option<&Dividends>) -> f64 {
        forward_returns(&["A".into()], &held(1.0, there), dividends)[0]
    }

    const ALWAYS: [bool; 6] = [true; 6];

    #[test]
    fn from_open_to_open() {
        assert_eq!(earned(ALWAYS, None), (15.0_f64 / 10.0).ln());
    }

    #[test]
    fn prior_art_25_who_departs_leaves_at_the_last_close() {
        assert_eq!(earned([true, true, true, false, false, false], None), (12.5_f64 / 10.0).ln());
        assert_eq!(earned([true, false, false, false, false, false], None), (10.5_f64 / 10.0).ln());
        // Halted over the exit: the same, what comes after the exit is no part of the label.
        assert_eq!(earned([true, true, true, true, true, false], None), (14.5_f64 / 10.0).ln());
        // Halted in between only.
        assert_eq!(earned([true, false, false, true, true, true], None), (15.0_f64 / 10.0).ln());
    }

    #[test]
    fn who_could_not_be_bought_has_no_label() {
        assert!(earned([false, true, true, true, true, true], None).is_nan());
    }

    #[test]
    fn prior_art_25_a_dividend_counts_for_who_held_it_before() {
        let on = |day: i8| {
            let dividends = [("A".into(), Date::constant(2024, 3, day), 2.0)];
            earned(ALWAYS, Some(&Dividends::new(dividends)))
        };
        let (without, with) = ((15.0_f64 / 10.0).ln(), (17.0_f64 / 10.0).ln());
        assert_eq!(on(4), without, "bought on the ex-date");
        assert_eq!([on(5), on(7), on(9)], [with; 3], "also when sold at the open of the ex-date");
        assert_eq!(on(10), without);
    }

    /// Who sold at the last close there was did not hold it on a later ex-date.
    #[test]
    fn a_dividend_after_the_last_close_is_not_earned() {
        let there = [true, true, true, false, false, false];
        let on = |day: i8| {
            let dividends = [("A".into(), Date::constant(2024, 3, day), 2.0)];
            earned(there, Some(&Dividends::new(dividends)))
        };
        let (without, with) = ((12.5_f64 / 10.0).ln(), (14.5_f64 / 10.0).ln());
        assert_eq!([on(5), on(6)], [with; 2], "held over the ex-date");
        assert_eq!([on(7), on(8), on(9)], [without; 3], "sold before it");
    }

    /// Two dollars as paid are one in bars that a later split has halved.
    #[test]
    fn a_dividend_is_adjusted_as_the_bars_are() {
        let dividends = Dividends::new([("A".into(), Date::constant(2024, 3, 6), 2.0)]);
        let earned =
            |factor| forward_returns(&["A".into()], &held(factor, ALWAYS), Some(&dividends))[0];
        assert_eq!(earned(0.5), earned(1.0));
    }
}
