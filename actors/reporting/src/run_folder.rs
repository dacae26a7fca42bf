use crate::book::Book;
use crate::collect::Collector;
use crate::files;
use crate::html;
use crate::orders::OrderLog;
use crate::performance::Performance;
use crate::positions::positions_json;
use crate::profit::LedgerFile;
use crate::record::SessionRecord;
use kernel::Observer;
use messages::{Date, DayReported, Env, Envelope, Message};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A backtest writes its summaries every so many sessions; everybody else every session.
const BACKTEST_SUMMARY_EVERY: usize = 2_500;

/// The folder of one run: `sessions.jsonl`, and what is computed from it alone, `positions.json`,
/// `ledger.json`, `performance_metrics.json` and `report.html`.
///
/// `sessions.jsonl` has one line a session: appended when the session is reported, replaced when it is
/// reported differently, left alone when it is seen again. So a restart, which sees a journal from its
/// beginning, ends with the same bytes. The summaries follow each change; in a backtest, where a
/// session takes milliseconds, every 2,500 sessions and with [`RunFolder::finish`].
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    records: BTreeMap<Date, SessionRecord>,
    /// Of the records.
    book: Book,
    /// Of the records.
    log: OrderLog,
    session: Option<Collector>,
    /// The summaries may be older than the records.
    stale: bool,
    /// Of the records that the summaries were written from.
    performance: Option<Performance>,
}

/// What keeps a run folder from being read or written: which file, and what to do about it.
#[derive(Debug, Error)]
pub enum ReportError {
    #[error("can't read {path}: check that it is a folder of a run and that you may read it")]
    Read { path: PathBuf, source: io::Error },
    #[error("can't write {path}: check free space and permissions, or choose another run folder")]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "{path} line {line} is no session record: move the file away and replay the run, whose \
         journals hold everything, or restore it from a copy"
    )]
    Corrupt { path: PathBuf, line: usize, source: serde_json::Error },
    #[error(
        "{path} line {line} has a return of {value}, which no account can have: restore the file"
    )]
    BadReturn { path: PathBuf, line: usize, value: f64 },
    #[error("{path} holds run {held}, not {given}: give each run a folder of its own")]
    OtherRun { path: PathBuf, held: String, given: String },
}

