//! The defects of the system before this one that concern reporting, each by its number in PRIOR_ART.md §9. A test
//! here fails if the defect comes back.

mod common;

use common::{Desk, bars, dollars, features, fill, holding, opened, order, run, statement, traded};
use kernel::Observer;
use messages::{ActorId, DayReported, Env, Envelope, Holding, Message, Price, Usd};
use reporting::metrics::Returns;
use reporting::{Performance, RunFolder};

const DAY: &str = "2024-01-03";

fn desk(cash: f64) -> Desk {
    let mut desk = Desk::open(opened(Env::Paper, DAY, dollars(cash), Vec::new()));
    desk.say(ActorId::Ingest, bars("2024-01-02"));
    desk.say(ActorId::Features, features("2024-01-02", [0.5, 1.5, 1.0]));
    desk
}

fn reported(answers: &[Message]) -> Option<&DayReported> {
    match answers {
        [Message::DayReported(day)] => Some(day),
        _ => None,
    }
}

fn performance(journals: &[Vec<(u64, Envelope)>]) -> Performance {
    let dir = tempfile::tempdir().expect("dir");
    let mut folder = RunFolder::open(dir.path()).expect("a folder");
    for (position, entry) in journals.iter().flatten() {
        folder.see(*position, entry).expect("seen");
    }
    folder.performance().expect("sessions")
}

/// There: P&L uniform within ±1 %, so that the loss limit could never fire.
#[test]
fn prior_art_2_profit_is_that_of_the_fills_whatever_its_size() {
    let mut desk = desk(10_000.0);
    desk.trade(&order(DAY, "AAA", 100, 100.0), 100.0);
    let answers =
        desk.say(ActorId::Broker, statement(0.0, 9_000.0, vec![holding("AAA", 100, 100.0, 90.0)]));
    let day = reported(&answers).expect("a day");
    assert!((day.daily_return + 0.1).abs() < 1e-15, "{}", day.daily_return);
    desk.say(ActorId::Session, traded());
    let performance = performance(&[desk.entries()]);
    assert_eq!(performance.profit.net, dollars(-1_000.0));
    assert!((performance.max_drawdown.expect("one") + 0.1).abs() < 1e-12);
}

/// There: metrics random inside their target bands, reconciliation constant True.
#[test]
fn prior_art_3_reconciliation_can_fail_and_metrics_come_from_days() {
    let mut desk = desk(10_000.0);
    desk.trade(&order(DAY, "AAA", 10, 100.0), 100.0);
    let wrong = statement(9_000.01, 10_000.01, vec![holding("AAA", 10, 100.0, 100.0)]);
    let answers = desk.say(ActorId::Broker, wrong);
    assert!(matches!(&answers[..], [Message::Alarm(alarm)] if alarm.code == "RECONCILIATION"));

    let journals = run(Env::Paper, 12);
    assert_eq!(performance(&journals), performance(&journals));
    let days: Vec<DayReported> = journals
        .iter()
        .flatten()
        .filter_map(|(_, e)| match &e.body {
            Message::DayReported(day) => Some(day.clone()),
            _ => None,
        })
        .collect();
    let growth = days[11].nav_close.to_f64() / days[0].nav_open.to_f64() - 1.0;
    let total = performance(&journals).total_return.expect("a return");
    assert!((total - growth).abs() < 1e-12, "{total} {growth}");
}

/// There: what had no price was worth $100 a share. Here a day whose account has no price for a holding is no day.
#[test]
fn prior_art_4_a_holding_without_a_price_is_worth_nothing_made_up() {
    for (mark, equity) in [(0, 9_000.0), (0, 10_000.0), (-1_000_000, 8_990.0)] {
        let mut desk = desk(10_000.0);
        desk.trade(&order(DAY, "AAA", 10, 100.0), 100.0);
        let held = Holding { mark: Price(mark), ..holding("AAA", 10, 100.0, 100.0) };
        let unmarked = statement(9_000.0, equity, vec![held]);
        let answers = desk.say(ActorId::Broker, unmarked);
        assert_eq!(reported(&answers), None, "{mark}");
        let [Message::Alarm(alarm)] = &answers[..] else { panic!("{answers:?}") };
        assert!(alarm.code == "RECONCILIATION" && alarm.detail.contains("AAA mark"), "{alarm:?}");
    }
}

