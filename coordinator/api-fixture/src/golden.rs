//! Recorded replies of APIs. `BLESS=1` records them anew; the difference is then read by a person.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The records of one API: a file for each request.
pub struct Recorder {
    folder: PathBuf,
    names: Vec<(String, String)>,
    sorts: bool,
    checked: BTreeSet<PathBuf>,
}

/// What came back.
pub struct Reply<'a> {
    /// HTTP status.
    pub status: u16,
    /// The content type; empty where there is none.
    pub kind: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// What an answer says of its content.
pub fn kind_of(headers: &http::HeaderMap) -> &str {
    let kind = headers.get(http::header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

impl Recorder {
    /// The records below a folder, which is found from the crate under test.
    pub fn of(folder: &str) -> Self {
        Self {
            folder: PathBuf::from(folder),
            names: Vec::new(),
            sorts: false,
            checked: BTreeSet::new(),
        }
    }

    /// Has a value that is another at each run stand as a name.
    pub fn name(&mut self, value: &str, name: &str) {
        self.names.push((value.to_owned(), format!("<{name}>")));
    }

    /// The same, for an API whose lists are ordered by ids that are others at each run.
    #[must_use]
    pub fn whatever_the_order(self) -> Self {
        Self {
            sorts: true,
            ..self
        }
    }

    /// Compares a reply with its record. `request` is what was asked, for readers.
    pub fn check(&mut self, file: &str, request: &Value, reply: &Reply<'_>) {
        let path = self.folder.join(format!("{file}.json"));
        assert!(self.checked.insert(path.clone()), "{file} is there twice");
        let body = match serde_json::from_slice::<Value>(reply.body) {
            Ok(value) => value,
            Err(_) if reply.kind.starts_with("text/plain") || reply.body.is_empty() => {
                json!(String::from_utf8_lossy(reply.body))
            }
            Err(_) => json!({"file": reply.kind}),
        };
        let reply = json!({"status": reply.status, "kind": reply.kind, "body": body});
        let mut record = json!({"request": request, "reply": reply});
        self.hide("", &mut record);
        agrees(&path, &record);
    }

    /// Fails where a record is left of something that is not asked any more.
    pub fn finish(self) {
        let files = std::fs::read_dir(&self.folder).expect("the folder of records");
        let files: BTreeSet<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        let left: Vec<_> = files.difference(&self.checked).collect();
        if std::env::var_os("BLESS").is_some() {
            left.iter()
                .for_each(|file| std::fs::remove_file(file).expect("removed"));
            return;
        }
        assert!(left.is_empty(), "records of nothing: {left:?}");
    }

    /// Puts names where values move: ids, secrets, local dates, our version.
    fn hide(&self, name: &str, value: &mut Value) {
        match value {
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| {
                self.hide(name, value);
            }),
            Value::Array(list) => {
                list.iter_mut().for_each(|value| self.hide(name, value));
                if self.sorts {
                    list.sort_by_key(Value::to_string);
                }
            }
            Value::String(text) => *text = self.hidden(name, text),
            _ => {}
        }
    }

    fn hidden(&self, name: &str, text: &str) -> String {
        let is_date = |text| chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S");
        if name.ends_with("_date") && is_date(text).is_ok() {
            return "YYYY-MM-DD HH:MM:SS".to_owned();
        }
        let mut text = text.replace(env!("CARGO_PKG_VERSION"), "OUR.VERSION");
        for (value, name) in &self.names {
            text = text.replace(value, name);
        }
        without_ids(&text)
    }
}

/// Ids of this fixture, which stay.
const KNOWN: [&str; 3] = [crate::TRAIN, crate::UPLOAD, crate::WAITING];

/// Words of letters, digits and hyphens that are long and full of digits, as `<id>`; what follows `secret=` as `<secret>`.
fn without_ids(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() || character == '-' || character == '_' {
            word.push(character);
            continue;
        }
        if out.ends_with("secret=") {
            out += "<secret>";
        } else if is_id(&word) {
            out += "<id>";
        } else {
            out += &word;
        }
        word.clear();
        out.push(character);
    }
    out.pop();
    out
}

fn is_id(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_time = word.starts_with("2026-") || word.starts_with("2016-");
    word.len() >= 12 && digits >= 5 && !is_time && !KNOWN.iter().any(|known| word.contains(known))
}

/// Compares a value with the one in a file; `BLESS=1` writes the file.
pub fn agrees(file: &Path, value: &Value) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, format!("{value:#}\n")).expect("written");
        return;
    }
    let recorded =
        std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let recorded: Value = serde_json::from_slice(&recorded).expect("JSON");
    if let Some(difference) = difference(&recorded, value, String::new()) {
        panic!("{}: {difference}", file.display());
    }
}

/// The first place at which two values differ, and how.
fn difference(recorded: &Value, found: &Value, place: String) -> Option<String> {
    match (recorded, found) {
        (Value::Object(recorded), Value::Object(found)) => {
            let names: BTreeSet<&String> = recorded.keys().chain(found.keys()).collect();
            names.into_iter().find_map(|name| {
                let of = |object: &serde_json::Map<String, Value>| object.get(name).cloned();
                let (recorded, found) = (of(recorded), of(found));
                match (recorded, found) {
                    (Some(recorded), Some(found)) => {
                        difference(&recorded, &found, format!("{place}/{name}"))
                    }
                    (Some(recorded), None) => Some(format!("{place}/{name}: no longer {recorded}")),
                    (None, found) => Some(format!("{place}/{name}: new is {found:?}")),
                }
            })
        }
        (Value::Array(recorded), Value::Array(found)) if recorded.len() == found.len() => {
            let pairs = recorded.iter().zip(found).enumerate();
            pairs.into_iter().find_map(|(at, (recorded, found))| {
                difference(recorded, found, format!("{place}/{at}"))
            })
        }
        _ if recorded == found => None,
        _ => Some(format!("{place}: recorded {recorded}, found {found}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_has_a_name_and_the_rest_stays() {
        let mut recorder = Recorder::of("golden");
        recorder.name("ver-0123", "version");
        let mut value = json!({
            "id": "0b2f8a4e-1c1d-4a5e-9f63-1f2e3d4c5b6a", "at": "2026-11-18T11:06:40.000000", "job": crate::TRAIN,
            "url": "http://x/run-0123456789abcdef/content?secret=aB_c-9&x=1", "version": "ver-0123", "n": 20_261_118,
            "create_date": "2026-11-18 11:06:40", "text": "hetero_lr_0 of 9999",
        });
        recorder.hide("", &mut value);
        let expected = json!({
            "id": "<id>", "at": "2026-11-18T11:06:40.000000", "job": crate::TRAIN,
            "url": "http://x/<id>/content?secret=<secret>&x=1", "version": "<version>", "n": 20_261_118,
            "create_date": "YYYY-MM-DD HH:MM:SS", "text": "hetero_lr_0 of 9999",
        });
        assert_eq!(value, expected);
    }
}
