//! Tables of parties.

use api_kit::call;

use super::{BOTH, BOUND, Route, TABLE, at_agent, file};
use crate::{table, table_more};

/// The rows.
pub(super) const ROUTES: &[Route] = &[
    at_agent(
        "table/table_info",
        "count, schema and origin of a table",
        call!(table::info),
    )
    .takes(&[
        "name",
        "table_name",
        "namespace",
        "create",
        "party_id",
        "role",
        "local",
    ])
    .gives(
        "`{table_name, namespace, exist, count, partition, schema, enable, \
             origin, extend_sid, address}`",
    ),
    at_agent("table/delete", "removes a table", call!(table::delete))
        .needs(&["namespace"])
        .takes(&[
            "table_name",
            "name",
            "party_id",
            "job_id",
            "role",
            "component_name",
        ])
        .gives("`{table_name, namespace}`"),
    at_agent(
        "table/bind",
        "makes a table of stored data",
        call!(table_more::bind),
    )
    .needs(BOUND)
    .takes(&[
        "head",
        "id_delimiter",
        "partitions",
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
        "in_serialized",
    ])
    .gives("`{table_name, namespace}`"),
    at_agent(
        "table/add",
        "makes a table of stored data",
        call!(table_more::bind),
    )
    .needs(BOUND)
    .takes(&[
        "head",
        "id_delimiter",
        "partitions",
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
        "in_serialized",
    ])
    .gives("`{table_name, namespace}`"),
    at_agent(
        "table/enable",
        "lets tables be used",
        call!(table_more::enable),
    )
    .takes(&["name", "table_name", "namespace", "party_id"])
    .gives("a list of `{table_name, namespace}`"),
    at_agent(
        "table/disable",
        "keeps tables from being used",
        call!(table_more::disable),
    )
    .takes(&["name", "table_name", "namespace", "party_id"])
    .gives("a list of `{table_name, namespace}`"),
    at_agent(
        "table/disable/delete",
        "removes disabled tables",
        call!(table_more::delete_disabled),
    )
    .takes(&["party_id"])
    .gives("a list of the tables that were removed"),
    at_agent(
        "table/connector/create",
        "names a data source",
        call!(table_more::create_connector),
    )
    .needs(&["connector_name", "engine", "connector_info"]),
    at_agent(
        "table/connector/query",
        "a named data source",
        call!(table_more::connector),
    )
    .needs(&["connector_name"])
    .gives("how the data source is reached"),
    at_agent(
        "table/tracking/source",
        "the tables a table came from",
        call!(table_more::source),
    )
    .needs(TABLE)
    .takes(&["party_id"])
    .gives("a list of parents and sources"),
    at_agent(
        "table/tracking/job",
        "the jobs that had to do with a table",
        call!(table_more::jobs),
    )
    .needs(TABLE)
    .takes(&["party_id"])
    .gives("`{count, job: [id, …]}`"),
    at_agent("table/list", "tables of a job", call!(table_more::list))
        .needs(&["job_id", "role", "party_id"])
        .gives("tables by step: `{input, output}`"),
    at_agent(
        "table/preview",
        "first rows of a table",
        call!(table_more::preview),
    )
    .needs(TABLE)
    .takes(&["table_name", "limit", "party_id"])
    .gives("`{header, data}`"),
    at_agent(
        "table/schema/update",
        "changes a table's schema",
        call!(table_more::update_schema),
    )
    .needs(TABLE)
    .takes(&["party_id", "schema"])
    .gives("the new schema"),
    at_agent(
        "table/schema/anonymous/migrate",
        "gives anonymous columns another owner",
        call!(table_more::migrate_anonymous),
    )
    .needs(TABLE)
    .takes(&["migrate_mapping", "party_id"]),
    file(
        at_agent(
            "table/download",
            "a table as files",
            call!(table_more::download),
        )
        .needs(TABLE)
        .takes(&["table_name", "head", "party_id"])
        .gives("a tar.gz with `table.csv` and `table.meta`"),
        BOTH,
    ),
];
