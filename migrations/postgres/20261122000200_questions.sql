-- Text questions: the matter, what happened to it, what was written (sealed), answers with their versions, attachments.

-- One text matter. `version` is that of its last event; the counts follow from the events.
CREATE TABLE questions (
    id TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    tier TEXT NOT NULL,
    citizen TEXT NOT NULL,
    practice_area TEXT NOT NULL,
    area TEXT NOT NULL,
    answers BIGINT NOT NULL,
    claimed BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    first_answer_at BIGINT,
    third_answer_at BIGINT
);
CREATE INDEX questions_by_citizen ON questions (citizen, created_at);
CREATE INDEX questions_by_state ON questions (state, created_at);
CREATE INDEX questions_by_creation ON questions (created_at, id);

-- What happened. A question is folded from here, so nothing here ever changes.
CREATE TABLE question_events (
    question TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    mono_us BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (question, version)
);

-- What was written: the question, answers, follow-ups, replies. A change of an answer is a further version.
CREATE TABLE question_texts (
    question TEXT NOT NULL REFERENCES questions (id),
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    number BIGINT NOT NULL,
    lawyer TEXT,
    at BIGINT NOT NULL,
    chars BIGINT NOT NULL,
    text_sealed BYTEA NOT NULL,
    PRIMARY KEY (question, id, version)
);

-- The valid answers; the first version's facts are what the record was sealed from.
CREATE TABLE question_answers (
    question TEXT NOT NULL REFERENCES questions (id),
    id TEXT NOT NULL,
    lawyer TEXT NOT NULL,
    rank BIGINT NOT NULL,
    at BIGINT NOT NULL,
    chars BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    legal_aid_prompted BIGINT NOT NULL,
    PRIMARY KEY (question, id),
    UNIQUE (question, lawyer)
);
CREATE INDEX question_answers_by_lawyer ON question_answers (lawyer, at);

-- Pictures, PDF and voice messages of one text, as the server found them to be; the bytes are in sealed parts.
CREATE TABLE question_attachments (
    id TEXT PRIMARY KEY,
    question TEXT NOT NULL REFERENCES questions (id),
    text TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    parts BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX question_attachments_by_question ON question_attachments (question, created_at);
CREATE TABLE question_attachment_parts (
    attachment TEXT NOT NULL,
    number BIGINT NOT NULL,
    part_sealed BYTEA NOT NULL,
    PRIMARY KEY (attachment, number)
);

-- The question that a call goes on with.
ALTER TABLE consultations ADD COLUMN question TEXT;
CREATE INDEX consultations_by_question ON consultations (question);

CREATE TRIGGER question_events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON question_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER question_texts_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON question_texts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER question_answers_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON question_answers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
