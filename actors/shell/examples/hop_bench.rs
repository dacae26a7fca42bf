//! What a hop costs in the shell against a bare async-nats loop that does the same: read an entry in
//! order, decode it, encode an answer, publish it with an id, check the acknowledgement behind.
//!
//! Five actors stand in a ring; a hop is the time between two entries' being stored, as the server
//! stamped them. Latency is measured with one token in the ring, throughput with many. Shell and bare
//! take turns on the same server. A third contender, `fenced`, is the bare loop with the shell's headers
//! (fence, stream, type, trace): against `bare` it shows what the server takes for the fence, and the
//! shell against it what the shell's own code takes. Prints one JSON object.
//!
//! `cargo run --release -p shell --example hop_bench [ROUNDS] [HOPS]`

use async_nats::jetstream::{self, consumer::push};
use async_nats::{Client, HeaderMap};
use futures::StreamExt;
use kernel::{Actor, Outbox};
use messages::{
    ActorId, CoverageFailed, Date, Env, Envelope, Limits, Message, MessageId, OrderStatus,
    OrderUpdated, OrdersWorking, Phase, PhaseBegan, ScoresWithheld, SessionOpened, Symbol, Time,
    Topic,
};
use shell::embedded::{EmbeddedOptions, NatsServer};
use shell::{ActorSpec, ActorState, Bus, BusOptions, CoreSpec, TraceContext, supervise, telemetry};
use std::io::Write;
use std::time::Duration;

/// Who hears what and says what: each a topic of its own, the last leads to the first.
const RING: [(ActorId, &[Topic]); 5] = [
    (ActorId::Ingest, &[Topic::OrderUpdated]),
    (ActorId::Scoring, &[Topic::CoverageFailed]),
    (ActorId::Execution, &[Topic::ScoresWithheld]),
    (ActorId::Session, &[Topic::OrdersWorking]),
    (ActorId::Broker, &[Topic::PhaseBegan]),
];

const PADDING: usize = 900;

/// One of the ring, until it has spoken `left` times.
struct Link {
    id: ActorId,
    listens: &'static [Topic],
    left: u32,
}

impl Actor for Link {
    fn id(&self) -> ActorId {
        self.id
    }

    fn listens(&self) -> &'static [Topic] {
        self.listens
    }

    fn handle(&mut self, _: u64, _: &Envelope, out: &mut Outbox) {
        if self.left > 0 {
            self.left -= 1;
            out.send(word_of(self.id));
        }
    }
}

fn word_of(id: ActorId) -> Message {
    let session = Date::constant(2024, 1, 8);
    match id {
        ActorId::Ingest => Message::CoverageFailed(CoverageFailed {
            session,
            expected: 1,
            got: 0,
            missing: Vec::new(),
            unusable: vec!["x".repeat(PADDING)],
        }),
        ActorId::Scoring => {
            Message::ScoresWithheld(ScoresWithheld { session, reason: "x".repeat(PADDING) })
        }
        ActorId::Execution => Message::OrdersWorking(OrdersWorking { working: 1, refused: 0 }),
        ActorId::Session => Message::PhaseBegan(PhaseBegan { phase: Phase::Open }),
        _ => Message::OrderUpdated(OrderUpdated {
            client_order_id: "au-20240108-AAPL-0-0".to_owned(),
            symbol: Symbol::from("AAPL"),
            venue_order_id: "x".repeat(PADDING),
            status: OrderStatus::Accepted,
            reason: None,
        }),
    }
}

fn token(n: usize) -> Envelope {
    let id = MessageId::event(ActorId::Broker, format!("token.{n}"));
    Envelope { id, at: Time(0), body: word_of(ActorId::Broker) }
}

/// Nanoseconds between consecutive entries of a stream, and entries per second, without the first
/// hundred.
struct Measured {
    gaps_ns: Vec<i64>,
    per_second: f64,
}

