//! Values as Python 3 prints them.

use super::Literal;

/// What `repr(value)` gives.
pub fn repr(value: &Literal) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// What `str(value)` gives.
pub fn str_of(value: &Literal) -> String {
    match value {
        Literal::Text(text) => text.clone(),
        other => repr(other),
    }
}

/// What `repr` gives for a float: the shortest digits that read back as the same number.
pub fn float_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let exponent = scientific
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse::<i32>().ok())
        .unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        let mantissa = scientific
            .split_once('e')
            .map_or(scientific.as_str(), |(mantissa, _)| mantissa);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let plain = format!("{number}");
    if plain.contains('.') {
        plain
    } else {
        format!("{plain}.0")
    }
}

fn write(value: &Literal, out: &mut String) {
    match value {
        Literal::None => out.push_str("None"),
        Literal::Bool(true) => out.push_str("True"),
        Literal::Bool(false) => out.push_str("False"),
        Literal::Int(number) => out.push_str(&number.to_string()),
        Literal::Float(number) => out.push_str(&float_repr(*number)),
        Literal::Text(text) => quoted(text, out),
        Literal::List(all) => between(all, ("[", "]"), out),
        Literal::Tuple(all) if all.len() == 1 => between(all, ("(", ",)"), out),
        Literal::Tuple(all) => between(all, ("(", ")"), out),
        Literal::Dict(pairs) => {
            out.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write(key, out);
                out.push_str(": ");
                write(value, out);
            }
            out.push('}');
        }
    }
}

fn between(all: &[Literal], (open, close): (&str, &str), out: &mut String) {
    out.push_str(open);
    for (index, value) in all.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        write(value, out);
    }
    out.push_str(close);
}

fn quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() && (c as u32) < 0x100 => {
                out.push_str(&format!("\\x{:02x}", c as u32))
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::read_literal;

    #[test]
    fn prints_as_python_does() {
        for (number, printed) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (2771.6547734053242, "2771.6547734053242"),
            (1e-8, "1e-08"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e15, "1000000000000000.0"),
        ] {
            assert_eq!(float_repr(number), printed);
        }
        let printed = "{'a': [1, 2.0, None, True], 'b': (1,), \"it's\": 'x\\ny'}";
        assert_eq!(repr(&read_literal("params", printed).unwrap()), printed);
        assert_eq!(str_of(&Literal::Text("a'b".into())), "a'b");
        assert_eq!(repr(&Literal::Text("a'b\"".into())), "'a\\'b\"'");
    }
}
