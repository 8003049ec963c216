//! One model under four APIs: what is begun through one is read through all, and still after the coordinator was killed in
//! the middle.

use std::time::Duration;

use fedflow_tests::cluster::Cluster;
use fedflow_tests::fixtures::{lr_conf, lr_dsl};
use fedflow_tests::rest::RestClient;
use http::Method;
use serde_json::{Value, json};

use super::loaded;

const ORGANIZATION: &str = "/organizations/1234567890123";
const KUBEFLOW: &str = "/apis/v1beta1/experiments";

/// The reply; null while the REST endpoint is away.
async fn ask(rest: &RestClient, method: Method, path: &str, body: &Value) -> Value {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let Ok((status, reply)) = rest.send(method, path, "application/json", text).await else {
        return Value::Null;
    };
    let reply: Value = serde_json::from_slice(&reply).unwrap_or_default();
    assert!((200..300).contains(&status), "{path}: {status} {reply}");
    reply
}

async fn get(rest: &RestClient, path: &str) -> Value {
    ask(rest, Method::GET, path, &Value::Null).await
}

/// Waits, over an absence of the REST endpoint, until a member of the reply has one of these values.
async fn until(rest: &RestClient, path: &str, pointer: &str, wished: &[&str]) -> Value {
    let mut last = Value::Null;
    for _ in 0..1_200 {
        last = get(rest, path).await;
        if last
            .pointer(pointer)
            .and_then(Value::as_str)
            .is_some_and(|word| wished.contains(&word))
        {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} is still {last}");
}

async fn meteos(rest: &RestClient, collection: &str, singular: &str, fields: Value) -> String {
    let made = ask(
        rest,
        Method::POST,
        &format!("/v1/p/{collection}"),
        &json!({singular: fields}),
    )
    .await;
    made[singular]["id"].as_str().expect("an id").to_owned()
}

/// The entry of a list whose member has a value.
fn entry(list: &Value, member: &str, value: &str) -> Value {
    let found = list
        .as_array()
        .and_then(|list| list.iter().find(|one| one[member] == value));
    found
        .cloned()
        .unwrap_or_else(|| panic!("no {member} {value} in {list}"))
}

/// The built-in deployment's runs, and the id of its version.
async fn built_in(rest: &RestClient) -> (String, Value) {
    let deployments = get(rest, &format!("{ORGANIZATION}/deployments")).await;
    let deployment = deployments["entries"][0]["deployment_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let versions = get(
        rest,
        &format!("{ORGANIZATION}/deployments/{deployment}/versions"),
    )
    .await;
    (
        format!("{ORGANIZATION}/deployments/{deployment}/runs"),
        versions["entries"][0]["version_id"].clone(),
    )
}

/// The numbered model that a job left.
async fn training_model(rest: &RestClient, job: &str) -> String {
    let definitions = get(rest, &format!("{ORGANIZATION}/training/definitions")).await;
    for definition in definitions["entries"].as_array().expect("a list") {
        let id = definition["job_definition_id"].as_str().expect("an id");
        let models = get(
            rest,
            &format!("{ORGANIZATION}/training/definitions/{id}/models"),
        )
        .await;
        let own = models["entries"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|model| model["training_job_id"] == job);
        if let Some(own) = own {
            return own["training_model_id"].as_str().expect("an id").to_owned();
        }
    }
    panic!("job {job} left no numbered model")
}

/// What a run predicted, row by row, read at the REST endpoint of the party that keeps it.
async fn predicted(cluster: &Cluster, job: &str) -> Vec<String> {
    let of = json!({"job_id": job, "component_name": "local_learner_0", "role": "guest", "party_id": "9999"});
    let reply = cluster
        .party("9999")
        .post("/v1/tracking/component/output/data", &of)
        .await;
    let header = reply["meta"]["header"][0].as_array().expect("a header");
    let at = header
        .iter()
        .position(|name| name == "predict_result")
        .expect("a column of predictions");
    let rows = reply["data"][0].as_array().expect("rows").iter();
    rows.map(|row| {
        row[at]
            .as_str()
            .map_or_else(|| row[at].to_string(), str::to_owned)
    })
    .collect()
}

/// A bank's rows and a clinic's, lines of the bank's own, and an experiment that was made through Kubeflow's API.
struct World {
    cluster: Cluster,
    rest: RestClient,
    experiment: String,
}

/// Rows that are asked for, and what the tree says of them.
const ASKED: [(&str, &str); 4] = [
    ("7,1", "0.0"),
    ("44,2", "1.0"),
    ("29,0", "0.0"),
    ("30,0", "1.0"),
];

impl World {
    async fn up() -> Self {
        let cluster = loaded().await;
        let rest = cluster.rest.clone();
        let rows: Vec<String> = (0..60)
            .map(|n| format!("{},{n},{}", u8::from(n >= 30), n % 3))
            .collect();
        let party = cluster.party("9999");
        for (name, text) in [
            ("rows.txt", rows.join("\n")),
            ("asked.txt", ASKED.map(|(row, _)| row).join("\n")),
        ] {
            let put = party
                .send(
                    Method::PUT,
                    &format!("/v1/fedflow/files/lab/{name}"),
                    "text/plain",
                    text,
                )
                .await;
            assert!(put.expect("put").0 < 300);
        }
        let experiment =
            ask(&rest, Method::POST, KUBEFLOW, &json!({"name": "x1"})).await["id"].clone();
        let experiment = experiment.as_str().expect("an id").to_owned();
        Self {
            cluster,
            rest,
            experiment,
        }
    }

    fn conf(&self) -> Value {
        let mut conf = lr_conf(3);
        conf["job_parameters"]["common"]["experiment"] = json!(self.experiment);
        conf
    }

    /// A dataset of a file of the bank's.
    fn download(&self, name: &str) -> Value {
        let url = format!("swift://lab/{name}");
        json!({"method": "download", "source_dataset_url": url, "experiment_id": self.experiment})
    }

    async fn jobs(&self) -> Value {
        self.rest
            .post("/v1/job/query", &json!({"experiment": self.experiment}))
            .await["data"]
            .clone()
    }

    /// A federated training of FATE's API and a tree of Meteos', with a kill while they are at it: the job of the one, the id of
    /// the other and its job.
    async fn trained(&self) -> (String, String, String) {
        let federated = self.rest.submitted(&lr_dsl(), &self.conf()).await;
        let dataset = meteos(&self.rest, "datasets", "dataset", self.download("rows.txt")).await;
        let fields = json!({"display_name": "tree", "model_type": "DecisionTreeClassification",
            "experiment_id": self.experiment, "source_dataset_url": format!("internal://{dataset}")});
        let model = meteos(&self.rest, "models", "model", fields).await;
        self.cluster.kill("coordinator");
        self.rest.succeeded(&federated).await;
        let path = format!("/v1/p/models/{model}");
        let shown =
            until(&self.rest, &path, "/model/status", &["available", "error"]).await["model"]
                .clone();
        assert_eq!(shown["status"], json!("available"), "{shown}");
        let jobs = self.jobs().await;
        let trees = jobs.as_array().expect("a list").iter();
        let trees = trees.filter(|job| job["f_dsl"]["components"]["local_learner_0"].is_object());
        let trees: Vec<&str> = trees.filter_map(|job| job["f_job_id"].as_str()).collect();
        let [tree] = trees[..] else {
            panic!("one training of Meteos' model: {jobs}")
        };
        (federated, model, tree.to_owned())
    }

    /// The channel in which datasets are files, and a dataset as one.
    async fn as_file(&self, dataset: &str) -> (String, String) {
        let channels =
            get(&self.rest, &format!("{ORGANIZATION}/channels")).await["channels"].clone();
        let channel = entry(&channels, "name", "datasets")["channel_id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let files = get(&self.rest, &format!("/channels/{channel}")).await["files"].clone();
        let mut files = files
            .as_array()
            .expect("files")
            .iter()
            .filter_map(|file| file["file_id"].as_str());
        let file = files
            .find(|file| file.ends_with(dataset))
            .expect("the dataset as a file")
            .to_owned();
        (channel, file)
    }

    /// A new channel.
    async fn channel(&self, name: &str) -> String {
        let made = ask(
            &self.rest,
            Method::POST,
            &format!("{ORGANIZATION}/channels"),
            &json!({"name": name}),
        )
        .await;
        made["channel"]["channel_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// The last column of a channel's only file.
    async fn file_in(&self, channel: &str, name: &str) -> Vec<String> {
        let channels =
            get(&self.rest, &format!("{ORGANIZATION}/channels")).await["channels"].clone();
        let channel = entry(&channels, "name", channel)["channel_id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let files = get(&self.rest, &format!("/channels/{channel}")).await["files"].clone();
        let [file] = &files.as_array().expect("files")[..] else {
            panic!("one file: {files}")
        };
        assert_eq!(file["metadata"]["x-abeja-meta-filename"], name);
        let uri = file["download_uri"].as_str().expect("an address");
        let path = uri.find("/channels/").map(|at| &uri[at..]).expect("a path");
        let sent = self
            .rest
            .send(Method::GET, path, "text/csv", String::new())
            .await
            .expect("answered");
        assert_eq!(
            (sent.0, Some(sent.1.len() as u64)),
            (200, file["size"].as_u64())
        );
        let text = String::from_utf8(sent.1.to_vec()).expect("text");
        text.lines()
            .skip(1)
            .map(|line| line.rsplit(',').next().unwrap_or_default().to_owned())
            .collect()
    }

    /// A dataset of the rows that are asked for.
    async fn asked_for(&self) -> String {
        let dataset = meteos(
            &self.rest,
            "datasets",
            "dataset",
            self.download("asked.txt"),
        )
        .await;
        let path = format!("/v1/p/datasets/{dataset}");
        let shown = until(
            &self.rest,
            &path,
            "/dataset/status",
            &["available", "error"],
        )
        .await["dataset"]
            .clone();
        assert_eq!(
            shown["head"],
            json!("['7,1', '44,2', '29,0', '30,0']\n"),
            "{shown}"
        );
        dataset
    }
}

#[tokio::test]
async fn what_one_api_begins_all_show_through_a_kill_of_the_coordinator() {
    let world = World::up().await;
    let (rest, experiment) = (&world.rest, &world.experiment);
    // X1: an experiment of Kubeflow's is one of Meteos'
    let seen = get(rest, &format!("/v1/p/experiments/{experiment}")).await["experiment"].clone();
    assert_eq!(
        (&seen["status"], &seen["name"]),
        (&json!("available"), &json!("x1"))
    );

    // X3: a model of Meteos' is a training job in that experiment, with its figures
    let (federated, _, tree) = world.trained().await;
    let jobs = world.jobs().await;
    for job in [&federated, &tree] {
        assert_eq!(entry(&jobs, "f_job_id", job)["f_status"], "success");
        training_model(rest, job).await;
    }
    let of = json!({"job_id": tree, "component_name": "local_learner_0", "role": "guest", "party_id": "9999"});
    let metrics = rest.data("/v1/tracking/component/metric/all", &of).await;
    assert!(metrics.to_string().contains("60"), "{metrics}");

    // a training of several parties is a model of Meteos', too, which answers for no single row
    let model = entry(
        &get(rest, "/v1/p/models").await["models"],
        "type",
        "HeteroLR",
    );
    assert_eq!(
        (&model["status"], &model["experiment_id"]),
        (&json!("available"), &json!(experiment)),
        "{model}"
    );
    let row = json!({"model_id": model["id"], "method": "predict", "args": "MQ=="});
    let refused = meteos(rest, "learnings", "learning", row).await;
    let refused = get(rest, &format!("/v1/p/learnings/{refused}")).await["learning"].clone();
    assert_eq!(refused["status"], "error");
    assert!(
        refused["stderr"]
            .as_str()
            .expect("why")
            .contains("several parties"),
        "{refused}"
    );

    // put away through Kubeflow's API, it takes no work on any
    ask(
        rest,
        Method::POST,
        &format!("{KUBEFLOW}/{experiment}:archive"),
        &Value::Null,
    )
    .await;
    assert_ne!(rest.submit(&lr_dsl(), &world.conf()).await["retcode"], 0);
    let late = json!({"dataset": world.download("rows.txt")}).to_string();
    let late = rest
        .send(Method::POST, "/v1/p/datasets", "application/json", late)
        .await
        .expect("answered");
    assert_eq!(late.0, 400, "{}", String::from_utf8_lossy(&late.1));
    assert_eq!(
        get(rest, &format!("/v1/p/experiments/{experiment}")).await["experiment"]["status"],
        "inactive"
    );
    world.cluster.end();
}

#[tokio::test]
async fn a_run_with_meteos_model_over_its_dataset_says_what_its_learnings_say() {
    let world = World::up().await;
    let rest = &world.rest;
    let (_, model, tree) = world.trained().await;
    let dataset = world.asked_for().await;
    let (channel, file) = world.as_file(&dataset).await;
    let (runs, version) = built_in(rest).await;
    let order = json!({"version_id": version, "environment": {}, "models": {"alias": training_model(rest, &tree).await},
        "input_data": {"$datalake:1": format!("{channel}/{file}")},
        "output_template": {"$datalake:1": format!("{}/told.csv", world.channel("results").await)}});
    let run = ask(rest, Method::POST, &runs, &order).await["run_id"].clone();
    let run = format!("{runs}/{}", run.as_str().expect("an id"));
    world.cluster.kill("coordinator");
    let ended = until(rest, &run, "/status", &["SUCCEEDED", "FAILED"]).await;
    let lines = get(rest, &format!("{run}/logs")).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{lines}");
    let first = lines["events"][0]["message"].as_str().expect("a line");
    let job = first
        .split(' ')
        .find(|word| word.len() >= 20)
        .expect("the first line names the job");
    assert_eq!(rest.job(job).await["f_status"], "success");
    let said = predicted(&world.cluster, job).await;
    let mut learnings = Vec::new();
    for row in ["NywxCg==", "NDQsMgo=", "MjksMAo=", "MzAsMAo="] {
        let row = json!({"model_id": model, "method": "predict", "args": row});
        let learning = meteos(rest, "learnings", "learning", row).await;
        let path = format!("/v1/p/learnings/{learning}");
        let told =
            until(rest, &path, "/learning/status", &["available", "error"]).await["learning"]
                .clone();
        learnings.push(
            told["stdout"]
                .as_str()
                .unwrap_or_else(|| panic!("{told}"))
                .to_owned(),
        );
    }
    assert_eq!(
        (&said[..], &learnings[..]),
        (&ASKED.map(|(_, says)| says.to_owned())[..], &said[..])
    );

    assert_eq!(
        world.file_in("results", "told.csv").await,
        said,
        "the file in which they were kept"
    );

    // a table that FATE's API removes is a dataset that says so, and no file
    let table = json!({"namespace": "datasets", "table_name": dataset, "party_id": "9999"});
    assert_eq!(rest.post("/v1/table/delete", &table).await["retcode"], 0);
    let gone = get(rest, &format!("/v1/p/datasets/{dataset}")).await["dataset"].clone();
    assert_eq!(
        (&gone["status"], &gone["stderr"]),
        (&json!("error"), &json!("the table was removed"))
    );
    let file = rest
        .send(
            Method::GET,
            &format!("/channels/{channel}/{file}"),
            "application/json",
            String::new(),
        )
        .await;
    assert_eq!(file.expect("answered").0, 404);
    world.cluster.end();
}

/// The training had an evaluation; the file has no labels: there is nothing to judge, and the predictions are kept.
#[tokio::test]
async fn a_run_over_a_file_without_labels_is_predicted_and_kept() {
    let cluster = loaded().await;
    let rest = &cluster.rest;
    let trained = rest.submitted(&lr_dsl(), &lr_conf(3)).await;
    rest.succeeded(&trained).await;
    let tables = fedflow_tests::fixtures::pair(200);
    let bare = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        [&cells[..1], &cells[2..]].concat().join(",") + "\n"
    };
    let rows: String = tables.guest.lines().map(bare).collect();
    let made = ask(
        rest,
        Method::POST,
        &format!("{ORGANIZATION}/channels"),
        &json!({"name": "sent"}),
    )
    .await;
    let channel = made["channel"]["channel_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let sent = rest
        .send(
            Method::POST,
            &format!("/channels/{channel}/upload"),
            "text/csv",
            rows,
        )
        .await
        .expect("sent");
    let file: Value = serde_json::from_slice(&sent.1).expect("JSON");
    let (runs, version) = built_in(rest).await;
    let order = json!({"version_id": version, "environment": {}, "retry_count": 0,
        "models": {"alias": training_model(rest, &trained).await},
        "input_data": {"$datalake:1": format!("{channel}/{}", file["file_id"].as_str().expect("an id"))},
        "output_template": {"$datalake:1": format!("{channel}/told.csv")}});
    let run = ask(rest, Method::POST, &runs, &order).await["run_id"].clone();
    let run = format!("{runs}/{}", run.as_str().expect("an id"));
    let ended = until(rest, &run, "/status", &["SUCCEEDED", "FAILED"]).await;
    let lines = get(rest, &format!("{run}/logs")).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{lines}");
    assert!(
        lines
            .to_string()
            .contains("have no labels: there is nothing to evaluate"),
        "{lines}"
    );
    let files = get(rest, &format!("/channels/{channel}")).await["files"].clone();
    let kept = files
        .as_array()
        .expect("files")
        .iter()
        .filter(|file| file["metadata"]["x-abeja-meta-filename"] == "told.csv");
    assert_eq!(kept.count(), 1, "{files}");
    cluster.end();
}
