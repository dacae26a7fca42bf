//! Features as CSV, for the Python oracle (tests/python/features_oracle.py), and how long they take.
//!
//! ```text
//! features_dump --bars bars.csv --sectors sectors.csv --last K --out PREFIX
//! features_dump --time NAMES SESSIONS
//! ```
//! `bars.csv`: symbol,date,open,high,low,close,volume. `sectors.csv`: symbol,sector; these symbols
//! are the universe. Writes PREFIX_raw.csv and PREFIX_xs.csv (date,symbol,elig,…) of the last K sessions.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{bar_row, members, panel::Panel};
use features::{Builder, Matrix, whitelist};
use messages::{Bars, Date};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, read_to_string};
use std::io::{BufWriter, Write};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--bars", bars, "--sectors", sectors, "--last", last, "--out", prefix] => {
            dump(bars, sectors, last.parse()?, prefix)
        }
        ["--time", names, sessions] => {
            time(names.parse()?, sessions.parse()?);
            Ok(())
        }
        _ => Err("usage: features_dump --bars FILE --sectors FILE --last K --out PREFIX | --time NAMES SESSIONS".into()),
    }
}

fn dump(bars: &str, sectors: &str, last: usize, prefix: &str) -> Result<(), Box<dyn Error>> {
    let history = read_bars(&read_to_string(bars)?)?;
    let mut builder = Builder::new(&members(read_to_string(sectors)?.lines().skip(1)));
    let (warm_up, wanted) = history.split_at(history.len().saturating_sub(last));
    let mut raw = table(&format!("{prefix}_raw.csv"))?;
    let mut transformed = table(&format!("{prefix}_xs.csv"))?;
    for bars in warm_up {
        builder.advance(bars);
    }
    for bars in wanted {
        let matrix = builder.matrix(bars);
        write_rows(&mut raw, &matrix, &matrix.raw)?;
        write_rows(&mut transformed, &matrix, &matrix.values)?;
        if !matrix.guards.is_empty() {
            println!("{} {:?}", matrix.session, matrix.guards);
        }
    }
    Ok(())
}

fn read_bars(text: &str) -> Result<Vec<Bars>, Box<dyn Error>> {
    let mut sessions: BTreeMap<Date, BTreeMap<&str, [f64; 6]>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let mut fields = line.splitn(3, ',');
        let (Some(symbol), Some(date), Some(numbers)) =
            (fields.next(), fields.next(), fields.next())
        else {
            return Err(format!("{line:?} is not symbol,date,open,high,low,close,volume").into());
        };
        sessions.entry(date.parse()?).or_default().insert(symbol, bar_row(numbers));
    }
    let session = |(date, rows): (Date, BTreeMap<&str, [f64; 6]>)| {
        let mut bars = Bars::empty(date);
        for (symbol, row) in rows {
            bars.push(symbol.into(), row);
        }
        bars
    };
    Ok(sessions.into_iter().map(session).collect())
}

fn table(path: &str) -> Result<BufWriter<File>, Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "date,symbol,elig,{}", whitelist::names().join(","))?;
    Ok(file)
}

fn write_rows(file: &mut impl Write, matrix: &Matrix, values: &[f64]) -> std::io::Result<()> {
    for (i, row) in values.chunks(whitelist::COUNT).enumerate() {
        let eligible = u8::from(matrix.eligible[i]);
        write!(file, "{},{},{eligible}", matrix.session, matrix.symbols[i].as_str())?;
        for value in row {
            if value.is_nan() { write!(file, ",")? } else { write!(file, ",{value:?}")? }
        }
        writeln!(file)?;
    }
    Ok(())
}

/// Seconds to advance over a made-up market, and to build every cross-section of it.
fn time(names: usize, sessions: usize) {
    let panel = Panel { seed: 1, names, sessions, missing: 0.0, invalid: 0.0 };
    let (members, bars) = (panel.members(), panel.bars());

    let start = Instant::now();
    let mut builder = Builder::new(&members);
    for bars in &bars {
        builder.advance(bars);
    }
    println!("advance {names} names {sessions} sessions: {:.3} s", start.elapsed().as_secs_f64());

    let start = Instant::now();
    let mut builder = Builder::new(&members);
    let rows: usize = bars.iter().map(|bars| usable(&builder.matrix(bars))).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("build   {names} names {sessions} sessions: {seconds:.3} s, {rows} rows");
}

fn usable(matrix: &Matrix) -> usize {
    matrix.tradable.iter().filter(|tradable| **tradable).count()
}
