//! Whose part of which model version an archive is.

use serde::{Deserialize, Serialize};
use vocabulary::{PartyId, Role};

/// A participant's part of a model version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The participant's role.
    pub role: Role,
    /// Its party.
    pub party_id: PartyId,
    /// The model, `arbiter-10000#guest-9999#host-10000#model`.
    pub model_id: String,
    /// The version.
    pub model_version: String,
}

impl Subject {
    /// FATE's id of the participant's part: `guest#9999#…#model`.
    pub fn party_model_id(&self) -> String {
        format!("{}#{}#{}", self.role, self.party_id, self.model_id)
    }

    /// The participant's part that such an id (with `#`, or with `~` where `#` cannot stand) and a version name.
    pub fn of_party_model(party_model_id: &str, model_version: &str) -> Option<Self> {
        let text = party_model_id.replace('~', "#");
        // Three parts, as the model's own id has `#` in it.
        let mut parts = text.splitn(3, '#');
        let (role, party, model_id) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            role: role.parse().ok()?,
            party_id: PartyId::new(party).ok()?,
            model_id: model_id.to_owned(),
            model_version: model_version.to_owned(),
        })
    }

    /// The name under which clients get the archive. Nothing in it can leave a folder.
    pub fn file_name(&self) -> String {
        plain(&format!(
            "{}_{}.zip",
            self.party_model_id(),
            self.model_version
        ))
    }
}

/// A text with nothing in it that means something in a path.
pub(crate) fn plain(text: &str) -> String {
    let kept = |sign: char| {
        if sign.is_ascii_alphanumeric() || matches!(sign, '.' | '-' | '_' | '#') {
            sign
        } else {
            '_'
        }
    };
    let text: String = text.chars().map(kept).collect();
    // `.` and `..` are made of allowed signs and mean folders all the same.
    if text.chars().all(|sign| sign == '.') {
        "_".repeat(text.len().max(1))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_part_as_fate_does() {
        let id = "guest~9999~arbiter-10000~guest-9999~host-10000~model";
        let subject = Subject::of_party_model(id, "2026").expect("a part");
        assert_eq!(
            (subject.role, subject.party_id.as_str()),
            (Role::Guest, "9999")
        );
        assert_eq!(subject.party_model_id(), id.replace('~', "#"));
        assert_eq!(
            subject.file_name(),
            "guest#9999#arbiter-10000#guest-9999#host-10000#model_2026.zip"
        );
        for odd in ["", "guest", "guest#9999", "nobody#1#m", "guest#../x#m"] {
            assert!(Subject::of_party_model(odd, "1").is_none(), "{odd}");
        }
    }

    #[test]
    fn keeps_names_inside_a_folder() {
        let mut subject = Subject::of_party_model("guest#1#m", "1").expect("a part");
        subject.model_id = "../../etc/x y".to_owned();
        subject.model_version = "/..".to_owned();
        assert_eq!(subject.file_name(), "guest#1#.._.._etc_x_y__...zip");
        assert_eq!(plain(".."), "__");
    }
}
