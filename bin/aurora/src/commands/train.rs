//! `train`: a model out of what is stored; no bus needed.

use crate::cli::{Common, Train};
use crate::config::Config;
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::output::{Table, emit, note, progress, show_training};
use crate::prices::{Purpose, load};
use ingest::{FeatureMatrix, MatrixManifest, MatrixSource, Provenance, Restatement, Universe};
use messages::{Bars, Date, ModelPublished, ModelRef, Symbol};
use serde::Serialize;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use trainer::{
    Card, Dataset, Dividends, Finding, Members, Panel, Pipeline, Registry, Restated, Standard,
    Standing, Trained, Watch,
};

/// Beside the prices it was made of.
pub const MATRIX: &str = "feature_matrix.parquet";

#[derive(Serialize)]
struct Registered<'a> {
    #[serde(flatten)]
    published: &'a ModelPublished,
    standing: Standing,
    promoted: bool,
    /// Why it is not promoted, and what to do.
    kept_back: Option<String>,
    refusals: Vec<&'a Finding>,
    card: PathBuf,
    page: PathBuf,
    matrix: PathBuf,
    matrix_sha256: String,
}

pub fn train(args: &Train, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    let config = Config::read_or_shipped(common.config.as_deref())?.training;
    let prices = args.bars.clone().unwrap_or_else(|| home.prices());
    let (prices, bars) = load(&prices, args.as_of, Purpose::Research)?;
    let known = match args.through {
        Some(through) => bars.partition_point(|bars| bars.session <= through),
        None => bars.len(),
    };
    if known == 0 {
        return Err(fail("there are no bars to train on"));
    }
    let universe = ingest::universe_of(&prices)?;
    let records = Records::beside(&prices)?;
    let dated = dated(&universe)?;
    let members = match &dated {
        Some(dated) => Members::Dated(dated),
        None => Members::Listed {
            members: &universe.members,
            as_of: members_as_of(&bars, &universe),
            sectors_as_of: universe.sectors_as_of,
        },
    };
    let data = records.dataset(&bars[..known], members);
    let registry = Registry::new(home.models());
    let bar = progress("training", 1);
    let show = show_training(&bar);
    let stop = Interrupt::listen();
    let go_on = |step| if stop.is_set() { ControlFlow::Break(()) } else { show(step) };
    let watch = Watch::new(&go_on);
    let panel = Standard.panel(data, &config, watch)?;
    let path = prices.with_file_name(MATRIX);
    let (panel, manifest) = stored(&path, panel, data, &config)?;
    let trials = registry.trials()?;
    let trained = trainer::train_panel(&Standard, data, panel, &config, &trials, watch)?;
    bar.finish_and_clear();
    let model = registry.publish(&trained)?;
    verify_matrix(&path, &model, &trained.card)?;
    let kept_back = registry.kept_back(&trained.card)?.map(|reason| match trained.card.standing {
        Standing::Refused => reason,
        _ => {
            format!("{reason}; to trade with it all the same: `aurora models promote {}`", model.id)
        }
    });
    let promoted = kept_back.is_none();
    if promoted {
        registry.promote(&model, "aurora train", &jiff::Timestamp::now().to_string())?;
    }
    let folder = home.models().join(&model.id);
    let published = trained.card.published(model);
    let registered = Registered {
        published: &published,
        standing: trained.card.standing,
        promoted,
        kept_back,
        refusals: trained.card.refusals(),
        card: folder.join("card.json"),
        page: folder.join("card.html"),
        matrix: path,
        matrix_sha256: manifest.content_sha256,
    };
    emit(common.json, &registered, &text(&trained, &registered))?;
    Ok(trained.card.standing != Standing::Refused)
}

