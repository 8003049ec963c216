//! What this party's owner has granted to other parties at the REST endpoint.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use vocabulary::{PartyId, Role, Timestamp};

use crate::aside::Kind;
use crate::{RecordError, Records};

const PERMISSION: Kind = Kind {
    name: "permission",
    table: "permissions",
    key: &["party", "role", "kind", "namespace", "name"],
};

/// What a grant is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PermissionKind {
    /// A component.
    Component,
    /// A table.
    Dataset,
    /// Every table.
    EveryDataset,
    /// A role, in the words of FATE 1.4: kept and shown.
    Role,
    /// A command, in the words of FATE 1.4: kept and shown.
    Command,
}

impl PermissionKind {
    const ALL: [Self; 5] = [
        Self::Component,
        Self::Dataset,
        Self::EveryDataset,
        Self::Role,
        Self::Command,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Dataset => "dataset",
            Self::EveryDataset => "every_dataset",
            Self::Role => "role",
            Self::Command => "command",
        }
    }
}

/// One grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// What it is about.
    pub kind: PermissionKind,
    /// The role in which the party must start a job for the grant to count; none for any.
    pub role: Option<Role>,
    /// The table's group; empty for what is no table.
    pub namespace: String,
    /// The component's or table's name, or the word; `*` for all components.
    pub name: String,
}

fn role_word(role: Option<Role>) -> &'static str {
    // An empty text, not NULL: in SQL no NULL equals another, and the key would let doubles in.
    role.map_or("", Role::word)
}

impl Records {
    /// Grants to a party, all or nothing; what was granted before stays.
    pub async fn grant(
        &self,
        party: &PartyId,
        grants: &[Permission],
        now: Timestamp,
    ) -> Result<(), RecordError> {
        let mut transaction = self.pool.begin().await?;
        for grant in grants {
            sqlx::query(
                "/* grant */ INSERT INTO permissions (party, role, kind, namespace, name, granted_micros) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            )
            .bind(party.as_str())
            .bind(role_word(grant.role))
            .bind(grant.kind.word())
            .bind(&grant.namespace)
            .bind(&grant.name)
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Takes grants back, all or nothing; what was not granted is passed over.
    pub async fn withdraw(
        &self,
        party: &PartyId,
        grants: &[Permission],
    ) -> Result<(), RecordError> {
        let mut transaction = self.pool.begin().await?;
        for grant in grants {
            sqlx::query(
                "/* withdraw */ DELETE FROM permissions WHERE party = $1 AND role = $2 AND kind = $3 AND namespace = $4 \
                 AND name = $5",
            )
            .bind(party.as_str())
            .bind(role_word(grant.role))
            .bind(grant.kind.word())
            .bind(&grant.namespace)
            .bind(&grant.name)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Everything that a party was granted, sorted.
    pub async fn permissions_of(&self, party: &PartyId) -> Result<Vec<Permission>, RecordError> {
        let rows = sqlx::query(
            "/* permissions_of */ SELECT rowid AS place, role, kind, namespace, name FROM permissions WHERE party = $1",
        )
        .bind(party.as_str())
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &SqliteRow| {
            let (kind, role): (String, String) = (row.try_get("kind")?, row.try_get("role")?);
            let unread = |detail: &str| RecordError::Malformed {
                kind: "permission",
                detail: detail.to_owned(),
            };
            let known = PermissionKind::ALL
                .into_iter()
                .find(|known| known.word() == kind);
            Ok(Permission {
                kind: known.ok_or_else(|| unread(&kind))?,
                role: if role.is_empty() {
                    None
                } else {
                    Some(role.parse().map_err(|_| unread(&role))?)
                },
                namespace: row.try_get("namespace")?,
                name: row.try_get("name")?,
            })
        };
        // What is set aside is granted no more.
        let mut grants = self.readable(&PERMISSION, &rows, read).await?;
        grants.sort();
        Ok(grants)
    }
}
