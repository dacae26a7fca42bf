//! What a collector gets to see of a chain through three actors.

use crate::collector::{Collector, Exported};
use crate::support::*;
use futures::future::LocalBoxFuture;
use kernel::{Actor, Outbox};
use messages::*;
use shell::*;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

const NATS: &str = "AURORA_TEST_NATS";

/// A core with one answer.
struct Relay {
    id: ActorId,
    listens: &'static [Topic],
    answer: Message,
}

impl Actor for Relay {
    fn id(&self) -> ActorId {
        self.id
    }

    fn listens(&self) -> &'static [Topic] {
        self.listens
    }

    fn handle(&mut self, _: u64, _: &Envelope, out: &mut Outbox) {
        out.send(self.answer.clone());
    }
}

/// A broker that accepts what was approved before its eyes.
struct Desk;

impl Gateway for Desk {
    fn id(&self) -> ActorId {
        ActorId::Broker
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::OrderApproved]
    }

    fn run<'a>(&'a mut self, session: &'a mut Session) -> LocalBoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            session.catch_up().await?;
            while let Some((position, entry)) = session.next().await? {
                if let Message::OrderApproved(order) = &entry.body {
                    let id = MessageId::event(ActorId::Broker, format!("accepted.{position}"));
                    session.say(id, entry.at, accepted(order)).await?;
                }
            }
            Ok(())
        })
    }
}

fn order() -> Order {
    Order {
        client_order_id: "au-20240108-BRK.B-0-0".to_owned(),
        symbol: Symbol::from("BRK.B"),
        side: Side::Buy,
        quantity: Shares(10),
        time_in_force: TimeInForce::Opg,
        leg: 0,
        reference: Price(4_005_000),
        limit: None,
    }
}

fn accepted(order: &Order) -> Message {
    Message::OrderUpdated(OrderUpdated {
        client_order_id: order.client_order_id.clone(),
        symbol: order.symbol.clone(),
        venue_order_id: "venue".to_owned(),
        status: OrderStatus::Accepted,
        reason: None,
    })
}

fn relay(id: ActorId, listens: &'static [Topic], answer: Message) -> ActorSpec {
    let build = move |_: &SessionOpened| {
        Ok(Box::new(Relay { id, listens, answer: answer.clone() }) as Box<dyn Actor>)
    };
    ActorSpec::Core(CoreSpec { id, build: Box::new(build), observer: None })
}

fn chain() -> Vec<ActorSpec> {
    let withheld = ScoresWithheld { session: MONDAY, reason: "none".to_owned() };
    vec![
        relay(ActorId::Scoring, &[Topic::CoverageFailed], Message::ScoresWithheld(withheld)),
        relay(ActorId::Risk, &[Topic::ScoresWithheld], Message::OrderApproved(order())),
        ActorSpec::Gateway(GatewaySpec {
            id: ActorId::Broker,
            build: Box::new(|| Ok(Box::new(Desk))),
        }),
    ]
}

/// Does something only in the process that the test below starts, for the sake of its environment.
/// Ends when its standard input does.
#[tokio::test]
async fn a_process_that_exports() {
    let Ok(url) = std::env::var(NATS) else { return };
    abort_on_panic();
    let run_id = "test".to_owned();
    let options = telemetry::TelemetryOptions { run_id, default_level: "info".to_owned() };
    let telemetry = telemetry::init(&options);
    let bus = Bus::connect(&BusOptions::new(url, Env::Paper)).await.expect("the bus");
    bus.open_session(&opened(MONDAY), Time(1)).await.expect("the session opens");
    let running = supervise(bus, chain()).await;
    let told_to_end = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    tokio::task::spawn_blocking(told_to_end).await.expect("no panic").expect("readable");
    running.stop().await;
    drop(telemetry);
}

