//! The actors of one day, each with its own place in the journal, and a scheduler that lets any one of them go on.

use crate::day::Day;
use crate::dice::Dice;
use crate::net::{Command, Flight, Request, Shared, State};
use crate::plan::{Plan, Trouble};
use crate::seen::{Seen, Step as Next};
use crate::world::{self, Running, unavailable, unreachable};
use exchange::NewBooking;
use execution::Execution;
use kernel::{Actor, Host, Recovery, Undecodable};
use messages::{
    ActorId, ActorStarted, Envelope, Message, MessageId, Phase, PhaseBegan, Resume, SessionClosed,
    Tick, Time,
};
use reporting::Reporting;
use risk::Risk;
use rust_decimal::Decimal;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;

/// Far more than any day takes.
const STEPS_MAX: usize = 60_000;
const MINUTE: i64 = 60 * 1_000_000_000;

pub(crate) struct Scene<'a> {
    day: &'a Day,
    plan: Plan,
    dice: Dice,
    pub(crate) state: Shared,
    cores: Vec<Core>,
    gateway: Option<Running>,
    /// Something has happened that it may want to know.
    stirred: bool,
    /// It returned: the session is closed.
    gateway_done: bool,
    conductor: Conductor,
    steps: usize,
    starts: u32,
    /// How the gateway ended where it did: each time it was started again.
    pub(crate) failures: Vec<String>,
}

type Build = fn() -> Box<dyn Actor>;

/// A pure core on its seat, as `shell` hosts it.
struct Core {
    id: ActorId,
    build: Build,
    host: Host<Box<dyn Actor>>,
    recovery: Recovery,
    /// Entries handled.
    handled: usize,
    outbox: VecDeque<Envelope>,
}

#[derive(Default)]
struct Conductor {
    seen: Seen,
    handled: usize,
}

#[derive(Copy, Clone, Debug)]
enum Step {
    Handle(usize),
    Publish(usize),
    CrashCore(usize),
    Gateway,
    Deliver,
    PublishGateway,
    CrashGateway,
    Arrive(u64),
    Land(u64),
    Stream,
    Cut,
    Book,
    Conduct,
    CrashConductor,
    Copy,
    Hear,
    Operate,
    Sleep,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(day: &'a Day, plan: Plan, seed: u64) -> Self {
        let state = Rc::new(RefCell::new(State::new(day.exchange.clone(), day.morning())));
        let mut scene = Self {
            day,
            plan,
            dice: Dice::new(seed, 2),
            state,
            cores: Vec::new(),
            gateway: None,
            stirred: true,
            gateway_done: false,
            conductor: Conductor::default(),
            steps: 0,
            starts: 0,
            failures: Vec::new(),
        };
        let builds: [(ActorId, Build); 3] = [
            (ActorId::Risk, || Box::new(Risk::new())),
            (ActorId::Execution, || Box::new(Execution::new())),
            (ActorId::Reporting, || Box::new(Reporting::new())),
        ];
        for (id, build) in builds {
            let core = scene.seat(id, build);
            scene.cores.push(core);
        }
        scene.start_gateway();
        scene
    }

    /// What operators said, the flag and the venue's list of activities are still there.
    pub(crate) fn follow(&self, before: &State) {
        let mut state = self.state.borrow_mut();
        state.booked.clone_from(&before.booked);
        state.control.clone_from(&before.control);
        state.flag.clone_from(&before.flag);
        (state.copied, state.gateway.born) = (before.control.len(), before.control.len());
    }

