//! What is tampered with is refused by name, before the library sees it.

use super::*;
use crate::testing::planted_panel;
use crate::tests::{small, trained};
use scoring::Predictor;
use std::fs;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A model of this program's own 45 columns, trained once for all tests.
fn model() -> &'static Trained {
    static MODEL: OnceLock<Trained> = OnceLock::new();
    let config = crate::TrainConfig { trees_max: 20, ..small() };
    MODEL.get_or_init(|| trained(&planted_panel(420, 32, 45, 0.05, 5), &config).unwrap())
}

fn published() -> (TempDir, Registry, ModelRef) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path().join("models"));
    let model = registry.publish(model()).unwrap();
    (folder, registry, model)
}

fn refusal(registry: &Registry, model: &ModelRef) -> String {
    match registry.load(model) {
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
    let trained = Trained { model: forged, card: model().card.clone(), bytes };
    registry.publish(&trained).unwrap()
}

#[test]
fn a_loaded_model_is_the_published_one() {
    let (_folder, registry, wanted) = published();
    let loaded = registry.load(&wanted).unwrap();
    assert_eq!((loaded.id(), loaded.sha256()), (wanted.id.as_str(), wanted.sha256.as_str()));
    assert_eq!(*loaded.card(), model().card);
    assert_eq!(loaded.typical_sd(), model().card.typical_sd);
    assert_eq!(loaded.names(), model().card.names);

    let panel = planted_panel(2, 50, 45, 0.05, 77);
    let day = &panel.days[0];
    let trained = Booster::load_buffer(&model().bytes).unwrap();
    let matrix = xgb::DMatrix::from_dense(&day.values, 50).unwrap();
    let expected = trained.predict(&matrix).unwrap();
    let found = loaded.predict(&day.values, 50);
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&found), bits(&expected));
    // One row at a time, and again from the file.
    let again = Registry::new(&registry.folder).load(&wanted).unwrap();
    for (row, score) in day.values.chunks(45).zip(&found) {
        assert_eq!(bits(&again.predict(row, 1)), bits(&[*score]));
    }
    assert!(loaded.predict(&[], 0).is_empty());
}

#[test]
fn contributions_sum_to_the_prediction() {
    let (_folder, registry, wanted) = published();
    let loaded = registry.load(&wanted).unwrap();
    let values = &planted_panel(1, 50, 45, 0.05, 78).days[0].values;
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
    assert_eq!(left.len(), 1, "no temporary folder stays");
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
    assert!(registry.load(&wanted).is_ok());
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
fn renamed_or_missing_columns_are_refused() {
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

    let narrow = trained(&planted_panel(420, 32, 44, 0.05, 5), &small()).unwrap();
    registry.publish(&narrow).unwrap();
    let text = refusal(&registry, &narrow.model);
    assert!(text.contains("44 columns in its model file, 45 here"), "{text}");
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

#[test]
fn promotion_moves_the_pointer_and_only_to_a_sound_model() {
    let (_folder, registry, first) = published();
    assert_eq!(registry.current().unwrap(), None);
    registry.promote(&first).unwrap();
    assert_eq!(registry.current().unwrap(), Some(first.clone()));
    let broken = ModelRef { sha256: "0".repeat(64), ..first.clone() };
    assert!(registry.promote(&broken).is_err());
    assert_eq!(registry.current().unwrap(), Some(first.clone()));
    assert_eq!(registry.list().unwrap(), [first], "the pointer is no model");
    fs::write(registry.folder.join(CURRENT), "nonsense").unwrap();
    assert!(registry.current().unwrap_err().to_string().starts_with("BAD_POINTER"));
}

#[test]
fn an_empty_registry_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path().join("none"));
    assert!(registry.list().unwrap().is_empty());
    assert_eq!(registry.current().unwrap(), None);
}
