-- Versions of models as documents of their own, so that one can stand here without the job that trained it; what each
-- participant keeps of them; tags.

CREATE TABLE model_versions (
    model_id TEXT NOT NULL,
    version TEXT NOT NULL,
    -- The version under which the parties keep the models.
    stored TEXT NOT NULL,
    initiator_role TEXT NOT NULL,
    initiator_party TEXT NOT NULL,
    -- What it was deployed from; NULL for what a training left.
    parent_id TEXT,
    parent_version TEXT,
    job_id TEXT,
    -- Version of the language in which the training was written, 1 or 2.
    dsl_version INTEGER NOT NULL,
    fate_version TEXT NOT NULL,
    roles TEXT NOT NULL,
    train_dsl TEXT NOT NULL,
    train_conf TEXT NOT NULL,
    -- NULL: that of all components of the train DSL.
    inference_dsl TEXT,
    checkpoints TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (model_id, version)
);
CREATE INDEX model_versions_by_version ON model_versions (version);
CREATE INDEX model_versions_by_created ON model_versions (created);

CREATE TABLE model_parts (
    model_id TEXT NOT NULL,
    version TEXT NOT NULL,
    role TEXT NOT NULL,
    party TEXT NOT NULL,
    size BIGINT NOT NULL,
    loaded_times BIGINT NOT NULL,
    imported INTEGER NOT NULL,
    archive_sha256 TEXT,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (model_id, version, role, party)
);
CREATE INDEX model_parts_by_version ON model_parts (version);
CREATE INDEX model_parts_by_party ON model_parts (party, role);

CREATE TABLE tags (
    name TEXT PRIMARY KEY,
    description TEXT,
    created BIGINT NOT NULL
);

CREATE TABLE model_tags (
    version TEXT NOT NULL,
    tag TEXT NOT NULL REFERENCES tags (name) ON DELETE CASCADE ON UPDATE CASCADE,
    created BIGINT NOT NULL,
    PRIMARY KEY (version, tag)
);
CREATE INDEX model_tags_by_tag ON model_tags (tag);

-- Trainings that ended before, and what was deployed of them.
INSERT INTO model_versions (model_id, version, stored, initiator_role, initiator_party, parent_id, parent_version, job_id,
    dsl_version, fate_version, roles, train_dsl, train_conf, inference_dsl, checkpoints, created, updated)
SELECT json_extract(body, '$.model_id'), model_version, model_version, initiator_role, initiator_party, NULL, NULL, id,
    CASE json_extract(definition, '$.dialect') WHEN 'fate_v1' THEN 1 ELSE 2 END, '1.11.2', json_extract(body, '$.cast'),
    json_extract(definition, '$.dsl'), json_extract(definition, '$.conf'), NULL, '{}', COALESCE(ended, created),
    COALESCE(ended, created)
FROM jobs
WHERE settled = 1 AND initiator_role <> 'local' AND json_extract(body, '$.kind') = 'train';

INSERT INTO model_versions (model_id, version, stored, initiator_role, initiator_party, parent_id, parent_version, job_id,
    dsl_version, fate_version, roles, train_dsl, train_conf, inference_dsl, checkpoints, created, updated)
SELECT d.model_id, d.version, d.parent, d.initiator_role, d.initiator_party, d.model_id, d.parent, NULL, 2, '1.11.2', d.roles,
    COALESCE(json_extract(j.definition, '$.dsl'), '{}'), d.train_conf, d.inference_dsl, '{}', d.created, d.created
FROM deployments d LEFT JOIN jobs j ON j.id = d.parent;

INSERT INTO model_parts (model_id, version, role, party, size, loaded_times, imported, archive_sha256, created, updated)
SELECT v.model_id, v.version, p.role, p.party,
    (SELECT COALESCE(SUM(m.size), 0) FROM models m WHERE m.version = v.stored AND m.role = p.role AND m.party = p.party),
    0, 0, NULL, v.created, v.created
FROM model_versions v JOIN participants p ON p.job_id = v.stored
WHERE p.role <> 'local';

DROP TABLE deployments;
