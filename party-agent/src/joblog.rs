//! The party's own log of a job, in the folders that FATE's clients know: `<job>/<role>/<party>/{DEBUG,…}.log`.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use component_kit::LogLevel;
use vocabulary::{JobId, PartyId, Role, StepName, TaskId};

/// The most bytes of one line.
const LONGEST_LINE: usize = 16 << 10;
/// The most lines given at once.
const MOST_LINES: usize = 10_000;
/// Files of a participant, each with the lines of its level and of those above.
const LEVELS: [LogLevel; 4] = [
    LogLevel::Debug,
    LogLevel::Info,
    LogLevel::Warning,
    LogLevel::Error,
];

/// The word of a level.
pub(crate) fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO",
        LogLevel::Warning => "WARNING",
        LogLevel::Error => "ERROR",
    }
}

/// The folder of all job logs.
pub(crate) struct JobLogs {
    root: PathBuf,
}

/// A file of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFile {
    /// Its path below the job's folder, with `/`.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Bytes now.
    pub(crate) size: u64,
}

impl JobLogs {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Opens the log of a task; all files are made, for readers open them without looking.
    pub(crate) fn open(&self, task: &TaskId) -> JobLog {
        let folder = self
            .root
            .join(task.job.as_str())
            .join(task.role.word())
            .join(task.party.as_str());
        let step = folder.join(task.step.as_str());
        let open = |path: PathBuf| match append(&path) {
            Ok(file) => Some(file),
            Err(error) => {
                tracing::warn!(%task, path = %path.display(), %error, "a log file of a job cannot be written");
                None
            }
        };
        let mut files: Vec<(LogLevel, File)> = LEVELS
            .into_iter()
            .filter_map(|level| Some((level, open(folder.join(format!("{}.log", word(level))))?)))
            .collect();
        files.extend(open(step.join("INFO.log")).map(|file| (LogLevel::Info, file)));
        JobLog {
            files: Mutex::new(files),
            step: task.step.clone(),
        }
    }

    /// Copies the log of a step to the same step of another job, in which it is not run; one that is there stays.
    pub(crate) fn copy(&self, from: &TaskId, to: &TaskId) -> std::io::Result<()> {
        let of = |task: &TaskId| {
            self.file(
                &task.job,
                task.role,
                &task.party,
                (Some(&task.step), LogLevel::Info),
            )
        };
        let (source, target) = (of(from), of(to));
        // An offer may be accepted twice, and a log must not be in it twice.
        if !source.is_file() || target.exists() {
            return Ok(());
        }
        self.open(to)
            .write(LogLevel::Info, &format!("taken over from job {}", from.job));
        std::io::copy(&mut File::open(source)?, &mut append(&target)?)?;
        Ok(())
    }

