//! The parameters of feature_scale, as FATE has them.

use component_kit::lenient::Flag;
use component_kit::{ColumnIndexes, PerColumn, Word, params};
use learning::scaling::{Method, Mode};

params! {
    /// Parameters of `feature_scale`.
    pub struct Params {
        /// standard_scale: (x - mean) / deviation. min_max_scale: (x - lower) / (upper - lower). Null leaves the table as it is.
        /// Default standard_scale.
        method: Option<Word<Method>> = Method::Standard;
        /// What feat_upper and feat_lower are: values (normal), or shares of the rows (cap), 0.99 being the value that 99 % of
        /// the rows do not exceed. Default normal.
        mode: Word<Mode> = Mode::Normal;
        /// The features that are scaled, by position from 0; -1 for all. Default -1.
        scale_col_indexes: ColumnIndexes;
        /// More features that are scaled, by name; without effect where scale_col_indexes is -1. Default null.
        scale_names: Option<Vec<String>> = None;
        /// Values above it count as it: a number, or a list with one for each feature. Default null, the largest value.
        feat_upper: Option<PerColumn> = None;
        /// Values below it count as it: a number, or a list with one for each feature. Default null, the smallest value.
        feat_lower: Option<PerColumn> = None;
        /// Whether standard_scale subtracts the mean. Default true.
        with_mean: Flag<true> = true;
        /// Whether standard_scale divides by the standard deviation. Default true.
        with_std: Flag<true> = true;
        /// Whether there is anything to do; without it the table is passed on as it is. Default true.
        need_run: Flag<true> = true;
    }
    check |own, problems| {
        for (path, side) in [("feat_upper", &own.feat_upper), ("feat_lower", &own.feat_lower)] {
            let mut values = side.iter().flat_map(PerColumn::values);
            let fits = *own.mode == Mode::Normal || values.all(|value| (0.0..=1.0).contains(value));
            problems.expect(fits, path, || "a share of the rows is between 0 and 1".to_owned());
        }
        let crossed = PerColumn::is_above(&own.feat_lower, &own.feat_upper);
        problems.expect(!crossed, "feat_lower", || "it is above feat_upper".to_owned());
    }
}
