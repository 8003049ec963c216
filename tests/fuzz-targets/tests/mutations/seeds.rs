//! The corpus: files in `seeds/`, one folder for each target. `FEDFLOW_FUZZ_SEEDS=write` writes those that
//! programs of ours make (with new keys); the others are written by hand, or were findings.

use std::path::Path;

use archives::{Archive, ArchivedModel, Subject};
use crypto::Random;
use crypto::curve::BlindingKey;
use pki::{Authority, IssueOptions, Kind, Profile, Validity};
use serde_json::json;
use vocabulary::{PartyId, Role, StepName};

use fuzz_targets::certificates::{CONTEXT, FEDERATION, NOW, PARTY};

/// The seeds of a target by the names of their files.
pub(crate) fn corpus(folder: &Path, name: &str) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder.join(name))
        .expect("a folder of seeds")
        .flatten()
        .map(|file| {
            let bytes = std::fs::read(file.path()).expect("a seed");
            (file.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    found.sort();
    found
}

fn write(target: &str, name: &str, way: &[u8], bytes: &[u8]) {
    let folder = Path::new("seeds").join(target);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), [way, bytes].concat()).expect("written");
}

/// The recorded messages of the link.
fn frames() {
    let ways = [
        ("hello", 0),
        ("welcome", 1),
        ("to_agent", 2),
        ("to_coordinator", 3),
        ("reply", 4),
        ("mail_head", 5),
    ];
    let recorded = std::fs::read_dir("../../common/wire/golden/v1").expect("recorded messages");
    for file in recorded.flatten() {
        let text = std::fs::read_to_string(file.path()).expect("a recorded message");
        let digits: String = text.split_whitespace().collect();
        let bytes = vocabulary::unhex(&digits).expect("hex");
        let name = file.file_name().to_string_lossy().replace(".hex", "");
        let way = ways
            .iter()
            .find(|(start, _)| name.starts_with(start))
            .expect("a way")
            .1;
        write("frames", &name, &[way], &bytes);
    }
    write(
        "frames",
        "stream",
        &[13],
        b"\0\0\0\x01\xc0\0\0\0\x03abc\0\x10\0\0",
    );
}

fn messages() {
    let announced = json!({"rows": 5, "columns": ["x0", "x1"], "scale": null, "weights": {"a": [0.5, -1.0]},
        "kind": {"named": {"name": "n", "of": {"labels": [1, -1]}}}});
    let bytes = rmp_serde::to_vec_named(&announced).expect("written");
    write("messages", "announced", &[0], &bytes);
    write("messages", "value", &[1], &bytes);
    write("messages", "numbers", &[3], &1.5_f64.to_le_bytes());
    write("messages", "points", &[7], &[9; 64]);
}

fn jobs() {
    let read = |name: &str| {
        std::fs::read_to_string(Path::new("../../examples").join(name)).expect("an example")
    };
    let text = format!(
        "{}\n---\n{}",
        read("first-job/dsl.json"),
        read("first-job/conf.json")
    );
    write("jobs", "first-job", &[], text.as_bytes());
}

fn ciphertexts() {
    let key = BlindingKey::generate(&mut Random::seeded(3));
    let points = key.blind_ids(&["a", "b"], b"fuzz").concat();
    write("ciphertexts", "points", &[3], &points);
    write("ciphertexts", "key", &[0], b"\x01\x02\x03\x04\x05\x06\x07");
    write("ciphertexts", "vector", &[1, 4], b"\x11\x22\x33\x44\x55");
    write(
        "ciphertexts",
        "sums",
        &[2, 7, 1],
        b"\x02\0\0\0\x03\x10\x20\x30",
    );
    write("ciphertexts", "sealed", &[4], &[4; 81]);
}

fn archive() {
    let archive = Archive {
        subject: Subject {
            model_id: "guest-9999#model".to_owned(),
            model_version: "202601010000000000010".to_owned(),
            role: Role::Guest,
            party_id: PartyId::new(PARTY).expect("a party"),
        },
        documents:
            json!({"train_runtime_conf": {}, "initiator": {"role": "guest", "party_id": PARTY}})
                .as_object()
                .cloned()
                .expect("an object"),
        models: vec![ArchivedModel {
            step: StepName::new("hetero_lr_0").expect("a name"),
            alias: "model".to_owned(),
            module: "HeteroLR".to_owned(),
            component: "hetero_lr".to_owned(),
            component_version: 1,
            parameters: json!({"max_iter": 3}),
            content: b"content".to_vec(),
            view: json!(null),
            checkpoints: vec![],
        }],
    };
    write(
        "archives",
        "model",
        &[0],
        &archive.to_bytes().expect("written"),
    );
    write("archives", "members", &[1], b"manifest.json:\n{\"format\":\"fedflow model\",\"version\":1,\"models\":[]}\n\nmodel.json:\n{}");
}

/// A federation whose keys are forgotten at once.
fn certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let clock = std::sync::Arc::new(vocabulary::ManualClock::at(NOW));
    let authority = Authority::init(&at("authority"), FEDERATION, &Profile::default());
    let mut authority = authority.expect("an authority").with_clock(clock);
    let party = PartyId::new(PARTY).expect("a party");
    let options = IssueOptions {
        validity: Some(Validity::days_from(NOW.plus_millis(-86_400_000), 30)),
        ..IssueOptions::default()
    };
    authority
        .issue(&party, Kind::Agent, &at("9999"), &options)
        .expect("issued");
    std::fs::copy(at("9999").join("root.pem"), "src/root.pem").expect("copied");
    let identity = pki::Identity::load(&at("9999")).expect("an identity");
    write(
        "certificates",
        "leaf",
        &[0],
        identity.chain().first().expect("a leaf"),
    );
    let pem = std::fs::read(at("9999").join("identity.pem")).expect("a certificate");
    write("certificates", "file", &[1], &pem);
    let other = Authority::init(&at("other"), "other", &Profile::default()).expect("an authority");
    write(
        "certificates",
        "foreign_list",
        &[2],
        other.revocations_pem().expect("a list").as_bytes(),
    );
    let signed = identity.sign(CONTEXT, b"signed").expect("signed");
    write(
        "certificates",
        "signed",
        &[3],
        &rmp_serde::to_vec_named(&signed).expect("written"),
    );
    let key = pki::public_key_pem(&identity.public_key_sec1());
    write("certificates", "key", &[4], key.as_bytes());
    let request = pki::request(&party, Kind::Agent, &at("request"), pki::Existing::Refuse);
    write(
        "certificates",
        "request",
        &[5],
        request.expect("a request").as_bytes(),
    );
}

#[test]
fn writes_the_seeds_that_programs_make_when_it_is_told_to() {
    if std::env::var_os("FEDFLOW_FUZZ_SEEDS").is_some_and(|told| told == "write") {
        frames();
        messages();
        jobs();
        ciphertexts();
        archive();
        certificates();
    }
    let bytes: usize = fuzz_targets::TARGETS
        .iter()
        .flat_map(|target| corpus(Path::new("seeds"), target.name))
        .map(|(_, seed)| seed.len())
        .sum();
    assert!(
        bytes < 256 << 10,
        "the corpus has {bytes} bytes: keep the smallest inputs"
    );
}
