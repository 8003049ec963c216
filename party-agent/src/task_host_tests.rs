//! What a component may read, and where its files may lie.

use super::*;
use crate::trial::{OPEN, agent_state, assignment, offer, script, table};
use serde_json::json;
use vocabulary::{CheckpointRef, DataInput, Participant, StepName};

struct Bench {
    folder: tempfile::TempDir,
    agent_state: Arc<AgentState>,
    task_host: AgentTaskHost,
}

/// Role local is the party's own user's affair; guest is a job's.
async fn bench(role: Role) -> Bench {
    limited(role, vocabulary::Limits::default()).await
}

/// The same, of a job that may use only so much.
async fn limited(role: Role, limits: vocabulary::Limits) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let agent_state = agent_state(folder.path(), "1", OPEN).await;
    let reporter = Reporter::start(agent_state.clone()).await.unwrap();
    let task_host = AgentTaskHost::new(
        agent_state.clone(),
        reporter,
        Assignment {
            limits,
            ..assignment(role, "1", 0, &script("read"))
        },
        &offer(&script("read")),
        CancellationToken::new(),
    );
    Bench {
        folder,
        agent_state,
        task_host: task_host.moving(true),
    }
}

fn import_of(file: &str, replace: bool, options: serde_json::Value) -> ImportRequest {
    ImportRequest::read(file, TableRef::new("n", "t"), &options)
        .unwrap()
        .replacing(replace)
        .partitions(2)
}

impl Bench {
    async fn import(&self, request: ImportRequest) -> Result<Receipt> {
        self.task_host.import(request, Box::new(|_| ())).await
    }

    async fn stage(&self, content: &str) -> String {
        let name = vocabulary::random_name().unwrap();
        self.agent_state
            .staging
            .receive(&name, rest::proxy::whole(content.to_owned()))
            .await
            .unwrap();
        name
    }
}

fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.into_fault().code)
}

#[tokio::test]
async fn reads_only_tables_that_were_offered_and_are_enabled() {
    let bench = bench(Role::Guest).await;
    for name in ["offered", "private"] {
        bench
            .agent_state
            .table_store
            .write(&TableRef::new("experiment", name), &table(2), 1)
            .unwrap();
    }
    let offered = TableRef::new("experiment", "offered");
    assert_eq!(
        bench.task_host.load_table(&offered).await.unwrap().rows(),
        2
    );
    assert_eq!(
        code(
            bench
                .task_host
                .load_table(&TableRef::new("experiment", "private"))
                .await
        ),
        Some(ErrorCode::OfferRefused)
    );
    bench
        .agent_state
        .table_store
        .set_enabled(&offered, false)
        .unwrap();
    assert_eq!(
        code(bench.task_host.load_table(&offered).await),
        Some(ErrorCode::TableInvalid)
    );
    bench.agent_state.table_store.delete(&offered).unwrap();
    assert_eq!(
        code(bench.task_host.load_table(&offered).await),
        Some(ErrorCode::TableMissing)
    );
}

#[tokio::test]
async fn makes_a_table_of_a_staged_file_and_forgets_the_file() {
    let bench = bench(Role::Local).await;
    let staged = bench.stage("id,x\n1,a\n2,b\n1,c\n").await;
    let options = json!({"head": 1, "id_delimiter": ",", "with_meta": true, "meta": {"input_format": "dense"}});
    let receipt = bench
        .import(import_of(&staged, false, options))
        .await
        .unwrap();
    assert_eq!(
        (receipt.rows_in, receipt.stored, receipt.replaced),
        (3, 2, 1)
    );
    assert!(bench.agent_state.staging.find(&staged).is_none());
    let info = bench
        .agent_state
        .table_store
        .info(&TableRef::new("n", "t"))
        .unwrap();
    assert_eq!(
        (info.rows, info.partitions, info.origin),
        (2, 2, tables::Origin::Upload)
    );
    let meta = &info.schema.meta["meta"];
    assert_eq!(
        (
            &meta["input_format"],
            &meta["data_type"],
            &meta["label_name"]
        ),
        (&json!("dense"), &json!("float64"), &json!("y"))
    );
    assert_eq!(info.schema.meta["anonymous_header"], json!(["x0"]));
    let outputs = bench
        .agent_state
        .records
        .attempts_of(&crate::trial::job())
        .await
        .unwrap();
    assert!(outputs.is_empty(), "this attempt was never begun");
}

