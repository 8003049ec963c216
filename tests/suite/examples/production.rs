//! The production settings, for real on one machine: separate daemons, certificates by request, strict policies.

use std::path::PathBuf;
use std::process::Command;

use fedflow_tests::cluster::{Daemon, Place};
use fedflow_tests::rest::RestClient;
use serde_json::json;
use tempfile::TempDir;

use super::{
    agrees_with_expected, connected, copy_with, document, free_address, load, program, root, text,
};

/// The production settings on one machine: the folders `/etc/fedflow` and `/var/lib/fedflow` of each host below one folder.
struct Hosts {
    root: TempDir,
    coordinator: String,
    /// Of the coordinator's operator, and of users of the bank and the clinic.
    tokens: Vec<String>,
}

impl Hosts {
    fn config(&self, host: &str) -> PathBuf {
        self.root
            .path()
            .join(host)
            .join("etc")
            .join(if host == "coordinator" {
                "coordinator.toml"
            } else {
                "agent.toml"
            })
    }

    /// Copies a host's settings and policy.
    fn install(&self, host: &str, addresses: &[(&str, &str)]) {
        let home = self.root.path().join(host);
        let folders = [
            ("/etc/fedflow", home.join("etc")),
            ("/var/lib/fedflow", home.join("lib")),
            ("/srv/fedflow", home.join("srv")),
        ];
        let mut changes = addresses.to_vec();
        // Comments name the folders of settings; import and export folders are the bank's alone.
        let named = if host == "bank" { 3 } else { 2 };
        changes.extend(folders[..named].iter().map(|(old, new)| (*old, text(new))));
        changes.push(("127.0.0.1:9380", "127.0.0.1:0"));
        let config = self.config(host);
        let name = config
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        copy_with(
            &format!("production-three-hosts/{host}/{name}"),
            &config,
            &changes,
        );
        if host != "coordinator" {
            copy_with(
                &format!("production-three-hosts/{host}/policy.toml"),
                &home.join("etc/policy.toml"),
                &[],
            );
        }
    }

    /// A token for somebody at a host's REST endpoint, as the README makes it.
    fn admit(&mut self, host: &str, holder: &[&str]) {
        let file = self.config(host).with_file_name("access.toml");
        let new = [
            "tokens",
            "new",
            "--name",
            "suite",
            "--json",
            "--into",
            text(&file),
        ];
        let said: serde_json::Value =
            serde_json::from_str(&program().says(&[&new[..], holder].concat()))
                .expect("an answer in JSON");
        self.tokens
            .push(said["token"].as_str().expect("a token").to_owned());
    }

    /// The README's way to a certificate: a request at the party, an answer from the root, installed at the party.
    fn certify(&self, host: &str, party: &str, kind: &str) {
        let (authority, answer) = (
            self.root.path().join("authority"),
            self.root.path().join(format!("answer-{host}")),
        );
        let identity = self.root.path().join(host).join("etc/identity");
        let request = identity.join("request.csr");
        program().says(&[
            "certs",
            "request",
            "--party",
            party,
            "--kind",
            kind,
            "--out",
            text(&identity),
        ]);
        let sign = [
            "certs",
            "sign",
            "--dir",
            text(&authority),
            "--party",
            party,
            "--kind",
            kind,
        ];
        program().says(
            &[
                &sign[..],
                &["--request", text(&request), "--out", text(&answer)],
            ]
            .concat(),
        );
        for file in ["identity.pem", "root.pem", "revoked.crl"] {
            std::fs::copy(answer.join(file), identity.join(file)).expect("installed");
        }
    }

    fn start(&self, host: &str, daemon: &str) -> Daemon {
        let config = self.config(host);
        program().says(&["check-config", daemon, "--config", text(&config)]);
        let mut command = Command::new(program().path());
        command.args([daemon, "--config", text(&config)]);
        // A service manager reads the log; here nobody does, so it goes to a file.
        let log = format!("FEDFLOW_{}_LOG__FILE", daemon.to_uppercase());
        Daemon::start(command.env(log, self.root.path().join(host).join("daemon.log")))
    }
}

fn hosts() -> Hosts {
    let root_folder = TempDir::new().expect("a folder");
    let mut hosts = Hosts {
        root: root_folder,
        coordinator: free_address(),
        tokens: Vec::new(),
    };
    let (bank, arbiter) = (free_address(), free_address());
    let coordinator = (
        "coordinator.federation.example:9370",
        hosts.coordinator.as_str(),
    );
    hosts.install("coordinator", &[("0.0.0.0:9370", &hosts.coordinator)]);
    hosts.install(
        "bank",
        &[
            coordinator,
            ("0.0.0.0:9371", &bank),
            ("fedflow.bank.example:9371", &bank),
        ],
    );
    hosts.install("clinic", &[coordinator, ("0.0.0.0:0", "127.0.0.1:0")]);
    hosts.install(
        "arbiter",
        &[
            coordinator,
            ("0.0.0.0:9371", &arbiter),
            ("fedflow.arbiter.example:9371", &arbiter),
        ],
    );
    let authority = hosts.root.path().join("authority");
    let profile = root().join("certs/profile.toml");
    program().says(&[
        "certs",
        "init",
        "--dir",
        text(&authority),
        "--name",
        "clinic-and-bank",
        "--profile",
        text(&profile),
    ]);
    hosts.certify("coordinator", "coordinator", "coordinator");
    for (host, party) in [("bank", "9999"), ("clinic", "10000"), ("arbiter", "8888")] {
        hosts.certify(host, party, "agent");
    }
    hosts.admit("coordinator", &["--operator"]);
    for (host, party) in [("bank", "9999"), ("clinic", "10000"), ("arbiter", "8888")] {
        hosts.admit(host, &["--party", party]);
    }
    hosts
}

#[tokio::test]
async fn the_production_settings_run_under_their_strict_policies() {
    let _place = Place::take();
    let hosts = hosts();
    let coordinator = hosts.start("coordinator", "coordinator");
    let agents = ["bank", "clinic", "arbiter"].map(|host| hosts.start(host, "agent"));
    let rest = |daemon: &Daemon| {
        RestClient::new(&format!(
            "http://{}",
            daemon.ready["rest"].as_str().expect("an address")
        ))
    };
    let open = [rest(&coordinator), rest(&agents[0]), rest(&agents[1])];
    let [shared, bank, clinic] =
        [0, 1, 2].map(|one| open[one].clone().with_token(&hosts.tokens[one]));
    for closed in &open {
        let refused = closed
            .post("/v1/job/query", &json!({"role": "guest"}))
            .await;
        assert_eq!(refused["retcode"], 109, "{refused}");
    }
    connected(&shared, 3).await;
    load(&bank, "9999", "bank").await;
    load(&clinic, "10000", "clinic").await;
    let job = bank
        .submitted(
            &document("first-job/dsl.json"),
            &document("production-three-hosts/job/conf.json"),
        )
        .await;
    agrees_with_expected(&bank, &job).await;

    let of = json!({"job_id": job, "component_name": "hetero_lr_0", "role": "guest", "party_id": "9999"});
    let rows = bank.data("/v1/tracking/component/output/data", &of).await;
    assert_eq!(
        rows[0].as_array().map(Vec::len),
        Some(100),
        "the bank's own REST endpoint shows its predictions"
    );
    let refused = shared
        .post("/v1/tracking/component/output/data", &of)
        .await
        .to_string();
    assert!(
        refused.contains("FF303") && refused.contains("fedflow.intranet.bank.example"),
        "{refused}"
    );
    for daemon in agents.into_iter().chain([coordinator]) {
        daemon.end();
    }
}
