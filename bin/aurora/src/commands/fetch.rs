//! `fetch`: bars from Alpaca or a venue that speaks its API; no bus needed.

use super::data::{Files, Stored, demand, events, lock, tell};
use crate::cli::{Common, Fetch};
use crate::config::Config;
use crate::connection::client;
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::output::progress;
use alpaca::Client;
use alpaca::model::CalendarDay;
use ingest::update::{Updated, Wanted, update};
use ingest::{
    Companions, FetchOptions, GrownVolumes, Growth, Manifest, Mapped, Origin, Provenance,
    StoreError, Universe, read_manifest, series, store,
};
use messages::{Bars, Date, Symbol, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The timeframe of `prices.parquet`; any other goes into a file of its own.
const DAILY: &str = "1Day";

pub async fn fetch(args: &Fetch, common: &Common) -> Result<bool, Failure> {
    let config = Config::read_or_shipped(common.config.as_deref())?;
    let client = client(&config, args.venue.as_deref())?;
    let feed = args.feed.as_ref().unwrap_or(&config.alpaca.feed);
    let adjustment = args.adjustment.as_ref().unwrap_or(&config.alpaca.adjustment);
    let bar = progress("bars", 1);
    let shown = bar.clone();
    let mut options = FetchOptions::new(feed, adjustment);
    options.asof = args.asof;
    options.progress = Some(Arc::new(move |done, of| {
        shown.set_length(of as u64);
        shown.set_position(done as u64);
    }));
    let source = format!("alpaca {}", args.venue.as_deref().unwrap_or(&config.alpaca.data));
    let job = Job { args, home: Home(common.home.clone()), client, options, source };
    let stored = if args.timeframe == DAILY && args.symbols.is_empty() {
        job.daily().await
    } else {
        job.series().await
    };
    bar.finish_and_clear();
    stored?.emit(common.json)?;
    Ok(true)
}

/// A fetch on its way.
struct Job<'a> {
    args: &'a Fetch,
    home: Home,
    client: Client,
    options: FetchOptions,
    source: String,
}

/// What was found before anything was asked for.
#[derive(Default)]
struct Before {
    bars: Vec<Bars>,
    known: Option<Manifest>,
    /// Why there is a file and no bars.
    damage: Option<StoreError>,
}

