//! `explain_order` on a journal made by hand.

mod common;

use common::{Desk, bars, dollars, features, fill, opened, order, scores, targets};
use expect_test::expect;
use messages::{
    ActorId, DenyReason, Env, Envelope, Kill, KillLevel, Message, Order, OrderDenied, OrderStatus,
    OrderUpdated, Usd,
};
use reporting::explain_order;

const DAY: &str = "2024-01-03";
const BEFORE: &str = "2024-01-02";

fn journal() -> Vec<(u64, Envelope)> {
    let mut desk = Desk::open(opened(Env::Paper, DAY, dollars(100_000.0), Vec::new()));
    desk.say(ActorId::Ingest, bars(BEFORE));
    desk.say(ActorId::Features, features(BEFORE, [1.0; 3]));
    desk.say(ActorId::Scoring, scores(BEFORE));
    desk.say(ActorId::Risk, targets(BEFORE));
    let (buy, sell) = (order(DAY, "AAA", 40, 100.0), order(DAY, "BBB", -30, 100.0));
    let stray = order(DAY, "CCC", 1, 100.0);
    for order in [&buy, &sell, &stray] {
        desk.say(ActorId::Execution, Message::SubmitOrder(order.clone()));
    }
    let refusal = OrderDenied { order: stray, reason: DenyReason::NotInTargets };
    desk.say(ActorId::Risk, Message::OrderDenied(refusal));
    desk.say(ActorId::Broker, Message::Filled(fill(&sell, 10, 99.5, 10)));
    let expired = OrderUpdated {
        client_order_id: sell.client_order_id.clone(),
        symbol: "BBB".into(),
        venue_order_id: "v".to_owned(),
        status: OrderStatus::Expired,
        reason: None,
    };
    desk.say(ActorId::Broker, Message::OrderUpdated(expired));
    desk.say(ActorId::Broker, Message::Filled(fill(&buy, 15, 100.1, 15)));
    desk.say(ActorId::Broker, Message::Filled(fill(&buy, 25, 100.02, 40)));
    desk.entries()
}

#[test]
fn the_last_filled_order_in_one_line() {
    let explained = explain_order(&journal(), None).expect("an order");
    let line = explained.to_string();
    assert!(!line.contains('\n'));
    expect![[
        "buy 40 AAA (au-20240103-AAA-0-0 #6): filled 15 @ 100.10 #12, 25 @ 100.02 #13, +5.0 bp against its close 100.00 <- target +40 from +0, +4.00 % of NAV, predicted cost 4.2 bp #5 held by ADV AAA 120000, TURNOVER 0.2 <- score +0.01200, rank 1 of 3 by xgb-1: vol +0.01300, ret_5 -0.00500, resmom +0.00200 #4 <- features #3 <- bars #2 of 2024-01-02"
    ]]
    .assert_eq(&line);
    let json = serde_json::to_value(&explained).expect("json");
    assert_eq!(json["score"]["model_id"], "xgb-1");
    assert_eq!(json["shortfall"], 2_000_000);
}

#[test]
fn an_order_by_its_id() {
    let sell = explain_order(&journal(), Some("au-20240103-BBB-0-0")).expect("an order");
    assert_eq!(sell.outcome, "expired after a partial fill");
    assert_eq!(sell.shortfall, dollars(5.0), "sold 10 half a dollar too low");
    assert_eq!(sell.predicted_cost, Some(Usd(425_000)), "4.25 bp of 10 at 100");
    let score = sell.score.expect("a score");
    assert_eq!((score.rank, score.names), (3, 3));
    assert_eq!(sell.target.expect("a target").binding, ["ADV BBB 90000", "TURNOVER 0.2"]);

    let stray = explain_order(&journal(), Some("au-20240103-CCC-0-0")).expect("an order");
    expect![[
        "buy 1 CCC (au-20240103-CCC-0-0 #8): denied by risk: NOT_IN_TARGETS, sized at 100.00 <- no target in the journal <- score +0.00100, rank 2 of 3 by xgb-1: resmom +0.00000, ret_5 +0.00000, vol +0.00000 #4 <- features #3 <- bars #2 of 2024-01-02"
    ]]
    .assert_eq(&stray.to_string());
}

