-- A database as a program of schema 3 has left it, under the row key 0707…07: alice, bob whose key is revoked and who is
-- disabled, carol who is deleted, dave who came by a ticket, and a ticket that was revoked. Not to be changed: the MACs of
-- its rows are those of that program.

CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'accounts','2026-11-24 19:37:45',1,X'04C648DF31F893786718F4E38378755B0D6CCDD6392416002FF2A9FC4FECFF3AF7D94FF2B6B6783D84A75AB0CD7FD06F',6628956);
INSERT INTO "_sqlx_migrations" VALUES(2,'outcomes','2026-11-24 19:37:45',1,X'8CA28037B9078F07E59335112397E86B341B07A34DB52665CAB7E4E92DDB47793F3C64EC04020AFB500D595142505CE4',2158246);
INSERT INTO "_sqlx_migrations" VALUES(3,'rotation','2026-11-24 19:37:45',1,X'DC7DEC2FD3465C710AD299F00D75D6FF31E9C7241AA1B3186CD2FED30763F16CD4600301D8AC19D92CEE61DE71D6B189',39999322);
CREATE TABLE accept_mark (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    mark BLOB    NOT NULL
) STRICT;
CREATE TABLE burnt_nonces (
    keyid         TEXT    NOT NULL,
    nonce         BLOB    NOT NULL,
    keep_until_ms INTEGER NOT NULL,
    PRIMARY KEY (keyid, nonce)
) STRICT, WITHOUT ROWID;
CREATE TABLE enrolment_notes (
    hash          BLOB    NOT NULL PRIMARY KEY,
    keep_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_ms    INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    user_id  TEXT,
    key_id   TEXT,
    actor    TEXT    NOT NULL,
    detail   TEXT    NOT NULL
) STRICT;
INSERT INTO "events" VALUES(1,1763780000000,'enrolled',NULL,NULL,'127.0.0.1','enrolled');
INSERT INTO "events" VALUES(2,1763780000000,'enrolled',NULL,NULL,'127.0.0.1','enrolled');
INSERT INTO "events" VALUES(3,1763780000000,'enrolled',NULL,NULL,'127.0.0.1','enrolled');
INSERT INTO "events" VALUES(4,1763780000000,'ticket_issued',NULL,NULL,'127.0.0.1','ticket_issued');
INSERT INTO "events" VALUES(5,1763780000000,'ticket_issued',NULL,NULL,'127.0.0.1','ticket_issued');
INSERT INTO "events" VALUES(6,1763780000001,'ticket_revoked',NULL,NULL,'127.0.0.1','ticket_revoked');
INSERT INTO "events" VALUES(7,1763780000002,'enrolled',NULL,NULL,'127.0.0.1','enrolled');
INSERT INTO "events" VALUES(8,1763780000003,'key_revoked',NULL,'kacaibaeaqcaibaeaqcaibaeaqc','127.0.0.1','key_revoked');
INSERT INTO "events" VALUES(9,1763780000004,'user_disabled',NULL,NULL,'127.0.0.1','user_disabled');
INSERT INTO "events" VALUES(10,1763780000005,'user_deleted',NULL,NULL,'127.0.0.1','user_deleted');
CREATE TABLE keys (
    id          TEXT    NOT NULL PRIMARY KEY,
    user_id     TEXT    NOT NULL REFERENCES users (id),
    device      TEXT    NOT NULL,
    kek_version INTEGER NOT NULL,
    root        BLOB    NOT NULL, -- sealed
    origin      TEXT    NOT NULL, -- group, ticket or seed
    ticket_id   TEXT    REFERENCES tickets (id),
    state       INTEGER NOT NULL, -- 0 active, 1 revoked
    ends_ms  INTEGER,
    created_ms  INTEGER NOT NULL,
    mac         BLOB    NOT NULL
, predecessor TEXT REFERENCES keys (id)) STRICT, WITHOUT ROWID;
INSERT INTO "keys" VALUES('kabaeaqcaibaeaqcaibaeaqcaib','01010101-0101-4101-8101-010101010101','device 1',1,X'010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101','group',NULL,0,NULL,1763780000000,X'F138C92CE412BC8CC999AB8358A80366',NULL);
INSERT INTO "keys" VALUES('kacaibaeaqcaibaeaqcaibaeaqc','02020202-0202-4202-8202-020202020202','device 2',1,X'020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202','group',NULL,1,1763780000003,1763780000000,X'742CD62F74E2BF944D4485D3491645C5',NULL);
INSERT INTO "keys" VALUES('kadambqgaydambqgaydambqgayd','03030303-0303-4303-8303-030303030303','device 3',1,X'030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303','group',NULL,1,1763780000005,1763780000000,X'7885289A8B99EBCFFEE8BE4A3BFA66F7',NULL);
INSERT INTO "keys" VALUES('kaeaqcaibaeaqcaibaeaqcaibae','04040404-0404-4404-8404-040404040404','device 4',1,X'040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404','ticket','0909090909090909',0,NULL,1763780000000,X'8C04EC4AD2E76E187938F00262777688',NULL);
CREATE TABLE outcome_usage (
    user_id TEXT    NOT NULL PRIMARY KEY,
    octets  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
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
CREATE TABLE server_secrets (
    name        TEXT    NOT NULL PRIMARY KEY,
    kek_version INTEGER NOT NULL,
    sealed      BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tickets (
    id           TEXT    NOT NULL PRIMARY KEY,
    role         TEXT    NOT NULL,
    not_after_ms INTEGER NOT NULL,
    created_ms   INTEGER NOT NULL,
    state        INTEGER NOT NULL, -- 0 open, 1 used, 2 revoked
    ended_ms     INTEGER,          -- when it was used or revoked
    key_id       TEXT,             -- the key that it let in
    mac          BLOB    NOT NULL
, recovers TEXT REFERENCES users (id), recovery TEXT) STRICT, WITHOUT ROWID;
INSERT INTO "tickets" VALUES('0808080808080808','user',1763780060000,1763780000000,2,1763780000001,NULL,X'8D8C2D1E91C7F8957B33F2C3D71E69BE',NULL,NULL);
INSERT INTO "tickets" VALUES('0909090909090909','user',1763780060000,1763780000000,1,1763780000002,'kaeaqcaibaeaqcaibaeaqcaibae',X'1A4E0B061145CB248E78E2C581E5D6CD',NULL,NULL);
CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    username   TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    state      INTEGER NOT NULL, -- 0 enabled, 1 disabled, 2 deleted
    generation INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    mac        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "users" VALUES('01010101-0101-4101-8101-010101010101','alice','user',0,1,1763780000000,X'2AC8DA474ED8E7C97FCAAB3CBB32BB00');
INSERT INTO "users" VALUES('02020202-0202-4202-8202-020202020202','bob','user',1,2,1763780000000,X'14FF4004F768550B6E10AC8BBEC9BE93');
INSERT INTO "users" VALUES('03030303-0303-4303-8303-030303030303','carol','user',2,2,1763780000000,X'D024039E91CDD31199282E9F42E9F7B4');
INSERT INTO "users" VALUES('04040404-0404-4404-8404-040404040404','dave','user',0,1,1763780000000,X'042DA349A87292AE840B2647D94E5FAB');
CREATE UNIQUE INDEX users_by_name ON users (username) WHERE state < 2;
CREATE TRIGGER users_deleted_is_final BEFORE UPDATE ON users WHEN OLD.state = 2 AND NEW.state <> 2
BEGIN SELECT RAISE(ABORT, 'a deleted user stays deleted'); END;
CREATE TRIGGER users_are_kept BEFORE DELETE ON users
BEGIN SELECT RAISE(ABORT, 'users are never forgotten'); END;
CREATE TRIGGER tickets_spent_is_final BEFORE UPDATE ON tickets WHEN OLD.state <> 0 AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'a spent ticket stays spent'); END;
CREATE TRIGGER tickets_are_kept BEFORE DELETE ON tickets
BEGIN SELECT RAISE(ABORT, 'tickets are never forgotten'); END;
CREATE INDEX keys_by_user ON keys (user_id);
CREATE UNIQUE INDEX keys_by_ticket ON keys (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE TRIGGER keys_revoked_is_final BEFORE UPDATE ON keys WHEN OLD.state = 1 AND NEW.state <> 1
BEGIN SELECT RAISE(ABORT, 'a revoked key stays revoked'); END;
CREATE TRIGGER keys_are_kept BEFORE DELETE ON keys
BEGIN SELECT RAISE(ABORT, 'keys are never forgotten'); END;
CREATE INDEX enrolment_notes_by_end ON enrolment_notes (keep_until_ms);
CREATE INDEX burnt_nonces_by_end ON burnt_nonces (keep_until_ms);
CREATE TRIGGER events_are_final BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE INDEX outcomes_by_age ON outcomes (began_ms);
CREATE INDEX outcomes_started ON outcomes (state) WHERE state = 0;
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
CREATE UNIQUE INDEX keys_by_predecessor ON keys (predecessor) WHERE predecessor IS NOT NULL AND state <> 1;
CREATE INDEX tickets_by_user ON tickets (recovers) WHERE recovers IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',10);
