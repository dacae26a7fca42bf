//! The bars that weights are traded on: stored ones with their universe, or a file of bars as somebody else wrote it.

use crate::cli::Period;
use crate::failure::Failure;
use crate::home::Home;
use crate::output::note;
use crate::prices::{Purpose, load};
use ingest::{Events, Universe, Weights, inspect};
use messages::{Bars, Member, Symbol, Time};
use std::path::{Path, PathBuf};

/// Of a file that says nothing of sectors.
const NO_SECTOR: &str = "unclassified";

#[derive(Debug)]
pub struct Market {
    pub path: PathBuf,
    /// Ascending sessions.
    pub bars: Vec<Bars>,
    pub universe: Universe,
}

impl Market {
    /// A file that no `aurora` command wrote has no manifest beside it.
    pub fn read(home: &Home, period: &Period, weights: &Weights) -> Result<Self, Failure> {
        let path = period.bars.clone().unwrap_or_else(|| home.prices());
        let stored = ingest::manifest_path(&path).exists() || !path.exists();
        if stored || period.bars.is_none() || period.as_of.is_some() {
            let (path, bars) = load(&path, period.as_of, Purpose::Research)?;
            let universe = ingest::universe_of(&path)?;
            return Ok(Self { path, bars, universe });
        }
        Self::plain(&path, weights)
    }

    /// The names that have weights and bars; what is wrong with the bars is said, not repaired.
    fn plain(path: &Path, weights: &Weights) -> Result<Self, Failure> {
        let member = |symbol: &Symbol| Member { symbol: symbol.clone(), sector: NO_SECTOR.into() };
        let as_of = weights.dates[weights.dates.len() - 1];
        let universe = Universe::new(weights.symbols.iter().map(member).collect(), as_of);
        let now = Time(i64::try_from(jiff::Timestamp::now().as_nanosecond())?);
        let read = ingest::read_bars(path, universe, now)?;
        let name = path.display();
        for mapped in &read.mapped {
            note(format!("{name}: {} is {} here", mapped.from, mapped.to));
        }
        for (reason, rows) in &read.dropped {
            note(format!("{name}: {rows} rows left out: {reason}"));
        }
        let mut members = read.universe.members;
        members.retain(|member| read.bars.iter().any(|bars| bars.row(&member.symbol).is_some()));
        let found = inspect(&members, &read.sessions, &read.bars, &Events::default());
        if let Some(detail) = found.partial() {
            note(format!("{name} is PARTIAL: {detail}"));
        }
        let universe = Universe::new(members, as_of);
        Ok(Self { path: path.to_owned(), bars: read.bars, universe })
    }
}