/// Whether somebody pressed Ctrl-C: a training then ends at its next step, with nothing half-written.
struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    fn listen() -> Self {
        let pressed = Arc::new(AtomicBool::new(false));
        let set = pressed.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                set.store(true, Ordering::Relaxed);
            }
        });
        Self(pressed)
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Of a list without dates, nothing.
pub fn dated(universe: &Universe) -> Result<Option<features::Universe>, Failure> {
    if universe.listed.is_empty() {
        return Ok(None);
    }
    Ok(Some(features::Universe::listed(&universe.listed)?))
}

/// The day a list of members speaks for: the last one that was stored with it, or that its sectors know, wherever a
/// training ends before.
fn members_as_of(stored: &[Bars], universe: &Universe) -> Date {
    let last = stored.last().map(|bars| bars.session);
    last.map_or(universe.sectors_as_of, |last| last.max(universe.sectors_as_of))
}

/// What stands on record beside the bars: dividends, and the last time their past was replaced.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pub dividends: Option<Dividends>,
    pub restated: Option<Restated>,
}

impl Records {
    /// Dividends of the events; bars that were adjusted for them hold them already.
    ///
    /// # Errors
    /// There are dividends, and nobody says what the bars were adjusted for, or how.
    pub fn beside(prices: &Path) -> Result<Self, Failure> {
        let manifest = ingest::read_manifest(prices)?;
        let dividends = of_members(prices, ingest::read_events(prices)?.dividends().collect())?;
        let provenance = manifest.as_ref().map(|known| &known.origin.provenance);
        let counted = !dividends.is_empty() && !hold_dividends(prices, provenance)?;
        let dividends = counted.then_some(dividends);
        let restated = manifest.and_then(|known| known.origin.restated);
        let restated = restated.map(|Restatement { reason, replaced_sha256, .. }| Restated {
            reason,
            replaced_sha256,
        });
        Ok(Self { dividends, restated })
    }

    pub fn dataset<'a>(&'a self, history: &'a [Bars], members: Members<'a>) -> Dataset<'a> {
        let (dividends, restated) = (self.dividends.as_ref(), self.restated.as_ref());
        Dataset { history, members, dividends, restated }
    }
}

/// Those of the universe's members: nobody else's are in any label. It says whose are left out.
fn of_members(prices: &Path, paid: Vec<(Symbol, Date, f64)>) -> Result<Dividends, Failure> {
    if paid.is_empty() {
        return Ok(Dividends::default());
    }
    let members = ingest::universe_of(prices)?.members;
    let is_member = |symbol: &Symbol| members.iter().any(|member| member.symbol == *symbol);
    let (paid, others): (Vec<_>, Vec<_>) =
        paid.into_iter().partition(|(symbol, ..)| is_member(symbol));
    if !others.is_empty() {
        let names: BTreeSet<String> =
            others.iter().map(|(symbol, ..)| symbol.to_string()).collect();
        let (count, names) = (others.len(), names.into_iter().collect::<Vec<_>>().join(", "));
        let events = ingest::events_path(prices);
        note(format!(
            "{count} dividends in {} count for nothing, as these are no members of the universe: {names}",
            events.display()
        ));
    }
    Ok(Dividends::new(paid))
}

/// Whether the bars were adjusted for dividends; if not, a dividend as it was paid can be put in their prices.
fn hold_dividends(prices: &Path, provenance: Option<&Provenance>) -> Result<bool, Failure> {
    let refused = |problem: String, remedy: &str| {
        let events = ingest::events_path(prices);
        Err(fail(format!(
            "DIVIDENDS_UNADJUSTED: {} holds dividends as they were paid, and {problem}: {remedy}, or take the \
             dividends out",
            events.display()
        )))
    };
    let adjustment = provenance.map_or("unknown", |known| known.adjustment.as_str());
    let parts: Vec<&str> = adjustment.split(',').collect();
    if parts.iter().any(|part| ["dividend", "all"].contains(part)) {
        return Ok(true);
    }
    if let Some(other) = parts.iter().find(|part| !["raw", "split", "spin-off"].contains(part)) {
        let problem =
            format!("whether {} is adjusted for them nobody says ({other})", prices.display());
        return refused(problem, "import it again with --adjustment raw, split, dividend or all");
    }
    if parts != ["raw"] && provenance.is_some_and(|known| known.raw_close == "close") {
        let problem = format!("{} has no raw_close to tell later splits by", prices.display());
        return refused(problem, "import a file with a column raw_close");
    }
    Ok(false)
}

