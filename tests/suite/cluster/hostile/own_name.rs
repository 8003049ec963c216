//! A hostile coordinator starts jobs in a party's own name: it needs what only the party's own REST endpoint gives.

use super::*;
use fedflow_tests::hostile::{Peer, ProxiedRequest};
use vocabulary::SignedBytes;

/// A job that keeps a secret table of the clinic under a name that its policy admits.
fn copying(coordinator: &Coordinator, from: (&str, &str)) -> Job {
    let to = json!({
        "namespace": from.0, "name": from.1, "output_namespace": "experiment", "output_name": "host", "destroy": false,
    });
    Job::new(&coordinator.catalogue(), &[local("10000")])
        .step(Step::new("writer_0", "writer").set(to))
}

fn strict() -> String {
    careful(&["9999"], &["experiment.*"])
}

#[tokio::test]
async fn a_secret_table_is_not_copied_to_a_name_that_the_policy_admits() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let bank = federation.agent("9999", ALL_MINE);
    let clinic = federation.agent("10000", &strict());
    let tables = pair(60);
    bank.table("experiment", "guest", &tables.guest);
    clinic.table("secret", "salaries", &tables.host);
    coordinator.joined(&["9999", "10000"]).await;
    let copy = copying(&coordinator, ("secret", "salaries"));
    let fault = coordinator
        .sign("10000", copy.offer())
        .await
        .expect_err("nobody asked for it");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("admission.without_ticket"))
    );
    assert!(
        fault
            .next
            .as_deref()
            .is_some_and(|next| next.contains(&clinic.rest().base)),
        "where to ask: {fault}"
    );
    // As work for another party's job it is refused, too.
    let foreign = copy.anew().started_by(&guest("9999"));
    let mut offer = foreign.offer();
    offer.cast.guest = vec![party("9999")];
    let signed = Peer::with_identity(federation.identity("9999", pki::Kind::Agent)).sign(&offer);
    let fault = coordinator
        .offer("10000", signed)
        .await
        .expect_err("it is the clinic's own");
    assert_eq!(
        fault.path.as_deref(),
        Some("admission.without_ticket"),
        "{fault}"
    );
    // Any job in the clinic's name, not only local ones.
    let joint = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")])
        .started_by(&host("10000"));
    let fault = coordinator
        .sign("10000", joint.offer())
        .await
        .expect_err("nobody asked for it");
    assert_eq!(
        fault.path.as_deref(),
        Some("admission.without_ticket"),
        "{fault}"
    );

    // The attack works where the policy lets the coordinator do as it likes: the bank intersects with the copy.
    clinic
        .set_policy(&strict().replace("[release]", "without_ticket = [\"*\"]\n[release]"))
        .await;
    coordinator.run(&copy.anew()).await.expect("copied");
    let joint = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    coordinator
        .run(&joint)
        .await
        .expect("read by the bank's job");
    // A rule that names one component lets no other through.
    clinic
        .set_policy(&strict().replace("[release]", "without_ticket = [\"upload\"]\n[release]"))
        .await;
    let fault = coordinator
        .sign("10000", copy.anew().offer())
        .await
        .expect_err("not the writer");
    assert_eq!(
        fault.path.as_deref(),
        Some("admission.without_ticket"),
        "{fault}"
    );
}

/// The request of one of the clinic's users, as it came to the coordinator with its ticket.
async fn asked(
    coordinator: &Coordinator,
    clinic: &Agent,
    path: &str,
    body: &serde_json::Value,
) -> SignedBytes {
    let before = coordinator.asked().len();
    clinic.rest().post(path, body).await;
    let asked: Vec<ProxiedRequest> = coordinator.asked();
    asked[before]
        .head
        .ticket
        .clone()
        .unwrap_or_else(|| panic!("no ticket with {path}"))
}

