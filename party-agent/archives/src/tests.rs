//! Archives written and read again, changed on the way, and for other parties.

use std::io::{Cursor, Write};

use fate_models::{DataTransformParam, LrModelMeta, LrModelParam, Pipeline};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};
use vocabulary::{Participant, PartyId, Role};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::*;

fn view() -> Value {
    json!({
        "meta": {
            "penalty": "L2", "tol": 1e-4, "alpha": 0.01, "optimizer": "rmsprop", "partyWeight": 0.0, "batchSize": "-1",
            "learningRate": 0.15, "maxIter": "3", "earlyStop": "diff", "reEncryptBatches": "0", "fitIntercept": true,
            "needOneVsRest": false, "predictParam": {"threshold": 0.5}, "revealStrategy": "", "module": "HeteroLR",
        },
        "param": {
            "iters": 3, "lossHistory": [0.5, 0.25], "isConverged": false, "weight": {"x1": 0.25, "x0": -0.5},
            "intercept": 0.125, "header": ["x1", "x0"], "bestIteration": -1, "encryptedWeight": {}, "needOneVsRest": false,
        },
    })
}

fn model(step: &str, module: &str, view: Value, content: &[u8]) -> ArchivedModel {
    ArchivedModel {
        step: StepName::new(step).expect("a name"),
        alias: "train".to_owned(),
        module: module.to_owned(),
        component: module.to_lowercase(),
        component_version: 1,
        parameters: json!({"max_iter": 3}),
        view,
        content: content.to_vec(),
        checkpoints: vec![ArchivedCheckpoint {
            step_index: 2,
            step_name: "epoch_2".to_owned(),
            content: b"early".to_vec(),
        }],
    }
}

pub(crate) fn archive() -> Archive {
    let id = "guest#9999#arbiter-10000#guest-9999#host-10000#model";
    let documents = json!({
        "train_dsl": {"components": {"hetero_lr_0": {"module": "HeteroLR"}}},
        "inference_dsl": {"components": {}},
        "train_runtime_conf": {
            "dsl_version": 2, "initiator": {"role": "guest", "party_id": 9999},
            "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
            "job_parameters": {"common": {"job_type": "train", "model_id": "old", "model_version": "old"}},
            "component_parameters": {"role": {"guest": {"0": {"reader_0": {"table": {"name": "g"}}}}}},
        },
        "roles": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "initiator": {"role": "guest", "party_id": 9999},
        "fate_version": "1.11.2", "parent": true,
    });
    Archive {
        subject: Subject::of_party_model(id, "202611270000000000000").expect("a part"),
        documents: documents.as_object().cloned().expect("an object"),
        models: vec![
            model(
                "data_transform_0",
                "DataTransform",
                json!({"meta": {"withLabel": true}, "param": {"sidName": "id"}}),
                b"how rows are read",
            ),
            // A module without messages.
            model(
                "union_0",
                "Union",
                json!({"meta": {}, "param": {}}),
                b"what was joined",
            ),
            model("hetero_lr_0", "HeteroLR", view(), b"weights"),
        ],
    }
}

fn read(bytes: &[u8]) -> Result<Archive, ArchiveError> {
    Archive::read(Cursor::new(bytes))
}

/// The members of a zip.
fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).expect("a zip");
    (0..zip.len())
        .map(|index| {
            let mut member = zip.by_index(index).expect("a member");
            let name = member.name().expect("a name").into_owned();
            let mut content = Vec::new();
            std::io::copy(&mut member, &mut content).expect("content");
            (name, content)
        })
        .collect()
}

fn zipped<'a>(members: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        out.start_file(
            name,
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated),
        )
        .expect("a member");
        out.write_all(content).expect("written");
    }
    out.finish().expect("finished").into_inner()
}

