//! The parameters of both components, as FATE has them: data_io's are data_transform's without match ids.

use std::collections::BTreeMap;

use component_kit::lenient::Flag;
use component_kit::{ParamSet, params, words};
use serde_json::{Value, json};
use tables::transform::{Fill, FillMethod, InputFormat, Label, MatchId, Settings, ValueKind};

/// Parameters by which raw rows are read.
pub trait Reading: ParamSet {
    /// Whether there is anything to do.
    fn need_run(&self) -> bool;

    /// How rows are read.
    fn settings(&self) -> Settings;
}

words! {
    /// How rows are laid out.
    pub enum Layout {
        /// A value for each column of the header.
        Dense = "dense",
        /// `index:value` fields.
        Sparse = "sparse",
        /// Tags, or `tag:value` fields.
        Tag = "tag",
    }
}

words! {
    /// What values are.
    pub enum Kind {
        /// Any number.
        Float = "float64" | "float" | "double",
        /// Whole numbers.
        Integer = "int" | "int64" | "long",
        /// Text.
        Text = "str",
    }
}

words! {
    /// How values are replaced.
    pub enum Method {
        /// By a given value.
        Designated = "designated",
        /// By the column's smallest value.
        Min = "min",
        /// By its largest one.
        Max = "max",
        /// By its mean.
        Mean = "mean",
    }
}

impl From<Layout> for InputFormat {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Dense => Self::Dense,
            Layout::Sparse => Self::Sparse,
            Layout::Tag => Self::Tag,
        }
    }
}

impl From<Kind> for ValueKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Float => Self::Float,
            Kind::Integer => Self::Integer,
            Kind::Text => Self::Text,
        }
    }
}

impl From<Method> for FillMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Designated => Self::Designated,
            Method::Min => Self::Min,
            Method::Max => Self::Max,
            Method::Mean => Self::Mean,
        }
    }
}

fn one_value_or_a_list(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Object(_) => Err("it must be one value, or a list of values"),
        _ => Ok(()),
    }
}

