-- How an offer was routed, and when it was seen: rank, mode and tier are those of signaling/src/words.rs; the seen time is
-- the first one at which the desk was in front of the lawyer.
ALTER TABLE offers ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
ALTER TABLE offers ADD COLUMN route_mode TEXT NOT NULL DEFAULT 'BROADCAST';
ALTER TABLE offers ADD COLUMN tier TEXT NOT NULL DEFAULT 'LOCAL_AREA';
ALTER TABLE offers ADD COLUMN seen_at INTEGER;
