//! A plan with the style `sliced`: nothing in the opening auction; from the open on, at the open and at each tick, one
//! order (see [`crate::slices`]) for each name that is not at its target and has none open.
//!
//! - *Reducers first.* An opener gets what they pay for: with all that is open the book's gross, at the marks of the targets,
//!   is never more than that of the book before, or of the targets if that is more. So openers follow as reducers fill, and
//!   one that never fills (a halted name) holds up as many dollars as it is worth, not the whole plan. Gross, not cash,
//!   because a short takes buying power too.
//! - A position that changes its sign goes to flat first (leg 0), and on from there as an opener (leg 1).
//! - What did not fill is tried again at a later tick, with the next attempt.
//! - Given up for the session: a name that risk denies for good or the venue refuses. For want of buying power or gross
//!   room an order is denied for good only once no reducer is to come.
//! - Never back: what late fills brought beyond a target stays there.
//! - A kill of level `flatten` ends it for the session; another halt stops it until a resume; an alarm lasts anyway.
//! - What is not reached at the close is left, and said.

use crate::slices::{Slices, Wish, passes};
use crate::tickets::Tickets;
use messages::{DenyReason, SessionOpened, Shares, Symbol, Target, Targets, Time, Usd};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Those that ask for a change.
    targets: BTreeMap<Symbol, Target>,
    given_up: BTreeSet<Symbol>,
    over: bool,
}

/// What is held and ordered now.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Now<'a> {
    pub(crate) opened: &'a SessionOpened,
    pub(crate) positions: &'a BTreeMap<Symbol, Shares>,
    pub(crate) tickets: &'a Tickets,
    pub(crate) slices: &'a Slices,
}

impl Plan {
    pub(crate) fn start(&mut self, targets: &Targets) {
        let asks = targets.targets.iter().filter(|target| target.quantity != target.held);
        self.targets = asks.map(|target| (target.symbol.clone(), target.clone())).collect();
    }

    /// Positions are closed instead.
    pub(crate) fn end(&mut self) {
        self.over = true;
    }

    /// `reduces`: a reducer is still on its way; `marked`: the last price may be another one in a minute.
    pub(crate) fn on_denied(
        &mut self,
        symbol: &Symbol,
        reason: &DenyReason,
        reduces: bool,
        marked: bool,
    ) {
        let room =
            matches!(reason, DenyReason::BuyingPower { .. } | DenyReason::GrossTooLarge { .. });
        // Too far from the last price, which has changed on the way; not from the close that the target was sized with.
        let late = matches!(reason, DenyReason::Collar { reference, .. }
            if marked || self.targets.get(symbol).is_some_and(|target| target.mark != *reference));
        let again = passes(reason) || late || (room && reduces);
        if !again {
            self.give_up(symbol);
        }
    }

    pub(crate) fn give_up(&mut self, symbol: &Symbol) {
        self.given_up.insert(symbol.clone());
    }

    /// What may be ordered at the next moment, in this order: reducers, then the openers that there is room for; in
    /// each those first that have waited longest.
    pub(crate) fn wishes(&self, now: Now) -> Vec<Wish> {
        if self.targets.is_empty() {
            return Vec::new();
        }
        let busy = now.tickets.busy();
        let steps = self.steps(now).filter(|step| !busy.contains(&step.target.symbol));
        let mut steps: Vec<Step> = steps.collect();
        steps.sort_by_key(|step| (step.opens, step.sliced));
        let mut room = self.room(now);
        let wish = |Step { target, leg, missing, opens, most, .. }: Step<'_>| {
            let mark = target.mark;
            let most = if opens { most.min(Shares(room.0.max(0) / mark.0)) } else { most };
            if opens {
                room -= mark.times(missing.abs().min(most));
            }
            let symbol = target.symbol.clone();
            (most.0 > 0).then_some(Wish { symbol, leg, missing, most })
        };
        steps.into_iter().filter_map(wish).collect()
    }

    /// What is missing to the targets, given up or not; nothing once positions are closed instead.
    pub(crate) fn unreached(
        &self,
        positions: &BTreeMap<Symbol, Shares>,
    ) -> BTreeMap<Symbol, Shares> {
        let missing = |target: &Target| target.quantity - held(positions, &target.symbol);
        let names = self.targets.values().map(|target| (target.symbol.clone(), missing(target)));
        names.filter(|(_, missing)| missing.0 != 0 && !self.over).collect()
    }

    /// Names that go on, and names that were given up before they were there.
    pub(crate) fn count(&self, now: Now) -> (u32, u32) {
        let unreached = self.unreached(now.positions);
        let given_up = unreached.keys().filter(|symbol| self.given_up.contains(*symbol)).count();
        (self.steps(now).count() as u32, given_up as u32)
    }

    /// A reducer is still on its way.
    pub(crate) fn reduces(&self, now: Now) -> bool {
        self.steps(now).any(|step| !step.opens)
    }

    /// The way of each name that goes on, whether an order is open in it or not.
    fn steps<'a>(&'a self, now: Now<'a>) -> impl Iterator<Item = Step<'a>> {
        let goes_on = move |target: &&Target| !self.over && !self.given_up.contains(&target.symbol);
        self.targets.values().filter(goes_on).filter_map(move |target| {
            let held = held(now.positions, &target.symbol);
            let (leg, missing) = next_leg(target, held)?;
            let (_, adv) = now.slices.mark_and_adv(&target.symbol)?;
            Some(Step {
                target,
                leg,
                missing,
                opens: (held.0 + missing.0).abs() > held.0.abs(),
                most: now.opened.plan_slice(target.mark, adv)?,
                sliced: now.slices.sliced(&target.symbol, leg),
            })
        })
    }

    /// Gross that may still be opened, with all that is open at its worst.
    fn room(&self, now: Now) -> Usd {
        let gross = |shares: &dyn Fn(&Target) -> i64| -> Usd {
            self.targets
                .values()
                .map(|target| target.mark.times(Shares(shares(target).abs())))
                .sum()
        };
        let mut open: BTreeMap<&Symbol, i64> = BTreeMap::new();
        for ticket in now.tickets.open() {
            *open.entry(&ticket.order.symbol).or_default() += ticket.left().0;
        }
        let worst = |target: &Target| {
            let held = held(now.positions, &target.symbol).0;
            let after = held + open.get(&target.symbol).copied().unwrap_or(0);
            held.abs().max(after.abs())
        };
        let before = gross(&|target| target.held.0);
        before.max(gross(&|target| target.quantity.0)) - gross(&worst)
    }
}

/// The way of a name.
struct Step<'a> {
    target: &'a Target,
    leg: u8,
    missing: Shares,
    opens: bool,
    most: Shares,
    sliced: Option<Time>,
}

/// From what is held now to the target, or to flat if the position changes its sign; `None`: it is there, or beyond.
pub(crate) fn next_leg(target: &Target, held: Shares) -> Option<(u8, Shares)> {
    let missing = target.quantity - held;
    let (from, to) = (target.held.0.signum(), target.quantity.0.signum());
    if missing.0.signum() != (target.quantity - target.held).0.signum() {
        return None;
    }
    Some(if from * to < 0 && held.0.signum() == from {
        (0, Shares(-held.0))
    } else {
        (u8::from(from * to < 0), missing)
    })
}

fn held(positions: &BTreeMap<Symbol, Shares>, symbol: &Symbol) -> Shares {
    positions.get(symbol).copied().unwrap_or_default()
}

#[cfg(test)]
mod exhaustive;