impl Measured {
    fn quantile_us(&self, share: f64) -> f64 {
        let mut sorted = self.gaps_ns.clone();
        sorted.sort_unstable();
        sorted[((sorted.len() - 1) as f64 * share) as usize] as f64 / 1e3
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn measure(client: &Client, stream: &str, hops: usize) -> Result<Measured, Failure> {
    let js = jetstream::new(client.clone());
    let mut handle = js.get_stream(stream).await?;
    // Complete when it stops growing. Asked seldom: asking disturbs.
    let mut last = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = handle.info().await?.state.last_sequence;
        if now == last && now as usize >= hops {
            break;
        }
        last = now;
    }
    let config = push::OrderedConfig { deliver_subject: client.new_inbox(), ..Default::default() };
    let mut messages = handle.create_consumer(config).await?.messages().await?;
    let mut stamps = Vec::new();
    while let Some(message) = messages.next().await {
        let message = message?;
        let info = message.info()?;
        let started = message.subject.ends_with(".started") || message.subject.ends_with(".opened");
        if !started {
            stamps.push(info.published.unix_timestamp_nanos() as i64);
        }
        if info.pending == 0 {
            break;
        }
    }
    let stamps = &stamps[100..];
    let span = (stamps[stamps.len() - 1] - stamps[0]) as f64 / 1e9;
    let gaps_ns = stamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    Ok(Measured { gaps_ns, per_second: stamps.len() as f64 / span })
}

/// The ring in the shell, in a session of its own.
async fn in_shell(
    bus: &Bus,
    client: &Client,
    session: Date,
    tokens: usize,
    hops: usize,
) -> Result<Measured, Failure> {
    let mut opened = sample_opened();
    opened.session = session;
    let left = (hops / RING.len()) as u32;
    let specs = RING.map(|(id, listens)| {
        ActorSpec::Core(CoreSpec {
            id,
            build: Box::new(move |_| Ok(Box::new(Link { id, listens, left }))),
            observer: None,
        })
    });
    bus.open_session(&opened, Time(0)).await?;
    let running = supervise(bus.clone(), specs.into()).await;
    while running_count(bus).await? < RING.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let js = jetstream::new(client.clone());
    for n in 0..tokens {
        let token = token(n);
        // Its author must have computed nothing: an event is not compared.
        js.publish(bus.subjects().of(&token), token.encode().into()).await?.await?;
    }
    let stream = bus.subjects().journal_stream(session);
    let measured = measure(client, &stream, hops).await?;
    running.stop().await;
    bus.close_session(session).await?;
    Ok(measured)
}

async fn running_count(bus: &Bus) -> Result<usize, Failure> {
    let statuses = bus.statuses(Duration::from_secs(5)).await?;
    Ok(statuses.iter().filter(|status| status.state == ActorState::Running).count())
}

/// The same ring, bare: a thread and a connection for each, as in the shell.
async fn bare(
    url: &str,
    client: &Client,
    run: &str,
    fenced: bool,
    (tokens, hops): (usize, usize),
) -> Result<Measured, Failure> {
    let js = jetstream::new(client.clone());
    js.create_stream(jetstream::stream::Config {
        name: run.to_owned(),
        subjects: vec![format!("{run}.>")],
        duplicate_window: Duration::from_secs(600),
        ..Default::default()
    })
    .await?;
    let left = hops / RING.len();
    let (ready, mut all_ready) = tokio::sync::mpsc::channel(RING.len());
    let threads: Vec<_> = RING
        .iter()
        .map(|&(id, listens)| {
            let (url, run, ready) = (url.to_owned(), run.to_owned(), ready.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime?.block_on(bare_link(&url, &run, fenced, (id, listens[0]), left, ready))
            })
        })
        .collect();
    for _ in RING {
        all_ready.recv().await;
    }
    for n in 0..tokens {
        let token = token(n);
        js.publish(format!("{run}.{}", token.topic()), token.encode().into()).await?.await?;
    }
    let measured = measure(client, run, hops).await?;
    for thread in threads {
        thread.join().map_err(|_| "a bare link panicked")??;
    }
    js.delete_stream(run).await?;
    Ok(measured)
}

async fn bare_link(
    url: &str,
    run: &str,
    fenced: bool,
    (id, topic): (ActorId, Topic),
    left: usize,
    ready: tokio::sync::mpsc::Sender<()>,
) -> Result<(), Failure> {
    let client = async_nats::connect(url).await?;
    let js = jetstream::new(client.clone());
    let stream = js.get_stream(run).await?;
    let config = push::OrderedConfig { deliver_subject: client.new_inbox(), ..Default::default() };
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    let started = format!("{run}.{id}.started");
    let fence = js.publish(started.clone(), "".into()).await?.await?.sequence.to_string();
    ready.send(()).await?;
    let wanted = format!("{run}.{topic}");
    let mut acks = Vec::new();
    while acks.len() < left
        && let Some(message) = messages.next().await
    {
        let message = message?;
        if message.subject.as_str() != wanted {
            continue;
        }
        let position = message.info()?.stream_sequence;
        let input = Envelope::decode(&message.payload)?;
        let id = MessageId::answer(id, position, 0);
        let answer = Envelope { id, at: input.at, body: word_of(id_author(topic)) };
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", answer.id.to_string());
        if fenced {
            headers.insert("Nats-Expected-Stream", run);
            headers.insert("Nats-Expected-Last-Subject-Sequence", fence.as_str());
            headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", started.as_str());
            headers.insert("Aurora-Type", answer.topic().wire_type());
            headers.insert("traceparent", TraceContext { trace: 1, span: position }.to_string());
        }
        let subject = format!("{run}.{}", answer.topic());
        let ack = js.publish_with_headers(subject, headers, answer.encode().into()).await?;
        acks.push(tokio::spawn(ack.into_future()));
    }
    for ack in acks {
        ack.await??;
    }
    Ok(())
}