#[tokio::test]
async fn makes_a_table_of_a_file_that_stays() {
    let bench = bench(Role::Local).await;
    let (place, content) = (
        crate::files::Place::new("channel", "a").unwrap(),
        rest::proxy::whole("id,x\n1,a\n2,b\n"),
    );
    bench
        .agent_state
        .files
        .receive(
            &place,
            crate::files::Label::default(),
            content,
            vocabulary::Timestamp(1),
        )
        .await
        .unwrap();
    assert_eq!(
        bench
            .import(import_of("files://channel/a", false, json!({})))
            .await
            .unwrap()
            .stored,
        2
    );
    assert!(
        bench.agent_state.files.find(&place).unwrap().is_some(),
        "it may be asked for again"
    );
    for absent in [
        "files://channel/b",
        "files://channel/../channel/a",
        "files://",
    ] {
        let refused = bench.import(import_of(absent, true, json!({}))).await;
        assert_eq!(code(refused), Some(ErrorCode::FileUnreadable), "{absent}");
    }
}

#[tokio::test]
async fn replaces_or_adds_rows_only_when_asked_to() {
    let bench = bench(Role::Local).await;
    let file = |content: &'static str| bench.stage(content);
    bench
        .import(import_of(&file("id,x\n1,a\n2,b\n").await, false, json!({})))
        .await
        .unwrap();
    let again = file("id,x\n2,c\n3,d\n").await;
    assert_eq!(
        code(bench.import(import_of(&again, false, json!({}))).await),
        Some(ErrorCode::Conflict)
    );
    bench
        .import(import_of(&again, false, json!({"append": true})))
        .await
        .unwrap();
    let stands = |name: &str| {
        bench
            .agent_state
            .table_store
            .read(&TableRef::new("n", name))
            .unwrap()
    };
    let mut rows = stands("t").preview(9).unwrap();
    rows.sort();
    assert_eq!(rows, [["1", "a"], ["2", "c"], ["3", "d"]]);
    let careful = file("id,x\n9,z\n").await;
    bench.agent_state.staging.keep_tables_from(&careful);
    assert_eq!(
        code(bench.import(import_of(&careful, true, json!({}))).await),
        Some(ErrorCode::Conflict)
    );
    bench
        .import(import_of(
            &file("id,x\n9,z\n").await,
            true,
            json!({"head": "1"}),
        ))
        .await
        .unwrap();
    assert_eq!(stands("t").rows(), 1);
}

