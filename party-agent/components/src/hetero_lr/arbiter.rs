//! The arbiter: it holds the key, opens what comes masked, and decides when training has converged.

use component_kit::{Result, TaskContext};
use learning::convergence::Convergence;
use secure_compute::aligned_batches::BatchShape;
use secure_compute::encrypted_gradient::{OpeningMessages, open_revealed, open_sums};
use secure_compute::fixed::Scale;
use secure_compute::hidden_members::{HidingMessages, serve};
use secure_compute::key_ceremony::{KeyHolder, make_keys};
use secure_compute::{SumsBytes, agreed_stop};
use vocabulary::{Role, Tells};

use super::Scheme;
use super::messages::{
    BATCH_POSITIONS, CONVERGED, EARLY_STOP, FRESH_RESIDUAL, GUEST_GRADIENT, HOST_GRADIENT, LOSS, MASKED_RESIDUAL,
    OPENED_GRADIENT, PUBLIC_KEY, STEP_LENGTH,
};
use super::params::Params;
use super::plan::{Course, hear_columns};
use super::scales;

/// Serves every training; keeps nothing.
pub(super) async fn fit(task: &TaskContext, params: &Params) -> Result<()> {
    let others = task.all_of(&[Role::Guest, Role::Host]);
    let mut holder = make_keys::<Scheme>(task, &others, &PUBLIC_KEY).await?;
    let columns = hear_columns(task).await?;
    let total = columns.iter().sum();
    let course = Course::receive(task, params, columns.len(), total..=total).await?;
    for model in 0..course.plan.models {
        train(&course.scope(task, model), (&course, &columns), &mut holder, model).await?;
    }
    Ok(())
}

async fn train(
    scope: &TaskContext,
    (course, columns): (&Course, &[usize]),
    holder: &mut KeyHolder<Scheme>,
    model: usize,
) -> Result<()> {
    let (rule, tolerance) = course.rule();
    let mut scale = Scale::FINEST;
    let mut convergence = Convergence::new(rule, tolerance);
    for epoch in course.epochs() {
        let turn = scope.round("epoch", epoch);
        let mut loss = 0.0;
        for (index, shape) in course.shapes.iter().enumerate() {
            let turn = turn.round("batch", index);
            batch(&turn, columns, holder, *shape).await?;
            if course.has_loss() {
                loss += read_loss(&turn, (course, shape.members), holder, &mut scale).await?;
            }
        }
        let mut is_converged = false;
        if course.has_loss() {
            loss /= course.shapes.len() as f64;
            is_converged = convergence.loss(loss);
            // One curve cannot hold the losses of several classes.
            if course.plan.models == 1 {
                // The arbiter reads no table: its figures are of the rows of the plan.
                turn.metrics(&[Tells::Joint]).over(course.plan.rows).loss(epoch, loss, "iters");
            }
            turn.info(format!("loss after epoch {epoch}: {loss}"));
        }
        if course.measures_steps() {
            let length = agreed_stop::read_length(&turn, holder, &STEP_LENGTH).await?;
            is_converged |= convergence.weights(&[length]);
        }
        agreed_stop::announce(&turn.all_of(&[Role::Guest, Role::Host]), &CONVERGED, is_converged).await?;
        let hears_stop = course.stops_early() && course.validates(epoch);
        let is_stopped = hears_stop && agreed_stop::hear(&turn.guest()?, &EARLY_STOP).await?;
        course.progress(scope, model, epoch);
        if is_converged || is_stopped {
            break;
        }
    }
    Ok(())
}

/// The residual and the gradients of one batch.
async fn batch(turn: &TaskContext, columns: &[usize], holder: &mut KeyHolder<Scheme>, shape: BatchShape) -> Result<()> {
    if shape.members < shape.masked {
        let messages = HidingMessages { masked: &MASKED_RESIDUAL, positions: &BATCH_POSITIONS, fresh: &FRESH_RESIDUAL };
        serve(turn, holder, messages, shape.masked, shape.members).await?;
    }
    let messages = OpeningMessages { masked: &GUEST_GRADIENT, opened: &OPENED_GRADIENT };
    open_sums(turn, holder, messages, &turn.guest()?, usize::MAX).await?;
    let messages = OpeningMessages { masked: &HOST_GRADIENT, opened: &OPENED_GRADIENT };
    for (host, columns) in turn.hosts().each().zip(columns) {
        // As many as the labels were judged by, and fewer than the rows among which the batch is hidden: as many would
        // determine the residuals.
        open_sums(turn, holder, messages, &host, (*columns).min(shape.masked.saturating_sub(1))).await?;
    }
    Ok(())
}

/// The mean loss of a batch; `scale` is the one in use, and becomes that of the next batch.
async fn read_loss(
    turn: &TaskContext,
    (course, members): (&Course, usize),
    holder: &KeyHolder<Scheme>,
    scale: &mut Scale,
) -> Result<f64> {
    let (mut at, mut now) = (turn.clone(), Scale::FINEST);
    let mut loss = SumsBytes::empty();
    if *scale == Scale::FINEST {
        loss = at.guest()?.receive(&LOSS).await?;
        at = scales::again(turn);
    }
    if loss.is_empty() {
        (now, *scale) = scales::hear(&at).await?;
        loss = at.guest()?.receive(&LOSS).await?;
    }
    let opened = open_revealed(turn, holder, loss, 1).await?;
    let sum = opened.first().copied().unwrap_or(0);
    Ok(course.encoding(now).read_loss(sum, members)?.unwrap_or(0.0))
}
