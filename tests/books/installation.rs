//! A home with a trained model, a nats-server, and a venue whose clock stands still between sessions.

#![allow(unreachable_pub, reason = "a module of a test")]

use crate::support::{Desk, NatsServer, text};
use alpaca::{Client, Credentials, Endpoints};
use async_nats::jetstream::stream::Source;
use exchange::{ExchangeConfig, Market, SyntheticConfig};
use messages::{Bars, Date, Env, Kill, Message, Symbol, Time, Usd};
use serde_json::Value;
use shell::{Bus, BusOptions};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use venue::{Venue, VenueConfig};

/// Sessions before the first traded one: enough to train and to audit on.
const KNOWN: usize = 650;
const HOUR: i64 = 3_600_000_000_000;

pub struct Installation {
    desk: Desk,
    nats: NatsServer,
    venue: Option<Venue>,
    state: TempDir,
    whole: Market,
    config: ExchangeConfig,
    pub cash: Usd,
}

/// Money in a file, in dollars, as micro-dollars.
pub fn dollars(value: &Value) -> i64 {
    let number = value.as_f64().unwrap_or_else(|| panic!("{value} is no money"));
    (number * 1e6).round() as i64
}

/// The market of the first `sessions` traded ones, as its bars were.
fn upto(whole: &Market, sessions: usize) -> Market {
    from_bars(whole, whole.bars()[..KNOWN + 1 + sessions].to_vec())
}

fn from_bars(like: &Market, bars: Vec<Bars>) -> Market {
    let sectors = like.members().into_iter().map(|member| (member.symbol, member.sector));
    Market::from_bars(bars, &sectors.collect::<BTreeMap<_, _>>()).expect("sound bars")
}

/// The market with `symbol` at half its price from traded session `from` on.
pub fn halved(market: &Market, symbol: &Symbol, from: usize) -> Market {
    let mut bars = market.bars().to_vec();
    for bars in &mut bars[KNOWN + 1 + from..] {
        let row = bars.row(symbol).expect("a bar");
        for prices in
            [&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close, &mut bars.raw_close]
        {
            prices[row] /= 2.0;
        }
        bars.volume[row] *= 2.0;
    }
    from_bars(market, bars)
}

impl Installation {
    /// Trained on what is history before the first of `sessions` sessions; the venue is at 07:30 of that day.
    ///
    /// The venue knows the market of the first `shown` of them only; what comes then may come otherwise (`reopen`).
    pub async fn new(sessions: usize, shown: usize) -> Self {
        Self::with(sessions, shown, 10_000_000).await
    }

    /// With so many dollars.
    pub async fn with(sessions: usize, shown: usize, cash: i64) -> Self {
        let at = Self::of(sessions, shown, cash).await;
        at.store();
        let trained = at.run(&["train", "--json"]).await;
        assert!(trained.status.success(), "{}", text(&trained.stderr));
        let trained = crate::support::last_json(&trained);
        if trained["promoted"] == false {
            let id = trained["model"]["id"].as_str().expect("an id").to_owned();
            let promoted = at.run(&["models", "promote", &id]).await;
            assert!(promoted.status.success(), "{}", text(&promoted.stderr));
        }
        at
    }

    /// Venue and server only.
    pub async fn bare() -> Self {
        Self::of(1, 1, 10_000_000).await
    }

    async fn of(sessions: usize, shown: usize, cash: i64) -> Self {
        let config = SyntheticConfig {
            // With so much of an edge that a model trained in a moment builds a book.
            seed: 12,
            symbols: 45,
            sessions: KNOWN + 1 + sessions,
            ..SyntheticConfig::default()
        };
        let synthetic = Market::synthetic(&config);
        let whole = from_bars(&synthetic, synthetic.bars().to_vec());
        let cash = Usd(cash * 1_000_000);
        let start = Time(whole.calendar().sessions()[KNOWN + 1].open.0 - 2 * HOUR);
        let config = ExchangeConfig::new(cash, 1, start);
        let state = tempfile::tempdir().expect("temporary folder");
        let venue = Some(start_venue(upto(&whole, shown), &config, &state).await);
        Self { desk: Desk::new(), nats: NatsServer::start(), venue, state, whole, config, cash }
    }

    /// The venue starts again where it was, on a market that goes on so.
    pub async fn reopen(&mut self, market: Market) {
        self.venue.take().expect("a venue").stop().await;
        self.venue = Some(start_venue(market, &self.config, &self.state).await);
    }

    fn address(&self) -> SocketAddr {
        self.venue.as_ref().expect("a venue").addr()
    }

    pub fn market(&self) -> &Market {
        &self.whole
    }

    pub fn today(&self) -> Date {
        self.session(0)
    }

    /// The date of a traded session, from 0.
    fn session(&self, number: usize) -> Date {
        self.whole.calendar().sessions()[KNOWN + 1 + number].date
    }

    /// What an import would have stored: the signal session's own bars come from the venue.
    fn store(&self) {
        let path = self.desk.path("data/latest/prices.parquet");
        fs::create_dir_all(path.parent().expect("folder")).expect("created");
        let said = |text: &str| text.to_owned();
        let provenance = ingest::Provenance {
            source: said("a test"),
            request: said("all"),
            at: said("2024-01-02T00:00:00Z"),
            feed: said(""),
            adjustment: said("split"),
            raw_close: said("close"),
        };
        let bars = &self.whole.bars()[..KNOWN];
        ingest::store::write_prices(&path, bars, provenance).expect("written");
        let universe = ingest::universe::Universe::new(self.whole.members(), bars[0].session);
        let beside = ingest::universe::universe_path(&path);
        ingest::universe::write_universe(&beside, &universe).expect("written");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.aurora(arguments);
        command.env("APCA_API_KEY_ID", "k").env("APCA_API_SECRET_KEY", "s");
        command.env("AURORA_NATS", self.nats.url());
        command.env("AURORA_VENUE", self.address().to_string());
        command
    }

