//! Ingest as an actor: one session, one cross-section, or the reason why there is none.

use crate::error::IngestError;
use crate::fetch::FetchOptions;
use crate::today::{Today, fetch_session, keep};
use alpaca::Client;
use futures::future::LocalBoxFuture;
use messages::{
    ActorId, Alarm, Bars, CoverageFailed, Envelope, Message, MessageId, SessionOpened, Symbol,
    Time, Topic,
};
use shell::{BoxError, Session};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct GatewayOptions {
    pub fetch: FetchOptions,
    /// How often to try before the session is given up. The client has its own, quicker retries
    /// within each.
    pub attempts_max: u32,
    /// Before the second attempt; doubles with each.
    pub pause: Duration,
}

impl GatewayOptions {
    /// Four attempts, with 5, 10 and 20 seconds between: the open is half an hour away.
    pub fn new(fetch: FetchOptions) -> Self {
        Self { fetch, attempts_max: 4, pause: Duration::from_secs(5) }
    }
}

/// Says `Bars` or `CoverageFailed` once per session, and keeps what it said in `prices.parquet`.
///
/// A crash at any point repeats at most the fetch: what is in the journal is not said again, what is
/// in the journal and not in the store is stored.
pub struct Gateway {
    client: Client,
    prices: PathBuf,
    options: GatewayOptions,
}

impl Gateway {
    /// `prices` must be there: the history before the first session comes from `aurora fetch` or
    /// `aurora import`.
    pub fn new(client: Client, prices: PathBuf, options: GatewayOptions) -> Self {
        Self { client, prices, options }
    }

    async fn run_session(&mut self, session: &mut Session) -> Result<(), BoxError> {
        let held = session.catch_up().await?;
        let said = held.into_iter().find_map(|(_, envelope)| answer(envelope));
        let said = match said {
            None if !session.is_closed() => self.answer(session).await?,
            said => said,
        };
        if let Some((at, Message::Bars(bars))) = &said {
            self.store(session, bars, *at).await?;
        }
        while !session.is_closed() && session.next().await?.is_some() {}
        Ok(())
    }

    /// Finds out what there is to say, says it, and waits until it is stored; `None` if the session
    /// closes meanwhile. Kills are heard while the fetch goes on.
    async fn answer(&self, session: &mut Session) -> Result<Option<(Time, Message)>, BoxError> {
        let opened = session.opened().clone();
        let mut attempt = pin!(self.attempt(&opened));
        let (at, result) = loop {
            tokio::select! {
                entry = session.next() => match entry? {
                    Some(_) if !session.is_closed() => {}
                    _ => return Ok(None),
                },
                result = &mut attempt => break result?,
            }
        };
        let body = match result {
            Ok(Today::Covered(bars)) => Message::Bars(bars),
            Ok(Today::Failed(failed)) => Message::CoverageFailed(failed),
            Err(error) => {
                if let IngestError::Restated { .. } = error {
                    self.alarm(session, at, &error).await?;
                }
                Message::CoverageFailed(given_up(&opened, &error))
            }
        };
        session.say(MessageId::event(ActorId::Ingest, "bars"), at, body.clone()).await?;
        session.flush().await?;
        Ok(Some((at, body)))
    }

    /// The time by the venue's clock and what came of the fetch: after the last attempt, or at once
    /// where another can't help.
    ///
    /// # Errors
    /// Without a time nothing can be said; the actor starts again, with the shell's back-off.
    async fn attempt(
        &self,
        opened: &SessionOpened,
    ) -> Result<(Time, Result<Today, IngestError>), IngestError> {
        let mut number = 1;
        let others = others(opened);
        loop {
            let SessionOpened { universe, signal_session, .. } = opened;
            let options = &self.options.fetch;
            let fetching = fetch_session(
                &self.client,
                &self.prices,
                universe,
                &others,
                *signal_session,
                options,
            );
            match fetching.await {
                Err(error) if error.is_transient() && number < self.options.attempts_max => {
                    let pause = self.options.pause * (1 << (number - 1).min(6));
                    tracing::warn!(error = error.chain(), number, ?pause, "fetching bars again");
                    tokio::time::sleep(pause).await;
                    number += 1;
                }
                today => {
                    let clock = self.client.clock().await.map_err(IngestError::Clock)?;
                    return Ok((clock.timestamp.0, today));
                }
            }
        }
    }

    /// Stores what the journal holds. Prices that are stored otherwise raise an alarm, which halts
    /// trading; a disk that refuses is an error: the actor starts again and tries again.
    async fn store(&self, session: &mut Session, bars: &Bars, said: Time) -> Result<(), BoxError> {
        match keep(&self.prices, bars, said).await {
            Ok(()) => Ok(()),
            Err(error @ IngestError::Restated { .. }) => {
                let at = self.client.clock().await?.timestamp.0;
                self.alarm(session, at, &error).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn alarm(
        &self,
        session: &mut Session,
        at: Time,
        error: &IngestError,
    ) -> Result<(), BoxError> {
        let symbol = match error {
            IngestError::Restated { symbol, .. } => Some(symbol.clone()),
            _ => None,
        };
        let alarm = Alarm { code: "RESTATED".to_owned(), detail: error.chain(), symbol };
        let id = MessageId::event(ActorId::Ingest, "restated");
        session.say(id, at, Message::Alarm(alarm)).await?;
        Ok(session.flush().await?)
    }
}

/// No members today, and their bars are wanted all the same.
fn others(opened: &SessionOpened) -> Vec<Symbol> {
    let SessionOpened { universe, listed, signal_session, .. } = opened;
    let is_member = |symbol: &Symbol| universe.iter().any(|member| member.symbol == *symbol);
    let wanted = listed.iter().filter(|row| row.wants(*signal_session));
    let others: BTreeSet<&Symbol> =
        wanted.map(|row| &row.symbol).filter(|symbol| !is_member(symbol)).collect();
    others.into_iter().cloned().collect()
}

/// When we said what, if `envelope` is it.
fn answer(envelope: Envelope) -> Option<(Time, Message)> {
    let ours = envelope.id == MessageId::event(ActorId::Ingest, "bars");
    ours.then_some((envelope.at, envelope.body))
}

/// No bar could be had: the reason stands where unusable bars are listed.
fn given_up(opened: &SessionOpened, error: &IngestError) -> CoverageFailed {
    CoverageFailed {
        session: opened.signal_session,
        expected: opened.universe.len() as u32,
        got: 0,
        missing: Vec::new(),
        unusable: vec![format!("no bars could be fetched: {}", error.chain())],
    }
}

impl shell::Gateway for Gateway {
    fn id(&self) -> ActorId {
        ActorId::Ingest
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::SessionClosed]
    }

    fn run<'a>(&'a mut self, session: &'a mut Session) -> LocalBoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.run_session(session))
    }
}
