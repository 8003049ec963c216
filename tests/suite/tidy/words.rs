//! One word for one idea: words that were given up (docs/decisions, *The field's words*) do not come back, neither in names nor in
//! texts that people read. Comments are free, and so is what stands on disks and wires already.

use std::path::{Path, PathBuf};

use super::root;

/// Words that were given up, in any part of a name and as whole words of a text.
const OLD: &[&str] = &[
    "room",
    "rooms",
    "face",
    "faces",
    "door",
    "doors",
    "letter",
    "letters",
    "mail",
    "mails",
    "mailroom",
    "mailbox",
    "shelf",
    "shelves",
    "seat",
    "seats",
    "entrance",
    "entrances",
    "surroundings",
    "workshop",
    "desk",
    "desks",
    "holdings",
    "estate",
    "heritage",
    "papers",
    "chronicle",
    "archivist",
    "errand",
    "errands",
    "brake",
    "brakes",
    "dressed",
    "sifting",
    "floors",
    "house",
    "houses",
];
/// The same where they are ordinary English or the name of a function in another sense.
const OLD_IN_NAMES: &[&str] = &["tries", "floor"];
/// Whole names.
const OLD_WHOLE: &[&str] = &["stand_in", "stand_ins", "StandIn", "StandIns", "PostOffice"];
/// *Try* as a noun; *it tries again* is English.
const OLD_PHRASES: &[&str] = &[
    "a try",
    "the try",
    "one try",
    "each try",
    "every try",
    "this try",
    "next try",
    "first try",
    "last try",
    "newest try",
    "newest tries",
    "earlier tries",
    "between tries",
    "of tries",
    "all tries",
    "the tries",
    "its tries",
    "two tries",
];

/// What happened to a thing, in place of what it is: no name for a type.
const PARTICIPLES: &[&str] = &[
    "Wanted", "Asked", "Kept", "Meant", "Told", "Seen", "Noted", "Taken", "Known", "Held", "Heard",
    "Chosen", "Named", "Listed", "Shown", "Learned", "Made", "Left", "Written", "Found", "Counted",
    "Played",
];

/// Identifiers that are another's word.
const NAMES_OF_OTHERS: &[&str] = &["floor", "floor_char_boundary", "FloorDivide"];
/// What is written on disks, sent over links, stored in databases, or another's word: it keeps its name.
const KEPT: &[&str] = &[
    "shelf",
    ".room",
    ".letter",
    "old.letter",
    "papers",
    "errand",
    "tries",
    "letters",
    "../migrations/0012_sifting.sql",
    "mail",
    "mail_key",
    "mail_head",
    "fedflow-mail/1",
    "fedflow mail key v1",
    "fedflow mail v1",
    "fedflow mail v2",
    "f_engine_entrance",
    // The old names of settings, which go on.
    "largest_letter",
    "limits.mail_memory",
    "limits.mail_disk",
    "limits.largest_letter",
    "limits.letter_seconds",
    // Columns, rows and words of tests.
    "letter",
];
/// Phrases in which a word means what it says.
const ENGLISH: &[&str] = &[
    "letters, digits",
    "letters and digits",
    "ASCII letters",
    "small letters",
    "letter, digit",
    "Recognition Letters",
    "meeting room",
    "half a letter",
    "e-mail",
    "data/shelf",
    "`shelf/`",
    "fedflow mail",
    "largest_letter",
    "mail_memory",
    "mail_disk",
    "letter_seconds",
    "LETTER_SECONDS",
    "\"letters\":2",
];
/// Folders and files that speak of what was.
const PAST: &[&str] = &[
    "docs/decisions/",
    "docs/changelog.md",
    "tests/suite/tidy/words.rs",
    "tests/fixtures/",
    "coordinator/tests/settings-before.toml",
    "Cargo.lock",
    "LICENSE",
];

