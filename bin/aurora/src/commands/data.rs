//! `import` and `latest`, and what they share with `fetch`: the gate, the files, the words.

use crate::cli::{Common, Import, Latest};
use crate::config::Config;
use crate::connection::client;
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::output::{Table, emit, note};
use ingest::update::{differences, differences_csv};
use ingest::{
    Events, Inspection, Manifest, Mapped, Origin, Provenance, Restatement, Sources, Universe,
    events_path, inspect, snapshots, store,
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
    let imported = ingest::import(&sources)?;
    let provenance = Provenance {
        source: args.file.display().to_string(),
        request: format!("the symbols of {}", args.universe.display()),
        at: now.to_string(),
        feed: String::new(),
        adjustment: "as in the file".to_owned(),
        raw_close: if imported.raw_close_is_close { "close" } else { "raw_close" }.to_owned(),
    };
    let dropped: BTreeMap<String, u64> =
        imported.dropped.iter().map(|(reason, rows)| ((*reason).to_owned(), *rows)).collect();
    let events = events(args.gate.events.as_deref(), &prices)?;
    let gate = inspect(&imported.universe.members, &imported.sessions, &imported.bars, &events);
    demand(&gate, args.gate.allow_partial, &dropped)?;
    let origin = Origin { mapped: imported.mapped, gate: Some(gate), ..provenance.into() };
    let files = Files {
        prices: &prices,
        universe: &imported.universe,
        events: args.gate.events.as_deref(),
    };
    let manifest = replace(&files, &imported.bars, origin, args.restate.as_deref())?;
    let new = manifest.rows;
    Stored { prices: prices.clone(), manifest, dropped, new }.emit(common.json)?;
    Ok(true)
}

/// Writes a history over the stored one. Of a past that changes the reason goes on record, if one is given; of
/// one that does not, the last reason stays there.
fn replace(
    files: &Files<'_>,
    history: &[Bars],
    mut origin: Origin,
    reason: Option<&str>,
) -> Result<Manifest, Failure> {
    if !files.prices.exists() {
        return files.write(history, origin);
    }
    let stored = store::read_prices(files.prices)?;
    if let Some(reason) = reason {
        return files.restate(&stored, history, origin, reason);
    }
    let symbols: Vec<Symbol> = store::symbols_of(&stored).into_iter().cloned().collect();
    let last = stored.last().map_or(Date::MIN, |bars| bars.session);
    let found = differences(&stored, history, &symbols, Date::MIN, last);
    if found.is_empty() {
        origin.restated =
            ingest::read_manifest(files.prices)?.and_then(|known| known.origin.restated);
    } else {
        note(format!(
            "{} stored numbers differ from what is imported: say why with --restate REASON, or no model that \
             is trained on it will pass where others knew the old ones",
            found.len()
        ));
    }
    files.write(history, origin)
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
        None => ingest::read_events(prices)?,
    })
}

/// What is written together, with a snapshot of what was there before and of what is there now.
pub(super) struct Files<'a> {
    pub prices: &'a Path,
    pub universe: &'a Universe,
    pub events: Option<&'a Path>,
}

impl Files<'_> {
    pub(super) fn write(&self, bars: &[Bars], origin: Origin) -> Result<Manifest, Failure> {
        if let Some(folder) = self.prices.parent() {
            fs::create_dir_all(folder)?;
        }
        snapshots::keep(self.prices)?;
        if let Some(events) = self.events.filter(|events| *events != events_path(self.prices)) {
            ingest::keep_events(self.prices, events)?;
        }
        let manifest = store::write_prices(self.prices, bars, origin)?;
        ingest::write_universe(&ingest::universe_path(self.prices), self.universe)?;
        snapshots::keep(self.prices)?;
        Ok(manifest)
    }

    /// As [`Self::write`], with the reason in the manifest and what differs beside the snapshot.
    pub(super) fn restate(
        &self,
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
        });
        let manifest = self.write(history, origin)?;
        if let Some(snapshot) = snapshots::keep(self.prices)? {
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
