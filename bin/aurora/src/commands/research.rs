//! `import`, `fetch`, `train`: bars in, a model out; no bus needed.

use crate::cli::{Common, Fetch, Import, Train};
use crate::config::Config;
use crate::connection::client;
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::output::{Table, emit, progress, show_training};
use crate::wiring::card;
use ingest::{FetchOptions, Manifest, Provenance, Sources, Universe, sectors, store, universe};
use messages::{Date, Member, ModelPublished, Symbol};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trainer::Registry;

#[derive(Serialize)]
struct Stored {
    prices: PathBuf,
    #[serde(flatten)]
    manifest: Manifest,
    /// Symbols that are called otherwise here than in the source.
    mapped: Vec<(String, Symbol)>,
    /// Rows left out, by reason.
    dropped: BTreeMap<String, u64>,
}

impl Stored {
    fn emit(&self, json: bool) -> Result<(), Failure> {
        let manifest = &self.manifest;
        let date = |date: Option<Date>| date.map_or("-".to_owned(), |date| date.to_string());
        let mut text = format!(
            "{}: {} symbols, {} sessions from {} to {}, {} rows\n",
            self.prices.display(),
            manifest.symbols,
            manifest.sessions,
            date(manifest.first_session),
            date(manifest.last_session),
            manifest.rows,
        );
        for (theirs, ours) in &self.mapped {
            writeln!(text, "mapped  {theirs} is {ours} here")?;
        }
        for (reason, rows) in &self.dropped {
            writeln!(text, "left out {rows} rows: {reason}")?;
        }
        emit(json, self, &text)
    }
}

pub fn import(args: &Import, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    let prices = home.latest().join("prices.parquet");
    let sources = Sources {
        prices: &args.file,
        universe: &args.universe,
        sectors: args.sectors.as_deref(),
        sectors_as_of: args.sectors_as_of,
    };
    let imported = ingest::import(&sources)?;
    fs::create_dir_all(home.latest())?;
    let source = Provenance {
        source: args.file.display().to_string(),
        request: format!("the symbols of {}", args.universe.display()),
        at: jiff::Timestamp::now().to_string(),
        feed: String::new(),
        adjustment: "as in the file".to_owned(),
        raw_close: if imported.raw_close_is_close { "close" } else { "raw_close" }.to_owned(),
    };
    let manifest = store::write_prices(&prices, &imported.bars, source)?;
    ingest::write_universe(&ingest::universe_path(&prices), &imported.universe)?;
    let dropped = imported.dropped.iter().map(|(reason, rows)| ((*reason).to_owned(), *rows));
    let (mapped, dropped) = (imported.mapped, dropped.collect());
    Stored { prices, manifest, mapped, dropped }.emit(common.json)?;
    Ok(true)
}

pub async fn fetch(args: &Fetch, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    let config = Config::read_or_shipped(common.config.as_deref())?;
    let client = client(&config, args.venue.as_deref())?;
    let prices = home.latest().join("prices.parquet");
    let members = members(args, &prices)?;
    let symbols: Vec<Symbol> = members.members.iter().map(|member| member.symbol.clone()).collect();
    let (from, through) = bounds(args, &client).await?;
    let bar = progress("bars", symbols.len() as u64);
    let shown = bar.clone();
    let mut options = FetchOptions::new(&config.alpaca.feed, &config.alpaca.adjustment);
    options.progress = Some(Arc::new(move |done, of| {
        shown.set_length(of as u64);
        shown.set_position(done as u64);
    }));
    let bars = ingest::fetch_bars(&client, &symbols, from, through, &options).await?;
    bar.finish_and_clear();
    let Some(last) = bars.last() else {
        return Err(fail(format!("there are no bars between {from} and {through}")));
    };
    let previous = bars.len().checked_sub(2).map(|at| &bars[at]);
    ingest::coverage::check(&members.members, last, previous).map_err(|failed| {
        let words = messages::Message::CoverageFailed(failed).to_string();
        fail(format!("the last session is not covered, nothing was written: {words}"))
    })?;
    let source = Provenance {
        source: format!("alpaca {}", args.venue.as_deref().unwrap_or(&config.alpaca.data)),
        request: format!("{} symbols, {from} to {through}", symbols.len()),
        at: alpaca::time::utc(client.clock().await?.timestamp.0),
        feed: options.feed.clone(),
        adjustment: options.adjustment.clone(),
        raw_close: "close".to_owned(),
    };
    fs::create_dir_all(home.latest())?;
    let manifest = store::write_prices(&prices, &bars, source)?;
    ingest::write_universe(&ingest::universe_path(&prices), &members)?;
    let stored = Stored { prices, manifest, mapped: Vec::new(), dropped: BTreeMap::new() };
    stored.emit(common.json)?;
    Ok(true)
}

