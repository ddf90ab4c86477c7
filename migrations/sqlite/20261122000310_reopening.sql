-- Coming back to a matter: what the asker means to ask again, the matter a new one points to, and how grave a matter is.

-- An intent, kept before the consultation is asked for; it counts for a while and once.
CREATE TABLE reopenings (
    consultation TEXT PRIMARY KEY,
    matter TEXT NOT NULL REFERENCES matters (id),
    citizen TEXT NOT NULL,
    linked INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

ALTER TABLE matters ADD COLUMN previous TEXT;
ALTER TABLE matters ADD COLUMN grade TEXT NOT NULL DEFAULT 'NORMAL';
