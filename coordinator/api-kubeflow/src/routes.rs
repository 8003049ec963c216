//! The one list of what is served: routing, coverage page, OpenAPI document and generated tests are made from it.

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
    /// DELETE.
    Delete,
}

impl Verb {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Delete => "DELETE",
        }
    }
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    List,
    Get,
    Delete,
    Archive,
    Unarchive,
    Health,
    Document,
    Page,
}

/// One row of the table.
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The path; `{id}` stands for one segment, and what follows a colon for a verb.
    pub path: &'static str,
    /// The gRPC method of the same operation; `None` where there is none.
    pub rpc: Option<&'static str>,
    /// What it does, for the documents.
    pub summary: &'static str,
    pub(super) operation: Operation,
}

impl Route {
    /// Whether everybody may ask, without a credential.
    pub const fn is_open(&self) -> bool {
        self.rpc.is_none()
    }

    /// The id in a path, split into segments and verb, that is this route's; empty when it has none.
    pub(super) fn matches<'a>(&self, segments: &[&'a str], verb: Option<&str>) -> Option<&'a str> {
        let (path, own_verb) = match self.path.rsplit_once(':') {
            Some((path, verb)) => (path, Some(verb)),
            None => (self.path, None),
        };
        let own: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        if own_verb != verb || own.len() != segments.len() {
            return None;
        }
        let mut id = "";
        for (own, given) in own.iter().zip(segments) {
            match *own {
                "{id}" if !given.is_empty() => id = given,
                own if own == *given => {}
                _ => return None,
            }
        }
        Some(id)
    }
}

const fn route(
    verb: Verb,
    path: &'static str,
    operation: Operation,
    rpc: Option<&'static str>,
    summary: &'static str,
) -> Route {
    Route {
        verb,
        path,
        rpc,
        summary,
        operation,
    }
}

/// Everything that is served.
pub const ROUTES: &[Route] = &[
    route(
        Verb::Post,
        "/apis/v1beta1/experiments",
        Operation::Create,
        Some("CreateExperiment"),
        "Makes an experiment; its name must be free",
    ),
    route(
        Verb::Get,
        "/apis/v1beta1/experiments",
        Operation::List,
        Some("ListExperiment"),
        "Experiments, filtered, sorted and paged",
    ),
    route(
        Verb::Get,
        "/apis/v1beta1/experiments/{id}",
        Operation::Get,
        Some("GetExperiment"),
        "One experiment",
    ),
    route(
        Verb::Delete,
        "/apis/v1beta1/experiments/{id}",
        Operation::Delete,
        Some("DeleteExperiment"),
        "Deletes an experiment; its jobs stay",
    ),
    route(
        Verb::Post,
        "/apis/v1beta1/experiments/{id}:archive",
        Operation::Archive,
        Some("ArchiveExperiment"),
        "Archives an experiment and its jobs, disables its schedules, and stops nothing",
    ),
    route(
        Verb::Post,
        "/apis/v1beta1/experiments/{id}:unarchive",
        Operation::Unarchive,
        Some("UnarchiveExperiment"),
        "Takes an experiment out again; its jobs stay archived and its schedules disabled",
    ),
    route(
        Verb::Get,
        "/apis/v1beta1/healthz",
        Operation::Health,
        None,
        "Whether it is there, and in which mode",
    ),
    route(
        Verb::Get,
        "/apis/docs/openapi.json",
        Operation::Document,
        None,
        "This API as an OpenAPI document",
    ),
    route(
        Verb::Get,
        "/apis/docs",
        Operation::Page,
        None,
        "The same as a page",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_routes_with_its_verb() {
        let of = |segments: &[&str], verb| -> Vec<&str> {
            let matching = ROUTES
                .iter()
                .filter(|route| route.matches(segments, verb).is_some());
            matching
                .map(|route| route.summary.split(' ').next().unwrap_or_default())
                .collect()
        };
        let experiments = ["apis", "v1beta1", "experiments"];
        assert_eq!(of(&experiments, None), ["Makes", "Experiments,"]);
        assert_eq!(
            of(&[experiments.as_slice(), &["x"]].concat(), None),
            ["One", "Deletes"]
        );
        assert_eq!(
            of(&[experiments.as_slice(), &["x"]].concat(), Some("archive")),
            ["Archives"]
        );
        assert_eq!(
            of(&[experiments.as_slice(), &["x"]].concat(), Some("frob")),
            [""; 0]
        );
        assert_eq!(of(&[experiments.as_slice(), &[""]].concat(), None), [""; 0]);
        assert_eq!(of(&["apis", "v1beta1"], None), [""; 0]);
    }
}
