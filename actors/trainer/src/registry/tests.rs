//! What is tampered with is refused by name, before the library sees it.

use super::*;
use crate::audit::{Detector, Status};
use crate::pipeline::Pipeline;
use crate::testing::{Cheap, Market, SESSIONS, cheap_panel, quiet, small};
use crate::tests::{trained, trained_with};
use crate::trials::Trial;
use crate::{TrainConfig, train_panel};
use scoring::Predictor;
use std::fs;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A model of this program's own 45 columns, trained once for all tests.
fn model() -> &'static Trained {
    &with_trials().0
}

/// … and the file that its trial stands in.
fn with_trials() -> &'static (Trained, Vec<u8>) {
    static MODEL: OnceLock<(Trained, Vec<u8>)> = OnceLock::new();
    MODEL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TRIALS);
        let model = trained_with(&Trials::at(&path), &market(), 45, &small()).unwrap();
        (model, fs::read(path).unwrap())
    })
}

fn market() -> Market {
    Market::with_edge(SESSIONS, 36, 5, 0.08)
}

/// Fifty rows of its columns.
fn values() -> Vec<f32> {
    cheap_panel(&market(), 45).values[..50 * 45].to_vec()
}

/// The same model with other findings, as a training with those would have sealed it.
pub(super) fn judged(status: Status) -> Trained {
    let mut card = model().card.clone();
    card.audit[3] =
        crate::Finding { detector: Detector::Universe, status, found: "a test".to_owned() };
    card.standing = Standing::of(&card.audit);
    resealed(card)
}

pub(super) fn resealed(card: Card) -> Trained {
    let mut booster = Booster::load_buffer(&model().bytes).unwrap();
    let names = card.names();
    booster.set_feature_names(&names.iter().map(String::as_str).collect()).unwrap();
    booster.set_attribute(CARD_ATTRIBUTE, &serde_json::to_string(&card).unwrap()).unwrap();
    let (bytes, json) = (booster.save_buffer(true).unwrap(), booster.save_buffer(false).unwrap());
    let sha256 = sha256_hex(&bytes);
    let reference = ModelRef { id: format!("judged-{}", &sha256[..8]), sha256 };
    Trained { model: reference, card, bytes, json, ..model().clone() }
}

pub(super) const NOW: &str = "2024-01-02T00:00:00Z";

pub(super) fn published() -> (TempDir, Registry, ModelRef) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path().join("models"));
    let model = registry.publish(model()).unwrap();
    fs::write(registry.folder.join(TRIALS), &with_trials().1).unwrap();
    (folder, registry, model)
}

fn refusal(registry: &Registry, model: &ModelRef) -> String {
    match registry.load(model, Env::Paper) {
        Ok(_) => panic!("loaded"),
        Err(error) => error.to_string(),
    }
}

/// Publishes bytes as they are, under their true hash.
fn forged(registry: &Registry, change: impl FnOnce(&mut Booster)) -> ModelRef {
    let mut booster = Booster::load_buffer(&model().bytes).unwrap();
    change(&mut booster);
    let bytes = booster.save_buffer(true).unwrap();
    let forged = ModelRef { id: "forged".to_owned(), sha256: sha256_hex(&bytes) };
    let trained = Trained { model: forged, bytes, ..model().clone() };
    registry.publish(&trained).unwrap()
}

#[test]
fn a_loaded_model_is_the_published_one() {
    let (_folder, registry, wanted) = published();
    let loaded = registry.load(&wanted, Env::Paper).unwrap();
    assert_eq!((loaded.id(), loaded.sha256()), (wanted.id.as_str(), wanted.sha256.as_str()));
    assert_eq!(*loaded.card(), model().card);
    assert_eq!(loaded.typical_sd(), model().card.typical_sd);
    assert_eq!(loaded.names(), model().card.names());

    let values = values();
    let trained = Booster::load_buffer(&model().bytes).unwrap();
    let matrix = xgb::DMatrix::from_dense(&values, 50).unwrap();
    let expected = trained.predict(&matrix).unwrap();
    let found = loaded.predict(&values, 50);
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&found), bits(&expected));
    // One row at a time, and again from the file.
    let again = Registry::new(&registry.folder).load(&wanted, Env::Paper).unwrap();
    for (row, score) in values.chunks(45).zip(&found) {
        assert_eq!(bits(&again.predict(row, 1)), bits(&[*score]));
    }
    assert!(loaded.predict(&[], 0).is_empty());
}

