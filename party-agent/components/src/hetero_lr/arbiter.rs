//! The arbiter: it holds the key, opens what comes masked, and decides when training has converged.

use component_kit::{Result, TaskContext};
use learning::convergence::Convergence;
use secure_compute::aligned_batches::BatchShape;
use secure_compute::encrypted_gradient::{OpeningMessages, open_sums, receive_revealed};
use secure_compute::hidden_members::{HidingMessages, serve};
use secure_compute::key_ceremony::{KeyHolder, make_keys};
use secure_compute::{agreed_stop, fixed};
use vocabulary::Role;

use super::Scheme;
use super::messages::{
    BATCH_POSITIONS, CONVERGED, EARLY_STOP, FRESH_RESIDUAL, GUEST_GRADIENT, HOST_GRADIENT, LOSS, MASKED_RESIDUAL,
    OPENED_GRADIENT, PUBLIC_KEY, STEP_LENGTH,
};
use super::params::Params;
use super::plan::Course;

/// Serves every training; keeps nothing.
pub(super) async fn fit(task: &TaskContext, params: &Params) -> Result<()> {
    let others = task.all_of(&[Role::Guest, Role::Host]);
    let mut holder = make_keys::<Scheme>(task, &others, &PUBLIC_KEY).await?;
    let course = Course::receive(task, params, task.hosts().len()).await?;
    for model in 0..course.plan.models {
        train(&course.scope(task, model), &course, &mut holder, model).await?;
    }
    Ok(())
}

async fn train(scope: &TaskContext, course: &Course, holder: &mut KeyHolder<Scheme>, model: usize) -> Result<()> {
    let (rule, tolerance) = course.rule();
    let mut convergence = Convergence::new(rule, tolerance);
    for epoch in course.epochs() {
        let turn = scope.round("epoch", epoch);
        let mut loss = 0.0;
        for (index, shape) in course.shapes.iter().enumerate() {
            loss += batch(&turn.round("batch", index), course, holder, *shape).await?;
        }
        let mut is_converged = false;
        if course.loss_bits.is_some() {
            loss /= course.shapes.len() as f64;
            is_converged = convergence.loss(loss);
            // One curve cannot hold the losses of several classes.
            if course.plan.models == 1 {
                turn.metrics().loss(epoch, loss, "iters");
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

/// One batch; gives its mean loss, 0 where there is none.
async fn batch(turn: &TaskContext, course: &Course, holder: &mut KeyHolder<Scheme>, shape: BatchShape) -> Result<f64> {
    if shape.members < shape.masked {
        let messages = HidingMessages { masked: &MASKED_RESIDUAL, positions: &BATCH_POSITIONS, fresh: &FRESH_RESIDUAL };
        serve(turn, holder, messages, shape.masked, shape.members).await?;
    }
    let messages = OpeningMessages { masked: &GUEST_GRADIENT, opened: &OPENED_GRADIENT };
    open_sums(turn, holder, messages, &turn.guest()?, usize::MAX).await?;
    let messages = OpeningMessages { masked: &HOST_GRADIENT, opened: &OPENED_GRADIENT };
    for host in turn.hosts().each() {
        // Fewer than the rows among which the batch is hidden: as many would determine the residuals.
        open_sums(turn, holder, messages, &host, shape.masked.saturating_sub(1)).await?;
    }
    let Some(bits) = course.loss_bits else { return Ok(0.0) };
    let opened = receive_revealed(turn, holder, &LOSS, &turn.guest()?, 1).await?;
    Ok(opened.first().map_or(0.0, |sum| fixed::decode(*sum, bits)) / shape.members as f64)
}
