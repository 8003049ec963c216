//! The request of `data/upload` in its forms: a file with its configuration in the query, in pairs or in form fields,
//! or a JSON body that names a file where the server is.

use axum::extract::Request;
use futures_util::{StreamExt, TryStreamExt};
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::fate_reply::Failure;
use crate::lenient::{drain, read_json, whole_body};
use crate::proxy::BodyStream;

mod config;

pub use config::{OF_JOB, read_config};
pub use vocabulary::{Existing, UploadConfig};

/// Most bytes of one form field beside the file.
const MOST_FIELD_BYTES: usize = 1 << 20;
/// The answer when the table is there and nobody asked to drop it.
pub const TABLE_EXISTS: &str = "The data table already exists.If you still want to continue uploading, please add the parameter --drop";

/// An upload as it was asked for.
pub struct UploadRequest {
    /// What to make of the file.
    pub config: UploadConfig,
    /// The file, when it came with the request; otherwise the configuration says where it is.
    pub file: Option<SentFile>,
}

/// A file that came with a request.
pub struct SentFile {
    /// Its name, without folders.
    pub name: String,
    /// Its content, still arriving.
    pub content: BodyStream,
}

impl UploadRequest {
    /// Reads the request up to the first byte of the file. Fails with the texts of FATE.
    pub async fn read(request: Request) -> Result<Self, Failure> {
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let boundary = content_type.and_then(|text| multer::parse_boundary(text).ok());
        let query = request.uri().query().unwrap_or_default().to_owned();
        match boundary {
            Some(boundary) => Self::from_form(request, boundary, &query).await,
            None => Self::from_json(request, &query).await,
        }
    }

    async fn from_form(request: Request, boundary: String, query: &str) -> Result<Self, Failure> {
        let torn = |_| Failure::http(400, Some("the form is not well formed"));
        let mut form = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
        let mut fields = read_query(query);
        let from_query = !fields.is_empty();
        while let Some(mut field) = form.next_field().await.map_err(torn)? {
            let name = field.name().unwrap_or_default().to_owned();
            let Some(file_name) = field.file_name().map(base_name) else {
                let mut text = Vec::new();
                while let Some(piece) = field.chunk().await.map_err(torn)? {
                    if text.len() + piece.len() > MOST_FIELD_BYTES {
                        return Err(Failure::http(413, None));
                    }
                    text.extend_from_slice(&piece);
                }
                // an explicit query is the whole configuration; form fields speak only in its absence
                if !from_query {
                    fields.insert(
                        name,
                        Value::String(String::from_utf8_lossy(&text).into_owned()),
                    );
                }
                continue;
            };
            if name != "file" {
                continue;
            }
            fields.insert("file".into(), Value::String(file_name.clone()));
            let content = field.map_err(std::io::Error::other).boxed();
            let config = match read_config(fields) {
                Ok(config) => config,
                Err(failure) => {
                    // The sender is in the middle of its file and reads no answer before its end.
                    drain(content).await;
                    return Err(failure);
                }
            };
            return Ok(Self {
                config,
                file: Some(SentFile {
                    name: file_name,
                    content,
                }),
            });
        }
        Err(Failure::file_missing())
    }

    async fn from_json(request: Request, query: &str) -> Result<Self, Failure> {
        let body = whole_body(request.into_body()).await?;
        let fields = match read_json(&body) {
            Value::Object(fields) => fields,
            _ => read_query(query),
        };
        if fields.is_empty() {
            return Err(Failure::no_parameters());
        }
        let on_server = fields
            .get("use_local_data")
            .is_some_and(|flag| flag == 0 || flag == "0" || flag == false);
        if !on_server && !fields.contains_key("staged") {
            return Err(Failure::file_missing());
        }
        Ok(Self {
            config: read_config(fields)?,
            file: None,
        })
    }
}

/// The configuration in a query: one percent-encoded JSON object, or else pairs whose values are texts.
///
/// The object may hold `&`, `=` and `+` as they are, so it is tried before anything is split.
pub fn read_query(query: &str) -> Map<String, Value> {
    let decoded = percent_decode_str(query).decode_utf8_lossy();
    if let Ok(Value::Object(object)) = serde_json::from_str(decoded.trim()) {
        return object;
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form_text(key), Value::String(form_text(value)))
        })
        .collect()
}

