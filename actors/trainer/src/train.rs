//! From history to a model with its card: one purged walk-forward split, the number of trees chosen
//! inside the training part, an audit on the rest.

use crate::card::{self, Card, CurvePoint, Oof, Part, SplitCard, YearIc};
use crate::error::failed;
use crate::ic::{IcSummary, NAMES_MIN, rounded, spearman};
use crate::panel::{Day, Panel};
use crate::split::Split;
use crate::{TrainConfig, TrainError, booster};
use messages::{Bars, Date, Member, ModelRef, sha256_hex};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use xgb::Booster;

/// Name of the booster attribute that holds the card: the hash of the model file vouches for it.
pub(crate) const CARD_ATTRIBUTE: &str = "aurora_card";

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Sessions folded into features.
    Features,
    /// Trees of the candidates.
    Choose,
    /// Trees of the model.
    Fit,
}

/// `done` of `of` steps of a stage.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    pub done: usize,
    pub of: usize,
}

/// A model ready to be published.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    pub model: ModelRef,
    pub card: Card,
    /// The model file (UBJSON).
    pub bytes: Vec<u8>,
}

/// Trains on `history` (ascending sessions; those before the first whose features are complete only
/// warm up). The same input gives the same bytes.
pub fn train(
    history: &[Bars],
    members: &[Member],
    config: &TrainConfig,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trained, TrainError> {
    train_until(history, members, config, &mut |step| {
        progress(step);
        ControlFlow::Continue(())
    })
}

/// As [`train`], until `progress` breaks it off ([`TrainError::Stopped`]).
pub fn train_until(
    history: &[Bars],
    members: &[Member],
    config: &TrainConfig,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    config.validate()?;
    let panel = Panel::build(history, members, config.horizon, progress)?;
    train_panel(&panel, config, progress)
}

/// The deployed model is the tested one: it has seen no test session, so that the card's figures are
/// of this very file and anybody can compute them again.
pub fn train_panel(
    panel: &Panel,
    config: &TrainConfig,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    config.validate()?;
    let split = Split::new(&panel.indices(), panel.source.sessions, config)?;
    let (trees, curve) = choose_trees(panel, &split, config, progress)?;
    let matrix = booster::matrix(panel, split.train.clone())?;
    let mut booster = booster::fit(&matrix, trees, config, Stage::Fit, progress)?;
    let audit = audit(panel, &split, &booster, trees, config)?;
    let label = card::judge(&audit.oof)?;
    let card = Card {
        history_sha256: panel.source.history_sha256.clone(),
        first_session: panel.source.first,
        last_session: panel.source.through,
        sessions: panel.source.sessions,
        members: panel.source.members,
        members_sha256: panel.source.members_sha256.clone(),
        whitelist_sha256: panel.whitelist_sha256.clone(),
        names: panel.names.clone(),
        config: config.clone(),
        split: split_card(panel, &split, config),
        trees,
        validation_curve: curve,
        red_flags: card::red_flags(&audit.oof),
        oof: audit.oof,
        typical_sd: audit.typical_sd,
        xgboost_version: library_version(&booster)?,
        trainer_version: env!("CARGO_PKG_VERSION").to_owned(),
        label,
        deployed: card::DEPLOYED.to_owned(),
        caveats: card::CAVEATS.map(str::to_owned).to_vec(),
    };
    seal(&mut booster, card)
}

/// Fits the most trees on the first part of the training dates; the number with the best mean daily
/// rank IC on the last part wins, the smaller of equals. Never by squared error: with this label that
/// stops at the first tree as often as not (METHODS.md §2).
fn choose_trees(
    panel: &Panel,
    split: &Split,
    config: &TrainConfig,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(usize, Vec<CurvePoint>), TrainError> {
    let fitted = booster::matrix(panel, split.fit.clone())?;
    let booster = booster::fit(&fitted, config.trees_max, config, Stage::Choose, progress)?;
    let matrix = booster::matrix(panel, split.validation.clone())?;
    let days = &panel.days[split.validation.clone()];
    let mut curve = Vec::new();
    for trees in (config.trees_min..=config.trees_max).step_by(config.trees_step) {
        let scores = booster::predict(&booster, &matrix, trees)?;
        let daily = daily_ic(days, &scores, |day| widen(&day.labels));
        if !daily.is_empty() {
            let ic = daily.iter().map(|(_, ic)| ic).sum::<f64>() / daily.len() as f64;
            curve.push(CurvePoint { trees, ic: rounded(ic) });
        }
    }
    let mut best: Option<&CurvePoint> = None;
    for point in &curve {
        if best.is_none_or(|best| point.ic > best.ic) {
            best = Some(point);
        }
    }
    let flat = TrainError::Flat("no number of trees tells the validation names apart");
    let trees = best.ok_or(flat)?.trees;
    Ok((trees, curve))
}

struct Audit {
    oof: Oof,
    typical_sd: f64,
}

/// What the model is worth on dates it has not seen.
fn audit(
    panel: &Panel,
    split: &Split,
    booster: &Booster,
    trees: usize,
    config: &TrainConfig,
) -> Result<Audit, TrainError> {
    let flat = || TrainError::Flat("its test predictions are the same for every name");
    let matrix = booster::matrix(panel, split.test.clone())?;
    let scores = booster::predict(booster, &matrix, trees)?;
    let days = &panel.days[split.test.clone()];
    let neutral = daily_ic(days, &scores, |day| widen(&day.labels));
    let raw = daily_ic(days, &scores, |day| day.returns.clone());
    let summary = |daily: &[(Date, f64)]| {
        let series: Vec<f64> = daily.iter().map(|(_, ic)| *ic).collect();
        IcSummary::of(&series, config.horizon).map(IcSummary::rounded).ok_or_else(flat)
    };
    let oof = Oof {
        neutral: summary(&neutral)?,
        raw: summary(&raw)?,
        by_year: by_year(&neutral),
        sessions_without_ic: (days.len() - neutral.len()) as u32,
    };
    let typical_sd = rounded(typical_sd(days, &scores));
    if typical_sd > 0.0 { Ok(Audit { oof, typical_sd }) } else { Err(flat()) }
}

/// Rank correlation per day; days with too few names or without any order are left out.
fn daily_ic(days: &[Day], scores: &[f32], outcome: impl Fn(&Day) -> Vec<f64>) -> Vec<(Date, f64)> {
    let ic = |(day, scores): (&Day, &[f32])| {
        let known = scores.len() >= NAMES_MIN;
        let ic = known.then(|| spearman(&widen(scores), &outcome(day))).flatten();
        ic.map(|ic| (day.session, ic))
    };
    by_day(days, scores).filter_map(ic).collect()
}

fn by_day<'a>(
    days: &'a [Day],
    scores: &'a [f32],
) -> impl Iterator<Item = (&'a Day, &'a [f32])> + 'a {
    days.iter().scan(scores, |rest, day| {
        let (today, later) = rest.split_at(day.labels.len());
        *rest = later;
        Some((day, today))
    })
}

