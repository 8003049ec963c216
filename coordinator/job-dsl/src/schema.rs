//! Checks a value against the JSON schema that a component announces for its parameters.
//!
//! Understands what schema generators write for plain data: types, properties, enumerations, alternatives, references,
//! bounds and lists. Words it does not know are no reason to refuse: the component itself checks again.

#[cfg(test)]
mod tests;

use std::cell::Cell;

use serde_json::{Map, Value};
use vocabulary::nearest::hint;

use crate::complete::shown;
use crate::fate::conf::kind_of;

/// References and alternatives nest no deeper than this in any sane schema.
const DEEPEST: usize = 64;

/// Schemas come from other parties: one that branches without end is given up after so many looks.
const MOST_LOOKS: u32 = 200_000;

/// Something in a value that its schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Where in the value: field names and list places.
    pub(crate) pointer: Vec<String>,
    pub(crate) kind: ViolationKind,
    /// What would be right.
    pub(crate) next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ViolationKind {
    /// Fields of the object at the pointer that the schema does not know.
    Redundant(Vec<String>),
    /// A value that does not fit.
    Wrong(String),
}

/// Everything in a value that its schema does not allow.
pub(crate) fn check(schema: &Value, value: &Value) -> Vec<Violation> {
    let checker = Checker {
        root: schema,
        looks_left: Cell::new(MOST_LOOKS),
    };
    let mut found = Vec::new();
    checker.check(
        schema,
        value,
        &At {
            pointer: Vec::new(),
            depth: 0,
        },
        &mut found,
    );
    found
}

struct Checker<'a> {
    root: &'a Value,
    looks_left: Cell<u32>,
}

/// A place in the value, and how deep the schema is nested there.
struct At {
    pointer: Vec<String>,
    depth: usize,
}

impl At {
    fn deeper(&self) -> At {
        At {
            pointer: self.pointer.clone(),
            depth: self.depth + 1,
        }
    }

    fn into(&self, part: &str) -> At {
        let mut pointer = self.pointer.clone();
        pointer.push(part.to_owned());
        At {
            pointer,
            depth: self.depth + 1,
        }
    }

    fn wrong(&self, message: String, next: Option<String>) -> Violation {
        Violation {
            pointer: self.pointer.clone(),
            kind: ViolationKind::Wrong(message),
            next,
        }
    }
}

impl<'a> Checker<'a> {
    /// Counts a look at a part of the schema; false when it is nested too deep or there were too many.
    fn may_look(&self, depth: usize) -> bool {
        let left = self.looks_left.get();
        self.looks_left.set(left.saturating_sub(1));
        left > 0 && depth <= DEEPEST
    }

