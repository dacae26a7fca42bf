//! Every sequence of up to six things that Alpaca can say of an order, or do without saying: each event and status of its
//! API, lost and repeated ones, executions before the order is answered and after it has ended. Sequences that lead to
//! the same state go on together, so each is covered without being walked.

use super::*;
use messages::OrderStatus;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

const DEPTH: usize = 6;
const ORDERED: i64 = 100;

/// Event and the status after it; `None`: the status stays.
const WORDS: [(&str, Option<&str>); 20] = [
    ("new", Some("new")),
    ("accepted", Some("accepted")),
    ("pending_new", Some("pending_new")),
    ("held", Some("held")),
    ("stopped", Some("stopped")),
    ("suspended", Some("suspended")),
    ("pending_cancel", Some("pending_cancel")),
    ("pending_replace", Some("pending_replace")),
    ("order_cancel_rejected", None),
    ("order_replace_rejected", None),
    ("restated", None),
    ("a_word_of_tomorrow", Some("another_word_of_tomorrow")),
    ("done_for_day", Some("done_for_day")),
    ("calculated", Some("calculated")),
    ("canceled", Some("canceled")),
    ("expired", Some("expired")),
    ("replaced", Some("replaced")),
    ("rejected", Some("rejected")),
    ("trade_bust", None),
    ("trade_correct", None),
];

const ENDED: [&str; 6] =
    ["canceled", "expired", "replaced", "rejected", "calculated", "done_for_day"];

#[derive(Copy, Clone, Debug)]
enum Step {
    Word(usize),
    /// An execution of 30, told or lost on the way.
    Part {
        told: bool,
    },
    /// All that is missing.
    Rest,
    /// More than was ordered.
    Over,
    /// The last execution once more.
    Repeat,
    /// The answer to the order, or to our asking.
    Answer,
    /// The account's executions are asked for.
    Listed,
}

/// The venue, and what must be true of what we said.
#[derive(Clone, Debug, Default)]
struct World {
    status: String,
    /// Of each execution, and cumulative.
    executions: Vec<(i64, i64)>,
    last: Option<TradeUpdate>,
    desk: Desk,
    ids: BTreeSet<String>,
    told: i64,
    accepted: bool,
    end: Option<OrderStatus>,
    alarms: BTreeSet<String>,
}

#[test]
fn every_sequence_of_six_of_the_venues_words_keeps_the_promises() {
    let steps: Vec<Step> = (0..WORDS.len())
        .map(Step::Word)
        .chain([Step::Part { told: true }, Step::Part { told: false }, Step::Rest, Step::Over])
        .chain([Step::Repeat, Step::Answer, Step::Listed])
        .collect();
    let start = World { status: "accepted".to_owned(), desk: desk(), ..World::default() };
    let (mut layer, mut known) = (vec![start], BTreeSet::new());
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for world in &layer {
            for step in &steps {
                let Some(after) = world.after(*step) else { continue };
                if known.insert(after.key()) {
                    next.push(after);
                }
            }
        }
        layer = next;
    }
    assert!(known.len() > 100, "only {} states", known.len());
}

impl World {
    /// `None` where the step is none.
    fn after(&self, step: Step) -> Option<World> {
        let mut world = self.clone();
        let filled = self.filled();
        let event = match step {
            Step::Word(word) => {
                let (event, status) = WORDS[word];
                let status = status.unwrap_or(&self.status);
                // Asked later, a venue says `new` of whatever is open.
                let lasts = ENDED.contains(&status) || status == "filled";
                world.status = if lasts { status } else { "new" }.to_owned();
                heard(event, status, 0, filled)
            }
            Step::Part { told } => {
                let event = world.execute((ORDERED - filled).min(30))?;
                if !told {
                    return Some(world);
                }
                event
            }
            Step::Rest => world.execute(ORDERED - filled)?,
            Step::Over => world.execute((ORDERED + 20 - filled).min(120))?,
            Step::Repeat => self.last.clone()?,
            Step::Answer => {
                let said = world
                    .desk
                    .on_venue_order(&heard("", &self.status, 0, filled).order)
                    .unwrap()
                    .say;
                world.check(&said, step);
                return Some(world);
            }
            Step::Listed => {
                let listed: Vec<Activity> = self
                    .executions
                    .iter()
                    .map(|(quantity, sum)| activity(*quantity, *sum))
                    .collect();
                let said = world.desk.on_activities(&listed).unwrap();
                world.check(&said, step);
                let sound = filled <= ORDERED && !self.alarms.contains("IMPOSSIBLE_FILL");
                let known = self.desk.orders[ID].venue_id.is_some();
                assert!(!(sound && known) || world.told == filled, "{step:?} {world:?}");
                return Some(world);
            }
        };
        let said = world.desk.on_trade_update(&event).unwrap().say;
        if !matches!(step, Step::Word(_)) {
            world.last = Some(event);
        }
        world.check(&said, step);
        Some(world)
    }

