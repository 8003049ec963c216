//! Which of an earlier job's tables a name means.

use component_kit::{ComponentError, Result};
use vocabulary::{Attempt, ErrorCode, Fault, JobId, Participant, StepName, TableRef, TaskId};

use super::params::Source;

/// The most attempts that are looked at.
// Nobody says which attempt succeeded: places are tried, and something must end that.
const ATTEMPTS: u32 = 32;

fn invalid(path: &str, message: String) -> ComponentError {
    Fault::new(ErrorCode::ParameterInvalid, message)
        .path(path)
        .into()
}

/// The number of an output by its usual name, or by the number itself.
fn output_number(name: Option<&str>) -> Result<usize> {
    match name.map(str::to_ascii_lowercase).as_deref() {
        // Usual names only: which ports another component has is not known here.
        None | Some("" | "data" | "train" | "train_data" | "data_0") => Ok(0),
        Some("validate" | "validate_data" | "data_1") => Ok(1),
        Some("test" | "test_data" | "data_2") => Ok(2),
        Some(text) => text.parse().map_err(|_| {
            let fault = Fault::new(
                ErrorCode::Unsupported,
                format!("which output {text:?} is cannot be told from its name"),
            );
            fault
                .path("table.data_name")
                .next("give the output's number, 0 for the first")
                .into()
        }),
    }
}

/// The tables in which a participant's output of an earlier job may stand: one for each attempt, the latest first.
pub(super) fn earlier_outputs(source: &Source, me: &Participant) -> Result<Vec<TableRef>> {
    let (job, step) = (
        source.job_id.clone().unwrap_or_default(),
        source.component_name.clone().unwrap_or_default(),
    );
    let index = output_number(source.data_name.as_deref())?;
    let task = TaskId {
        job: JobId::new(job).map_err(|error| invalid("table.job_id", error.to_string()))?,
        step: StepName::new(step)
            .map_err(|error| invalid("table.component_name", error.to_string()))?,
        role: me.role,
        party: me.party.clone(),
    };
    Ok((0..ATTEMPTS)
        .rev()
        .map(|attempt| TableRef::output(&task, Attempt(attempt), index))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_outputs_by_their_usual_names_and_numbers() {
        for (name, number) in [
            (None, 0),
            (Some("data"), 0),
            (Some("test_data"), 2),
            (Some("5"), 5),
        ] {
            assert_eq!(output_number(name).expect("known"), number);
        }
        assert!(output_number(Some("mystery")).is_err());
    }
}
