//! Signs in the first lines of a file that it is to be read otherwise than it is.

use vocabulary::Cell;

use crate::error::{Result, TableError};
use crate::import_options::ImportOptions;

/// What delimits fields elsewhere. A comma is no such sign: names and addresses hold them.
const OTHERS: [(char, &str); 3] = [(';', ";"), ('\t', "\\t"), ('|', "|")];
/// Lines that are looked at.
pub(crate) const LOOKED_AT: usize = 50;

/// A line without what stands in quotes.
fn bare(line: &str) -> String {
    line.split('"').step_by(2).collect()
}

/// Looks for another delimiter in the ids: with decimal commas, `a;1,5;2,5` has three fields between commas and the id `a;1`.
/// Refused where it takes every one of the lines apart alike, else a note. `lines` begin with the header, if there is one, and
/// with the number of the first.
pub(crate) fn in_ids(
    first: u64,
    lines: &[&str],
    options: &ImportOptions,
) -> Result<Option<String>> {
    if options.extend_sid {
        return Ok(None);
    }
    let lines: Vec<String> = lines.iter().map(|line| bare(line)).collect();
    let ids = || {
        lines
            .iter()
            .filter_map(|line| line.split(options.delimiter).nth(options.id_column))
    };
    for (other, name) in OTHERS
        .into_iter()
        .filter(|(other, _)| *other != options.delimiter)
    {
        if !ids().any(|id| id.trim_matches(' ').contains(other)) {
            continue;
        }
        let count = |line: &String| line.matches(other).count();
        let in_first = lines.first().map(count).unwrap_or_default();
        // Only where every line agrees: one id with a semicolon is no reason to refuse a file.
        if in_first > 0 && lines.iter().all(|line| count(line) == in_first) {
            return Err(TableError::DelimiterAbsent {
                line: first,
                delimiter: options.delimiter,
                other: name,
            });
        }
        return Ok(Some(format!("ids hold '{name}': is it the delimiter?")));
    }
    Ok(None)
}

/// A note on names that are numbers, which only a row would have.
pub(crate) fn in_names(fields: &[&str], id_at: Option<usize>) -> Option<String> {
    let mut numbers = 0;
    for (at, field) in fields.iter().enumerate() {
        match Cell::of(Some(field)) {
            _ if Some(at) == id_at || field.trim().is_empty() => {}
            Cell::Number(_) => numbers += 1,
            _ => return None,
        }
    }
    let note = "the first line was taken for the names of columns, and they are numbers: say head 0 if it is a row";
    (numbers > 0).then(|| note.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(head: bool) -> ImportOptions {
        ImportOptions {
            head,
            ..ImportOptions::default()
        }
    }

    fn refused(lines: &[&str], options: &ImportOptions) -> bool {
        matches!(
            in_ids(1, lines, options),
            Err(TableError::DelimiterAbsent { line: 1, .. })
        )
    }

    #[test]
    fn decimal_commas_do_not_hide_the_delimiter() {
        assert!(refused(&["id;x, cm;y, cm", "a1;1,5;2,5"], &options(true)));
        assert!(refused(&["a;1,5;2,5", "b;2,0;3"], &options(false)));
        assert!(refused(&["a\t1,5\t2,5"], &options(false)));
        assert!(
            refused(&["id|x|\"a,|b\",y", "a|1|\"2|;3\",4"], &options(true)),
            "quoted ones do not count"
        );
        let second = ImportOptions {
            id_column: 1,
            ..options(false)
        };
        assert!(refused(&["1,5;a;2,5", "2,5;b;3,5"], &second));
    }

    #[test]
    fn ids_may_hold_what_delimits_elsewhere() {
        let note = |lines: &[&str]| in_ids(1, lines, &options(true)).expect("it is read");
        assert_eq!(
            note(&["id,x", "a|1,2", "b|2,3"]).as_deref(),
            Some("ids hold '|': is it the delimiter?")
        );
        assert_eq!(
            note(&["id;x,y", "a;1,2", "b,2"]).as_deref(),
            Some("ids hold ';': is it the delimiter?")
        );
        assert_eq!(
            note(&["id,x", "a,1;2", "b,2;3"]),
            None,
            "a value is not an id"
        );
        assert_eq!(note(&["\"id;k\",x", "\"a;1\",2"]), None);
        let made_up = ImportOptions {
            extend_sid: true,
            ..options(false)
        };
        assert!(
            in_ids(1, &["a;1,5;2,5"], &made_up)
                .expect("no id is read")
                .is_none()
        );
        let other = ImportOptions {
            delimiter: ';',
            ..options(false)
        };
        assert!(
            in_ids(1, &["Doe, J;1", "Roe, R;2"], &other)
                .expect("a name")
                .is_none()
        );
    }

    #[test]
    fn names_that_are_numbers_are_doubted() {
        assert!(
            in_names(&["a0", "1", "-0.5e3"], Some(0)).is_some_and(|note| note.contains("head 0"))
        );
        assert!(in_names(&["1", "a0", "2", ""], Some(1)).is_some());
        for named in [
            &["0", "x", "1"][..],
            &["0"],
            &["0", "", " "],
            &["0", "NA", "1"],
        ] {
            assert_eq!(in_names(named, Some(0)), None, "{named:?}");
        }
    }
}
