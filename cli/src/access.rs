//! The credentials of a local federation, `access.json`: `fedflow up` makes the file, clients read it. And which credential a
//! command shows.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use daemon::Secret;
use serde::Deserialize;
use serde_json::json;
use vocabulary::{ErrorCode, Fault};

/// What of a random text goes into the name of a key.
const KEY_DIGITS: usize = 16;

/// What stands in `access.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct AccessFile {
    /// For `Authorization: Bearer`, as the password of a basic credential, or as `X-Auth-Token`.
    pub(crate) token: Secret,
    /// The name under which FATE's clients sign.
    pub(crate) app_key: String,
    /// What they sign with.
    pub(crate) secret: Secret,
}

impl AccessFile {
    /// New ones.
    pub(crate) fn fresh() -> Result<Self> {
        let fresh = rest::access::token::fresh;
        let digits = fresh()?;
        let digits = &digits.expose()[digits.expose().len() - KEY_DIGITS..];
        Ok(Self {
            token: fresh()?,
            app_key: format!("local-{digits}"),
            secret: fresh()?,
        })
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let next =
            "name the file that `fedflow up` says in its ready line as `access`: DIR/access.json";
        let text = std::fs::read_to_string(path).map_err(|error| {
            Fault::new(
                ErrorCode::FileUnreadable,
                format!("{} cannot be read: {error}", path.display()),
            )
            .next(next)
        })?;
        let read = serde_json::from_str(&text).map_err(|error| {
            let text = format!(
                "{} holds no token, app_key and secret: {error}",
                path.display()
            );
            Fault::new(ErrorCode::ConfigInvalid, text).next(next)
        });
        Ok(read?)
    }

    /// The file's content: one field on a line, so that a shell reads it, too.
    pub(crate) fn content(&self) -> String {
        let (token, secret) = (json!(self.token.expose()), json!(self.secret.expose()));
        format!(
            "{{\n  \"token\": {token},\n  \"app_key\": {},\n  \"secret\": {secret}\n}}\n",
            json!(self.app_key)
        )
    }
}

/// Where a command was told its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// Nowhere.
    None,
    /// As a token, by this argument or variable.
    Token(&'static str),
    /// By a file.
    File(PathBuf),
}

/// What a command shows at a REST endpoint, and where that came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    token: Option<Secret>,
    source: Source,
}

/// What a command was told about its credential: by arguments, and by the environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct CredentialOptions {
    /// `--token`.
    pub(crate) token: Option<String>,
    /// `--access`.
    pub(crate) access: Option<PathBuf>,
    /// `FEDFLOW_TOKEN`.
    pub(crate) token_variable: Option<OsString>,
    /// `FEDFLOW_ACCESS`.
    pub(crate) access_variable: Option<OsString>,
}

impl Credential {
    /// None.
    pub(crate) fn none() -> Self {
        Self {
            token: None,
            source: Source::None,
        }
    }

    /// That of a federation which this program runs itself.
    pub(crate) fn of_file(path: &Path, file: &AccessFile) -> Self {
        Self {
            token: Some(file.token.clone()),
            source: Source::File(path.to_owned()),
        }
    }

    /// The one that counts: arguments come before the environment, and a token before a file. What is empty is not there.
    pub(crate) fn chosen(told: CredentialOptions) -> Result<Self> {
        let text = |token: String, source| Self {
            token: Some(Secret::new(token)),
            source: Source::Token(source),
        };
        let file = |path: PathBuf| AccessFile::read(&path).map(|file| Self::of_file(&path, &file));
        let given = |variable: Option<OsString>| variable.filter(|value| !value.is_empty());
        // An empty one is a variable that a script did not set.
        if let Some(token) = told.token.filter(|token| !token.is_empty()) {
            return Ok(text(token, "--token"));
        }
        if let Some(path) = told.access {
            return file(path);
        }
        if let Some(token) = given(told.token_variable) {
            let token = token.into_string().map_err(|_| {
                Fault::new(
                    ErrorCode::ConfigInvalid,
                    "the variable FEDFLOW_TOKEN holds what no token can",
                )
            })?;
            return Ok(text(token, "FEDFLOW_TOKEN"));
        }
        given(told.access_variable).map_or_else(|| Ok(Self::none()), |path| file(path.into()))
    }

    /// The token that is shown.
    pub(crate) fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// What a person can do whom the endpoint refused.
    pub(crate) fn advice(&self) -> String {
        let name_it = "name the access.json that `fedflow up` says in its ready line (DIR/access.json) by --access or the \
                       variable FEDFLOW_ACCESS, or a token by FEDFLOW_TOKEN";
        match &self.source {
            Source::None => name_it.to_owned(),
            Source::Token(told) => format!("the token of {told} does not count there; {name_it}"),
            Source::File(path) => format!(
                "the token in {} does not count there: is it of this federation, and not from before the folder was made \
                 anew? Otherwise {name_it}",
                path.display()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written_and_shows_nothing_by_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access.json");
        let fresh = AccessFile::fresh().expect("entropy");
        assert_ne!(fresh.token, fresh.secret);
        std::fs::write(&path, fresh.content()).expect("written");
        assert_eq!(AccessFile::read(&path).expect("read"), fresh);
        assert!(!format!("{fresh:?}").contains(fresh.token.expose()));
        for content in ["", "{}", "{\"token\": \"x\"}"] {
            std::fs::write(&path, content).expect("written");
            let error = AccessFile::read(&path).expect_err(content);
            assert!(format!("{error:#}").contains("access.json"), "{error:#}");
        }
        assert!(AccessFile::read(&folder.path().join("missing.json")).is_err());
    }

    #[test]
    fn arguments_come_before_the_environment_and_a_token_before_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| {
            let (path, fresh) = (
                folder.path().join(name),
                AccessFile::fresh().expect("entropy"),
            );
            std::fs::write(&path, fresh.content()).expect("written");
            (path, fresh.token)
        };
        let ((argument, of_argument), (variable, of_variable)) =
            (file("argument.json"), file("variable.json"));
        let mut told = CredentialOptions {
            token: Some("by argument".to_owned()),
            access: Some(argument),
            token_variable: Some("by variable".into()),
            access_variable: Some(variable.into_os_string()),
        };
        let token =
            |told: &CredentialOptions| Credential::chosen(told.clone()).expect("chosen").token;
        assert_eq!(token(&told), Some(Secret::new("by argument")));
        told.token = None;
        assert_eq!(token(&told), Some(of_argument));
        told.access = None;
        assert_eq!(token(&told), Some(Secret::new("by variable")));
        told.token_variable = Some("".into());
        assert_eq!(token(&told), Some(of_variable));
        told.access_variable = None;
        assert_eq!(token(&told), None);
        told.access = Some(folder.path().join("missing.json"));
        assert!(Credential::chosen(told).is_err());
    }

    #[test]
    fn advice_names_where_the_credential_came_from() {
        assert!(Credential::none().advice().contains("FEDFLOW_ACCESS"));
        let (path, file) = (
            Path::new("/x/access.json"),
            AccessFile::fresh().expect("entropy"),
        );
        assert!(
            Credential::of_file(path, &file)
                .advice()
                .contains("/x/access.json")
        );
        let told = CredentialOptions {
            token: Some("t".to_owned()),
            ..CredentialOptions::default()
        };
        assert!(
            Credential::chosen(told)
                .expect("chosen")
                .advice()
                .contains("--token")
        );
    }
}
