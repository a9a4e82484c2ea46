-- Schema 1. Times are seconds, slots are quarter hours and days are UTC days, all since 1970-01-01T00:00Z.

CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- One file's commit numbers say nothing of another's.
INSERT INTO meta (key, value) VALUES ('identity', random());

-- Everything that was ever booked, as it was spelled. `known` by evidence (SEMANTICS R19); the rest is folded when read.
CREATE TABLE name (
  id INTEGER PRIMARY KEY,
  subject TEXT NOT NULL UNIQUE,
  parent INTEGER NOT NULL,
  known INTEGER NOT NULL
) STRICT;
INSERT INTO name (id, subject, parent, known) VALUES (1, '(server)', 0, 1), (2, '(other)', 1, 1);

-- Trends: the key begins with the subject and ends with time, so that one subject's months lie together. A row is a
-- day; `slots` are its quarter hours and their sums (see sums.rs).
CREATE TABLE counter (
  subject INTEGER NOT NULL,
  measure INTEGER NOT NULL,
  utc_day INTEGER NOT NULL,
  slots BLOB NOT NULL,
  PRIMARY KEY (subject, measure, utc_day)
) STRICT, WITHOUT ROWID;

-- Modes: the same sums by whole UTC days, all children of a parent together.
CREATE TABLE counter_day (
  parent INTEGER NOT NULL,
  measure INTEGER NOT NULL,
  utc_day INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (parent, measure, utc_day, subject)
) STRICT, WITHOUT ROWID;

-- Evidence, in the order in which it is shown and forgotten: all events touch the server, so this is its list too.
-- `measures` are the numbers that moved there, two bytes each, so that a page of one measure's events never opens the
-- others; `kind` is JSON and `subjects` a JSON list of names. From these the numbers can be counted again.
CREATE TABLE event (
  time INTEGER NOT NULL,
  id INTEGER NOT NULL,
  measures BLOB NOT NULL,
  kind TEXT NOT NULL,
  host TEXT NOT NULL,
  subjects TEXT NOT NULL,
  peer TEXT,
  bytes INTEGER,
  duration_ms INTEGER,
  detail TEXT NOT NULL,
  PRIMARY KEY (time, id)
) STRICT, WITHOUT ROWID;

-- Which events touched a domain, mailbox or service, and which measures they moved there.
CREATE TABLE event_subject (
  subject INTEGER NOT NULL,
  time INTEGER NOT NULL,
  event INTEGER NOT NULL,
  measures BLOB NOT NULL,
  PRIMARY KEY (subject, time, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE open_state (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE source (id INTEGER PRIMARY KEY, state TEXT NOT NULL) STRICT;

-- Hashes of the lines that were counted, eight bytes each, a row for each commit that counted lines of a slot.
CREATE TABLE seen (id INTEGER PRIMARY KEY, slot INTEGER NOT NULL, hashes BLOB NOT NULL) STRICT;
CREATE INDEX seen_slot ON seen (slot);

-- Log time that was read, and log time that is known to be lost. Stretches of a family and host never meet.
CREATE TABLE coverage (
  family INTEGER NOT NULL,
  host TEXT NOT NULL,
  from_secs INTEGER NOT NULL,
  until_secs INTEGER NOT NULL,
  PRIMARY KEY (family, host, from_secs)
) STRICT, WITHOUT ROWID;
CREATE TABLE gap (
  family INTEGER NOT NULL,
  host TEXT NOT NULL,
  from_secs INTEGER NOT NULL,
  until_secs INTEGER NOT NULL,
  PRIMARY KEY (family, host, from_secs)
) STRICT, WITHOUT ROWID;

CREATE TABLE health (
  program TEXT PRIMARY KEY,
  understood INTEGER NOT NULL,
  ignored INTEGER NOT NULL,
  unparsed INTEGER NOT NULL,
  examples TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The last commit that touched a day: answers over untouched days stay good.
CREATE TABLE day_commit (utc_day INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;
