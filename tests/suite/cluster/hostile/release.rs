//! What a job would send is known before it starts: a policy that misses a kind of disclosure refuses the job.

use super::*;

#[tokio::test]
async fn a_training_that_would_show_row_values_is_refused_before_anything_leaves() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    let open = careful(&["9999"], &["experiment.*"])
        .replace("[release]", "independent_arbiter = false\n[release]");
    clinic.set_policy(&open).await;
    let job = Job::training(&coordinator.catalogue(), ["9999", "10000", "10000"], 2);
    coordinator.run(&job).await.expect("all kinds are named");
    clinic
        .set_policy(&open.replace(", \"row_values\"", ""))
        .await;
    let sent = coordinator.messages().len();
    let fault = coordinator.agree(&job.anew()).await.expect_err("refused");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("release.disclosures")),
        "{fault}"
    );
    assert!(
        fault.message.contains("host_score") && fault.message.contains("row_values"),
        "{fault}"
    );
    assert_eq!(coordinator.messages().len(), sent);
    // Steps that show no row values are admitted as before; a rule for one peer counts.
    let reading = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    coordinator
        .run(&reading)
        .await
        .expect("an intersection shows none");
    let narrow = "[release.peer.9999]\ndisclosures = [\"control\"]\n";
    clinic.set_policy(&format!("{open}{narrow}")).await;
    let fault = coordinator
        .agree(&reading.anew())
        .await
        .expect_err("refused");
    assert!(fault.message.contains("blinded_ids"), "{fault}");
}
