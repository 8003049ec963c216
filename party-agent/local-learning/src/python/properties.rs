//! Whatever is written, the readers answer: no panic, no endless work; what is printed is read back.

use proptest::prelude::*;

use super::{Lambda, Literal, read_arguments, read_literal, repr};

fn literals() -> impl Strategy<Value = Literal> {
    let leaf = prop_oneof![
        Just(Literal::None),
        any::<bool>().prop_map(Literal::Bool),
        any::<i64>().prop_map(Literal::Int),
        (-1e12..1e12f64).prop_map(Literal::Float),
        ".*".prop_map(Literal::Text),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Literal::List),
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Literal::Tuple),
            proptest::collection::vec((".*".prop_map(Literal::Text), inner), 0..6)
                .prop_map(Literal::Dict),
        ]
    })
}

/// Pieces of Python, so that texts come near to what is read.
const PIECES: &[&str] = &[
    "lambda x: ",
    "x",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ".split",
    ".join(",
    "'a'",
    "\"",
    "\\",
    "1",
    "-",
    "2.5",
    "+",
    "*",
    "//",
    "%",
    " if ",
    " else ",
    " not ",
    " in ",
    " and ",
    " or ",
    "==",
    "<",
    "len(",
    "int(",
    "str(",
    "u'",
    "0x",
    "1e",
    "é",
    "None",
    "for",
];

fn near_python() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..40)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_printed_is_read_back(value in literals()) {
        let printed = repr(&value);
        // the smallest number is written as minus a number that has 65 bits; Python reads it, this reader says why not
        prop_assume!(!printed.contains(&i64::MIN.to_string()));
        let read = read_literal("params", &printed).unwrap();
        prop_assert_eq!(repr(&read), printed);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in ".*") {
        let _ = read_literal("params", &text);
        let _ = read_arguments("args", &text);
        let _ = Lambda::read(&format!("lambda x: {text}"));
    }

    #[test]
    fn no_lambda_makes_the_walk_panic(text in near_python(), row in ".{0,40}") {
        for written in [format!("lambda x: {text}"), text.clone()] {
            if let Ok(lambda) = Lambda::read(&written) {
                let _ = lambda.call(&Literal::Text(row.clone()));
                let _ = lambda.call(&Literal::Int(3));
            }
            let _ = read_literal("params", &written);
        }
    }
}

#[test]
fn no_nesting_is_too_deep_to_be_refused() {
    for piece in [
        "(",
        "[",
        "{1:",
        "-",
        "not ",
        "lambda x: ",
        "x[",
        "len(",
        "1 if 1 else ",
        "'a'.join(",
    ] {
        let text = piece.repeat(100_000);
        assert!(read_literal("params", &text).is_err());
        assert!(Lambda::read(&format!("lambda x: {text}")).is_err());
    }
}
