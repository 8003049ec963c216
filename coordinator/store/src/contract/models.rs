//! What a store promises of versions of models, their parts, and tags.

use service::{ModelPart, ModelVersion, PartFilter, Store, Tag, VersionFilter};
use vocabulary::{Role, Timestamp};

use super::samples::{part, party, version};

pub(super) async fn keeps_versions_and_parts(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let first = version("m", "d1", 3);
    let bare = ModelVersion {
        parent: None,
        job: None,
        own_inference_dsl: None,
        checkpoints: Default::default(),
        dialect: domain::Dialect::FateV2,
        ..version("m", "d2", 2)
    };
    let other = version("other", "d1", 1);
    for version in [&first, &bare, &other] {
        assert!(tx.insert_version(version).await.expect("inserts"));
        assert!(
            !tx.insert_version(version).await.expect("answers"),
            "it is there"
        );
    }
    let of = |model: Option<&str>, versions: &[&str]| VersionFilter {
        model_id: model.map(str::to_owned),
        versions: versions.iter().map(|&version| version.to_owned()).collect(),
    };
    assert_eq!(
        tx.find_versions(&of(Some("m"), &["d1"]))
            .await
            .expect("finds"),
        vec![first.clone()]
    );
    assert_eq!(
        tx.find_versions(&of(Some("m"), &[])).await.expect("finds"),
        vec![bare.clone(), first.clone()]
    );
    assert_eq!(
        tx.find_versions(&of(None, &["d1"]))
            .await
            .expect("finds")
            .len(),
        2,
        "of two models"
    );
    let newer = ModelVersion {
        created: Timestamp(9),
        updated: Timestamp(9),
        stored: "q".to_owned(),
        ..first.clone()
    };
    tx.put_version(&newer).await.expect("puts");
    let kept = ModelVersion {
        created: Timestamp(3),
        ..newer
    };
    assert_eq!(
        tx.find_versions(&of(Some("m"), &["d1"]))
            .await
            .expect("finds"),
        vec![kept]
    );

    let (guest, host) = (
        part(&first, Role::Guest, "9999"),
        part(&first, Role::Host, "10000"),
    );
    for part in [&guest, &host, &part(&other, Role::Host, "10000")] {
        tx.put_part(part).await.expect("puts");
    }
    let model = PartFilter {
        model_id: Some("m".into()),
        ..PartFilter::default()
    };
    assert_eq!(tx.find_parts(&model).await.expect("finds").len(), 2);
    let loaded = ModelPart {
        loaded_times: 2,
        imported: true,
        archive_sha256: Some("ab".into()),
        updated: Timestamp(8),
        ..host.clone()
    };
    tx.put_part(&loaded).await.expect("puts");
    let hosts = PartFilter {
        role: Some(Role::Host),
        version: Some("d1".into()),
        ..model.clone()
    };
    assert_eq!(tx.find_parts(&hosts).await.expect("finds"), vec![loaded]);
    let own = PartFilter {
        party: Some(party("9999")),
        ..PartFilter::default()
    };
    assert_eq!(tx.find_parts(&own).await.expect("finds"), vec![guest]);
    let shared = PartFilter {
        shared_with: Some(party("9999")),
        ..PartFilter::default()
    };
    assert_eq!(
        tx.find_parts(&shared).await.expect("finds").len(),
        2,
        "the host's part of the same version, too"
    );
    let none = PartFilter {
        party: Some(party("7")),
        ..PartFilter::default()
    };
    assert!(tx.find_parts(&none).await.expect("finds").is_empty());
}

pub(super) async fn keeps_tags(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let tag = |name: &str, created| Tag {
        name: name.into(),
        description: None,
        created: Timestamp(created),
    };
    let best = Tag {
        description: Some("the best".into()),
        ..tag("Best_1", 1)
    };
    assert!(tx.insert_tag(&best).await.expect("inserts"));
    assert!(
        !tx.insert_tag(&best).await.expect("answers"),
        "the name is taken"
    );
    assert!(tx.insert_tag(&tag("worst", 2)).await.expect("inserts"));
    assert_eq!(tx.tag("Best_1").await.expect("reads"), Some(best.clone()));
    for (version, at) in [("v2", 5), ("v1", 6)] {
        assert!(
            tx.bind_tag(version, "Best_1", Timestamp(at))
                .await
                .expect("binds")
        );
    }
    assert!(
        !tx.bind_tag("v1", "Best_1", Timestamp(7))
            .await
            .expect("answers"),
        "it is bound"
    );
    assert!(
        tx.bind_tag("v1", "worst", Timestamp(4))
            .await
            .expect("binds")
    );
    let names = |tags: Vec<(Tag, u64)>| {
        tags.into_iter()
            .map(|(tag, count)| (tag.name, count))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(tx.find_tags("ST", None).await.expect("finds")),
        [("Best_1".into(), 2), ("worst".into(), 1)]
    );
    assert_eq!(
        names(tx.find_tags("", Some(1)).await.expect("finds")),
        [("Best_1".into(), 2)]
    );
    assert_eq!(
        names(tx.find_tags("t_1", None).await.expect("finds")).len(),
        1,
        "no character stands for others"
    );
    assert!(tx.find_tags("%", None).await.expect("finds").is_empty());
    assert_eq!(
        tx.tags_of("v1").await.expect("reads"),
        vec![tag("worst", 2), best.clone()],
        "in the order of binding"
    );
    assert!(
        !tx.change_tag("Best_1", &tag("worst", 1))
            .await
            .expect("answers"),
        "that name is taken"
    );
    assert!(
        !tx.change_tag("absent", &tag("new", 1))
            .await
            .expect("answers")
    );
    assert!(
        tx.change_tag("Best_1", &tag("good", 1))
            .await
            .expect("changes")
    );
    assert_eq!(
        tx.tagged("good").await.expect("reads"),
        ["v2", "v1"],
        "bindings follow"
    );
    assert_eq!(
        tx.tag("good").await.expect("reads"),
        Some(tag("good", 1)),
        "the description is replaced"
    );
    assert!(tx.unbind_tag("v2", "good").await.expect("unbinds"));
    assert!(!tx.unbind_tag("v2", "good").await.expect("answers"));
    assert!(tx.remove_tag("good").await.expect("removes"));
    assert!(!tx.remove_tag("good").await.expect("answers"));
    assert_eq!(
        tx.tags_of("v1").await.expect("reads").len(),
        1,
        "bindings are gone with the tag"
    );
    assert!(tx.tagged("good").await.expect("reads").is_empty());
}