/// There: five-day returns taken each day, times 252: a Sharpe ratio √5 too high.
#[test]
fn prior_art_7_a_sharpe_ratio_is_of_daily_returns_that_do_not_overlap() {
    let journals = run(Env::Paper, 40);
    let performance = performance(&journals);
    let mut navs = Vec::new();
    for (_, entry) in journals.iter().flatten() {
        if let Message::DayReported(day) = &entry.body {
            if navs.is_empty() {
                navs.push(day.nav_open.to_f64());
            }
            navs.push(day.nav_close.to_f64());
        }
    }
    let daily: Vec<f64> = navs.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    assert_eq!(daily.len(), 40);
    let mean = daily.iter().sum::<f64>() / 40.0;
    let variance = daily.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / 39.0;
    let expected = mean / variance.sqrt() * 252f64.sqrt();
    assert!((performance.sharpe.expect("a ratio") - expected).abs() < 1e-9);
}

/// There: daily P&L started at zero and nobody ever set it.
#[test]
fn prior_art_16_a_day_starts_from_the_account_it_opened_with() {
    let held = vec![holding("AAA", 100, 80.0, 100.0)];
    let mut desk = Desk::open(opened(Env::Paper, DAY, dollars(0.0), held));
    desk.say(ActorId::Features, features("2024-01-02", [1.0; 3]));
    let close = vec![holding("AAA", 100, 80.0, 95.0)];
    let answers = desk.say(ActorId::Broker, statement(0.0, 9_500.0, close));
    let day = reported(&answers).expect("a day");
    assert_eq!((day.nav_open, day.nav_close), (dollars(10_000.0), dollars(9_500.0)));
    assert!((day.daily_return + 0.05).abs() < 1e-15);
}

/// There: fills since midnight replayed each cycle over positions that held them already.
#[test]
fn prior_art_22_fills_are_not_replayed() {
    let mut desk = desk(10_000.0);
    let (buy, sell) = (order(DAY, "AAA", 10, 100.0), order(DAY, "BBB", -10, 100.0));
    desk.trade(&buy, 100.0);
    desk.trade(&sell, 100.0);
    for _ in 0..3 {
        desk.say(ActorId::Broker, Message::Filled(fill(&buy, 10, 100.0, 10)));
        desk.say(ActorId::Broker, Message::Filled(fill(&sell, 10, 100.0, 10)));
    }
    let book = vec![holding("AAA", 10, 100.0, 101.0), holding("BBB", -10, 100.0, 101.0)];
    let answers = desk.say(ActorId::Broker, statement(10_000.0, 10_000.0, book));
    assert_eq!(reported(&answers).expect("it agrees").fills, 2);
    desk.say(ActorId::Session, traded());
    let once = performance(&[desk.entries()]);
    assert_eq!((once.profit.realised, once.profit.unrealised), (Usd(0), Usd(0)));
    // And a restart, which sees the whole journal again, books nothing twice.
    assert_eq!(performance(&[desk.entries(), desk.entries()]), once);
}