#[tokio::test]
async fn refuses_files_outside_of_its_folders_and_odd_options() {
    let bench = bench(Role::Local).await;
    std::fs::write(bench.folder.path().join("secret.csv"), "id\n1\n").unwrap();
    std::fs::write(bench.folder.path().join("in/open.csv"), "id,x\n1,2\n").unwrap();
    let secret = bench.folder.path().join("secret.csv");
    for path in [
        "../secret.csv",
        secret.to_str().unwrap(),
        "/etc/passwd",
        "../staging/../secret.csv",
    ] {
        assert_eq!(
            code(bench.import(import_of(path, true, json!({}))).await),
            Some(ErrorCode::FileUnreadable),
            "{path}"
        );
    }
    for options in [json!({"head": 2}), json!({"id_delimiter": "ab"})] {
        let refused = ImportRequest::read("open.csv", TableRef::new("n", "t"), &options);
        assert_eq!(refused.unwrap_err().code, ErrorCode::ParameterInvalid);
    }
    let no_partitions = import_of("open.csv", true, json!({})).partitions(0);
    assert_eq!(
        code(bench.import(no_partitions).await),
        Some(ErrorCode::TableInvalid)
    );
    assert!(
        bench
            .import(import_of("open.csv", true, json!({"head": true})))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn stops_reading_a_file_when_the_attempt_is_stopped() {
    let bench = bench(Role::Local).await;
    std::fs::write(bench.folder.path().join("in/open.csv"), "id,x\n1,2\n").unwrap();
    bench.task_host.cancel.cancel();
    assert!(matches!(
        bench.import(import_of("open.csv", true, json!({}))).await,
        Err(ComponentError::Canceled)
    ));
    assert!(
        !bench
            .agent_state
            .table_store
            .exists(&TableRef::new("n", "t"))
    );
}

#[tokio::test]
async fn stops_in_the_middle_of_a_file_and_of_a_table() {
    let bench = bench(Role::Local).await;
    let rows: String = (0..200_000).map(|row| format!("{row},{row}\n")).collect();
    std::fs::write(
        bench.folder.path().join("in/long.csv"),
        format!("id,x\n{rows}"),
    )
    .unwrap();
    let (token, seen) = (bench.task_host.cancel.clone(), Arc::new(AtomicU64::new(0)));
    let most = seen.clone();
    let progress = move |at: Reading| {
        most.fetch_max(at.rows, Ordering::SeqCst);
        token.cancel();
    };
    let stopped = bench
        .task_host
        .import(import_of("long.csv", false, json!({})), Box::new(progress))
        .await;
    assert!(matches!(stopped, Err(ComponentError::Canceled)));
    let seen = seen.load(Ordering::SeqCst);
    assert!(seen > 0 && seen < 200_000, "{seen} rows were read");
    assert!(
        !bench
            .agent_state
            .table_store
            .exists(&TableRef::new("n", "t"))
    );

    // What a stopped attempt is about to read, copy, keep or export it leaves alone.
    let private = TableRef::new("experiment", "private");
    bench
        .agent_state
        .table_store
        .write(&private, &table(2), 1)
        .unwrap();
    let copy = CopyRequest {
        from: private.clone(),
        to: TableRef::new("n", "copy"),
        replace: false,
        partitions: None,
    };
    assert!(matches!(
        bench.task_host.copy(copy).await,
        Err(ComponentError::Canceled)
    ));
    let export = ExportRequest {
        table: private.clone(),
        path: "a.csv".into(),
        delimiter: ",".into(),
    };
    assert!(matches!(
        bench.task_host.export(export).await,
        Err(ComponentError::Canceled)
    ));
    assert!(matches!(
        bench.task_host.store_output(0, "data", &table(2)).await,
        Err(ComponentError::Canceled)
    ));
    let file = crate::files::Place::new("channel", "a").unwrap();
    let content = rest::proxy::whole("a\nb\n");
    let label = crate::files::Label::default();
    bench
        .agent_state
        .files
        .receive(&file, label, content, vocabulary::Timestamp(1))
        .await
        .unwrap();
    assert!(matches!(
        bench.task_host.lines("files://channel/a").await,
        Err(ComponentError::Canceled)
    ));
    let table_store = bench.agent_state.table_store.list().unwrap();
    assert_eq!(table_store, [private], "nothing was left");
}

#[tokio::test]
async fn exports_own_tables_below_the_export_folder_only() {
    let bench = bench(Role::Local).await;
    let private = TableRef::new("experiment", "private");
    bench
        .agent_state
        .table_store
        .write(&private, &table(2), 1)
        .unwrap();
    let request = |path: &str| ExportRequest {
        table: private.clone(),
        path: path.into(),
        delimiter: ";".into(),
    };
    assert_eq!(bench.task_host.export(request("a/b.csv")).await.unwrap(), 2);
    let text = std::fs::read_to_string(bench.folder.path().join("exports/a/b.csv")).unwrap();
    assert_eq!(text, "id;x0\n0;v0\n1;v1\n");
    for path in ["../escaped.csv", "/tmp/escaped.csv", ""] {
        assert_eq!(
            code(bench.task_host.export(request(path)).await),
            Some(ErrorCode::RequestInvalid),
            "{path}"
        );
    }
    let job = self::bench(Role::Guest).await;
    job.agent_state
        .table_store
        .write(&private, &table(2), 1)
        .unwrap();
    assert_eq!(
        code(job.task_host.export(request("c.csv")).await),
        Some(ErrorCode::OfferRefused)
    );
}

#[tokio::test]
async fn gives_only_models_that_were_wired() {
    let mut bench = bench(Role::Guest).await;
    let saved = SavedModel {
        component: "scripted".into(),
        component_version: 1,
        role: Role::Guest,
        bytes: vec![1, 2],
    };
    bench.task_host.save_model(saved.clone()).await.unwrap();
    let owner = Participant::new(Role::Guest, bench.agent_state.me.clone());
    let model = |step: &str| ModelRef {
        version: crate::trial::job().to_string(),
        step: StepName::new(step).unwrap(),
        owner: owner.clone(),
    };
    assert_eq!(
        code(bench.task_host.load_model(&model("scripted_0")).await),
        Some(ErrorCode::OfferRefused)
    );
    for step in ["scripted_0", "never_0"] {
        bench
            .task_host
            .assignment
            .models
            .push(vocabulary::ModelInput {
                port: "model".into(),
                model: model(step),
                checkpoint: None,
            });
    }
    assert!(
        bench
            .task_host
            .load_model(&model("scripted_0"))
            .await
            .unwrap()
            == saved
    );
    assert_eq!(
        code(bench.task_host.load_model(&model("never_0")).await),
        Some(ErrorCode::ModelMissing)
    );
}

#[tokio::test]
async fn an_upload_leaves_its_table_as_output_and_root() {
    let bench = bench(Role::Local).await;
    let order = bench.task_host.assignment.clone();
    bench
        .agent_state
        .records
        .begin_attempt(&order, bench.agent_state.now())
        .await
        .unwrap();
    let staged = bench.stage("1,a\n2,b\n").await;
    let options = json!({"head": 0, "schema": {"sid": "k", "header": "letter", "extra": 1}});
    bench
        .import(import_of(&staged, false, options))
        .await
        .unwrap();
    let table = TableRef::new("n", "t");
    let record = bench
        .agent_state
        .records
        .attempt(&order.task, order.attempt)
        .await
        .unwrap()
        .unwrap();
    let (index, output) = &record.outputs[0];
    assert_eq!(
        (
            *index,
            &output.table,
            output.data_name.as_deref(),
            output.rows
        ),
        (0, &table, Some("upload"), 2)
    );
    assert_eq!(output.header, ["k", "letter"]);
    assert_eq!(
        bench.agent_state.records.descent_of(&table).await.unwrap(),
        Some(vec![])
    );
    assert_eq!(
        bench
            .agent_state
            .table_store
            .info(&table)
            .unwrap()
            .schema
            .meta["extra"],
        1
    );
    let reserved = ImportRequest {
        table: TableRef::new("output_data_1_a_0", "x"),
        ..import_of("x", true, json!({}))
    };
    assert_eq!(
        code(bench.import(reserved).await),
        Some(ErrorCode::RequestInvalid)
    );
}

#[tokio::test]
async fn says_how_far_an_import_is() {
    let bench = bench(Role::Local).await;
    let rows: String = (0..20_000).map(|row| format!("{row},a\n")).collect();
    let staged = bench
        .agent_state
        .staging
        .receive(
            "0".repeat(32).as_str(),
            rest::proxy::whole(format!("id,x\n{rows}")),
        )
        .await;
    staged.unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let at = heard.clone();
    let request = import_of(&"0".repeat(32), false, json!({}));
    bench
        .task_host
        .import(
            request,
            Box::new(move |reading| at.lock().unwrap().push(reading)),
        )
        .await
        .unwrap();
    let heard = heard.lock().unwrap();
    assert!(
        heard
            .windows(2)
            .all(|pair| pair[0].rows <= pair[1].rows && pair[0].fraction <= pair[1].fraction)
    );
    let last = heard.last().unwrap();
    assert_eq!((last.rows, last.fraction), (20_000, 1.0));
}

#[tokio::test]
async fn keeps_tables_under_another_name_and_remembers_where_they_came_from() {
    let bench = bench(Role::Local).await;
    let (private, kept) = (
        TableRef::new("experiment", "private"),
        TableRef::new("kept", "copy"),
    );
    bench
        .agent_state
        .table_store
        .write(&private, &table(3), 2)
        .unwrap();
    let request = |replace: bool| CopyRequest {
        from: private.clone(),
        to: kept.clone(),
        replace,
        partitions: Some(1),
    };
    assert_eq!(bench.task_host.copy(request(false)).await.unwrap(), 3);
    assert_eq!(
        bench
            .agent_state
            .table_store
            .info(&kept)
            .unwrap()
            .partitions,
        1
    );
    assert_eq!(
        code(bench.task_host.copy(request(false)).await),
        Some(ErrorCode::Conflict)
    );
    assert_eq!(bench.task_host.copy(request(true)).await.unwrap(), 3);
    let lines = bench
        .agent_state
        .records
        .descent_of(&kept)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&lines[0].parent, &lines[0].source), (&private, &private));
    let reserved = CopyRequest {
        to: TableRef::new("output_data_1_a_0", "x"),
        ..request(true)
    };
    assert_eq!(
        code(bench.task_host.copy(reserved).await),
        Some(ErrorCode::RequestInvalid)
    );
}

