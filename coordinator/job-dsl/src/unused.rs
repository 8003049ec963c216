//! What documents say and nothing reads: names that are not known, places that do not exist, settings of engines that are not
//! here. FATE takes such documents, so each is told as a warning: its place in the documents, and the nearest name that counts.

mod conf;
mod dsl;
mod job_parameters;
mod learned;
#[cfg(test)]
mod tests;
mod version_1;

use domain::{Dialect, Step};
use serde_json::{Map, Value};
use vocabulary::nearest::nearest;
use vocabulary::{Cast, ComponentInfo, Role};

/// More warnings than this are counted only.
const MOST: usize = 40;
/// Longest part of a document's own name that a warning repeats, in characters.
const LONGEST_NAME: usize = 80;

/// The documents as they were submitted, and what was read from them.
pub(crate) struct Submitted<'a> {
    pub(crate) dsl: &'a Value,
    pub(crate) conf: &'a Map<String, Value>,
    /// The conf that counts, in version 2.
    pub(crate) effective: &'a Value,
    pub(crate) dialect: Dialect,
    /// For a predict job: the conf of the training.
    pub(crate) trained: Option<&'a Value>,
    pub(crate) steps: &'a [Step],
    pub(crate) cast: &'a Cast,
    pub(crate) catalogue: &'a [ComponentInfo],
}

/// A warning for everything that nothing reads.
pub(crate) fn warnings(submitted: &Submitted<'_>) -> Vec<String> {
    let mut notes = Notes::default();
    dsl::look(submitted, &mut notes);
    conf::look(submitted, &mut notes);
    job_parameters::look(submitted, &mut notes);
    learned::look(submitted, &mut notes);
    if submitted.dialect == Dialect::FateV1 {
        version_1::look(submitted, &mut notes);
    }
    notes.done()
}

impl Submitted<'_> {
    fn names(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.name.as_str()).collect()
    }

    fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name.as_str() == name)
    }

    /// Whether what stands at a place of `component_parameters` only repeats what the training said of a component that is
    /// not deployed: clients send the training's conf again.
    fn repeats_training(&self, component: &str, said: &Value) -> bool {
        let Some(all) = self
            .trained
            .and_then(|conf| conf.get("component_parameters"))
        else {
            return false;
        };
        let of_roles = all
            .get("role")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::values);
        let of_places = of_roles.filter_map(Value::as_object).flat_map(Map::values);
        let mut places = all
            .get("common")
            .into_iter()
            .chain(of_places)
            .filter_map(|place| place.get(component));
        places.any(|own| self.dialect == Dialect::FateV1 || own == said)
    }
}

/// The warnings so far.
#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    more: usize,
}

impl Notes {
    /// Tells of something that does nothing, and of the nearest of the names that would do something there.
    fn unknown(&mut self, path: &str, what: &str, known: &[&str]) {
        if self.lines.len() >= MOST {
            self.more += 1;
            return;
        }
        let name = path.rsplit('.').next().unwrap_or_default();
        let hint =
            nearest(name, known.iter().copied()).map(|best| format!("; did you mean {best}?"));
        self.lines.push(one_line(&format!(
            "[WARN]{path} {what} and does nothing{}",
            hint.unwrap_or_default()
        )));
    }

    /// Tells of something that does nothing, and what to write instead.
    fn idle(&mut self, path: &str, what: &str, instead: &str) {
        if self.lines.len() >= MOST {
            self.more += 1;
            return;
        }
        self.lines
            .push(one_line(&format!("[WARN]{path} {what}; {instead}")));
    }

    fn done(mut self) -> Vec<String> {
        if self.more > 0 {
            self.lines.push(format!(
                "[WARN]{} more entries of the documents do nothing",
                self.more
            ));
        }
        self.lines
    }
}

/// A document's own names may hold anything: a warning is one line.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// A path with one more name, which is cut short.
fn below(path: &str, name: &str) -> String {
    let short: String = name.chars().take(LONGEST_NAME).collect();
    let rest = if name.chars().nth(LONGEST_NAME).is_some() {
        "…"
    } else {
        ""
    };
    format!("{path}.{short}{rest}")
}

/// The fields of an object that are none of the known ones.
fn strangers(
    fields: &Map<String, Value>,
    (path, what): (&str, &str),
    known: &[&str],
    notes: &mut Notes,
) {
    for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
        notes.unknown(&below(path, name), what, known);
    }
}

/// A party's entry of a section: `SECTION.role.ROLE.PLACES`.
struct Place<'v> {
    role: Role,
    path: String,
    fields: &'v Map<String, Value>,
}

/// The entries of a section's `role` that mean somebody. Those that mean nobody are told.
fn places<'v>(
    roles: &'v Value,
    (path, cast): (&str, &Cast),
    names: &[&str],
    notes: &mut Notes,
) -> Vec<Place<'v>> {
    let Some(roles) = roles.as_object() else {
        if !roles.is_null() {
            notes.idle(
                path,
                "is not an object and says nothing",
                "write role.ROLE.PLACE, such as role.host.0",
            );
        }
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, entries) in roles {
        let path = below(path, name);
        let Some(role) = name
            .parse::<Role>()
            .ok()
            .filter(|role| !cast.of(*role).is_empty())
        else {
            let words: Vec<&str> = Role::ALL
                .iter()
                .filter(|r| !cast.of(**r).is_empty())
                .map(|r| r.word())
                .collect();
            notes.unknown(&path, "names no role of the job", &words);
            continue;
        };
        let Some(entries) = entries.as_object() else {
            notes.idle(
                &path,
                "is not an object and says nothing",
                "write one entry for each place, such as 0",
            );
            continue;
        };
        for (key, entry) in entries {
            let path = below(&path, key);
            let means_somebody =
                judge_places(key, (&path, role), cast.of(role).len(), (names, notes));
            match entry.as_object() {
                Some(fields) if means_somebody => found.push(Place { role, path, fields }),
                None if means_somebody => notes.idle(
                    &path,
                    "is not an object and says nothing",
                    "write an object",
                ),
                _ => {}
            }
        }
    }
    found
}

/// Whether a key of `role.ROLE` means some party; what it means nobody with is told.
fn judge_places(
    key: &str,
    (path, role): (&str, Role),
    count: usize,
    (names, notes): (&[&str], &mut Notes),
) -> bool {
    let mut means_somebody = false;
    for part in key.split('|').map(str::trim) {
        match part.parse::<usize>() {
            _ if part == "all" => means_somebody = true,
            Ok(place) if place < count => means_somebody = true,
            Ok(place) => {
                let what = format!("means {role} {place}, which does not exist,");
                let instead = format!("the job has {count} of role {role}, counted from 0");
                notes.idle(path, &format!("{what} and does nothing"), &instead);
            }
            Err(_) => {
                let instead = if names.contains(&part)
                    || nearest(part, names.iter().copied()).is_some()
                {
                    format!("write the place before the component, such as role.{role}.0.{part}")
                } else {
                    "write 0 for the first party of the role, 0|2 for several, or all".to_owned()
                };
                notes.idle(
                    path,
                    "is not a place in the role and does nothing",
                    &one_line(&instead),
                );
            }
        }
    }
    means_somebody
}
