//! Everything that is wrong with the text of a policy, with its place and line.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use vocabulary::nearest::nearest;

use crate::rules::Rules;
use crate::settings::{has_names, whole};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// The rule's place, as far as it is known.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What may be meant.
    pub next: Option<String>,
}

/// Finds everything that is wrong, in the order of lines. Names of components are held against those that there are.
pub fn check_text(text: &str, components: &[&str]) -> Vec<Problem> {
    // A parser that goes on after an error: all mistakes are named in one run.
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut check = Check {
        text,
        components,
        problems: Vec::new(),
    };
    for error in errors {
        let at = error.span().unwrap_or(0..0);
        check.say(at, &[], error.message().to_owned(), None);
    }
    // What the file may say is taken from the rules themselves, so that no list can fall behind.
    let known = whole(Rules::default()).and_then(|rules| toml::Value::try_from(rules).ok());
    if let Some(toml::Value::Table(known)) = known {
        check.table(document.get_ref(), &known, &mut Vec::new());
    }
    let found_none = check.problems.is_empty();
    // Whatever else keeps it from being read.
    if let (true, Err(error)) = (found_none, toml::from_str::<Rules>(text)) {
        check.say(
            error.span().unwrap_or(0..0),
            &[],
            error.message().to_owned(),
            None,
        );
    }
    // The parser's errors came first; people read a file from its top.
    check.problems.sort_by_key(|problem| problem.line);
    check.problems
}

struct Check<'a> {
    text: &'a str,
    components: &'a [&'a str],
    problems: Vec<Problem>,
}

type Schema = toml::map::Map<String, toml::Value>;

impl Check<'_> {
    fn say(&mut self, at: Range<usize>, path: &[String], message: String, next: Option<String>) {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        self.problems.push(Problem {
            line,
            path: path.join("."),
            message,
            next,
        });
    }

    fn table(&mut self, table: &DeTable<'_>, known: &Schema, at: &mut Vec<String>) {
        let here: Vec<&str> = at.iter().map(String::as_str).collect();
        let named = has_names(&here);
        for (key, value) in table.iter() {
            let name = key.get_ref().to_string();
            let of = if named {
                // Names are the file's own choice here; what stands below is the same for each.
                known.values().next()
            } else {
                known.get(&name)
            };
            at.push(name.clone());
            match of {
                Some(of) => self.value(value, of, at),
                None => {
                    let next = nearest(&name, known.keys().map(String::as_str))
                        .map(|name| format!("is {name} meant?"));
                    let what = if matches!(value.get_ref(), DeValue::Table(_)) {
                        "section"
                    } else {
                        "rule"
                    };
                    self.say(
                        key.span(),
                        at,
                        format!("there is no {what} of that name"),
                        next,
                    );
                }
            }
            at.pop();
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, known: &toml::Value, at: &mut Vec<String>) {
        match (value.get_ref(), known) {
            (DeValue::Table(table), toml::Value::Table(known)) => {
                if self.has_good_name(value.span(), at) {
                    self.table(table, known, at);
                }
            }
            _ => self.leaf(value, at),
        }
    }

    /// Whether a name that the file chooses is one that can be read; the others were looked up.
    fn has_good_name(&mut self, span: Range<usize>, at: &[String]) -> bool {
        let above: Vec<&str> = at.iter().map(String::as_str).collect();
        if !above
            .split_last()
            .is_some_and(|(_, above)| has_names(above))
        {
            return true;
        }
        let read = toml::from_str::<Rules>(&section(at));
        if let Err(error) = &read {
            self.say(span, at, error.message().to_owned(), None);
        }
        read.is_ok()
    }

    /// A value alone, as if nothing else stood in the file.
    fn leaf(&mut self, value: &Spanned<DeValue<'_>>, at: &[String]) {
        let written = self.text.get(value.span()).unwrap_or_default();
        let Some((key, above)) = at.split_last() else {
            return;
        };
        let section = if above.is_empty() {
            String::new()
        } else {
            section(above)
        };
        if let Err(error) =
            toml::from_str::<Rules>(&format!("{section}{} = {written}\n", quoted(key)))
        {
            return self.say(value.span(), at, error.message().to_owned(), None);
        }
        if !["components", "without_ticket"].contains(&key.as_str()) {
            return;
        }
        let DeValue::Array(names) = value.get_ref() else {
            return;
        };
        for name in names.iter() {
            let DeValue::String(text) = name.get_ref() else {
                continue;
            };
            let there_is = |text: &str| match text.strip_suffix('*') {
                Some(start) => self.components.iter().any(|name| name.starts_with(start)),
                None => self.components.contains(&text),
            };
            if !self.components.is_empty() && !there_is(text) {
                let next = nearest(text, self.components.iter().copied())
                    .map(|name| format!("is {name} meant?"));
                self.say(
                    name.span(),
                    at,
                    format!("there is no component {text}"),
                    next,
                );
            }
        }
    }
}

