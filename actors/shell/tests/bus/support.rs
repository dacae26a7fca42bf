//! A server, a bus, and a core whose answers are easy to foresee.

use kernel::{Actor, Outbox};
use messages::*;
use shell::embedded::{EmbeddedOptions, NatsServer};
use shell::*;
use std::time::{Duration, Instant};

pub(crate) const MONDAY: Date = Date::constant(2024, 1, 8);
pub(crate) const TUESDAY: Date = Date::constant(2024, 1, 9);

pub(crate) struct Scene {
    pub(crate) bus: Bus,
    pub(crate) client: async_nats::Client,
    pub(crate) server: NatsServer,
    _folder: tempfile::TempDir,
}

pub(crate) type Journal = Vec<(u64, Envelope, String)>;

impl Scene {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = EmbeddedOptions { store: folder.path().to_owned(), ..Default::default() };
        let server = NatsServer::start(&options).expect("nats-server starts");
        let bus = Bus::connect(&BusOptions::new(server.url(), Env::Paper)).await.expect("the bus");
        let client = async_nats::connect(server.url()).await.expect("a plain client");
        Self { bus, client, server, _folder: folder }
    }

    pub(crate) async fn open(&self, session: Date) {
        self.bus.open_session(&opened(session), Time(1)).await.expect("the session opens");
    }

    /// Publishes as anybody could: no fence, no shell.
    pub(crate) async fn post(&self, subject: String, payload: Vec<u8>) -> u64 {
        let js = async_nats::jetstream::new(self.client.clone());
        let ack = js.publish(subject, payload.into()).await.expect("sent");
        ack.await.expect("stored").sequence
    }

    pub(crate) async fn say(&self, envelope: &Envelope) -> u64 {
        self.post(self.bus.subjects().of(envelope), envelope.encode()).await
    }

    /// Input `n` of the echo.
    pub(crate) async fn input(&self, n: u32) -> u64 {
        self.say(&input(n)).await
    }

    /// The messages of a journal.
    pub(crate) async fn journal(&self, session: Date) -> Journal {
        messages_of(self.bus.read_journal(session).await.expect("the journal"))
    }

    /// Reads the journal until `done`; a hang is a failure that shows what there was.
    pub(crate) async fn until(&self, session: Date, done: impl Fn(&Journal) -> bool) -> Journal {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let seen = match self.bus.read_journal(session).await {
                Ok(entries) => {
                    let journal = messages_of(entries);
                    if done(&journal) {
                        return journal;
                    }
                    text(&journal)
                }
                Err(error) => error.chain(),
            };
            assert!(Instant::now() < deadline, "never happened; the journal:\n{seen}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for `count` answers of the echo and returns what they say, in order.
    pub(crate) async fn answers(&self, session: Date, count: usize) -> Vec<String> {
        reasons(&self.until(session, |journal| reasons(journal).len() >= count).await)
    }
}

fn messages_of(entries: Vec<(u64, kernel::Entry, String)>) -> Journal {
    let message = |(position, entry, trace): (u64, kernel::Entry, String)| {
        entry.ok().map(|envelope| (position, envelope, trace))
    };
    entries.into_iter().filter_map(message).collect()
}

pub(crate) fn text(journal: &Journal) -> String {
    journal.iter().map(|(at, entry, _)| format!("{at} {} {entry}\n", entry.id)).collect()
}

pub(crate) fn reasons(journal: &Journal) -> Vec<String> {
    let reason = |(_, envelope, _): &(u64, Envelope, String)| match &envelope.body {
        Message::ScoresWithheld(withheld) => Some(withheld.reason.clone()),
        _ => None,
    };
    journal.iter().filter_map(reason).collect()
}

pub(crate) fn count(journal: &Journal, wanted: impl Fn(&Message) -> bool) -> usize {
    journal.iter().filter(|(_, envelope, _)| wanted(&envelope.body)).count()
}

pub(crate) fn input(n: u32) -> Envelope {
    let body = CoverageFailed {
        session: MONDAY,
        expected: n,
        got: 0,
        missing: Vec::new(),
        unusable: Vec::new(),
    };
    let id = MessageId::event(ActorId::Ingest, format!("in.{n}"));
    Envelope { id, at: Time(i64::from(n)), body: Message::CoverageFailed(body) }
}

pub(crate) fn closed() -> Envelope {
    let body = Message::SessionClosed(SessionClosed { outcome: Outcome::Traded });
    Envelope { id: MessageId::event(ActorId::Session, "closed"), at: Time(9), body }
}

/// Scoring that answers each input twice, counting the inputs: `echo 1.0`, `echo 1.1`, `echo 2.0`…
pub(crate) struct Echo {
    pub(crate) word: &'static str,
    pub(crate) heard: u32,
}

impl Actor for Echo {
    fn id(&self) -> ActorId {
        ActorId::Scoring
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::CoverageFailed]
    }

    fn handle(&mut self, _: u64, input: &Envelope, out: &mut Outbox) {
        let Message::CoverageFailed(failed) = &input.body else { unreachable!("not listened to") };
        self.heard += 1;
        for answer in 0..2 {
            let reason = format!("{} {}.{answer}", self.word, self.heard);
            out.send(Message::ScoresWithheld(ScoresWithheld { session: failed.session, reason }));
        }
    }
}

pub(crate) fn echo(word: &'static str) -> ActorSpec {
    ActorSpec::Core(CoreSpec {
        id: ActorId::Scoring,
        build: Box::new(move |_| Ok(Box::new(Echo { word, heard: 0 }))),
        observer: None,
    })
}

pub(crate) fn opened(session: Date) -> SessionOpened {
    let limits = Limits {
        gross: 1.0,
        gross_max: 1.2,
        name_max: 0.05,
        net_max: 0.1,
        beta_max: 0.1,
        sector_net_max: 0.1,
        adv_share_max: 0.01,
        order_max: 0.02,
    };
    SessionOpened {
        run_id: "test".to_owned(),
        source: "a test".to_owned(),
        ..SessionOpened::new(
            Env::Paper,
            session,
            session.yesterday().expect("not the first day of time"),
            limits,
        )
    }
}
