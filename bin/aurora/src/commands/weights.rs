//! `aurora backtest --weights FILE`: what a user's own signals would have made.

use crate::cli::{Backtest, Common};
use crate::commands::demo::sandbox;
use crate::config::Config;
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::opening::sectors_sha256;
use crate::output::{emit, note};
use crate::summary::Summary;
use crate::weights::{Account, Market, Plan, Run, play};
use costs::FlatCosts;
use ingest::Weights;
use messages::{Date, Env, Envelope, Outcome, SessionOpened, Usd};
use reporting::RunFolder;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The fields of a [`Summary`], and what was traded.
#[derive(Serialize)]
struct Finished {
    #[serde(flatten)]
    summary: Summary,
    weights: Given,
}

#[derive(Serialize)]
struct Given {
    file: PathBuf,
    sha256: String,
    symbols: usize,
    dates: usize,
    from: Date,
    to: Date,
    /// Sessions that kept what was held, because the file has no row for the close before.
    sessions_without_weights: usize,
    commission_bp: f64,
    slippage_bp: f64,
}

pub fn backtest(file: &Path, args: &Backtest, common: &Common) -> Result<bool, Failure> {
    let config = Config::read_or_shipped(common.config.as_deref())?;
    let home = Home(common.home.clone());
    let weights = Weights::read(file)?;
    let Market { path: prices, bars, universe } = Market::read(&home, &args.period, &weights)?;
    let plan = Plan::new(&weights, &bars, &universe, args.given.through, args.given.gross_max)?;
    let (run_id, places) = sandbox(&home, args.period.run.as_deref(), "backtest")?;
    let costs =
        FlatCosts { commission_bp: args.given.commission_bp, slippage_bp: args.given.slippage_bp };
    let source = format!("weights {} on {}", file.display(), prices.display());
    let given = Given::new(file, &weights, &plan, costs);
    note(format!("{run_id}: {source}, {} sessions from {}", plan.sessions(), given.from));
    if given.sessions_without_weights > 0 {
        let text = "sessions follow a close without weights: they keep what is held";
        note(format!("{} {text}", given.sessions_without_weights));
    }
    let opening = opening(&run_id, &source, &plan, universe.sectors_as_of, &config);
    let mut account = Account::new(costs, Usd(i64::from(args.period.cash) * 1_000_000));
    let mut folder = RunFolder::open(&places.run)?;
    let mut keep = |session, journal: &[Envelope]| {
        if args.period.journals { places.keep_journal(session, journal) } else { Ok(()) }
    };
    let run = Run { plan: &plan, costs, opening };
    let (outcome, journal) = play(&run, &mut account, &mut folder, &mut keep)?;
    folder.finish()?;
    let summary = Summary::new(run_id, &source, &outcome, &folder, None, &journal, &places);
    let text = summary.text()?;
    emit(common.json, &Finished { summary, weights: given }, &text)?;
    // The process ends: what it holds need not be given back piece by piece.
    std::mem::forget((folder, bars));
    match outcome {
        Outcome::Stopped { reason } => Err(fail(format!("stopped: {reason}"))),
        Outcome::Traded | Outcome::Trained => Ok(true),
    }
}

impl Given {
    fn new(file: &Path, weights: &Weights, plan: &Plan, costs: FlatCosts) -> Self {
        Self {
            file: file.to_owned(),
            sha256: weights.sha256.clone(),
            symbols: weights.symbols.len(),
            dates: weights.dates.len(),
            from: weights.dates[0],
            to: weights.dates[weights.dates.len() - 1],
            sessions_without_weights: plan.without_weights(),
            commission_bp: costs.commission_bp,
            slippage_bp: costs.slippage_bp,
        }
    }
}

/// What every session opens with, but for what [`play`] says itself. Limits and rules are the configuration's, for the
/// record: nobody judges given weights by them.
fn opening(
    run_id: &str,
    source: &str,
    plan: &Plan,
    sectors_as_of: Date,
    config: &Config,
) -> SessionOpened {
    let first = plan.bars[0].session;
    SessionOpened {
        run_id: run_id.to_owned(),
        source: source.to_owned(),
        universe: plan.members.clone(),
        sectors_sha256: sectors_sha256(&plan.members),
        sectors_as_of,
        config_sha256: config.sha256.clone(),
        whitelist_sha256: features::whitelist::sha256(),
        ..SessionOpened::new(Env::Backtest, first, first, config.limits.clone())
    }
}
