//! The loop: journal, trade stream, kill flag, and one order at a time.

use super::BrokerError;
use super::books::Books;
use super::clock::VenueClock;
use super::desk::Desk;
use super::hearing::{Broke, Due, pause};
use super::world::{Control, Journal, Timer, Updates, Venue, World};
use alpaca::AlpacaError;
use alpaca::model::TradeUpdate;
use futures::FutureExt;
use futures::future::{self, LocalBoxFuture};
use messages::{ActorId, Envelope, Kill, KillLevel, Message, MessageId, Phase, Time};
use std::time::Duration;

const FLAG_EVERY: Duration = Duration::from_millis(200);
/// Fills come by the stream, in the venue's order; only then do we ask.
const AFTER_OPEN: Duration = Duration::from_secs(1);
/// The stream has neither numbers nor replay: while orders are open we compare now and then.
const COMPARE_EVERY: Duration = Duration::from_secs(30);

/// What a connection to the trade stream is.
type Connected<W> = Result<<<W as World>::Venue as Venue>::Updates, AlpacaError>;

/// One session of the gateway. Moments are those of `timer`.
pub(super) struct Run<'a, W: World> {
    pub(super) client: &'a W::Venue,
    pub(super) session: &'a mut W::Journal,
    /// Kills as they are sent, ahead of the journal, and the kill flag.
    pub(super) control: W::Control,
    pub(super) timer: &'a W::Timer,
    pub(super) desk: Desk,
    pub(super) books: Books,
    stream: Option<<W::Venue as Venue>::Updates>,
    connecting: Option<LocalBoxFuture<'a, Connected<W>>>,
    /// Failed, in a row.
    connects: u32,
    /// Attempts at the order that is next, and when it may be tried again.
    pub(super) sends: u32,
    pub(super) send_at: Duration,
    pub(super) clock: VenueClock,
    /// The orders that are open.
    pub(super) compare: Due,
    /// Nothing is sent before they have been compared.
    pub(super) behind: bool,
    /// The account as a whole.
    pub(super) check: Due,
    /// Whether an order that is given up is at the venue.
    pub(super) give_up: Due,
    pub(super) tick_at: Duration,
    /// The level of the kill that everybody knows of.
    announced: Option<KillLevel>,
    /// Somebody resumed: there may be a kill behind it.
    latch_due: bool,
    pub(super) cancel_at: Duration,
    /// The venue owes an answer, and that was said.
    pub(super) silent: bool,
}

#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
enum Wake<W: World> {
    Killed(Kill),
    Entry(Option<(u64, Envelope)>),
    Update(Result<TradeUpdate, AlpacaError>),
    Connected(Connected<W>),
    Tick,
    Compare,
    Check,
    Send,
}

impl<'a, W: World> Run<'a, W> {
    pub(super) async fn session(
        client: &'a W::Venue,
        session: &'a mut W::Journal,
        control: W::Control,
        timer: &'a W::Timer,
    ) -> Result<(), BrokerError> {
        let now = timer.now();
        let mut run = Self {
            client,
            session,
            control,
            timer,
            desk: Desk::default(),
            books: Books::default(),
            stream: None,
            connecting: None,
            connects: 0,
            sends: 0,
            send_at: now,
            clock: VenueClock::default(),
            compare: Due::new(now),
            behind: false,
            check: Due::new(now),
            give_up: Due::new(now),
            tick_at: now + FLAG_EVERY,
            announced: None,
            latch_due: false,
            cancel_at: now,
            silent: false,
        };
        run.session.doing(None);
        run.recover().await?;
        run.check_latch().await?;
        run.serve().await
    }

    /// Learns from the journal what was said. What was done the venue tells, as soon as it does.
    async fn recover(&mut self) -> Result<(), BrokerError> {
        let entries = self.session.catch_up().await?;
        for (_, entry) in &entries {
            self.desk.on_entry(entry);
            self.books.hear(entry);
        }
        self.desk.distrust();
        self.announced = self.desk.kill().map(|kill| kill.level);
        if !self.session.is_closed() {
            if let Some((_, opened)) = entries.first() {
                self.say_overnight(opened).await?;
            }
            self.falls_behind();
        }
        Ok(())
    }

