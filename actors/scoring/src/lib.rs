//! Scoring: what the model makes of the day's features. Pure, given a loaded model.
//!
//! It trusts nobody that the columns fit: XGBoost predicts 44 columns with a 45-column model without
//! a word, so names, their order and the whitelist hash are compared here, against the model and
//! against the journal. A prediction that carries no information is withheld, never scaled up: noise
//! of 1e-17 divided by its own standard deviation is a full-size book (METHODS.md §2).

mod guard;
mod memory;
mod predictor;
mod rank;
mod rows;

pub use guard::TREES_MIN;
pub use memory::remember;
pub use predictor::Predictor;
pub use rank::{pearson, ranks, spearman};
pub use rows::{FINITE_SHARE_MIN, scorable_rows, take_rows};

use kernel::{Actor, Outbox};
use messages::{
    ActorId, Envelope, Features, Message, ModelRef, Scores, ScoresBefore, ScoresWithheld,
    SessionOpened, Symbol, Topic,
};

/// Scores the eligible names of a session, or says why it does not.
pub struct Scoring {
    model: Option<Box<dyn Predictor>>,
    duty: Duty,
}

/// What the session asks of us.
enum Duty {
    /// No `SessionOpened` yet, or one that trains: nothing to say.
    Silent,
    Score {
        whitelist_sha256: String,
        /// What this model said before, if it did.
        before: Option<ScoresBefore>,
    },
    /// The loaded model is not the journal's; the same reason answers every `Features`.
    Withhold(String),
}

impl Scoring {
    /// `model` is what was loaded for this session; it must be the one the journal names.
    pub fn new(model: Option<Box<dyn Predictor>>) -> Self {
        Self { model, duty: Duty::Silent }
    }

    fn on_opened(&mut self, opened: &SessionOpened) {
        self.duty = match &opened.model {
            None => Duty::Silent,
            Some(wanted) => match model_mismatch(self.model.as_deref(), wanted) {
                Some(reason) => Duty::Withhold(reason),
                None => Duty::Score {
                    whitelist_sha256: opened.whitelist_sha256.clone(),
                    before: opened.scored.clone().filter(|before| {
                        // Scored again, a session is not compared with itself.
                        before.model_sha256 == wanted.sha256
                            && before.session < opened.signal_session
                    }),
                },
            },
        };
    }

    fn on_features(&self, features: &Features, out: &mut Outbox) {
        let judged = match (&self.duty, &self.model) {
            (Duty::Silent, _) => return,
            (Duty::Withhold(reason), _) => Err(reason.clone()),
            (Duty::Score { whitelist_sha256, before }, Some(model)) => {
                guard::check_columns(features, whitelist_sha256, model.as_ref())
                    .and_then(|()| score(features, model.as_ref(), before.as_ref()))
            }
            (Duty::Score { .. }, None) => unreachable!("a missing model is a mismatch"),
        };
        out.send(match judged {
            Ok(scores) => Message::Scores(scores),
            Err(reason) => {
                Message::ScoresWithheld(ScoresWithheld { session: features.session, reason })
            }
        });
    }
}

impl Actor for Scoring {
    fn id(&self) -> ActorId {
        ActorId::Scoring
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::SessionOpened, Topic::Features]
    }

    fn handle(&mut self, _position: u64, input: &Envelope, out: &mut Outbox) {
        match &input.body {
            Message::SessionOpened(opened) => self.on_opened(opened),
            Message::Features(features) => self.on_features(features, out),
            _ => unreachable!("not listened to"),
        }
    }
}

fn model_mismatch(loaded: Option<&dyn Predictor>, wanted: &ModelRef) -> Option<String> {
    let (id, sha256) = loaded.map_or(("none", "none"), |model| (model.id(), model.sha256()));
    let same = id == wanted.id && sha256 == wanted.sha256;
    (!same).then(|| {
        format!(
            "MODEL_MISMATCH journal={} sha256={} loaded={id} sha256={sha256}",
            wanted.id, wanted.sha256
        )
    })
}

/// The scores, or the reason for none: the first that applies.
fn score(
    features: &Features,
    model: &dyn Predictor,
    before: Option<&ScoresBefore>,
) -> Result<Scores, String> {
    let rows = scorable_rows(features);
    if rows.is_empty() {
        let eligible = features.eligible.iter().filter(|eligible| **eligible).count();
        return Err(format!("NO_NAMES eligible={eligible} scorable=0"));
    }
    guard::check_values(features, &rows)?;
    let values = take_rows(features, &rows);
    let scores = model.predict(&values, rows.len());
    assert_eq!(scores.len(), rows.len(), "a prediction per row");
    guard::check_trees(model.trees())?;
    guard::check_predictions(&scores, model.typical_sd())?;
    let symbols: Vec<&Symbol> = rows.iter().map(|row| &features.symbols[*row]).collect();
    let undecided = guard::check_history(&symbols, &scores, before)?;
    let contributions = model.contributions(&values, rows.len());
    assert_eq!(
        contributions.len(),
        rows.len() * (features.names.len() + 1),
        "a contribution per cell and a bias per row"
    );
    guard::check_finite("contributions", &contributions)?;
    let bias = "bias".to_owned();
    Ok(Scores {
        session: features.session,
        symbols: symbols.into_iter().cloned().collect(),
        scores: scores.into(),
        model_id: model.id().to_owned(),
        model_sha256: model.sha256().to_owned(),
        whitelist_sha256: model.whitelist_sha256().to_owned(),
        names: features.names.iter().cloned().chain([bias]).collect(),
        contributions: contributions.into(),
        undecided,
    })
}

#[cfg(test)]
mod tests;
