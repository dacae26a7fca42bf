//! From history to an audited model with its card.

use crate::audit::{self, Case, Controls, Standing};
use crate::card::{
    self, Card, ColumnCard, CostSharpe, DividendsCard, FoldCard, LabelsCard, Oof, Part, SpreadCard,
    TrialsCard, YearIc,
};
use crate::dataset::Dataset;
use crate::error::failed;
use crate::evaluate::{self, Spread};
use crate::folds::{self, Fold, Rows};
use crate::ic::{IcSummary, by_day, daily_ic, mean, rounded};
use crate::panel::Panel;
use crate::pipeline::{Pipeline, Standard};
use crate::progress::Watch;
use crate::snapshot::Snapshot;
use crate::trials::{Trial, Trials, TrialsError};
use crate::walk::{self, Fitted, Job};
use crate::{TrainConfig, TrainError, booster, stats};
use messages::{Date, ModelRef, sha256_hex};
use reporting::metrics::Returns;
use std::collections::BTreeMap;
use xgb::Booster;

/// Name of the booster attribute that holds the card: the hash of the model file vouches for it.
pub(crate) const CARD_ATTRIBUTE: &str = "aurora_card";
/// Costs per unit traded that a spread is judged at, and those it is shown at.
const COST_BP: f64 = 5.0;
const COSTS_BP: [f64; 4] = [0.0, 2.0, 5.0, 10.0];
/// Rows at the end whose contributions make a column's importance.
const IMPORTANCE_ROWS: usize = 1_000;
/// Dates at the end whose features are compared with all before.
const DRIFT_DAYS: usize = 252;
const YEAR: f64 = 252.0;

/// A model ready to be published.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    pub model: ModelRef,
    pub card: Card,
    pub series: Series,
    /// The model file (UBJSON), and the same as JSON.
    pub bytes: Vec<u8>,
    pub json: Vec<u8>,
}

/// What the card's charts show beyond the card.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Out-of-fold rank IC per session.
    pub ic: Vec<(Date, f64)>,
    /// Return of the quintile spread per period, before and after costs.
    pub spread: Vec<(Date, f64, f64)>,
}

/// Trains and audits. The same input gives the same bytes; `trials` remembers that it was tried.
pub fn train(
    data: Dataset<'_>,
    config: &TrainConfig,
    trials: &Trials,
    watch: Watch<'_>,
) -> Result<Trained, TrainError> {
    config.validate()?;
    let panel = Standard.panel(data, config, watch)?;
    train_panel(&Standard, data, panel, config, trials, watch)
}

/// As [`train`], from a panel that was made of `data` by the pipeline.
pub fn train_panel(
    pipeline: &dyn Pipeline,
    data: Dataset<'_>,
    raw: Panel,
    config: &TrainConfig,
    trials: &Trials,
    watch: Watch<'_>,
) -> Result<Trained, TrainError> {
    config.validate()?;
    let study = Study::run(pipeline, data, raw, config, watch)?;
    let mut earlier = trials.read()?;
    // Trained again, it is judged by what was there the first time.
    let (ours, snapshot) = (trial(data, &study.panel, config), Snapshot::of(data.history));
    if let Some(at) = earlier.iter().position(|known| known.is_same_as(&ours)) {
        earlier.truncate(at);
    }
    let earlier = trials.with_snapshots(earlier)?;
    let case = Case {
        pipeline,
        data,
        config,
        raw: &study.raw,
        panel: &study.panel,
        folds: &study.folds,
        trials: &earlier,
    };
    let findings = audit::audit(case, &study.controls, study.oof.as_ref(), watch)?;
    study.card(data, config, findings, |trial| trials.record(trial, &snapshot), ours)
}

/// The walk-forward, its controls and the deployed model, before any judgement.
pub(crate) struct Study {
    /// Before anything looked at its labels.
    pub(crate) raw: Panel,
    pub(crate) panel: Panel,
    pub(crate) folds: Vec<Fold>,
    pub(crate) controls: Controls,
    pub(crate) oof: Option<Oof>,
    scores: Vec<f32>,
    fitted: Vec<Fitted>,
    last: Fold,
    deployed: Fitted,
    daily: Vec<(usize, f64)>,
}

