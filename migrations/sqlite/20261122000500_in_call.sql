-- A supervisor ended a session, and why; evidence.

CREATE TABLE interventions (
    session TEXT PRIMARY KEY REFERENCES sessions (id),
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER interventions_stay BEFORE UPDATE ON interventions BEGIN SELECT RAISE(ABORT, 'an intervention never changes'); END;
CREATE TRIGGER interventions_remain BEFORE DELETE ON interventions BEGIN SELECT RAISE(ABORT, 'an intervention never changes'); END;
