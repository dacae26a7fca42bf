//! What earlier trials saw, bar by bar: unlike adjusted prices, nothing that happens later may change a bar as it
//! was traded. A trial keeps a hash of each bar, in one file per calendar month that is named by its content, so
//! that trials of the same past share their files. Two of them compare on the sessions and symbols they have in
//! common, whoever the members are and wherever either begins or ends.

use messages::{Bars, Date, Symbol};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// By month, as in `2024-03`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot(pub(crate) BTreeMap<String, Arc<Month>>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Month {
    /// Ascending.
    sessions: Vec<Date>,
    /// Per session: the hash of the symbol's bar, 0 where it has none.
    bars: BTreeMap<Symbol, Vec<u64>>,
}

/// Two snapshots, held against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// No session and symbol in common.
    Apart,
    Same,
    /// The first bar that only one of them has, or that is another in each.
    Changed {
        session: Date,
        symbol: Symbol,
    },
}

impl Snapshot {
    pub(crate) fn of(history: &[Bars]) -> Self {
        let mut months = BTreeMap::new();
        for bars in history.chunk_by(|a, b| name(a.session) == name(b.session)) {
            months.insert(name(bars[0].session), Arc::new(Month::of(bars)));
        }
        Self(months)
    }

    /// Of all bars that both should have: of every symbol that both know, from the first to the last session of both.
    /// One of them ended with that last session, and a daily bar counts trades after hours, so that its volume may have
    /// grown for the other: of it the prices alone are compared.
    pub(crate) fn compare(&self, other: &Self) -> Comparison {
        let (Some((first, last)), Some((theirs_first, theirs_last))) =
            (self.range(), other.range())
        else {
            return Comparison::Apart;
        };
        let (first, last) = (first.max(theirs_first), last.min(theirs_last));
        let theirs = other.symbols();
        let symbols: Vec<&Symbol> =
            self.symbols().into_iter().filter(|symbol| theirs.contains(symbol)).collect();
        if first > last || symbols.is_empty() {
            return Comparison::Apart;
        }
        let empty = Arc::new(Month::default());
        let months: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        for month in months {
            let of = |snapshot: &Self| snapshot.0.get(month).unwrap_or(&empty).clone();
            let (ours, theirs) = (of(self), of(other));
            if ours == theirs {
                continue;
            }
            let differ = |symbol: &&Symbol| {
                let (ours, theirs) =
                    (ours.within(symbol, first, last), theirs.within(symbol, first, last));
                Some((first_difference(&ours, &theirs, last)?, (*symbol).clone()))
            };
            if let Some((session, symbol)) = symbols.iter().filter_map(differ).min() {
                return Comparison::Changed { session, symbol };
            }
        }
        Comparison::Same
    }

    fn range(&self) -> Option<(Date, Date)> {
        let (first, last) = (self.0.values().next()?, self.0.values().next_back()?);
        Some((*first.sessions.first()?, *last.sessions.last()?))
    }

    fn symbols(&self) -> BTreeSet<&Symbol> {
        self.0.values().flat_map(|month| month.bars.keys()).collect()
    }
}

impl Month {
    fn of(history: &[Bars]) -> Self {
        let mut month = Self {
            sessions: history.iter().map(|bars| bars.session).collect(),
            bars: BTreeMap::new(),
        };
        for (at, bars) in history.iter().enumerate() {
            for (row, symbol) in bars.symbols.iter().enumerate() {
                let hashes =
                    month.bars.entry(symbol.clone()).or_insert_with(|| vec![0; history.len()]);
                hashes[at] = as_traded(bars, row);
            }
        }
        month
    }

    /// As many hashes for each symbol as there are sessions, and these ascend?
    pub(crate) fn is_well_formed(&self) -> bool {
        self.sessions.windows(2).all(|pair| pair[0] < pair[1])
            && self.bars.values().all(|hashes| hashes.len() == self.sessions.len())
    }

