//! `train`: a model out of what is stored; no bus needed.

use crate::cli::{Common, Train};
use crate::config::Config;
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::output::{Table, emit, progress, show_training};
use crate::prices::{Purpose, load};
use ingest::{FeatureMatrix, MatrixManifest, MatrixSource, Restatement};
use messages::{Bars, Date, Member, ModelPublished};
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use trainer::{
    Dataset, Dividends, Finding, Panel, Pipeline, Registry, Restated, Standard, Standing, Trained,
    Watch,
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
    let last = bars[..known].last().ok_or_else(|| fail("there are no bars to train on"))?.session;
    let universe = ingest::read_universe(&ingest::universe_path(&prices))?;
    let records = Records::beside(&prices)?;
    let data = records.dataset(&bars[..known], &universe.members, last, universe.sectors_as_of);
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
    ingest::verify_matrix(&path, &model.id, &trained.card.matrix_sha256)?;
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

/// What stands on record beside the bars: dividends, and the last time their past was replaced.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pub dividends: Option<Dividends>,
    restated: Option<Restated>,
}

impl Records {
    /// Dividends of the events; bars that were adjusted for them hold them already.
    pub fn beside(prices: &Path) -> Result<Self, Failure> {
        let manifest = ingest::read_manifest(prices)?;
        let adjustment = manifest.as_ref().map(|known| &known.origin.provenance.adjustment);
        let adjusted = adjustment.is_some_and(|of| ["dividend", "all"].contains(&of.as_str()));
        let dividends = Dividends::new(ingest::read_events(prices)?.dividends());
        let dividends = (!dividends.is_empty() && !adjusted).then_some(dividends);
        let restated = manifest.and_then(|known| known.origin.restated);
        let restated = restated.map(|Restatement { reason, replaced_sha256, .. }| Restated {
            reason,
            replaced_sha256,
        });
        Ok(Self { dividends, restated })
    }

    /// A list of members is as old as the day it is used on: of an earlier one, nobody says who belonged to it.
    pub fn dataset<'a>(
        &'a self,
        history: &'a [Bars],
        members: &'a [Member],
        members_as_of: Date,
        sectors_as_of: Date,
    ) -> Dataset<'a> {
        Dataset {
            dividends: self.dividends.as_ref(),
            restated: self.restated.as_ref(),
            ..Dataset::listed(history, members, members_as_of, sectors_as_of)
        }
    }
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
