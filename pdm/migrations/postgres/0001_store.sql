-- The store of the control plane. Times are microseconds since the UNIX epoch by the clock of the database
-- (view db_time); documents are JSON text; ids are their text form. Both databases have the same tables.

CREATE TABLE clock (
    id        BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    offset_us BIGINT NOT NULL              -- zero in production; tests move time with it
);
INSERT INTO clock (id, offset_us) VALUES (1, 0);
CREATE VIEW db_time AS
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + offset_us AS now FROM clock;

CREATE TABLE tenants (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL UNIQUE,
    created_at  BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE api_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    tenant     TEXT   REFERENCES tenants (id),   -- null: operator
    name       TEXT   NOT NULL,
    hash       TEXT   NOT NULL,                  -- SHA-256 of the secret part, hexadecimal
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    used_at    BIGINT
);

CREATE TABLE pools (
    domain           TEXT   NOT NULL PRIMARY KEY,
    nameservers      TEXT   NOT NULL,
    hold             TEXT   NOT NULL,
    template         TEXT   NOT NULL,
    open             BIGINT NOT NULL,
    allow_non_global BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    created_at       BIGINT NOT NULL
);

-- Names seen in a pool's zone that no claim of ours explains: taken, until a later look no longer sees them.
CREATE TABLE foreign_names (
    name    TEXT   NOT NULL PRIMARY KEY,
    pool    TEXT   NOT NULL REFERENCES pools (domain),
    seen_at BIGINT NOT NULL
);
CREATE INDEX foreign_names_by_pool ON foreign_names (pool);

-- One row per name, for ever. claim_id is the current owner; without one the name is free, or a tombstone
-- when buried_at is set: then only the tenant who had it may have it before the quarantine ends.
CREATE TABLE names (
    name      TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    pool      TEXT   NOT NULL,
    epoch     BIGINT NOT NULL,
    claim_id  TEXT UNIQUE,
    tenant    TEXT   NOT NULL,                   -- of the current or the last owner
    buried_at BIGINT
);

CREATE INDEX names_by_pool ON names (pool, name);

CREATE TABLE claims (
    id              TEXT   NOT NULL PRIMARY KEY,
    name            TEXT COLLATE "C"   NOT NULL,
    pool            TEXT   NOT NULL,
    label           TEXT   NOT NULL,
    tenant          TEXT   NOT NULL REFERENCES tenants (id),
    epoch           BIGINT NOT NULL,
    state           TEXT   NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT,
    ended_at        BIGINT,
    token_hash      TEXT   NOT NULL,
    targets         TEXT,
    records_version BIGINT NOT NULL DEFAULT 0,
    settle_until    BIGINT,                         -- a write of unknown outcome may arrive until then
    nameservers     TEXT   NOT NULL,
    ds              TEXT   NOT NULL,
    operation_id    TEXT,
    blocked         TEXT,
    conditions      TEXT   NOT NULL,
    UNIQUE (name, epoch)
);
CREATE INDEX claims_by_tenant ON claims (tenant, id);
CREATE INDEX claims_by_pool_state ON claims (pool, state, id);
CREATE INDEX claims_holds ON claims (expires_at) WHERE state = 'reserved';

CREATE TABLE records (
    claim_id TEXT   NOT NULL REFERENCES claims (id),
    owner    TEXT   NOT NULL,
    type     TEXT   NOT NULL,
    ttl      BIGINT NOT NULL,
    content  TEXT   NOT NULL,
    PRIMARY KEY (claim_id, owner, type)
);

CREATE TABLE operations (
    id              TEXT   NOT NULL PRIMARY KEY,
    kind            TEXT   NOT NULL,
    kind_version    BIGINT NOT NULL,
    claim_id        TEXT   NOT NULL REFERENCES claims (id),
    name            TEXT   NOT NULL,
    pool            TEXT   NOT NULL,
    tenant          TEXT   NOT NULL,
    epoch           BIGINT NOT NULL,
    state           TEXT   NOT NULL,
    steps           TEXT   NOT NULL,
    facts           TEXT   NOT NULL,
    holder          TEXT,                        -- the worker that has it, and until when
    lease_until     BIGINT,
    fence           BIGINT NOT NULL,             -- the how-manieth worker; older ones cannot write
    next_attempt_at BIGINT,                      -- never null while open
    waiting_until   BIGINT,
    error           TEXT,
    blocked_by      TEXT,
    created_at      BIGINT NOT NULL,
    ended_at        BIGINT
);
CREATE UNIQUE INDEX operations_one_open_per_name ON operations (name) WHERE ended_at IS NULL;
CREATE INDEX operations_due ON operations (next_attempt_at) WHERE ended_at IS NULL;
CREATE INDEX operations_by_claim ON operations (claim_id, id);
CREATE INDEX operations_by_tenant ON operations (tenant, id);

