//! Another user of the machine on which somebody runs `fedflow up`: he reaches every port, and cannot read the owner's files.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fedflow_tests::cluster::Cluster;
use fedflow_tests::fixtures::toy;
use fedflow_tests::hostile::client;
use fedflow_tests::rest::RestClient;
use http::Request;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::{loaded, program};

/// What both endpoints serve: method, path, body.
const BOTH: &[(&str, &str, &str)] = &[
    (
        "POST",
        "/v1/job/submit",
        "{\"job_dsl\": {}, \"job_runtime_conf\": {}}",
    ),
    ("POST", "/v1/job/query", "{}"),
    ("POST", "/v1/job/stop", "{\"job_id\": \"1\"}"),
    ("POST", "/v1/job/clean/queue", ""),
    ("POST", "/v1/job/log/download", "{\"job_id\": \"1\"}"),
    (
        "POST",
        "/v1/data/upload?namespace=stolen&table_name=t&head=1&partition=1&party_id=9999",
        "",
    ),
    (
        "POST",
        "/v1/data/upload",
        "{\"use_local_data\": 0, \"file\": \"/etc/passwd\", \"namespace\": \"n\", \"table_name\": \"t\"}",
    ),
    (
        "POST",
        "/v1/data/download",
        "{\"namespace\": \"experiment\", \"table_name\": \"guest\", \"output_path\": \"x\"}",
    ),
    (
        "POST",
        "/v1/data/writer",
        "{\"namespace\": \"experiment\", \"table_name\": \"guest\"}",
    ),
    (
        "POST",
        "/v1/table/bind",
        "{\"engine\": \"PATH\", \"namespace\": \"n\", \"name\": \"t\", \"address\": {\"path\": \"/etc/passwd\"}}",
    ),
    (
        "POST",
        "/v1/table/preview",
        "{\"namespace\": \"experiment\", \"table_name\": \"guest\", \"party_id\": \"9999\"}",
    ),
    (
        "GET",
        "/v1/table/download?namespace=experiment&table_name=guest&party_id=9999",
        "",
    ),
    (
        "POST",
        "/v1/table/delete",
        "{\"namespace\": \"experiment\", \"table_name\": \"guest\", \"party_id\": \"9999\"}",
    ),
    (
        "POST",
        "/v1/tracking/component/output/data/download",
        "{\"job_id\": \"1\"}",
    ),
    (
        "POST",
        "/v1/model/export",
        "{\"model_id\": \"m\", \"model_version\": \"1\", \"role\": \"guest\", \"party_id\": \"9999\"}",
    ),
    ("POST", "/v1/model/import", ""),
    ("POST", "/v1/permission/grant", "{}"),
    ("POST", "/v1/key/public/save", "{}"),
    ("POST", "/v1/fedflow/schedules/create", "{}"),
    ("PUT", "/v1/fedflow/files/stolen/file", "text"),
    ("GET", "/v1/fedflow/files/examples/file", ""),
    ("DELETE", "/v1/fedflow/files/examples/file", ""),
    ("GET", "/v1/fedflow/health", ""),
    ("GET", "/v1/nothing/of/the/kind", ""),
];
/// What the coordinator's endpoint serves beside that: Kubeflow's API, ABEJA's and Meteos'.
const COORDINATOR: &[(&str, &str, &str)] = &[
    ("GET", "/apis/v1beta1/experiments", ""),
    (
        "POST",
        "/apis/v1beta1/experiments",
        "{\"name\": \"stolen\"}",
    ),
    ("GET", "/organizations/1234567890123/deployments", ""),
    ("GET", "/channels/1/files", ""),
    (
        "POST",
        "/organizations/1234567890123/channels",
        "{\"name\": \"stolen\"}",
    ),
    ("GET", "/v1/demo/datasets", ""),
    (
        "POST",
        "/v1/demo/templates",
        "{\"template\": {\"display_name\": \"stolen\"}}",
    ),
];
/// What a party's own endpoint serves beside that.
const PARTY: &[(&str, &str, &str)] = &[
    ("GET", "/v1/fedflow/audit", ""),
    ("GET", "/v1/fedflow/inference", ""),
    ("POST", "/v1/fedflow/inference/risk", "{\"ids\": [\"1\"]}"),
    ("PUT", "/v1/fedflow/staging/stolen", "text"),
];
/// What is there for everybody: descriptions of the API, its version, and that the server runs.
const OPEN: &[&str] = &[
    "/v1/openapi.json",
    "/docs",
    "/apis/v1beta1/healthz",
    "/",
    "/v1/",
];