#[test]
fn contributions_sum_to_the_prediction() {
    let (_folder, registry, wanted) = published();
    let loaded = registry.load(&wanted, Env::Paper).unwrap();
    let values = &values();
    let scores = loaded.predict(values, 50);
    let contributions = loaded.contributions(values, 50);
    assert_eq!(contributions.len(), 50 * 46);
    assert!(scores.iter().any(|score| *score != scores[0]));
    for (row, score) in contributions.chunks(46).zip(&scores) {
        let sum: f64 = row.iter().copied().map(f64::from).sum();
        assert!((sum - f64::from(*score)).abs() < 1e-5, "{sum} is not {score}");
    }
}

#[test]
fn publishing_twice_changes_nothing_and_two_contents_never_share_an_id() {
    let (_folder, registry, wanted) = published();
    assert_eq!(registry.publish(model()).unwrap(), wanted);
    assert_eq!(registry.list().unwrap(), std::slice::from_ref(&wanted));
    let mut other = model().clone();
    other.card.label = "edge established".to_owned();
    let error = registry.publish(&other).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "MODEL_CONFLICT: {} is published already with another card.json; nothing was changed",
            wanted.id
        )
    );
    assert_eq!(registry.card(&wanted.id).unwrap(), model().card);
    let left: Vec<_> = fs::read_dir(&registry.folder).unwrap().collect();
    assert_eq!(left.len(), 2, "the model and the trials; no temporary folder stays");
}

#[test]
fn one_changed_byte_is_refused() {
    let (_folder, registry, wanted) = published();
    let path = registry.folder.join(&wanted.id).join(MODEL);
    let sound = fs::read(&path).unwrap();
    for place in [0, sound.len() / 2, sound.len() - 1] {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let text = refusal(&registry, &wanted);
        assert!(text.starts_with(&format!("MODEL_TAMPERED: {}: its file", wanted.id)), "{text}");
    }
    fs::write(&path, []).unwrap();
    assert!(refusal(&registry, &wanted).starts_with("MODEL_TAMPERED"));
    assert!(registry.publish(model()).is_err(), "a damaged model is not taken for published");
    fs::write(&path, &sound).unwrap();
    assert!(registry.load(&wanted, Env::Paper).is_ok());
}

#[test]
fn another_hash_or_id_is_refused() {
    let (_folder, registry, wanted) = published();
    let other = ModelRef { sha256: "0".repeat(64), ..wanted.clone() };
    assert!(refusal(&registry, &other).starts_with("MODEL_TAMPERED"));
    let missing = ModelRef { id: "xgb-20200101-00000000".to_owned(), ..wanted.clone() };
    assert!(refusal(&registry, &missing).starts_with("NO_MODEL: xgb-20200101-00000000"));
    for id in ["", "current", "../models", "a/b", ".hidden", "A"] {
        let bad = ModelRef { id: id.to_owned(), ..wanted.clone() };
        assert!(refusal(&registry, &bad).starts_with("BAD_MODEL_ID"), "{id}");
    }
}

#[test]
fn prior_art_27_renamed_or_missing_columns_are_refused() {
    let (_folder, registry, _) = published();
    let renamed = forged(&registry, |booster| {
        let mut names = booster.get_feature_names().unwrap();
        names[3] = "ret_22".to_owned();
        booster.set_feature_names(&names.iter().map(String::as_str).collect()).unwrap();
    });
    let text = refusal(&registry, &renamed);
    assert!(
        text.starts_with("COLUMNS: forged: column 3 is ret_22 in its model file, ret_21 here"),
        "{text}"
    );

    let swapped = forged(&registry2(&registry), |booster| {
        let mut names = booster.get_feature_names().unwrap();
        names.swap(7, 8);
        booster.set_feature_names(&names.iter().map(String::as_str).collect()).unwrap();
    });
    let text = refusal(&registry2(&registry), &swapped);
    assert!(text.contains("column 7 is eff_21 in its model file, mom_accel here"), "{text}");

    let narrow = trained(&market(), 44, &small()).unwrap();
    registry.publish(&narrow).unwrap();
    let text = refusal(&registry, &narrow.model);
    assert!(text.contains("44 columns in its model file, 45 here"), "{text}");
}

