//! Checkpoints, components, permissions, keys, the server, logs.

use api_kit::call;

use super::{OF_STATES, POST, Route, SOURCE, at_agent, file, not_yet, served};
use crate::model_foreign::{OF_COMPONENT, OF_MERGE, OF_WOE};
use crate::{
    checkpoint, component, info, log, model_foreign, permission, resource, server, template,
};

/// The rows.
pub(super) const ROUTES: &[Route] = &[
    at_agent(
        "checkpoint/list",
        "states that a training kept before its end",
        call!(checkpoint::list),
    )
    .needs(OF_STATES)
    .gives("a list of {create_time, step_index, step_name, models: {name: {buffer_name, sha1}}}"),
    at_agent(
        "checkpoint/get",
        "one such state, with its content",
        call!(checkpoint::get),
    )
    .needs(OF_STATES)
    .takes(&["step_index", "step_name"])
    .gives("{create_time, step_index, step_name, models: {name: base64}}"),
    served(
        "component/get",
        "every component and who provides it",
        call!(component::all),
    )
    .gives("`{module: {default_provider, support_provider, alias}}` under each of its names"),
    served(
        "component/{name}/get",
        "one component",
        call!(component::one),
    )
    .gives("`{default_provider, support_provider, alias}`"),
    served(
        "component/validate",
        "checks parameters",
        call!(component::validate),
    )
    .needs(&[
        "dsl_version",
        "role",
        "component_name",
        "component_module_name",
    ])
    .takes(&[
        "component_parameters",
        "role_parameters",
        "algorithm_parameters",
    ]),
    served(
        "component/hetero/merge",
        "says why vertical models are not merged",
        call!(model_foreign::hetero_merge),
    )
    .needs(OF_MERGE)
    .takes(&["target_name", "include_guest_coef"]),
    served(
        "component/woe_array/extract",
        "says why weights of evidence are not taken out",
        call!(model_foreign::woe_extract),
    )
    .needs(OF_COMPONENT),
    served(
        "component/woe_array/merge",
        "says why weights of evidence are not put in",
        call!(model_foreign::woe_merge),
    )
    .needs(OF_WOE),
    served(
        "provider/get",
        "component providers",
        call!(component::providers),
    )
    .gives("`{provider: {default, version: …}}`"),
    served(
        "provider/{name}/get",
        "one component provider",
        call!(component::one_provider),
    )
    .gives("the provider, its components as objects"),
    served(
        "provider/register",
        "says why no provider can be registered",
        call!(component::register),
    )
    .needs(&["name", "version", "path"]),
    served("resource/query", "cores in use", call!(resource::query))
        .takes(&["engine_name", "resource_in_use"])
        .gives("`{use_resource_job, computing_engine_resource}`"),
    served(
        "resource/return",
        "says whether a job holds cores",
        call!(resource::give_back),
    )
    .needs(&["job_id"])
    .gives("a list of `{job_id, role, party_id, resource_in_use, resource_return_status}`"),
    at_agent(
        "permission/grant",
        "grants a party components or tables",
        call!(permission::grant),
    )
    .needs(&["party_id"])
    .takes(&["component", "dataset", "owner"]),
    at_agent(
        "permission/delete",
        "takes grants away",
        call!(permission::withdraw),
    )
    .needs(&["party_id"])
    .takes(&["component", "dataset", "owner"]),
    at_agent(
        "permission/query",
        "what a party was granted",
        call!(permission::query),
    )
    .needs(&["party_id"])
    .takes(&["owner"])
    .gives("`{dataset: [{name, namespace}], component: [name, …]}`"),
    at_agent(
        "permission/grant/privilege",
        "grants a privilege (1.4)",
        call!(permission::grant_privilege),
    )
    .needs(SOURCE)
    .takes(&[
        "privilege_role",
        "privilege_command",
        "privilege_component",
        "owner",
    ]),
    at_agent(
        "permission/delete/privilege",
        "takes a privilege away (1.4)",
        call!(permission::withdraw_privilege),
    )
    .needs(SOURCE)
    .takes(&[
        "privilege_role",
        "privilege_command",
        "privilege_component",
        "owner",
    ]),
    at_agent(
        "permission/query/privilege",
        "privileges (1.4)",
        call!(permission::query_privilege),
    )
    .needs(SOURCE)
    .takes(&["owner"])
    .gives("`{src_party_id, role, privilege_role, privilege_command, privilege_component}`"),
    at_agent(
        "key/public/save",
        "pins a party's key",
        call!(permission::save_key),
    )
    .needs(&["party_id", "key"])
    .takes(&["owner"])
    .gives("`save success` or `update success`"),
    at_agent(
        "key/query",
        "the key that a party must come with",
        call!(permission::key),
    )
    .needs(&["party_id"])
    .takes(&["key_name", "owner"])
    .gives("the key"),
    at_agent(
        "key/public/delete",
        "unpins a party's key",
        call!(permission::delete_key),
    )
    .needs(&["party_id"])
    .takes(&["owner"]),
    served("server/version/get", "all versions", call!(info::versions))
        .takes(&["module"])
        .gives("versions by name"),
    served(
        "server/reload",
        "shows the configuration in force",
        call!(server::reload),
    )
    .gives("`{job_default_config, server_registry}`"),
    served(
        "server/service/get",
        "registered services",
        call!(server::all_services),
    )
    .gives("registered services"),
    served(
        "server/get",
        "registered services",
        call!(server::all_services),
    )
    .gives("registered services"),
    served(
        "server/fateflow/info",
        "instances of the server",
        call!(server::instances),
    )
    .gives("instances by id: `{instance_id, timestamp, version, host, grpc_port, http_port}`"),
    served(
        "server/config/job/default",
        "default job settings",
        call!(server::defaults),
    )
    .gives("default settings of jobs"),
    served(
        "server/{name}/get",
        "one registered service",
        call!(server::one_service),
    )
    .gives("the service's address"),
    served("version/get", "one version", call!(info::version))
        .takes(&["module"])
        .gives("`{module: version, API}`"),
    served("info/version", "one version", call!(info::version))
        .takes(&["module"])
        .gives("`{module: version, API}`"),
    file(
        served(
            "template/download",
            "examples and their data",
            call!(template::download),
        )
        .takes(&["min_data"])
        .gives("a tar.gz of examples"),
        POST,
    ),
    served(
        "info/common",
        "address and version of the server",
        call!(info::common),
    )
    .gives("`{version, host, http_port, grpc_port, party_id, federation}`"),
    served(
        "info/fateboard",
        "address of the board",
        call!(server::fateboard),
    )
    .gives("`{host, port}`"),
    served(
        "info/eggroll",
        "says that there is no such engine",
        call!(server::eggroll),
    )
    .gives("nothing: there is no such engine"),
    served(
        "info/party/{*rest}",
        "whether a party is there, and its REST endpoint",
        call!(server::party),
    )
    .gives("whether the party is there, and its REST endpoint"),
    at_agent("log/size", "lines of a party's log", call!(log::size))
        .needs(&["job_id", "log_type"])
        .takes(&["role", "party_id", "component_name"])
        .gives("`{size}`: lines"),
    at_agent("log/cat", "lines from a party's log", call!(log::cat))
        .needs(&["job_id", "log_type"])
        .takes(&["role", "party_id", "component_name", "begin", "end"])
        .gives("a list of `{line_num, content}`"),
    not_yet("service/registry", "registers a service"),
    served(
        "service/query",
        "registered services",
        call!(server::query_services),
    )
    .takes(&["service_name", "server_name"])
    .gives("registered services"),
];
