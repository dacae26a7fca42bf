//! Features as CSV, for the Python oracle (tests/python/features_oracle.py).
//!
//! ```text
//! features_dump --bars bars.csv --sectors sectors.csv --last K --out PREFIX
//! ```
//! `bars.csv`: symbol,date,open,high,low,close,volume. `sectors.csv`: symbol,sector; these symbols
//! are the universe. Writes PREFIX_raw.csv and PREFIX_xs.csv (date,symbol,elig,…) of the last K sessions.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{bar_row, members};
use features::{Builder, Matrix, whitelist};
use messages::{Bars, Date};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, read_to_string};
use std::io::{BufWriter, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--bars", bars, "--sectors", sectors, "--last", last, "--out", prefix] => {
            dump(bars, sectors, last.parse()?, prefix)
        }
        _ => Err("usage: features_dump --bars FILE --sectors FILE --last K --out PREFIX".into()),
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
