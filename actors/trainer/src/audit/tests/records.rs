//! What stands on record beside the bars: earlier trials, restatements, dated members and sectors.

use super::*;
use crate::dataset::{Members, Restated};
use crate::snapshot::Snapshot;
use crate::trials::Trial;
use features::{Spell, Universe};
use std::collections::BTreeMap;

/// A trial on the first sessions of a market.
fn earlier(market: &Market, restated: Option<&Restated>, sessions: usize) -> Earlier {
    let trial = Trial {
        config: small(),
        whitelist_sha256: String::new(),
        members_sha256: market.data().members.sha256(),
        first: market.history[0].session,
        through: market.history[sessions - 1].session,
        sessions,
        history_sha256: String::new(),
        matrix_sha256: String::new(),
        months: BTreeMap::new(),
        restated: restated.cloned(),
        dates: Vec::new(),
        returns: Vec::new(),
    };
    Earlier { trial, snapshot: Snapshot::of(&market.history[..sessions]) }
}

#[test]
fn leak_16_history_that_was_restated() {
    let mut market = Market::new(SESSIONS, NAMES, 5);
    let trials = [earlier(&market, None, 501)];
    let (clean, _) = audited(&Standard, market.data(), &trials);
    assert_eq!(Standing::of(&clean), Standing::Passed);
    market.history[300].high[4] += 0.01;
    let data = market.data();
    fires_on("16 one high restated", Detector::Restated, &Standard, data, &trials);
}

/// Who says why is believed, and it is told; who changes the past without a word, or again after the reason was
/// given, is not.
#[test]
fn a_restatement_on_record_supersedes_and_is_told() {
    let mut market = Market::new(520, NAMES, 5);
    let sound = market.history.clone();
    let why = |reason: &str| Restated { reason: reason.into(), replaced_sha256: "then".into() };
    let (first, second) = (why("the vendor mended its highs"), why("and its lows"));
    let before = earlier(&market_of(&market, &sound), None, 501);
    market.history[300].high[4] += 0.01;
    let after = earlier(&market, Some(&first), 501);
    let judge = |history: &[Bars], restated: Option<&Restated>, trials: &[&Earlier]| {
        let data = Dataset { restated, ..market.data().with_history(history) };
        let raw = Standard.panel(data, &small(), quiet()).unwrap();
        let trials: Vec<Earlier> = trials.iter().map(|trial| (*trial).clone()).collect();
        let case = Case {
            pipeline: &Standard,
            data,
            config: &small(),
            raw: &raw,
            panel: &raw,
            folds: &[],
            trials: &trials,
        };
        let finding = structure::restated(case);
        (finding.status, finding.found)
    };
    let changed = market.history.clone();
    assert_eq!(judge(&changed, None, &[&before]).0, Status::Fail, "nobody said why");
    let (status, found) = judge(&changed, Some(&first), &[&before, &after]);
    assert_eq!(status, Status::Warn);
    assert_eq!(found, "1 of 2 earlier snapshots replaced, on record: the vendor mended its highs");
    assert_eq!(judge(&changed, Some(&first), &[&after]).0, Status::Pass);
    let mut again = changed.clone();
    again[200].low[4] -= 0.01;
    assert_eq!(judge(&again, Some(&first), &[&after]).0, Status::Fail, "the reason is an old one");
    assert_eq!(judge(&again, Some(&second), &[&after]).0, Status::Warn);
    assert_eq!(judge(&sound, None, &[&after]).0, Status::Fail, "the record was dropped");
    let newer = earlier(&market_of(&market, &again), Some(&second), 501);
    let all = [&before, &after, &newer];
    assert_eq!(judge(&again, Some(&second), &all).0, Status::Warn);
    assert_eq!(
        judge(&changed, Some(&first), &all).0,
        Status::Fail,
        "an older reason, a newer past"
    );
}

/// Fetched and trained in the evening, and again the next one: trades after hours have made the volume of what was the
/// last bar grow meanwhile.
#[test]
fn training_every_evening_is_no_restatement() {
    let market = Market::new(400, NAMES, 5);
    let panel = crate::testing::cheap_panel(&market, 1);
    let judge = |grown: usize| {
        let mut evening = market_of(&market, &market.history);
        evening.history[grown].volume.iter_mut().for_each(|volume| *volume *= 0.99);
        let case = Case {
            pipeline: &Standard,
            data: market.data(),
            config: &small(),
            raw: &panel,
            panel: &panel,
            folds: &[],
            trials: &[earlier(&evening, None, 399)],
        };
        structure::restated(case).status
    };
    assert_eq!(judge(398), Status::Pass, "the last session that it saw");
    assert_eq!(judge(397), Status::Fail, "the one before");
}

