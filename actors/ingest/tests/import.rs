//! Other people's files: what is imported, what is left out and counted, what is refused and how.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ingest::{
    ImportError, Imported, Mapped, Sources, import, read_universe, universe_path, write_universe,
};
use jiff::civil::date;
use messages::{Symbol, Time};
use polars::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// 2024-07-01 17:00 UTC, a Monday: the session is on.
const NOW: Time = Time(1_719_853_200_000_000_000);
const UNIVERSE: &str = "symbol,sector\nMETA,Tech\nBRK-B,Money\n";
const SECTORS: &str = "symbol,sector,source\nBRK-B,Financials,x_2024-03-05\n\
                       META,Communication,x_2024-03-01\nZZZ,None,x_2024-03-05\n";
const HEADER: &str = "symbol,date,open,high,low,close,volume\n";
const TWO: &str = "META,2024-01-02,10,12,9,11,100\nBRK-B,2024-01-02,20,22,19,21,200\n";

struct Files {
    folder: TempDir,
}

impl Files {
    fn new(prices: &str) -> Self {
        let files = Self { folder: TempDir::new().unwrap() };
        files.put("prices.csv", prices);
        files.put("universe.csv", UNIVERSE);
        files.put("sectors.csv", SECTORS);
        files
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn import(&self) -> Result<Imported, ImportError> {
        let (prices, universe, sectors) =
            (self.at("prices.csv"), self.at("universe.csv"), self.at("sectors.csv"));
        let sources = Sources {
            prices: &prices,
            universe: &universe,
            sectors: Some(&sectors),
            sectors_as_of: None,
            now: NOW,
        };
        import(&sources)
    }

    /// The error, with the folder left out.
    fn error(&self) -> String {
        let text = self.import().expect_err("must be refused").to_string();
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn imported(rows: &str) -> Imported {
    Files::new(&format!("{HEADER}{TWO}{rows}")).import().unwrap()
}

fn refused(rows: &str) -> String {
    Files::new(&format!("{HEADER}{TWO}{rows}")).error()
}

#[test]
fn rows_become_cross_sections_in_our_symbols() {
    let Imported { bars, universe, mapped, dropped, raw_close_is_close, .. } =
        imported("FB,2021-06-01,5,6,4,5.5,50\nFB,2024-01-03,1,1,1,1,1\nIBM,2024-01-02,1,1,1,1,1\n");
    assert_eq!(
        bars.iter().map(|b| b.session).collect::<Vec<_>>(),
        [date(2021, 6, 1), date(2024, 1, 2)]
    );
    assert_eq!(bars[0].symbols, ["META".into()]);
    assert_eq!(bars[1].symbols, ["BRK.B".into(), "META".into()]);
    assert_eq!(bars[1].close.0, [21.0, 11.0]);
    assert_eq!(bars[1].raw_close, bars[1].close);
    assert!(raw_close_is_close);
    let mapped: Vec<_> =
        mapped.iter().map(|mapped| (mapped.from.as_str(), mapped.to.as_str())).collect();
    assert_eq!(mapped, [("BRK-B", "BRK.B"), ("FB", "META")]);
    assert_eq!(dropped.into_iter().collect::<Vec<_>>(), [("not in the universe", 2)]);
    let members: Vec<_> =
        universe.members.iter().map(|m| (m.symbol.as_str(), m.sector.as_str())).collect();
    assert_eq!(members, [("BRK.B", "Financials"), ("META", "Communication")]);
    assert_eq!(universe.sectors_as_of, date(2024, 3, 5));
}

#[test]
fn unusable_rows_are_counted_and_not_repaired() {
    let rows = "META,2024-01-03,,12,9,11,100\nMETA,2024-01-04,nan,12,9,11,100\n\
                META,2024-01-05,10,12,9,11,0\nMETA,2024-01-08,-10,12,9,11,100\n\
                META,2024-01-09,10,10.5,9,11,100\nMETA,2024-01-10,10,12,10.2,11,100\n\
                META,2024-01-11,10,10.999999,9,11,100\n";
    let Imported { bars, dropped, .. } = imported(rows);
    let dropped: Vec<_> = dropped.into_iter().collect();
    assert_eq!(
        dropped,
        [
            ("high, low and prices disagree", 2),
            ("no volume", 1),
            ("not a finite number", 2),
            ("price not positive", 1)
        ]
    );
    assert_eq!(bars.len(), 2, "the last is 32-bit rounding, and kept as it is");
    assert_eq!(bars[1].high.0, [10.999_999]);
}

#[test]
fn who_has_no_usable_bar_is_told_where_and_why() {
    let other = "BRK-B,2024-01-02,20,22,19,21,200\n";
    let said = |rows: &str| Files::new(&format!("{HEADER}{other}{rows}")).error();
    let text = said("META,2024-01-03,10,12,9,11,0\nMETA,2024-01-04,10,12,9,11,0\n");
    let why = "META: 2 rows were left out, the first in line 3: no volume";
    let remedy = "correct the file, take them out of universe.csv, or import a file that has them";
    assert_eq!(text, format!("prices.csv: no usable bar of META ({why}): {remedy}"));
    let text = said("META,2024-01-03,10,12,9,inf,1\n");
    assert!(text.contains("(META: line 3 was left out: not a finite number)"), "{text}");
    let text = said("meta,2024-01-03,10,12,9,11,1\n");
    assert!(text.contains("(line 3 is of \"meta\", who is not in the universe)"), "{text}");
    let text = Files::new(HEADER).error();
    assert!(text.contains("prices.csv: it has no rows"), "{text}");
}

#[test]
fn a_raw_close_is_taken_where_there_is_one() {
    let files = Files::new(
        "close,raw_close,timestamp,symbol,open,high,low,volume\n\
         11,110,2024-01-02T05:00:00Z,META,10,12,9,100\n21,21,2024-01-02 00:00:00,BRK.B,20,22,19,200\n",
    );
    let imported = files.import().unwrap();
    assert!(!imported.raw_close_is_close);
    assert_eq!(imported.bars[0].raw_close.0, [21.0, 110.0]);
    let Mapped { from, to } = &imported.mapped[0];
    assert_eq!((from.as_str(), to.as_str()), ("BRK-B", "BRK.B"), "so the universe calls it");
    assert_eq!(imported.mapped.len(), 1);
}

#[test]
fn prior_art_28_the_exchange_says_which_days_are_sessions() {
    let closed = "is no session, the New York Stock Exchange was closed: correct the date or delete its rows";
    let early = "is a session that has not closed yet: correct the date or delete its rows";
    for (day, problem) in [
        ("2023-01-02", closed),
        ("2018-12-05", closed),
        ("2024-06-19", closed),
        ("2024-07-01", early),
        ("2024-07-02", early),
        ("2029-01-03", early),
    ] {
        assert_eq!(
            refused(&format!("META,{day},10,12,9,11,100\n")),
            format!("prices.csv, line 4, column date: {day:?} {problem}")
        );
    }
    for day in ["2030-01-03", "1969-12-31"] {
        let text = refused(&format!("META,{day},10,12,9,11,100\n"));
        assert!(text.contains(day) && text.contains("1970 to 2029"), "{text}");
    }
    let last = imported("META,2024-06-28,10,12,9,11,100\n");
    assert_eq!(last.bars[1].session, date(2024, 6, 28), "Friday has closed");
    imported("IBM,2023-01-02,10,12,9,11,100\n");
}

#[test]
fn a_session_that_is_missing_for_every_name_is_noticed() {
    let rows = |day: &str, price: u32| {
        let (high, low) = (price + 1, price - 1);
        format!(
            "META,{day},{price},{high},{low},{price},100\nBRK-B,{day},{price},{high},{low},{price},100\n"
        )
    };
    let holed = rows("2023-01-03", 50) + &rows("2023-01-05", 51);
    let imported = Files::new(&format!("{HEADER}{holed}")).import().unwrap();
    assert_eq!(imported.sessions, [3, 4, 5].map(|day| date(2023, 1, day)));
    let Imported { universe, sessions, bars, .. } = &imported;
    let found = ingest::inspect(&universe.members, sessions, bars, &ingest::Events::default());
    assert_eq!((found.expected, found.got), (6, 4), "{found}");
    assert!(!found.is_complete() && found.to_string().contains("META on 2023-01-04"), "{found}");
}

#[test]
fn refusals_name_file_line_column_and_remedy() {
    assert_eq!(
        Files::new("symbol,date,open,high,low,volume\nMETA,2024-01-02,1,1,1,1\n").error(),
        "prices.csv: column close is missing (there are symbol, date, open, high, low, volume): add it or rename one"
    );
    assert_eq!(
        Files::new("symbol,day,open,high,low,close,volume\nMETA,2024-01-02,1,1,1,1,1\n").error(),
        "prices.csv: column session or date or timestamp is missing (there are symbol, day, open, high, low, \
         close, volume): add it or rename one"
    );
    assert_eq!(
        refused("META,02/01/2024,1,1,1,1,1\n"),
        "prices.csv, line 4, column date: \"02/01/2024\" is no session: write a weekday's date (2024-03-08), or its midnight in \
         New York as RFC 3339"
    );
    assert_eq!(
        refused("META,2024-01-03,1,1,1,eleven,1\n"),
        "prices.csv, line 4, column close: \"eleven\" is not a number: correct it"
    );
    assert_eq!(
        refused(",2024-01-03,1,1,1,1,1\n"),
        "prices.csv, line 4, column symbol: \"\" is empty: fill it in or delete the row"
    );
    assert_eq!(
        refused("META,,1,1,1,1,1\n"),
        "prices.csv, line 4, column date: \"\" is empty: every row needs a session"
    );
    assert_eq!(
        refused("META,2024-01-03,1,1,1,1,1\nMETA,2024-01-02,10,12,9,11,100\n"),
        "prices.csv: META on 2024-01-02 in line 2 and in line 5: delete one"
    );
    assert!(
        refused("META,2024-01-03,1,1,1,1,1\nBRK.B,2024-01-02,1,1,1,1,1\n")
            .contains("BRK.B on 2024-01-02 in line 3 and in line 5"),
        "two spellings of one symbol"
    );
    assert_eq!(
        Files::new(&format!("{HEADER}META,2024-01-02,10,12,9,11,100\n")).error(),
        "prices.csv: no usable bar of BRK.B: correct the file, take them out of universe.csv, or import a file that has \
         them"
    );
    assert!(
        Files::new("").error().starts_with("prices.csv: neither a CSV with a header nor a Parquet")
    );
    assert!(Files::new("PAR1 and then nothing").error().starts_with("prices.csv: neither a CSV"));
}

#[test]
fn universes_and_sectors_have_no_defaults() {
    let with = |name: &str, text: &str| {
        let files = Files::new(&format!("{HEADER}{TWO}"));
        files.put(name, text);
        files.error()
    };
    assert_eq!(
        with("sectors.csv", "symbol,sector,as_of\nMETA,Communication,2024-03-05\n"),
        "sectors.csv: no sector for BRK.B: add a row for each"
    );
    assert_eq!(
        with("sectors.csv", "symbol,sector,as_of\nMETA,,2024-03-05\nBRK-B,Financials,2024-03-05\n"),
        "sectors.csv, line 2, column sector: \"\" is empty: fill it in or delete the row"
    );
    assert_eq!(
        with("sectors.csv", UNIVERSE),
        "sectors.csv: it does not say which day its sectors speak for: add a column as_of, or name the day \
         (--sectors-as-of YYYY-MM-DD)"
    );
    assert_eq!(
        with("universe.csv", "symbol\n"),
        "universe.csv: it has no rows: nothing can be imported from it"
    );
    assert_eq!(
        with("universe.csv", "symbol\nBRK-B\nMETA\nBRK.B\n"),
        "universe.csv, line 4: BRK.B stands there twice: delete one, or, if these are lists of several days, name each \
         row's day in a column `snapshot`, or its first and last in `from` and `through`"
    );
    let files = Files::new(&format!("{HEADER}{TWO}"));
    fs::remove_file(files.at("universe.csv")).unwrap();
    assert_eq!(files.error(), "universe.csv: can't be read");
}

#[test]
fn sectors_may_come_from_the_universe_file() {
    let files = Files::new(&format!("{HEADER}{TWO}"));
    let (prices, universe) = (files.at("prices.csv"), files.at("universe.csv"));
    let day = date(2024, 2, 1);
    let sources = Sources {
        prices: &prices,
        universe: &universe,
        sectors: None,
        sectors_as_of: Some(day),
        now: NOW,
    };
    let found = import(&sources).unwrap().universe;
    assert_eq!(found.sectors_as_of, day);
    assert_eq!(found.members[0].sector, "Money");
}

#[test]
fn parquet_of_any_width_and_kind_of_time() {
    let files = Files::new("");
    let days = Int32Chunked::from_vec("date".into(), vec![19724, 19724]).into_date().into_column();
    let times = |zone: Option<TimeZone>, hour: i64| {
        let ticks = vec![(19724 * 24 + hour) * 3_600_000_000; 2];
        let ticks = Int64Chunked::from_vec("timestamp".into(), ticks);
        ticks.into_datetime(TimeUnit::Microseconds, zone).into_column()
    };
    let write = |time: Column| {
        let mut frame = DataFrame::new_infer_height(vec![
            Column::new("symbol".into(), ["META", "BRK-B"]),
            time,
            Column::new("open".into(), [10.1f32, 20.0]),
            Column::new("high".into(), [12.0f64, 22.0]),
            Column::new("low".into(), [9i32, 19]),
            Column::new("close".into(), [11.0f32, 21.0]),
            Column::new("volume".into(), [100i64, 3_000_000_000]),
        ])
        .unwrap();
        let file = fs::File::create(files.at("prices.csv")).unwrap();
        ParquetWriter::new(file).finish(&mut frame).unwrap();
    };
    for time in [days, times(None, 0)] {
        write(time);
        let imported = files.import().unwrap();
        assert_eq!(imported.bars.len(), 1);
        let bars = &imported.bars[0];
        assert_eq!(bars.session, date(2024, 1, 2));
        assert_eq!(bars.open.0, [20.0, f64::from(10.1f32)]);
        assert_eq!(bars.volume.0, [3e9, 100.0]);
    }
    write(times(None, 16));
    assert!(files.error().contains("prices.csv, row 1, column timestamp"), "{}", files.error());
}

#[test]
fn a_universe_file_is_read_back_or_refused() {
    let files = Files::new(&format!("{HEADER}{TWO}"));
    let universe = files.import().unwrap().universe;
    let path = universe_path(&files.at("prices.parquet"));
    write_universe(&path, &universe).unwrap();
    assert_eq!(read_universe(&path).unwrap(), universe);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("Financials", "Health Care")).unwrap();
    let error = read_universe(&path).unwrap_err().to_string();
    assert!(error.contains("universe.json") && error.contains("sha256"), "{error}");
}

#[test]
fn ten_years_of_real_bars() {
    let Some(folder) = real_data() else { return };
    let prices = folder.join("equities_daily.parquet");
    let (universe, sectors) = (folder.join("universe_130.csv"), folder.join("sectors.csv"));
    let sources = Sources {
        prices: &prices,
        universe: &universe,
        sectors: Some(&sectors),
        sectors_as_of: None,
        now: NOW,
    };
    let Imported { bars, sessions, universe, dropped, mapped, .. } = import(&sources).unwrap();
    let days: Vec<_> = bars.iter().map(|bars| bars.session).collect();
    assert_eq!(sessions, days, "every session of the calendar, and no other day");
    let rows: usize = bars.iter().map(|bars| bars.symbols.len()).sum();
    let lost: u64 = dropped.values().sum();
    println!("{} sessions, {rows} rows, dropped {dropped:?}, mapped {mapped:?}", bars.len());
    assert_eq!(rows as u64 + lost, 902_350, "every row is imported or counted");
    assert_eq!(universe.members.len(), 130);
    assert_eq!(universe.sectors_as_of, date(2024, 3, 5));
    assert_eq!(bars.first().map(|bars| bars.session), Some(date(2014, 3, 10)));
    assert_eq!(bars.last().map(|bars| bars.session), Some(date(2024, 3, 8)));
    let last = &bars[bars.len() - 1];
    assert_eq!(last.symbols, universe.members.iter().map(|m| m.symbol.clone()).collect::<Vec<_>>());
    assert!(last.row(&Symbol::from("AAPL")).is_some());
}

/// Against ten years of real bars: what is wrong in them is found, what is true passes with a line in
/// events.csv that names its day, and there is nothing else to acknowledge.
#[test]
fn real_errors_are_found_and_real_moves_can_be_vouched_for() {
    let Some(data) = real_data() else { return };
    let folder = TempDir::new().unwrap();
    let universe = folder.path().join("universe.csv");
    let names = ["AAPL", "AMCR", "CCL", "KDP", "OXY"];
    let lines: String = names.iter().map(|name| format!("{name},Sector\n")).collect();
    fs::write(&universe, format!("symbol,sector\n{lines}")).unwrap();
    let prices = data.join("equities_daily.parquet");
    let sources = Sources {
        prices: &prices,
        universe: &universe,
        sectors: None,
        sectors_as_of: Some(date(2024, 3, 5)),
        now: NOW,
    };
    let imported = import(&sources).unwrap();
    assert!(imported.dropped["no volume"] >= 1_088, "{:?}", imported.dropped);
    let sessions: Vec<_> = imported.bars.iter().map(|bars| bars.session).collect();
    let said = |events: &str| {
        let path = folder.path().join("events.csv");
        fs::write(&path, format!("symbol,kind,from,through,note\n{events}")).unwrap();
        let events = ingest::Events::read(&path).unwrap();
        let found = ingest::inspect(&imported.universe.members, &sessions, &imported.bars, &events);
        found.findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let found = said("");
    let about = |symbol: &str| found.iter().filter(|line| line.starts_with(symbol)).count();
    assert!(about("AMCR") >= 1, "the flat fill: {found:#?}");
    assert!(
        found.iter().any(|line| line.starts_with("KDP on 2018-07-10: open 20.5 after")),
        "{found:#?}"
    );
    assert!(
        found.iter().any(|line| line.starts_with("OXY on 2020-03-09: close 12.51")),
        "{found:#?}"
    );
    assert_eq!(about("AAPL") + about("CCL"), 0, "{found:#?}");
    let known = "AMCR,listed,2019-06-11,,flat fill before\n\
                 KDP,move,2018-07-10,,special dividend of $103.75\n\
                 OXY,move,2020-03-09,,oil price war\n";
    let found = said(known);
    let unexpected: Vec<_> = found.iter().filter(|line| !line.contains("AMCR")).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

fn real_data() -> Option<PathBuf> {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let beside = Path::new(&package).join("../../../shared/data");
    let folder = std::env::var_os("AURORA_REAL_DATA").map_or(beside, PathBuf::from);
    let prices = folder.join("equities_daily.parquet");
    if prices.exists() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there (set AURORA_REAL_DATA)", prices.display());
    None
}
