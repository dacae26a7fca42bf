//! By hand, against a plain loop in floats, and whatever a file of weights may get wrong.

use super::*;
use costs::FlatCosts;
use ingest::{Universe, Weights};
use messages::{DayReported, Env, Holding, Limits, Member, Message, Symbol, Usd};
use proptest::prelude::*;
use std::fmt::Write;

const COSTS: FlatCosts = FlatCosts { commission_bp: 5.0, slippage_bp: 5.0 };
const NAMES: [&str; 3] = ["AAA", "BBB", "CCC"];

#[derive(Default)]
struct Days(Vec<DayReported>);

impl Observer for Days {
    fn see(&mut self, _position: u64, entry: &Envelope) -> std::io::Result<()> {
        if let Message::DayReported(day) = &entry.body {
            self.0.push(day.clone());
        }
        Ok(())
    }
}

/// Sessions from 2024-03-04 on; a row of (open, close) per session, `None`: no bar.
fn bars(rows: &[&[Option<(f64, f64)>]]) -> Vec<Bars> {
    let dates = exchange::calendar::xnys_sessions("2024-03-04".parse().unwrap(), rows.len());
    let session = |(date, row): (Date, &&[Option<(f64, f64)>])| {
        let mut bars = Bars::empty(date);
        for (name, prices) in NAMES.iter().zip(*row) {
            if let Some((open, close)) = *prices {
                bars.push(Symbol::from(*name), [open, open, close, close, 1e6, close]);
            }
        }
        bars
    };
    dates.into_iter().zip(rows).map(session).collect()
}

fn universe() -> Universe {
    let member = |name: &&str| Member { symbol: Symbol::from(*name), sector: "All".to_owned() };
    Universe::new(NAMES.iter().map(member).collect(), "2024-03-01".parse().unwrap())
}

fn weights(csv: &str) -> Weights {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.csv");
    std::fs::write(&path, csv).unwrap();
    Weights::read(&path).unwrap()
}

fn opening(plan: &Plan) -> SessionOpened {
    let date = plan.bars[0].session;
    let zero = Limits::each(0.0);
    SessionOpened {
        run_id: "test".to_owned(),
        source: "a test".to_owned(),
        universe: plan.members.clone(),
        ..SessionOpened::new(Env::Backtest, date, date, zero)
    }
}

struct Done {
    days: Vec<DayReported>,
    outcome: Outcome,
    journals: Vec<Vec<Envelope>>,
}

fn run(csv: &str, bars: &[Bars], cash: i64, costs: FlatCosts) -> Result<Done, String> {
    let weights = weights(csv);
    let plan = Plan::new(&weights, bars, &universe(), None, 4.0).map_err(|e| e.to_string())?;
    let run = Run { plan: &plan, costs, opening: opening(&plan) };
    let mut account = Account::new(costs, Usd(cash * 1_000_000));
    let (mut days, mut journals) = (Days::default(), Vec::new());
    let mut keep = |_, journal: &[Envelope]| {
        journals.push(journal.to_vec());
        Ok(())
    };
    let (outcome, _) =
        play(&run, &mut account, &mut days, &mut keep).map_err(|error| error.to_string())?;
    Ok(Done { days: days.0, outcome, journals })
}

fn held(day: &DayReported) -> Vec<(&str, i64)> {
    day.positions.iter().map(|held| (held.symbol.as_str(), held.quantity.0)).collect()
}

/// 100,000 at the close of Monday: half in AAA at 99.99 are 500 shares (500.05), a quarter short in BBB at 30 are
/// 833 (833.33). Tuesday's opens are 100 and 31: bought at 100.05 for 50,025.00, sold at 30.9845 for 25,810.0885;
/// commission 5 bp of 75,835.0885 is 37.917544. Cash 75,747.170956; at the closes 101 and 30 the book is worth
/// 50,500 − 24,990. From there the signs change: a position goes by way of flat, in two orders at one price.
#[test]
fn three_days_by_hand() {
    let bars = bars(&[
        &[Some((99.0, 99.99)), Some((30.0, 30.0)), None],
        &[Some((100.0, 101.0)), Some((31.0, 30.0)), None],
        &[Some((100.0, 100.0)), Some((40.0, 20.0)), None],
    ]);
    let csv = "date,AAA,BBB\n2024-03-04,0.5,-0.25\n2024-03-05,-0.1,0\n2024-03-06,0,0\n";
    let done = run(csv, &bars, 100_000, COSTS).unwrap();
    assert_eq!(done.outcome, Outcome::Traded);
    let [tuesday, wednesday] = &done.days[..] else { panic!("two days") };
    assert_eq!(held(tuesday), [("AAA", 500), ("BBB", -833)]);
    assert_eq!((tuesday.cash, tuesday.nav_close), (Usd(75_747_170_956), Usd(101_257_170_956)));
    assert_eq!((tuesday.orders, tuesday.fills, tuesday.nav_open), (2, 2, Usd(100_000_000_000)));
    // trunc(−10,125.7170956 ÷ 101) = −100: 500 sold to flat and 100 more, 99.95 each; 833 bought back at 40.02.
    assert_eq!(held(wednesday), [("AAA", -100)]);
    assert_eq!((wednesday.orders, wednesday.fills), (3, 3));
    // 59,970.00 − 33,336.66, commission of 93,306.66 is 46.65333.
    assert_eq!(wednesday.cash, Usd(102_333_857_626));
    assert_eq!(wednesday.nav_close, Usd(92_333_857_626));
    assert_eq!(wednesday.exposures.beta, None, "nobody knows betas without features");
    assert!((wednesday.exposures.gross - 10_000.0 / 92_333.857_626).abs() < 1e-12);
}

