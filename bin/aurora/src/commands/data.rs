//! `import` and `latest`, and what they share with `fetch`: the gate, the files, the words.

use crate::cli::{Common, Import, Latest};
use crate::config::Config;
use crate::connection::client;
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::output::{Table, emit, note};
use ingest::update::{Difference, differences, differences_csv};
use ingest::{
    Events, Inspection, Lock, Manifest, Mapped, Origin, Provenance, Restatement, Sources,
    StoreError, Universe, events_path, inspect, snapshots, store,
};
use messages::{Bars, Date, Symbol, Time};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
pub(super) struct Stored {
    pub prices: PathBuf,
    #[serde(flatten)]
    pub manifest: Manifest,
    /// Rows left out, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Bars that were not stored before.
    pub new: u64,
}

impl Stored {
    pub(super) fn emit(&self, json: bool) -> Result<(), Failure> {
        let manifest = &self.manifest;
        let date = |date: Option<Date>| date.map_or("-".to_owned(), |date| date.to_string());
        let mut text = format!(
            "{}: {} symbols, {} sessions from {} to {}, {} rows, {} of them new\n",
            self.prices.display(),
            manifest.symbols,
            manifest.sessions,
            date(manifest.first_session),
            date(manifest.last_session),
            manifest.rows,
            self.new,
        );
        for Mapped { from, to } in &manifest.origin.mapped {
            writeln!(text, "mapped  {from} is {to} here")?;
        }
        for (reason, rows) in &self.dropped {
            writeln!(text, "left out {rows} rows: {reason}")?;
        }
        if let Some(gate) = &manifest.origin.gate {
            let verdict = if gate.is_complete() { "whole" } else { "PARTIAL, for research only" };
            writeln!(text, "{verdict}: {gate}")?;
        }
        emit(json, self, &text)
    }
}

pub fn import(args: &Import, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    let prices = home.prices();
    let now = jiff::Timestamp::now();
    let sources = Sources {
        prices: &args.file,
        universe: &args.universe,
        sectors: args.sectors.as_deref(),
        sectors_as_of: args.sectors_as_of,
        now: Time(i64::try_from(now.as_nanosecond())?),
    };
    let events = events(args.gate.events.as_deref(), &prices)?;
    let adjustment = adjustment(args, &events)?;
    let imported = ingest::import(&sources)?;
    let events = events.of_members(&imported.universe);
    let provenance = Provenance {
        source: args.file.display().to_string(),
        request: format!("the symbols of {}", args.universe.display()),
        at: now.to_string(),
        feed: String::new(),
        adjustment,
        raw_close: if imported.raw_close_is_close { "close" } else { "raw_close" }.to_owned(),
    };
    let dropped: BTreeMap<String, u64> =
        imported.dropped.iter().map(|(reason, rows)| ((*reason).to_owned(), *rows)).collect();
    let mut gate = inspect(&imported.universe.members, &imported.sessions, &imported.bars, &events);
    imported.left_out.explain(&mut gate);
    demand(&gate, args.gate.allow_partial, &dropped)?;
    let origin = Origin { mapped: imported.mapped, gate: Some(gate), ..provenance.into() };
    let files = Files {
        prices: &prices,
        universe: &imported.universe,
        events: args.gate.events.as_deref(),
    };
    let manifest = replace(&files, &imported.bars, origin, args.restate.as_deref())?;
    tell(&imported.universe, manifest.last_session);
    let new = manifest.rows;
    Stored { prices: prices.clone(), manifest, dropped, new }.emit(common.json)?;
    Ok(true)
}

/// How far the dates of a dated universe reach: the last list goes on until somebody brings another.
pub(super) fn tell(universe: &Universe, last: Option<Date>) {
    if let (Some(last), false) = (last, universe.listed.is_empty()) {
        let first = universe.listed.iter().map(|row| row.from).min().unwrap_or(last);
        note(format!(
            "dated universe: {} names since {first}, {} of them members on {last}; {} was the last day on which one \
             joined or changed its sector",
            universe.members.len(),
            universe.on(last).0.len(),
            universe.sectors_as_of,
        ));
    }
}

/// What the prices are adjusted for, which has to be said where it decides whether dividends are in them already.
fn adjustment(args: &Import, events: &Events) -> Result<String, Failure> {
    match (&args.adjustment, events.dividends().count()) {
        (Some(adjustment), _) => Ok(adjustment.clone()),
        (None, 0) => Ok("as in the file".to_owned()),
        (None, dividends) => Err(fail(format!(
            "ADJUSTMENT_UNKNOWN: {dividends} dividends are on record, and whether the prices of {} are adjusted for \
             them nobody says: say it with --adjustment raw, split, dividend or all. Nothing was written",
            args.file.display()
        ))),
    }
}

