//! The market data websockets: everything on the tape, as it happens, to whoever subscribed.
//!
//! One session per connection. The clock's steps come in by [`Feed::advance`], what clients say by
//! [`Feed::on_request`]; both only put frames on the sessions' queues. A client that does not read is cut
//! off when its queue is full.

mod convert;
mod endpoint;
mod fakepaca;
mod session;
mod socket;
mod subscription;
mod tape;

use crate::access::Credentials;
use crate::reference;
use crate::reply::{Refused, Reply};
use crate::state::App;
use crate::websocket;
use alpaca::Codec;
use alpaca::model::{Channels, DataMessage, DataRequest, Of};
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::routing::get;
use bytes::Bytes;
use endpoint::Endpoint;
use exchange::{Market, Refusal};
use messages::Time;
use session::Session;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use subscription::Channel;
use tokio::sync::mpsc;

/// What the account's plan allows on these streams.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct FeedConfig {
    /// Connections at a time to each stream.
    pub connections_max: usize,
    /// Symbols over trades and quotes of stocks; the free plan has 30. `None` sets no limit.
    pub symbols_max: Option<usize>,
    /// Whether the plan includes the SIP's stream.
    pub sip: bool,
    /// For a connection to authenticate.
    pub auth_timeout: Duration,
    /// Frames that a client may be behind before it is cut off.
    pub backlog_max: usize,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            connections_max: 1,
            symbols_max: None,
            sip: true,
            auth_timeout: Duration::from_secs(10),
            backlog_max: 65_536,
        }
    }
}

pub(crate) fn routes() -> Router<Arc<App>> {
    let mut router = Router::new()
        .route("/v1beta3/crypto/{location}", get(crypto))
        .route("/v1beta1/news", get(news));
    for path in
        ["v2/iex", "v2/sip", "v2/delayed_sip", "v2/test", "v1beta1/boats", "v1beta1/overnight"]
    {
        let feed = path.rsplit('/').next().unwrap_or(path);
        let endpoint = Endpoint::stocks(feed);
        let serve = move |State(app): State<Arc<App>>, request: Request| async move {
            upgrade(app, endpoint, request)
        };
        router = router.route(&format!("/{path}"), get(serve));
    }
    router
}

async fn crypto(
    State(app): State<Arc<App>>,
    Path(location): Path<String>,
    request: Request,
) -> Reply {
    upgrade(app, Endpoint::crypto(&location), request)
}

/// The stream, or the list: both are at one path.
async fn news(State(app): State<Arc<App>>, request: Request) -> Reply {
    if request.headers().contains_key(header::UPGRADE) {
        return upgrade(app, Some(Endpoint::News), request);
    }
    Ok(reference::no_news())
}

fn upgrade(app: Arc<App>, endpoint: Option<Endpoint>, request: Request) -> Reply {
    let Some(endpoint) = endpoint else {
        return Err(Refused(Refusal::not_found("endpoint not found.")));
    };
    let (path, given) = (request.uri().path().to_owned(), Credentials::of(request.headers()));
    websocket::accept(request, |socket, codec| async move {
        socket::serve(app, path, endpoint, given, socket, codec).await;
    })
}

/// Everybody on a market data stream.
#[derive(Default)]
pub(crate) struct Feed {
    config: FeedConfig,
    sessions: BTreeMap<u64, Session>,
    count: u64,
}

/// What a new connection gets.
struct Joined {
    id: u64,
    queue: mpsc::Receiver<Bytes>,
    slow: Arc<AtomicBool>,
    auth_timeout: Duration,
}

/// Whether a connection goes on after what it said.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Next {
    Stay,
    End,
}

