-- Keys that take the place of others, and tickets that recover somebody. Row MACs of rows from before stay as they are.

-- When a key was revoked, or (state 2, ending) when it will be: another has taken its place.
ALTER TABLE keys RENAME COLUMN revoked_ms TO ends_ms;

-- The key in whose place this one stands; origin is rotation then. An origin recovery names a ticket.
ALTER TABLE keys ADD COLUMN predecessor TEXT REFERENCES keys (id);

-- A key has one successor that lives, even if its own row were laid back from an old copy.
CREATE UNIQUE INDEX keys_by_predecessor ON keys (predecessor) WHERE predecessor IS NOT NULL AND state <> 1;

-- Whom a ticket recovers, and whether it is a card or a code; neither for one that enrols somebody new.
ALTER TABLE tickets ADD COLUMN recovers TEXT REFERENCES users (id);
ALTER TABLE tickets ADD COLUMN recovery TEXT;

CREATE INDEX tickets_by_user ON tickets (recovers) WHERE recovers IS NOT NULL;
