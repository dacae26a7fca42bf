//! What all requests share: the exchange behind its lock, and who listens to it.

use crate::access::{Keys, RateLimit};
use crate::clock::Running;
use crate::stream::Listeners;
use exchange::{Exchange, Market, Refusal};
use messages::Time;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

pub(crate) struct App {
    venue: Mutex<State>,
    clock: Running,
    pub(crate) market: Arc<Market>,
    /// `"t":"2024-01-03T05:00:00Z"` of each session, as bars carry it.
    pub(crate) bar_times: Vec<String>,
    pub(crate) keys: Option<Keys>,
    pub(crate) rate_limit: Option<Mutex<RateLimit>>,
    /// Turns true, or loses its sender, when the venue ends.
    pub(crate) stopping: watch::Receiver<bool>,
}

pub(crate) struct State {
    pub(crate) exchange: Exchange,
    pub(crate) listeners: Listeners,
}

pub(crate) struct Setup {
    pub(crate) exchange: Exchange,
    pub(crate) clock: Running,
    pub(crate) keys: Option<Keys>,
    pub(crate) rate_limit: Option<u32>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl App {
    pub(crate) fn new(setup: Setup) -> Self {
        let market = Arc::clone(setup.exchange.market());
        let sessions = market.calendar().sessions().iter();
        let bar_times = sessions
            .map(|session| format!("{{\"t\":\"{}\"", alpaca::time::utc(session.midnight)))
            .collect();
        let state = State { exchange: setup.exchange, listeners: Listeners::default() };
        Self {
            venue: Mutex::new(state),
            clock: setup.clock,
            market,
            bar_times,
            keys: setup.keys,
            rate_limit: setup.rate_limit.map(|limit| Mutex::new(RateLimit::per_minute(limit))),
            stopping: setup.stopping,
        }
    }

    /// Lets time pass up to now, does `work`, and puts on the streams what came of it, all in one turn.
    pub(crate) fn turn<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.venue.lock().expect("a panic of the exchange ends the venue");
        if let Some(now) = self.clock.now() {
            // The machine's clock can be set back; the exchange's can't.
            let now = now.max(state.exchange.now());
            state.exchange.advance(now);
            state.publish();
        }
        let result = work(&mut state);
        state.publish();
        result
    }

    /// Moves a stepped clock.
    pub(crate) fn step(&self, to: Time) -> Result<(), Refusal> {
        if !self.clock.is_stepped() {
            return Err(Refusal::invalid("the clock runs by itself; start with --clock stepped"));
        }
        self.turn(|state| {
            let now = state.exchange.now();
            if to < now {
                let (now, to) = (alpaca::time::utc(now), alpaca::time::utc(to));
                return Err(Refusal::invalid(format!("the clock is at {now}, {to} is behind it")));
            }
            state.exchange.advance(to);
            Ok(())
        })
    }
}

impl State {
    fn publish(&mut self) {
        for update in self.exchange.updates() {
            self.listeners.tell(&update);
        }
    }
}
