use crate::support::*;
use messages::*;
use shell::*;

#[tokio::test]
async fn one_trace_goes_through_every_answer() {
    let scene = Scene::new().await;
    scene.open(MONDAY).await;
    let root = TraceContext::root(&opened(MONDAY));
    assert_eq!(root.trace, trace_id(Env::Paper, MONDAY, "test"));
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.input(1).await;
    scene.answers(MONDAY, 2).await;
    running.stop().await;
    // An input that is answered only after a restart keeps its place in the trace.
    scene.input(2).await;
    let running = supervise(scene.bus.clone(), vec![echo("echo")]).await;
    scene.answers(MONDAY, 4).await;
    running.stop().await;

    let journal = scene.journal(MONDAY).await;
    let context = |trace: &str| trace.parse::<TraceContext>().expect("a traceparent");
    assert_eq!(context(&journal[0].2), root, "the session's first entry is the root");
    let answers: Vec<_> =
        journal.iter().filter(|(_, it, _)| it.topic() == Topic::ScoresWithheld).collect();
    let spans: Vec<_> = answers.iter().map(|(_, _, trace)| context(trace)).collect();
    assert!(spans.iter().all(|span| span.trace == root.trace));
    assert_eq!(spans[0], spans[1], "answers to one entry have one parent");
    assert_ne!(spans[0], spans[2], "answers to two entries have two");
    assert_ne!(spans[0].span, root.span, "the parent is the handling, not the root");
}
