//! The gate between data and decisions: 100 % of the universe, every bar usable, or nothing trades.
//! Pure; the gateway and the backtest ask the same question of a session, `fetch` and `import` ask it of
//! a history (see [`crate::inspection`]).

use crate::defect::{Defect, defect, row};
use crate::events::Events;
use crate::moves::oddity;
use messages::{Bars, CoverageFailed, Member, Symbol};

/// Passes if every member that should have a bar has a usable one. `before`: the sessions before, as far
/// as they are known, of which the last bars are compared with today's.
///
/// # Errors
/// What is missing and what can't be used, in the order of `members`.
pub fn check(
    members: &[Member],
    bars: &Bars,
    before: &[&Bars],
    events: &Events,
) -> Result<(), CoverageFailed> {
    let mut failed = CoverageFailed {
        session: bars.session,
        expected: 0,
        got: 0,
        missing: Vec::new(),
        unusable: Vec::new(),
    };
    if !bars.is_well_formed() {
        failed.expected = members.len() as u32;
        failed.unusable.push("columns differ in length, or symbols repeat or don't ascend".into());
        return Err(failed);
    }
    for Member { symbol, .. } in members {
        if !events.expects(symbol, bars.session) {
            continue;
        }
        failed.expected += 1;
        let Some(index) = bars.row(symbol) else {
            failed.missing.push(symbol.clone());
            continue;
        };
        let explained = events.explains(symbol, bars.session);
        match judge(row(bars, index), last_bar(symbol, before), explained) {
            None => failed.got += 1,
            Some(defect) => failed.unusable.push(format!("{symbol}: {defect}")),
        }
    }
    // An empty universe is covered by nothing: it is a mistake, not a licence.
    if failed.got == failed.expected && failed.expected > 0 { Ok(()) } else { Err(failed) }
}

/// A bar before the one that is judged.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Before {
    pub row: [f64; 6],
    /// Of the very session before: what may be a copy.
    pub adjacent: bool,
}

/// Why a bar can't be used. `explained`: somebody vouches for its move.
pub(crate) fn judge(now: [f64; 6], before: Option<Before>, explained: bool) -> Option<Defect> {
    if let Some(defect) = defect(now) {
        return Some(defect);
    }
    let before = before?;
    // The raw close is left out: it comes from another request and may be the close itself.
    if before.adjacent && now[..5] == before.row[..5] {
        return Some(Defect::Stale);
    }
    let sound = defect(before.row).is_none();
    if explained || !sound { None } else { oddity(before.row, now) }
}

fn last_bar(symbol: &Symbol, before: &[&Bars]) -> Option<Before> {
    let back = before.iter().rev().enumerate();
    let mut bars = back.filter_map(|(age, bars)| Some((age, row(bars, bars.row(symbol)?))));
    bars.next().map(|(age, row)| Before { row, adjacent: age == 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Event, Kind};
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

    fn asked(bars: &Bars, before: &[Bars]) -> Result<(), CoverageFailed> {
        check(&members(), bars, &before.iter().collect::<Vec<_>>(), &Events::default())
    }

    /// `B` has this bar: what does the gate say?
    fn verdict(row: [f64; 6]) -> String {
        let result = asked(&bars(&[("A", GOOD), ("B", row)]), &[]);
        result.err().map_or("passes".into(), |failed| {
            assert_eq!((failed.expected, failed.got, failed.missing.len()), (2, 1, 0));
            failed.unusable.join("; ")
        })
    }

    #[test]
    fn the_whole_universe_or_nothing() {
        assert_eq!(asked(&bars(&[("A", GOOD), ("B", GOOD), ("C", GOOD)]), &[]), Ok(()));
        let failed = asked(&bars(&[("A", GOOD), ("C", GOOD)]), &[]).unwrap_err();
        assert_eq!((failed.expected, failed.got), (2, 1));
        assert_eq!(failed.missing, ["B".into()]);
        let nobody = check(&[], &bars(&[]), &[], &Events::default());
        assert!(nobody.is_err(), "no universe is no coverage");
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
    fn prior_art_28_a_bar_that_repeats_the_session_before_is_stale() {
        let mut moved = GOOD;
        moved[4] = 1_001.0;
        let now = bars(&[("A", moved), ("B", GOOD)]);
        let before = bars(&[("A", GOOD), ("B", GOOD)]);
        let failed = asked(&now, &[before]).unwrap_err();
        assert_eq!(failed.unusable, ["B: identical to the session before"]);
        assert_eq!(asked(&now, &[bars(&[("A", GOOD)])]), Ok(()), "newly listed");
        let twice = [bars(&[("A", GOOD), ("B", GOOD)]), bars(&[("A", GOOD)])];
        assert_eq!(asked(&now, &twice), Ok(()), "nothing traded in between");
    }

    #[test]
    fn malformed_cross_sections_never_pass() {
        let mut short = bars(&[("A", GOOD), ("B", GOOD)]);
        short.low.pop();
        assert!(asked(&short, &[]).is_err());
    }

    /// Not of the price in another unit, wherever the last bar before it is.
    #[test]
    fn a_bar_a_thousand_times_too_large_stops_the_day() {
        let large = [10.0, 12.0, 9.0, 11.0, 1_000.0, 11.0].map(|value| value * 1_000.0);
        let now = bars(&[("A", [10.0, 12.0, 9.0, 11.0, 900.0, 11.0]), ("B", large)]);
        let history = [bars(&[("A", GOOD), ("B", GOOD)]), bars(&[("A", GOOD)])];
        let failed = asked(&now, &history).unwrap_err();
        assert_eq!(failed.unusable.len(), 1);
        assert!(failed.unusable[0].starts_with("B: close 11000 after 11"), "{failed:?}");
    }

    #[test]
    fn a_halt_and_a_vouched_move_pass_on_their_day_only() {
        let event = |symbol: &str, kind, day| Event {
            symbol: symbol.into(),
            kind,
            from: day,
            through: day,
            note: "news".into(),
            amount: None,
        };
        let today = date(2024, 1, 3);
        let fallen = [4.0, 4.0, 2.0, 2.0, 9_000.0, 2.0];
        let now = bars(&[("B", fallen)]);
        let history = [bars(&[("A", GOOD), ("B", GOOD)])];
        let verdict = |day| {
            let events = vec![event("A", Kind::Halt, day), event("B", Kind::Move, day)];
            check(&members(), &now, &history.iter().collect::<Vec<_>>(), &Events::new(events))
        };
        assert_eq!(verdict(today), Ok(()));
        let failed = verdict(date(2024, 1, 2)).unwrap_err();
        assert_eq!((failed.missing.len(), failed.unusable.len()), (1, 1), "{failed:?}");
    }
}
