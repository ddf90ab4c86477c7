-- Whom the office keeps out of an incident, and why: a lawyer who has advised the other side of it. What lawyers declare by
-- declining stands with their offers. Nothing is deleted; what was a mistake is lifted.

CREATE TABLE incident_conflicts (
    id TEXT PRIMARY KEY,
    tag TEXT NOT NULL REFERENCES incident_tags (id),
    lawyer TEXT NOT NULL REFERENCES lawyers (id),
    reason_sealed BLOB NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    lifted_by TEXT,
    lifted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX incident_conflicts_in_force ON incident_conflicts (tag, lawyer) WHERE lifted_at IS NULL;
CREATE INDEX incident_conflicts_by_lawyer ON incident_conflicts (lawyer);
