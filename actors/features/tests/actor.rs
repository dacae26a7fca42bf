//! The actor: what it answers to the opening and to bars, and what it refuses.

mod common;

use common::panel::Panel;
use features::{Builder, FeaturesActor, whitelist};
use kernel::{Actor, Simulation};
use messages::{
    ActorId, Bars, Date, Env, Envelope, HistoryRef, Limits, Message, MessageId, SessionOpened,
    Time, history_sha256,
};

const PANEL: Panel = Panel { seed: 11, names: 40, sessions: 300, missing: 0.0, invalid: 0.0 };

fn opened(history: &[Bars], signal_session: Date) -> SessionOpened {
    SessionOpened {
        run_id: "test".to_owned(),
        source: "a test".to_owned(),
        universe: PANEL.members(),
        whitelist_sha256: whitelist::sha256(),
        history: HistoryRef {
            through: history.last().expect("history").session,
            sessions: history.len() as u32,
            sha256: history_sha256(history),
        },
        ..SessionOpened::new(
            Env::Backtest,
            signal_session.tomorrow().expect("a day"),
            signal_session,
            Limits {
                gross: 1.0,
                gross_max: 1.6,
                name_max: 0.03,
                net_max: 0.01,
                beta_max: 0.01,
                sector_net_max: 0.03,
                adv_share_max: 0.02,
                order_max: 0.02,
            },
        )
    }
}

/// What the actor answers to `entries`, in order, with history up to the last session.
fn answers(change: impl Fn(&mut SessionOpened), entries: &[&Bars]) -> Vec<Message> {
    let bars = PANEL.bars();
    let (today, history) = bars.split_last().expect("sessions");
    let mut opened = opened(history, today.session);
    change(&mut opened);
    let actor = FeaturesActor::new(history.to_vec());
    assert_eq!(actor.id(), ActorId::Features);
    let mut simulation = Simulation::new(vec![Box::new(actor)]);
    let post = |body: Message, author: ActorId, key: usize| Envelope {
        id: MessageId::event(author, key.to_string()),
        at: Time(7),
        body,
    };
    simulation.post(post(Message::SessionOpened(Box::new(opened)), ActorId::Session, 0));
    for (i, bars) in entries.iter().enumerate() {
        simulation.post(post(Message::Bars((*bars).clone()), ActorId::Ingest, i));
    }
    let ours = simulation.since(0).filter(|entry| entry.id.author == ActorId::Features);
    ours.map(|entry| {
        let bytes = entry.encode();
        assert_eq!(Envelope::decode(&bytes).as_ref().ok(), Some(entry));
        entry.body.clone()
    })
    .collect()
}

fn codes(answers: &[Message]) -> Vec<String> {
    let code = |answer: &Message| match answer {
        Message::Alarm(alarm) => alarm.code.clone(),
        other => other.topic().to_string(),
    };
    answers.iter().map(code).collect()
}

#[test]
fn prior_art_8_bars_are_answered_with_what_the_builder_says() {
    let bars = PANEL.bars();
    let (today, history) = bars.split_last().expect("sessions");
    let mut builder = Builder::new(&PANEL.members());
    for bars in history {
        builder.advance(bars);
    }
    let matrix = builder.matrix(today);
    let answers = answers(|_| (), &[today]);
    let [Message::Features(features)] = &answers[..] else { panic!("{:?}", codes(&answers)) };
    assert_eq!(features.session, today.session);
    assert_eq!(features.names, whitelist::names());
    assert_eq!(features.whitelist_sha256, whitelist::sha256());
    assert_eq!(features.values.len(), PANEL.names * whitelist::COUNT);
    let rounded: Vec<u32> = matrix.values.iter().map(|x| (*x as f32).to_bits()).collect();
    let sent: Vec<u32> = features.values.iter().map(|x| x.to_bits()).collect();
    assert_eq!(rounded, sent);
    assert!(features.eligible.iter().filter(|eligible| **eligible).count() >= 30);
    assert_eq!(features.exposures, matrix.exposures);
}

/// clv_1 is the same for all where all close at the high: refused that day, and the actor has seen it before.
#[test]
fn guards_that_fire_again_are_told() {
    let panel = Panel { sessions: 360, ..PANEL };
    let mut bars = panel.bars();
    for t in [330, 359] {
        for i in 0..panel.names {
            bars[t].close[i] = bars[t].close[i].max(bars[t].open[i]);
            bars[t].high[i] = bars[t].close[i];
        }
    }
    let told = |bars: &[Bars]| {
        let (today, history) = bars.split_last().expect("sessions");
        let mut simulation = Simulation::new(vec![Box::new(FeaturesActor::new(history.to_vec()))]);
        let opened = Message::SessionOpened(Box::new(opened(history, today.session)));
        for (body, author) in
            [(opened, ActorId::Session), (Message::Bars(today.clone()), ActorId::Ingest)]
        {
            let id = MessageId::event(author, "0".to_owned());
            simulation.post(Envelope { id, at: Time(7), body });
        }
        simulation.since(0).find_map(|entry| match &entry.body {
            Message::Features(features) => Some(features.guards.clone()),
            _ => None,
        })
    };
    let alert = |guards: Option<Vec<(String, u32)>>| {
        let alerts = guards.expect("features").into_iter();
        alerts.filter(|(guard, _)| guard.starts_with("alert")).collect::<Vec<_>>()
    };
    assert_eq!(alert(told(&bars)), [("alert clv_1".to_owned(), 2)]);
    assert_eq!(alert(told(&bars[..359])), [], "once in sixty sessions");
}