/// Ways to show a credential, and none.
const GUESSES: &[Option<(&str, &str)>] = &[
    None,
    Some(("authorization", "Bearer fedflow_guessed")),
    // user:guessed
    Some(("authorization", "Basic dXNlcjpndWVzc2Vk")),
    Some(("x-auth-token", "guessed")),
];

async fn ask(
    rest: &RestClient,
    what: (&str, &str, &str),
    credential: Option<(&str, &str)>,
) -> (u16, Option<String>, String) {
    let (method, path, body) = what;
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", rest.base));
    let request = credential
        .into_iter()
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        });
    let content = if path.starts_with("/api.") {
        "application/grpc"
    } else {
        "application/json"
    };
    let request = request
        .header("content-type", content)
        .body(Bytes::from(body.to_owned()))
        .expect("a request");
    let reply = client::ask(request)
        .await
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    let grpc = reply
        .headers()
        .get("grpc-status")
        .map(|status| status.to_str().expect("text").to_owned());
    (
        reply.status().as_u16(),
        grpc,
        String::from_utf8_lossy(reply.body()).into_owned(),
    )
}

/// Whether an answer says that the caller did not prove who he is, each API in its own way.
async fn is_refused(
    rest: &RestClient,
    what: (&str, &str, &str),
    credential: Option<(&str, &str)>,
) -> bool {
    let (status, grpc, text) = ask(rest, what, credential).await;
    let reply: Value = serde_json::from_str(&text).unwrap_or_default();
    let is_refusal = reply["retcode"] == 109 || status == 401 || grpc.as_deref() == Some("16");
    if !is_refusal {
        println!("{what:?} with {credential:?}: {status} {grpc:?} {text}");
    }
    is_refusal && !text.contains("4711")
}

/// How a request for a job of one step ended: its fault, if it failed.
async fn outcome(rest: &RestClient, reply: &Value) -> Result<(), Value> {
    if reply["retcode"] != 0 {
        return Err(if reply["fault"].is_null() {
            reply.clone()
        } else {
            reply["fault"].clone()
        });
    }
    let row = rest.ended(reply["jobId"].as_str().expect("a job")).await;
    if row["f_status"] == "success" {
        Ok(())
    } else {
        Err(row["f_fault"].clone())
    }
}

