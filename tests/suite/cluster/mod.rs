//! Real processes over QUIC with generated certificates.

mod abuse;
mod alone;
mod apis;
mod archives;
mod certificates;
mod experiments;
mod faults;
mod first_job;
mod hostile;
mod kept_folder;
mod kills;
mod labels;
mod lives;
mod model_life;
mod network;
mod pipes;
mod projects;
mod restarts;
mod runs;
mod serving;
mod submissions;
mod uploads;

use fedflow_tests::cluster::{Cluster, Program};
use fedflow_tests::fixtures::pair;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_fedflow"))
}

/// A local federation of two parties with the tables `guest` and `host` loaded.
async fn loaded() -> Cluster {
    let cluster = Cluster::up(&program(), "9999,10000");
    let tables = pair(200);
    cluster.rest.load("9999", "guest", &tables.guest).await;
    cluster.rest.load("10000", "host", &tables.host).await;
    cluster
}
