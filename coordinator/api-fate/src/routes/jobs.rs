//! Uploads and downloads, and jobs.

use api_kit::call;

use super::{BOTH, POST, Route, at_agent, file, raw, served};
use crate::{
    data, job, job_list, job_query, log, model_deploy, report, submit, task, upload, upload_history,
};

/// The rows.
pub(super) const ROUTES: &[Route] = &[
    at_agent(
        "data/upload",
        "stores a file as a table and starts the job that does it",
        raw!(upload::upload),
    )
    .needs(&["namespace", "table_name", "head", "partition"])
    .takes(&[
        "file",
        "id_delimiter",
        "drop",
        "extend_sid",
        "auto_increasing_sid",
        "with_meta",
        "meta",
        "schema",
        "party_id",
        "use_local_data",
        "storage_engine",
        "storage_address",
        "verbose",
        "work_mode",
    ])
    .gives(
        "the job that makes the table: job_id, namespace, table_name, \
             model_info, board_url, paths",
    ),
    served(
        "data/download",
        "starts a job that writes a table to a file at its party",
        call!(data::download),
    )
    .needs(&["namespace", "table_name", "output_path"])
    .takes(&["delimiter", "delimitor", "party_id", "work_mode"])
    .gives("the job that writes the file: job_id, board_url, paths"),
    served(
        "data/writer",
        "starts a job that keeps a table under another name, or writes it to a \
             file at its party",
        call!(data::writer),
    )
    .needs(&["namespace", "table_name"])
    .takes(&[
        "output_name",
        "output_namespace",
        "storage_engine",
        "address",
        "party_id",
        "delimiter",
        "partitions",
        "drop",
    ])
    .gives("the job that writes: job_id, board_url, paths"),
    served(
        "data/upload/history",
        "lists successful uploads, newest first",
        call!(upload_history::history),
    )
    .takes(&["limit", "job_id"])
    .gives("a list of `{job_id: {upload_info, notes, schema}}`, newest first"),
    served("job/submit", "starts a job", call!(submit::submit))
        .needs(&["job_runtime_conf"])
        .takes(&["job_dsl", "runtime_conf", "dsl", "name", "description"])
        .gives(
            "the job: job_id, model_info, logs_directory, board_url, paths; `jobId` \
             beside data",
        ),
    served("job/stop", "stops a job", call!(job::stop))
        .needs(&["job_id"])
        .takes(&["stop_status", "operate"]),
    served(
        "job/rerun",
        "runs what did not succeed again",
        call!(job::rerun),
    )
    .needs(&["job_id"])
    .takes(&["component_name", "force"]),
    served(
        "job/query",
        "rows of the jobs that fit the filters",
        call!(job_query::query),
    )
    .takes(&[
        "job_id",
        "role",
        "party_id",
        "experiment",
        "status",
        "name",
        "tag",
        "description",
        "roles",
        "initiator_role",
        "initiator_party_id",
        "is_initiator",
        "create_time",
        "start_time",
        "end_time",
        "elapsed",
    ])
    .gives(
        "a row for each participant of each job, columns with the prefix `f_`; \
             none without a usable filter",
    ),
    served("job/list/job", "pages through jobs", call!(job_list::jobs))
        .takes(&[
            "limit",
            "page",
            "order",
            "order_by",
            "job_id",
            "description",
            "party_id",
            "partner",
            "role",
            "status",
        ])
        .gives("`{jobs, count}`: rows without prefix, and how many there are"),
    served(
        "job/list/task",
        "pages through tasks",
        call!(job_list::tasks),
    )
    .takes(&[
        "limit",
        "page",
        "order",
        "order_by",
        "job_id",
        "component_name",
        "role",
        "party_id",
    ])
    .gives("`{tasks, count}`: rows without prefix, every attempt"),
    served("job/update", "puts notes on a job", call!(job::update))
        .needs(&["job_id", "role", "party_id"])
        .takes(&["notes"]),
    served(
        "job/parameter/update",
        "changes parameters of a job that waits or has ended",
        call!(job::update_parameters),
    )
    .needs(&["job_id"])
    .takes(&["job_parameters", "component_parameters"])
    .gives("`{job_parameters, component_parameters, components}`"),
    served(
        "job/config",
        "the documents of a job",
        call!(job_query::config),
    )
    .needs(&["job_id"])
    .takes(&["role", "party_id"])
    .gives("`{job_id, dsl, runtime_conf, train_runtime_conf, model_info}`"),
    file(
        served(
            "job/log/download",
            "the logs of a job, collected from its parties",
            call!(log::download),
        )
        .needs(&["job_id"])
        .gives("a tar.gz of the job's logs, by role and party"),
        POST,
    ),
    file(
        served("job/log", "the logs of a job (1.4)", call!(log::download))
            .needs(&["job_id"])
            .gives("a tar.gz of the job's logs, by role and party"),
        BOTH,
    ),
    served(
        "job/log/path",
        "where the logs of a job are",
        call!(log::path),
    )
    .needs(&["job_id"])
    .gives("`{logs_directory}`"),
    served(
        "job/task/query",
        "rows of the tasks that fit the filters, newest attempt",
        call!(task::query),
    )
    .takes(&[
        "job_id",
        "component_name",
        "task_id",
        "task_version",
        "role",
        "party_id",
        "status",
    ])
    .gives("rows of tasks with the prefix `f_`"),
    served(
        "job/data/view/query",
        "output tables of a job",
        call!(task::data_view),
    )
    .needs(&["job_id"])
    .takes(&[
        "component_name",
        "task_id",
        "task_version",
        "data_name",
        "role",
        "party_id",
        "table_name",
        "table_namespace",
    ])
    .gives("rows of output tables with the prefix `f_`"),
    at_agent(
        "job/clean",
        "ends a job that runs, and removes the tables, logs, metrics and \
             summaries that it left",
        call!(job::clean),
    )
    .needs(&["job_id"])
    .takes(&["role", "party_id", "component_name"]),
    served(
        "job/clean/queue",
        "cancels all waiting jobs",
        call!(job::clean_queue),
    )
    .gives("`{job_id: 0}` of the jobs that were canceled"),
    served(
        "job/dsl/generate",
        "makes a predict DSL from a train DSL",
        call!(model_deploy::generate),
    )
    .needs(&["train_dsl", "cpn_str"])
    .takes(&["version", "filename"])
    .gives("the predict DSL, or a file with it"),
    served(
        "job/report",
        "times of a job's tasks",
        call!(report::report),
    )
    .needs(&["job_id"])
    .takes(&["role", "party_id", "component_name", "status"])
    .gives("a list of `{component_name, start_time, end_time, elapsed, status, index}`"),
    served(
        "job/url/get",
        "the board pages of a job",
        call!(report::url),
    )
    .needs(&["job_id", "role", "party_id"])
    .gives("`{board_url: […]}`"),
];
