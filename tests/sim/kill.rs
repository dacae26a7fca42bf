//! The kill switch, checked exhaustively: every interleaving of a small system (two orders, a kill, a resume, crashes) of the
//! real risk, execution and broker gateway around a journal with its asynchronous delivery.
//!
//! What an actor says is a function of what it has read, so a state of the system is plain data: the journal, what
//! the actors are and have said that is not stored yet, what operators said and who has heard of it, what the venue has
//! done. What keeps the number of states small:
//!
//! * A step that nobody else can notice is taken at once: a core's reading of an entry (what it answers is seen when it
//!   is stored, and lost with it in a crash), a gateway's reading of what it does not hear or said itself, the storing of
//!   a core's acknowledgement (nobody reads it), the answer to a question that changes nothing.
//! * A core that crashes comes back with the same words before it as it had: that is checked wherever it has any, and
//!   so its crashes lead nowhere new. The gateway's do: it has sent what it has sent.
//! * Two states that differ only in the order of entries which no actor compares are one: actors are known
//!   by what they are ([`gateways`]) or have heard ([`cores`]), entries by what they say, without the position of their causes.
//!
//! The trade stream stays silent, which it may, and no time passes.

mod cores;
mod ends;
mod gateways;
mod words;

use crate::day::Day;
use crate::plan::Trouble;
use cores::Core;
use gateways::{Asked, Event, Gateways, Node};
use messages::{
    ActorId, Envelope, KillAcknowledged, KillLevel, Message, MessageId, Resume, Time, Topic,
};
use std::collections::BTreeSet;
use words::{Word, Words, fingerprint};

const CORES: [ActorId; 2] = [ActorId::Risk, ActorId::Execution];

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

#[derive(Clone)]
struct Place {
    journal: Vec<Word>,
    cores: [Core; 2],
    gateway: Gateway,
    /// What operators said: true is a kill. How much of it the journal holds.
    control: Vec<bool>,
    copied: usize,
    /// What operators have yet to say.
    to_say: Vec<bool>,
    /// Of the gateway, still to come.
    crashes: u8,
    /// An order on its way from a gateway that is no more, and whether there was any.
    stray: Option<Asked>,
    strayed: bool,
    violations: Vec<String>,
}

#[derive(Clone)]
struct Gateway {
    is: Node,
    delivered: usize,
    /// Kills that are on their direct way.
    direct: u8,
    outbox: Vec<Word>,
}

/// What leads from one place to the next.
#[derive(Copy, Clone)]
enum Step {
    /// What a core said first is stored.
    Publish(usize),
    /// The gateway gets the next entry.
    Deliver,
    /// What it said first is stored.
    Store,
    /// It hears a kill.
    Hear,
    /// The venue does what it asked for, and it has the answer.
    Answer,
    Crash(Fate),
    /// What a gateway that is no more had asked for comes to the venue.
    Stray,
    /// An operator says something, and the server copies it into the journal.
    Say,
    Copy,
}

/// What becomes of what a gateway asked for when it crashes.
#[derive(Copy, Clone)]
enum Fate {
    Lost,
    /// The venue does it before there is another gateway.
    Done,
    Late,
}

/// What is common to all places.
struct Setting<'a> {
    day: &'a Day,
    level: KillLevel,
    words: Words,
    gateways: Gateways<'a>,
}

impl Place {
    fn new(setting: &mut Setting, to_say: Vec<bool>, crashes: u8) -> Self {
        let morning = setting.day.morning();
        let journal: Vec<Word> = morning.iter().map(|entry| setting.words.word(entry)).collect();
        let gateway = Gateway { is: 0, delivered: 0, direct: 0, outbox: Vec::new() };
        let mut place = Self {
            journal,
            cores: CORES.map(Core::new),
            gateway,
            control: Vec::new(),
            copied: 0,
            to_say,
            crashes,
            stray: None,
            strayed: false,
            violations: Vec::new(),
        };
        place.bear(Vec::new(), setting);
        while place.settles(setting) {}
        place
    }

    /// A new gateway, which reads the journal and asks the venue at once.
    fn bear(&mut self, done: Vec<Asked>, setting: &mut Setting) {
        (self.gateway.delivered, self.gateway.direct) = (self.journal.len(), 0);
        self.gateway.outbox.clear();
        let (event, latched) = (Event::Born(self.journal.clone(), done), self.is_killed());
        let outcome = setting.gateways.after(None, &event, latched, &setting.words);
        self.come_to(outcome, setting);
    }

