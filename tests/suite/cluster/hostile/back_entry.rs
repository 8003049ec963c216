//! Tables, models and files by another way: an offer names something of the party otherwise than as a table.

use super::*;
use fedflow_tests::hostile::Peer;
use vocabulary::{Fault, Offer, OfferedFile};

/// What the clinic's policy says; the bank, whose agent the attacker leads, has the policy of one owner.
fn narrow() -> String {
    careful(&["9999", "10001"], &["experiment.*"])
}

/// The clinic's secret table is read by a first job, and the clinic's policy becomes narrow afterwards.
async fn secret_was_read(coordinator: &Coordinator, clinic: &Agent) -> Job {
    clinic.table("secret", "salaries", &pair(60).host);
    let mut first = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    let secret = json!({"table": {"namespace": "secret", "name": "salaries"}});
    first.step_mut("reader_0").own.push((host("10000"), secret));
    coordinator
        .run(&first)
        .await
        .expect("the policy of one owner admits it");
    first
}

/// What the clinic says to an offer that the attacker signs with the bank's own key, past the bank's agent.
async fn refused_by(federation: &Federation, coordinator: &Coordinator, offer: Offer) -> Fault {
    let bank = Peer::with_identity(federation.identity("9999", pki::Kind::Agent));
    let signed = bank.sign(&offer);
    let fault = coordinator
        .offer("10000", signed)
        .await
        .expect_err("the clinic refuses");
    assert_eq!(fault.code, ErrorCode::OfferRefused, "{fault}");
    fault
}

#[tokio::test]
async fn an_earlier_jobs_output_is_no_way_around_the_list_of_tables() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    let first = secret_was_read(&coordinator, &clinic).await;

    // The attack: an intersection whose input is what the earlier job's transform left.
    let wired = |inherited: bool, says_secret: bool| {
        let mut job = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
        let secret = json!({"table": {"namespace": "secret", "name": "salaries"}});
        job.step_mut("reader_0")
            .own
            .extend(says_secret.then(|| (host("10000"), secret)));
        let mut offer = job.offer();
        for step in &mut offer.steps[..2] {
            step.inherited = inherited.then(|| first.id.clone());
        }
        let inputs = offer.steps[1].inputs.iter_mut().filter(|_| inherited);
        inputs.for_each(|input| input.of_job = Some(first.id.clone()));
        offer.steps[2]
            .inputs
            .iter_mut()
            .for_each(|input| input.of_job = Some(first.id.clone()));
        offer
    };
    // Where the steps are taken over, and the policy admits the table, the parties intersect with it.
    let offer = wired(true, true);
    let signed = coordinator
        .sign("9999", offer.clone())
        .await
        .expect("signed");
    coordinator.offer("10000", signed).await.expect("accepted");
    for who in [guest("9999"), host("10000")] {
        let order = order_of(&offer, "intersection_0", &who, 0);
        let party = who.party.to_string();
        coordinator.assign(&party, order).await.expect("ordered");
    }
    let done = coordinator
        .ended(&task_of(&offer.job, "intersection_0", &host("10000")))
        .await;
    assert_eq!(done, Outcome::Succeeded);

    // By the narrow policy, however it is wired.
    clinic.set_policy(&narrow()).await;
    let fault = refused_by(&federation, &coordinator, wired(true, true)).await;
    assert_eq!(fault.path.as_deref(), Some("admission.tables"), "{fault}");
    assert!(
        fault.message.contains("salaries"),
        "judged by what was read when it was done: {fault}"
    );
    let fault = refused_by(&federation, &coordinator, wired(false, false)).await;
    assert_eq!(fault.path.as_deref(), Some("admission.tables"), "{fault}");
    // Nor by saying that the step which is taken over read a table that the policy admits.
    let fault = refused_by(&federation, &coordinator, wired(true, false)).await;
    assert_eq!(fault.path.as_deref(), Some("inheritance"), "{fault}");

    // As a table, it is judged like any other.
    let output = TableRef::output(
        &first.task("data_transform_0", &host("10000")),
        vocabulary::Attempt(0),
        0,
    );
    let mut named = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    let table = json!({"table": {"namespace": output.namespace, "name": output.name}});
    named.step_mut("reader_0").own.push((host("10000"), table));
    let fault = refused_by(&federation, &coordinator, named.offer()).await;
    assert_eq!(fault.path.as_deref(), Some("admission.tables"), "{fault}");
    clinic.set_policy(ALL_MINE).await;
    coordinator
        .run(&named.anew())
        .await
        .expect("where every table is admitted it is read");
}

#[tokio::test]
async fn an_accepted_offer_does_not_outlive_the_rule_that_admitted_it() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    clinic.table("secret", "salaries", &pair(60).host);
    let mut job = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    let secret = json!({"table": {"namespace": "secret", "name": "salaries"}});
    job.step_mut("reader_0").own.push((host("10000"), secret));
    coordinator.agree(&job).await.expect("admitted");
    clinic.set_policy(&narrow()).await;
    let order = job.assignment("reader_0", &host("10000"), 0);
    let fault = coordinator
        .assign("10000", order.clone())
        .await
        .expect_err("admitted no longer");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("admission.tables")),
        "{fault}"
    );
    clinic.set_policy(ALL_MINE).await;
    coordinator
        .assign("10000", order)
        .await
        .expect("admitted again");
}

