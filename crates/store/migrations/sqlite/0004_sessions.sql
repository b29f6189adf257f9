-- Sessions, the families of their refresh tokens, and what was taken back. `mac` is the row MAC over every other column;
-- triggers let nothing come back that has ended. A session is looked for by its public reference, never by its token.

-- Everything of an earlier epoch is void. Its one row is written with the first session or revocation: here nobody knows
-- the key of its MAC.
CREATE TABLE epoch (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    since  INTEGER NOT NULL, -- when it began
    mac    BLOB    NOT NULL
) STRICT;

CREATE TRIGGER epoch_only_rises BEFORE UPDATE ON epoch WHEN NEW.number < OLD.number
BEGIN SELECT RAISE(ABORT, 'the epoch only rises'); END;

CREATE TRIGGER epoch_is_kept BEFORE DELETE ON epoch
BEGIN SELECT RAISE(ABORT, 'the epoch is never forgotten'); END;

CREATE TABLE active_sessions (
    ref          BLOB    NOT NULL PRIMARY KEY, -- public
    id           BLOB    NOT NULL UNIQUE,      -- never shown
    user_id      TEXT    NOT NULL REFERENCES users (id),
    token_hash   BLOB    NOT NULL UNIQUE,      -- SHA-256 of the access token that was issued last
    ip_address   TEXT    NOT NULL,
    user_agent   TEXT,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    auth_time    INTEGER NOT NULL,
    device       TEXT    NOT NULL,
    opened_by    TEXT    NOT NULL,             -- password or key
    key_id       TEXT    REFERENCES keys (id),
    kek_version  INTEGER,
    root         BLOB,                         -- sealed; of a session with a key that a password opened
    proof        TEXT    NOT NULL,             -- key or bearer
    generation   INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    state        INTEGER NOT NULL,             -- 0 open, 1 ended
    ended_at     INTEGER,
    ended_why    TEXT,
    mac          BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX active_sessions_by_user ON active_sessions (user_id, expires_at);

CREATE INDEX active_sessions_by_key ON active_sessions (key_id) WHERE key_id IS NOT NULL;

CREATE INDEX active_sessions_by_expiry ON active_sessions (proof, expires_at) WHERE state = 0;

CREATE INDEX active_sessions_by_end ON active_sessions (proof, ended_at) WHERE state = 1;

CREATE TRIGGER active_sessions_only_end BEFORE UPDATE ON active_sessions WHEN NEW.state < OLD.state
BEGIN SELECT RAISE(ABORT, 'an ended session stays ended'); END;

CREATE TRIGGER active_sessions_only_rise BEFORE UPDATE ON active_sessions
WHEN NEW.generation < OLD.generation OR NEW.epoch <> OLD.epoch
BEGIN SELECT RAISE(ABORT, 'a session does not go back'); END;

CREATE TABLE token_families (
    id          BLOB    NOT NULL PRIMARY KEY,
    session     BLOB    NOT NULL UNIQUE REFERENCES active_sessions (ref) ON DELETE CASCADE,
    user_id     TEXT    NOT NULL REFERENCES users (id),
    proof       TEXT    NOT NULL, -- the session's
    kek_version INTEGER NOT NULL,
    secret      BLOB    NOT NULL, -- sealed
    sequence    INTEGER NOT NULL, -- of the current token
    rotated_at  INTEGER NOT NULL, -- when that was issued
    place       BLOB    NOT NULL, -- to whom
    used        INTEGER NOT NULL, -- 1 once its access token has been used
    good_until  INTEGER NOT NULL, -- how long it is good
    expires_at  INTEGER NOT NULL, -- how long any token of the family can be
    state       INTEGER NOT NULL, -- 0 open, 1 ended
    ended_at    INTEGER,
    ended_why   TEXT,
    mac         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER token_families_only_end BEFORE UPDATE ON token_families WHEN NEW.state < OLD.state
BEGIN SELECT RAISE(ABORT, 'an ended family stays ended'); END;

CREATE TRIGGER token_families_only_go_on BEFORE UPDATE ON token_families
WHEN NEW.sequence < OLD.sequence OR (NEW.sequence = OLD.sequence AND NEW.used < OLD.used)
BEGIN SELECT RAISE(ABORT, 'a token that was replaced stays replaced'); END;

-- AUTOINCREMENT, so that no number comes twice, even after entries have been forgotten.
CREATE TABLE revocations (
    sequence   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    epoch      INTEGER NOT NULL,
    at_ms      INTEGER NOT NULL,
    session    BLOB,    -- this session,
    user_id    TEXT,    -- or what this user was issued
    generation INTEGER  -- before this generation; or, with none of these, everything
) STRICT;

CREATE INDEX revocations_by_age ON revocations (at_ms);

CREATE TRIGGER revocations_are_final BEFORE UPDATE ON revocations
BEGIN SELECT RAISE(ABORT, 'revocations are never changed'); END;
