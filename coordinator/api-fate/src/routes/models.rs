//! Models: deploying, moving, storing, tags.

use api_kit::call;

use super::{BOTH, Route, at_agent, file, not_yet, raw, served};
use crate::model_exchange::OF_PART;
use crate::model_foreign::{OF_DEPLOYMENT, OF_MODEL};
use crate::{archive, migrate, model_deploy, model_foreign, model_query, model_tag, serving};

/// The rows.
pub(super) const ROUTES: &[Route] = &[
    served(
        "model/load",
        "keeps a deployed model ready at its parties",
        call!(serving::load),
    )
    .takes(&[
        "job_id",
        "initiator",
        "role",
        "job_parameters",
        "servings",
        "service_id",
        "tables",
    ])
    .gives("for guests and hosts a code by party, and `detail` with codes and texts"),
    at_agent(
        "model/bind",
        "lets a deployed model answer under a service id",
        call!(serving::bind),
    )
    .needs(&["service_id"])
    .takes(&[
        "job_id",
        "initiator",
        "role",
        "job_parameters",
        "servings",
        "tables",
    ])
    .gives("nothing; the text names the service id"),
    at_agent(
        "model/transfer",
        "a party's part of a model in pieces, for a serving",
        raw!(archive::transfer),
    )
    .needs(&["namespace", "name"])
    .gives("base64 by `STEP.ALIAS:MODEL`, and `pipeline.pipeline:Pipeline`"),
    at_agent(
        "model/transfer/{model}/{version}",
        "the same, named in the path with `~` for `#`",
        raw!(archive::transfer),
    )
    .gives("base64 by `STEP.ALIAS:MODEL`, and `pipeline.pipeline:Pipeline`"),
    at_agent(
        "model/import",
        "takes an archive in (a form with the part `file`)",
        raw!(archive::import),
    )
    .needs(OF_PART)
    .takes(&["file", "force_update", "hash"])
    .gives("{job_id, role, party_id, model_id, model_version}"),
    file(
        at_agent(
            "model/export",
            "a party's part of a model as an archive",
            call!(archive::export),
        )
        .needs(OF_PART)
        .gives("a zip with every part of the party's model and a manifest of hashes"),
        BOTH,
    ),
    at_agent(
        "model/store",
        "starts a job that copies a model to its party's model store",
        call!(archive::store),
    )
    .needs(OF_PART)
    .takes(&["store_address", "force_update"])
    .gives("as job/submit"),
    at_agent(
        "model/restore",
        "starts a job that brings a model back from the store",
        call!(archive::restore),
    )
    .needs(OF_PART)
    .takes(&["store_address", "force_update"])
    .gives("as job/submit"),
    at_agent(
        "model/migrate",
        "has parties write their parts of a model for other parties",
        call!(migrate::migrate),
    )
    .needs(migrate::NEEDED)
    .takes(&["unify_model_version"])
    .gives("a code by role and party, and `detail` with codes and texts"),
    served(
        "model/deploy",
        "makes a model ready to predict, under a version of its own",
        call!(model_deploy::deploy),
    )
    .needs(&["model_id", "model_version"])
    .takes(&["cpn_list", "predict_dsl", "dsl", "components_checkpoint"])
    .gives("{model_id, model_version, role: {party: code}, detail}"),
    served(
        "model/get/predict/dsl",
        "the predict DSL of a model",
        call!(model_deploy::predict_dsl_of),
    )
    .needs(&["model_id", "model_version"])
    .takes(&["role", "party_id", "filename"])
    .gives("the DSL, or a file with it"),
    served(
        "model/get/predict/conf",
        "a predict conf for a model, its tables to be filled in",
        call!(model_deploy::predict_conf_of),
    )
    .needs(&["model_id", "model_version"])
    .takes(&["role", "party_id", "filename"])
    .gives("the conf, or a file with it"),
    served("model/query", "rows of models", call!(model_query::query))
        .takes(&[
            "model_id",
            "model_version",
            "role",
            "party_id",
            "query_filters",
        ])
        .gives("rows, one for each participant of a version"),
    served(
        "model/query/detail",
        "documents of a model",
        call!(model_query::detail),
    )
    .needs(&["model_id", "model_version"])
    .gives("{runtime_conf, dsl, inference_dsl, component_info, inference_component_info}"),
    served(
        "model/model_tag/create",
        "tags a model",
        call!(model_tag::bind),
    )
    .needs(&["job_id", "tag_name"]),
    served(
        "model/model_tag/remove",
        "takes a tag off a model",
        call!(model_tag::unbind),
    )
    .needs(&["job_id", "tag_name"]),
    served(
        "model/model_tag/retrieve",
        "tags of a model",
        call!(model_tag::of_model),
    )
    .needs(&["job_id"])
    .gives("{tags: [{name, description}], count}"),
    served("model/tag/create", "makes a tag", call!(model_tag::create))
        .needs(&["tag_name"])
        .takes(&["tag_desc"]),
    served(
        "model/tag/retrieve",
        "finds tags",
        call!(model_tag::retrieve),
    )
    .needs(&["tag_name"])
    .takes(&["with_model"])
    .gives("{tags: [{name, description}]}, or {models, count}"),
    served(
        "model/tag/update",
        "renames a tag",
        call!(model_tag::update),
    )
    .needs(&["tag_name"])
    .takes(&["new_tag_name", "new_tag_desc"]),
    served(
        "model/tag/destroy",
        "removes a tag",
        call!(model_tag::destroy),
    )
    .needs(&["tag_name"]),
    served("model/tag/list", "lists tags", call!(model_tag::list))
        .takes(&["limit"])
        .gives("{tags: [{name, description, model_count}]}"),
    served(
        "model/homo/convert",
        "says that no component can be converted to another framework",
        call!(model_foreign::homo_convert),
    )
    .needs(OF_MODEL)
    .takes(&["framework_name"]),
    served(
        "model/homo/deploy",
        "says why a converted model is not there",
        call!(model_foreign::homo_deploy),
    )
    .needs(OF_DEPLOYMENT),
    not_yet("model/archive/packaging", "packs a model"),
    not_yet("model/service/register", "registers a model service"),
];
