//! Logs and traces. Logs are JSON, one line per event, on stderr. Spans are exported over OTLP/HTTP if
//! OTEL_EXPORTER_OTLP_ENDPOINT is set; the trace headers on the bus are right with or without.

use crate::trace::TraceContext;
use kernel::Entry;
use messages::{ActorId, MessageId, SessionOpened, Symbol, Topic};
use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, SdkTracer, SdkTracerProvider};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing_subscriber::EnvFilter;

#[derive(Clone, Debug, Default)]
pub struct TelemetryOptions {
    /// Names this process among the instances of a service.
    pub run_id: String,
    /// What AURORA_LOG says if it is not set: `warn`, `info`, `shell=debug,info`.
    pub default_level: String,
}

/// Exports what is left when dropped.
#[must_use = "spans are lost when the guard is dropped too early"]
pub struct TelemetryGuard(());

/// Once per process, first thing in `main`. A second call changes nothing.
pub fn init(options: &TelemetryOptions) -> TelemetryGuard {
    let level = std::env::var("AURORA_LOG").unwrap_or_else(|_| options.default_level.clone());
    let filter = EnvFilter::try_new(if level.is_empty() { "info" } else { &level });
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("info")));
    if subscriber.try_init().is_err() {
        tracing::debug!("telemetry was initialised before");
    }
    if std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").is_ok_and(|endpoint| !endpoint.is_empty()) {
        // Where reqwest can do TLS it makes no client without one. An error: there is one already.
        rustls::crypto::ring::default_provider().install_default().ok();
        EXPORT
            .get_or_init(|| Export { run_id: options.run_id.clone(), by_actor: Mutex::default() });
    }
    TelemetryGuard(())
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        let Some(export) = EXPORT.get() else { return };
        let lock = export.by_actor.lock().unwrap_or_else(PoisonError::into_inner);
        let providers: Vec<_> = lock.values().map(|(provider, _)| provider.clone()).collect();
        drop(lock);
        // The exporter's blocking client must not run on a thread that drives an event loop.
        let flushing = std::thread::spawn(move || {
            providers.iter().filter_map(|provider| provider.shutdown().err()).collect::<Vec<_>>()
        });
        for error in flushing.join().unwrap_or_default() {
            tracing::warn!(%error, "exporting the last spans");
        }
    }
}

/// A bug in an actor's thread must not leave the rest running without it: the process says what
/// happened and ends with code 101.
pub fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let thread = std::thread::current();
        tracing::error!(thread = thread.name(), %panic, "panic: the process ends");
        std::process::exit(101);
    }));
}

/// Where spans go, if they go anywhere: a service per actor.
struct Export {
    run_id: String,
    by_actor: Mutex<BTreeMap<ActorId, (SdkTracerProvider, SdkTracer)>>,
}

static EXPORT: OnceLock<Export> = OnceLock::new();

impl Export {
    fn start(
        &self,
        actor: ActorId,
        builder: SpanBuilder,
        context: TraceContext,
        parent: Option<TraceContext>,
    ) -> opentelemetry_sdk::trace::Span {
        let parent = parent.map(|TraceContext { trace, span }| {
            let (trace, span) = (trace.to_be_bytes(), span.to_be_bytes());
            let (trace, span) = (TraceId::from_bytes(trace), SpanId::from_bytes(span));
            SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
        });
        let parent = parent.map(|parent| Context::new().with_remote_span_context(parent));
        NEXT.set(context);
        self.tracer(actor).build_with_context(builder, &parent.unwrap_or_default())
    }

    fn tracer(&self, actor: ActorId) -> SdkTracer {
        let mut by_actor = self.by_actor.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, tracer) = by_actor.entry(actor).or_insert_with(|| {
            let provider = self.provider(actor);
            let tracer = provider.tracer("aurora");
            (provider, tracer)
        });
        tracer.clone()
    }

    fn provider(&self, actor: ActorId) -> SdkTracerProvider {
        let resource = Resource::builder()
            .with_service_name(format!("aurora-{actor}"))
            .with_attribute(KeyValue::new(
                "service.instance.id",
                format!("{}-{}", self.run_id, std::process::id()),
            ))
            .build();
        let provider = SdkTracerProvider::builder().with_resource(resource).with_id_generator(Ids);
        match opentelemetry_otlp::SpanExporter::builder().with_http().build() {
            Ok(exporter) => provider.with_batch_exporter(exporter).build(),
            Err(error) => {
                tracing::error!(%error, "no traces are exported");
                provider.build()
            }
        }
    }
}

/// An entry that an actor handled, as the trace describes it.
#[derive(Clone, Debug)]
pub(crate) struct Handled {
    pub(crate) position: u64,
    /// Who said it.
    pub(crate) cause: TraceContext,
    topic: Option<Topic>,
    id: Option<MessageId>,
    symbol: Option<Symbol>,
}

impl Handled {
    pub(crate) fn new(position: u64, cause: TraceContext, entry: &Entry) -> Self {
        let (topic, id, symbol) = match entry {
            Ok(it) => (Some(it.topic()), Some(it.id.clone()), it.body.symbol().cloned()),
            Err(undecodable) => (undecodable.topic(), None, None),
        };
        Self { position, cause, topic, id, symbol }
    }

    fn topic(&self) -> &'static str {
        self.topic.map_or("unknown", Topic::name)
    }

    fn attributes(&self, opened: &SessionOpened) -> Vec<KeyValue> {
        let mut attributes = session_attributes(opened);
        attributes.push(KeyValue::new("position", self.position as i64));
        attributes.push(KeyValue::new("topic", self.topic()));
        attributes.extend(self.id.as_ref().map(|id| KeyValue::new("message_id", id.to_string())));
        let symbol = self.symbol.as_ref();
        attributes.extend(symbol.map(|symbol| KeyValue::new("symbol", symbol.to_string())));
        attributes
    }
}

/// The handling of one entry.
pub(crate) struct Span {
    context: TraceContext,
    /// Ends, and is exported, when dropped.
    _exported: Option<opentelemetry_sdk::trace::Span>,
}

impl Span {
    pub(crate) fn start(actor: ActorId, opened: &SessionOpened, handled: &Handled) -> Self {
        let context = handled.cause.child();
        let exported = EXPORT.get().map(|export| {
            let builder = SpanBuilder::from_name(format!("{actor} {}", handled.topic()))
                .with_kind(SpanKind::Consumer)
                .with_attributes(handled.attributes(opened));
            export.start(actor, builder, context, Some(handled.cause))
        });
        Self { context, _exported: exported }
    }

    pub(crate) fn context(&self) -> TraceContext {
        self.context
    }
}

/// Exports the root of a session's trace, which everything that no entry caused descends from.
pub(crate) fn session_began(opened: &SessionOpened) {
    if let Some(export) = EXPORT.get() {
        let builder = SpanBuilder::from_name(format!("session {}", opened.session))
            .with_attributes(session_attributes(opened));
        drop(export.start(ActorId::Session, builder, TraceContext::root(opened), None));
    }
}

fn session_attributes(opened: &SessionOpened) -> Vec<KeyValue> {
    vec![
        KeyValue::new("run_id", opened.run_id.clone()),
        KeyValue::new("session", opened.session.to_string()),
    ]
}

/// Gives spans the ids that stand in our headers.
#[derive(Debug)]
struct Ids;

thread_local! {
    /// The span that starts next on this thread.
    static NEXT: Cell<TraceContext> = const { Cell::new(TraceContext { trace: 0, span: 0 }) };
}

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from_bytes(NEXT.get().trace.to_be_bytes())
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from_bytes(NEXT.get().span.to_be_bytes())
    }
}