#[test]
fn only_the_signal_sessions_bars_are_answered_and_only_once() {
    let bars = PANEL.bars();
    let (today, yesterday) = (&bars[PANEL.sessions - 1], &bars[PANEL.sessions - 2]);
    let answers = answers(|_| (), &[yesterday, today, today]);
    assert_eq!(codes(&answers), ["UNEXPECTED_BARS", "features", "UNEXPECTED_BARS"]);
}

#[test]
fn another_whitelist_is_refused() {
    let bars = PANEL.bars();
    let other = |opened: &mut SessionOpened| opened.whitelist_sha256 = "0".repeat(64);
    let answers = answers(other, &[&bars[PANEL.sessions - 1]]);
    assert_eq!(codes(&answers), ["WHITELIST_MISMATCH", "UNEXPECTED_BARS"]);
}

#[test]
fn prior_art_5_a_halted_name_has_no_values_and_is_counted() {
    let bars = PANEL.bars();
    let mut builder = Builder::new(&PANEL.members());
    for bars in &bars[..PANEL.sessions - 1] {
        builder.advance(bars);
    }
    let today = &bars[PANEL.sessions - 1];
    let mut thin = Bars::empty(today.session);
    for i in 0..PANEL.names {
        let low = if i == 4 { today.high[i] * 2.0 } else { today.low[i] };
        let row = [today.open[i], today.high[i], low, today.close[i], today.volume[i]];
        if i != 3 {
            let [open, high, low, close, volume] = row;
            thin.push(
                today.symbols[i].clone(),
                [open, high, low, close, volume, today.raw_close[i]],
            );
        }
    }
    let features = builder.cross_section(&thin);
    for i in [3, 4] {
        let row = i * whitelist::COUNT..(i + 1) * whitelist::COUNT;
        assert!(!features.eligible[i]);
        assert!(features.raw[row.clone()].iter().all(|x| x.is_nan()));
        assert!(features.values[row].iter().all(|x| x.is_nan()));
        assert!(features.exposures.close[i].is_nan());
        assert!(features.exposures.beta[i] > 0.0, "a held name keeps its known risk");
    }
    let count = |guard: &str| {
        features.guards.iter().find(|(name, _)| name == guard).map(|(_, times)| *times)
    };
    assert_eq!((count("missing_bar"), count("invalid_bar")), (Some(1), Some(1)));
}

/// The $5 floor reads the price of that day, whatever later splits did to the adjusted one.
#[test]
fn a_penny_stock_and_a_young_one_are_not_eligible() {
    let mut bars = PANEL.bars();
    for bars in &mut bars {
        bars.raw_close[0] = 4.99;
        bars.volume[1] = 10.0;
    }
    let features = |sessions: &[Bars]| {
        let (today, history) = sessions.split_last().expect("sessions");
        let mut builder = Builder::new(&PANEL.members());
        for bars in history {
            builder.advance(bars);
        }
        builder.matrix(today)
    };
    assert_eq!(features(&bars).eligible[..3], [false, false, true]);
    assert!(features(&bars[..59]).eligible.iter().all(|eligible| !eligible));
    let young = features(&bars[..64]);
    assert!(young.eligible[2] && !young.tradable[2], "35 of 45 features are too few to trade on");
    assert!(young.guards.iter().any(|(guard, _)| *guard == "sparse_row"));
}

#[test]
fn half_the_market_missing_is_no_cross_section() {
    let panel = Panel { names: 100, sessions: 120, ..PANEL };
    let mut builder = Builder::new(&panel.members());
    let bars = panel.bars();
    let (today, history) = bars.split_last().expect("sessions");
    for bars in history {
        builder.advance(bars);
    }
    let mut thin = Bars::empty(today.session);
    for i in 0..panel.names * 45 / 100 {
        let row = [today.open[i], today.high[i], today.low[i], today.close[i], today.volume[i]];
        let [open, high, low, close, volume] = row;
        thin.push(today.symbols[i].clone(), [open, high, low, close, volume, close]);
    }
    let matrix = builder.matrix(&thin);
    assert!(matrix.eligible.iter().filter(|eligible| **eligible).count() >= 35);
    assert!(matrix.values.iter().all(|x| x.is_nan()));
    assert!(matrix.guards.contains(&("names", whitelist::COUNT as u32)));
}