impl Job<'_> {
    async fn daily(&self) -> Result<Stored, Failure> {
        let prices = self.home.prices();
        let now = ingest::clock::now(&self.client).await?;
        let (universe, mut mapped) = self.universe(&prices, now)?;
        self.names_hold(universe.members.iter().map(|member| &member.symbol))?;
        tell(&universe, Some(alpaca::time::session_date(now)));
        let events = events(self.args.gate.events.as_deref(), &prices)?.of_members(&universe);
        let fingerprint = store::fingerprint(&prices)?;
        let Before { bars: stored, known, damage } = self.stored(&prices)?;
        let (from, through, sessions) = self.bounds(now, &stored).await?;
        let restating = self.args.restate.is_some();
        let wanted = Wanted {
            members: &universe.members,
            listed: &universe.listed,
            from,
            through,
            stored: if restating { &[] } else { &stored },
            partial: known.as_ref().is_some_and(|known| known.partial().is_some()),
            journaled_from: known.as_ref().and_then(|known| known.origin.journaled_from),
        };
        let Updated { history, new, filled, grown, volumes, overlap, mapped: renamed, inspection } =
            update(&self.client, &wanted, &sessions, &events, &self.options).await?;
        demand(&inspection, self.args.gate.allow_partial, &BTreeMap::new())?;
        let request = format!("{} symbols, {from} to {through}", universe.members.len());
        let provenance = self.provenance(now, request);
        let files = Files {
            prices: &prices,
            universe: &universe,
            events: self.args.gate.events.as_deref(),
        };
        mapped.extend(renamed);
        mapped.sort();
        mapped.dedup();
        let gate = Some(inspection);
        let asof = self.options.asof;
        let mut origin = Origin { asof, mapped, gate, overlap, ..Origin::from(provenance) };
        let lock = lock(&prices)?;
        untouched(&prices, fingerprint.as_ref(), known.as_ref())?;
        if let Some(known) = known.filter(|_| !restating) {
            let same = new == 0 && volumes.is_none() && known.origin.gate == origin.gate;
            if same && self.args.gate.events.is_none() && self.args.universe.is_none() {
                // What was compared this time.
                let manifest = Manifest { origin: Origin { overlap, ..known.origin }, ..known };
                return Ok(Stored { prices, manifest, dropped: BTreeMap::new(), new });
            }
            let taken = volumes.map(|(session, symbols)| GrownVolumes {
                session,
                symbols,
                replaced_sha256: known.content_sha256,
            });
            let beside = Companions::new(&universe, events.sha256().to_owned());
            let later =
                history.iter().map(|bars| bars.session).find(|it| Some(*it) > known.last_session);
            origin = continued(origin, known.origin, taken, grown.then_some((&beside, later)));
            if filled > 0 {
                let reason = format!("{filled} bars that a partial history lacked came later");
                let manifest = files.restate(&lock, &stored, &history, origin, &reason)?;
                return Ok(Stored { prices, manifest, dropped: BTreeMap::new(), new });
            }
        } else if let Some(reason) = self.args.restate.as_deref().filter(|_| fingerprint.is_some())
        {
            let manifest = match damage {
                Some(error) => files.replace_damaged(&lock, &history, origin, (reason, &error))?,
                None => files.restate(&lock, &stored, &history, origin, reason)?,
            };
            let new = manifest.rows;
            return Ok(Stored { prices, manifest, dropped: BTreeMap::new(), new });
        }
        let manifest = files.write(&lock, &history, origin)?;
        Ok(Stored { prices, manifest, dropped: BTreeMap::new(), new })
    }

    /// Of the CSV that was named, or those of the last import or fetch.
    fn universe(&self, prices: &Path, now: Time) -> Result<(Universe, Vec<Mapped>), Failure> {
        let Some(path) = &self.args.universe else {
            let mapped = read_manifest(prices).ok().flatten().map(|known| known.origin.mapped);
            let universe = ingest::universe_of(prices)?;
            return Ok((universe, mapped.unwrap_or_default()));
        };
        let as_of = if ingest::dated::is_dated(path)? {
            None
        } else {
            ingest::sectors::read(path)?.as_of.or(Some(alpaca::time::session_date(now)))
        };
        Ok(ingest::read_members(path, None, as_of)?)
    }

    /// What is stored, if it can be gone on with or is to be replaced.
    fn stored(&self, prices: &Path) -> Result<Before, Failure> {
        if !prices.exists() {
            return Ok(Before::default());
        }
        let bars = match store::read_prices(prices) {
            Err(error) if error.is_damage() && self.args.restate.is_some() => {
                return Ok(Before { damage: Some(error), ..Before::default() });
            }
            bars => bars?,
        };
        let known = read_manifest(prices)?;
        let Some(manifest) = &known else {
            return Err(fail(format!(
                "{} has no manifest, so that nothing says where it is from: move it away",
                prices.display()
            )));
        };
        let theirs = &manifest.origin.provenance;
        let asof = manifest.origin.asof;
        if asof != self.options.asof && self.args.restate.is_none() {
            let of = |asof: Option<Date>| asof.map_or("today".to_owned(), |day| day.to_string());
            return Err(fail(format!(
                "{} was asked for by the names of {}, not of {}: --restate REASON replaces it (a snapshot keeps it)",
                prices.display(),
                of(asof),
                of(self.options.asof)
            )));
        }
        let same =
            (&theirs.feed, &theirs.adjustment) == (&self.options.feed, &self.options.adjustment);
        if !same && self.args.restate.is_none() {
            return Err(fail(format!(
                "{} comes from {} (feed {:?}, adjustment {:?}), not from feed {:?} with adjustment {:?}: \
                 --restate REASON replaces it (a snapshot keeps it)",
                prices.display(),
                theirs.source,
                theirs.feed,
                theirs.adjustment,
                self.options.feed,
                self.options.adjustment
            )));
        }
        Ok(Before { bars, known, damage: None })
    }

    /// First and last session to have, and the calendar's sessions from the first one stored or wanted on.
    async fn bounds(&self, now: Time, stored: &[Bars]) -> Result<(Date, Date, Vec<Date>), Failure> {
        let today = alpaca::time::session_date(now);
        self.has_come(today)?;
        let first = stored.first().map(|bars| bars.session);
        let from = match (self.args.from, first) {
            (Some(from), _) => from,
            (None, Some(first)) => first,
            (None, None) => {
                self.args.through.unwrap_or(today).checked_sub(jiff::Span::new().years(10))?
            }
        };
        self.forwards(from)?;
        let kept = if self.args.restate.is_none() { stored } else { &[] };
        self.widens(kept)?;
        let begin = kept.first().map_or(from, |first| first.session.min(from));
        let calendar = self.client.calendar(begin, today).await?;
        let wanted = |day: &&CalendarDay| self.args.through.is_none_or(|last| day.date <= last);
        let is_over = |day: &&CalendarDay| alpaca::time::session_time(day.date, day.close) <= now;
        let on = calendar.iter().filter(wanted).find(|day| !is_over(day));
        if let (Some(through), Some(on)) = (self.args.through, on) {
            return Err(fail(format!(
                "--through {through}: the session of {} has not closed yet, it is {}: leave out --through to have \
                 all that have, or fetch after its close",
                on.date,
                alpaca::time::new_york(now)
            )));
        }
        let sessions = calendar.iter().filter(wanted).filter(is_over).map(|day| day.date);
        let sessions: Vec<Date> = sessions.collect();
        let Some(&last) = sessions.last().filter(|last| **last >= from) else {
            return Err(fail(format!("no session from {from} on has closed yet")));
        };
        if let Some(ahead) = kept.last().filter(|stored| stored.session > last) {
            return Err(fail(format!(
                "bars of {} are stored, and the last session that has closed by the exchange's clock is {last}: they \
                 are of another venue, or were fetched by a wrong clock; --restate REASON replaces them (a snapshot \
                 keeps them)",
                ahead.session
            )));
        }
        // A day without a session has nothing to be asked for.
        let from = sessions.iter().copied().find(|day| *day >= from).unwrap_or(from);
        Ok((from, last, sessions))
    }

    /// What is to come last must have come.
    fn has_come(&self, today: Date) -> Result<(), Failure> {
        match self.args.through {
            Some(through) if through > today => Err(fail(format!(
                "--through {through} lies after today, {today} by the exchange's clock: leave out --through to have \
                 what there is"
            ))),
            _ => Ok(()),
        }
    }

    /// What is `kept` stays: to leave some of it out is not to fetch.
    fn widens(&self, kept: &[Bars]) -> Result<(), Failure> {
        let (Some(first), Some(last)) = (kept.first(), kept.last()) else {
            return Ok(());
        };
        let narrows = |option: &str, day: Date, what: &str, stored: Date| {
            Err(fail(format!(
                "{option} {day} would leave out bars that are stored (the {what} session is {stored}): leave out \
                 {option} to go on with all of them, or give --restate REASON to replace them (a snapshot keeps them)"
            )))
        };
        match (self.args.from, self.args.through) {
            (Some(from), _) if from > first.session => {
                narrows("--from", from, "first", first.session)
            }
            (_, Some(through)) if through < last.session => {
                narrows("--through", through, "last", last.session)
            }
            _ => Ok(()),
        }
    }

    fn forwards(&self, from: Date) -> Result<(), Failure> {
        match self.args.through {
            Some(through) if from > through => Err(fail(format!(
                "--from {from} lies after --through {through}: nothing can be fetched; swap them"
            ))),
            _ => Ok(()),
        }
    }

    /// A universe holds present names: of a day on which one of them was another's, or nobody's, `--asof` would
    /// bring bars of somebody else, or none.
    fn names_hold<'s>(&self, symbols: impl Iterator<Item = &'s Symbol>) -> Result<(), Failure> {
        let Some(asof) = self.options.asof else {
            return Ok(());
        };
        // A source takes a name over the day after it has changed.
        let eve = asof.yesterday()?;
        for symbol in symbols {
            let name = ingest::symbols::name_on(symbol, eve);
            if name != *symbol {
                return Err(fail(format!(
                    "--asof {asof}: {symbol} was called {name} then, and a universe is kept under its present names: \
                     leave out --asof (bars of before a change of name come all the same), or name {name} with \
                     --symbols"
                )));
            }
        }
        Ok(())
    }

    fn provenance(&self, now: Time, request: String) -> Provenance {
        Provenance {
            source: self.source.clone(),
            request,
            at: alpaca::time::utc(now),
            feed: self.options.feed.clone(),
            adjustment: self.options.adjustment.clone(),
            raw_close: "raw_close".to_owned(),
        }
    }

    /// Any timeframe, stocks or pairs of coins: a file of its own, which trading never reads.
    async fn series(&self) -> Result<Stored, Failure> {
        let timeframe = &self.args.timeframe;
        let now = ingest::clock::now(&self.client).await?;
        let symbols: Vec<Symbol> = if self.args.symbols.is_empty() {
            let members = self.universe(&self.home.prices(), now)?.0.members;
            self.names_hold(members.iter().map(|member| &member.symbol))?;
            members.into_iter().map(|member| member.symbol).collect()
        } else {
            let each_once: BTreeSet<Symbol> =
                self.args.symbols.iter().map(|label| ingest::symbols::spelling(label)).collect();
            each_once.into_iter().collect()
        };
        let pairs = symbols.iter().filter(|symbol| symbol.as_str().contains('/')).count();
        let market = match pairs {
            0 => series::Market::Stocks,
            all if all == symbols.len() => {
                series::Market::Crypto { location: self.args.location.clone() }
            }
            _ => return Err(fail("stocks and pairs of coins are fetched one after the other")),
        };
        let Some(from) = self.args.from else {
            return Err(fail(format!(
                "{timeframe} bars have no usual start: name one with --from"
            )));
        };
        self.forwards(from)?;
        let utc = pairs > 0;
        self.has_come(if utc { utc_date(now)? } else { alpaca::time::session_date(now) })?;
        let span = span(from, self.args.through, now, utc)?;
        let fetched =
            series::fetch(&self.client, &market, &symbols, timeframe, span, now, &self.options)
                .await?;
        let name = if pairs > 0 { "crypto" } else { "bars" };
        let path = self.home.latest().join(format!("{name}-{timeframe}.parquet"));
        let request = format!(
            "{timeframe} bars of {} symbols, {} to {}",
            symbols.len(),
            alpaca::time::utc(span.0),
            alpaca::time::utc(span.1)
        );
        let mut provenance = self.provenance(now, request);
        provenance.raw_close = String::new();
        if pairs > 0 {
            // Coins have neither.
            (provenance.feed, provenance.adjustment) = (String::new(), String::new());
        }
        fs::create_dir_all(self.home.latest())?;
        let origin = Origin { asof: self.options.asof, ..Origin::from(provenance) };
        let manifest = series::write(&path, &fetched, origin, self.args.restate.as_deref())?;
        let new = manifest.rows;
        Ok(Stored { prices: path, manifest, dropped: BTreeMap::new(), new })
    }
}

