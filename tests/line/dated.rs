//! A universe with dates, from a person's file to the orders: who belongs to it, and to which sector, is what it was on
//! each day.

use super::{market, orders, plays_the_same};
use crate::support::{Desk, text};
use messages::{Bars, Date, Message, Symbol};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

const NAMES: usize = 45;
const SESSIONS: usize = 655;
/// Of the market's names, by their place: one changes its sector, one leaves, one joins.
const MOVES: (usize, usize) = (5, 400);
const LEAVES: (usize, usize) = (9, 500);
const JOINS: (usize, usize) = (11, 450);

struct Scene {
    desk: Desk,
    market: exchange::Market,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { desk: Desk::new(), market: market(NAMES, SESSIONS) };
        let mut rows = "symbol,date,open,high,low,close,volume,raw_close\n".to_owned();
        for bars in scene.market.bars() {
            for (at, symbol) in bars.symbols.iter().enumerate() {
                let Bars { session, open, high, low, close, volume, raw_close, .. } = bars;
                let (open, high, low, close) = (open[at], high[at], low[at], close[at]);
                let (volume, raw) = (volume[at], raw_close[at]);
                writeln!(rows, "{symbol},{session},{open},{high},{low},{close},{volume},{raw}")
                    .expect("into memory");
            }
        }
        fs::write(scene.desk.path("bars.csv"), rows).expect("written");
        scene
    }

    fn day(&self, session: usize) -> Date {
        self.market.bars()[session].session
    }

    fn symbol(&self, name: usize) -> Symbol {
        self.market.members()[name].symbol.clone()
    }

    /// With `leaver` gone after session `last`.
    fn import(&self, leaver: Option<(&str, usize)>) -> Value {
        let mut rows = "symbol,sector,from,through\n".to_owned();
        let mut row = |symbol: &Symbol, sector: &str, from: usize, through: Option<usize>| {
            let last = match leaver {
                Some((name, last)) if through.is_none() && *symbol == name.into() => Some(last),
                _ => through,
            };
            let last = last.map_or(String::new(), |last| self.day(last).to_string());
            writeln!(rows, "{symbol},{sector},{},{last}", self.day(from)).expect("into memory");
        };
        for (name, member) in self.market.members().iter().enumerate() {
            let (symbol, sector) = (&member.symbol, member.sector.as_str());
            match name {
                name if name == MOVES.0 => {
                    row(symbol, "Utilities", 0, Some(MOVES.1 - 1));
                    row(symbol, sector, MOVES.1, None);
                }
                name if name == LEAVES.0 => row(symbol, sector, 0, Some(LEAVES.1)),
                name if name == JOINS.0 => row(symbol, sector, JOINS.1, None),
                _ => row(symbol, sector, 0, None),
            }
        }
        fs::write(self.desk.path("universe.csv"), rows).expect("written");
        let path = |name: &str| self.desk.path(name).display().to_string();
        let (bars, universe) = (path("bars.csv"), path("universe.csv"));
        self.desk.json(&["import", &bars, "--universe", &universe])
    }
}

fn finding<'a>(card: &'a Value, detector: &str) -> &'a Value {
    let findings = card["audit"].as_array().expect("findings");
    findings.iter().find(|finding| finding["detector"] == detector).expect("a verdict")
}

/// One name changes its sector, another leaves, a third joins; all of them trade before and after.
#[test]
fn prior_art_25_a_training_knows_members_and_sectors_of_each_day() {
    let scene = Scene::new();
    let stored = scene.import(None);
    let demanded = NAMES * SESSIONS - (SESSIONS - 1 - LEAVES.1) - JOINS.1;
    assert_eq!(stored["gate"]["expected"], demanded, "of each name while it is a member");
    assert_eq!(stored["gate"]["got"], demanded);
    let prices = scene.desk.path("data/latest/prices.parquet");
    let history = ingest::store::read_prices(&prices).expect("stored");
    let has = |session: usize, name: usize| history[session].row(&scene.symbol(name)).is_some();
    assert!(has(0, JOINS.0), "it has a past when it joins");
    assert!(has(LEAVES.1 + 60, LEAVES.0) && !has(SESSIONS - 1, LEAVES.0), "it is forgotten later");

    let output = scene.desk.run(&["train", "--json"]);
    let trained: Value = crate::support::last_json(&output);
    let card = trained["card"].as_str().unwrap_or_else(|| panic!("{}", text(&output.stderr)));
    let file: Value = serde_json::from_slice(&fs::read(card).expect("a card")).expect("JSON");
    let card = &file["card"];
    for detector in ["UNIVERSE", "SECTORS", "EXECUTION", "TRUNCATION"] {
        assert_eq!(finding(card, detector)["status"], "PASS", "{}", finding(card, detector));
    }
    let found = finding(card, "UNIVERSE")["found"].as_str().expect("words");
    assert!(found.contains("1 of 45 names have left") && found.contains("dated list"), "{found}");
    assert_eq!(card["members_as_of"], scene.day(0).to_string());

    let names: Vec<&str> = features::whitelist::names().into_iter().collect();
    let matrix = prices.with_file_name("feature_matrix.parquet");
    let (matrix, _) = ingest::read_matrix(&matrix, &names).expect("a matrix");
    let of = |name: usize| -> BTreeSet<Date> {
        let symbol = scene.symbol(name);
        let rows = matrix.symbols.iter().zip(&matrix.sessions);
        rows.filter(|(owner, _)| **owner == symbol).map(|(_, session)| *session).collect()
    };
    assert_eq!(of(LEAVES.0).last(), Some(&scene.day(LEAVES.1)));
    assert_eq!(of(JOINS.0).first(), Some(&scene.day(JOINS.1)));
    assert_eq!(of(MOVES.0).len(), of(0).len());
}

