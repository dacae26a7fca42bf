//! Starting and stopping.

use crate::access::{self, Keys};
use crate::clock::{ClockMode, Running};
use crate::reply::Refused;
use crate::state::{App, Setup};
use crate::{bars, control, orders, stream, trading};
use alpaca::Endpoints;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use exchange::{Exchange, ExchangeConfig, Market, Refusal};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often a clock that runs by itself is looked at.
const TICK: Duration = Duration::from_millis(20);

pub struct VenueConfig {
    pub market: Arc<Market>,
    /// The clock starts at its `start`.
    pub exchange: ExchangeConfig,
    pub clock: ClockMode,
    /// Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Key id and secret key that clients must send; `None` lets everybody in.
    pub keys: Option<(String, String)>,
    /// Requests per minute; `None` sets no limit.
    pub rate_limit: Option<u32>,
}

impl VenueConfig {
    /// Stepped, on any free port of loopback, open to everybody on it.
    pub fn new(market: impl Into<Arc<Market>>, exchange: ExchangeConfig) -> Self {
        Self {
            market: market.into(),
            exchange,
            clock: ClockMode::Stepped,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            keys: None,
            rate_limit: None,
        }
    }
}

#[derive(Debug, Error)]
pub enum VenueError {
    #[error("can't listen on {address}: {source}; choose another --listen")]
    Listen { address: SocketAddr, source: std::io::Error },
}

/// A venue that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Venue {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Venue {
    /// In the runtime of the caller; it accepts connections when this returns.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn start(config: VenueConfig) -> Result<Self, VenueError> {
        let failed = |source| VenueError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopping) = watch::channel(false);
        let clock = Running::start(config.clock, config.exchange.start);
        let mut exchange = config.exchange;
        exchange.start = clock.now().unwrap_or(exchange.start);
        let app = Arc::new(App::new(Setup {
            exchange: Exchange::new(config.market, exchange),
            clock,
            keys: config.keys.map(|(id, secret)| Keys { id, secret }),
            rate_limit: config.rate_limit,
            stopping: stopping.clone(),
        }));
        if !clock.is_stepped() {
            tokio::spawn(tick(Arc::clone(&app), stopping.clone()));
        }
        let serving = axum::serve(listener, routes(app)).with_graceful_shutdown(ended(stopping));
        let server = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the venue's listener failed");
            }
        });
        Ok(Self { address, stop, server })
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// All four of Alpaca's bases, at this one address.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints::local(&self.address.to_string())
    }

    /// Ends all connections, after what is queued on them has gone out.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the venue's server task failed");
        }
    }
}

fn routes(app: Arc<App>) -> Router {
    let unknown = || async { Refused(Refusal::not_found("endpoint not found.")) };
    let wrong_method =
        || async { Refused(Refusal::new(405, Refusal::MALFORMED, "method not allowed.")) };
    Router::new()
        .route("/v2/account", get(trading::account))
        .route("/v2/account/activities", get(trading::activities))
        .route("/v2/account/activities/{kind}", get(trading::activities_of))
        .route("/v2/clock", get(trading::clock))
        .route("/v2/calendar", get(trading::calendar))
        .route("/v2/assets", get(trading::assets))
        .route("/v2/assets/{name}", get(trading::asset))
        .route("/v2/positions", get(trading::positions))
        .route("/v2/positions/{name}", get(trading::position))
        .route("/v2/orders", get(orders::list).post(orders::submit).delete(orders::cancel_all))
        .route("/v2/orders/{id}", get(orders::by_id).delete(orders::cancel))
        .route("/v2/orders:by_client_order_id", get(orders::by_client_id))
        .route("/v2/stocks/bars", get(bars::multi))
        .route("/v2/stocks/{symbol}/bars", get(bars::single))
        .route("/stream", get(stream::upgrade))
        .route("/aurora/v1/clock", get(trading::clock).post(control::step))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), access::check))
        .with_state(app)
}

/// Lets events happen in time on a clock that runs by itself, also when nobody asks.
async fn tick(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => app.turn(|_| ()),
            _ = stopping.changed() => return,
        }
    }
}

async fn ended(mut stopping: watch::Receiver<bool>) {
    // An error is the end as well: the venue was dropped.
    let _ = stopping.changed().await;
}