#[tokio::test]
async fn a_job_of_others_copies_what_was_offered_and_replaces_nothing() {
    let bench = bench(Role::Guest).await;
    let (offered, private) = (
        TableRef::new("experiment", "offered"),
        TableRef::new("experiment", "private"),
    );
    for name in [&offered, &private] {
        bench
            .agent_state
            .table_store
            .write(name, &table(2), 1)
            .unwrap();
    }
    let copy = |from: &TableRef, to: &str| CopyRequest {
        from: from.clone(),
        to: TableRef::new("kept", to),
        replace: true,
        partitions: None,
    };
    assert_eq!(
        code(bench.task_host.copy(copy(&private, "a")).await),
        Some(ErrorCode::OfferRefused)
    );
    assert_eq!(bench.task_host.copy(copy(&offered, "a")).await.unwrap(), 2);
    assert_eq!(
        code(bench.task_host.copy(copy(&offered, "a")).await),
        Some(ErrorCode::Conflict)
    );
}

#[tokio::test]
async fn gives_the_checkpoint_that_the_order_names() {
    let mut bench = bench(Role::Guest).await;
    let state = |byte: u8| SavedModel {
        component: "scripted".into(),
        component_version: 1,
        role: Role::Guest,
        bytes: vec![byte],
    };
    let at = |step_index: u32| CheckpointAt {
        step_index,
        step_name: format!("epoch_{step_index}"),
    };
    for epoch in [0, 1, 1] {
        bench
            .task_host
            .save_checkpoint(at(epoch), state(epoch as u8))
            .await
            .unwrap();
    }
    bench.task_host.save_model(state(9)).await.unwrap();
    let owner = Participant::new(Role::Guest, bench.agent_state.me.clone());
    let model = ModelRef {
        version: crate::trial::job().to_string(),
        step: StepName::new("scripted_0").unwrap(),
        owner: owner.clone(),
    };
    assert_eq!(
        bench
            .agent_state
            .records
            .checkpoints(&model)
            .await
            .unwrap()
            .len(),
        2
    );
    for (checkpoint, bytes) in [
        (Some(CheckpointRef::StepIndex(1)), Some(1)),
        (Some(CheckpointRef::StepName("epoch_0".into())), Some(0)),
        (Some(CheckpointRef::StepIndex(7)), None),
        (None, Some(9)),
    ] {
        bench.task_host.assignment.models = vec![vocabulary::ModelInput {
            port: "model".into(),
            model: model.clone(),
            checkpoint,
        }];
        let given = bench.task_host.load_model(&model).await;
        assert_eq!(given.as_ref().ok().map(|model| model.bytes[0]), bytes);
        assert!(bytes.is_some() || code(given) == Some(ErrorCode::ModelMissing));
    }
    // another attempt trains anew: what the first kept is no state of its model
    bench.task_host.assignment.attempt = vocabulary::Attempt(1);
    bench
        .task_host
        .save_checkpoint(at(5), state(5))
        .await
        .unwrap();
    let kept = bench.agent_state.records.checkpoints(&model).await.unwrap();
    assert_eq!(
        kept.iter().map(|kept| kept.step_index).collect::<Vec<_>>(),
        [5]
    );
}

