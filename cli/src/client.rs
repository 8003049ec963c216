//! Talks to a REST endpoint over its REST API, as any other client would.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use vocabulary::{ErrorCode, Fault};

use crate::access::Credential;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest answer that is looked at for a refusal; refusals are short.
const LONGEST_REFUSAL: usize = 4096;

/// How an answer of lines says that it is one.
const LINES: &str = "application/x-ndjson";
/// The longest line.
const LONGEST_LINE: usize = 2 << 20;

/// A client of one REST endpoint.
#[derive(Clone)]
pub(crate) struct Client {
    base: String,
    credential: Credential,
    http: HyperClient<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of the REST endpoint at this URL (`http://127.0.0.1:9380`), which shows a credential there.
    pub(crate) fn new(base: &str, credential: Credential) -> Self {
        let http = HyperClient::builder(TokioExecutor::new()).build_http();
        Self {
            base: base.trim_end_matches('/').to_owned(),
            credential,
            http,
        }
    }

    /// Asks, and gives the answer while it comes.
    async fn ask(
        &self,
        method: Method,
        target: &str,
        content: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let uri = format!("{}{target}", self.base);
        let mut request = Request::builder()
            .method(method)
            .uri(&uri)
            .header("content-type", content);
        if let Some(token) = self.credential.token() {
            let mut header =
                HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| {
                    Fault::new(
                        ErrorCode::RequestInvalid,
                        "the token holds what no header can",
                    )
                })?;
            // Keeps the token out of what the HTTP client logs of a header.
            header.set_sensitive(true);
            request = request.header("authorization", header);
        }
        let request = request
            .body(Full::new(body))
            .with_context(|| format!("{uri} is not an address"))?;
        let unreachable = |detail: String| {
            Fault::new(
                ErrorCode::AddressUnusable,
                format!("{} does not answer: {detail}", self.base),
            )
            .next("start it (`fedflow up --dir DIR`), or name another REST endpoint with --rest")
        };
        let answered = tokio::time::timeout(PATIENCE, self.http.request(request)).await;
        let response = answered
            .map_err(|_| unreachable(format!("nothing within {} s", PATIENCE.as_secs())))?
            .map_err(|error| unreachable(root_cause(&error)))?;
        Ok(response)
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        content: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes)> {
        self.whole(self.ask(method, target, content, body).await?)
            .await
    }

    /// An answer to its end.
    async fn whole(&self, response: Response<Incoming>) -> Result<(u16, Bytes)> {
        let status = response.status().as_u16();
        let bytes = response
            .into_body()
            .collect()
            .await
            .context("the answer broke off")?
            .to_bytes();
        match self.refusal(&bytes) {
            Some(fault) => Err(fault.into()),
            None => Ok((status, bytes)),
        }
    }

    /// That the REST endpoint wants another credential, or one at all, with what to do about it.
    fn refusal(&self, answer: &[u8]) -> Option<Fault> {
        if answer.len() > LONGEST_REFUSAL {
            return None;
        }
        let mut reply: Value = serde_json::from_slice(answer).ok()?;
        let fault: Fault = serde_json::from_value(reply.get_mut("fault")?.take()).ok()?;
        let message = match self.credential.token() {
            Some(_) => fault.message,
            None => format!("{} asks for a credential, and none was shown", self.base),
        };
        let refused =
            || Fault::new(ErrorCode::CredentialRefused, message).next(self.credential.advice());
        (fault.code == ErrorCode::CredentialRefused).then(refused)
    }

    /// Posts JSON and gives the whole reply.
    pub(crate) async fn post_whole(&self, path: &str, body: &Value) -> Result<Value> {
        let (status, bytes) = self
            .send(
                Method::POST,
                path,
                "application/json",
                body.to_string().into(),
            )
            .await?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{path} answered {status} with something that is not JSON"))
    }

    /// Gets JSON.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let (_, bytes) = self
            .send(Method::GET, path, "application/json", Bytes::new())
            .await?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{path} answered something that is not JSON"))
    }

    /// Gets an answer of lines, and hands each over as it comes: it needs the memory of one line.
    pub(crate) async fn lines(
        &self,
        path: &str,
        mut each: impl FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        let response = self
            .ask(Method::GET, path, "application/json", Bytes::new())
            .await?;
        if response
            .headers()
            .get("content-type")
            .is_none_or(|kind| kind != LINES)
        {
            let (status, bytes) = self.whole(response).await?;
            let reply: Value = serde_json::from_slice(&bytes).with_context(|| {
                format!("{path} answered {status} with something that is not JSON")
            })?;
            succeeded(&reply)?;
            anyhow::bail!("{path} answered {status} without lines");
        }
        let (mut body, mut kept) = (response.into_body(), Vec::new());
        while let Some(frame) = tokio::time::timeout(PATIENCE, body.frame())
            .await
            .context("the answer stands still")?
        {
            let Ok(data) = frame.context("the answer broke off")?.into_data() else {
                continue;
            };
            kept.extend_from_slice(&data);
            let mut began = 0;
            while let Some(end) = kept
                .get(began..)
                .and_then(|rest| rest.iter().position(|byte| *byte == b'\n'))
            {
                let line = std::str::from_utf8(kept.get(began..began + end).unwrap_or_default());
                each(line.context("a line of the answer is not text")?)?;
                began += end + 1;
            }
            kept.drain(..began);
            anyhow::ensure!(
                kept.len() <= LONGEST_LINE,
                "a line of the answer has no end"
            );
        }
        anyhow::ensure!(kept.is_empty(), "the answer ends within a line");
        Ok(())
    }

    /// Posts JSON and gives the reply's data; a reply that is no success becomes an error.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let reply = self.post_whole(path, body).await?;
        succeeded(&reply)?;
        Ok(reply.get("data").cloned().unwrap_or(Value::Null))
    }

    /// Posts JSON and gives the file that comes back; an answer that is none becomes an error.
    pub(crate) async fn file(&self, path: &str, body: &Value) -> Result<Bytes> {
        let (status, bytes) = self
            .send(
                Method::POST,
                path,
                "application/json",
                body.to_string().into(),
            )
            .await?;
        if status == 200 {
            return Ok(bytes);
        }
        let reply: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("{path} answered {status} with something that is not JSON"))?;
        succeeded(&reply)?;
        anyhow::bail!("{path} answered {status} without a file")
    }

    /// Sends texts and a file as a form.
    pub(crate) async fn send_form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        content: &[u8],
    ) -> Result<Value> {
        let boundary = "fedflow-7d1c9a3b5e";
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"model.zip\"\r\n\
             content-type: application/zip\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        let (status, bytes) = self.send(Method::POST, path, &kind, body.into()).await?;
        let reply: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("{path} answered {status} without JSON"))?;
        succeeded(&reply)?;
        Ok(reply.get("data").cloned().unwrap_or(Value::Null))
    }

    /// Uploads a file as FATE's clients do: multipart, the configuration as the whole query.
    pub(crate) async fn upload(&self, file: &Path, config: &Value) -> Result<Value> {
        let content = tokio::fs::read(file).await.map_err(|error| {
            Fault::new(
                ErrorCode::FileUnreadable,
                format!("{} cannot be read: {error}", file.display()),
            )
        })?;
        let boundary = "fedflow-7d1c9a3b5e";
        let name = file.file_name().map_or_else(
            || "table.csv".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let mut body = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(&content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let target = format!("/v1/data/upload?{}", quoted(&config.to_string()));
        let kind = format!("multipart/form-data; boundary={boundary}");
        let (status, bytes) = self.send(Method::POST, &target, &kind, body.into()).await?;
        let reply: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("the upload was answered {status} without JSON"))?;
        succeeded(&reply)?;
        Ok(reply)
    }
}

