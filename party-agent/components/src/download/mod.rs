//! Writes a table of the party as a text file.

mod local;
mod messages;
mod params;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, Result, TaskContext};
use vocabulary::Role;

use params::Params;

/// The only step of a download job.
pub struct Download;

impl Component for Download {
    type Params = Params;

    const DESCRIPTION: Description =
        Description::named("download", "writes a table of the party as a text file")
            .modules(&["Download"])
            .roles(&[Role::Local])
            .messages(messages::ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // nothing is learned: both stages are the same
        local::download(task, params).await
    }
}
