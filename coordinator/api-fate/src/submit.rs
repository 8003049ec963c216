//! `job/submit`: documents in, a job id out; or a failure whose last line is the reference's exception.

use rest::fate_reply::OPERATING;
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use service::jobs::submit::{SubmitJob, Submitted};
use service::{Principal, ServiceError};

use super::FateFlow;
use super::reply::{answer, submission};
use super::request::Call;

pub(super) async fn submit(api: FateFlow, call: Call) -> Answer {
    let (dsl, conf) = rest::fields::job_documents(&call.body);
    let text = |name: &str| call.text(name).unwrap_or_default();
    let order = SubmitJob {
        dsl,
        conf,
        name: text("name"),
        description: text("description"),
    };
    let Submitted { job, warnings, .. } = start(&api, &call.principal, order).await?;
    let message = job_dsl::said(&warnings);
    let mut data = submission(&api, &job, &message);
    data.insert("warnings".into(), json!(warnings));
    answer(
        Reply::data(Value::Object(data))
            .saying(message)
            .with_job(job.id.as_str()),
    )
}

/// Has the service start a job; a refusal takes the form of a failed submission, also that of a party which says at once that
/// it takes no part.
pub(super) async fn start(
    api: &FateFlow,
    who: &Principal,
    order: SubmitJob,
) -> Result<Submitted, Failure> {
    let submitted = api
        .coordinator()
        .jobs()
        .submit(who, order)
        .await
        .map_err(failed)?;
    match api.coordinator().jobs().verdicts(&submitted.job.id).await {
        Ok(Some(reason)) => {
            // Readers take the last line for the error here, too.
            let text = format!("create job failed\n  {reason}\nException: {reason}");
            Err(Failure::code(OPERATING, text)
                .with_fault(reason)
                .with_job(submitted.job.id.as_str()))
        }
        // The job stands, whatever else is known of it.
        Ok(None) | Err(_) => Ok(submitted),
    }
}

/// Readers take the last line for the error, so what fedflow adds (code, place, next step) stands above it.
pub(super) fn failed(error: ServiceError) -> Failure {
    let fault = error.fault();
    let mut lines = vec!["create job failed".to_owned(), format!("  {fault}")];
    let last = match &error {
        ServiceError::Invalid { diagnostics, .. } => {
            lines.extend(
                diagnostics
                    .iter()
                    .skip(1)
                    .map(|diagnostic| format!("  {diagnostic}")),
            );
            diagnostics
                .first()
                .map(|first| format!("{}: {}", first.exception, first.message))
        }
        _ => None,
    };
    lines.push(last.unwrap_or_else(|| format!("Exception: {}", fault.message)));
    let failure = Failure::code(OPERATING, lines.join("\n")).with_fault(fault);
    match error {
        ServiceError::Invalid { job: Some(job), .. } => failure.with_job(job.as_str()),
        _ => failure,
    }
}
