use crate::support::*;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_server_that_is_killed_comes_back_with_everything() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    scene.input(1).await;
    let pid = scene.server.pid().expect("it runs");
    let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill runs").success());
    let deadline = Instant::now() + Duration::from_secs(20);
    while scene.server.pid().is_none_or(|now| now == pid) {
        assert!(Instant::now() < deadline, "it was not started again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let journal = scene.until(MONDAY, |journal| journal.len() >= 2).await;
    assert_eq!(journal.len(), 2);
}