impl RunFolder {
    /// Makes the folder if there is none; reads what an earlier process wrote.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ReportError> {
        let path = path.into();
        std::fs::create_dir_all(&path)
            .map_err(|source| ReportError::Write { path: path.clone(), source })?;
        let (records, whole) = load(&path.join("sessions.jsonl"))?;
        let mut folder = Self {
            path,
            records,
            book: Book::of([]),
            log: OrderLog::new(),
            session: None,
            stale: false,
            performance: None,
        };
        folder.stale = !folder.records.is_empty();
        folder.account_again();
        if !whole {
            folder.rewrite()?;
        }
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn report_path(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// One line per session, ascending.
    pub fn sessions(&self) -> impl Iterator<Item = &SessionRecord> {
        self.records.values()
    }

    /// The sessions with an account, ascending.
    pub fn days(&self) -> impl Iterator<Item = &DayReported> {
        self.records.values().filter_map(|record| record.day.as_ref())
    }

    /// `None` before the first session.
    pub fn performance(&self) -> Option<Performance> {
        if !self.stale && self.performance.is_some() {
            return self.performance.clone();
        }
        let records: Vec<&SessionRecord> = self.records.values().collect();
        Performance::of(&records, &self.book)
    }

    /// Over the order list of all sessions: see [`OrderLog`].
    pub fn orders_sha256(&self) -> String {
        self.log.sha256()
    }

    /// Brings the summaries up to date.
    pub fn finish(&mut self) -> Result<(), ReportError> {
        if self.stale {
            self.write_summaries()?;
        }
        Ok(())
    }

    fn on_entry(&mut self, entry: &Envelope) -> Result<(), ReportError> {
        if let Message::SessionOpened(opened) = &entry.body {
            self.check_run(&opened.run_id)?;
            self.session = Some(Collector::new(opened));
            return Ok(());
        }
        let mut session = self.session.take();
        let said = session.as_mut().and_then(|session| session.see(entry));
        let kept = said.map_or(Ok(()), |record| self.keep(record));
        self.session = session;
        kept
    }

    fn check_run(&self, given: &str) -> Result<(), ReportError> {
        match self.records.values().find(|record| record.run_id != given) {
            None => Ok(()),
            Some(record) => Err(ReportError::OtherRun {
                path: self.path.clone(),
                held: record.run_id.clone(),
                given: given.to_owned(),
            }),
        }
    }

    fn keep(&mut self, record: &SessionRecord) -> Result<(), ReportError> {
        let backtest = record.env == Env::Backtest;
        if self.records.get(&record.session) != Some(record) {
            let appended =
                self.records.keys().next_back().is_none_or(|last| *last < record.session);
            if appended {
                let path = self.path.join("sessions.jsonl");
                files::append_line(&path, &json_line(record), !backtest)
                    .map_err(|source| ReportError::Write { path, source })?;
                record.orders.iter().for_each(|line| self.log.push_line(line));
                self.book.add(record);
                self.records.insert(record.session, record.clone());
            } else {
                self.records.insert(record.session, record.clone());
                self.account_again();
                self.rewrite()?;
            }
            self.stale = true;
        }
        if !backtest || self.records.len().is_multiple_of(BACKTEST_SUMMARY_EVERY) {
            self.finish()?;
        }
        Ok(())
    }

    /// Orders and account, from all records.
    fn account_again(&mut self) {
        self.book = Book::of(self.records.values());
        self.log = OrderLog::new();
        for line in self.records.values().flat_map(|record| &record.orders) {
            self.log.push_line(line);
        }
    }

    fn rewrite(&self) -> Result<(), ReportError> {
        let lines: String = self.records.values().map(|record| json_line(record) + "\n").collect();
        self.write("sessions.jsonl", lines.as_bytes())
    }

    fn write_summaries(&mut self) -> Result<(), ReportError> {
        let records: Vec<&SessionRecord> = self.records.values().collect();
        let Some(performance) = Performance::of(&records, &self.book) else { return Ok(()) };
        let summary = Summary {
            run_id: &records[0].run_id,
            source: &records[0].source,
            env: records[0].env,
            performance: &performance,
            orders_sha256: self.orders_sha256(),
        };
        self.write("positions.json", &pretty(&positions_json(&records)))?;
        self.write("ledger.json", &pretty(&LedgerFile::of(&records[0].run_id, &self.book)))?;
        self.write("performance_metrics.json", &pretty(&summary))?;
        self.write("report.html", html::page(&records, &performance, &self.book).as_bytes())?;
        (self.stale, self.performance) = (false, Some(performance));
        Ok(())
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), ReportError> {
        let path = self.path.join(name);
        files::replace(&path, content).map_err(|source| ReportError::Write { path, source })
    }
}

impl Observer for RunFolder {
    fn see(&mut self, _position: u64, entry: &Envelope) -> io::Result<()> {
        self.on_entry(entry).map_err(io::Error::other)
    }
}

/// `performance_metrics.json`
#[derive(Serialize)]
struct Summary<'a> {
    run_id: &'a str,
    source: &'a str,
    env: Env,
    #[serde(flatten)]
    performance: &'a Performance,
    orders_sha256: String,
}

/// Records by session, and whether the file is as we would write it: ascending, none twice.
fn load(path: &Path) -> Result<(BTreeMap<Date, SessionRecord>, bool), ReportError> {
    let text = files::whole_lines(path)
        .map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    let mut records: BTreeMap<Date, SessionRecord> = BTreeMap::new();
    let mut whole = true;
    for (line, number) in text.lines().zip(1..) {
        let record: SessionRecord = serde_json::from_str(line).map_err(|source| {
            ReportError::Corrupt { path: path.to_owned(), line: number, source }
        })?;
        check_return(path, number, &record)?;
        whole &= records.keys().next_back().is_none_or(|last| *last < record.session);
        records.insert(record.session, record);
    }
    Ok((records, whole))
}

fn check_return(path: &Path, line: usize, record: &SessionRecord) -> Result<(), ReportError> {
    match record.day.as_ref().map(|day| day.daily_return) {
        Some(value) if !value.is_finite() || value < -1.0 => {
            Err(ReportError::BadReturn { path: path.to_owned(), line, value })
        }
        _ => Ok(()),
    }
}

fn json_line(record: &SessionRecord) -> String {
    serde_json::to_string(record).expect("records are plain data")
}

fn pretty(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("summaries are plain data");
    text.push(b'\n');
    text
}