#[tokio::test]
async fn copies_models_for_the_partys_own_jobs_and_parts_only() {
    let copy = |party_model_id: &str| ModelCopy {
        party_model_id: party_model_id.to_owned(),
        model_version: "1".to_owned(),
        replace: false,
    };
    let (own, foreign) = (
        "guest#1#guest-1#host-2#model",
        "host#2#guest-1#host-2#model",
    );
    let of_others = bench(Role::Guest).await;
    assert_eq!(
        code(of_others.task_host.store_model(copy(own)).await),
        Some(ErrorCode::OfferRefused)
    );
    let local = bench(Role::Local).await;
    for odd in [foreign, "", "guest#1"] {
        assert_eq!(
            code(local.task_host.restore_model(copy(odd)).await),
            Some(ErrorCode::OfferRefused),
            "{odd}"
        );
    }
}

#[tokio::test]
async fn keeps_the_last_view_of_a_model_beside_it() {
    let bench = bench(Role::Guest).await;
    bench.task_host.keep_model_view().await;
    let at = bench.task_host.own_model();
    assert_eq!(
        bench.agent_state.records.model_view(&at).await.unwrap(),
        None
    );
    for view in ["{\"meta\":1}", "{\"meta\":2}"] {
        bench
            .task_host
            .report(ReportBody::ModelView(view.to_owned()), About::NOTHING);
    }
    bench.task_host.keep_model_view().await;
    assert_eq!(
        bench
            .agent_state
            .records
            .model_view(&at)
            .await
            .unwrap()
            .as_deref(),
        Some("{\"meta\":2}")
    );
}