/// Who answers to `topic` in the ring.
fn id_author(topic: Topic) -> ActorId {
    RING.iter().find(|(_, listens)| listens.contains(&topic)).map_or(ActorId::Broker, |it| it.0)
}

fn sample_opened() -> SessionOpened {
    let day = Date::constant(2024, 1, 8);
    SessionOpened {
        run_id: "bench".to_owned(),
        source: "a test".to_owned(),
        ..SessionOpened::new(Env::Dryrun, day, day, Limits::each(1.0))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let rounds: usize = arguments.next().unwrap_or(5);
    let hops: usize = arguments.next().unwrap_or(5_000);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(bench(rounds, hops))
}

async fn bench(rounds: usize, hops: usize) -> Result<(), Failure> {
    let _telemetry = telemetry::init(&telemetry::TelemetryOptions {
        run_id: "bench".to_owned(),
        default_level: "warn".to_owned(),
    });
    let folder = tempfile::tempdir()?;
    let options = EmbeddedOptions { store: folder.path().to_owned(), ..Default::default() };
    let server = NatsServer::start(&options)?;
    let bus = Bus::connect(&BusOptions::new(server.url(), Env::Dryrun)).await?;
    let client = async_nats::connect(server.url()).await?;
    let mut session = Date::constant(2024, 1, 1);
    let mut report = serde_json::Map::new();
    for (name, tokens) in [("latency", 1), ("throughput", 64)] {
        let (mut shell, mut plain, mut fenced) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            // Turn about, so that a slow moment of the machine meets all.
            for turn in 0..3 {
                let run = format!("bare-{name}-{round}-{turn}");
                let (url, load) = (server.url(), (tokens, hops));
                match (turn + round) % 3 {
                    0 => plain.push(bare(&url, &client, &run, false, load).await?),
                    1 => fenced.push(bare(&url, &client, &run, true, load).await?),
                    _ => shell.push(in_shell(&bus, &client, session, tokens, hops).await?),
                }
            }
            session = session.tomorrow()?;
        }
        let compared = serde_json::json!({
            "tokens": tokens,
            "shell": side(&shell),
            "bare": side(&plain),
            "fenced": side(&fenced),
            "shell_to_bare": ratio(&shell, &plain),
            "fenced_to_bare": ratio(&fenced, &plain),
            "shell_to_fenced": ratio(&shell, &fenced),
        });
        report.insert(name.to_owned(), compared);
    }
    report.insert("server".to_owned(), bus.server_version().into());
    report.insert("hops_per_round".to_owned(), hops.into());
    report.insert("rounds".to_owned(), rounds.into());
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    Ok(())
}

fn side(runs: &[Measured]) -> serde_json::Value {
    let over = |value: &dyn Fn(&Measured) -> f64| median(runs.iter().map(value).collect());
    serde_json::json!({
        "messages_per_second": over(&|run| run.per_second).round(),
        "hop_p50_us": over(&|run| run.quantile_us(0.5)),
        "hop_p99_us": over(&|run| run.quantile_us(0.99)),
    })
}

/// Medians over the pairs of runs that were neighbours.
fn ratio(ours: &[Measured], theirs: &[Measured]) -> serde_json::Value {
    let paired = |value: &dyn Fn(&Measured) -> f64| {
        median(ours.iter().zip(theirs).map(|(ours, theirs)| value(ours) / value(theirs)).collect())
    };
    serde_json::json!({
        "time_per_message": paired(&|run| 1.0 / run.per_second),
        "hop_p50": paired(&|run| run.quantile_us(0.5)),
        "hop_p99": paired(&|run| run.quantile_us(0.99)),
    })
}
