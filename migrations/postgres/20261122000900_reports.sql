-- Reports of one side about the other, what the office decided, and what that means: warnings, blocks.

-- A report (举报). `source` is the session, or the text question; `about` is CITIZEN or LAWYER, the other one reports. One per
-- reporter, source and reported. `place` orders the office's list: open ones by age, then the others, the newest first.
CREATE TABLE reports (
    id TEXT PRIMARY KEY,
    about TEXT NOT NULL,
    consultation TEXT NOT NULL,
    source TEXT NOT NULL,
    citizen TEXT NOT NULL REFERENCES citizens (id),
    lawyer TEXT NOT NULL REFERENCES lawyers (id),
    cause TEXT NOT NULL,
    text_sealed BYTEA,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    referred BIGINT NOT NULL,
    place BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (source, about, citizen, lawyer)
);
CREATE INDEX reports_by_place ON reports (place, id);
CREATE INDEX reports_by_lawyer ON reports (lawyer, about, state);
CREATE INDEX reports_by_citizen ON reports (citizen, about, state);

-- A decision, and why.
CREATE TABLE report_steps (
    report TEXT NOT NULL REFERENCES reports (id),
    number BIGINT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    reason_sealed BYTEA NOT NULL,
    actor TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (report, number)
);

-- A warning waits until the person says that it was read.
CREATE TABLE warnings (
    id TEXT PRIMARY KEY,
    report TEXT NOT NULL REFERENCES reports (id),
    person TEXT NOT NULL,
    cause TEXT NOT NULL,
    at BIGINT NOT NULL,
    acknowledged_at BIGINT
);
CREATE INDEX warnings_by_person ON warnings (person, at);

-- A block of an asker, and of whoever has the same telephone or device.
CREATE TABLE blocks (
    report TEXT PRIMARY KEY REFERENCES reports (id),
    citizen TEXT NOT NULL,
    phone_ref TEXT,
    device_ref TEXT,
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    lifted_at BIGINT
);
CREATE INDEX blocks_by_citizen ON blocks (citizen);
CREATE INDEX blocks_by_phone ON blocks (phone_ref) WHERE phone_ref IS NOT NULL;
CREATE INDEX blocks_by_device ON blocks (device_ref) WHERE device_ref IS NOT NULL;
CREATE INDEX citizens_by_device ON citizens (device_ref) WHERE device_ref IS NOT NULL;

CREATE TRIGGER reports_remain BEFORE DELETE OR TRUNCATE ON reports
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER report_steps_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON report_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER warnings_stay BEFORE UPDATE ON warnings
    FOR EACH ROW WHEN (OLD.acknowledged_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER blocks_stay BEFORE UPDATE ON blocks
    FOR EACH ROW WHEN (OLD.lifted_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER blocks_remain BEFORE DELETE OR TRUNCATE ON blocks
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
