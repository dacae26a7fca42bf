//! What lies between the gateway and the rest: its journal, the venue at the other end of a line that loses things, and
//! time. All of it stands still until the scheduler of [`crate::scene`] moves something.

use crate::wire;
use alpaca::AlpacaError;
use alpaca::model::{self, Activity, Clock, NewOrder, TradeUpdate};
use exchange::{Exchange, NewBooking, OrderFilter, OrderKind, Scope};
use kernel::Entry;
use messages::{ActorId, Envelope, Kill, KillLevel, Message, MessageId, Resume, Time};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

pub(crate) type Shared = Rc<RefCell<State>>;

/// Everything outside of the actors.
pub(crate) struct State {
    pub(crate) journal: Vec<Entry>,
    pub(crate) exchange: Exchange,
    /// Requests of the gateway that are on the way there or back, by number.
    pub(crate) flights: BTreeMap<u64, Flight>,
    pub(crate) flown: u64,
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
    /// Somebody compares states of the gateway: what it is, while it waits with nothing under way.
    pub(crate) compares: bool,
    pub(crate) rests: Option<String>,
    /// It asked which kill is latched, or somebody asked on its behalf.
    pub(crate) latch_read: bool,
    /// The venue's list of what moved the account and was no fill.
    pub(crate) booked: Vec<Activity>,
    /// What the gateway says that it is at.
    pub(crate) doing: Option<String>,
    /// What it has touched since it was polled last.
    touched: u32,
}

/// A gateway that touches so much without ever waiting goes round in circles. An honest one stays a hundred times below.
const TOUCHES_MAX: u32 = 100_000;

/// What one incarnation of the gateway has.
#[derive(Default)]
pub(crate) struct Seat {
    /// Entries of the journal that have been delivered to it, and that it has read.
    pub(crate) delivered: usize,
    pub(crate) read: usize,
    /// Said and not stored yet.
    pub(crate) outbox: VecDeque<Envelope>,
    pub(crate) said: BTreeSet<MessageId>,
    /// Kills on their direct way to it, and heard.
    pub(crate) direct: VecDeque<Kill>,
    pub(crate) heard: VecDeque<Kill>,
    /// The last one that it took notice of, until a resume.
    pub(crate) direct_kill: Option<KillLevel>,
    /// How much operators had said when it began.
    pub(crate) born: usize,
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

pub(crate) type Answer = Result<Reply, AlpacaError>;

#[derive(Clone, Debug)]
pub(crate) enum Request {
    Connect,
    Submit(Box<NewOrder>),
    Lookup(String),
    Orders,
    Cancel(String),
    Fills,
    Booked,
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
    Booked(Vec<Activity>),
    Account(Box<model::Account>),
    Positions(Vec<model::Position>),
    Clock(Clock),
}

/// The trade stream's connection.
pub(crate) struct Line {
    pub(crate) number: u64,
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
            compares: false,
            rests: None,
            latch_read: false,
            booked: Vec::new(),
            doing: None,
            touched: 0,
        }
    }

    /// The gateway is polled: see [`TOUCHES_MAX`].
    pub(crate) fn begin_poll(&mut self) {
        self.touched = 0;
    }

    pub(crate) fn touch(&mut self) {
        self.touched += 1;
        assert!(self.touched < TOUCHES_MAX, "the gateway goes round in circles");
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
        latched(&self.control)
    }

    /// The kill that was latched when the gateway began, if it has been ever since: whether or not the journal has its copy.
    fn inherited(&mut self) -> Option<KillLevel> {
        self.latch_read |= self.gateway.born > 0;
        let (before, since) = self.control.split_at(self.gateway.born.min(self.control.len()));
        let resumed = since.iter().any(|command| matches!(command, Command::Resume(_)));
        latched(before).filter(|_| !resumed).map(|kill| kill.level)
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
        self.gateway = Seat { born: self.control.len(), ..Seat::default() };
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
            Request::Booked => Reply::Booked(self.booked.clone()),
            Request::Account => Reply::Account(Box::new(wire::account(&self.exchange))),
            Request::Positions => {
                Reply::Positions(self.exchange.positions().iter().map(wire::position).collect())
            }
            Request::Clock => Reply::Clock(wire::clock(&self.exchange)),
        })
    }

    /// The venue moves the account, and lists why.
    pub(crate) fn book(&mut self, asked: &NewBooking) {
        let booking = self.exchange.book(asked).expect("it can be booked");
        self.booked.push(wire::booking(&booking));
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
    pub(crate) fn judge(&mut self, order: &NewOrder) {
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
        let killed = killed.max(self.gateway.direct_kill).max(self.inherited());
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

fn latched(control: &[Command]) -> Option<Kill> {
    control.iter().fold(None, |_, command| match command {
        Command::Kill(kill) => Some(kill.clone()),
        Command::Resume(_) => None,
    })
}

pub(crate) fn new_order(order: &NewOrder) -> exchange::NewOrder {
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
