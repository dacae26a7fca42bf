//! How long ten years of features take, and one more session: our side of deploy/bench/features.sh.
//!
//! ```text
//! features_bench FOLDER
//! ```
//! FOLDER has `symbols.csv` (symbol,sector), `dates.txt` and `bars.f64`: sessions × names × (open, high, low,
//! close, volume, close), little-endian, NaN where there is no bar. Prints one line, `JSON {…}`, with CPU
//! seconds of this process by the kernel's account.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::members;
use features::{Builder, whitelist};
use messages::{Bars, Date, Member};
use std::error::Error;
use std::fs::{read, read_to_string};
use std::time::Instant;

/// Sessions that are timed one by one.
const TIMED: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let [folder] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: features_bench FOLDER".into());
    };
    let members = members(read_to_string(format!("{folder}/symbols.csv"))?.lines().skip(1));
    let history = history(folder, &members)?;
    let loaded = cpu_seconds()?;

    let (rows, values) = build(&members, &history);
    let built = cpu_seconds()? - loaded;
    let known = values.iter().filter(|x| !x.is_nan()).count();
    drop(values);
    let peak = status_mib("VmHWM:")?;

    let mut sessions = one_by_one(&members, &history);
    sessions.sort_by(f64::total_cmp);
    let at = |share: f64| sessions[((sessions.len() - 1) as f64 * share) as usize] * 1e3;
    println!(
        r#"JSON {{"task":"a_features","peer":"aurora","n":{},"rows":{rows},"nfeat":{},"known":{known},"load_cpu":{loaded:.3},"total_cpu":{built:.3},"maxrss_mb":{peak:.0},"session_p50_ms":{:.3},"session_p99_ms":{:.3},"session_max_ms":{:.3}}}"#,
        members.len(),
        whitelist::COUNT,
        at(0.5),
        at(0.99),
        at(1.0),
    );
    Ok(())
}

/// The feature matrix that a model is trained on: every tradable name of every session, row-major.
fn build(members: &[Member], history: &[Bars]) -> (usize, Vec<f32>) {
    let mut builder = Builder::new(members);
    let mut values = Vec::new();
    for bars in history {
        let today = builder.columns(bars);
        for row in (0..members.len()).filter(|row| today.tradable[*row]) {
            today.append_row(row, &mut values);
        }
    }
    (values.len() / whitelist::COUNT, values)
}

/// Wall seconds from a session's bars to its message, of the last sessions.
fn one_by_one(members: &[Member], history: &[Bars]) -> Vec<f64> {
    let mut builder = Builder::new(members);
    let (before, timed) = history.split_at(history.len().saturating_sub(TIMED));
    for bars in before {
        builder.advance(bars);
    }
    let time = |bars| {
        let start = Instant::now();
        let features = builder.cross_section(bars);
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(features.symbols.len(), members.len());
        seconds
    };
    timed.iter().map(time).collect()
}

fn history(folder: &str, members: &[Member]) -> Result<Vec<Bars>, Box<dyn Error>> {
    let numbers = read(format!("{folder}/bars.f64"))?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let mut rows = numbers.chunks(6);
    let mut history = Vec::new();
    for date in read_to_string(format!("{folder}/dates.txt"))?.lines() {
        let mut bars = Bars::empty(date.parse::<Date>()?);
        for (member, row) in members.iter().zip(&mut rows) {
            let row: [f64; 6] = std::array::from_fn(|i| f64::from_le_bytes(row[i]));
            if !row[3].is_nan() {
                bars.push(member.symbol.clone(), row);
            }
        }
        history.push(bars);
    }
    Ok(history)
}

/// That this process ran on a processor.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds * 1e-9)
}

fn status_mib(what: &str) -> Result<f64, Box<dyn Error>> {
    let text = read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(what)).ok_or("no such line")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