#[tokio::test]
async fn a_ticket_is_good_for_what_was_asked_and_for_nothing_else() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    coordinator.on_http(|_| (200, json!({"retcode": 0, "jobId": "1", "data": {}})));
    let clinic = federation.agent("10000", &strict());
    clinic.table("secret", "salaries", "id,x\n1,4711\n2,4712\n");
    clinic.table("secret", "harmless", "id,x\n1,1\n2,2\n");
    coordinator.joined(&["10000"]).await;
    let request = json!({
        "namespace": "secret", "table_name": "harmless", "output_namespace": "experiment", "output_name": "host",
    });
    let ticket = asked(&coordinator, &clinic, "/v1/data/writer", &request).await;
    // Kept back and shown for something else.
    let other = copying(&coordinator, ("secret", "salaries"));
    let fault = coordinator
        .sign_with_ticket("10000", other.offer(), ticket.clone())
        .await
        .expect_err("not asked for");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("ticket")),
        "{fault}"
    );
    // Changed on the way.
    let mut forged = ticket.clone();
    let at = forged
        .bytes
        .windows(8)
        .position(|part| part == b"harmless")
        .expect("the document is in it");
    forged.bytes[at..at + 8].copy_from_slice(b"salaries");
    let fault = coordinator
        .sign_with_ticket("10000", other.offer(), forged)
        .await
        .expect_err("forged");
    assert!(fault.message.contains("signature"), "{fault}");
    // Signed by the coordinator itself.
    let identity = federation.identity("coordinator", pki::Kind::Coordinator);
    let own = identity
        .sign(wire::agent_link::TICKET_CONTEXT, &ticket.bytes)
        .expect("signed");
    let fault = coordinator
        .sign_with_ticket("10000", other.offer(), own)
        .await
        .expect_err("not the agent's");
    assert_eq!(fault.path.as_deref(), Some("ticket"), "{fault}");
    // A ticket for a request that starts nothing is not given.
    clinic
        .rest()
        .post("/v1/job/query", &json!({"job_id": "1"}))
        .await;
    assert!(
        coordinator
            .asked()
            .last()
            .expect("asked")
            .head
            .ticket
            .is_none()
    );

    // What was asked for runs, with a second attempt, and another job under the same ticket does not.
    let honest = copying(&coordinator, ("secret", "harmless"));
    let offer = honest.offer();
    coordinator
        .sign_with_ticket("10000", offer.clone(), ticket.clone())
        .await
        .expect("asked for");
    coordinator
        .assign("10000", order_of(&offer, "writer_0", &local("10000"), 0))
        .await
        .expect("ordered");
    let done = coordinator
        .ended(&task_of(&offer.job, "writer_0", &local("10000")))
        .await;
    assert_eq!(done, Outcome::Succeeded);
    coordinator
        .sign_with_ticket("10000", offer, ticket.clone())
        .await
        .expect("the same job again");
    let fault = coordinator
        .sign_with_ticket("10000", honest.anew().offer(), ticket)
        .await
        .expect_err("used up");
    assert!(fault.message.contains("used for 1 jobs"), "{fault}");
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "every amendment of one offer")]
async fn an_amended_offer_needs_a_ticket_that_covers_it() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    coordinator.on_http(|_| (200, json!({"retcode": 0, "jobId": "1", "data": {}})));
    let clinic = federation.agent("10000", &strict());
    clinic.table("secret", "salaries", "id,x\n1,4711\n2,4712\n");
    clinic.table("secret", "harmless", "id,x\n1,1\n2,2\n");
    coordinator.joined(&["10000"]).await;
    let request = json!({
        "namespace": "secret", "table_name": "harmless", "output_namespace": "experiment", "output_name": "host",
    });
    let ticket = asked(&coordinator, &clinic, "/v1/data/writer", &request).await;
    let honest = copying(&coordinator, ("secret", "harmless"));
    coordinator
        .sign_with_ticket("10000", honest.offer(), ticket.clone())
        .await
        .expect("asked for");

    // The attack: the same job with another table, without a ticket, and with the one that was good for the job.
    let mut amended = honest.clone();
    amended.step_mut("writer_0").common["name"] = json!("salaries");
    let fault = coordinator
        .sign("10000", amended.offer())
        .await
        .expect_err("nobody asked for it");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("admission.without_ticket"))
    );
    let fault = coordinator
        .sign_with_ticket("10000", amended.offer(), ticket.clone())
        .await
        .expect_err("not asked for");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("ticket")),
        "{fault}"
    );
    let order = amended.assignment("writer_0", &local("10000"), 0);
    let fault = coordinator
        .assign("10000", order)
        .await
        .expect_err("under an offer that was refused");
    assert_eq!(fault.code, ErrorCode::OfferRefused, "{fault}");

    // What was asked for runs, and a change that the clinic's own user asks for has its own ticket.
    let first = honest.assignment("writer_0", &local("10000"), 0);
    coordinator.assign("10000", first).await.expect("ordered");
    let task = task_of(&honest.id, "writer_0", &local("10000"));
    assert_eq!(coordinator.ended(&task).await, Outcome::Succeeded);
    let change = json!({"role": {"local": {"0": {"writer_0": {"name": "salaries"}}}}});
    let update = json!({"job_id": honest.id, "component_parameters": change});
    let own = asked(&coordinator, &clinic, "/v1/job/parameter/update", &update).await;
    coordinator
        .sign_with_ticket("10000", amended.offer(), own)
        .await
        .expect("asked for");
    let order = amended.assignment("writer_0", &local("10000"), 1);
    coordinator.assign("10000", order).await.expect("ordered");
    // The first offer is not taken again, with its own ticket as little as without: the later one took its place.
    let fault = coordinator
        .sign_with_ticket("10000", honest.offer(), ticket)
        .await
        .expect_err("an earlier offer");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("offer")),
        "{fault}"
    );

    // The attack works where the policy lets the coordinator do as it likes; what was accepted then ends with the rule.
    let mut moved = honest.clone();
    moved.step_mut("writer_0").common["output_name"] = json!("guest");
    clinic
        .set_policy(&strict().replace("[release]", "without_ticket = [\"*\"]\n[release]"))
        .await;
    coordinator
        .sign("10000", moved.offer())
        .await
        .expect("admitted without a ticket");
    clinic.set_policy(&strict()).await;
    let order = moved.assignment("writer_0", &local("10000"), 2);
    let fault = coordinator
        .assign("10000", order)
        .await
        .expect_err("the job's tickets are for other offers");
    assert_eq!(
        fault.path.as_deref(),
        Some("admission.without_ticket"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_standing_ticket_ends_after_its_count() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    coordinator.on_http(|_| (200, json!({"retcode": 0, "data": {}})));
    let clinic = federation.agent("10000", &strict());
    clinic.table("secret", "salaries", "id,x\n1,4711\n2,4712\n");
    coordinator.joined(&["10000"]).await;
    let parameters = json!({
        "namespace": "secret", "name": "salaries", "output_namespace": "experiment", "output_name": "host", "destroy": true,
    });
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "local", "party_id": 10000},
        "role": {"local": [10000]},
        "component_parameters": {"role": {"local": {"0": {"writer_0": parameters}}}},
    });
    let schedule = json!({
        "job_dsl": {"components": {"writer_0": {"module": "Writer"}}}, "job_runtime_conf": conf,
        "every_seconds": 60, "times": 2,
    });
    let ticket = asked(
        &coordinator,
        &clinic,
        "/v1/fedflow/schedules/create",
        &schedule,
    )
    .await;
    let job = Job::new(&coordinator.catalogue(), &[local("10000")])
        .step(Step::new("writer_0", "writer").set(parameters));
    for _ in 0..2 {
        coordinator
            .sign_with_ticket("10000", job.anew().offer(), ticket.clone())
            .await
            .expect("it stands");
    }
    let fault = coordinator
        .sign_with_ticket("10000", job.anew().offer(), ticket)
        .await
        .expect_err("two times");
    assert!(fault.message.contains("used for 2 jobs"), "{fault}");
}