#[test]
fn what_the_journal_lacks_is_not_guessed() {
    assert_eq!(explain_order(&journal(), Some("au-20240103-AAA-0-1")), None);
    assert_eq!(explain_order(&[], None), None);
    let entries: Vec<_> = journal().split_off(5);
    let bare = explain_order(&entries, None).expect("an order");
    assert_eq!((bare.score, bare.target, bare.bars_at, bare.session), (None, None, None, None));
}

/// A ticker may be the word for a limit (Cloudflare is NET), and one may be a sector's (Gartner is IT).
#[test]
fn a_limit_of_the_book_is_told_whatever_names_there_are() {
    let mut journal = journal();
    let lines = [
        "NET 0.0100",
        "RELAXED NET 0.000100",
        "SECTOR IT 0.0100",
        "RELAXED SECTOR IT 0.000200",
        "FALLBACK NET is no help",
        "ADV NET 120000",
        "NO_SCORE IT",
        "BROKEN NAME NET 0.010000",
        "ADV AAA 5",
        "BROKEN NAME AAA 0.010000",
    ];
    for (_, entry) in &mut journal {
        if let Message::Targets(targets) = &mut entry.body {
            for name in ["NET", "IT"] {
                let like = targets.targets[1].clone();
                targets.targets.push(messages::Target { symbol: name.into(), ..like });
            }
            targets.binding = lines.map(str::to_owned).to_vec();
        }
    }
    let explained = explain_order(&journal, Some("au-20240103-AAA-0-0")).expect("an order");
    let target = explained.target.expect("a target");
    let ours = ["NET 0.0100", "SECTOR IT 0.0100", "FALLBACK NET is no help", "ADV AAA 5"];
    assert_eq!(target.binding, [&ours[..], &["BROKEN NAME AAA 0.010000"]].concat());
    assert_eq!(target.relaxed, ["RELAXED NET 0.000100", "RELAXED SECTOR IT 0.000200"]);
}

/// An order that closes a position is there because of a kill, in the session or before it, not of a target or a score.
#[test]
fn an_order_of_a_flatten_names_its_kill() {
    let drill = Kill {
        level: KillLevel::Flatten,
        reason: "a drill".to_owned(),
        operator: "ada".to_owned(),
    };
    let closing = |before: bool| {
        let mut opened = opened(Env::Paper, DAY, dollars(100_000.0), Vec::new());
        opened.halted = before.then(|| drill.clone());
        let mut desk = Desk::open(opened);
        desk.say(ActorId::Ingest, bars(BEFORE));
        desk.say(ActorId::Features, features(BEFORE, [1.0; 3]));
        desk.say(ActorId::Scoring, scores(BEFORE));
        desk.say(ActorId::Risk, targets(BEFORE));
        if !before {
            desk.say(ActorId::Control, Message::Kill(drill.clone()));
        }
        let order = Order {
            leg: 2,
            client_order_id: "au-20240103-AAA-2-0".to_owned(),
            ..order(DAY, "AAA", -40, 100.0)
        };
        desk.say(ActorId::Execution, Message::SubmitOrder(order.clone()));
        desk.say(ActorId::Broker, Message::Filled(fill(&order, 40, 99.0, 40)));
        explain_order(&desk.entries(), None).expect("an order")
    };
    for (before, at) in [(true, 1), (false, 6)] {
        let explained = closing(before);
        assert_eq!((&explained.target, &explained.score), (&None, &None));
        assert_eq!(explained.predicted_cost, None);
        let line = explained.to_string();
        let cause = format!(" <- kill of level flatten by ada: a drill #{at}");
        assert!(line.contains(&cause) && !line.contains("target"), "{line}");
        let page = explained.page();
        assert!(page.contains(&format!("kill #{at}: level flatten by ada: a drill")), "{page}");
        assert!(!page.contains("target") && !page.contains("score"), "{page}");
        let json = serde_json::to_value(&explained).expect("json");
        assert_eq!((&json["kill"]["at"], &json["kill"]["operator"]), (&at.into(), &"ada".into()));
    }
}
