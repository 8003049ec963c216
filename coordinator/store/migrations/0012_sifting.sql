-- Filters of experiments, and the count of what they let through, are answered from the index alone.
CREATE INDEX experiments_sifted ON experiments (tenant, unique_name, archived, created, id, deleted) WHERE deleted = 0;
