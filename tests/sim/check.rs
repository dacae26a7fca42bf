//! What must be true at the end of every day.

use crate::day::{Books, Day};
use crate::plan::{Plan, Trouble};
use crate::reference;
use crate::scene::Scene;
use crate::wire::{micros, shares};
use exchange::{Exchange, OrderFilter, Scope};
use messages::{Envelope, Filled, KillLevel, Message, Order, Outcome, Phase, Symbol, Targets};
use std::collections::BTreeMap;

/// Everything that is wrong with the day.
pub(crate) fn faults(day: &Day, plan: &Plan, scene: &Scene) -> Vec<String> {
    let state = scene.state.borrow();
    let journal: Vec<&Envelope> = state.entries().collect();
    let mut faults = state.violations.clone();
    orders(&journal, day, &state.exchange, &mut faults);
    fills(&journal, day, &state.exchange, &mut faults);
    let ours = ledger(day, &journal);
    let theirs = Books::of(&state.exchange);
    if ours != theirs {
        faults.push(format!("our books say {ours:?}, the venue's {theirs:?}"));
    }
    let Some(outcome) = scene.seen().outcome.as_ref() else {
        faults.push("the day has no end".to_owned());
        return faults;
    };
    match (&plan.trouble, outcome) {
        (Trouble::None, Outcome::Traded) if day.opened.is_sliced() => {
            faults.extend(targets(&journal).and_then(|targets| beyond(targets, &journal, &theirs)));
        }
        (Trouble::None, Outcome::Traded) => {
            let mut expected = targets(&journal).map(|targets| reference::books(day, targets));
            let booked =
                state.booked[day.known..].iter().filter_map(|activity| activity.net_amount);
            let booked: i64 = booked.map(|amount| micros(amount.0)).sum();
            if let Some(expected) = &mut expected {
                expected.cash += booked;
            }
            if expected.as_ref() != Some(&theirs) {
                faults.push(format!("the reference has {expected:?}, the venue {theirs:?}"));
            }
        }
        // By luck nothing was killed, refused or garbled in time.
        (_, Outcome::Traded) => {}
        (trouble, Outcome::Stopped { reason }) => {
            let inherited = day.opened.halted.as_ref().map(|kill| kill.level);
            let is_reason = is_reason(trouble, reason)
                || inherited.is_some_and(|level| is_kills(level, reason));
            if !is_reason {
                faults.push(format!("{trouble:?} ended in {reason:?}"));
            }
        }
        (_, other) => faults.push(format!("a trading day ended in {other:?}")),
    }
    faults.extend(still_held(day, &journal, &theirs));
    let killed = day.opened.halted.is_some()
        || journal.iter().any(|entry| matches!(entry.body, Message::Kill(_)));
    if killed && *outcome == Outcome::Traded && !was_resumed(&journal) {
        faults.push("a kill in the journal, and the day was traded as if nothing were".to_owned());
    }
    faults
}

/// A sliced plan is where it wanted to be, but for what it said it was short of.
fn beyond(targets: &Targets, journal: &[&Envelope], theirs: &Books) -> Option<String> {
    let said = |entry: &&Envelope| match &entry.body {
        Message::OrdersDone(done) => Some(done.unreached.clone()),
        _ => None,
    };
    let unreached = journal.iter().rev().find_map(said).unwrap_or_default();
    let off = |target: &&messages::Target| {
        let held = theirs.shares.get(target.symbol.as_str()).copied().unwrap_or_default();
        let short = unreached.get(&target.symbol).map_or(0, |short| short.0);
        held + short != target.quantity.0
    };
    let off: Vec<String> =
        targets.targets.iter().filter(off).map(|t| t.symbol.to_string()).collect();
    let text =
        || format!("{} are neither at their targets nor said to be short of them", off.join(", "));
    (!off.is_empty()).then(text)
}

/// A kill of level `flatten` that was in force when the market closed, with rules for it, leaves nothing but what
/// execution says it leaves.
fn still_held(day: &Day, journal: &[&Envelope], theirs: &Books) -> Option<String> {
    let mut level = day.opened.halted.as_ref().map(|kill| kill.level);
    for entry in journal {
        match &entry.body {
            Message::Kill(kill) => level = level.max(Some(kill.level)),
            Message::Resume(_) => level = None,
            Message::PhaseBegan(began) if began.phase == Phase::Close => break,
            _ => {}
        }
    }
    let closed = |entry: &&Envelope| matches!(&entry.body, Message::PhaseBegan(began) if began.phase == Phase::Close);
    if level != Some(KillLevel::Flatten)
        || day.opened.execution.is_none()
        || !journal.iter().any(closed)
    {
        return None;
    }
    let said: String = journal
        .iter()
        .filter_map(|entry| match &entry.body {
            Message::Alarm(alarm) if alarm.code == "FLATTEN_INCOMPLETE" => Some(&*alarm.detail),
            _ => None,
        })
        .collect();
    let unsaid =
        |symbol: &&String| !said.split(", ").any(|left| left.starts_with(&format!("{symbol} ")));
    let left: Vec<&String> = theirs.shares.keys().filter(unsaid).collect();
    (!left.is_empty()).then(|| format!("{left:?} were not closed, and nobody said so"))
}

