use crate::support::*;
use messages::*;
use shell::*;
use std::time::{Duration, Instant};

#[tokio::test]
async fn two_seconds_without_a_server_lose_and_double_nothing() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    for n in 1..=20 {
        scene.input(n).await;
    }
    scene.server.pause(Duration::from_secs(2));
    for n in 21..=40 {
        say_until_stored(&scene, n).await;
    }
    scene.answers(MONDAY, 80).await;
    running.stop().await;
    let wanted = (1..=40).flat_map(|n| [format!("echo {n}.0"), format!("echo {n}.1")]);
    let mut sorted = reasons(&scene.journal(MONDAY).await);
    sorted.sort_by_key(|text| {
        text[5..].split('.').map(|n| n.parse::<u32>().ok()).collect::<Vec<_>>()
    });
    assert_eq!(sorted, wanted.collect::<Vec<_>>());
}

/// As a careful client would: the id makes a repetition harmless.
async fn say_until_stored(scene: &Scene, n: u32) {
    let js = async_nats::jetstream::new(scene.client.clone());
    let envelope = input(n);
    loop {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", envelope.id.to_string());
        let subject = scene.bus.subjects().of(&envelope);
        if let Ok(ack) = js.publish_with_headers(subject, headers, envelope.encode().into()).await
            && tokio::time::timeout(Duration::from_millis(500), ack.into_future())
                .await
                .is_ok_and(|stored| stored.is_ok())
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_publisher_without_a_connection_says_so() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let mut session = scene.bus.conduct(MONDAY).await.expect("conducts");
    session.catch_up().await.expect("read");
    scene.server.pause(Duration::from_secs(1));
    let error = session.next().await.expect_err("the connection is lost");
    assert!(matches!(error, ShellError::Disconnected { .. }), "{error}");
    let Envelope { id, at, body } = closed();
    assert!(session.say(id, at, body).await.is_err(), "nothing piles up");
    drop(session);
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut session = loop {
        match scene.bus.conduct(MONDAY).await {
            Ok(session) => break session,
            Err(error) => assert!(Instant::now() < deadline, "{}", error.chain()),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let held = session.catch_up().await.expect("read");
    assert!(held.iter().all(|(_, entry)| entry.topic() != Topic::SessionClosed));
}

/// Set in the process that is to end.
const PANIC: &str = "AURORA_TEST_PANIC";

/// Ends a process of its own: see the test below.
#[tokio::test]
async fn an_actor_that_panics() {
    if std::env::var_os(PANIC).is_none() {
        return;
    }
    abort_on_panic();
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let build = |_: &SessionOpened| -> Result<Box<dyn kernel::Actor>, BoxError> {
        panic!("a broken invariant")
    };
    let spec = CoreSpec { id: ActorId::Scoring, build: Box::new(build), observer: None };
    let _running = supervise(scene.bus.clone(), vec![ActorSpec::Core(spec)]).await;
    std::future::pending::<()>().await;
}

#[test]
fn a_panic_ends_the_process_with_101() {
    let program = std::env::current_exe().expect("this program");
    let args = ["--exact", "outages::an_actor_that_panics", "--nocapture"];
    let mut command = std::process::Command::new(program);
    let output = command.args(args).env(PANIC, "1").output().expect("runs");
    assert_eq!(output.status.code(), Some(101));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("a broken invariant"), "{said}");
}

#[tokio::test]
async fn supervising_without_a_server_says_so_and_does_not_wait_for_one() {
    let Scene { bus, server, .. } = Scene::new().await;
    drop(server);
    let running = supervise(bus, vec![echo("echo")]).await;
    let error = running.failed().await;
    assert!(matches!(error, ShellError::NoAnswer { .. }), "{}", error.chain());
    assert!(error.to_string().contains("while registering scoring as a service"), "{error}");
    running.stop().await;
}
