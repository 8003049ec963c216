//! What each route reads beside what it needs, and what a success gives: for the OpenAPI document and the tests made from it.

use super::routing::Route;

/// Path; members of the body that it reads when they are there (each is described in `fields`); what `data` of a success holds,
/// of a file route what the file is.
static DESCRIBED: &[(&str, &str, &str)] = &[
    (
        "data/upload",
        "file id_delimiter drop extend_sid auto_increasing_sid with_meta meta schema party_id use_local_data storage_engine storage_address verbose work_mode",
        "the job that makes the table: job_id, namespace, table_name, model_info, board_url, paths",
    ),
    (
        "data/download",
        "delimiter delimitor party_id work_mode",
        "the job that writes the file: job_id, board_url, paths",
    ),
    (
        "data/writer",
        "output_name output_namespace storage_engine address party_id",
        "the job that writes: job_id, board_url, paths",
    ),
    (
        "data/upload/history",
        "limit job_id",
        "a list of `{job_id: {upload_info, notes, schema}}`, newest first",
    ),
    (
        "job/submit",
        "job_dsl runtime_conf dsl name description",
        "the job: job_id, model_info, logs_directory, board_url, paths; `jobId` beside data",
    ),
    ("job/stop", "stop_status operate", ""),
    ("job/rerun", "component_name force", ""),
    (
        "job/query",
        "job_id role party_id experiment status name tag description roles initiator_role initiator_party_id is_initiator create_time start_time end_time elapsed",
        "a row for each participant of each job, columns with the prefix `f_`; none without a usable filter",
    ),
    (
        "job/list/job",
        "limit page order order_by job_id description party_id partner role status",
        "`{jobs, count}`: rows without prefix, and how many there are",
    ),
    (
        "job/list/task",
        "limit page order order_by job_id component_name role party_id",
        "`{tasks, count}`: rows without prefix, every attempt",
    ),
    ("job/update", "notes", ""),
    (
        "job/parameter/update",
        "job_parameters component_parameters",
        "`{job_parameters, component_parameters, components}`",
    ),
    (
        "job/config",
        "role party_id",
        "`{job_id, dsl, runtime_conf, train_runtime_conf, model_info}`",
    ),
    (
        "job/log/download",
        "",
        "a tar.gz of the job's logs, by role and party",
    ),
    (
        "job/log",
        "",
        "a tar.gz of the job's logs, by role and party",
    ),
    ("job/log/path", "", "`{logs_directory}`"),
    (
        "job/task/query",
        "job_id component_name task_id task_version role party_id status",
        "rows of tasks with the prefix `f_`",
    ),
    (
        "job/data/view/query",
        "component_name task_id task_version data_name role party_id table_name table_namespace",
        "rows of output tables with the prefix `f_`",
    ),
    ("job/clean", "role party_id component_name", ""),
    (
        "job/clean/queue",
        "",
        "`{job_id: 0}` of the jobs that were canceled",
    ),
    (
        "job/dsl/generate",
        "version filename",
        "the predict DSL; with filename the file itself",
    ),
    (
        "job/report",
        "job_id role party_id component_name status",
        "a list of `{component_name, start_time, end_time, elapsed, status, index}`",
    ),
    ("job/url/get", "", "`{board_url: […]}`"),
    (
        "tracking/job/data_view",
        "role party_id",
        "`{partner, dataset, roles, model_summary}`",
    ),
    (
        "tracking/component/metric/all",
        "",
        "`{namespace: {metric: {data, meta}}}`",
    ),
    (
        "tracking/component/metrics",
        "",
        "`{namespace: [metric, …]}`",
    ),
    (
        "tracking/component/metric_data",
        "metric_namespace meric_name",
        "pairs `[key, value]`; what the metric is in `meta`",
    ),
    (
        "tracking/component/metric/delete",
        "model",
        "a text that says whether there were any",
    ),
    (
        "tracking/component/parameters",
        "",
        "`{module, ComponentParam}`",
    ),
    (
        "tracking/component/output/model",
        "",
        "the model's parameters; `{meta_data, module_name}` in `meta`",
    ),
    (
        "tracking/component/output/data",
        "",
        "first rows of each table; `{header, total, names}` in `meta`",
    ),
    (
        "tracking/component/output/data/download",
        "limit",
        "a tar.gz with a `.csv` and a `.meta` of each table",
    ),
    (
        "tracking/component/output/data/table",
        "",
        "a list of `{table_name, table_namespace, data_name}`",
    ),
    (
        "tracking/component/summary/download",
        "filename",
        "the summary; with filename the file itself",
    ),
    ("tracking/component/list", "", "`{components: [name, …]}`"),
    (
        "pipeline/dag/dependency",
        "job_id job_dsl job_runtime_conf",
        "`{component_list, component_module, component_need_run, dependencies}`",
    ),
    (
        "model/load",
        "job_id initiator role job_parameters servings service_id",
        "retcodes by role and party, and `detail`",
    ),
    (
        "model/bind",
        "job_id initiator role job_parameters servings",
        "",
    ),
    (
        "model/transfer",
        "namespace name",
        "parts of the model, each in base64",
    ),
    (
        "model/import",
        "file force_update hash",
        "`{job_id, role, party_id, model_id, model_version}`",
    ),
    (
        "model/export",
        "",
        "a zip with every part of the party's model and a manifest of hashes",
    ),
    (
        "model/store",
        "store_address force_update",
        "the job that stores: job_id, board_url, paths",
    ),
    (
        "model/restore",
        "store_address force_update",
        "the job that restores: job_id, board_url, paths",
    ),
    (
        "model/migrate",
        "unify_model_version",
        "retcodes by role and party, and `detail`",
    ),
    (
        "model/deploy",
        "cpn_list predict_dsl dsl components_checkpoint",
        "`{model_id, model_version, detail}` and retcodes by role and party",
    ),
    (
        "model/get/predict/dsl",
        "role party_id filename",
        "the predict DSL; with filename the file itself",
    ),
    (
        "model/get/predict/conf",
        "role party_id filename",
        "a predict conf to fill in; with filename the file itself",
    ),
    (
        "model/query",
        "model_id model_version role party_id query_filters",
        "rows of models with the prefix `f_`",
    ),
    ("model/query/detail", "", "documents and steps of the model"),
    ("model/model_tag/create", "", ""),
    ("model/model_tag/remove", "", ""),
    (
        "model/model_tag/retrieve",
        "",
        "`{tags: [{name, description}], count}`",
    ),
    ("model/tag/create", "tag_desc", ""),
    (
        "model/tag/retrieve",
        "with_model",
        "`{tags}`, or `{models, count}` of the one tag",
    ),
    ("model/tag/update", "new_tag_name new_tag_desc", ""),
    ("model/tag/destroy", "", ""),
    (
        "model/tag/list",
        "limit",
        "`{tags: [{name, description, model_count}]}`",
    ),
    (
        "table/table_info",
        "name table_name namespace create party_id role local",
        "`{table_name, namespace, exist, count, partition, schema, enable, origin, extend_sid, address}`",
    ),
    (
        "table/delete",
        "table_name name party_id job_id role component_name",
        "`{table_name, namespace}`",
    ),
    (
        "table/bind",
        "head id_delimiter partitions drop id_column feature_column schema extend_sid with_meta meta options origin party_id",
        "`{table_name, namespace}`",
    ),
    (
        "table/add",
        "head id_delimiter partitions drop id_column feature_column schema extend_sid with_meta meta options origin party_id",
        "`{table_name, namespace}`",
    ),
    (
        "table/enable",
        "name table_name namespace party_id",
        "a list of `{table_name, namespace}`",
    ),
    (
        "table/disable",
        "name table_name namespace party_id",
        "a list of `{table_name, namespace}`",
    ),
    (
        "table/disable/delete",
        "party_id",
        "a list of the tables that were removed",
    ),
    ("table/connector/create", "", ""),
    (
        "table/connector/query",
        "",
        "how the data source is reached",
    ),
    (
        "table/tracking/source",
        "party_id",
        "a list of parents and sources",
    ),
    ("table/tracking/job", "party_id", "`{count, job: [id, …]}`"),
    ("table/list", "", "tables by step: `{input, output}`"),
    (
        "table/preview",
        "name table_name namespace limit party_id",
        "`{header, data}`",
    ),
    ("table/schema/update", "party_id", "the new schema"),
    ("table/schema/anonymous/migrate", "", ""),
    (
        "table/download",
        "name table_name namespace head party_id",
        "a tar.gz with `table.csv` and `table.meta`",
    ),
    (
        "checkpoint/list",
        "",
        "a list of `{create_time, step_index, step_name, models}`",
    ),
    (
        "checkpoint/get",
        "step_index step_name",
        "`{create_time, step_index, step_name, models}`, models in base64",
    ),
    (
        "component/get",
        "",
        "`{module: {default_provider, support_provider, alias}}` under each of its names",
    ),
    (
        "component/{name}/get",
        "",
        "`{default_provider, support_provider, alias}`",
    ),
    (
        "component/validate",
        "dsl_version role component_parameters component_name component_module_name",
        "",
    ),
    ("provider/get", "", "`{provider: {default, version: …}}`"),
    (
        "provider/{name}/get",
        "",
        "the provider, its components as objects",
    ),
    (
        "resource/query",
        "engine_name resource_in_use",
        "`{use_resource_job, computing_engine_resource}`",
    ),
    (
        "resource/return",
        "",
        "a list of `{job_id, role, party_id, resource_in_use, resource_return_status}`",
    ),
    ("permission/grant", "component dataset", ""),
    ("permission/delete", "component dataset", ""),
    (
        "permission/query",
        "",
        "`{dataset: [{name, namespace}], component: [name, …]}`",
    ),
    (
        "permission/grant/privilege",
        "src_party_id src_role privilege_role privilege_command privilege_component",
        "",
    ),
    (
        "permission/delete/privilege",
        "src_party_id src_role privilege_role privilege_command privilege_component",
        "",
    ),
    (
        "permission/query/privilege",
        "src_party_id src_role",
        "`{src_party_id, role, privilege_role, privilege_command, privilege_component}`",
    ),
    ("key/public/save", "", "`save success` or `update success`"),
    ("key/query", "key_name", "the key"),
    ("key/public/delete", "", ""),
    ("server/version/get", "module", "versions by name"),
    (
        "server/reload",
        "",
        "`{job_default_config, server_registry}`",
    ),
    ("server/service/get", "", "registered services"),
    ("server/get", "", "registered services"),
    (
        "server/fateflow/info",
        "",
        "instances by id: `{instance_id, timestamp, version, host, grpc_port, http_port}`",
    ),
    ("server/config/job/default", "", "default settings of jobs"),
    ("server/{name}/get", "", "the service's address"),
    ("version/get", "module", "`{module: version, API}`"),
    ("info/version", "module", "`{module: version, API}`"),
    ("template/download", "min_data", "a tar.gz of examples"),
    (
        "info/common",
        "",
        "`{version, host, http_port, grpc_port, party_id, federation}`",
    ),
    ("info/fateboard", "", "`{host, port}`"),
    ("info/eggroll", "", "nothing: there is no such engine"),
    (
        "info/party/{*rest}",
        "",
        "whether the party is there, and its REST endpoint",
    ),
    (
        "log/size",
        "role party_id component_name",
        "`{size}`: lines",
    ),
    (
        "log/cat",
        "role party_id component_name begin end",
        "a list of `{line_num, content}`",
    ),
    ("service/registry", "", ""),
    ("service/query", "service_name", "registered services"),
    (
        "fedflow/health",
        "",
        "`{store, jobs, agents_online, agents_known, version}`",
    ),
    ("fedflow/schedules/delete", "", "nothing"),
    (
        "fedflow/job/waiting",
        "",
        "`{waiting: {reason, parties, since, last_error}}`; null when it waits for nothing",
    ),
];

