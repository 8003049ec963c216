//! Lists: filtered by columns, sorted, cut into pages.

use std::cmp::Ordering;

use axum::Json;
use axum::response::IntoResponse;
use domain::experiment::query::Query;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use service::EntityFilter;

use super::call::Call;
use super::collection::{Action, Collection, Noun};
use super::columns::{self, Item};
use super::fault::{Answer, Refused};
use super::{Meteos, internal, views};

/// Most rows of a page.
const MOST: usize = 1_000;
/// Words of a query that are no filters.
const WORDS: [&str; 8] = [
    "limit",
    "offset",
    "marker",
    "sort_key",
    "sort_dir",
    "sort_by",
    "show_progress",
    "all_tenants",
];

/// Columns that hold what jobs printed.
const PRINTED: [&str; 2] = ["head", "stdout"];

/// What is asked of a list.
#[derive(Debug, Clone, PartialEq)]
struct ListQuery {
    limit: Option<usize>,
    offset: usize,
    marker: Option<String>,
    key: String,
    ascending: bool,
    filters: Vec<(String, String)>,
}

/// The column that a word means.
fn column(word: &str) -> &str {
    match word {
        "name" => "display_name",
        "description" => "display_description",
        other => other,
    }
}

impl ListQuery {
    fn read(query: &[(String, String)]) -> Answer<Self> {
        let last = |key: &str| {
            query
                .iter()
                .rev()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        let number = |key: &str| match last(key).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => {
                let number = text.trim().parse::<usize>().map(Some);
                number.map_err(|_| Refused::bad(format!("{key} must be a whole number from 0.")))
            }
        };
        let (mut key, mut ascending) = (
            column(last("sort_key").unwrap_or("created_at")).to_owned(),
            false,
        );
        if let Some(by) = last("sort_by").filter(|by| !by.is_empty()) {
            key = column(by.trim_start_matches('-')).to_owned();
            ascending = !by.starts_with('-');
        }
        match last("sort_dir") {
            None => {}
            Some("asc") => ascending = true,
            Some("desc") => ascending = false,
            Some(other) => {
                return Err(Refused::bad(format!(
                    "Unknown sort direction {other}: asc and desc are known."
                )));
            }
        }
        let limit = number("limit")?.filter(|limit| *limit > 0);
        let filters = query
            .iter()
            .filter(|(name, _)| !WORDS.contains(&name.as_str()));
        Ok(Self {
            limit,
            offset: number("offset")?.unwrap_or(0),
            marker: last("marker")
                .filter(|marker| !marker.is_empty())
                .map(str::to_owned),
            key,
            ascending,
            filters: filters
                .map(|(name, value)| (column(name).to_owned(), value.clone()))
                .collect(),
        })
    }

    /// Whether what jobs printed decides which rows are shown, and where.
    fn looks_at_prints(&self) -> bool {
        let printed = |column: &str| PRINTED.contains(&column);
        printed(&self.key) || self.filters.iter().any(|(column, _)| printed(column))
    }

    /// The page's rows, in order.
    fn page(&self, mut items: Vec<Item>) -> Answer<Vec<Item>> {
        items.retain(|item| {
            self.filters
                .iter()
                .all(|(key, value)| meets(item.columns.get(key), value))
        });
        let order = |a: &Item, b: &Item| {
            let by = compare(a.columns.get(&self.key), b.columns.get(&self.key));
            let by = by
                .then_with(|| a.created.cmp(&b.created))
                .then_with(|| a.text("id").cmp(b.text("id")));
            if self.ascending { by } else { by.reverse() }
        };
        items.sort_by(order);
        if let Some(marker) = &self.marker {
            let at = items.iter().position(|item| item.text("id") == marker);
            let at = at.ok_or_else(|| Refused::bad(format!("marker [{marker}] not found")))?;
            items.drain(..=at);
        }
        let most = self.limit.unwrap_or(MOST).min(MOST);
        Ok(items.into_iter().skip(self.offset).take(most).collect())
    }
}