fn quoted(key: &str) -> String {
    toml::Value::String(key.to_owned()).to_string()
}

fn section(path: &[String]) -> String {
    let path: Vec<String> = path.iter().map(|key| quoted(key)).collect();
    format!("[{}]\n", path.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENTS: [&str; 3] = ["reader", "intersection", "hetero_lr"];

    fn found(text: &str) -> Vec<(usize, String, String)> {
        let said = |problem: Problem| {
            (
                problem.line,
                problem.path,
                format!("{} {}", problem.message, problem.next.unwrap_or_default()),
            )
        };
        check_text(text, &COMPONENTS)
            .into_iter()
            .map(said)
            .collect()
    }

    #[test]
    fn finds_nothing_in_what_is_right() {
        for text in [
            "",
            include_str!("../default-policy.toml"),
            include_str!("../../../cli/src/up/local-policy.toml"),
        ] {
            assert_eq!(check_text(text, &[]), []);
        }
        let peer = "[peer.10000]\ntables = [\"lab.*\"]\nhours = [\"08:00-18:00\"]\n[peer.10000.columns]\n\"lab.t\" = [\"age\"]\n";
        assert_eq!(found(peer), []);
    }

    #[test]
    fn finds_everything_with_line_path_and_what_is_meant() {
        let text = "[admision]\npeers = []\n\n[admission]\npeer = [\"1\"]\ninitiators = \"9999\"\ncomponents = [\"reader\", \
                    \"hetero_rl\", \"inter*\", \"x*\"]\n[disclosure]\nfewest_rows = -1\n\n[peer.10000]\nhour = []\nuntil = \
                    \"2026-02-30\"\n[peer.\"a b\"]\ntables = []\n[features]\nvectors = \"all\"\n";
        let found = found(text);
        let expected = [
            (1, "admision", "is admission meant?"),
            (5, "admission.peer", "is peers meant?"),
            (6, "admission.initiators", "sequence"),
            (7, "admission.components", "is hetero_lr meant?"),
            (7, "admission.components", "x*"),
            (9, "disclosure.fewest_rows", "-1"),
            (12, "peer.10000.hour", "is hours meant?"),
            (13, "peer.10000.until", "2026-02-30"),
            (14, "peer.a b", ""),
            (17, "features.vectors", "a number from 0"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for ((line, path, said), (at, place, part)) in found.iter().zip(expected) {
            assert!(
                (*line, path.as_str()) == (at, place) && said.contains(part),
                "{line} {path} {said}: {at} {place} {part}"
            );
        }
    }

    #[test]
    fn what_is_no_toml_is_found_with_its_line_and_the_rest_too() {
        let found = found("[admission\npeers = []\n[disclosure]\nmetrics = maybe\n");
        assert!(
            found.iter().any(|(line, ..)| *line == 1) && found.iter().any(|(line, ..)| *line == 4),
            "{found:?}"
        );
    }
}
