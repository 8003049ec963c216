-- Rows that could not be read, each as the statement that would put it back, with the reason.

CREATE TABLE set_aside (
    kind TEXT NOT NULL,
    row_key TEXT NOT NULL,
    statement TEXT NOT NULL,
    why TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX set_aside_by_key ON set_aside (kind, row_key);
