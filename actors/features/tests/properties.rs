//! What must hold on any market (METHODS.md §1, "Required tests").

mod common;

use common::panel::Panel;
use features::transform::Norm;
use features::{Builder, Matrix, whitelist};
use messages::{Bars, Member, Symbol};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Names above the least cross-section even with gaps, sessions for every window.
const NAMES: usize = 60;
const SESSIONS: usize = 430;

fn panels() -> impl Strategy<Value = Panel> {
    (any::<u64>(), 0.0..0.02, 0.0..0.003).prop_map(|(seed, missing, invalid)| Panel {
        seed,
        names: NAMES,
        sessions: SESSIONS,
        missing,
        invalid,
    })
}

/// The features of the last session of `bars`.
fn last(members: &[Member], bars: &[Bars]) -> Matrix {
    let (today, history) = bars.split_last().expect("a session");
    let mut builder = Builder::new(members);
    for bars in history {
        builder.advance(bars);
    }
    builder.matrix(today)
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

fn assert_same(a: &Matrix, b: &Matrix) {
    assert_eq!(bits(&a.raw), bits(&b.raw));
    assert_eq!(bits(&a.values), bits(&b.values));
    assert_eq!((&a.eligible, &a.tradable), (&b.eligible, &b.tradable));
    assert_eq!((&a.exposures, &a.guards), (&b.exposures, &b.guards));
}

fn assert_close(a: &[f64], b: &[f64], what: &str) {
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        let name = whitelist::names()[i % whitelist::COUNT];
        let near = (a - b).abs() <= 1e-12 + 1e-9 * b.abs();
        assert!(near || (a.is_nan() && b.is_nan()), "{what} {name}: {a} {b}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// A panel that the other properties would hold on trivially proves nothing.
    #[test]
    fn the_panels_have_values(panel in panels()) {
        let matrix = last(&panel.members(), &panel.bars());
        for f in 0..whitelist::COUNT {
            let known = matrix.values.iter().skip(f).step_by(whitelist::COUNT);
            let known = known.filter(|x| !x.is_nan()).count();
            prop_assert!(known >= 30, "{}: {known}", whitelist::names()[f]);
        }
        let factors = matrix.exposures.factors.expect("a year of returns");
        prop_assert_eq!(factors.covariance.len(), (1 + factors.sectors.len()).pow(2));
        prop_assert!(factors.sessions >= 227 && factors.covariance[0] > 0.0, "{factors:?}");
    }

    /// What comes later, whatever it is, changes nothing that was said before.
    #[test]
    fn prior_art_6_the_future_does_not_change_the_past(panel in panels(), cut in 380..SESSIONS - 1) {
        let (members, bars) = (panel.members(), panel.bars());
        let truncated = last(&members, &bars[..cut]);
        let mut builder = Builder::new(&members);
        let scrambled = bars.iter().enumerate().map(|(t, bars)| {
            let mut bars = bars.clone();
            if t >= cut {
                bars.close.iter_mut().for_each(|close| *close *= 1.7);
                bars.volume.reverse();
            }
            bars
        });
        for (t, bars) in scrambled.enumerate() {
            if t + 1 == cut {
                assert_same(&truncated, &builder.matrix(&bars));
            } else {
                builder.advance(&bars);
            }
        }
    }

    /// Live knows 400 sessions, training ten years: the numbers are the same to the bit.
    #[test]
    fn history_before_the_windows_does_not_matter(panel in panels(), dropped in 1..30_usize) {
        let (members, bars) = (panel.members(), panel.bars());
        const { assert!(SESSIONS - 30 >= features::HISTORY_SESSIONS) };
        assert_same(&last(&members, &bars), &last(&members, &bars[dropped..]));
    }

    /// Prices halved and volumes doubled: what a split does to every bar before it.
    #[test]
    fn a_split_changes_nothing(panel in panels(), k in prop::sample::select(vec![2.0, 0.25, 3.0])) {
        let (members, bars) = (panel.members(), panel.bars());
        let split: Vec<_> = bars.iter().map(|bars| split(bars, k)).collect();
        let (before, after) = (last(&members, &bars), last(&members, &split));
        prop_assert_eq!(&before.eligible, &after.eligible);
        assert_close(&before.raw, &after.raw, "raw");
        prop_assert_eq!(&before.guards, &after.guards);
        // Not ranks: what rounding makes of equal returns at other prices may differ.
        let of_z = |matrix: &Matrix| -> Vec<f64> {
            let all = matrix.values.iter().enumerate();
            let z = all.filter(|(i, _)| whitelist::SPECS[i % whitelist::COUNT].norm == Norm::Z);
            z.map(|(_, value)| *value).collect()
        };
        for (i, (a, b)) in of_z(&before).iter().zip(of_z(&after)).enumerate() {
            prop_assert!((a - b).abs() < 1e-8 || (a.is_nan() && b.is_nan()), "{i}: {a} {b}");
        }
    }

    /// A name's features don't hang on what it is called or where it stands.
    #[test]
    fn renaming_symbols_moves_rows_and_nothing_else(panel in panels(), key in any::<u64>()) {
        let (members, bars) = (panel.members(), panel.bars());
        let names = renamed(&members, key);
        let rename = |symbol: &Symbol| names[symbol].clone();
        let mut others: Vec<_> = members
            .iter()
            .map(|m| Member { symbol: rename(&m.symbol), sector: m.sector.clone() })
            .collect();
        others.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        let other_bars: Vec<_> = bars.iter().map(|bars| reordered(bars, rename)).collect();
        let (a, b) = (last(&members, &bars), last(&others, &other_bars));
        for (i, symbol) in a.symbols.iter().enumerate() {
            let j = b.symbols.binary_search(&names[symbol]).expect("renamed");
            let row = |values: &[f64], i: usize| values[i * whitelist::COUNT..][..whitelist::COUNT].to_vec();
            prop_assert_eq!(a.eligible[i], b.eligible[j]);
            assert_close(&row(&a.raw, i), &row(&b.raw, j), "raw");
            assert_close(&row(&a.values, i), &row(&b.values, j), "transformed");
        }
    }

    /// Advancing by a session is the same as folding all of them: there is one implementation.
    #[test]
    fn a_cross_section_leaves_no_trace(panel in panels()) {
        let (members, bars) = (panel.members(), panel.bars());
        let mut builder = Builder::new(&members);
        let mut looked = None;
        for (t, bars) in bars.iter().enumerate() {
            if t % 20 == 0 || t + 1 == SESSIONS {
                looked = Some(builder.matrix(bars));
            } else {
                builder.advance(bars);
            }
        }
        assert_same(&last(&members, &bars), &looked.expect("sessions"));
    }
}

fn split(bars: &Bars, k: f64) -> Bars {
    let mut out = bars.clone();
    for column in [&mut out.open, &mut out.high, &mut out.low, &mut out.close] {
        column.iter_mut().for_each(|price| *price *= k);
    }
    out.volume.iter_mut().for_each(|volume| *volume /= k);
    out
}

/// New symbols, in an order that `key` shuffles.
fn renamed(members: &[Member], key: u64) -> BTreeMap<Symbol, Symbol> {
    let mix = |i: usize| (i as u64 + 1).wrapping_mul(key | 1).rotate_left(17);
    let name =
        |(i, m): (usize, &Member)| (m.symbol.clone(), Symbol::from(format!("R{:020}-{i}", mix(i))));
    members.iter().enumerate().map(name).collect()
}

fn reordered(bars: &Bars, rename: impl Fn(&Symbol) -> Symbol) -> Bars {
    let row = |i: usize| {
        [bars.open[i], bars.high[i], bars.low[i], bars.close[i], bars.volume[i], bars.raw_close[i]]
    };
    let rows: BTreeMap<Symbol, [f64; 6]> =
        bars.symbols.iter().enumerate().map(|(i, symbol)| (rename(symbol), row(i))).collect();
    let mut out = Bars::empty(bars.session);
    for (symbol, row) in rows {
        out.push(symbol, row);
    }
    out
}