impl Study {
    pub(crate) fn run(
        pipeline: &dyn Pipeline,
        data: Dataset<'_>,
        raw: Panel,
        config: &TrainConfig,
        watch: Watch<'_>,
    ) -> Result<Self, TrainError> {
        debug_assert_eq!(raw.source.sessions, data.history.len(), "a panel of this history");
        // Too little history is said before anything is trained.
        pipeline.folds(&raw, config)?;
        raw.check_values()?;
        let mut controls = Controls::new(pipeline, &raw, config)?;
        let panel = pipeline.supervised(raw.clone());
        let folds = pipeline.folds(&panel, config)?;
        let last = folds::last(&panel, config);
        let mut fitted = Self::fit(&panel, &folds, &last, &controls, config, watch)?;
        let noise = fitted.split_off(fitted.len() - controls.noise.folds.len());
        let permuted = fitted.split_off(fitted.len() - controls.permuted.folds.len());
        let deployed = fitted.remove(0);
        controls.permuted.test(&permuted, config.horizon);
        controls.noise.test(&noise, config.horizon);
        let scores = walk::out_of_fold(&panel, &folds, &fitted);
        let tested = walk::tested(&folds);
        let daily = daily_ic(&panel, &tested, &scores, |row| f64::from(panel.labels[row]));
        let oof = oof(&panel, &tested, &scores, &daily, config);
        Ok(Self { raw, panel, folds, controls, oof, scores, fitted, last, deployed, daily })
    }

    /// The deployed model, the folds, the permuted folds, the noise folds: the longest first, so that no
    /// thread waits long at the end.
    fn fit(
        panel: &Panel,
        folds: &[Fold],
        last: &Fold,
        controls: &Controls,
        config: &TrainConfig,
        watch: Watch<'_>,
    ) -> Result<Vec<Fitted>, TrainError> {
        let mut jobs = vec![Job { panel, fold: last }];
        jobs.extend(folds.iter().map(|fold| Job { panel, fold }));
        for control in [&controls.permuted, &controls.noise] {
            jobs.extend(control.jobs());
        }
        walk::train(&jobs, config, watch)
    }

    fn card(
        self,
        data: Dataset<'_>,
        config: &TrainConfig,
        audit: Vec<audit::Finding>,
        record: impl FnOnce(Trial) -> Result<(Vec<Trial>, String), TrialsError>,
        ours: Trial,
    ) -> Result<Trained, TrainError> {
        let panel = &self.panel;
        let tested = walk::tested(&self.folds);
        let spreads = evaluate::spreads(panel, &tested, &self.scores, config.horizon);
        let matrix_sha256 = ours.matrix_sha256.clone();
        let (trials, head) = record(Trial {
            dates: spreads.iter().map(|spread| spread.session).collect(),
            returns: spreads.iter().map(|spread| spread.net(COST_BP)).collect(),
            ..ours
        })?;
        let trials = trials_card(&trials, head);
        let flat = TrainError::Flat("its out-of-fold predictions are the same for every name");
        let oof = self.oof.clone().ok_or(flat)?;
        let (standing, red_flags) = (Standing::of(&audit), card::red_flags(&oof));
        let source = &panel.source;
        let dividends = data
            .dividends
            .map(|known| DividendsCard { payments: known.len(), sha256: known.sha256() });
        let card = Card {
            history_sha256: source.history_sha256.clone(),
            first_session: source.first,
            last_session: source.through,
            sessions: source.sessions,
            restated: data.restated.cloned(),
            members: source.members,
            members_sha256: source.members_sha256.clone(),
            dated: data.members.is_dated(),
            members_as_of: data.members.as_of(),
            sectors_as_of: data.members.sectors_as_of(),
            labels: labels_card(data, panel),
            matrix_sha256,
            guards: panel.guards.clone(),
            whitelist_sha256: panel.whitelist_sha256.clone(),
            columns: self.columns()?,
            // The number of threads is this machine's affair.
            config: TrainConfig { threads: TrainConfig::default().threads, ..config.clone() },
            folds: self.fold_cards(),
            deployed: fold_card(panel, &self.last, &self.deployed, None),
            trees: self.deployed.trees,
            spread: spread_card(&spreads, config),
            deciles_bp: evaluate::deciles(panel, &tested, &self.scores).map(rounded).to_vec(),
            label: card::label(standing, &audit, &trials, &red_flags),
            trials,
            audit,
            standing,
            red_flags,
            oof,
            typical_sd: self.typical_sd()?,
            xgboost_version: library_version(&self.deployed.booster)?,
            trainer_version: env!("CARGO_PKG_VERSION").to_owned(),
            caveats: card::caveats(dividends.as_ref()),
            dividends,
        };
        let series = Series {
            ic: self.daily.iter().map(|(day, ic)| (panel.days[*day].session, *ic)).collect(),
            spread: spreads.iter().map(|s| (s.session, s.gross, s.net(COST_BP))).collect(),
        };
        seal(self.deployed.booster, card, series)
    }

    fn fold_cards(&self) -> Vec<FoldCard> {
        let panel = &self.panel;
        let ic = |fold: &Fold| {
            let days = fold.test.days(panel);
            let ics: Vec<f64> = self
                .daily
                .iter()
                .filter(|(day, _)| days.contains(day))
                .map(|(_, ic)| *ic)
                .collect();
            (!ics.is_empty()).then(|| rounded(mean(ics.into_iter())))
        };
        let pairs = self.folds.iter().zip(&self.fitted);
        pairs.map(|(fold, fitted)| fold_card(panel, fold, fitted, ic(fold))).collect()
    }

