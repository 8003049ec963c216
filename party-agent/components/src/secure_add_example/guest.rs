//! The guest: shares its values, adds what it holds, and opens the sum with the host's half.

use component_kit::{ComponentError, Peer, Result, TaskContext};
use serde_json::json;
use vocabulary::{ErrorCode, Tells};

use super::messages::{GUEST_SHARE, HOST_SHARE, HOST_SUM};
use super::params::Params;
use super::steps;

fn only_host(task: &TaskContext) -> Result<Peer> {
    let hosts = task.hosts();
    let mut each = hosts.each();
    match (each.next(), each.next()) {
        (Some(host), None) => Ok(host),
        _ => {
            let text = format!(
                "secure_add_example needs one host, the job has {}",
                hosts.len()
            );
            Err(ComponentError::new(ErrorCode::DocumentInvalid, text))
        }
    }
}

pub(super) async fn add(task: &TaskContext, params: Params) -> Result<()> {
    if task.attempt().0 < params.fail_attempts {
        let text = format!(
            "attempt {} fails on purpose: fail_attempts is {}",
            task.attempt(),
            params.fail_attempts
        );
        return Err(ComponentError::new(ErrorCode::ComponentPanicked, text));
    }
    task.info("secure_add_guest: begin to share the data with the host");
    let (mut own_sum, mut random) = (0u64, task.random()?);
    for (index, count) in steps::pieces(&params).into_iter().enumerate() {
        let turn = task.round("partition", index);
        let host = only_host(&turn)?;
        let mut fork = random.fork();
        let (own, other) = task
            .encrypt(move || steps::shared_ones(count, &mut fork))
            .await??;
        host.send(&GUEST_SHARE, &other).await?;
        let received = host.receive(&HOST_SHARE).await?;
        // Shares are uniform mod 2^64: to wrap is their arithmetic.
        own_sum = own_sum.wrapping_add(steps::sum(&own, &received)?);
    }
    let sum = steps::opened(own_sum, &only_host(task)?.receive(&HOST_SUM).await?)?;
    task.info(format!(
        "secure_add_guest: success to calculate secure_sum, it is {sum:?}"
    ));
    let meta = json!({"name": "secure_add_result", "metric_type": "SECURE_ADD"});
    let metrics = task.metrics(&[Tells::Joint]);
    metrics.values(
        "train",
        "secure_add_result",
        vec![("secure_sum".to_owned(), sum)],
        meta,
    );
    metrics.summary(&json!({"secure_add_result": sum}));
    Ok(())
}