#[test]
fn a_session_without_a_row_keeps_what_is_held_and_the_same_run_has_the_same_journal() {
    let day: &[_] = &[Some((10.0, 10.0)), Some((20.0, 20.0)), Some((30.0, 30.0))];
    let bars = bars(&[day, day, day, day]);
    let csv = "date,symbol,weight\n2024-03-04,AAA,0.5\n2024-03-04,CCC,-0.5\n2024-03-07,AAA,0\n";
    let done = run(csv, &bars, 10_000, FlatCosts { commission_bp: 0.0, slippage_bp: 0.0 }).unwrap();
    let orders: Vec<u32> = done.days.iter().map(|day| day.orders).collect();
    assert_eq!(orders, [2, 0, 0]);
    assert!(done.days.iter().all(|day| held(day) == [("AAA", 500), ("CCC", -166)]));
    assert!(done.days.iter().all(|day| day.nav_close == Usd(10_000_000_000)), "nothing costs");
    let again =
        run(csv, &bars, 10_000, FlatCosts { commission_bp: 0.0, slippage_bp: 0.0 }).unwrap();
    assert_eq!(done.journals, again.journals);
}

#[test]
fn no_price_is_ever_invented() {
    let whole: &[_] = &[Some((10.0, 10.0)), Some((20.0, 20.0)), Some((30.0, 30.0))];
    let hole: &[_] = &[None, Some((20.0, 20.0)), Some((30.0, 30.0))];
    let csv = |first, second| {
        format!("date,AAA\n2024-03-04,{first}\n2024-03-05,{second}\n2024-03-06,0\n")
    };
    let stopped = |text: &str, rows: &[&[_]]| run(text, &bars(rows), 10_000, COSTS).err().unwrap();
    let open = stopped(&csv(1, 1), &[whole, hole, whole]);
    assert!(
        open.contains("AAA has no price at the open of 2024-03-05, but it is to be traded"),
        "{open}"
    );
    let close = stopped(&csv(1, 1), &[hole, whole, whole]);
    assert!(
        close.contains("AAA has no price at the close of 2024-03-04, but it has a weight"),
        "{close}"
    );
    let held = stopped(&csv(1, 1), &[whole, whole, hole]);
    assert!(held.contains("of 2024-03-06, but it is"), "{held}");
    assert!(held.contains("give it weight 0 in time"), "{held}");
    assert!(
        run(&csv(0, 0), &bars(&[whole, hole, hole]), 10_000, COSTS).is_ok(),
        "nobody asks for it"
    );
}

#[test]
fn weights_that_do_not_fit_the_bars_are_refused_by_name() {
    let day: &[_] = &[Some((10.0, 10.0)), Some((20.0, 20.0)), Some((30.0, 30.0))];
    let bars = bars(&[day, day, day]);
    let refused = |text: &str, through: Option<&str>| {
        let through = through.map(|date| date.parse().unwrap());
        let weights = weights(text);
        Plan::new(&weights, &bars, &universe(), through, 2.0).unwrap_err().to_string()
    };
    let two = "date,AAA\n2024-03-04,1\n2024-03-05,1\n";
    for (said, text, through) in [
        ("no bars of EEE, FFF: take them out", "date,AAA,EEE,FFF\n2024-03-04,0,0,0\n", None),
        ("weights of 2024-03-07, but no bars", "date,AAA\n2024-03-04,1\n2024-03-07,1\n", None),
        ("reach from 2024-03-04 to 2024-03-06", "date,AAA\n2024-03-01,1\n2024-03-04,1\n", None),
        ("2024-03-05 add up to 3 of", "date,AAA,BBB\n2024-03-04,1,1\n2024-03-05,-2,1\n", None),
        ("no session after 2024-03-04", "date,AAA\n2024-03-04,1\n", None),
        ("--through 2024-03-08: the bars have no such", two, Some("2024-03-08")),
        ("--through 2024-03-01: the bars have no such", two, Some("2024-03-01")),
    ] {
        let error = refused(text, through);
        assert!(error.contains(said), "{error}");
    }
    let weights = weights(two);
    let plan = Plan::new(&weights, &bars, &universe(), Some("2024-03-06".parse().unwrap()), 1.0);
    assert_eq!(plan.unwrap().sessions(), 2, "the last weights trade where there is a session");
}

