use crate::support::*;
use futures::future::LocalBoxFuture;
use messages::*;
use shell::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Says an alarm for each thing that scoring says; fails once in the middle.
struct Parrot {
    runs: Arc<AtomicU32>,
}

impl Gateway for Parrot {
    fn id(&self) -> ActorId {
        ActorId::Broker
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::ScoresWithheld]
    }

    fn run<'a>(&'a mut self, session: &'a mut Session) -> LocalBoxFuture<'a, Result<(), BoxError>> {
        let run = self.runs.fetch_add(1, SeqCst);
        Box::pin(async move {
            let mut heard = 0;
            // Says everything again after a restart: what is in the journal stays said once.
            for (_, entry) in session.catch_up().await? {
                heard += u32::from(repeat(session, &entry).await?);
            }
            loop {
                if run == 0 && heard >= 3 {
                    return Err("the venue hung up".into());
                }
                let Some((_, entry)) = session.next().await? else { break };
                heard += u32::from(repeat(session, &entry).await?);
            }
            Ok(())
        })
    }
}

async fn repeat(session: &mut Session, entry: &Envelope) -> Result<bool, ShellError> {
    let Message::ScoresWithheld(withheld) = &entry.body else { return Ok(false) };
    let id = MessageId::event(ActorId::Broker, withheld.reason.clone());
    let alarm = Alarm { code: "HEARD".to_owned(), detail: withheld.reason.clone(), symbol: None };
    session.say(id, entry.at, Message::Alarm(alarm)).await?;
    Ok(true)
}

fn parrot(runs: &Arc<AtomicU32>) -> ActorSpec {
    let runs = runs.clone();
    let build = move || -> Result<Box<dyn Gateway>, BoxError> {
        Ok(Box::new(Parrot { runs: runs.clone() }))
    };
    ActorSpec::Gateway(GatewaySpec { id: ActorId::Broker, build: Box::new(build) })
}

fn heard(journal: &Journal) -> Vec<String> {
    let detail = |(_, it, _): &(u64, Envelope, String)| match &it.body {
        Message::Alarm(alarm) if alarm.code == "HEARD" => Some(alarm.detail.clone()),
        _ => None,
    };
    journal.iter().filter_map(detail).collect()
}

#[tokio::test]
async fn a_gateway_that_fails_says_nothing_twice_and_nothing_never() {
    let scene = Scene::new().await;
    let runs = Arc::new(AtomicU32::new(0));
    let running = supervise(scene.bus.clone(), vec![echo("echo"), parrot(&runs)]).await;
    scene.open(MONDAY).await;
    for n in 1..=3 {
        scene.input(n).await;
    }
    scene.client.publish("aurora.paper.control.kill", "x".into()).await.expect("sent");
    let acknowledged = |body: &Message| matches!(body, Message::KillAcknowledged(_));
    let done = |journal: &Journal| heard(journal).len() >= 6 && count(journal, acknowledged) >= 2;
    scene.until(MONDAY, done).await;
    scene.say(&closed()).await;
    scene.bus.close_session(MONDAY).await.expect("closes");
    running.stop().await;
    let journal = scene.journal(MONDAY).await;
    assert_eq!(heard(&journal), reasons(&journal), "each once, in order");
    assert_eq!(runs.load(SeqCst), 2);
    assert_eq!(count(&journal, acknowledged), 2, "both actors, once each");
}