/// There, a whitelist that was not there was a warning.
#[test]
fn prior_art_28_a_model_of_another_whitelist_or_of_none_is_refused() {
    let (_folder, registry, _) = published();
    for other in ["beef", ""] {
        let mut rehashed = model().card.clone();
        rehashed.whitelist_sha256 = other.to_owned();
        let rehashed = resealed(rehashed);
        registry.publish(&rehashed).unwrap();
        let text = refusal(&registry, &rehashed.model);
        assert!(text.contains(&format!("whitelist {other} in its card")), "{text}");
        assert!(registry.promote(&rehashed.model, "tester", NOW).is_err());
    }
}

/// Another folder beside it, so that two forgeries can have one id.
fn registry2(registry: &Registry) -> Registry {
    Registry::new(registry.folder.with_file_name("other"))
}

/// Whatever one does with a model that the audit refused: it is not promoted, not loaded, not traded.
#[test]
fn what_the_audit_refuses_nobody_loads() {
    let (_folder, registry, sound) = published();
    registry.promote(&sound, "tester", NOW).unwrap();
    for status in [Status::Fail, Status::Undecided] {
        let refused = registry.publish(&judged(status)).unwrap();
        for env in [Env::Backtest, Env::Dryrun, Env::Paper, Env::Live] {
            let error = registry.load(&refused, env).err().unwrap().to_string();
            assert!(error.starts_with("AUDIT_REFUSED: judged-"), "{error}");
            assert!(error.contains(&format!("UNIVERSE {status}: a test")), "{error}");
        }
        assert!(registry.promote(&refused, "tester", NOW).is_err());
        assert_eq!(registry.current().unwrap(), Some(sound.clone()));
        assert_eq!(registry.history().unwrap().len(), 1, "a refusal is no promotion");
    }
    // A detector that is missing is no pass either.
    let mut card = model().card.clone();
    card.audit.remove(5);
    let silent = registry.publish(&resealed(card)).unwrap();
    assert!(refusal(&registry, &silent).contains("the audit is not complete"));
    // Nor does a card that says it passed against its own findings.
    let mut flattering = judged(Status::Fail).card;
    flattering.standing = Standing::Passed;
    let flattering = registry.publish(&resealed(flattering)).unwrap();
    assert!(refusal(&registry, &flattering).starts_with("AUDIT_REFUSED"));
}

#[test]
fn hindsight_rehearses_and_never_trades_real_money() {
    let (_folder, registry, _) = published();
    let rehearsal = registry.publish(&judged(Status::Hindsight)).unwrap();
    assert!(registry.load(&rehearsal, Env::Paper).is_ok());
    assert!(registry.load(&rehearsal, Env::Backtest).is_ok());
    let error = registry.load(&rehearsal, Env::Live).err().unwrap().to_string();
    assert!(error.starts_with("AUDIT_HINDSIGHT: judged-"), "{error}");
}

#[test]
fn a_card_that_is_not_the_models_is_refused() {
    let (_folder, registry, wanted) = published();
    let bare = forged(&registry, |booster| booster.set_attribute(CARD_ATTRIBUTE, "{}").unwrap());
    assert!(refusal(&registry, &bare).starts_with("BAD_CARD: forged: the card in model.ubj"));
    let path = registry.folder.join(&wanted.id).join(CARD);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("edge not established", "edge established")).unwrap();
    let refused = refusal(&registry, &wanted);
    assert!(refused.ends_with("card.json differs from the card in model.ubj"), "{refused}");
    fs::write(&path, "{").unwrap();
    assert!(refusal(&registry, &wanted).starts_with("BAD_CARD"));
    fs::remove_file(&path).unwrap();
    assert!(refusal(&registry, &wanted).starts_with("NO_MODEL"));
}

