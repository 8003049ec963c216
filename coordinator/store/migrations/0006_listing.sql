-- Lists of jobs by state are put together from the index alone, without reading the jobs.

DROP INDEX jobs_by_state;
CREATE INDEX jobs_by_state ON jobs (state, created, id);
