//! From a table to text, laid out as FATE's clients read it.

use std::io::{BufWriter, Write};

use serde_json::Value;

use crate::error::{Result, TableError};
use crate::lines::push_field;
use crate::schema::{Schema, TableKind};
use crate::table::{PIECE, Table, text_rows};

/// The column of a prediction table that holds a JSON object.
const DETAIL: &str = "predict_detail";
/// How a column is put into a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// In quotes where needed.
    Field,
    /// As it is: the rest of a line of a file without header.
    AsItIs,
    /// An object in single quotes, between double quotes.
    Detail,
}

/// Writes a table as lines: id, match id, label, weight, features, separated by `delimiter`. With `head` the first line
/// names the columns (not for a raw table that never had a header). Writes at most `limit` rows; gives their number.
/// In prediction tables `predict_detail` is an object in single quotes inside one pair of double quotes.
pub fn write_text(
    table: &Table,
    out: impl Write,
    delimiter: char,
    head: bool,
    limit: Option<usize>,
) -> Result<u64> {
    let failed = || TableError::writing("the table's text");
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let styles = styles(table.schema());
    let mut line = String::new();
    if head && (table.schema().header || table.schema().kind != TableKind::Raw) {
        line_of(&mut line, &table.schema().display_header(), &[], delimiter);
        out.write_all(line.as_bytes()).map_err(failed())?;
    }
    let (limit, shown) = (limit.unwrap_or(usize::MAX), table.shown());
    let mut written = 0;
    for part in 0..table.pieces() {
        if written == limit {
            break;
        }
        let frame = table.load(part, &shown)?;
        // Cut before it becomes text: a preview of a few rows must not spell out a whole piece.
        let frame = frame.slice(0, limit - written);
        for start in (0..frame.rows()).step_by(PIECE) {
            table.stop().go_on()?;
            for row in text_rows(&frame.slice(start, PIECE))? {
                line_of(&mut line, &row, &styles, delimiter);
                out.write_all(line.as_bytes()).map_err(failed())?;
            }
        }
        written += frame.rows();
    }
    // A buffer that is dropped swallows its error, and a short file would look whole.
    out.flush().map_err(failed())?;
    Ok(written as u64)
}

/// The style of the id and of each column, in the order in which rows are shown.
fn styles(schema: &Schema) -> Vec<Style> {
    let style = |name: &str| match schema.kind {
        TableKind::Predictions if name == DETAIL => Style::Detail,
        TableKind::Raw if !schema.header => Style::AsItIs,
        _ => Style::Field,
    };
    let columns = schema
        .display_order()
        .into_iter()
        .filter_map(|at| schema.columns.get(at));
    std::iter::once(Style::Field)
        .chain(columns.map(|column| style(&column.name)))
        .collect()
}

/// Replaces `line` by the values' line; where no style is given, values are fields.
fn line_of(line: &mut String, values: &[String], styles: &[Style], delimiter: char) {
    line.clear();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            line.push(delimiter);
        }
        match styles.get(at) {
            Some(Style::AsItIs) => line.push_str(value),
            Some(Style::Detail) => push_detail(line, value),
            Some(Style::Field) | None => push_field(line, value, delimiter),
        }
    }
    line.push('\n');
}

/// Appends a JSON text with single quotes, between double quotes. Clients take the outer quotes off, turn single into
/// double quotes and read JSON: so quotes inside texts are escaped by number.
fn push_detail(line: &mut String, text: &str) {
    let value = match text {
        // Clients read JSON here in any case: nothing must be an empty object.
        "" => Value::Object(serde_json::Map::new()),
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    };
    line.push('"');
    push_value(line, &value);
    line.push('"');
}

