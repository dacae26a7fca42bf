//! Which sessions of which names are to be asked for, by what is stored of each.

use crate::events::Events;
use crate::store;
use crate::update::{OVERLAP, Wanted};
use messages::{Date, Listed, Member, Symbol};
use std::collections::BTreeMap;

/// One stretch of sessions for some symbols.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub symbols: Vec<Symbol>,
    pub from: Date,
    pub through: Date,
}

/// What is stored of a name.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Where it was found last; it mostly stays there.
    row: usize,
    pub first: Option<Date>,
    pub last: Option<Date>,
    /// The first session before its first, and the first one after, that it should have and has not.
    lacks_before: Option<Date>,
    lacks_after: Option<Date>,
}

/// Of all members of which something is stored. `sessions` and `events` say which bars they should have.
pub(crate) fn held<'a>(
    wanted: &Wanted<'a>,
    sessions: &[Date],
    events: &Events,
) -> BTreeMap<&'a Symbol, Held> {
    let names = wanted.members.iter().map(|member| (&member.symbol, Held::default()));
    let mut names: Vec<(&Symbol, Held)> = names.collect();
    for bars in wanted.stored {
        for (symbol, held) in &mut names {
            if store::row_near(bars, symbol, &mut held.row) {
                held.first.get_or_insert(bars.session);
                held.last = Some(bars.session);
            }
        }
    }
    names.retain(|(_, held)| held.first.is_some());
    let last = wanted.stored.last().map(|bars| bars.session);
    for session in sessions.iter().filter(|session| Some(**session) <= last) {
        let bars = store::session(wanted.stored, *session);
        for (symbol, held) in &mut names {
            let there = bars.is_some_and(|bars| store::row_near(bars, symbol, &mut held.row));
            if !there && events.expects(symbol, *session) {
                let early = Some(*session) < held.first;
                let lacks = if early { &mut held.lacks_before } else { &mut held.lacks_after };
                lacks.get_or_insert(*session);
            }
        }
    }
    names.into_iter().collect()
}

/// What is to be asked for: of every name the sessions that it should have and has not, the last stored ones,
/// and the overlap at each seam. A name of which nothing is stored has all sessions to come, one that was not asked
/// for meanwhile, as it was no member, goes on from its own last session.
pub(crate) fn plan(wanted: &Wanted, held: &BTreeMap<&Symbol, Held>) -> Vec<Stretch> {
    let mut stretches: BTreeMap<(Date, Date), Vec<Symbol>> = BTreeMap::new();
    for Member { symbol, .. } in wanted.members {
        for bounds in bounds(wanted, held.get(symbol)) {
            // Who left a dated universe long before is not asked for any more.
            if is_wanted(wanted.listed, symbol, bounds.0) {
                stretches.entry(bounds).or_default().push(symbol.clone());
            }
        }
    }
    let stretch = |((from, through), symbols)| Stretch { symbols, from, through };
    stretches.into_iter().map(stretch).collect()
}

/// Of one name, ascending and apart.
fn bounds(wanted: &Wanted, held: Option<&Held>) -> Vec<(Date, Date)> {
    let Wanted { from, through, stored, .. } = *wanted;
    let (Some(first), Some(last)) = (stored.first(), stored.last()) else {
        return vec![(from, through)];
    };
    let through = through.max(last.session);
    let Some(held) = held else {
        return vec![(from.min(first.session), through)];
    };
    let at = |session: Date| stored.partition_point(|bars| bars.session < session);
    let seam = held.lacks_after.map_or(stored.len(), at).saturating_sub(OVERLAP);
    let later = (stored[seam].session, through);
    let start = if from < first.session { Some(from) } else { held.lacks_before };
    let Some(start) = start else {
        return vec![later];
    };
    let begin = held.lacks_before.and(held.first).map_or(0, at);
    let end = stored[(begin + OVERLAP).min(stored.len()) - 1].session;
    if later.0 <= end { vec![(start, through)] } else { vec![(start, end), later] }
}

/// From session `from` on.
fn is_wanted(listed: &[Listed], symbol: &Symbol, from: Date) -> bool {
    listed.is_empty() || listed.iter().any(|row| row.symbol == *symbol && row.wants(from))
}
