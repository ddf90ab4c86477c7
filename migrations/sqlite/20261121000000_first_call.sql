-- The first call: people, tokens, consultations with their events, evidence, sealed records, the audit log.
-- Ids are UUID text, times UTC milliseconds, flags 0 or 1, words those of signaling/src/words.rs.
-- What the recorder writes has no foreign key to people: a fact must not be lost because a person's row is.

-- Facts about the database itself, such as which key file belongs to it.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Who writes. A write carries (node, epoch); a stale epoch changes 0 rows.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE areas (
    code TEXT PRIMARY KEY,
    parent TEXT REFERENCES areas (code),
    level TEXT NOT NULL,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE firms (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE lawyers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    provider_type TEXT NOT NULL,
    firm TEXT REFERENCES firms (id),
    pool TEXT NOT NULL,
    public_office INTEGER NOT NULL,
    licence_no TEXT,
    qualification TEXT NOT NULL,
    area TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE lawyer_practice_areas (
    lawyer TEXT NOT NULL REFERENCES lawyers (id),
    practice_area TEXT NOT NULL,
    PRIMARY KEY (lawyer, practice_area)
) STRICT;

CREATE TABLE staff (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- One login of a lawyer or a member of the office.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    user_name TEXT NOT NULL UNIQUE,
    lawyer TEXT REFERENCES lawyers (id),
    staff TEXT REFERENCES staff (id),
    password_hash TEXT NOT NULL,
    totp_sealed BLOB,
    totp_confirmed_at INTEGER,
    totp_last_step INTEGER NOT NULL,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

-- An asker. `ref` is a keyed hash: of the telephone number where one was confirmed, of the id otherwise.
CREATE TABLE citizens (
    id TEXT PRIMARY KEY,
    ref TEXT NOT NULL,
    alias TEXT NOT NULL,
    identity_mode TEXT NOT NULL,
    consent_version TEXT NOT NULL,
    consent_at INTEGER NOT NULL,
    entry_source TEXT,
    phone_sealed BLOB,
    phone_ref TEXT,
    device_ref TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX citizens_by_phone ON citizens (phone_ref);

-- Tokens are kept as SHA-256 only.
CREATE TABLE tokens (
    hash BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    door TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX tokens_by_expiry ON tokens (expires_at);
CREATE INDEX tokens_by_subject ON tokens (subject);

-- `subject_ref` is a keyed hash of an account name or of an address.
CREATE TABLE login_attempts (
    id TEXT PRIMARY KEY,
    subject_ref TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_attempts_by_subject ON login_attempts (subject_ref, at);

-- One code per citizen at a time; the number is sealed until it is confirmed.
CREATE TABLE sms_codes (
    citizen TEXT PRIMARY KEY REFERENCES citizens (id),
    phone_ref TEXT NOT NULL,
    code_ref TEXT NOT NULL,
    tries INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- The matter. `version` is that of its last event.
CREATE TABLE consultations (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    citizen TEXT NOT NULL,
    practice_area TEXT NOT NULL,
    area TEXT NOT NULL,
    channel TEXT NOT NULL,
    identity_mode TEXT NOT NULL,
    consent_version TEXT NOT NULL,
    entry_source TEXT,
    device TEXT NOT NULL,
    owner_node TEXT NOT NULL,
    owner_epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX consultations_by_state ON consultations (state, created_at);
CREATE INDEX consultations_by_citizen ON consultations (citizen, created_at);

-- What happened. Records are folded from here, so nothing here ever changes.
CREATE TABLE events (
    consultation TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    mono_us INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (consultation, version)
) STRICT;

CREATE TABLE offers (
    id TEXT PRIMARY KEY,
    consultation TEXT NOT NULL REFERENCES consultations (id),
    lawyer TEXT NOT NULL,
    round INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    delivered_at INTEGER,
    decided_at INTEGER,
    latency_ms INTEGER,
    reason TEXT
) STRICT;
CREATE INDEX offers_by_consultation ON offers (consultation);
CREATE INDEX offers_by_lawyer ON offers (lawyer, created_at);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    consultation TEXT NOT NULL REFERENCES consultations (id),
    lawyer TEXT,
    state TEXT NOT NULL,
    channel TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    accepted_at INTEGER,
    started_at INTEGER,
    ended_at INTEGER,
    end_reason TEXT,
    chat_lines INTEGER NOT NULL,
    outcome TEXT,
    outcome_at INTEGER,
    legal_aid_prompted INTEGER NOT NULL,
    owner_node TEXT NOT NULL,
    owner_epoch INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_consultation ON sessions (consultation);
CREATE INDEX sessions_by_state ON sessions (state, ended_at);
CREATE INDEX sessions_by_lawyer ON sessions (lawyer, created_at);

-- The newest evidence of a session, whole; a newer one replaces it.
CREATE TABLE checkpoints (
    session TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    two_way_s INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    owner_node TEXT NOT NULL,
    owner_epoch INTEGER NOT NULL
) STRICT;

-- Ids are minted by clients, so a line is known by its session and id.
CREATE TABLE chat_lines (
    session TEXT NOT NULL,
    id TEXT NOT NULL,
    number INTEGER NOT NULL,
    leg TEXT NOT NULL,
    role TEXT NOT NULL,
    at INTEGER NOT NULL,
    chars INTEGER NOT NULL,
    text_sealed BLOB NOT NULL,
    PRIMARY KEY (session, id),
    UNIQUE (session, number)
) STRICT;

-- One sealed record per (session, lawyer). `source` is the session; later also an answer or an order.
CREATE TABLE service_records (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    consultation TEXT NOT NULL,
    lawyer TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    body TEXT NOT NULL,
    hash BLOB NOT NULL,
    audit_seq INTEGER NOT NULL,
    sealed_at INTEGER NOT NULL,
    closed_by TEXT NOT NULL,
    precision_s INTEGER NOT NULL,
    two_way_s INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    payable INTEGER NOT NULL,
    period TEXT NOT NULL,
    local_date TEXT NOT NULL,
    UNIQUE (source, lawyer)
) STRICT;
CREATE INDEX service_records_by_lawyer ON service_records (lawyer, sealed_at);
CREATE INDEX service_records_by_period ON service_records (period, lawyer);

-- The asker's stars, one per matter, outside the sealed record.
CREATE TABLE ratings (
    consultation TEXT PRIMARY KEY REFERENCES consultations (id),
    stars INTEGER NOT NULL,
    rated_at INTEGER NOT NULL,
    lawyer_connected INTEGER NOT NULL
) STRICT;

-- The log of RFC 6962: entry `seq` (from 0) with its leaf hash and the tree's root after it.
CREATE TABLE audit_entries (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    leaf BLOB NOT NULL,
    root BLOB NOT NULL
) STRICT;

-- The tree's right edge, so that appending costs a handful of hashes; one row, and its lock orders the appenders.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    frontier BLOB NOT NULL
) STRICT;
INSERT INTO audit_head (id, size, frontier) VALUES (1, 0, X'');

-- What others are to be told, at least once, in order per object.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at INTEGER
) STRICT;
CREATE INDEX outbox_unsent ON outbox (sent_at, created_at);

-- Sealed is sealed: the database itself refuses to change what is evidence.
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events never change'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events never change'); END;
CREATE TRIGGER service_records_stay BEFORE UPDATE ON service_records BEGIN SELECT RAISE(ABORT, 'a sealed record never changes'); END;
CREATE TRIGGER service_records_remain BEFORE DELETE ON service_records BEGIN SELECT RAISE(ABORT, 'a sealed record never changes'); END;
CREATE TRIGGER audit_entries_stay BEFORE UPDATE ON audit_entries BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_entries_remain BEFORE DELETE ON audit_entries BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