fn form_text(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

fn base_name(path: &str) -> String {
    path.rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const FORM: &str = "--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"d/g.csv\"\r\n\r\nid,y\r\n1,0\r\n--X--\r\n";

    fn form(query: &str, body: &str) -> Request {
        Request::builder()
            .method("POST")
            .uri(format!("/v1/data/upload?{query}"))
            .header("content-type", "multipart/form-data; boundary=X")
            .body(Body::from(body.to_owned()))
            .expect("request")
    }

    fn document(body: Value) -> Request {
        Request::builder()
            .method("POST")
            .uri("/v1/data/upload")
            .body(Body::from(body.to_string()))
            .expect("request")
    }

    async fn failure(request: Request) -> String {
        UploadRequest::read(request)
            .await
            .err()
            .expect("refused")
            .0
            .retmsg
    }

    #[tokio::test]
    async fn reads_one_json_object_as_the_whole_query() {
        let query = "%7B%22file%22:%20%22/data/g.csv%22,%20%22head%22:%201,%20%22partition%22:%204,%20%22namespace%22:%20%22a&b=c+d%22,%20%22table_name%22:%20%22t%22,%20%22drop%22:%200,%20%22verbose%22:%201%7D";
        let upload = UploadRequest::read(form(query, FORM)).await.expect("read");
        assert_eq!(upload.config.namespace, "a&b=c+d");
        assert_eq!((upload.config.head, upload.config.partition), (1, 4));
        assert_eq!(upload.config.existing, Existing::Refuse);
        let file = upload.file.expect("sent");
        assert_eq!(file.name, "g.csv");
        let content: Vec<_> = file.content.try_collect().await.expect("whole");
        assert_eq!(content.concat(), b"id,y\r\n1,0");
    }

    #[tokio::test]
    async fn reads_pairs_and_form_fields_of_older_clients() {
        let pairs = "namespace=experiment&table_name=t+1&head=1&partition=4&work_mode=1&drop=0";
        let upload = UploadRequest::read(form(pairs, FORM)).await.expect("read");
        assert_eq!(upload.config.table_name, "t 1");
        assert_eq!(upload.config.existing, Existing::Append);

        let mut body = String::new();
        for (name, value) in [
            ("namespace", "n"),
            ("table_name", "t"),
            ("head", "0"),
            ("partition", "1"),
            ("drop", "1"),
        ] {
            body += &format!(
                "--X\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        let upload = UploadRequest::read(form("", &(body + FORM)))
            .await
            .expect("read");
        assert_eq!(
            (upload.config.namespace.as_str(), upload.config.head),
            ("n", 0)
        );
        assert_eq!(upload.config.existing, Existing::Replace);
    }

    #[tokio::test]
    async fn reads_a_document_that_names_a_file_at_the_server() {
        let body = json!({"use_local_data": 0, "file": "a.csv", "namespace": "n", "table_name": "t", "head": true, "partition": "4"});
        let upload = UploadRequest::read(document(body)).await.expect("read");
        assert!(upload.file.is_none());
        assert_eq!(
            (
                upload.config.head,
                upload.config.partition,
                upload.config.file.as_str()
            ),
            (1, 4, "a.csv")
        );
    }

    #[tokio::test]
    async fn names_what_is_missing_in_the_words_of_fate() {
        let without_head = json!({"use_local_data": 0, "file": "a", "namespace": "n", "table_name": "t", "partition": 4});
        assert_eq!(
            failure(document(without_head)).await,
            "KeyError('required parameters are missing: head; ')"
        );
        assert_eq!(
            failure(document(json!({"namespace": "n"}))).await,
            "<BadRequestKeyError '400: Bad Request'>"
        );
        assert_eq!(
            failure(document(json!(null))).await,
            "TypeError('no parameters')"
        );
        assert_eq!(
            failure(form("a=b", "--X--\r\n")).await,
            "<BadRequestKeyError '400: Bad Request'>"
        );
        let text = failure(form("head=1", FORM)).await;
        assert_eq!(
            text,
            "KeyError('required parameters are missing: namespace,table_name,partition; ')"
        );
        let text = failure(form("head=x&namespace=n&table_name=t&partition=1", FORM)).await;
        assert_eq!(
            text,
            "ValueError(\"invalid literal for int() with base 10: 'x'\")"
        );
    }

    proptest! {
        #[test]
        fn reads_back_any_configuration_in_a_query(name in "\\PC{1,20}", head in 0..2i64) {
            let object = json!({"namespace": name, "head": head});
            let text = object.to_string();
            let query = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
            prop_assert_eq!(Value::Object(read_query(&query)), object);
        }

        #[test]
        fn takes_any_query_without_failing(query in "\\PC{0,80}") {
            let _ = read_query(&query);
        }
    }
}
