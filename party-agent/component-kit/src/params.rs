//! Bounds on parameters beyond what their types say.

use vocabulary::{ErrorCode, Fault};

use crate::bounds::not_among;

/// One thing that is wrong with a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which parameter, dotted (`init_param.init_method`).
    pub path: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Collects what is wrong with a set of parameters.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
    /// The path of the object that is being checked.
    at: String,
}

impl Problems {
    /// Notes a problem unless the condition holds.
    pub fn expect(&mut self, holds: bool, path: &str, message: impl FnOnce() -> String) {
        if !holds {
            let (path, message) = (self.path_of(path), message());
            self.found.push(Problem { path, message });
        }
    }

    /// Checks an object among the parameters: what it names stands under its name. An entry of a list is named `[0]`.
    pub fn within(&mut self, name: &str, check: impl FnOnce(&mut Self)) {
        let inner = self.path_of(name);
        // Put back below: paths of the fields after this one must not begin with it.
        let outer = std::mem::replace(&mut self.at, inner);
        check(self);
        self.at = outer;
    }

    fn path_of(&self, name: &str) -> String {
        match (self.at.as_str(), name) {
            ("", name) => name.to_owned(),
            (at, "") => at.to_owned(),
            (at, entry) if entry.starts_with('[') => format!("{at}{entry}"),
            (at, name) => format!("{at}.{name}"),
        }
    }

    /// Notes a problem unless the text is one of the allowed words, whatever their case.
    pub fn one_of(&mut self, path: &str, text: &str, allowed: &[&str]) {
        if let Some(refusal) = not_among(text, allowed) {
            self.expect(false, path, || refusal);
        }
    }

    /// What was found.
    pub fn into_vec(self) -> Vec<Problem> {
        self.found
    }
}

/// Checks a component's parameters after they were read.
pub trait Check {
    /// Notes everything that is wrong.
    fn check(&self, problems: &mut Problems);
}

/// The fault that reports the first problem (and counts the others).
pub(crate) fn fault_of(component: &str, problems: &[Problem]) -> Option<Fault> {
    let first = problems.first()?;
    let more = match problems.len() {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    let message = format!("{}{more}", first.message);
    Some(
        Fault::new(ErrorCode::ParameterInvalid, message)
            .path(first.path.clone())
            .next(format!("see the parameters of {component}")),
    )
}