    fn columns(&self) -> Result<Vec<ColumnCard>, TrainError> {
        let panel = &self.panel;
        let rows = panel.labels.len();
        let newest = Rows::from(rows.saturating_sub(IMPORTANCE_ROWS)..rows);
        let importance = booster::importance(&self.deployed.booster, panel, &newest)?;
        let recent = panel.rows(panel.days.len().saturating_sub(DRIFT_DAYS)..panel.days.len());
        let before = Rows::from(0..recent.start);
        let drift = evaluate::drift(panel, &before, &Rows::from(recent));
        let column = |((name, importance), drift): ((&String, f64), f64)| ColumnCard {
            name: name.clone(),
            importance: rounded(importance),
            drift: rounded(drift),
        };
        Ok(panel.names.iter().zip(importance).zip(drift).map(column).collect())
    }

    /// Of the deployed model on the dates that chose its trees.
    fn typical_sd(&self) -> Result<f64, TrainError> {
        let (panel, rows) = (&self.panel, &self.last.validation);
        let matrix = booster::features(panel, rows)?;
        let predicted = booster::predict(&self.deployed.booster, &matrix, self.deployed.trees)?;
        let first = rows.iter().next().unwrap_or(0);
        let sd = |(_, rows): (usize, Vec<usize>)| {
            let scores = rows.iter().map(|row| f64::from(predicted[row - first]));
            let middle = mean(scores.clone());
            mean(scores.map(|score| (score - middle).powi(2))).sqrt()
        };
        let mut sds: Vec<f64> = by_day(panel, rows).into_iter().map(sd).collect();
        sds.sort_by(f64::total_cmp);
        let typical = rounded(f64::midpoint(sds[(sds.len() - 1) / 2], sds[sds.len() / 2]));
        let flat = TrainError::Flat("its predictions are the same for every name");
        if typical > 0.0 { Ok(typical) } else { Err(flat) }
    }
}

/// What the procedure is worth on dates it has not seen; `None` where it puts no order on them.
fn oof(
    panel: &Panel,
    tested: &Rows,
    scores: &[f32],
    neutral: &[(usize, f64)],
    config: &TrainConfig,
) -> Option<Oof> {
    let raw = daily_ic(panel, tested, scores, |row| panel.returns[row]);
    let summary = |daily: &[(usize, f64)]| {
        let series: Vec<f64> = daily.iter().map(|(_, ic)| *ic).collect();
        IcSummary::of(&series, config.horizon).map(IcSummary::rounded)
    };
    Some(Oof {
        neutral: summary(neutral)?,
        raw: summary(&raw)?,
        by_year: by_year(panel, neutral, config.horizon),
        sessions_without_ic: (tested.days(panel).len() - neutral.len()) as u32,
    })
}

fn by_year(panel: &Panel, daily: &[(usize, f64)], horizon: usize) -> Vec<YearIc> {
    let mut years: BTreeMap<i16, Vec<f64>> = BTreeMap::new();
    for (day, ic) in daily {
        years.entry(panel.days[*day].session.year()).or_default().push(*ic);
    }
    let year = |(year, ics): (i16, Vec<f64>)| YearIc {
        year,
        ic: rounded(mean(ics.iter().copied())),
        t: IcSummary::of(&ics, horizon).map(|summary| rounded(summary.t)),
        sessions: ics.len() as u32,
    };
    years.into_iter().map(year).collect()
}

fn fold_card(panel: &Panel, fold: &Fold, fitted: &Fitted, test_ic: Option<f64>) -> FoldCard {
    let part = |rows: &Rows| {
        let days = rows.days(panel);
        Part {
            first: panel.days[days[0]].session,
            last: panel.days[days[days.len() - 1]].session,
            dates: days.len(),
            rows: rows.len(),
        }
    };
    FoldCard {
        fit: part(&fold.fit),
        validation: part(&fold.validation),
        test: (!fold.test.is_empty()).then(|| part(&fold.test)),
        trees: fitted.trees,
        curve: fitted.curve.clone(),
        test_ic,
    }
}

fn labels_card(data: Dataset<'_>, panel: &Panel) -> LabelsCard {
    let mut card = LabelsCard { rows: 0, departed: 0, unlabelled: 0 };
    for day in &panel.days[..panel.labelled()] {
        let exit = &data.history[day.index + panel.timing.exit.sessions];
        for row in day.rows.clone() {
            let labelled = panel.labels[row].is_finite();
            card.rows += 1;
            card.unlabelled += usize::from(!labelled);
            card.departed += usize::from(labelled && exit.row(panel.symbol(row)).is_none());
        }
    }
    card
}

