use crate::support::*;
use async_nats::HeaderMap;
use messages::*;
use shell::*;
use std::time::Duration;

#[tokio::test]
async fn nothing_of_one_session_lands_in_the_next() {
    let scene = Scene::new().await;
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.open(MONDAY).await;
    scene.input(1).await;
    scene.answers(MONDAY, 2).await;
    let error = scene.bus.open_session(&opened(TUESDAY), Time(1)).await.expect_err("one at a time");
    assert!(matches!(error, ShellError::OtherSessionOpen { open: MONDAY, .. }), "{error}");
    scene.say(&closed()).await;
    scene.bus.close_session(MONDAY).await.expect("closes");
    let monday = scene.journal(MONDAY).await;
    assert_eq!(scene.bus.open_session_date().await.expect("asked"), None);

    scene.open(TUESDAY).await;
    scene.input(1).await;
    assert_eq!(scene.answers(TUESDAY, 2).await, ["echo 1.0", "echo 1.1"], "state is new");
    // A straggler that still means Monday's journal.
    let js = async_nats::jetstream::new(scene.client.clone());
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Stream", "aurora-paper-2024-01-08");
    let late = js.publish_with_headers("aurora.paper.ingest.bars", headers, "late".into()).await;
    assert!(late.expect("sent").await.is_err());
    let sealed = js.publish("aurora-archive.paper.2024-01-08.x", "late".into()).await;
    assert!(sealed.expect("sent").await.is_err());
    scene.bus.kill(&Kill::default()).await.expect("stored");
    let acknowledged = |body: &Message| matches!(body, Message::KillAcknowledged(_));
    scene.until(TUESDAY, |journal| count(journal, acknowledged) == 1).await;

    assert_eq!(text(&scene.journal(MONDAY).await), text(&monday), "Monday stays as it was");
    assert_eq!(scene.bus.sessions().await.expect("listed"), [MONDAY, TUESDAY]);
    let error = scene.bus.open_session(&opened(MONDAY), Time(1)).await.expect_err("is over");
    assert!(matches!(error, ShellError::OtherSessionOpen { .. }), "{error}");
    scene.say(&closed()).await;
    scene.bus.close_session(TUESDAY).await.expect("closes");
    scene.bus.close_session(TUESDAY).await.expect("twice is once");
    let error = scene.bus.open_session(&opened(MONDAY), Time(1)).await.expect_err("is over");
    assert!(matches!(error, ShellError::SessionWasClosed(MONDAY)), "{error}");
    let error = scene.bus.conduct(MONDAY).await.err().expect("is over");
    assert!(matches!(error, ShellError::SessionWasClosed(MONDAY)), "{error}");
    running.stop().await;
}

#[tokio::test]
async fn opening_twice_opens_once() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    scene.open(MONDAY).await;
    let journal = scene.journal(MONDAY).await;
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0].0, 1);
    assert_eq!(scene.bus.session_opened(MONDAY).await.expect("there"), opened(MONDAY));
    assert_eq!(scene.bus.wait_for_session(None).await.expect("open"), MONDAY);
    let later = scene.bus.wait_for_session(Some(MONDAY));
    assert!(tokio::time::timeout(Duration::from_millis(100), later).await.is_err());
}

#[tokio::test]
async fn the_conductor_opens_speaks_and_closes() {
    let scene = Scene::new().await;
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    let waiting = scene.bus.statuses(Duration::from_secs(5)).await.expect("asked");
    assert_eq!(waiting.iter().map(|it| it.actor).collect::<Vec<_>>(), [ActorId::Scoring]);
    scene.open(MONDAY).await;
    let mut session = scene.bus.conduct(MONDAY).await.expect("conducts");
    let held = session.catch_up().await.expect("read");
    let own: Vec<_> = held.iter().map(|(_, entry)| entry.topic()).collect();
    assert_eq!(own, [Topic::SessionOpened, Topic::ActorStarted]);
    scene.input(1).await;
    let mut heard = Vec::new();
    while heard.len() < 3 {
        let (_, entry) = session.next().await.expect("read").expect("not closed");
        heard.push(entry.topic());
    }
    let wanted = [Topic::CoverageFailed, Topic::ScoresWithheld, Topic::ScoresWithheld];
    assert_eq!(heard, wanted);
    for _ in 0..2 {
        let Envelope { id, at, body } = closed();
        session.say(id, at, body).await.expect("queued");
    }
    while session.next().await.expect("read").is_some() {}
    assert!(session.is_closed());
    drop(session);
    scene.bus.close_session(MONDAY).await.expect("closes");
    let journal = scene.journal(MONDAY).await;
    assert_eq!(count(&journal, |body| matches!(body, Message::SessionClosed(_))), 1);
    running.stop().await;
}

#[tokio::test]
async fn actors_are_services_with_a_status() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    let at = scene.input(1).await;
    scene.answers(MONDAY, 2).await;
    let ping = scene.client.request("$SRV.PING.aurora-paper-scoring", "".into()).await;
    let ping: serde_json::Value =
        serde_json::from_slice(&ping.expect("a service").payload).expect("JSON");
    assert_eq!(ping["name"], "aurora-paper-scoring");
    assert_eq!(ping["metadata"]["env"], "paper");
    assert_eq!(ping["metadata"]["pid"], std::process::id().to_string());
    loop {
        let status = scene.bus.statuses(Duration::from_secs(5)).await.expect("asked").remove(0);
        if status.position < at + 2 {
            continue;
        }
        assert_eq!((status.state, status.session), (ActorState::Running, Some(MONDAY)));
        assert_eq!((status.published, status.lag, status.dead_letters), (2, 0, 0));
        assert!(status.handled >= 2 && status.p99_us >= status.p50_us);
        break;
    }
    running.stop().await;
    assert!(scene.bus.statuses(Duration::from_secs(1)).await.expect("asked").is_empty());
}
