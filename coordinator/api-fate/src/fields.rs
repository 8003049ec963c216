//! The members of request bodies, each described once: its kinds and what it means. Routes name them; the OpenAPI document
//! is written from both.

use api_kit::{Field, Kind};

use Kind::{Count, Document, Filter, Flag, Id, List, Names, OneOf, OpenObject as Object, Text};

const ROLE: Kind = OneOf(&["guest", "host", "arbiter", "local"]);

/// Every member that a route names, by the alphabet.
pub(super) static FIELDS: &[Field] = &[
    (
        "address",
        Object,
        "where the data lie, by engine; for PATH `{\"path\": …}`",
    ),
    (
        "algorithm_parameters",
        Object,
        "parameters by step, as in a runtime conf of version 1",
    ),
    (
        "archive_sha256",
        Text,
        "the archive's SHA-256, in hexadecimal digits",
    ),
    (
        "auto_increasing_sid",
        Flag,
        "with extend_sid: ids are line numbers",
    ),
    ("begin", Count, "the first line, from 1"),
    (
        "check_only",
        Flag,
        "says whether it could be done, and does nothing",
    ),
    (
        "component",
        Names,
        "components, separated by commas, or `*`",
    ),
    (
        "component_module_name",
        Text,
        "the module, such as HeteroLR",
    ),
    ("component_name", Names, "the step, by its name in the DSL"),
    (
        "component_parameters",
        Object,
        "parameters by step, as in a runtime conf",
    ),
    (
        "components_checkpoint",
        Object,
        "for a step, the checkpoint to deploy: `{step: {step_index | step_name}}`",
    ),
    ("connector_info", Object, "how the data source is reached"),
    ("connector_name", Text, "the data source's name"),
    ("cpn_list", Names, "the steps to deploy"),
    (
        "cpn_str",
        Names,
        "steps as a list or as text separated by commas",
    ),
    ("create", Flag, "answer with the names only (1.4)"),
    (
        "create_time",
        Filter,
        "milliseconds since the epoch, or a range of two",
    ),
    (
        "cron",
        Text,
        "moments in UTC as a cron text: five fields, or six with seconds before them",
    ),
    ("data_name", Text, "the output's name, such as train"),
    (
        "dataset",
        Document,
        "tables: `{name, namespace}`, a list of them, or `*`",
    ),
    (
        "delimiter",
        Text,
        "what separates columns; a comma by default",
    ),
    ("delimitor", Text, "delimiter, as 1.4 spells it"),
    (
        "deployment_parameters",
        Object,
        "how the service is deployed",
    ),
    ("deployment_type", Text, "the kind of service"),
    (
        "description",
        Text,
        "what it is for; as a filter, a part of it",
    ),
    ("drop", Flag, "1 replaces a table that is there"),
    ("dsl", Document, "the job's DSL, under its other name"),
    ("dsl_version", Count, "1 or 2"),
    ("elapsed", Filter, "milliseconds, or a range of two"),
    ("enable_type", Text, "what is switched"),
    (
        "enabled",
        Flag,
        "whether it begins jobs; it does unless this says otherwise",
    ),
    ("end", Count, "the last line"),
    (
        "end_time",
        Filter,
        "milliseconds since the epoch, or a range of two",
    ),
    ("engine", Text, "the storage: PATH, LOCALFS, STANDALONE, …"),
    ("engine_name", Text, "the computing engine"),
    ("every_seconds", Count, "again after so many seconds"),
    ("execute_party", Object, "who does it: parties by role"),
    ("experiment", Text, "the experiment, by id or name"),
    ("expire", Count, "seconds for which it counts"),
    ("extend_sid", Flag, "ids are made instead of read"),
    (
        "feature_column",
        Text,
        "names of the columns, separated by commas",
    ),
    (
        "file",
        Text,
        "the file's path; of an upload with the file in the form, its name",
    ),
    ("file_path", Text, "a path at the server"),
    ("filename", Text, "the answer comes as a file of this name"),
    ("force", Flag, "also what has succeeded"),
    ("force_update", Flag, "replaces a model that is there"),
    ("framework_name", Text, "the framework to convert to"),
    ("guest_party_id", Id, "the guest's party"),
    ("hash", Text, "the archive's SHA-256, in hexadecimal digits"),
    (
        "head",
        Flag,
        "1 when the first line holds the names of the columns",
    ),
    ("host_party_ids", Names, "the hosts' parties"),
    ("id_column", Text, "the name of the column of ids"),
    (
        "id_delimiter",
        Text,
        "what separates columns; a comma by default",
    ),
    ("ids", List, "ids of the rows that are meant"),
    ("in_serialized", Flag, "taken, without effect"),
    (
        "include_guest_coef",
        Flag,
        "whether the guest's part is merged, too",
    ),
    ("initiator", Object, "who starts it: `{role, party_id}`"),
    (
        "initiator_party_id",
        Filter,
        "the party that started the job",
    ),
    (
        "initiator_role",
        Filter,
        "the role of the party that started the job",
    ),
    ("is_initiator", Flag, "only the rows of the initiator"),
    ("job_dsl", Document, "the job's DSL; null for predict jobs"),
    ("job_id", Id, "the job"),
    (
        "job_parameters",
        Object,
        "parameters of the job, as in a runtime conf",
    ),
    ("job_runtime_conf", Object, "the job's runtime conf"),
    ("key", Text, "the key, as text"),
    ("key_name", Text, "which of the party's keys"),
    ("limit", Count, "at most so many; 0 or none for all"),
    (
        "local",
        Object,
        "who asks, `{role, party_id}`; taken, without effect",
    ),
    (
        "log_type",
        Text,
        "jobSchedule, jobScheduleError, partyError, partyWarning, partyInfo, partyDebug or componentInfo",
    ),
    (
        "meric_name",
        Text,
        "metric_name, as the older documents spell it",
    ),
    ("meta", Document, "how the rows are written, with with_meta"),
    ("metric_name", Text, "the metric"),
    (
        "metric_namespace",
        Text,
        "the metric's namespace, such as train",
    ),
    (
        "migrate_initiator",
        Object,
        "who starts jobs with the moved model",
    ),
    (
        "migrate_mapping",
        Object,
        "for a role, which party became which: `{role: {from: to}}`",
    ),
    ("migrate_role", Object, "the parties by role after the move"),
    ("min_data", Flag, "without the larger files"),
    ("model", Text, "a date of metrics (1.4)"),
    (
        "model_id",
        Text,
        "the model, such as `guest-9999#host-10000#model`",
    ),
    ("model_type", Text, "the kind of model"),
    (
        "model_version",
        Id,
        "the model's version: the id of the job that made or deployed it",
    ),
    ("module", Text, "the part whose version is asked for"),
    ("name", Text, "the name"),
    ("namespace", Text, "the table's namespace"),
    ("new_tag_desc", Text, "the tag's new description"),
    ("new_tag_name", Text, "the tag's new name"),
    ("notes", Text, "the note"),
    ("operate", Text, "`kill` stops the job as failed (1.4)"),
    ("options", Object, "further settings of the storage"),
    ("order", Text, "asc or desc"),
    (
        "order_by",
        Text,
        "create_time, start_time, end_time, elapsed, job_id or task_version",
    ),
    ("origin", Text, "where the table comes from"),
    ("output_format", Text, "the format of the answer"),
    ("output_name", Text, "the new table's name"),
    ("output_namespace", Text, "the new table's namespace"),
    (
        "output_path",
        Text,
        "where the file goes: below the party's export folder; a client's own path otherwise",
    ),
    ("owner", Id, "the party whose grants or keys are meant"),
    ("page", Count, "which page, from 1"),
    ("partition", Count, "parts of the table, from 1 to 1023"),
    ("partitions", Count, "parts of the table"),
    ("partner", Text, "a part of another party's id"),
    ("party_id", Id, "the party; 0 stands for none in particular"),
    ("path", Text, "a path at the server"),
    ("predict_dsl", Object, "the predict DSL to store"),
    ("privilege_command", Text, "commands (1.4)"),
    ("privilege_component", Text, "components (1.4)"),
    ("privilege_role", Text, "roles (1.4)"),
    ("query_filters", Names, "columns of the answer"),
    ("resource_in_use", Flag, "only jobs that hold resources"),
    ("role", ROLE, "the role"),
    (
        "role_parameters",
        Object,
        "parameters by role, as in a runtime conf of version 1",
    ),
    ("roles", Filter, "the parties by role"),
    (
        "runtime_conf",
        Object,
        "the runtime conf, under its other name",
    ),
    ("schedule_id", Text, "the schedule"),
    ("schema", Object, "the table's schema"),
    (
        "server_name",
        Text,
        "the server whose services are asked for",
    ),
    ("service_id", Text, "the service at which the model answers"),
    ("service_name", Text, "the service"),
    ("servings", List, "addresses of servings"),
    (
        "src_party_id",
        Id,
        "the party that is granted something (1.4)",
    ),
    ("src_role", ROLE, "its role (1.4)"),
    (
        "start_time",
        Filter,
        "milliseconds since the epoch, or a range of two",
    ),
    (
        "status",
        Filter,
        "waiting, running, success, failed, canceled or timeout",
    ),
    ("step_index", Count, "the checkpoint, by number"),
    ("step_name", Text, "the checkpoint, by name"),
    (
        "stop_status",
        Text,
        "what the job ends as: canceled (default) or failed",
    ),
    ("storage_address", Object, "taken, without effect"),
    ("storage_engine", Text, "the storage"),
    ("store_address", Object, "the model storage"),
    ("table_name", Text, "the table's name"),
    ("table_namespace", Text, "the table's namespace"),
    (
        "tables",
        Object,
        "tables to predict from: `{ROLE: {PARTY: {name, namespace}}}`",
    ),
    ("tag", Filter, "the job's tag"),
    ("tag_desc", Text, "the tag's description"),
    ("tag_name", Text, "the tag"),
    ("target_name", Text, "the name of the target column"),
    ("task_id", Filter, "the task, `JOB_STEP`"),
    ("task_version", Filter, "the attempt, from 0"),
    ("train_dsl", Document, "the train DSL, as text"),
    ("unify_model_version", Id, "the moved model's version"),
    ("use_local_data", Flag, "0: the file lies at the server"),
    ("verbose", Flag, "taken, without effect"),
    ("version", Id, "the version"),
    ("with_meta", Flag, "meta says how the rows are written"),
    ("with_model", Flag, "the tagged models, too"),
    ("woe_array", Document, "weights of evidence"),
    ("work_mode", Count, "taken, without effect (1.4)"),
];

#[cfg(test)]
mod tests {
    use super::super::{FateFlow, ROUTES};
    use super::*;
    use crate::Status;

    /// Routes that read little and give nothing.
    const QUIET: &[&str] = &["model/tag/destroy"];

    #[test]
    fn says_of_every_route_what_it_reads_or_gives() {
        for route in ROUTES {
            let said = !route.takes.is_empty() || !route.gives.is_empty() || route.needs.len() > 1;
            let known = said || QUIET.contains(&route.path);
            assert!(
                known || route.mark.status == Status::Unsupported,
                "{}: say what it takes and gives",
                route.path
            );
            let twice = route.takes.iter().find(|name| route.needs.contains(name));
            assert_eq!(twice, None, "{}", route.path);
        }
    }

    #[test]
    fn every_member_that_a_route_names_is_described_once() {
        for route in ROUTES {
            for name in route.members() {
                assert!(
                    api_kit::field::field::<FateFlow>(name).is_some(),
                    "{}: describe {name} in fields.rs",
                    route.path
                );
            }
        }
        assert!(
            FIELDS.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "by the alphabet, each once"
        );
    }
}