impl Route {
    /// Members of the body that it reads when they are there.
    pub fn members_taken(&self) -> impl Iterator<Item = &'static str> {
        let said = self.described().0.split_whitespace();
        said.chain(self.takes.iter().copied())
            .filter(|name| !self.needs.contains(name))
    }

    /// What `data` of a success holds (of a file route: what the file is); empty when there is none.
    pub fn given(&self) -> &'static str {
        if self.gives.is_empty() {
            self.described().1
        } else {
            self.gives
        }
    }

    fn described(&self) -> (&'static str, &'static str) {
        DESCRIBED
            .iter()
            .find(|(path, ..)| *path == self.path)
            .map_or(("", ""), |(_, takes, gives)| (takes, gives))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{ROUTES, Status};
    use super::*;

    #[test]
    fn describes_every_route_that_is_served_once() {
        let described: BTreeSet<&str> = DESCRIBED.iter().map(|(path, ..)| *path).collect();
        assert_eq!(described.len(), DESCRIBED.len());
        for route in ROUTES {
            let said = described.contains(route.path)
                || !route.takes.is_empty()
                || !route.gives.is_empty();
            let known = said || route.needs.len() > 1 || route.status == Status::Unsupported;
            assert!(
                known,
                "{}: say in described.rs what it takes and gives",
                route.path
            );
        }
        for path in described {
            assert!(
                ROUTES.iter().any(|route| route.path == path),
                "{path} is not a route"
            );
        }
    }
}
