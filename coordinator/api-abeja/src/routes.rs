//! Every route that is served. The one list; tests, the coverage page and the OpenAPI document are made from it.

use api_kit::{Handler, Method, call};

use super::{Abeja, channel, deployment, file, lines, model, run, training_job, version};

/// One row.
pub type Route = api_kit::Route<Abeja>;

const fn route(
    methods: &'static [Method],
    path: &'static str,
    summary: &'static str,
    handler: Handler<Abeja>,
) -> Route {
    let made = matches!(methods, [Method::Post]);
    Route::new(methods, path, summary, (), handler).success(if made { 201 } else { 200 })
}

const GET: &[Method] = &[Method::Get];
const POST: &[Method] = &[Method::Post];
const PUT: &[Method] = &[Method::Put];
const PATCH: &[Method] = &[Method::Patch];
const DELETE: &[Method] = &[Method::Delete];

const RUNS: &str = "/organizations/{organization}/deployments/{deployment}/runs";
const RUN: &str = "/organizations/{organization}/deployments/{deployment}/runs/{run}";
const LOGS: &str = "/organizations/{organization}/deployments/{deployment}/runs/{run}/logs";
const RECENT: &str = "/organizations/{organization}/deployments/{deployment}/runs/{run}/recentlogs";
const DEPLOYMENTS: &str = "/organizations/{organization}/deployments";
const DEPLOYMENT: &str = "/organizations/{organization}/deployments/{deployment}";
const VERSIONS: &str = "/organizations/{organization}/deployments/{deployment}/versions";
const VERSION: &str = "/organizations/{organization}/deployments/{deployment}/versions/{version}";
const VERSION_DOWNLOAD: &str =
    "/organizations/{organization}/deployments/{deployment}/versions/{version}/download";
const VERSION_CONTENT: &str =
    "/organizations/{organization}/deployments/{deployment}/versions/{version}/content";
const DEFINITIONS: &str = "/organizations/{organization}/training/definitions";
const DEFINITION: &str = "/organizations/{organization}/training/definitions/{definition}";
const DEFINITION_ARCHIVE: &str =
    "/organizations/{organization}/training/definitions/{definition}/archive";
const DEFINITION_UNARCHIVE: &str =
    "/organizations/{organization}/training/definitions/{definition}/unarchive";
const DEFINITION_VERSIONS: &str =
    "/organizations/{organization}/training/definitions/{definition}/versions";
const DEFINITION_VERSION: &str =
    "/organizations/{organization}/training/definitions/{definition}/versions/{number}";
const JOBS: &str = "/organizations/{organization}/training/definitions/{definition}/jobs";
const JOB: &str = "/organizations/{organization}/training/definitions/{definition}/jobs/{job}";
const JOB_STOP: &str =
    "/organizations/{organization}/training/definitions/{definition}/jobs/{job}/stop";
const JOB_RESULT: &str =
    "/organizations/{organization}/training/definitions/{definition}/jobs/{job}/result";
const MODELS: &str = "/organizations/{organization}/training/definitions/{definition}/models";
const MODEL: &str =
    "/organizations/{organization}/training/definitions/{definition}/models/{model}";
const MODEL_DOWNLOAD: &str =
    "/organizations/{organization}/training/definitions/{definition}/models/{model}/download";
const MODEL_CONTENT: &str =
    "/organizations/{organization}/training/definitions/{definition}/models/{model}/content";
const MODEL_ARCHIVE: &str =
    "/organizations/{organization}/training/definitions/{definition}/models/{model}/archive";
const MODEL_UNARCHIVE: &str =
    "/organizations/{organization}/training/definitions/{definition}/models/{model}/unarchive";
const CHANNELS: &str = "/organizations/{organization}/channels";
const CHANNEL: &str = "/organizations/{organization}/channels/{channel}";
const CHANNEL_ARCHIVE: &str = "/organizations/{organization}/channels/{channel}/archive";
const CHANNEL_UNARCHIVE: &str = "/organizations/{organization}/channels/{channel}/unarchive";
const FILES: &str = "/channels/{channel}";
const UPLOAD: &str = "/channels/{channel}/upload";
const FILE: &str = "/channels/{channel}/{file}";
const CONTENT: &str = "/channels/{channel}/{file}/content";
const METADATA: &str = "/channels/{channel}/{file}/metadata";
const LIFETIME: &str = "/channels/{channel}/{file}/lifetime";

const WINDOW: &str = "start_time";

