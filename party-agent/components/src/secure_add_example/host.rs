//! The host: shares its values, adds what it holds, and gives the guest its half of the sum.

use component_kit::{Result, TaskContext};

use super::messages::{GUEST_SHARE, HOST_SHARE, HOST_SUM};
use super::params::Params;
use super::steps;

pub(super) async fn add(task: &TaskContext, params: Params) -> Result<()> {
    task.info("secure_add_host: begin to share the data with the guest");
    let (mut own_sum, mut random) = (0u64, task.random()?);
    for (index, count) in steps::pieces(&params).into_iter().enumerate() {
        let guest = task.round("partition", index).guest()?;
        let mut fork = random.fork();
        let (own, other) = task
            .encrypt(move || steps::shared_ones(count, &mut fork))
            .await??;
        // Received first, as the guest sends first.
        let received = guest.receive(&GUEST_SHARE).await?;
        guest.send(&HOST_SHARE, &other).await?;
        own_sum = own_sum.wrapping_add(steps::sum(&own, &received)?);
    }
    task.guest()?.send(&HOST_SUM, &vec![own_sum]).await
}
