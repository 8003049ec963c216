//! No circle between the modules of a crate: they can be read, tested and moved from the bottom up.
//!
//! What counts: a module that names something another module defines, by `crate::…`, `super::…` or `self::…`, in a `use` or
//! in the midst of code, uses it; a name that was re-exported counts for the module that defines it. Modules are compared
//! with their siblings: what lies in a folder counts for the folder, seen from outside, and is compared anew inside it. A
//! folder's own file (`a.rs` of `a/…`) is the frame that its parts share, as Rust's privacy has it, and is no sibling of
//! theirs. Tests do not count, and neither do methods, which no path names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{root, sources};

/// A module's place from the root of its crate: empty for the root itself.
type Place = Vec<String>;

/// What one module's text says.
#[derive(Default)]
struct Module {
    /// Modules it declares in files of their own, tests left out.
    children: BTreeSet<String>,
    /// Names it imports or re-exports, with the path that each stands for.
    imports: BTreeMap<String, Place>,
    /// Paths of which everything is imported.
    globs: Vec<Place>,
    /// Names it defines itself.
    defines: BTreeSet<String>,
    /// Every path in it that begins at the crate, at itself or above itself.
    paths: Vec<Place>,
}

/// Words and signs, without comments, texts and test code.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&now) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        let end = if now == '/' && next == Some('/') {
            skip(&chars, at, |c| c != '\n')
        } else if now == '/' && next == Some('*') {
            let mut end = at + 2;
            while end < chars.len() && !(chars[end - 1] == '*' && chars[end] == '/') {
                end += 1;
            }
            end + 1
        } else if let Some(end) = text_end(&chars, at) {
            end
        } else if now.is_alphanumeric() || now == '_' {
            let end = skip(&chars, at, |c| c.is_alphanumeric() || c == '_');
            found.push(chars[at..end].iter().collect());
            end
        } else if now == ':' && next == Some(':') {
            found.push("::".to_owned());
            at + 2
        } else {
            if !now.is_whitespace() {
                found.push(now.to_string());
            }
            at + 1
        };
        at = end;
    }
    without_tests(&found)
}

fn skip(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    let rest = chars[from..].iter();
    from + rest.take_while(|c| wanted(**c)).count()
}

/// Where the text or character that begins here ends, if one begins here.
fn text_end(chars: &[char], at: usize) -> Option<usize> {
    let raw = chars[at] == 'r' || (chars[at] == 'b' && chars.get(at + 1) == Some(&'r'));
    if raw && (at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')) {
        let start = at + if chars[at] == 'b' { 2 } else { 1 };
        let hashes = skip(chars, start, |c| c == '#') - start;
        if chars.get(start + hashes) == Some(&'"') {
            let close: Vec<char> = std::iter::once('"')
                .chain(std::iter::repeat_n('#', hashes))
                .collect();
            let body = start + hashes + 1;
            let length = chars[body..]
                .windows(close.len())
                .position(|window| window == close)?;
            return Some(body + length + close.len());
        }
    }
    let quote = chars[at];
    let character =
        quote == '\'' && (chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\''));
    if quote != '"' && !character {
        return None;
    }
    let mut end = at + 1;
    while let Some(&c) = chars.get(end) {
        match c {
            '\\' => end += 1,
            c if c == quote => return Some(end + 1),
            _ => {}
        }
        end += 1;
    }
    None
}

/// Leaves out each item under `#[cfg(test)]`; the attribute itself stays where a module's declaration follows, as `test`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let attributes: [&[&str]; 2] = [
        &["#", "[", "cfg", "(", "test", ")", "]"],
        &["#", "[", "cfg", "(", "all", "(", "test", ","],
    ];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = |attribute: &&&[&str]| {
            let here = tokens[at..].iter().take(attribute.len());
            here.eq(attribute.iter())
        };
        if attributes.iter().any(|attribute| begins(&attribute)) {
            let brackets = tokens[at..].iter().position(|token| token == "]");
            at = item_end(tokens, at + brackets.map_or(1, |end| end + 1));
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item that begins here ends: its first semicolon or closing brace outside brackets.
fn item_end(tokens: &[String], from: usize) -> usize {
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth <= 0 {
                    return at + 1;
                }
            }
            ";" | "," if depth <= 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Reads what stands at one place of a crate.
fn module(text: &str, place: &Place) -> Module {
    let tokens = tokens(text);
    let mut read = Module::default();
    let mut depth = 0_i32;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1).map_or("", String::as_str);
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "mod" if tokens.get(at + 2).is_some_and(|sign| sign == ";") => {
                read.children.insert(next.to_owned());
            }
            "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" if depth == 0 => {
                read.defines.insert(next.to_owned());
            }
            "macro_rules" if depth == 0 => {
                read.defines
                    .insert(tokens.get(at + 2).cloned().unwrap_or_default());
            }
            "use" => {
                let end = item_end(&tokens, at);
                let mut leaves = Vec::new();
                tree(&tokens[at + 1..end], &Vec::new(), &mut leaves);
                for (path, alias) in leaves {
                    import(&mut read, absolute(&path, place), alias, depth == 0);
                }
                at = end;
                continue;
            }
            "crate" | "super" | "self" if next == "::" && (at == 0 || tokens[at - 1] != "$") => {
                let mut path = vec![token.clone()];
                while tokens.get(at + 1).is_some_and(|sign| sign == "::")
                    && tokens.get(at + 2).is_some_and(|word| named(word))
                {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                read.paths.extend(absolute(&path, place));
            }
            _ => {}
        }
        at += 1;
    }
    read
}

