//! What a model said in the sessions before. A core knows one journal only, so the conductor hands it on in
//! [`messages::SessionOpened`]; whoever recovers reads the same.

use crate::guard;
use messages::{Envelope, Message, Scores, ScoresBefore};

/// Sessions that today's spread is compared with.
const SESSIONS: usize = 60;

/// What the sessions up to the end of this journal said, if anything. Pure: the journal of a session holds in
/// its opening what came before it, and in its scores what it adds.
pub fn remember<'a>(
    before: Option<ScoresBefore>,
    journal: impl IntoIterator<Item = &'a Envelope>,
) -> Option<ScoresBefore> {
    journal.into_iter().fold(before, |before, entry| match &entry.body {
        Message::SessionOpened(opened) => opened.scored.clone().or(before),
        Message::Scores(scores) => Some(after(before, scores)),
        _ => before,
    })
}

/// A session that was scored twice counts once; another model begins anew.
fn after(before: Option<ScoresBefore>, scores: &Scores) -> ScoresBefore {
    let same = before.filter(|before| before.model_sha256 == scores.model_sha256);
    let mut sds = match same {
        Some(before) if before.session < scores.session => before.sds.0,
        Some(before) => {
            let mut sds = before.sds.0;
            sds.pop();
            sds
        }
        None => Vec::new(),
    };
    sds.push(guard::sd(&scores.scores));
    let surplus = sds.len().saturating_sub(SESSIONS);
    sds.drain(..surplus);
    ScoresBefore {
        model_sha256: scores.model_sha256.clone(),
        session: scores.session,
        symbols: scores.symbols.clone(),
        scores: scores.scores.clone(),
        sds: sds.into(),
    }
}