    fn check(&self, schema: &'a Value, value: &Value, at: &At, found: &mut Vec<Violation>) {
        let Value::Object(rules) = schema else {
            if schema == &Value::Bool(false) {
                found.push(at.wrong("no value is allowed here".to_owned(), None));
            }
            return;
        };
        if !self.may_look(at.depth) {
            return;
        }
        if let Some(target) = rules
            .get("$ref")
            .and_then(|reference| self.resolve(reference))
        {
            self.check(target, value, &at.deeper(), found);
        }
        for part in list(rules, "allOf") {
            self.check(part, value, &at.deeper(), found);
        }
        for key in ["anyOf", "oneOf"] {
            self.check_alternatives(list(rules, key), value, at, found);
        }
        if let Some(violation) = wrong_kind(rules, value, at) {
            found.push(violation);
            return;
        }
        found.extend(wrong_choice(rules, value, at));
        match value {
            Value::Number(_) => found.extend(out_of_bounds(rules, value, at)),
            Value::Array(items) => self.check_items(rules, items, at, found),
            Value::Object(fields) => self.check_fields(rules, fields, at, found),
            Value::String(text) => found.extend(wrong_length(
                rules,
                text.chars().count(),
                ("minLength", "maxLength"),
                at,
            )),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn resolve(&self, reference: &Value) -> Option<&'a Value> {
        self.root.pointer(reference.as_str()?.strip_prefix('#')?)
    }

    /// One alternative must fit; otherwise what the nearest one says is told.
    fn check_alternatives(
        &self,
        alternatives: &'a [Value],
        value: &Value,
        at: &At,
        found: &mut Vec<Violation>,
    ) {
        let mut nearest: Option<(bool, Vec<Violation>)> = None;
        for alternative in alternatives {
            let mut violations = Vec::new();
            self.check(alternative, value, &at.deeper(), &mut violations);
            if violations.is_empty() {
                return;
            }
            // An alternative of another type or choice altogether tells less than one that fits in outline.
            let is_off = violations.iter().any(|violation| {
                violation.pointer == at.pointer && matches!(violation.kind, ViolationKind::Wrong(_))
            });
            let rank = |(off, list): &(bool, Vec<Violation>)| (*off, list.len());
            if nearest
                .as_ref()
                .is_none_or(|best| (is_off, violations.len()) < rank(best))
            {
                nearest = Some((is_off, violations));
            }
        }
        match nearest {
            Some((false, violations)) => found.extend(violations),
            Some((true, violations)) => {
                let choices: Vec<String> = alternatives
                    .iter()
                    .flat_map(|alternative| self.choices(alternative, 0))
                    .collect();
                if choices.is_empty() {
                    found.extend(violations);
                } else {
                    found.push(not_among(value, &choices, at));
                }
            }
            None => {}
        }
    }

    /// What an alternative allows, in words, when it is a choice of scalars or a plain type.
    fn choices(&self, schema: &Value, depth: usize) -> Vec<String> {
        if !self.may_look(depth) {
            return Vec::new();
        }
        if let Some(target) = schema
            .get("$ref")
            .and_then(|reference| self.resolve(reference))
        {
            return self.choices(target, depth + 1);
        }
        if let Some(constant) = schema.get("const") {
            return vec![constant.to_string()];
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return values.iter().map(Value::to_string).collect();
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(parts) = schema.get(key).and_then(Value::as_array) {
                return parts
                    .iter()
                    .flat_map(|part| self.choices(part, depth + 1))
                    .collect();
            }
        }
        schema
            .get("type")
            .map(types)
            .unwrap_or_default()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    fn check_items(
        &self,
        rules: &'a Map<String, Value>,
        items: &[Value],
        at: &At,
        found: &mut Vec<Violation>,
    ) {
        found.extend(wrong_length(
            rules,
            items.len(),
            ("minItems", "maxItems"),
            at,
        ));
        let first = list(rules, "prefixItems");
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(index).or_else(|| rules.get("items")) {
                self.check(schema, item, &at.into(&index.to_string()), found);
            }
        }
    }

    fn check_fields(
        &self,
        rules: &'a Map<String, Value>,
        fields: &Map<String, Value>,
        at: &At,
        found: &mut Vec<Violation>,
    ) {
        let known = rules.get("properties").and_then(Value::as_object);
        let mut redundant = Vec::new();
        for (name, value) in fields {
            if let Some(schema) = known.and_then(|known| known.get(name)) {
                self.check(schema, value, &at.into(name), found);
                continue;
            }
            match rules.get("additionalProperties") {
                Some(Value::Bool(false)) => redundant.push(name.clone()),
                Some(schema) => self.check(schema, value, &at.into(name), found),
                None if !is_open(rules) && !self.knows(rules, name, 0) => {
                    redundant.push(name.clone())
                }
                None => {}
            }
        }
        if let Some(first) = redundant.first() {
            let names: Vec<&str> = known
                .into_iter()
                .flat_map(|known| known.keys())
                .map(String::as_str)
                .collect();
            let next = hint(first, names);
            found.push(Violation {
                pointer: at.pointer.clone(),
                kind: ViolationKind::Redundant(redundant),
                next,
            });
        }
        for name in list(rules, "required")
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| !fields.contains_key(*name))
        {
            found.push(
                at.into(name)
                    .wrong("is missing".to_owned(), Some(format!("give {name}"))),
            );
        }
    }