/// A file of the first schema: a training that ended, and what was deployed of it.
#[tokio::test]
async fn a_file_of_the_first_schema_keeps_its_trainings_and_deployments() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("c.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut raw = sqlx::ConnectOptions::connect(&options)
        .await
        .expect("connects");
    let old = include_str!("../../migrations/0001_initial.sql");
    sqlx::raw_sql(old)
        .execute(&mut raw)
        .await
        .expect("makes the first schema");
    let applied = "CREATE TABLE schema_version (version BIGINT PRIMARY KEY, applied BIGINT NOT NULL);
         INSERT INTO schema_version (version, applied) VALUES (1, 0);
         INSERT INTO participants (job_id, position, role, party) VALUES ('p', 0, 'guest', '9999'), ('p', 1, 'host', '10000');
         INSERT INTO models (version, step, role, party, job_id, component, component_version, size, created)
         VALUES ('p', 'lr_0', 'guest', '9999', 'p', 'hetero_lr', 1, 30, 1), ('p', 'dt_0', 'guest', '9999', 'p', 'dt', 1, 12, 1);
         INSERT INTO deployments (version, model_id, parent, initiator_role, initiator_party, inference_dsl, train_conf, roles,
         created) VALUES ('d', 'm', 'p', 'guest', '9999', '{\"components\": {\"lr_0\": 1}}', '{\"c\": 1}', '{\"guest\": [9999]}', 9)";
    sqlx::raw_sql(applied)
        .execute(&mut raw)
        .await
        .expect("fills it");
    let mut trained = super::samples::job("p", 5);
    trained.model_id = "m".to_owned();
    trained.state = domain::JobState::Succeeded;
    sqlx::query(
        "INSERT INTO jobs (id, state, settled, initiator_role, initiator_party, name, description, model_version, created, \
         definition, papers, body) VALUES ('p', 'succeeded', 1, 'guest', '9999', '', '', 'p', 5, $1, '{}', $2)",
    )
    .bind(serde_json::to_string(&trained.definition).expect("text"))
    .bind(crate::body::body_of(&trained).expect("text"))
    .execute(&mut raw)
    .await
    .expect("writes the job");
    sqlx::Connection::close(raw).await.expect("closes");

    let store = crate::SqliteStore::open(&path)
        .await
        .expect("is brought up to date");
    let mut tx = store.read().await.expect("reads");
    let versions = tx
        .find_versions(&VersionFilter::default())
        .await
        .expect("finds");
    let names: Vec<&str> = versions
        .iter()
        .map(|version| version.key.version.as_str())
        .collect();
    assert_eq!(names, ["p", "d"]);
    let (parent, child) = (&versions[0], &versions[1]);
    assert_eq!(
        (parent.is_parent(), &parent.job, &parent.cast),
        (true, &Some(trained.id.clone()), &trained.cast)
    );
    assert_eq!(
        (&parent.train_conf, &parent.train_dsl),
        (&trained.definition.conf, &trained.definition.dsl)
    );
    assert_eq!(
        (child.stored.as_str(), &child.parent),
        ("p", &Some(parent.key.clone()))
    );
    assert_eq!(
        child.inference_dsl(),
        serde_json::json!({"components": {"lr_0": 1}})
    );
    assert_eq!(child.cast.guest, vec![party("9999")]);
    let parts = tx
        .find_parts(&PartFilter {
            party: Some(party("9999")),
            ..PartFilter::default()
        })
        .await
        .expect("finds");
    let sizes: Vec<(&str, u64)> = parts
        .iter()
        .map(|part| (part.key.version.as_str(), part.size))
        .collect();
    assert_eq!(sizes, [("p", 42), ("d", 42)]);
}
