//! Every route that is served. The one list; tests, the coverage page and the OpenAPI document are made from it.

use super::routing::{Answering, Open, Route, Verb};
use super::{Abeja, channel, deployment, file, lines, model, run, training_job, version};
use crate::request::Call;

/// A handler as a function pointer.
macro_rules! to {
    ($($handler:tt)+) => { |api, call| Box::pin($($handler)+(api, call)) };
}

const fn route(
    verb: Verb,
    path: &'static str,
    summary: &'static str,
    handler: fn(Abeja, Call) -> Answering,
) -> Route {
    Route {
        verb,
        path,
        summary,
        query: &[],
        body: &[],
        gives: "",
        open: Open::ToTenant,
        handler,
    }
}

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

/// The table, by group. A row ends with what it reads and gives; its path's names are those of `fields` in `openapi.rs`.
pub static ROUTES: &[Route] = &[
    route(
        Verb::Post,
        RUNS,
        "asks for a batch prediction",
        to!(run::create),
    )
    .body(&[
        "version_id!",
        "input_data",
        "models",
        "output_template",
        "retry_count",
        "distribution",
        "environment",
    ])
    .gives("the run, SUBMITTED"),
    route(
        Verb::Get,
        RUNS,
        "a deployment's runs, 50 a page, newest first",
        to!(run::list),
    )
    .query(&["next_page_token", "scan_forward"])
    .gives("`entries`; `next_page_token` while there are more"),
    route(Verb::Get, RUN, "a run", to!(run::get)).gives("the run"),
    route(
        Verb::Get,
        LOGS,
        "log lines from the first on, 100 a page",
        to!(lines::logs),
    )
    .query(&["next_token", WINDOW, "end_time"])
    .gives("`events`; `next_token` while there are more"),
    route(
        Verb::Get,
        RECENT,
        "log lines from the latest back, 100 a page",
        to!(lines::recent),
    )
    .query(&[
        "next_forward_token",
        "next_backward_token",
        WINDOW,
        "end_time",
    ])
    .gives("`events`, `next_forward_token`, `next_backward_token`"),
    route(
        Verb::Post,
        DEPLOYMENTS,
        "makes a deployment",
        to!(deployment::create),
    )
    .body(&["name!", "description", "default_environment"])
    .gives("the deployment"),
    route(
        Verb::Get,
        DEPLOYMENTS,
        "the organization's deployments, fl-predict among them",
        to!(deployment::list),
    )
    .gives("`entries`"),
    route(Verb::Get, DEPLOYMENT, "a deployment", to!(deployment::get)).gives("the deployment"),
    route(
        Verb::Patch,
        DEPLOYMENT,
        "changes a deployment",
        to!(deployment::patch),
    )
    .body(&["name", "description", "default_environment"])
    .gives("the deployment"),
    route(
        Verb::Delete,
        DEPLOYMENT,
        "gives a deployment up when its runs have ended",
        to!(deployment::delete),
    )
    .gives("`message`"),
    route(
        Verb::Post,
        VERSIONS,
        "makes a version of a deployment",
        to!(version::create),
    )
    .body(&["version!", "handler", "image", "user_parameters"])
    .gives("the version, and the `upload_url` for its archive"),
    route(
        Verb::Get,
        VERSIONS,
        "a deployment's versions",
        to!(version::list),
    )
    .gives("`entries`"),
    route(Verb::Get, VERSION, "a version", to!(version::get)).gives("the version"),
    route(
        Verb::Delete,
        VERSION,
        "gives a version up when its runs have ended",
        to!(version::delete),
    )
    .gives("`message`"),
    route(
        Verb::Get,
        VERSION_DOWNLOAD,
        "where a version's archive is",
        to!(version::download),
    )
    .gives("`download_uri`"),
    route(
        Verb::Put,
        VERSION_CONTENT,
        "takes a version's archive in",
        to!(version::upload),
    )
    .query(&["secret"])
    .gives("`message`")
    .by_secret(),
    route(
        Verb::Get,
        VERSION_CONTENT,
        "a version's archive",
        to!(version::archive),
    )
    .query(&["secret"])
    .gives("the archive")
    .by_secret(),
    route(
        Verb::Post,
        DEFINITIONS,
        "makes a training job definition",
        to!(model::create_definition),
    )
    .body(&["name!"])
    .gives("the definition"),
    route(
        Verb::Get,
        DEFINITIONS,
        "definitions; each trained model's id is one's name",
        to!(model::definitions),
    )
    .query(&["filter_archived", "limit", "offset"])
    .gives("`entries`, and `total`"),
    route(
        Verb::Get,
        DEFINITION,
        "a definition, by number or name",
        to!(model::get_definition),
    )
    .query(&["include_jobs"])
    .gives("the definition"),
    route(
        Verb::Get,
        DEFINITION_VERSIONS,
        "a definition's versions: one where trainings here stand behind it",
        to!(training_job::versions),
    )
    .query(&["filter_archived"])
    .gives("`entries`, and `total`"),
    route(
        Verb::Get,
        DEFINITION_VERSION,
        "a version of a definition",
        to!(training_job::version),
    )
    .gives("the version"),
    route(
        Verb::Get,
        JOBS,
        "the trainings that left a definition's models, and those under way",
        to!(training_job::list),
    )
    .query(&["filter_archived", "limit", "offset"])
    .gives("`entries`, and `total`"),
    route(Verb::Get, JOB, "a training", to!(training_job::get)).gives("the training"),
    route(
        Verb::Post,
        JOB_STOP,
        "stops a training",
        to!(training_job::stop),
    )
    .gives("`message`"),
    route(
        Verb::Get,
        JOB_RESULT,
        "where what a training left is",
        to!(training_job::result),
    )
    .gives("`artifacts`, and `download_uri`"),
    route(
        Verb::Delete,
        DEFINITION,
        "gives a definition without models up",
        to!(model::delete_definition),
    )
    .gives("`message`"),
    route(
        Verb::Post,
        DEFINITION_ARCHIVE,
        "puts a definition away",
        to!(model::archive_definition),
    )
    .gives("`message`"),
    route(
        Verb::Post,
        DEFINITION_UNARCHIVE,
        "takes a definition out again",
        to!(model::unarchive_definition),
    )
    .gives("`message`"),
    route(
        Verb::Get,
        MODELS,
        "a definition's models: every version that was trained",
        to!(model::list),
    )
    .query(&["filter_archived", "limit", "offset"])
    .gives("`entries`, and `total`"),
    route(
        Verb::Post,
        MODELS,
        "takes weights in: a form with model_data and parameters",
        to!(model::create),
    )
    .gives("the model"),
    route(Verb::Get, MODEL, "a training model", to!(model::get)).gives("the model"),
    route(
        Verb::Patch,
        MODEL,
        "changes a model's notes",
        to!(model::patch),
    )
    .body(&["description"])
    .gives("the model"),
    route(
        Verb::Get,
        MODEL_DOWNLOAD,
        "where a model is",
        to!(model::download),
    )
    .gives("`download_uri`"),
    route(
        Verb::Get,
        MODEL_CONTENT,
        "the home party's part of a model, where its policy lets it",
        to!(model::archive_out),
    )
    .query(&["secret"])
    .gives("an archive")
    .by_secret(),
    route(
        Verb::Post,
        MODEL_ARCHIVE,
        "puts a model away",
        to!(model::archive),
    )
    .gives("`message`"),
    route(
        Verb::Post,
        MODEL_UNARCHIVE,
        "takes a model out again",
        to!(model::unarchive),
    )
    .gives("`message`"),
    route(
        Verb::Post,
        CHANNELS,
        "makes a channel",
        to!(channel::create),
    )
    .body(&["name!", "description", "storage_type"])
    .gives("the organization and the `channel`"),
    route(
        Verb::Get,
        CHANNELS,
        "channels; `datasets` shows the data sets as files",
        to!(channel::list),
    )
    .query(&["limit", "offset", "filter_archived"])
    .gives("the organization and its `channels`"),
    route(Verb::Get, CHANNEL, "a channel", to!(channel::get))
        .gives("the organization and the `channel`"),
    route(
        Verb::Patch,
        CHANNEL,
        "changes a channel",
        to!(channel::patch),
    )
    .body(&["name", "description"])
    .gives("the organization and the `channel`"),
    route(
        Verb::Post,
        CHANNEL_ARCHIVE,
        "puts a channel away",
        to!(channel::archive),
    )
    .gives("`message`"),
    route(
        Verb::Post,
        CHANNEL_UNARCHIVE,
        "takes a channel out again",
        to!(channel::unarchive),
    )
    .gives("`message`"),
    route(Verb::Get, FILES, "a channel's files", to!(file::list))
        .query(&[
            "start",
            "end",
            "items_per_page",
            "sort",
            "next_page_token",
            "q",
        ])
        .gives("`files` and `next_page_token`"),
    route(Verb::Post, FILES, "announces a file", to!(file::announce))
        .gives("the file, and the `upload_url` for it"),
    route(
        Verb::Post,
        UPLOAD,
        "takes a file in: the body, with metadata in headers x-abeja-meta-*",
        to!(file::upload),
    )
    .query(&["lifetime", "conflict_target"])
    .gives("the file"),
    route(
        Verb::Get,
        FILE,
        "a file, and where its content is",
        to!(file::get),
    )
    .gives("the file, with `download_uri`"),
    route(Verb::Delete, FILE, "removes a file", to!(file::delete)).gives("`message`"),
    route(
        Verb::Put,
        METADATA,
        "replaces what is said of a file",
        to!(file::put_metadata),
    )
    .gives("the file"),
    route(
        Verb::Put,
        LIFETIME,
        "says how long a file is wanted",
        to!(file::put_lifetime),
    )
    .body(&["lifetime!"])
    .gives("the file"),
    route(
        Verb::Get,
        CONTENT,
        "a file's content",
        to!(file::content_out),
    )
    .query(&["secret"])
    .gives("the file")
    .by_secret(),
    route(
        Verb::Put,
        CONTENT,
        "takes an announced file in",
        to!(file::content_in),
    )
    .query(&["secret"])
    .gives("`message`")
    .by_secret(),
];
