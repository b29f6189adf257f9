-- Times are milliseconds since the Unix epoch. `mac` is the row MAC over every other column.
-- Triggers keep what is final final, whatever a later version of the program does.

CREATE TABLE server_secrets (
    name        TEXT    NOT NULL PRIMARY KEY,
    kek_version INTEGER NOT NULL,
    sealed      BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    username   TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    state      INTEGER NOT NULL, -- 0 enabled, 1 disabled, 2 deleted
    generation INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    mac        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- A name is unique among the users that are not deleted.
CREATE UNIQUE INDEX users_by_name ON users (username) WHERE state < 2;

CREATE TRIGGER users_deleted_is_final BEFORE UPDATE ON users WHEN OLD.state = 2 AND NEW.state <> 2
BEGIN SELECT RAISE(ABORT, 'a deleted user stays deleted'); END;

CREATE TRIGGER users_are_kept BEFORE DELETE ON users
BEGIN SELECT RAISE(ABORT, 'users are never forgotten'); END;

CREATE TABLE tickets (
    id           TEXT    NOT NULL PRIMARY KEY,
    role         TEXT    NOT NULL,
    not_after_ms INTEGER NOT NULL,
    created_ms   INTEGER NOT NULL,
    state        INTEGER NOT NULL, -- 0 open, 1 used, 2 revoked
    ended_ms     INTEGER,          -- when it was used or revoked
    key_id       TEXT,             -- the key that it let in
    mac          BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tickets_spent_is_final BEFORE UPDATE ON tickets WHEN OLD.state <> 0 AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'a spent ticket stays spent'); END;

CREATE TRIGGER tickets_are_kept BEFORE DELETE ON tickets
BEGIN SELECT RAISE(ABORT, 'tickets are never forgotten'); END;

CREATE TABLE keys (
    id          TEXT    NOT NULL PRIMARY KEY,
    user_id     TEXT    NOT NULL REFERENCES users (id),
    device      TEXT    NOT NULL,
    kek_version INTEGER NOT NULL,
    root        BLOB    NOT NULL, -- sealed
    origin      TEXT    NOT NULL, -- group, ticket or seed
    ticket_id   TEXT    REFERENCES tickets (id),
    state       INTEGER NOT NULL, -- 0 active, 1 revoked
    revoked_ms  INTEGER,
    created_ms  INTEGER NOT NULL,
    mac         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_by_user ON keys (user_id);

-- A ticket lets one key in, even if its own row were laid back from an old copy.
CREATE UNIQUE INDEX keys_by_ticket ON keys (ticket_id) WHERE ticket_id IS NOT NULL;

CREATE TRIGGER keys_revoked_is_final BEFORE UPDATE ON keys WHEN OLD.state = 1 AND NEW.state <> 1
BEGIN SELECT RAISE(ABORT, 'a revoked key stays revoked'); END;

CREATE TRIGGER keys_are_kept BEFORE DELETE ON keys
BEGIN SELECT RAISE(ABORT, 'keys are never forgotten'); END;

CREATE TABLE enrolment_notes (
    hash          BLOB    NOT NULL PRIMARY KEY,
    keep_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX enrolment_notes_by_end ON enrolment_notes (keep_until_ms);

CREATE TABLE burnt_nonces (
    keyid         TEXT    NOT NULL,
    nonce         BLOB    NOT NULL,
    keep_until_ms INTEGER NOT NULL,
    PRIMARY KEY (keyid, nonce)
) STRICT, WITHOUT ROWID;

CREATE INDEX burnt_nonces_by_end ON burnt_nonces (keep_until_ms);

CREATE TABLE accept_mark (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    mark BLOB    NOT NULL
) STRICT;

CREATE TABLE events (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_ms    INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    user_id  TEXT,
    key_id   TEXT,
    actor    TEXT    NOT NULL,
    detail   TEXT    NOT NULL
) STRICT;

CREATE TRIGGER events_are_final BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
