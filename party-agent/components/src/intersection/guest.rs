//! The guest's part: it meets every host by itself, intersects what it finds, and tells the hosts.

use std::sync::Arc;

use component_kit::{ComponentError, Packed, Peer, Result, TaskContext};
use tables::Table;
use vocabulary::ErrorCode;

use super::bounds::Bounds;
use super::messages::{
    COMMON_POSITIONS, DOUBLED_POINTS, GUEST_POINTS, HOST_IDS, HOST_POINTS, HostIds, OPENING,
    OUTCOME, Opening, Outcome, RELEASE, RETURNED_POINTS,
};
use super::params::Params;
use super::results::{self, ResultKnowledge};
use super::steps::{self, Blinder, Point};

/// What the guest holds of its meeting with one host.
struct Meeting {
    blinder: Arc<Blinder>,
    /// The host's number of ids.
    ids: usize,
    /// Whether the host counts what is common before it gives the guest's points back.
    counts_first: bool,
    /// The host's points, doubly blinded, in the host's order.
    host: Vec<Point>,
    /// The guest's points, doubly blinded, in the order that the guest chose (or the host, for the size alone).
    guest: Vec<Point>,
}

pub(super) async fn run(task: &TaskContext, params: &Params) -> Result<()> {
    let table = results::input(task, params).await?;
    let ids = Arc::new(table.ids()?);
    check_hosts(task, params)?;
    let mut bounds = Bounds::of(task, ids.len())?;
    let mut meetings = open(task, params, &mut bounds, &ids).await?;
    exchange(task, &mut meetings).await?;
    give_back(task, &meetings).await?;
    collect(task, &mut meetings).await?;
    if params.cardinality_only {
        return tell_size(task, params, &bounds, (&table, &meetings)).await;
    }
    let hosts = match_all(task, meetings).await?;
    let rows = steps::sorted_by_id(steps::common_rows(ids.len(), &hosts), &ids);
    // The hosts are told before this party fails: they would wait for positions otherwise.
    if bounds.are_few(rows.len()) {
        task.hosts().send(&OUTCOME, &Packed(Outcome::Few)).await?;
        return Err(bounds.few());
    }
    // Not before: the log may be read by others, and too few common ids are nobody's to count.
    for (number, host) in (1..).zip(&hosts) {
        let common = host.iter().flatten().count();
        task.info(format!(
            "host {number} of {}: {common} of {} ids are common",
            hosts.len(),
            ids.len()
        ));
    }
    // Counted before it is told: what cannot be counted any more must not leave.
    count(task, params, &bounds, (&rows, &ids)).await?;
    tell_rows(task, params, &rows, &hosts).await?;
    results::keep(task, params, &table, &rows).await
}

fn check_hosts(task: &TaskContext, params: &Params) -> Result<()> {
    match task.hosts().len() {
        0 => Err(ComponentError::new(
            ErrorCode::DocumentInvalid,
            "an intersection needs a host, the job has none",
        )),
        1 => Ok(()),
        hosts if params.cardinality_only => {
            let text =
                format!("the size of an intersection is found with one host, the job has {hosts}");
            let fault =
                vocabulary::Fault::new(ErrorCode::Unsupported, text).path("cardinality_only");
            Err(fault
                .next("run one step per host, or ask for the rows")
                .into())
        }
        _ => Ok(()),
    }
}

/// Every host gets a key and an order of its own, so that hosts who compare notes see unrelated points.
async fn open(
    task: &TaskContext,
    params: &Params,
    bounds: &mut Bounds,
    ids: &Arc<Vec<String>>,
) -> Result<Vec<Meeting>> {
    let opening = Opening {
        ids: ids.len() as u64,
        cardinality_only: params.cardinality_only,
        told: params.host_is_told(),
        fewest_common: bounds.fewest_common(),
    };
    task.hosts().send(&OPENING, &Packed(opening)).await?;
    let mut random = task.random()?;
    let mut meetings = Vec::new();
    for host in task.hosts().each() {
        let Packed(HostIds {
            ids: count,
            fewest_common,
            counts_first,
        }) = host.receive(&HOST_IDS).await?;
        bounds.agree(fewest_common);
        let count = steps::check_ids(host.participant(), count)?;
        bounds.check_ids(&host.participant().to_string(), count)?;
        if bounds.counts() && !bounds.is_online() {
            // One at least, before any point is exchanged: that nothing is common is an answer,
            // too.
            task.reserve_ids(host.participant(), 1).await?;
        }
        // A key for each host: with one key, hosts that compare notes could link the ids of both.
        let blinder = Blinder::new(ids.clone(), &mut random);
        meetings.push(Meeting {
            blinder,
            ids: count,
            counts_first,
            host: Vec::new(),
            guest: Vec::new(),
        });
    }
    Ok(meetings)
}

/// Counts the ids of which the hosts are told now, unless one of them was told enough today.
async fn count(
    task: &TaskContext,
    params: &Params,
    bounds: &Bounds,
    (rows, ids): (&[usize], &[String]),
) -> Result<()> {
    if !bounds.counts() || bounds.is_online() || !params.sync_intersect_ids {
        return Ok(());
    }
    let told: Vec<String> = rows
        .iter()
        .filter_map(|row| ids.get(*row))
        .cloned()
        .collect();
    for host in task.hosts().each() {
        task.told_ids(host.participant(), &told, 1).await?;
    }
    Ok(())
}

