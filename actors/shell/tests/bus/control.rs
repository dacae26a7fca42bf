use crate::support::*;
use messages::*;
use shell::*;

#[tokio::test]
async fn any_bytes_from_any_client_are_a_kill_in_the_journal() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.input(1).await;
    scene.answers(MONDAY, 2).await;
    let began = std::time::Instant::now();
    scene.client.publish("aurora.paper.control.kill", "STOP \u{1f6d1}".into()).await.expect("sent");
    scene.client.flush().await.expect("sent");
    let acknowledged = |body: &Message| matches!(body, Message::KillAcknowledged(_));
    let journal = scene.until(MONDAY, |journal| count(journal, acknowledged) == 1).await;
    println!("acknowledged within {:?}", began.elapsed());
    let kill = journal.iter().find(|(_, it, _)| it.topic() == Topic::Kill).expect("journaled");
    assert!(matches!(&kill.1.body, Message::Kill(kill) if kill.reason.starts_with("STOP")));
    let answer = journal.iter().find(|(_, it, _)| acknowledged(&it.body)).expect("answered");
    let wanted = KillAcknowledged { position: kill.0, level: KillLevel::Halt };
    assert_eq!(answer.1.body, Message::KillAcknowledged(wanted));
    assert_eq!(answer.1.id, MessageId::answer(ActorId::Scoring, kill.0, 0));
    let began = std::time::Instant::now();
    scene.client.publish("aurora.paper.control.kill", "again".into()).await.expect("sent");
    scene.until(MONDAY, |journal| count(journal, acknowledged) == 2).await;
    println!("a second one within {:?}", began.elapsed());
    running.stop().await;
}

/// Whoever opens a session looks for kills first. A stronger one that comes after that look and before the journal copies
/// kills counts from the first entry on.
#[tokio::test]
async fn a_kill_between_the_look_and_the_journal_is_in_the_opening() {
    let scene = Scene::new().await;
    let kill = |level| Kill { level, reason: "drill".to_owned(), ..Kill::default() };
    scene.bus.kill(&kill(KillLevel::Halt)).await.expect("stored");
    let seen = SessionOpened { halted: Some(kill(KillLevel::Halt)), ..opened(MONDAY) };
    scene.bus.kill(&kill(KillLevel::Flatten)).await.expect("stored");
    scene.bus.open_session(&seen, Time(1)).await.expect("the session opens");
    let halted = scene.bus.session_opened(MONDAY).await.expect("opened").halted;
    assert_eq!(halted.map(|kill| kill.level), Some(KillLevel::Flatten));
}

#[tokio::test]
async fn a_kill_latches_over_sessions_until_a_named_human_resumes() {
    let scene = Scene::new().await;
    assert_eq!(scene.bus.latched_kill().await.expect("read"), None);
    let kill = Kill { reason: "drill".to_owned(), operator: "ann".to_owned(), ..Kill::default() };
    scene.bus.kill(&kill).await.expect("stored");
    scene.open(MONDAY).await;
    let halted = scene.bus.session_opened(MONDAY).await.expect("opened").halted;
    assert_eq!(halted, Some(kill.clone()), "filled in though the caller did not know");
    assert_eq!(scene.journal(MONDAY).await.len(), 1, "said once, not twice");
    scene.say(&closed()).await;
    scene.bus.close_session(MONDAY).await.expect("closes");

    scene.post("aurora.paper.control.resume".to_owned(), b"go on".to_vec()).await;
    assert_eq!(scene.bus.latched_kill().await.expect("read"), Some(kill), "nobody's resume");
    let resume = Resume { operator: "ann".to_owned(), reason: "over".to_owned() };
    scene.bus.resume(&resume).await.expect("stored");
    assert_eq!(scene.bus.latched_kill().await.expect("read"), None);
    scene.open(TUESDAY).await;
    assert_eq!(scene.bus.session_opened(TUESDAY).await.expect("opened").halted, None);
    assert_eq!(scene.journal(TUESDAY).await.len(), 1, "the past stays out of the journal");
}

#[tokio::test]
async fn kills_reach_the_journal_after_the_server_restarted() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    scene.server.pause(std::time::Duration::from_millis(200));
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while let Err(error) = scene.bus.kill(&Kill::default()).await {
        assert!(std::time::Instant::now() < deadline, "{}", error.chain());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let began = std::time::Instant::now();
    scene.until(MONDAY, |journal| count(journal, |it| matches!(it, Message::Kill(_))) >= 1).await;
    println!("sourced {:?} after the restart", began.elapsed());
}
