//! May a model that was just trained take the place of the one that trades, without anybody saying so? And which one
//! was there before?

use super::{Action, Promotion, Registry, RegistryError};
use crate::audit::Standing;
use crate::card::Card;
use messages::ModelRef;

impl Registry {
    /// Why a new model does not replace the current one unasked, if so: it is refused or a rehearsal, it knows
    /// less of the present than the current one, or the current one can't be read and somebody has to look.
    pub fn kept_back(&self, new: &Card) -> Result<Option<String>, RegistryError> {
        match new.standing {
            Standing::Refused => return Ok(Some("its audit refuses it".to_owned())),
            Standing::Rehearsal => {
                let reason = "its data was chosen with hindsight, so its test is no evidence";
                return Ok(Some(reason.to_owned()));
            }
            Standing::Passed => {}
        }
        let Some(current) = self.current()? else { return Ok(None) };
        Ok(match self.sealed(&current.id) {
            Ok((model, _)) if model != current => {
                Some(format!("the current {} is another file than was promoted", current.id))
            }
            Ok((_, traded)) if traded.last_session <= new.last_session => None,
            Ok((_, traded)) => Some(format!(
                "it knows sessions through {}, the current {} through {}",
                new.last_session, current.id, traded.last_session
            )),
            Err(error) => Some(format!("the current {} is damaged ({error})", current.id)),
        })
    }
}

/// The model that was current before `current`. A line that did not come about, because the pointer could not be moved,
/// counts for nothing.
pub(super) fn before(history: &[Promotion], current: &ModelRef) -> Option<ModelRef> {
    let mut stack: Vec<&ModelRef> = Vec::new();
    for (at, Promotion { action, model, .. }) in history.iter().enumerate() {
        let came_about = match history.get(at + 1) {
            Some(next) => next.from.as_ref().is_none_or(|from| *from == model.id),
            None => model == current,
        };
        match action {
            _ if !came_about => {}
            Action::Promote if stack.last() == Some(&model) => {}
            Action::Promote => stack.push(model),
            Action::Rollback => drop(stack.pop()),
        }
    }
    // In lines of earlier versions it can't be seen.
    while stack.last().is_some_and(|model| *model != current) {
        stack.pop();
    }
    stack.pop();
    stack.pop().cloned()
}

#[cfg(test)]
mod tests {
    use crate::audit::Status;
    use crate::registry::tests::{NOW, judged, published, resealed};
    use messages::Date;
    use std::fs;

    fn knowing(through: Date) -> crate::Trained {
        let mut card = judged(Status::Pass).card;
        card.last_session = through;
        resealed(card)
    }

    #[test]
    fn only_a_model_that_passed_replaces_another_and_none_that_knows_less() {
        let (_folder, registry, _) = published();
        let new = |status| registry.kept_back(&judged(status).card).unwrap();
        assert_eq!(new(Status::Pass), None, "there is none yet");
        assert_eq!(new(Status::Fail).as_deref(), Some("its audit refuses it"));
        assert_eq!(new(Status::Undecided).as_deref(), Some("its audit refuses it"));
        assert!(new(Status::Hindsight).unwrap().contains("hindsight"));

        let day = |day| Date::constant(2024, 5, day);
        let current = registry.publish(&knowing(day(7))).unwrap();
        registry.promote(&current, "tester", NOW).unwrap();
        let kept = |through| registry.kept_back(&knowing(through).card).unwrap();
        assert_eq!([kept(day(7)), kept(day(8))], [None, None]);
        let id = &current.id;
        let expected =
            format!("it knows sessions through 2024-05-06, the current {id} through 2024-05-07");
        assert_eq!(kept(day(6)), Some(expected));
    }

    /// Whatever is wrong with the model that trades: it is for people to decide what trades next.
    #[test]
    fn a_damaged_current_model_is_not_replaced_silently() {
        for file in ["model.ubj", "model.json", "card.json"] {
            let (_folder, registry, current) = published();
            registry.promote(&current, "tester", NOW).unwrap();
            let path = registry.path(&current.id).unwrap().join(file);
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
            let kept = registry.kept_back(&judged(Status::Pass).card).unwrap().unwrap();
            assert!(
                kept.starts_with(&format!("the current {} is damaged (", current.id)),
                "{kept}"
            );
            fs::remove_dir_all(path.parent().unwrap()).unwrap();
            let kept = registry.kept_back(&judged(Status::Pass).card).unwrap().unwrap();
            assert!(kept.contains("is damaged (NO_MODEL"), "{kept}");
        }
        let (_folder, registry, _) = published();
        fs::write(registry.folder.join("current"), "nonsense").unwrap();
        let error = registry.kept_back(&judged(Status::Pass).card).unwrap_err().to_string();
        assert!(error.starts_with("BAD_POINTER"), "{error}");
    }
}