type Change = fn(&mut Market);

/// Whatever else is another: the bars that both saw must be the same.
#[test]
fn a_silent_restatement_is_not_evaded_by_other_sessions_or_members() {
    let market = Market::new(400, NAMES, 5);
    let known = [earlier(&market, None, 400)];
    let panel = crate::testing::cheap_panel(&market, 1);
    let judge = |market: &Market| {
        let case = Case {
            pipeline: &Standard,
            data: market.data(),
            config: &small(),
            raw: &panel,
            panel: &panel,
            folds: &[],
            trials: &known,
        };
        structure::restated(case).status
    };
    let changes: [(&str, Change); 6] = [
        ("the same", |_| ()),
        ("--through a session earlier", |market| drop(market.history.pop())),
        ("another sector", |market| market.members[0].sector = "Health".to_owned()),
        ("without the first session", |market| drop(market.history.remove(0))),
        ("without a member", |market| {
            let gone = market.members.remove(0).symbol;
            market.history.iter_mut().for_each(|bars| *bars = without(bars, &gone));
        }),
        ("a session more", |market| {
            let last = market.history[399].clone();
            market.history.push(Bars { session: crate::testing::date(400), ..last });
        }),
    ];
    for (what, change) in changes {
        let mut other = market_of(&market, &market.history);
        change(&mut other);
        assert_eq!(judge(&other), Status::Pass, "{what}");
        other.history[300].high[4] += 0.01;
        assert_eq!(judge(&other), Status::Fail, "{what}");
    }
}

fn without(bars: &Bars, symbol: &Symbol) -> Bars {
    let mut rest = Bars::empty(bars.session);
    for row in (0..bars.symbols.len()).filter(|row| bars.symbols[*row] != *symbol) {
        let columns =
            [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume, &bars.raw_close];
        rest.push(bars.symbols[row].clone(), columns.map(|column| column[row]));
    }
    rest
}

fn market_of(market: &Market, history: &[Bars]) -> Market {
    Market { history: history.to_vec(), members: market.members.clone() }
}

/// Dates, sectors and leavers are on record: a dated list is evidence.
#[test]
fn prior_art_25_a_dated_universe_passes_both_detectors_and_a_backdated_one_does_not() {
    let market = Market::new(SESSIONS + 160, 44, 5);
    let day = |index: usize| market.history[index].session;
    let judge = |taken_off: bool, from: usize, sector: &str, snapshot: usize| {
        let spell = |name: usize| Spell {
            from: day(from),
            until: (taken_off && name % 10 == 3).then(|| day(700)),
        };
        let members = market.members.iter().enumerate();
        let sectors = market.members.iter().map(|m| (m.symbol.clone(), m.sector.clone()));
        let mut sectors: BTreeMap<_, _> = sectors.collect();
        sectors.insert("S009".into(), sector.to_owned());
        let listed = members.filter(|(i, _)| taken_off || i % 10 != 3);
        let spells = listed.map(|(i, member)| (member.symbol.clone(), spell(i)));
        let universe = Universe::dated(spells, [(day(snapshot), sectors)].into()).unwrap();
        let data = Dataset { members: Members::Dated(&universe), ..market.data() };
        let raw = Standard.panel(data, &small(), quiet()).unwrap();
        let folds = folds::walk_forward(&raw, &small()).unwrap();
        let case = Case {
            pipeline: &Standard,
            data,
            config: &small(),
            raw: &raw,
            panel: &raw,
            folds: &folds,
            trials: &[],
        };
        let findings: Vec<Finding> = structure::findings(case)
            .into_iter()
            .chain(reruns::findings(case, 0, quiet()).unwrap())
            .collect();
        [Detector::Universe, Detector::Sectors, Detector::Execution].map(|detector| {
            findings.iter().find(|finding| finding.detector == detector).unwrap().status
        })
    };
    let pass = Status::Pass;
    assert_eq!(judge(true, 0, "Energy", 0), [pass; 3]);
    assert_eq!(judge(false, 0, "Energy", 0), [Status::Fail, pass, pass], "nobody ever left it");
    let [_, sectors, _] = judge(true, 0, "Communication Services", 0);
    assert_eq!(sectors, Status::Fail, "a sector of 2018 in a snapshot of 2016");
}
