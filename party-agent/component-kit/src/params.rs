//! Bounds on parameters beyond what their types say.

use vocabulary::{ErrorCode, Fault};

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
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a problem unless the condition holds.
    pub fn expect(&mut self, holds: bool, path: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Problem {
                path: path.to_owned(),
                message: message(),
            });
        }
    }

    /// Notes a problem unless the text is one of the allowed words, whatever their case.
    pub fn one_of(&mut self, path: &str, text: &str, allowed: &[&str]) {
        let known = allowed.iter().any(|word| word.eq_ignore_ascii_case(text));
        self.expect(known, path, || {
            format!("{text:?} is not one of {}", allowed.join(", "))
        });
    }

    /// What was found.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
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