fn named(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn import(read: &mut Module, path: Option<Place>, alias: String, outermost: bool) {
    let Some(path) = path else { return };
    if alias == "*" {
        read.globs.push(path.clone());
    } else if outermost {
        read.imports.insert(alias, path.clone());
    }
    read.paths.push(path);
}

/// The leaves of a `use` tree: each path with the name it has here, or `*`.
fn tree(tokens: &[String], before: &Place, leaves: &mut Vec<(Place, String)>) {
    let mut path = before.clone();
    let mut alias = None;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "{" => {
                let mut depth = 0_i32;
                let mut from = at + 1;
                for (inner, token) in tokens.iter().enumerate().skip(at) {
                    depth += i32::from(token == "{") - i32::from(token == "}");
                    if (token == "," && depth == 1) || depth == 0 {
                        tree(&tokens[from..inner], &path, leaves);
                        from = inner + 1;
                    }
                    if depth == 0 {
                        return;
                    }
                }
                return;
            }
            "as" => {
                alias = tokens.get(at + 1).cloned();
                at += 1;
            }
            "*" => alias = Some("*".to_owned()),
            "self" if !path.is_empty() => {}
            word if named(word) => path.push(word.to_owned()),
            _ => {}
        }
        at += 1;
    }
    if let Some(last) = path
        .last()
        .filter(|_| path.len() > before.len() || !tokens.is_empty())
    {
        let name = alias.unwrap_or_else(|| last.clone());
        leaves.push((path, name));
    }
}

/// The path from the root of the crate; a path that begins with another name may begin at a child and is kept as such.
fn absolute(path: &[String], place: &Place) -> Option<Place> {
    let mut at = place.clone();
    let mut rest = path.iter().peekable();
    match rest.peek().map(|first| first.as_str()) {
        Some("crate") => {
            rest.next();
            at.clear();
        }
        Some("self") => {
            rest.next();
        }
        _ => {}
    }
    while rest.next_if(|word| *word == "super").is_some() {
        at.pop()?;
    }
    at.extend(rest.cloned());
    Some(at)
}

/// The modules of the crate whose root file is this one.
fn modules(file: &Path) -> BTreeMap<Place, Module> {
    let mut found = BTreeMap::new();
    let folder = file.parent().expect("a folder").to_owned();
    let mut open: Vec<(Place, PathBuf, PathBuf)> = vec![(Vec::new(), file.to_owned(), folder)];
    while let Some((place, file, folder)) = open.pop() {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let mut read = module(&text, &place);
        read.children.retain(|child| {
            let flat = folder.join(format!("{child}.rs"));
            let deep = folder.join(child).join("mod.rs");
            let file = if flat.is_file() { flat } else { deep };
            if file.is_file() {
                let place = place.iter().chain([child]).cloned().collect();
                open.push((place, file.clone(), folder.join(child)));
            }
            file.is_file()
        });
        found.insert(place, read);
    }
    found
}

/// The module that defines what a path names.
fn defined(modules: &BTreeMap<Place, Module>, path: &[String], left: u8) -> Option<Place> {
    let mut place = Vec::new();
    for (at, name) in path.iter().enumerate() {
        let module = modules.get(&place)?;
        if module.children.contains(name) {
            place.push(name.clone());
            continue;
        }
        if module.defines.contains(name) || left == 0 {
            break;
        }
        let through = |target: &Place| {
            let onward: Place = target.iter().chain(&path[at + 1..]).cloned().collect();
            defined(modules, &onward, left - 1)
        };
        if let Some(target) = module.imports.get(name) {
            return through(target);
        }
        let offered = |glob: &&Place| {
            let target = modules.get(*glob);
            target.is_some_and(|target| {
                target.defines.contains(name) || target.imports.contains_key(name)
            })
        };
        if let Some(glob) = module.globs.iter().find(offered) {
            let inside: Place = glob.iter().chain([name]).cloned().collect();
            return through(&inside);
        }
        break;
    }
    Some(place)
}

