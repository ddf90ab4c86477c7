-- A text question is a matter like any other: stars, follow-ups, one file; calls that go on with it belong to it.

-- Stars of a question stand beside those of calls: what they are of is either (the reference to consultations goes).
CREATE TABLE ratings_of_both (
    consultation TEXT PRIMARY KEY,
    stars INTEGER NOT NULL,
    rated_at INTEGER NOT NULL,
    lawyer_connected INTEGER NOT NULL,
    amended_stars INTEGER,
    amended_at INTEGER,
    voided_at INTEGER
) STRICT;
INSERT INTO ratings_of_both (consultation, stars, rated_at, lawyer_connected, amended_stars, amended_at, voided_at)
    SELECT consultation, stars, rated_at, lawyer_connected, amended_stars, amended_at, voided_at FROM ratings;
DROP TABLE ratings;
ALTER TABLE ratings_of_both RENAME TO ratings;

-- The records of a matter are found by what they are of.
CREATE INDEX service_records_by_consultation ON service_records (consultation);

INSERT INTO matters (id, kind, citizen, state, practice_area, area, latest, lawyer, opened_at, settled_at, changed_at)
    SELECT q.id, 'QUESTION', q.citizen,
        CASE WHEN q.state = 'CLOSED' THEN 'ARCHIVED' WHEN q.state IN ('UNSERVED', 'CANCELLED') THEN q.state
            WHEN q.answers > 0 AND q.pending > 0 THEN 'REOPENED' WHEN q.answers > 0 THEN 'ANSWERED' ELSE 'OPEN' END,
        q.practice_area, q.area, q.id,
        (SELECT MAX(a.lawyer) FROM question_answers a WHERE a.question = q.id AND a.rank =
            (SELECT MAX(b.rank) FROM question_answers b WHERE b.question = q.id)),
        q.created_at, CASE WHEN q.answers > 0 THEN q.changed_at ELSE NULL END, q.changed_at
    FROM questions q;

-- Calls that went on with a question before now were matters of their own: they point to it.
UPDATE matters SET previous = (SELECT c.question FROM consultations c WHERE c.id = matters.id)
    WHERE previous IS NULL AND EXISTS (SELECT 1 FROM consultations c WHERE c.id = matters.id AND c.question IS NOT NULL);
