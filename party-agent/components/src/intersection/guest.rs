//! The guest's part: it meets every host by itself, intersects what it finds, and tells the hosts.

use std::sync::Arc;

use component_kit::{ComponentError, Packed, Peer, Result, TaskContext};
use tables::Table;
use vocabulary::ErrorCode;

use super::messages::{
    COMMON_POSITIONS, DOUBLED_POINTS, GUEST_POINTS, HOST_IDS, HOST_POINTS, OPENING, OUTCOME, Opening, Outcome,
};
use super::params::Params;
use super::results::{self, Found};
use super::steps::{self, Blinder, Point};

/// What the guest holds of its meeting with one host.
struct Meeting {
    blinder: Arc<Blinder>,
    /// The host's number of ids.
    ids: usize,
    /// The host's points, doubly blinded, in the host's order.
    host: Vec<Point>,
    /// The guest's points, doubly blinded, in the order that the guest chose (or the host, for the size alone).
    guest: Vec<Point>,
}

pub(super) async fn run(task: &TaskContext, params: &Params) -> Result<()> {
    let table = results::input(task, params).await?;
    let ids = Arc::new(table.ids()?);
    check_hosts(task, params)?;
    let mut meetings = open(task, params, &ids).await?;
    exchange(task, &mut meetings).await?;
    collect(task, &mut meetings).await?;
    if params.cardinality_only {
        return tell_size(task, params, &table, &meetings).await;
    }
    let hosts = match_all(task, meetings, ids.len()).await?;
    let rows = steps::sorted_by_id(steps::common_rows(ids.len(), &hosts), &ids);
    tell_rows(task, params, &rows, &hosts).await?;
    results::keep(task, params, &table, &rows).await
}

fn check_hosts(task: &TaskContext, params: &Params) -> Result<()> {
    match task.hosts().len() {
        0 => Err(ComponentError::new(ErrorCode::DocumentInvalid, "an intersection needs a host, the job has none")),
        1 => Ok(()),
        hosts if params.cardinality_only => {
            let text = format!("the size of an intersection is found with one host, the job has {hosts}");
            let fault = vocabulary::Fault::new(ErrorCode::Unsupported, text).path("cardinality_only");
            Err(fault.next("run one step per host, or ask for the rows").into())
        }
        _ => Ok(()),
    }
}

/// Every host gets a key and an order of its own, so that hosts who compare notes see unrelated points.
async fn open(task: &TaskContext, params: &Params, ids: &Arc<Vec<String>>) -> Result<Vec<Meeting>> {
    let opening =
        Opening { ids: ids.len() as u64, cardinality_only: params.cardinality_only, told: params.host_is_told() };
    task.hosts().send(&OPENING, &Packed(opening)).await?;
    let mut random = task.random()?;
    let mut meetings = Vec::new();
    for host in task.hosts().each() {
        let Packed(count) = host.receive(&HOST_IDS).await?;
        let count = steps::check_ids(host.participant(), count)?;
        let blinder = Blinder::new(ids.clone(), &mut random);
        meetings.push(Meeting { blinder, ids: count, host: Vec::new(), guest: Vec::new() });
    }
    Ok(meetings)
}

/// Sends the guest's points and puts the guest's blinding on the hosts', slice by slice.
async fn exchange(task: &TaskContext, meetings: &mut [Meeting]) -> Result<()> {
    let turns = meetings.iter().map(|meeting| steps::turns(meeting.ids.max(meeting.blinder.len()))).max().unwrap_or(0);
    for number in 0..turns {
        let turn = task.round("points", number);
        for (meeting, host) in meetings.iter().zip(turn.hosts().each()) {
            send_own(task, meeting, &host, number).await?;
        }
        for (meeting, host) in meetings.iter_mut().zip(turn.hosts().each()) {
            receive_theirs(task, meeting, &host, number).await?;
        }
        results::progress(task, 0.0, (number + 1) as f64 / turns as f64, "ids blinded");
    }
    Ok(())
}