#[tokio::test]
async fn without_the_credentials_nobody_is_let_in() {
    let cluster = loaded().await;
    let own = cluster
        .rest
        .data("/v1/job/list/job", &json!({"limit": 0}))
        .await["count"]
        .clone();
    let party = cluster.party("9999");
    let grpc = (
        "POST",
        "/api.ExperimentService/ListExperiment",
        "\0\0\0\0\0",
    );
    for guess in GUESSES {
        for what in BOTH.iter().chain(COORDINATOR).chain([&grpc]) {
            assert!(
                is_refused(&cluster.rest, *what, *guess).await,
                "the coordinator took {what:?}"
            );
        }
        for what in BOTH.iter().chain(PARTY) {
            assert!(
                is_refused(&party, *what, *guess).await,
                "the party took {what:?}"
            );
        }
    }
    for path in OPEN {
        let (status, _, text) = ask(&cluster.rest, ("GET", path, ""), None).await;
        assert!(
            (200..400).contains(&status) && !text.contains("9999\""),
            "{path}: {status} {text}"
        );
    }
    // Nothing came of it: the owner finds the same jobs, tables and files as before.
    assert_eq!(
        cluster
            .rest
            .data("/v1/job/list/job", &json!({"limit": 0}))
            .await["count"],
        own
    );
    let table = |namespace: &str, name: &str| json!({"namespace": namespace, "table_name": name, "party_id": "9999"});
    for (wanted, exists) in [
        (table("experiment", "guest"), 1),
        (table("stolen", "t"), 0),
        (table("n", "t"), 0),
    ] {
        assert_eq!(
            cluster.rest.data("/v1/table/table_info", &wanted).await["exist"],
            exists,
            "{wanted}"
        );
    }
    let (_, files) = party
        .send(http::Method::GET, "/v1/fedflow/files/stolen", "", "")
        .await
        .expect("answered");
    assert!(
        !String::from_utf8_lossy(&files).contains("\"file\""),
        "{files:?}"
    );
    cluster.end();
}

/// What is the owner's and lies outside of the federation's folder, and what leads there from inside.
struct Outside {
    folder: TempDir,
}

impl Outside {
    fn of(federation: &Path) -> Self {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("secret.csv"), "id,x\n1,4711\n").expect("written");
        std::fs::write(federation.join("import/fine.csv"), "id,x\n1,1\n").expect("written");
        symlink(
            folder.path().join("secret.csv"),
            federation.join("import/link.csv"),
        )
        .expect("linked");
        symlink(folder.path(), federation.join("import/linked")).expect("linked");
        symlink(folder.path(), federation.join("exports/linked")).expect("linked");
        symlink(
            folder.path().join("new.csv"),
            federation.join("exports/link.csv"),
        )
        .expect("linked");
        Self { folder }
    }

    fn secret(&self) -> String {
        self.folder
            .path()
            .join("secret.csv")
            .to_str()
            .expect("a path")
            .to_owned()
    }

    /// Ways to read it, or the federation's own secrets.
    fn to_read(&self, federation: &Path) -> Vec<String> {
        let inside = |name: &str| federation.join(name).to_str().expect("a path").to_owned();
        let climbing = format!("../../../../../../../..{}", self.secret());
        let named = [
            "link.csv",
            "linked/secret.csv",
            "../access.json",
            "../coordinator/coordinator.toml",
        ];
        let mut all = vec![
            self.secret(),
            climbing,
            inside("access.json"),
            inside("import/../party-9999/agent.toml"),
        ];
        all.extend(named.map(str::to_owned));
        all
    }

    /// Ways to write beside it.
    fn to_write(&self) -> Vec<String> {
        let new = self
            .folder
            .path()
            .join("new.csv")
            .to_str()
            .expect("a path")
            .to_owned();
        let climbing = format!("../../../../../../../..{new}");
        vec![
            new,
            climbing,
            "linked/new.csv".to_owned(),
            "link.csv".to_owned(),
            "../access.json".to_owned(),
        ]
    }

    /// Whether nothing was written there.
    fn is_untouched(&self) -> bool {
        let names = std::fs::read_dir(self.folder.path())
            .expect("the folder")
            .flatten()
            .map(|entry| entry.file_name());
        names.collect::<Vec<_>>() == ["secret.csv"]
    }
}

fn by_path(file: &str) -> Value {
    json!({"use_local_data": 0, "file": file, "namespace": "n", "table_name": "t", "head": 1, "partition": 1, "drop": 1,
           "id_delimiter": ",", "party_id": "9999"})
}

