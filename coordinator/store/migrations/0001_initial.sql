-- The coordinator's first schema. Text ids, integer microseconds, JSON as text: read by SQLite and Postgres alike.

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    settled INTEGER NOT NULL,
    initiator_role TEXT NOT NULL,
    initiator_party TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    model_version TEXT NOT NULL,
    created BIGINT NOT NULL,
    started BIGINT,
    ended BIGINT,
    -- When the drive loop is to look at it next; NULL while nothing is to be done.
    due BIGINT,
    -- Which coordinator works on it, and until when it has it to itself.
    claimed_by TEXT,
    claimed_until BIGINT,
    -- What was submitted: written once.
    definition TEXT NOT NULL,
    -- The signed offer and the answers to it: written when one arrives.
    papers TEXT NOT NULL,
    -- Everything else: written with every change.
    body TEXT NOT NULL
);
CREATE INDEX jobs_by_created ON jobs (created, id);
CREATE INDEX jobs_by_state ON jobs (state, created);
CREATE INDEX jobs_by_initiator ON jobs (initiator_party, created);
CREATE INDEX jobs_by_due ON jobs (due) WHERE due IS NOT NULL;
CREATE INDEX jobs_unsettled ON jobs (id) WHERE settled = 0;
CREATE INDEX jobs_by_model_version ON jobs (model_version);

CREATE TABLE participants (
    job_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,
    party TEXT NOT NULL,
    notes TEXT,
    PRIMARY KEY (job_id, role, party)
);
CREATE INDEX participants_by_party ON participants (party, role, job_id);

CREATE TABLE tasks (
    job_id TEXT NOT NULL,
    step TEXT NOT NULL,
    role TEXT NOT NULL,
    party TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    -- 1 while no later try of the same task exists.
    newest INTEGER NOT NULL,
    -- Place among the tasks that were added with it.
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    -- 1 while an agent may be working on it.
    active INTEGER NOT NULL,
    created BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job_id, step, role, party, attempt)
);
CREATE INDEX tasks_by_created ON tasks (created, job_id, position);
CREATE INDEX tasks_by_state ON tasks (state, created);
CREATE INDEX tasks_active ON tasks (party) WHERE active = 1;

CREATE TABLE metrics (
    job_id TEXT NOT NULL,
    step TEXT NOT NULL,
    role TEXT NOT NULL,
    party TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Order of the first report.
    position INTEGER NOT NULL,
    -- points: numbers by number; values: numbers by name.
    kind TEXT NOT NULL,
    meta TEXT NOT NULL,
    PRIMARY KEY (job_id, step, role, party, attempt, namespace, name)
);

CREATE TABLE metric_pairs (
    job_id TEXT NOT NULL,
    step TEXT NOT NULL,
    role TEXT NOT NULL,
    party TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The key as text; for points its number beside it.
    pair_key TEXT NOT NULL,
    pair_number DOUBLE PRECISION,
    -- NULL stands for what is not a number.
    pair_value DOUBLE PRECISION,
    PRIMARY KEY (job_id, step, role, party, attempt, namespace, name, pair_key)
);

CREATE TABLE texts (
    job_id TEXT NOT NULL,
    step TEXT NOT NULL,
    role TEXT NOT NULL,
    party TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job_id, step, role, party, attempt, kind)
);

CREATE TABLE models (
    version TEXT NOT NULL,
    step TEXT NOT NULL,
    role TEXT NOT NULL,
    party TEXT NOT NULL,
    job_id TEXT NOT NULL,
    component TEXT NOT NULL,
    component_version BIGINT NOT NULL,
    size BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (version, step, role, party)
);
CREATE INDEX models_by_job ON models (job_id);
CREATE INDEX models_by_created ON models (created);

CREATE TABLE deployments (
    version TEXT PRIMARY KEY,
    model_id TEXT NOT NULL,
    parent TEXT NOT NULL,
    initiator_role TEXT NOT NULL,
    initiator_party TEXT NOT NULL,
    inference_dsl TEXT NOT NULL,
    train_conf TEXT NOT NULL,
    roles TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX deployments_by_parent ON deployments (parent);

CREATE TABLE parties (
    party TEXT PRIMARY KEY,
    components TEXT NOT NULL,
    rest TEXT,
    rows_through_coordinator INTEGER NOT NULL,
    seen BIGINT NOT NULL
);

CREATE TABLE outbox (
    order_key TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    party TEXT NOT NULL,
    errand TEXT NOT NULL,
    created BIGINT NOT NULL,
    next_try BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    last_error TEXT
);
CREATE INDEX outbox_by_party ON outbox (party, next_try, created);
CREATE INDEX outbox_by_job ON outbox (job_id);
