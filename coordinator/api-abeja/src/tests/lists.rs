//! Lists with tokens.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fixture::World;

#[tokio::test(start_paused = true)]
async fn pages_through_all_runs_once_in_either_direction() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    for _ in 0..120 {
        world.made(&runs, json!({"version_id": version})).await;
    }
    let mut orders = Vec::new();
    for start in [runs.clone(), format!("{runs}?scan_forward=True")] {
        let (mut path, mut seen, mut sizes) = (start, Vec::new(), Vec::new());
        loop {
            let page = world.get(&path).await;
            let entries = page["entries"].as_array().expect("a list").clone();
            sizes.push(entries.len());
            seen.extend(entries);
            let Some(token) = page.get("next_page_token") else {
                break;
            };
            // the token knows the direction
            path = format!(
                "{runs}?next_page_token={}",
                token.as_str().expect("a token")
            );
        }
        assert_eq!(sizes, [50, 50, 20]);
        let ids: Vec<String> = seen
            .iter()
            .map(|run| run["run_id"].as_str().expect("an id").to_owned())
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 120);
        orders.push(ids);
    }
    orders[1].reverse();
    assert_eq!(orders[0], orders[1]);
    for token in ["x", "7b7d", "%00"] {
        let (status, reply) = world
            .ask("GET", &format!("{runs}?next_page_token={token}"), None)
            .await;
        assert_eq!(
            (status, &reply["error"]),
            (400, &Value::from("bad_request"))
        );
    }
    assert_eq!(world.get(&format!("{runs}/")).await, world.get(&runs).await);
}
