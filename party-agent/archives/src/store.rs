//! Where archives are kept outside of the agent: a folder, or a bucket that speaks S3.

mod connection;
mod credentials;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, RetryConfig};
use serde::{Deserialize, Serialize};

use crate::{ArchiveError, LARGEST_ARCHIVE, Subject};
use connection::RingConnector;

/// How often a request is repeated, and for how long in all.
const RETRIES: usize = 4;
const RETRY_SECONDS: u64 = 30;

/// Where archives are kept. No secret stands here: credentials come from the environment (`AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`) or from a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelStoreSettings {
    /// `file:///folder` or `s3://bucket/prefix`. No default.
    pub url: String,
    /// Address of an S3-compatible server, `https://host:port`. Default none: the region's own. `http://` goes in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Region of the bucket. Default `us-east-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// A file with `aws_access_key_id = …` and `aws_secret_access_key = …` lines (section `default`). Default none: the
    /// environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
}

/// The place itself. Cheap to clone.
#[derive(Clone)]
pub struct ModelStore {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The address as the settings give it.
    url: String,
}

impl ModelStore {
    /// Opens the place. Nothing is asked of it yet, but a folder is made.
    pub fn open(settings: &ModelStoreSettings) -> Result<Self, ArchiveError> {
        Self::open_with(settings, |name| std::env::var(name).ok())
    }

    fn open_with(
        settings: &ModelStoreSettings,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ArchiveError> {
        let wrong = |detail: String| ArchiveError::Settings(detail);
        let url = settings.url.trim_end_matches('/').to_owned();
        if let Some(folder) = url.strip_prefix("file://") {
            if !folder.starts_with('/') {
                return Err(wrong(format!(
                    "{url:?} names no absolute folder (file:///folder)"
                )));
            }
            let made = std::fs::create_dir_all(folder)
                .map_err(|error| wrong(format!("{folder}: {error}")));
            let store = made.and_then(|()| {
                LocalFileSystem::new_with_prefix(folder).map_err(|error| wrong(error.to_string()))
            })?;
            return Ok(Self {
                // Kept means kept: an archive that was acknowledged must survive a loss of power.
                store: Arc::new(store.with_fsync(true)),
                prefix: Path::default(),
                url,
            });
        }
        let Some(rest) = url.strip_prefix("s3://") else {
            return Err(wrong(format!(
                "{url:?} is neither file:///folder nor s3://bucket/prefix"
            )));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong(format!("{url:?} names no bucket")));
        }
        let prefix = Path::parse(prefix).map_err(|error| wrong(error.to_string()))?;
        let keys = credentials::find(settings.credentials.as_deref(), environment)?;
        let retry = RetryConfig {
            max_retries: RETRIES,
            retry_timeout: Duration::from_secs(RETRY_SECONDS),
            ..RetryConfig::default()
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(settings.region.as_deref().unwrap_or("us-east-1"))
            .with_access_key_id(keys.id)
            .with_secret_access_key(keys.secret.as_str())
            .with_retry(retry)
            // The crate's own would bring a second TLS stack into the program (decision 20).
            .with_http_connector(RingConnector);
        if let Some(token) = &keys.token {
            builder = builder.with_token(token.as_str());
        }
        if let Some(endpoint) = &settings.endpoint {
            builder = builder
                .with_endpoint(endpoint)
                // In clear only where the settings say so by the address itself.
                .with_allow_http(endpoint.starts_with("http://"));
        }
        let store = builder.build().map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            store: Arc::new(store),
            prefix,
            url,
        })
    }

    /// The address as the settings give it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Keeps an archive; one that is there already is replaced only by force. Gives where it is now.
    pub async fn keep(
        &self,
        subject: &Subject,
        archive: Bytes,
        force: bool,
    ) -> Result<String, ArchiveError> {
        let at = self.place_of(subject);
        // The store decides, not a query before it: two writers at once cannot both find the place
        // empty.
        let mode = if force {
            PutMode::Overwrite
        } else {
            PutMode::Create
        };
        let kept = self.store.put_opts(&at, archive.into(), mode.into()).await;
        match kept {
            Ok(_) => Ok(format!(
                "{}/{}",
                self.url,
                at.as_ref()
                    .trim_start_matches(self.prefix.as_ref())
                    .trim_start_matches('/')
            )),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => Err(ArchiveError::Exists(name_of(subject))),
            Err(error) => Err(failed(&error)),
        }
    }

    /// An archive that was kept.
    pub async fn fetch(&self, subject: &Subject) -> Result<Bytes, ArchiveError> {
        let missing = |error: object_store::Error| match error {
            object_store::Error::NotFound { .. } => ArchiveError::Missing(name_of(subject)),
            error => failed(&error),
        };
        let found = self
            .store
            .get(&self.place_of(subject))
            .await
            .map_err(missing)?;
        // Before the body is read: the store may hold what others put there.
        if found.meta.size > LARGEST_ARCHIVE {
            return Err(ArchiveError::Excessive(format!(
                "{} bytes are more than {LARGEST_ARCHIVE}",
                found.meta.size
            )));
        }
        found.bytes().await.map_err(|error| failed(&error))
    }

    /// Parts are encoded by the path's own rules, so a name cannot leave the prefix.
    fn place_of(&self, subject: &Subject) -> Path {
        let below = self.prefix.clone();
        below
            .join(subject.party_model_id())
            .join(format!("{}.zip", subject.model_version))
    }
}

fn name_of(subject: &Subject) -> String {
    format!(
        "model {} {}",
        subject.party_model_id(),
        subject.model_version
    )
}

/// The innermost causes say what happened; the outer ones repeat the address.
fn failed(error: &object_store::Error) -> ArchiveError {
    let mut texts = vec![error.to_string()];
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        cause = inner.source();
    }
    ArchiveError::Store(texts.join(": "))
}

#[cfg(test)]
mod tests;
