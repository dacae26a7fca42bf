use crate::market::{Listing, Market, market, sector};
use messages::{Envelope, Message, Shares, Target, Targets};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The limited sums of a book as fractions of equity, written down as plainly as can be.
fn sums(
    market: &Market,
    targets: &Targets,
    shares: fn(&Target) -> Shares,
) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    let mut add = |limit: String, x: f64| *sums.entry(limit).or_insert(0.0) += x / market.equity;
    for target in &targets.targets {
        let name = market.listing(&target.symbol);
        let value = target.mark.to_f64() * shares(target).0 as f64;
        add("gross".to_owned(), value.abs());
        let worst = shares(target).0.abs().max(target.held.0.abs()) as f64;
        add("gross worst".to_owned(), target.mark.to_f64() * worst);
        add("net".to_owned(), value);
        if name.listed && name.beta.is_finite() {
            add("beta".to_owned(), value * name.beta);
        }
        if name.listed && name.member {
            add(sector(name), value);
        }
        add(format!("name {}", target.symbol), value.abs());
    }
    sums
}

fn limit(market: &Market, of: &str) -> f64 {
    let limits = &market.limits;
    match of {
        "gross" => limits.gross,
        "gross worst" => limits.gross_max,
        "net" => limits.net_max,
        "beta" => limits.beta_max,
        of if of.starts_with("sector") => limits.sector_net_max,
        _ => limits.name_max,
    }
}

fn traded(target: &Target) -> i64 {
    (target.quantity.0 - target.held.0).abs()
}

fn may_open(name: &Listing) -> bool {
    let known = |x: f64| x.is_finite() && x > 0.0;
    name.member
        && name.listed
        && name.eligible
        && name.score.is_some_and(f32::is_finite)
        && name.beta.is_finite()
        && [name.adv, name.sigma, name.close].into_iter().all(known)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// On the shares: every limit holds, or was broken before and did not get worse.
    #[test]
    fn no_limit_is_broken_further(market in market()) {
        let targets = market.targets();
        let before = sums(&market, &targets, |target| target.held);
        for (of, after) in sums(&market, &targets, |target| target.quantity) {
            let allowed = limit(&market, &of).max(before[&of].abs());
            prop_assert!(after.abs() <= allowed + 1e-9, "{of}: {after} of {allowed}\n{targets:?}");
        }
    }

    /// What one session trades of a name is within its liquidity and the size of an order.
    #[test]
    fn no_trade_is_larger_than_the_market_bears(market in market()) {
        for target in &market.targets().targets {
            let name = market.listing(&target.symbol);
            let dollars = traded(target) as f64 * target.mark.to_f64();
            if dollars > 0.0 {
                prop_assert!(name.listed && name.adv > 0.0, "{target:?}");
                prop_assert!(dollars <= market.limits.adv_share_max * name.adv + 1e-6, "{target:?}");
                let crosses = target.held.0.signum() * target.quantity.0.signum() < 0;
                let legs = if crosses { [target.held, target.quantity] } else { [Shares(traded(target)); 2] };
                for leg in legs {
                    let dollars = leg.0.abs() as f64 * target.mark.to_f64();
                    prop_assert!(dollars <= market.limits.order_max * market.equity + 1e-6, "{target:?}");
                }
            }
        }
    }

    /// What the model has no view on, or what can't be judged, only shrinks.
    #[test]
    fn nothing_is_opened_without_knowing_everything(market in market()) {
        for target in &market.targets().targets {
            if !may_open(market.listing(&target.symbol)) {
                let (held, wished) = (target.held.0, target.quantity.0);
                prop_assert!((held.min(0)..=held.max(0)).contains(&wished), "{target:?}");
            }
        }
    }

    /// The message says what the shares add up to, holds no NaN (which would differ from itself when a restart
    /// compares), and survives the wire.
    #[test]
    fn targets_are_what_they_say_they_are(market in market()) {
        let targets = market.targets();
        let sums = sums(&market, &targets, |target| target.quantity);
        let said = &targets.exposures;
        for (of, said) in [("gross", said.gross), ("net", said.net), ("beta", said.beta)] {
            prop_assert!((sums.get(of).copied().unwrap_or(0.0) - said).abs() < 1e-9, "{of}");
        }
        prop_assert!(targets.targets.windows(2).all(|pair| pair[0].symbol < pair[1].symbol));
        prop_assert!((0.0..=1.0).contains(&targets.theta));
        let said = crate::market::envelope(Message::Targets(targets), 1);
        prop_assert_eq!(Envelope::decode(&said.encode()).unwrap(), said);
    }

    #[test]
    fn the_same_market_gives_the_same_targets(market in market()) {
        prop_assert_eq!(market.targets(), market.targets());
    }
}

/// 130 names, none of them odd.
fn healthy() -> Market {
    let names = (0..130_u16).map(|row| Listing {
        member: true,
        listed: true,
        eligible: true,
        sector: usize::from(row % 11),
        close: 20.0 + f64::from(row * 37 % 400),
        adv: 5e8,
        beta: 0.5 + f64::from(row * 17 % 100) / 100.0,
        sigma: 0.01 + f64::from(row * 29 % 20) / 1000.0,
        score: Some(f32::from(row * 53 % 131) / 65.0 - 1.0),
        held: 0.0,
    });
    let limits = messages::Limits {
        gross: 1.0,
        gross_max: 1.6,
        name_max: 0.03,
        net_max: 0.01,
        beta_max: 0.01,
        sector_net_max: 0.03,
        adv_share_max: 0.02,
        order_max: 0.05,
    };
    Market { equity: 1e6, limits, names: names.collect() }
}

/// The book is there, it is neutral, and it follows the scores. Guards against the trivial way to keep every limit,
/// which is to hold nothing.
#[test]
fn a_healthy_market_gets_a_full_neutral_book() {
    let market = healthy();
    let Targets { exposures, targets, theta, .. } = market.targets();
    assert!(exposures.gross > 0.98, "{exposures:?}");
    assert!(exposures.net.abs() < 0.003 && exposures.beta.abs() < 0.003, "{exposures:?}");
    assert!(theta > 0.99, "{theta}");
    let agrees = |target: &&Target| {
        let score = market.listing(&target.symbol).score.unwrap();
        f64::from(score) * target.weight > 0.0
    };
    assert!(targets.iter().filter(agrees).count() > 110, "{targets:?}");
}

/// Prices and scores drift; the book follows, and no day gets stuck on what the day before left.
#[test]
fn a_healthy_market_stays_neutral_day_after_day() {
    let mut market = healthy();
    let mut state = 1_u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5
    };
    for day in 0..40 {
        let Targets { exposures, targets, theta, binding, .. } = market.targets();
        let said = format!("day {day}: theta {theta} {exposures:?} {binding:?}");
        assert!(theta > 0.5 && exposures.gross > 0.9 && exposures.gross <= 1.0 + 1e-9, "{said}");
        assert!(exposures.net.abs() <= 0.01 && exposures.beta.abs() <= 0.01, "{said}");
        let of_market = 0.03 * draw();
        for (row, name) in market.names.iter_mut().enumerate() {
            let target =
                targets.iter().find(|target| target.symbol.as_str() == format!("S{row:03}"));
            let growth = 1.0 + name.beta * of_market + 0.06 * draw();
            let value = target.map_or(0.0, |target| target.quantity.0 as f64 * name.close);
            name.held = value * growth / market.equity;
            name.close *= growth;
            name.score = name.score.map(|score| 0.9 * score + 0.5 * draw() as f32);
        }
    }
}
