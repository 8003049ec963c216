//! The chain over real files: appended, read again, torn, tampered with, continued from format 0.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use vocabulary::{ErrorCode, Fault, JobId, SystemClock, Timestamp};

use crate::{
    Audit, AuditEntry, AuditError, AuditRecord, Line, OldEntry, State, Walk, import, read_all,
    set_aside,
};

fn told(what: &str) -> AuditEntry {
    AuditEntry::Told {
        what: what.to_owned(),
        to: "the coordinator".to_owned(),
        refused_by: None,
        basis: None,
    }
}

fn open(folder: &TempDir) -> Audit {
    Audit::open(&folder.path().join("audit"), Arc::new(SystemClock)).expect("opened")
}

fn chain(folder: &TempDir) -> PathBuf {
    folder.path().join("audit")
}

/// A closed chain of that many entries.
async fn written(entries: i64) -> TempDir {
    let folder = TempDir::new().expect("folder");
    let audit = open(&folder);
    for entry in 0..entries {
        audit
            .record(&told(&entry.to_string()), Timestamp(entry))
            .await
            .expect("written");
    }
    audit.close().await;
    folder
}

fn segment(folder: &TempDir) -> PathBuf {
    chain(folder).join("00000000000000000001.ndjson")
}

fn alter(path: &Path, change: impl FnOnce(&mut String)) {
    let mut text = std::fs::read_to_string(path).expect("read");
    change(&mut text);
    std::fs::write(path, text).expect("written");
}

