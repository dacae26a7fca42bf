//! From what is stored to what the source has: only what is new is asked for, plus some sessions that are
//! stored already and must agree. A past that has changed is never overwritten in silence.

use crate::error::IngestError;
use crate::events::Events;
use crate::fetch::{FetchOptions, fetch_bars};
use crate::inspection::{Inspection, inspect};
use crate::manifest::Mapped;
use crate::store::{self, columns, symbols_of};
use crate::symbols;
use alpaca::Client;
use messages::{Bars, Date, Member, Symbol};
use std::collections::{BTreeMap, BTreeSet};
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
    pub from: Date,
    pub through: Date,
    /// What is stored, if anything.
    pub stored: &'a [Bars],
    /// It was stored with holes, which may be filled now.
    pub partial: bool,
    /// [`crate::Origin::journaled_from`] of what is stored.
    pub journaled_from: Option<Date>,
}

impl<'a> Wanted<'a> {
    /// With nothing stored yet.
    pub fn new(members: &'a [Member], from: Date, through: Date) -> Self {
        Self { members, from, through, stored: &[], partial: false, journaled_from: None }
    }
}

/// One stretch of sessions for some symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub symbols: Vec<Symbol>,
    pub from: Date,
    pub through: Date,
    /// No stored session has these symbols, or holes may be filled: what they get is new, not a changed past.
    pub fills: bool,
}

/// What is to be asked for: new sessions of all members, all sessions of new members, and earlier
/// sessions where `from` lies before the stored ones; with the overlap at each seam.
pub fn plan(wanted: &Wanted) -> Vec<Stretch> {
    let Wanted { members, from, through, stored, partial, .. } = *wanted;
    let symbols = members.iter().map(|member| member.symbol.clone());
    let (Some(first), Some(last)) = (stored.first(), stored.last()) else {
        return vec![Stretch { symbols: symbols.collect(), from, through, fills: true }];
    };
    // Who was halted in the last session has a past all the same.
    let known = symbols_of(stored);
    let is_old = |symbol: &Symbol| !partial && known.contains(symbol);
    let (old, new): (Vec<Symbol>, Vec<Symbol>) = symbols.partition(is_old);
    let seam = |index: usize| stored[index].session;
    let mut stretches = Vec::new();
    if from < first.session {
        let through = seam(stored.len().min(OVERLAP) - 1).min(through);
        stretches.push(Stretch { symbols: old.clone(), from, through, fills: false });
    }
    if through > last.session {
        let from = seam(stored.len().saturating_sub(OVERLAP)).max(from);
        stretches.push(Stretch { symbols: old, from, through, fills: false });
    }
    let (from, through) = (from.min(first.session), through.max(last.session));
    stretches.push(Stretch { symbols: new, from, through, fills: true });
    stretches.retain(|stretch| !stretch.symbols.is_empty());
    stretches
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Updated {
    pub history: Vec<Bars>,
    /// Bars that were not stored.
    pub new: u64,
    /// Of these, in a stored session and of a name that others have: holes of a partial history.
    pub filled: u64,
    /// Nothing but later sessions came, and perhaps more volume of the last stored one.
    pub grown: bool,
    /// Symbols whose volume of the last stored session has grown, and was taken.
    pub volumes: u32,
    /// Stored sessions that were asked for again and are as stored; `None` if nothing is stored.
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
    let mut merged = Merged::new(wanted.stored);
    let mut compared = BTreeSet::new();
    for stretch in plan(wanted) {
        let Stretch { symbols, from, through, .. } = &stretch;
        let fetched = fetch_bars(client, symbols, *from, *through, options).await?;
        let stored = wanted.stored.iter().map(|bars| bars.session);
        compared.extend(stored.filter(|session| (*from..=*through).contains(session)));
        merged.add(wanted, &stretch, fetched)?;
    }
    let grown = merged.more.is_empty() && merged.only_later;
    let (volumes, filled) = (merged.volumes, merged.filled);
    let (history, new) = merged.finish();
    let inspection = inspect(wanted.members, sessions, &history, events);
    let overlap = (!wanted.stored.is_empty()).then_some(compared.len() as u32);
    let first = |symbol: &Symbol| history.iter().find(|bars| bars.row(symbol).is_some());
    let from = |member: &'_ Member| Some((member.symbol.clone(), first(&member.symbol)?.session));
    let mapped = symbols::mapped(wanted.members.iter().filter_map(from));
    Ok(Updated { history, new, filled, grown, volumes, overlap, mapped, inspection })
}

/// Stored and fetched bars by session.
struct Merged {
    sessions: BTreeMap<Date, Bars>,
    /// Rows per session that don't fit where they stand yet.
    more: BTreeMap<Date, Vec<Bars>>,
    new: u64,
    filled: u64,
    only_later: bool,
    volumes: u32,
}

impl Merged {
    fn new(stored: &[Bars]) -> Self {
        let sessions = stored.iter().map(|bars| (bars.session, bars.clone())).collect();
        let (new, filled, volumes) = (0, 0, 0);
        let only_later = !stored.is_empty();
        Self { sessions, more: BTreeMap::new(), new, filled, only_later, volumes }
    }

    /// Takes what is new, after what is stored was compared.
    fn add(
        &mut self,
        wanted: &Wanted<'_>,
        stretch: &Stretch,
        fetched: Vec<Bars>,
    ) -> Result<(), IngestError> {
        let stored = wanted.stored;
        let Stretch { symbols, from, through, fills } = stretch;
        let mut differences = differences(stored, &fetched, symbols, *from, *through);
        let found = differences.len();
        differences.retain(|difference| !fills || difference.stored.is_some());
        self.filled += (found - differences.len()) as u64;
        let last = stored.last().map(|bars| bars.session);
        let journaled = wanted.journaled_from;
        let (grown, differences): (Vec<_>, Vec<_>) = differences.into_iter().partition(|found| {
            let open = Some(found.session) == last
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
                self.more.entry(bars.session).or_default().push(bars);
            }
        }
        Ok(())
    }

    /// Volumes of the last stored session as they are now.
    fn take(&mut self, grown: &[Difference]) {
        for Difference { symbol, session, now, .. } in grown {
            let bars = self.sessions.get_mut(session);
            if let (Some(bars), Some(now)) = (bars, now)
                && let Some(row) = bars.row(symbol)
            {
                bars.volume[row] = *now;
                self.volumes += 1;
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
