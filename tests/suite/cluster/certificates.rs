//! Certificates that are wrong, expired, foreign or revoked stop a link, and the reason is said.

use std::path::Path;

use fedflow_tests::cluster::Cluster;

use super::program;

fn doctor(config: &Path) -> (bool, String) {
    let output = program().run(&["doctor", "--agent", config.to_str().expect("a path")]);
    (
        output.status.success(),
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    )
}

/// Puts a fresh identity of a party in place of the one in its folder.
fn replace_identity(cluster: &Cluster, authority: &Path, party: &str) {
    let home = cluster.dir.path().join("party-9999");
    let fresh = cluster.dir.path().join("fresh");
    let (authority, out) = (
        authority.to_str().expect("a path"),
        fresh.to_str().expect("a path"),
    );
    program().says(&[
        "certs", "issue", "--dir", authority, "--party", party, "--kind", "agent", "--out", out,
    ]);
    std::fs::remove_dir_all(home.join("identity")).expect("removed");
    std::fs::rename(&fresh, home.join("identity")).expect("moved");
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong_with_a_certificate() {
    let cluster = Cluster::up(&program(), "9999,10000");
    let config = cluster.dir.path().join("party-9999/agent.toml");
    let (fine, text) = doctor(&config);
    assert!(fine, "{text}");
    assert!(text.contains("takes this agent in"), "{text}");

    let own = cluster.dir.path().join("authority");
    replace_identity(&cluster, &own, "9998");
    let (fine, text) = doctor(&config);
    assert!(
        !fine && text.contains("9998") && text.contains("FF404"),
        "another party's certificate: {text}"
    );

    let foreign = cluster.dir.path().join("foreign");
    let path = foreign.to_str().expect("a path");
    program().says(&["certs", "init", "--dir", path, "--name", "elsewhere"]);
    replace_identity(&cluster, &foreign, "9999");
    let (fine, text) = doctor(&config);
    assert!(
        !fine && text.contains("FF404"),
        "a foreign certificate: {text}"
    );

    cluster.end();
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = tempfile::TempDir::new().expect("folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    };
    program().says(&[
        "certs",
        "init",
        "--dir",
        &path("authority"),
        "--name",
        "test",
    ]);
    program().says(&[
        "certs",
        "issue",
        "--dir",
        &path("authority"),
        "--party",
        "1",
        "--kind",
        "agent",
        "--out",
        &path("one"),
    ]);
    let key = folder.path().join("one/identity.key");
    let mut mode = std::fs::metadata(&key).expect("a key").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o644);
    std::fs::set_permissions(&key, mode).expect("changed");
    let said = program().says(&["certs", "inspect", &path("one")]);
    assert!(
        said.contains("readable") || said.contains("0644") || said.contains("permission"),
        "{said}"
    );
}

#[tokio::test]
async fn a_revoked_agent_is_not_let_in_again() {
    let mut cluster = Cluster::up(&program(), "9999,10000");
    let authority = cluster.dir.path().join("authority");
    let authority = authority.to_str().expect("a path").to_owned();
    program().says(&[
        "certs",
        "revoke",
        "--dir",
        &authority,
        "--party",
        "9999",
        "--reason",
        "key_compromise",
    ]);
    let identity = cluster.dir.path().join("coordinator/identity");
    let list = format!("{authority}/revoked.crl");
    program().says(&[
        "certs",
        "install-list",
        "--identity",
        identity.to_str().expect("a path"),
        "--list",
        &list,
    ]);
    // The coordinator reads the list at its next start (and every half minute while it runs).
    cluster.end_in_place();
    let coordinator = cluster.dir.path().join("coordinator/coordinator.toml");
    let daemon = program().start(&[
        "coordinator",
        "--config",
        coordinator.to_str().expect("a path"),
    ]);
    let (fine, text) = doctor(&cluster.dir.path().join("party-9999/agent.toml"));
    assert!(
        !fine && text.contains("FF404") && text.to_lowercase().contains("revoked"),
        "a revoked certificate: {text}"
    );
    let (fine, text) = doctor(&cluster.dir.path().join("party-10000/agent.toml"));
    assert!(fine, "another party is not touched: {text}");
    daemon.end();
}
