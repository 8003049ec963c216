-- When the coordinator is to look at an entity by itself: the next time of a schedule.

ALTER TABLE entities ADD COLUMN due BIGINT;
CREATE INDEX entities_by_due ON entities (kind, due) WHERE due IS NOT NULL;
-- Listings by name, and how many there are in all, from the index alone.
CREATE INDEX experiments_listed ON experiments (tenant, unique_name, id, archived) WHERE deleted = 0;
