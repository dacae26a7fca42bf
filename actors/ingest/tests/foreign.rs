//! Parquet files of other people: types that polars was not built for, days that are no dates, damage. Nothing
//! of it ends in a panic. `foreign/make.py` made the files with pyarrow.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ingest::{ImportError, Imported, Sources, import};
use jiff::civil::date;
use messages::Time;
use polars::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// 2024-07-01 17:00 UTC.
const NOW: Time = Time(1_719_853_200_000_000_000);

fn made(name: &str) -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    Path::new(&package).join(format!("tests/foreign/{name}.parquet"))
}

fn imported(prices: &Path) -> Result<Imported, ImportError> {
    let folder = TempDir::new().unwrap();
    let universe = folder.path().join("universe.csv");
    fs::write(&universe, "symbol,sector\nMETA,Tech\nBRK-B,Money\n").unwrap();
    import(&Sources {
        prices,
        universe: &universe,
        sectors: None,
        sectors_as_of: Some(date(2024, 2, 1)),
        now: NOW,
    })
}

/// Without the folder.
fn refused(prices: &Path) -> String {
    let text = imported(prices).expect_err("must be refused").to_string();
    text.replace(&format!("{}/", prices.parent().unwrap().display()), "")
}

fn sound(imported: &Imported) {
    let [bars] = &imported.bars[..] else { panic!("{:?}", imported.bars) };
    assert_eq!((bars.session, bars.symbols.len()), (date(2024, 1, 2), 2));
    assert_eq!((&bars.close.0[..], &bars.volume.0[..]), (&[21.0, 11.0][..], &[120.0, 100.0][..]));
}

#[test]
fn integers_of_any_width_are_numbers_and_categories_are_text() {
    for kind in ["int8", "int16", "uint8", "uint16", "uint32", "uint64"] {
        sound(&imported(&made(&format!("volume-{kind}"))).expect(kind));
    }
    for name in ["symbol-category", "date-date64"] {
        sound(&imported(&made(name)).expect(name));
    }
}

#[test]
fn what_is_no_number_is_refused_by_name() {
    for (kind, found) in [
        ("boolean", "boolean"),
        ("duration", "duration"),
        ("timestamp", "datetime[μs]"),
        ("float16", "float16"),
        ("decimal", "decimal"),
    ] {
        let name = format!("volume-{kind}");
        assert_eq!(
            refused(&made(&name)),
            format!(
                "{name}.parquet: column volume is of type {found}: write it as an integer or a 64-bit float"
            )
        );
    }
}

#[test]
fn columns_that_nobody_asks_for_may_be_of_any_type() {
    sound(&imported(&made("extra")).unwrap());
}

/// A frame of two rows; `days` are the columns that may hold the session.
fn written(folder: &TempDir, days: Vec<Column>) -> PathBuf {
    let mut columns = vec![Column::new("symbol".into(), ["META", "BRK-B"])];
    columns.extend(days);
    for (name, values) in [
        ("open", [10.0, 20.0]),
        ("high", [12.0, 22.0]),
        ("low", [9.0, 19.0]),
        ("close", [11.0, 21.0]),
    ] {
        columns.push(Column::new(name.into(), values));
    }
    columns.push(Column::new("volume".into(), [100i64, 120]));
    let path = folder.path().join("prices.parquet");
    let mut frame = DataFrame::new_infer_height(columns).unwrap();
    ParquetWriter::new(fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
    path
}

fn days(name: &str, second: i32) -> Column {
    Int32Chunked::from_vec(name.into(), vec![19_724, second]).into_date().into_column()
}

#[test]
fn a_day_beyond_all_dates_is_a_bad_cell() {
    let folder = TempDir::new().unwrap();
    for day in [3_000_000, -5_000_000, 10_000_000, i32::MAX, i32::MIN] {
        let text = refused(&written(&folder, vec![days("date", day)]));
        let expected = format!("prices.parquet, row 2, column date: \"day {day}\" is no session");
        assert!(text.starts_with(&expected), "{text}");
    }
    sound(&imported(&written(&folder, vec![days("date", 19_724)])).unwrap());
}

#[test]
fn two_columns_that_may_be_the_session_are_one_too_many() {
    let folder = TempDir::new().unwrap();
    let both = vec![days("date", 19_724), days("session", 19_725)];
    assert_eq!(
        refused(&written(&folder, both)),
        "prices.parquet: date and session are both there and each may hold the session: keep one"
    );
}

/// Whatever bit of it is wrong, a file is read or refused by name. Of the bytes before the footer only
/// some, as they are mostly prices.
#[test]
fn damage_is_refused_and_never_a_panic() {
    let good = fs::read(made("volume-int16")).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("prices.parquet");
    let footer = good.len()
        - 8
        - u32::from_le_bytes(good[good.len() - 8..][..4].try_into().unwrap()) as usize;
    let (mut refusals, mut panics) = (0, 0);
    for at in (4..footer).step_by(5).chain(footer..good.len()) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&path, bad).unwrap();
        if let Err(error) = imported(&path) {
            let text = error.to_string();
            assert!(text.contains("prices.parquet"), "{text}");
            refusals += 1;
            panics += u32::from(text.contains("not a readable Parquet file"));
        }
    }
    assert!(refusals > 100 && panics > 0, "{refusals} refusals, {panics} of them panics of polars");
}

#[test]
fn a_price_history_that_is_damaged_is_an_error_too() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("prices.parquet");
    let good = fs::read(made("extra")).unwrap();
    fs::write(&path, &good).unwrap();
    let text = ingest::store::read_prices(&path).unwrap_err().to_string();
    assert!(text.contains("column session is missing"), "{text}");
    for at in good.len() - 900..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&path, bad).unwrap();
        let text = ingest::store::read_prices(&path).unwrap_err().to_string();
        assert!(text.contains("prices.parquet"), "{text}");
    }
}
