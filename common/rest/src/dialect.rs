//! Which API a request speaks, by its path alone: several share one port.

/// An API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// FATE-Flow's, and fedflow's own: everything that is nobody else's.
    FateFlow,
    /// Kubeflow Pipelines'.
    Kubeflow,
    /// ABEJA's.
    Abeja,
    /// Meteos'.
    Meteos,
}

/// What Meteos keeps below `/v1/PROJECT/`; no route of FATE-Flow has one of these there.
const COLLECTIONS: [&str; 7] = [
    "templates",
    "experiments",
    "datasets",
    "models",
    "learnings",
    "jobs",
    "model_evaluations",
];

impl Dialect {
    /// The API that a path belongs to.
    pub fn of(path: &str) -> Self {
        let path = Self::without_prefix(path);
        let mut segments = path.trim_start_matches('/').split('/');
        match (
            segments.next().unwrap_or_default(),
            segments.next(),
            segments.next(),
        ) {
            ("apis", _, _) => Self::Kubeflow,
            ("organizations" | "channels", _, _) => Self::Abeja,
            ("identity" | "meteos", _, _) | ("v1", None | Some(""), None) => Self::Meteos,
            // The bare root is where OpenStack's clients ask for versions.
            ("", None, _) if path.len() <= 1 => Self::Meteos,
            ("v1", Some(project), Some(collection))
                if !project.is_empty() && COLLECTIONS.contains(&collection) =>
            {
                Self::Meteos
            }
            _ => Self::FateFlow,
        }
    }

    /// A path without the prefix under which Kubeflow's own installations serve their API.
    pub fn without_prefix(path: &str) -> &str {
        match path.strip_prefix("/pipeline") {
            Some(rest) if rest == "/apis" || rest.starts_with("/apis/") => rest,
            _ => path,
        }
    }

    /// Whether a path is among those that FATE-Flow answers in its own way, whatever stands there: with HTTP 200 and a code of its
    /// own. What is below `/v1/fedflow/` and all that is nobody's is answered as HTTP means it.
    pub fn is_fates(path: &str) -> bool {
        let own = path
            .strip_prefix("/v1/")
            .filter(|rest| rest.split('/').next() != Some("fedflow"));
        own.is_some() && Self::of(path) == Self::FateFlow
    }

    /// Whether nothing is served under a path, whichever daemon is asked.
    pub fn is_nobodys(path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let is_document = matches!(path, "/docs" | "/openapi.json");
        Self::of(path) == Self::FateFlow
            && !(path.starts_with("/v1/") || is_document || Self::is_probe(path))
    }

    /// Whether a path tells only whether the daemon lives and is ready.
    pub fn is_probe(path: &str) -> bool {
        matches!(
            path.trim_end_matches('/'),
            "/livez" | "/readyz" | "/healthz"
        )
    }

    /// Whether a path is there for everybody, without a credential: health, versions, and where credentials are given out.
    pub fn is_open(path: &str) -> bool {
        let bare = Self::without_prefix(path).trim_end_matches('/');
        match Self::of(path) {
            Self::Kubeflow => bare == "/apis/v1beta1/healthz" || bare.starts_with("/apis/docs"),
            Self::Meteos => {
                matches!(bare, "" | "/v1" | "/meteos/openapi.json" | "/meteos/docs")
                    || path.starts_with("/identity")
            }
            Self::Abeja => is_opened_by_its_secret(bare),
            Self::FateFlow => Self::is_probe(path),
        }
    }
}

/// Addresses of ABEJA's files that hold a secret of their own; the API looks at it.
fn is_opened_by_its_secret(path: &str) -> bool {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    matches!(
        segments[..],
        [
            "organizations",
            _,
            "deployments",
            _,
            "versions",
            _,
            "content"
        ] | [
            "organizations",
            _,
            "training",
            "definitions",
            _,
            "models",
            _,
            "content"
        ] | ["channels", _, _, "content"]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_api_by_its_path() {
        for (path, dialect) in [
            ("/apis/v1beta1/experiments", Dialect::Kubeflow),
            ("/apis", Dialect::Kubeflow),
            ("/pipeline/apis/v1beta1/experiments", Dialect::Kubeflow),
            ("/pipeline/apis", Dialect::Kubeflow),
            ("/pipeline/apisx", Dialect::FateFlow),
            ("/pipeline", Dialect::FateFlow),
            ("/pipeline/pipeline/apis", Dialect::FateFlow),
            ("/organizations/1234567890123/deployments", Dialect::Abeja),
            ("/channels/1/upload", Dialect::Abeja),
            ("/", Dialect::Meteos),
            ("/v1", Dialect::Meteos),
            ("/v1/", Dialect::Meteos),
            ("/identity/v3/auth/tokens", Dialect::Meteos),
            ("/meteos/docs", Dialect::Meteos),
            ("/v1/p/templates", Dialect::Meteos),
            ("/v1/p/models/m/action", Dialect::Meteos),
            ("/v1/job/submit", Dialect::FateFlow),
            ("/v1/version/get", Dialect::FateFlow),
            ("/v1/p/templates2", Dialect::FateFlow),
            ("/v1//models", Dialect::FateFlow),
            ("/v2/p/models", Dialect::FateFlow),
            ("/docs", Dialect::FateFlow),
            ("//", Dialect::FateFlow),
        ] {
            assert_eq!(Dialect::of(path), dialect, "{path}");
        }
    }

    #[test]
    fn fates_own_is_what_its_clients_ask_for() {
        for path in ["/v1/job/query", "/v1/no/such", "/v1/x"] {
            assert!(Dialect::is_fates(path), "{path}");
        }
        for (path, nobodys) in [
            ("/nothing", true),
            ("/pipeline/x", true),
            ("/v2/job", true),
            ("/docs/", false),
            ("/v1/x", false),
        ] {
            assert_eq!(Dialect::is_nobodys(path), nobodys, "{path}");
        }
        for path in [
            "/v1/fedflow/health",
            "/v1/fedflow",
            "/v2/job/query",
            "/nothing",
            "/pipeline/x",
            "/",
            "/v1",
            "/apis",
        ] {
            assert!(!Dialect::is_fates(path), "{path}");
        }
    }

    #[test]
    fn little_is_there_for_everybody() {
        for path in [
            "/",
            "/v1/",
            "/identity/v2.0/tokens",
            "/apis/v1beta1/healthz",
            "/apis/v1beta1/healthz/",
            "/pipeline/apis/v1beta1/healthz",
            "/livez",
            "/readyz/",
        ] {
            assert!(Dialect::is_open(path), "{path}");
        }
        for path in [
            "/organizations/1/deployments/2/versions/ver-3/content",
            "/channels/1/2/content/",
        ] {
            assert!(Dialect::is_open(path), "{path}");
        }
        for path in [
            "/channels/1/content",
            "/organizations/1/deployments/2/content",
            "/organizations/1/x/content",
        ] {
            assert!(!Dialect::is_open(path), "{path}");
        }
        for path in [
            "/v1/p/models",
            "/apis/v1beta1/experiments",
            "/organizations/1",
            "/v1/job/query",
        ] {
            assert!(!Dialect::is_open(path), "{path}");
        }
    }
}