    /// Plays the day to its end.
    ///
    /// # Errors
    /// It does not come to one.
    pub(crate) fn play(&mut self) -> Result<(), String> {
        while !self.is_over() {
            self.steps += 1;
            let choices = self.choices();
            if choices.is_empty() || self.steps > STEPS_MAX {
                let journal = &self.state.borrow().journal;
                let last = journal.iter().flatten().last().map(ToString::to_string);
                return Err(format!(
                    "the day stands still after {} steps; last entry: {last:?}; the gateway ended with {:?}",
                    self.steps,
                    self.failures.last()
                ));
            }
            let step = choices[self.dice.below(choices.len())];
            self.take(step)?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let length = self.state.borrow().journal.len();
        let rests = |core: &Core| core.handled == length && core.outbox.is_empty();
        self.gateway_done && self.conductor.seen.outcome.is_some() && self.cores.iter().all(rests)
    }

    /// What can happen next; what should happen more often is listed more often.
    fn choices(&self) -> Vec<Step> {
        let state = self.state.borrow();
        let length = state.journal.len();
        let mut choices = Vec::new();
        let mut may = |step: Step, weight: usize, possible: bool| {
            choices.extend(std::iter::repeat_n(step, if possible { weight } else { 0 }));
        };
        for (index, core) in self.cores.iter().enumerate() {
            may(Step::Handle(index), 4, core.handled < length);
            may(Step::Publish(index), 4, !core.outbox.is_empty());
        }
        let alive = self.gateway.is_some();
        may(Step::Gateway, 6, alive && self.stirred);
        may(Step::Deliver, 6, alive && state.gateway.delivered < length);
        may(Step::PublishGateway, 4, !state.gateway.outbox.is_empty());
        for (number, flight) in &state.flights {
            may(Step::Arrive(*number), 3, flight.answer.is_none());
            may(Step::Land(*number), 3, flight.answer.is_some() && !flight.landed);
        }
        let line = state.line.as_ref();
        may(Step::Stream, 4, line.is_some_and(|line| !line.on_the_way.is_empty()));
        may(Step::Copy, 2, state.copied < state.control.len());
        may(Step::Hear, 2, alive && !state.gateway.direct.is_empty());
        // An order that its gateway did not live to hear of arrives before the phase is over, or never.
        let strays = state.flights.values().any(|flight| flight.orphan);
        may(Step::Conduct, 3, self.conductor.handled < length || self.conductor.acts() && !strays);
        may(Step::Operate, 30, self.operator_is_due());
        let idle = choices.is_empty();
        let mut may = |step: Step, possible: bool| choices.extend(possible.then_some(step));
        may(Step::Sleep, state.wake_at.is_some() && (idle || self.steps.is_multiple_of(7)));
        if self.plan.crashes > 0 && self.steps.is_multiple_of(5) && !idle {
            (0..self.cores.len()).for_each(|index| may(Step::CrashCore(index), true));
            may(Step::CrashGateway, alive);
            may(Step::CrashConductor, true);
        }
        let books = self.plan.bookings > 0 && state.exchange.now() < self.day.close;
        may(Step::Book, books && self.steps.is_multiple_of(13));
        may(Step::Cut, self.plan.cuts > 0 && line.is_some() && self.steps.is_multiple_of(11));
        choices
    }

    fn take(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Handle(index) => self.handle(index)?,
            Step::Publish(index) => {
                let said = self.cores[index].outbox.pop_front().expect("possible");
                self.state.borrow_mut().journal.push(Ok(said));
            }
            Step::CrashCore(index) => self.crash_core(index),
            Step::Gateway => self.poll_gateway(),
            Step::Deliver => self.stir(|state| state.gateway.delivered += 1),
            Step::PublishGateway => self.stir(|state| {
                let said = state.gateway.outbox.pop_front().expect("possible");
                state.store(said);
            }),
            Step::CrashGateway => {
                self.plan.crashes -= 1;
                self.restart_gateway();
            }
            Step::Arrive(number) => self.arrive(number),
            Step::Land(number) => self.stir(|state| {
                let flight = state.flights.get_mut(&number).expect("possible");
                flight.landed = true;
                if flight.orphan {
                    state.flights.remove(&number);
                }
            }),
            Step::Stream => self.stream(),
            Step::Cut => {
                self.plan.cuts -= 1;
                self.stir(|state| state.line = None);
            }
            Step::Book => self.book(),
            Step::Conduct => self.conduct(),
            Step::CrashConductor => {
                self.plan.crashes -= 1;
                self.conductor = Conductor::default();
            }
            Step::Copy => self.state.borrow_mut().copy_control(),
            Step::Hear => self.stir(|state| {
                let kill = state.gateway.direct.pop_front().expect("possible");
                state.gateway.heard.push_back(kill);
            }),
            Step::Operate => self.operate(),
            Step::Sleep => self.stir(|state| {
                let wake_at = state.wake_at.take().expect("possible");
                state.now = state.now.max(wake_at);
            }),
        }
        Ok(())
    }

