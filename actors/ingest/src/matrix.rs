//! `feature_matrix.parquet`: the rows a model is trained on, one per session and symbol, with what was
//! learned of them. Beside it stands `feature_matrix.manifest.json`, which says what they were made from
//! and vouches for every byte.
//!
//! Columns: `symbol` (string), `session` (date), the features in whitelist order (f32, NaN where missing),
//! `label` (f32) and `forward_return` (f64), both NaN where they are not known; sorted by session, then
//! symbol.

use crate::frame::{date_of, day_of};
use crate::manifest::{read_optional, replace};
use crate::store::StoreError;
use messages::{Date, Symbol, matrix_sha256, sha256_hex};
use polars::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Version of columns and manifest.
const SCHEMA: u32 = 1;
const KEYS: [&str; 2] = ["symbol", "session"];
const OUTCOMES: [&str; 2] = ["label", "forward_return"];

#[derive(Debug, Error)]
pub enum MatrixError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}: no feature matrix here: run `aurora train`", path.display())]
    Absent { path: PathBuf },
    #[error("MATRIX_TAMPERED: {}: its SHA-256 is {found}, its manifest says {expected}: build it again", path.display())]
    Hash { path: PathBuf, expected: String, found: String },
    #[error(
        "MATRIX_CONTENT: {}: its rows have SHA-256 {found}, {who} says {expected}: build it again", path.display()
    )]
    Content { path: PathBuf, who: String, expected: String, found: String },
    #[error(
        "MATRIX_SOURCE: {}: its manifest says {field} {found}, the card of {model} {expected}: train again", path.display()
    )]
    Source { path: PathBuf, model: String, field: &'static str, expected: String, found: String },
    #[error("MATRIX_COLUMNS: {}: {problem}: build it again", path.display())]
    Columns { path: PathBuf, problem: String },
    #[error("MATRIX_VALUES: {}: {problem}: build it again", path.display())]
    Values { path: PathBuf, problem: String },
    #[error("MATRIX_CORRUPT: {}: {problem}: build it again", path.display())]
    Corrupt { path: PathBuf, problem: String },
}

/// Rows in (session, symbol) order.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMatrix {
    /// Feature columns.
    pub names: Vec<String>,
    pub sessions: Vec<Date>,
    pub symbols: Vec<Symbol>,
    /// Rows × names, row-major, NaN where missing.
    pub values: Vec<f32>,
    pub labels: Vec<f32>,
    pub returns: Vec<f64>,
}

impl FeatureMatrix {
    /// What a model's card vouches for.
    pub fn sha256(&self) -> String {
        let keys = (self.sessions.as_slice(), self.symbols.as_slice());
        matrix_sha256(&self.names, keys, &self.values, &self.labels, &self.returns)
    }
}

/// What a matrix was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixSource {
    /// [`messages::history_sha256`] of the bars.
    pub history_sha256: String,
    pub members_sha256: String,
    pub sectors_as_of: Date,
    /// Of those that the labels hold, if any.
    #[serde(default)]
    pub dividends_sha256: Option<String>,
    pub whitelist_sha256: String,
    /// Of the training.
    pub config: serde_json::Value,
    /// How often each guard of the features fired.
    pub guards: BTreeMap<String, u64>,
}

impl MatrixSource {
    /// Of the same training, whatever came of it?
    fn is_training(&self, other: &Self) -> bool {
        let training = |of: &Self| {
            let (history, members) = (of.history_sha256.clone(), of.members_sha256.clone());
            (history, members, of.sectors_as_of, of.dividends_sha256.clone(), of.config.clone())
        };
        training(self) == training(other)
    }

