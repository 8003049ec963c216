//! `fedflow`: federated learning between organisations that must not show each other their data.

mod access;
mod agent;
mod audit;
mod certs;
mod client;
mod coordinator;
mod demo;
mod doctor;
mod endpoint;
mod job;
mod model;
mod policy;
mod ready;
mod say;
mod schedule;
mod table;
mod tokens;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Federated learning between organisations that must not show each other their data.
#[derive(Parser)]
#[command(
    name = "fedflow",
    version,
    about,
    propagate_version = true,
    max_term_width = 100
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole thing here: a local federation, two organisations' tables, a joint training, its result.
    Demo(demo::DemoArguments),
    /// Run a local federation as separate processes until Ctrl-C.
    Up(up::UpArguments),
    /// Run a coordinator.
    Coordinator(coordinator::DaemonArguments),
    /// Run a party's agent.
    Agent(coordinator::DaemonArguments),
    /// Read the settings of a daemon and show those in force, or what is wrong with them.
    CheckConfig(coordinator::CheckArguments),
    /// Submit, watch and read jobs.
    #[command(subcommand)]
    Job(job::JobCommand),
    /// Submit jobs again and again.
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    /// Load, list and drop a party's tables.
    #[command(subcommand)]
    Table(table::TableCommand),
    /// Export, import and list models.
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Make and look after the federation's certificates.
    #[command(subcommand)]
    Certs(certs::CertsCommand),
    /// Show and check what left a party: its audit chain.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Check, explain and try a party's policy file.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Make bearer tokens for a REST endpoint.
    #[command(subcommand)]
    Tokens(tokens::TokensCommand),
    /// Say exactly why two daemons do not talk.
    Doctor(doctor::DoctorArguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return say::failed(&anyhow::Error::from(error), false),
    };
    let (done, json) = runtime.block_on(run(arguments.command));
    // A thread that still reads standard input would otherwise keep the process.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::failed(&error, json),
    }
}

async fn run(command: Command) -> (anyhow::Result<()>, bool) {
    match command {
        Command::Demo(arguments) => (demo::run(&arguments).await, arguments.json),
        Command::Up(arguments) => (up::run(&arguments).await, false),
        Command::Coordinator(arguments) => (coordinator::run(&arguments).await, false),
        Command::Agent(arguments) => (agent::run(&arguments).await, false),
        Command::CheckConfig(arguments) => (coordinator::check(&arguments), arguments.json),
        Command::Job(command) => (job::run(&command).await, command.is_json()),
        Command::Schedule(command) => (schedule::run(&command).await, command.is_json()),
        Command::Table(command) => (table::run(&command).await, command.is_json()),
        Command::Model(command) => (model::run(&command).await, command.is_json()),
        Command::Certs(command) => (certs::run(&command), command.is_json()),
        Command::Audit(command) => (audit::run(&command).await, command.is_json()),
        Command::Policy(command) => (policy::run(&command), command.is_json()),
        Command::Tokens(command) => (tokens::run(&command), command.is_json()),
        Command::Doctor(arguments) => (doctor::run(&arguments).await, arguments.json),
    }
}
