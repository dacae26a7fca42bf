//! The world of the running system: Alpaca over HTTP, the journal over NATS, a flag in a folder.

use super::GatewayOptions;
use super::flag::Flag;
use super::world::{Control, Journal, Timer, Updates, Venue, World};
use alpaca::model::{self, Activity, Clock, NewOrder, TradeUpdate};
use alpaca::{AlpacaError, Client, OrdersQuery, TradeStream};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use messages::{Envelope, Kill, Time};
use shell::{Bus, Kills, Session, ShellError};
use std::time::Duration;
use tokio::time::Instant;

pub(super) enum Live {}

impl World for Live {
    type Venue = Client;
    type Journal = Session;
    type Control = Switch;
    type Timer = WallTimer;
}

impl Venue for Client {
    type Updates = TradeStream;

    async fn connect(&self) -> Result<TradeStream, AlpacaError> {
        TradeStream::connect(self).await
    }

    async fn submit_order(&self, order: &NewOrder) -> Result<model::Order, AlpacaError> {
        self.submit_order(order).await
    }

    async fn order_by_client_id(&self, id: &str) -> Result<Option<model::Order>, AlpacaError> {
        self.order_by_client_id(id).await
    }

    async fn orders(&self, query: &OrdersQuery) -> Result<Vec<model::Order>, AlpacaError> {
        self.orders(query).await
    }

    async fn cancel(&self, venue_id: &str) -> Result<(), AlpacaError> {
        self.cancel(venue_id).await
    }

    async fn fills_after(&self, after: Time) -> Result<Vec<Activity>, AlpacaError> {
        self.fills_after(after).await
    }

    async fn booked_after(&self, after: Time) -> Result<Vec<Activity>, AlpacaError> {
        self.booked_after(after).await
    }

    async fn account(&self) -> Result<model::Account, AlpacaError> {
        self.account().await
    }

    async fn positions(&self) -> Result<Vec<model::Position>, AlpacaError> {
        self.positions().await
    }

    async fn clock(&self) -> Result<Clock, AlpacaError> {
        self.clock().await
    }
}

impl Updates for TradeStream {
    async fn next(&mut self) -> Result<TradeUpdate, AlpacaError> {
        self.next().await
    }
}

impl Journal for Session {
    async fn catch_up(&mut self) -> Result<Vec<(u64, Envelope)>, ShellError> {
        self.catch_up().await
    }

    async fn next(&mut self) -> Result<Option<(u64, Envelope)>, ShellError> {
        self.next().await
    }

    async fn say(&mut self, Envelope { id, at, body }: Envelope) -> Result<(), ShellError> {
        self.say(id, at, body).await
    }

    async fn flush(&mut self) -> Result<(), ShellError> {
        self.flush().await
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn doing(&self, doing: Option<String>) {
        self.activity().set(doing);
    }
}

/// Kills over the bus, and by a file.
pub(super) struct Switch {
    flag: Flag,
    /// The flag's kill that was told last.
    flagged: Option<Kill>,
    bus: Option<Bus>,
    /// From the start on, so that none is missed.
    kills: Option<Kills>,
}

impl Switch {
    pub(super) async fn new(options: &GatewayOptions) -> Result<Self, ShellError> {
        let (flag, bus) = (Flag::new(options.kill_flag.clone()), options.bus.clone());
        let kills = match &bus {
            Some(bus) => Some(bus.kills().await?),
            None => None,
        };
        Ok(Self { flag, flagged: None, bus, kills })
    }
}

impl Control for Switch {
    async fn killed(&mut self) -> Kill {
        let Self { flag, flagged, kills, .. } = self;
        let sent = async {
            match kills {
                Some(kills) => kills.next().await,
                None => std::future::pending().await,
            }
        };
        let put_down = async {
            loop {
                match flag.read().await {
                    Some(kill) if flagged.as_ref() != Some(&kill) => {
                        *flagged = Some(kill.clone());
                        return kill;
                    }
                    _ => flag.stirred().await,
                }
            }
        };
        tokio::select! {
            kill = sent => kill,
            kill = put_down => kill,
        }
    }

    fn latched(&self) -> LocalBoxFuture<'static, Result<Option<Kill>, ShellError>> {
        let bus = self.bus.clone();
        let latched = async move {
            match bus {
                Some(bus) => bus.latched_kill().await,
                None => Ok(None),
            }
        };
        latched.boxed_local()
    }

    async fn announce(&self, kill: &Kill) -> Result<(), ShellError> {
        match &self.bus {
            Some(bus) => bus.kill(kill).await,
            None => Ok(()),
        }
    }

    async fn flag(&self) -> Option<Kill> {
        self.flag.read().await
    }
}

pub(super) struct WallTimer(Instant);

impl WallTimer {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Timer for WallTimer {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep_until(&self, then: Duration) {
        tokio::time::sleep_until(self.0 + then).await;
    }
}