/// Writes a history over the stored one. A past that changes needs a reason, which goes on record; of one that
/// does not, the last reason stays there.
fn replace(
    files: &Files<'_>,
    history: &[Bars],
    mut origin: Origin,
    reason: Option<&str>,
) -> Result<Manifest, Failure> {
    let lock = lock(files.prices)?;
    if !files.prices.exists() {
        return files.write(&lock, history, origin);
    }
    let stored = match (store::read_prices(files.prices), reason) {
        (Ok(stored), None) => stored,
        (Ok(stored), Some(reason)) => {
            return files.restate(&lock, &stored, history, origin, reason);
        }
        (Err(error), Some(reason)) if error.is_damage() => {
            return files.replace_damaged(&lock, history, origin, (reason, &error));
        }
        (Err(error), _) => return Err(error.into()),
    };
    let symbols: Vec<Symbol> = store::symbols_of(&stored).into_iter().cloned().collect();
    let last = stored.last().map_or(Date::MIN, |bars| bars.session);
    let found = differences(&stored, history, &symbols, Date::MIN, last);
    if !found.is_empty() {
        return Err(past_changed(&found));
    }
    if let Some(known) = ingest::read_manifest(files.prices)? {
        origin.restated = known.origin.restated;
        origin.journaled_from = known.origin.journaled_from;
    }
    files.write(&lock, history, origin)
}

/// Shown in an error; the rest is counted.
const SHOWN: usize = 20;

fn past_changed(found: &[Difference]) -> Failure {
    let mut listed: Vec<String> =
        found.iter().take(SHOWN).map(|difference| format!("  {difference}")).collect();
    if found.len() > SHOWN {
        listed.push(format!("  and {} more", found.len() - SHOWN));
    }
    fail(format!(
        "PAST_CHANGED: {} stored numbers are not what is imported:\n{}\nA split, a correction, another source, or \
         fewer symbols or sessions than before? Nothing was written; --restate REASON replaces what is stored, \
         keeps it in data/snapshots and records every difference",
        found.len(),
        listed.join("\n")
    ))
}

/// Says so if there is somebody to wait for.
pub(super) fn lock(prices: &Path) -> Result<Lock, Failure> {
    if let Some(lock) = Lock::attempt(prices)? {
        return Ok(lock);
    }
    note(format!("another aurora is writing beside {}: waiting for it", prices.display()));
    Ok(Lock::of(prices)?)
}

/// 100 %, or somebody asked for less.
pub(super) fn demand(
    gate: &Inspection,
    allow_partial: bool,
    dropped: &BTreeMap<String, u64>,
) -> Result<(), Failure> {
    if gate.is_complete() || allow_partial {
        return Ok(());
    }
    let mut text = format!("COVERAGE: {gate}\n");
    for (reason, rows) in dropped {
        writeln!(text, "  left out {rows} rows: {reason}")?;
    }
    text.push_str(
        "nothing was written. Correct the source, say what is known of these names in a file for --events, or take \
         it for research with --allow-partial",
    );
    Err(fail(text))
}

/// The file that was named, or the one beside the prices.
pub(super) fn events(named: Option<&Path>, prices: &Path) -> Result<Events, Failure> {
    Ok(match named {
        Some(path) => Events::read(path)?,
        // People edit it; what it says now goes on record with what is written.
        None if events_path(prices).exists() => Events::read(&events_path(prices))?,
        None => Events::default(),
    })
}

/// What is written together, with a snapshot of what was there before and of what is there now.
pub(super) struct Files<'a> {
    pub prices: &'a Path,
    pub universe: &'a Universe,
    pub events: Option<&'a Path>,
}