/// Why a day may say that it stopped.
fn is_reason(trouble: &Trouble, reason: &str) -> bool {
    match trouble {
        Trouble::None | Trouble::Parts => false,
        Trouble::Kill { level, .. } => is_kills(*level, reason),
        Trouble::Rejects { .. } => reason.contains("REJECTS"),
        Trouble::Garbage { .. } => reason.contains("UNDECODABLE"),
    }
}

fn is_kills(level: KillLevel, reason: &str) -> bool {
    let unfinished = level == KillLevel::Flatten && reason.contains("FLATTEN_INCOMPLETE");
    unfinished || (reason.contains("killed") && reason.contains("a drill"))
}

/// Of the last kill: before the day was closed, or it was no matter of this day.
fn was_resumed(journal: &[&Envelope]) -> bool {
    let closed = journal.iter().position(|entry| matches!(entry.body, Message::SessionClosed(_)));
    let mut killed = false;
    for entry in &journal[..closed.unwrap_or(journal.len())] {
        match &entry.body {
            Message::SessionOpened(opened) => killed = opened.halted.is_some(),
            Message::Kill(_) => killed = true,
            Message::Resume(_) => killed = false,
            _ => {}
        }
    }
    !killed
}

/// Whatever the venue has was approved, once, as it is there; nothing is left open.
fn orders(journal: &[&Envelope], day: &Day, exchange: &Exchange, faults: &mut Vec<String>) {
    let mut approved: BTreeMap<&str, &Order> = BTreeMap::new();
    for entry in journal {
        if let Message::OrderApproved(order) = &entry.body
            && approved.insert(&order.client_order_id, order).is_some()
        {
            faults.push(format!("approved twice: {order}"));
        }
    }
    let filter = OrderFilter { scope: Scope::All, after: Some(before(day)), ..Default::default() };
    let theirs = exchange.orders(&filter);
    let mut legs: BTreeMap<(&Symbol, u8), u32> = BTreeMap::new();
    for order in &theirs {
        let id = &order.client_order_id;
        if order.is_open() {
            faults.push(format!("{id} is open after the close"));
        }
        let Some(ours) = approved.get(id.as_str()) else {
            faults.push(format!("the venue has {id}, which nobody approved"));
            continue;
        };
        let quantity = shares(order.quantity);
        if (&ours.symbol, ours.side, ours.quantity) != (&order.symbol, order.side, quantity) {
            faults.push(format!("the venue has {id} of {quantity} shares, approved was {ours}"));
        }
        let again = ours.is_closing() || day.opened.is_sliced();
        *legs.entry((&ours.symbol, ours.leg)).or_default() += u32::from(!again);
    }
    let twice = legs.iter().filter(|(_, orders)| **orders > 1);
    faults.extend(twice.map(|((symbol, leg), n)| format!("leg {leg} of {symbol} {n} times")));
}

/// Each execution of the venue's stands in the journal once, to the last decimal, and no other does.
fn fills(journal: &[&Envelope], day: &Day, exchange: &Exchange, faults: &mut Vec<String>) {
    let ours = journal.iter().filter_map(|entry| match &entry.body {
        Message::Filled(Filled { client_order_id, quantity, price, cumulative, .. }) => {
            Some((client_order_id.clone(), cumulative.0, quantity.0, price.0))
        }
        _ => None,
    });
    let mut ours: Vec<_> = ours.collect();
    let theirs = exchange.fills().filter(|fill| fill.at > before(day)).map(|fill| {
        let order = exchange.order(&fill.order_id).expect("a fill is an order's");
        let cumulative = shares(fill.cumulative).0;
        (order.client_order_id, cumulative, shares(fill.quantity).0, micros(fill.price))
    });
    let mut theirs: Vec<_> = theirs.collect();
    ours.sort();
    theirs.sort();
    if ours != theirs {
        faults.push(format!("fills in the journal {ours:?}, at the venue {theirs:?}"));
    }
}

/// What was ordered and filled at this moment or earlier was yesterday's.
fn before(day: &Day) -> messages::Time {
    messages::Time(day.start.0 - 1)
}

/// The account by our own account of it. The venue states cents and keeps all decimals: it is they that must agree.
fn ledger(day: &Day, journal: &[&Envelope]) -> Books {
    let mut books = Books::of(&day.exchange);
    for entry in journal {
        match &entry.body {
            Message::Filled(fill) => {
                let change = fill.side.sign() * fill.quantity.0;
                books.cash -= change * fill.price.0;
                *books.shares.entry(fill.symbol.to_string()).or_default() += change;
            }
            Message::Booked(booked) => books.cash += booked.amount.0,
            _ => {}
        }
    }
    books.shares.retain(|_, shares| *shares != 0);
    books
}

fn targets<'a>(journal: &[&'a Envelope]) -> Option<&'a Targets> {
    journal.iter().find_map(|entry| match &entry.body {
        Message::Targets(targets) => Some(targets),
        _ => None,
    })
}
