//! The cross-sectional transform by its own laws; the oracle's numbers are in `goldens`.

use features::transform::{CLIP, Guard, Neutral, Norm, UNKNOWN_SECTOR, checked, cross_section};
use proptest::prelude::*;

/// A row: value (NaN one time in ten), eligible, beta (NaN at times), sector (some unknown, one tiny).
fn rows() -> impl Strategy<Value = Vec<(f64, bool, f64, usize)>> {
    let maybe = |x: std::ops::Range<f64>, weight| prop_oneof![weight => x, 1 => Just(f64::NAN)];
    let sector = prop_oneof![8 => 0..4_usize, 1 => Just(UNKNOWN_SECTOR)];
    let row = (maybe(-1.0..1.0, 9), prop::bool::weighted(0.9), maybe(0.2..2.0, 19), sector);
    prop::collection::vec(row, 60..200).prop_map(|mut rows| {
        rows[7].3 = 9;
        rows
    })
}

type Columns = (Vec<f64>, Vec<bool>, Vec<f64>, Vec<usize>);

fn columns(rows: &[(f64, bool, f64, usize)]) -> Columns {
    (
        rows.iter().map(|row| row.0).collect(),
        rows.iter().map(|row| row.1).collect(),
        rows.iter().map(|row| row.2).collect(),
        rows.iter().map(|row| row.3).collect(),
    )
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Uniform values are never clipped at four deviations, so what comes out is what least squares
    /// leaves: orthogonal to every sector (the small and the unknown as one) and to beta.
    #[test]
    fn residuals_are_neutral(rows in rows(), rank in any::<bool>()) {
        let (raw, eligible, beta, sectors) = columns(&rows);
        let norm = if rank { Norm::Rank } else { Norm::Z };
        let out = checked(&raw, &eligible, &beta, &sectors, norm, Neutral::MarketSector);
        let out = out.expect("plenty of different values");
        let there: Vec<usize> = (0..raw.len()).filter(|&i| !out[i].is_nan()).collect();
        for i in 0..raw.len() {
            prop_assert_eq!(out[i].is_nan(), !eligible[i] || raw[i].is_nan());
        }
        let pooled = |i: usize| {
            let same = there.iter().filter(|&&j| sectors[j] == sectors[i]).count();
            if same < 3 { UNKNOWN_SECTOR } else { sectors[i] }
        };
        for sector in [0, 1, 2, 3, UNKNOWN_SECTOR] {
            let members = there.iter().copied().filter(|&i| pooled(i) == sector);
            prop_assert!(members.clone().map(|i| out[i]).sum::<f64>().abs() < 1e-8);
        }
        let known = there.iter().map(|&i| beta[i]).filter(|b| !b.is_nan());
        let average = mean(known);
        let beta = |i: usize| if beta[i].is_nan() { average } else { beta[i] };
        let dot: f64 = there.iter().map(|&i| out[i] * beta(i)).sum();
        prop_assert!(dot.abs() < 1e-8, "{dot}");
        let variance = mean(there.iter().map(|&i| out[i] * out[i]));
        prop_assert!((variance - 1.0).abs() < 1e-12, "{variance}");
        prop_assert!(there.iter().all(|&i| out[i].abs() < CLIP));
    }

    /// Names that are out, for whatever reason, have no say.
    #[test]
    fn who_is_not_eligible_does_not_count(rows in rows(), other in -9.0..9.0_f64) {
        let (mut raw, eligible, beta, sectors) = columns(&rows);
        let before = cross_section(&raw, &eligible, &beta, &sectors, Norm::Z, Neutral::Sector);
        for (value, eligible) in raw.iter_mut().zip(&eligible) {
            *value = if *eligible { *value } else { other };
        }
        let after = cross_section(&raw, &eligible, &beta, &sectors, Norm::Z, Neutral::Sector);
        prop_assert!(before.iter().zip(&after).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    /// Units don't matter.
    #[test]
    fn scale_and_origin_do_not_matter(rows in rows(), scale in 1e-3..1e3, origin in -5.0..5.0_f64) {
        let (raw, eligible, beta, sectors) = columns(&rows);
        let moved: Vec<f64> = raw.iter().map(|x| origin + scale * x).collect();
        let [a, b] = [&raw, &moved]
            .map(|raw| cross_section(raw, &eligible, &beta, &sectors, Norm::Z, Neutral::MarketSector));
        prop_assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-8 || a.is_nan() && b.is_nan()));
    }
}

