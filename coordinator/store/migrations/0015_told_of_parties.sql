-- What is counted for a tenant is counted for each party apart, and what goes with a job's cleaning by job and party. The counts
-- begin with what is kept.

CREATE VIEW kept_of_parties AS
SELECT job_id, party, LENGTH(body) + 64 AS size, kind = 'summary' AS cleaned FROM texts
UNION ALL SELECT job_id, party, LENGTH(meta) + 64, 1 FROM metrics
UNION ALL SELECT job_id, party, 64, 1 FROM metric_pairs;

DELETE FROM told WHERE counted IN ('party', 'tenant');
INSERT INTO told (counted, name, amount)
SELECT 'party', party, SUM(size) FROM kept_of_parties GROUP BY party;
INSERT INTO told (counted, name, amount)
SELECT 'tenant', COALESCE(e.tenant, '') || '/' || k.party, SUM(k.size) FROM kept_of_parties k
LEFT JOIN jobs j ON j.id = k.job_id LEFT JOIN experiments e ON e.id = j.experiment
GROUP BY COALESCE(e.tenant, ''), k.party;
INSERT INTO told (counted, name, amount)
SELECT 'cleaned', job_id || '/' || party, SUM(size) FROM kept_of_parties WHERE cleaned GROUP BY job_id, party;

DROP VIEW kept_of_parties;
