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
const COLLECTIONS: [&str; 7] =
    ["templates", "experiments", "datasets", "models", "learnings", "jobs", "model_evaluations"];

impl Dialect {
    /// The API that a path belongs to.
    pub fn of(path: &str) -> Self {
        let mut segments = path.trim_start_matches('/').split('/');
        match (segments.next().unwrap_or_default(), segments.next(), segments.next()) {
            ("apis", _, _) => Self::Kubeflow,
            ("organizations" | "channels", _, _) => Self::Abeja,
            ("identity" | "meteos", _, _) | ("v1", None | Some(""), None) => Self::Meteos,
            ("", None, _) if path.len() <= 1 => Self::Meteos,
            ("v1", Some(project), Some(collection)) if !project.is_empty() && COLLECTIONS.contains(&collection) => {
                Self::Meteos
            }
            _ => Self::FateFlow,
        }
    }

    /// Whether a path is there for everybody, without a credential: health, versions, and where credentials are given out.
    pub fn is_open(path: &str) -> bool {
        let bare = path.trim_end_matches('/');
        match Self::of(path) {
            Self::Kubeflow => bare == "/apis/v1beta1/healthz" || bare.starts_with("/apis/docs"),
            Self::Meteos => {
                matches!(bare, "" | "/v1" | "/meteos/openapi.json" | "/meteos/docs") || path.starts_with("/identity")
            }
            Self::Abeja => is_opened_by_its_secret(bare),
            Self::FateFlow => false,
        }
    }
}

/// Addresses of ABEJA's files that hold a secret of their own; the face looks at it.
fn is_opened_by_its_secret(path: &str) -> bool {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    matches!(
        segments[..],
        ["organizations", _, "deployments", _, "versions", _, "content"]
            | ["organizations", _, "training", "definitions", _, "models", _, "content"]
            | ["channels", _, _, "content"]
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
    fn little_is_there_for_everybody() {
        for path in ["/", "/v1/", "/identity/v2.0/tokens", "/apis/v1beta1/healthz", "/apis/v1beta1/healthz/"] {
            assert!(Dialect::is_open(path), "{path}");
        }
        for path in ["/organizations/1/deployments/2/versions/ver-3/content", "/channels/1/2/content/"] {
            assert!(Dialect::is_open(path), "{path}");
        }
        for path in ["/channels/1/content", "/organizations/1/deployments/2/content", "/organizations/1/x/content"] {
            assert!(!Dialect::is_open(path), "{path}");
        }
        for path in ["/v1/p/models", "/apis/v1beta1/experiments", "/organizations/1", "/v1/job/query"] {
            assert!(!Dialect::is_open(path), "{path}");
        }
    }
}
