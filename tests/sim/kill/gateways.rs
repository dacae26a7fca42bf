//! The broker gateway as an automaton that is found out by running it: what it is at each point, by its own state where it
//! rests, and otherwise by what it was doing and what has come since. Each step of each of its states is run once.

use super::is_read;
use super::words::{Word, Words, fingerprint};
use crate::day::Day;
use crate::net::{Command, Flight, Request, State};
use crate::plan::Trouble;
use crate::world;
use messages::{Cause, Envelope, KillLevel, Message};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// What happens to a gateway.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Event {
    /// With this journal before it, and what the venue has done.
    Born(Vec<Word>, Vec<Asked>),
    Delivered(Word),
    /// A kill, on its direct way.
    Heard,
    /// What it asked for last was done, and it has the answer.
    Answered,
    /// A stray order of its predecessor's came to the venue.
    Stray(Asked),
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) enum Asked {
    Order(String),
    Cancel(String),
}

/// One of its states, by its number.
pub(super) type Node = u32;

pub(super) struct Life {
    /// One way to get there: what happened, and whether a kill was latched then.
    events: Vec<(Event, bool)>,
    identity: Identity,
    /// What it waits for.
    pub(super) asked: Option<Asked>,
    /// What the venue was asked for and did, in order.
    pub(super) done: Vec<Asked>,
}

/// Two lives of one identity go on alike.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Identity {
    /// It waits for anything: by all that it is.
    Rests(u128),
    /// It waits for an answer, since this; and this came meanwhile.
    Waits { since: u128, came: Vec<u128> },
}

/// What came of an event.
#[derive(Clone)]
pub(super) struct Outcome {
    pub(super) node: Node,
    pub(super) said: Vec<Envelope>,
    pub(super) violations: Vec<String>,
}

pub(super) struct Gateways<'a> {
    day: &'a Day,
    level: KillLevel,
    lives: Vec<Life>,
    nodes: HashMap<Identity, Node>,
    /// Of an event that made it ask what is latched, by the answer; of any other under none.
    outcomes: HashMap<(Option<Node>, u128, Option<bool>), Outcome>,
}

impl<'a> Gateways<'a> {
    pub(super) fn new(day: &'a Day, level: KillLevel) -> Self {
        let (nodes, outcomes) = (HashMap::new(), HashMap::new());
        Self { day, level, lives: Vec::new(), nodes, outcomes }
    }

    pub(super) fn life(&self, node: Node) -> &Life {
        &self.lives[node as usize]
    }

    pub(super) fn count(&self) -> usize {
        self.lives.len()
    }

    /// What `event` comes to at `from`, while a kill is latched or not.
    pub(super) fn after(
        &mut self,
        from: Option<Node>,
        event: &Event,
        latched: bool,
        words: &Words,
    ) -> Outcome {
        let what = what(event, words);
        for read in [None, Some(latched)] {
            if let Some(known) = self.outcomes.get(&(from, what, read)) {
                return known.clone();
            }
        }
        let (outcome, latch_read) = self.run(from, event, latched, words);
        let read = latch_read.then_some(latched);
        self.outcomes.insert((from, what, read), outcome.clone());
        outcome
    }

    fn run(
        &mut self,
        from: Option<Node>,
        event: &Event,
        latched: bool,
        words: &Words,
    ) -> (Outcome, bool) {
        let mut events = from.map_or_else(Vec::new, |node| self.life(node).events.clone());
        events.push((event.clone(), latched));
        let state = Rc::new(RefCell::new(State::new(self.day.exchange.clone(), Vec::new())));
        state.borrow_mut().compares = true;
        let mut session = world::begin(&state);
        let mut done = Vec::new();
        let mut said = Vec::new();
        for (event, latched) in &events {
            let mut control = state.borrow_mut();
            control.control =
                if *latched { vec![Command::Kill(Trouble::kill(self.level))] } else { vec![] };
            control.latch_read = false;
            happen(&mut control, event, &mut done, self.level, words);
            drop(control);
            // Questions change nothing and nothing else is looked at meanwhile: they are answered at once.
            said.clear();
            loop {
                let polled = world::go_on(&mut session, &state);
                assert!(polled.is_pending(), "nothing ends a gateway here: {polled:?}");
                let mut state = state.borrow_mut();
                said.extend(state.gateway.outbox.drain(..));
                let asks = |(number, flight): (&u64, &Flight)| {
                    let waits = asked(&flight.request).is_none() && !flight.landed;
                    waits.then_some(*number)
                };
                let Some(question) = state.flights.iter().find_map(asks) else { break };
                answer(&mut state, question);
            }
        }
        let mut state = state.borrow_mut();
        let waits_for = state.flights.values().find_map(|flight| asked(&flight.request));
        let asking = state.flights.values().filter(|flight| asked(&flight.request).is_some());
        assert!(asking.count() <= 1, "one order at a time");
        let identity = self.identity(from, event, &state, &done, waits_for.as_ref(), words);
        let violations = std::mem::take(&mut state.violations);
        let lives = &mut self.lives;
        let node = *self.nodes.entry(identity.clone()).or_insert_with(|| {
            lives.push(Life { events, identity, asked: waits_for, done });
            lives.len() as Node - 1
        });
        (Outcome { node, said, violations }, state.latch_read)
    }

