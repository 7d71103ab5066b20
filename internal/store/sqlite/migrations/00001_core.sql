-- +goose Up

CREATE TABLE installation (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    id         BLOB NOT NULL,
    secret     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- One row an organisation: its place in its own log. The commit path locks it.
CREATE TABLE heads (
    org_id BLOB NOT NULL PRIMARY KEY,
    seq    INTEGER NOT NULL,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The log. Order and versions are guarded by the head and by the version of
-- each object, and an object's history is walked by prev_seq, so the log has no
-- second index: an update writes as few pages as it can.
CREATE TABLE log (
    org_id    BLOB NOT NULL,
    seq       INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    object_id BLOB NOT NULL,
    version   INTEGER NOT NULL,
    prev_seq  INTEGER NOT NULL,
    leaf      BLOB NOT NULL,
    leaf_hash BLOB NOT NULL,
    details   BLOB,
    nonce     BLOB,
    PRIMARY KEY (org_id, seq)
) STRICT;

-- Speed bumps, not proof: only details and their nonce may ever be erased.
-- +goose StatementBegin
CREATE TRIGGER log_keeps_rows BEFORE DELETE ON log BEGIN
    SELECT RAISE(ABORT, 'log records are never deleted');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_keeps_leaves BEFORE UPDATE OF org_id, seq, kind, object_id, version, prev_seq, leaf, leaf_hash ON log BEGIN
    SELECT RAISE(ABORT, 'log records are never changed');
END;
-- +goose StatementEnd

CREATE TABLE organisations (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL CHECK (id = org_id),
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    name       TEXT NOT NULL,
    require_if_match INTEGER NOT NULL,
    audit_epoch INTEGER NOT NULL,
    audit_previous TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

CREATE TABLE projects (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    name       TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, name)
) STRICT;

CREATE TABLE datasets (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    project_id BLOB NOT NULL,
    name       TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, project_id, name)
) STRICT;

CREATE TABLE checks (
    org_id      BLOB NOT NULL,
    id          BLOB NOT NULL,
    version     INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    leaf        BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    project_id  BLOB NOT NULL,
    name        TEXT NOT NULL,
    url         TEXT NOT NULL,
    dataset_ids TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, project_id, name)
) STRICT;

CREATE TABLE users (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL,
    deactivated_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, email)
) STRICT;

CREATE TABLE roles (
    org_id      BLOB NOT NULL,
    id          BLOB NOT NULL,
    version     INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    leaf        BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    name        TEXT NOT NULL,
    permissions TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, name)
) STRICT;

CREATE TABLE grants (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    user_id    BLOB NOT NULL,
    role       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    scope_id   BLOB NOT NULL,
    revoked_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

CREATE INDEX grants_of_user ON grants (org_id, user_id);
-- Nobody holds the same role in the same place twice.
CREATE UNIQUE INDEX grants_once ON grants (org_id, user_id, role, scope, scope_id) WHERE revoked_at = 0;

CREATE TABLE api_keys (
    org_id      BLOB NOT NULL,
    id          BLOB NOT NULL,
    version     INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    leaf        BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    owner_id    BLOB NOT NULL,
    name        TEXT NOT NULL,
    project_id  BLOB,
    permissions TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    expires_at  INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

-- A request brings a key and nothing else: this finds its organisation.
CREATE UNIQUE INDEX api_keys_by_id ON api_keys (id);

-- When a key was last used: not a change, so not in its row.
CREATE TABLE key_use (
    org_id  BLOB NOT NULL,
    key_id  BLOB NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
    org_id           BLOB NOT NULL,
    id               BLOB NOT NULL,
    version          INTEGER NOT NULL,
    seq              INTEGER NOT NULL,
    leaf             BLOB NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    number           INTEGER NOT NULL,
    project_id       BLOB NOT NULL,
    dataset_ids      TEXT NOT NULL,
    title            TEXT NOT NULL,
    description      TEXT NOT NULL,
    severity         TEXT NOT NULL,
    status           TEXT NOT NULL,
    type             TEXT NOT NULL,
    source           TEXT NOT NULL,
    error_message    TEXT NOT NULL,
    affected_regions TEXT NOT NULL,
    failure_count    INTEGER NOT NULL,
    resolution_notes TEXT NOT NULL,
    labels           TEXT NOT NULL,
    links            TEXT NOT NULL,
    check_id         BLOB,
    check_name       TEXT NOT NULL,
    check_url        TEXT NOT NULL,
    lead_id          BLOB,
    reporter_id      BLOB,
    started_at       INTEGER NOT NULL,
    opened_at        INTEGER NOT NULL,
    acknowledged_at  INTEGER NOT NULL,
    resolved_at      INTEGER NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

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
    org_id      BLOB NOT NULL,
    dataset_id  BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    PRIMARY KEY (org_id, dataset_id, incident_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX incident_datasets_of_incident ON incident_datasets (org_id, incident_id);

CREATE TABLE comments (
    org_id      BLOB NOT NULL,
    id          BLOB NOT NULL,
    version     INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    leaf        BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    incident_id BLOB NOT NULL,
    author_id   BLOB,
    message     TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

CREATE INDEX comments_of_incident ON comments (org_id, incident_id, seq);

-- By number, as lists are: a page of a label is read off in order, be the label
-- rare or on every incident.
CREATE TABLE incident_labels (
    org_id BLOB NOT NULL,
    label  TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (org_id, label, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE invitations (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    email       TEXT NOT NULL,
    role        TEXT NOT NULL,
    scope       TEXT NOT NULL,
    scope_id    BLOB NOT NULL,
    secret_hash BLOB NOT NULL,
    expires_at  INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL,
    user_id     BLOB,
    PRIMARY KEY (org_id, id)
) STRICT;

CREATE TABLE redactions (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    entries TEXT NOT NULL,
    reason  TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

CREATE TABLE audit_exports (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

-- The installation as its own log knows it, and the organisations entered there.
CREATE TABLE installations (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    keys           TEXT NOT NULL,
    audit_epoch    INTEGER NOT NULL,
    audit_previous TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

CREATE TABLE registrations (
    org_id     BLOB NOT NULL,
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    first_leaf TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

-- Replies to changes that were asked for once: written with the change.
CREATE TABLE replies (
    org_id      BLOB NOT NULL,
    key         BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    status      INTEGER NOT NULL,
    header      TEXT NOT NULL,
    body        BLOB NOT NULL,
    made_at     INTEGER NOT NULL,
    PRIMARY KEY (org_id, key)
) STRICT;

CREATE INDEX replies_by_age ON replies (made_at);

-- What the follower of the logs has computed; see package audit.
CREATE TABLE trees (
    org_id     BLOB NOT NULL PRIMARY KEY,
    size       INTEGER NOT NULL,
    edge       BLOB NOT NULL,
    checkpoint BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tiles (
    org_id BLOB NOT NULL,
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (org_id, level, n)
) STRICT;