#[test]
fn a_ruined_account_stops() {
    let bars = bars(&[
        &[Some((10.0, 10.0)), None, None],
        &[Some((10.0, 1.0)), None, None],
        &[Some((1.0, 1.0)), None, None],
    ]);
    let csv = "date,AAA\n2024-03-04,2\n2024-03-05,2\n2024-03-06,2\n";
    let done = run(csv, &bars, 10_000, COSTS).unwrap();
    let Outcome::Stopped { reason } = done.outcome else { panic!("{:?}", done.outcome) };
    assert!(reason.contains("NO_EQUITY"), "{reason}");
    assert_eq!(done.journals.len(), 1);
}

type Row = Vec<Option<(f64, f64)>>;

/// A price as files have them: of cents, or a single-precision float.
fn price() -> impl Strategy<Value = f64> {
    prop_oneof![
        (100_i32..30_000).prop_map(|c| f64::from(c) / 100.0),
        (1_f32..300.0).prop_map(f64::from)
    ]
}

fn days() -> impl Strategy<Value = Vec<(Row, Vec<f64>)>> {
    let bar = (price(), price()).prop_map(Some);
    let weight = prop_oneof![3 => -0.6..0.6, 1 => Just(0.0)];
    let day = (prop::collection::vec(bar, 3), prop::collection::vec(weight, 3));
    prop::collection::vec(day, 2..12)
}

/// The plain loop, in floats: equity at each close.
fn reference(days: &[(Row, Vec<f64>)], cash: f64) -> Vec<f64> {
    let (mut cash, mut held, mut equity) = (cash, [0.0; 3], Vec::new());
    let mut target: Option<[f64; 3]> = None;
    for (prices, weights) in days {
        for (name, wanted) in target.iter().flatten().enumerate() {
            let change: f64 = wanted - held[name];
            let side = if change == 0.0 { 0.0 } else { change.signum() };
            let value = change * prices[name].unwrap().0 * (1.0 + side * 5e-4);
            cash -= value + value.abs() * 5e-4;
            held[name] = *wanted;
        }
        let close = |name: usize| prices[name].unwrap().1;
        equity.push(cash + (0..3).map(|name| held[name] * close(name)).sum::<f64>());
        let now = equity[equity.len() - 1];
        target = Some(std::array::from_fn(|name| (weights[name] * now / close(name)).trunc()));
    }
    equity
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_close_is_the_plain_loops_and_the_account_adds_up(days in days()) {
        let expected = reference(&days, 1e6);
        prop_assume!(expected.iter().all(|nav| *nav > 1e4));
        let rows: Vec<&[_]> = days.iter().map(|(prices, _)| &prices[..]).collect();
        let bars = bars(&rows);
        let mut csv = "date,AAA,BBB,CCC\n".to_owned();
        for (bars, (_, row)) in bars.iter().zip(&days) {
            writeln!(csv, "{},{},{},{}", bars.session, row[0], row[1], row[2]).unwrap();
        }
        let done = run(&csv, &bars, 1_000_000, COSTS).unwrap();
        prop_assert_eq!(done.days.len() + 1, expected.len());
        for (day, expected) in done.days.iter().zip(&expected[1..]) {
            // Micro-dollars are rounded once a value: far from a cent.
            prop_assert!((day.nav_close.to_f64() - expected).abs() < 2e-4, "{} {expected}", day.nav_close);
            let book: Usd = day.positions.iter().map(Holding::value).sum();
            prop_assert_eq!(day.nav_close, day.cash + book);
        }
        let navs: Vec<Usd> = done.days.iter().map(|day| day.nav_open).collect();
        prop_assert!(done.days.windows(2).all(|pair| pair[0].nav_close == pair[1].nav_open), "{navs:?}");
    }
}