/// Whatever copy is edited, a list says so of that model and goes on with the others.
#[test]
fn an_edited_file_is_shown_as_such_and_hides_no_other_model() {
    let (_folder, registry, wanted) = published();
    let other = registry.publish(&judged(Status::Hindsight)).unwrap();
    assert_eq!(registry.sealed(&wanted.id).unwrap(), (wanted.clone(), model().card.clone()));
    for (file, code) in [(MODEL, "MODEL_TAMPERED"), (MODEL_JSON, "BAD_CARD"), (CARD, "BAD_CARD")] {
        let path = registry.folder.join(&wanted.id).join(file);
        let sound = fs::read(&path).unwrap();
        let mut edited = sound.clone();
        let digit = edited.iter().rposition(u8::is_ascii_digit).unwrap();
        edited[digit] = if edited[digit] == b'7' { b'8' } else { b'7' };
        fs::write(&path, edited).unwrap();
        let entries = registry.entries().unwrap();
        let by_id = |id: &str| entries.iter().find(|entry| entry.id == id).unwrap();
        let error = by_id(&wanted.id).sealed.as_ref().unwrap_err().to_string();
        assert!(error.starts_with(code), "{file}: {error}");
        assert!(by_id(&other.id).sealed.is_ok(), "{file}");
        fs::write(&path, sound).unwrap();
    }
    // Another name for the same bytes.
    let renamed = forged(&registry, |_| ());
    let error = registry.sealed(&renamed.id).unwrap_err().to_string();
    assert!(error.contains("its id does not end in"), "{error}");
    fs::create_dir(registry.folder.join("empty")).unwrap();
    assert!(registry.entries().unwrap()[0].sealed.is_err());
    assert!(registry.list().unwrap().contains(&other));
}

#[test]
fn trials_that_a_model_sealed_can_not_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path().join("models"));
    let cheap = Cheap { columns: 45 };
    let market = market();
    for depth in [2, 3] {
        let config = TrainConfig { depth, ..small() };
        let panel = cheap.panel(market.data(), &config, quiet()).unwrap();
        let trials = registry.trials().unwrap();
        let trained = train_panel(&cheap, market.data(), panel, &config, &trials, quiet()).unwrap();
        registry.publish(&trained).unwrap();
    }
    let read = || registry.trials().unwrap().read();
    assert_eq!(read().unwrap().len(), 2);
    let path = registry.folder.join(TRIALS);
    let text = fs::read_to_string(&path).unwrap();
    let first = text.lines().next().unwrap().len() + 1;
    let last_edited = format!("{}{}", &text[..first], text[first..].replacen("0.0", "0.1", 1));
    assert_ne!(last_edited, text);
    for (what, bad) in
        [("last line", Some(last_edited.as_str())), ("tail", Some(&text[..first])), ("file", None)]
    {
        match bad {
            Some(bad) => fs::write(&path, bad).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let error = read().unwrap_err().to_string();
        assert!(error.starts_with("TRIALS_TAMPERED: "), "{what}: {error}");
        let model = &registry.list().unwrap()[0];
        let error = registry.promote(model, "tester", NOW).unwrap_err().to_string();
        assert!(error.starts_with("TRIALS_TAMPERED: "), "{what}: {error}");
        assert_eq!(registry.current().unwrap(), None);
    }
    fs::write(&path, &text).unwrap();
    assert_eq!(read().unwrap().len(), 2);
    registry.promote(&registry.list().unwrap()[0], "tester", NOW).unwrap();
}

#[test]
fn promotion_moves_the_pointer_and_only_to_a_sound_model() {
    let (_folder, registry, first) = published();
    assert_eq!(registry.current().unwrap(), None);
    registry.promote(&first, "tester", NOW).unwrap();
    assert_eq!(registry.current().unwrap(), Some(first.clone()));
    let broken = ModelRef { sha256: "0".repeat(64), ..first.clone() };
    assert!(registry.promote(&broken, "tester", NOW).is_err());
    assert_eq!(registry.current().unwrap(), Some(first.clone()));
    assert_eq!(registry.list().unwrap(), [first], "the pointer is no model");
    fs::write(registry.folder.join(CURRENT), "nonsense").unwrap();
    assert!(registry.current().unwrap_err().to_string().starts_with("BAD_POINTER"));
}

#[test]
fn a_rollback_goes_back_one_promotion_at_a_time() {
    let (_folder, registry, first) = published();
    let error = registry.rollback("tester", NOW).unwrap_err().to_string();
    assert!(error.starts_with("NO_EARLIER_MODEL"), "{error}");
    let second = registry.publish(&judged(Status::Hindsight)).unwrap();
    let third = registry.publish(&judged(Status::Warn)).unwrap();
    for model in [&first, &second, &third] {
        registry.promote(model, "tester", NOW).unwrap();
    }
    assert_eq!(registry.rollback("tester", NOW).unwrap(), second);
    assert_eq!(registry.current().unwrap(), Some(second.clone()));
    registry.promote(&third, "tester", NOW).unwrap();
    assert_eq!(registry.rollback("tester", NOW).unwrap(), second);
    assert_eq!(registry.rollback("tester", NOW).unwrap(), first);
    assert!(registry.rollback("tester", NOW).is_err());
    assert_eq!(registry.current().unwrap(), Some(first));
    let actions: Vec<Action> =
        registry.history().unwrap().into_iter().map(|promotion| promotion.action).collect();
    let (p, r) = (Action::Promote, Action::Rollback);
    assert_eq!(actions, [p, p, p, r, p, r, r]);
}

