//! Which features parameters mean, by position and by name.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault};

/// Features by their positions, counted from 0: -1 for all of them, or a list; null is an empty list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ColumnIndexes {
    /// All features.
    #[default]
    All,
    /// These.
    These(Vec<usize>),
}

impl ColumnIndexes {
    /// The features that are meant here or by name, with their positions, in the order of the table. `paths` are those of the two
    /// parameters. Names make no difference where all are meant.
    ///
    /// # Errors
    /// A position or a name that no feature has.
    pub fn chosen<'a>(
        &self,
        features: &[&'a str],
        names: &[String],
        (indexes_path, names_path): (&str, &str),
    ) -> Result<Vec<(usize, &'a str)>, Fault> {
        let all = || features.iter().copied().enumerate();
        let places: HashMap<&str, usize> = features.iter().copied().zip(0..).collect();
        let by_name = |(entry, name): (usize, &String)| {
            places.get(name.as_str()).copied().ok_or_else(|| {
                let text = format!("the table has no feature {name:?}");
                let next = "name features as they stand in the table (DataTransform writes them in lower case)";
                refused(text, next, format!("{names_path}[{entry}]"))
            })
        };
        let by_name = names.iter().enumerate().map(by_name);
        let Self::These(indexes) = self else {
            // Names count for nothing here, but one that is wrong is told all the same.
            return by_name
                .collect::<Result<Vec<_>, _>>()
                .map(|_| all().collect());
        };
        let by_index = |(entry, index): (usize, &usize)| {
            if *index < features.len() {
                return Ok(*index);
            }
            let count = features.len();
            let text =
                format!("the table has {count} features, counted from 0: {index} is none of them");
            let next = "use positions of features, or their names";
            Err(refused(text, next, format!("{indexes_path}[{entry}]")))
        };
        let by_index = indexes.iter().enumerate().map(by_index);
        // A set: a column named twice, or by both ways, is worked on once.
        let chosen: BTreeSet<usize> = by_index.chain(by_name).collect::<Result<_, _>>()?;
        Ok(all().filter(|(at, _)| chosen.contains(at)).collect())
    }

    /// The same for a component whose parameter at `path` takes names alone.
    ///
    /// # Errors
    /// A name that no feature has.
    pub fn named<'a>(
        features: &[&'a str],
        names: &[String],
        path: &str,
    ) -> Result<Vec<(usize, &'a str)>, Fault> {
        Self::These(Vec::new()).chosen(features, names, ("", path))
    }
}

fn refused(text: String, next: &str, path: String) -> Fault {
    Fault::new(ErrorCode::ParameterInvalid, text)
        .path(path)
        .next(next)
}

impl Serialize for ColumnIndexes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => to.serialize_i64(-1),
            Self::These(indexes) => indexes.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for ColumnIndexes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            // FATE's null is no column, and not all of them.
            Value::Null => Ok(Self::These(Vec::new())),
            Value::Number(number) if number.as_i64() == Some(-1) => Ok(Self::All),
            list @ Value::Array(_) => serde_json::from_value(list).map(Self::These).map_err(|_| {
                de::Error::custom("a position is a whole number that is not negative")
            }),
            _ => Err(de::Error::custom(
                "it is -1 for all features, or a list of positions",
            )),
        }
    }
}

impl JsonSchema for ColumnIndexes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ColumnIndexes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // Anything: -1 or a list has no short schema, and the error above says more than one
        // would.
        Value::json_schema(generator)
    }
}

/// A number for all columns, or a list with one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PerColumn {
    /// For all.
    Same(f64),
    /// For each column in the order of the table.
    Each(Vec<f64>),
}

impl PerColumn {
    /// All numbers that were given.
    pub fn values(&self) -> &[f64] {
        match self {
            Self::Same(value) => std::slice::from_ref(value),
            Self::Each(values) => values,
        }
    }

    /// The number for a column; none where the list is too short.
    pub fn at(&self, column: usize) -> Option<f64> {
        match self {
            Self::Same(value) => Some(*value),
            Self::Each(values) => values.get(column).copied(),
        }
    }

    /// Whether a number of one is above that of the other for the same column; where one is not given, it is not.
    pub fn is_above(one: &Option<Self>, other: &Option<Self>) -> bool {
        let (Some(one), Some(other)) = (one, other) else {
            return false;
        };
        let mut columns = 0..one.values().len().max(other.values().len());
        columns.any(|at| {
            let both = one.at(at).zip(other.at(at));
            both.is_some_and(|(one, other)| one > other)
        })
    }

