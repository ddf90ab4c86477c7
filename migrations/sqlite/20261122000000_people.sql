-- People: firms that join as a whole, what a lawyer speaks and whose adviser one is, the steps of a qualification, invitations in
-- place of first passwords, the duty roster with what was seen of it.

ALTER TABLE firms ADD COLUMN state TEXT NOT NULL DEFAULT 'SETTLED';
-- Rises with every change, so that two who edit at once do not overwrite each other.
ALTER TABLE lawyers ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
-- Codes of languages, a space between.
ALTER TABLE lawyers ADD COLUMN languages TEXT NOT NULL DEFAULT 'zh-CN';
-- The one firm whose people a FIRM_ADMIN sees.
ALTER TABLE staff ADD COLUMN firm TEXT REFERENCES firms (id);
CREATE INDEX staff_by_firm ON staff (firm);
CREATE INDEX lawyers_by_firm ON lawyers (firm, created_at);
CREATE INDEX lawyers_by_creation ON lawyers (created_at, id);
-- One person per licence; whoever was removed gives it free.
CREATE UNIQUE INDEX lawyers_by_licence ON lawyers (licence_no) WHERE licence_no IS NOT NULL AND qualification <> 'REMOVED';

-- The villages whose adviser a lawyer is.
CREATE TABLE lawyer_villages (
    lawyer TEXT NOT NULL REFERENCES lawyers (id),
    village TEXT NOT NULL REFERENCES areas (code),
    PRIMARY KEY (lawyer, village)
) STRICT;
CREATE INDEX lawyer_villages_by_village ON lawyer_villages (village);

-- Every step of a qualification, with who took it and why; evidence.
CREATE TABLE qualification_steps (
    lawyer TEXT NOT NULL REFERENCES lawyers (id),
    number INTEGER NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (lawyer, number)
) STRICT;

-- One-time codes with which a person sets name and password; kept as SHA-256 only.
CREATE TABLE invitations (
    hash BLOB PRIMARY KEY,
    lawyer TEXT REFERENCES lawyers (id),
    staff TEXT REFERENCES staff (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    CHECK ((lawyer IS NULL) <> (staff IS NULL))
) STRICT;
CREATE INDEX invitations_by_lawyer ON invitations (lawyer);
CREATE INDEX invitations_by_staff ON invitations (staff);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);

-- Planned duty. `observed_min` counts the minutes in which the server looked, `present_min` those in which the lawyer was there.
CREATE TABLE shifts (
    id TEXT PRIMARY KEY,
    lawyer TEXT REFERENCES lawyers (id),
    pool TEXT,
    area TEXT REFERENCES areas (code),
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    observed_min INTEGER NOT NULL DEFAULT 0,
    present_min INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    CHECK ((lawyer IS NULL) <> (pool IS NULL)),
    CHECK (starts_at < ends_at)
) STRICT;
CREATE INDEX shifts_by_time ON shifts (starts_at, ends_at);
CREATE INDEX shifts_by_lawyer ON shifts (lawyer, starts_at);

CREATE TRIGGER qualification_steps_stay BEFORE UPDATE ON qualification_steps BEGIN SELECT RAISE(ABORT, 'a step that was taken never changes'); END;
CREATE TRIGGER qualification_steps_remain BEFORE DELETE ON qualification_steps BEGIN SELECT RAISE(ABORT, 'a step that was taken never changes'); END;