/// Declares the parameters of both; `match_id` says which match id rows have.
macro_rules! reading {
    ($(#[$about:meta])* $name:ident { $($own:tt)* } match_id: $match_id:expr) => {
        params! {
            $(#[$about])*
            pub struct $name {
                /// How rows are laid out: dense, sparse (`index:value`, svmlight) or tag. Default dense.
                input_format: Layout;
                /// What separates fields in sparse and tag rows. Default `,`.
                delimitor: String = ",", in filled("nothing cannot separate anything");
                /// What features are: int, int64, long, float, float64, str. Default float64.
                data_type: Kind;
                /// Columns that are something else than data_type, by name. Default null.
                exclusive_data_type: Option<BTreeMap<String, Kind>>;
                /// Whether tags carry values. Default false.
                tag_with_value: Flag = false;
                /// What separates a tag from its value. Default `:`.
                tag_value_delimitor: String = ":", in filled("nothing cannot separate anything");
                /// Whether missing values are replaced. Default false.
                missing_fill: bool = false;
                /// What replaces them by method designated: one value, or a list with one for each column. Default 0.
                default_value: Value = json!(0), check one_value_or_a_list;
                /// How they are replaced: min, max, mean, designated, or null for designated. Default null.
                missing_fill_method: Option<Method>;
                /// What counts as missing, a list or one value; null for what usually does (empty, none, null and NA, however they are
                /// written). Not-a-number and infinite values count as missing beside every list. Default null.
                missing_impute: Value = Value::Null, check one_value_or_a_list;
                /// Whether outliers are replaced. Default false.
                outlier_replace: Flag = false;
                /// How they are replaced: min, max, mean, designated, or null for designated. Default null.
                outlier_replace_method: Option<Method>;
                /// What counts as an outlier, a list or one value; null for what usually counts as missing, as in FATE. Default null.
                outlier_impute: Value = Value::Null, check one_value_or_a_list;
                /// What replaces them by method designated: one value, or a list with one for each column. Default 0.
                outlier_replace_value: Value = json!(0), check one_value_or_a_list;
                /// Whether rows have a label. Default false.
                with_label: bool = false;
                /// The label's column, compared in lower case. Default `y`.
                label_name: Option<String> = "y";
                /// What labels are: int, int64, long, float, float64, str. Default int.
                label_type: Option<String> = "int";
                /// dense or sparse; instances are stored in columns either way. Default dense.
                output_format: String = "dense", in ["dense", "sparse"];
                /// Whether there is anything to do; without it the table is passed on as it is. Default true.
                need_run: Flag<true> = true;
                $($own)*
            }
            check |own, problems| {
                // As in FATE, what is said of a label counts only where there is one.
                let named = own.label_name.as_ref().is_some_and(|name| !name.trim().is_empty());
                problems.expect(!own.with_label || named, "label_name", || "the label has no name".to_owned());
                let kind = own.label_type.as_deref().unwrap_or_default();
                if own.with_label {
                    problems.one_of("label_type", kind, ValueKind::WORDS);
                }
            }
        }

        impl Reading for $name {
            fn need_run(&self) -> bool {
                *self.need_run
            }

            fn settings(&self) -> Settings {
                let match_id: fn(&Self) -> Option<MatchId> = $match_id;
                let missing = Some(&self.missing_impute).filter(|missing| says_something(missing));
                let fill = Fill::new(
                    self.missing_fill_method.unwrap_or_default().into(),
                    &self.default_value,
                    missing.unwrap_or(&Value::Null),
                );
                let outliers = Fill::new(
                    self.outlier_replace_method.unwrap_or_default().into(),
                    &self.outlier_replace_value,
                    &self.outlier_impute,
                );
                let exclusive = self.exclusive_data_type.iter().flatten();
                Settings {
                    input: self.input_format.into(),
                    delimiter: self.delimitor.clone(),
                    tag_with_value: *self.tag_with_value,
                    tag_value_delimiter: self.tag_value_delimitor.clone(),
                    data_type: self.data_type.into(),
                    // Names are compared in lower case, as the label's is.
                    exclusive: exclusive.map(|(name, kind)| (name.to_lowercase(), (*kind).into())).collect(),
                    label: self.with_label.then(|| label(self.label_name.as_ref(), self.label_type.as_ref())),
                    match_id: match_id(self),
                    missing: missing.map(|_| fill.markers.clone()),
                    fill: self.missing_fill.then_some(fill),
                    outliers: self.outlier_replace.then_some(outliers),
                    output_format: self.output_format.to_lowercase(),
                }
            }
        }
    };
}

/// A list without a word would leave nothing to be missing, which nobody means: it says as much as null.
fn says_something(missing: &Value) -> bool {
    !missing.is_null() && missing.as_array().is_none_or(|words| !words.is_empty())
}

#[allow(
    clippy::expect_used,
    reason = "both were checked because there is a label"
)]
fn label(name: Option<&String>, kind: Option<&String>) -> Label {
    Label {
        name: name.cloned().expect("a label has a name"),
        kind: kind
            .and_then(|word| ValueKind::of(word))
            .expect("a label has a type"),
    }
}

reading! {
    /// Parameters of `data_transform`. What was said of a table when it was uploaded (`meta`) stands above them.
    Params {
        /// Whether rows have an id for matching besides their own. Default false.
        with_match_id: bool = false;
        /// Its column; empty for the first one. Default empty.
        match_id_name: Option<String> = "";
        /// Which one, when rows have several. Default 0.
        match_id_index: usize = 0;
    }
    match_id: |own| own.with_match_id.then(|| MatchId {
        name: own.match_id_name.clone().unwrap_or_default(),
        index: own.match_id_index,
        ..MatchId::default()
    })
}

reading! {
    /// Parameters of `data_io`. What was said of a table when it was uploaded (`meta`) stands above them.
    #[schemars(title = "Params")]
    OlderParams {}
    match_id: |_| None
}