/// It leaves while it is held: the running system and the backtest say the same of it, and sell it.
#[test]
fn who_leaves_the_universe_is_sold_live_as_in_a_backtest() {
    let scene = Scene::new();
    scene.import(None);
    let prices = scene.desk.path("data/latest/prices.parquet").display().to_string();
    let period = ["--bars", prices.as_str(), "--sessions", "4"];
    let first = scene.day(SESSIONS - 4).to_string();
    let two = ["--bars", prices.as_str(), "--sessions", "2", "--from", first.as_str()];
    scene.desk.json(&super::with(&["backtest", "--run", "before"], &two));
    let book = |run: &str| -> BTreeSet<String> {
        let file = scene.desk.path(&format!("data/runs/{run}/positions.json"));
        let book: Value = serde_json::from_slice(&fs::read(file).expect("a book")).expect("JSON");
        let held = book["positions"].as_array().expect("positions").iter();
        held.map(|held| held["symbol"].as_str().expect("a symbol").to_owned()).collect()
    };
    let held = book("before").pop_first().expect("something is held after two sessions");
    // A member for the last time two signal sessions before the end.
    scene.import(Some((&held, SESSIONS - 4)));
    let sessions = plays_the_same(&scene.desk, &period);
    let symbol = Symbol::from(held.as_str());
    let is_member = |session: &super::Said| {
        let opened = session.values().flatten().find_map(|message| match message {
            Message::SessionOpened(opened) => Some(opened),
            _ => None,
        });
        let opened = opened.expect("it opened");
        assert!(opened.listed.iter().any(|row| row.symbol == symbol));
        opened.universe.iter().any(|member| member.symbol == symbol)
    };
    let members: Vec<bool> = sessions.iter().map(is_member).collect();
    assert_eq!(members, [true, true, false, false]);
    let traded: Vec<usize> = sessions
        .iter()
        .map(|session| orders(session).filter(|order| order.symbol == symbol).count())
        .collect();
    assert!(traded[0] + traded[1] > 0, "it was bought or sold short: {traded:?}");
    assert!(traded[2] > 0, "and closed when it was no member any more: {traded:?}");
    assert!(!book("test").contains(&held));
    scene.desk.run(&["train"]);
    for session in &sessions {
        trained_as_served(&scene, session);
    }
}

/// A session's features, of which its journal knows 400 sessions and their members, are to the bit what a training on all
/// of them has of that day.
fn trained_as_served(scene: &Scene, session: &super::Said) {
    let served = session.values().flatten().find_map(|message| match message {
        Message::Features(features) => Some(features),
        _ => None,
    });
    let served = served.expect("features");
    let names: Vec<&str> = served.names.iter().map(String::as_str).collect();
    let matrix = scene.desk.path("data/latest/feature_matrix.parquet");
    let (matrix, _) = ingest::read_matrix(&matrix, &names).expect("a matrix");
    let mut compared = 0;
    for row in (0..matrix.sessions.len()).filter(|row| matrix.sessions[*row] == served.session) {
        let at = served.symbols.binary_search(&matrix.symbols[row]).expect("it was served");
        let bits = |values: &[f32], row: usize| -> Vec<u32> {
            let values = &values[row * names.len()..(row + 1) * names.len()];
            values.iter().map(|value| value.to_bits()).collect()
        };
        assert!(served.eligible[at], "{} on {}", matrix.symbols[row], served.session);
        assert_eq!(bits(&matrix.values, row), bits(&served.values, at), "{}", matrix.symbols[row]);
        compared += 1;
    }
    assert_eq!(compared, served.eligible.iter().filter(|eligible| **eligible).count());
    assert!(compared > 35, "{compared} names on {}", served.session);
}