/// Gives hosts that count first their own points back with the guest's blinding on top, in an order that says nothing, and
/// hears whether they let the guest find out which ids are common.
async fn give_back(task: &TaskContext, meetings: &[Meeting]) -> Result<()> {
    let mut random = task.random()?;
    for (place, meeting) in meetings
        .iter()
        .enumerate()
        .filter(|(_, meeting)| meeting.counts_first)
    {
        let mut points = meeting.host.clone();
        // In an order that the host does not know: it is to count the common ones, not to find
        // which.
        random.shuffle(&mut points);
        for number in 0..steps::turns(points.len()) {
            let chunk = steps::piece(&points, number).to_vec();
            let turn = task.round("returned", number).hosts();
            for host in turn.each().skip(place).take(1) {
                host.send(&RETURNED_POINTS, &chunk).await?;
            }
        }
    }
    for (meeting, host) in meetings.iter().zip(task.hosts().each()) {
        if !meeting.counts_first {
            continue;
        }
        let Packed(is_released) = host.receive(&RELEASE).await?;
        if !is_released {
            return Err(Bounds::kept_by(host.participant()));
        }
    }
    Ok(())
}

/// Sends the guest's points and puts the guest's blinding on the hosts', slice by slice.
async fn exchange(task: &TaskContext, meetings: &mut [Meeting]) -> Result<()> {
    let turns = meetings
        .iter()
        .map(|meeting| steps::turns(meeting.ids.max(meeting.blinder.len())))
        // As many turns as the largest party needs: all play the same ones, some with nothing to
        // send.
        .max()
        .unwrap_or(0);
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
    let stop = task.stop();
    let points = task.encrypt(move || blinder.blind(chunk, &stop)).await??;
    host.send(&GUEST_POINTS, &points).await
}

async fn receive_theirs(
    task: &TaskContext,
    meeting: &mut Meeting,
    host: &Peer,
    turn: usize,
) -> Result<()> {
    let chunk = steps::chunk_of(meeting.ids, turn);
    if chunk.is_empty() {
        return Ok(());
    }
    let points = host.receive(&HOST_POINTS).await?;
    // Exactly as many as were announced: the size was judged by the policy, so it may not grow.
    steps::check_count("host_points", points.len(), chunk.len())?;
    let blinder = meeting.blinder.clone();
    let stop = task.stop();
    let doubled = task
        .encrypt(move || blinder.double(&points, &stop))
        .await??;
    meeting
        .host
        .extend(doubled.map_err(|error| results::bad_point(host, &error))?);
    Ok(())
}

/// Takes back the guest's own points with the hosts' blinding on top.
async fn collect(task: &TaskContext, meetings: &mut [Meeting]) -> Result<()> {
    let turns = meetings
        .first()
        .map_or(0, |meeting| steps::turns(meeting.blinder.len()));
    for number in 0..turns {
        let turn = task.round("doubled", number);
        for (meeting, host) in meetings.iter_mut().zip(turn.hosts().each()) {
            let points = host.receive(&DOUBLED_POINTS).await?;
            let due = steps::chunk_of(meeting.blinder.len(), number).len();
            steps::check_count("doubled_points", points.len(), due)?;
            meeting.guest.extend(points);
        }
        results::progress(
            task,
            0.9,
            (number + 1) as f64 / turns as f64,
            "ids compared",
        );
    }
    Ok(())
}

/// For each host the position of each of the guest's rows there.
async fn match_all(task: &TaskContext, meetings: Vec<Meeting>) -> Result<Vec<Vec<Option<usize>>>> {
    let mut hosts = Vec::new();
    for meeting in meetings {
        let Meeting {
            blinder,
            host,
            guest,
            ..
        } = meeting;
        let found = task.compute(move || {
            Ok::<_, ComponentError>(steps::by_row(
                &steps::matches(&guest, &host)?,
                blinder.order(),
            ))
        });
        let positions = found.await??;
        hosts.push(positions);
    }
    Ok(hosts)
}

/// Tells the hosts which of their shuffled positions are in the result, if they may know.
async fn tell_rows(
    task: &TaskContext,
    params: &Params,
    rows: &[usize],
    hosts: &[Vec<Option<usize>>],
) -> Result<()> {
    let outcome = match (rows.len(), params.sync_intersect_ids) {
        (0, _) => Outcome::Empty,
        (count, true) => Outcome::Common(count as u64),
        // Not even how many: the number would be an answer to a question nobody agreed to.
        (_, false) => Outcome::Untold,
    };
    task.hosts().send(&OUTCOME, &Packed(outcome)).await?;
    let Outcome::Common(_) = outcome else {
        return Ok(());
    };
    let told: Vec<Vec<u64>> = hosts
        .iter()
        .map(|host| steps::told_positions(rows, host))
        .collect();
    for number in 0..steps::turns(rows.len()) {
        let turn = task.round("positions", number);
        for (positions, host) in told.iter().zip(turn.hosts().each()) {
            let chunk = steps::piece(positions, number);
            host.send(&COMMON_POSITIONS, &chunk.to_vec()).await?;
        }
    }
    Ok(())
}

/// Counts what is common with the one host, without knowing what it is.
async fn tell_size(
    task: &TaskContext,
    params: &Params,
    bounds: &Bounds,
    (table, meetings): (&Table, &[Meeting]),
) -> Result<()> {
    let mut common = 0;
    for meeting in meetings {
        common = steps::matches(&meeting.guest, &meeting.host)?
            .into_iter()
            .flatten()
            .count();
    }
    if bounds.are_few(common) {
        task.hosts().send(&OUTCOME, &Packed(Outcome::Few)).await?;
        return Err(bounds.few());
    }
    let outcome = if params.sync_cardinality {
        Outcome::Common(common as u64)
    } else {
        Outcome::Untold
    };
    task.hosts().send(&OUTCOME, &Packed(outcome)).await?;
    results::report(task, params, table.rows(), ResultKnowledge::Size(common));
    Ok(())
}
