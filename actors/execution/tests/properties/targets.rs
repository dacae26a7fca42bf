use crate::market::{Kind, Listing, Market, Ruled, market, market_of, sector};
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

/// On the shares: every limit holds, or was broken before and did not get worse; and what does not hold is said.
fn limits_hold(market: &Market, targets: &Targets) -> Result<(), TestCaseError> {
    let before = sums(market, targets, |target| target.held);
    let after = sums(market, targets, |target| target.quantity);
    let turnover: f64 = targets
        .targets
        .iter()
        .map(|target| traded(target) as f64 * target.mark.to_f64() / market.equity)
        .sum();
    for (of, after) in after {
        let (limit, after) = (limit(market, &of), after.abs());
        let allowed = limit.max(before[&of].abs());
        prop_assert!(after <= allowed + 1e-9, "{of}: {after} of {allowed}\n{targets:?}");
        if market.ruled.is_some() && after > limit + 1e-6 {
            prop_assert!(says_beyond(targets, &of), "{of}: {after} of {limit} unsaid\n{targets:?}");
        }
    }
    if let Some(Ruled { rules, .. }) = &market.ruled {
        let within = turnover <= rules.turnover_max + 1e-6;
        prop_assert!(within || says_beyond(targets, "turnover"), "{turnover}\n{targets:?}");
    }
    Ok(())
}

/// Has the message words for a sum that is beyond its limit?
fn says_beyond(targets: &Targets, of: &str) -> bool {
    let code = match of {
        "gross worst" => "BROKEN GROSS_WORST".to_owned(),
        "gross" => "BROKEN GROSS".to_owned(),
        of if of.starts_with("sector") => format!("RELAXED SECTOR {of}"),
        of if of.starts_with("name") => format!("BROKEN NAME {}", &of[5..]),
        of => format!("RELAXED {}", of.to_uppercase()),
    };
    targets.binding.iter().any(|note| note.starts_with(&format!("{code} ")))
}

/// What one session trades of a name is within its liquidity, the size of an order, and what may be traded at all.
fn trades_are_bearable(market: &Market, targets: &Targets) -> Result<(), TestCaseError> {
    let limits = &market.limits;
    let order_max = |ruled: &Ruled| f64::from(ruled.rules.order_max_usd);
    let order_max = market.ruled.as_ref().map_or(f64::INFINITY, order_max);
    for target in targets.targets.iter().filter(|target| traded(target) > 0) {
        let name = market.listing(&target.symbol);
        let dollars = traded(target) as f64 * target.mark.to_f64();
        prop_assert!(name.listed && name.adv > 0.0, "{target:?}");
        prop_assert!(dollars <= limits.adv_share_max * name.adv + 1e-6, "{target:?}");
        let crosses = target.held.0.signum() * target.quantity.0.signum() < 0;
        let legs =
            if crosses { [target.held, target.quantity] } else { [Shares(traded(target)); 2] };
        for leg in legs {
            let dollars = leg.0.abs() as f64 * target.mark.to_f64();
            let most = (limits.order_max * market.equity).min(order_max);
            prop_assert!(dollars <= most + 1e-6, "{target:?}");
        }
        if let Some(Ruled { rules, .. }) = &market.ruled {
            prop_assert!(!rules.restricted.contains(&target.symbol), "{target:?}");
            let barred = !rules.shorts
                || rules.not_shortable.contains(&target.symbol)
                || market.equity < f64::from(rules.short_equity_min_usd);
            prop_assert!(!barred || target.quantity.0 >= target.held.0.min(0), "{target:?}");
        }
    }
    Ok(())
}

/// What the model has no view on, or what can't be judged, only shrinks.
fn nothing_is_opened_blindly(market: &Market, targets: &Targets) -> Result<(), TestCaseError> {
    for target in &targets.targets {
        if !may_open(market.listing(&target.symbol)) {
            let (held, wished) = (target.held.0, target.quantity.0);
            prop_assert!((held.min(0)..=held.max(0)).contains(&wished), "{target:?}");
        }
    }
    Ok(())
}

