//! Statistics by FATE's names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Moments, quantile};
use crate::WordError;

/// One statistic of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// Values that are there.
    Count,
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// Their standard deviation as a population.
    StandardDeviation,
    /// The value that half of them do not exceed.
    Median,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// Their variance as a population.
    Variance,
    /// The standard deviation over the mean.
    CoefficientOfVariation,
    /// Values that are missing.
    MissingCount,
    /// Their share.
    MissingRatio,
    /// Fisher and Pearson's skewness.
    Skewness,
    /// The excess kurtosis.
    Kurtosis,
    /// The value that so many percent do not exceed.
    Quantile(u8),
}

/// FATE's names but of quantiles.
const NAMES: [(Statistic, &str); 13] = [
    (Statistic::Count, "count"),
    (Statistic::Sum, "sum"),
    (Statistic::Mean, "mean"),
    (Statistic::StandardDeviation, "stddev"),
    (Statistic::Median, "median"),
    (Statistic::Min, "min"),
    (Statistic::Max, "max"),
    (Statistic::Variance, "variance"),
    (Statistic::CoefficientOfVariation, "coefficient_of_variance"),
    (Statistic::MissingCount, "missing_count"),
    (Statistic::MissingRatio, "missing_ratio"),
    (Statistic::Skewness, "skewness"),
    (Statistic::Kurtosis, "kurtosis"),
];

/// What is computed whatever is asked for: FATE's `summary`.
const BASIC: [Statistic; 11] = [
    Statistic::Sum,
    Statistic::Mean,
    Statistic::StandardDeviation,
    Statistic::Median,
    Statistic::Min,
    Statistic::Max,
    Statistic::MissingRatio,
    Statistic::MissingCount,
    Statistic::Skewness,
    Statistic::Kurtosis,
    Statistic::CoefficientOfVariation,
];

impl Statistic {
    /// Of a column with these moments and these values, of which none is missing. None where a column of no value has none.
    #[must_use]
    pub fn of(self, moments: &Moments, values: &mut [f64], biased: bool) -> Option<f64> {
        match self {
            Self::Count => Some(moments.count() as f64),
            Self::Sum => moments.mean().map(|_| moments.sum()),
            Self::Mean => moments.mean(),
            Self::StandardDeviation => moments.standard_deviation(),
            Self::Median => quantile(values, 0.5),
            Self::Min => moments.min(),
            Self::Max => moments.max(),
            Self::Variance => moments.variance(),
            Self::CoefficientOfVariation => moments.coefficient_of_variation(),
            Self::MissingCount => Some(moments.missing() as f64),
            Self::MissingRatio => moments.missing_ratio(),
            Self::Skewness => moments.skewness(biased),
            Self::Kurtosis => moments.kurtosis(biased),
            Self::Quantile(percent) => quantile(values, f64::from(percent) / 100.0),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, NAMES.iter().find(|(known, _)| known == self)) {
            (_, Some((_, name))) => to.write_str(name),
            (Self::Quantile(percent), None) => write!(to, "{percent}%"),
            (_, None) => to.write_str("unnamed"),
        }
    }
}

impl FromStr for Statistic {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        if let Some((known, _)) = NAMES.iter().find(|(_, name)| *name == word) {
            return Ok(*known);
        }
        let digits = word.strip_suffix('%').filter(|digits| {
            // FATE's pattern: no sign, no leading zero.
            digits.bytes().all(|digit| digit.is_ascii_digit())
                && (*digits == "0" || !digits.starts_with('0'))
        });
        let percent = digits.and_then(|digits| digits.parse().ok());
        let percent = percent.filter(|percent| *percent <= 100);
        percent.map(Self::Quantile).ok_or(WordError::Unknown {
            kind: "statistic",
            word: word.to_owned(),
            choices: "summary, count, sum, mean, stddev, median, min, max, variance, coefficient_of_variance, missing_count, \
                      missing_ratio, skewness, kurtosis, 0% to 100%",
        })
    }
}

/// The statistics that a job asks for, each once, with those that are always computed behind them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Words", into = "Words")]
pub struct Statistics(Vec<Statistic>);

impl Default for Statistics {
    fn default() -> Self {
        Self(BASIC.to_vec())
    }
}

impl Statistics {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Statistic> {
        self.0.iter().copied()
    }
}

