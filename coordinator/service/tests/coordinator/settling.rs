//! What APIs hang on to the core: written with what settles a job, once however often it settles, and unknown to the core.

use std::path::{Path, PathBuf};

use domain::{EntityKind, JobState};
use serde_json::json;
use service::{EntityFilter, Principal, VersionFilter};

use crate::world::{World, conf, dsl};

#[tokio::test(start_paused = true)]
async fn what_a_training_leaves_stands_with_its_end_and_once_for_all_its_runs() {
    let world = World::new().await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let versions = VersionFilter {
        model_id: Some(job.model_id.clone()),
        versions: vec![job.model_version.clone()],
    };
    let numbered = EntityFilter::of(EntityKind::TrainingModel);
    let left = async || {
        let versions = world.coordinator.models().versions(&versions).await;
        let numbered = world.coordinator.entities().find(&numbered).await;
        (versions.unwrap().len(), numbered.unwrap().0)
    };
    assert_eq!(left().await.0, 0, "nothing before the job has settled");
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    // Whoever sees that the job has settled sees what it left.
    let (count, first) = left().await;
    assert_eq!((count, first.len()), (1, 1));
    let jobs = world.coordinator.jobs();
    let again = jobs
        .rerun(&Principal::anyone(), &job.id, None, true)
        .await
        .unwrap();
    assert_eq!(again.state, JobState::Offered);
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    assert_eq!(left().await, (1, first));
    world.stop().await;
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_core_calls_no_use_case_of_an_api_and_no_api_knows_another() {
    const APIS: [(&str, &[&str]); 3] = [
        (
            "abeja",
            &[
                "crate::abeja",
                ".runs()",
                ".targets()",
                ".channels()",
                ".training_models()",
            ],
        ),
        ("meteos", &["crate::meteos", ".projects()"]),
        ("fate", &["crate::fate", ".fate()", ".tags()", ".serving()"]),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 40, "{}", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let place = file.strip_prefix(&root).unwrap();
        // The one place that lists them.
        if place == Path::new("lib.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let own = place.components().next().unwrap();
        let own = Path::new(own.as_os_str()).file_stem().unwrap();
        for (api, names) in APIS.iter().filter(|(api, _)| own != *api) {
            let named = names.iter().filter(|name| text.contains(*name));
            wrong.extend(named.map(|name| format!("{}: {api}'s {name}", place.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