/// The message says what the shares add up to, holds no NaN (which would differ from itself when a restart
/// compares), and survives the wire.
fn targets_are_what_they_say(market: &Market, targets: &Targets) -> Result<(), TestCaseError> {
    let sums = sums(market, targets, |target| target.quantity);
    let said = &targets.exposures;
    for (of, said) in [("gross", said.gross), ("net", said.net), ("beta", said.beta.unwrap_or(0.0))]
    {
        let summed = sums.get(of).copied().unwrap_or(0.0);
        prop_assert!((summed - said).abs() < 1e-9 * summed.abs().max(1.0), "{of}");
    }
    prop_assert!(targets.targets.windows(2).all(|pair| pair[0].symbol < pair[1].symbol));
    prop_assert!((0.0..=1.0).contains(&targets.theta));
    let said = crate::market::envelope(Message::Targets(targets.clone()), 1);
    prop_assert_eq!(Envelope::decode(&said.encode()).unwrap(), said);
    Ok(())
}

fn all_holds(market: &Market) -> Result<(), TestCaseError> {
    let targets = market.targets();
    limits_hold(market, &targets)?;
    trades_are_bearable(market, &targets)?;
    nothing_is_opened_blindly(market, &targets)?;
    targets_are_what_they_say(market, &targets)
}

// 10,500 markets in all.
proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    /// There: the neutralisation was switched off by a constant, and the test on it was thrown away.
    fn prior_art_11_it_holds_on_plausible_markets(market in market_of(Kind::Plausible)) {
        all_holds(&market)?;
    }

    #[test]
    fn it_holds_with_one_sector(market in market_of(Kind::OneSector)) {
        all_holds(&market)?;
    }

    #[test]
    fn it_holds_with_collinear_betas(market in market_of(Kind::Collinear)) {
        all_holds(&market)?;
    }

    #[test]
    fn it_holds_without_any_volume(market in market_of(Kind::Illiquid)) {
        all_holds(&market)?;
    }

    #[test]
    fn it_holds_where_nothing_may_be_opened(market in market_of(Kind::Ineligible)) {
        all_holds(&market)?;
    }

    #[test]
    fn it_holds_where_all_is_restricted(market in market_of(Kind::Restricted)) {
        all_holds(&market)?;
    }

    #[test]
    fn it_holds_after_huge_drift(market in market_of(Kind::Drifted)) {
        all_holds(&market)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

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
    Market { equity: 1e6, limits, names: names.collect(), ruled: None }
}