    /// The numbers of so many columns; none where nothing was given.
    ///
    /// # Errors
    /// A list of another length.
    pub fn of(given: &Option<Self>, columns: usize, path: &str) -> Result<Vec<Option<f64>>, Fault> {
        match given {
            Some(Self::Each(values)) if values.len() != columns => {
                let text = format!("{} numbers for {columns} features", values.len());
                let next = "give one for each feature of the table, or one number for all";
                Err(refused(text, next, path.to_owned()))
            }
            Some(given) => Ok((0..columns).map(|at| given.at(at)).collect()),
            None => Ok(vec![None; columns]),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FEATURES: [&str; 3] = ["x0", "größe", "x2"];

    fn chosen(indexes: Value, names: &[&str]) -> Result<Vec<usize>, Fault> {
        let indexes: ColumnIndexes = serde_json::from_value(indexes).expect("indexes");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let chosen = indexes.chosen(&FEATURES, &names, ("indexes", "names"))?;
        assert!(chosen.iter().all(|(at, name)| FEATURES[*at] == *name));
        Ok(chosen.into_iter().map(|(at, _)| at).collect())
    }

    #[test]
    fn positions_and_names_are_joined_in_the_order_of_the_table() {
        assert_eq!(chosen(json!(-1), &["x0"]).expect("all"), [0, 1, 2]);
        assert_eq!(
            chosen(json!([2, 0, 2]), &["größe", "x0"]).expect("three"),
            [0, 1, 2]
        );
        assert_eq!(chosen(json!([]), &["x2"]).expect("one"), [2]);
        assert_eq!(chosen(json!(null), &[]).expect("none"), [0; 0]);
    }

    #[test]
    fn what_is_not_there_is_named_with_its_place() {
        let fault = chosen(json!([0, 3]), &[]).expect_err("no fourth feature");
        assert_eq!(
            (fault.path.as_deref(), fault.code),
            (Some("indexes[1]"), ErrorCode::ParameterInvalid)
        );
        for indexes in [json!([0]), json!(-1)] {
            let fault = chosen(indexes, &["x0", "X2"]).expect_err("names are as they are written");
            assert_eq!(fault.path.as_deref(), Some("names[1]"));
            assert!(fault.message.contains("X2"), "{fault}");
        }
    }

    #[test]
    fn names_alone_choose_in_the_order_of_the_table() {
        let named = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            ColumnIndexes::named(&FEATURES, &names, "columns")
        };
        assert_eq!(
            named(&["x2", "x0", "x2"]).expect("two"),
            [(0, "x0"), (2, "x2")]
        );
        assert_eq!(named(&[]).expect("none"), []);
        let fault = named(&["x0", "x1"]).expect_err("there is no x1");
        assert_eq!(fault.path.as_deref(), Some("columns[1]"));
    }

    #[test]
    fn other_values_are_refused() {
        for value in [
            json!(3),
            json!(-2),
            json!("x0"),
            json!([-1]),
            json!([0.5]),
            json!(["0"]),
            json!({}),
        ] {
            assert!(
                serde_json::from_value::<ColumnIndexes>(value.clone()).is_err(),
                "{value}"
            );
        }
        let written = serde_json::to_value([ColumnIndexes::All, ColumnIndexes::These(vec![1])]);
        assert_eq!(written.expect("JSON"), json!([-1, [1]]));
    }

    #[test]
    fn a_number_is_for_all_and_a_list_for_each() {
        let read = |value| serde_json::from_value::<PerColumn>(value);
        let (same, each) = (
            read(json!(2)).expect("one"),
            read(json!([1, 2.5])).expect("two"),
        );
        assert_eq!(
            (same.values(), each.values()),
            (&[2.0][..], &[1.0, 2.5][..])
        );
        assert_eq!(
            (same.at(7), each.at(1), each.at(2)),
            (Some(2.0), Some(2.5), None)
        );
        assert_eq!(
            PerColumn::of(&Some(same.clone()), 2, "upper").expect("two"),
            [Some(2.0); 2]
        );
        assert_eq!(PerColumn::of(&None, 2, "upper").expect("two"), [None; 2]);
        let fault = PerColumn::of(&Some(each.clone()), 3, "upper").expect_err("three features");
        assert_eq!(fault.path.as_deref(), Some("upper"));
        let above = |one: &PerColumn, other: &PerColumn| {
            PerColumn::is_above(&Some(one.clone()), &Some(other.clone()))
        };
        assert!(above(&same, &each) && above(&each, &same) && !above(&same, &same));
        assert!(
            !PerColumn::is_above(&Some(same.clone()), &None)
                && !PerColumn::is_above(&None, &Some(same))
        );
        for value in [json!("1"), json!([null]), json!({})] {
            assert!(read(value.clone()).is_err(), "{value}");
        }
    }
}
