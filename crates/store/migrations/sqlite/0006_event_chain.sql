-- The event log becomes a chain: `chain` is a MAC over every other column and over the value of the row before. Rows from
-- before have none until the first start of this version gives them one.
ALTER TABLE events ADD COLUMN chain BLOB;

-- The public reference of the session that an event concerns, where there is one.
ALTER TABLE events ADD COLUMN session TEXT;

-- Where the log ended at some time.
CREATE TABLE event_heads (
    sequence INTEGER NOT NULL PRIMARY KEY,
    at_ms    INTEGER NOT NULL,
    chain    BLOB    NOT NULL,
    mac      BLOB    NOT NULL
) STRICT;

-- Up to where it was removed in its time.
CREATE TABLE event_pruning (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL,
    chain    BLOB    NOT NULL,
    mac      BLOB    NOT NULL
) STRICT;

-- The one change of an event: a row from before gets its value, until the first head is sealed.
DROP TRIGGER events_are_final;
CREATE TRIGGER events_are_final BEFORE UPDATE ON events
WHEN OLD.chain IS NOT NULL OR NEW.chain IS NULL OR EXISTS (SELECT 1 FROM event_heads)
    OR NEW.sequence <> OLD.sequence OR NEW.at_ms <> OLD.at_ms OR NEW.kind <> OLD.kind
    OR NEW.user_id IS NOT OLD.user_id OR NEW.key_id IS NOT OLD.key_id OR NEW.session IS NOT OLD.session
    OR NEW.actor <> OLD.actor OR NEW.detail <> OLD.detail
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;

CREATE TRIGGER events_are_kept BEFORE DELETE ON events
WHEN OLD.sequence > coalesce((SELECT sequence FROM event_pruning), 0)
BEGIN SELECT RAISE(ABORT, 'events are kept for their time'); END;

CREATE TRIGGER event_heads_are_final BEFORE UPDATE ON event_heads
BEGIN SELECT RAISE(ABORT, 'heads are never changed'); END;

CREATE TRIGGER event_heads_are_kept BEFORE DELETE ON event_heads
BEGIN SELECT RAISE(ABORT, 'heads are never forgotten'); END;

CREATE TRIGGER event_pruning_stays_behind_a_head BEFORE INSERT ON event_pruning
WHEN NEW.sequence > coalesce((SELECT max(sequence) FROM event_heads), 0)
BEGIN SELECT RAISE(ABORT, 'only what a head has sealed is removed'); END;

CREATE TRIGGER event_pruning_only_grows BEFORE UPDATE ON event_pruning
WHEN NEW.sequence < OLD.sequence OR NEW.sequence > coalesce((SELECT max(sequence) FROM event_heads), 0)
BEGIN SELECT RAISE(ABORT, 'only what a head has sealed is removed'); END;

CREATE TRIGGER event_pruning_is_kept BEFORE DELETE ON event_pruning
BEGIN SELECT RAISE(ABORT, 'what was removed is never forgotten'); END;