/// Writes the panel down and takes what the file says from then on: what is trained on is what is stored.
fn stored(
    path: &Path,
    panel: Panel,
    data: Dataset<'_>,
    config: &trainer::TrainConfig,
) -> Result<(Panel, MatrixManifest), Failure> {
    let (sessions, symbols) = (panel.sessions(), panel.row_symbols());
    let source = MatrixSource {
        history_sha256: panel.source.history_sha256.clone(),
        members_sha256: panel.source.members_sha256.clone(),
        sectors_as_of: data.members.sectors_as_of(),
        dividends_sha256: data.dividends.map(Dividends::sha256),
        whitelist_sha256: panel.whitelist_sha256.clone(),
        config: serde_json::to_value(config)?,
        guards: panel.guards.clone(),
    };
    let Panel { names, values, labels, returns, .. } = panel;
    let matrix = FeatureMatrix { names, sessions, symbols, values, labels, returns };
    ingest::write_matrix(path, &matrix, source)?;
    let names: Vec<&str> = matrix.names.iter().map(String::as_str).collect();
    let (read, manifest) = ingest::read_matrix(path, &names)?;
    let panel = Panel {
        names: read.names,
        values: read.values,
        labels: read.labels,
        returns: read.returns,
        ..panel
    };
    Ok((panel, manifest))
}

/// Holds the matrix at `path` against the card of a model; says whether it is the one it was trained on.
pub fn verify_matrix(path: &Path, model: &ModelRef, card: &Card) -> Result<bool, Failure> {
    let source = MatrixSource {
        history_sha256: card.history_sha256.clone(),
        members_sha256: card.members_sha256.clone(),
        sectors_as_of: card.sectors_as_of,
        dividends_sha256: card.dividends.as_ref().map(|known| known.sha256.clone()),
        whitelist_sha256: card.whitelist_sha256.clone(),
        config: serde_json::to_value(&card.config)?,
        guards: card.guards.clone(),
    };
    Ok(ingest::verify_matrix(path, &model.id, &card.matrix_sha256, &source)?)
}