    fn stir(&mut self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.borrow_mut());
        self.stirred = true;
    }

    /// A new instance of a core, from the beginning of the journal; the newest is the only one that may speak.
    fn seat(&mut self, id: ActorId, build: Build) -> Core {
        self.started(id);
        let head = self.state.borrow().journal.len() as u64;
        let host = Host::new(build());
        Core { id, build, host, recovery: Recovery::new(head), handled: 0, outbox: VecDeque::new() }
    }

    fn started(&mut self, id: ActorId) {
        self.starts += 1;
        let started = ActorStarted {
            instance: self.starts.to_string(),
            host: String::new(),
            pid: self.starts,
            version: String::new(),
        };
        let id = MessageId::event(id, format!("started.{}", self.starts));
        let body = Message::ActorStarted(started);
        self.state.borrow_mut().store(Envelope { id, at: self.day.start, body });
    }

    fn handle(&mut self, index: usize) -> Result<(), String> {
        let core = &mut self.cores[index];
        let entry = self.state.borrow().journal[core.handled].clone();
        core.handled += 1;
        let position = core.handled as u64;
        if let Ok(entry) = entry.as_ref()
            && entry.id.author == core.id
        {
            core.recovery.met(entry).map_err(|divergence| divergence.to_string())?;
        }
        let answers = core.host.handle(position, &entry);
        core.outbox.extend(core.recovery.answered(position, answers));
        Ok(())
    }

    /// Part of what it said last may have been stored.
    fn crash_core(&mut self, index: usize) {
        self.plan.crashes -= 1;
        while !self.cores[index].outbox.is_empty() && self.dice.once_in(2) {
            let said = self.cores[index].outbox.pop_front().expect("not empty");
            self.state.borrow_mut().journal.push(Ok(said));
        }
        let (id, build) = (self.cores[index].id, self.cores[index].build);
        self.cores[index] = self.seat(id, build);
    }

    fn start_gateway(&mut self) {
        self.started(ActorId::Broker);
        self.gateway = Some(world::begin(&self.state));
        self.stirred = true;
        self.gateway_done = false;
    }

    /// At whatever it was waiting for.
    fn restart_gateway(&mut self) {
        self.gateway = None;
        let dice = &mut self.dice;
        self.state.borrow_mut().forget_gateway(|| dice.once_in(2));
        self.start_gateway();
    }

    fn poll_gateway(&mut self) {
        self.stirred = false;
        self.state.borrow_mut().wake_at = None;
        let Some(gateway) = &mut self.gateway else { return };
        match world::go_on(gateway, &self.state) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => {
                self.gateway = None;
                self.gateway_done = true;
            }
            // The supervisor starts it again.
            Poll::Ready(Err(error)) => {
                self.failures.push(error.to_string());
                self.restart_gateway();
            }
        }
    }

    /// A request comes to the venue, or does not; the answer is on its way, or is lost.
    fn arrive(&mut self, number: u64) {
        let request = self.state.borrow().flights[&number].request.clone();
        let name = format!("{request:?}");
        let submits = matches!(request, Request::Submit(_));
        // Whatever changes nothing is asked several times by the client before it gives up.
        let repeated = !submits && !matches!(request, Request::Cancel(_));
        let faulty = self.dice.once_in(self.plan.http) && (!repeated || self.dice.once_in(8));
        let (rejects, afterwards) = match self.plan.trouble {
            Trouble::Rejects { one_in, afterwards } => {
                (submits && self.dice.once_in(one_in), afterwards)
            }
            _ => (false, false),
        };
        let how = self.dice.below(4);
        let mut state = self.state.borrow_mut();
        let fault = || match how {
            0 => unavailable(&name, 429),
            1 => unavailable(&name, 503),
            _ => unreachable(&name),
        };
        let answer = if rejects && !afterwards {
            let refusal = exchange::Refusal::new(403, exchange::Refusal::FORBIDDEN, "not today");
            Err(crate::wire::refused(&name, &refusal))
        } else if faulty && self.dice.once_in(2) {
            Err(fault())
        } else {
            let answer = state.carry_out(number, rejects);
            // What the venue refuses it has refused, whatever comes of the answer.
            if faulty { Err(fault()) } else { answer }
        };
        let flight: &mut Flight = state.flights.get_mut(&number).expect("on its way");
        flight.answer = Some(answer);
    }

    fn stream(&mut self) {
        let faulty = self.dice.once_in(self.plan.stream);
        let how = self.dice.below(3);
        self.stir(|state| {
            let line = state.line.as_mut().expect("possible");
            let Some(said) = line.on_the_way.pop_front() else { return };
            match (faulty, how) {
                (true, 0) => {}
                (true, 1) => line.arrived.extend([said.clone(), said]),
                (true, _) => line.on_the_way.push_back(said),
                (false, _) => line.arrived.push_back(said),
            }
        });
    }

    /// A dividend, a fee or interest, in cents.
    fn book(&mut self) {
        self.plan.bookings -= 1;
        let activity_type = ["DIV", "FEE", "INT"][self.dice.below(3)].to_owned();
        let members = &self.day.opened.universe;
        let member = members[self.dice.below(members.len())].symbol.clone();
        let symbol = (activity_type == "DIV").then_some(member);
        let net_amount = Decimal::new(self.dice.below(200_000) as i64 - 100_000, 2);
        let asked = NewBooking { activity_type, symbol, net_amount, ..NewBooking::default() };
        if !net_amount.is_zero() {
            self.stir(|state| state.book(&asked));
        }
    }

    fn conduct(&mut self) {
        let entry = self.state.borrow().journal.get(self.conductor.handled).cloned();
        if let Some(entry) = entry {
            self.conductor.handled += 1;
            if let Ok(entry) = &entry {
                self.conductor.seen.take(entry);
            }
            return;
        }
        let latched = self.state.borrow().latched().map(|kill| kill.level);
        if let Some(kill) = self.conductor.seen.unlatched()
            && latched < Some(kill.level)
        {
            self.stir(|state| state.command(Command::Kill(kill)));
        }
        match self.conductor.seen.next(false) {
            Next::Wait | Next::End => {}
            Next::Begin(phase) => self.begin(phase),
            Next::Tick => self.tick(),
            Next::Close(outcome) => {
                let body = Message::SessionClosed(SessionClosed { outcome });
                self.say("closed", self.conductor.seen.at, body);
            }
        }
    }

    /// A minute of the open market.
    fn tick(&mut self) {
        let minute = self.conductor.seen.minute + 1;
        let time = Time(self.day.open.0 + i64::from(minute) * MINUTE);
        if time >= self.day.close {
            return self.begin(Phase::Close);
        }
        self.advance(time);
        self.say(&format!("tick.{minute}"), time, Message::Tick(Tick { minute }));
    }

    fn advance(&mut self, time: Time) {
        self.stir(|state| {
            if state.exchange.now() < time {
                state.exchange.advance(time);
                state.tell();
            }
        });
    }

    fn begin(&mut self, phase: Phase) {
        let (time, key) = match phase {
            Phase::Open => (self.day.open, "open"),
            Phase::Close => (self.day.close, "close"),
        };
        self.advance(time);
        // It may end between the clock and its word for it.
        if self.plan.crashes > 0 && self.dice.once_in(6) {
            self.plan.crashes -= 1;
            self.conductor = Conductor::default();
            return;
        }
        self.say(key, time, Message::PhaseBegan(PhaseBegan { phase }));
    }

    fn say(&mut self, key: &str, at: Time, body: Message) {
        let id = MessageId::event(ActorId::Session, key);
        self.state.borrow_mut().store(Envelope { id, at, body });
    }

    fn operator_is_due(&self) -> bool {
        if self.conductor.seen.outcome.is_some() {
            return false;
        }
        match &self.plan.trouble {
            Trouble::Kill { at, resume, .. } => {
                self.steps >= *at
                    || resume.is_some_and(|resume| *at == usize::MAX && self.steps >= resume)
            }
            Trouble::Garbage { at } => self.steps >= *at,
            _ => false,
        }
    }

    fn operate(&mut self) {
        match &mut self.plan.trouble {
            Trouble::Kill { at, level, by_flag, resume } if *at != usize::MAX => {
                *at = usize::MAX;
                let (kill, by_flag) = (Trouble::kill(*level), *by_flag);
                if by_flag {
                    *resume = None;
                    self.stir(|state| state.flag = Some(kill));
                } else {
                    self.stir(|state| state.command(Command::Kill(kill)));
                }
            }
            Trouble::Kill { resume, .. } => {
                *resume = None;
                let (operator, reason) = ("ada".to_owned(), "the drill is over".to_owned());
                self.state.borrow_mut().command(Command::Resume(Resume { operator, reason }));
            }
            Trouble::Garbage { at } => {
                *at = usize::MAX;
                let subject = "aurora.backtest.broker.filled.AAPL".to_owned();
                let reason = "BAD_BODY: simulated".to_owned();
                let entry = Undecodable { at: self.day.start, subject, reason };
                self.state.borrow_mut().journal.push(Err(entry));
            }
            _ => {}
        }
    }

    /// How the conductor saw the day end.
    pub(crate) fn seen(&self) -> &Seen {
        &self.conductor.seen
    }
}

impl Conductor {
    fn acts(&self) -> bool {
        matches!(self.seen.next(false), Next::Begin(_) | Next::Tick | Next::Close(_))
    }
}
