//! Which rows of a cross-section a model reads: the same in training and in service.

use messages::Features;

/// Below this share of finite features a row says too little; it is excluded (METHODS.md §1 f).
pub const FINITE_SHARE_MIN: f64 = 0.8;

/// Rows that are eligible and have enough finite features, ascending.
pub fn scorable_rows(features: &Features) -> Vec<usize> {
    let columns = features.names.len();
    if columns == 0 {
        return Vec::new();
    }
    let wanted = FINITE_SHARE_MIN * columns as f64;
    let complete = |row: &[f32]| {
        let finite = row.iter().filter(|value| value.is_finite()).count();
        finite as f64 >= wanted
    };
    features
        .values
        .chunks_exact(columns)
        .zip(&features.eligible)
        .enumerate()
        .filter(|(_, (row, eligible))| **eligible && complete(row))
        .map(|(index, _)| index)
        .collect()
}

/// Those rows' values, row-major.
pub fn take_rows(features: &Features, rows: &[usize]) -> Vec<f32> {
    let columns = features.names.len();
    rows.iter()
        .flat_map(|row| &features.values[row * columns..(row + 1) * columns])
        .copied()
        .collect()
}
