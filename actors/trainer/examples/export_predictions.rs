//! `export_predictions MODELS ID OUT`: what model ID of the registry in MODELS says about made-up
//! rows, as little-endian f32 files in OUT, for `tests/python/model_oracle.py` to compare.

use messages::Env;
use scoring::Predictor;
use std::path::{Path, PathBuf};
use std::{env, fs};
use trainer::Registry;

const ROWS: usize = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [models, id, out] = arguments.as_slice() else {
        return Err("usage: export_predictions MODELS ID OUT".into());
    };
    let registry = Registry::new(PathBuf::from(models));
    let known = registry.list()?;
    let wanted = known.iter().find(|model| model.id == *id).ok_or("no such model")?;
    let model = registry.load(wanted, Env::Backtest)?;
    let values = rows(model.names().len());
    let out = Path::new(out);
    fs::create_dir_all(out)?;
    write(&out.join("values.f32"), &values)?;
    write(&out.join("predictions.f32"), &model.predict(&values, ROWS))?;
    write(&out.join("contributions.f32"), &model.contributions(&values, ROWS))?;
    Ok(())
}

/// Spread over −4 to 4, as the features are; one in seventeen is missing.
fn rows(columns: usize) -> Vec<f32> {
    let value = |i: usize| {
        let hash =
            (i as u32).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519);
        if i % 17 == 3 {
            f32::NAN
        } else {
            (f64::from(hash) / f64::from(u32::MAX) * 8.0 - 4.0) as f32
        }
    };
    (0..ROWS * columns).map(value).collect()
}

fn write(path: &Path, values: &[f32]) -> std::io::Result<()> {
    fs::write(path, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
}
