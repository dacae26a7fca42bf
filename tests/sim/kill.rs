//! The kill switch, checked exhaustively: every interleaving of a small system (two orders, a kill, a resume, a crash) of the
//! real risk, execution and broker gateway around a journal with its asynchronous delivery.
//!
//! What an actor says is a function of what it has read, so a state of the system is plain data: the journal, how
//! far each has read, what each has said and is not stored yet, what operators said and who has heard of it, what the venue has
//! done. The actors themselves are run again from their beginnings where a reading is new, and remembered.
//!
//! A step that nobody else can notice is taken at once: a core's reading of an entry (what it answers is seen when it is
//! stored, and lost with it in a crash), the answer to a question that changes nothing. The gateway looks
//! whenever something happens to it; what happens in which order is drawn out in full. The trade stream stays silent,
//! which it may, and no time passes.

mod ends;

use crate::day::Day;
use crate::net::{Clockwork, Command, Far, Memory, Request, Simulated, State, Switch};
use crate::plan::Trouble;
use futures::FutureExt;
use kernel::{Actor, Entry, Host, Recovery};
use messages::{ActorId, Envelope, KillLevel, Message, MessageId, Resume, Time, Topic};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::task::{Context, Waker};

/// An entry, by its place among all that were ever met.
type Word = u16;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    journal: Vec<Word>,
    cores: [Core; 2],
    gateway: Gateway,
    /// What operators said: true is a kill. How much of it the journal holds.
    control: Vec<bool>,
    copied: usize,
    /// What operators have yet to say.
    to_say: Vec<bool>,
    crashes: u8,
    /// What the venue was asked for and did, in order, in the lives of earlier gateways.
    done: Vec<Asked>,
    /// Orders on their way from a gateway that is no more, and whether there were any.
    stray: Vec<Asked>,
    strayed: bool,
    violations: Vec<String>,
}

/// Risk or execution.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Core {
    /// Where the journal ended when it started.
    head: usize,
    handled: usize,
    outbox: Vec<Word>,
}

#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Gateway {
    /// Everything that has happened to it.
    life: Vec<Event>,
    delivered: usize,
    /// Kills that are on their direct way.
    direct: u8,
    /// Something has happened since it last looked.
    stirred: bool,
    outbox: Vec<Word>,
    /// Requests that wait, by number: to be carried out, or answered.
    asked: Vec<(u64, Asked, bool)>,
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Event {
    /// With this journal before it, and what the venue had done.
    Born(Vec<Word>, Vec<Asked>),
    Delivered(Word),
    Heard,
    CarriedOut(u64),
    Answered(u64),
    /// A stray order of its predecessor's came to the venue.
    Stray(Asked),
    /// It looks, while this kill is latched or not.
    Looks(bool),
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Asked {
    Order(String),
    Cancel(String),
    /// Whatever changes nothing.
    Question,
}

/// What a gateway did when it last looked.
#[derive(Clone, Default)]
struct Did {
    said: Vec<Word>,
    asked: Vec<(u64, Asked)>,
    violations: Vec<String>,
}

/// All runs of the real actors so far.
struct Actors<'a> {
    day: &'a Day,
    words: Vec<Envelope>,
    numbers: BTreeMap<MessageId, Vec<Word>>,
    answers: BTreeMap<(ActorId, usize, Vec<Word>), Vec<Word>>,
    lives: BTreeMap<Vec<Event>, Did>,
    level: KillLevel,
}

