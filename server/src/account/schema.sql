-- Accounts, schema 1. Times are seconds since 1970-01-01T00:00Z. No secret is here, only hashes of secrets.

CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  root TEXT NOT NULL,
  password TEXT NOT NULL,
  is_disabled INTEGER NOT NULL DEFAULT 0,
  made INTEGER NOT NULL,
  last_login INTEGER
) STRICT;

-- `account` is NULL where someone signed in with the password of their mailbox; `name` is that mailbox then.
CREATE TABLE session (
  digest BLOB PRIMARY KEY,
  account INTEGER REFERENCES account (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  began INTEGER NOT NULL,
  seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_name ON session (name);

CREATE TABLE token (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  digest BLOB NOT NULL UNIQUE,
  account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  label TEXT NOT NULL,
  root TEXT NOT NULL,
  made INTEGER NOT NULL,
  used INTEGER
) STRICT;
CREATE INDEX token_account ON token (account);

-- Links that let someone in once. `account` is NULL for the one that sets up the first account.
CREATE TABLE link (
  digest BLOB PRIMARY KEY,
  account INTEGER REFERENCES account (id) ON DELETE CASCADE,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  what TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL
) STRICT;
CREATE INDEX audit_name ON audit (name);
