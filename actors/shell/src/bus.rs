use crate::error::{ShellError, failed};
use async_nats::jetstream::stream::{Config, StorageType};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event, ServerAddr, connection::State};
use messages::{Env, MAX_BYTES, Subjects};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Where the bus is and whose it is.
#[derive(Clone, Debug)]
pub struct BusOptions {
    /// `nats://host:port`, several with commas; user and password may stand in it.
    pub url: String,
    pub env: Env,
    /// Copies of each stream in a cluster.
    pub replicas: usize,
    /// A NATS credentials file (JWT and key).
    pub credentials: Option<PathBuf>,
}

impl BusOptions {
    pub fn new(url: impl Into<String>, env: Env) -> Self {
        Self { url: url.into(), env, replicas: 1, credentials: None }
    }
}

/// A connection to NATS and the streams of one environment. Clones share the connection; actors
/// dial their own, so that one that fails takes everything it had queued with it.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) context: Context,
    pub(crate) options: Arc<BusOptions>,
    /// Random; tells instances of this process from others.
    pub(crate) process: Arc<str>,
    /// How often the connection was lost.
    losses: watch::Receiver<u64>,
}

/// How long the server may take to store a message.
const ACK_TIMEOUT: Duration = Duration::from_secs(2);

impl Bus {
    /// Connects, checks the server and ensures the streams that outlive sessions.
    pub async fn connect(options: &BusOptions) -> Result<Self, ShellError> {
        let process = format!("{:016x}", crate::trace::random_u64());
        let bus = Self::open(Arc::new(options.clone()), process.into(), "aurora").await?;
        if !bus.client.is_server_compatible(2, 12, 0) {
            return Err(ShellError::OldServer { found: bus.client.server_info().version });
        }
        bus.ensure(bus.control_config()).await?;
        bus.ensure(bus.dead_letter_config()).await?;
        Ok(bus)
    }

    pub fn env(&self) -> Env {
        self.options.env
    }

    pub fn subjects(&self) -> Subjects {
        Subjects(self.options.env)
    }

    /// The server's version.
    pub fn server_version(&self) -> String {
        self.client.server_info().version
    }

    /// Returns once the server can be reached.
    pub async fn connected(&self) {
        while self.client.connection_state() != State::Connected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A connection of its own with the same options.
    pub(crate) async fn dial(&self, name: &str) -> Result<Self, ShellError> {
        Self::open(self.options.clone(), self.process.clone(), name).await
    }

    async fn open(
        options: Arc<BusOptions>,
        process: Arc<str>,
        name: &str,
    ) -> Result<Self, ShellError> {
        let (lost, losses) = watch::channel(0);
        let mut connect = ConnectOptions::new()
            .name(name)
            .connection_timeout(Duration::from_secs(5))
            .max_reconnects(None)
            .reconnect_delay_callback(|attempt| Duration::from_millis(20 * attempt.min(25) as u64))
            .event_callback(move |event| {
                on_event(&event, &lost);
                std::future::ready(())
            });
        if let Some(path) = &options.credentials {
            let text = tokio::fs::read_to_string(path).await;
            let text = text.map_err(failed(format!("reading credentials {}", path.display())))?;
            connect = connect.credentials(&text).map_err(failed("reading credentials"))?;
        }
        let addresses: Result<Vec<ServerAddr>, _> =
            options.url.split(',').map(|part| part.trim().parse()).collect();
        let addresses = addresses.map_err(failed("reading the NATS address"))?;
        // The client takes no user from an address by itself.
        let user = addresses.iter().find_map(|it| Some((it.username()?, it.password()?)));
        if let Some((user, password)) = user {
            connect = connect.user_and_password(user.to_owned(), password.to_owned());
        }
        let client = async_nats::connect_with_options(addresses, connect)
            .await
            .map_err(failed(format!("connecting to {}", without_secrets(&options.url))))?;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(ACK_TIMEOUT)
            .max_ack_inflight(10_000)
            .build(client.clone());
        Ok(Self { client, context, options, process, losses })
    }

    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Resolves when the connection is lost for the first time after this call.
    pub(crate) fn lost(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut losses = self.losses.clone();
        losses.mark_unchanged();
        async move {
            // An error means that the connection is gone altogether.
            losses.changed().await.ok();
        }
    }

    /// Creates the stream, or finds it, and checks that the server keeps it as we asked.
    pub(crate) async fn ensure(&self, wanted: Config) -> Result<(), ShellError> {
        let doing = format!("creating stream {}", wanted.name);
        let stream =
            self.context.get_or_create_stream(wanted.clone()).await.map_err(failed(doing))?;
        check(&wanted, &stream.cached_info().config)
    }

    pub(crate) fn stream_config(&self, name: String, subjects: Vec<String>) -> Config {
        Config {
            name,
            subjects,
            storage: StorageType::File,
            num_replicas: self.options.replicas,
            duplicate_window: Duration::from_secs(600),
            max_message_size: MAX_BYTES as i32,
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            ..Config::default()
        }
    }

    fn control_config(&self) -> Config {
        let subjects = self.subjects();
        self.stream_config(subjects.control_stream(), vec![subjects.control()])
    }

    /// An actor that restarts meets its dead letters again: they are stored once in a day.
    fn dead_letter_config(&self) -> Config {
        let subjects = self.subjects();
        Config {
            duplicate_window: Duration::from_secs(24 * 3_600),
            ..self.stream_config(subjects.dead_letter_stream(), vec![subjects.dead_letters()])
        }
    }
}

fn on_event(event: &Event, lost: &watch::Sender<u64>) {
    match event {
        Event::Connected => tracing::debug!("connected to NATS"),
        // Closed is what a connection is that nobody holds any more.
        Event::Closed => lost.send_modify(|count| *count += 1),
        Event::Disconnected => {
            tracing::warn!("lost the connection to NATS");
            lost.send_modify(|count| *count += 1);
        }
        // A permission denial or a slow consumer shows here and nowhere else.
        Event::ServerError(_) | Event::SlowConsumer(_) => tracing::error!(%event, "NATS"),
        Event::ClientError(_) | Event::LameDuckMode | Event::Draining => {
            tracing::warn!(%event, "NATS");
        }
    }
}

/// What decides about losing or doubling messages must be as asked: an old server, or another
/// program's stream of the same name, may differ silently.
pub(crate) fn check(wanted: &Config, found: &Config) -> Result<(), ShellError> {
    let settings = |config: &Config| {
        [
            ("subjects", format!("{:?}", config.subjects)),
            ("storage", format!("{:?}", config.storage)),
            ("replicas", config.num_replicas.to_string()),
            ("retention", format!("{:?}", config.retention)),
            ("duplicate window", format!("{:?}", config.duplicate_window)),
            ("max message size", config.max_message_size.to_string()),
            ("deny delete", config.deny_delete.to_string()),
            ("deny purge", config.deny_purge.to_string()),
            ("sources", sources(config)),
            ("seal", config.sealed.to_string()),
        ]
    };
    for ((what, wanted), (_, is)) in settings(wanted).into_iter().zip(settings(found)) {
        if wanted != is {
            let what = format!("its {what} should be {wanted}, but is {is}");
            return Err(ShellError::Stream { stream: found.name.clone(), what });
        }
    }
    Ok(())
}

fn sources(config: &Config) -> String {
    let names = config.sources.iter().flatten().map(|source| source.name.as_str());
    names.collect::<Vec<_>>().join(",")
}

fn without_secrets(url: &str) -> String {
    let address = |part: &str| match (part.split_once("://"), part.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => part.to_owned(),
    };
    url.split(',').map(address).collect::<Vec<_>>().join(",")
}
