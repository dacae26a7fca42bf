//! Days of a sliced plan against a venue that fills, cuts, refuses, cancels and reports late, at random: what every order
//! must be when it leaves, by books that are kept here from the journal alone.

use crate::days::{FATES, Fate, bodies, kill, play};
use crate::market::{Market, Ruled, market, rules};
use messages::{
    DenyReason, Envelope, KillLevel, Message, Order, OrderStatus, Phase, Shares, Style, Symbol,
    Target, TimeInForce,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn sliced_market() -> impl Strategy<Value = Market> {
    market().prop_map(|mut market| {
        let plain = || Ruled { rules: rules(), edge: None, style: Style::Sliced, loadings: None };
        market.ruled.get_or_insert_with(plain).style = Style::Sliced;
        market
    })
}

/// Of one name.
#[derive(Clone, Debug, Default)]
struct Book {
    target: Option<Target>,
    held: i64,
    /// Signed, of the order that is open.
    open: Option<(String, i64)>,
    /// Filled after its order had ended: more than anybody could know of.
    late: i64,
    /// Risk or the venue refused an order for good.
    refused: bool,
}

impl Book {
    fn worst(&self) -> i64 {
        let open = self.open.as_ref().map_or(0, |(_, left)| *left);
        self.held.abs().max((self.held + open).abs())
    }

    fn opens(&self, change: i64) -> bool {
        (self.held + change).abs() > self.held.abs()
    }
}

#[derive(Default)]
struct Books {
    names: BTreeMap<Symbol, Book>,
    ids: BTreeSet<String>,
    killed: Option<KillLevel>,
    closed: bool,
}

impl Books {
    fn read(&mut self, entry: &Envelope) -> Result<(), TestCaseError> {
        match &entry.body {
            Message::SessionOpened(opened) => {
                for held in &opened.positions {
                    self.book(&held.symbol).held = held.quantity.0;
                }
            }
            Message::Targets(targets) => {
                for target in &targets.targets {
                    self.book(&target.symbol).target = Some(target.clone());
                }
            }
            Message::SubmitOrder(order) => self.submitted(order)?,
            Message::OrderDenied(denied) => {
                // For want of room it may be asked again, as long as reducers make some.
                let room = matches!(
                    denied.reason,
                    DenyReason::BuyingPower { .. } | DenyReason::GrossTooLarge { .. }
                );
                self.end(&denied.order.client_order_id, !room);
            }
            Message::OrderUpdated(updated) if updated.status.is_terminal() => {
                let refused = updated.status == OrderStatus::Rejected;
                self.end(&updated.client_order_id, refused);
            }
            Message::Filled(fill) => {
                let change = fill.change().0;
                let book = self.book(&fill.symbol);
                book.held += change;
                match &mut book.open {
                    Some((id, left)) if *id == fill.client_order_id => *left -= change,
                    _ => book.late += change.abs(),
                }
                if fill.complete {
                    self.end(&fill.client_order_id, false);
                }
            }
            Message::Kill(kill) => self.killed = Some(kill.level),
            Message::PhaseBegan(began) => {
                self.closed |= began.phase == Phase::Close;
            }
            Message::OrdersDone(done) if self.closed && self.killed != Some(KillLevel::Flatten) => {
                prop_assert!(self.names.values().all(|book| book.open.is_none()));
                prop_assert_eq!(&done.unreached, &self.unreached());
                prop_assert_eq!(&Envelope::decode(&entry.encode()).unwrap(), entry);
            }
            _ => {}
        }
        Ok(())
    }

    fn book(&mut self, symbol: &Symbol) -> &mut Book {
        self.names.entry(symbol.clone()).or_default()
    }

    fn end(&mut self, client_order_id: &str, refused: bool) {
        let ours = |book: &&mut Book| book.open.as_ref().is_some_and(|o| o.0 == client_order_id);
        if let Some(book) = self.names.values_mut().find(ours) {
            book.open = None;
            book.refused |= refused;
        }
    }

    fn unreached(&self) -> BTreeMap<Symbol, Shares> {
        let missing = |book: &Book| {
            let target = book.target.as_ref().filter(|target| target.quantity != target.held)?;
            let missing = Shares(target.quantity.0 - book.held);
            (missing.0 != 0).then(|| (target.symbol.clone(), missing))
        };
        self.names.values().filter_map(missing).collect()
    }

    fn submitted(&mut self, order: &Order) -> Result<(), TestCaseError> {
        prop_assert!(self.ids.insert(order.client_order_id.clone()), "an id twice: {order}");
        prop_assert!(!self.closed, "{order} after the close");
        let flattens = self.killed == Some(KillLevel::Flatten);
        prop_assert_eq!(order.is_closing(), flattens, "{}", order);
        prop_assert!(flattens || self.killed.is_none(), "{order} after a kill");
        let change = order.change().0;
        let book = self.book(&order.symbol);
        prop_assert!(book.open.is_none(), "{order} beside another");
        if !order.is_closing() {
            let target = book.target.clone().expect("planned");
            in_the_market(order)?;
            prop_assert!(!book.refused, "{order} after a refusal");
            let way = (target.quantity - target.held).0.signum();
            prop_assert_eq!(change.signum(), way, "{} goes back", order);
            let before = target.quantity.0 - book.held;
            prop_assert!(change.signum() == before.signum() && change.abs() <= before.abs());
            let crosses = target.held.0.signum() * target.quantity.0.signum() < 0;
            let from_flat = book.held.signum() != target.held.0.signum();
            prop_assert_eq!(order.leg, u8::from(crosses && from_flat));
            let beyond_flat = book.held.signum() * (book.held + change).signum() < 0;
            prop_assert!(!beyond_flat, "{order} through flat");
        }
        let opens = book.opens(change);
        book.open = Some((order.client_order_id.clone(), change));
        prop_assert!(!opens || self.is_paid_for(), "{order} opens what no reducer has paid for");
        Ok(())
    }

    /// Reducers first: the book never grows beyond the larger of what it was and what it shall be.
    fn is_paid_for(&self) -> bool {
        let gross = |shares: fn(&Book, &Target) -> i64| -> i64 {
            let planned =
                self.names.values().filter_map(|book| Some((book, book.target.as_ref()?)));
            planned.map(|(book, target)| shares(book, target).abs() * target.mark.0).sum()
        };
        let before = gross(|_, target| target.held.0);
        let after = gross(|_, target| target.quantity.0);
        let late = gross(|book, _| book.late);
        gross(|book, _| book.worst()) <= before.max(after) + late
    }
}

/// As every slice is.
fn in_the_market(order: &Order) -> Result<(), TestCaseError> {
    prop_assert_eq!(order.time_in_force, TimeInForce::Ioc);
    let (limit, mark) = (order.limit.expect("a slice has a limit").0, order.reference.0);
    prop_assert!((limit - mark).abs() as f64 <= 0.05 * mark as f64, "{order}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sliced_day_keeps_its_promises(
        market in sliced_market(),
        fates in vec(prop::sample::select(&FATES[..]), 1..20),
        order_of in vec(0_usize..1000, 1..50),
        kill in kill(),
    ) {
        let mut books = Books::default();
        for entry in play(market.morning(), &fates, &order_of, kill) {
            books.read(&entry)?;
        }
    }

    /// No slice is larger than the minute's share, and what fills is there in time: a session's share of a name takes
    /// 39 minutes, and what the room for openers makes wait comes after.
    #[test]
    fn a_sliced_plan_that_fills_ends_in_the_targets(market in sliced_market()) {
        let journal = play(market.morning(), &[Fate::Fill, Fate::FillInTwo], &[3, 1, 4, 1, 5], None);
        let refused = journal.iter().any(|entry| matches!(entry.body, Message::OrderDenied(_)));
        let done = bodies(&journal, |m| match m { Message::OrdersDone(d) => Some(d), _ => None });
        prop_assert!(refused || done[0].unreached.is_empty(), "{:?}", done[0]);
        let opened = market.opened();
        for order in bodies(&journal, |m| match m { Message::SubmitOrder(o) => Some(o), _ => None }) {
            let adv = Some(market.listing(&order.symbol).adv);
            let most = opened.plan_slice(order.reference, adv);
            prop_assert!(Some(order.quantity) <= most, "{order}: {most:?}");
        }
    }
}