    /// The symbol's bars from `first` to `last`.
    fn within(&self, symbol: &Symbol, first: Date, last: Date) -> BTreeMap<Date, u64> {
        let hashes = self.bars.get(symbol).into_iter().flatten().copied();
        let bars = self.sessions.iter().copied().zip(hashes);
        bars.filter(|(session, hash)| *hash != 0 && (first..=last).contains(session)).collect()
    }
}

fn first_difference(a: &BTreeMap<Date, u64>, b: &BTreeMap<Date, u64>, last: Date) -> Option<Date> {
    let sessions: BTreeSet<&Date> = a.keys().chain(b.keys()).collect();
    let same = |session: &Date| match (a.get(session), b.get(session)) {
        (Some(a), Some(b)) if *session == last => is_same_but_for_volume(*a, *b),
        (a, b) => a == b,
    };
    sessions.into_iter().find(|session| !same(session)).copied()
}

fn name(session: Date) -> String {
    session.strftime("%Y-%m").to_string()
}

/// Prices count to a hundredth of a cent and volumes to a share, so that what was divided by a split and
/// multiplied again is the same. Never 0.
fn as_traded(bars: &Bars, row: usize) -> u64 {
    let factor = bars.raw_close[row] / bars.close[row];
    let prices = [&bars.open, &bars.high, &bars.low, &bars.close];
    let prices = prices.map(|column| (column[row] * factor * 1e4).round());
    let volume = (bars.volume[row] / factor).round();
    fnv(prices.into_iter().chain([volume]).map(|value| (value as i64).cast_unsigned())).max(1)
}

/// More shares than this no name trades in a session.
const VOLUME_END: u64 = 1 << 40;

/// Of two hashes of [`as_traded`]: their last step, which takes in the volume, is undone. Where all before it is the
/// same, what is left differs by the two volumes, which are small numbers; where a price is another, by chance one time
/// in 2^24.
fn is_same_but_for_volume(a: u64, b: u64) -> bool {
    let before = |hash: u64| hash.wrapping_mul(FNV_PRIME_INVERSE);
    before(a) ^ before(b) < VOLUME_END
}

const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
/// Modulo 2^64.
const FNV_PRIME_INVERSE: u64 = 0xce96_5057_aff6_957b;
const _: () = assert!(FNV_PRIME.wrapping_mul(FNV_PRIME_INVERSE) == 1);

