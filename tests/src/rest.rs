//! A small REST client that speaks to REST endpoints as curl would.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// The longest that one answer or one job may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A REST endpoint.
#[derive(Clone)]
pub struct RestClient {
    /// Its URL.
    pub base: String,
    token: Option<String>,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl RestClient {
    /// The REST endpoint at a URL.
    pub fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            token: None,
            http: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// The same REST endpoint, for the holder of a bearer token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Sends a request; gives status and body.
    pub async fn send(
        &self,
        method: Method,
        target: &str,
        content: &str,
        body: impl Into<Bytes>,
    ) -> Result<(u16, Bytes), String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.base))
            .header("content-type", content);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let answered = tokio::time::timeout(PATIENCE, self.http.request(request)).await;
        let response = answered
            .map_err(|_| "no answer".to_owned())?
            .map_err(|error| format!("{error:?}"))?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }

    /// Posts JSON; gives the whole reply.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let sent = self
            .send(Method::POST, path, "application/json", body.to_string())
            .await;
        let (status, bytes) = sent.unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            panic!(
                "{path} answered {status}: {}",
                String::from_utf8_lossy(&bytes)
            )
        })
    }

    /// Posts JSON and fails the test unless the reply is a success; gives its data.
    pub async fn data(&self, path: &str, body: &Value) -> Value {
        let reply = self.post(path, body).await;
        assert_eq!(reply["retcode"], 0, "{path}: {reply}");
        reply["data"].clone()
    }

    /// Uploads text as FATE's clients do, the configuration as the whole query; gives the reply.
    pub async fn upload(&self, config: &Value, text: &str) -> Value {
        self.upload_file(config, text.as_bytes()).await
    }

    /// Uploads a file of any bytes in the same way.
    pub async fn upload_file(&self, config: &Value, content: &[u8]) -> Value {
        let edge = "edge-5f3a";
        let head = format!(
            "--{edge}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"t.csv\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        let body = [
            head.as_bytes(),
            content,
            format!("\r\n--{edge}--\r\n").as_bytes(),
        ]
        .concat();
        let quoted: String =
            config
                .to_string()
                .bytes()
                .fold(String::new(), |text, byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b':' | b',' => {
                        text + &char::from(byte).to_string()
                    }
                    _ => text + &format!("%{byte:02X}"),
                });
        let target = format!("/v1/data/upload?{quoted}");
        let sent = self
            .send(
                Method::POST,
                &target,
                &format!("multipart/form-data; boundary={edge}"),
                body,
            )
            .await;
        let (_, bytes) = sent.expect("the upload is answered");
        serde_json::from_slice(&bytes).expect("the upload's answer is JSON")
    }

    /// Loads a table at a party and waits until it stands.
    pub async fn load(&self, party: &str, name: &str, text: &str) {
        let config = json!({
            "file": "t.csv", "namespace": "experiment", "table_name": name, "head": 1, "partition": 4, "id_delimiter": ",",
            "drop": 1, "verbose": 0, "party_id": party,
        });
        let reply = self.upload(&config, text).await;
        assert_eq!(reply["retcode"], 0, "{reply}");
        let job = reply["jobId"].as_str().expect("a job id").to_owned();
        assert_eq!(
            self.ended(&job).await["f_status"],
            "success",
            "upload of {name}"
        );
    }

    /// Submits a job; gives the whole reply.
    pub async fn submit(&self, dsl: &Value, conf: &Value) -> Value {
        self.post(
            "/v1/job/submit",
            &json!({"job_dsl": dsl, "job_runtime_conf": conf}),
        )
        .await
    }

    /// Submits a job that must be taken in; gives its id. One that a party refuses at once was taken in, too, and has a row.
    pub async fn submitted(&self, dsl: &Value, conf: &Value) -> String {
        let reply = self.submit(dsl, conf).await;
        let job = reply["jobId"].as_str().unwrap_or_default().to_owned();
        let taken = reply["retcode"] == 0 || self.job(&job).await["f_status"] == "failed";
        assert!(taken && !job.is_empty(), "{reply}");
        job
    }

    /// The initiator's row of a job; null while the REST endpoint does not answer.
    pub async fn job(&self, job: &str) -> Value {
        let sent = self
            .send(
                Method::POST,
                "/v1/job/query",
                "application/json",
                json!({"job_id": job}).to_string(),
            )
            .await;
        let Ok((_, bytes)) = sent else {
            return Value::Null;
        };
        let reply: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let rows = reply["data"].as_array().cloned().unwrap_or_default();
        rows.iter()
            .find(|row| row["f_is_initiator"] == true)
            .or(rows.first())
            .cloned()
            .unwrap_or_default()
    }

    /// Waits for the end of a job, over restarts of the daemons; gives its row.
    pub async fn ended(&self, job: &str) -> Value {
        self.until(job, |row| {
            ["success", "failed", "canceled", "timeout"]
                .contains(&row["f_status"].as_str().unwrap_or_default())
        })
        .await
    }

    /// Waits until a job's row is as wished.
    pub async fn until(&self, job: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let row = self.job(job).await;
            if wished(&row) {
                return row;
            }
            assert!(began.elapsed() < PATIENCE, "job {job} is still {row}");
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// A job that must succeed.
    pub async fn succeeded(&self, job: &str) {
        let row = self.ended(job).await;
        if row["f_status"] != "success" {
            let tasks = self
                .post("/v1/job/task/query", &json!({"job_id": job}))
                .await;
            let reports: Vec<&str> = tasks["data"]
                .as_array()
                .map(|tasks| {
                    tasks
                        .iter()
                        .filter_map(|task| task["f_error_report"].as_str())
                        .filter(|text| !text.is_empty())
                        .collect()
                })
                .unwrap_or_default();
            panic!("job {job} ended as {}: {reports:?}", row["f_status"]);
        }
    }

    /// A named value among the scalars of the evaluation.
    pub async fn figure(&self, job: &str, guest: &str, learner: &str, name: &str) -> f64 {
        let of = json!({"job_id": job, "component_name": "evaluation_0", "role": "guest", "party_id": guest});
        let metrics = self.data("/v1/tracking/component/metric/all", &of).await;
        let pairs = metrics["train"][learner]["data"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let pair = pairs
            .iter()
            .find(|pair| pair[0] == name)
            .unwrap_or_else(|| panic!("no {name} in {metrics}"));
        pair[1].as_f64().expect("a number")
    }
}
