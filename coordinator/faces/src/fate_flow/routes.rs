//! Every route of FATE-Flow 1.11 that a client calls, and how far it is served here. The one list; tests, the coverage
//! page and the OpenAPI document are made from it.

use super::model_exchange::OF_PART;
use super::model_foreign::{OF_COMPONENT, OF_DEPLOYMENT, OF_MERGE, OF_MODEL, OF_WOE};
use super::routing::{Handler, Kind, Method, Route, Status};
use super::{
    archive, checkpoint, component, dag, data, info, job, job_list, job_query, log, metric, migrate, model_deploy,
    model_exchange, model_foreign, model_query, model_tag, output, serving, submit, table, task, tracking, upload,
};

const POST: &[Method] = &[Method::Post];
const GET: &[Method] = &[Method::Get];
const BOTH: &[Method] = &[Method::Get, Method::Post];
const OF_TASK: &[&str] = &["job_id", "component_name", "role", "party_id"];
const OF_STATES: &[&str] = &["role", "party_id", "model_id", "model_version", "component_name"];
const NONE: &[&str] = &[];

/// A handler of JSON as a function pointer.
macro_rules! json {
    ($($handler:tt)+) => { Handler::Json(|face, call| Box::pin($($handler)+(face, call))) };
}

const fn served(path: &'static str, needs: &'static [&'static str], summary: &'static str, handler: Handler) -> Route {
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
    Route { path: route.path, methods, kind: Kind::File, ..route }
}

/// The table, by group. A row ends with `.takes(…)` (members of the body that it reads when they are there; each is described
/// once, in `fields.rs`) and `.gives(…)` (what `data` of a success holds).
pub static ROUTES: &[Route] = &[
    // data
    at_agent(
        "data/upload",
        &["namespace", "table_name", "head", "partition"],
        "stores a file as a table and starts the job that does it",
        Handler::Raw(|face, request, caller| Box::pin(upload::upload(face, request, caller))),
    ),
    served(
        "data/download",
        &["namespace", "table_name", "output_path"],
        "starts a job that writes a table to a file at its party",
        json!(data::download),
    ),
    not_yet("data/writer", "copies a table to another table or storage"),
    served("data/upload/history", NONE, "lists successful uploads, newest first", json!(data::history)),
    // job
    served("job/submit", &["job_runtime_conf"], "starts a job", json!(submit::submit)),
    served("job/stop", &["job_id"], "stops a job", json!(job::stop)),
    served("job/rerun", &["job_id"], "runs what did not succeed again", json!(job::rerun)),
    served("job/query", NONE, "rows of the jobs that fit the filters", json!(job_query::query)),
    served("job/list/job", NONE, "pages through jobs", json!(job_list::jobs)),
    served("job/list/task", NONE, "pages through tasks", json!(job_list::tasks)),
    served("job/update", &["job_id", "role", "party_id"], "puts notes on a job", json!(job::update)),
    not_yet("job/parameter/update", "changes parameters of a job before a rerun"),
    served("job/config", &["job_id"], "the documents of a job", json!(job_query::config)),
    file(
        served("job/log/download", &["job_id"], "the logs of a job, collected from its parties", json!(log::download)),
        POST,
    ),
    file(served("job/log", &["job_id"], "the logs of a job (1.4)", json!(log::download)), BOTH),
    served("job/log/path", &["job_id"], "where the logs of a job are", json!(log::path)),
    served("job/task/query", NONE, "rows of the tasks that fit the filters, newest try", json!(task::query)),
    served("job/data/view/query", &["job_id"], "output tables of a job", json!(task::data_view)),
    not_yet("job/clean", "removes what a job left"),
    served("job/clean/queue", NONE, "cancels all waiting jobs", json!(job::clean_queue)),
    served(
        "job/dsl/generate",
        &["train_dsl", "cpn_str"],
        "makes a predict DSL from a train DSL",
        json!(model_deploy::generate),
    )
    .takes(&["version", "filename"])
    .gives("the predict DSL, or a file with it"),
    not_yet("job/report", "times of a job's tasks"),
    not_yet("job/url/get", "the board pages of a job"),
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
        Handler::Raw(|face, request, caller| Box::pin(archive::transfer(face, request, caller))),
    )
    .gives("base64 by `STEP.ALIAS:MODEL`, and `pipeline.pipeline:Pipeline`"),
    at_agent(
        "model/transfer/{model}/{version}",
        NONE,
        "the same, named in the path with `~` for `#`",
        Handler::Raw(|face, request, caller| Box::pin(archive::transfer(face, request, caller))),
    )
    .gives("base64 by `STEP.ALIAS:MODEL`, and `pipeline.pipeline:Pipeline`"),
    at_agent(
        "model/import",
        OF_PART,
        "takes an archive in (a form with the part `file`)",
        Handler::Raw(|face, request, caller| Box::pin(archive::import(face, request, caller))),
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
    not_yet("table/bind", "makes a table of stored data"),
    not_yet("table/add", "makes a table of stored data"),
    not_yet("table/enable", "lets a table be used"),
    not_yet("table/disable", "keeps a table from being used"),
    not_yet("table/disable/delete", "removes disabled tables"),
    not_yet("table/connector/create", "names a data source"),
    not_yet("table/connector/query", "a named data source"),
    not_yet("table/tracking/source", "the tables a table came from"),
    not_yet("table/tracking/job", "the jobs that used a table"),
    not_yet("table/list", "tables of a job"),
    not_yet("table/preview", "first rows of a table"),
    not_yet("table/schema/update", "changes a table's schema"),
    not_yet("table/schema/anonymous/migrate", "renames anonymous columns"),
    file(not_yet("table/download", "a table as files"), BOTH),
    // the rest
    at_agent("checkpoint/list", OF_STATES, "states that a training kept before its end", json!(checkpoint::list))
        .gives("a list of {create_time, step_index, step_name, models: {name: {buffer_name, sha1}}}"),
    at_agent("checkpoint/get", OF_STATES, "one such state, with its content", json!(checkpoint::get))
        .takes(&["step_index", "step_name"])
        .gives("{create_time, step_index, step_name, models: {name: base64}}"),
    served("component/get", NONE, "every component and who provides it", json!(component::all)),
    not_yet("component/{name}/get", "one component"),
    not_yet("component/validate", "checks parameters"),
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
    not_yet("provider/get", "component providers"),
    not_yet("provider/{name}/get", "one component provider"),
    not_yet("provider/register", "registers a component provider"),
    not_yet("resource/query", "cores in use"),
    not_yet("resource/return", "frees a job's cores"),
    not_yet("permission/grant", "grants a party a permission"),
    not_yet("permission/delete", "takes a permission away"),
    not_yet("permission/query", "a party's permissions"),
    not_yet("permission/grant/privilege", "grants a privilege (1.4)"),
    not_yet("permission/delete/privilege", "takes a privilege away (1.4)"),
    not_yet("permission/query/privilege", "privileges (1.4)"),
    not_yet("key/public/save", "keeps a party's key"),
    not_yet("key/query", "a party's key"),
    not_yet("key/public/delete", "removes a party's key"),
    served("server/version/get", NONE, "all versions", json!(info::versions)),
    not_yet("server/reload", "reads the configuration again"),
    not_yet("server/service/get", "registered services"),
    not_yet("server/get", "registered services"),
    not_yet("server/fateflow/info", "instances of the server"),
    not_yet("server/config/job/default", "default job settings"),
    not_yet("server/{name}/get", "one registered service"),
    served("version/get", NONE, "one version", json!(info::version)),
    served("info/version", NONE, "one version", json!(info::version)),
    file(not_yet("template/download", "examples"), POST),
    served("info/common", NONE, "address and version of the server", json!(info::common)),
    not_yet("info/fateboard", "address of the board"),
    not_yet("info/eggroll", "address of the computing engine"),
    not_yet("info/party/{*rest}", "address of a party"),
    at_agent("log/size", &["job_id", "log_type"], "lines of a party's log", json!(log::size)),
    at_agent("log/cat", &["job_id", "log_type"], "lines from a party's log", json!(log::cat)),
    not_yet("service/registry", "registers a service"),
    not_yet("service/query", "registered services"),
    // our own
    Route { methods: GET, ..served("fedflow/health", NONE, "how the coordinator is", json!(info::health)) },
    served("fedflow/serving/plan", &["service_id"], "what an agent needs to bind a model", json!(serving::plan))
        .takes(&["job_id", "initiator", "role", "job_parameters", "tables"])
        .gives("{service_id, plan}"),
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
];
