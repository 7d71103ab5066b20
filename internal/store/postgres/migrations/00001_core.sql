-- +goose Up

CREATE TABLE installation (
    one        BIGINT PRIMARY KEY CHECK (one = 1),
    id         BYTEA NOT NULL,
    secret     BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row an organisation: its place in its own log. The commit path locks it.
CREATE TABLE heads (
    org_id BYTEA NOT NULL PRIMARY KEY,
    seq    BIGINT NOT NULL,
    number INTEGER NOT NULL
);

-- The log. Order and versions are guarded by the head and by the version of
-- each object, and an object's history is walked by prev_seq, so the log has no
-- second index: an update writes as few pages as it can.
CREATE TABLE log (
    org_id    BYTEA NOT NULL,
    seq       BIGINT NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    object_id BYTEA NOT NULL,
    version   BIGINT NOT NULL,
    prev_seq  BIGINT NOT NULL,
    leaf      BYTEA NOT NULL,
    leaf_hash BYTEA NOT NULL,
    details   BYTEA,
    nonce     BYTEA,
    PRIMARY KEY (org_id, seq)
);

-- Speed bumps, not proof: only details and their nonce may ever be erased.
-- +goose StatementBegin
CREATE FUNCTION log_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'log records are never changed or deleted';
END $$;
-- +goose StatementEnd
CREATE TRIGGER log_keeps_rows BEFORE DELETE OR TRUNCATE ON log
    FOR EACH STATEMENT EXECUTE FUNCTION log_refuses();
CREATE TRIGGER log_keeps_leaves BEFORE UPDATE OF org_id, seq, kind, object_id, version, prev_seq, leaf, leaf_hash ON log
    FOR EACH STATEMENT EXECUTE FUNCTION log_refuses();

CREATE TABLE organisations (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL CHECK (id = org_id),
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    require_if_match BIGINT NOT NULL,
    audit_epoch BIGINT NOT NULL,
    audit_previous TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE TABLE projects (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, name)
);

CREATE TABLE datasets (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    project_id BYTEA NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, project_id, name)
);

CREATE TABLE checks (
    org_id      BYTEA NOT NULL,
    id          BYTEA NOT NULL,
    version     BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    leaf        BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    project_id  BYTEA NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    url         TEXT COLLATE "C" NOT NULL,
    dataset_ids TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, project_id, name)
);

CREATE TABLE users (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    email      TEXT COLLATE "C" NOT NULL,
    deactivated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, email)
);

CREATE TABLE roles (
    org_id      BYTEA NOT NULL,
    id          BYTEA NOT NULL,
    version     BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    leaf        BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, name)
);