    /// It happens to the gateway.
    fn tell(&mut self, event: &Event, setting: &mut Setting) {
        let (is, latched) = (Some(self.gateway.is), self.is_killed());
        let outcome = setting.gateways.after(is, event, latched, &setting.words);
        self.come_to(outcome, setting);
    }

    fn come_to(&mut self, outcome: gateways::Outcome, setting: &mut Setting) {
        self.gateway.is = outcome.node;
        self.violations.extend(outcome.violations);
        for mut said in outcome.said {
            // It was found out in another journal, where the one kill stood elsewhere.
            if let Message::KillAcknowledged(KillAcknowledged { position, .. }) = &mut said.body {
                let kills =
                    |word: &Word| matches!(setting.words.entry(*word).body, Message::Kill(_));
                let at = self.journal.iter().position(kills).expect("the kill it acknowledges");
                *position = at as u64 + 1;
                said.id = MessageId::answer(ActorId::Broker, *position, 0);
            }
            self.gateway.outbox.push(setting.words.word(&said));
        }
    }

    fn is_killed(&self) -> bool {
        self.control.last() == Some(&true)
    }

    /// Where it is, for all that can still happen and be found wrong.
    fn identity(&self, setting: &Setting) -> u128 {
        let words = &setting.words;
        let contents = |list: &[Word]| words.contents(list).collect::<Vec<_>>();
        let read = |list: &[Word]| -> Vec<u128> {
            let read = list.iter().filter(|word| is_read(words.entry(**word)));
            read.map(|word| words.content(*word)).collect()
        };
        let cores = self.cores.each_ref().map(|core| (core.state, contents(&core.outbox)));
        let Gateway { is, delivered, direct, outbox } = &self.gateway;
        let gateway = (is, read(&self.journal[*delivered..]), direct, contents(outbox));
        // What a new gateway would read.
        let reborn = if self.crashes > 0 { read(&self.journal) } else { Vec::new() };
        let operators = (&self.control, self.copied, &self.to_say);
        let stray = (&self.stray, self.strayed);
        fingerprint(&(
            cores,
            gateway,
            reborn,
            operators,
            self.crashes,
            stray,
            self.acknowledged(words),
        ))
    }