#[tokio::test]
async fn a_collector_sees_one_trace_with_every_handling_below_its_cause() {
    let scene = Scene::new().await;
    let collector = Collector::start().await;
    let mut child = exporting(&scene, &collector);
    let pid = child.id().expect("it runs");
    let is_stored = |wanted: Topic, times: usize| {
        move |journal: &Journal| count(journal, |it| it.topic() == wanted) >= times
    };
    while scene.bus.open_session_date().await.expect("an answer") != Some(MONDAY) {
        assert!(child.try_wait().expect("its state").is_none(), "the process ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    scene.input(1).await;
    scene.until(MONDAY, is_stored(Topic::OrderApproved, 1)).await;
    all_running(&scene).await;
    let live = scene.input(2).await;
    let journal = scene.until(MONDAY, |journal| accepted_after(journal, live).is_some()).await;
    drop(child.stdin.take());
    let output = child.wait_with_output().await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let spans = collector.spans();
    let chains = Chains { journal: &journal, spans: &spans, pid };
    let root = &spans[&TraceContext::root(&opened(MONDAY)).span];
    assert_eq!((root.name.as_str(), root.parent), ("session 2024-01-08", None));
    assert!(spans.values().all(|it| it.trace == trace_id(Env::Paper, MONDAY, "test")), "{spans:?}");
    for topic in [Topic::ScoresWithheld, Topic::OrderApproved] {
        let answers = journal.iter().filter(|(_, it, _)| it.topic() == topic);
        let checked = answers.map(|(_, it, trace)| {
            chains.check(it, trace, it.id.position().expect("an answer"));
        });
        assert_eq!(checked.count(), 2, "{}", text(&journal));
    }
    // Said of an event, but while handling an entry.
    let (cause, accepted, trace) = accepted_after(&journal, live).expect("it is there");
    chains.check(accepted, trace, cause);
}

struct Chains<'a> {
    journal: &'a Journal,
    spans: &'a BTreeMap<u64, Exported>,
    pid: u32,
}

impl Chains<'_> {
    /// The span that `said`'s header names is its author's handling of the entry at `cause`, below
    /// the span that the header of that entry names.
    fn check(&self, said: &Envelope, trace: &str, cause: u64) {
        let span = &self.spans[&trace.parse::<TraceContext>().expect("a traceparent").span];
        let heard = self.journal.iter().find(|(position, ..)| *position == cause);
        let (_, heard, trace) = heard.expect("every answer has a cause");
        let root = TraceContext::root(&opened(MONDAY));
        let parent = if trace.is_empty() { root } else { trace.parse().expect("a traceparent") };
        assert_eq!(span.parent, Some(parent.span), "{span:?} handled {heard}");
        assert!(self.spans.contains_key(&parent.span), "nobody exported the parent of {span:?}");
        let author = said.id.author;
        assert_eq!(span.service["service.name"], format!("aurora-{author}"));
        assert_eq!(span.service["service.instance.id"], format!("test-{}", self.pid));
        assert_eq!(span.name, format!("{author} {}", heard.topic()));
        assert!((0..60_000_000_000).contains(&span.lasted_ns), "{span:?}");
        let mut wanted = BTreeMap::from([
            ("run_id", "test".to_owned()),
            ("session", MONDAY.to_string()),
            ("position", cause.to_string()),
            ("topic", heard.topic().to_string()),
            ("message_id", heard.id.to_string()),
        ]);
        wanted.extend(heard.body.symbol().map(|symbol| ("symbol", symbol.to_string())));
        let attributes = span.attributes.iter().map(|(key, value)| (key.as_str(), value.clone()));
        assert_eq!(attributes.collect::<BTreeMap<_, _>>(), wanted);
    }
}

/// Position of the approval, and what the broker said of it, for one after position `after`.
fn accepted_after(journal: &Journal, after: u64) -> Option<(u64, &Envelope, &str)> {
    journal.iter().find_map(|(_, entry, trace)| {
        let Cause::Event(key) = &entry.id.cause else { return None };
        let approval = key.strip_prefix("accepted.")?.parse().ok()?;
        (approval > after).then_some((approval, entry, trace.as_str()))
    })
}

fn exporting(scene: &Scene, collector: &Collector) -> Child {
    let program = std::env::current_exe().expect("this program");
    Command::new(program)
        .args(["--exact", "otlp::a_process_that_exports", "--nocapture"])
        .env(NATS, scene.server.url())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts")
}

async fn all_running(scene: &Scene) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let seen = scene.bus.statuses(Duration::from_secs(5)).await.expect("statuses");
        if seen.iter().filter(|status| status.state == ActorState::Running).count() == 3 {
            return;
        }
        assert!(Instant::now() < deadline, "they never ran: {seen:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