/// FNV-1a, word by word.
pub(crate) fn fnv(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(FNV_PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forty days over the end of a month, of two names.
    fn history(factor: f64) -> Vec<Bars> {
        let day = |day: usize| {
            let mut bars = Bars::empty(crate::testing::date(day + 10));
            for symbol in ["A", "B"] {
                let row = [100.01, 101.37, 99.5, 100.49].map(|price| price / factor);
                let [open, high, low, close] = row;
                bars.push(symbol.into(), [open, high, low, close, 1_234_567.0 * factor, 100.49]);
            }
            bars
        };
        (0..40).map(day).collect()
    }

    type Change = fn(&mut Bars);

    const CHANGES: [(&str, Change); 5] = [
        ("open", |bars| bars.open[0] += 0.01),
        ("high", |bars| bars.high[0] += 0.01),
        ("low", |bars| bars.low[0] -= 0.01),
        ("volume", |bars| bars.volume[0] += 1.0),
        ("raw_close", |bars| bars.raw_close[0] += 0.01),
    ];

    #[test]
    fn a_later_split_changes_no_bar_and_any_other_number_does() {
        let whole = Snapshot::of(&history(1.0));
        for factor in [2.0, 3.0, 7.0, 20.0, 0.1] {
            assert_eq!(Snapshot::of(&history(factor)), whole, "split {factor}");
        }
        for (what, change) in CHANGES {
            for day in [0, 5, 20, 21, 22, 39] {
                let mut changed = history(1.0);
                change(&mut changed[day]);
                let session = changed[day].session;
                let found = Snapshot::of(&changed).compare(&whole);
                let expected = match (what, day) {
                    ("volume", 39) => Comparison::Same,
                    _ => Comparison::Changed { session, symbol: "A".into() },
                };
                assert_eq!(found, expected, "{what} on {session}");
            }
        }
    }

    /// Trained in the evening, fetched again the next one: the last bar that the first training saw counts trades
    /// after hours by then. Nothing else of it may be another, and no volume of a session before.
    #[test]
    fn only_the_volume_of_the_last_session_that_a_trial_saw_may_grow() {
        let whole = history(1.0);
        let evening = |grown: usize| {
            let mut seen = whole[..30].to_vec();
            seen[grown].volume[0] -= 10_000.0;
            Snapshot::of(&seen)
        };
        let later = Snapshot::of(&whole);
        assert_eq!(later.compare(&evening(29)), Comparison::Same);
        assert_eq!(evening(29).compare(&later), Comparison::Same, "as of that evening again");
        let before = Comparison::Changed { session: whole[28].session, symbol: "A".into() };
        assert_eq!(later.compare(&evening(28)), before);
        let price = Comparison::Changed { session: whole[29].session, symbol: "A".into() };
        for cents in -500..500 {
            for (what, change) in CHANGES.iter().filter(|(what, _)| *what != "volume") {
                let mut seen = whole[29..30].to_vec();
                change(&mut seen[0]);
                seen[0].close[0] += f64::from(cents) * 0.01;
                assert_eq!(later.compare(&Snapshot::of(&seen)), price, "{what}, {cents}");
            }
        }
    }

    /// Each bar that both have counts, and none that only one could have.
    #[test]
    fn what_both_have_is_compared_and_nothing_else() {
        let whole = history(1.0);
        let known = Snapshot::of(&whole);
        for range in [0..39, 1..40, 7..33, 25..30, 39..40] {
            let part = &whole[range.clone()];
            assert_eq!(Snapshot::of(part).compare(&known), Comparison::Same, "{range:?}");
            for day in 0..part.len() {
                let mut part = part.to_vec();
                part[day].low[1] -= 0.01;
                let expected =
                    Comparison::Changed { session: part[day].session, symbol: "B".into() };
                let (ours, theirs) = (Snapshot::of(&part), known.compare(&Snapshot::of(&part)));
                assert_eq!(ours.compare(&known), expected, "{range:?} {day}");
                assert_eq!(theirs, ours.compare(&known), "either way round");
            }
        }
        assert_eq!(
            Snapshot::of(&whole[..5]).compare(&Snapshot::of(&whole[5..])),
            Comparison::Apart
        );
        assert_eq!(Snapshot::of(&[]).compare(&known), Comparison::Apart);
    }

    #[test]
    fn other_members_are_no_change_and_a_bar_that_came_or_went_is_one() {
        let whole = history(1.0);
        let known = Snapshot::of(&whole);
        let without_b = |days: std::ops::Range<usize>| {
            let mut less = whole.clone();
            for bars in &mut less[days] {
                let session = bars.session;
                let row = [bars.open[0], bars.high[0], bars.low[0], bars.close[0]];
                let [open, high, low, close] = row;
                let row = [open, high, low, close, bars.volume[0], bars.raw_close[0]];
                *bars = Bars::empty(session);
                bars.push("A".into(), row);
            }
            Snapshot::of(&less)
        };
        assert_eq!(without_b(0..40).compare(&known), Comparison::Same, "B is no member");
        let gone =
            |at: usize| Comparison::Changed { session: whole[at].session, symbol: "B".into() };
        for (days, at) in [(0..1, 0), (12..14, 12), (0..22, 0), (21..40, 21)] {
            assert_eq!(without_b(days.clone()).compare(&known), gone(at));
            assert_eq!(known.compare(&without_b(days)), gone(at), "it came");
        }
        let mut short = whole.clone();
        short.remove(20);
        let expected = Comparison::Changed { session: whole[20].session, symbol: "A".into() };
        assert_eq!(Snapshot::of(&short).compare(&known), expected, "a session less");
    }
}
