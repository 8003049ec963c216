//! Certificates that are wrong, expired, foreign or revoked stop a link, and the reason is said.

use std::path::Path;

use fedflow_tests::cluster::Cluster;

use super::program;

fn doctor(config: &Path) -> (bool, String) {
    let output = program().run(&["doctor", "--agent", config.to_str().expect("a path")]);
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// Puts a fresh identity of a party in place of the one in its folder.
fn replace_identity(cluster: &Cluster, authority: &Path, party: &str, days: Option<&str>) {
    let home = cluster.dir.path().join("party-9999");
    let fresh = cluster.dir.path().join(format!("fresh-{party}-{}", days.unwrap_or("default")));
    let (authority, out) = (authority.to_str().expect("a path"), fresh.to_str().expect("a path"));
    let mut arguments = vec!["certs", "issue", "--dir", authority, "--party", party, "--kind", "agent", "--out", out];
    if let Some(days) = days {
        arguments.extend(["--days", days]);
    }
    program().says(&arguments);
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
    replace_identity(&cluster, &own, "9998", None);
    let (fine, text) = doctor(&config);
    assert!(!fine && text.contains("9998") && text.contains("FF404"), "another party's certificate: {text}");

    let foreign = cluster.dir.path().join("foreign");
    let path = foreign.to_str().expect("a path");
    program().says(&["certs", "init", "--dir", path, "--name", "elsewhere"]);
    replace_identity(&cluster, &foreign, "9999", None);
    let (fine, text) = doctor(&config);
    assert!(!fine && text.contains("FF404"), "a foreign certificate: {text}");

    replace_identity(&cluster, &own, "9999", Some("0"));
    let (fine, text) = doctor(&config);
    assert!(!fine && text.contains("expired"), "an expired certificate: {text}");
    cluster.end();
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = tempfile::TempDir::new().expect("folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    program().says(&["certs", "init", "--dir", &path("authority"), "--name", "test"]);
    program().says(&["certs", "issue", "--dir", &path("authority"), "--party", "1", "--kind", "agent", "--out", &path("one")]);
    let key = folder.path().join("one/identity.key");
    let mut mode = std::fs::metadata(&key).expect("a key").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o644);
    std::fs::set_permissions(&key, mode).expect("changed");
    let said = program().says(&["certs", "inspect", &path("one")]);
    assert!(said.contains("readable") || said.contains("0644") || said.contains("permission"), "{said}");
}
