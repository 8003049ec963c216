//! The page that says what of this API is served, written from the table of routes.

use std::fmt::Write;

use api_kit::page::markdown;

use super::collection::COLLECTIONS;
use super::{Meteos, listing, views};

/// The coverage page as Markdown.
pub fn coverage() -> String {
    let mut page = String::from(
        "# OpenStack Meteos: what is served\n\n\
         Generated from the table of routes. `{project}` is the tenant; where the REST endpoint asks nobody who he is, every name of one \
         is taken. Paths may end with a slash. What is not listed answers 404 in this API's form; `PUT` and `PATCH` do, too.\n\n",
    );
    page += &markdown::<Meteos>(&[
        ("method", |route| route.method().word().to_owned()),
        ("path", |route| format!("`{}`", route.path)),
        ("success", |route| route.success.to_string()),
        ("what it does", |route| {
            let open = if route.open { " (for everybody)" } else { "" };
            format!("{}{open}", route.summary)
        }),
    ]);
    page.push_str(
        "\n`jobs` and `learnings` are one collection under two names; under `jobs` things are wrapped as `job`.\n\n## Fields\n\n\
         | collection | fields of a new one | members shown | columns to sort by |\n|---|---|---|---|\n",
    );
    for collection in &COLLECTIONS {
        let members: Vec<&str> = views::detail(collection.noun)
            .iter()
            .map(|(name, _)| *name)
            .collect();
        let columns = listing::sortable(collection.noun);
        let fields = collection.fields.join(", ");
        let _ = writeln!(
            page,
            "| {} | {fields} | {} | {} |",
            collection.plural,
            members.join(", "),
            columns.join(", ")
        );
    }
    page.push_str(NOTES);
    page
}

const NOTES: &str = "
Lists take `limit` (at most 1000), `offset`, `marker`, `sort_key` with `sort_dir`, or `sort_by` (`-name` for descending); every
other word of the query is a filter on a column of that name, `name` and `description` on the display ones.

## What differs

- A template is a compute profile: a thread and a partition for each worker node, and the memory of its flavor (1 to 5, or `m1.tiny`
  to `m1.xlarge`) times the nodes. Agents keep to them: of memory, tables and lines that a task takes in and leaves are counted. Images, keys, pools and networks are stored and shown, nothing else.
- An experiment is available when the tenant's home party answers. Experiments of other APIs are listed, with the default template.
- `swift://CONTAINER/OBJECT` is a file that the home party keeps: a channel and a file by id or name, or a folder and a name below
  `fedflow/files/`. Swift credentials are accepted and dropped.
- Lambdas of a parse are interpreted, never executed; see the README of the crate `local-learning`. Where a party's policy keeps rows
  from this REST endpoint it refuses them, since their results tell what is in rows.
- First rows, predictions and frequent sets are shown where the party's policy shows rows at this REST endpoint.
- Loading a model prepares its version for single rows; a learning on an active model is waited for, up to twenty seconds.
- A dataset, model or evaluation whose source is still being made stays `creating` until that is done, and fails with it.
- What trainings of several parties left is shown as one model for each model id, the newest training that succeeded; it answers for
  no single row, and cannot be loaded or learned anew here.
- Removing a dataset's table through FATE-Flow's API turns the dataset to `error`.
- Ids of other tenants answer 404, as unknown ones do.
- `/identity/v3` answers only where `keystone = true` stands in the coordinator's settings; its passwords are the REST endpoint's tokens.
";