async fn send_own(task: &TaskContext, meeting: &Meeting, host: &Peer, turn: usize) -> Result<()> {
    let chunk = steps::chunk_of(meeting.blinder.len(), turn);
    if chunk.is_empty() {
        return Ok(());
    }
    let blinder = meeting.blinder.clone();
    let points = task.encrypt(move || blinder.blind(chunk)).await?;
    host.send(&GUEST_POINTS, &points).await
}

async fn receive_theirs(task: &TaskContext, meeting: &mut Meeting, host: &Peer, turn: usize) -> Result<()> {
    let chunk = steps::chunk_of(meeting.ids, turn);
    if chunk.is_empty() {
        return Ok(());
    }
    let points = host.receive(&HOST_POINTS).await?;
    steps::check_count("host_points", points.len(), chunk.len())?;
    let blinder = meeting.blinder.clone();
    let doubled = task.encrypt(move || blinder.double(&points)).await?;
    meeting.host.extend(doubled.map_err(|error| results::bad_point(host, &error))?);
    Ok(())
}

/// Takes back the guest's own points with the hosts' blinding on top.
async fn collect(task: &TaskContext, meetings: &mut [Meeting]) -> Result<()> {
    let turns = meetings.first().map_or(0, |meeting| steps::turns(meeting.blinder.len()));
    for number in 0..turns {
        let turn = task.round("doubled", number);
        for (meeting, host) in meetings.iter_mut().zip(turn.hosts().each()) {
            let points = host.receive(&DOUBLED_POINTS).await?;
            let due = steps::chunk_of(meeting.blinder.len(), number).len();
            steps::check_count("doubled_points", points.len(), due)?;
            meeting.guest.extend(points);
        }
        results::progress(task, 0.9, (number + 1) as f64 / turns as f64, "ids compared");
    }
    Ok(())
}

/// For each host the position of each of the guest's rows there.
async fn match_all(task: &TaskContext, meetings: Vec<Meeting>, rows: usize) -> Result<Vec<Vec<Option<usize>>>> {
    let mut hosts = Vec::new();
    for meeting in meetings {
        let Meeting { blinder, host, guest, .. } = meeting;
        let found = task
            .compute(move || Ok::<_, ComponentError>(steps::by_row(&steps::matches(&guest, &host)?, blinder.order())));
        let positions = found.await??;
        let common = positions.iter().flatten().count();
        task.info(format!("host {} of {}: {common} of {rows} ids are common", hosts.len() + 1, task.hosts().len()));
        hosts.push(positions);
    }
    Ok(hosts)
}

/// Tells the hosts which of their shuffled positions are in the result, if they may know.
async fn tell_rows(task: &TaskContext, params: &Params, rows: &[usize], hosts: &[Vec<Option<usize>>]) -> Result<()> {
    let outcome = match (rows.len(), params.sync_intersect_ids) {
        (0, _) => Outcome::Empty,
        (count, true) => Outcome::Common(count as u64),
        (_, false) => Outcome::Untold,
    };
    task.hosts().send(&OUTCOME, &Packed(outcome)).await?;
    let Outcome::Common(_) = outcome else { return Ok(()) };
    let told: Vec<Vec<u64>> = hosts.iter().map(|host| steps::told_positions(rows, host)).collect();
    for number in 0..steps::turns(rows.len()) {
        let turn = task.round("positions", number);
        for (positions, host) in told.iter().zip(turn.hosts().each()) {
            let chunk = positions.get(steps::chunk_of(positions.len(), number)).unwrap_or_default();
            host.send(&COMMON_POSITIONS, &chunk.to_vec()).await?;
        }
    }
    Ok(())
}

/// Counts what is common with the one host, without knowing what it is.
async fn tell_size(task: &TaskContext, params: &Params, table: &Table, meetings: &[Meeting]) -> Result<()> {
    let mut common = 0;
    for meeting in meetings {
        common = steps::matches(&meeting.guest, &meeting.host)?.into_iter().flatten().count();
    }
    let outcome = if params.sync_cardinality { Outcome::Common(common as u64) } else { Outcome::Untold };
    task.hosts().send(&OUTCOME, &Packed(outcome)).await?;
    results::report(task, params, table.rows(), Found::Size(common));
    Ok(())
}