/// A name as its words: `RestServer`, `rest_server` and `REST_SERVER` are two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for character in name.chars() {
        let begins = character.is_uppercase() && before.is_lowercase();
        if begins || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(last) = words.last_mut()
        {
            last.extend(character.to_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

fn old_in_name(name: &str) -> Option<String> {
    if NAMES_OF_OTHERS.contains(&name) {
        return None;
    }
    let joined = OLD_WHOLE.iter().find(|old| **old == name);
    let word = words(name)
        .into_iter()
        .find(|word| OLD.contains(&word.as_str()) || OLD_IN_NAMES.contains(&word.as_str()));
    word.or_else(|| joined.map(|old| (*old).to_owned()))
}

fn old_in_text(text: &str) -> Option<String> {
    let mut rest = text.to_owned();
    for phrase in ENGLISH {
        rest = rest.replace(phrase, " ");
    }
    let rest = rest.replace('\n', " ");
    let lower = format!(" {} ", rest.to_lowercase());
    let phrase = OLD_PHRASES
        .iter()
        .find(|old| lower.contains(&format!(" {old} ")));
    let word = words(&rest)
        .into_iter()
        .find(|word| OLD.contains(&word.as_str()));
    word.or_else(|| phrase.map(|old| (*old).to_owned()))
}

/// Names and texts of a Rust file. Comments are left out, but where they are what a program's help says.
struct Source {
    names: Vec<String>,
    literals: Vec<String>,
    help: Vec<String>,
}

fn read_source(text: &str) -> Source {
    let mut source = Source {
        names: Vec::new(),
        literals: Vec::new(),
        help: Vec::new(),
    };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            let line = rest.lines().next().unwrap_or_default();
            if let Some(help) = line.strip_prefix("///") {
                source.help.push(help.to_owned());
            }
            line.len()
        } else if let Some(length) = raw_literal(rest) {
            source.literals.push(rest[..length].to_owned());
            length
        } else if first == '"' {
            let length = literal(rest);
            source.literals.push(rest[1..length - 1].to_owned());
            length
        } else if first == '\'' {
            character(rest)
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|next: char| !next.is_alphanumeric() && next != '_');
            let length = end.unwrap_or(rest.len());
            source.names.push(rest[..length].to_owned());
            length
        } else {
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    source
}

/// The length of a raw literal, `r"…"` or `r#"…"#`, if one begins here.
fn raw_literal(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let marks = after.len() - after.trim_start_matches('#').len();
    let body = after[marks..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(marks));
    let length = body.find(&end)? + end.len();
    Some(text.len() - body.len() + length)
}

fn literal(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, next)| {
        let ends = *next == '"' && !escaped;
        escaped = *next == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// The length of a character literal; of its quote alone where a lifetime begins.
fn character(text: &str) -> usize {
    let mut inner = text.char_indices().skip(1);
    match inner.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(1, |at| at + 4),
        Some(_) => match inner.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

/// Whether a literal is of the database: columns keep their names.
fn is_statement(literal: &str) -> bool {
    [
        "SELECT ",
        "INSERT ",
        "UPDATE ",
        "DELETE ",
        "CREATE ",
        "order_key, job_id, ",
    ]
    .iter()
    .any(|verb| literal.contains(verb))
}

/// What is wrong in a Rust file. Help is what `cli` and the settings say.
fn wrong_in_source(text: &str, has_help: bool) -> Vec<String> {
    let source = read_source(text);
    let names = source.names.iter();
    let mut wrong: Vec<String> = names
        .filter_map(|name| old_in_name(name).map(|old| format!("{old} in the name {name}")))
        .collect();
    for pair in source.names.windows(2) {
        let declares = ["struct", "enum", "trait", "type", "union"].contains(&pair[0].as_str());
        if declares && PARTICIPLES.contains(&pair[1].as_str()) {
            wrong.push(format!(
                "the type {} says what happened, not what it is",
                pair[1]
            ));
        }
    }
    let help = source.help.iter().filter(|_| has_help);
    let texts = source
        .literals
        .iter()
        .filter(|literal| !KEPT.contains(&literal.as_str()) && !is_statement(literal))
        .chain(help);
    wrong.extend(texts.filter_map(|text| {
        let shown: String = text.chars().take(60).collect();
        old_in_text(text).map(|old| format!("{old} in {shown:?}"))
    }));
    wrong.sort();
    wrong.dedup();
    wrong
}

fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    let skipped = [
        ".git",
        ".target",
        "target",
        "dev",
        "__pycache__",
        "golden",
        "seeds",
        "corpus",
        "artifacts",
        "migrations",
        ".venv",
        "node_modules",
        ".pytest_cache",
        ".ruff_cache",
        "proto",
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() && !path.is_symlink() {
                if !skipped.contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    let relative = path.strip_prefix(root()).expect("below the root");
    relative.to_string_lossy().into_owned()
}

#[test]
fn no_old_word_is_left_in_a_name_or_in_a_text_that_people_read() {
    let mut wrong = Vec::new();
    for path in files() {
        let name = relative(&path);
        if PAST.iter().any(|past| name.starts_with(past)) {
            continue;
        }
        if let Some(old) = name.split(['/', '.', '-']).find_map(old_in_name) {
            wrong.push(format!("{name}: {old} in its path"));
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        match ending.as_ref() {
            "rs" => {
                let has_help = name.starts_with("cli/") || name.ends_with("config.rs");
                let found = wrong_in_source(&text, has_help);
                wrong.extend(found.into_iter().map(|found| format!("{name}: {found}")));
            }
            "md" | "toml" | "py" | "sh" | "yml" | "yaml" | "ini" | "txt" | "" => {
                for (at, line) in text.lines().enumerate() {
                    if let Some(old) = old_in_text(line) {
                        wrong.push(format!("{name}:{}: {old}", at + 1));
                    }
                }
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "old words:\n{}", wrong.join("\n"));
}

#[test]
fn finds_old_words_in_names_and_texts_and_lets_english_be() {
    let wrong = |text: &str| wrong_in_source(text, true).len();
    for bad in [
        "struct LetterBox;",
        "fn open_door() {}",
        "let earlier_tries = 1;",
        "mod stand_in;",
        "const A: &str = \"ask at the door\";",
        "const A: &str = r#\"{\"room\": 1}\"#;",
        "/// The face of it.\nfn a() {}",
        "let face_value: f64;",
        "log(\"all tries failed\");",
        "struct Wanted { name: String }",
        "type Told = Vec<String>;",
    ] {
        assert_eq!(wrong(bad), 1, "{bad}");
    }
    for good in [
        "x.floor()",
        "// a room with a door\nfn interface(postcode: char) {}",
        "const A: &str = \"1 to 64 letters, digits or '-'\";",
        "#[serde(rename = \"mail_key\")]",
        "fn a<'a>(x: &'a str) -> char { '\\'' }",
        "sql(\"SELECT papers FROM jobs\");",
        "log(\"it tries again\");",
        "enum Outcome { Found(u8), Told }",
    ] {
        assert_eq!(wrong(good), 0, "{good}: {:?}", wrong_in_source(good, true));
    }
}
