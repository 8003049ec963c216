-- What the faces share beside jobs: experiments, the entities that faces name, and the lines of what happened to a job.

CREATE TABLE experiments (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    unique_name TEXT NOT NULL,
    description TEXT NOT NULL,
    archived INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    created BIGINT NOT NULL,
    body TEXT NOT NULL
);
-- A deleted experiment gives its name up, an archived one keeps it.
CREATE UNIQUE INDEX experiments_by_name ON experiments (tenant, unique_name) WHERE deleted = 0;
CREATE INDEX experiments_by_created ON experiments (created, id) WHERE deleted = 0;
CREATE INDEX experiments_of_tenant ON experiments (tenant, created, id) WHERE deleted = 0;
CREATE INDEX experiments_names ON experiments (unique_name, id) WHERE deleted = 0;

CREATE TABLE entities (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    parent TEXT,
    name TEXT,
    job_id TEXT,
    creator TEXT NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    deleted INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX entities_by_created ON entities (kind, tenant, created, id);
CREATE INDEX entities_by_parent ON entities (kind, parent, created, id);
CREATE INDEX entities_by_name ON entities (kind, tenant, name);
CREATE INDEX entities_by_job ON entities (job_id) WHERE job_id IS NOT NULL;

CREATE TABLE events (
    job_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    party TEXT,
    level TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (job_id, at, seq)
) WITHOUT ROWID;

ALTER TABLE jobs ADD COLUMN experiment TEXT NOT NULL DEFAULT 'default';
ALTER TABLE jobs ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
-- Jobs of one queue run one after another, in the order in which they came.
ALTER TABLE jobs ADD COLUMN queue TEXT;
CREATE INDEX jobs_by_experiment ON jobs (experiment, created);
CREATE INDEX jobs_by_queue ON jobs (queue, settled, created, id, state) WHERE queue IS NOT NULL;
