-- A supervisor ended a session, and why; evidence.

CREATE TABLE interventions (
    session TEXT PRIMARY KEY REFERENCES sessions (id),
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE TRIGGER interventions_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON interventions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
