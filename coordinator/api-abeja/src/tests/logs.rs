//! Log lines in pages, and those of the parties among them.

use domain::Event;
use serde_json::{Value, json};
use vocabulary::{JobId, Timestamp};

use super::fixture::World;

/// A run whose job has 250 lines of its own besides its first.
async fn with_lines(world: &World) -> (String, JobId) {
    let (runs, version) = world.deployed("one").await;
    let run = world.made(&runs, json!({"version_id": version})).await;
    let id = run["run_id"].as_str().expect("an id").to_owned();
    let job = world
        .coordinator
        .entities()
        .get(domain::EntityKind::Run, None, &id)
        .await
        .expect("kept")
        .job
        .expect("a job");
    let start = world.coordinator.now().0 + 1_000_000;
    let lines: Vec<Event> = (0..250)
        .map(|at| Event::own(Timestamp(start + at * 100_000), format!("line {at}")))
        .collect();
    world
        .coordinator
        .jobs()
        .add_events(&job, &lines)
        .await
        .expect("added");
    (format!("{runs}/{id}"), job)
}

fn messages(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().expect("a list");
    events
        .iter()
        .map(|event| event["message"].as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn reads_from_the_first_line_on() {
    let world = World::open().await;
    let (run, _) = with_lines(&world).await;
    let (mut path, mut seen, mut pages) = (format!("{run}/logs"), Vec::new(), 0);
    loop {
        let page = world.get(&path).await;
        seen.extend(messages(&page));
        pages += 1;
        let Some(token) = page.get("next_token") else {
            break;
        };
        path = format!("{run}/logs?next_token={}", token.as_str().expect("a token"));
    }
    let own: Vec<String> = seen
        .iter()
        .filter(|line| line.starts_with("line "))
        .cloned()
        .collect();
    assert_eq!((own.len(), pages), (250, 3));
    assert!(
        own.iter()
            .enumerate()
            .all(|(at, line)| *line == format!("line {at}"))
    );
}

#[tokio::test(start_paused = true)]
async fn reads_back_from_the_latest_line_and_forward_again() {
    let world = World::open().await;
    let (run, job) = with_lines(&world).await;
    let newest = world.get(&format!("{run}/recentlogs")).await;
    assert_eq!(messages(&newest)[..2], ["line 249", "line 248"]);
    let (mut page, mut seen) = (newest.clone(), messages(&newest));
    loop {
        let token = page["next_backward_token"]
            .as_str()
            .expect("always there")
            .to_owned();
        page = world
            .get(&format!("{run}/recentlogs?next_backward_token={token}"))
            .await;
        if messages(&page).is_empty() {
            break;
        }
        seen.extend(messages(&page));
    }
    assert!(page["next_forward_token"].is_string() && page["next_backward_token"].is_string());
    assert_eq!(
        seen.iter().filter(|line| line.starts_with("line ")).count(),
        250
    );
    let forward = newest["next_forward_token"].as_str().expect("always there");
    let path = format!("{run}/recentlogs?next_backward_token=7b&next_forward_token={forward}");
    assert_eq!(
        world.ask("GET", &path, None).await.0,
        400,
        "a bad token is a bad request even if it does not count"
    );
    let path = format!("{run}/recentlogs?next_forward_token={forward}");
    assert_eq!(world.get(&path).await["events"], json!([]));
    let later = Event::own(Timestamp(world.coordinator.now().0 + 90_000_000), "later");
    world
        .coordinator
        .jobs()
        .add_events(&job, &[later])
        .await
        .expect("added");
    assert_eq!(messages(&world.get(&path).await), ["later"]);
}

#[tokio::test(start_paused = true)]
async fn takes_both_seconds_of_a_window_whole() {
    let world = World::open().await;
    let (run, _) = with_lines(&world).await;
    let all = world.get(&format!("{run}/logs")).await;
    let moment = |line: &str| {
        let events = all["events"].as_array().expect("a list");
        let found = events
            .iter()
            .find(|event| event["message"] == line)
            .expect("there");
        found["timestamp"].as_str().expect("a time")[..19].to_owned()
    };
    let (from, to) = (moment("line 10"), moment("line 20"));
    let page = world
        .get(&format!("{run}/logs?start_time={from}&end_time={to}"))
        .await;
    assert_eq!(
        (messages(&page).first(), messages(&page).last()),
        (Some(&"line 10".to_owned()), Some(&"line 29".to_owned()))
    );
    let recent = world
        .get(&format!(
            "{run}/recentlogs?start_time={from}&end_time={from}"
        ))
        .await;
    assert_eq!(messages(&recent).len(), 10);
    let token = recent["next_backward_token"]
        .as_str()
        .expect("always there");
    let older = world
        .get(&format!("{run}/recentlogs?next_backward_token={token}"))
        .await;
    assert_eq!(older["events"], json!([]), "the token remembers the window");
    assert_eq!(
        world
            .ask("GET", &format!("{run}/logs?start_time=soon"), None)
            .await
            .0,
        400
    );
}

#[tokio::test(start_paused = true)]
async fn puts_lines_of_the_parties_among_the_jobs_own_and_each_once() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let run = world.made(&runs, json!({"version_id": version})).await;
    let path = format!("{runs}/{}/logs", run["run_id"].as_str().expect("an id"));
    let line = |text: &str| format!("[INFO] [2020-01-01 00:00:00,000] [hetero_lr_0] - {text}");
    world.agents.lines.lock().expect("lock").push(line("first"));
    let participants = 3;
    let count = |page: &Value, text: &str| {
        messages(page)
            .iter()
            .filter(|line| line.contains(text))
            .count()
    };
    for _ in 0..3 {
        assert_eq!(count(&world.get(&path).await, "first"), participants);
    }
    let token_free = world.get(&path).await;
    let before = messages(&token_free).len();
    world
        .agents
        .lines
        .lock()
        .expect("lock")
        .push(line("second"));
    let page = world.get(&path).await;
    assert_eq!(
        (count(&page, "first"), count(&page, "second")),
        (participants, participants)
    );
    assert!(
        messages(&page)[before..]
            .iter()
            .all(|line| line.contains("second")),
        "what comes late stands last: {page}"
    );
}