/// The book is there, it is neutral, and it follows the scores. Guards against the trivial way to keep every limit,
/// which is to hold nothing.
#[test]
fn a_healthy_market_gets_a_full_neutral_book() {
    let market = healthy();
    let Targets { exposures, targets, theta, .. } = market.targets();
    assert!(exposures.gross > 0.98, "{exposures:?}");
    assert!(
        exposures.net.abs() < 0.003 && exposures.beta.expect("known").abs() < 0.003,
        "{exposures:?}"
    );
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
        assert!(
            exposures.net.abs() <= 0.01 && exposures.beta.expect("known").abs() <= 0.01,
            "{said}"
        );
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

fn with_edge(oof_ic: f64) -> Market {
    let k = 1 + crate::market::SECTORS;
    let mut loadings = vec![0.0; k * k];
    (0..k).for_each(|at| loadings[at * k + at] = 0.008);
    let mut market = healthy();
    for name in &mut market.names {
        name.sector %= crate::market::SECTORS;
    }
    let edge = Some(messages::Edge { oof_ic, horizon: 5 });
    let (rules, loadings) = (crate::market::rules(), Some(loadings));
    market.ruled = Some(Ruled { rules, edge, style: messages::Style::Auction, loadings });
    market
}

/// Plays `days` on which prices stand still and everything fills.
fn settle(market: &mut Market, days: usize) -> Targets {
    for _ in 1..days {
        let Targets { targets, .. } = market.targets();
        for (row, name) in market.names.iter_mut().enumerate() {
            let target = targets.iter().find(|t| t.symbol.as_str() == format!("S{row:03}"));
            let shares = target.map_or(0, |target| target.quantity.0);
            name.held = shares as f64 * name.close / market.equity;
        }
    }
    market.targets()
}

/// The optimum: as full as turnover lets it be on the first day, then full, neutral, with the scores, and then at
/// rest: costs are not paid for nothing.
#[test]
fn an_edge_builds_a_book_and_lets_it_rest() {
    let mut market = with_edge(0.05);
    let first = market.targets();
    assert!((first.exposures.gross - 0.5).abs() < 0.01, "{:?}", first.exposures);
    assert!(first.binding.contains(&"TURNOVER 0.5000".to_owned()), "{:?}", first.binding);
    let Targets { exposures, targets, binding, .. } = settle(&mut market, 6);
    assert!(exposures.gross > 0.9, "{exposures:?} {binding:?}");
    assert!(
        exposures.net.abs() <= 0.01 && exposures.beta.expect("known").abs() <= 0.01,
        "{exposures:?}"
    );
    let with = |target: &&Target| {
        f64::from(market.listing(&target.symbol).score.unwrap()) * target.quantity.0 as f64 > 0.0
    };
    let (agree, all) = (targets.iter().filter(with).count(), targets.len());
    assert!(agree * 10 > all * 8, "{agree} of {all}");
    let traded: f64 =
        targets.iter().map(|t| traded(t) as f64 * t.mark.to_f64() / market.equity).sum();
    assert!(traded < 0.01, "{traded}");
}

/// Less edge, less book; an edge that does not pay for the spread trades nothing; no edge goes out.
#[test]
fn a_book_is_as_large_as_its_edge() {
    let gross = |oof_ic| settle(&mut with_edge(oof_ic), 4).exposures.gross;
    let (large, small, tiny) = (gross(0.03), gross(0.004), gross(0.0005));
    assert!(large > small && small > 0.0 && tiny == 0.0, "{large} {small} {tiny}");
    let mut market = with_edge(0.03);
    settle(&mut market, 4);
    market.ruled.as_mut().unwrap().edge = Some(messages::Edge { oof_ic: -0.002, horizon: 5 });
    let out = market.targets();
    assert_eq!(out.binding.first().map(String::as_str), Some("NO_EDGE -0.0020"));
    assert!(settle(&mut market, 4).exposures.gross < 1e-9);
}

/// Defect 19 of the prior art: what was too large was refused whole, by accident.
#[test]
fn prior_art_19_what_is_too_large_is_cut_to_size() {
    let mut market = with_edge(0.03);
    market.ruled.as_mut().unwrap().rules.order_max_usd = 5_000;
    let Targets { targets, binding, .. } = market.targets();
    let largest = targets.iter().map(|t| traded(t) as f64 * t.mark.to_f64()).fold(0.0, f64::max);
    assert!(largest > 4_000.0 && largest <= 5_000.0, "{largest}");
    assert!(binding.iter().any(|note| note.starts_with("ORDER ")), "{binding:?}");
}

/// Defect 20 of the prior art: the band of a short was upside down, so no short was ever left alone.
#[test]
fn prior_art_20_a_short_at_rest_is_left_alone_like_a_long() {
    let mut market = with_edge(0.03);
    settle(&mut market, 8);
    let Targets { targets, .. } = market.targets();
    let at_rest = |sign: i64| {
        let held: Vec<&Target> = targets.iter().filter(|t| t.held.0.signum() == sign).collect();
        assert!(held.len() > 20, "{}", held.len());
        let value = |t: &&Target| t.mark.to_f64() * t.held.0.abs() as f64;
        let change = |t: &&Target| t.mark.to_f64() * traded(t) as f64;
        held.iter().map(change).sum::<f64>() / held.iter().map(value).sum::<f64>()
    };
    assert!(at_rest(1) < 0.02 && at_rest(-1) < 0.02, "{} {}", at_rest(1), at_rest(-1));
}

/// Defect 23 of the prior art: scores were taken for weights. Here their scale and origin mean nothing.
#[test]
fn prior_art_23_scores_are_no_weights() {
    let market = with_edge(0.03);
    let mut scaled = market.clone();
    for name in &mut scaled.names {
        name.score = name.score.map(|score| 1024.0 * score + 4096.0);
    }
    let (a, b) = (market.targets(), scaled.targets());
    let value = |t: &Target| t.quantity.0 as f64 * t.mark.to_f64() / market.equity;
    let all =
        a.targets.iter().map(|t| (t, b.targets.iter().find(|other| other.symbol == t.symbol)));
    for (a, b) in all {
        let moved = (value(a) - b.map_or(0.0, value)).abs();
        assert!(moved < 2e-3, "{}: {moved}", a.symbol);
    }
}
