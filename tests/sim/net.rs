//! What lies between the gateway and the rest: its journal, the venue at the other end of a line that loses things, and
//! time. All of it stands still until the scheduler of [`crate::scene`] moves something.

use crate::wire;
use alpaca::model::{self, Activity, Clock, NewOrder, TradeUpdate};
use alpaca::{AlpacaError, OrdersQuery};
use broker::world::{Control, Journal, Timer, Updates, Venue, World};
use exchange::{Exchange, OrderFilter, OrderKind, Scope};
use kernel::Entry;
use messages::{
    ActorId, Envelope, Kill, KillAcknowledged, KillLevel, Message, MessageId, Resume, Time, Topic,
};
use shell::ShellError;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

pub(crate) type Shared = Rc<RefCell<State>>;

/// Everything outside of the actors.
pub(crate) struct State {
    pub(crate) journal: Vec<Entry>,
    pub(crate) exchange: Exchange,
    /// Requests of the gateway that are on the way there or back, by number.
    pub(crate) flights: BTreeMap<u64, Flight>,
    flown: u64,
    pub(crate) line: Option<Line>,
    lines: u64,
    /// Venue ids of orders that it took and rejects afterwards.
    pub(crate) rejects: BTreeSet<String>,
    pub(crate) gateway: Seat,
    /// What operators said, in order, and how much of it the journal holds.
    pub(crate) control: Vec<Command>,
    pub(crate) copied: usize,
    pub(crate) flag: Option<Kill>,
    /// As time passes for the gateway; the venue's clock is moved by the conductor.
    pub(crate) now: Duration,
    /// What the gateway sleeps for.
    pub(crate) wake_at: Option<Duration>,
    /// What must not be and was seen.
    pub(crate) violations: Vec<String>,
}

/// What one incarnation of the gateway has.
#[derive(Default)]
pub(crate) struct Seat {
    /// Entries of the journal that have been delivered to it, and that it has read.
    pub(crate) delivered: usize,
    read: usize,
    /// Said and not stored yet.
    pub(crate) outbox: VecDeque<Envelope>,
    said: BTreeSet<MessageId>,
    /// Kills on their direct way to it, and heard.
    pub(crate) direct: VecDeque<Kill>,
    pub(crate) heard: VecDeque<Kill>,
    /// The last one that it took notice of, until a resume.
    direct_kill: Option<KillLevel>,
}

#[derive(Clone, Debug)]
pub(crate) enum Command {
    Kill(Kill),
    Resume(Resume),
}

pub(crate) struct Flight {
    pub(crate) request: Request,
    pub(crate) answer: Option<Answer>,
    /// The answer has arrived.
    pub(crate) landed: bool,
    /// Nobody waits for it any more.
    pub(crate) orphan: bool,
}

type Answer = Result<Reply, AlpacaError>;

#[derive(Clone, Debug)]
pub(crate) enum Request {
    Connect,
    Submit(Box<NewOrder>),
    Lookup(String),
    Orders,
    Cancel(String),
    Fills,
    Account,
    Positions,
    Clock,
}

pub(crate) enum Reply {
    Connected(u64),
    Order(Box<model::Order>),
    Found(Option<Box<model::Order>>),
    Orders(Vec<model::Order>),
    Canceled,
    Fills(Vec<Activity>),
    Account(Box<model::Account>),
    Positions(Vec<model::Position>),
    Clock(Clock),
}

/// The trade stream's connection.
pub(crate) struct Line {
    number: u64,
    pub(crate) on_the_way: VecDeque<TradeUpdate>,
    pub(crate) arrived: VecDeque<TradeUpdate>,
}

