//! What this API holds under which names, and what can be done with it.

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
pub(super) const COLLECTIONS: [Collection; 7] = [
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
