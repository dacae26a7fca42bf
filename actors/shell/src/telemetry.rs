//! Logs and traces. Logs are JSON, one line per event, on stderr. Spans are exported over OTLP/HTTP if
//! OTEL_EXPORTER_OTLP_ENDPOINT is set; the trace headers on the bus are right with or without.

use crate::trace::TraceContext;
use messages::ActorId;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
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
        let provider = SdkTracerProvider::builder().with_resource(resource);
        match opentelemetry_otlp::SpanExporter::builder().with_http().build() {
            Ok(exporter) => provider.with_batch_exporter(exporter).build(),
            Err(error) => {
                tracing::error!(%error, "no traces are exported");
                provider.build()
            }
        }
    }
}

/// The handling of one entry.
pub(crate) struct Span {
    context: TraceContext,
    /// Ends, and is exported, when dropped.
    _exported: Option<opentelemetry_sdk::trace::Span>,
}

impl Span {
    pub(crate) fn start(
        actor: ActorId,
        topic: &'static str,
        cause: TraceContext,
        position: u64,
    ) -> Self {
        let Some(export) = EXPORT.get() else {
            return Self { context: cause.child(), _exported: None };
        };
        let parent = SpanContext::new(
            TraceId::from_bytes(cause.trace.to_be_bytes()),
            SpanId::from_bytes(cause.span.to_be_bytes()),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        );
        let tracer = export.tracer(actor);
        let span = tracer
            .span_builder(format!("{actor} {topic}"))
            .with_kind(SpanKind::Consumer)
            .with_attributes([KeyValue::new("position", position as i64)])
            .start_with_context(&tracer, &Context::new().with_remote_span_context(parent));
        let id = u64::from_be_bytes(span.span_context().span_id().to_bytes());
        let context = TraceContext { trace: cause.trace, span: id };
        Self { context, _exported: Some(span) }
    }

    pub(crate) fn context(&self) -> TraceContext {
        self.context
    }
}