/// Of the CSV that was named, or those of the last import or fetch.
fn members(args: &Fetch, prices: &Path) -> Result<Universe, Failure> {
    let Some(path) = &args.universe else {
        return Ok(ingest::read_universe(&ingest::universe_path(prices))?);
    };
    let table = sectors::read(path)?;
    let member = |symbol: Symbol| match table.sector.get(&symbol) {
        Some(sector) => Ok(Member { symbol, sector: sector.clone() }),
        None => Err(fail(format!("{}: {symbol} has no sector", path.display()))),
    };
    let members = universe::read(path)?.into_iter().map(member).collect::<Result<_, _>>()?;
    Ok(Universe::new(members, table.as_of.unwrap_or_else(|| jiff::Zoned::now().date())))
}

async fn last_closed(client: &alpaca::Client) -> Result<Date, Failure> {
    let now = client.clock().await?.timestamp.0;
    let today = alpaca::time::session_date(now);
    let from = today.checked_sub(jiff::Span::new().days(14))?;
    let calendar = client.calendar(from, today).await?;
    let closed =
        |day: &&alpaca::model::CalendarDay| alpaca::time::session_time(day.date, day.close) <= now;
    let last = calendar.iter().rev().find(closed);
    Ok(last.ok_or_else(|| fail("the broker's calendar has no closed session in two weeks"))?.date)
}

/// Ten years up to the last session that has closed.
async fn bounds(args: &Fetch, client: &alpaca::Client) -> Result<(Date, Date), Failure> {
    let through = match args.through {
        Some(through) => through,
        None => last_closed(client).await?,
    };
    let from = match args.from {
        Some(from) => from,
        None => through.checked_sub(jiff::Span::new().years(10))?,
    };
    Ok((from, through))
}

#[derive(Serialize)]
struct Registered {
    #[serde(flatten)]
    published: ModelPublished,
    card: PathBuf,
}

pub fn train(args: &Train, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    let config = Config::read_or_shipped(common.config.as_deref())?;
    let prices = args.bars.clone().unwrap_or_else(|| home.latest().join("prices.parquet"));
    let bars = store::read_prices(&prices)?;
    let known = match args.through {
        Some(through) => bars.partition_point(|bars| bars.session <= through),
        None => bars.len(),
    };
    let members = ingest::read_universe(&ingest::universe_path(&prices))?.members;
    let bar = progress("training", 1);
    let trained = trainer::train(&bars[..known], &members, &config.training, &mut |step| {
        show_training(&bar, step);
    })?;
    bar.finish_and_clear();
    let registry = Registry::new(home.models());
    let published = trained.card.published(registry.publish(&trained)?);
    registry.promote(&published.model)?;
    let card = card(&home.models(), &published.model.id);
    let mut table = Table::new(&["model", published.model.id.as_str()]);
    table.row(["unseen sessions".into(), published.oof_sessions.to_string()]);
    table.row(["rank IC".into(), format!("{:.4}", published.oof_ic)]);
    table.row(["t (Newey-West)".into(), format!("{:.2}", published.oof_ic_t)]);
    table.row(["verdict".into(), published.label.clone()]);
    table.row(["card".into(), card.display().to_string()]);
    emit(common.json, &Registered { published, card }, &table.to_string())?;
    Ok(true)
}