fn text(trained: &Trained, registered: &Registered<'_>) -> String {
    let card = &trained.card;
    let number = |value: Option<f64>| value.map_or("n/a".to_owned(), |value| format!("{value:.3}"));
    let mut table = Table::new(&["model", trained.model.id.as_str()]);
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    row("tested sessions", format!("{} in {} folds", card.oof.neutral.sessions, card.folds.len()));
    row("rank IC, neutral label", format!("{:.4}", card.oof.neutral.mean));
    row("t (Newey-West)", format!("{:.2}", card.oof.neutral.t));
    row("rank IC, raw return", format!("{:.4}", card.oof.raw.mean));
    for year in &card.oof.by_year {
        let t = year.t.map_or("n/a".to_owned(), |t| format!("{t:.2}"));
        row(
            &format!("  {}", year.year),
            format!("{:.4} (t {t}, {} sessions)", year.ic, year.sessions),
        );
    }
    for at in &card.spread.sharpe {
        row(&format!("spread's Sharpe at {} bp", at.cost_bp), number(at.sharpe));
    }
    row(
        "PSR, DSR, PBO",
        [card.trials.psr, card.trials.dsr, card.trials.pbo].map(number).join(", "),
    );
    row("trials so far", card.trials.trials.to_string());
    row("trees", card.trees.to_string());
    let no = |why: &String| format!("no: {why}");
    row("promoted", registered.kept_back.as_ref().map_or("yes".to_owned(), no));
    row("verdict", card.label.clone());
    row("card", registered.page.display().to_string());
    let findings: String = card.audit.iter().map(|finding| format!("{finding}\n")).collect();
    format!("{table}{findings}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::Member;

    fn day(day: i8) -> Date {
        Date::constant(2024, 3, day)
    }

    fn universe(sectors_as_of: Date) -> Universe {
        let member = |symbol: &str| Member { symbol: symbol.into(), sector: "Energy".to_owned() };
        Universe::new(vec![member("A"), member("ELV")], sectors_as_of)
    }

    /// With `--through` or `--as-of`, too: that a training ends earlier makes no list older.
    #[test]
    fn a_list_of_members_is_as_old_as_what_is_stored_with_it() {
        let stored: Vec<Bars> = [1, 4, 8].map(|at| Bars::empty(day(at))).into();
        assert_eq!(members_as_of(&stored, &universe(day(5))), day(8));
        assert_eq!(members_as_of(&stored[..2], &universe(day(5))), day(5));
    }

    /// Of a name of then the dividend is the present one's; one of a stranger is in no label, and is not counted.
    #[test]
    fn dividends_are_those_of_members() {
        let folder = tempfile::tempdir().unwrap();
        let prices = folder.path().join("prices.parquet");
        ingest::write_universe(&ingest::universe_path(&prices), &universe(day(5))).unwrap();
        let paid = ["A", "ELV", "ZZZ"].map(|symbol| (Symbol::from(symbol), day(4), 0.24));
        let dividends = of_members(&prices, paid.to_vec()).unwrap();
        assert_eq!(dividends, Dividends::new(paid[..2].iter().cloned()));
        assert_eq!(dividends.len(), 2);
        assert!(of_members(folder.path(), Vec::new()).unwrap().is_empty());
    }

    /// What is on record beside bars of this provenance.
    fn beside(adjustment: &str, raw_close: &str, dividends: bool) -> Result<bool, String> {
        let folder = tempfile::tempdir().unwrap();
        let prices = folder.path().join("prices.parquet");
        let mut bars = Bars::empty(Date::constant(2024, 3, 8));
        bars.push("A".into(), [10.0, 10.0, 10.0, 10.0, 1e6, 10.0]);
        let provenance = Provenance {
            source: String::new(),
            request: String::new(),
            at: String::new(),
            feed: String::new(),
            adjustment: adjustment.to_owned(),
            raw_close: raw_close.to_owned(),
        };
        ingest::store::write_prices(&prices, &[bars], provenance).unwrap();
        ingest::write_universe(&ingest::universe_path(&prices), &universe(day(5))).unwrap();
        let paid = if dividends { "A,dividend,2024-03-07,,quarterly,0.24\n" } else { "" };
        let events =
            format!("symbol,kind,from,through,note,amount\nA,listed,2024-01-02,,new,\n{paid}");
        std::fs::write(ingest::events_path(&prices), events).unwrap();
        let records = Records::beside(&prices).map_err(|error| error.to_string())?;
        Ok(records.dividends.is_some())
    }

    #[test]
    fn prior_art_25_dividends_count_once_and_only_in_prices_they_can_be_put_in() {
        assert_eq!(beside("split", "raw_close", true), Ok(true));
        assert_eq!(beside("raw", "close", true), Ok(true), "as traded: nothing to adjust");
        for held in ["dividend", "all", "split,dividend"] {
            assert_eq!(beside(held, "raw_close", true), Ok(false), "{held}: they are in the bars");
            assert_eq!(beside(held, "close", true), Ok(false), "{held}");
        }
        let error = beside("split", "close", true).unwrap_err();
        assert!(error.starts_with("DIVIDENDS_UNADJUSTED: "), "{error}");
        assert!(error.contains("has no raw_close") && error.contains("import a file"), "{error}");
        let error = beside("as in the file", "raw_close", true).unwrap_err();
        assert!(error.contains("nobody says") && error.contains("--adjustment"), "{error}");
        assert_eq!(beside("as in the file", "close", false), Ok(false), "no dividends, no matter");
    }
}
