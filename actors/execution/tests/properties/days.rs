//! Whole days against a venue that fills, cuts, refuses, cancels and reports late, at random.

use crate::market::{envelope, market};
use execution::Execution;
use kernel::{Actor, Host, Simulation};
use messages::{
    DenyReason, Envelope, Filled, Holding, Kill, KillLevel, Message, Order, OrderStatus,
    OrderUpdated, OrdersDone, Phase, PhaseBegan, Price, SessionOpened, Shares, Tick, Time, Usd,
};
use proptest::collection::vec;
use proptest::prelude::*;
use risk::Risk;

const MINUTE: i64 = 60_000_000_000;

/// What the venue does with an order.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Fate {
    Fill,
    FillInTwo,
    Reject,
    Cancel,
    FillHalfThenCancel,
    /// Cancelled, and then a fill that was on its way.
    CancelThenFill,
}

pub(crate) const FATES: [Fate; 6] = [
    Fate::Fill,
    Fate::FillInTwo,
    Fate::Reject,
    Fate::Cancel,
    Fate::FillHalfThenCancel,
    Fate::CancelThenFill,
];

fn desk() -> Vec<Box<dyn Actor>> {
    vec![Box::new(Risk::new()), Box::new(Execution::new())]
}

/// What the venue says of `order`, one message after the other.
fn reports(order: &Order, fate: Fate) -> Vec<Message> {
    let update = |status| {
        Message::OrderUpdated(OrderUpdated {
            client_order_id: order.client_order_id.clone(),
            symbol: order.symbol.clone(),
            venue_order_id: String::new(),
            status,
            reason: None,
        })
    };
    let fill = |quantity: i64, cumulative: i64| {
        Message::Filled(Filled {
            client_order_id: order.client_order_id.clone(),
            symbol: order.symbol.clone(),
            side: order.side,
            quantity: Shares(quantity),
            price: order.reference,
            cumulative: Shares(cumulative),
            complete: cumulative == order.quantity.0,
            rounding: Usd(0),
        })
    };
    let (all, half) = (order.quantity.0, order.quantity.0 / 2);
    let (accepted, canceled) = (update(OrderStatus::Accepted), update(OrderStatus::Canceled));
    match fate {
        Fate::FillInTwo if half > 0 => vec![accepted, fill(half, half), fill(all - half, all)],
        Fate::Fill | Fate::FillInTwo => vec![accepted, fill(all, all)],
        Fate::Reject => vec![update(OrderStatus::Rejected)],
        Fate::FillHalfThenCancel if half > 0 => vec![accepted, fill(half, half), canceled],
        Fate::Cancel | Fate::FillHalfThenCancel => vec![accepted, canceled],
        Fate::CancelThenFill => vec![accepted, canceled, fill(all, all)],
    }
}

/// Plays a day: `fates` in turn for the approved orders, the venue's reports interleaved by `order_of`, and a kill
/// before the `kill`-th of them.
pub(crate) fn play(
    morning: Vec<Message>,
    fates: &[Fate],
    order_of: &[usize],
    kill: Option<(usize, KillLevel)>,
) -> Vec<Envelope> {
    let mut day = Simulation::new(desk());
    let (mut said, mut minute) = (0, 0);
    let mut post = |day: &mut Simulation, minute: u32, message| {
        said += 1;
        let at = Time(i64::from(minute) * MINUTE);
        day.post(Envelope { at, ..envelope(message, said) });
    };
    for message in morning {
        post(&mut day, minute, message);
    }
    let mut streams: Vec<Vec<Message>> = Vec::new();
    let (mut seen, mut approved) = (0, 0);
    let mut phases = [Phase::Open, Phase::Close].into_iter();
    for step in 0.. {
        for entry in day.since(seen) {
            if let Message::OrderApproved(order) = &entry.body {
                let mut reports = reports(order, fates[approved % fates.len()]);
                reports.reverse();
                streams.push(reports);
                approved += 1;
            }
        }
        seen = day.journal().len();
        streams.retain(|stream| !stream.is_empty());
        if let Some((_, level)) = kill.filter(|(at, _)| *at == step) {
            post(&mut day, minute, Message::Kill(Kill { level, ..Kill::default() }));
            continue;
        }
        if streams.is_empty() && phases.len() == 1 && is_resting(&day) && minute < 389 {
            minute += 1;
            post(&mut day, minute, Message::Tick(Tick { minute }));
            continue;
        }
        if streams.is_empty() {
            let Some(phase) = phases.next() else { break };
            post(&mut day, minute, Message::PhaseBegan(PhaseBegan { phase }));
            continue;
        }
        let next = order_of[step % order_of.len()] % streams.len();
        let report = streams[next].pop().expect("not empty");
        post(&mut day, minute, report);
    }
    day.since(0).cloned().collect()
}

/// Execution's last word is that more will follow.
fn is_resting(day: &Simulation) -> bool {
    let said = |entry: &Envelope| match &entry.body {
        Message::OrdersWorking(_) => Some(true),
        Message::OrdersDone(_) => Some(false),
        _ => None,
    };
    day.since(0).filter_map(said).next_back() == Some(true)
}

pub(crate) fn kill() -> impl Strategy<Value = Option<(usize, KillLevel)>> {
    let levels = vec![KillLevel::Halt, KillLevel::Cancel, KillLevel::Flatten];
    prop::option::weighted(0.4, (0_usize..60, prop::sample::select(levels)))
}

pub(crate) fn bodies<'a, T>(
    journal: &'a [Envelope],
    of: impl Fn(&'a Message) -> Option<T> + 'a,
) -> Vec<T> {
    journal.iter().filter_map(|entry| of(&entry.body)).collect()
}

