//! Every route of FATE-Flow 1.11 that a client calls, and how far it is served here. The one list; tests, the coverage
//! page and the OpenAPI document are made from it.

use super::model_exchange::OF_PART;
use super::model_foreign::{OF_COMPONENT, OF_DEPLOYMENT, OF_MERGE, OF_MODEL, OF_WOE};
use super::routing::{Handler, Kind, Method, Route, Status};
use super::{
    archive, checkpoint, component, dag, data, info, job, job_list, job_query, log, metric,
    migrate, model_deploy, model_exchange, model_foreign, model_query, model_tag, output,
    permission, report, resource, schedule, server, serving, submit, table, table_more, task,
    template, tracking, upload, upload_history,
};

const POST: &[Method] = &[Method::Post];
const GET: &[Method] = &[Method::Get];
const BOTH: &[Method] = &[Method::Get, Method::Post];
const OF_TASK: &[&str] = &["job_id", "component_name", "role", "party_id"];
const TABLE: &[&str] = &["name", "namespace"];
const BOUND: &[&str] = &["engine", "address", "namespace", "name"];
const SOURCE: &[&str] = &["src_party_id", "src_role"];
const OF_STATES: &[&str] = &[
    "role",
    "party_id",
    "model_id",
    "model_version",
    "component_name",
];
const NONE: &[&str] = &[];

/// A handler of JSON as a function pointer.
macro_rules! json {
    ($($handler:tt)+) => { Handler::Json(|api, call| Box::pin($($handler)+(api, call))) };
}

const fn served(
    path: &'static str,
    needs: &'static [&'static str],
    summary: &'static str,
    handler: Handler,
) -> Route {
    Route {
        path,
        methods: POST,
        status: Status::Served,
        kind: Kind::Json,
        summary,
        needs,
        takes: NONE,
        gives: "",
        handler,
    }
}

const fn at_agent(
    path: &'static str,
    needs: &'static [&'static str],
    summary: &'static str,
    handler: Handler,
) -> Route {
    Route {
        path,
        methods: POST,
        status: Status::AtAgent,
        kind: Kind::Json,
        summary,
        needs,
        takes: NONE,
        gives: "",
        handler,
    }
}

const fn not_yet(path: &'static str, summary: &'static str) -> Route {
    Route {
        path,
        methods: POST,
        status: Status::Unsupported,
        kind: Kind::Json,
        summary,
        needs: NONE,
        takes: NONE,
        gives: "",
        handler: Handler::None,
    }
}

const fn file(route: Route, methods: &'static [Method]) -> Route {
    Route {
        path: route.path,
        methods,
        kind: Kind::File,
        ..route
    }
}

