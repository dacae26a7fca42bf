//! `aurora backtest`: the cores over history in one thread, without a network.

use crate::cli::{Backtest, Common, Period};
use crate::commands::demo::sandbox;
use crate::commands::train::dated;
use crate::config::Config;
use crate::failure::{Failure, fail};
use crate::home::{Home, Places};
use crate::opening::{Opening, peak};
use crate::output::{note, progress, show_training};
use crate::prices::Purpose;
use crate::replay::{Played, play};
use crate::scene::Scene;
use crate::summary::Summary;
use crate::wiring::{Disk, Files};
use exchange::{Exchange, ExchangeConfig};
use ingest::{Universe, store};
use messages::{Bars, Env, HistoryRef, ModelPublished, ModelRef, Outcome};
use reporting::RunFolder;
use scoring::Predictor;
use shell::BoxError;
use std::sync::Arc;
use trainer::{Members, Registry, Watch};

pub fn backtest(args: &Backtest, common: &Common) -> Result<bool, Failure> {
    if let Some(file) = &args.given.weights {
        return super::weights::backtest(file, args, common);
    }
    let config = Config::read_or_shipped(common.config.as_deref())?;
    let scene = Scene::new(&args.period, &config, Purpose::Research)?;
    let (run, places) =
        sandbox(&Home(common.home.clone()), args.period.run.as_deref(), "backtest")?;
    note(format!(
        "{run}: {}, {} sessions from {}",
        scene.source,
        scene.trading.len(),
        scene.trading[0].session
    ));
    let opening = Opening {
        env: Env::Backtest,
        run_id: run.clone(),
        universe: scene.universe.clone(),
        source: scene.source.clone(),
        events: scene.events.clone(),
        config,
        models: places.models.clone(),
    };
    let model = train(&scene, &opening, &places)?;
    let (folder, last) = trade(&scene, &opening, &model, &places, &args.period)?;
    let summary = Summary::new(
        run,
        &scene.source,
        &last.outcome,
        &folder,
        Some(model),
        &last.journal,
        &places,
    );
    summary.emit(common.json)?;
    match last.outcome {
        Outcome::Stopped { reason } => Err(fail(format!("stopped: {reason}"))),
        Outcome::Traded | Outcome::Trained => Ok(true),
    }
}

fn train(scene: &Scene, opening: &Opening, places: &Places) -> Result<ModelPublished, Failure> {
    let known =
        scene.market.bars().partition_point(|bars| bars.session <= scene.training.signal_session);
    let bars = &scene.market.bars()[..known];
    let bar = progress("training", 1);
    let show = show_training(&bar);
    let registry = Registry::new(&places.models);
    let Universe { members, sectors_as_of, .. } = &scene.universe;
    let dated = dated(&scene.universe)?;
    let members = match &dated {
        Some(dated) => Members::Dated(dated),
        // A list of members is as old as the day it is used on: of an earlier one, nobody says who belonged to it.
        None => Members::Listed {
            members,
            as_of: scene.training.signal_session,
            sectors_as_of: *sectors_as_of,
        },
    };
    let data = scene.records.dataset(bars, members);
    let config = &opening.config.training;
    let trained = trainer::train(data, config, &registry.trials()?, Watch::new(&show))?;
    bar.finish_and_clear();
    let model = registry.publish(&trained)?;
    // Says why, if the audit refuses it.
    registry.load(&model, Env::Backtest)?;
    Ok(trained.card.published(model))
}

fn trade(
    scene: &Scene,
    opening: &Opening,
    model: &ModelPublished,
    places: &Places,
    period: &Period,
) -> Result<(RunFolder, Played), Failure> {
    let market = Arc::new(scene.market.clone());
    let start = ExchangeConfig::new(scene.cash, period.seed, scene.training.start);
    let mut exchange = Exchange::new(market.clone(), start);
    let mut folder = RunFolder::open(&places.run)?;
    let disk = Disk { prices: places.prices.clone(), models: places.models.clone() };
    let files = InMemory { bars: market.bars(), disk };
    let bar = progress("trading", scene.trading.len() as u64);
    let (mut last, mut highest, mut scored) = (None, None, None);
    for day in &scene.trading {
        let known = market.bars().partition_point(|bars| bars.session <= day.signal_session);
        let bars = &market.bars()[..known];
        let played = play(
            *day,
            opening,
            (Some(&model.model), highest, scored),
            bars,
            &files,
            &mut exchange,
            &mut folder,
        )?;
        highest = peak(highest, &played.journal);
        scored = scoring::remember(None, &played.journal);
        bar.inc(1);
        bar.set_message(day.session.to_string());
        if period.journals {
            places.keep_journal(day.session, &played.journal)?;
        }
        let stopped = played.outcome != Outcome::Traded;
        last = Some(played);
        if stopped {
            break;
        }
    }
    bar.finish_and_clear();
    folder.finish()?;
    Ok((folder, last.ok_or_else(|| fail("there was no session to trade"))?))
}

/// The market's own bars instead of a file.
struct InMemory<'a> {
    bars: &'a [Bars],
    disk: Disk,
}

impl Files for InMemory<'_> {
    fn history(&self, wanted: &HistoryRef) -> Result<Vec<Bars>, BoxError> {
        Ok(store::verify(self.bars, wanted)?.to_vec())
    }

    fn model(&self, wanted: &ModelRef, env: Env) -> Result<Box<dyn Predictor>, BoxError> {
        self.disk.model(wanted, env)
    }
}
