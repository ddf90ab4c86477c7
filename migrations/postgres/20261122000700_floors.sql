-- How many lawyers the bureau wants on duty at least, and when there were fewer.

-- A floor (在岗底线): of the lawyers of a pool who answer one practice area; of all of the pool where the area is ''.
CREATE TABLE duty_floors (
    pool TEXT NOT NULL,
    practice_area TEXT NOT NULL,
    minimum BIGINT NOT NULL,
    set_by TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (pool, practice_area)
);

-- An alarm: too few, from when to when, and how few at the worst.
CREATE TABLE floor_alarms (
    id TEXT PRIMARY KEY,
    pool TEXT NOT NULL,
    practice_area TEXT NOT NULL,
    minimum BIGINT NOT NULL,
    least BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX floor_alarms_open ON floor_alarms (pool, practice_area) WHERE ended_at IS NULL;
CREATE INDEX floor_alarms_by_time ON floor_alarms (began_at);

CREATE TRIGGER floor_alarms_stay BEFORE UPDATE ON floor_alarms
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER floor_alarms_remain BEFORE DELETE OR TRUNCATE ON floor_alarms
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
