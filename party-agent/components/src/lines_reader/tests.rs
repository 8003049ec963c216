//! The checklist of lines_reader.

use component_kit::harness::Federation;
use serde_json::json;
use vocabulary::ErrorCode;

use super::LinesReader;

const CANARY: &str = "canary,31337.4242";

fn federation(hosts: usize) -> Federation {
    let federation =
        Federation::new(hosts, false).file("files://channel/rows.txt", &[CANARY, "\"2\",x", ""]);
    federation.parameters(json!({"file": "files://channel/rows.txt"}))
}

component_kit::checklist!(local LinesReader, federation(1),
    refuses: [
        (json!({"file": null}), "file"),
        (json!({"file": ""}), "file"),
        (json!({"lines": []}), "file"),
        (json!({"file": null, "lines": vec![""; 10_001]}), "lines"),
    ],
    canaries: [CANARY], [31337.4242],
    work: federation(1), least: 2);

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let played = federation(1).run::<LinesReader>().await.all_succeeded();
    for part in played.parts.values() {
        assert_eq!(
            part.output().lines().expect("lines"),
            [CANARY, "\"2\",x", ""]
        );
        assert_eq!(part.output().ids().expect("ids"), ["1", "2", "3"]);
    }
    let name = vocabulary::TableRef::new("datasets", "t");
    let rows = tables::Table::of_lines(vec!["x".to_owned()]).expect("a table");
    let stored = Federation::new(0, false)
        .parameters(json!({"table": {"namespace": "datasets", "name": "t"}}));
    let stored = stored.clone().stored(&stored.guest(), name, rows);
    let played = stored.run::<LinesReader>().await.all_succeeded();
    assert_eq!(
        played
            .part(&stored.guest())
            .output()
            .lines()
            .expect("lines"),
        ["x"]
    );
    let given = Federation::new(0, false).parameters(json!({"lines": ["1,2"]}));
    let played = given.run::<LinesReader>().await.all_succeeded();
    assert_eq!(
        played.part(&given.guest()).output().lines().expect("lines"),
        ["1,2"]
    );
}

#[tokio::test]
async fn works_with_two_hosts() {
    assert_eq!(
        federation(2)
            .run::<LinesReader>()
            .await
            .all_succeeded()
            .parts
            .len(),
        3
    );
}

#[tokio::test]
async fn refuses_bad_parameters() {
    for (parameters, code, path) in [
        (json!({}), ErrorCode::ParameterInvalid, Some("file")),
        (
            json!({"file": "a", "lines": []}),
            ErrorCode::ParameterInvalid,
            Some("file"),
        ),
        (
            json!({"file": ""}),
            ErrorCode::ParameterInvalid,
            Some("file"),
        ),
        (
            json!({"lines": vec![""; 10_001]}),
            ErrorCode::ParameterInvalid,
            Some("lines"),
        ),
        (
            json!({"file": "files://channel/none"}),
            ErrorCode::FileUnreadable,
            None,
        ),
    ] {
        let fault = Federation::new(1, false)
            .parameters(parameters)
            .run::<LinesReader>()
            .await
            .fault();
        let fault = fault.expect("refused");
        assert_eq!((fault.code, fault.path.as_deref()), (code, path), "{fault}");
    }
}
