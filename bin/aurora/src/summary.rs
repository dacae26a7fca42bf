//! How a run ends: a table and the paths of its files, or one JSON object.

use crate::failure::Failure;
use crate::home::Places;
use crate::output::emit;
use crate::wiring::card;
use messages::{Envelope, ModelPublished, Outcome};
use reporting::{Performance, RunFolder, explain_order};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Serialize)]
pub struct Summary {
    run: String,
    /// What was traded on.
    source: String,
    /// How the last session ended.
    outcome: Outcome,
    #[serde(flatten)]
    performance: Option<Performance>,
    /// Over the ordered list of session, symbol, side, quantity, client order id.
    orders_sha256: String,
    report: PathBuf,
    positions: PathBuf,
    metrics: PathBuf,
    model: Option<ModelPublished>,
    card: Option<PathBuf>,
    /// The last order, walked back to its bars, in one line.
    explanation: Option<String>,
}

impl Summary {
    /// `journal`: of the last session.
    pub fn new(
        run: String,
        source: &str,
        outcome: &Outcome,
        folder: &RunFolder,
        model: Option<ModelPublished>,
        journal: &[Envelope],
        places: &Places,
    ) -> Self {
        let entries: Vec<(u64, Envelope)> = (1..).zip(journal.iter().cloned()).collect();
        Self {
            run,
            source: source.to_owned(),
            outcome: outcome.clone(),
            performance: folder.performance(),
            orders_sha256: folder.orders_sha256(),
            report: places.run.join("report.html"),
            positions: places.run.join("positions.json"),
            metrics: places.run.join("performance_metrics.json"),
            card: model.as_ref().map(|model| card(&places.models, &model.model.id)),
            model,
            explanation: explain_order(&entries, None).map(|explanation| explanation.to_string()),
        }
    }

    pub fn emit(&self, json: bool) -> Result<(), Failure> {
        emit(json, self, &self.text()?)
    }

    /// For people.
    pub fn text(&self) -> Result<String, Failure> {
        let mut text = format!("\n{} on {}\n\n", self.run, self.source);
        match &self.performance {
            Some(performance) => text.push_str(&performance.table()),
            None => text.push_str("no session was reported\n"),
        }
        if let Some(model) = &self.model {
            writeln!(
                text,
                "\nmodel      {}: rank IC {:.4} (t {:.1}) over {} unseen sessions; {}",
                model.model.id, model.oof_ic, model.oof_ic_t, model.oof_sessions, model.label
            )?;
        }
        writeln!(text, "orders     sha256 {}", self.orders_sha256)?;
        for (what, path) in
            [("report", &self.report), ("positions", &self.positions), ("metrics", &self.metrics)]
        {
            writeln!(text, "{what:10} {}", path.display())?;
        }
        if let Some(card) = &self.card {
            writeln!(text, "{:10} {}", "model card", card.display())?;
        }
        if let Some(explanation) = &self.explanation {
            writeln!(text, "\nlast order {explanation}")?;
        }
        Ok(text)
    }
}
