//! A crate uses crates of lower layers only; the heavy and the dangerous are seen by the crates named here, no others.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use super::root;

pub(super) fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    metadata["packages"].as_array().expect("packages").clone()
}

pub(super) fn name(of: &Value) -> String {
    of["name"].as_str().expect("a name").to_owned()
}

fn dependencies(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().expect("dependencies");
    all.iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(name)
        .collect()
}

pub(super) fn layer(package: &Value) -> u64 {
    let stated = package["metadata"]["architecture"]["layer"].as_u64();
    stated.unwrap_or_else(|| panic!("{} does not state its layer", name(package)))
}

#[test]
fn a_crate_uses_lower_layers_only() {
    let packages = packages();
    let layers: BTreeMap<String, u64> = packages
        .iter()
        .map(|package| (name(package), layer(package)))
        .collect();
    for package in &packages {
        for used in dependencies(package) {
            if let Some(below) = layers.get(&used) {
                let own = layers[&name(package)];
                assert!(
                    *below < own,
                    "{} (layer {own}) uses {used} (layer {below})",
                    name(package)
                );
            }
        }
    }
}

#[test]
fn only_the_named_crates_see_the_heavy_and_the_dangerous() {
    let allowed: [(&str, &[&str]); 11] = [
        ("polars", &["tables"]),
        ("sqlx", &["store", "records"]),
        ("object_store", &["archives"]),
        ("zip", &["archives"]),
        ("quinn", &["transport"]),
        ("rcgen", &["pki"]),
        (
            "axum",
            &[
                "rest",
                "api-kit",
                "api-fate",
                "api-kubeflow",
                "api-abeja",
                "api-meteos",
                "coordinator",
                "party-agent",
            ],
        ),
        ("tonic", &["api-kubeflow"]),
        ("clap", &["fedflow"]),
        ("curve25519-dalek", &["crypto"]),
        ("anyhow", &["fedflow"]),
    ];
    for package in packages() {
        for used in dependencies(&package) {
            if let Some((_, by)) = allowed.iter().find(|(heavy, _)| *heavy == used) {
                assert!(
                    by.contains(&name(&package).as_str()),
                    "{} uses {used}",
                    name(&package)
                );
            }
        }
    }
}

#[test]
fn components_cannot_reach_the_network_the_policy_or_the_records() {
    let packages = packages();
    let components = packages
        .iter()
        .find(|package| name(package) == "components")
        .expect("the crate of components");
    for forbidden in [
        "transport",
        "policy",
        "records",
        "wire",
        "tokio",
        "quinn",
        "sqlx",
    ] {
        assert!(
            !dependencies(components).contains(&forbidden.to_owned()),
            "components uses {forbidden}"
        );
    }
}