fn bound(path: &str) -> Value {
    json!({"engine": "PATH", "namespace": "n", "name": "bound", "address": {"path": path}, "drop": true, "party_id": "9999"})
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let cluster = loaded().await;
    let federation = cluster.dir.path().canonicalize().expect("there");
    let outside = Outside::of(&federation);
    let credentials = std::fs::read(cluster.access()).expect("there");
    // Whoever has the credentials, or reached the owner's program, has the federation and not the owner's other files.
    for rest in [cluster.rest.clone(), cluster.party("9999")] {
        for path in outside.to_read(&federation) {
            let refused =
                outcome(&rest, &rest.post("/v1/data/upload", &by_path(&path)).await).await;
            let refused = refused.expect_err(&path);
            assert_eq!(refused["code"], "FF204", "{path}: {refused}");
            let reply = rest.post("/v1/table/bind", &bound(&path)).await;
            assert!(
                reply["retmsg"]
                    .as_str()
                    .is_some_and(|text| text.ends_with("check failed")),
                "{path}: {reply}"
            );
        }
        for path in outside.to_write() {
            let of = json!({"namespace": "experiment", "table_name": "guest", "party_id": "9999"});
            let mut download = of.clone();
            download["output_path"] = json!(path);
            let mut write = of;
            write["storage_engine"] = json!("LOCALFS");
            write["address"] = json!({"path": path});
            for (route, body) in [("/v1/data/download", download), ("/v1/data/writer", write)] {
                let refused = outcome(&rest, &rest.post(route, &body).await)
                    .await
                    .expect_err(&path);
                assert_eq!(refused["code"], "FF108", "{route} {path}: {refused}");
            }
        }
        // Inside of it, all goes on as before.
        outcome(
            &rest,
            &rest.post("/v1/data/upload", &by_path("fine.csv")).await,
        )
        .await
        .expect("in import");
        assert_eq!(
            rest.post("/v1/table/bind", &bound("fine.csv")).await["retcode"],
            0
        );
        let down = json!({"namespace": "n", "table_name": "t", "output_path": "deep/down.csv", "party_id": "9999"});
        outcome(&rest, &rest.post("/v1/data/download", &down).await)
            .await
            .expect("below exports");
        assert!(federation.join("exports/deep/down.csv").is_file());
    }
    assert!(outside.is_untouched());
    assert_eq!(std::fs::read(cluster.access()).expect("there"), credentials);
    cluster.end();
}

/// The rules off: the same attacker, who shows nothing, reads the owner's file.
#[tokio::test]
async fn where_nobody_is_asked_and_everything_is_a_root_the_attacker_reads_all() {
    let cluster = Cluster::up_with(&program(), "9999,10000", &["--open", "--import-root", "/"]);
    assert_eq!(
        (&cluster.ready()["open"], &cluster.ready()["access"]),
        (&json!(true), &Value::Null)
    );
    let federation = cluster.dir.path().canonicalize().expect("there");
    assert!(!federation.join("access.json").exists());
    let outside = Outside::of(&federation);
    let stranger = RestClient::new(&cluster.rest.base);
    let preview = json!({"namespace": "n", "table_name": "t", "party_id": "9999"});
    let linked = |name: &str| {
        federation
            .join("import")
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    };
    for path in [
        outside.secret(),
        linked("link.csv"),
        linked("linked/secret.csv"),
    ] {
        let reply = stranger.post("/v1/data/upload", &by_path(&path)).await;
        outcome(&stranger, &reply)
            .await
            .unwrap_or_else(|fault| panic!("{path}: {fault}"));
        let shown = stranger.post("/v1/table/preview", &preview).await;
        assert!(shown.to_string().contains("4711"), "{path}: {shown}");
    }
    assert_eq!(
        asked_by(&RestClient::new(&cluster.party("9999").base)).await,
        "the party's own user"
    );
    cluster.end();
}

