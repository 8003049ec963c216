//! Every text comes back to the byte, and numbers are kept as numbers.

use proptest::prelude::*;

use super::*;
use crate::frame::{ColumnData, Frame};

fn kept_as(texts: &[&str]) -> Form {
    let mut builder = ColumnBuilder::new(texts.len());
    texts.iter().for_each(|text| builder.push(text));
    let (series, form) = builder.finish();
    let frame = Frame::from_data(texts.len(), vec![ColumnData { series, form }]).expect("frame");
    let cells = frame.cells(0).expect("cells");
    let back: Vec<_> = cells
        .texts()
        .map(|text| text.map(|text| text.into_owned()))
        .collect();
    let expected: Vec<_> = texts.iter().map(|text| Some((*text).to_owned())).collect();
    assert_eq!(back, expected);
    form
}

#[test]
fn keeps_numbers_whose_text_can_be_given_back() {
    for (texts, form) in [
        (&["1", "-20", "0"][..], Form::Fixed(0)),
        (&["1.50", "-0.25", "100.00"], Form::Fixed(2)),
        (&["", "1.5", "", "2.5"], Form::Fixed(1)),
        (&["", ""], Form::Fixed(0)),
        (&["9007199254740991"], Form::Fixed(0)),
        (&["0.5", "2", "-0.125"], Form::Short),
        (&["0.1", "-0", ""], Form::Short),
        (&["0.30000000000000004", "12"], Form::Short),
        (&["1.0", "0.25", "1e-05", "1.5e+16", "-0.0"], Form::Pointed),
        (&["0.1234567890123456"], Form::Fixed(16)),
    ] {
        assert_eq!(kept_as(texts), form, "{texts:?}");
    }
}

#[test]
fn keeps_as_text_what_no_number_gives_back() {
    for texts in [
        &["01"][..],
        &["1", "+1"],
        &["1", " 1"],
        &["1", "a"],
        &["1.", "2"],
        &[".5"],
        &["0.5", "0.50"],
        &["1e5"],
        &["nan"],
        &["inf", "1"],
        &["1", "2.0"],
        &["9007199254740993", "2"],
        &["", "NA", ""],
        &["--1"],
        &["-"],
        &["1.2.3"],
        &["٣"],
    ] {
        assert_eq!(kept_as(texts), Form::Plain, "{texts:?}");
    }
}

#[test]
fn marks_say_which_form_it_is() {
    for form in [
        Form::Plain,
        Form::Fixed(0),
        Form::Fixed(22),
        Form::Short,
        Form::Pointed,
    ] {
        assert_eq!(Form::of_mark(&form.mark()), Some(form));
    }
    for mark in [":", ":f", ":f23", ":x", "f1"] {
        assert_eq!(Form::of_mark(mark), None, "{mark}");
    }
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,20})?",
        4 => any::<f64>().prop_map(|number| number.to_string()),
        4 => any::<f64>().prop_map(|number| format!("{number:?}")),
        2 => "[-+0-9.eE ]{0,8}",
        2 => Just(String::new()),
        1 => ".{0,4}",
    ]
}

proptest! {
    #[test]
    fn gives_every_text_back(texts in proptest::collection::vec(cell(), 0..12)) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        kept_as(&texts);
    }

    #[test]
    fn numbers_are_what_reading_the_text_gives(text in "-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,21})?") {
        if let Some((number, digits)) = fixed(&text) {
            prop_assert_eq!(fixed_value(number, digits), text.parse::<f64>().expect("a number"));
        }
        for form in [Form::Short, Form::Pointed] {
            if let Some(number) = short(&text, form) {
                prop_assert_eq!(number.to_bits(), text.parse::<f64>().expect("a number").to_bits());
            }
        }
    }

    #[test]
    fn pieces_of_other_forms_append(a in proptest::collection::vec(cell(), 1..6), b in proptest::collection::vec(cell(), 1..6)) {
        let frame = |texts: &[String]| {
            let mut builder = ColumnBuilder::new(texts.len());
            texts.iter().for_each(|text| builder.push(text));
            let (series, form) = builder.finish();
            Frame::from_data(texts.len(), vec![ColumnData { series, form }]).expect("frame")
        };
        let mut whole = frame(&a);
        whole.append(&frame(&b)).expect("append");
        let cells = whole.cells(0).expect("cells");
        let back: Vec<_> = cells.texts().map(|text| text.map(|text| text.into_owned())).collect();
        let expected: Vec<_> = a.iter().chain(&b).cloned().map(Some).collect();
        prop_assert_eq!(back, expected);
    }
}
