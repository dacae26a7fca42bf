//! Defects of the system before this one (PRIOR_ART.md §9), each by its number: what holds here instead.

use super::*;
use crate::ic::{daily_ic, mean};
use crate::label;
use crate::workers::side_by_side;
use features::Builder;
use messages::Symbol;
use std::sync::mpsc;
use std::time::Duration;

/// There, rows lay symbol by symbol, and a "date" that the ranker compared within was three hundred days of one
/// symbol. Here the rows of a day lie together, are those of that day's cross-section and nobody else's, to the bit.
#[test]
fn prior_art_1_the_rows_of_a_day_are_its_cross_section() {
    let market = Market::new(BEFORE + 12, 40, 2);
    let panel = Panel::build(market.data(), 5, quiet()).unwrap();
    let mut builder = Builder::new(&market.members);
    let (mut end, mut days) = (0, panel.days.iter());
    for (index, bars) in market.history.iter().enumerate() {
        let features = builder.cross_section(bars);
        if index < BEFORE {
            continue;
        }
        let day = days.next().unwrap();
        assert_eq!((day.index, day.session, day.rows.start), (index, bars.session, end));
        end = day.rows.end;
        let rows = scoring::scorable_rows(&features);
        let symbols: Vec<&Symbol> = rows.iter().map(|row| &features.symbols[*row]).collect();
        let ours: Vec<&Symbol> = day.rows.clone().map(|row| panel.symbol(row)).collect();
        assert_eq!(ours, symbols);
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let ours: Vec<f32> = day.rows.clone().flat_map(|row| panel.row(row).to_vec()).collect();
        assert_eq!(bits(&ours), bits(&scoring::take_rows(&features, &rows)), "{}", day.session);
    }
    assert!(days.next().is_none() && end == panel.labels.len());
}

/// There, an embargo was counted in calendar days, so that a weekend ate most of it. Here the same sessions are cut the
/// same way however many days lie between them.
#[test]
fn prior_art_24_an_embargo_is_counted_in_sessions() {
    let daily = Market::new(SESSIONS, 36, 1);
    // Two sessions, then five days without one.
    let spread = |index: usize| date(index / 2 * 7 + index % 2);
    let sparse = Market {
        history: (0..SESSIONS)
            .map(|at| Bars { session: spread(at), ..daily.history[at].clone() })
            .collect(),
        members: daily.members.clone(),
    };
    let cut = |market: &Market| {
        let panel = cheap_panel(market, 2);
        (folds::walk_forward(&panel, &small()).unwrap(), folds::last(&panel, &small()))
    };
    assert_eq!(cut(&daily), cut(&sparse));
}

/// There, SPY stood among the stocks that were ranked. Here bars of who is no member are in no rank, no factor and no
/// label, whatever they do.
#[test]
fn prior_art_25_a_benchmark_is_not_ranked_among_the_stocks() {
    let market = Market::new(BEFORE + 12, 40, 2);
    let alone = Panel::build(market.data(), 5, quiet()).unwrap();
    let with_spy = |bars: &Bars| {
        let mut bars = bars.clone();
        bars.push("SPY".into(), [470.0, 475.0, 40.0, 471.0, 9e7, 471.0]);
        bars
    };
    let history: Vec<Bars> = market.history.iter().map(with_spy).collect();
    let beside = Panel::build(market.data().with_history(&history), 5, quiet()).unwrap();
    assert_ne!(beside.source.history_sha256, alone.source.history_sha256, "it is there");
    assert!(!beside.symbols.contains(&"SPY".into()));
    assert_eq!(beside.sha256(), alone.sha256());
    assert_eq!(beside.guards, alone.guards);
}

/// There, a decay of scores had the same numbers for lags of 1 to 20 sessions: the lag was ignored. Here each horizon
/// has returns of its own, and what knows tomorrow alone fades with every session more that it is held.
#[test]
fn prior_art_31_every_horizon_has_figures_of_its_own() {
    let market = Market::with_edge(BEFORE + 160, 60, 3, 1.0);
    let ic = |horizon: usize| {
        let config = TrainConfig { horizon, ..small() };
        let panel = Cheap { columns: 1 }.panel(market.data(), &config, quiet()).unwrap();
        let rows = Rows::from(panel.rows(0..panel.labelled()));
        let daily = daily_ic(&panel, &rows, &panel.values, |row| panel.returns[row]);
        mean(daily.iter().map(|(_, ic)| *ic))
    };
    let ics = [1, 2, 5, 10, 20].map(ic);
    assert!(ics.windows(2).all(|pair| pair[1] < pair[0] - 0.02), "{ics:?}");
    // What is held from the second session on only has nothing left of it.
    let symbols: Vec<Symbol> = market.members.iter().map(|m| m.symbol.clone()).collect();
    let late = |t: usize| label::forward_returns(&symbols, &market.history[t + 2..t + 4], None);
    let lagged: f64 = (BEFORE..BEFORE + 150)
        .map(|t| {
            let omen = |name| crate::testing::omen(t, name);
            late(t)
                .iter()
                .enumerate()
                .filter(|(_, r)| r.is_finite())
                .map(|(n, r)| omen(n) * r)
                .sum()
        })
        .map(|sum: f64| sum / symbols.len() as f64)
        .sum::<f64>()
        / 150.0;
    assert!(lagged.abs() < 0.002, "{lagged}");
}

/// There, training had one thread. Here as many folds as there are threads are worked on at a time: each of these two
/// waits for the other one to have begun.
#[test]
fn prior_art_42_folds_are_worked_on_side_by_side() {
    let (to_second, first) = mpsc::channel();
    let (to_first, second) = mpsc::channel();
    let ends = [(to_second, second), (to_first, first)].map(|ends| Mutex::new(Some(ends)));
    let met = side_by_side(2, 2, |at| {
        let (say, hear) = ends[at].lock().unwrap().take().unwrap();
        say.send(()).unwrap();
        Ok(hear.recv_timeout(Duration::from_secs(5)).is_ok())
    });
    assert_eq!(met.unwrap(), [true, true]);
}