/// Whether a column has a value: texts as they are, numbers by what they are.
fn meets(column: Option<&Value>, value: &str) -> bool {
    match column {
        Some(Value::String(text)) => text == value,
        Some(Value::Number(number)) => value
            .trim()
            .parse::<i64>()
            .ok()
            .is_some_and(|value| number.as_i64() == Some(value)),
        _ => false,
    }
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    let rank = |value: Option<&Value>| match value {
        Some(Value::Number(_)) => 1,
        Some(Value::String(_)) => 2,
        _ => 0,
    };
    match (a, b) {
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.as_i64().cmp(&b.as_i64()),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// The columns of a noun by which lists can be sorted.
pub(super) fn sortable(noun: Noun) -> Vec<&'static str> {
    let own = match noun {
        Noun::Template => {
            "master_nodes_num master_flavor_id worker_nodes_num worker_flavor_id spark_version image_id floating_ip_pool \
             cluster_id"
        }
        Noun::Experiment => "template_id key_name neutron_management_network",
        Noun::Dataset => "source_dataset_url experiment_id method params head stderr",
        Noun::Model => {
            "source_dataset_url dataset_format experiment_id model_type model_params stdout stderr"
        }
        Noun::Evaluation => "source_dataset_url model_id model_type dataset_format stdout stderr",
        Noun::Learning => "model_id model_type method args stdout stderr",
    };
    let common =
        "id created_at updated_at status display_name display_description user_id project_id";
    common.split(' ').chain(own.split(' ')).collect()
}

/// GET the list.
pub(super) async fn list(api: Meteos, call: Call) -> Answer {
    let (api, collection) = (&api, call.collection()?);
    let detailed = matches!(call.action, Action::List(_, true));
    let asked = ListQuery::read(&call.query)?;
    let noun = collection.noun;
    if !sortable(noun).contains(&asked.key.as_str()) {
        return Err(Refused::bad(format!("Unknown sort key {}.", asked.key)));
    }
    let mut items = everything(api, &call, noun).await?;
    let by_print = asked.looks_at_prints();
    if by_print {
        print_all(api, &mut items, noun).await?;
    }
    let mut page = asked.page(items)?;
    if !by_print {
        print_all(api, &mut page, noun).await?;
    }
    let rows: Vec<Value> = page
        .iter()
        .map(|item| views::listed(item, collection, detailed, &call))
        .collect();
    let mut body = Map::new();
    let is_filled = asked
        .limit
        .is_some_and(|limit| rows.len() == limit.min(MOST));
    let last = page
        .last()
        .map(|item| item.text("id"))
        .filter(|_| is_filled);
    body.insert(collection.plural.to_owned(), Value::Array(rows));
    if let Some(last) = last {
        let next = next_page(&call, collection, detailed, last);
        body.insert(
            format!("{}_links", collection.plural),
            json!([{"rel": "next", "href": next}]),
        );
    }
    Ok(Json(body).into_response())
}

async fn print_all(api: &Meteos, items: &mut [Item], noun: Noun) -> Answer<()> {
    for item in items {
        views::print(api, item, noun).await?;
    }
    Ok(())
}

fn next_page(call: &Call, collection: &Collection, detailed: bool, last: &str) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let kept = call
        .query
        .iter()
        .filter(|(key, _)| key != "marker" && key != "offset");
    let mut query: Vec<String> = kept
        .map(|(key, value)| {
            format!(
                "{}={}",
                key.replace(|c: char| !c.is_alphanumeric() && c != '_', ""),
                encoded(value)
            )
        })
        .collect();
    query.push(format!("marker={last}"));
    let detail = if detailed { "/detail" } else { "" };
    let project = encoded(&call.project_id);
    format!(
        "{}/v1/{project}/{}{detail}?{}",
        call.base,
        collection.plural,
        query.join("&")
    )
}

/// Everything of a noun in the caller's project.
async fn everything(api: &Meteos, call: &Call, noun: Noun) -> Answer<Vec<Item>> {
    let (coordinator, tenant) = (api.coordinator(), &call.project.tenant);
    let Some(kind) = views::kind_of(noun) else {
        let found = coordinator
            .experiments()
            .find(&Query {
                tenant: Some(tenant.clone()),
                ..Query::default()
            })
            .await?;
        let mut items = Vec::new();
        for experiment in found.experiments {
            let experiment = coordinator.projects().look_at_workspace(experiment).await?;
            items.push(columns::of_experiment(experiment, &call.project_id));
        }
        return Ok(items);
    };
    let filter = EntityFilter {
        tenant: Some(tenant.clone()),
        ..EntityFilter::of(kind)
    };
    let entities = coordinator.entities().find(&filter).await?.0;
    if noun == Noun::Model {
        entities
            .iter()
            .for_each(|entity| coordinator.projects().advance_soon(&call.project, entity));
    }
    let seen = coordinator.projects().seen(entities).await?;
    let item = |seen| columns::of_seen(noun, seen, &call.project_id).map_err(internal);
    seen.into_iter().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::Timestamp;

    fn items() -> Vec<Item> {
        let item = |at: i64, name: Value, nodes: i64| Item {
            columns: [
                ("id", json!(format!("id{at}"))),
                ("display_name", name),
                ("n", json!(nodes)),
            ]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .chain([(
                "created_at".to_owned(),
                json!(columns::moment(Timestamp(at))),
            )])
            .collect(),
            created: Timestamp(at),
            seen: None,
        };
        vec![
            item(1, json!("b"), 2),
            item(3, json!("a"), 10),
            item(2, Value::Null, 2),
        ]
    }

    fn ids(query: &str) -> Result<Vec<String>, u16> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs: Vec<_> = pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let page = ListQuery::read(&pairs).and_then(|asked| asked.page(items()));
        page.map(|page| page.iter().map(|item| item.text("id").to_owned()).collect())
            .map_err(|refused| refused.status)
    }

    #[test]
    fn filters_sorts_and_cuts() {
        for (query, rows) in [
            ("", "id3 id2 id1"),
            ("sort_dir=asc", "id1 id2 id3"),
            ("sort_key=display_name&sort_dir=asc", "id2 id3 id1"),
            ("sort_by=name", "id2 id3 id1"),
            ("sort_by=-name", "id1 id3 id2"),
            ("name=a", "id3"),
            ("display_name=a&show_progress=False", "id3"),
            ("n=10", "id3"),
            ("n=two", ""),
            ("unknown=1", ""),
            ("limit=1", "id3"),
            ("limit=0", "id3 id2 id1"),
            ("limit=2&offset=1", "id2 id1"),
            ("marker=id3", "id2 id1"),
            ("marker=id3&limit=1", "id2"),
            ("limit=5000&offset=9", ""),
        ] {
            assert_eq!(ids(query).expect(query).join(" "), rows, "{query}");
        }
        for query in [
            "limit=-1",
            "limit=x",
            "offset=-1",
            "sort_dir=up",
            "marker=none",
        ] {
            assert_eq!(ids(query), Err(400), "{query}");
        }
    }
}
