//! What this API serves: the one list, from which the router, the documents and tests are made.

/// A method under which a route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST, with a JSON body.
    Post,
    /// DELETE.
    Delete,
}

impl Method {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// What a collection holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// Compute profiles.
    Template,
    /// Workspaces.
    Experiment,
    /// Tables of lines.
    Dataset,
    /// What was learned.
    Model,
    /// How well it does.
    Evaluation,
    /// What it says of a row.
    Learning,
}

/// A collection under its names.
#[derive(Debug, PartialEq, Eq)]
pub struct Collection {
    /// What it holds.
    pub noun: Noun,
    /// Its name in paths and lists.
    pub plural: &'static str,
    /// The name of one.
    pub singular: &'static str,
    /// Names under which a new one may come.
    pub(super) wrappers: &'static [&'static str],
    /// Fields of a new one.
    pub(super) fields: &'static [&'static str],
}

/// Every collection; learnings go by a second name.
pub(super) static COLLECTIONS: [Collection; 7] = [
    Collection {
        noun: Noun::Template,
        plural: "templates",
        singular: "template",
        wrappers: &["template"],
        fields: &[
            "display_name",
            "display_description",
            "image_id",
            "master_nodes_num",
            "master_flavor_id",
            "worker_nodes_num",
            "worker_flavor_id",
            "spark_version",
            "floating_ip_pool",
        ],
    },
    Collection {
        noun: Noun::Experiment,
        plural: "experiments",
        singular: "experiment",
        wrappers: &["experiment"],
        fields: &[
            "display_name",
            "display_description",
            "template_id",
            "key_name",
            "neutron_management_network",
        ],
    },
    Collection {
        noun: Noun::Dataset,
        plural: "datasets",
        singular: "dataset",
        wrappers: &["dataset"],
        fields: &[
            "display_name",
            "display_description",
            "method",
            "source_dataset_url",
            "experiment_id",
            "params",
            "percent_train",
            "percent_test",
            "swift_tenant",
            "swift_username",
            "swift_password",
        ],
    },
    Collection {
        noun: Noun::Model,
        plural: "models",
        singular: "model",
        wrappers: &["model"],
        fields: &[
            "display_name",
            "display_description",
            "source_dataset_url",
            "dataset_format",
            "model_type",
            "model_params",
            "experiment_id",
            "swift_tenant",
            "swift_username",
            "swift_password",
        ],
    },
    Collection {
        noun: Noun::Evaluation,
        plural: "model_evaluations",
        singular: "model_evaluation",
        wrappers: &["model_evaluation"],
        fields: &[
            "display_name",
            "model_id",
            "source_dataset_url",
            "dataset_format",
        ],
    },
    Collection {
        noun: Noun::Learning,
        plural: "learnings",
        singular: "learning",
        wrappers: &["learning"],
        fields: LEARNING,
    },
    Collection {
        noun: Noun::Learning,
        plural: "jobs",
        singular: "job",
        wrappers: &["job", "learning"],
        fields: LEARNING,
    },
];

const LEARNING: &[&str] = &[
    "display_name",
    "display_description",
    "model_id",
    "method",
    "args",
];

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Tells the versions.
    Versions,
    /// Makes one.
    Create(&'static Collection),
    /// Lists them, in short or in detail.
    List(&'static Collection, bool),
    /// Shows one.
    Show(&'static Collection),
    /// Deletes one.
    Delete(&'static Collection),
    /// Loads, unloads or recreates a model.
    Act,
    /// This API as an OpenAPI document.
    Document,
    /// The same for people.
    Page,
    /// Tells the version of the identity service.
    Identity,
    /// Gives a token out.
    Token,
}

impl Action {
    /// Whether it is there for those who prove nothing.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::Versions | Self::Document | Self::Page | Self::Identity | Self::Token
        )
    }
}

/// One row of the table of what is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Under which method.
    pub method: Method,
    /// The path; `{project}` and `{id}` stand for one segment each.
    pub path: String,
    /// What it does, for the documents.
    pub summary: String,
    /// HTTP status of a success.
    pub status: u16,
    /// What it does.
    pub action: Action,
}

/// Every route.
pub fn routes() -> Vec<Route> {
    let route = |method, path: String, status, action, summary: &str| Route {
        method,
        path,
        summary: summary.to_owned(),
        status,
        action,
    };
    let mut all = vec![
        route(
            Method::Get,
            "/".to_owned(),
            300,
            Action::Versions,
            "the versions of the API",
        ),
        route(
            Method::Get,
            "/v1/".to_owned(),
            200,
            Action::Versions,
            "the versions of the API",
        ),
    ];
    for collection in &COLLECTIONS {
        let (plural, singular) = (collection.plural, collection.singular);
        let base = format!("/v1/{{project}}/{plural}");
        let one = format!("{base}/{{id}}");
        let said = |what: &str| format!("{what} {}", singular.replace('_', " "));
        let many = plural.replace('_', " ");
        all.extend([
            route(
                Method::Post,
                base.clone(),
                200,
                Action::Create(collection),
                &said("makes a"),
            ),
            route(
                Method::Get,
                base.clone(),
                200,
                Action::List(collection, false),
                &format!("lists {many}"),
            ),
            route(
                Method::Get,
                format!("{base}/detail"),
                200,
                Action::List(collection, true),
                &format!("lists {many} in detail"),
            ),
            route(
                Method::Get,
                one.clone(),
                200,
                Action::Show(collection),
                &said("shows a"),
            ),
            route(
                Method::Delete,
                one,
                202,
                Action::Delete(collection),
                &said("deletes a"),
            ),
        ]);
    }
    let act = "loads (os-load), unloads (os-unload) or learns a model anew (os-recreate)";
    all.push(route(
        Method::Post,
        "/v1/{project}/models/{id}/action".to_owned(),
        200,
        Action::Act,
        act,
    ));
    let document = "this API as an OpenAPI document";
    all.push(route(
        Method::Get,
        "/meteos/openapi.json".to_owned(),
        200,
        Action::Document,
        document,
    ));
    all.push(route(
        Method::Get,
        "/meteos/docs".to_owned(),
        200,
        Action::Page,
        "the same as a page for people",
    ));
    let (identity, token) = (
        "the version of the identity service, where it is switched on",
        "gives a token out",
    );
    all.push(route(
        Method::Get,
        "/identity/v3".to_owned(),
        200,
        Action::Identity,
        identity,
    ));
    all.push(route(
        Method::Post,
        "/identity/v3/auth/tokens".to_owned(),
        201,
        Action::Token,
        token,
    ));
    all
}
