//! A host's part: it blinds its own ids and the guest's, and learns which of its rows are in the result.

use std::sync::Arc;

use component_kit::{ComponentError, Packed, Result, TaskContext};
use tables::Table;
use vocabulary::{ErrorCode, Fault};

use super::bounds::Bounds;
use super::messages::{
    COMMON_POSITIONS, DOUBLED_POINTS, GUEST_POINTS, HOST_IDS, HOST_POINTS, HostIds, OPENING,
    OUTCOME, Opening, Outcome, RELEASE, RETURNED_POINTS,
};
use super::params::Params;
use super::results::{self, ResultKnowledge};
use super::steps::{self, Blinder, Point};

pub(super) async fn run(task: &TaskContext, params: &Params) -> Result<()> {
    let table = results::input(task, params).await?;
    let ids = Arc::new(table.ids()?);
    let guest = task.guest()?;
    let mut bounds = Bounds::of(task, ids.len())?;
    let guest_ids = open(task, params, &mut bounds, ids.len()).await?;
    let mut random = task.random()?;
    let blinder = Blinder::new(ids.clone(), &mut random);
    let mut doubled = exchange(task, &blinder, guest_ids).await?;
    // Before the doubled points go back: with them the guest knows, and nothing can be withheld.
    let counted = release(task, params, &bounds, (&doubled, ids.len())).await?;
    if let Some(found) = &counted {
        // What was not counted is replaced by noise, so that the guest cannot find more than was
        // judged.
        steps::keep_uncounted(&mut doubled, found, &mut random);
    }
    let size = counted.map(|found| steps::size_of(&found));
    if params.cardinality_only {
        // In its own order the guest would see which of its ids are common, and not only how many.
        random.shuffle(&mut doubled);
    }
    give_back(task, &doubled).await?;
    let Packed(outcome) = guest.receive(&OUTCOME).await?;
    // The guest's word is checked against what this host knows by itself.
    check_outcome(params, outcome, size.unwrap_or(guest_ids.min(ids.len())))?;
    match outcome {
        Outcome::Few => Err(bounds.few()),
        _ if params.cardinality_only => {
            let found = if let Outcome::Common(count) = outcome {
                ResultKnowledge::Size(count as usize)
            } else {
                ResultKnowledge::Untold
            };
            results::report(task, params, table.rows(), found);
            Ok(())
        }
        // Judged once more: the guest may not have kept to the minimum that was agreed.
        Outcome::Common(count) if bounds.are_few(count as usize) => Err(bounds.few()),
        Outcome::Common(count) => {
            let positions = receive_positions(task, count as usize).await?;
            let rows = steps::rows_at_positions(&positions, blinder.order())?;
            if bounds.counts() && !bounds.is_online() {
                // What the guest found with this host and not with all stays counted.
                let told: Vec<String> = rows
                    .iter()
                    .filter_map(|row| ids.get(*row))
                    .cloned()
                    .collect();
                task.told_ids(guest.participant(), &told, count).await?;
            }
            results::keep(task, params, &table, &steps::sorted_by_id(rows, &ids)).await
        }
        Outcome::Empty => Err(results::empty()),
        Outcome::Untold => leave_untold(task, params, &table).await,
    }
}

/// Sees that both sides mean the same and tells sizes; gives the guest's number of ids.
async fn open(
    task: &TaskContext,
    params: &Params,
    bounds: &mut Bounds,
    ids: usize,
) -> Result<usize> {
    let guest = task.guest()?;
    let Packed(opening) = guest.receive(&OPENING).await?;
    let Opening {
        ids: guest_ids,
        cardinality_only,
        told,
        fewest_common,
    } = opening;
    let differs = |path: &str| {
        let fault = Fault::new(
            ErrorCode::ParameterInvalid,
            format!("guest and host have different values of {path}"),
        );
        Err(ComponentError::from(
            fault
                .path(path)
                .next("set it under common, for all parties"),
        ))
    };
    if cardinality_only != params.cardinality_only {
        return differs("cardinality_only");
    }
    if told != params.host_is_told() {
        return differs(if cardinality_only {
            "sync_cardinality"
        } else {
            "sync_intersect_ids"
        });
    }
    bounds.agree(fewest_common);
    let guest_ids = steps::check_ids(guest.participant(), guest_ids)?;
    bounds.check_ids(&guest.participant().to_string(), guest_ids)?;
    if bounds.counts() {
        // Whether few are common is an answer, too: every run counts one at least.
        let asked = if bounds.is_online() {
            guest_ids as u64
        } else {
            1
        };
        task.reserve_ids(guest.participant(), asked).await?;
    }
    let said = HostIds {
        ids: ids as u64,
        fewest_common: bounds.fewest_common(),
        counts_first: bounds.counts_first(),
    };
    guest.send(&HOST_IDS, &Packed(said)).await?;
    Ok(guest_ids)
}

