//! A host: hands out shares of its sum, adds up the shares it holds, and tells the guest that sum of shares only.

use component_kit::{ComponentError, Result, TaskContext};
use crypto::sharing;
use vocabulary::{ErrorCode, Role};

use super::messages::{SHARE, SHARE_OF_TOTAL};
use super::params::Params;
use super::steps;

pub(super) async fn fit(task: &TaskContext, params: Params) -> Result<()> {
    let others = task.all_of(&[Role::Host]);
    if others.is_empty() {
        let text =
            "template needs at least two hosts: the total of one host would be that host's own sum";
        return Err(ComponentError::new(ErrorCode::DocumentInvalid, text));
    }
    let hosts = others.len() + 1;
    let values = task.need_input("data").await?.floats(&params.column)?;
    let own = steps::encoded_sum(&values, steps::scale(params.fractional_bits)?, hosts)?;
    let broken = |error: sharing::SharingError| ComponentError::protocol(error.to_string());
    let mut shares = sharing::share(&own, hosts, &mut task.random()?).map_err(broken)?;
    // One share stays: without it the others' shares together are uniform.
    let mut held = shares.split_off(others.len());
    for (peer, share) in others.each().zip(&shares) {
        peer.send(&SHARE, share).await?;
    }
    held.extend(others.receive_all(&SHARE).await?);
    let share_of_total = sharing::combine(&held).map_err(broken)?;
    task.guest()?.send(&SHARE_OF_TOTAL, &share_of_total).await
}

/// The guest has all it needs in its model.
pub(super) fn apply(task: &TaskContext) -> Result<()> {
    task.info("nothing to do: the guest applies its model alone");
    Ok(())
}