    /// Removes the log of a participant, or of one of its steps.
    pub(crate) fn remove(
        &self,
        job: &JobId,
        role: Role,
        party: &PartyId,
        step: Option<&StepName>,
    ) -> std::io::Result<()> {
        let mut folder = self
            .root
            .join(job.as_str())
            .join(role.word())
            .join(party.as_str());
        if let Some(step) = step {
            folder.push(step.as_str());
        }
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The file of a participant, or of one of its steps.
    pub(crate) fn file(
        &self,
        job: &JobId,
        role: Role,
        party: &PartyId,
        of: (Option<&StepName>, LogLevel),
    ) -> PathBuf {
        let mut folder = self
            .root
            .join(job.as_str())
            .join(role.word())
            .join(party.as_str());
        if let Some(step) = of.0 {
            folder.push(step.as_str());
        }
        folder.join(format!("{}.log", word(of.1)))
    }

    /// Every file of a party's part of a job, sorted by name.
    pub(crate) fn files(&self, job: &JobId, party: &PartyId) -> std::io::Result<Vec<LogFile>> {
        let mut found = Vec::new();
        for role in Role::ALL {
            let below = format!("{role}/{party}");
            let folder = self
                .root
                .join(job.as_str())
                .join(role.word())
                .join(party.as_str());
            for entry in entries(&folder)? {
                if entry.is_dir() {
                    let step = format!("{below}/{}", name_of(&entry));
                    found.extend(
                        entries(&entry)?
                            .into_iter()
                            .filter_map(|path| log_file(&step, path)),
                    );
                } else {
                    found.extend(log_file(&below, entry));
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn log_file(below: &str, path: PathBuf) -> Option<LogFile> {
    let size = path
        .metadata()
        .ok()
        .filter(std::fs::Metadata::is_file)?
        .len();
    Some(LogFile {
        name: format!("{below}/{}", name_of(&path)),
        path,
        size,
    })
}

fn append(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::options().create(true).append(true).open(path)
}

/// How many lines a file has.
pub(crate) fn count_lines(path: &Path) -> std::io::Result<usize> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut count = 0;
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(count);
        }
        count += piece.iter().filter(|byte| **byte == b'\n').count();
        let length = piece.len();
        reader.consume(length);
    }
}

/// Lines `begin` to `end` of a file, counted from 1, with their numbers; ten thousand at most.
pub(crate) fn read_lines(
    path: &Path,
    begin: usize,
    end: Option<usize>,
) -> std::io::Result<Vec<(usize, String)>> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut lines, mut bytes) = (Vec::new(), Vec::new());
    for number in 1..=end.unwrap_or(usize::MAX) {
        bytes.clear();
        if lines.len() == MOST_LINES || reader.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        if number >= begin {
            lines.push((
                number,
                String::from_utf8_lossy(&bytes)
                    .trim_end_matches('\n')
                    .to_owned(),
            ));
        }
    }
    Ok(lines)
}

/// The log of one task.
pub(crate) struct JobLog {
    files: Mutex<Vec<(LogLevel, File)>>,
    step: StepName,
}

impl JobLog {
    /// Writes a line: local time, level, step, text. Line breaks are shown as such, so that no text can forge a line.
    pub(crate) fn write(&self, level: LogLevel, text: &str) {
        let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S,%3f");
        let mut line = format!(
            "[{}] [{now}] [{}] - {}",
            word(level),
            self.step,
            text.replace('\r', "\\r").replace('\n', "\\n")
        );
        if line.len() > LONGEST_LINE {
            let cut = (0..=LONGEST_LINE)
                .rev()
                // `truncate` panics within a character.
                .find(|at| line.is_char_boundary(*at))
                .unwrap_or(0);
            line.truncate(cut);
        }
        line.push('\n');
        // One lock for all files of a task, so that lines stand in the same order in each.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for (least, file) in files.iter_mut().filter(|(least, _)| level >= *least) {
            if let Err(error) = file.write_all(line.as_bytes()) {
                tracing::warn!(step = %self.step, level = word(*least), %error, "a line of a job's log is lost");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{JobId, PartyId};

    fn task() -> TaskId {
        TaskId {
            job: JobId::new("20260101000000").unwrap(),
            step: StepName::new("secure_add_example_0").unwrap(),
            role: Role::Guest,
            party: PartyId::new("9999").unwrap(),
        }
    }

    #[test]
    fn writes_each_line_into_its_level_and_those_below() {
        let folder = tempfile::tempdir().unwrap();
        let logs = JobLogs::new(folder.path().to_owned());
        let log = logs.open(&task());
        log.write(LogLevel::Info, "secure_add_guest: success");
        log.write(LogLevel::Error, "went wrong\n[INFO] forged");
        let lines = |level| {
            let path = logs.file(&task().job, Role::Guest, &task().party, (None, level));
            (
                count_lines(&path).unwrap(),
                read_lines(&path, 1, None).unwrap(),
            )
        };
        assert_eq!(lines(LogLevel::Debug).0, 2);
        let (count, info) = lines(LogLevel::Info);
        assert_eq!(count, 2);
        assert!(info[0].1.starts_with("[INFO] [") && info[0].1.contains("secure_add_guest"));
        assert_eq!(lines(LogLevel::Error).0, 1);
        assert_eq!(lines(LogLevel::Warning).1[0].0, 1);
    }

    #[test]
    fn lists_the_files_of_one_party_only() {
        let folder = tempfile::tempdir().unwrap();
        let logs = JobLogs::new(folder.path().to_owned());
        drop(logs.open(&task()));
        drop(logs.open(&TaskId {
            party: PartyId::new("1").unwrap(),
            ..task()
        }));
        let names: Vec<String> = logs
            .files(&task().job, &task().party)
            .unwrap()
            .into_iter()
            .map(|file| file.name)
            .collect();
        assert_eq!(names.len(), 5);
        assert_eq!(names[1], "guest/9999/ERROR.log");
        assert!(names.contains(&"guest/9999/secure_add_example_0/INFO.log".to_owned()));
    }

    #[test]
    fn gives_a_range_of_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        std::fs::write(&path, "a\nb\nc\nd\n").unwrap();
        assert_eq!(
            read_lines(&path, 2, Some(3)).unwrap(),
            [(2, "b".to_owned()), (3, "c".to_owned())]
        );
        assert!(read_lines(&path, 9, None).unwrap().is_empty());
    }
}
