//! The page that says what of this API is served, written from the table of routes.

use api_kit::page::markdown;

use super::rest::Rest;
use super::routes::Route;

/// The coverage page as Markdown.
pub fn coverage() -> String {
    let mut page = String::from("# Kubeflow Pipelines API, version v1beta1: what is served\n\n");
    page.push_str(
        "Generated from the table of routes. The ExperimentService, whole, over REST and gRPC on one port, with health \
         (`grpc.health.v1.Health`) and reflection (`v1` and `v1alpha`).\n\n",
    );
    page += &markdown::<Rest>(&[
        ("method", |route| route.method().word().to_owned()),
        ("path", |route| format!("`{}`", route.path)),
        ("gRPC", rpc),
        ("what it does", |route| route.summary.to_owned()),
    ]);
    page + NOTES
}

fn rpc(route: &Route) -> String {
    match route.mark.rpc {
        Some(rpc) => format!("`api.ExperimentService/{rpc}`"),
        None => "none".to_owned(),
    }
}

const NOTES: &str = "
Pipelines, runs, recurring runs, visualizations and authorization reviews are not served: 404 in plain text. A job of FATE-Flow or of
another API counts as a run of its experiment, a schedule (`/v1/fedflow/schedules`) as its recurring run.

On purpose unlike upstream:

| where | upstream | here |
|---|---|---|
| archive and unarchive of an unknown id, single-user | 200 | 404 |
| no identity | 500, code 13 | 401, code 16 |
| `filter` | unescaped a second time, always | only when it is not JSON as it came |
| equality of texts | by the database's collation | exact; `IS_SUBSTRING` disregards the case of ASCII letters |
| gRPC messages that cannot be read | code 13 | code 3 |
| user-identity header | read in multi-user mode | not read: a credential of `[access]` says who comes |
| another tenant's experiment, single-user | seen | 404; in multi-user mode 403, code 7 |

`[kubeflow] multi_user` in the coordinator's settings puts experiments into namespaces; a namespace is a tenant. With `[access]` each
call needs `authorization: Bearer TOKEN`, in gRPC as metadata; health, reflection and the documents need none. gRPC is served at the
coordinator's REST endpoint only: parties' REST endpoints pass REST on.
";