impl Actors<'_> {
    fn word(&mut self, entry: &Envelope) -> Word {
        let known = self.numbers.entry(entry.id.clone()).or_default();
        if let Some(word) = known.iter().find(|word| self.words[usize::from(**word)] == *entry) {
            return *word;
        }
        let word = Word::try_from(self.words.len()).expect("few messages");
        known.push(word);
        self.words.push(entry.clone());
        word
    }

    fn entry(&self, word: Word) -> &Envelope {
        &self.words[usize::from(word)]
    }

    /// What a core that started at `head` publishes on having handled `read`.
    fn answers(&mut self, id: ActorId, head: usize, read: &[Word]) -> Vec<Word> {
        let key = (id, head, read.to_vec());
        if let Some(known) = self.answers.get(&key) {
            return known.clone();
        }
        let core: Box<dyn Actor> = match id {
            ActorId::Risk => Box::new(risk::Risk::new()),
            _ => Box::new(execution::Execution::new()),
        };
        let (mut host, mut recovery) = (Host::new(core), Recovery::new(head as u64));
        let mut published = Vec::new();
        for (word, position) in read.iter().zip(1..) {
            let entry = self.entry(*word).clone();
            if entry.id.author == id {
                recovery.met(&entry).expect("an actor says what it said");
            }
            let entry: Entry = Ok(entry);
            published = recovery.answered(position, host.handle(position, &entry));
        }
        let published: Vec<Word> = published.iter().map(|said| self.word(said)).collect();
        self.answers.insert(key, published.clone());
        published
    }

    /// What the gateway does at the last event of its life, which is a look.
    fn live(&mut self, life: &[Event]) -> Did {
        if let Some(known) = self.lives.get(life) {
            return known.clone();
        }
        let state = Rc::new(RefCell::new(State::new(self.day.exchange.clone(), Vec::new())));
        let session = {
            let state = state.clone();
            async move {
                let (venue, timer) = (Far(state.clone()), Clockwork(state.clone()));
                let mut journal = Memory::new(state.clone());
                broker::run::<Simulated>(&venue, &mut journal, Switch(state), &timer).await
            }
        };
        let mut session = session.boxed_local();
        let mut did = Did::default();
        for event in life {
            if let Event::Looks(latched) = event {
                self.control(&mut state.borrow_mut(), *latched);
                let before: BTreeSet<u64> = state.borrow().flights.keys().copied().collect();
                let polled = session.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_pending(), "nothing ends a gateway here: {polled:?}");
                did = self.seen(&mut state.borrow_mut(), &before);
            } else {
                self.happen(&mut state.borrow_mut(), event);
            }
        }
        self.lives.insert(life.to_vec(), did.clone());
        did
    }

    fn control(&self, state: &mut State, latched: bool) {
        state.control =
            if latched { vec![Command::Kill(Trouble::kill(self.level))] } else { vec![] };
    }

    fn seen(&mut self, state: &mut State, before: &BTreeSet<u64>) -> Did {
        let said: Vec<Envelope> = state.gateway.outbox.drain(..).collect();
        let new = state.flights.iter().filter(|(number, _)| !before.contains(number));
        let asked = new.map(|(number, flight)| {
            let asked = match &flight.request {
                Request::Submit(order) => {
                    Asked::Order(order.client_order_id.clone().expect("ours"))
                }
                Request::Cancel(id) => Asked::Cancel(id.clone()),
                _ => Asked::Question,
            };
            (*number, asked)
        });
        let asked = asked.collect();
        let said = said.iter().map(|said| self.word(said)).collect();
        Did { said, asked, violations: std::mem::take(&mut state.violations) }
    }

    fn happen(&self, state: &mut State, event: &Event) {
        match event {
            Event::Born(journal, done) => {
                state.journal = journal.iter().map(|word| Ok(self.entry(*word).clone())).collect();
                done.iter().for_each(|asked| self.ask(state, asked));
            }
            Event::Delivered(word) => {
                state.journal.push(Ok(self.entry(*word).clone()));
                state.gateway.delivered += 1;
            }
            Event::Heard => state.gateway.heard.push_back(Trouble::kill(self.level)),
            Event::CarriedOut(number) => {
                let answer = state.carry_out(*number, false);
                state.flights.get_mut(number).expect("asked").answer = Some(answer);
            }
            Event::Answered(number) => state.flights.get_mut(number).expect("asked").landed = true,
            Event::Stray(asked) => self.ask(state, asked),
            Event::Looks(_) => unreachable!("looking is done above"),
        }
    }

    /// The venue does again what it did.
    fn ask(&self, state: &mut State, asked: &Asked) {
        match asked {
            Asked::Order(id) => {
                let order = self.words.iter().find_map(|entry| match &entry.body {
                    Message::OrderApproved(order) if order.client_order_id == *id => Some(order),
                    _ => None,
                });
                let order = order.expect("approved");
                let (quantity, kind) = (order.quantity.0, exchange::OrderKind::Market);
                let symbol = order.symbol.clone();
                let request = exchange::NewOrder {
                    client_order_id: Some(id.clone()),
                    ..exchange::NewOrder::simple(
                        symbol,
                        order.side,
                        quantity,
                        kind,
                        order.time_in_force,
                    )
                };
                drop(state.exchange.submit(&request));
            }
            Asked::Cancel(id) => drop(state.exchange.cancel(id)),
            Asked::Question => {}
        }
    }
}