/// How documents write them: one name, or a list.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<Words> for Statistics {
    type Error = WordError;

    fn try_from(words: Words) -> Result<Self, WordError> {
        let words = match words {
            Words::One(word) => vec![word],
            Words::Many(words) => words,
        };
        let mut all = Vec::new();
        // `summary` stands for what is always computed, and adds nothing.
        let named = words.iter().filter(|word| *word != "summary");
        let named = named
            .map(|word| word.parse())
            .collect::<Result<Vec<_>, _>>()?;
        for statistic in named.into_iter().chain(BASIC) {
            if !all.contains(&statistic) {
                all.push(statistic);
            }
        }
        Ok(Self(all))
    }
}

impl From<Statistics> for Words {
    fn from(all: Statistics) -> Self {
        if all == Statistics::default() {
            return Self::One("summary".to_owned());
        }
        Self::Many(all.iter().map(|statistic| statistic.to_string()).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use super::*;

    fn read(value: Value) -> Vec<String> {
        let read: Statistics = from_value(value).unwrap();
        read.iter().map(|statistic| statistic.to_string()).collect()
    }

    #[test]
    fn the_basic_ones_are_always_there_and_none_is_there_twice() {
        let basic = [
            "sum",
            "mean",
            "stddev",
            "median",
            "min",
            "max",
            "missing_ratio",
            "missing_count",
            "skewness",
            "kurtosis",
            "coefficient_of_variance",
        ];
        assert_eq!(read(json!("summary")), basic);
        assert_eq!(read(json!([])), basic);
        let asked = read(json!(["95%", "max", "count", "95%"]));
        assert_eq!(asked[..3], ["95%", "max", "count"]);
        assert_eq!(asked.len(), basic.len() + 2);
        assert_eq!(read(json!("variance")).len(), basic.len() + 1);
    }

    #[test]
    fn written_as_documents_write_them() {
        assert_eq!(to_value(Statistics::default()).unwrap(), json!("summary"));
        let other: Statistics = from_value(json!(["0%"])).unwrap();
        let again: Statistics = from_value(to_value(&other).unwrap()).unwrap();
        assert_eq!(again, other);
    }

    #[test]
    fn other_words_are_refused_by_name() {
        for word in [
            "average", "Mean", "101%", "05%", "+5%", "-1%", "5.5%", "%", "", "1000%",
        ] {
            let refused = from_value::<Statistics>(json!([word]));
            assert!(
                refused.is_err_and(|error| error.to_string().contains(&format!("`{word}`"))),
                "{word}"
            );
        }
        for word in ["0%", "5%", "100%"] {
            assert_eq!(word.parse::<Statistic>().unwrap().to_string(), word);
        }
        assert!(from_value::<Statistics>(json!(3)).is_err());
    }

    #[test]
    fn of_a_column_each_is_what_it_says() {
        let mut values = [1.0, 2.0, 4.0, 8.0, 16.0];
        let moments = Moments::of(values.into_iter().chain([f64::NAN]));
        let expected = [
            ("count", 5.0),
            ("sum", 31.0),
            ("mean", 6.2),
            ("stddev", 29.76_f64.sqrt()),
            ("median", 4.0),
            ("min", 1.0),
            ("max", 16.0),
            ("variance", 29.76),
            ("coefficient_of_variance", 29.76_f64.sqrt() / 6.2),
            ("missing_count", 1.0),
            ("missing_ratio", 1.0 / 6.0),
            ("skewness", 0.889_048_134_816_954_2),
            ("kurtosis", -0.674_059_139_784_947_4),
            ("20%", 1.0),
            ("21%", 2.0),
        ];
        for (name, expected) in expected {
            let statistic: Statistic = name.parse().unwrap();
            let found = statistic.of(&moments, &mut values, true).unwrap();
            assert!((found - expected).abs() < 1e-9, "{name}: {found}");
        }
        let corrected = Statistic::Skewness
            .of(&moments, &mut values, false)
            .unwrap();
        assert!((corrected - 1.325_314_709_813_404_8).abs() < 1e-9);
    }

    #[test]
    fn a_column_of_no_value_has_counts_only() {
        let moments = Moments::of([f64::NAN; 2].into_iter());
        let all: Statistics = from_value(json!(["count", "50%"])).unwrap();
        let found: Vec<String> = all
            .iter()
            .filter(|statistic| statistic.of(&moments, &mut [], true).is_some())
            .map(|statistic| statistic.to_string())
            .collect();
        assert_eq!(found, ["count", "missing_ratio", "missing_count"]);
    }
}