/// Counts what is common before the guest can find out which ids those are, and keeps the guest's points where that is too
/// few or too much. Gives, where it counts, which of the guest's points it counted (those that have a match).
async fn release(
    task: &TaskContext,
    params: &Params,
    bounds: &Bounds,
    (doubled, ids): (&[Point], usize),
) -> Result<Option<Vec<Option<usize>>>> {
    if !bounds.counts_first() {
        return Ok(None);
    }
    let mut returned = Vec::new();
    for number in 0..steps::turns(ids) {
        let points = task
            .round("returned", number)
            .guest()?
            .receive(&RETURNED_POINTS)
            .await?;
        steps::check_count(
            "returned_points",
            points.len(),
            steps::chunk_of(ids, number).len(),
        )?;
        returned.extend(points);
    }
    let guest = task.guest()?;
    let doubled = doubled.to_vec();
    // A point that stands twice would count twice.
    let found = task
        .compute(move || steps::matches(&doubled, &returned))
        .await??;
    // The guest hears yes or no in either case: it would wait for ever after a fault here alone.
    let judged = judge(task, params, bounds, steps::size_of(&found)).await;
    guest.send(&RELEASE, &Packed(judged.is_ok())).await?;
    judged.map(|()| Some(found))
}

async fn judge(task: &TaskContext, params: &Params, bounds: &Bounds, size: usize) -> Result<()> {
    if bounds.are_few(size) {
        return Err(bounds.few());
    }
    if bounds.counts() && !params.cardinality_only {
        // Less one, which was reserved at the opening.
        task.reserve_ids(task.guest()?.participant(), (size as u64).saturating_sub(1))
            .await?;
    }
    Ok(())
}

/// Sends the host's points and puts the host's blinding on the guest's, slice by slice.
async fn exchange(
    task: &TaskContext,
    blinder: &Arc<Blinder>,
    guest_ids: usize,
) -> Result<Vec<Point>> {
    let mut doubled = Vec::new();
    let turns = steps::turns(guest_ids.max(blinder.len()));
    for number in 0..turns {
        let guest = task.round("points", number).guest()?;
        let (due, own) = (
            steps::chunk_of(guest_ids, number),
            steps::chunk_of(blinder.len(), number),
        );
        if !own.is_empty() {
            let blinder = blinder.clone();
            let stop = task.stop();
            let points = task.encrypt(move || blinder.blind(own, &stop)).await??;
            guest.send(&HOST_POINTS, &points).await?;
        }
        if !due.is_empty() {
            let points = guest.receive(&GUEST_POINTS).await?;
            steps::check_count("guest_points", points.len(), due.len())?;
            let blinder = blinder.clone();
            let stop = task.stop();
            let more = task
                .encrypt(move || blinder.double(&points, &stop))
                .await??;
            doubled.extend(more.map_err(|error| results::bad_point(&guest, &error))?);
        }
        results::progress(task, 0.0, (number + 1) as f64 / turns as f64, "ids blinded");
    }
    Ok(doubled)
}

async fn give_back(task: &TaskContext, doubled: &[Point]) -> Result<()> {
    for number in 0..steps::turns(doubled.len()) {
        let chunk = steps::piece(doubled, number);
        task.round("doubled", number)
            .guest()?
            .send(&DOUBLED_POINTS, &chunk.to_vec())
            .await?;
    }
    Ok(())
}

/// Refuses a result that was not agreed on or cannot be.
fn check_outcome(params: &Params, outcome: Outcome, most: usize) -> Result<()> {
    let possible = match outcome {
        Outcome::Few => true,
        Outcome::Empty => !params.cardinality_only,
        Outcome::Untold => !params.host_is_told(),
        Outcome::Common(count) => {
            params.host_is_told() && count <= most as u64 && (count > 0 || params.cardinality_only)
        }
    };
    if possible {
        Ok(())
    } else {
        Err(ComponentError::protocol(format!(
            "the guest's outcome {outcome:?} cannot be"
        )))
    }
}

async fn receive_positions(task: &TaskContext, count: usize) -> Result<Vec<u64>> {
    let mut positions = Vec::new();
    for number in 0..steps::turns(count) {
        let more = task
            .round("positions", number)
            .guest()?
            .receive(&COMMON_POSITIONS)
            .await?;
        steps::check_count(
            "common_positions",
            more.len(),
            steps::chunk_of(count, number).len(),
        )?;
        positions.extend(more);
    }
    Ok(positions)
}

/// The guest keeps the result: the host's output has the columns and no row.
async fn leave_untold(task: &TaskContext, params: &Params, table: &Table) -> Result<()> {
    task.info("sync_intersect_ids is false: the guest alone knows the common ids, the output here has no rows");
    task.output(0, &results::shaped(params, table, &[])?)
        .await?;
    results::report(task, params, table.rows(), ResultKnowledge::Untold);
    Ok(())
}