CREATE TABLE grants (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    user_id    BYTEA NOT NULL,
    role       TEXT COLLATE "C" NOT NULL,
    scope      TEXT COLLATE "C" NOT NULL,
    scope_id   BYTEA NOT NULL,
    revoked_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE INDEX grants_of_user ON grants (org_id, user_id);
-- Nobody holds the same role in the same place twice.
CREATE UNIQUE INDEX grants_once ON grants (org_id, user_id, role, scope, scope_id) WHERE revoked_at = 0;

CREATE TABLE api_keys (
    org_id      BYTEA NOT NULL,
    id          BYTEA NOT NULL,
    version     BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    leaf        BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    owner_id    BYTEA NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    project_id  BYTEA,
    permissions TEXT COLLATE "C" NOT NULL,
    secret_hash BYTEA NOT NULL,
    expires_at  BIGINT NOT NULL,
    revoked_at  BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- A request brings a key and nothing else: this finds its organisation.
CREATE UNIQUE INDEX api_keys_by_id ON api_keys (id);

-- When a key was last used: not a change, so not in its row.
CREATE TABLE key_use (
    org_id  BYTEA NOT NULL,
    key_id  BYTEA NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, key_id)
);

CREATE TABLE incidents (
    org_id           BYTEA NOT NULL,
    id               BYTEA NOT NULL,
    version          BIGINT NOT NULL,
    seq              BIGINT NOT NULL,
    leaf             BYTEA NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    number           INTEGER NOT NULL,
    project_id       BYTEA NOT NULL,
    dataset_ids      TEXT COLLATE "C" NOT NULL,
    title            TEXT COLLATE "C" NOT NULL,
    description      TEXT COLLATE "C" NOT NULL,
    severity         TEXT COLLATE "C" NOT NULL,
    status           TEXT COLLATE "C" NOT NULL,
    type             TEXT COLLATE "C" NOT NULL,
    source           TEXT COLLATE "C" NOT NULL,
    error_message    TEXT COLLATE "C" NOT NULL,
    affected_regions TEXT COLLATE "C" NOT NULL,
    failure_count    BIGINT NOT NULL,
    resolution_notes TEXT COLLATE "C" NOT NULL,
    labels           TEXT COLLATE "C" NOT NULL,
    links            TEXT COLLATE "C" NOT NULL,
    check_id         BYTEA,
    check_name       TEXT COLLATE "C" NOT NULL,
    check_url        TEXT COLLATE "C" NOT NULL,
    lead_id          BYTEA,
    reporter_id      BYTEA,
    started_at       BIGINT NOT NULL,
    opened_at        BIGINT NOT NULL,
    acknowledged_at  BIGINT NOT NULL,
    resolved_at      BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
) WITH (fillfactor = 80); -- room for the next version of a row on its own page

-- No index holds a column that ordinary updates touch: status is only in the
-- condition of the last two, and is written only when it changes.
CREATE UNIQUE INDEX incidents_by_number ON incidents (org_id, number);
CREATE INDEX incidents_by_project ON incidents (org_id, project_id, number);
CREATE INDEX incidents_by_check ON incidents (org_id, check_id, number) WHERE check_id IS NOT NULL;
CREATE INDEX incidents_unresolved ON incidents (org_id, project_id, number)
    WHERE status IN ('open', 'investigating', 'fixing');
CREATE INDEX incidents_unresolved_by_number ON incidents (org_id, number)
    WHERE status IN ('open', 'investigating', 'fixing');

CREATE TABLE incident_datasets (
    org_id      BYTEA NOT NULL,
    dataset_id  BYTEA NOT NULL,
    incident_id BYTEA NOT NULL,
    PRIMARY KEY (org_id, dataset_id, incident_id)
);

CREATE INDEX incident_datasets_of_incident ON incident_datasets (org_id, incident_id);

CREATE TABLE comments (
    org_id      BYTEA NOT NULL,
    id          BYTEA NOT NULL,
    version     BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    leaf        BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    incident_id BYTEA NOT NULL,
    author_id   BYTEA,
    message     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE INDEX comments_of_incident ON comments (org_id, incident_id, seq);

-- The times of the calls that a sliding window let through, one row a key and
-- operation, so that every node counts the same. Written without waiting for
-- the disk: losing the last of them in a crash lets a few calls more through.
CREATE TABLE call_windows (
    key_id    BYTEA NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    calls     BIGINT[] NOT NULL,
    PRIMARY KEY (key_id, operation)
);

-- Admits one more call to a window, or says how many microseconds until one
-- fits. The row's lock makes callers take turns; the clock is read under it.
-- +goose StatementBegin
CREATE FUNCTION admit_call(of_key BYTEA, of_operation TEXT, at_most BIGINT, within BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    held BIGINT[];
    at   BIGINT;
    wait BIGINT;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT calls INTO held FROM call_windows WHERE key_id = of_key AND operation = of_operation FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO call_windows (key_id, operation, calls) VALUES (of_key, of_operation, '{}') ON CONFLICT DO NOTHING;
        SELECT calls INTO held FROM call_windows WHERE key_id = of_key AND operation = of_operation FOR UPDATE;
    END IF;
    at := greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, held[cardinality(held)]);
    IF cardinality(held) >= at_most THEN
        wait := held[cardinality(held) - at_most + 1] + within - at;
        IF wait > 0 THEN
            RETURN wait;
        END IF;
    END IF;
    UPDATE call_windows SET calls = (held || at)[greatest(1, cardinality(held) + 2 - at_most):]
        WHERE key_id = of_key AND operation = of_operation;
    RETURN 0;
END $$;
-- +goose StatementEnd

-- By number, as lists are: a page of a label is read off in order, be the label
-- rare or on every incident.
CREATE TABLE incident_labels (
    org_id BYTEA NOT NULL,
    label  TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (org_id, label, number)
);

CREATE TABLE invitations (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    email       TEXT COLLATE "C" NOT NULL,
    role        TEXT COLLATE "C" NOT NULL,
    scope       TEXT COLLATE "C" NOT NULL,
    scope_id    BYTEA NOT NULL,
    secret_hash BYTEA NOT NULL,
    expires_at  BIGINT NOT NULL,
    accepted_at BIGINT NOT NULL,
    revoked_at  BIGINT NOT NULL,
    user_id     BYTEA,
    PRIMARY KEY (org_id, id)
);

CREATE TABLE redactions (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    entries TEXT COLLATE "C" NOT NULL,
    reason  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE TABLE audit_exports (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- The installation as its own log knows it, and the organisations entered there.
CREATE TABLE installations (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    keys           TEXT COLLATE "C" NOT NULL,
    audit_epoch    BIGINT NOT NULL,
    audit_previous TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE TABLE registrations (
    org_id     BYTEA NOT NULL,
    id         BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    leaf       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    first_leaf TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- Replies to changes that were asked for once: written with the change.
CREATE TABLE replies (
    org_id      BYTEA NOT NULL,
    key         BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    status      BIGINT NOT NULL,
    header      TEXT COLLATE "C" NOT NULL,
    body        BYTEA NOT NULL,
    made_at     BIGINT NOT NULL,
    PRIMARY KEY (org_id, key)
);

CREATE INDEX replies_by_age ON replies (made_at);

-- What the follower of the logs has computed; see package audit.
CREATE TABLE trees (
    org_id     BYTEA NOT NULL PRIMARY KEY,
    size       BIGINT NOT NULL,
    edge       BYTEA NOT NULL,
    checkpoint BYTEA NOT NULL
);

CREATE TABLE tiles (
    org_id BYTEA NOT NULL,
    level  BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (org_id, level, n)
);

-- The right to do what only one node may do at a time, fenced by its epoch.
CREATE TABLE leases (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder     TEXT COLLATE "C" NOT NULL,
    epoch      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