-- What was intended and what came of it: an intent is committed before each effect, a result after it.
-- seq, prev_hash and hash are filled by the sealer, in commit order, per tenant.
CREATE TABLE journal (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    operation_id TEXT   NOT NULL REFERENCES operations (id),
    step         TEXT   NOT NULL,
    entry        TEXT   NOT NULL,                -- intent | result
    fence        BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    detail       TEXT,
    seq          BIGINT,
    prev_hash    TEXT,
    hash         TEXT
);
CREATE INDEX journal_by_operation ON journal (operation_id, id);
CREATE INDEX journal_unsealed ON journal (id) WHERE seq IS NULL;

-- Events for streams. seq is given in commit order by one sequencer, so that a reader who has seen a number
-- has seen every lower one.
CREATE TABLE events (
    id           TEXT   NOT NULL PRIMARY KEY,
    seq          BIGINT UNIQUE,
    tenant       TEXT   NOT NULL,
    claim_id     TEXT   NOT NULL,
    operation_id TEXT,
    kind         TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    data         TEXT   NOT NULL
);
CREATE INDEX events_unnumbered ON events (id) WHERE seq IS NULL;
CREATE INDEX events_by_operation ON events (operation_id, seq);
CREATE INDEX events_by_tenant ON events (tenant, seq);
CREATE INDEX events_by_age ON events (at);

-- The last look at the world, per claim, as the API shows it.
CREATE TABLE propagation (
    claim_id TEXT   NOT NULL PRIMARY KEY REFERENCES claims (id),
    at       BIGINT NOT NULL,
    data     TEXT   NOT NULL
);

CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('events', 0);

CREATE TABLE idempotency (
    tenant        TEXT   NOT NULL,               -- 'operator' for operator keys
    route         TEXT   NOT NULL,
    key           TEXT   NOT NULL,
    fingerprint   TEXT   NOT NULL,
    operation_id  TEXT,
    pending_until BIGINT,                        -- while the first request still decides its answer
    status        BIGINT NOT NULL,
    location      TEXT,
    body          TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant, route, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- Who may do what only one may do at a time: write one parent zone, number events, run a reconcile task.
CREATE TABLE leases (
    name   TEXT   NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    fence  BIGINT NOT NULL,
    until  BIGINT NOT NULL
);

-- What we know of each parent zone's serial, to see that somebody else wrote into it. `serial` is what our next PATCH
-- makes of it; `edited` counts the times that it was another, and `seen` is that count as of the last full look.
CREATE TABLE parent_zones (
    parent TEXT   NOT NULL PRIMARY KEY,
    serial BIGINT NOT NULL,
    edited BIGINT NOT NULL,
    seen   BIGINT NOT NULL
);

CREATE TABLE orphans (
    kind   TEXT   NOT NULL,
    name   TEXT   NOT NULL,
    server TEXT   NOT NULL,
    marker TEXT,
    since  BIGINT NOT NULL,
    seen   BIGINT NOT NULL,                      -- the pass that saw it last
    PRIMARY KEY (kind, name, server)
);

CREATE TABLE audit (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    actor        TEXT   NOT NULL,
    source       TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    claim_id     TEXT,
    operation_id TEXT,
    before       TEXT,
    after        TEXT,
    detail       TEXT,
    at           BIGINT NOT NULL,
    seq          BIGINT,
    prev_hash    TEXT,
    hash         TEXT
);
CREATE INDEX audit_by_tenant ON audit (tenant, id);
CREATE INDEX audit_unsealed ON audit (id) WHERE seq IS NULL;
