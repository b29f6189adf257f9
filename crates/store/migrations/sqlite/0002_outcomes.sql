-- What became of requests with idempotency keys. There is no row MAC: what an answer says is sealed for its very row, and
-- whoever can delete rows can make a request run anew that its own user sends again, with or without one.

CREATE TABLE outcomes (
    user_id      TEXT    NOT NULL,
    name         BLOB    NOT NULL, -- MAC of user and key
    fingerprint  BLOB    NOT NULL, -- MAC of the request
    began_ms     INTEGER NOT NULL,
    state        INTEGER NOT NULL, -- 0 started, 1 answered, 2 unknown
    run          BLOB    NOT NULL, -- the run of the guard that started it
    attempt      INTEGER NOT NULL, -- its number in that run
    seal_version INTEGER,
    answer       BLOB,             -- sealed
    octets       INTEGER NOT NULL, -- what it counts for in its user's quota
    UNIQUE (user_id, name)
) STRICT;

CREATE INDEX outcomes_by_age ON outcomes (began_ms);

CREATE INDEX outcomes_started ON outcomes (state) WHERE state = 0;

CREATE TABLE outcome_usage (
    user_id TEXT    NOT NULL PRIMARY KEY,
    octets  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER outcomes_counted AFTER INSERT ON outcomes
BEGIN
    INSERT INTO outcome_usage (user_id, octets) VALUES (NEW.user_id, NEW.octets)
    ON CONFLICT (user_id) DO UPDATE SET octets = octets + NEW.octets;
END;

CREATE TRIGGER outcomes_recounted AFTER UPDATE OF octets ON outcomes
BEGIN
    UPDATE outcome_usage SET octets = octets + NEW.octets - OLD.octets WHERE user_id = NEW.user_id;
END;

CREATE TRIGGER outcomes_uncounted AFTER DELETE ON outcomes
BEGIN
    UPDATE outcome_usage SET octets = octets - OLD.octets WHERE user_id = OLD.user_id;
END;
