//! `permission/*`: what the party's owner grants to other parties. Grants count where the policy's switch is on, beside the
//! lists of its file; the forms of FATE 1.4 (`…/privilege`) are kept with the role in which the other party must act.

use std::collections::BTreeSet;

use axum::extract::Request;
use axum::response::IntoResponse;
use records::{Permission, PermissionKind};
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use vocabulary::{Fault, PartyId, Role};

use super::HandlerState;
use super::request_fields::RequestFields;

/// The members of a 1.4 privilege.
const PRIVILEGES: [(&str, PermissionKind); 3] = [
    ("privilege_role", PermissionKind::Role),
    ("privilege_command", PermissionKind::Command),
    ("privilege_component", PermissionKind::Component),
];

/// FATE's words where grants do not count.
const NO_CONTROLLER: &str = "No permission controller is found, please check whether the switch of permission control is turned on";

pub(super) async fn grant(handler: HandlerState, request: Request) -> Answer {
    let (party, permissions, what) = read(&handler, request).await?;
    handler
        .permit_permissions(format!("granting {what} to party {party}"))
        .await?;
    handler
        .agent_state
        .records
        .grant(&party, &permissions, handler.agent_state.now())
        .await
        .map_err(Fault::from)?;
    handler.agent_state.note_change();
    Ok(Reply::success().into_response())
}

pub(super) async fn withdraw(handler: HandlerState, request: Request) -> Answer {
    let (party, permissions, what) = read(&handler, request).await?;
    handler
        .permit_permissions(format!("taking {what} from party {party}"))
        .await?;
    take(&handler, &party, permissions).await?;
    Ok(Reply::success().into_response())
}

pub(super) async fn query(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    asked.validated(&["party_id"])?;
    let party = party_of(&asked, "party_id")?;
    let policy = handler.agent_state.policy();
    if !policy.grants_components() && !policy.grants_tables() {
        return Err(Failure::exception("Exception", NO_CONTROLLER));
    }
    handler
        .permit_permissions(format!("what is granted to party {party}"))
        .await?;
    let (mut components, mut datasets) = (BTreeSet::new(), Vec::new());
    for grant in handler
        .agent_state
        .records
        .permissions_of(&party)
        .await
        .map_err(Fault::from)?
    {
        match grant.kind {
            PermissionKind::Component => drop(components.insert(grant.name)),
            PermissionKind::Dataset => {
                datasets.push(json!({"name": grant.name, "namespace": grant.namespace}))
            }
            PermissionKind::EveryDataset => datasets.push(json!({"name": "*", "namespace": "*"})),
            PermissionKind::Role | PermissionKind::Command => {}
        }
    }
    Ok(Reply::data(json!({"dataset": datasets, "component": components})).into_response())
}

/// What a request is to grant or take away: the party, the permissions, and the words for the audit chain.
async fn read(
    handler: &HandlerState,
    request: Request,
) -> Result<(PartyId, Vec<Permission>, String), Failure> {
    let asked = RequestFields::read(request).await?;
    asked.validated(&["party_id"])?;
    let party = party_of(&asked, "party_id")?;
    let policy = handler.agent_state.policy();
    let given = |key: &str| asked.body.get(key).filter(|value| !value.is_null());
    let mut permissions = Vec::new();
    if let Some(components) = given("component") {
        if !policy.grants_components() {
            return Err(Failure::exception(
                "ValueError",
                "component permission switch is False",
            ));
        }
        for name in words(components) {
            permissions.push(permission(
                PermissionKind::Component,
                None,
                component(handler, &name)?,
            ));
        }
    }
    if let Some(datasets) = given("dataset") {
        if !policy.grants_tables() {
            return Err(Failure::exception(
                "ValueError",
                "dataset permission switch is False",
            ));
        }
        permissions.extend(tables_in(datasets)?);
    }
    if permissions.is_empty() {
        return Err(Failure::exception(
            "ValueError",
            "neither component nor dataset is given",
        ));
    }
    let what: Vec<String> = permissions.iter().map(described).collect();
    Ok((party, permissions, what.join(", ")))
}

pub(super) async fn grant_privilege(handler: HandlerState, request: Request) -> Answer {
    let (party, privileges, what) = read_privilege(&handler, request).await?;
    handler
        .permit_permissions(format!("granting {what} to party {party}"))
        .await?;
    handler
        .agent_state
        .records
        .grant(&party, &privileges, handler.agent_state.now())
        .await
        .map_err(Fault::from)?;
    handler.agent_state.note_change();
    Ok(Reply::success()
        .with_meta(in_force(&handler))
        .into_response())
}

pub(super) async fn withdraw_privilege(handler: HandlerState, request: Request) -> Answer {
    let (party, privileges, what) = read_privilege(&handler, request).await?;
    handler
        .permit_permissions(format!("taking {what} from party {party}"))
        .await?;
    take(&handler, &party, privileges).await?;
    Ok(Reply::success().into_response())
}

pub(super) async fn query_privilege(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    let (party, role) = source(&asked)?;
    handler
        .permit_permissions(format!("what is granted to party {party} as {role}"))
        .await?;
    let granted = handler
        .agent_state
        .records
        .permissions_of(&party)
        .await
        .map_err(Fault::from)?;
    let of = |kind: PermissionKind| -> Vec<&str> {
        let fits = |grant: &&Permission| grant.kind == kind && grant.role == Some(role);
        granted
            .iter()
            .filter(fits)
            .map(|grant| grant.name.as_str())
            .collect()
    };
    let data = json!({
        "src_party_id": party,
        "role": role,
        "privilege_role": of(PermissionKind::Role),
        "privilege_command": of(PermissionKind::Command),
        "privilege_component": of(PermissionKind::Component),
    });
    Ok(Reply::data(data)
        .with_meta(in_force(&handler))
        .into_response())
}