impl Feed {
    pub(crate) fn new(config: FeedConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// The clock went from `from` to `to`: whoever subscribed hears what happened in (from, to].
    pub(crate) fn advance(&mut self, market: &Market, from: Time, to: Time) {
        let endpoints: BTreeSet<Endpoint> = self
            .sessions
            .values()
            .filter(|session| !session.subscription.is_empty())
            .map(|session| session.endpoint.clone())
            .collect();
        for endpoint in endpoints {
            let behind = |time: Time| Time(time.0.saturating_sub(endpoint.delay()));
            let (from, to) = (behind(from), behind(to));
            if tape::may_tell(from, to) {
                self.tell(market, &endpoint, from, to);
            }
        }
        self.sessions.retain(|_, session| !session.is_slow());
    }

    /// What happened on one endpoint's tape, to all who listen there.
    fn tell(&mut self, market: &Market, endpoint: &Endpoint, from: Time, to: Time) {
        let Some(class) = endpoint.class() else {
            return;
        };
        let mut listeners: Vec<&mut Session> =
            self.sessions.values_mut().filter(|session| session.endpoint == *endpoint).collect();
        let told = [
            Channel::Trades,
            Channel::Quotes,
            Channel::Bars,
            Channel::DailyBars,
            Channel::Orderbooks,
        ];
        let mut sources = Vec::new();
        for (asset, what) in market.assets().iter().enumerate().filter(|(_, a)| a.class == class) {
            for channel in told {
                let wants = |listener: &&mut Session| {
                    listener.subscription.wants(channel, what.symbol.as_str())
                };
                if listeners.iter().any(wants) {
                    sources.push(tape::on(market, asset, channel, endpoint, (from, to)));
                }
            }
        }
        for event in tape::merged(sources) {
            let (mut json, mut msgpack) = (None, None);
            for listener in listeners.iter_mut().filter(|listener| !listener.is_slow()) {
                let written = match listener.codec {
                    Codec::Json => &mut json,
                    Codec::Msgpack => &mut msgpack,
                };
                listener.tell(&event, written);
            }
        }
        for listener in listeners {
            listener.flush();
        }
    }

    /// `accepted`: what came of the keys in the handshake, if there were any.
    fn join(&mut self, endpoint: Endpoint, codec: Codec, accepted: Option<bool>) -> Joined {
        self.count += 1;
        let id = self.count;
        let (sender, queue) = mpsc::channel(self.config.backlog_max);
        let slow = Arc::new(AtomicBool::new(false));
        let mut session = Session::new(endpoint, codec, sender, Arc::clone(&slow));
        session.success("connected");
        self.sessions.insert(id, session);
        if let Some(accepted) = accepted
            && self.authenticate(id, accepted) == Next::End
        {
            self.leave(id);
        }
        Joined { id, queue, slow, auth_timeout: self.config.auth_timeout }
    }

    /// Its connection ends when the queue is empty.
    fn leave(&mut self, id: u64) {
        self.sessions.remove(&id);
    }

    fn on_auth_timeout(&mut self, id: u64) {
        if let Some(session) = self.sessions.get_mut(&id)
            && !session.authenticated
        {
            session.error(404);
            self.leave(id);
        }
    }

    fn on_request(
        &mut self,
        id: u64,
        bytes: &[u8],
        accepts: impl Fn(&Credentials) -> bool,
        market: &Market,
        now: Time,
    ) -> Next {
        let limit = self.config.symbols_max;
        let Some(session) = self.sessions.get_mut(&id) else {
            return Next::End;
        };
        let request = DataRequest::decode(Codec::of(bytes), bytes);
        match request {
            Err(_) => session.error(400),
            Ok(DataRequest::Auth { key, secret }) => {
                let secret = secret.reveal().to_owned();
                let given = if key == "oauth" {
                    Credentials::Token(secret)
                } else {
                    Credentials::Pair(key, secret)
                };
                return self.authenticate(id, accepts(&given));
            }
            Ok(_) if !session.authenticated => session.error(401),
            Ok(DataRequest::Subscribe(channels)) => {
                session.change(&channels, true, limit);
                show_books(session, &channels, market, now);
            }
            Ok(DataRequest::Unsubscribe(channels)) => {
                session.change(&channels, false, limit);
                session.forget_books();
            }
        }
        Next::Stay
    }

    fn authenticate(&mut self, id: u64, accepted: bool) -> Next {
        let FeedConfig { connections_max, sip, .. } = self.config;
        let Some(session) = self.sessions.get(&id) else {
            return Next::End;
        };
        let same = |other: &&Session| other.authenticated && other.endpoint == session.endpoint;
        let others = self.sessions.values().filter(same).count();
        let session = self.sessions.get_mut(&id).expect("looked at it just now");
        let refused = match () {
            () if session.authenticated => 403,
            () if !accepted => 402,
            () if session.endpoint == Endpoint::Sip && !sip => 409,
            () if others >= connections_max => 406,
            () => {
                session.authenticated = true;
                session.success("authenticated");
                return Next::Stay;
            }
        };
        session.error(refused);
        // After a wrong key another may be tried until the time is over.
        if [402, 403].contains(&refused) { Next::Stay } else { Next::End }
    }

    /// The test stream's second.
    fn tell_test(&mut self, id: u64, events: Vec<(Channel, DataMessage)>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        for (channel, message) in events {
            if session.subscription.wants(channel, fakepaca::SYMBOL) {
                session.push(session.codec.write(&message).into());
            }
        }
        session.flush();
        if session.is_slow() {
            self.leave(id);
        }
    }
}

/// Who asks for an order book gets it whole first.
fn show_books(session: &mut Session, asked: &Channels, market: &Market, now: Time) {
    if asked.orderbooks.is_none() || !session.endpoint.offers(Channel::Orderbooks) {
        return;
    }
    for (asset, what) in market.assets().iter().enumerate().filter(|(_, asset)| asset.is_crypto()) {
        let symbol = what.symbol.as_str();
        let wanted = session.subscription.wants(Channel::Orderbooks, symbol);
        if wanted
            && !session.knows_book(symbol)
            && let Some(depth) = market.depth(asset, now)
        {
            session.book(&Of { symbol: symbol.to_owned(), data: convert::book(&depth) });
        }
    }
    session.flush();
}