/// Nobody else is kept from writing while the source is asked: what was compared must still be there, and what the
/// journal vouches for must not have become more.
fn untouched(
    prices: &Path,
    fingerprint: Option<&String>,
    known: Option<&Manifest>,
) -> Result<(), Failure> {
    let same = store::fingerprint(prices)?.as_ref() == fingerprint
        && (known.is_none() || read_manifest(prices)?.as_ref() == known);
    if same {
        return Ok(());
    }
    Err(fail(format!(
        "{} was written by somebody else while bars were fetched: nothing was written; fetch again",
        prices.display()
    )))
}

/// The record of a history that goes on from one with the record `known`. As of an earlier day the universe, the events
/// and the volumes of then are to be found: where one of them is another now, or the history has not only `grown`
/// (with these files beside it, by the sessions from the one that is named on), it is no longer the same snapshot.
fn continued(
    mut origin: Origin,
    known: Origin,
    taken: Option<GrownVolumes>,
    grown: Option<(&Companions, Option<Date>)>,
) -> Origin {
    if let Some((beside, later)) = grown
        && taken.is_none()
        && Some(beside) == known.companions.as_ref()
    {
        let at = std::mem::replace(&mut origin.provenance, known.provenance).at;
        origin.growths = known.growths;
        origin.growths.extend(later.map(|from| Growth { at, from }));
    }
    origin.volumes = taken.or(known.volumes);
    origin.restated = known.restated;
    origin.journaled_from = known.journaled_from;
    origin
}

fn utc_date(at: Time) -> Result<Date, Failure> {
    let at = jiff::Timestamp::from_nanosecond(at.0.into())?;
    Ok(at.to_zoned(jiff::tz::TimeZone::UTC).date())
}

/// From the first instant of `from` to the last of `through` (at most now): of New York's day, or of
/// UTC's for coins.
fn span(from: Date, through: Option<Date>, now: Time, utc: bool) -> Result<(Time, Time), Failure> {
    let midnight = |date: Date| {
        if utc {
            let at = date.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp().as_nanosecond();
            Ok(Time(i64::try_from(at)?))
        } else {
            Ok::<_, Failure>(alpaca::time::session_time(date, jiff::civil::Time::midnight()))
        }
    };
    let end = match through {
        Some(through) => midnight(through.tomorrow()?)?.0 - 1,
        None => now.0,
    };
    let (start, end) = (midnight(from)?, Time(end.min(now.0)));
    if start >= end {
        return Err(fail(format!("{from} lies after the end of what is asked for")));
    }
    Ok((start, end))
}