fn push_value(line: &mut String, value: &Value) {
    match value {
        Value::String(text) => push_string(line, text),
        Value::Array(items) => {
            line.push('[');
            for (at, item) in items.iter().enumerate() {
                line.push_str(if at > 0 { ", " } else { "" });
                push_value(line, item);
            }
            line.push(']');
        }
        Value::Object(members) => {
            line.push('{');
            for (at, (name, member)) in members.iter().enumerate() {
                line.push_str(if at > 0 { ", " } else { "" });
                push_string(line, name);
                line.push_str(": ");
                push_value(line, member);
            }
            line.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => line.push_str(&value.to_string()),
    }
}

fn push_string(line: &mut String, text: &str) {
    line.push('\'');
    for character in text.chars() {
        match character {
            '\'' => line.push_str("\\u0027"),
            '"' => line.push_str("\\u0022"),
            '\\' => line.push_str("\\\\"),
            control if control.is_control() => {
                line.push_str(&format!("\\u{:04x}", u32::from(control)))
            }
            character => line.push(character),
        }
    }
    line.push('\'');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::{Column, ColumnKind, Part};
    use crate::values::Values;

    fn text(table: &Table, head: bool, limit: Option<usize>) -> String {
        let mut out = Vec::new();
        write_text(table, &mut out, ',', head, limit).expect("write");
        String::from_utf8(out).expect("text")
    }

    fn predictions(details: &[&str]) -> Table {
        let rows = details.len();
        let values = vec![
            Values::Integer(vec![1; rows]),
            Values::Integer(vec![0; rows]),
            Values::Float(vec![0.05; rows]),
            Values::of_texts(details.iter().copied()),
            Values::of_texts(vec!["train"; rows]),
        ];
        let ids = (0..rows).map(|row| format!("id{row}")).collect();
        Table::from_columns(Schema::predictions("id", ColumnKind::Integer), ids, values)
            .expect("table")
    }

    /// Reads a line as FATE's client does: split at commas, the detail from column 4 to the last but one.
    fn detail_as_the_client_reads_it(line: &str) -> Value {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields[fields.len() - 1], "train");
        let joined = fields[4..fields.len() - 1].join(",");
        let inner = joined
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .expect("wrapped");
        serde_json::from_str(&inner.replace('\'', "\"")).expect("json")
    }

    #[test]
    fn prints_predictions_as_the_contract_says() {
        let table = predictions(&[r#"{"0": 0.95, "1": 0.05}"#]);
        let expected = "id,label,predict_result,predict_score,predict_detail,type\n\
                        id0,1,0,0.05,\"{'0': 0.95, '1': 0.05}\",train\n";
        assert_eq!(text(&table, true, None), expected);
    }

    #[test]
    fn lets_the_client_read_back_details_with_quotes_and_commas() {
        let detail = serde_json::json!({"it's, \"so\"": 0.5, "b\\n\n": {"label": [1, null, "x"]}});
        let table = predictions(&[&detail.to_string(), ""]);
        let text = text(&table, false, None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(detail_as_the_client_reads_it(lines[0]), detail);
        assert_eq!(
            detail_as_the_client_reads_it(lines[1]),
            serde_json::json!({})
        );
    }

    #[test]
    fn quotes_only_where_needed_and_leaves_missing_empty() {
        let columns = vec![
            Column::new("x", ColumnKind::Float, Part::Feature),
            Column::new("t", ColumnKind::Text, Part::Feature),
            Column::new("y", ColumnKind::Integer, Part::Label),
        ];
        let schema = Schema::new(TableKind::Instances, "sid", columns);
        let values = vec![
            Values::Float(vec![1.5, f64::NAN]),
            Values::Text(vec![Some("a,\"b\"".into()), None]),
            Values::Integer(vec![1, 0]),
        ];
        let table =
            Table::from_columns(schema, vec!["1".into(), "2".into()], values).expect("table");
        assert_eq!(
            text(&table, true, None),
            "sid,y,x,t\n1,1,1.5,\"a,\"\"b\"\"\"\n2,0,,\n"
        );
        assert_eq!(text(&table, false, Some(1)).lines().count(), 1);
        assert_eq!(text(&table, true, Some(0)), "sid,y,x,t\n");
    }

    #[test]
    fn tells_a_full_disk() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::Error::from_raw_os_error(28))
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let outcome = write_text(&predictions(&["{}"]), Full, ',', true, None);
        assert!(matches!(outcome, Err(TableError::StorageFull { .. })));
    }

    proptest! {
        #[test]
        fn keeps_any_detail_readable(name in "\\PC{0,12}", value in "[a-z'\",\\\\{}]{0,12}") {
            let detail = serde_json::json!({ name: value });
            let mut line = "i,1,0,0.5,".to_owned();
            push_detail(&mut line, &detail.to_string());
            line.push_str(",train");
            prop_assert_eq!(detail_as_the_client_reads_it(&line), detail);
        }
    }
}