impl State {
    pub(crate) fn new(exchange: Exchange, journal: Vec<Envelope>) -> Self {
        Self {
            journal: journal.into_iter().map(Ok).collect(),
            exchange,
            flights: BTreeMap::new(),
            flown: 0,
            line: None,
            lines: 0,
            rejects: BTreeSet::new(),
            gateway: Seat::default(),
            control: Vec::new(),
            copied: 0,
            flag: None,
            now: Duration::ZERO,
            wake_at: None,
            violations: Vec::new(),
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Envelope> {
        self.journal.iter().filter_map(|entry| entry.as_ref().ok())
    }

    /// An event's id names it: it is stored once.
    pub(crate) fn store(&mut self, said: Envelope) {
        if !self.entries().any(|entry| entry.id == said.id) {
            self.journal.push(Ok(said));
        }
    }

    pub(crate) fn command(&mut self, command: Command) {
        if let Command::Kill(kill) = &command {
            self.gateway.direct.push_back(kill.clone());
        }
        self.control.push(command);
    }

    /// The next of what operators said is copied into the journal.
    pub(crate) fn copy_control(&mut self) {
        let at = self.journal.iter().flatten().last().map_or(Time(0), |entry| entry.at);
        let id = MessageId::event(ActorId::Control, (self.journal.len() + 1).to_string());
        let body = match self.control[self.copied].clone() {
            Command::Kill(kill) => Message::Kill(kill),
            Command::Resume(resume) => Message::Resume(resume),
        };
        self.copied += 1;
        self.journal.push(Ok(Envelope { id, at, body }));
    }

    pub(crate) fn latched(&self) -> Option<Kill> {
        self.control.iter().fold(None, |_, command| match command {
            Command::Kill(kill) => Some(kill.clone()),
            Command::Resume(_) => None,
        })
    }

    /// The gateway is gone. What it had sent is still on its way, or is not.
    pub(crate) fn forget_gateway(&mut self, mut arrives: impl FnMut() -> bool) {
        for flight in self.flights.values_mut() {
            flight.orphan = true;
        }
        self.flights.retain(|_, flight| flight.answer.is_none() && arrives());
        // A prefix of what it said may have been stored.
        while !self.gateway.outbox.is_empty() && arrives() {
            let said = self.gateway.outbox.pop_front().expect("not empty");
            self.store(said);
        }
        self.gateway = Seat::default();
        self.line = None;
        self.wake_at = None;
    }

    /// The venue carries out what a request asks for.
    pub(crate) fn carry_out(&mut self, number: u64, reject: bool) -> Answer {
        let request = self.flights[&number].request.clone();
        let answer = self.answer(&request, reject);
        self.tell();
        answer
    }

    fn answer(&mut self, request: &Request, reject: bool) -> Answer {
        let name = format!("{request:?}");
        let refused = |refusal| wire::refused(&name, &refusal);
        Ok(match request {
            Request::Connect => {
                self.lines += 1;
                let (on_the_way, arrived) = (VecDeque::new(), VecDeque::new());
                self.line = Some(Line { number: self.lines, on_the_way, arrived });
                Reply::Connected(self.lines)
            }
            Request::Submit(order) => {
                let taken = self.exchange.submit(&new_order(order)).map_err(refused)?;
                if reject {
                    self.rejects.insert(taken.id.clone());
                    // What has filled or ended at once can't be rejected any more.
                    if self.exchange.cancel(&taken.id).is_err() {
                        self.rejects.remove(&taken.id);
                    }
                }
                Reply::Order(Box::new(wire::order(&taken, false)))
            }
            Request::Lookup(id) => {
                let found = self.exchange.order_by_client_id(id);
                Reply::Found(found.map(|order| Box::new(self.show(&order))))
            }
            Request::Orders => {
                let filter = OrderFilter { scope: Scope::All, ..OrderFilter::default() };
                let orders = self.exchange.orders(&filter);
                Reply::Orders(orders.iter().map(|order| self.show(order)).collect())
            }
            Request::Cancel(id) => {
                self.exchange.cancel(id).map_err(refused)?;
                Reply::Canceled
            }
            Request::Fills => Reply::Fills(self.exchange.fills().map(wire::activity).collect()),
            Request::Account => Reply::Account(Box::new(wire::account(&self.exchange))),
            Request::Positions => {
                Reply::Positions(self.exchange.positions().iter().map(wire::position).collect())
            }
            Request::Clock => Reply::Clock(wire::clock(&self.exchange)),
        })
    }

    fn show(&self, order: &exchange::OrderState) -> model::Order {
        wire::order(order, self.rejects.contains(&order.id))
    }

    /// Puts what happened on the line, if there is one.
    pub(crate) fn tell(&mut self) {
        for update in self.exchange.updates() {
            let rejected = self.rejects.contains(&update.order.id);
            if let Some(line) = &mut self.line {
                line.on_the_way.push_back(wire::update(&update, rejected));
            }
        }
    }

    /// An order leaves the gateway: may it? By what its gateway has read and heard. What was approved before a halt, or
    /// during one, leaves neither then nor later; what closes a position leaves under a kill that flattens.
    fn judge(&mut self, order: &NewOrder) {
        let id = order.client_order_id.clone().unwrap_or_default();
        let (mut killed, mut alarmed, mut closing) = (None, false, false);
        let mut sound = None;
        for entry in self.journal[..self.gateway.read].iter().flatten() {
            match &entry.body {
                Message::SessionOpened(opened) => {
                    killed = opened.halted.as_ref().map(|kill| kill.level);
                }
                Message::Kill(kill) => {
                    killed = killed.max(Some(kill.level));
                    sound = sound.map(|_| false);
                }
                Message::Alarm(_) => {
                    alarmed = true;
                    sound = sound.map(|_| false);
                }
                Message::Resume(_) => killed = None,
                Message::OrderApproved(order) if order.client_order_id == id => {
                    closing = order.is_closing();
                    sound = Some(killed.is_none() && !alarmed);
                }
                _ => {}
            }
        }
        let killed = killed.max(self.gateway.direct_kill);
        let may = if closing {
            sound.is_some() && killed == Some(KillLevel::Flatten)
        } else {
            sound == Some(true) && killed.is_none()
        };
        if !may {
            let why = format!("killed {killed:?}, alarmed {alarmed}, approved in peace {sound:?}");
            self.violations.push(format!("{id} left although it was not to: {why}"));
        }
    }
}

fn new_order(order: &NewOrder) -> exchange::NewOrder {
    let force = match &order.time_in_force {
        model::TimeInForce::Opg => exchange::TimeInForce::Opg,
        model::TimeInForce::Ioc => exchange::TimeInForce::Ioc,
        model::TimeInForce::Day => exchange::TimeInForce::Day,
        other => panic!("nobody orders {other:?}"),
    };
    let side = match &order.side {
        model::Side::Buy => messages::Side::Buy,
        model::Side::Sell => messages::Side::Sell,
        model::Side::Other(word) => panic!("no side: {word}"),
    };
    let kind = match order.limit_price {
        None => OrderKind::Market,
        Some(limit) => OrderKind::Limit { limit: limit.0 },
    };
    let quantity = order.qty.expect("we order shares").0;
    exchange::NewOrder {
        client_order_id: order.client_order_id.clone(),
        ..exchange::NewOrder::simple(order.symbol.as_str().into(), side, quantity, kind, force)
    }
}

pub(crate) enum Simulated {}

impl World for Simulated {
    type Venue = Far;
    type Journal = Memory;
    type Control = Switch;
    type Timer = Clockwork;
}

/// The venue, seen from the gateway.
pub(crate) struct Far(pub(crate) Shared);

impl Far {
    fn ask(&self, request: Request) -> impl Future<Output = Answer> {
        let state = self.0.clone();
        let mut number = None;
        let mut request = Some(request);
        poll_fn(move |_| {
            let mut state = state.borrow_mut();
            let number = *number.get_or_insert_with(|| {
                let request = request.take().expect("asked once");
                if let Request::Submit(order) = &request {
                    state.judge(order);
                }
                state.flown += 1;
                let flight = Flight { request, answer: None, landed: false, orphan: false };
                let flown = state.flown;
                state.flights.insert(flown, flight);
                flown
            });
            if state.flights.get(&number).is_some_and(|flight| flight.landed) {
                let flight = state.flights.remove(&number).expect("found");
                return Poll::Ready(flight.answer.expect("it has landed"));
            }
            Poll::Pending
        })
    }
}

/// The reply that belongs to the request.
macro_rules! reply {
    ($far:expr, $request:expr, $pattern:pat => $value:expr) => {
        match $far.ask($request).await? {
            $pattern => Ok($value),
            _ => unreachable!("each request has its reply"),
        }
    };
}

impl Venue for Far {
    type Updates = Ear;

    async fn connect(&self) -> Result<Ear, AlpacaError> {
        reply!(self, Request::Connect, Reply::Connected(number) => Ear { state: self.0.clone(), number })
    }

    async fn submit_order(&self, order: &NewOrder) -> Result<model::Order, AlpacaError> {
        reply!(self, Request::Submit(Box::new(order.clone())), Reply::Order(order) => *order)
    }

    async fn order_by_client_id(&self, id: &str) -> Result<Option<model::Order>, AlpacaError> {
        reply!(self, Request::Lookup(id.to_owned()), Reply::Found(order) => order.map(|order| *order))
    }

    async fn orders(&self, _: &OrdersQuery) -> Result<Vec<model::Order>, AlpacaError> {
        reply!(self, Request::Orders, Reply::Orders(orders) => orders)
    }

    async fn cancel(&self, venue_id: &str) -> Result<(), AlpacaError> {
        reply!(self, Request::Cancel(venue_id.to_owned()), Reply::Canceled => ())
    }

    async fn fills_after(&self, _: Time) -> Result<Vec<Activity>, AlpacaError> {
        reply!(self, Request::Fills, Reply::Fills(fills) => fills)
    }

    async fn account(&self) -> Result<model::Account, AlpacaError> {
        reply!(self, Request::Account, Reply::Account(account) => *account)
    }

    async fn positions(&self) -> Result<Vec<model::Position>, AlpacaError> {
        reply!(self, Request::Positions, Reply::Positions(positions) => positions)
    }

    async fn clock(&self) -> Result<Clock, AlpacaError> {
        reply!(self, Request::Clock, Reply::Clock(clock) => clock)
    }
}

pub(crate) struct Ear {
    state: Shared,
    number: u64,
}

impl Updates for Ear {
    async fn next(&mut self) -> Result<TradeUpdate, AlpacaError> {
        poll_fn(|_| {
            let mut state = self.state.borrow_mut();
            match state.line.as_mut().filter(|line| line.number == self.number) {
                Some(line) => {
                    line.arrived.pop_front().map_or(Poll::Pending, |said| Poll::Ready(Ok(said)))
                }
                None => Poll::Ready(Err(unreachable("the trade stream"))),
            }
        })
        .await
    }
}

pub(crate) fn unreachable(request: &str) -> AlpacaError {
    let (request, detail) = (request.to_owned(), "simulated".to_owned());
    AlpacaError::Unreachable { request, detail }
}

pub(crate) fn unavailable(request: &str, status: u16) -> AlpacaError {
    let (request, message) = (request.to_owned(), "simulated".to_owned());
    AlpacaError::Unavailable { request, status, message }
}

/// The journal as `shell::Session` shows it to the gateway.
pub(crate) struct Memory {
    state: Shared,
    closed: bool,
}

const LISTENS: &[Topic] = &[
    Topic::SessionOpened,
    Topic::PhaseBegan,
    Topic::SessionClosed,
    Topic::OrderApproved,
    Topic::Kill,
    Topic::Resume,
    Topic::Alarm,
];

impl Memory {
    pub(crate) fn new(state: Shared) -> Self {
        Self { state, closed: false }
    }

    /// The next entry, if it has been delivered; acknowledged, if it is a kill.
    fn read(&mut self) -> Option<Option<(u64, Envelope)>> {
        let mut state = self.state.borrow_mut();
        if state.gateway.read >= state.gateway.delivered {
            return None;
        }
        state.gateway.read += 1;
        let position = state.gateway.read as u64;
        let Ok(entry) = state.journal[state.gateway.read - 1].clone() else { return Some(None) };
        let ours = entry.id.author == ActorId::Broker;
        if ours {
            state.gateway.said.insert(entry.id.clone());
        }
        match &entry.body {
            Message::Kill(kill) => {
                let id = MessageId::answer(ActorId::Broker, position, 0);
                let body =
                    Message::KillAcknowledged(KillAcknowledged { position, level: kill.level });
                let known = state.entries().any(|entry| entry.id == id);
                if !known {
                    state.gateway.outbox.push_back(Envelope { id, at: entry.at, body });
                }
            }
            Message::Resume(_) => state.gateway.direct_kill = None,
            Message::SessionClosed(_) => self.closed = true,
            _ => {}
        }
        Some((ours || LISTENS.contains(&entry.topic())).then_some((position, entry)))
    }
}

impl Journal for Memory {
    async fn catch_up(&mut self) -> Result<Vec<(u64, Envelope)>, ShellError> {
        let head = self.state.borrow().journal.len();
        self.state.borrow_mut().gateway.delivered = head;
        Ok(std::iter::from_fn(|| self.read()).flatten().collect())
    }

    async fn next(&mut self) -> Result<Option<(u64, Envelope)>, ShellError> {
        poll_fn(|_| {
            loop {
                if self.closed {
                    let stored = self.state.borrow().gateway.outbox.is_empty();
                    return if stored { Poll::Ready(Ok(None)) } else { Poll::Pending };
                }
                match self.read() {
                    Some(Some(entry)) => return Poll::Ready(Ok(Some(entry))),
                    Some(None) => {}
                    None => return Poll::Pending,
                }
            }
        })
        .await
    }

    async fn say(&mut self, said: Envelope) -> Result<(), ShellError> {
        let mut state = self.state.borrow_mut();
        if state.gateway.said.insert(said.id.clone()) {
            state.gateway.outbox.push_back(said);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ShellError> {
        poll_fn(|_| {
            let stored = self.state.borrow().gateway.outbox.is_empty();
            if stored { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    fn is_closed(&self) -> bool {
        self.closed
    }
}

pub(crate) struct Switch(pub(crate) Shared);

impl Control for Switch {
    async fn killed(&mut self) -> Kill {
        poll_fn(|_| {
            let mut state = self.0.borrow_mut();
            let heard = state.gateway.heard.pop_front();
            let level = heard.as_ref().map(|kill| kill.level);
            state.gateway.direct_kill = state.gateway.direct_kill.max(level);
            heard.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    async fn latched(&self) -> Result<Option<Kill>, ShellError> {
        Ok(self.0.borrow().latched())
    }

    async fn announce(&self, kill: &Kill) -> Result<(), ShellError> {
        self.0.borrow_mut().command(Command::Kill(kill.clone()));
        Ok(())
    }

    async fn flag(&self) -> Option<Kill> {
        self.0.borrow().flag.clone()
    }
}

pub(crate) struct Clockwork(pub(crate) Shared);

impl Timer for Clockwork {
    fn now(&self) -> Duration {
        self.0.borrow().now
    }

    async fn sleep_until(&self, then: Duration) {
        poll_fn(|_| {
            let mut state = self.0.borrow_mut();
            if state.now >= then {
                return Poll::Ready(());
            }
            state.wake_at = Some(state.wake_at.map_or(then, |wake| wake.min(then)));
            Poll::Pending
        })
        .await;
    }
}
