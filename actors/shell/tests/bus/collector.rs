//! A collector of traces: OTLP over HTTP/1.1, as much of it as the exporter uses.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Collector {
    address: SocketAddr,
    received: Arc<Mutex<Vec<ResourceSpans>>>,
}

/// An exported span, with what its resource says of the service.
#[derive(Clone, Debug)]
pub(crate) struct Exported {
    pub(crate) service: BTreeMap<String, String>,
    pub(crate) name: String,
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) parent: Option<u64>,
    pub(crate) lasted_ns: i128,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("is bound");
        let received = Arc::new(Mutex::new(Vec::new()));
        let all = received.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, all.clone()));
            }
        });
        Self { address, received }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// By span id.
    pub(crate) fn spans(&self) -> BTreeMap<u64, Exported> {
        let received = self.received.lock().expect("no thread panicked with it");
        received.iter().flat_map(exported).map(|span| (span.span, span)).collect()
    }
}

/// Answers requests until the client hangs up; what is no export of spans ends the connection, and
/// the test misses its spans.
async fn serve(socket: TcpStream, received: Arc<Mutex<Vec<ResourceSpans>>>) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    let mut request = String::new();
    while socket.read_line(&mut request).await? > 0 {
        let posts_spans = request.starts_with("POST /v1/traces ");
        let mut length = 0;
        let mut header = String::new();
        while socket.read_line(&mut header).await? > 0 && header != "\r\n" {
            let (name, value) = header.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            header.clear();
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await?;
        if !posts_spans {
            return Err(io::Error::other(request));
        }
        let export = ExportTraceServiceRequest::decode(&*body).map_err(io::Error::other)?;
        received.lock().expect("no thread panicked with it").extend(export.resource_spans);
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0";
        socket.write_all(format!("{answer}\r\n\r\n").as_bytes()).await?;
        request.clear();
    }
    Ok(())
}

fn exported(group: &ResourceSpans) -> Vec<Exported> {
    let service = texts(group.resource.iter().flat_map(|resource| &resource.attributes));
    let spans = group.scope_spans.iter().flat_map(|scope| &scope.spans);
    let spans = spans.map(|span| Exported {
        service: service.clone(),
        name: span.name.clone(),
        trace: u128::from_be_bytes(span.trace_id[..].try_into().expect("16 bytes")),
        span: id(&span.span_id).expect("8 bytes"),
        parent: id(&span.parent_span_id),
        lasted_ns: i128::from(span.end_time_unix_nano) - i128::from(span.start_time_unix_nano),
        attributes: texts(&span.attributes),
    });
    spans.collect()
}

fn id(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

fn texts<'a>(attributes: impl IntoIterator<Item = &'a KeyValue>) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| {
        let value = attribute.value.as_ref().and_then(|any| any.value.as_ref());
        let text = match value {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(number)) => number.to_string(),
            other => format!("{other:?}"),
        };
        (attribute.key.clone(), text)
    };
    attributes.into_iter().map(text).collect()
}