    /// Any command of the program against this server and venue.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let ended = tokio::task::spawn_blocking(move || command.output());
        ended.await.expect("joined").expect("aurora runs")
    }

    /// Leads one session, the next or the one that is open.
    pub async fn up(&self) -> Output {
        self.run(&["up", "--sessions", "1"]).await
    }

    pub async fn up_well(&self) {
        let output = self.up().await;
        let said = text(&output.stderr);
        assert!(output.status.success() && said.contains("Traded"), "{said}");
    }

    /// The same in the background; see [`Installation::log`].
    pub fn start_up(&self) -> Child {
        let mut command = self.command(&["up", "--sessions", "1"]);
        let log = fs::File::create(self.desk.path("log")).expect("a log");
        command.stdout(Stdio::null()).stderr(log).spawn().expect("aurora starts")
    }

    /// What the program said that was started in the background.
    pub fn log(&self) -> String {
        fs::read_to_string(self.desk.path("log")).unwrap_or_default()
    }

    /// Waits until it ends by itself, two minutes at most.
    pub async fn ended(&self, mut child: Child) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("child") {
                return status;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "it does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// As by `kill -9`.
    pub fn server_dies(&mut self) {
        self.nats.kill();
    }

    pub fn server_is_back(&mut self) {
        self.nats.start_again();
    }

    pub fn put_down_flag(&self, kill: &Value) {
        fs::write(self.desk.path("kill.flag"), kill.to_string()).expect("written");
    }

    pub async fn latched(&self) -> Option<Kill> {
        self.bus().await.latched_kill().await.expect("kills")
    }

    /// A request to the venue's own control, or to its API.
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        // The venue runs on these threads too.
        tokio::task::block_in_place(|| self.request(method, path, body))
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(self.address()).expect("connected");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: venue\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    pub fn client(&self) -> Client {
        let endpoints = Endpoints::local(&self.address().to_string());
        let client = Client::new(endpoints, Credentials::new("k", "s")).expect("a client");
        client.paced(None, None)
    }

    async fn bus(&self) -> Bus {
        Bus::connect(&BusOptions::new(self.nats.url(), Env::Paper)).await.expect("connected")
    }

    /// Returns when the session is open.
    pub async fn opened(&self, session: usize) {
        let bus = self.bus().await;
        let wanted = Some(self.session(session));
        while bus.open_session_date().await.expect("an answer") != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whether the server copies kills into the session's journal. Copying again begins with what was left out.
    pub async fn copies_kills(&self, session: usize, copies: bool) {
        let (bus, date) = (self.bus().await, self.session(session));
        let stream = bus.subjects().journal_stream(date);
        let client = async_nats::connect(self.nats.url()).await.expect("connected");
        let context = async_nats::jetstream::new(client);
        let mut handle = context.get_stream(&stream).await.expect("the journal");
        let mut config = handle.info().await.expect("its shape").config.clone();
        let control = Source {
            name: bus.subjects().control_stream(),
            start_sequence: Some(1),
            ..Source::default()
        };
        config.sources = copies.then(|| vec![control]);
        context.update_stream(config).await.expect("updated");
    }

    /// What the session's journal says.
    pub async fn journal(&self, session: usize) -> Vec<Message> {
        let bus = self.bus().await;
        let entries = bus.read_journal(self.session(session)).await.expect("a journal");
        entries.into_iter().map(|(_, entry, _)| entry.expect("sound").body).collect()
    }

    /// The last line of the run's sessions.
    pub fn record(&self) -> Value {
        let file = self.desk.path("data/runs/paper/sessions.jsonl");
        let file = fs::read_to_string(file).expect("record");
        serde_json::from_str(file.lines().last().expect("line")).expect("JSON")
    }

    pub fn ledger(&self) -> Value {
        let file = fs::read_to_string(self.desk.path("data/runs/paper/ledger.json"));
        serde_json::from_str(&file.expect("ledger")).expect("JSON")
    }

    pub fn report(&self) -> String {
        fs::read_to_string(self.desk.path("data/runs/paper/report.html")).expect("report")
    }

    /// The journal of a session is recomputed without a difference, and its last fill is explained.
    pub async fn replays_and_explains(&self, session: usize) {
        let date = self.session(session).to_string();
        let replayed = self.run(&["replay", &date, "--json"]).await;
        let told = text(&replayed.stdout) + &text(&replayed.stderr);
        assert!(replayed.status.success() && told.contains("\"clean\":true"), "{told}");
        let explained = self.run(&["explain", "--session", &date, "--json"]).await;
        assert!(explained.status.success(), "{}", text(&explained.stderr));
        let explained = crate::support::last_json(&explained);
        let order = &explained["orders"][0];
        assert!(order.is_object(), "{explained}");
    }
}

async fn start_venue(market: Market, exchange: &ExchangeConfig, state: &TempDir) -> Venue {
    let mut config = VenueConfig::new(market, exchange.clone());
    config.state = Some(state.path().to_owned());
    Venue::start(config).await.expect("venue starts")
}
