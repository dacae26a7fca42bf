//! From what is stored to what the source has: only what is new is asked for, name by name, plus some sessions that are
//! stored already and must agree, also where nothing is new. A past that has changed is never overwritten in silence.

use crate::error::IngestError;
use crate::events::Events;
use crate::fetch::{FetchOptions, fetch_bars};
use crate::inspection::{Inspection, inspect};
use crate::manifest::Mapped;
use crate::plan::{Held, Stretch, held, plan};
use crate::store::{self, columns, symbols_of};
use crate::symbols;
use crate::universe::forget_leavers;
use alpaca::Client;
use messages::{Bars, Date, Listed, Member, Symbol};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Stored sessions that are asked for again at each seam and must agree, bit for bit, so that a changed past
/// shows. One would do for splits and dividends, which change every adjusted price before them; a
/// correction changes single bars, and sources correct within days: so a week. A bar that is corrected
/// later than that, and nothing else with it, goes unnoticed until `aurora fetch --restate`, which asks
/// for everything and lists every difference. The manifest says how many sessions were compared.
pub const OVERLAP: usize = 5;

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub members: &'a [Member],
    /// Of a dated universe: bars of a name end some time after it left. Empty: nobody leaves.
    pub listed: &'a [Listed],
    pub from: Date,
    pub through: Date,
    /// What is stored, if anything.
    pub stored: &'a [Bars],
    /// It was stored with holes; what fills them goes on record.
    pub partial: bool,
    /// [`crate::Origin::journaled_from`] of what is stored.
    pub journaled_from: Option<Date>,
}

