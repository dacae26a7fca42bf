//! Guards over many sessions.

mod common;

use common::panel::Panel;
use features::watch::{GuardWatch, Redundancy};
use features::{Builder, Matrix, WARM_UP, whitelist};
use messages::Bars;

const PANEL: Panel = Panel { seed: 3, names: 40, sessions: 390, missing: 0.0, invalid: 0.0 };

/// The session with all closes at the highs.
fn spoiled(bars: &Bars) -> Bars {
    let mut bars = bars.clone();
    for i in 0..bars.symbols.len() {
        let high = bars.close[i].max(bars.open[i]);
        (bars.high[i], bars.close[i]) = (high, high);
    }
    bars
}

#[test]
fn two_refusals_in_sixty_sessions_are_too_many() {
    let mut builder = Builder::new(&PANEL.members());
    let mut watch = GuardWatch::new(0);
    let mut alerts = Vec::new();
    for (t, bars) in PANEL.bars().iter().enumerate() {
        // clv_1 is 1 for everybody then
        let bars = if matches!(t, 322 | 325) { spoiled(bars) } else { bars.clone() };
        let today = builder.columns(&bars);
        let refused = today.refused.iter().any(|(f, _)| whitelist::names()[*f] == "clv_1");
        assert_eq!(refused, t < 59 || matches!(t, 322 | 325), "session {t}");
        alerts.push(watch.see(&today));
    }
    let when =
        |t: usize| alerts[t].iter().map(|alert| (alert.feature, alert.refused)).collect::<Vec<_>>();
    assert!((0..325).all(|t| alerts[t].is_empty()), "warm-up, and once is no habit");
    assert_eq!(when(325), [("clv_1", 2)]);
    assert_eq!(when(381), [("clv_1", 2)], "both within 60 sessions");
    assert_eq!(when(382), [], "the first is 60 sessions ago");
}

/// ret_1 and what it is made of are apart; nothing of the whitelist is a copy on a made-up market.
#[test]
fn features_that_say_the_same_are_named() {
    let mut builder = Builder::new(&PANEL.members());
    let mut redundancy = Redundancy::default();
    for (t, bars) in PANEL.bars().iter().enumerate() {
        let today = builder.columns(bars);
        if t > 380 {
            redundancy.see(&today);
        }
    }
    let twins = redundancy.twins();
    assert!(twins.iter().all(|twins| !twins.rejected), "{twins:?}");
    assert!(twins.windows(2).all(|pair| pair[0].correlation.abs() >= pair[1].correlation.abs()));
}

/// At the limit a name has all its features, and those of any longer history; one session less is not enough.
#[test]
fn the_longest_chain_needs_as_many_sessions_as_it_says() {
    let bars = PANEL.bars();
    let after = |sessions: usize| -> Matrix {
        let mut builder = Builder::new(&PANEL.members());
        let (last, before) = bars[bars.len() - sessions..].split_last().unwrap();
        for bars in before {
            builder.advance(bars);
        }
        builder.matrix(last)
    };
    let bits = |matrix: &Matrix| -> Vec<u64> {
        matrix.raw.iter().chain(&matrix.values).map(|value| value.to_bits()).collect()
    };
    let whole = after(bars.len());
    // A sector of two has no momentum but that of its one other name.
    let is_alone = |i: usize| PANEL.members()[i].sector == "Small";
    let is_whole = |i: &usize| {
        let row = &whole.values[i * whitelist::COUNT..(i + 1) * whitelist::COUNT];
        whole.eligible[*i] && row.iter().all(|value| value.is_finite())
    };
    let eligible = (0..PANEL.names).filter(|i| whole.eligible[*i] && !is_alone(*i));
    let eligible: Vec<usize> = eligible.collect();
    assert!(eligible.iter().all(is_whole) && eligible.len() >= 30, "{}", eligible.len());
    assert_eq!(bits(&after(WARM_UP)), bits(&whole));
    assert_ne!(bits(&after(WARM_UP - 1)), bits(&whole));
}