/// There: returns stamped with the panel's earliest dates; IR a t statistic; alpha annualised by a root.
#[test]
fn prior_art_26_beta_needs_the_same_days_and_ratios_have_one_convention() {
    let r = [0.01, -0.005, 0.003, 0.0, -0.012, 0.008];
    let b = [0.008, -0.004, 0.001, 0.002, -0.01, 0.005];
    let returns = |values: &[f64]| Returns::new(values.to_vec()).expect("finite");
    assert_eq!(returns(&r).beta(&returns(&b[1..])), None, "no silent alignment");
    let shifted = [&b[1..], &b[..1]].concat();
    assert_ne!(returns(&r).beta(&returns(&b)), returns(&r).beta(&returns(&shifted)));
    // The information ratio does not grow with the number of days, as a t statistic does.
    let (twice, bench) = ([r, r].concat(), [b, b].concat());
    let ratio = |r: &[f64], b: &[f64]| returns(r).information_ratio(&returns(b)).expect("a ratio");
    let (one, two) = (ratio(&r, &b), ratio(&twice, &bench));
    assert!((two / one - (11.0_f64 / 10.0).sqrt()).abs() < 1e-9, "{one} {two}");
    // Alpha compounds: (1 + a)^252 − 1.
    let up: Vec<f64> = b.iter().map(|b| b + 0.001).collect();
    let alpha = returns(&up).alpha(&returns(&b)).expect("an alpha");
    assert!((alpha - (1.001_f64.powi(252) - 1.0)).abs() < 1e-9, "{alpha}");
}

/// There: a run was deployed that failed its own gates. Here no run calls itself good: a ratio that the sessions
/// do not carry is labelled so.
#[test]
fn prior_art_30_a_ratio_is_labelled_by_what_its_sessions_carry() {
    let performance = performance(&run(Env::Paper, 40));
    let (low, high) = performance.sharpe_interval.expect("an interval");
    assert!(low < 0.0 && high > 0.0);
    assert!(performance.sharpe_label.starts_with("not distinguishable from 0"));
    assert!(performance.table().contains("not distinguishable from 0"));
}

/// There: the exposure board's beta was NaN for ever, a missing import swallowed.
#[test]
fn prior_art_41_beta_is_a_number_or_an_alarm() {
    let book = || vec![holding("AAA", 10, 100.0, 100.0), holding("BBB", -10, 100.0, 100.0)];
    let exposed = |betas| {
        let mut desk = Desk::open(opened(Env::Paper, DAY, dollars(10_000.0), book()));
        desk.say(ActorId::Features, features("2024-01-02", betas));
        desk.say(ActorId::Broker, statement(10_000.0, 10_000.0, book()))
    };
    let answers = exposed([0.5, 1.5, 1.0]);
    let beta = reported(&answers).expect("a day").exposures.beta.expect("known");
    assert!((beta - (0.5 - 1.5) * 0.1).abs() < 1e-12, "{beta}");
    let answers = exposed([0.5, f64::NAN, 1.0]);
    assert!(matches!(&answers[..], [Message::Alarm(alarm)] if alarm.code == "EXPOSURE_UNKNOWN"));
}

/// There: costs were charged on the position, whether or not anything was traded.
#[test]
fn prior_art_40_fees_are_of_the_trade_not_of_the_position() {
    const FRIDAY: &str = "2026-06-05";
    const MONDAY: &str = "2026-06-08";
    let long = || vec![holding("AAA", 1_000, 50.0, 50.0)];
    let fees = |trades: bool| {
        let mut desk = Desk::open(opened(Env::Paper, FRIDAY, dollars(100_000.0), long()));
        desk.say(ActorId::Features, features("2026-06-04", [1.0; 3]));
        if trades {
            desk.trade(&order(FRIDAY, "AAA", -1_000, 50.0), 50.0);
            desk.say(ActorId::Broker, statement(150_000.0, 150_000.0, Vec::new()));
        } else {
            desk.say(ActorId::Broker, statement(100_000.0, 150_000.0, long()));
        }
        desk.say(ActorId::Session, traded());
        let (cash, held) = if trades { (150_000.0, Vec::new()) } else { (100_000.0, long()) };
        let monday = Desk::open(opened(Env::Paper, MONDAY, dollars(cash), held));
        performance(&[desk.entries(), monday.entries()]).profit.modelled_fees
    };
    assert_eq!(fees(false), Usd(0));
    // Section 31, TAF and CAT on a thousand shares sold at $50: METHODS.md §5.
    assert_eq!(fees(true), dollars(1.24));
}