fn mode(path: &Path) -> u32 {
    path.metadata()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .permissions()
        .mode()
        & 0o7777
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Who asked for a schedule that is made at a party's own endpoint, as its ticket says.
async fn asked_by(party: &RestClient) -> String {
    let (dsl, conf) = toy();
    let order = json!({"job_dsl": dsl, "job_runtime_conf": conf, "every_seconds": 100_000});
    let schedule = party.data("/v1/fedflow/schedules/create", &order).await["schedule_id"].clone();
    let listed = party
        .data(
            "/v1/fedflow/schedules/query",
            &json!({"schedule_id": schedule}),
        )
        .await;
    let ticket = &listed[0]["ticket"];
    ticket["asked_by"]
        .as_str()
        .unwrap_or_else(|| panic!("no name in {listed}"))
        .to_owned()
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "one federation: what is closed, who is refused, what a restart keeps"
)]
async fn the_credentials_stand_where_their_owner_alone_reads_them() {
    let mut cluster = loaded().await;
    let federation = cluster.dir.path().canonicalize().expect("there");
    assert_eq!(cluster.access(), federation.join("access.json"));
    let text = std::fs::read_to_string(cluster.access()).expect("there");
    let access: Value = serde_json::from_str(&text).expect("JSON");
    let [token, secret] =
        ["token", "secret"].map(|name| access[name].as_str().expect("text").to_owned());
    assert!(access["app_key"].is_string());
    let said = cluster.ready().to_string();
    assert!(!said.contains(&token) && !said.contains(&secret), "{said}");
    assert!(said.contains("all parties are mine"), "{said}");

    // Other users cannot enter, and every file with a secret is closed to them once more.
    for folder in [
        "",
        "coordinator",
        "party-9999",
        "party-10000",
        "authority",
        "import",
        "exports",
    ] {
        assert_eq!(mode(&federation.join(folder)) & 0o077, 0, "{folder}");
    }
    for file in files(&federation) {
        let content =
            String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).into_owned();
        let name = file
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            !content.contains(&token) || name == "access.json",
            "the token stands in {}",
            file.display()
        );
        if content.contains(&secret) || content.contains("PRIVATE KEY") {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }
    let processes = cluster.processes("");
    assert_eq!(processes.len(), 3);
    for process in processes {
        let line = std::fs::read(format!("/proc/{process}/cmdline")).expect("its arguments");
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(!line.contains(&token) && !line.contains(&secret), "{line}");
    }
    assert_eq!(asked_by(&cluster.party("9999")).await, "access.json");

    // Whoever asks without them is told which file to name, and not what stands in it.
    let (rest, dir) = (
        cluster.rest.base.clone(),
        cluster.dir.path().to_str().expect("a path").to_owned(),
    );
    let (plain, with_file) = (program(), cluster.program());
    let pid = cluster.id().to_string();
    let commands = tokio::task::spawn_blocking(move || {
        with_file.says(&["table", "list", "--rest", &rest]);
        with_file.says(&["schedule", "list", "--rest", &rest]);
        // There is none, which only those are told who were let in.
        let models = with_file.run(&["model", "list", "--rest", &rest]);
        assert!(
            !String::from_utf8_lossy(&models.stderr).contains("FF305"),
            "{models:?}"
        );
        let refused = [
            plain.run(&["job", "list", "--rest", &rest]),
            plain.run(&["job", "list", "--rest", &rest, "--token", "guessed"]),
        ];
        for output in refused {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                !output.status.success()
                    && said.contains("FF305")
                    && said.contains("FEDFLOW_ACCESS"),
                "{said}"
            );
        }
        let second = plain.run(&["up", "--dir", &dir, "--rest-port", "0"]);
        let said = String::from_utf8_lossy(&second.stderr).into_owned();
        assert!(!second.status.success() && said.contains(&pid), "{said}");
    });
    commands.await.expect("as expected");
    cluster.restart();
    assert_eq!(
        std::fs::read_to_string(cluster.access()).expect("there"),
        text,
        "kept over a restart"
    );
    assert_eq!(
        cluster
            .rest
            .data("/v1/job/list/job", &json!({"limit": 1}))
            .await["jobs"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    cluster.end();
}