    /// The first on which two sources of equal rows differ, with what this says and the other: trainings that differ
    /// in their configuration alone, or in dividends that nobody held, have equal rows.
    fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let fields = |of: &Self| {
            let guards = serde_json::to_string(&of.guards).expect("guards are plain data");
            [
                ("whitelist_sha256", of.whitelist_sha256.clone()),
                ("history_sha256", of.history_sha256.clone()),
                ("members_sha256", of.members_sha256.clone()),
                ("guards", guards),
            ]
        };
        let mut pairs = fields(self).into_iter().zip(fields(other));
        pairs.find_map(|((field, ours), (_, theirs))| {
            (ours != theirs).then_some((field, ours, theirs))
        })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixManifest {
    pub schema: u32,
    pub columns: Vec<String>,
    pub rows: usize,
    pub first_session: Option<Date>,
    pub last_session: Option<Date>,
    /// Of the file.
    pub sha256: String,
    /// Of its rows, whoever wrote them: the `matrix_sha256` in the card of the model that was trained on them.
    pub content_sha256: String,
    pub source: MatrixSource,
}

/// `feature_matrix.parquet` → `feature_matrix.manifest.json`.
pub fn matrix_manifest_path(path: &Path) -> PathBuf {
    path.with_extension("manifest.json")
}

/// Replaces the matrix at `path`; the manifest goes last, so that a crash leaves a pair that does not fit
/// and is refused.
///
/// # Errors
/// The matrix is not sound (see [`read_matrix`]), or the disk refuses.
pub fn write_matrix(
    path: &Path,
    matrix: &FeatureMatrix,
    source: MatrixSource,
) -> Result<MatrixManifest, MatrixError> {
    check(path, matrix)?;
    let corrupt = |error: PolarsError| MatrixError::Corrupt {
        path: path.to_owned(),
        problem: error.to_string(),
    };
    let bytes = to_parquet(matrix).map_err(corrupt)?;
    let manifest = MatrixManifest {
        schema: SCHEMA,
        columns: matrix.names.clone(),
        rows: matrix.symbols.len(),
        first_session: matrix.sessions.first().copied(),
        last_session: matrix.sessions.last().copied(),
        sha256: sha256_hex(&bytes),
        content_sha256: matrix.sha256(),
        source,
    };
    replace(path, &bytes)?;
    let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
    replace(&matrix_manifest_path(path), &text)?;
    Ok(manifest)
}

/// The matrix, if it is the one its manifest vouches for and has exactly the columns `names` in this
/// order.
///
/// # Errors
/// A byte was changed; a column is missing, renamed, in another place, all NaN or holds an infinity;
/// rows are out of order. Each names the thing.
pub fn read_matrix(
    path: &Path,
    names: &[&str],
) -> Result<(FeatureMatrix, MatrixManifest), MatrixError> {
    let absent = || MatrixError::Absent { path: path.to_owned() };
    let bytes = read_optional(path)?.ok_or_else(absent)?;
    let text = read_optional(&matrix_manifest_path(path))?.ok_or_else(absent)?;
    let corrupt = |problem: String| MatrixError::Corrupt { path: path.to_owned(), problem };
    let manifest: MatrixManifest =
        serde_json::from_slice(&text).map_err(|error| corrupt(format!("manifest: {error}")))?;
    if manifest.schema != SCHEMA {
        return Err(corrupt(format!("schema {}, {SCHEMA} here", manifest.schema)));
    }
    let found = sha256_hex(&bytes);
    if found != manifest.sha256 {
        let expected = manifest.sha256;
        return Err(MatrixError::Hash { path: path.to_owned(), expected, found });
    }
    let mut frame = ParquetReader::new(Cursor::new(bytes))
        .finish()
        .map_err(|error| corrupt(error.to_string()))?;
    frame.rechunk_mut();
    check_columns(path, &frame, names)?;
    let matrix = from_frame(&frame, names).map_err(|error| corrupt(error.to_string()))?;
    if matrix.symbols.len() != manifest.rows {
        return Err(corrupt(format!("{} rows, {} declared", matrix.symbols.len(), manifest.rows)));
    }
    check(path, &matrix)?;
    check_content(path, &matrix, "its manifest", &manifest.content_sha256)?;
    Ok((matrix, manifest))
}

/// Holds the matrix at `path` against the card of a model, if it is the one the model was trained on; says
/// whether it is. It is where its manifest names the rows or the training of the card, so that no single change of
/// a manifest makes it another's; no matrix, or another training's, is no matrix of this model.
///
/// # Errors
/// As [`read_matrix`]: it is this model's, and a byte of it, or what its manifest says of it, was changed.
pub fn verify_matrix(
    path: &Path,
    model: &str,
    expected: &str,
    source: &MatrixSource,
) -> Result<bool, MatrixError> {
    let corrupt = |problem: String| MatrixError::Corrupt { path: path.to_owned(), problem };
    let Some(text) = read_optional(&matrix_manifest_path(path))? else { return Ok(false) };
    let manifest: MatrixManifest =
        serde_json::from_slice(&text).map_err(|error| corrupt(format!("manifest: {error}")))?;
    if manifest.content_sha256 != expected && !manifest.source.is_training(source) {
        return Ok(false);
    }
    if let Some((field, found, expected)) = manifest.source.difference(source) {
        let (path, model) = (path.to_owned(), model.to_owned());
        return Err(MatrixError::Source { path, model, field, expected, found });
    }
    let names: Vec<&str> = manifest.columns.iter().map(String::as_str).collect();
    let (matrix, _) = read_matrix(path, &names)?;
    check_content(path, &matrix, model, expected)?;
    Ok(true)
}

fn check_content(
    path: &Path,
    matrix: &FeatureMatrix,
    who: &str,
    expected: &str,
) -> Result<(), MatrixError> {
    let found = matrix.sha256();
    if found == expected {
        return Ok(());
    }
    let (path, who, expected) = (path.to_owned(), who.to_owned(), expected.to_owned());
    Err(MatrixError::Content { path, who, expected, found })
}

/// The same names in the same order, keys before and outcomes after them.
fn check_columns(path: &Path, frame: &DataFrame, names: &[&str]) -> Result<(), MatrixError> {
    let found: Vec<String> = frame.get_column_names().iter().map(ToString::to_string).collect();
    let wanted: Vec<&str> = KEYS.iter().chain(names).chain(&OUTCOMES).copied().collect();
    let bad = |problem: String| Err(MatrixError::Columns { path: path.to_owned(), problem });
    if let Some(missing) = wanted.iter().find(|name| !found.iter().any(|f| f == *name)) {
        return bad(format!("column {missing} is missing"));
    }
    if let Some(extra) = found.iter().find(|name| !wanted.contains(&name.as_str())) {
        return bad(format!("column {extra} is unknown"));
    }
    match found.iter().zip(&wanted).position(|(found, wanted)| found != wanted) {
        Some(at) => bad(format!("column {at} is {}, it must be {}", found[at], wanted[at])),
        None => Ok(()),
    }
}

fn check(path: &Path, matrix: &FeatureMatrix) -> Result<(), MatrixError> {
    let bad = |problem: String| Err(MatrixError::Values { path: path.to_owned(), problem });
    let (rows, columns) = (matrix.symbols.len(), matrix.names.len());
    let lengths = [matrix.sessions.len(), matrix.labels.len(), matrix.returns.len()];
    if rows == 0 || lengths != [rows; 3] || matrix.values.len() != rows * columns {
        return bad("columns differ in length, or there are no rows".to_owned());
    }
    let key = |row: usize| (matrix.sessions[row], &matrix.symbols[row]);
    if let Some(row) = (1..rows).find(|row| key(row - 1) >= key(*row)) {
        return bad(format!("row {row} ({} {}) is out of order", key(row).0, key(row).1));
    }
    for (column, name) in matrix.names.iter().enumerate() {
        let values = || matrix.values.iter().skip(column).step_by(columns);
        if let Some(row) = values().position(|value| value.is_infinite()) {
            return bad(format!("{name} of {} on {} is infinite", key(row).1, key(row).0));
        }
        if values().all(|value| value.is_nan()) {
            return bad(format!("{name} has no value at all"));
        }
    }
    let infinite =
        |row: &usize| matrix.labels[*row].is_infinite() || matrix.returns[*row].is_infinite();
    match (0..rows).find(infinite) {
        Some(row) => bad(format!("the label of {} on {} is infinite", key(row).1, key(row).0)),
        None => Ok(()),
    }
}

fn to_parquet(matrix: &FeatureMatrix) -> PolarsResult<Vec<u8>> {
    let (rows, names) = (matrix.symbols.len(), matrix.names.len());
    let symbols =
        StringChunked::from_iter_values(KEYS[0].into(), matrix.symbols.iter().map(Symbol::as_str));
    let days = matrix.sessions.iter().map(|session| day_of(*session)).collect();
    let sessions = Int32Chunked::from_vec(KEYS[1].into(), days).into_date();
    let mut columns = vec![symbols.into_column(), sessions.into_column()];
    for (at, name) in matrix.names.iter().enumerate() {
        let values: Vec<f32> = matrix.values.iter().skip(at).step_by(names).copied().collect();
        columns.push(Column::new(name.as_str().into(), values));
    }
    columns.push(Column::new(OUTCOMES[0].into(), matrix.labels.as_slice()));
    columns.push(Column::new(OUTCOMES[1].into(), matrix.returns.as_slice()));
    let mut bytes = Vec::new();
    let mut frame = DataFrame::new(rows, columns)?;
    ParquetWriter::new(&mut bytes).finish(&mut frame)?;
    Ok(bytes)
}

fn from_frame(frame: &DataFrame, names: &[&str]) -> PolarsResult<FeatureMatrix> {
    let rows = frame.height();
    let mut values = vec![f32::NAN; rows * names.len()];
    for (at, name) in names.iter().enumerate() {
        let column = frame.column(name)?.f32()?.cont_slice()?;
        for (row, value) in column.iter().enumerate() {
            values[row * names.len() + at] = *value;
        }
    }
    let days = frame.column(KEYS[1])?.date()?.physical();
    let session = |day: &i32| {
        date_of(*day).ok_or_else(|| polars_err!(ComputeError: "session {} is no date", day))
    };
    let symbols = frame.column(KEYS[0])?.str()?;
    Ok(FeatureMatrix {
        names: names.iter().map(ToString::to_string).collect(),
        sessions: days.cont_slice()?.iter().map(session).collect::<PolarsResult<_>>()?,
        symbols: symbols.iter().map(|symbol| Symbol::from(symbol.unwrap_or_default())).collect(),
        values,
        labels: frame.column(OUTCOMES[0])?.f32()?.cont_slice()?.to_vec(),
        returns: frame.column(OUTCOMES[1])?.f64()?.cont_slice()?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const NAMES: [&str; 3] = ["ret_1", "ret_5", "vol_21"];

    fn matrix() -> FeatureMatrix {
        let session = |day: i8| Date::constant(2024, 1, day);
        FeatureMatrix {
            names: NAMES.map(str::to_owned).to_vec(),
            sessions: vec![session(2), session(2), session(3)],
            symbols: ["AAPL", "MSFT", "AAPL"].map(Symbol::from).to_vec(),
            values: vec![0.5, f32::NAN, 1.0, -0.5, 2.0, f32::NAN, 0.25, -1.0, 3.0],
            labels: vec![1.0, -1.0, f32::NAN],
            returns: vec![0.01, -0.02, f64::NAN],
        }
    }

    fn source() -> MatrixSource {
        MatrixSource {
            history_sha256: "h".to_owned(),
            members_sha256: "m".to_owned(),
            sectors_as_of: Date::constant(2023, 12, 29),
            dividends_sha256: None,
            whitelist_sha256: "w".to_owned(),
            config: serde_json::json!({ "horizon": 5 }),
            guards: [("missing_bar".to_owned(), 7)].into(),
        }
    }

    fn written(matrix: &FeatureMatrix) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feature_matrix.parquet");
        write_matrix(&path, matrix, source()).unwrap();
        (folder, path)
    }

    /// Another frame under a manifest that vouches for its bytes.
    fn forged(change: impl FnOnce(&mut DataFrame)) -> String {
        let (_folder, path) = written(&matrix());
        let bytes = to_parquet(&matrix()).unwrap();
        let mut frame = ParquetReader::new(Cursor::new(bytes)).finish().unwrap();
        change(&mut frame);
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
        fs::write(&path, &bytes).unwrap();
        let manifest = matrix_manifest_path(&path);
        let mut text: MatrixManifest =
            serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
        text.sha256 = sha256_hex(&bytes);
        fs::write(&manifest, serde_json::to_vec(&text).unwrap()).unwrap();
        read_matrix(&path, &NAMES).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_again_to_the_bit() {
        let (_folder, path) = written(&matrix());
        let (read, manifest) = read_matrix(&path, &NAMES).unwrap();
        let bits = |m: &FeatureMatrix| m.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(&matrix()));
        assert_eq!((&read.sessions, &read.symbols), (&matrix().sessions, &matrix().symbols));
        assert_eq!((read.labels[0], read.returns[1]), (1.0, -0.02));
        assert!(read.labels[2].is_nan() && read.returns[2].is_nan());
        assert_eq!((manifest.rows, manifest.source), (3, source()));
        assert_eq!(manifest.last_session, Some(Date::constant(2024, 1, 3)));
    }

    #[test]
    fn one_changed_byte_is_refused() {
        let (_folder, path) = written(&matrix());
        let sound = fs::read(&path).unwrap();
        for place in [0, sound.len() / 2, sound.len() - 1] {
            let mut bytes = sound.clone();
            bytes[place] ^= 1;
            fs::write(&path, bytes).unwrap();
            let text = read_matrix(&path, &NAMES).unwrap_err().to_string();
            assert!(text.starts_with("MATRIX_TAMPERED"), "{text}");
        }
        fs::remove_file(&path).unwrap();
        assert!(read_matrix(&path, &NAMES).unwrap_err().to_string().contains("aurora train"));
    }

    #[test]
    fn other_columns_are_refused_by_name() {
        let missing = forged(|frame| drop(frame.drop_in_place("ret_5").unwrap()));
        assert!(missing.contains("column ret_5 is missing"), "{missing}");
        let renamed = forged(|frame| {
            frame.rename("ret_5", "ret_6".into()).unwrap();
        });
        assert!(renamed.contains("column ret_5 is missing"), "{renamed}");
        let swapped = forged(|frame| {
            let order =
                ["symbol", "session", "ret_5", "ret_1", "vol_21", "label", "forward_return"];
            *frame = frame.select(order).unwrap();
        });
        assert!(swapped.contains("column 2 is ret_5, it must be ret_1"), "{swapped}");
        let (_folder, path) = written(&matrix());
        let extra = read_matrix(&path, &NAMES[..2]).unwrap_err().to_string();
        assert!(extra.contains("column vol_21 is unknown"), "{extra}");
    }

    /// Read back, under a manifest that vouches for its bytes.
    #[test]
    fn forged_values_are_refused_by_name() {
        let with = |name: &str, values: [f32; 3]| {
            let name = name.to_owned();
            forged(move |frame| {
                frame.with_column(Column::new(name.as_str().into(), values)).unwrap();
            })
        };
        let nan = with("ret_5", [f32::NAN; 3]);
        assert!(nan.starts_with("MATRIX_VALUES") && nan.contains("ret_5 has no value"), "{nan}");
        let infinite = with("vol_21", [1.0, f32::INFINITY, 3.0]);
        assert!(infinite.contains("vol_21 of MSFT on 2024-01-02 is infinite"), "{infinite}");
        let other = with("vol_21", [1.0, 2.0, 3.0]);
        assert!(other.starts_with("MATRIX_CONTENT"), "{other}");
    }

    #[test]
    fn a_wrong_hash_is_refused() {
        for field in ["sha256", "content_sha256"] {
            let (_folder, path) = written(&matrix());
            let manifest = matrix_manifest_path(&path);
            let mut json: serde_json::Value =
                serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
            json[field] = "0".repeat(64).into();
            fs::write(&manifest, json.to_string()).unwrap();
            let text = read_matrix(&path, &NAMES).unwrap_err().to_string();
            let code = if field == "sha256" { "MATRIX_TAMPERED" } else { "MATRIX_CONTENT" };
            assert!(text.starts_with(code), "{text}");
        }
    }

    #[test]
    fn prior_art_27_a_card_vouches_for_its_own_matrix_only() {
        let (_folder, path) = written(&matrix());
        let ours = matrix().sha256();
        let other_training =
            MatrixSource { config: serde_json::json!({ "horizon": 6 }), ..source() };
        let verify = |expected: &str, source: &MatrixSource| {
            verify_matrix(&path, "xgb-1", expected, source).map_err(|error| error.to_string())
        };
        assert_eq!(verify(&ours, &source()), Ok(true));
        assert_eq!(verify(&ours, &other_training), Ok(true), "the same rows");
        assert_eq!(verify("another", &other_training), Ok(false), "of another training");
        let dividends = MatrixSource { dividends_sha256: Some("d".to_owned()), ..source() };
        assert_eq!(verify("another", &dividends), Ok(false), "other labels");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        let text = verify(&ours, &source()).unwrap_err();
        assert!(text.starts_with("MATRIX_TAMPERED"), "{text}");
        // Other rows, vouched for by a manifest that claims to hold ours.
        let mut other = matrix();
        other.values[0] = 0.25;
        write_matrix(&path, &other, source()).unwrap();
        let manifest = matrix_manifest_path(&path);
        let mut json: serde_json::Value =
            serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
        json["content_sha256"] = ours.clone().into();
        fs::write(&manifest, json.to_string()).unwrap();
        let text = verify(&ours, &source()).unwrap_err();
        assert!(text.starts_with("MATRIX_CONTENT"), "{text}");
        fs::remove_file(manifest).unwrap();
        assert_eq!(verify(&ours, &source()), Ok(false), "none at hand");
    }

    /// Whatever single thing its manifest says otherwise, it stays this model's, and what is wrong is named.
    #[test]
    fn a_changed_manifest_makes_it_nobody_elses() {
        let (_folder, path) = written(&matrix());
        let ours = matrix().sha256();
        let manifest = matrix_manifest_path(&path);
        let sound = fs::read(&manifest).unwrap();
        let changed = |change: fn(&mut serde_json::Value)| {
            let mut json: serde_json::Value = serde_json::from_slice(&sound).unwrap();
            change(&mut json);
            fs::write(&manifest, json.to_string()).unwrap();
            verify_matrix(&path, "xgb-1", &ours, &source()).unwrap_err().to_string()
        };
        let content = changed(|json| json["content_sha256"] = "0".repeat(64).into());
        assert!(content.starts_with("MATRIX_CONTENT"), "{content}");
        let file = changed(|json| json["sha256"] = "0".repeat(64).into());
        assert!(file.starts_with("MATRIX_TAMPERED"), "{file}");
        let whitelist = changed(|json| json["source"]["whitelist_sha256"] = "v".into());
        let expected = "its manifest says whitelist_sha256 v, the card of xgb-1 w";
        assert!(
            whitelist.starts_with("MATRIX_SOURCE") && whitelist.contains(expected),
            "{whitelist}"
        );
        let history = changed(|json| json["source"]["history_sha256"] = "i".into());
        assert!(history.contains("says history_sha256 i"), "{history}");
        let members = changed(|json| json["source"]["members_sha256"] = "n".into());
        assert!(members.contains("says members_sha256 n"), "{members}");
        let guards = changed(|json| json["source"]["guards"]["missing_bar"] = 8.into());
        assert!(guards.contains("says guards {"), "{guards}");
    }

    #[test]
    fn impossible_values_are_refused_by_name() {
        let with = |change: fn(&mut FeatureMatrix)| {
            let mut matrix = matrix();
            change(&mut matrix);
            let folder = tempfile::tempdir().unwrap();
            write_matrix(&folder.path().join("m.parquet"), &matrix, source())
                .unwrap_err()
                .to_string()
        };
        let nan = with(|matrix| [1, 4, 7].into_iter().for_each(|at| matrix.values[at] = f32::NAN));
        assert!(nan.contains("ret_5 has no value at all"), "{nan}");
        let infinite = with(|matrix| matrix.values[3] = f32::INFINITY);
        assert!(infinite.contains("ret_1 of MSFT on 2024-01-02 is infinite"), "{infinite}");
        let label = with(|matrix| matrix.labels[0] = f32::NEG_INFINITY);
        assert!(label.contains("the label of AAPL"), "{label}");
        let order = with(|matrix| matrix.symbols.swap(0, 1));
        assert!(order.contains("out of order"), "{order}");
        let short = with(|matrix| {
            matrix.labels.pop();
        });
        assert!(short.contains("differ in length"), "{short}");
    }
}
