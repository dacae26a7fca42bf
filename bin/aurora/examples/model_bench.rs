//! The trainer's side of deploy/bench/model.py: one command a line on stdin, one JSON object a line on stdout.
//!
//!     model_bench MATRIX MODELS ID
//!
//! `folds`: the rows of each fold. `walk OUT`: loads the matrix, trains and tests every fold on one thread, writes the
//! scores (f32) to OUT. `score N`: N times the first 130 rows. `explain N`: N times the contributions of one row.
//! Seconds are wall time and CPU time of this process; of N times the median and the 99th percentile.

use ingest::{FeatureMatrix, read_matrix};
use messages::{Date, Env, Symbol};
use scoring::Predictor;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;
use trainer::{
    Day, Panel, Pipeline, Registry, Rows, Source, Standard, Timing, TrainConfig, Watch,
    scores_out_of_fold,
};

/// Names of a live cross-section.
const NAMES: usize = 130;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [matrix, models, id] = arguments.as_slice() else {
        return Err("usage: model_bench MATRIX MODELS ID".into());
    };
    let registry = Registry::new(models);
    let (reference, card) = registry.sealed(id)?;
    let model = registry.load(&reference, Env::Backtest)?;
    let config = TrainConfig { threads: 1, ..card.config.clone() };
    let rows = load(Path::new(matrix), &config)?.values;
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["folds"] => folds(&load(Path::new(matrix), &config)?, &config, &card.xgboost_version)?,
            ["walk", out] => walk(Path::new(matrix), &config, out)?,
            ["score", times] => {
                let wide = &rows[..NAMES * model.names().len()];
                timed(times.parse()?, || drop(model.predict(wide, NAMES)))
            }
            ["explain", times] => {
                let one = &rows[..model.names().len()];
                timed(times.parse()?, || drop(model.contributions(one, 1)))
            }
            _ => return Err(format!("no such command: {line}").into()),
        };
        writeln!(stdout(), "{answer}")?;
    }
    Ok(())
}

fn folds(
    panel: &Panel,
    config: &TrainConfig,
    version: &str,
) -> Result<serde_json::Value, Box<dyn Error>> {
    let ranges = |rows: &Rows| rows.0.iter().map(|r| [r.start, r.end]).collect::<Vec<_>>();
    let fold = |fold: &trainer::Fold| {
        serde_json::json!({
            "fit": ranges(&fold.fit), "validation": ranges(&fold.validation), "test": ranges(&fold.test),
        })
    };
    let folds: Vec<_> = Standard.folds(panel, config)?.iter().map(fold).collect();
    Ok(serde_json::json!({
        "folds": folds, "config": config, "xgboost": version, "names": panel.names,
    }))
}

fn walk(
    matrix: &Path,
    config: &TrainConfig,
    out: &str,
) -> Result<serde_json::Value, Box<dyn Error>> {
    let (wall, cpu) = (Instant::now(), cpu_seconds()?);
    let panel = load(matrix, config)?;
    let quiet = |_| ControlFlow::Continue(());
    let scores = scores_out_of_fold(&Standard, &panel, config, Watch::new(&quiet))?;
    let answer = serde_json::json!({
        "wall": wall.elapsed().as_secs_f64(), "cpu": cpu_seconds()? - cpu,
    });
    std::fs::write(out, scores.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>())?;
    Ok(answer)
}

fn timed(times: usize, work: impl Fn()) -> serde_json::Value {
    let mut seconds: Vec<f64> = (0..times)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    serde_json::json!({ "p50": seconds[times / 2], "p99": seconds[times * 99 / 100] })
}

/// Of this process, all threads, to a hundredth of a second.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = text.rsplit_once(')').ok_or("no process name in /proc/self/stat")?;
    let ticks: Result<Vec<f64>, _> =
        after_name.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / 100.0)
}

/// As the walk-forward needs it: sessions are counted from the matrix's first.
fn load(path: &Path, config: &TrainConfig) -> Result<Panel, Box<dyn Error>> {
    let names = features::whitelist::names();
    let (matrix, manifest) = read_matrix(path, &names)?;
    let FeatureMatrix { names, sessions, symbols, values, labels, returns } = matrix;
    let days = days(&sessions);
    let mut place: BTreeMap<Symbol, u32> = symbols.iter().map(|s| (s.clone(), 0)).collect();
    place.values_mut().zip(0..).for_each(|(place, at)| *place = at);
    Ok(Panel {
        source: Source {
            history_sha256: manifest.source.history_sha256,
            members_sha256: manifest.source.members_sha256,
            members: place.len(),
            first: sessions[0],
            through: sessions[sessions.len() - 1],
            sessions: days.len(),
        },
        whitelist_sha256: manifest.source.whitelist_sha256,
        names,
        owners: symbols.iter().map(|symbol| place[symbol]).collect(),
        symbols: place.into_keys().collect(),
        days,
        values,
        labels,
        returns,
        timing: Timing::next_open(config.horizon),
        guards: BTreeMap::new(),
        twins: Vec::new(),
    })
}

fn days(sessions: &[Date]) -> Vec<Day> {
    let mut from = 0;
    let day = |(index, day): (usize, &[Date])| {
        let rows = from..from + day.len();
        from = rows.end;
        Day { session: day[0], index, rows }
    };
    sessions.chunk_by(|a, b| a == b).enumerate().map(day).collect()
}
