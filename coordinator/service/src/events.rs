//! What happened to a job, line by line: each of its moves is written down in the transaction that makes it.

use domain::{Event, Job, JobState, Task, TaskState};
use vocabulary::{Attempt, StepName, Timestamp};

const QUEUED: &str = "all parties take part; the job waits for its turn";

/// The lines of a job that was taken in.
pub(crate) fn submitted(job: &Job) -> Vec<Event> {
    let mut lines = vec![Event::own(
        job.created,
        format!("job {} was submitted", job.id),
    )];
    lines.extend(warned(job, job.created));
    lines
}

/// A line for everything in a job's documents that nothing reads.
pub(crate) fn warned(job: &Job, now: Timestamp) -> Vec<Event> {
    let line = |warning: &String| {
        let text = warning.strip_prefix("[WARN]").unwrap_or(warning);
        Event {
            level: "WARNING".to_owned(),
            ..Event::own(now, one_line(text))
        }
    };
    job.definition.warnings.iter().map(line).collect()
}

/// The lines of what changed between two looks at a job.
pub(crate) fn lines(
    before: (JobState, &[Task]),
    job: &Job,
    tasks: &[Task],
    now: Timestamp,
) -> Vec<Event> {
    let (was, older) = before;
    let mut lines = Vec::new();
    if was == JobState::Offered && job.state == JobState::Running {
        // It had its turn at once.
        lines.push(Event::own(now, QUEUED));
    }
    if was != job.state && !job.state.is_settled() {
        lines.push(moved(job, now));
    }
    for step in steps(tasks) {
        lines.extend(of_step(&step, older, tasks, job, now));
    }
    if was != job.state && job.state.is_settled() {
        // A job's last line stands behind all others.
        lines.push(moved(job, now));
    }
    lines
}

fn moved(job: &Job, now: Timestamp) -> Event {
    let line = match job.state {
        JobState::Offered => "the parties are asked to take part".to_owned(),
        JobState::Queued => QUEUED.to_owned(),
        JobState::Running => "the job runs".to_owned(),
        JobState::Stopping => "the job is being stopped".to_owned(),
        JobState::Succeeded => "the job has succeeded".to_owned(),
        JobState::Failed => "the job has failed".to_owned(),
        JobState::Refused => "the job was refused".to_owned(),
        JobState::Canceled => "the job was canceled".to_owned(),
        JobState::TimedOut => "the job took longer than its time limit".to_owned(),
    };
    let bad = job.state.is_settled() && job.state != JobState::Succeeded;
    match job
        .reason
        .as_ref()
        .filter(|_| bad || job.state == JobState::Stopping)
    {
        Some(reason) => Event {
            level: if bad { "ERROR" } else { "WARNING" }.to_owned(),
            ..Event::own(now, format!("{line}: {}", one_line(&reason.to_string())))
        },
        None => Event::own(now, line),
    }
}

/// Text that cannot be taken for another line.
fn one_line(text: &str) -> String {
    text.replace('\r', "\\r").replace('\n', "\\n")
}

fn steps(tasks: &[Task]) -> Vec<StepName> {
    let mut steps: Vec<StepName> = Vec::new();
    for task in tasks {
        if !steps.contains(&task.key.id.step) {
            steps.push(task.key.id.step.clone());
        }
    }
    steps
}

/// The lines of attempts that new ones take the place of: how they ended, and why the step begins anew.
pub(crate) fn anew(older: &[Task], replaced: &[Task], job: &Job, now: Timestamp) -> Vec<Event> {
    let mut lines = Vec::new();
    for step in steps(replaced) {
        let ended: Vec<&Task> = replaced
            .iter()
            .filter(|task| task.key.id.step == step)
            .collect();
        let stood = |task: &Task| {
            older
                .iter()
                .find(|older| older.key == task.key)
                .map(|older| older.state)
        };
        lines.extend(
            ended
                .iter()
                .filter_map(|task| failed(task, stood(task), now)),
        );
        let next = ended
            .iter()
            .map(|task| task.key.attempt.0 + 2)
            .max()
            .unwrap_or_default();
        let why =
            domain::first_cause(&step, replaced).map_or_else(unknown, |fault| fault.to_string());
        let line = format!(
            "step {step} begins anew, attempt {next} of {}: {}",
            job.settings.attempts(),
            one_line(&why)
        );
        lines.push(Event {
            level: "WARNING".to_owned(),
            ..Event::own(now, line)
        });
    }
    lines
}

fn unknown() -> String {
    "for a reason that is not known".to_owned()
}

/// The line of a task that has failed since it was last looked at.
fn failed(task: &Task, stood: Option<TaskState>, now: Timestamp) -> Option<Event> {
    let is_bad = matches!(
        task.state,
        TaskState::Failed | TaskState::Lost | TaskState::TimedOut
    );
    if !is_bad || stood == Some(task.state) {
        return None;
    }
    let id = &task.key.id;
    let why = task
        .fault
        .as_ref()
        .map_or_else(unknown, ToString::to_string);
    let line = format!(
        "step {} has failed at {} {}: {}",
        id.step,
        id.role,
        id.party,
        one_line(&why)
    );
    Some(Event {
        level: "WARNING".to_owned(),
        ..Event::own(now, line)
    })
}

fn of_step(
    step: &StepName,
    older: &[Task],
    tasks: &[Task],
    job: &Job,
    now: Timestamp,
) -> Vec<Event> {
    let mut lines = Vec::new();
    let newer: Vec<&Task> = tasks
        .iter()
        .filter(|task| task.key.id.step == *step)
        .collect();
    let stood = |task: &Task| {
        older
            .iter()
            .find(|older| older.key == task.key)
            .map(|older| older.state)
    };
    let begun = |state: TaskState| !matches!(state, TaskState::Waiting | TaskState::Skipped);
    let begins = newer.iter().any(|task| begun(task.state))
        && !newer.iter().any(|task| stood(task).is_some_and(begun));
    if begins {
        let attempt = newer.first().map_or(Attempt(0), |task| task.key.attempt);
        lines.push(Event::own(
            now,
            format!(
                "step {step}: attempt {} of {} started",
                attempt.0 + 1,
                job.settings.attempts()
            ),
        ));
    }
    lines.extend(
        newer
            .iter()
            .filter_map(|task| failed(task, stood(task), now)),
    );
    let done = |state: TaskState| matches!(state, TaskState::Succeeded | TaskState::Skipped);
    let is_done =
        newer.iter().all(|task| done(task.state)) && newer.iter().any(|task| begun(task.state));
    if is_done && !newer.iter().all(|task| stood(task).is_some_and(done)) {
        lines.push(Event::own(now, format!("step {step} has succeeded")));
    }
    lines
}
