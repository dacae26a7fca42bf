use crate::support::*;
use messages::*;
use shell::*;

#[tokio::test]
async fn each_input_is_answered_once_over_a_restart() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.input(1).await;
    scene.input(2).await;
    let before = ["echo 1.0", "echo 1.1", "echo 2.0", "echo 2.1"];
    assert_eq!(scene.answers(MONDAY, 4).await, before);
    running.stop().await;

    scene.input(3).await;
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.input(4).await;
    let all = scene.answers(MONDAY, 8).await;
    assert_eq!(all[..4], before);
    assert_eq!(all[4..], ["echo 3.0", "echo 3.1", "echo 4.0", "echo 4.1"]);
    running.stop().await;
    let journal = scene.journal(MONDAY).await;
    assert_eq!(reasons(&journal).len(), 8);
    assert_eq!(count(&journal, |body| matches!(body, Message::ActorStarted(_))), 2);
}

#[tokio::test]
async fn a_crash_between_two_answers_leaves_the_second_to_be_said() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let position = scene.input(1).await;
    let first =
        Message::ScoresWithheld(ScoresWithheld { session: MONDAY, reason: "echo 1.0".to_owned() });
    let id = MessageId::answer(ActorId::Scoring, position, 0);
    scene.say(&Envelope { id, at: Time(1), body: first }).await;

    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.input(2).await;
    let all = scene.answers(MONDAY, 4).await;
    assert_eq!(all, ["echo 1.0", "echo 1.1", "echo 2.0", "echo 2.1"]);
    running.stop().await;
}

#[tokio::test]
async fn a_zombie_is_fenced_off_by_its_successors_start() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let zombie = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.input(1).await;
    scene.answers(MONDAY, 2).await;

    let started = ActorStarted {
        instance: "successor".to_owned(),
        host: "elsewhere".to_owned(),
        pid: 4711,
        version: String::new(),
    };
    let id = MessageId::event(ActorId::Scoring, "successor");
    scene.say(&Envelope { id, at: Time(2), body: Message::ActorStarted(started) }).await;
    scene.input(2).await;

    let error = zombie.failed().await;
    assert!(matches!(error, ShellError::Fenced { actor: ActorId::Scoring, .. }), "{error}");
    assert!(error.to_string().contains("successor"), "{error}");
    zombie.stop().await;
    assert_eq!(reasons(&scene.journal(MONDAY).await).len(), 2);
}

#[tokio::test]
async fn a_second_instance_is_refused_while_the_first_lives() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let first = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    let options = BusOptions::new(scene.server.url(), Env::Paper);
    let elsewhere = Bus::connect(&options).await.expect("the bus");
    let second = supervise(elsewhere, vec![echo("echo")]).await;
    let error = second.failed().await;
    let own = std::process::id();
    assert!(matches!(&error, ShellError::AlreadyRunning { pid, .. } if *pid == own), "{error}");
    second.stop().await;
    scene.input(1).await;
    assert_eq!(scene.answers(MONDAY, 2).await.len(), 2);
    first.stop().await;

    let third = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.input(2).await;
    assert_eq!(scene.answers(MONDAY, 4).await.len(), 4);
    third.stop().await;
}

#[tokio::test]
async fn other_answers_than_recorded_stop_the_actor_for_good() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.input(1).await;
    scene.answers(MONDAY, 2).await;
    running.stop().await;

    let changed = supervise(scene.bus.clone(), vec![echo("changed")]).await;
    let error = changed.failed().await;
    assert!(matches!(error, ShellError::Divergence { .. }), "{error}");
    assert!(error.chain().contains("echo 1.0") && error.chain().contains("changed 1.0"));
    scene.input(2).await;
    changed.stop().await;
    let journal = scene.journal(MONDAY).await;
    assert_eq!(reasons(&journal).len(), 2, "it said nothing more");
    assert_eq!(count(&journal, |body| matches!(body, Message::ActorStarted(_))), 2, "one try");
}

#[tokio::test]
async fn corrupt_bytes_are_buried_and_raise_an_alarm_where_they_matter() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let letters = scene.client.subscribe("aurora.paper.deadletter.>").await;
    let mut letters = letters.expect("a subscription");
    scene.client.flush().await.expect("subscribed");
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.post("aurora.paper.ingest.bars".to_owned(), b"not for scoring".to_vec()).await;
    let at =
        scene.post("aurora.paper.ingest.coverage_failed".to_owned(), b"\xc1junk".to_vec()).await;
    scene.input(1).await;
    scene.answers(MONDAY, 2).await;
    running.stop().await;

    let letter = futures::StreamExt::next(&mut letters).await.expect("a dead letter");
    assert_eq!(letter.payload.as_ref(), b"\xc1junk");
    assert_eq!(letter.subject.as_str(), "aurora.paper.deadletter.scoring");
    let headers = letter.headers.expect("headers");
    let header = |name: &str| headers.get(name).expect(name).as_str().to_owned();
    assert_eq!(header("Aurora-Position"), at.to_string());
    assert_eq!(header("Aurora-Subject"), "aurora.paper.ingest.coverage_failed");
    assert!(header("Aurora-Reason").starts_with("NOT_AN_ENVELOPE"), "{}", header("Aurora-Reason"));
    let journal = scene.journal(MONDAY).await;
    let alarm = |body: &Message| matches!(body, Message::Alarm(it) if it.code == "UNDECODABLE");
    assert_eq!(count(&journal, alarm), 1);
}
