//! The gate between data and decisions: 100 % of the universe, every bar usable, or nothing trades.
//! Pure; the gateway and the backtest ask the same question.

use crate::defect::{Defect, defect, is_stale, row};
use messages::{Bars, CoverageFailed, Member};

/// Passes if every expected member has a usable bar that is not a copy of `previous`'s.
///
/// # Errors
/// What is missing and what can't be used, in the order of `expected`.
pub fn check(
    expected: &[Member],
    bars: &Bars,
    previous: Option<&Bars>,
) -> Result<(), CoverageFailed> {
    let mut failed = CoverageFailed {
        session: bars.session,
        expected: expected.len() as u32,
        got: 0,
        missing: Vec::new(),
        unusable: Vec::new(),
    };
    if !bars.is_well_formed() {
        failed.unusable.push("columns differ in length, or symbols repeat or don't ascend".into());
        return Err(failed);
    }
    for Member { symbol, .. } in expected {
        let Some(index) = bars.row(symbol) else {
            failed.missing.push(symbol.clone());
            continue;
        };
        let stale = || previous.is_some_and(|previous| is_stale(symbol, bars, previous));
        match defect(row(bars, index)).or_else(|| stale().then_some(Defect::Stale)) {
            None => failed.got += 1,
            Some(defect) => failed.unusable.push(format!("{symbol}: {defect}")),
        }
    }
    // An empty universe is covered by nothing: it is a mistake, not a licence.
    if failed.got == failed.expected && failed.expected > 0 { Ok(()) } else { Err(failed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const GOOD: [f64; 6] = [10.0, 12.0, 9.0, 11.0, 1_000.0, 11.0];

    fn members() -> Vec<Member> {
        ["A", "B"].map(|symbol| Member { symbol: symbol.into(), sector: "S".into() }).into()
    }

    fn bars(rows: &[(&str, [f64; 6])]) -> Bars {
        let mut bars = Bars::empty(date(2024, 1, 3));
        for (symbol, row) in rows {
            bars.push((*symbol).into(), *row);
        }
        bars
    }

    /// `B` has this bar: what does the gate say?
    fn verdict(row: [f64; 6]) -> String {
        let result = check(&members(), &bars(&[("A", GOOD), ("B", row)]), None);
        result.err().map_or("passes".into(), |failed| {
            assert_eq!((failed.expected, failed.got, failed.missing.len()), (2, 1, 0));
            failed.unusable.join("; ")
        })
    }

    #[test]
    fn the_whole_universe_or_nothing() {
        assert_eq!(
            check(&members(), &bars(&[("A", GOOD), ("B", GOOD), ("C", GOOD)]), None),
            Ok(())
        );
        let failed = check(&members(), &bars(&[("A", GOOD), ("C", GOOD)]), None).unwrap_err();
        assert_eq!((failed.expected, failed.got), (2, 1));
        assert_eq!(failed.missing, ["B".into()]);
        assert!(check(&[], &bars(&[]), None).is_err(), "no universe is no coverage");
    }

    #[test]
    fn one_line_for_each_unusable_bar() {
        let with = |column: usize, value: f64| {
            let mut row = GOOD;
            row[column] = value;
            verdict(row)
        };
        assert_eq!(verdict(GOOD), "passes");
        assert_eq!(with(3, f64::NAN), "B: close is not a finite number");
        assert_eq!(with(4, f64::INFINITY), "B: volume is not a finite number");
        assert_eq!(with(5, f64::NAN), "B: raw close is not a finite number");
        assert_eq!(with(2, -1.0), "B: low -1 is not positive");
        assert_eq!(with(0, 0.0), "B: open 0 is not positive");
        assert_eq!(with(1, 10.5), "B: high 10.5 below close 11");
        assert_eq!(with(2, 10.5), "B: low 10.5 above open 10");
        assert_eq!(with(4, 0.0), "B: volume 0");
        assert_eq!(with(1, 11.0 * (1.0 - 0.9e-6)), "passes", "32-bit rounding");
        assert_eq!(with(1, 11.0 * (1.0 - 1.2e-6)), "B: high 10.9999868 below close 11");
    }

    #[test]
    fn a_bar_that_repeats_the_session_before_is_stale() {
        let mut moved = GOOD;
        moved[4] = 1_001.0;
        let now = bars(&[("A", moved), ("B", GOOD)]);
        let before = bars(&[("A", GOOD), ("B", GOOD)]);
        let failed = check(&members(), &now, Some(&before)).unwrap_err();
        assert_eq!(failed.unusable, ["B: identical to the session before"]);
        assert_eq!(check(&members(), &now, Some(&bars(&[("A", GOOD)]))), Ok(()), "newly listed");
    }

    #[test]
    fn malformed_cross_sections_never_pass() {
        let mut short = bars(&[("A", GOOD), ("B", GOOD)]);
        short.low.pop();
        assert!(check(&members(), &short, None).is_err());
    }
}