    async fn serve(&mut self) -> Result<(), BrokerError> {
        loop {
            // What is open goes before everything that may take its time: a bus that is gone, above all.
            self.check_flag().await;
            self.cancel_unwanted().await?;
            let kept = self.keep_up().await;
            self.settle(kept, |run| &mut run.give_up)?;
            self.announce_flag().await;
            if self.stream.is_none() && self.connecting.is_none() && self.desk.trades() {
                let connect = connect::<W>(self.client, self.timer, self.connects);
                self.connecting = Some(connect.boxed_local());
            }
            match self.wait().await? {
                Wake::Killed(kill) => self.on_kill(&kill),
                Wake::Entry(None) => return Ok(self.session.flush().await?),
                Wake::Entry(Some((_, entry))) => self.on_entry(&entry),
                Wake::Update(Ok(update)) => self.on_trade_update(&update).await?,
                Wake::Update(Err(error)) => {
                    tracing::warn!(%error, "the trade stream was lost; no order leaves without it");
                    self.stream = None;
                }
                Wake::Connected(connected) => self.on_connected(connected)?,
                Wake::Tick => self.tick_at = self.timer.now() + FLAG_EVERY,
                Wake::Compare => {
                    let compared = self.compare_now().await;
                    self.settle(compared, |run| &mut run.compare)?;
                }
                Wake::Check => {
                    let checked = self.check_books().await;
                    self.settle(checked, |run| &mut run.check)?;
                }
                Wake::Send => self.send_next().await?,
            }
        }
    }

    /// What must be done before anything is sent.
    async fn keep_up(&mut self) -> Result<(), Broke> {
        if self.latch_due {
            self.check_latch().await?;
        }
        self.check_clock().await?;
        self.give_up_withheld().await?;
        if !self.is_owed_an_answer() {
            self.on_speech();
        }
        Ok(())
    }

    /// Something that was asked of the venue has no answer yet, and is needed.
    fn is_owed_an_answer(&mut self) -> bool {
        let dues = [&self.compare, &self.check, &self.give_up];
        let delays_orders = self.sends > 0 || self.clock.is_lost();
        dues.iter().any(|due| due.fails())
            || self.connects > 0
            || (delays_orders && self.desk.next_waiting().is_some())
    }

    /// A kill comes before everything. What the journal says comes before what the venue says, and both before the next
    /// order; so do comparisons that are due: each leaves time for orders until the next.
    async fn wait(&mut self) -> Result<Wake<W>, BrokerError> {
        self.rests();
        let may_send = self.stream.is_some()
            && !self.behind
            && !self.latch_due
            && self.clock.now(self.timer).is_some()
            && self.desk.next_waiting().is_some_and(|tracked| !tracked.is_withheld());
        let comparing = self.behind
            || self.compare.fails()
            || self.desk.account_due
            || !self.desk.open().is_empty();
        let timer = self.timer;
        let Self { session, control, connecting, stream, tick_at, compare, check, send_at, .. } =
            self;
        let connected = async {
            match connecting {
                Some(connecting) => connecting.await,
                None => future::pending().await,
            }
        };
        let update = async {
            match stream {
                Some(stream) => stream.next().await,
                None => future::pending().await,
            }
        };
        Ok(tokio::select! {
            biased;
            kill = control.killed() => Wake::Killed(kill),
            entry = session.next() => Wake::Entry(entry?),
            update = update => Wake::Update(update),
            connected = connected => Wake::Connected(connected),
            () = timer.sleep_until(*tick_at) => Wake::Tick,
            () = timer.sleep_until(compare.at), if comparing => Wake::Compare,
            () = timer.sleep_until(check.at) => Wake::Check,
            () = timer.sleep_until(*send_at), if may_send => Wake::Send,
        })
    }

    /// Everything in here but the journal, the control and the sockets themselves.
    fn rests(&self) {
        let Self { desk, books, clock, announced, compare, check, give_up, .. } = self;
        let moments = (compare, check, give_up, self.send_at, self.tick_at, self.cancel_at);
        let line = (self.stream.is_some(), self.connecting.is_some(), self.connects, self.sends);
        let owed = (self.behind, self.latch_due, self.silent);
        self.control.rests(&(desk, books, clock, announced, moments, line, owed));
    }

