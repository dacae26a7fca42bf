//! `aurora replay`: a recorded journal against the cores of today.

use crate::cli::Common;
use crate::commands::journals::{Recorded, Source};
use crate::failure::Failure;
use crate::output::{Table, emit};
use crate::wiring::{CORES, Disk, core};
use clap::Args;
use kernel::Actor;
use messages::{ActorId, Date};
use reporting::{Compared, Difference, recompute};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// The session's date.
    #[arg(value_name = "YYYY-MM-DD")]
    pub session: Date,
    /// Bars that hold the session's history; by default the run's own. Their hash must be the recorded one.
    #[arg(long, value_name = "FILE")]
    pub bars: Option<PathBuf>,
    #[command(flatten)]
    pub source: Source,
}

#[derive(Serialize)]
struct Replayed {
    session: Date,
    run: String,
    journal: String,
    /// Everything was recomputed and nothing differs.
    clean: bool,
    #[serde(flatten)]
    compared: Option<Compared>,
    difference: Option<Difference>,
    not_recomputed: Vec<Lacking>,
}

/// A core that could not be built as the session had it.
#[derive(Serialize)]
struct Lacking {
    actor: ActorId,
    reason: String,
}

pub async fn replay(args: &Replay, common: &Common) -> Result<bool, Failure> {
    let recorded = args.source.read(Some(args.session), common).await?;
    let (cores, not_recomputed) = cores(args, &recorded);
    let (compared, difference) = match recompute(cores, &recorded.entries) {
        Ok(compared) => (Some(compared), None),
        Err(difference) => (None, Some(*difference)),
    };
    let replayed = Replayed {
        session: args.session,
        run: recorded.opened.run_id,
        journal: recorded.from,
        clean: difference.is_none() && not_recomputed.is_empty(),
        compared,
        difference,
        not_recomputed,
    };
    emit(common.json, &replayed, &replayed.text())?;
    Ok(replayed.clean)
}

fn cores(args: &Replay, recorded: &Recorded) -> (Vec<Box<dyn Actor>>, Vec<Lacking>) {
    let prices = args.bars.clone().unwrap_or_else(|| recorded.places.prices.clone());
    let files = Disk { prices, models: recorded.places.models.clone() };
    let (mut cores, mut lacking) = (Vec::new(), Vec::new());
    for actor in CORES {
        match core(actor, &recorded.opened, &files) {
            Ok(core) => cores.push(core),
            Err(error) => {
                let reason = Failure::from(Unbuilt(error)).to_string();
                lacking.push(Lacking { actor, reason });
            }
        }
    }
    (cores, lacking)
}

/// Only so that the chain of causes is told.
#[derive(Debug, thiserror::Error)]
#[error("it can't be built as the session had it")]
struct Unbuilt(#[source] shell::BoxError);

impl Replayed {
    fn text(&self) -> String {
        let mut text =
            format!("session {} of run {}, from {}\n", self.session, self.run, self.journal);
        if let Some(compared) = &self.compared {
            let mut table = Table::new(&["actor", "answers that are the same"]);
            for (actor, answers) in &compared.answers {
                table.row([actor.clone(), answers.to_string()]);
            }
            text.push_str(&table.to_string());
        }
        for lacking in &self.not_recomputed {
            let _ = writeln!(text, "NOT RECOMPUTED {}: {}", lacking.actor, lacking.reason);
        }
        match &self.difference {
            Some(difference) => {
                let _ = writeln!(text, "DIFFERENT {difference}");
            }
            None if self.clean => text.push_str("no difference\n"),
            None => text.push_str("no difference in what could be recomputed\n"),
        }
        text
    }
}
