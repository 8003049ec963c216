//! What jobs and tasks left: metrics, models, tables, summaries.

use api_kit::call;

use super::{BOTH, OF_TASK, Route, at_agent, file, served};
use crate::{dag, metric, output, tracking};

/// The rows.
pub(super) const ROUTES: &[Route] = &[
    served(
        "tracking/job/data_view",
        "parties and data sets of a job",
        call!(tracking::data_view),
    )
    .needs(&["job_id"])
    .takes(&["role", "party_id"])
    .gives("`{partner, dataset, roles, model_summary}`"),
    served(
        "tracking/component/metric/all",
        "all metrics of a task with their data",
        call!(metric::all),
    )
    .needs(OF_TASK)
    .gives("`{namespace: {metric: {data, meta}}}`"),
    served(
        "tracking/component/metrics",
        "names of the metrics of a task",
        call!(metric::names),
    )
    .needs(OF_TASK)
    .gives("`{namespace: [metric, …]}`"),
    served(
        "tracking/component/metric_data",
        "one metric of a task",
        call!(metric::data),
    )
    .needs(&[
        "job_id",
        "component_name",
        "role",
        "party_id",
        "metric_name",
    ])
    .takes(&["metric_namespace", "meric_name"])
    .gives("pairs `[key, value]`; what the metric is in `meta`"),
    served(
        "tracking/component/metric/delete",
        "forgets all metrics of a job",
        call!(metric::delete),
    )
    .needs(&["job_id"])
    .takes(&["model"])
    .gives("a text that says whether there were any"),
    served(
        "tracking/component/parameters",
        "parameters of a task, defaults filled in",
        call!(tracking::parameters),
    )
    .needs(OF_TASK)
    .gives("`{module, ComponentParam}`"),
    served(
        "tracking/component/output/model",
        "the view of the model a task left",
        call!(tracking::model),
    )
    .needs(OF_TASK)
    .gives("the model's parameters; `{meta_data, module_name}` in `meta`"),
    at_agent(
        "tracking/component/output/data",
        "first rows of a task's output",
        call!(output::preview),
    )
    .needs(OF_TASK)
    .gives("first rows of each table; `{header, total, names}` in `meta`"),
    file(
        at_agent(
            "tracking/component/output/data/download",
            "a task's output tables as files",
            call!(output::download),
        )
        .needs(OF_TASK)
        .takes(&["limit"])
        .gives("a tar.gz with a `.csv` and a `.meta` of each table"),
        BOTH,
    ),
    served(
        "tracking/component/output/data/table",
        "names of a task's output tables",
        call!(output::tables),
    )
    .needs(OF_TASK)
    .gives("a list of `{table_name, table_namespace, data_name}`"),
    served(
        "tracking/component/summary/download",
        "the summary of a task",
        call!(tracking::summary),
    )
    .needs(OF_TASK)
    .takes(&["filename"])
    .gives("the summary; with filename the file itself"),
    served(
        "tracking/component/list",
        "the steps of a job",
        call!(tracking::list),
    )
    .needs(&["job_id"])
    .gives("`{components: [name, …]}`"),
    served(
        "pipeline/dag/dependency",
        "how the steps of a job hang together",
        call!(dag::dependency),
    )
    .needs(&["role", "party_id"])
    .takes(&["job_id", "job_dsl", "job_runtime_conf"])
    .gives("`{component_list, component_module, component_need_run, dependencies}`"),
];
