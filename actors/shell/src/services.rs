//! Every actor in the NATS services protocol, so that `nats service ls` shows the running system.

use crate::error::{ShellError, failed};
use crate::status::{ActorStatus, StatusCell};
use crate::{BoxError, Bus};
use async_nats::service::{Service, ServiceExt};
use async_nats::{HeaderMap, Message, StatusCode};
use futures::{FutureExt, StreamExt};
use messages::ActorId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// An actor's entry among the services; gone when dropped.
pub(crate) struct Registration {
    bus: Bus,
    service: Option<Service>,
    answering: Option<JoinHandle<()>>,
}

/// How long a server may take to be there. It was when the bus was connected.
const REGISTER_MAX: Duration = Duration::from_secs(3);

impl Registration {
    /// Returns once the server knows that it is gone.
    pub(crate) async fn end(mut self) {
        self.stop_service();
        if let Some(answering) = self.answering.take() {
            // An error or a time-out: it is gone, or will be when the connection is.
            timeout(Duration::from_secs(1), answering).await.ok();
            timeout(Duration::from_secs(1), self.bus.client.flush()).await.ok();
        }
    }

    /// A service that is only dropped goes on answering pings.
    fn stop_service(&mut self) {
        if let Some(service) = self.service.take() {
            // Sends a signal, and is never pending.
            service.stop().now_or_never();
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.stop_service();
        if let Some(answering) = &self.answering {
            answering.abort();
        }
    }
}

impl Bus {
    /// What every actor that runs says of itself, in the order of [`ActorId::RUNNING`]; those that
    /// don't answer within `wait` are left out.
    pub async fn statuses(&self, wait: Duration) -> Result<Vec<ActorStatus>, ShellError> {
        let asked = ActorId::RUNNING.map(|actor| self.status_of(actor, wait));
        let answers = futures::future::join_all(asked).await;
        answers.into_iter().filter_map(Result::transpose).collect()
    }

    /// `None` if nobody answers.
    pub(crate) async fn status_of(
        &self,
        actor: ActorId,
        wait: Duration,
    ) -> Result<Option<ActorStatus>, ShellError> {
        let doing = || format!("asking {actor} for its status");
        let answer = timeout(wait, self.ask(self.subjects().status(actor))).await;
        match answer {
            Err(_) | Ok(Ok(None)) => Ok(None),
            Ok(Ok(Some(message))) => {
                serde_json::from_slice(&message.payload).map(Some).map_err(failed(doing()))
            }
            Ok(Err(error)) => Err(failed::<BoxError>(doing())(error)),
        }
    }

    async fn ask(&self, subject: String) -> Result<Option<Message>, BoxError> {
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await?;
        let headers = HeaderMap::new();
        let client = &self.client;
        client.publish_with_reply_and_headers(subject, inbox, headers, "".into()).await?;
        let answer = answers.next().await;
        Ok(answer.filter(|message| message.status != Some(StatusCode::NO_RESPONDERS)))
    }

    /// Refuses if the actor runs already, here or anywhere, or if the server can't be reached; else
    /// lists it as running.
    pub(crate) async fn register(
        &self,
        status: &Arc<StatusCell>,
    ) -> Result<Registration, ShellError> {
        let actor = status.actor;
        let doing = || format!("registering {actor} as a service");
        // Without a connection everything below would wait for one.
        if timeout(REGISTER_MAX, self.client.flush()).await.is_err() {
            return Err(ShellError::NoAnswer { waited: REGISTER_MAX, doing: doing() });
        }
        // What this process left behind a moment ago is no other instance.
        if let Some(other) = self.status_of(actor, Duration::from_secs(1)).await?
            && !other.instance.starts_with(&*self.process)
        {
            let ActorStatus { instance, pid, host, .. } = other;
            return Err(ShellError::AlreadyRunning { actor, instance, pid, host });
        }
        match timeout(REGISTER_MAX, self.list(status)).await {
            Ok(listed) => listed.map_err(failed(doing())),
            Err(_) => Err(ShellError::NoAnswer { waited: REGISTER_MAX, doing: doing() }),
        }
    }

    async fn list(&self, status: &Arc<StatusCell>) -> Result<Registration, BoxError> {
        let seen = status.read();
        let metadata = HashMap::from([
            ("env".to_owned(), self.env().to_string()),
            ("actor".to_owned(), seen.actor.to_string()),
            ("instance".to_owned(), seen.instance),
            ("pid".to_owned(), seen.pid.to_string()),
            ("host".to_owned(), seen.host),
        ]);
        let name = self.subjects().service(seen.actor);
        let service = self.client.service_builder().metadata(metadata);
        let service = service.start(name, env!("CARGO_PKG_VERSION")).await?;
        let endpoint = service.endpoint_builder().name("status");
        let mut requests = endpoint.add(self.subjects().status(seen.actor)).await?;
        // Being subscribed at the server before going on: a second instance must see the first.
        self.client.flush().await?;
        let status = status.clone();
        let answering = tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let answer = serde_json::to_vec(&status.read()).unwrap_or_default();
                if let Err(error) = request.respond(Ok(answer.into())).await {
                    tracing::warn!(actor = %status.actor, %error, "answering for the status");
                }
            }
        });
        Ok(Registration { bus: self.clone(), service: Some(service), answering: Some(answering) })
    }
}