#[tokio::test]
async fn holds_no_more_than_the_profile_allows() {
    let limits = vocabulary::Limits {
        memory_mib: Some(1),
        ..vocabulary::Limits::default()
    };
    let bench = limited(Role::Guest, limits).await;
    let half = Table::of_lines(vec!["x".repeat(700 << 10)]).unwrap();
    bench
        .task_host
        .store_output(0, "data", &half)
        .await
        .unwrap();
    assert_eq!(
        code(bench.task_host.store_output(0, "data", &half).await),
        Some(ErrorCode::LimitReached)
    );
}

#[tokio::test]
async fn moves_nothing_of_the_partys_own_unless_its_users_or_its_policy_asked() {
    let bench = bench(Role::Local).await;
    let staged = bench.stage("id,x\n1,a\n").await;
    std::fs::write(bench.folder.path().join("in/rows.txt"), "a,1").unwrap();
    let private = TableRef::new("experiment", "private");
    let export = || ExportRequest {
        table: private.clone(),
        path: "a.csv".into(),
        delimiter: ",".into(),
    };
    let copy = || CopyRequest {
        from: private.clone(),
        to: TableRef::new("kept", "copy"),
        replace: false,
        partitions: None,
    };
    bench
        .agent_state
        .table_store
        .write(&private, &table(3), 2)
        .unwrap();
    let task_host = bench.task_host.moving(false);
    let import = import_of(&staged, false, json!({}));
    assert_eq!(
        code(task_host.import(import, Box::new(|_| ())).await),
        Some(ErrorCode::OfferRefused)
    );
    assert_eq!(
        code(task_host.lines("rows.txt").await),
        Some(ErrorCode::OfferRefused)
    );
    assert_eq!(
        code(task_host.copy(copy()).await),
        Some(ErrorCode::OfferRefused)
    );
    assert_eq!(
        code(task_host.export(export()).await),
        Some(ErrorCode::OfferRefused)
    );
    assert_eq!(
        code(file_outputs::keep(&task_host, "files://folder/name", &table(3)).await),
        Some(ErrorCode::OfferRefused)
    );
    let task_host = task_host.moving(true);
    assert!(task_host.lines("rows.txt").await.is_ok() && task_host.copy(copy()).await.is_ok());
    assert!(task_host.export(export()).await.is_ok());
}