    fn filled(&self) -> i64 {
        self.executions.last().map_or(0, |(_, sum)| *sum)
    }

    /// What happens after an end is a late fill: the status stays.
    fn execute(&mut self, quantity: i64) -> Option<TradeUpdate> {
        if quantity <= 0 {
            return None;
        }
        let sum = self.filled() + quantity;
        self.executions.push((quantity, sum));
        let (event, status) =
            if sum >= ORDERED { ("fill", "filled") } else { ("partial_fill", "partially_filled") };
        if !ENDED.contains(&self.status.as_str()) {
            self.status = status.to_owned();
        }
        Some(heard(event, &self.status, quantity, sum))
    }

    fn check(&mut self, said: &[Envelope], step: Step) {
        for envelope in said {
            assert!(self.ids.insert(envelope.id.to_string()), "said twice: {envelope} {self:?}");
            match &envelope.body {
                Message::OrderUpdated(said) if said.status == OrderStatus::Accepted => {
                    let first = !self.accepted && self.told == 0 && self.end.is_none();
                    assert!(first, "not the first word: {step:?} {self:?}");
                    self.accepted = true;
                }
                Message::OrderUpdated(said) => self.on_end(said.status, step),
                Message::Filled(fill) => {
                    // Unless it was refused first: then it fills late.
                    let there = self.accepted || self.end.is_some();
                    assert!(there, "filled before it was there: {step:?} {self:?}");
                    self.told += fill.quantity.0;
                    assert_eq!(fill.cumulative.0, self.told, "{step:?} {self:?}");
                    assert_eq!(fill.complete, self.told == ORDERED, "{step:?} {self:?}");
                    let late = self.end.is_none() || self.told <= ORDERED;
                    assert!(late && self.told <= ORDERED.min(self.filled()), "{step:?} {self:?}");
                }
                Message::Alarm(alarm) => drop(self.alarms.insert(alarm.code.clone())),
                other => panic!("unexpected: {other}"),
            }
        }
        let undone = matches!(step, Step::Word(word) if WORDS[word].0.starts_with("trade_"));
        assert!(!undone || !said.is_empty() || self.ids.len() > said.len(), "{step:?} {self:?}");
        if self.told == ORDERED || self.end.is_some() {
            let waiting = self.desk.next_waiting().is_some();
            assert!(!waiting, "it would be sent again: {step:?} {self:?}");
        }
    }

    /// Once, and only when all fills are told, unless what the venue says can't be.
    fn on_end(&mut self, status: OrderStatus, step: Step) {
        assert!(self.end.is_none(), "ended twice: {step:?} {self:?}");
        assert!(self.told < ORDERED, "whole, and ended all the same: {step:?} {self:?}");
        let doubted = self.alarms.contains("IMPOSSIBLE_FILL");
        // A word heard again tells what was filled when it was said; what came since is a late fill.
        let repeated = self.last.as_ref().filter(|_| matches!(step, Step::Repeat));
        let known = repeated.map_or(self.filled().into(), |update| update.order.filled_qty);
        let complete = known <= self.told.into();
        assert!(complete || doubted, "an end before its fills: {step:?} {self:?}");
        self.end = Some(status);
    }

    /// What decides how it goes on.
    fn key(&self) -> u64 {
        let Self { status, executions, desk, ids, .. } = self;
        let told = |update: &TradeUpdate| {
            (
                update.qty.map(|qty| qty.0),
                update.order.filled_qty.0,
                format!("{:?}", update.order.status),
            )
        };
        let mut key = DefaultHasher::new();
        (status, executions, self.last.as_ref().map(told), ids).hash(&mut key);
        write!(Hashed(&mut key), "{desk:?}").expect("hashing does not fail");
        key.finish()
    }
}

/// What is written to it is hashed.
struct Hashed<'a>(&'a mut DefaultHasher);

impl std::fmt::Write for Hashed<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// As `update` makes them, without reading JSON each time.
fn heard(event: &str, status: &str, quantity: i64, filled: i64) -> TradeUpdate {
    thread_local!(static READ: RefCell<BTreeMap<String, TradeUpdate>> = RefCell::default());
    READ.with_borrow_mut(|read| {
        let key = format!("{event} {status} {quantity} {filled}");
        read.entry(key).or_insert_with(|| update(event, status, quantity, filled)).clone()
    })
}