impl Files<'_> {
    pub(super) fn write(
        &self,
        lock: &Lock,
        bars: &[Bars],
        origin: Origin,
    ) -> Result<Manifest, Failure> {
        snapshots::keep(lock, self.prices)?;
        self.put(lock, bars, origin)
    }

    fn put(&self, lock: &Lock, bars: &[Bars], origin: Origin) -> Result<Manifest, Failure> {
        let Self { prices, universe, events } = *self;
        let manifest = store::write_together(lock, prices, bars, origin, universe, events)?;
        snapshots::keep(lock, prices)?;
        Ok(manifest)
    }

    /// Over a file that can't be read, for a reason; it is kept as it is.
    pub(super) fn replace_damaged(
        &self,
        lock: &Lock,
        bars: &[Bars],
        mut origin: Origin,
        (reason, error): (&str, &StoreError),
    ) -> Result<Manifest, Failure> {
        let (place, restated) = snapshots::keep_damaged(lock, self.prices, reason, error)?;
        note(format!("RESTATED: the damaged file is kept in {}: {error}", place.display()));
        origin.restated = Some(restated);
        self.put(lock, bars, origin)
    }

    /// As [`Self::write`], with the reason in the manifest and what differs beside the snapshot.
    pub(super) fn restate(
        &self,
        lock: &Lock,
        stored: &[Bars],
        history: &[Bars],
        mut origin: Origin,
        reason: &str,
    ) -> Result<Manifest, Failure> {
        let symbols: Vec<Symbol> = store::symbols_of(stored).into_iter().cloned().collect();
        let found = differences(stored, history, &symbols, Date::MIN, Date::MAX);
        origin.restated = Some(Restatement {
            reason: reason.to_owned(),
            differences: found.len() as u64,
            replaced_sha256: messages::history_sha256(stored),
            damaged: None,
        });
        let manifest = self.write(lock, history, origin)?;
        if let Some(snapshot) = snapshots::keep(lock, self.prices)? {
            fs::write(snapshot.join("differences.csv"), differences_csv(&found))?;
        }
        note(format!("RESTATED: {} stored numbers differ from what replaces them", found.len()));
        Ok(manifest)
    }
}

#[derive(Serialize)]
struct Shown {
    symbol: Symbol,
    trade: alpaca::model::Trade,
    quote: alpaca::model::Quote,
}

pub async fn latest(args: &Latest, common: &Common) -> Result<bool, Failure> {
    let config = Config::read_or_shipped(common.config.as_deref())?;
    let client = client(&config, args.venue.as_deref())?;
    let feed = args.feed.as_ref().unwrap_or(&config.alpaca.feed);
    let symbols: Vec<Symbol> =
        args.symbols.iter().map(|label| ingest::symbols::spelling(label)).collect();
    let found = ingest::latest::latest(&client, &symbols, feed, &args.location).await?;
    let mut table = Table::new(&["symbol", "price", "size", "traded", "bid", "ask", "quoted"]);
    for ingest::latest::Latest { symbol, trade, quote } in &found {
        table.row([
            symbol.to_string(),
            trade.p.to_string(),
            trade.s.to_string(),
            alpaca::time::new_york(trade.t.0),
            format!("{} × {}", quote.bp, quote.bs),
            format!("{} × {}", quote.ap, quote.r#as),
            alpaca::time::new_york(quote.t.0),
        ]);
    }
    let shown = found.into_iter().map(|ingest::latest::Latest { symbol, trade, quote }| Shown {
        symbol,
        trade,
        quote,
    });
    emit(common.json, &shown.collect::<Vec<_>>(), &table.to_string())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Gate;
    use ingest::events::{Event, Kind};

    #[test]
    fn who_has_dividends_says_whether_the_prices_hold_them() {
        let day = Date::constant(2024, 3, 8);
        let dividend = Event {
            symbol: "A".into(),
            kind: Kind::Dividend,
            from: day,
            through: day,
            note: "quarterly".to_owned(),
            amount: messages::Price::from_f64(0.24),
        };
        let (none, some) = (Events::default(), Events::new(vec![dividend]));
        let said = |said: Option<&str>, events: &Events| {
            let args = Import {
                file: "bars.csv".into(),
                universe: "universe.csv".into(),
                sectors: None,
                sectors_as_of: None,
                adjustment: said.map(str::to_owned),
                restate: None,
                gate: Gate { events: None, allow_partial: false },
            };
            adjustment(&args, events).map_err(|error| error.to_string())
        };
        assert_eq!(said(None, &none).as_deref(), Ok("as in the file"));
        assert_eq!(said(Some("split"), &none).as_deref(), Ok("split"));
        assert_eq!(said(Some("all"), &some).as_deref(), Ok("all"));
        let error = said(None, &some).unwrap_err();
        assert!(error.starts_with("ADJUSTMENT_UNKNOWN: 1 dividends"), "{error}");
        assert!(error.contains("--adjustment raw, split, dividend or all"), "{error}");
    }
}