fn refusal(raw: &[f64], beta: &[f64], sectors: &[usize], norm: Norm) -> Option<Guard> {
    let eligible = vec![true; raw.len()];
    let out = cross_section(raw, &eligible, beta, sectors, norm, Neutral::MarketSector);
    let refused = checked(raw, &eligible, beta, sectors, norm, Neutral::MarketSector).err();
    assert_eq!(out.iter().all(|x| x.is_nan()), refused.is_some());
    refused
}

#[test]
fn guards_refuse_what_says_nothing() {
    let n = 60;
    let beta: Vec<f64> = (0..n).map(|i| 0.5 + f64::from(i * 7 % 60) / 60.0).collect();
    let sectors: Vec<usize> = (0..n).map(|i| i as usize % 3).collect();
    let ramp: Vec<f64> = (0..n).map(f64::from).collect();
    let of = |f: fn(f64) -> f64| ramp.iter().map(|x| f(*x)).collect::<Vec<_>>();
    for norm in [Norm::Z, Norm::Rank] {
        let refusal = |raw: &[f64]| refusal(raw, &beta, &sectors, norm);
        assert_eq!(refusal(&of(|x| (x * 1.7).sin())), None);
        assert_eq!(refusal(&of(|_| 1.0)), Some(Guard::Distinct));
        assert_eq!(refusal(&of(|x| 1.0 + 1e-17 * x)), Some(Guard::Distinct));
        assert_eq!(refusal(&of(|x| x % 5.0)), Some(Guard::Distinct), "a tenth of 60 is 6");
        assert_eq!(refusal(&of(|x| x % 6.0 + 0.1 * (x / 30.0).floor())), None);
        assert_eq!(refusal(&of(|x| 1.0 + 1e-15 * x)), Some(Guard::Scale), "noise is no signal");
        assert_eq!(refusal(&of(|x| 1e-20 * x)), Some(Guard::Scale));
    }
    let z = |raw: &[f64]| refusal(raw, &beta, &sectors, Norm::Z);
    assert_eq!(z(&beta.iter().map(|b| 3.0 - 2.0 * b).collect::<Vec<_>>()), Some(Guard::Residual));
    let eligible = |k: usize| (0..60).map(|i| i < k).collect::<Vec<_>>();
    let names = |k| checked(&ramp, &eligible(k), &beta, &sectors, Norm::Z, Neutral::None).err();
    assert_eq!((names(29), names(30)), (Some(Guard::Names), None));
}

#[test]
fn prior_art_39_outliers_are_clipped_and_ties_share_a_rank() {
    let mut raw: Vec<f64> = (0..41).map(f64::from).collect();
    (raw[0], raw[40]) = (-1e9, 1e9);
    let [eligible, beta, sectors] = [41; 3];
    let (eligible, beta, sectors) = (vec![true; eligible], vec![1.0; beta], vec![0; sectors]);
    let run =
        |raw: &[f64], norm| cross_section(raw, &eligible, &beta, &sectors, norm, Neutral::None);
    let z = run(&raw, Norm::Z);
    // median 20, MAD 10; between the outliers stand ±1 … ±19
    let bound = 5.0 * 1.4826 * 10.0;
    let sd = ((2.0 * bound * bound + 2.0 * 2470.0) / 41.0_f64).sqrt();
    assert!((z[40] - bound / sd).abs() < 1e-12 && (z[40] + z[0]).abs() < 1e-12);
    assert!((z[20]).abs() < 1e-12);

    raw[10] = raw[11];
    let rank = run(&raw, Norm::Rank);
    assert_eq!(rank[10], rank[11]);
    assert!((rank[12] - rank[11]) > 1.4 * (rank[13] - rank[12]), "a rank and a half");
}

/// Alone in its sector a name would be its own mean, and nothing would be left of it.
#[test]
fn tiny_and_unknown_sectors_are_one_group() {
    let raw: Vec<f64> = (0..40).map(|i| f64::from(i * 17 % 40)).collect();
    let mut sectors = vec![0; 40];
    sectors[..6].copy_from_slice(&[1, 2, 2, UNKNOWN_SECTOR, 3, 3]);
    sectors[6] = 3;
    let run = |neutral| cross_section(&raw, &[true; 40], &[1.0; 40], &sectors, Norm::Z, neutral);
    let (out, unit) = (run(Neutral::Sector), run(Neutral::None));
    let pool = mean(unit[..4].iter().copied());
    let scale = (out[0] - out[1]) / (unit[0] - unit[1]);
    for i in 0..4 {
        assert!((out[i] - scale * (unit[i] - pool)).abs() < 1e-12, "{i}");
        assert!(out[i].abs() > 0.1);
    }
    assert!(out[4..7].iter().sum::<f64>().abs() < 1e-12, "three names are a sector");
}
