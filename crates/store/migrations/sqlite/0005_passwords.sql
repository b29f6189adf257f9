-- Users who log in with a password, and what users may do. Row MACs of rows from before stay as they are.

-- Words separated by blanks, sorted; empty for none.
ALTER TABLE users ADD COLUMN permissions TEXT NOT NULL DEFAULT '';

-- The PHC string of an argon2id hash; none for a user who has no password.
ALTER TABLE users ADD COLUMN password_hash TEXT;
