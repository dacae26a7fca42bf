use crate::lanes::{Lanes, WIDTH};
use std::ops::Index;

/// A table of numbers, column after column: a row per name, made block by block, read column by column.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    values: Vec<f64>,
    rows: usize,
    /// Rows there is room for: whole blocks.
    stride: usize,
}

impl Columns {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let stride = rows.next_multiple_of(WIDTH);
        Self { values: vec![f64::NAN; stride * columns], rows, stride }
    }

    pub(crate) fn set_block(&mut self, column: usize, block: usize, lanes: Lanes) {
        let start = column * self.stride + block * WIDTH;
        self.values[start..start + WIDTH].copy_from_slice(&lanes.0);
    }

    pub(crate) fn block(&self, column: usize, block: usize) -> Lanes {
        let (blocks, _) = self.values[column * self.stride..].as_chunks::<WIDTH>();
        Lanes(blocks[block])
    }

    pub(crate) fn column_mut(&mut self, column: usize) -> &mut [f64] {
        &mut self.values[column * self.stride..][..self.rows]
    }

    pub(crate) fn clear(&mut self) {
        self.values.fill(f64::NAN);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.stride).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Appends row after row.
    pub fn append_rows<T>(&self, into: &mut Vec<T>, as_value: impl Fn(f64) -> T) {
        let count = self.len();
        into.reserve(self.rows * count);
        // A block of rows at a time: what one row reads is where the next ones are read.
        for row in 0..self.rows {
            into.extend((0..count).map(|column| as_value(self.values[column * self.stride + row])));
        }
    }

    /// Appends one row.
    pub fn append_row<T>(&self, row: usize, into: &mut Vec<T>, as_value: impl Fn(f64) -> T) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let columns = self.values.chunks_exact(self.stride.max(1));
        into.extend(columns.map(|column| as_value(column[row])));
    }
}

/// A column, a value per row.
impl Index<usize> for Columns {
    type Output = [f64];

    fn index(&self, column: usize) -> &[f64] {
        &self.values[column * self.stride..][..self.rows]
    }
}