/// What the maintenance margin of the holdings leaves of the equity (Alpaca: 30 %; of a short at least $5 a share,
/// below $5 all of it and at least $2.50 a share).
fn margin_left(opened: &SessionOpened) -> Usd {
    let needed = |holding: &Holding| {
        let (mark, shares) = (holding.mark.0 as f64 / 1e6, holding.quantity.0 as f64);
        let rate = match shares < 0.0 {
            false => 0.3 * mark,
            true if mark < 5.0 => mark.max(2.5),
            true => (0.3 * mark).max(5.0),
        };
        Usd((rate * shares.abs() * 1e6) as i64)
    };
    opened.equity - opened.positions.iter().map(needed).sum()
}

/// What an order may cost beyond its mark.
fn collar(order: &Order) -> Usd {
    let beyond = order.limit.map_or(0, |limit| (limit.0 - order.reference.0).max(0));
    Price(beyond).times(order.quantity)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_day_ends_and_adds_up(
        market in market(),
        fates in vec(prop::sample::select(&FATES[..]), 1..20),
        order_of in vec(0_usize..1000, 1..50),
        kill in kill(),
    ) {
        let journal = play(market.morning(), &fates, &order_of, kill);
        let submitted = bodies(&journal, |m| match m { Message::SubmitOrder(o) => Some(o), _ => None });
        let working = bodies(&journal, |m| match m { Message::OrdersWorking(w) => Some(w), _ => None });
        let done = bodies(&journal, |m| match m { Message::OrdersDone(d) => Some(d), _ => None });
        let said = (working.len(), done.len());
        let once = said == (1, 1) || (said.0 >= 1 && said.1 == 1 && market.is_sliced());
        let again = !working.is_empty() && !done.is_empty() && kill.is_some();
        prop_assert!(once || again, "{working:?} {done:?}");
        let OrdersDone { orders, filled, unfilled, denied, rejected, .. } = done[done.len() - 1];
        prop_assert_eq!(*orders as usize, submitted.len());
        prop_assert_eq!(*orders, filled + unfilled + denied + rejected);
        let mut ids: Vec<&str> = submitted.iter().map(|order| order.client_order_id.as_str()).collect();
        ids.sort_unstable();
        prop_assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "an order twice");
        let at = |of: fn(&Message) -> bool| journal.iter().position(|entry| of(&entry.body));
        let killed = at(|m| matches!(m, Message::Kill(_))).unwrap_or(journal.len());
        let flattens = kill.is_some_and(|(_, level)| level == KillLevel::Flatten);
        let late = |m: &Envelope| matches!(&m.body, Message::OrderApproved(order) if !(flattens && order.is_closing()));
        prop_assert!(!journal[killed..].iter().any(late), "approved after a kill");
    }

    /// Targets ask for nothing that the gate would deny. (A second leg may be denied by a gross that was over
    /// its limit from the start, any order by a margin that was short from the start, or that lacks no more than what
    /// limits are away from the marks: targets count marks, the gate counts limits.)
    #[test]
    fn the_gate_agrees_with_the_targets(market in market()) {
        let journal = play(market.morning(), &[Fate::Fill], &[0], None);
        let opened = bodies(&journal, |m| match m { Message::SessionOpened(o) => Some(o), _ => None })[0];
        let submitted = bodies(&journal, |m| match m { Message::SubmitOrder(o) => Some(o), _ => None });
        let collars: Usd = submitted.into_iter().map(collar).sum();
        for denied in bodies(&journal, |m| match m { Message::OrderDenied(d) => Some(d), _ => None }) {
            let excused = match denied.reason {
                DenyReason::GrossTooLarge { .. } => denied.order.leg == 1,
                DenyReason::BuyingPower { left, limit } => {
                    margin_left(opened) < limit || left + collars >= limit
                }
                _ => false,
            };
            prop_assert!(excused, "{denied:?}");
        }
    }

    /// If everything fills, what is held in the end is what the targets asked for.
    #[test]
    fn a_plan_that_fills_ends_in_the_targets(market in market()) {
        let journal = play(market.morning(), &[Fate::Fill, Fate::FillInTwo], &[3, 1, 4, 1, 5], None);
        let refused = journal.iter().any(|entry| matches!(entry.body, Message::OrderDenied(_)));
        let targets = bodies(&journal, |m| match m { Message::Targets(t) => Some(t), _ => None });
        for target in targets[0].targets.iter().filter(|_| !refused) {
            let fills = bodies(&journal, |m| match m {
                Message::Filled(fill) if fill.symbol == target.symbol => Some(fill.change()),
                _ => None,
            });
            prop_assert_eq!(target.held + fills.into_iter().sum(), target.quantity);
        }
    }

    /// Recovery is a start: fresh actors over the journal say what was said.
    #[test]
    fn a_restart_says_the_same(
        market in market(),
        fates in vec(prop::sample::select(&FATES[..]), 1..20),
        kill in kill(),
    ) {
        let journal = play(market.morning(), &fates, &[7, 2, 9, 4], kill);
        for actor in desk() {
            let mut host = Host::new(actor);
            let author = host.id();
            let entries = journal.iter().zip(1..);
            let again: Vec<Envelope> =
                entries.flat_map(|(entry, position)| host.handle(position, &Ok(entry.clone()))).collect();
            let answered = |entry: &&Envelope| entry.id.author == author && entry.id.position().is_some();
            let before: Vec<Envelope> = journal.iter().filter(answered).cloned().collect();
            prop_assert_eq!(again, before);
        }
    }
}
