-- How grave a matter is: who said so and why, incidents that link matters of one group, and what the office owes a grave one.

-- An incident (群体事项). Matters of one group point to it; `people` is how many it concerns, as far as is known.
CREATE TABLE incident_tags (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    people INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

ALTER TABLE matters ADD COLUMN tag TEXT REFERENCES incident_tags (id);
CREATE INDEX matters_by_tag ON matters (tag, opened_at);
CREATE INDEX matters_by_place ON matters (area, practice_area, opened_at);

-- Every change of a grade; evidence.
CREATE TABLE grade_steps (
    matter TEXT NOT NULL REFERENCES matters (id),
    number INTEGER NOT NULL,
    from_grade TEXT NOT NULL,
    to_grade TEXT NOT NULL,
    set_by TEXT NOT NULL,
    reason_sealed BLOB NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (matter, number)
) STRICT;

CREATE TABLE escalations (
    id TEXT PRIMARY KEY,
    matter TEXT NOT NULL REFERENCES matters (id),
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    flagged_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX escalations_open ON escalations (matter) WHERE closed_at IS NULL;
CREATE INDEX escalations_by_state ON escalations (closed_at, flagged_at);

-- Every step of an escalation, with who took it; evidence.
CREATE TABLE escalation_steps (
    escalation TEXT NOT NULL REFERENCES escalations (id),
    number INTEGER NOT NULL,
    act TEXT NOT NULL,
    to_state TEXT NOT NULL,
    note_sealed BLOB NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (escalation, number)
) STRICT;

CREATE TRIGGER grade_steps_stay BEFORE UPDATE ON grade_steps BEGIN SELECT RAISE(ABORT, 'a step that was taken never changes'); END;
CREATE TRIGGER grade_steps_remain BEFORE DELETE ON grade_steps BEGIN SELECT RAISE(ABORT, 'a step that was taken never changes'); END;
CREATE TRIGGER escalation_steps_stay BEFORE UPDATE ON escalation_steps BEGIN SELECT RAISE(ABORT, 'a step that was taken never changes'); END;
CREATE TRIGGER escalation_steps_remain BEFORE DELETE ON escalation_steps BEGIN SELECT RAISE(ABORT, 'a step that was taken never changes'); END;
