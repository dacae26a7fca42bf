//! Starting and stopping.

use crate::access::{self, Keys};
use crate::clock::{ClockMode, Running};
use crate::faults::{self, Hangup};
use crate::feed::{Feed, FeedConfig};
use crate::persistence::{Command, Entry, Log, Opened, StateError};
use crate::reply::{Compressible, Refused, refuse_in_json};
use crate::state::{App, Setup, State};
use crate::{
    account, activities, assets, bookings, calendar, control, data, feed, history, orders,
    positions, query, reference, stream, watchlists,
};
use alpaca::Endpoints;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use exchange::{Exchange, ExchangeConfig, Market, Refusal};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// How often a clock that runs by itself is looked at.
const TICK: Duration = Duration::from_millis(20);
/// How many of these until the log is told how far an accelerated clock has come.
const TICKS_PER_MARK: u32 = 50;
/// How long a client that does not read can keep a venue from ending.
const FAREWELL: Duration = Duration::from_secs(5);

pub struct VenueConfig {
    pub market: Arc<Market>,
    /// The clock starts at its `start`.
    pub exchange: ExchangeConfig,
    pub clock: ClockMode,
    /// Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Key id and secret key that clients must send; `None` lets everybody in.
    pub keys: Option<(String, String)>,
    /// Requests per minute to the trading API; `None` sets no limit.
    pub rate_limit: Option<u32>,
    /// The same for the data API.
    pub data_rate_limit: Option<u32>,
    /// Whether the data API shows what the consolidated tape said within the last 15 minutes.
    pub recent_sip: bool,
    /// What the account may do on the market data websockets.
    pub feed: FeedConfig,
    /// The account starts long-only.
    pub no_shorting: bool,
    /// Directory that the venue's state outlives it in; `None` forgets.
    pub state: Option<PathBuf>,
}

impl VenueConfig {
    /// Stepped, on any free port of loopback, open to everybody on it, forgetful.
    pub fn new(market: impl Into<Arc<Market>>, exchange: ExchangeConfig) -> Self {
        Self {
            market: market.into(),
            exchange,
            clock: ClockMode::Stepped,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            keys: None,
            rate_limit: None,
            data_rate_limit: None,
            recent_sip: true,
            feed: FeedConfig::default(),
            no_shorting: false,
            state: None,
        }
    }
}

#[derive(Debug, Error)]
pub enum VenueError {
    #[error("can't listen on {address}: {source}; choose another --listen")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    State(#[from] StateError),
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
    /// The address is taken or not ours; the state is in use, damaged or of another market.
    pub async fn start(config: VenueConfig) -> Result<Self, VenueError> {
        let failed = |source| VenueError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopping) = watch::channel(false);
        let mut state = state(&config)?;
        state.feed = Feed::new(config.feed);
        let clock = Running::start(config.clock, state.exchange.now());
        let app = Arc::new(App::new(Setup {
            state,
            clock,
            keys: config.keys.map(|(id, secret)| Keys { id, secret }),
            rate_limit: config.rate_limit,
            data_rate_limit: config.data_rate_limit,
            recent_sip: config.recent_sip,
            stopping: stopping.clone(),
        }));
        if !clock.is_stepped() {
            tokio::spawn(tick(Arc::clone(&app)));
        }
        let server = tokio::spawn(serve(listener, router(&app), app));
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

/// As new, or as the log left it.
fn state(config: &VenueConfig) -> Result<State, StateError> {
    let mut exchange = config.exchange.clone();
    let real = config.clock == ClockMode::Real;
    if real {
        exchange.start = crate::clock::wall();
    }
    let Some(directory) = &config.state else {
        let mut state = State::new(Exchange::new(Arc::clone(&config.market), exchange));
        if config.no_shorting {
            state.settings.clone().long_only().apply(&mut state);
        }
        return Ok(state);
    };
    let Opened { mut log, header, mut entries } =
        Log::open(directory, &config.market, &exchange, real)?;
    exchange.start = header.start;
    let path = log.path().to_owned();
    let mut state = State::new(Exchange::new(Arc::clone(&config.market), exchange));
    if config.no_shorting && entries.is_empty() {
        let command = Command::Settings(state.settings.clone().long_only());
        let entry = Entry { at: header.start, command };
        log.append(&entry).map_err(|source| StateError::Io { path: path.clone(), source })?;
        entries.push(entry);
    }
    state.resume(log, entries).map_err(|(entry, refusal)| StateError::Damaged {
        path,
        line: entry + 2,
        problem: format!("it was accepted once and is refused now: {}", refusal.message),
    })?;
    Ok(state)
}

fn router(app: &Arc<App>) -> Router {
    let unknown = || async { Refused(Refusal::not_found("endpoint not found.")) };
    let wrong_method =
        || async { Refused(Refusal::new(405, Refusal::MALFORMED, "method not allowed.")) };
    let gzip = CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest);
    Router::new()
        .merge(account::routes())
        .merge(activities::routes())
        .merge(assets::routes())
        .merge(bookings::routes())
        .merge(calendar::routes())
        .merge(control::routes())
        .merge(data::routes())
        .merge(faults::routes())
        .merge(feed::routes())
        .merge(history::routes())
        .merge(orders::routes())
        .merge(positions::routes())
        .merge(reference::routes())
        .merge(stream::routes())
        .merge(watchlists::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(refuse_in_json))
        .layer(from_fn_with_state(Arc::clone(app), access::check))
        .layer(from_fn(query::join_repeats))
        .layer(from_fn_with_state(Arc::clone(app), faults::inject))
        .layer(gzip.compress_when(Compressible))
        .with_state(Arc::clone(app))
}

/// Lets events happen in time on a clock that runs by itself, also when nobody asks.
async fn tick(app: Arc<App>) {
    let mut ticks: u32 = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => app.turn(|_| ()),
            () = app.stopped() => return,
        }
        ticks = ticks.wrapping_add(1);
        if ticks.is_multiple_of(TICKS_PER_MARK) {
            app.mark();
        }
    }
}

/// Until the venue stops; then until its connections have ended.
async fn serve(listener: TcpListener, router: Router, app: Arc<App>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), Arc::clone(&app)));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: some will come free.
                    tracing::error!(%error, "accepting a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = app.stopped() => break,
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(FAREWELL, ended).await.is_err() {
        tracing::warn!("clients that do not read are cut off");
    }
}

/// Ours instead of `axum::serve`, since a fault can end a connection without an answer.
async fn connection(stream: TcpStream, router: Router, app: Arc<App>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no delay");
    }
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = router.call(request);
        async move {
            let Ok(response) = answer.await;
            answer_or_hang_up(response)
        }
    });
    let io = TokioIo::new(stream);
    let connection = http1::Builder::new().serve_connection(io, service).with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = app.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

fn answer_or_hang_up(response: Response) -> Result<Response, std::io::Error> {
    if response.extensions().get::<Hangup>().is_some() {
        return Err(std::io::ErrorKind::ConnectionAborted.into());
    }
    Ok(response)
}