fn by_year(daily: &[(Date, f64)]) -> Vec<YearIc> {
    let mut years: BTreeMap<i16, Vec<f64>> = BTreeMap::new();
    for (session, ic) in daily {
        years.entry(session.year()).or_default().push(*ic);
    }
    let year = |(year, ics): (i16, Vec<f64>)| {
        let ic = ics.iter().sum::<f64>() / ics.len() as f64;
        YearIc { year, ic: rounded(ic), sessions: ics.len() as u32 }
    };
    years.into_iter().map(year).collect()
}

/// Median over the days of the standard deviation (ddof 0) of a day's predictions.
fn typical_sd(days: &[Day], scores: &[f32]) -> f64 {
    let sd = |(_, scores): (&Day, &[f32])| {
        let (scores, n) = (widen(scores), scores.len() as f64);
        let mean = scores.iter().sum::<f64>() / n;
        (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / n).sqrt()
    };
    let mut sds: Vec<f64> = by_day(days, scores).map(sd).collect();
    sds.sort_by(f64::total_cmp);
    let (low, high) = (sds[(sds.len() - 1) / 2], sds[sds.len() / 2]);
    f64::midpoint(low, high)
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn split_card(panel: &Panel, split: &Split, config: &TrainConfig) -> SplitCard {
    let part = |days: &Range<usize>| Part {
        first: panel.days[days.start].session,
        last: panel.days[days.end - 1].session,
        dates: days.len(),
        rows: panel.rows(days.clone()),
    };
    SplitCard {
        fit: part(&split.fit),
        validation: part(&split.validation),
        train: part(&split.train),
        test: part(&split.test),
        labels_overlapping_test: split.overlapping(&panel.indices(), config.horizon),
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
fn seal(booster: &mut Booster, card: Card) -> Result<Trained, TrainError> {
    let names = card.names.iter().map(String::as_str).collect();
    booster.set_feature_names(&names).map_err(failed("naming the columns"))?;
    let json = serde_json::to_string(&card).expect("a card is plain data");
    booster.set_attribute(CARD_ATTRIBUTE, &json).map_err(failed("attaching the card"))?;
    let bytes = booster.save_buffer(true).map_err(failed("writing the model"))?;
    let sha256 = sha256_hex(&bytes);
    let id = format!("xgb-{}-{}", card.last_session.strftime("%Y%m%d"), &sha256[..8]);
    Ok(Trained { model: ModelRef { id, sha256 }, card, bytes })
}