    /// At once, whatever is under way: what it asks for beyond that becomes due.
    pub(super) fn on_entry(&mut self, entry: &Envelope) {
        self.desk.on_entry(entry);
        self.books.hear(entry);
        match &entry.body {
            Message::Kill(kill) => self.announced = self.announced.max(Some(kill.level)),
            Message::Resume(_) => (self.announced, self.latch_due) = (None, true),
            Message::PhaseBegan(began) => {
                self.clock.forget();
                match began.phase {
                    Phase::Open => self.compare.put(self.timer.now() + AFTER_OPEN),
                    Phase::Close => self.falls_behind(),
                }
            }
            _ => {}
        }
    }

    async fn on_trade_update(&mut self, update: &TradeUpdate) -> Result<(), BrokerError> {
        let told = self.desk.on_trade_update(update)?;
        self.say_all(told.say).await?;
        if told.fills_missing {
            self.falls_behind();
        }
        Ok(())
    }

    fn on_connected(&mut self, connected: Connected<W>) -> Result<(), BrokerError> {
        self.connecting = None;
        match connected {
            Ok(stream) => {
                (self.stream, self.connects) = (Some(stream), 0);
                self.falls_behind();
                self.check.put(self.timer.now());
                Ok(())
            }
            Err(error) if error.is_transient() => {
                self.connects = self.connects.saturating_add(1);
                self.on_silence(&error);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The venue knows more of our orders than we do, or may.
    pub(super) fn falls_behind(&mut self) {
        self.behind = true;
        self.compare.put(self.timer.now());
    }

    async fn compare_now(&mut self) -> Result<(), Broke> {
        // What is heard meanwhile may make it due again.
        self.behind = false;
        self.compare.put(self.timer.now() + COMPARE_EVERY);
        let compared = self.reconcile().await;
        self.behind |= compared.is_err();
        compared?;
        if !self.behind {
            self.report_account().await?;
        }
        if self.compare.fails() {
            let pause = if self.behind { Duration::ZERO } else { COMPARE_EVERY };
            self.compare = Due::new(self.timer.now() + pause);
        }
        Ok(())
    }

    /// A kill that was sent and stands in no journal yet: before we listened, or behind a resume.
    async fn check_latch(&mut self) -> Result<(), BrokerError> {
        loop {
            self.latch_due = false;
            let latched = self.control.latched();
            let latched = self.attend(latched).await??;
            // Who resumed meanwhile may have lifted what was read.
            if !self.latch_due {
                if let Some(kill) = latched {
                    self.on_kill(&kill);
                }
                return Ok(());
            }
        }
    }

    /// A kill flag halts at once. It counts as long as it is there: a resume does not outlast it.
    pub(super) async fn check_flag(&mut self) {
        let Some(kill) = self.control.flag().await else { return };
        if self.desk.kill().is_none_or(|current| current.level < kill.level) {
            self.on_kill(&kill);
        }
    }

    /// Everybody is told of a kill flag, once it has done its work here.
    async fn announce_flag(&mut self) {
        let Some(kill) = self.control.flag().await else { return };
        if self.announced < Some(kill.level) {
            match self.control.announce(&kill).await {
                Ok(()) => self.announced = Some(kill.level),
                Err(error) => tracing::error!(%error, "halted by the kill flag, nobody else knows"),
            }
        }
    }

    pub(super) async fn say_all(&mut self, all: Vec<Envelope>) -> Result<(), BrokerError> {
        for said in all {
            self.books.hear(&said);
            self.session.say(said).await?;
        }
        Ok(())
    }

    pub(super) async fn say(
        &mut self,
        key: String,
        at: Time,
        body: Message,
    ) -> Result<(), BrokerError> {
        let id = MessageId::event(ActorId::Broker, key);
        Ok(self.session.say(Envelope { id, at, body }).await?)
    }
}

async fn connect<W: World>(venue: &W::Venue, timer: &W::Timer, failures: u32) -> Connected<W> {
    if failures > 0 {
        timer.sleep_until(timer.now() + pause(failures)).await;
    }
    venue.connect().await
}