/// What of a privilege this party enforces now: components where the switch is on. Roles and commands are kept and shown.
fn in_force(handler: &HandlerState) -> Value {
    let enforced: &[&str] = if handler.agent_state.policy().grants_components() {
        &["privilege_component"]
    } else {
        &[]
    };
    json!({"enforced": enforced})
}

async fn read_privilege(
    handler: &HandlerState,
    request: Request,
) -> Result<(PartyId, Vec<Permission>, String), Failure> {
    let asked = RequestFields::read(request).await?;
    let (party, role) = source(&asked)?;
    let mut privileges = Vec::new();
    for (key, kind) in PRIVILEGES {
        for word in asked.body.get(key).map(words).unwrap_or_default() {
            let name = if kind == PermissionKind::Component {
                component(handler, &word)?
            } else {
                word
            };
            privileges.push(permission(kind, Some(role), name));
        }
    }
    let what: Vec<String> = privileges.iter().map(described).collect();
    let what = if what.is_empty() {
        "nothing".to_owned()
    } else {
        what.join(", ")
    };
    Ok((party, privileges, format!("{what} as {role}")))
}

fn source(asked: &RequestFields) -> Result<(PartyId, Role), Failure> {
    asked.validated(&["src_party_id", "src_role"])?;
    let party = party_of(asked, "src_party_id")?;
    let role = asked.text("src_role").and_then(|role| role.parse().ok());
    Ok((
        party,
        role.ok_or_else(|| Failure::exception("ValueError", "src_role is not a role"))?,
    ))
}

fn party_of(asked: &RequestFields, key: &str) -> Result<PartyId, Failure> {
    let party = asked.text(key).and_then(|party| PartyId::new(party).ok());
    party.ok_or_else(|| Failure::exception("ValueError", &format!("{key} is not a party")))
}

fn permission(kind: PermissionKind, role: Option<Role>, name: String) -> Permission {
    Permission {
        kind,
        role,
        namespace: String::new(),
        name,
    }
}

fn described(permission: &Permission) -> String {
    let Permission {
        kind,
        namespace,
        name,
        ..
    } = permission;
    match kind {
        PermissionKind::Component => format!("component {name}"),
        PermissionKind::Dataset => format!("table {namespace}.{name}"),
        PermissionKind::EveryDataset => "every table".to_owned(),
        PermissionKind::Role => format!("role {name}"),
        PermissionKind::Command => format!("command {name}"),
    }
}

/// Words in a list, or in a text with commas.
fn words(value: &Value) -> Vec<String> {
    let texts: Vec<&str> = match value {
        Value::String(text) => text.split(',').collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts
        .into_iter()
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The component of that name, or of the module that documents call it by, in any case; `*` (or `all`) for every one.
fn component(handler: &HandlerState, word: &str) -> Result<String, Failure> {
    if word == "*" || word == "all" {
        return Ok("*".to_owned());
    }
    let called = |name: &str| name.eq_ignore_ascii_case(word);
    let descriptions = handler
        .agent_state
        .catalogue
        .iter()
        .map(|component| component.description());
    let found = descriptions
        .into_iter()
        .find(|known| called(known.name) || known.modules.iter().any(|module| called(module)));
    let unknown = || Failure::exception("ValueError", &format!("there is no component {word}"));
    found.map(|known| known.name.to_owned()).ok_or_else(unknown)
}

fn tables_in(datasets: &Value) -> Result<Vec<Permission>, Failure> {
    let unread = || {
        Failure::exception(
            "ValueError",
            "dataset must be name and namespace, a list of them, or *",
        )
    };
    match datasets {
        Value::String(text) if text == "*" => Ok(vec![permission(
            PermissionKind::EveryDataset,
            None,
            "*".to_owned(),
        )]),
        Value::Array(items) => Ok(items
            .iter()
            .map(tables_in)
            .collect::<Result<Vec<_>, _>>()?
            .concat()),
        Value::Object(table) => {
            let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
            let (namespace, name) = text("namespace").zip(text("name")).ok_or_else(unread)?;
            if (namespace.as_str(), name.as_str()) == ("*", "*") {
                return tables_in(&json!("*"));
            }
            Ok(vec![Permission {
                kind: PermissionKind::Dataset,
                role: None,
                namespace,
                name,
            }])
        }
        _ => Err(unread()),
    }
}

/// Takes grants away; `*` takes every one of its kind.
async fn take(
    handler: &HandlerState,
    party: &PartyId,
    permissions: Vec<Permission>,
) -> Result<(), Failure> {
    let taken = take_all(handler, party, permissions).await;
    // Some of it may be gone even where all of it could not be taken.
    handler.agent_state.note_change();
    taken
}

async fn take_all(
    handler: &HandlerState,
    party: &PartyId,
    mut permissions: Vec<Permission>,
) -> Result<(), Failure> {
    let records = &handler.agent_state.records;
    let granted = records.permissions_of(party).await.map_err(Fault::from)?;
    let everything = |grant: &Permission| {
        permissions.iter().any(|taken| {
            taken.role == grant.role
                && match taken.kind {
                    PermissionKind::EveryDataset => grant.kind == PermissionKind::Dataset,
                    kind => {
                        kind == grant.kind && taken.name == "*" && kind == PermissionKind::Component
                    }
                }
        })
    };
    let more: Vec<Permission> = granted.into_iter().filter(everything).collect();
    permissions.extend(more);
    records
        .withdraw(party, &permissions)
        .await
        .map_err(Fault::from)?;
    Ok(())
}
