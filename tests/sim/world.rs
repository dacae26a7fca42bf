//! The gateway's world: its calls become entries of [`State`], and wait there until the scheduler moves them.

use crate::net::{Answer, Command, Flight, Reply, Request, Shared};
use alpaca::model::{self, Activity, Clock, NewOrder, TradeUpdate};
use alpaca::{AlpacaError, OrdersQuery};
use broker::BrokerError;
use broker::world::{Control, Journal, Timer, Updates, Venue, World};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use messages::{ActorId, Envelope, Kill, KillAcknowledged, Message, MessageId, Time, Topic};
use shell::ShellError;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(crate) enum Simulated {}

pub(crate) type Running = LocalBoxFuture<'static, Result<(), BrokerError>>;

/// A gateway in the world of `state`.
pub(crate) fn begin(state: &Shared) -> Running {
    let state = state.clone();
    let session = async move {
        let (venue, timer) = (Far(state.clone()), Clockwork(state.clone()));
        let mut journal = Memory::new(state.clone());
        broker::run::<Simulated>(&venue, &mut journal, Switch(state), &timer).await
    };
    session.boxed_local()
}

/// Lets it go on until it waits.
///
/// # Panics
/// If it never does.
pub(crate) fn go_on(gateway: &mut Running, state: &Shared) -> Poll<Result<(), BrokerError>> {
    state.borrow_mut().begin_poll();
    gateway.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

impl World for Simulated {
    type Venue = Far;
    type Journal = Memory;
    type Control = Switch;
    type Timer = Clockwork;
}

/// The venue, seen from the gateway.
pub(crate) struct Far(Shared);

impl Far {
    fn ask(&self, request: Request) -> impl Future<Output = Answer> {
        let state = self.0.clone();
        let mut number = None;
        let mut request = Some(request);
        poll_fn(move |_| {
            let mut state = state.borrow_mut();
            state.touch();
            let number = *number.get_or_insert_with(|| {
                let request = request.take().expect("asked once");
                if let Request::Submit(order) = &request {
                    state.judge(order);
                }
                state.rests = None;
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

    async fn booked_after(&self, _: Time) -> Result<Vec<Activity>, AlpacaError> {
        reply!(self, Request::Booked, Reply::Booked(booked) => booked)
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

    /// The next entry, if it has been delivered, and if it is for the gateway; acknowledged, if it is a kill.
    #[expect(clippy::option_option, reason = "an entry that is not for it is not the end")]
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
            self.state.borrow_mut().touch();
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
        state.touch();
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

    fn doing(&self, doing: Option<String>) {
        self.state.borrow_mut().doing = doing;
    }
}

pub(crate) struct Switch(Shared);

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

    fn latched(&self) -> LocalBoxFuture<'static, Result<Option<Kill>, ShellError>> {
        let state = self.0.clone();
        let latched = async move {
            let mut state = state.borrow_mut();
            state.latch_read = true;
            Ok(state.latched())
        };
        latched.boxed_local()
    }

    async fn announce(&self, kill: &Kill) -> Result<(), ShellError> {
        self.0.borrow_mut().command(Command::Kill(kill.clone()));
        Ok(())
    }

    async fn flag(&self) -> Option<Kill> {
        let mut state = self.0.borrow_mut();
        state.touch();
        state.flag.clone()
    }

    fn rests(&self, rests: &dyn Debug) {
        let mut state = self.0.borrow_mut();
        if state.compares {
            state.rests = Some(format!("{rests:?}"));
        }
    }
}

pub(crate) struct Clockwork(Shared);

impl Timer for Clockwork {
    fn now(&self) -> Duration {
        self.0.borrow().now
    }

    async fn sleep_until(&self, then: Duration) {
        poll_fn(|_| {
            let mut state = self.0.borrow_mut();
            state.touch();
            if state.now >= then {
                return Poll::Ready(());
            }
            state.wake_at = Some(state.wake_at.map_or(then, |wake| wake.min(then)));
            Poll::Pending
        })
        .await;
    }
}
