-- Text questions: the matter, what happened to it, what was written (sealed), answers with their versions, attachments.

-- One text matter. `version` is that of its last event; the counts follow from the events.
CREATE TABLE questions (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    tier TEXT NOT NULL,
    citizen TEXT NOT NULL,
    practice_area TEXT NOT NULL,
    area TEXT NOT NULL,
    answers INTEGER NOT NULL,
    claimed INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    first_answer_at INTEGER,
    third_answer_at INTEGER
) STRICT;
CREATE INDEX questions_by_citizen ON questions (citizen, created_at);
CREATE INDEX questions_by_state ON questions (state, created_at);
CREATE INDEX questions_by_creation ON questions (created_at, id);

-- What happened. A question is folded from here, so nothing here ever changes.
CREATE TABLE question_events (
    question TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    mono_us INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (question, version)
) STRICT;

-- What was written: the question, answers, follow-ups, replies. A change of an answer is a further version.
CREATE TABLE question_texts (
    question TEXT NOT NULL REFERENCES questions (id),
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    lawyer TEXT,
    at INTEGER NOT NULL,
    chars INTEGER NOT NULL,
    text_sealed BLOB NOT NULL,
    PRIMARY KEY (question, id, version)
) STRICT;

-- The valid answers; the first version's facts are what the record was sealed from.
CREATE TABLE question_answers (
    question TEXT NOT NULL REFERENCES questions (id),
    id TEXT NOT NULL,
    lawyer TEXT NOT NULL,
    rank INTEGER NOT NULL,
    at INTEGER NOT NULL,
    chars INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    legal_aid_prompted INTEGER NOT NULL,
    PRIMARY KEY (question, id),
    UNIQUE (question, lawyer)
) STRICT;
CREATE INDEX question_answers_by_lawyer ON question_answers (lawyer, at);

-- Pictures, PDF and voice messages of one text, as the server found them to be; the bytes are in sealed parts.
CREATE TABLE question_attachments (
    id TEXT PRIMARY KEY,
    question TEXT NOT NULL REFERENCES questions (id),
    text TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    hash BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX question_attachments_by_question ON question_attachments (question, created_at);
CREATE TABLE question_attachment_parts (
    attachment TEXT NOT NULL,
    number INTEGER NOT NULL,
    part_sealed BLOB NOT NULL,
    PRIMARY KEY (attachment, number)
) STRICT;

-- The question that a call goes on with.
ALTER TABLE consultations ADD COLUMN question TEXT;
CREATE INDEX consultations_by_question ON consultations (question);

CREATE TRIGGER question_events_stay BEFORE UPDATE ON question_events BEGIN SELECT RAISE(ABORT, 'events never change'); END;
CREATE TRIGGER question_events_remain BEFORE DELETE ON question_events BEGIN SELECT RAISE(ABORT, 'events never change'); END;
CREATE TRIGGER question_texts_stay BEFORE UPDATE ON question_texts BEGIN SELECT RAISE(ABORT, 'what was written never changes'); END;
CREATE TRIGGER question_texts_remain BEFORE DELETE ON question_texts BEGIN SELECT RAISE(ABORT, 'what was written never changes'); END;
CREATE TRIGGER question_answers_stay BEFORE UPDATE ON question_answers BEGIN SELECT RAISE(ABORT, 'an answer never changes'); END;
CREATE TRIGGER question_answers_remain BEFORE DELETE ON question_answers BEGIN SELECT RAISE(ABORT, 'an answer never changes'); END;