impl<'a> Wanted<'a> {
    /// With nothing stored yet.
    pub fn new(members: &'a [Member], from: Date, through: Date) -> Self {
        let (listed, stored) = (&[][..], &[][..]);
        Self { members, listed, from, through, stored, partial: false, journaled_from: None }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Updated {
    pub history: Vec<Bars>,
    /// Bars that were not stored.
    pub new: u64,
    /// Of these, holes in what is stored of a name, as a partial history has them. What lies before or behind all
    /// that is stored of a name that was not asked for is none.
    pub filled: u64,
    /// Nothing but later sessions came, and perhaps more volume of the last stored one.
    pub grown: bool,
    /// Of how many symbols the volume of the last session that is stored of them has grown, and was taken; and the
    /// earliest of these sessions.
    pub volumes: Option<(Date, u32)>,
    /// Stored sessions that were asked for again of all members that are stored, and are as stored; `None` if
    /// nothing is stored.
    pub overlap: Option<u32>,
    /// Names of before a change of name, under which the source had part of the history.
    pub mapped: Vec<Mapped>,
    /// Of the whole history, against the members and the sessions asked for.
    pub inspection: Inspection,
}

/// The whole history that results, inspected; nothing is written. `sessions`: the exchange's calendar
/// from `wanted.from` or the first stored session on, to `wanted.through`.
///
/// # Errors
/// The service fails; what it says of stored sessions is not what is stored.
pub async fn update(
    client: &Client,
    wanted: &Wanted<'_>,
    sessions: &[Date],
    events: &Events,
    options: &FetchOptions,
) -> Result<Updated, IngestError> {
    let held = held(wanted, sessions, events);
    let mut merged = Merged::new(wanted.stored);
    let stretches = plan(wanted, &held);
    let known = |stretch: &Stretch| {
        stretch.symbols.iter().filter(|symbol| held.contains_key(symbol)).count()
    };
    // How many known names were asked for, by session.
    let mut compared: BTreeMap<Date, usize> = BTreeMap::new();
    for stretch in &stretches {
        let Stretch { symbols, from, through } = stretch;
        let mut fetched = fetch_bars(client, symbols, *from, *through, options).await?;
        forget_leavers(wanted.listed, &mut fetched);
        let stored = wanted.stored.iter().map(|bars| bars.session);
        for session in stored.filter(|session| (*from..=*through).contains(session)) {
            *compared.entry(session).or_default() += known(stretch);
        }
        let mut found = differences(wanted.stored, &fetched, symbols, *from, *through);
        // Nobody said that it has no bar then: it was not asked for, or its bar was missing.
        let is_hole = |found: &Difference| {
            found.stored.is_none() && events.expects(&found.symbol, found.session)
        };
        let holes: Vec<Difference> = found.extract_if(.., |found| is_hole(found)).collect();
        merged.filled += count_filled(wanted, &held, &holes);
        merged.add(wanted, &held, found, fetched)?;
    }
    let grown = merged.only_later;
    let (volumes, filled) = (merged.volumes, merged.filled);
    let (history, new) = merged.finish();
    let inspection = inspect(wanted.members, sessions, &history, events);
    // Of those who go on.
    let end = stretches.iter().map(|stretch| stretch.through).max();
    let all: usize = stretches.iter().filter(|it| Some(it.through) == end).map(known).sum();
    let whole = compared.values().filter(|known| **known > 0 && **known >= all).count();
    let overlap = (!wanted.stored.is_empty()).then_some(whole as u32);
    let first = |symbol: &Symbol| history.iter().find(|bars| bars.row(symbol).is_some());
    let from = |member: &'_ Member| Some((member.symbol.clone(), first(&member.symbol)?.session));
    let mapped = symbols::mapped(wanted.members.iter().filter_map(from));
    Ok(Updated { history, new, filled, grown, volumes, overlap, mapped, inspection })
}

/// How many of `holes` are some in the bars of a name, and not before or behind them, or are of a partial history.
fn count_filled(wanted: &Wanted, held: &BTreeMap<&Symbol, Held>, holes: &[Difference]) -> u64 {
    let within = |hole: &&Difference| {
        let held = held.get(&hole.symbol);
        let session = Some(hole.session);
        wanted.partial || held.is_some_and(|held| held.first < session && session < held.last)
    };
    holes.iter().filter(within).count() as u64
}

/// Stored and fetched bars by session.
struct Merged {
    sessions: BTreeMap<Date, Bars>,
    /// Rows per session that don't fit where they stand yet.
    more: BTreeMap<Date, Vec<Bars>>,
    new: u64,
    filled: u64,
    only_later: bool,
    volumes: Option<(Date, u32)>,
}

impl Merged {
    fn new(stored: &[Bars]) -> Self {
        let sessions = stored.iter().map(|bars| (bars.session, bars.clone())).collect();
        let (new, filled, volumes) = (0, 0, None);
        let only_later = !stored.is_empty();
        Self { sessions, more: BTreeMap::new(), new, filled, only_later, volumes }
    }

    /// Takes what is new, after what is stored was compared: `differences` are what was found there.
    fn add(
        &mut self,
        wanted: &Wanted<'_>,
        held: &BTreeMap<&Symbol, Held>,
        differences: Vec<Difference>,
        fetched: Vec<Bars>,
    ) -> Result<(), IngestError> {
        let last = wanted.stored.last().map(|bars| bars.session);
        let journaled = wanted.journaled_from;
        let (grown, differences): (Vec<_>, Vec<_>) = differences.into_iter().partition(|found| {
            let its_last = held.get(&found.symbol).and_then(|held| held.last);
            let open = Some(found.session) == its_last
                || journaled.is_some_and(|journaled| journaled <= found.session);
            open && found.is_grown_volume()
        });
        if let Some(first) = differences.first() {
            return Err(IngestError::PastChanged {
                count: differences.len(),
                first: first.to_string(),
            });
        }
        if journaled.is_none() {
            self.take(&grown);
        }
        for bars in fetched {
            let Some(there) = self.sessions.get(&bars.session) else {
                self.new += bars.symbols.len() as u64;
                self.only_later &= Some(bars.session) > last;
                self.sessions.insert(bars.session, bars);
                continue;
            };
            if bars.symbols.iter().any(|symbol| there.row(symbol).is_none()) {
                self.only_later &= Some(bars.session) > last;
                self.more.entry(bars.session).or_default().push(bars);
            }
        }
        Ok(())
    }

    /// Volumes of last stored sessions as they are now.
    fn take(&mut self, grown: &[Difference]) {
        for Difference { symbol, session, now, .. } in grown {
            let bars = self.sessions.get_mut(session);
            if let (Some(bars), Some(now)) = (bars, now)
                && let Some(row) = bars.row(symbol)
            {
                bars.volume[row] = *now;
                let (earliest, count) = self.volumes.unwrap_or((*session, 0));
                self.volumes = Some((earliest.min(*session), count + 1));
            }
        }
    }

    fn finish(mut self) -> (Vec<Bars>, u64) {
        for (session, parts) in std::mem::take(&mut self.more) {
            let there = self.sessions.remove(&session).unwrap_or_else(|| Bars::empty(session));
            let mut rows: BTreeMap<Symbol, [f64; 6]> = BTreeMap::new();
            for bars in parts.iter().chain([&there]) {
                for (row, symbol) in bars.symbols.iter().enumerate() {
                    rows.insert(symbol.clone(), crate::defect::row(bars, row));
                }
            }
            self.new += (rows.len() - there.symbols.len()) as u64;
            let mut bars = Bars::empty(session);
            for (symbol, row) in rows {
                bars.push(symbol, row);
            }
            self.sessions.insert(session, bars);
        }
        (self.sessions.into_values().collect(), self.new)
    }
}

/// A number that is stored otherwise than the source has it now.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub symbol: Symbol,
    pub session: Date,
    pub field: &'static str,
    /// `None`: there is no such bar.
    pub stored: Option<f64>,
    pub now: Option<f64>,
}

impl Difference {
    /// A daily bar counts trades after hours, so the volume of one that was fetched in the evening grows until
    /// morning.
    fn is_grown_volume(&self) -> bool {
        self.field == "volume" && grows(self.stored, self.now)
    }
}

/// Both are there, and `now` is more.
pub(crate) fn grows(stored: Option<f64>, now: Option<f64>) -> bool {
    matches!((stored, now), (Some(stored), Some(now)) if now > stored)
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { symbol, session, field, stored, now } = self;
        let number =
            |value: Option<f64>| value.map_or("absent".to_owned(), |value| value.to_string());
        write!(f, "{symbol} on {session}: {field} stored {}, now {}", number(*stored), number(*now))
    }
}

