//! A party's columns during training: for plain scores, and made ready for encrypted products.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use component_kit::{Result, TaskContext};
use learning::linear::scores;
use ndarray::{Array2, Axis};
use secure_compute::LinearScheme;
use secure_compute::encrypted_gradient::prepare_columns;
use secure_compute::fixed::ColumnScales;

/// The rows of a batch: all of the table, or these.
pub type Selection = Option<Arc<Vec<usize>>>;

/// Columns, with a last one of ones where there is an intercept.
pub struct Columns<S: LinearScheme> {
    values: Arc<Array2<f64>>,
    scales: ColumnScales,
    /// By batch and first column.
    prepared: BTreeMap<(Option<usize>, usize), Arc<S::Matrix>>,
}

impl<S: LinearScheme> Columns<S> {
    /// Takes the columns over.
    pub fn new(features: &Arc<Array2<f64>>, has_intercept: bool) -> Result<Self> {
        let values = if has_intercept {
            // The intercept as a column: its sum is opened with the others and needs no message of
            // its own.
            Arc::new(with_ones(features))
        } else {
            features.clone()
        };
        // Over the whole table, once: every batch is a subset, so one fit holds for all of them.
        let scales = ColumnScales::fit(values.view())?;
        Ok(Self {
            values,
            scales,
            prepared: BTreeMap::new(),
        })
    }

    /// Sums of entry times residual, which was encoded with so many fractional bits, as real numbers.
    pub fn decode_sums(&self, sums: &[u64], residual_bits: i32) -> Result<Vec<f64>> {
        Ok(self.scales.decode_sums(sums, residual_bits)?)
    }

    /// The scores of some rows.
    pub async fn scores(
        &self,
        task: &TaskContext,
        rows: &Selection,
        weights: &[f64],
    ) -> Result<Vec<f64>> {
        let (values, rows, weights) = (self.values.clone(), rows.clone(), weights.to_vec());
        task.compute(move || match rows {
            None => scores(values.view(), &weights, 0.0),
            Some(rows) => scores(values.select(Axis(0), &rows).view(), &weights, 0.0),
        })
        .await
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.ncols()
    }

    /// Some rows of some columns made ready for products; kept under the batch's number where batches stay the same.
    pub async fn matrix(
        &mut self,
        task: &TaskContext,
        rows: &Selection,
        batch: Option<usize>,
        part: Range<usize>,
    ) -> Result<Arc<S::Matrix>> {
        // All rows are the same matrix in every batch, whatever its number.
        let key = (if rows.is_none() { None } else { batch }, part.start);
        // Batches that differ from epoch to epoch would fill the memory and never be met again.
        let is_kept = rows.is_none() || batch.is_some();
        if is_kept && let Some(matrix) = self.prepared.get(&key) {
            return Ok(matrix.clone());
        }
        let chosen = rows.as_ref().map(|rows| rows.to_vec());
        let matrix = prepare_columns::<S>(task, &self.values, &self.scales, chosen, part).await?;
        if is_kept {
            self.prepared.insert(key, matrix.clone());
        }
        Ok(matrix)
    }
}

/// The features and a column of ones.
fn with_ones(features: &Array2<f64>) -> Array2<f64> {
    let (rows, columns) = features.dim();
    let value = |(row, column)| {
        if column < columns {
            features[(row, column)]
        } else {
            1.0
        }
    };
    Array2::from_shape_fn((rows, columns + 1), value)
}