#[tokio::test]
async fn reads_lines_of_own_files_for_own_jobs_only() {
    let bench = bench(Role::Guest).await;
    std::fs::create_dir_all(bench.folder.path().join("in")).unwrap();
    std::fs::write(bench.folder.path().join("in/rows.txt"), "a,1\r\nb,2").unwrap();
    assert_eq!(
        bench.task_host.lines("rows.txt").await.unwrap(),
        ["a,1", "b,2"]
    );
    assert_eq!(
        code(bench.task_host.lines("files://folder/none").await),
        Some(ErrorCode::FileUnreadable)
    );
    let mut foreign = offer(&script("read"));
    foreign.initiator = Participant::new(Role::Guest, "2".parse().unwrap());
    let reporter = Reporter::start(bench.agent_state.clone()).await.unwrap();
    let order = assignment(Role::Guest, "1", 0, &script("read"));
    let task_host = AgentTaskHost::new(
        bench.agent_state.clone(),
        reporter,
        order,
        &foreign,
        CancellationToken::new(),
    );
    let task_host = task_host.moving(true);
    assert_eq!(
        code(task_host.lines("rows.txt").await),
        Some(ErrorCode::OfferRefused)
    );
}

/// What the coordinator was told by then, and what the party's own log says.
async fn told(bench: &Bench, task_host: &AgentTaskHost) -> (Vec<ReportBody>, String) {
    task_host.reporter.flush().await;
    let posted = bench.agent_state.records.posted(u32::MAX).await.unwrap();
    let log = std::fs::read_dir(bench.folder.path().join("logs")).unwrap();
    let mut text = String::new();
    let mut folders: Vec<_> = log.map(|entry| entry.unwrap().path()).collect();
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            text += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
        }
    }
    (
        posted.into_iter().map(|(_, report)| report.body).collect(),
        text,
    )
}

fn figures() -> (ReportBody, About) {
    let data = vocabulary::MetricData::Values(vec![("rmse".to_owned(), 0.4711)]);
    let meta = serde_json::Map::new();
    let metric = vocabulary::Metric {
        namespace: "train".into(),
        name: "lr".into(),
        data,
        meta,
    };
    (
        ReportBody::Metrics(vec![metric.finite().0]),
        About {
            tells: &[Tells::Figures],
            ..About::NOTHING
        },
    )
}

#[tokio::test]
async fn figures_are_judged_by_the_tables_that_were_really_read() {
    for (rows, is_told) in [(None, false), (Some(19), false), (Some(20), true)] {
        let bench = bench(Role::Guest).await;
        let rules = OPEN.replace("fewest_rows = 1", "fewest_rows = 20");
        bench.agent_state.set_policy(policy::Policy::new(
            "1".parse().unwrap(),
            toml::from_str(&rules).unwrap(),
        ));
        if let Some(rows) = rows {
            let offered = TableRef::new("experiment", "offered");
            bench
                .agent_state
                .table_store
                .write(&offered, &table(rows), 1)
                .unwrap();
            bench.task_host.load_table(&offered).await.unwrap();
        }
        let (body, about) = figures();
        // Whatever its component says of the rows.
        bench.task_host.report(
            body,
            About {
                rows: Some(1_000),
                ..about
            },
        );
        let (told, log) = told(&bench, &bench.task_host).await;
        let told = format!("{told:?}");
        assert_eq!(told.contains("0.4711"), is_told, "{rows:?}: {told}");
        assert_eq!(
            told.contains("withheld by rule disclosure.fewest_rows"),
            !is_told,
            "{told}"
        );
        assert_eq!(
            log.contains("withheld by rule disclosure.fewest_rows"),
            !is_told,
            "{log}"
        );
    }
}

#[tokio::test]
async fn a_model_of_few_rows_keeps_what_is_told_with_it() {
    let bench = bench(Role::Guest).await;
    let at = bench.task_host.own_model();
    let offered = TableRef::new("experiment", "offered");
    let saved = SavedModel {
        component: "scripted".into(),
        component_version: 1,
        role: Role::Guest,
        bytes: vec![1],
    };
    bench.task_host.save_model(saved.clone()).await.unwrap();
    assert_eq!(
        bench.agent_state.records.model_rows(&at).await.unwrap(),
        None
    );
    bench
        .agent_state
        .table_store
        .write(&offered, &table(7), 1)
        .unwrap();
    bench.task_host.load_table(&offered).await.unwrap();
    bench.task_host.save_model(saved).await.unwrap();
    assert_eq!(
        bench.agent_state.records.model_rows(&at).await.unwrap(),
        Some(7)
    );
}