#[tokio::test]
async fn an_order_under_a_later_offer_does_not_reach_what_an_earlier_one_made() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    clinic.table("secret", "salaries", &pair(60).host);
    let mut first = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    let secret = json!({"table": {"namespace": "secret", "name": "salaries"}});
    first.step_mut("reader_0").own.push((host("10000"), secret));
    coordinator.agree(&first).await.expect("admitted then");
    let order = first.assignment("data_transform_0", &host("10000"), 0);
    let fault = coordinator
        .assign("10000", order)
        .await
        .expect_err("nothing was made yet");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("inputs")),
        "{fault}"
    );
    for (who, outcome) in coordinator.run_step(&first, "reader_0", 0).await {
        assert_eq!(outcome, Outcome::Succeeded, "{who}");
    }

    // The policy becomes narrow. The same job is offered with a table that it admits, and an order for the next step names
    // the attempt that read the other one.
    clinic.set_policy(&narrow()).await;
    let mut second = first.clone();
    second.step_mut("reader_0").own.pop();
    coordinator
        .agree(&second)
        .await
        .expect("what it says is admitted");
    let order = second.assignment("data_transform_0", &host("10000"), 0);
    let fault = coordinator
        .assign("10000", order.clone())
        .await
        .expect_err("refused today");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("admission.tables")),
        "{fault}"
    );
    assert!(
        fault.message.contains("salaries"),
        "judged by what the attempt read: {fault}"
    );

    // The attack works where the policy admits the first table, too.
    clinic.set_policy(ALL_MINE).await;
    coordinator
        .assign("10000", order)
        .await
        .expect("admitted again");
    let done = coordinator
        .ended(&task_of(&second.id, "data_transform_0", &host("10000")))
        .await;
    assert_eq!(done, Outcome::Succeeded);
}

#[tokio::test]
async fn a_model_is_not_applied_with_others_than_those_who_trained_it() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    let insurer = federation.agent("10001", ALL_MINE);
    insurer.table("experiment", "guest", &pair(60).guest);
    coordinator.joined(&["9999", "10000", "10001"]).await;
    let training = Job::training(&coordinator.catalogue(), ["9999", "10000", "10000"], 2);
    coordinator.run(&training).await.expect("trained");
    // The clinic's half of the model, with a guest who had no part in it.
    let catalogue = coordinator.catalogue();
    let applying = |guest_id: &str| {
        let step = Step::new("hetero_lr_0", "hetero_lr");
        let step = step.reads_at("test_data", "intersection_0", 0);
        let step = step.applies("hetero_lr_0", Some(training.id.as_str()));
        Job::reading(&catalogue, &[guest(guest_id), host("10000")]).step(step)
    };
    let agree = async |guest_id: &str| {
        let job = applying(guest_id);
        let signed = coordinator.sign(guest_id, job.offer()).await?;
        coordinator.offer("10000", signed).await
    };
    // Only the clinic's model is there: nothing of it is refused where the policy names every model.
    agree("10001")
        .await
        .expect("the policy of one owner names every model");
    clinic.set_policy(&narrow()).await;
    let fault = agree("10001")
        .await
        .expect_err("it was trained with another");
    assert_eq!(fault.path.as_deref(), Some("admission.models"), "{fault}");
    agree("9999").await.expect("it was trained together");
}

#[tokio::test]
async fn a_file_is_not_written_for_others_nor_by_the_order_alone() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (bank, clinic) = two(&federation, &coordinator).await;
    let job = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    coordinator.agree(&job).await.expect("agreed");
    let mut order = job.assignment("reader_0", &guest("9999"), 0);
    order.keeps = Some("files://gifts/rows.csv".to_owned());
    let fault = coordinator
        .assign("9999", order)
        .await
        .expect_err("the offer has no file");
    assert_eq!(fault.code, ErrorCode::OfferRefused, "{fault}");

    let keeping = |who: &vocabulary::Participant| {
        let mut offer = job.anew().offer();
        let file = "files://gifts/rows.csv".to_owned();
        offer.keeps = Some(OfferedFile {
            step: step_name("reader_0"),
            who: who.clone(),
            file,
        });
        offer
    };
    let fault = refused_by(&federation, &coordinator, keeping(&host("10000"))).await;
    assert_eq!(
        fault.path.as_deref(),
        Some("admission.without_ticket"),
        "{fault}"
    );
    // Where the initiator's policy wants no ticket, its own file is written.
    let offer = keeping(&guest("9999"));
    coordinator
        .sign("9999", offer.clone())
        .await
        .expect("signed");
    let mut order = order_of(&offer, "reader_0", &guest("9999"), 0);
    order.keeps = Some("files://gifts/rows.csv".to_owned());
    coordinator.assign("9999", order).await.expect("ordered");
    let done = coordinator
        .ended(&task_of(&offer.job, "reader_0", &guest("9999")))
        .await;
    assert_eq!(done, Outcome::Succeeded);
    let (status, text) = bank
        .rest()
        .send(
            http::Method::GET,
            "/v1/fedflow/files/gifts/rows.csv",
            "",
            "",
        )
        .await
        .expect("read");
    assert_eq!(status, 200, "{text:?}");
    assert!(clinic.lives());
}