fn broken_at(folder: &TempDir) -> u64 {
    match read_all(&chain(folder)) {
        Err(AuditError::Broken { number, .. }) => number,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn entries_follow_each_other_over_restarts() {
    let folder = TempDir::new().expect("folder");
    for turn in 0..3 {
        let audit = open(&folder);
        audit
            .record_all(&[told("a"), told("b")], Timestamp(turn))
            .await
            .expect("written");
        assert_eq!(
            (audit.status().state, audit.status().entries),
            (State::Sound, 2 * (turn as u64 + 1))
        );
        audit.close().await;
        assert!(audit.record(&told("late"), Timestamp(9)).await.is_err());
    }
    let records = read_all(&chain(&folder)).expect("whole");
    assert_eq!(
        records
            .iter()
            .map(|record| record.number)
            .collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
    assert_eq!(records[2].entry, told("a"));
    assert_eq!(records[5].at, Timestamp(2));
}

#[tokio::test]
async fn an_entry_is_readable_when_it_is_acknowledged() {
    let folder = TempDir::new().expect("folder");
    let audit = open(&folder);
    let many: Vec<_> = (0..200)
        .map(|number| {
            let (audit, at) = (audit.clone(), chain(&folder));
            tokio::spawn(async move {
                audit
                    .record(&told(&format!("message {number}")), Timestamp(number))
                    .await
                    .expect("written");
                let records = read_all(&at).expect("whole");
                assert!(records.iter().any(|record| record.at == Timestamp(number)));
            })
        })
        .collect();
    for one in many {
        one.await.expect("read");
    }
    assert_eq!(audit.status().entries, 200);
}

#[tokio::test]
async fn a_changed_missing_or_moved_entry_is_noticed() {
    let folder = written(5).await;
    alter(&segment(&folder), |text| {
        *text = text.replace("\"what\":\"2\"", "\"what\":\"9\"")
    });
    assert_eq!(broken_at(&folder), 3);

    let folder = written(5).await;
    alter(&segment(&folder), |text| {
        let kept: Vec<_> = text
            .lines()
            .enumerate()
            .filter(|(index, _)| *index != 1)
            .map(|(_, line)| line)
            .collect();
        *text = kept.join("\n") + "\n";
    });
    assert_eq!(broken_at(&folder), 2);

    let folder = written(5).await;
    alter(&segment(&folder), |text| {
        *text = text.replacen("\"at\":3", "\"at\":4", 1)
    });
    assert_eq!(broken_at(&folder), 4);

    let folder = written(5).await;
    std::fs::rename(
        segment(&folder),
        chain(&folder).join("00000000000000000002.ndjson"),
    )
    .expect("moved");
    assert_eq!(broken_at(&folder), 1);
}

#[tokio::test]
async fn a_broken_chain_takes_no_entry_until_it_is_set_aside() {
    let folder = written(5).await;
    alter(&segment(&folder), |text| {
        *text = text.replace("\"what\":\"2\"", "\"what\":\"9\"")
    });
    let audit = open(&folder);
    let fault = audit
        .record(&told("more"), Timestamp(9))
        .await
        .expect_err("broken");
    assert_eq!(fault.code, ErrorCode::AuditBroken, "{fault}");
    assert!(fault.message.contains("entry 3") && fault.next.expect("advice").contains("set-aside"));
    assert_eq!(audit.status().state, State::Broken);
    // Not under an agent that runs.
    assert!(matches!(
        set_aside(&chain(&folder), Timestamp(8)),
        Err(AuditError::InUse(_))
    ));
    audit.close().await;
    assert!(set_aside(&chain(&folder), Timestamp(8)).is_ok());

    let folder = written(5).await;
    assert!(matches!(
        set_aside(&chain(&folder), Timestamp(8)),
        Err(AuditError::Whole(5))
    ));
    alter(&segment(&folder), |text| {
        *text = text.replace("\"what\":\"2\"", "\"what\":\"9\"")
    });
    let done = set_aside(&chain(&folder), Timestamp(8)).expect("set aside");
    assert_eq!(done.head.number, 2);
    assert!(done.kept.join("00000000000000000001.ndjson").exists());
    let audit = open(&folder);
    audit
        .record(&told("more"), Timestamp(9))
        .await
        .expect("written");
    audit.close().await;
    let records = read_all(&chain(&folder)).expect("whole");
    assert!(
        matches!(&records[0].entry, AuditEntry::Began { entries: 2, hash, .. } if *hash == done.head.hash)
    );
    assert_eq!(records.len(), 2);
}

#[tokio::test]
async fn an_unfinished_write_is_taken_away_and_told() {
    for torn in [
        "{\"number\":6,\"at\":5",
        "{\"number\":6,\"at\":5,\"form\0\0\0at\":1}\n",
        "\0\0\0{\"x\":1}\n",
    ] {
        let folder = written(5).await;
        alter(&segment(&folder), |text| text.push_str(torn));
        assert_eq!(
            read_all(&chain(&folder)).expect("whole").len(),
            5,
            "{torn:?}"
        );
        let audit = open(&folder);
        audit
            .record(&told("more"), Timestamp(9))
            .await
            .expect("written");
        audit.close().await;
        let records = read_all(&chain(&folder)).expect("whole");
        let AuditEntry::Recovered { bytes, .. } = &records[5].entry else {
            panic!("{:?}", records[5])
        };
        assert_eq!((*bytes, records.len()), (torn.len() as u64, 7));
    }
    // What is more than one write is no unfinished one.
    let folder = written(5).await;
    alter(&segment(&folder), |text| {
        *text += &format!("\0{}", "x".repeat(3 << 20))
    });
    let audit = open(&folder);
    assert_eq!(
        audit
            .record(&told("more"), Timestamp(9))
            .await
            .expect_err("broken")
            .code,
        ErrorCode::AuditBroken
    );
}

#[tokio::test]
async fn a_deleted_tail_shows_only_to_who_kept_a_hash() {
    let folder = written(5).await;
    let noted = read_all(&chain(&folder)).expect("whole")[4].clone();
    alter(&segment(&folder), |text| {
        text.truncate(text.find("{\"number\":4").expect("the fourth"))
    });
    let records = read_all(&chain(&folder)).expect("whole");
    assert_eq!(records.len(), 3);
    assert!(!records.iter().any(|record| record.number == noted.number));
}

/// The hash as format 0 had it, written down anew.
fn old(entries: &[&str]) -> Vec<OldEntry> {
    let mut before = String::new();
    let line = |(index, text): (usize, &&str)| {
        let (number, at) = (index as u64 + 1, Timestamp(index as i64));
        let line = Line {
            number,
            at,
            format: 0,
            hash: "",
            text,
        };
        before = line.expected(&before);
        OldEntry {
            number,
            at,
            text: (*text).to_owned(),
            hash: before.clone(),
        }
    };
    entries.iter().enumerate().map(line).collect()
}

async fn imported(entries: Vec<OldEntry>) -> TempDir {
    let folder = TempDir::new().expect("folder");
    let next = |after: u64| {
        let piece = entries
            .iter()
            .filter(|entry| entry.number > after)
            .take(2)
            .cloned()
            .collect();
        std::future::ready(Ok::<_, Fault>(piece))
    };
    import(&chain(&folder), next).await.expect("imported");
    folder
}

/// As an agent of format 0 wrote them.
const OLD: [&str; 3] = [
    r#"{"offer":{"job":"1","fingerprint":"f","refused_by":null}}"#,
    r#"{"left":{"task":{"job":"1","step":"s","role":"host","party":"2"},"attempt":0,"message":"sum","to":"1","letters":2,"bytes":9}}"#,
    r#"{"told":{"what":"metrics","to":"the coordinator","refused_by":"disclosure.metrics"}}"#,
];

#[tokio::test]
async fn a_chain_of_format_0_goes_on() {
    let folder = imported(old(&OLD)).await;
    let audit = open(&folder);
    audit
        .record(&told("new"), Timestamp(9))
        .await
        .expect("written");
    audit.close().await;
    let records = read_all(&chain(&folder)).expect("whole");
    assert_eq!(
        records
            .iter()
            .map(|record| record.format)
            .collect::<Vec<_>>(),
        [0, 0, 0, 1]
    );
    assert!(matches!(
        records[1].entry,
        AuditEntry::Left { messages: 2, .. }
    ));
    assert_eq!(records[1].entry.job(), JobId::new("1").ok().as_ref());
    assert_eq!(records[2].entry.refused_by(), Some("disclosure.metrics"));
    // It is not begun again from the old entries.
    let none = |_| std::future::ready(Ok::<_, Fault>(old(&["{}"])));
    import(&chain(&folder), none).await.expect("left alone");
    assert_eq!(read_all(&chain(&folder)).expect("whole").len(), 4);
    // No old entry follows a new one.
    let last = records[3].hash.clone();
    alter(&segment(&folder), |text| {
        let line = Line {
            number: 5,
            at: Timestamp(10),
            format: 0,
            hash: "",
            text: OLD[0],
        };
        let hash = line.expected(&last);
        Line {
            hash: &hash,
            ..line
        }
        .write(text);
    });
    assert_eq!(broken_at(&folder), 5);
}

#[tokio::test]
async fn a_changed_entry_of_format_0_is_noticed() {
    let mut entries = old(&OLD);
    entries[1].text = entries[1].text.replace("\"bytes\":9", "\"bytes\":8");
    let folder = imported(entries).await;
    assert_eq!(broken_at(&folder), 2);
    let audit = open(&folder);
    assert_eq!(
        audit
            .record(&told("new"), Timestamp(9))
            .await
            .expect_err("broken")
            .code,
        ErrorCode::AuditBroken
    );
}

#[tokio::test]
async fn a_newer_format_is_left_alone() {
    let folder = written(1).await;
    alter(&segment(&folder), |text| {
        text.push_str("{\"number\":2,\"at\":1,\"format\":2,\"hash\":\"\",\"entry\":{}}\n")
    });
    assert!(matches!(
        read_all(&chain(&folder)),
        Err(AuditError::Newer {
            number: 2,
            format: 2
        })
    ));
}

#[tokio::test]
async fn two_processes_do_not_write_one_chain() {
    let folder = written(1).await;
    let first = open(&folder);
    first
        .record(&told("first"), Timestamp(1))
        .await
        .expect("written");
    let second = open(&folder);
    let fault = second
        .record(&told("second"), Timestamp(1))
        .await
        .expect_err("in use");
    assert_eq!(fault.code, ErrorCode::Conflict, "{fault}");
    first.close().await;
    second
        .record(&told("second"), Timestamp(2))
        .await
        .expect("free now");
}

#[tokio::test]
async fn a_disk_that_refuses_stops_entries_until_it_takes_them_again() {
    let folder = TempDir::new().expect("folder");
    // A file in place of the folder: it refuses everybody, root too.
    std::fs::write(chain(&folder), "in the way").expect("written");
    let audit = open(&folder);
    let fault = audit
        .record(&told("a"), Timestamp(1))
        .await
        .expect_err("refused");
    assert_eq!(fault.code, ErrorCode::StorageFull, "{fault}");
    assert_eq!(
        (audit.status().state, audit.status().entries),
        (State::Full, 0)
    );
    std::fs::remove_file(chain(&folder)).expect("removed");
    audit
        .record(&told("b"), Timestamp(2))
        .await
        .expect("written");
    assert_eq!(audit.status().state, State::Sound);
    assert_eq!(read_all(&chain(&folder)).expect("whole").len(), 1);
}

#[tokio::test]
async fn a_refusing_disk_is_looked_at_again_by_itself() {
    let folder = TempDir::new().expect("folder");
    std::fs::write(chain(&folder), "in the way").expect("written");
    let audit = open(&folder);
    audit
        .record(&told("a"), Timestamp(1))
        .await
        .expect_err("refused");
    std::fs::remove_file(chain(&folder)).expect("removed");
    for _ in 0..100 {
        if audit.status().state == State::Sound {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{:?}", audit.status());
}

#[tokio::test]
async fn a_long_chain_stands_in_several_files() {
    let folder = TempDir::new().expect("folder");
    let audit = open(&folder);
    let large: Vec<_> = (0..64).map(|_| told(&"x".repeat(4 << 10))).collect();
    for _ in 0..150 {
        audit
            .record_all(&large, Timestamp(1))
            .await
            .expect("written");
    }
    audit.close().await;
    let mut walk = Walk::open(&chain(&folder)).expect("opened");
    while walk.step().expect("whole").is_some() {}
    assert_eq!(walk.head().number, 64 * 150);
    let files: Vec<_> = crate::segment::list(&chain(&folder)).expect("files");
    assert_eq!(files.len(), 2);
    // The end of the first one is missing.
    let length = std::fs::metadata(&files[0].1).expect("a file").len();
    std::fs::File::options()
        .write(true)
        .open(&files[0].1)
        .and_then(|file| file.set_len(length - 9))
        .expect("cut");
    assert!(matches!(
        read_all(&chain(&folder)),
        Err(AuditError::Broken { .. })
    ));
    std::fs::remove_file(&files[0].1).expect("removed");
    assert_eq!(broken_at(&folder), 1);
}

#[test]
fn texts_from_outside_are_cut() {
    let AuditEntry::Told { what, .. } = told(&"é".repeat(10_000)).clipped() else {
        panic!("another")
    };
    assert!(what.len() < 5_000 && what.ends_with("é…"));
}

#[test]
fn a_line_is_read_as_it_was_written() {
    let text = r#"{"told":{"what":"\",\"entry\":{}","to":"x","refused_by":null}}"#;
    let mut out = String::new();
    Line {
        number: 7,
        at: Timestamp(-3),
        format: 1,
        hash: "abc",
        text,
    }
    .write(&mut out);
    let line = Line::parse(out.trim_end()).expect("a line");
    assert_eq!(
        (line.number, line.at, line.hash, line.text),
        (7, Timestamp(-3), "abc", text)
    );
    let record: AuditRecord = serde_json::from_str(&out).expect("JSON");
    assert_eq!(record, line.record().expect("an entry"));
    assert!(Line::parse("{}").is_none());
}

/// Makes a chain for measurements: `FEDFLOW_LONG_CHAIN=FOLDER cargo test -p audit -- --ignored makes_a_long_chain`.
#[tokio::test]
#[ignore = "makes a large file"]
async fn makes_a_long_chain() {
    let folder = PathBuf::from(std::env::var("FEDFLOW_LONG_CHAIN").expect("FEDFLOW_LONG_CHAIN"));
    let audit = Audit::open(&folder.join("audit"), Arc::new(SystemClock)).expect("opened");
    let what = format!("message {}", "x".repeat(400));
    let some: Vec<_> = (0..200).map(|_| told(&what)).collect();
    for turn in 0..4_000 {
        audit
            .record_all(&some, Timestamp(turn))
            .await
            .expect("written");
    }
    audit.close().await;
}