/// The table, by group. A row ends with `.takes(…)` (members of the body that it reads when they are there; each is described
/// once, in `fields.rs`) and `.gives(…)` (what `data` of a success holds), or `described.rs` says so.
pub static ROUTES: &[Route] = &[
    // data
    at_agent(
        "data/upload",
        &["namespace", "table_name", "head", "partition"],
        "stores a file as a table and starts the job that does it",
        Handler::Raw(|api, request, caller| Box::pin(upload::upload(api, request, caller))),
    ),
    served(
        "data/download",
        &["namespace", "table_name", "output_path"],
        "starts a job that writes a table to a file at its party",
        json!(data::download),
    ),
    served(
        "data/writer",
        &["namespace", "table_name"],
        "starts a job that keeps a table under another name, or writes it to a file at its party",
        json!(data::writer),
    )
    .takes(&[
        "output_name",
        "output_namespace",
        "storage_engine",
        "address",
        "delimiter",
        "partitions",
        "drop",
        "party_id",
    ]),
    served("data/upload/history", NONE, "lists successful uploads, newest first", json!(upload_history::history)),
    // job
    served("job/submit", &["job_runtime_conf"], "starts a job", json!(submit::submit)),
    served("job/stop", &["job_id"], "stops a job", json!(job::stop)),
    served("job/rerun", &["job_id"], "runs what did not succeed again", json!(job::rerun)),
    served("job/query", NONE, "rows of the jobs that fit the filters", json!(job_query::query)),
    served("job/list/job", NONE, "pages through jobs", json!(job_list::jobs)),
    served("job/list/task", NONE, "pages through tasks", json!(job_list::tasks)),
    served("job/update", &["job_id", "role", "party_id"], "puts notes on a job", json!(job::update)),
    served(
        "job/parameter/update",
        &["job_id"],
        "changes parameters of a job that waits or has ended",
        json!(job::update_parameters),
    )
    .takes(&["component_parameters", "job_parameters"]),
    served("job/config", &["job_id"], "the documents of a job", json!(job_query::config)),
    file(
        served("job/log/download", &["job_id"], "the logs of a job, collected from its parties", json!(log::download)),
        POST,
    ),
    file(served("job/log", &["job_id"], "the logs of a job (1.4)", json!(log::download)), BOTH),
    served("job/log/path", &["job_id"], "where the logs of a job are", json!(log::path)),
    served("job/task/query", NONE, "rows of the tasks that fit the filters, newest attempt", json!(task::query)),
    served("job/data/view/query", &["job_id"], "output tables of a job", json!(task::data_view)),
    at_agent("job/clean", &["job_id"], "ends a job that runs, and removes the tables, logs, metrics and summaries that it left", json!(job::clean))
        .takes(&["role", "party_id", "component_name"]),
    served("job/clean/queue", NONE, "cancels all waiting jobs", json!(job::clean_queue)),
    served(
        "job/dsl/generate",
        &["train_dsl", "cpn_str"],
        "makes a predict DSL from a train DSL",
        json!(model_deploy::generate),
    )
    .takes(&["version", "filename"])
    .gives("the predict DSL, or a file with it"),
    served("job/report", &["job_id"], "times of a job's tasks", json!(report::report)).takes(&[
        "role",
        "party_id",
        "component_name",
        "status",
    ]),
    served("job/url/get", &["job_id", "role", "party_id"], "the board pages of a job", json!(report::url)),
    // tracking
    served("tracking/job/data_view", &["job_id"], "parties and data sets of a job", json!(tracking::data_view)),
    served("tracking/component/metric/all", OF_TASK, "all metrics of a task with their data", json!(metric::all)),
    served("tracking/component/metrics", OF_TASK, "names of the metrics of a task", json!(metric::names)),
    served(
        "tracking/component/metric_data",
        &["job_id", "component_name", "role", "party_id", "metric_name"],
        "one metric of a task",
        json!(metric::data),
    ),
    served("tracking/component/metric/delete", &["job_id"], "forgets all metrics of a job", json!(metric::delete)),
    served(
        "tracking/component/parameters",
        OF_TASK,
        "parameters of a task, defaults filled in",
        json!(tracking::parameters),
    ),
    served("tracking/component/output/model", OF_TASK, "the view of the model a task left", json!(tracking::model)),
    at_agent("tracking/component/output/data", OF_TASK, "first rows of a task's output", json!(output::preview)),
    file(
        at_agent(
            "tracking/component/output/data/download",
            OF_TASK,
            "a task's output tables as files",
            json!(output::download),
        ),
        BOTH,
    ),
    served("tracking/component/output/data/table", OF_TASK, "names of a task's output tables", json!(output::tables)),
    served("tracking/component/summary/download", OF_TASK, "the summary of a task", json!(tracking::summary)),
    served("tracking/component/list", &["job_id"], "the steps of a job", json!(tracking::list)),
    served(
        "pipeline/dag/dependency",
        &["role", "party_id"],
        "how the steps of a job hang together",
        json!(dag::dependency),
    ),
    // model
    served("model/load", NONE, "keeps a deployed model ready at its parties", json!(serving::load))
        .takes(&["job_id", "initiator", "role", "job_parameters", "tables", "servings"])
        .gives("for guests and hosts a code by party, and `detail` with codes and texts"),
    at_agent("model/bind", &["service_id"], "lets a deployed model answer under a service id", json!(serving::bind))
        .takes(&["job_id", "initiator", "role", "job_parameters", "tables", "servings"])
        .gives("nothing; the text names the service id"),
    at_agent(
        "model/transfer",
        &["namespace", "name"],
        "a party's part of a model in pieces, for a serving",
        Handler::Raw(|api, request, caller| Box::pin(archive::transfer(api, request, caller))),
    )
    .gives("base64 by `STEP.ALIAS:MODEL`, and `pipeline.pipeline:Pipeline`"),
    at_agent(
        "model/transfer/{model}/{version}",
        NONE,
        "the same, named in the path with `~` for `#`",
        Handler::Raw(|api, request, caller| Box::pin(archive::transfer(api, request, caller))),
    )
    .gives("base64 by `STEP.ALIAS:MODEL`, and `pipeline.pipeline:Pipeline`"),
    at_agent(
        "model/import",
        OF_PART,
        "takes an archive in (a form with the part `file`)",
        Handler::Raw(|api, request, caller| Box::pin(archive::import(api, request, caller))),
    )
    .takes(&["force_update", "hash"])
    .gives("{job_id, role, party_id, model_id, model_version}"),
    file(at_agent("model/export", OF_PART, "a party's part of a model as an archive", json!(archive::export)), BOTH),
    at_agent(
        "model/store",
        OF_PART,
        "starts a job that copies a model to its party's model store",
        json!(archive::store),
    )
    .takes(&["force_update", "store_address"])
    .gives("as job/submit"),
    at_agent("model/restore", OF_PART, "starts a job that brings a model back from the store", json!(archive::restore))
        .takes(&["force_update", "store_address"])
        .gives("as job/submit"),
    at_agent(
        "model/migrate",
        migrate::NEEDED,
        "has parties write their parts of a model for other parties",
        json!(migrate::migrate),
    )
    .takes(&["unify_model_version"])
    .gives("a code by role and party, and `detail` with codes and texts"),
    served(
        "model/deploy",
        &["model_id", "model_version"],
        "makes a model ready to predict, under a version of its own",
        json!(model_deploy::deploy),
    )
    .takes(&["cpn_list", "predict_dsl", "dsl", "components_checkpoint"])
    .gives("{model_id, model_version, role: {party: code}, detail}"),
    served(
        "model/get/predict/dsl",
        &["model_id", "model_version"],
        "the predict DSL of a model",
        json!(model_deploy::predict_dsl_of),
    )
    .takes(&["role", "party_id", "filename"])
    .gives("the DSL, or a file with it"),
    served(
        "model/get/predict/conf",
        &["model_id", "model_version"],
        "a predict conf for a model, its tables to be filled in",
        json!(model_deploy::predict_conf_of),
    )
    .takes(&["role", "party_id", "filename"])
    .gives("the conf, or a file with it"),
    served("model/query", NONE, "rows of models", json!(model_query::query))
        .takes(&["model_id", "model_version", "role", "party_id", "query_filters"])
        .gives("rows, one for each participant of a version"),
    served("model/query/detail", &["model_id", "model_version"], "documents of a model", json!(model_query::detail))
        .gives("{runtime_conf, dsl, inference_dsl, component_info, inference_component_info}"),
    served("model/model_tag/create", &["job_id", "tag_name"], "tags a model", json!(model_tag::bind)),
    served("model/model_tag/remove", &["job_id", "tag_name"], "takes a tag off a model", json!(model_tag::unbind)),
    served("model/model_tag/retrieve", &["job_id"], "tags of a model", json!(model_tag::of_model))
        .gives("{tags: [{name, description}], count}"),
    served("model/tag/create", &["tag_name"], "makes a tag", json!(model_tag::create)).takes(&["tag_desc"]),
    served("model/tag/retrieve", &["tag_name"], "finds tags", json!(model_tag::retrieve))
        .takes(&["with_model"])
        .gives("{tags: [{name, description}]}, or {models, count}"),
    served("model/tag/update", &["tag_name"], "renames a tag", json!(model_tag::update))
        .takes(&["new_tag_name", "new_tag_desc"]),
    served("model/tag/destroy", &["tag_name"], "removes a tag", json!(model_tag::destroy)),
    served("model/tag/list", NONE, "lists tags", json!(model_tag::list))
        .takes(&["limit"])
        .gives("{tags: [{name, description, model_count}]}"),
    served(
        "model/homo/convert",
        OF_MODEL,
        "says that no component can be converted to another framework",
        json!(model_foreign::homo_convert),
    )
    .takes(&["framework_name"]),
    served(
        "model/homo/deploy",
        OF_DEPLOYMENT,
        "says why a converted model is not there",
        json!(model_foreign::homo_deploy),
    ),
    not_yet("model/archive/packaging", "packs a model"),
    not_yet("model/service/register", "registers a model service"),
    // table
    at_agent("table/table_info", NONE, "count, schema and origin of a table", json!(table::info)),
    at_agent("table/delete", &["namespace"], "removes a table", json!(table::delete)),
    at_agent("table/bind", BOUND, "makes a table of stored data", json!(table_more::bind)).takes(&[
        "head",
        "id_delimiter",
        "partitions",
        "in_serialized",
        "drop",
        "id_column",
        "feature_column",
        "schema",
        "extend_sid",
        "with_meta",
        "meta",
        "options",
        "origin",
        "party_id",
    ]),
    at_agent("table/add", BOUND, "makes a table of stored data", json!(table_more::bind)).takes(&[
        "head",
        "id_delimiter",
        "partitions",
        "in_serialized",
        "drop",
        "id_column",
        "feature_column",
        "schema",
        "extend_sid",
        "with_meta",
        "meta",
        "options",
        "origin",
        "party_id",
    ]),
    at_agent("table/enable", NONE, "lets tables be used", json!(table_more::enable)).takes(&[
        "table_name",
        "name",
        "namespace",
        "party_id",
    ]),
    at_agent("table/disable", NONE, "keeps tables from being used", json!(table_more::disable)).takes(&[
        "table_name",
        "name",
        "namespace",
        "party_id",
    ]),
    at_agent("table/disable/delete", NONE, "removes disabled tables", json!(table_more::delete_disabled)),
    at_agent(
        "table/connector/create",
        &["connector_name", "engine", "connector_info"],
        "names a data source",
        json!(table_more::create_connector),
    ),
    at_agent("table/connector/query", &["connector_name"], "a named data source", json!(table_more::connector)),
    at_agent("table/tracking/source", TABLE, "the tables a table came from", json!(table_more::source)),
    at_agent("table/tracking/job", TABLE, "the jobs that had to do with a table", json!(table_more::jobs)),
    at_agent("table/list", &["job_id", "role", "party_id"], "tables of a job", json!(table_more::list)),
    at_agent("table/preview", TABLE, "first rows of a table", json!(table_more::preview)).takes(&["limit", "party_id"]),
    at_agent("table/schema/update", TABLE, "changes a table's schema", json!(table_more::update_schema))
        .takes(&["schema", "party_id"]),
    at_agent(
        "table/schema/anonymous/migrate",
        TABLE,
        "gives anonymous columns another owner",
        json!(table_more::migrate_anonymous),
    )
    .takes(&["migrate_mapping", "party_id"]),
    file(
        at_agent("table/download", TABLE, "a table as files", json!(table_more::download)).takes(&["head", "party_id"]),
        BOTH,
    ),
    // the rest
    at_agent("checkpoint/list", OF_STATES, "states that a training kept before its end", json!(checkpoint::list))
        .gives("a list of {create_time, step_index, step_name, models: {name: {buffer_name, sha1}}}"),
    at_agent("checkpoint/get", OF_STATES, "one such state, with its content", json!(checkpoint::get))
        .takes(&["step_index", "step_name"])
        .gives("{create_time, step_index, step_name, models: {name: base64}}"),
    served("component/get", NONE, "every component and who provides it", json!(component::all)),
    served("component/{name}/get", NONE, "one component", json!(component::one)),
    served(
        "component/validate",
        &["dsl_version", "role", "component_name", "component_module_name"],
        "checks parameters",
        json!(component::validate),
    )
    .takes(&["component_parameters", "role_parameters", "algorithm_parameters"]),
    served(
        "component/hetero/merge",
        OF_MERGE,
        "says why vertical models are not merged",
        json!(model_foreign::hetero_merge),
    )
    .takes(&["target_name", "include_guest_coef"]),
    served(
        "component/woe_array/extract",
        OF_COMPONENT,
        "says why weights of evidence are not taken out",
        json!(model_foreign::woe_extract),
    ),
    served(
        "component/woe_array/merge",
        OF_WOE,
        "says why weights of evidence are not put in",
        json!(model_foreign::woe_merge),
    ),
    served("provider/get", NONE, "component providers", json!(component::providers)),
    served("provider/{name}/get", NONE, "one component provider", json!(component::one_provider)),
    served(
        "provider/register",
        &["name", "version", "path"],
        "says why no provider can be registered",
        json!(component::register),
    ),
    served("resource/query", NONE, "cores in use", json!(resource::query)).takes(&["engine_name", "resource_in_use"]),
    served("resource/return", &["job_id"], "says whether a job holds cores", json!(resource::give_back)),
    at_agent("permission/grant", &["party_id"], "grants a party components or tables", json!(permission::grant))
        .takes(&["component", "dataset", "owner"]),
    at_agent("permission/delete", &["party_id"], "takes grants away", json!(permission::withdraw)).takes(&[
        "component",
        "dataset",
        "owner",
    ]),
    at_agent("permission/query", &["party_id"], "what a party was granted", json!(permission::query)).takes(&["owner"]),
    at_agent("permission/grant/privilege", SOURCE, "grants a privilege (1.4)", json!(permission::grant_privilege))
        .takes(&["privilege_role", "privilege_command", "privilege_component", "owner"]),
    at_agent(
        "permission/delete/privilege",
        SOURCE,
        "takes a privilege away (1.4)",
        json!(permission::withdraw_privilege),
    )
    .takes(&["privilege_role", "privilege_command", "privilege_component", "owner"]),
    at_agent("permission/query/privilege", SOURCE, "privileges (1.4)", json!(permission::query_privilege))
        .takes(&["owner"]),
    at_agent("key/public/save", &["party_id", "key"], "pins a party's key", json!(permission::save_key))
        .takes(&["owner"]),
    at_agent("key/query", &["party_id"], "the key that a party must come with", json!(permission::key))
        .takes(&["key_name", "owner"]),
    at_agent("key/public/delete", &["party_id"], "unpins a party's key", json!(permission::delete_key))
        .takes(&["owner"]),
    served("server/version/get", NONE, "all versions", json!(info::versions)),
    served("server/reload", NONE, "shows the configuration in force", json!(server::reload)),
    served("server/service/get", NONE, "registered services", json!(server::all_services)),
    served("server/get", NONE, "registered services", json!(server::all_services)),
    served("server/fateflow/info", NONE, "instances of the server", json!(server::instances)),
    served("server/config/job/default", NONE, "default job settings", json!(server::defaults)),
    served("server/{name}/get", NONE, "one registered service", json!(server::one_service)),
    served("version/get", NONE, "one version", json!(info::version)),
    served("info/version", NONE, "one version", json!(info::version)),
    file(served("template/download", NONE, "examples and their data", json!(template::download)), POST)
        .takes(&["min_data"]),
    served("info/common", NONE, "address and version of the server", json!(info::common)),
    served("info/fateboard", NONE, "address of the board", json!(server::fateboard)),
    served("info/eggroll", NONE, "says that there is no such engine", json!(server::eggroll)),
    served("info/party/{*rest}", NONE, "whether a party is there, and its REST endpoint", json!(server::party)),
    at_agent("log/size", &["job_id", "log_type"], "lines of a party's log", json!(log::size)),
    at_agent("log/cat", &["job_id", "log_type"], "lines from a party's log", json!(log::cat)),
    not_yet("service/registry", "registers a service"),
    served("service/query", NONE, "registered services", json!(server::query_services)).takes(&["server_name"]),
    // our own
    Route { methods: GET, ..served("fedflow/health", NONE, "how the coordinator is", json!(info::health)) },
    served("fedflow/serving/plan", &["service_id"], "what an agent needs to bind a model", json!(serving::plan))
        .takes(&["job_id", "initiator", "role", "job_parameters", "tables"])
        .gives("{service_id, plan}"),
    served(
        "fedflow/schedules/create",
        &["job_runtime_conf"],
        "keeps documents of a job that is begun again and again",
        json!(schedule::create),
    )
    .takes(&["job_dsl", "every_seconds", "cron", "enabled", "name", "description"])
    .gives("the schedule"),
    served("fedflow/schedules/query", NONE, "schedules, and when they begin next", json!(schedule::query))
        .takes(&["schedule_id", "experiment"])
        .gives(
            "a list of `{schedule_id, name, description, experiment, enabled, every_seconds, cron, next_time, begun, ticket, \
             last: {time, job_id, error}, create_time, update_time}`",
        ),
    served(
        "fedflow/schedules/enable",
        &["schedule_id"],
        "lets a schedule begin jobs from now on",
        json!(schedule::enable),
    )
    .gives("the schedule"),
    served(
        "fedflow/schedules/disable",
        &["schedule_id"],
        "lets a schedule begin no more jobs",
        json!(schedule::disable),
    )
    .gives("the schedule"),
    served("fedflow/schedules/delete", &["schedule_id"], "deletes a schedule; its jobs stay", json!(schedule::delete)),
    served("fedflow/job/waiting", &["job_id"], "what a job waits for", json!(job::waiting)),
    served(
        "fedflow/model/documents",
        OF_PART,
        "the documents of a participant's part of a model, for its agent",
        json!(model_exchange::documents),
    )
    .gives("the documents, as `service::ModelDocuments` describes them"),
    served(
        "fedflow/model/imported",
        OF_PART,
        "an agent tells that it took a part of a model in",
        json!(model_exchange::imported),
    )
    .takes(&["archive_sha256", "force_update", "check_only"])
    .gives("{role, party_id, model_id, model_version}"),
    served("fedflow/model/loaded", OF_PART, "an agent tells that it loaded its part", json!(model_exchange::loaded)),
    served(
        "fedflow/table/removed",
        &["namespace", "table_name"],
        "an agent tells that a table of its party is gone",
        json!(table::removed),
    ),
];