/// For each folder, which of its modules uses which, each with one place that shows it.
fn uses(modules: &BTreeMap<Place, Module>) -> BTreeMap<(Place, String, String), String> {
    let mut found = BTreeMap::new();
    for (from, module) in modules {
        for path in &module.paths {
            let Some(to) = defined(modules, path, 8) else {
                continue;
            };
            let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(user), Some(used)) = (from.get(shared), to.get(shared)) {
                let key = (from[..shared].to_vec(), user.clone(), used.clone());
                let shown = format!("{} names {}", from.join("::"), path.join("::"));
                found.entry(key).or_insert(shown);
            }
        }
    }
    found
}

/// Sets of modules of one folder of which each reaches each: the circles, with the uses in them.
fn circles(modules: &BTreeMap<Place, Module>) -> Vec<String> {
    let uses = uses(modules);
    let mut reach: BTreeSet<(&Place, &str, &str)> = BTreeSet::new();
    for (folder, user, used) in uses.keys() {
        reach.insert((folder, user, used));
    }
    loop {
        let more: Vec<_> = reach
            .iter()
            .flat_map(|(folder, a, b)| {
                let onward = reach.range((*folder, *b, "")..);
                onward
                    .take_while(move |(other, from, _)| other == folder && from == b)
                    .map(move |(_, _, c)| (*folder, *a, *c))
            })
            .filter(|step| !reach.contains(step))
            .collect();
        if more.is_empty() {
            break;
        }
        reach.extend(more);
    }
    let mut rings: BTreeMap<(&Place, Vec<&str>), String> = BTreeMap::new();
    for ((folder, user, used), shown) in &uses {
        if user != used && reach.contains(&(folder, used, user)) {
            let ring: Vec<&str> = reach
                .iter()
                .filter(|(other, a, b)| {
                    *other == folder && a == user && reach.contains(&(folder, b, a))
                })
                .map(|(_, _, b)| *b)
                .collect();
            let lines = rings.entry((folder, ring)).or_default();
            let _ = write!(lines, "\n    {user} -> {used}: {shown}");
        }
    }
    let told = |((folder, ring), lines): ((&Place, Vec<&str>), String)| {
        let folder = if folder.is_empty() {
            "crate".to_owned()
        } else {
            folder.join("::")
        };
        format!("{folder}: {}{lines}", ring.join(", "))
    };
    rings.into_iter().map(told).collect()
}

#[test]
fn no_modules_of_a_crate_use_each_other_in_a_circle() {
    let crates: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|file| {
            let ends = ["src/lib.rs", "src/main.rs", "suite/main.rs"];
            ends.iter().any(|end| file.ends_with(end))
        })
        .collect();
    assert!(crates.len() > 20, "the crates were not found");
    let mut told = String::new();
    for file in crates {
        let modules = modules(&file);
        let shown = file
            .strip_prefix(root())
            .expect("inside")
            .display()
            .to_string();
        for circle in circles(&modules) {
            let _ = write!(told, "\n{shown}: {circle}");
        }
    }
    assert!(told.is_empty(), "modules use each other in a circle:{told}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Vec<String> {
        let modules = files
            .iter()
            .map(|(place, text)| {
                let place: Place = place.split_terminator("::").map(str::to_owned).collect();
                (place.clone(), module(text, &place))
            })
            .collect();
        circles(&modules)
    }

    #[test]
    fn two_modules_that_use_each_other_are_found_through_a_re_export_and_in_the_midst_of_code() {
        let found = read(&[
            ("", "mod a; mod b; mod c; pub use a::A;"),
            (
                "a",
                "pub struct A; fn f() { let text = \"crate::c::C\"; super::b::B::new('\\'') }",
            ),
            ("b", "use crate::{A, c::{self, C}}; pub struct B;"),
            ("c", "pub struct C; // crate::a::A\n"),
        ]);
        assert_eq!(
            found,
            ["crate: a, b\n    a -> b: a names b::B::new\n    b -> a: b names A"]
        );
    }

    #[test]
    fn a_longer_circle_inside_a_folder_is_found() {
        let found = read(&[
            ("", "mod a;"),
            ("a", "mod x; mod y; mod z; use y::Y; struct Frame;"),
            ("a::x", "use super::Y; use super::Frame; pub struct X;"),
            ("a::y", "use super::z::*; pub struct Y;"),
            ("a::z", "fn f(x: crate::a::x::X) {} pub fn z() {}"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("a: x, y, z"), "{found:?}");
    }

    #[test]
    fn the_frame_and_tests_make_no_circle() {
        let found = read(&[
            ("", "mod a; mod b; pub struct Shared;"),
            ("a", "pub struct A; use crate::{Shared, b::B};"),
            (
                "b",
                "pub struct B; use super::Shared; #[cfg(test)] mod tests { use crate::a::A; }",
            ),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }
}
