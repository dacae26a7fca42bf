//! What all requests share: the exchange behind its lock, and who listens to it.

use crate::access::{Keys, RateLimit};
use crate::account::Settings;
use crate::clock::Running;
use crate::faults::Faults;
use crate::feed::Feed;
use crate::persistence::{Command, Entry, Log};
use crate::stream::Listeners;
use crate::watchlists::Watchlists;
use exchange::{Exchange, Market, Refusal};
use messages::Time;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

pub(crate) struct App {
    venue: Mutex<State>,
    clock: Running,
    pub(crate) market: Arc<Market>,
    pub(crate) keys: Option<Keys>,
    /// Of the trading API, and of the data API.
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) data_rate_limit: Option<RateLimit>,
    pub(crate) recent_sip: bool,
    pub(crate) faults: Arc<Faults>,
    /// The log can't be written any more: nothing is answered from here on.
    broken: AtomicBool,
    /// Turns true, or loses its sender, when the venue ends.
    pub(crate) stopping: watch::Receiver<bool>,
}

pub(crate) struct State {
    pub(crate) exchange: Exchange,
    /// When the account was opened.
    pub(crate) started: Time,
    pub(crate) settings: Settings,
    pub(crate) watchlists: Watchlists,
    pub(crate) listeners: Listeners,
    pub(crate) feed: Feed,
    log: Option<Log>,
}

pub(crate) struct Setup {
    pub(crate) state: State,
    pub(crate) clock: Running,
    pub(crate) keys: Option<Keys>,
    pub(crate) rate_limit: Option<u32>,
    pub(crate) data_rate_limit: Option<u32>,
    pub(crate) recent_sip: bool,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl App {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            market: Arc::clone(setup.state.exchange.market()),
            venue: Mutex::new(setup.state),
            clock: setup.clock,
            keys: setup.keys,
            rate_limit: setup.rate_limit.map(RateLimit::per_minute),
            data_rate_limit: setup.data_rate_limit.map(RateLimit::per_minute),
            recent_sip: setup.recent_sip,
            faults: Arc::default(),
            broken: AtomicBool::new(false),
            stopping: setup.stopping,
        }
    }

    /// Lets time pass up to now and does `work`, in one turn. What `work` changes of the exchange must
    /// come through [`App::change`].
    pub(crate) fn turn<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.venue.lock().expect("a panic of the exchange ends the venue");
        if let Some(now) = self.clock.now() {
            // The machine's clock can be set back; the exchange's can't.
            let now = now.max(state.exchange.now());
            self.guard(state.advance(now));
        }
        work(&mut state)
    }

    /// Does what a client asks for. If it is accepted, it is in the log when this returns, and on the
    /// streams what came of it.
    ///
    /// `work` is what replaying `command` does; when it refuses, it has changed nothing.
    pub(crate) fn change<T>(
        &self,
        command: Command,
        work: impl FnOnce(&mut State) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.turn(|state| {
            if self.is_broken() {
                return Err(broken());
            }
            let answer = work(state)?;
            self.guard(state.log(command));
            if self.is_broken() {
                return Err(broken());
            }
            state.publish();
            Ok(answer)
        })
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
            self.guard(state.advance(to));
            self.guard(state.log(Command::Clock));
            if self.is_broken() { Err(broken()) } else { Ok(()) }
        })
    }

    /// Whether time stands still between steps.
    pub(crate) fn is_stepped(&self) -> bool {
        self.clock.is_stepped()
    }

    /// Remembers how far an accelerated clock has come, so that a restart goes on from there.
    pub(crate) fn mark(&self) {
        if self.clock.is_accelerated() {
            self.turn(|state| self.guard(state.log(Command::Clock)));
        }
    }

    /// Whether the log failed, so that nothing that is answered would outlive a restart.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Returns when the venue ends.
    pub(crate) async fn stopped(&self) {
        // An error is the end as well: the venue was dropped.
        let _ = self.stopping.clone().wait_for(|stop| *stop).await;
    }

    fn guard(&self, written: std::io::Result<()>) {
        if let Err(error) = written {
            tracing::error!(%error, "the state can't be written: everything is refused from now on");
            self.broken.store(true, Ordering::Relaxed);
        }
    }
}

/// What everything is answered once the log has failed.
pub(crate) fn broken() -> Refusal {
    Refusal::new(500, 50_010_000, "the venue can't write its state; look at its log and restart it")
}

impl State {
    pub(crate) fn new(exchange: Exchange) -> Self {
        Self {
            started: exchange.now(),
            settings: Settings::new(*exchange.permissions()),
            exchange,
            watchlists: Watchlists::default(),
            listeners: Listeners::default(),
            feed: Feed::default(),
            log: None,
        }
    }

    /// Plays what a log holds and goes on writing it.
    ///
    /// # Errors
    /// The number of the entry, from 0, that was accepted once and is refused now.
    pub(crate) fn resume(&mut self, log: Log, entries: Vec<Entry>) -> Result<(), (usize, Refusal)> {
        for (number, Entry { at, command }) in entries.into_iter().enumerate() {
            if at < self.exchange.now() {
                return Err((number, Refusal::invalid("time goes back")));
            }
            self.exchange.advance(at);
            command.replay(self).map_err(|refusal| (number, refusal))?;
            // All this was told when it happened.
            self.exchange.updates();
        }
        self.log = Some(log);
        Ok(())
    }

    /// What happens on the way is on the disk before the streams tell of it.
    fn advance(&mut self, to: Time) -> std::io::Result<()> {
        let from = self.exchange.now();
        self.exchange.advance(to);
        let updates = self.exchange.updates();
        if !updates.is_empty() {
            self.log(Command::Clock)?;
        }
        let market = self.exchange.market();
        for update in &updates {
            self.listeners.tell(market, update);
        }
        self.feed.advance(market, from, to);
        Ok(())
    }

    fn log(&mut self, command: Command) -> std::io::Result<()> {
        let at = self.exchange.now();
        self.log.as_mut().map_or(Ok(()), |log| log.append(&Entry { at, command }))
    }

    fn publish(&mut self) {
        for update in self.exchange.updates() {
            self.listeners.tell(self.exchange.market(), &update);
        }
    }
}
