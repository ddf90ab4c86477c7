-- After a consultation: the matter over the days, stars that are given again or taken back, complaints, follow-ups, appeals.
-- Nothing here changes a sealed record: it stands beside it.

ALTER TABLE sessions ADD COLUMN referral_type TEXT;
-- The lawyer who was signed in in the same browser when this token was taken: stars are not taken from there.
ALTER TABLE tokens ADD COLUMN beside TEXT;

-- One matter (一事), however many consultations it takes. `id` is that of the first of them; `latest` the newest one,
-- `lawyer` who accepted last, `rating` the consultation whose stars are the matter's, `settled_at` when it was last over.
CREATE TABLE matters (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    citizen TEXT NOT NULL,
    state TEXT NOT NULL,
    practice_area TEXT NOT NULL,
    area TEXT NOT NULL,
    latest TEXT NOT NULL,
    lawyer TEXT,
    rating TEXT,
    follow_up TEXT,
    opened_at INTEGER NOT NULL,
    settled_at INTEGER,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX matters_by_citizen ON matters (citizen, opened_at);
CREATE INDEX matters_by_opening ON matters (opened_at, id);
CREATE INDEX matters_by_state ON matters (state, settled_at);

ALTER TABLE consultations ADD COLUMN matter TEXT;
CREATE INDEX consultations_by_matter ON consultations (matter, created_at);
UPDATE consultations SET matter = id;
INSERT INTO matters (id, kind, citizen, state, practice_area, area, latest, lawyer, rating, opened_at, settled_at, changed_at)
    SELECT c.id, 'CONSULTATION', c.citizen,
        CASE c.state WHEN 'ANSWERED' THEN 'ANSWERED' WHEN 'CLOSED' THEN 'ARCHIVED' WHEN 'UNSERVED' THEN 'UNSERVED'
            WHEN 'CANCELLED' THEN 'CANCELLED' ELSE 'OPEN' END,
        c.practice_area, c.area, c.id,
        (SELECT MAX(s.lawyer) FROM sessions s WHERE s.consultation = c.id AND s.accepted_at =
            (SELECT MAX(x.accepted_at) FROM sessions x WHERE x.consultation = c.id)),
        (SELECT g.consultation FROM ratings g WHERE g.consultation = c.id),
        c.created_at, CASE c.state WHEN 'CLOSED' THEN c.changed_at ELSE NULL END, c.changed_at
    FROM consultations c;

-- Stars given again after a follow-up, and stars that two persons took back.
ALTER TABLE ratings ADD COLUMN amended_stars INTEGER;
ALTER TABLE ratings ADD COLUMN amended_at INTEGER;
ALTER TABLE ratings ADD COLUMN voided_at INTEGER;

CREATE TABLE complaints (
    id TEXT PRIMARY KEY,
    matter TEXT NOT NULL REFERENCES matters (id),
    follow_up TEXT NOT NULL,
    cause TEXT NOT NULL,
    text_sealed BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX complaints_by_matter ON complaints (matter, at);

-- What the office owes somebody who was not content. `lawyer` is the one it is about, who cannot close it.
CREATE TABLE follow_ups (
    id TEXT PRIMARY KEY,
    matter TEXT NOT NULL REFERENCES matters (id),
    lawyer TEXT,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    handler TEXT,
    tries INTEGER NOT NULL,
    result TEXT,
    opened_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX follow_ups_open ON follow_ups (matter) WHERE closed_at IS NULL;
CREATE INDEX follow_ups_by_state ON follow_ups (state, opened_at);

-- Every step of a follow-up, with who took it; evidence. The note may speak of people and is sealed.
CREATE TABLE follow_up_steps (
    follow_up TEXT NOT NULL REFERENCES follow_ups (id),
    number INTEGER NOT NULL,
    act TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    note_sealed BLOB NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (follow_up, number)
) STRICT;

-- A lawyer's objection to stars, once per rating; two persons of the office of one mind decide.
CREATE TABLE appeals (
    id TEXT PRIMARY KEY,
    matter TEXT NOT NULL REFERENCES matters (id),
    consultation TEXT NOT NULL UNIQUE,
    lawyer TEXT NOT NULL,
    stars INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason_sealed BLOB NOT NULL,
    filed_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX appeals_by_state ON appeals (state, filed_at);
CREATE INDEX appeals_by_lawyer ON appeals (lawyer, filed_at);

CREATE TABLE appeal_votes (
    appeal TEXT NOT NULL REFERENCES appeals (id),
    actor TEXT NOT NULL,
    uphold INTEGER NOT NULL,
    reason_sealed BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (appeal, actor)
) STRICT;

CREATE TRIGGER follow_up_steps_stay BEFORE UPDATE ON follow_up_steps BEGIN SELECT RAISE(ABORT, 'a step that was taken never changes'); END;
CREATE TRIGGER follow_up_steps_remain BEFORE DELETE ON follow_up_steps BEGIN SELECT RAISE(ABORT, 'a step that was taken never changes'); END;
CREATE TRIGGER appeal_votes_stay BEFORE UPDATE ON appeal_votes BEGIN SELECT RAISE(ABORT, 'a vote that was given never changes'); END;
CREATE TRIGGER appeal_votes_remain BEFORE DELETE ON appeal_votes BEGIN SELECT RAISE(ABORT, 'a vote that was given never changes'); END;
CREATE TRIGGER complaints_stay BEFORE UPDATE ON complaints BEGIN SELECT RAISE(ABORT, 'a complaint that was made never changes'); END;
CREATE TRIGGER complaints_remain BEFORE DELETE ON complaints BEGIN SELECT RAISE(ABORT, 'a complaint that was made never changes'); END;