fn spread_card(spreads: &[Spread], config: &TrainConfig) -> SpreadCard {
    let average = |value: fn(&Spread) -> f64| {
        if spreads.is_empty() { 0.0 } else { rounded(mean(spreads.iter().map(value))) }
    };
    let periods_a_year = YEAR / config.horizon as f64;
    let sharpe = |cost_bp: f64| {
        let returns = Returns::new(spreads.iter().map(|spread| spread.net(cost_bp)).collect()).ok();
        let sharpe = returns.and_then(|returns| returns.sharpe_daily(0.0));
        CostSharpe { cost_bp, sharpe: sharpe.map(|s| rounded(s * periods_a_year.sqrt())) }
    };
    SpreadCard {
        periods: spreads.len(),
        gross_bp: average(|spread| spread.gross * 1e4),
        traded: average(|spread| spread.traded),
        sharpe: COSTS_BP.map(sharpe).to_vec(),
    }
}

/// Before it is known what it would have earned.
fn trial(data: Dataset<'_>, panel: &Panel, config: &TrainConfig) -> Trial {
    Trial {
        config: config.clone(),
        whitelist_sha256: panel.whitelist_sha256.clone(),
        members_sha256: panel.source.members_sha256.clone(),
        first: panel.source.first,
        through: panel.source.through,
        sessions: panel.source.sessions,
        history_sha256: panel.source.history_sha256.clone(),
        matrix_sha256: panel.sha256(),
        months: BTreeMap::new(),
        restated: data.restated.cloned(),
        dates: Vec::new(),
        returns: Vec::new(),
    }
}

/// `trials`: every one up to and with this training's.
pub(crate) fn trials_card(trials: &[Trial], head_sha256: String) -> TrialsCard {
    // Returns of h sessions: their Sharpe ratio is √h of that of one session, in which all are compared.
    let sharpe = |trial: &Trial| {
        let sharpe = Returns::new(trial.returns.clone()).ok()?.sharpe_daily(0.0)?;
        Some(sharpe / (trial.config.horizon as f64).sqrt())
    };
    let sharpes: Vec<f64> = trials.iter().filter_map(sharpe).collect();
    let daily = if sharpes.len() < 2 {
        0.0
    } else {
        let middle = mean(sharpes.iter().copied());
        sharpes.iter().map(|s| (s - middle).powi(2)).sum::<f64>() / (sharpes.len() - 1) as f64
    };
    let ours = &trials[trials.len() - 1];
    let variance = daily * ours.config.horizon as f64;
    let comparable: Vec<Vec<f64>> =
        trials.iter().filter(|t| t.dates == ours.dates).map(|t| t.returns.clone()).collect();
    let correlation = stats::mean_correlation(&comparable);
    let returns = Returns::new(ours.returns.clone()).ok();
    let n = trials.len() as f64;
    let dsr = returns.as_ref().and_then(|r| stats::deflated_sharpe(r, variance, n));
    TrialsCard {
        cost_bp: COST_BP,
        trials: trials.len(),
        head_sha256,
        effective_trials: rounded(stats::effective_trials(n, correlation)),
        sharpe_variance: rounded(variance),
        psr: returns.and_then(|returns| returns.probabilistic_sharpe(0.0)).map(rounded),
        dsr: dsr.map(rounded),
        pbo: stats::overfitting_probability(&comparable, stats::PBO_BLOCKS),
    }
}

/// As the library itself writes it into a model.
fn library_version(booster: &Booster) -> Result<String, TrainError> {
    let json = booster.save_buffer(false).map_err(failed("reading the library's version"))?;
    let model: serde_json::Value = serde_json::from_slice(&json).expect("the library writes JSON");
    let numbers = model["version"].as_array().into_iter().flatten();
    Ok(numbers.map(ToString::to_string).collect::<Vec<_>>().join("."))
}

/// Puts names and card into the model file, so that its hash vouches for both.
fn seal(mut booster: Booster, card: Card, series: Series) -> Result<Trained, TrainError> {
    let names = card.names();
    let names = names.iter().map(String::as_str).collect();
    booster.set_feature_names(&names).map_err(failed("naming the columns"))?;
    let text = serde_json::to_string(&card).expect("a card is plain data");
    booster.set_attribute(CARD_ATTRIBUTE, &text).map_err(failed("attaching the card"))?;
    let bytes = booster.save_buffer(true).map_err(failed("writing the model"))?;
    let json = booster.save_buffer(false).map_err(failed("writing the model"))?;
    let sha256 = sha256_hex(&bytes);
    let id = format!("xgb-{}-{}", card.last_session.strftime("%Y%m%d"), &sha256[..8]);
    Ok(Trained { model: ModelRef { id, sha256 }, card, series, bytes, json })
}