    /// Who has acknowledged a kill.
    fn acknowledged(&self, words: &Words) -> Vec<&'static str> {
        let entries = self.journal.iter().map(|word| words.entry(*word));
        let kills = entries.filter(|it| matches!(it.body, Message::KillAcknowledged(_)));
        let authors: BTreeSet<&str> = kills.map(|it| it.id.author.name()).collect();
        authors.into_iter().collect()
    }

    /// Whether the author of `order` has acknowledged a kill and, when it said this, had heard of no resume since.
    fn is_forbidden(&self, order: &Envelope, words: &Words) -> bool {
        let cause = order.id.position().expect("an answer") as usize;
        let entries: Vec<&Envelope> = self.journal.iter().map(|word| words.entry(*word)).collect();
        let acknowledged = entries.iter().rev().find_map(|entry| match entry.body {
            Message::KillAcknowledged(KillAcknowledged { position, .. })
                if entry.id.author == order.id.author =>
            {
                Some(position as usize)
            }
            _ => None,
        });
        let resumed = |kill: usize| {
            let since = entries.get(kill..cause).unwrap_or_default();
            since.iter().any(|entry| matches!(entry.body, Message::Resume(_)))
        };
        acknowledged.is_some_and(|kill| !resumed(kill))
    }

    /// What can happen next.
    fn steps(&self, setting: &Setting) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut may = |step: Step, possible: bool| steps.extend(possible.then_some(step));
        for index in 0..CORES.len() {
            may(Step::Publish(index), !self.cores[index].outbox.is_empty());
        }
        let gateway = &self.gateway;
        may(Step::Deliver, gateway.delivered < self.journal.len());
        may(Step::Store, !gateway.outbox.is_empty());
        may(Step::Hear, gateway.direct > 0);
        let asks = setting.gateways.life(gateway.is).asked.is_some();
        may(Step::Answer, asks);
        may(Step::Crash(Fate::Lost), self.crashes > 0);
        may(Step::Crash(Fate::Done), self.crashes > 0 && asks);
        may(Step::Crash(Fate::Late), self.crashes > 0 && asks && self.stray.is_none());
        may(Step::Stray, self.stray.is_some());
        may(Step::Say, !self.to_say.is_empty());
        may(Step::Copy, self.copied < self.control.len());
        steps
    }

    /// Where `step` leads to.
    fn after(&self, step: Step, setting: &mut Setting) -> Self {
        let mut place = self.clone();
        place.take(step, setting);
        while place.settles(setting) {}
        place
    }

    fn take(&mut self, step: Step, setting: &mut Setting) {
        match step {
            Step::Publish(index) => self.publish(index, setting),
            Step::Deliver => self.deliver(setting),
            Step::Store => {
                let said = self.gateway.outbox.remove(0);
                self.journal.push(said);
            }
            Step::Hear => {
                self.gateway.direct -= 1;
                self.tell(&Event::Heard, setting);
            }
            Step::Answer => self.tell(&Event::Answered, setting),
            Step::Crash(fate) => self.crash(fate, setting),
            Step::Stray => {
                let stray = self.stray.take().expect("there is one");
                self.tell(&Event::Stray(stray), setting);
            }
            Step::Say => {
                let kills = self.to_say.pop().expect("not empty");
                self.control.push(kills);
                self.gateway.direct += u8::from(kills);
            }
            Step::Copy => self.copy(setting),
        }
    }

    fn publish(&mut self, index: usize, setting: &Setting) {
        let said = self.cores[index].outbox.remove(0);
        let entry = setting.words.entry(said);
        let orders = matches!(entry.body, Message::SubmitOrder(_) | Message::OrderApproved(_));
        if orders && self.is_forbidden(entry, &setting.words) {
            self.violations.push(format!("{} follows its author's acknowledgement", entry.id));
        }
        self.journal.push(said);
    }

    fn deliver(&mut self, setting: &mut Setting) {
        let word = self.journal[self.gateway.delivered];
        self.gateway.delivered += 1;
        self.tell(&Event::Delivered(word), setting);
    }

    fn crash(&mut self, fate: Fate, setting: &mut Setting) {
        self.crashes -= 1;
        let life = setting.gateways.life(self.gateway.is);
        let (asked, mut done) = (life.asked.clone(), life.done.clone());
        match fate {
            Fate::Lost => {}
            Fate::Done => done.extend(asked),
            Fate::Late => (self.stray, self.strayed) = (asked, true),
        }
        self.bear(done, setting);
    }

    fn copy(&mut self, setting: &mut Setting) {
        let kills = self.control[self.copied];
        self.copied += 1;
        let (operator, reason) = ("ada".to_owned(), "the drill is over".to_owned());
        let body = if kills {
            Message::Kill(Trouble::kill(setting.level))
        } else {
            Message::Resume(Resume { operator, reason })
        };
        let id = MessageId::event(ActorId::Control, (self.journal.len() + 1).to_string());
        let entry = Envelope { id, at: Time(setting.day.start.0), body };
        self.journal.push(setting.words.word(&entry));
    }

    /// Takes a step that nobody else can notice, if there is one.
    fn settles(&mut self, setting: &mut Setting) -> bool {
        for core in &mut self.cores {
            if core.handled < self.journal.len() {
                core.read(&self.journal, &mut setting.words);
                return true;
            }
        }
        let acknowledges = |list: &[Word]| {
            let first = list.first().map(|word| &setting.words.entry(*word).body);
            matches!(first, Some(Message::KillAcknowledged(_)))
        };
        if let Some(index) = (0..CORES.len()).find(|it| acknowledges(&self.cores[*it].outbox)) {
            self.publish(index, setting);
            return true;
        }
        // What it said last is lost in a crash.
        if self.crashes == 0 && acknowledges(&self.gateway.outbox) {
            self.take(Step::Store, setting);
            return true;
        }
        let Some(word) = self.journal.get(self.gateway.delivered) else { return false };
        let entry = setting.words.entry(*word);
        if is_ours(entry) {
            self.deliver(setting);
            return true;
        }
        let unheard = !HEARS.contains(&entry.topic());
        self.gateway.delivered += usize::from(unheard);
        unheard
    }
}

/// Of the gateway's own.
fn is_ours(entry: &Envelope) -> bool {
    entry.id.author == ActorId::Broker
}

/// Whether it is for a gateway that starts, or goes on.
fn is_read(entry: &Envelope) -> bool {
    is_ours(entry) || HEARS.contains(&entry.topic())
}
