//! The macros by which parameters are declared: one place for doc, type, default and bound.

/// Declares the parameters of a component, or an object among them.
///
/// Each parameter is one entry: its doc comment, `name: Type = default, in bound, check closure;`. All but name and type may be
/// left out; without a default it is that of the type. The macro makes of it
///
/// - how it is read: with its default where it is not given; a field that nobody declared is refused, and what cannot be read
///   is named by its path. A type says what else is taken: `Option` takes null, [`Flag`](crate::lenient::Flag) whatever FATE's
///   documents write for a truth value, [`Word`](crate::Word) a choice by its word, and [`Given`](crate::Given) remembers
///   whether it was given;
/// - the schema that is announced: type, doc comment and default. A bound is not in it: it is judged by the party;
/// - the check: every bound ([`bounds`](crate::bounds)), every closure (`|value| -> Result<_, impl Display>`), what nested
///   objects check of themselves, under their path, and at last the block after the struct, for what spans fields.
///
/// ```
/// use component_kit::{Check, Given, Problems, params};
///
/// params! {
///     /// Parameters of `hetero_feature_binning`.
///     pub struct Params {
///         /// How bins are found. Default quantile.
///         method: String = "quantile", in ["quantile", "bucket"];
///         /// Bins of each column, 2 to 1000. Default 10.
///         bin_num: u32 = 10, in 2..=1000;
///         /// Share of the rows that is looked at, above 0 and up to 1. Default 1.
///         sample: Given<f64> = 1.0, in above(0.0).up_to(1.0);
///         /// Columns by name; null for all. Default null.
///         columns: Option<Vec<String>> = None;
///         /// What becomes of a bin.
///         transform: Transform;
///     }
///     check |own, problems| {
///         let bucket = own.method == "bucket";
///         problems.expect(!bucket || *own.sample.value() == 1.0, "sample", || {
///             "bucket looks at all rows".to_owned()
///         });
///     }
/// }
///
/// params! {
///     /// What becomes of a bin.
///     pub struct Transform {
///         /// The word that stands for a value below all bins. Default `-1`.
///         below: String = "-1", check |text| text.parse::<i64>();
///     }
/// }
///
/// let read = |text| serde_json::from_str::<Params>(text).expect("parameters");
/// let wrong = |text| {
///     let mut problems = Problems::default();
///     read(text).check(&mut problems);
///     problems.into_vec().into_iter().map(|problem| problem.path).collect::<Vec<_>>()
/// };
/// assert_eq!(read("{}"), Params::default());
/// assert_eq!(wrong(r#"{"bin_num": 1, "transform": {"below": "low"}}"#), ["bin_num", "transform.below"]);
/// assert_eq!(wrong(r#"{"method": "Bucket", "sample": 0.5}"#), Vec::<String>::new());
/// assert!(serde_json::from_str::<Params>(r#"{"bins": 3}"#).is_err());
/// ```
#[macro_export]
macro_rules! params {
    (@default) => { ::std::default::Default::default() };
    (@default $default:expr) => { $crate::declared::value($default) };
    (
        $(#[$about:meta])*
        $vis:vis struct $name:ident {
            $(
                $(#[$field_about:meta])*
                $field:ident: $type:ty $(= $default:expr)? $(, in $bound:expr)? $(, check $judge:expr)?;
            )*
        }
        $(check |$own:ident, $problems:ident| $body:block)?
    ) => {
        #[allow(non_snake_case, reason = "a field has the name that documents give it")]
        #[derive(
            Debug,
            Clone,
            PartialEq,
            $crate::declared::serde::Serialize,
            $crate::declared::serde::Deserialize,
            $crate::declared::schemars::JsonSchema,
        )]
        #[serde(default, deny_unknown_fields, crate = "component_kit::declared::serde")]
        #[schemars(crate = "component_kit::declared::schemars")]
        $(#[$about])*
        $vis struct $name {
            $( $(#[$field_about])* $vis $field: $type, )*
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                Self { $( $field: $crate::params!(@default $($default)?), )* }
            }
        }

        impl $crate::Check for $name {
            #[allow(unused_imports, unused_variables, reason = "not every set has bounds, or fields")]
            fn check(&self, problems: &mut $crate::Problems) {
                use $crate::bounds::*;
                use $crate::declared::{ChecksItself as _, ChecksNothing as _};
                $(
                    $( problems.bounded(::std::stringify!($field), &self.$field, &$bound); )?
                    $( problems.judged(::std::stringify!($field), &self.$field, $judge); )?
                    (&$crate::declared::Field(&self.$field))
                        .check_field(::std::stringify!($field), problems);
                )*
                $(
                    let ($own, $problems) = (self, problems);
                    $body
                )?
            }
        }
    };
}

/// Declares a choice that documents write as a word, in any case. The words of a variant follow it, the one that is written
/// first; the first variant is the default.
///
/// ```
/// component_kit::words! {
///     /// How columns are scaled.
///     pub enum Method {
///         /// To the span 0 to 1.
///         MinMax = "min_max_scale",
///         /// To mean 0 and deviation 1.
///         Standard = "standard_scale" | "z_score",
///     }
/// }
///
/// let read = |text| serde_json::from_str::<Method>(text);
/// assert_eq!(read("\"Z_Score\"").expect("a word"), Method::Standard);
/// assert_eq!(Method::Standard.as_str(), "standard_scale");
/// let refused = read("\"log\"").expect_err("no word of them").to_string();
/// assert_eq!(refused, "\"log\" is not one of min_max_scale, standard_scale, z_score");
/// ```
#[macro_export]
macro_rules! words {
    (
        $(#[$about:meta])*
        $vis:vis enum $name:ident {
            $(#[$first_about:meta])*
            $first:ident = $first_word:literal $(| $first_other:literal)*
            $(,
                $(#[$variant_about:meta])*
                $variant:ident = $word:literal $(| $other:literal)*
            )* $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        $vis enum $name {
            $(#[$first_about])*
            #[default]
            $first,
            $( $(#[$variant_about])* $variant, )*
        }

        impl $name {
            /// The word that documents write.
            $vis const fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_word,
                    $( Self::$variant => $word, )*
                }
            }
        }

        impl $crate::declared::serde::Serialize for $name {
            fn serialize<S: $crate::declared::serde::Serializer>(
                &self,
                to: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::declared::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::declared::serde::Deserializer<'de>>(
                from: D,
            ) -> ::std::result::Result<Self, D::Error> {
                $crate::declared::word(from, &[
                    ($first_word, Self::$first),
                    $( ($first_other, Self::$first), )*
                    $( ($word, Self::$variant), $( ($other, Self::$variant), )* )*
                ])
            }
        }

        impl $crate::declared::schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                ::std::stringify!($name).into()
            }

            fn json_schema(
                generator: &mut $crate::declared::schemars::SchemaGenerator,
            ) -> $crate::declared::schemars::Schema {
                // Words are taken in any case, which a list of them would deny.
                <::std::string::String as $crate::declared::schemars::JsonSchema>::json_schema(generator)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::lenient::Flag;
    use crate::params::fault_of;
    use crate::{Check, Given, Problems};

    params! {
        /// Parameters of a test.
        struct Params {
            /// A word.
            method: Method = Method::Wide;
            /// A text.
            text: String = "plain", in ["plain", "rich"];
            /// A number.
            number: Given<Option<i64>> = Some(3), in 1..;
            /// A flag.
            flag: Flag<true> = true;
            /// Nothing.
            nothing: Option<f64>, in above(0.0);
            /// Objects.
            inner: Given<Inner>;
            /// More of them.
            list: Vec<Inner>;
            /// Names.
            names: Vec<String> = ["a", "b"];
            /// As FATE writes it.
            memory_M: u32 = 5, in 1..=9;
        }
    }

    params! {
        /// An object.
        struct Inner {
            /// A share.
            share: f64 = 0.5, in 0.0..=1.0, check |share| if *share == 0.25 { Err("odd") } else { Ok(()) };
        }
        check |own, problems| {
            problems.expect(own.share != 0.75, "", || "the object as a whole is wrong".to_owned());
        }
    }

    words! {
        /// A choice.
        enum Method {
            /// One.
            Narrow = "narrow",
            /// Two.
            Wide = "wide" | "broad",
        }
    }

    fn read(value: Value) -> Params {
        serde_json::from_value(value).expect("parameters")
    }

    fn problems(value: Value) -> Vec<String> {
        let mut problems = Problems::default();
        read(value).check(&mut problems);
        let found = problems.into_vec().into_iter();
        found
            .map(|problem| format!("{}: {}", problem.path, problem.message))
            .collect()
    }

    #[test]
    fn a_declaration_gives_defaults_and_takes_what_types_take() {
        let defaults = json!({
            "method": "wide", "text": "plain", "number": 3, "flag": true, "nothing": null, "inner": {"share": 0.5},
            "list": [], "names": ["a", "b"], "memory_M": 5
        });
        assert_eq!(
            serde_json::to_value(Params::default()).expect("written"),
            defaults
        );
        let given = read(json!({"method": "BROAD", "number": null, "flag": "0", "inner": {}}));
        assert_eq!((given.method, *given.flag), (Method::Wide, false));
        assert_eq!(given.number.if_given(), Some(&None));
        assert_eq!(
            (
                given.inner.if_given().is_some(),
                read(json!({})).inner.if_given()
            ),
            (true, None)
        );
        assert!(*read(json!({"flag": null})).flag);
        for wrong in [
            json!({"other": 1}),
            json!({"inner": {"other": 1}}),
            json!({"method": "none"}),
        ] {
            assert!(
                serde_json::from_value::<Params>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        assert_eq!(problems(json!({})), Vec::<String>::new());
        let wrong = json!({
            "text": "poor", "number": 0, "nothing": 0, "inner": {"share": 0.75}, "list": [{}, {"share": 2}, {"share": 0.25}],
            "memory_M": 10
        });
        assert_eq!(
            problems(wrong),
            [
                "text: \"poor\" is not one of plain, rich",
                "number: 0 is below 1",
                "nothing: 0 is not above 0",
                "inner: the object as a whole is wrong",
                "list[1].share: 2 is not in 0 to 1",
                "list[2].share: odd",
                "memory_M: 10 is not in 1 to 9",
            ]
        );
        let mut problems = Problems::default();
        problems.within("inner", |problems| {
            problems.expect(false, "share", String::new)
        });
        let fault = fault_of("test", &problems.into_vec()).expect("a fault");
        assert_eq!(fault.path.as_deref(), Some("inner.share"));
    }

    #[test]
    fn the_schema_has_types_docs_and_defaults() {
        let schema = schemars::schema_for!(Params).to_value();
        let of = |name: &str| schema["properties"][name].clone();
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(
            of("text"),
            json!({"description": "A text.", "type": "string", "default": "plain"})
        );
        assert_eq!(
            of("method"),
            json!({"description": "A word.", "type": "string", "default": "wide"})
        );
        assert_eq!(of("number")["type"], json!(["integer", "null"]));
        assert_eq!(
            of("flag"),
            json!({"description": "A flag.", "default": true})
        );
        assert_eq!(
            schema["$defs"]["Inner"]["properties"]["share"]["default"],
            json!(0.5)
        );
    }
}