/// The archive with its members changed.
fn changed(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Result<Archive, ArchiveError> {
    let mut all = members(&archive().to_bytes().expect("written"));
    change(&mut all);
    read(&zipped(
        all.iter()
            .map(|(name, content)| (name.as_str(), content.as_slice())),
    ))
}

#[test]
fn comes_back_as_it_was_and_always_the_same() {
    let archive = archive();
    let bytes = archive.to_bytes().expect("written");
    assert_eq!(read(&bytes).expect("read"), archive);
    assert_eq!(archive.to_bytes().expect("written again"), bytes);
    let hash = sha256_of(bytes.as_slice()).expect("a hash");
    assert_eq!(
        (hash.len(), hash.as_str()),
        (64, sha256_of(Cursor::new(&bytes)).expect("a hash").as_str())
    );
}

#[test]
fn holds_what_fates_tools_look_for() {
    let all = members(&archive().to_bytes().expect("written"));
    let content = |name: &str| {
        all.iter()
            .find(|(known, _)| known == name)
            .map(|(_, content)| content.clone())
    };
    let document =
        |name: &str| serde_json::from_slice::<Value>(&content(name).expect(name)).expect("JSON");
    let defined = document("define/define_meta.yaml");
    assert_eq!(
        defined["component_define"]["hetero_lr_0"]["module_name"],
        "HeteroLR"
    );
    assert_eq!(
        defined["model_proto"]["hetero_lr_0"]["train"],
        json!({"HeteroLogisticRegressionMeta": "LRModelMeta", "HeteroLogisticRegressionParam": "LRModelParam"})
    );
    let folder = "variables/data/hetero_lr_0/train";
    assert_eq!(
        document(&format!("{folder}/HeteroLogisticRegressionParam.json"))["weight"],
        json!({"x1": 0.25, "x0": -0.5})
    );
    assert_eq!(
        document("run_parameters/hetero_lr_0/run_parameters.json")["max_iter"],
        3
    );
    let again = document("import_model.json");
    assert_eq!(
        (&again["role"], &again["party_id"], &again["force_update"]),
        (&json!("guest"), &json!(9999), &json!(0))
    );
    let param = content(&format!("{folder}/HeteroLogisticRegressionParam")).expect("bytes");
    let param = LrModelParam::decode(param.as_slice()).expect("a message");
    assert_eq!(
        (param.iters, param.weight["x0"], param.best_iteration),
        (3, -0.5, -1)
    );
    let meta = content(&format!("{folder}/HeteroLogisticRegressionMeta")).expect("bytes");
    let meta = LrModelMeta::decode(meta.as_slice()).expect("a message");
    assert_eq!(
        (
            meta.batch_size,
            meta.max_iter,
            meta.predict_param.expect("one").threshold
        ),
        (-1, 3, 0.5)
    );
}

#[test]
fn writes_messages_byte_for_byte_as_protocol_buffers_have_them() {
    let param = LrModelParam {
        iters: 3,
        weight: [("a".to_owned(), 1.0)].into(),
        ..Default::default()
    };
    // field 1 varint 3; field 4, length 12: key "a", value 1.0 as a little-endian double
    let expected = [
        0x08, 3, 0x22, 12, 0x0a, 1, b'a', 0x11, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f,
    ];
    assert_eq!(param.encode_to_vec(), expected);
}

#[test]
fn hands_everything_over_under_the_keys_of_the_serving() {
    use base64::Engine;
    let all = archive().transfer();
    let keys: Vec<&String> = all.keys().collect();
    assert_eq!(
        keys,
        [
            "data_transform_0.train:DataTransformMeta",
            "data_transform_0.train:DataTransformParam",
            "union_0.train:UnionModel",
            "hetero_lr_0.train:HeteroLogisticRegressionMeta",
            "hetero_lr_0.train:HeteroLogisticRegressionParam",
            "pipeline.pipeline:Pipeline",
        ]
    );
    let bytes = |key: &str| {
        base64::prelude::BASE64_STANDARD
            .decode(all[key].as_str().expect("text"))
            .expect("base64")
    };
    assert_eq!(bytes("union_0.train:UnionModel"), b"what was joined");
    let param = bytes("data_transform_0.train:DataTransformParam");
    let param = DataTransformParam::decode(param.as_slice()).expect("a message");
    assert_eq!(param.sid_name, "id");
    let pipeline =
        Pipeline::decode(bytes("pipeline.pipeline:Pipeline").as_slice()).expect("a message");
    assert_eq!(
        (
            pipeline.initiator_role.as_str(),
            pipeline.initiator_party_id,
            pipeline.parent
        ),
        ("guest", 9999, true)
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&pipeline.roles).expect("JSON")["host"],
        json!([10000])
    );
    assert_eq!(pipeline.model_version, "202611270000000000000");
}

#[test]
fn refuses_what_was_changed_added_or_taken_out() {
    assert!(changed(|_| ()).is_ok());
    let set = |name: &'static str, content: &'static [u8]| {
        move |all: &mut Vec<(String, Vec<u8>)>| {
            all.iter_mut()
                .filter(|(known, _)| known == name)
                .for_each(|(_, old)| *old = content.to_vec())
        }
    };
    assert!(matches!(
        changed(set("fedflow/models/hetero_lr_0/content", b"Weights")),
        Err(ArchiveError::Changed { .. })
    ));
    assert!(matches!(
        changed(set("fedflow/models/hetero_lr_0/content", b"")),
        Err(ArchiveError::Changed { .. })
    ));
    assert!(matches!(
        changed(set("import_model.json", b"{}")),
        Err(ArchiveError::Changed { .. })
    ));
    assert!(matches!(
        changed(set("manifest.json", b"{}")),
        Err(ArchiveError::Senseless { .. })
    ));
    assert!(matches!(
        changed(|all| drop(all.pop())),
        Err(ArchiveError::Changed { .. })
    ));
    assert!(changed(|all| drop(all.remove(0))).is_err(), "no manifest");
    let added = changed(|all| all.push(("checkpoint/x".to_owned(), b"1".to_vec())));
    assert!(matches!(added, Err(ArchiveError::Changed { .. })));
}