/// What differs between `stored` and `now` in the sessions from `from` to `through`, for `symbols` that
/// are stored at all. Every number must be the same bit for bit.
pub fn differences(
    stored: &[Bars],
    now: &[Bars],
    symbols: &[Symbol],
    from: Date,
    through: Date,
) -> Vec<Difference> {
    let known = symbols_of(stored);
    let symbols: Vec<&Symbol> = symbols.iter().filter(|symbol| known.contains(symbol)).collect();
    let mut found = Vec::new();
    for old in stored.iter().filter(|bars| (from..=through).contains(&bars.session)) {
        let nothing = Bars::empty(old.session);
        let new = store::session(now, old.session).unwrap_or(&nothing);
        for symbol in &symbols {
            let (before, after) = (old.row(symbol), new.row(symbol));
            for ((field, was), (_, is)) in columns(old).into_iter().zip(columns(new)) {
                let (was, is) = (before.map(|row| was[row]), after.map(|row| is[row]));
                if was.map(f64::to_bits) == is.map(f64::to_bits) {
                    continue;
                }
                let (symbol, session) = ((*symbol).clone(), old.session);
                found.push(Difference { symbol, session, field, stored: was, now: is });
                if was.is_none() || is.is_none() {
                    break;
                }
            }
        }
    }
    found
}

/// As CSV, for `differences.csv`.
pub fn differences_csv(differences: &[Difference]) -> String {
    let mut text = "symbol,session,field,stored,now\n".to_owned();
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    for Difference { symbol, session, field, stored, now } in differences {
        let (stored, now) = (number(*stored), number(*now));
        writeln!(text, "{symbol},{session},{field},{stored},{now}").expect("into memory");
    }
    text
}
