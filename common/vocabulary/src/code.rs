//! Stable error codes; `docs/errors/<code>.md` says what each means and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// A stable code for a kind of failure. Codes are never reused or renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
            /// A code of a newer version than this one.
            #[serde(other, rename = "FF000")]
            Unknown,
        }

        impl ErrorCode {
            /// Every code this version can give.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),*];

            /// The code's text, such as `FF101`.
            pub const fn text(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $text,)*
                    ErrorCode::Unknown => "FF000",
                }
            }
        }
    };
}

codes! {
    /// The job's DSL or runtime conf is not well formed.
    DocumentInvalid = "FF101",
    /// A step names a component that no party announces.
    ComponentUnknown = "FF102",
    /// A parameter is unknown, of the wrong type or out of bounds.
    ParameterInvalid = "FF103",
    /// A role names a party that is not in the federation.
    PartyUnknown = "FF104",
    /// A party does not announce a component, or another version of it.
    CatalogueMismatch = "FF105",
    /// The job does not exist.
    JobUnknown = "FF106",
    /// What was asked is not possible in the job's present state.
    JobState = "FF107",
    /// A request is not well formed.
    RequestInvalid = "FF108",
    /// What was asked for does not exist.
    NotFound = "FF109",
    /// It exists already.
    Conflict = "FF110",
    /// This version does not serve what was asked.
    Unsupported = "FF111",
    /// The table does not exist at the party.
    TableMissing = "FF201",
    /// The table's content cannot be used as asked.
    TableInvalid = "FF202",
    /// The parties have no row in common.
    IntersectionEmpty = "FF203",
    /// The file to read does not exist or cannot be read.
    FileUnreadable = "FF204",
    /// The disk is full or refuses to write.
    StorageFull = "FF205",
    /// The model does not exist at the party.
    ModelMissing = "FF206",
    /// Two parties hold data that do not fit together.
    DataMismatch = "FF207",
    /// The audit chain is broken, so that nothing may leave.
    AuditBroken = "FF208",
    /// A party's policy refuses the offer.
    OfferRefused = "FF301",
    /// A party's policy refuses to let a message leave.
    ReleaseRefused = "FF302",
    /// A party's policy refuses to tell what was asked.
    DisclosureRefused = "FF303",
    /// The request needs a permission that the caller lacks.
    PermissionDenied = "FF304",
    /// The caller did not prove who it is.
    CredentialRefused = "FF305",
    /// The party is not connected.
    PartyOffline = "FF401",
    /// The party was lost while it worked.
    PartyLost = "FF402",
    /// A peer did not answer in time.
    PeerTimeout = "FF403",
    /// The certificate is expired, revoked, foreign or names another party.
    CertificateRefused = "FF404",
    /// The two daemons share no protocol version.
    VersionMismatch = "FF405",
    /// A frame is too large or not well formed.
    FrameInvalid = "FF406",
    /// The clocks of two daemons differ too much.
    ClockSkew = "FF407",
    /// The address cannot be bound or reached.
    AddressUnusable = "FF408",
    /// The agent runs as many tasks as it may.
    AgentBusy = "FF409",
    /// The work took longer than its deadline.
    DeadlinePassed = "FF501",
    /// Somebody asked to stop the work.
    Canceled = "FF502",
    /// A component failed in a way it did not foresee.
    ComponentPanicked = "FF503",
    /// A peer of the same step failed, and this party's part ended with it.
    PeerFailed = "FF504",
    /// A message from a peer breaks the protocol.
    ProtocolViolation = "FF505",
    /// The computation left the range it is defined on.
    NumericRange = "FF506",
    /// The work needs more than its compute profile allows.
    LimitReached = "FF507",
    /// A setting of the daemon is wrong.
    ConfigInvalid = "FF601",
    /// A defect of fedflow itself.
    Internal = "FF901",
    /// A record of a daemon cannot be read or used, and was set aside.
    RecordUnreadable = "FF902",
}

impl ErrorCode {
    /// Whether the same work would fail the same way again, whenever it is tried: nothing in it hangs on the moment.
    pub const fn is_permanent(self) -> bool {
        use ErrorCode as C;
        matches!(
            self,
            C::DocumentInvalid
                | C::ComponentUnknown
                | C::ParameterInvalid
                | C::PartyUnknown
                | C::CatalogueMismatch
                | C::RequestInvalid
                | C::Unsupported
                | C::TableMissing
                | C::TableInvalid
                | C::IntersectionEmpty
                | C::ModelMissing
                | C::DataMismatch
                | C::OfferRefused
                | C::ReleaseRefused
                | C::DisclosureRefused
                | C::PermissionDenied
        )
    }

    /// Whether the failure hangs on the moment: the same work may go well later, however often it failed.
    pub const fn may_pass(self) -> bool {
        use ErrorCode as C;
        matches!(
            self,
            C::StorageFull
                | C::PartyOffline
                | C::PartyLost
                | C::PeerTimeout
                | C::PeerFailed
                | C::AddressUnusable
                | C::AgentBusy
                | C::DeadlinePassed
                | C::Canceled
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_code_one_text() {
        let mut texts: Vec<_> = ErrorCode::ALL.iter().map(|code| code.text()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn no_code_is_both_permanent_and_one_that_may_pass() {
        let both = |code: &&ErrorCode| code.is_permanent() && code.may_pass();
        assert_eq!(ErrorCode::ALL.iter().find(both), None);
    }

    #[test]
    fn reads_a_newer_code_as_unknown() {
        assert_eq!(
            serde_json::from_str::<ErrorCode>("\"FF999\"").expect("read"),
            ErrorCode::Unknown
        );
        assert_eq!(
            serde_json::from_str::<ErrorCode>("\"FF201\"").expect("read"),
            ErrorCode::TableMissing
        );
    }
}
