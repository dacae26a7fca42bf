//! The loop: journal, trade stream, kill flag, and one order at a time.

use super::BrokerError;
use super::books::Books;
use super::clock::VenueClock;
use super::desk::Desk;
use super::place::{Placed, place};
use super::tracked::Tracked;
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
const CANCEL_AGAIN: Duration = Duration::from_secs(1);
/// At sending an order, or at connecting, before the actor gives up and starts again.
const ATTEMPTS_MAX: u32 = 6;

/// What a connection to the trade stream is.
type Connected<W> = Result<<<W as World>::Venue as Venue>::Updates, AlpacaError>;

/// One session of the gateway. Moments are those of `timer`.
pub(super) struct Run<'a, W: World> {
    pub(super) client: &'a W::Venue,
    session: &'a mut W::Journal,
    /// Kills as they are sent, ahead of the journal, and the kill flag.
    control: W::Control,
    pub(super) timer: &'a W::Timer,
    pub(super) desk: Desk,
    pub(super) books: Books,
    stream: Option<<W::Venue as Venue>::Updates>,
    connecting: Option<LocalBoxFuture<'a, Connected<W>>>,
    connects: u32,
    /// Attempts at the order that is next, and when it may be tried again.
    sends: u32,
    send_at: Duration,
    clock: VenueClock,
    compare_at: Duration,
    /// The account as a whole, not only the orders that are open.
    pub(super) check_at: Duration,
    tick_at: Duration,
    /// The level of the kill that everybody knows of.
    announced: Option<KillLevel>,
    cancel_at: Duration,
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
            compare_at: now,
            check_at: now,
            tick_at: now + FLAG_EVERY,
            announced: None,
            cancel_at: now,
        };
        run.recover().await?;
        run.check_latch().await?;
        run.serve().await
    }

    /// Learns from the journal what was said, and from the venue what was done.
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
            self.reconcile().await?;
            self.report_account().await?;
        }
        Ok(())
    }

    async fn serve(&mut self) -> Result<(), BrokerError> {
        loop {
            // What is open goes before everything that may take its time: a bus that is gone, above all.
            self.check_flag().await;
            self.cancel_unwanted().await?;
            self.check_clock().await?;
            self.give_up_withheld().await?;
            self.announce_flag().await;
            if self.stream.is_none() && self.connecting.is_none() && self.desk.trades() {
                let connect = connect::<W>(self.client, self.timer, self.connects);
                self.connecting = Some(connect.boxed_local());
            }
            match self.wait().await? {
                // No entry, hence no time: orders that it meets keep the time of their approval.
                Wake::Killed(kill) => self.desk.on_kill(Time(i64::MIN), &kill),
                Wake::Entry(None) => return Ok(self.session.flush().await?),
                Wake::Entry(Some((_, entry))) => self.on_entry(&entry).await?,
                Wake::Update(Ok(update)) => self.on_trade_update(&update).await?,
                Wake::Update(Err(error)) => {
                    tracing::warn!(%error, "the trade stream was lost; no order leaves without it");
                    self.stream = None;
                }
                Wake::Connected(connected) => self.on_connected(connected).await?,
                Wake::Tick => self.tick_at = self.timer.now() + FLAG_EVERY,
                Wake::Compare => self.compare_now().await?,
                Wake::Check => self.check_books().await?,
                Wake::Send => self.send_next().await?,
            }
        }
    }

    /// A kill comes before everything. What the journal says comes before what the venue says, and both before the next order.
    async fn wait(&mut self) -> Result<Wake<W>, BrokerError> {
        self.rests();
        let may_send = self.stream.is_some()
            && self.clock.now(self.timer).is_some()
            && self.desk.next_waiting().is_some();
        let comparing = !self.desk.open().is_empty();
        let timer = self.timer;
        let Self {
            session,
            control,
            connecting,
            stream,
            tick_at,
            compare_at,
            check_at,
            send_at,
            ..
        } = self;
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
            () = timer.sleep_until(*compare_at), if comparing => Wake::Compare,
            () = timer.sleep_until(*send_at), if may_send => Wake::Send,
            () = timer.sleep_until(*check_at) => Wake::Check,
        })
    }

    /// Everything in here but the journal, the control and the sockets themselves.
    fn rests(&self) {
        let moments = (self.send_at, self.compare_at, self.check_at, self.tick_at, self.cancel_at);
        let line = (self.stream.is_some(), self.connecting.is_some(), self.connects, self.sends);
        let Self { desk, books, clock, announced, .. } = self;
        self.control.rests(&(desk, books, clock, announced, moments, line));
    }

    async fn on_entry(&mut self, entry: &Envelope) -> Result<(), BrokerError> {
        self.desk.on_entry(entry);
        self.books.hear(entry);
        if let Message::PhaseBegan(_) = entry.body {
            self.clock.forget();
        }
        match &entry.body {
            Message::Kill(kill) => self.announced = self.announced.max(Some(kill.level)),
            Message::Resume(_) => {
                self.announced = None;
                self.check_latch().await?;
            }
            Message::PhaseBegan(began) if began.phase == Phase::Open => {
                self.compare_at = self.timer.now() + AFTER_OPEN;
            }
            Message::PhaseBegan(_) => {
                self.compare_now().await?;
                self.report_account().await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn on_trade_update(&mut self, update: &TradeUpdate) -> Result<(), BrokerError> {
        let told = self.desk.on_trade_update(update)?;
        self.say_all(told.say).await?;
        if told.fills_missing { self.compare_now().await } else { Ok(()) }
    }

    async fn on_connected(&mut self, connected: Connected<W>) -> Result<(), BrokerError> {
        self.connecting = None;
        self.connects += 1;
        match connected {
            Ok(stream) => {
                (self.stream, self.connects) = (Some(stream), 0);
                self.compare_now().await?;
                self.check_books().await
            }
            Err(error) if error.is_transient() && self.connects < ATTEMPTS_MAX => {
                tracing::warn!(%error, attempt = self.connects, "connecting the trade stream again");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn compare_now(&mut self) -> Result<(), BrokerError> {
        self.compare_at = self.timer.now() + COMPARE_EVERY;
        self.reconcile().await
    }

    async fn send_next(&mut self) -> Result<(), BrokerError> {
        self.check_flag().await;
        self.check_clock().await?;
        let in_time = self.clock.now(self.timer).is_some();
        let next = self.desk.next_waiting().filter(|tracked| in_time && !tracked.is_withheld());
        let Some(tracked) = next else {
            return Ok(());
        };
        tracked.maybe_sent = true;
        let order = tracked.order.clone();
        match place(self.client, &order).await? {
            Placed::There(venue) => {
                self.sends = 0;
                let told = self.desk.on_venue_order(&venue)?;
                self.say_all(told.say).await?;
                if told.fills_missing { self.compare_now().await } else { Ok(()) }
            }
            Placed::Refused(words, at) => {
                self.sends = 0;
                let tracked = self.desk.next_waiting().expect("it waits still");
                let refused = tracked.on_refused(&words, at);
                self.say_all(vec![refused]).await
            }
            Placed::Unknown(error) if self.sends + 1 < ATTEMPTS_MAX => {
                self.sends += 1;
                self.send_at = self.timer.now() + pause(self.sends);
                tracing::warn!(%error, %order, attempt = self.sends, "the order is not there; again");
                Ok(())
            }
            Placed::Unknown(error) => Err(error.into()),
        }
    }

    /// While there is something to send: what is too late for it is withheld.
    async fn check_clock(&mut self) -> Result<(), BrokerError> {
        if self.desk.next_waiting().is_some_and(|tracked| !tracked.is_withheld()) {
            self.clock.refresh(self.client, self.timer).await?;
        }
        if let Some(now) = self.clock.now(self.timer) {
            self.desk.on_clock(now);
        }
        Ok(())
    }

    /// Orders that a halt or their expiry met waiting are canceled, unless it turns out that the venue has them.
    async fn give_up_withheld(&mut self) -> Result<(), BrokerError> {
        while let Some(tracked) = self.desk.next_waiting().filter(|order| order.is_withheld()) {
            let (id, maybe_sent) = (tracked.order.client_order_id.clone(), tracked.maybe_sent);
            let found = if maybe_sent { self.client.order_by_client_id(&id).await? } else { None };
            let say = match found {
                Some(order) => {
                    self.compare_at = self.timer.now();
                    self.desk.on_venue_order(&order)?.say
                }
                None => self.desk.next_waiting().map(Tracked::on_withheld).into_iter().collect(),
            };
            self.say_all(say).await?;
        }
        Ok(())
    }

    /// What shall not be open at the venue is asked back, once each.
    async fn cancel_unwanted(&mut self) -> Result<(), BrokerError> {
        if self.cancel_at > self.timer.now() {
            return Ok(());
        }
        for venue_id in self.desk.unwanted() {
            match self.client.cancel(&venue_id).await {
                Err(error) if error.is_transient() => {
                    tracing::error!(%error, "canceling again soon");
                    self.cancel_at = self.timer.now() + CANCEL_AGAIN;
                    return Ok(());
                }
                Err(error) if error.refusal().is_none() => return Err(error.into()),
                // Refused: it is over already, as the stream says, or it can't be now, and is asked again.
                Ok(()) | Err(_) => self.desk.on_asked_back(&venue_id),
            }
        }
        Ok(())
    }

    /// A kill that was sent and stands in no journal yet: before we listened, or behind a resume.
    async fn check_latch(&mut self) -> Result<(), BrokerError> {
        if let Some(kill) = self.control.latched().await? {
            self.desk.on_kill(Time(i64::MIN), &kill);
        }
        Ok(())
    }

    /// A kill flag halts at once. It counts as long as it is there: a resume does not outlast it.
    async fn check_flag(&mut self) {
        let Some(kill) = self.control.flag().await else { return };
        if self.desk.kill().is_none_or(|current| current.level < kill.level) {
            // No entry, hence no time: orders that it meets keep the time of their approval.
            self.desk.on_kill(Time(i64::MIN), &kill);
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

/// A quarter of a second, doubling, eight seconds at most.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(125) * 2_u32.pow(failures.min(6))
}
