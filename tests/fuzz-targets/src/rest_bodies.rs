//! Bodies, forms and queries of requests, which anybody may send who reaches a REST endpoint.

use futures_util::StreamExt;
use http::Request;
use rest::lenient::{read_json, segment_of, segment_text};
use rest::upload::{read_config, read_query};
use rest::{LocalJob, SentForm, UploadRequest};
use serde_json::Value;

use crate::{block_on, choose};

const PATHS: [&str; 5] = [
    "/v1/data/upload",
    "/v1/data/download",
    "/v1/data/writer",
    "/v1/model/store",
    "/v1/model/restore",
];

/// Whatever is JSON is read as what it is, but for whole numbers that are too long.
fn json(bytes: &[u8]) {
    let read = read_json(bytes);
    if let Ok(exact) = serde_json::from_slice::<Value>(bytes) {
        assert_eq!(read.is_object(), exact.is_object());
        assert_eq!(read.is_null(), exact.is_null());
    }
    let written = serde_json::to_vec(&read).expect("written");
    assert_eq!(
        read_json(&written),
        read,
        "what was read differs from what is read of it"
    );
}

/// A request for a job of one step: its document is made, or FATE's words say what is missing.
fn local_job(way: u8, bytes: &[u8]) {
    let Value::Object(body) = read_json(bytes) else {
        return;
    };
    let path = PATHS[usize::from(way) % PATHS.len()];
    if let Some(Ok(job)) = LocalJob::asked(path, &body) {
        let (dsl, conf) = job.documents(&[]);
        assert!(dsl.is_object() && conf.is_object());
    }
    if let Ok(config) = read_config(body) {
        let Value::Object(again) = config.as_request() else {
            panic!("a configuration is an object");
        };
        assert_eq!(read_config(again).expect("read"), config);
    }
}

fn query(text: &str) {
    let fields = read_query(text);
    let _ = read_config(fields);
    let segment = segment_of(text);
    assert!(!segment.contains('/'), "a segment holds no slash");
    assert_eq!(segment_text(&segment), text, "a segment comes back");
}

/// A form up to its file, and the file.
fn form(bytes: &[u8]) {
    let request = |bytes: &[u8]| {
        Request::builder()
            .uri("/v1/data/upload?")
            .header("content-type", "multipart/form-data; boundary=x")
            .body(bytes.to_vec().into())
            .expect("a request")
    };
    block_on(async {
        if let Ok(mut sent) = SentForm::read(request(bytes), &["name"]).await
            && let Some(file) = &mut sent.file
        {
            let mut got = 0;
            while let Some(Ok(piece)) = file.next().await {
                got += piece.len();
            }
            assert!(got <= bytes.len());
        }
        let _ = UploadRequest::read(request(bytes)).await;
    });
}

/// The target.
pub fn run(bytes: &[u8]) {
    let Some((way, bytes)) = choose(bytes, 8) else {
        return;
    };
    match way {
        0 => json(bytes),
        1 => query(&String::from_utf8_lossy(bytes)),
        2 => form(bytes),
        way => local_job(way, bytes),
    }
}