/// The innermost cause, which is the one that says something.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Turns a reply that is no success into the fault it carries.
pub(crate) fn succeeded(reply: &Value) -> Result<()> {
    if reply.get("retcode").and_then(Value::as_i64) == Some(0) {
        return Ok(());
    }
    if let Some(fault) = reply
        .get("fault")
        .and_then(|fault| serde_json::from_value::<Fault>(fault.clone()).ok())
    {
        return Err(fault.into());
    }
    let text = reply
        .get("retmsg")
        .and_then(Value::as_str)
        .unwrap_or("the REST endpoint gave no reason");
    Err(Fault::new(ErrorCode::RequestInvalid, text.trim()).into())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b':'
            | b','
            | b'/' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("%{byte:02X}")),
        }
    }
    quoted
}

/// One job's row: the initiator's view.
pub(crate) async fn job_row(client: &Client, job: &str) -> Result<Value> {
    let rows = client
        .post("/v1/job/query", &json!({"job_id": job}))
        .await?;
    let rows = rows.as_array().cloned().unwrap_or_default();
    let own = rows
        .iter()
        .find(|row| row.get("f_is_initiator").and_then(Value::as_bool) == Some(true))
        .or(rows.first());
    own.cloned().ok_or_else(|| {
        Fault::new(ErrorCode::JobUnknown, format!("job {job} does not exist"))
            .next("see `fedflow job list`")
            .into()
    })
}

/// A text field of a row.
pub(crate) fn text(row: &Value, field: &str) -> String {
    match row.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