#[tokio::test]
async fn an_error_names_no_column_where_headers_are_kept() {
    let bench = bench(Role::Guest).await;
    let offered = TableRef::new("experiment", "offered");
    bench
        .agent_state
        .table_store
        .write(&offered, &table(2), 1)
        .unwrap();
    bench.task_host.load_table(&offered).await.unwrap();
    let failed = Outcome::Failed(Fault::new(ErrorCode::DataMismatch, "column x0 is text"));
    assert_eq!(bench.task_host.as_told(failed.clone()), failed);
    bench.agent_state.set_policy(policy::Policy::new(
        "1".parse().unwrap(),
        policy::Rules::default(),
    ));
    assert!(!format!("{:?}", bench.task_host.as_told(failed)).contains("x0"));
}

#[tokio::test]
async fn jobs_of_ones_own_users_are_no_queries() {
    let bench = bench(Role::Guest).await;
    let reporter = Reporter::start(bench.agent_state.clone()).await.unwrap();
    let mut foreign = offer(&script("read"));
    foreign.initiator = Participant::new(Role::Host, "2".parse().unwrap());
    for (offer, has_ticket, asker) in [
        (offer(&script("read")), true, None),
        (offer(&script("read")), false, Some(COORDINATOR)),
        (foreign.clone(), true, Some("2")),
        (foreign, false, Some("2")),
    ] {
        let order = assignment(Role::Guest, "1", 0, &script("read"));
        let task_host = AgentTaskHost::new(
            bench.agent_state.clone(),
            reporter.clone(),
            order,
            &offer,
            CancellationToken::new(),
        );
        assert_eq!(task_host.asked_with(has_ticket).asker.as_deref(), asker);
    }
}

#[tokio::test]
async fn an_output_that_is_named_as_a_table_is_held_to_the_columns_of_what_it_was_made_of() {
    let bench = bench(Role::Guest).await;
    let (output, lab) = (
        TableRef::new("output_data_7_reader_0_0", "0123"),
        TableRef::new("lab", "t"),
    );
    bench
        .agent_state
        .table_store
        .write(&output, &table(2), 1)
        .unwrap();
    let rules = "[admission.columns]\n'lab.t' = []\n";
    let policy = format!("{OPEN}{rules}");
    bench.agent_state.set_policy(policy::Policy::new(
        "1".parse().unwrap(),
        toml::from_str(&policy).unwrap(),
    ));
    let mut offer = offer(&script("read"));
    offer.steps[0]
        .tables
        .iter_mut()
        .for_each(|(_, table)| *table = output.clone());
    let load = async |change: &dyn Fn(&mut Assignment)| {
        let reporter = Reporter::start(bench.agent_state.clone()).await.unwrap();
        let mut order = assignment(Role::Guest, "1", 0, &script("read"));
        change(&mut order);
        let task_host = AgentTaskHost::new(
            bench.agent_state.clone(),
            reporter,
            order,
            &offer,
            CancellationToken::new(),
        );
        task_host
            .load_table(&output)
            .await
            .err()
            .map(|error| error.into_fault().path)
    };
    let kept = Some(Some("admission.columns".to_owned()));
    assert_eq!(
        load(&|_| ()).await,
        kept,
        "nobody knows of what it was made"
    );
    bench
        .agent_state
        .records
        .add_descent(&output, std::slice::from_ref(&lab), None)
        .await
        .unwrap();
    assert_eq!(load(&|_| ()).await, kept);
    let own = |order: &mut Assignment| {
        order.inputs = vec![DataInput {
            port: "data".to_owned(),
            from_step: order.task.step.clone(),
            table: output.clone(),
        }];
    };
    assert_eq!(
        load(&own).await,
        None,
        "an input of the job itself was judged before"
    );
    bench
        .agent_state
        .records
        .add_descent(&output, &[TableRef::new("lab", "u")], None)
        .await
        .unwrap();
    assert_eq!(
        load(&|_| ()).await,
        None,
        "no rule is about what it was made of"
    );
}
