-- How much agents told: bytes and outputs by task, party and tenant, for the bounds of the settings.

CREATE TABLE told (
    counted TEXT NOT NULL,
    name TEXT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (counted, name)
);
-- What parties told before this step.
INSERT INTO told (counted, name, amount)
SELECT 'party', party, SUM(size) FROM (
    SELECT party, LENGTH(body) AS size FROM texts
    UNION ALL SELECT party, LENGTH(meta) + 64 FROM metrics
    UNION ALL SELECT party, 64 FROM metric_pairs
) GROUP BY party;
