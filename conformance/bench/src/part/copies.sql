-- Copies of one active name, in the databases of the control plane (main) and of PowerDNS (dns), made while both are
-- down: {active} more active names with zone, keys and delegation, and {held} held ones.
PRAGMA synchronous = OFF;
ATTACH '{dns}' AS dns;
BEGIN;
CREATE TEMP TABLE model AS SELECT * FROM claims WHERE name = '{model}.{pool}';
CREATE TEMP TABLE tenant AS SELECT row_number() OVER (ORDER BY id) - 1 AS n, id FROM tenants;
CREATE TEMP TABLE copy AS
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {active} + {held})
    SELECT substr(model.id, 1, 28) || printf('%08x', number.n) AS id,
           printf('copy-%06d', number.n) AS label,
           printf('copy-%06d.{pool}', number.n) AS name,
           tenant.id AS tenant,
           number.n <= {active} AS active
      FROM number, model
      JOIN tenant ON tenant.n = number.n % (SELECT count(*) FROM tenant);

-- The digest of each copy's DS: the key is the model's, and the name of the zone is part of what is digested.
CREATE TEMP TABLE digest (name TEXT PRIMARY KEY, hex TEXT NOT NULL);
INSERT INTO digest VALUES {digests};

-- Two days old, so that they count for no daily quota; holds last long enough for the measurement.
INSERT INTO claims (id, name, pool, label, tenant, epoch, state, version, created_at, expires_at, token_hash, targets,
                    nameservers, ds, operation_id, conditions)
SELECT copy.id, copy.name, model.pool, copy.label, copy.tenant, model.epoch, iif(active, model.state, 'reserved'),
       model.version, model.created_at - 2 * 86400000000, iif(active, NULL, model.created_at + 5 * 86400000000),
       model.token_hash, iif(active, model.targets, NULL), model.nameservers,
       iif(active, replace(lower(model.ds), '{digest}', digest.hex), '[]'), NULL,
       iif(active, model.conditions, '[]')
  FROM copy LEFT JOIN digest USING (name), model;
INSERT INTO names (name, pool, epoch, claim_id, tenant)
SELECT copy.name, model.pool, model.epoch, copy.id, copy.tenant FROM copy, model;

CREATE TEMP TABLE zone AS SELECT * FROM dns.domains WHERE name = '{model}.{pool}';
INSERT INTO dns.domains (name, type, account)
SELECT copy.name, zone.type, copy.id FROM copy, zone WHERE copy.active;
CREATE TEMP TABLE made AS SELECT id, name FROM dns.domains WHERE name LIKE 'copy-%.{pool}';
INSERT INTO dns.records (domain_id, name, type, content, ttl, prio, disabled, ordername, auth)
SELECT made.id, replace(r.name, zone.name, made.name), r.type, r.content, r.ttl, r.prio, r.disabled, r.ordername, r.auth
  FROM made, zone JOIN dns.records AS r ON r.domain_id = zone.id;
INSERT INTO dns.cryptokeys (domain_id, flags, active, published, content)
SELECT made.id, k.flags, k.active, k.published, k.content
  FROM made, zone JOIN dns.cryptokeys AS k ON k.domain_id = zone.id;
INSERT INTO dns.domainmetadata (domain_id, kind, content)
SELECT made.id, m.kind, m.content FROM made, zone JOIN dns.domainmetadata AS m ON m.domain_id = zone.id;

CREATE TEMP TABLE delegation AS
    SELECT r.* FROM dns.records AS r JOIN dns.domains AS parent ON parent.id = r.domain_id
     WHERE parent.name = '{pool}' AND r.name = '{model}.{pool}';
INSERT INTO dns.records (domain_id, name, type, content, ttl, prio, disabled, ordername, auth)
SELECT d.domain_id, made.name, d.type, replace(lower(d.content), '{digest}', digest.hex), d.ttl, d.prio, d.disabled,
       d.ordername, d.auth
  FROM made JOIN digest USING (name), delegation AS d;
COMMIT;
