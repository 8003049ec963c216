//! A form with texts and one file, in any order: what stands before the file is known when the file begins to stream; a file
//! that comes first is held in memory, within a bound, until the texts are there.

use axum::extract::Request;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::fate_reply::Failure;
use crate::lenient::{read_json, whole_body};
use crate::proxy::{BodyStream, whole};

/// Most bytes of one text.
const MOST_TEXT: usize = 1 << 20;
/// Most texts.
const MOST_TEXTS: usize = 1_000;
/// Most bytes of a file that comes before the texts it needs.
const MOST_HELD: usize = 64 << 20;

/// A form as it was sent.
pub struct SentForm {
    /// The texts by name; a name that came twice has its last text.
    pub fields: Map<String, Value>,
    /// The part called `file`, when it came.
    pub file: Option<BodyStream>,
}

impl SentForm {
    /// Reads a form up to the first byte of its file, or to its end when a needed text did not come before the file. A JSON
    /// body is a form without a file. Fails when the form is torn or too large.
    pub async fn read(request: Request, needed: &[&str]) -> Result<Self, Failure> {
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let Some(boundary) = content_type.and_then(|text| multer::parse_boundary(text).ok()) else {
            let fields = match read_json(&whole_body(request.into_body()).await?) {
                Value::Object(fields) => fields,
                _ => Map::new(),
            };
            return Ok(Self { fields, file: None });
        };
        let torn = |_| Failure::http(400, Some("the form is not well formed"));
        let mut form = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
        let (mut fields, mut held) = (Map::new(), None);
        while let Some(field) = form.next_field().await.map_err(torn)? {
            let name = field.name().unwrap_or_default().to_owned();
            if field.file_name().is_some() {
                if name != "file" || held.is_some() {
                    continue;
                }
                // Everything needed is known, so the file streams; what stands behind it is not
                // read.
                if needed.iter().all(|name| fields.contains_key(*name)) {
                    let content = field.map_err(std::io::Error::other).boxed();
                    return Ok(Self {
                        fields,
                        file: Some(content),
                    });
                }
                held = Some(bytes_of(field, MOST_HELD).await?);
            // Further texts are passed over: a form of a million small fields must not become a map
            // of them.
            } else if fields.len() < MOST_TEXTS {
                let text = bytes_of(field, MOST_TEXT).await?;
                fields.insert(
                    name,
                    Value::String(String::from_utf8_lossy(&text).into_owned()),
                );
            }
        }
        Ok(Self {
            fields,
            file: held.map(whole),
        })
    }
}

/// A part's content, at most so many bytes; more is HTTP 413.
async fn bytes_of(mut field: multer::Field<'_>, most: usize) -> Result<Bytes, Failure> {
    let mut content = Vec::new();
    let torn = |_| Failure::http(400, Some("the form is not well formed"));
    while let Some(piece) = field.chunk().await.map_err(torn)? {
        if content.len() + piece.len() > most {
            return Err(Failure::http(413, None));
        }
        content.extend_from_slice(&piece);
    }
    Ok(content.into())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const FILE: &str =
        "--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"m.zip\"\r\n\r\nPK\r\n";

    fn text(name: &str, value: &str) -> String {
        format!("--X\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    async fn read(body: &str) -> Result<SentForm, Failure> {
        let request = Request::builder()
            .method("POST")
            .uri("/v1/model/import")
            .header("content-type", "multipart/form-data; boundary=X")
            .body(Body::from(body.to_owned()))
            .expect("request");
        SentForm::read(request, &["role"]).await
    }

    async fn content(form: SentForm) -> Option<Vec<u8>> {
        Some(
            form.file?
                .try_collect::<Vec<Bytes>>()
                .await
                .expect("whole")
                .concat(),
        )
    }

    #[tokio::test]
    async fn takes_a_name_as_text_and_as_file() {
        let form =
            read(&(text("file", "/tmp/m.zip") + &text("role", "guest") + FILE + "--X--\r\n"))
                .await
                .expect("read");
        assert_eq!(
            (&form.fields["file"], &form.fields["role"]),
            (&Value::from("/tmp/m.zip"), &Value::from("guest"))
        );
        assert_eq!(content(form).await.expect("a file"), b"PK");
    }

    #[tokio::test]
    async fn takes_texts_that_come_after_the_file() {
        let form = read(&(FILE.to_owned() + &text("role", "guest") + "--X--\r\n"))
            .await
            .expect("read");
        assert_eq!(form.fields["role"], "guest");
        assert_eq!(content(form).await.expect("a file"), b"PK");
    }

    #[tokio::test]
    async fn knows_forms_without_a_file_and_torn_ones() {
        let form = read(&(text("role", "guest") + "--X--\r\n"))
            .await
            .expect("read");
        assert!(form.file.is_none() && form.fields.len() == 1);
        assert_eq!(
            read("--X\r\nnonsense")
                .await
                .err()
                .expect("refused")
                .0
                .status,
            400
        );
        let request = Request::builder()
            .method("POST")
            .uri("/")
            .body(Body::from("{\"role\": 1}"))
            .expect("request");
        let form = SentForm::read(request, &[]).await.expect("read");
        assert_eq!(
            (form.fields["role"].as_i64(), form.file.is_none()),
            (Some(1), true)
        );
    }
}
