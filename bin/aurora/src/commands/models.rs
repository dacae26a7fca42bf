//! `models`: what the registry holds, and which model trades.

use crate::cli::Common;
use crate::commands::train::{MATRIX, verify_matrix};
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::output::{Table, emit, note};
use clap::{Args, Subcommand};
use messages::ModelRef;
use serde::Serialize;
use trainer::{Card, Entry, Promotion, Registry, RegistryError, Standing};

#[derive(Clone, Debug, Args)]
pub struct Models {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Every model, with its verdict; the current one is marked.
    List,
    /// A model's card.
    Show { id: String },
    /// Trade with this model from the next session on. Refused where its audit is.
    Promote {
        id: String,
        #[command(flatten)]
        who: Who,
    },
    /// Trade with the model before the current one again.
    Rollback {
        #[command(flatten)]
        who: Who,
    },
    /// Who made which model current, and when.
    History,
}

#[derive(Clone, Debug, Args)]
struct Who {
    /// Who decides it; by default the user you are logged in as.
    #[arg(long, env = "USER", default_value = "unknown", value_name = "NAME")]
    operator: String,
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    model: ModelRef,
    current: bool,
    standing: Standing,
    through: messages::Date,
    oof_ic: f64,
    oof_ic_t: f64,
    label: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Row {
    Sound(Listed),
    Damaged { id: String, error: String },
}

#[derive(Serialize)]
struct Current {
    current: ModelRef,
}

pub fn models(args: &Models, common: &Common) -> Result<bool, Failure> {
    let registry = Registry::new(Home(common.home.clone()).models());
    match &args.action {
        Action::List => return list(&registry, common),
        Action::Show { id } => show(&registry, id, common),
        Action::Promote { id, who } => {
            let (model, card) = named(&registry, id)?;
            check_matrix(common, &model, &card)?;
            registry.promote(&model, &who.operator, &now())?;
            current(model, common)
        }
        Action::Rollback { who } => current(registry.rollback(&who.operator, &now())?, common),
        Action::History => history(&registry.history()?, common),
    }?;
    Ok(true)
}

/// The rows it was trained on, where they are still at hand, must be those of its card.
fn check_matrix(common: &Common, model: &ModelRef, card: &Card) -> Result<(), Failure> {
    let matrix = Home(common.home.clone()).prices().with_file_name(MATRIX);
    if !verify_matrix(&matrix, model, card)? {
        note(format!("the rows {} was trained on are not in {}", model.id, matrix.display()));
    }
    Ok(())
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn named(registry: &Registry, id: &str) -> Result<(ModelRef, Card), Failure> {
    registry.sealed(id).map_err(|error| match error {
        RegistryError::Missing { .. } | RegistryError::BadId(_) => {
            fail(format!("there is no model {id}: `aurora models list` shows those there are"))
        }
        error => error.into(),
    })
}

/// Every model as its sealed card has it, and every damaged one with what is wrong with it: then not
/// all is well.
fn list(registry: &Registry, common: &Common) -> Result<bool, Failure> {
    let current = registry.current()?;
    let row = |entry: Entry| match entry.sealed {
        Ok((model, card)) => Row::Sound(Listed {
            current: current.as_ref() == Some(&model),
            standing: card.standing,
            through: card.last_session,
            oof_ic: card.oof.neutral.mean,
            oof_ic_t: card.oof.neutral.t,
            label: card.label,
            model,
        }),
        Err(error) => Row::Damaged { id: entry.id, error: error.to_string() },
    };
    let rows: Vec<Row> = registry.entries()?.into_iter().map(row).collect();
    let mut table = Table::new(&["model", "", "standing", "IC", "t", "verdict"]);
    for row in &rows {
        table.row(match row {
            Row::Sound(model) => [
                model.model.id.clone(),
                if model.current { "current" } else { "" }.to_owned(),
                format!("{:?}", model.standing).to_lowercase(),
                format!("{:.4}", model.oof_ic),
                format!("{:.2}", model.oof_ic_t),
                model.label.clone(),
            ],
            Row::Damaged { id, error } => {
                let none = || "n/a".to_owned();
                [id.clone(), String::new(), "damaged".to_owned(), none(), none(), error.clone()]
            }
        });
    }
    emit(common.json, &rows, &table.to_string())?;
    Ok(rows.iter().all(|row| matches!(row, Row::Sound(_))))
}

/// The card that is sealed in the model file.
fn show(registry: &Registry, id: &str, common: &Common) -> Result<(), Failure> {
    let (_, card) = named(registry, id)?;
    let text = serde_json::to_string_pretty(&card)? + "\n";
    emit(common.json, &card, &text)
}

fn current(model: ModelRef, common: &Common) -> Result<(), Failure> {
    let text = format!("{} is current; the next session trades with it\n", model.id);
    emit(common.json, &Current { current: model }, &text)
}

fn history(promotions: &[Promotion], common: &Common) -> Result<(), Failure> {
    let mut table = Table::new(&["when", "what", "model", "who"]);
    for promotion in promotions {
        table.row([
            promotion.at.clone(),
            format!("{:?}", promotion.action).to_lowercase(),
            promotion.model.id.clone(),
            promotion.by.clone(),
        ]);
    }
    emit(common.json, &promotions, &table.to_string())
}
