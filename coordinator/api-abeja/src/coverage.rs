//! The page that says what of this API is served, written from the table of routes.

use api_kit::page::markdown;

use super::Abeja;
use super::routes::Route;

const BEFORE: &str = "# ABEJA: what is served\n\n\
    Generated from the table of routes. Paths may end with a slash. Errors are `{error, error_description, error_detail}` with a \
    status below 500. An OpenAPI document is at `/organizations/openapi.json`.\n\n\
    A **run** is a predict job: of the training model that it names under an alias, over the file that `input_data` names. The \
    readers of the party that keeps the file read the table that is made of it; those of other parties read what they read in the \
    training. Without a model it is the newest of the organization that a training left and that is not archived, and the run \
    fails with a log line when there is none; without input every party reads its training table. A model is deployed for \
    predictions, with all its components, when its first run asks for it. Uploaded code is kept and given back, and never run: \
    every version of every deployment predicts. The deployment `fl-predict` is there in every organization.\n\n\
    `retry_count` is the sum of all new attempts of all steps of a run. `distribution` modulo 16 chooses the queue; runs of one queue \
    run strictly one after another; runs that say nothing take turns at the queues. **A run whose answer was lost is not made twice**: \
    of equal requests within two minutes the first one's run is the answer where somebody stands between the client and the REST endpoint (a proxy; \
    it says so, speaks HTTP/1.0, or has changed the port or the connection); a client that has its answer gets another run. A header `Idempotency-Key` says for a day what is the same and what is not. What else is made \
    by POST is made once behind a proxy, too, but for a file that is only announced: each announcement gets an address of its own. When the job of a run that has ended is run again, that is a \
    run of its own. Predictions are the output table of the run's job, at its party. An `output_template` such as \
    `{\"$datalake:1\": \"<channel>/<name>\"}` has them kept as a file of that channel, too, of that name (`predictions.csv` \
    without one), at the same party; any other object is kept and shown, and does nothing.\n\n\
    Log lines are the job's own moves and, where a party's policy has `logs_through_coordinator`, its own lines.\n\n\
    **Files** of a channel stay at the organization's home party. A run reads one as a table; `x-abeja-meta-head`, `-id_delimiter`, \
    `-partition`, `-extend_sid` and `-auto_increasing_sid` say how. The channel `datasets` shows the organization's Meteos data sets \
    as files, and changes none. A model of lines (of Meteos' API) reads a data set or the lines of a file, whatever it was learned \
    from. A file whose table is removed through FATE-Flow's API is gone. **Training models** are the versions that trainings left, each under a number of its own that is never given again; \
    their definition is named by the model's id, shown with `~` for `#`, which would end an address (`display_name` has it as it is); in paths \
    it goes by that, or by its number. A definition behind which trainings here stand has one version, and its trainings as jobs. Weights that somebody brought are kept, \
    but no run can apply them.\n\n";

const AFTER: &str = "\n## Not served\n\nServices, triggers, starting training jobs and making versions of their definitions, datasets, buckets, secrets, registries, \
    `code_templates`, and a run's cancel, update or delete, which this API does not have: stop its job by FATE-Flow's `job/stop`. \
    Their paths answer 404.\n";

/// The coverage page as Markdown.
pub fn coverage() -> String {
    let table = markdown::<Abeja>(&[
        ("method", |route| route.method().word().to_owned()),
        ("path", |route| format!("`{}`", route.path)),
        ("opened by", opened_by),
        ("what it does", |route| route.summary.to_owned()),
        ("gives", |route| route.gives.to_owned()),
    ]);
    format!("{BEFORE}{table}{AFTER}")
}

fn opened_by(route: &Route) -> String {
    let by = if route.open {
        "the secret in it"
    } else {
        "a credential"
    };
    by.to_owned()
}
