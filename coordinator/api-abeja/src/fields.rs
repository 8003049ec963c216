//! The names in paths, queries and bodies, each described once.

use api_kit::Field;
use api_kit::Kind::{Integer, Object, Text};

/// What a name in a path, a query or a body is.
pub(super) static FIELDS: &[Field] = &[
    (
        "organization",
        Text,
        "the organization: the tenant of the credential; any text where the REST endpoint asks nobody",
    ),
    ("deployment", Text, "a deployment's id: 13 digits"),
    (
        "version",
        Text,
        "in a path a version's id (`ver-` and 16 hexadecimal digits), in a body its label",
    ),
    ("run", Text, "a run's id: `run-` and 16 hexadecimal digits"),
    (
        "definition",
        Text,
        "a definition's number or name, `~` for `#`",
    ),
    ("model", Text, "a training model's id: 13 digits"),
    ("number", Integer, "the number of a definition's version"),
    ("job", Text, "the id of a training's job"),
    ("include_jobs", Text, "`true`: with the trainings as `jobs`"),
    ("channel", Text, "a channel's id: 13 digits"),
    (
        "file",
        Text,
        "a file's id, such as `20180515T180605-` and a UUID",
    ),
    ("version_id", Text, "the version's id"),
    (
        "input_data",
        Object,
        "`{\"$datalake:1\": \"<channel_id>/<file_id>\"}`",
    ),
    ("models", Object, "training model ids by alias"),
    (
        "output_template",
        Object,
        "`{\"$datalake:1\": \"<channel_id>\"}`; kept and shown",
    ),
    (
        "retry_count",
        Integer,
        "how often the run is tried again: 0 to 9, 5 unless given",
    ),
    (
        "distribution",
        Integer,
        "a number from 0 on; its remainder chooses the queue",
    ),
    (
        "environment",
        Object,
        "texts by name, over the deployment's default_environment",
    ),
    ("default_environment", Object, "texts by name"),
    ("next_page_token", Text, "the token of the page before"),
    ("scan_forward", Text, "`true`: oldest first"),
    ("next_token", Text, "the token of the page before"),
    (
        "next_forward_token",
        Text,
        "the token of a page, to newer lines; stands above next_backward_token",
    ),
    (
        "next_backward_token",
        Text,
        "the token of a page, to older lines",
    ),
    (
        "start_time",
        Text,
        "from this second on, UTC unless it has a zone",
    ),
    ("end_time", Text, "up to this second, itself included"),
    ("name", Text, "a name of 1 to 255 characters"),
    ("description", Text, "notes"),
    ("handler", Text, "kept and shown"),
    ("image", Text, "kept and shown"),
    ("user_parameters", Object, "kept and shown"),
    ("secret", Text, "what the address was given out with"),
    (
        "filter_archived",
        Text,
        "`exclude_archived` (so unless given) or `include_archived`",
    ),
    ("limit", Integer, "at most so many"),
    ("offset", Integer, "leave out so many"),
    ("storage_type", Text, "`datalake` or `file`"),
    ("start", Text, "files from this second or day on"),
    ("end", Text, "files up to this second or day"),
    ("items_per_page", Integer, "1 to 1000, 100 unless given"),
    ("sort", Text, "`uploaded_at` or `-uploaded_at`"),
    ("q", Text, "`<name of metadata>:<text that it contains>`"),
    ("lifetime", Text, "1day, 1week, 1month, 6months or 1year"),
    (
        "conflict_target",
        Text,
        "the name of metadata whose value no other file of the channel may have",
    ),
];

#[cfg(test)]
mod tests {
    use api_kit::field::not_described;

    use crate::{Abeja, ROUTES};

    #[test]
    fn describes_every_name_of_the_table() {
        assert_eq!(not_described::<Abeja>(), [""; 0]);
        for route in ROUTES {
            assert!(
                !route.gives.is_empty() && !route.summary.is_empty(),
                "{}",
                route.path
            );
        }
    }
}