const IDS: [ActorId; 2] = [ActorId::Risk, ActorId::Execution];

/// What the gateway is told of.
const HEARS: [Topic; 7] = [
    Topic::SessionOpened,
    Topic::PhaseBegan,
    Topic::SessionClosed,
    Topic::OrderApproved,
    Topic::Kill,
    Topic::Resume,
    Topic::Alarm,
];

impl Place {
    fn new(actors: &mut Actors) -> Self {
        let journal: Vec<Word> =
            actors.day.morning().iter().map(|entry| actors.word(entry)).collect();
        let core = Core { head: 0, handled: 0, outbox: Vec::new() };
        let mut place = Self {
            cores: [core.clone(), core],
            gateway: Gateway::default(),
            control: Vec::new(),
            copied: 0,
            to_say: vec![false, true],
            crashes: 1,
            done: Vec::new(),
            stray: Vec::new(),
            strayed: false,
            violations: Vec::new(),
            journal,
        };
        // Nothing can come before what a session begins with.
        for index in 0..IDS.len() {
            (0..place.journal.len()).for_each(|_| place.handle(index, actors));
        }
        place.bear();
        place.settle(actors);
        place
    }

    fn bear(&mut self) {
        let born = Event::Born(self.journal.clone(), self.done.clone());
        self.gateway = Gateway {
            life: vec![born],
            delivered: self.journal.len(),
            stirred: true,
            ..Gateway::default()
        };
    }

    fn is_killed(&self) -> bool {
        self.control.last() == Some(&true)
    }

    /// Every place that one step leads to.
    fn next(&self, actors: &mut Actors) -> Vec<Self> {
        let mut next = Vec::new();
        let mut go = |step: &mut dyn FnMut(&mut Self, &mut Actors)| {
            let mut place = self.clone();
            step(&mut place, actors);
            place.settle(actors);
            next.push(place);
        };
        for index in 0..IDS.len() {
            if !self.cores[index].outbox.is_empty() {
                go(&mut |place, _| {
                    let said = place.cores[index].outbox.remove(0);
                    place.journal.push(said);
                });
            }
            if self.crashes > 0 {
                go(&mut |place, _| place.crash(index));
            }
        }
        let gateway = &self.gateway;
        if gateway.delivered < self.journal.len() {
            go(&mut |place, _| place.deliver());
        }
        if !gateway.outbox.is_empty() {
            go(&mut |place, _| {
                let said = place.gateway.outbox.remove(0);
                place.journal.push(said);
            });
        }
        if gateway.direct > 0 {
            go(&mut |place, _| {
                place.gateway.direct -= 1;
                place.gateway.tell(Event::Heard);
            });
        }
        for (number, asked, carried_out) in &gateway.asked {
            go(&mut |place, _| place.fly(*number, asked, *carried_out));
        }
        if self.crashes > 0 {
            // What was on its way to the venue arrives there, or does not.
            go(&mut |place, _| place.crash_gateway(false));
            if gateway.asked.iter().any(|(_, asked, done)| !done && *asked != Asked::Question) {
                go(&mut |place, _| place.crash_gateway(true));
            }
        }
        if !self.stray.is_empty() {
            go(&mut |place, _| {
                let stray = place.stray.remove(0);
                place.gateway.life.push(Event::Stray(stray.clone()));
                place.done.push(stray);
            });
        }
        if let Some(kills) = self.to_say.last().copied() {
            go(&mut |place, _| {
                place.to_say.pop();
                place.control.push(kills);
                place.gateway.direct += u8::from(kills);
            });
        }
        if self.copied < self.control.len() {
            go(&mut |place, actors| place.copy(actors));
        }
        next
    }