/// Killed between the two writes: the old model stays current, and a rollback still finds its way.
#[test]
fn a_promotion_that_was_cut_short_changes_nothing() {
    let (_folder, registry, first) = published();
    let second = registry.publish(&judged(Status::Hindsight)).unwrap();
    let third = registry.publish(&judged(Status::Warn)).unwrap();
    registry.promote(&first, "tester", NOW).unwrap();
    registry.promote(&second, "tester", NOW).unwrap();
    let pointer = fs::read(registry.folder.join(CURRENT)).unwrap();
    registry.promote(&third, "tester", NOW).unwrap();
    fs::write(registry.folder.join(CURRENT), pointer).unwrap();
    assert_eq!(registry.current().unwrap(), Some(second));
    assert_eq!(registry.rollback("tester", NOW).unwrap(), first);
}

/// The pointer could not be written: the model that was current still is, and rollback finds what was before it.
#[test]
fn a_rollback_that_was_cut_short_can_be_done_again() {
    let (_folder, registry, first) = published();
    let second = registry.publish(&judged(Status::Hindsight)).unwrap();
    registry.promote(&first, "tester", NOW).unwrap();
    registry.promote(&second, "tester", NOW).unwrap();
    for _ in 0..2 {
        let pointer = fs::read(registry.folder.join(CURRENT)).unwrap();
        assert_eq!(registry.rollback("tester", NOW).unwrap(), first);
        fs::write(registry.folder.join(CURRENT), pointer).unwrap();
        assert_eq!(registry.current().unwrap(), Some(second.clone()));
    }
    assert_eq!(registry.rollback("tester", NOW).unwrap(), first);
    assert_eq!(registry.current().unwrap(), Some(first));
    assert!(registry.rollback("tester", NOW).is_err());
}

/// What never was current is nothing to go back to.
#[test]
fn a_rollback_passes_over_promotions_that_were_cut_short() {
    let (_folder, registry, first) = published();
    let second = registry.publish(&judged(Status::Hindsight)).unwrap();
    let third = registry.publish(&judged(Status::Warn)).unwrap();
    let pointer = registry.folder.join(CURRENT);
    // The very first one, and one between two others.
    registry.promote(&third, "tester", NOW).unwrap();
    fs::remove_file(&pointer).unwrap();
    registry.promote(&first, "tester", NOW).unwrap();
    let before = fs::read(&pointer).unwrap();
    registry.promote(&second, "tester", NOW).unwrap();
    fs::write(&pointer, before).unwrap();
    registry.promote(&third, "tester", NOW).unwrap();
    assert_eq!(registry.rollback("tester", NOW).unwrap(), first);
    let error = registry.rollback("tester", NOW).unwrap_err().to_string();
    assert!(error.starts_with("NO_EARLIER_MODEL"), "{error}");
}

/// Lines of earlier versions don't say what was current before them: they are believed.
#[test]
fn a_history_of_an_earlier_version_is_gone_on_with() {
    let (_folder, registry, first) = published();
    let second = registry.publish(&judged(Status::Hindsight)).unwrap();
    let third = registry.publish(&judged(Status::Warn)).unwrap();
    let line = |model: &ModelRef| {
        let ModelRef { id, sha256 } = model;
        format!(
            r#"{{"action":"promote","model":{{"id":"{id}","sha256":"{sha256}"}},"by":"x","at":"{NOW}"}}"#
        )
    };
    let lines = format!("{}\n{}\n", line(&first), line(&second));
    fs::write(registry.folder.join(HISTORY), lines).unwrap();
    fs::write(registry.folder.join(CURRENT), serde_json::to_vec(&second).unwrap()).unwrap();
    registry.promote(&third, "tester", NOW).unwrap();
    assert_eq!(registry.rollback("tester", NOW).unwrap(), second);
    assert_eq!(registry.rollback("tester", NOW).unwrap(), first);
    assert!(registry.rollback("tester", NOW).is_err());
}

