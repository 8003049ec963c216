//! Routes that FATE-Flow does not have.

use api_kit::call;

use super::{GET, Route, served};
use crate::model_exchange::OF_PART;
use crate::{info, job, model_exchange, schedule, serving, table};

/// The rows.
pub(super) const ROUTES: &[Route] = &[
    Route {
        methods: GET,
        ..served(
            "fedflow/health",
            "how the coordinator is",
            call!(info::health),
        )
        .gives("`{store, jobs, agents_online, agents_known, version}`")
    },
    served(
        "fedflow/serving/plan",
        "what an agent needs to bind a model",
        call!(serving::plan),
    )
    .needs(&["service_id"])
    .takes(&["job_id", "initiator", "role", "job_parameters", "tables"])
    .gives("{service_id, plan}"),
    served(
        "fedflow/schedules/create",
        "keeps documents of a job that is begun again and again",
        call!(schedule::create),
    )
    .needs(&["job_runtime_conf"])
    .takes(&[
        "job_dsl",
        "every_seconds",
        "cron",
        "enabled",
        "name",
        "description",
    ])
    .gives("the schedule"),
    served(
        "fedflow/schedules/query",
        "schedules, and when they begin next",
        call!(schedule::query),
    )
    .takes(&["schedule_id", "experiment"])
    .gives(
        "a list of `{schedule_id, name, description, experiment, enabled, \
             every_seconds, cron, next_time, begun, ticket, last: {time, job_id, \
             error}, create_time, update_time}`",
    ),
    served(
        "fedflow/schedules/enable",
        "lets a schedule begin jobs from now on",
        call!(schedule::enable),
    )
    .needs(&["schedule_id"])
    .gives("the schedule"),
    served(
        "fedflow/schedules/disable",
        "lets a schedule begin no more jobs",
        call!(schedule::disable),
    )
    .needs(&["schedule_id"])
    .gives("the schedule"),
    served(
        "fedflow/schedules/delete",
        "deletes a schedule; its jobs stay",
        call!(schedule::delete),
    )
    .needs(&["schedule_id"])
    .gives("nothing"),
    served(
        "fedflow/job/waiting",
        "what a job waits for",
        call!(job::waiting),
    )
    .needs(&["job_id"])
    .gives("`{waiting: {reason, parties, since, last_error}}`; null when it waits for nothing"),
    served(
        "fedflow/model/documents",
        "the documents of a participant's part of a model, for its agent",
        call!(model_exchange::documents),
    )
    .needs(OF_PART)
    .gives("the documents, as `service::ModelDocuments` describes them"),
    served(
        "fedflow/model/imported",
        "an agent tells that it took a part of a model in",
        call!(model_exchange::imported),
    )
    .needs(OF_PART)
    .takes(&["archive_sha256", "force_update", "check_only"])
    .gives("{role, party_id, model_id, model_version}"),
    served(
        "fedflow/model/loaded",
        "an agent tells that it loaded its part",
        call!(model_exchange::loaded),
    )
    .needs(OF_PART),
    served(
        "fedflow/table/removed",
        "an agent tells that a table of its party is gone",
        call!(table::removed),
    )
    .needs(&["namespace", "table_name"]),
];