    fn handle(&mut self, index: usize, actors: &mut Actors) {
        let core = &mut self.cores[index];
        core.handled += 1;
        let read = &self.journal[..core.handled];
        core.outbox.extend(actors.answers(IDS[index], core.head, read));
    }

    /// What it had said and not sent is lost. It reads the journal anew: up to its head it says nothing.
    fn crash(&mut self, index: usize) {
        self.crashes -= 1;
        let head = self.journal.len();
        self.cores[index] = Core { head, handled: head - 1, outbox: Vec::new() };
    }

    fn crash_gateway(&mut self, arrives: bool) {
        self.crashes -= 1;
        let asked = self.gateway.asked.iter();
        let carried = |(_, asked, _): &(u64, Asked, bool)| asked.clone();
        self.stray = match arrives {
            true => asked.filter(|it| !it.2 && it.1 != Asked::Question).map(carried).collect(),
            false => Vec::new(),
        };
        self.strayed |= !self.stray.is_empty();
        self.bear();
    }

    /// The gateway looks at everything that has happened.
    fn look(&mut self, actors: &mut Actors) -> Vec<String> {
        self.gateway.stirred = false;
        self.gateway.life.push(Event::Looks(self.is_killed()));
        let did = actors.live(&self.gateway.life);
        self.gateway.outbox.extend(did.said);
        self.gateway
            .asked
            .extend(did.asked.into_iter().map(|(number, asked)| (number, asked, false)));
        did.violations
    }

    fn deliver(&mut self) {
        let word = self.journal[self.gateway.delivered];
        self.gateway.delivered += 1;
        self.gateway.tell(Event::Delivered(word));
    }

    fn fly(&mut self, number: u64, asked: &Asked, carried_out: bool) {
        if carried_out {
            self.gateway.asked.retain(|it| it.0 != number);
            self.gateway.tell(Event::Answered(number));
            return;
        }
        for it in &mut self.gateway.asked {
            it.2 |= it.0 == number;
        }
        self.gateway.life.push(Event::CarriedOut(number));
        if *asked != Asked::Question {
            self.done.push(asked.clone());
        }
    }

    fn copy(&mut self, actors: &mut Actors) {
        let kills = self.control[self.copied];
        self.copied += 1;
        let (operator, reason) = ("ada".to_owned(), "the drill is over".to_owned());
        let body = if kills {
            Message::Kill(Trouble::kill(actors.level))
        } else {
            Message::Resume(Resume { operator, reason })
        };
        let id = MessageId::event(ActorId::Control, (self.journal.len() + 1).to_string());
        let word = actors.word(&Envelope { id, at: Time(actors.day.start.0), body });
        self.journal.push(word);
    }

    /// Takes the steps that nobody else can notice.
    fn settle(&mut self, actors: &mut Actors) {
        while self.settle_once(actors) {}
    }

    fn settle_once(&mut self, actors: &mut Actors) -> bool {
        for index in 0..IDS.len() {
            if self.cores[index].handled < self.journal.len() {
                self.handle(index, actors);
                return true;
            }
        }
        if self.gateway.stirred {
            let violations = self.look(actors);
            self.violations.extend(violations);
            return true;
        }
        if let Some(word) = self.journal.get(self.gateway.delivered) {
            let entry = actors.entry(*word);
            if entry.id.author == ActorId::Broker || !HEARS.contains(&entry.topic()) {
                self.deliver();
                return true;
            }
        }
        // The gateway waits for the answer and for nothing else: it goes on as if nothing had come in between.
        let question = self.gateway.asked.iter().find(|it| it.1 == Asked::Question).cloned();
        if let Some((number, asked, _)) = question {
            self.fly(number, &asked, false);
            self.fly(number, &asked, true);
            return true;
        }
        false
    }
}

impl Gateway {
    fn tell(&mut self, event: Event) {
        self.life.push(event);
        self.stirred = true;
    }
}