/// A power cut, wherever it fell into the last line: that line counts for nothing, and the next one stands alone.
#[test]
fn half_a_line_of_history_is_in_nobodys_way() {
    let (_folder, registry, first) = published();
    let second = registry.publish(&judged(Status::Hindsight)).unwrap();
    let path = registry.folder.join(HISTORY);
    registry.promote(&first, "tester", NOW).unwrap();
    let (whole, pointer) =
        (fs::read(&path).unwrap(), fs::read(registry.folder.join(CURRENT)).unwrap());
    registry.promote(&second, "tester", NOW).unwrap();
    let both = fs::read(&path).unwrap();
    for end in whole.len()..both.len() {
        fs::write(&path, &both[..end]).unwrap();
        fs::write(registry.folder.join(CURRENT), &pointer).unwrap();
        assert_eq!(registry.history().unwrap().len(), 1, "cut at {end}");
        // Every one of them is read, some are gone on with: that loads a model.
        if (end - whole.len()) % 40 != 1 && end + 1 != both.len() {
            continue;
        }
        registry.promote(&second, "tester", NOW).unwrap();
        assert_eq!(fs::read(&path).unwrap(), both, "cut at {end}");
        assert_eq!(registry.rollback("tester", NOW).unwrap(), first);
    }
    // What is whole and no promotion is no power cut.
    fs::write(&path, b"half a line\n").unwrap();
    assert!(registry.history().unwrap_err().to_string().starts_with("BAD_HISTORY"));
}

#[test]
fn half_a_line_of_trials_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(TRIALS);
    let unsealed = Trials::at(&path);
    fs::write(&path, &with_trials().1).unwrap();
    let trial = unsealed.read().unwrap().remove(0);
    fs::remove_file(&path).unwrap();
    let trial = Trial { dates: Vec::new(), returns: Vec::new(), ..trial };
    let other = Trial { members_sha256: "others".to_owned(), ..trial.clone() };
    let none = crate::snapshot::Snapshot::default();
    unsealed.record(trial, &none).unwrap();
    let lines = fs::read(&path).unwrap();
    unsealed.record(other.clone(), &none).unwrap();
    let both = fs::read(&path).unwrap();
    let seal = |lines: &[u8], count| Seal {
        model: "m".to_owned(),
        lines: count,
        head_sha256: sha256_hex(lines.strip_suffix(b"\n").unwrap()),
    };
    let first = unsealed.clone().sealed(vec![seal(&lines, 1)]);
    let second = first.clone().sealed(vec![seal(&both[lines.len()..], 2)]);
    for end in lines.len()..both.len() {
        fs::write(&path, &both[..end]).unwrap();
        assert_eq!(first.read().unwrap().len(), 1, "cut at {end}");
        // A line that a model vouches for was whole: without its end it is no power cut.
        let sealed = second.read().map_err(|error| error.to_string());
        if end + 1 == both.len() {
            assert_eq!(sealed.unwrap().len(), 2, "all but the end of the line");
        } else {
            assert!(sealed.unwrap_err().starts_with("TRIALS_TAMPERED"), "cut at {end}");
        }
        if end % 97 == 0 || end + 1 == both.len() {
            for trials in [&first, &second] {
                fs::write(&path, &both[..end]).unwrap();
                if trials.read().is_ok() {
                    assert_eq!(trials.record(other.clone(), &none).unwrap().0.len(), 2);
                    assert_eq!(fs::read(&path).unwrap(), both, "cut at {end}");
                }
            }
        }
    }
    fs::write(&path, [&both[..lines.len()], b"half a line\n"].concat()).unwrap();
    let error = first.read().unwrap_err().to_string();
    assert!(error.starts_with("TRIALS_TAMPERED") && error.contains("line 2"), "{error}");
}

#[test]
fn the_page_is_whole_and_needs_nothing_from_elsewhere() {
    let (_folder, registry, wanted) = published();
    let page = fs::read_to_string(registry.folder.join(&wanted.id).join(PAGE)).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(!page.contains("NaN") && !page.contains("<script") && !page.contains("http"));
    for part in ["Leakage audit", "Rank IC by year", "Return by decile", "Learning curves", "PSI"] {
        assert!(page.contains(part), "{part}");
    }
    for detector in Detector::ALL {
        assert!(page.contains(&detector.to_string()), "{detector}");
    }
    assert_eq!(page.matches("<svg").count(), 5);
}

#[test]
fn an_empty_registry_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path().join("none"));
    assert!(registry.list().unwrap().is_empty());
    assert_eq!(registry.current().unwrap(), None);
}
