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

/// As Python and R write them; kept for good, since files stand for them.
#[test]
fn short_texts_stay_what_they_are() {
    for (number, short, pointed) in [
        (0.0, "0", "0.0"),
        (-0.0, "-0", "-0.0"),
        (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"),
        (
            771_000_530_719_668.0 + 0.25,
            "771000530719668.2",
            "771000530719668.2",
        ),
        (1e-5, "0.00001", "1e-05"),
        (-1.25e-7, "-0.000000125", "-1.25e-07"),
        (1e-4, "0.0001", "0.0001"),
        (1e15, "1000000000000000", "1000000000000000.0"),
        (
            1_234_567_890_123_456.5,
            "1234567890123456.5",
            "1234567890123456.5",
        ),
        (1e16, "10000000000000000", "1e+16"),
        (-1.5e21, "-1500000000000000000000", "-1.5e+21"),
        (1e100, &format!("1{}", "0".repeat(100)), "1e+100"),
        (5e-324, &format!("0.{}5", "0".repeat(323)), "5e-324"),
        (f64::MAX, &f64::MAX.to_string(), "1.7976931348623157e+308"),
    ] {
        let mut written = [String::new(), String::new()];
        push_short(number, Form::Short, &mut written[0]);
        push_short(number, Form::Pointed, &mut written[1]);
        assert_eq!(written, [short, pointed]);
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

    /// Files stand for these texts: the standard library writes the same, but for numbers in the middle of two texts.
    #[test]
    fn short_texts_are_the_shortest_and_the_even_one_of_two(
        bits in any::<f64>(), scaled in -1e17..1e17_f64, small in -2e-3..2e-3_f64, digits in 0..1_000_000_i64, places in 0_u8..9,
    ) {
        for number in [bits, scaled, small, scaled.trunc(), fixed_value(digits, places)] {
            if !number.is_finite() {
                continue;
            }
            let (mut short, mut pointed) = (String::new(), String::new());
            push_short(number, Form::Short, &mut short);
            push_short(number, Form::Pointed, &mut pointed);
            let plain = number.to_string();
            if short != plain {
                prop_assert_eq!(short.len(), plain.len());
                let last = short.trim_end_matches('0').bytes().last().expect("a digit");
                prop_assert!((last - b'0').is_multiple_of(2), "{} {}", short, plain);
            }
            for text in [&short, &pointed] {
                prop_assert_eq!(text.parse::<f64>().expect("a number").to_bits(), number.to_bits());
            }
        }
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
