//! Membership and sectors that change with time.

mod common;

use common::panel::Panel;
use features::{Builder, Spell, Universe, UniverseError};
use messages::{Bars, Date, Member, Symbol};
use std::collections::BTreeMap;

const PANEL: Panel = Panel { seed: 5, names: 60, sessions: 130, missing: 0.0, invalid: 0.0 };

/// All members in named sectors, as of the beginning of time.
fn snapshot() -> BTreeMap<Symbol, String> {
    let members = PANEL.members().into_iter();
    members.enumerate().map(|(i, m)| (m.symbol, format!("Sector {}", i % 5))).collect()
}

fn always() -> Vec<(Symbol, Spell)> {
    let spell = Spell { from: Date::MIN, until: None };
    PANEL.members().into_iter().map(|m| (m.symbol, spell)).collect()
}

fn dated(
    spells: Vec<(Symbol, Spell)>,
    snapshots: impl IntoIterator<Item = (Date, BTreeMap<Symbol, String>)>,
) -> Universe {
    Universe::dated(spells, snapshots.into_iter().collect()).expect("sound")
}

type Seen = (Vec<u64>, Vec<bool>, Vec<(&'static str, u32)>);

/// Bits of all features of the sessions from 100 on, and who was eligible.
fn folded(universe: Universe, bars: &[Bars]) -> Vec<Seen> {
    let mut builder = Builder::of(universe);
    let look = |(t, bars): (usize, &Bars)| {
        let matrix = builder.matrix(bars);
        let bits = matrix.values.iter().map(|x| x.to_bits()).collect();
        (t >= 100).then_some((bits, matrix.eligible, matrix.guards))
    };
    bars.iter().enumerate().filter_map(look).collect()
}

#[test]
fn a_name_counts_from_the_day_it_joins_to_the_day_before_it_leaves() {
    let bars = PANEL.bars();
    let (joins, leaves) = (bars[110].session, bars[120].session);
    let mut spells = always();
    spells[7].1 = Spell { from: joins, until: Some(leaves) };
    let sessions = folded(dated(spells, [(Date::MIN, snapshot())]), &bars);
    let eligible: Vec<bool> = sessions.iter().map(|(_, eligible, _)| eligible[7]).collect();
    let expected: Vec<bool> = (100..130).map(|t| (110..120).contains(&t)).collect();
    assert_eq!(eligible, expected, "its windows were full when it joined");

    // before it joins and after it left, the others are what they are without it
    let without: Vec<_> = always().into_iter().enumerate().filter(|(i, _)| *i != 7).collect();
    let without = dated(without.into_iter().map(|(_, s)| s).collect(), [(Date::MIN, snapshot())]);
    let alone = folded(without, &bars);
    let others = |bits: &[u64]| [&bits[..7 * 45], &bits[8 * 45..]].concat();
    assert_eq!(others(&sessions[0].0), alone[0].0);
    assert_ne!(others(&sessions[15].0), alone[15].0);
}

#[test]
fn a_sector_is_what_was_known_that_day() {
    let bars = PANEL.bars();
    let changed = bars[115].session;
    let mut later = snapshot();
    let moved = later.keys().nth(3).expect("a name").clone();
    later.insert(moved, "Sector 4".to_owned());
    let first = dated(always(), [(Date::MIN, snapshot())]);
    let both = dated(always(), [(Date::MIN, snapshot()), (changed, later.clone())]);
    let (a, b) = (folded(first.clone(), &bars), folded(both.clone(), &bars));
    for t in 100..130 {
        assert_eq!(a[t - 100].0 == b[t - 100].0, t < 115, "session {t}");
    }
    assert_eq!(both.snapshot(bars[114].session), first.snapshot(bars[114].session));
    assert_eq!(both.snapshot(changed).expect("one").0, changed);
    assert_ne!(both.snapshot(changed), first.snapshot(changed));
    assert_ne!(both.sha256(), first.sha256());
    assert_eq!(both.sha256(), both.clone().sha256());
}

#[test]
fn prior_art_14_without_a_sector_nobody_is_eligible_and_it_is_counted() {
    let bars = PANEL.bars();
    let known_from = bars[105].session;
    let mut snapshot = snapshot();
    let unknown = snapshot.keys().nth(9).expect("a name").clone();
    snapshot.remove(&unknown);
    let sessions = folded(dated(always(), [(known_from, snapshot)]), &bars);
    let count = |t: usize| {
        let guards = &sessions[t - 100].2;
        guards.iter().find(|(guard, _)| *guard == "no_sector").map(|(_, times)| *times)
    };
    assert_eq!((count(104), count(105)), (Some(60), Some(1)));
    assert!(sessions[4].1.iter().all(|eligible| !eligible));
    let out: Vec<usize> = (0..60).filter(|&i| !sessions[5].1[i]).collect();
    assert_eq!(out, [9], "never inferred from what it was or from its neighbours");
}

#[test]
fn a_fixed_universe_is_one_with_one_snapshot() {
    let bars = PANEL.bars();
    let sectors = snapshot();
    let members: Vec<Member> = PANEL
        .members()
        .into_iter()
        .map(|m| Member { sector: sectors[&m.symbol].clone(), symbol: m.symbol })
        .collect();
    let fixed = folded(Universe::fixed(&members), &bars);
    assert_eq!(fixed, folded(dated(always(), [(Date::MIN, sectors)]), &bars));
}

#[test]
fn what_can_not_be_is_refused_by_name() {
    let day = |d| Date::constant(2020, 1, d);
    let symbol = || Symbol::from("A");
    let spell = |from, until| (symbol(), Spell { from: day(from), until });
    let known = || BTreeMap::from([(day(1), BTreeMap::from([(symbol(), "Energy".to_owned())]))]);
    for spells in [
        vec![spell(2, Some(day(2)))],
        vec![spell(2, None), spell(5, None)],
        vec![spell(2, Some(day(7))), spell(5, None)],
    ] {
        let refused = Universe::dated(spells, known());
        assert_eq!(refused, Err(UniverseError::Spells(symbol())));
    }
    assert!(Universe::dated([spell(2, Some(day(5))), spell(5, None)], known()).is_ok());
    let nameless = BTreeMap::from([(day(1), BTreeMap::from([(symbol(), String::new())]))]);
    let refused = Universe::dated([spell(2, None)], nameless);
    assert_eq!(refused, Err(UniverseError::NoSector(day(1), symbol())));
    assert_eq!(Universe::dated([spell(2, None)], BTreeMap::new()), Err(UniverseError::NoSnapshot));
}