    /// Whether a schema or one that it is made of has a field.
    fn knows(&self, rules: &'a Map<String, Value>, name: &str, depth: usize) -> bool {
        let has = |rules: &Map<String, Value>| {
            rules
                .get("properties")
                .and_then(|known| known.get(name))
                .is_some()
        };
        if has(rules) {
            return true;
        }
        let target = rules
            .get("$ref")
            .and_then(|reference| self.resolve(reference));
        let parts = ["allOf", "anyOf", "oneOf"]
            .into_iter()
            .flat_map(|key| list(rules, key))
            .chain(target);
        self.may_look(depth)
            && parts
                .filter_map(Value::as_object)
                .any(|part| self.knows(part, name, depth + 1))
    }
}

fn list<'a>(rules: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    rules
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether fields that no part of the schema knows are allowed.
fn is_open(rules: &Map<String, Value>) -> bool {
    rules.get("unevaluatedProperties") != Some(&Value::Bool(false))
}

fn types(value: &Value) -> Vec<&str> {
    match value {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn wrong_kind(rules: &Map<String, Value>, value: &Value, at: &At) -> Option<Violation> {
    let wanted = rules
        .get("type")
        .map(types)
        .filter(|wanted| !wanted.is_empty())?;
    let own = kind_of(value);
    let fits = wanted
        .iter()
        .any(|name| *name == own || (*name == "number" && own == "integer"));
    let wanted = wanted.join(" or ");
    (!fits).then(|| {
        at.wrong(
            format!("should be {wanted}, but it is {}", shown(value)),
            Some(format!("give {wanted}")),
        )
    })
}

fn wrong_choice(rules: &Map<String, Value>, value: &Value, at: &At) -> Option<Violation> {
    let constant = rules.get("const").into_iter();
    let choices: Vec<&Value> = constant.chain(list(rules, "enum")).collect();
    // Words are compared without case: FATE lowers them before it looks.
    let same = |choice: &Value| match (choice.as_str(), value.as_str()) {
        (Some(choice), Some(own)) => choice.eq_ignore_ascii_case(own),
        _ => choice == value,
    };
    if choices.is_empty() || choices.iter().copied().any(same) {
        return None;
    }
    Some(not_among(
        value,
        &choices
            .iter()
            .map(|choice| choice.to_string())
            .collect::<Vec<_>>(),
        at,
    ))
}

fn not_among(value: &Value, choices: &[String], at: &At) -> Violation {
    let mut choices = choices.to_vec();
    choices.dedup();
    let message = format!(
        "should be one of {}, but it is {}",
        choices.join(", "),
        shown(value)
    );
    let next = value.as_str().and_then(|own| {
        hint(
            own,
            choices
                .iter()
                .map(|choice| choice.trim_matches('"'))
                .collect::<Vec<_>>(),
        )
    });
    at.wrong(message, next)
}

fn out_of_bounds(rules: &Map<String, Value>, value: &Value, at: &At) -> Option<Violation> {
    let own = value.as_f64()?;
    let bound = |key: &str| rules.get(key).and_then(Value::as_f64);
    let (what, limit) = match (
        bound("minimum"),
        bound("maximum"),
        bound("exclusiveMinimum"),
        bound("exclusiveMaximum"),
    ) {
        (Some(least), ..) if own < least => ("at least", least),
        (_, Some(most), ..) if own > most => ("at most", most),
        (_, _, Some(limit), _) if own <= limit => ("more than", limit),
        (_, _, _, Some(limit)) if own >= limit => ("less than", limit),
        _ => return None,
    };
    Some(at.wrong(
        format!("should be {what} {limit}, but it is {value}"),
        Some(format!("give {what} {limit}")),
    ))
}

fn wrong_length(
    rules: &Map<String, Value>,
    own: usize,
    keys: (&str, &str),
    at: &At,
) -> Option<Violation> {
    let bound = |key: &str| {
        rules
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok())
    };
    let (what, limit) = match (bound(keys.0), bound(keys.1)) {
        (Some(least), _) if own < least => ("at least", least),
        (_, Some(most)) if own > most => ("at most", most),
        _ => return None,
    };
    Some(at.wrong(
        format!("should have {what} {limit} entries, but it has {own}"),
        None,
    ))
}