    fn identity(
        &self,
        from: Option<Node>,
        event: &Event,
        state: &State,
        done: &[Asked],
        waits_for: Option<&Asked>,
        words: &Words,
    ) -> Identity {
        let Some(asked) = waits_for else {
            let rests = state.rests.as_ref().expect("it asks for nothing, so it rests");
            let gateway = &state.gateway;
            // Its answers to kills are told by where they stand, and not by what it is.
            let events = gateway.said.iter().filter(|id| matches!(id.cause, Cause::Event(_)));
            let said: Vec<String> = events.map(ToString::to_string).collect();
            let kill = gateway.direct_kill.map(|level| level as u8);
            let inherits = gateway.born > 0;
            return Identity::Rests(fingerprint(&(rests, said, kill, done, inherits)));
        };
        match from.map(|from| &self.life(from).identity) {
            Some(Identity::Waits { since, came }) if *event != Event::Answered => {
                let mut came = came.clone();
                came.push(what(event, words));
                Identity::Waits { since: *since, came }
            }
            _ => {
                let latched = state.latch_read.then(|| state.latched().is_some());
                let since = fingerprint(&(from, what(event, words), asked, latched));
                Identity::Waits { since, came: Vec::new() }
            }
        }
    }
}

fn what(event: &Event, words: &Words) -> u128 {
    match event {
        // It reads on past what is not for it.
        Event::Born(journal, done) => {
            let read = journal.iter().filter(|word| is_read(words.entry(**word)));
            let contents: Vec<u128> = read.map(|word| words.content(*word)).collect();
            fingerprint(&("born", contents, done))
        }
        Event::Delivered(word) => fingerprint(&("delivered", words.content(*word))),
        other => fingerprint(other),
    }
}

fn happen(
    state: &mut State,
    event: &Event,
    done: &mut Vec<Asked>,
    level: KillLevel,
    words: &Words,
) {
    match event {
        Event::Born(journal, earlier) => {
            state.journal = journal.iter().map(|word| Ok(words.entry(*word).clone())).collect();
            state.gateway.born = state.control.len();
            for asked in earlier {
                ask(state, asked, words);
            }
            done.clone_from(earlier);
        }
        Event::Delivered(word) => {
            state.journal.push(Ok(words.entry(*word).clone()));
            state.gateway.delivered += 1;
        }
        Event::Heard => state.gateway.heard.push_back(Trouble::kill(level)),
        Event::Answered => {
            let asking =
                |(number, flight): (&u64, &Flight)| Some((*number, asked(&flight.request)?));
            let (number, asked) = state.flights.iter().find_map(asking).expect("it waits");
            done.push(asked);
            answer(state, number);
        }
        Event::Stray(asked) => {
            ask(state, asked, words);
            done.push(asked.clone());
        }
    }
}

fn answer(state: &mut State, number: u64) {
    let answer = state.carry_out(number, false);
    let flight = state.flights.get_mut(&number).expect("on its way");
    (flight.answer, flight.landed) = (Some(answer), true);
}

fn asked(request: &Request) -> Option<Asked> {
    match request {
        Request::Submit(order) => Some(Asked::Order(order.client_order_id.clone().expect("ours"))),
        Request::Cancel(id) => Some(Asked::Cancel(id.clone())),
        _ => None,
    }
}

/// The venue does what an earlier gateway asked for.
fn ask(state: &mut State, asked: &Asked, words: &Words) {
    match asked {
        Asked::Order(id) => {
            let order = words.all().iter().find_map(|entry| match &entry.body {
                Message::OrderApproved(order) if order.client_order_id == *id => Some(order),
                _ => None,
            });
            let order = order.expect("approved");
            let request = exchange::NewOrder {
                client_order_id: Some(id.clone()),
                ..exchange::NewOrder::simple(
                    order.symbol.clone(),
                    order.side,
                    order.quantity.0,
                    exchange::OrderKind::Market,
                    order.time_in_force,
                )
            };
            drop(state.exchange.submit(&request));
        }
        Asked::Cancel(id) => drop(state.exchange.cancel(id)),
    }
}
