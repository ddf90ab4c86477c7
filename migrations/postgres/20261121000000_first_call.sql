-- The first call: people, tokens, consultations with their events, evidence, sealed records, the audit log.
-- Ids are UUID text, times UTC milliseconds, flags 0 or 1, words those of signaling/src/words.rs.
-- What the recorder writes has no foreign key to people: a fact must not be lost because a person's row is.

-- Facts about the database itself, such as which key file belongs to it.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Who writes. A write carries (node, epoch); a stale epoch changes 0 rows.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE areas (
    code TEXT PRIMARY KEY,
    parent TEXT REFERENCES areas (code),
    level TEXT NOT NULL,
    name TEXT NOT NULL
);

CREATE TABLE firms (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE lawyers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    provider_type TEXT NOT NULL,
    firm TEXT REFERENCES firms (id),
    pool TEXT NOT NULL,
    public_office BIGINT NOT NULL,
    licence_no TEXT,
    qualification TEXT NOT NULL,
    area TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE lawyer_practice_areas (
    lawyer TEXT NOT NULL REFERENCES lawyers (id),
    practice_area TEXT NOT NULL,
    PRIMARY KEY (lawyer, practice_area)
);

CREATE TABLE staff (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- One login of a lawyer or a member of the office.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    user_name TEXT NOT NULL UNIQUE,
    lawyer TEXT REFERENCES lawyers (id),
    staff TEXT REFERENCES staff (id),
    password_hash TEXT NOT NULL,
    totp_sealed BYTEA,
    totp_confirmed_at BIGINT,
    totp_last_step BIGINT NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL
);

-- An asker. `ref` is a keyed hash: of the telephone number where one was confirmed, of the id otherwise.
CREATE TABLE citizens (
    id TEXT PRIMARY KEY,
    ref TEXT NOT NULL,
    alias TEXT NOT NULL,
    identity_mode TEXT NOT NULL,
    consent_version TEXT NOT NULL,
    consent_at BIGINT NOT NULL,
    entry_source TEXT,
    phone_sealed BYTEA,
    phone_ref TEXT,
    device_ref TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX citizens_by_phone ON citizens (phone_ref);

-- Tokens are kept as SHA-256 only.
CREATE TABLE tokens (
    hash BYTEA PRIMARY KEY,
    kind TEXT NOT NULL,
    door TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);
CREATE INDEX tokens_by_subject ON tokens (subject);

-- `subject_ref` is a keyed hash of an account name or of an address.
CREATE TABLE login_attempts (
    id TEXT PRIMARY KEY,
    subject_ref TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX login_attempts_by_subject ON login_attempts (subject_ref, at);

-- One code per citizen at a time; the number is sealed until it is confirmed.
CREATE TABLE sms_codes (
    citizen TEXT PRIMARY KEY REFERENCES citizens (id),
    phone_ref TEXT NOT NULL,
    code_ref TEXT NOT NULL,
    tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- The matter. `version` is that of its last event.
CREATE TABLE consultations (
    id TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
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
    owner_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX consultations_by_state ON consultations (state, created_at);
CREATE INDEX consultations_by_citizen ON consultations (citizen, created_at);

-- What happened. Records are folded from here, so nothing here ever changes.
CREATE TABLE events (
    consultation TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    mono_us BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (consultation, version)
);

CREATE TABLE offers (
    id TEXT PRIMARY KEY,
    consultation TEXT NOT NULL REFERENCES consultations (id),
    lawyer TEXT NOT NULL,
    round BIGINT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    delivered_at BIGINT,
    decided_at BIGINT,
    latency_ms BIGINT,
    reason TEXT
);
CREATE INDEX offers_by_consultation ON offers (consultation);
CREATE INDEX offers_by_lawyer ON offers (lawyer, created_at);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    consultation TEXT NOT NULL REFERENCES consultations (id),
    lawyer TEXT,
    state TEXT NOT NULL,
    channel TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    accepted_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    end_reason TEXT,
    chat_lines BIGINT NOT NULL,
    outcome TEXT,
    outcome_at BIGINT,
    legal_aid_prompted BIGINT NOT NULL,
    owner_node TEXT NOT NULL,
    owner_epoch BIGINT NOT NULL
);
CREATE INDEX sessions_by_consultation ON sessions (consultation);
CREATE INDEX sessions_by_state ON sessions (state, ended_at);
CREATE INDEX sessions_by_lawyer ON sessions (lawyer, created_at);

-- The newest evidence of a session, whole; a newer one replaces it.
CREATE TABLE checkpoints (
    session TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    two_way_s BIGINT NOT NULL,
    complete BIGINT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    owner_node TEXT NOT NULL,
    owner_epoch BIGINT NOT NULL
);

-- Ids are minted by clients, so a line is known by its session and id.
CREATE TABLE chat_lines (
    session TEXT NOT NULL,
    id TEXT NOT NULL,
    number BIGINT NOT NULL,
    leg TEXT NOT NULL,
    role TEXT NOT NULL,
    at BIGINT NOT NULL,
    chars BIGINT NOT NULL,
    text_sealed BYTEA NOT NULL,
    PRIMARY KEY (session, id),
    UNIQUE (session, number)
);

-- One sealed record per (session, lawyer). `source` is the session; later also an answer or an order.
CREATE TABLE service_records (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    consultation TEXT NOT NULL,
    lawyer TEXT NOT NULL,
    schema_version BIGINT NOT NULL,
    body TEXT NOT NULL,
    hash BYTEA NOT NULL,
    audit_seq BIGINT NOT NULL,
    sealed_at BIGINT NOT NULL,
    closed_by TEXT NOT NULL,
    precision_s BIGINT NOT NULL,
    two_way_s BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    payable BIGINT NOT NULL,
    period TEXT NOT NULL,
    local_date TEXT NOT NULL,
    UNIQUE (source, lawyer)
);
CREATE INDEX service_records_by_lawyer ON service_records (lawyer, sealed_at);
CREATE INDEX service_records_by_period ON service_records (period, lawyer);

-- The asker's stars, one per matter, outside the sealed record.
CREATE TABLE ratings (
    consultation TEXT PRIMARY KEY REFERENCES consultations (id),
    stars BIGINT NOT NULL,
    rated_at BIGINT NOT NULL,
    lawyer_connected BIGINT NOT NULL
);

-- The log of RFC 6962: entry `seq` (from 0) with its leaf hash and the tree's root after it.
CREATE TABLE audit_entries (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    body BYTEA NOT NULL,
    leaf BYTEA NOT NULL,
    root BYTEA NOT NULL
);

-- The tree's right edge, so that appending costs a handful of hashes; one row, and its lock orders the appenders.
CREATE TABLE audit_head (
    id BIGINT PRIMARY KEY,
    size BIGINT NOT NULL,
    frontier BYTEA NOT NULL
);
INSERT INTO audit_head (id, size, frontier) VALUES (1, 0, '');

-- What others are to be told, at least once, in order per object.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT
);
CREATE INDEX outbox_unsent ON outbox (sent_at, created_at);

-- Sealed is sealed: the database itself refuses to change what is evidence.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% never change', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER service_records_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON service_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
