//! Linear scores and their transpose over a row-major matrix, in parallel over row chunks. The transposed product
//! adds whole rows instead of walking columns, which on a row-major matrix is many times faster.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

/// Rows handled by one task: large enough to hide the scheduling, small enough to spread 10 000 rows.
const CHUNK: usize = 2048;

/// Computes `x w + bias`, one score per row.
///
/// `w` holds one weight per column; with any other length every score is NaN, so that a mismatch cannot pass as a result.
#[must_use]
pub fn scores(x: ArrayView2<'_, f64>, w: &[f64], bias: f64) -> Vec<f64> {
    if w.len() != x.ncols() {
        return vec![f64::NAN; x.nrows()];
    }
    over_chunks(x.nrows(), |start, end| {
        (start..end)
            .map(|row| dot(x.row(row), w) + bias)
            .collect::<Vec<_>>()
    })
    .concat()
}

/// Computes `x^T r`, one sum per column.
///
/// `r` holds one factor per row; with any other length every sum is NaN. Partial sums are added in row order, so the
/// result does not depend on the number of threads.
#[must_use]
pub fn transpose_times(x: ArrayView2<'_, f64>, r: &[f64]) -> Vec<f64> {
    if r.len() != x.nrows() {
        return vec![f64::NAN; x.ncols()];
    }
    let partials = over_chunks(x.nrows(), |start, end| {
        let mut sums = vec![0.0; x.ncols()];
        for (row, factor) in (start..end).zip(r.iter().skip(start)) {
            add_scaled(&mut sums, x.row(row), *factor);
        }
        sums
    });
    let mut total = vec![0.0; x.ncols()];
    // In the order of the chunks: floating-point sums depend on it, and runs must repeat.
    for partial in partials {
        total
            .iter_mut()
            .zip(&partial)
            .for_each(|(sum, part)| *sum += part);
    }
    total
}

/// Computes `1 / (1 + e^-z)` without overflow for any finite `z`.
#[must_use]
pub fn sigmoid(z: f64) -> f64 {
    // The exponent is never positive: its exponential cannot overflow.
    if z <= 0.0 {
        let e = z.exp();
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + (-z).exp())
    }
}

fn over_chunks<T: Send>(rows: usize, work: impl Fn(usize, usize) -> T + Sync) -> Vec<T> {
    let span = |chunk: usize| work(chunk * CHUNK, rows.min((chunk + 1) * CHUNK));
    match rows.div_ceil(CHUNK) {
        // One chunk is not worth a visit to the thread pool.
        0 | 1 => vec![work(0, rows)],
        chunks => (0..chunks).into_par_iter().map(span).collect(),
    }
}

fn dot(row: ArrayView1<'_, f64>, w: &[f64]) -> f64 {
    match row.as_slice() {
        // Contiguous, which the compiler turns into faster code than steps of any width.
        Some(row) => row.iter().zip(w).map(|(a, b)| a * b).sum(),
        None => row.iter().zip(w).map(|(a, b)| a * b).sum(),
    }
}

fn add_scaled(sums: &mut [f64], row: ArrayView1<'_, f64>, factor: f64) {
    match row.as_slice() {
        Some(row) => sums
            .iter_mut()
            .zip(row)
            .for_each(|(sum, v)| *sum += factor * v),
        None => sums
            .iter_mut()
            .zip(row.iter())
            .for_each(|(sum, v)| *sum += factor * v),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    #[test]
    fn scores_are_row_times_weight_plus_bias() {
        let x = array![[1.0, 2.0], [3.0, -4.0]];
        assert_eq!(scores(x.view(), &[0.5, 0.25], 1.0), vec![2.0, 1.5]);
    }

    #[test]
    fn transposed_product_sums_rows_by_factor() {
        let x = array![[1.0, 2.0], [3.0, -4.0], [5.0, 0.0]];
        assert_eq!(transpose_times(x.view(), &[1.0, -1.0, 2.0]), vec![8.0, 6.0]);
    }

    #[test]
    fn a_column_major_view_gives_the_same_products() {
        let x = array![[1.0, 3.0, 5.0], [2.0, -4.0, 0.0]];
        assert_eq!(transpose_times(x.t(), &[1.0, -1.0, 2.0]), vec![8.0, 6.0]);
        assert_eq!(scores(x.t(), &[1.0, 1.0], 0.0), vec![3.0, -1.0, 5.0]);
    }

    #[test]
    fn a_length_mismatch_cannot_pass_as_a_result() {
        let x = array![[1.0, 2.0]];
        assert!(scores(x.view(), &[1.0], 0.0).iter().all(|v| v.is_nan()));
        assert!(
            transpose_times(x.view(), &[1.0, 2.0])
                .iter()
                .all(|v| v.is_nan())
        );
    }

    #[test]
    fn an_empty_matrix_gives_no_scores_and_zero_sums() {
        let x = Array2::<f64>::zeros((0, 3));
        assert!(scores(x.view(), &[1.0, 1.0, 1.0], 0.0).is_empty());
        assert_eq!(transpose_times(x.view(), &[]), vec![0.0; 3]);
    }

    #[test]
    fn sigmoid_is_exact_at_zero_and_does_not_overflow() {
        assert_eq!(sigmoid(0.0), 0.5);
        assert!((sigmoid(2.0) - 0.880_797_077_977_882_3).abs() < 1e-15);
        assert_eq!(sigmoid(-800.0), 0.0);
        assert_eq!(sigmoid(800.0), 1.0);
    }

    proptest! {
        #[test]
        fn many_chunks_agree_with_the_plain_sum(rows in 1usize..6000, seed in 0u32..1000) {
            let value = |i: usize, j: usize| f64::from((i as u32 * 31 + j as u32 * 17 + seed) % 101) - 50.0;
            let x = Array2::from_shape_fn((rows, 3), |(i, j)| value(i, j));
            let r: Vec<f64> = (0..rows).map(|i| value(i, 7)).collect();
            // Small integers: every order of addition is exact.
            let expected: Vec<f64> = (0..3).map(|j| (0..rows).map(|i| value(i, j) * r[i]).sum()).collect();
            prop_assert_eq!(transpose_times(x.view(), &r), expected);
            let w = [1.0, 2.0, -3.0];
            let plain: Vec<f64> = (0..rows).map(|i| (0..3).map(|j| value(i, j) * w[j]).sum::<f64>() + 0.5).collect();
            prop_assert_eq!(scores(x.view(), &w, 0.5), plain);
        }
    }
}
