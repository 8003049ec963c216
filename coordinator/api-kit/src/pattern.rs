//! Paths of a table as patterns, and which of them a request's path is.

use std::collections::BTreeMap;

/// What stands in a path where its route says `{name}`, as it was sent.
pub type Segments = BTreeMap<&'static str, String>;

/// A part of a pattern. The order says which of several fitting patterns is meant: text before names, names before the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Text(&'static str),
    Name(&'static str),
    Rest(&'static str),
}

impl Part {
    fn of(text: &'static str) -> Self {
        match text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
        {
            Some(name) => match name.strip_prefix('*') {
                Some(name) => Self::Rest(name),
                None => Self::Name(name),
            },
            None => Self::Text(text),
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Name(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

/// A path of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    verb: Option<&'static str>,
}

impl Pattern {
    /// The pattern of `base` and `path`; a slash at the end does not count. What stands behind a colon is a verb.
    pub(crate) fn new(base: &'static str, path: &'static str) -> Self {
        let (path, verb) = without_verb(path);
        let whole = base.split('/').chain(path.split('/'));
        Self {
            parts: whole
                .filter(|part| !part.is_empty())
                .map(Part::of)
                .collect(),
            verb,
        }
    }

    /// What comes first among patterns that fit the same path.
    pub(crate) fn ranks(&self) -> Vec<u8> {
        self.parts.iter().map(|part| part.rank()).collect()
    }

    /// What the names stand for, when path and verb fit.
    pub(crate) fn fit(&self, path: &str, verb: Option<&str>) -> Option<Segments> {
        if self.verb != verb {
            return None;
        }
        let path = path.trim_end_matches('/');
        let mut left = match path.strip_prefix('/') {
            Some(path) => Some(path),
            None if path.is_empty() => None,
            None => return None,
        };
        let mut found = Segments::new();
        for part in &self.parts {
            let text = left?;
            let (segment, rest) = match text.split_once('/') {
                Some((segment, rest)) => (segment, Some(rest)),
                None => (text, None),
            };
            left = rest;
            match *part {
                Part::Text(own) if own == segment => {}
                Part::Name(name) if !segment.is_empty() => {
                    found.insert(name, segment.to_owned());
                }
                Part::Rest(name) if !text.is_empty() => {
                    found.insert(name, text.to_owned());
                    left = None;
                }
                _ => return None,
            }
        }
        left.is_none().then_some(found)
    }
}

/// A path without what stands behind the last colon of its last segment, and that.
pub(crate) fn without_verb(path: &str) -> (&str, Option<&str>) {
    match path.rsplit_once(':') {
        Some((path, verb)) if !verb.contains('/') => (path, Some(verb)),
        _ => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
        let found = Pattern::new("/v1/", pattern).fit(path, None)?;
        Some(found.into_iter().collect())
    }

    #[test]
    fn a_name_is_one_segment_and_the_rest_is_all_that_follow() {
        assert_eq!(fit("job/query", "/v1/job/query"), Some(vec![]));
        assert_eq!(fit("job/query", "/v1/job/query/"), Some(vec![]));
        let found = |name, text: &str| Some(vec![(name, text.to_owned())]);
        assert_eq!(
            fit("server/{name}/get", "/v1/server/a%2Fb/get"),
            found("name", "a%2Fb")
        );
        assert_eq!(fit("party/{*rest}", "/v1/party/a/b"), found("rest", "a/b"));
        for (pattern, path) in [
            ("job/query", "/v1/job"),
            ("job/query", "/v1/job/query/x"),
            ("job/query", "v1/job/query"),
            ("job/query", "/v1//job/query"),
            ("server/{name}/get", "/v1/server//get"),
            ("server/{name}/get", "/v1/server/a/b/get"),
            ("party/{*rest}", "/v1/party"),
            ("party/{*rest}", "/v1/party/"),
        ] {
            assert_eq!(fit(pattern, path), None, "{pattern} {path}");
        }
    }

    #[test]
    fn the_root_is_a_path() {
        let root = Pattern::new("/", "");
        assert_eq!(root.fit("/", None), Some(Segments::new()));
        assert_eq!(root.fit("", None), Some(Segments::new()));
        assert_eq!(root.fit("/x", None), None);
    }

    #[test]
    fn a_verb_stands_behind_the_last_colon() {
        let archive = Pattern::new("/", "things/{id}:archive");
        let id = |path| {
            let (path, verb) = without_verb(path);
            archive.fit(path, verb).map(|found| found["id"].clone())
        };
        assert_eq!(id("/things/x:archive"), Some("x".to_owned()));
        assert_eq!(id("/things/x:y:archive"), Some("x:y".to_owned()));
        assert_eq!(id("/things/x"), None);
        assert_eq!(id("/things/x:archives"), None);
        assert_eq!(id("/things/:archive"), None);
    }
}
