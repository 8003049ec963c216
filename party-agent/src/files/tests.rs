//! Files as they come, go, and survive what interrupts them.

use std::io::Read;

use super::*;

const NOON: Timestamp = Timestamp(12);

fn files(most: u64) -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path().join("files"), most).unwrap();
    (folder, files)
}

fn place(name: &str) -> Place {
    Place::new("channel", name).unwrap()
}

fn text(files: &Files, place: &Place) -> Option<String> {
    let (mut file, about) = files.find(place).unwrap()?;
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text.len() as u64, about.bytes);
    Some(text)
}

async fn put(files: &Files, name: &str, content: &str, now: Timestamp) -> Result<About, NotTaken> {
    files
        .receive(
            &place(name),
            Label::default(),
            rest::proxy::whole(content.to_owned()),
            now,
        )
        .await
}

fn contents(folder: &tempfile::TempDir) -> usize {
    std::fs::read_dir(folder.path().join("files/channel/content"))
        .unwrap()
        .count()
}

#[tokio::test]
async fn keeps_a_file_with_what_was_said_of_it() {
    let (folder, files) = files(100);
    let metadata = BTreeMap::from([("filename".to_owned(), "ü.csv".to_owned())]);
    let label = Label {
        content_type: Some("text/csv".to_owned()),
        metadata,
    };
    let about = files
        .receive(&place("a"), label.clone(), rest::proxy::whole("abc"), NOON)
        .await
        .unwrap();
    assert_eq!(
        (about.bytes, about.created, about.modified),
        (3, NOON, NOON)
    );
    assert_eq!(
        about.sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(about.label, label);
    let again = Files::open(folder.path().join("files"), 1).unwrap();
    assert_eq!(text(&again, &place("a")).as_deref(), Some("abc"));
    assert_eq!(again.find(&place("a")).unwrap().unwrap().1, about);
    assert!(again.find(&place("b")).unwrap().is_none());
}

#[tokio::test]
async fn replaces_a_file_whole_while_somebody_reads_the_older_one() {
    let (folder, files) = files(100);
    put(&files, "a", "older", NOON).await.unwrap();
    let (mut older, _) = files.find(&place("a")).unwrap().unwrap();
    let about = put(&files, "a", "newer one", Timestamp(13)).await.unwrap();
    assert_eq!((about.created, about.modified), (NOON, Timestamp(13)));
    let mut text_of_older = String::new();
    older.read_to_string(&mut text_of_older).unwrap();
    assert_eq!(
        (text_of_older.as_str(), text(&files, &place("a")).as_deref()),
        ("older", Some("newer one"))
    );
    assert_eq!(contents(&folder), 1, "the older content is gone");
}

#[tokio::test]
async fn leaves_nothing_of_a_torn_or_oversized_file_and_keeps_the_older_one() {
    let (folder, files) = files(5);
    put(&files, "a", "older", NOON).await.unwrap();
    assert_eq!(
        put(&files, "a", "abcdef", NOON).await.unwrap_err().status,
        413
    );
    let torn =
        futures_util::stream::iter([Ok("ab".into()), Err(std::io::Error::other("gone"))]).boxed();
    assert_eq!(
        files
            .receive(&place("a"), Label::default(), torn, NOON)
            .await
            .unwrap_err()
            .status,
        400
    );
    assert_eq!(text(&files, &place("a")).as_deref(), Some("older"));
    assert_eq!(contents(&folder), 1);
}

#[tokio::test]
async fn removes_what_a_crash_left_unnamed() {
    let (folder, files) = files(100);
    put(&files, "a", "kept", NOON).await.unwrap();
    let content = folder.path().join("files/channel/content");
    std::fs::write(content.join("0".repeat(32)), "half").unwrap();
    std::fs::write(content.join("1.card"), "{").unwrap();
    let files = Files::open(folder.path().join("files"), 100).unwrap();
    assert_eq!(contents(&folder), 1);
    assert_eq!(text(&files, &place("a")).as_deref(), Some("kept"));
}

#[tokio::test]
async fn lists_a_folder_in_pages_and_removes_files() {
    let (folder, files) = files(100);
    for name in ["c", "a", "b"] {
        put(&files, name, name, NOON).await.unwrap();
    }
    let names = |after: &str, most| {
        files
            .list("channel", after, most)
            .unwrap()
            .into_iter()
            .map(|about| about.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names("", 2), ["a", "b"]);
    assert_eq!(names("b", 2), ["c"]);
    assert!(files.list("another", "", 9).unwrap().is_empty());
    assert!(files.remove(&place("b")).unwrap());
    assert!(!files.remove(&place("b")).unwrap());
    assert_eq!(names("", 9), ["a", "c"]);
    assert_eq!(contents(&folder), 2);
}

#[tokio::test]
async fn a_description_that_cannot_be_read_hides_no_other_file_and_loses_no_content() {
    let (folder, files) = files(100);
    for name in ["a", "b"] {
        files
            .receive(
                &place(name),
                Label::default(),
                rest::proxy::whole("abc"),
                NOON,
            )
            .await
            .unwrap();
    }
    let root = folder.path().join("files");
    std::fs::write(root.join("channel/about/a"), "{\"content\": 7}").unwrap();
    let again = Files::open(root.clone(), 100).unwrap();
    assert_eq!(
        contents(&folder),
        2,
        "nothing is removed that may still be described"
    );
    let listed: Vec<String> = again
        .list("channel", "", 10)
        .unwrap()
        .into_iter()
        .map(|about| about.name)
        .collect();
    assert_eq!(listed, ["b"]);
    // It can be written anew, and removed.
    again
        .receive(
            &place("a"),
            Label::default(),
            rest::proxy::whole("abcd"),
            NOON,
        )
        .await
        .unwrap();
    assert_eq!(again.list("channel", "", 10).unwrap().len(), 2);
    std::fs::write(root.join("channel/about/a"), "").unwrap();
    assert!(again.remove(&place("a")).unwrap());
    Files::open(root, 100).unwrap();
    assert_eq!(contents(&folder), 1);
}