#[test]
fn refuses_a_layout_of_a_newer_version() {
    let newer = changed(|all| {
        let mut manifest: Value =
            serde_json::from_slice(&all[0].1).expect("the manifest comes first");
        manifest["version"] = json!(2);
        all[0].1 = manifest.to_string().into_bytes();
    });
    assert!(
        matches!(newer, Err(ArchiveError::Senseless { what: "format", .. })),
        "{newer:?}"
    );
}

#[test]
fn refuses_names_that_climb_and_members_that_come_twice() {
    for name in [
        "../x",
        "/etc/passwd",
        "a/../../b",
        "a\\b",
        "c:x",
        "./a",
        "a//b",
        &"n".repeat(600),
    ] {
        let bytes = zipped([(name, b"x".as_slice())]);
        assert!(
            matches!(
                read(&bytes),
                Err(ArchiveError::Excessive(_) | ArchiveError::Unreadable(_))
            ),
            "{name}"
        );
    }
    let mut twice = zipped([("aa", b"x".as_slice()), ("ab", b"y".as_slice())]);
    let places: Vec<usize> = twice
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| *pair == b"ab")
        .map(|(at, _)| at)
        .collect();
    assert_eq!(places.len(), 2, "its own head and the table");
    places.into_iter().for_each(|at| twice[at + 1] = b'a');
    let error = read(&twice).expect_err("refused").to_string();
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn refuses_what_unpacks_to_far_more_than_it_is() {
    let bomb = vec![0_u8; 32 << 20];
    let bytes = zipped([("manifest.json", bomb.as_slice())]);
    assert!(bytes.len() < 1 << 20);
    let error = read(&bytes).expect_err("refused").to_string();
    assert!(error.contains("200 times"), "{error}");
    // the same with a table that lies about the size
    let mut lying = zipped([("manifest.json", bomb.as_slice())]);
    let stated = (32_u32 << 20).to_le_bytes();
    let places: Vec<usize> = lying
        .windows(4)
        .enumerate()
        .filter(|(_, four)| *four == stated)
        .map(|(at, _)| at)
        .collect();
    for at in places {
        lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    }
    assert!(read(&lying).is_err());
}

#[test]
fn is_for_other_parties_after_a_migration() {
    let to = Migration {
        roles: json!({"guest": [99], "host": [100], "arbiter": [101]})
            .as_object()
            .cloned()
            .expect("roles"),
        initiator: Participant::new(Role::Guest, PartyId::new("99").expect("valid")),
        model_id: "arbiter-101#guest-99#host-100#model".to_owned(),
        model_version: "7".to_owned(),
    };
    let moved = archive().migrated(&to).expect("moved");
    assert_eq!(
        moved.subject.file_name(),
        "guest#99#arbiter-101#guest-99#host-100#model_7.zip"
    );
    let conf = &moved.documents["train_runtime_conf"];
    assert_eq!(
        (&conf["role"]["host"], &conf["initiator"]["party_id"]),
        (&json!([100]), &json!(99))
    );
    assert_eq!(conf["job_parameters"]["common"]["model_version"], "7");
    assert_eq!(
        conf["component_parameters"],
        archive().documents["train_runtime_conf"]["component_parameters"]
    );
    assert_eq!(moved.models, archive().models);
    assert_eq!(
        read(&moved.to_bytes().expect("written")).expect("read"),
        moved
    );
    for roles in [
        json!({"guest": [99]}),
        json!({"guest": [99, 98], "host": [100], "arbiter": [101]}),
    ] {
        let odd = Migration {
            roles: roles.as_object().cloned().expect("roles"),
            ..to.clone()
        };
        let error = archive().migrated(&odd).expect_err("refused").to_string();
        assert!(error.starts_with("The structure of roles data"), "{error}");
    }
}

proptest! {
    #[test]
    fn takes_any_bytes_without_failing(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn takes_no_archive_with_a_wrong_byte(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut bytes = archive().to_bytes().expect("written");
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        // a byte that nothing depends on (times, flags of the system) may differ, the content may not
        if let Ok(read) = read(&bytes) {
            prop_assert_eq!(read, archive());
        }
    }

    #[test]
    fn takes_no_archive_that_ends_early(at in any::<prop::sample::Index>()) {
        let bytes = archive().to_bytes().expect("written");
        prop_assert!(read(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn brings_back_any_content(content in proptest::collection::vec(any::<u8>(), 0..5000), alias in "\\PC{0,20}") {
        let mut archive = archive();
        archive.models[0].content = content;
        archive.models[0].alias = alias;
        prop_assert_eq!(read(&archive.to_bytes().expect("written")).expect("read"), archive);
    }
}