/// The table, by group. A row ends with what it reads and gives; its names are described in `fields.rs`.
pub static ROUTES: &[Route] = &[
    route(
        POST,
        RUNS,
        "asks for a batch prediction",
        call!(run::create),
    )
    .needs(&["version_id"])
    .takes(&[
        "input_data",
        "models",
        "output_template",
        "retry_count",
        "distribution",
        "environment",
    ])
    .gives("the run, SUBMITTED"),
    route(
        GET,
        RUNS,
        "a deployment's runs, 50 a page, newest first",
        call!(run::list),
    )
    .query(&["next_page_token", "scan_forward"])
    .gives("`entries`; `next_page_token` while there are more"),
    route(GET, RUN, "a run", call!(run::get)).gives("the run"),
    route(
        GET,
        LOGS,
        "log lines from the first on, 100 a page",
        call!(lines::logs),
    )
    .query(&["next_token", WINDOW, "end_time"])
    .gives("`events`; `next_token` while there are more"),
    route(
        GET,
        RECENT,
        "log lines from the latest back, 100 a page",
        call!(lines::recent),
    )
    .query(&[
        "next_forward_token",
        "next_backward_token",
        WINDOW,
        "end_time",
    ])
    .gives("`events`, `next_forward_token`, `next_backward_token`"),
    route(
        POST,
        DEPLOYMENTS,
        "makes a deployment",
        call!(deployment::create),
    )
    .needs(&["name"])
    .takes(&["description", "default_environment"])
    .gives("the deployment"),
    route(
        GET,
        DEPLOYMENTS,
        "the organization's deployments, fl-predict among them",
        call!(deployment::list),
    )
    .gives("`entries`"),
    route(GET, DEPLOYMENT, "a deployment", call!(deployment::get)).gives("the deployment"),
    route(
        PATCH,
        DEPLOYMENT,
        "changes a deployment",
        call!(deployment::patch),
    )
    .takes(&["name", "description", "default_environment"])
    .gives("the deployment"),
    route(
        DELETE,
        DEPLOYMENT,
        "gives a deployment up when its runs have ended",
        call!(deployment::delete),
    )
    .gives("`message`"),
    route(
        POST,
        VERSIONS,
        "makes a version of a deployment",
        call!(version::create),
    )
    .needs(&["version"])
    .takes(&["handler", "image", "user_parameters"])
    .gives("the version, and the `upload_url` for its archive"),
    route(
        GET,
        VERSIONS,
        "a deployment's versions",
        call!(version::list),
    )
    .gives("`entries`"),
    route(GET, VERSION, "a version", call!(version::get)).gives("the version"),
    route(
        DELETE,
        VERSION,
        "gives a version up when its runs have ended",
        call!(version::delete),
    )
    .gives("`message`"),
    route(
        GET,
        VERSION_DOWNLOAD,
        "where a version's archive is",
        call!(version::download),
    )
    .gives("`download_uri`"),
    route(
        PUT,
        VERSION_CONTENT,
        "takes a version's archive in",
        call!(version::upload),
    )
    .query(&["secret"])
    .gives("`message`")
    .open(),
    route(
        GET,
        VERSION_CONTENT,
        "a version's archive",
        call!(version::archive),
    )
    .query(&["secret"])
    .gives("the archive")
    .open(),
    route(
        POST,
        DEFINITIONS,
        "makes a training job definition",
        call!(model::create_definition),
    )
    .needs(&["name"])
    .gives("the definition"),
    route(
        GET,
        DEFINITIONS,
        "definitions; each trained model's id is one's name",
        call!(model::definitions),
    )
    .query(&["filter_archived", "limit", "offset"])
    .gives("`entries`, and `total`"),
    route(
        GET,
        DEFINITION,
        "a definition, by number or name",
        call!(model::get_definition),
    )
    .query(&["include_jobs"])
    .gives("the definition"),
    route(
        GET,
        DEFINITION_VERSIONS,
        "a definition's versions: one where trainings here stand behind it",
        call!(training_job::versions),
    )
    .query(&["filter_archived"])
    .gives("`entries`, and `total`"),
    route(
        GET,
        DEFINITION_VERSION,
        "a version of a definition",
        call!(training_job::version),
    )
    .gives("the version"),
    route(
        GET,
        JOBS,
        "the trainings that left a definition's models, and those under way",
        call!(training_job::list),
    )
    .query(&["filter_archived", "limit", "offset"])
    .gives("`entries`, and `total`"),
    route(GET, JOB, "a training", call!(training_job::get)).gives("the training"),
    route(
        POST,
        JOB_STOP,
        "stops a training",
        call!(training_job::stop),
    )
    .gives("`message`"),
    route(
        GET,
        JOB_RESULT,
        "where what a training left is",
        call!(training_job::result),
    )
    .gives("`artifacts`, and `download_uri`"),
    route(
        DELETE,
        DEFINITION,
        "gives a definition without models up",
        call!(model::delete_definition),
    )
    .gives("`message`"),
    route(
        POST,
        DEFINITION_ARCHIVE,
        "puts a definition away",
        call!(model::archive_definition),
    )
    .gives("`message`"),
    route(
        POST,
        DEFINITION_UNARCHIVE,
        "takes a definition out again",
        call!(model::unarchive_definition),
    )
    .gives("`message`"),
    route(
        GET,
        MODELS,
        "a definition's models: every version that was trained",
        call!(model::list),
    )
    .query(&["filter_archived", "limit", "offset"])
    .gives("`entries`, and `total`"),
    route(
        POST,
        MODELS,
        "takes weights in: a form with model_data and parameters",
        call!(model::create),
    )
    .gives("the model"),
    route(GET, MODEL, "a training model", call!(model::get)).gives("the model"),
    route(PATCH, MODEL, "changes a model's notes", call!(model::patch))
        .takes(&["description"])
        .gives("the model"),
    route(
        GET,
        MODEL_DOWNLOAD,
        "where a model is",
        call!(model::download),
    )
    .gives("`download_uri`"),
    route(
        GET,
        MODEL_CONTENT,
        "the home party's part of a model, where its policy lets it",
        call!(model::archive_out),
    )
    .query(&["secret"])
    .gives("an archive")
    .open(),
    route(
        POST,
        MODEL_ARCHIVE,
        "puts a model away",
        call!(model::archive),
    )
    .gives("`message`"),
    route(
        POST,
        MODEL_UNARCHIVE,
        "takes a model out again",
        call!(model::unarchive),
    )
    .gives("`message`"),
    route(POST, CHANNELS, "makes a channel", call!(channel::create))
        .needs(&["name"])
        .takes(&["description", "storage_type"])
        .gives("the organization and the `channel`"),
    route(
        GET,
        CHANNELS,
        "channels; `datasets` shows the data sets as files",
        call!(channel::list),
    )
    .query(&["limit", "offset", "filter_archived"])
    .gives("the organization and its `channels`"),
    route(GET, CHANNEL, "a channel", call!(channel::get))
        .gives("the organization and the `channel`"),
    route(PATCH, CHANNEL, "changes a channel", call!(channel::patch))
        .takes(&["name", "description"])
        .gives("the organization and the `channel`"),
    route(
        POST,
        CHANNEL_ARCHIVE,
        "puts a channel away",
        call!(channel::archive),
    )
    .gives("`message`"),
    route(
        POST,
        CHANNEL_UNARCHIVE,
        "takes a channel out again",
        call!(channel::unarchive),
    )
    .gives("`message`"),
    route(GET, FILES, "a channel's files", call!(file::list))
        .query(&[
            "start",
            "end",
            "items_per_page",
            "sort",
            "next_page_token",
            "q",
        ])
        .gives("`files` and `next_page_token`"),
    route(POST, FILES, "announces a file", call!(file::announce))
        .gives("the file, and the `upload_url` for it"),
    route(
        POST,
        UPLOAD,
        "takes a file in: the body, with metadata in headers x-abeja-meta-*",
        call!(file::upload),
    )
    .query(&["lifetime", "conflict_target"])
    .gives("the file"),
    route(
        GET,
        FILE,
        "a file, and where its content is",
        call!(file::get),
    )
    .gives("the file, with `download_uri`"),
    route(DELETE, FILE, "removes a file", call!(file::delete)).gives("`message`"),
    route(
        PUT,
        METADATA,
        "replaces what is said of a file",
        call!(file::put_metadata),
    )
    .gives("the file"),
    route(
        PUT,
        LIFETIME,
        "says how long a file is wanted",
        call!(file::put_lifetime),
    )
    .needs(&["lifetime"])
    .gives("the file"),
    route(GET, CONTENT, "a file's content", call!(file::content_out))
        .query(&["secret"])
        .gives("the file")
        .open(),
    route(
        PUT,
        CONTENT,
        "takes an announced file in",
        call!(file::content_in),
    )
    .query(&["secret"])
    .gives("`message`")
    .open(),
];
