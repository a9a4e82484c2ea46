-- Schema 4: what a recount needs.

-- Each line that was counted, whichever source brought it; `hashes` has one for each line of each source. NULL: both
-- kinds stand in `hashes`.
ALTER TABLE seen ADD COLUMN counted BLOB;

-- By which rules and settings log time was counted. Stretches of one row of `rules` never meet; time that was counted in
-- part by other rules stands under both.
CREATE TABLE rules (
  id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  settings TEXT NOT NULL,
  UNIQUE (version, settings)
) STRICT;
CREATE TABLE counted_by (
  rules INTEGER NOT NULL,
  from_secs INTEGER NOT NULL,
  until_secs INTEGER NOT NULL,
  PRIMARY KEY (rules, from_secs)
) STRICT, WITHOUT ROWID;
-- What was counted before: by rules that nobody wrote down.
INSERT INTO rules (id, version, settings) SELECT 1, 0, '' WHERE EXISTS (SELECT 1 FROM coverage);
INSERT INTO counted_by
  SELECT 1, from_secs, until_secs FROM (SELECT min(from_secs) AS from_secs, max(until_secs) AS until_secs FROM coverage)
  WHERE from_secs IS NOT NULL;

-- Slots whose numbers a recount kept: events in them with lower ids are settled, and no later line revises them.
CREATE TABLE settled (from_slot INTEGER PRIMARY KEY, until_slot INTEGER NOT NULL, below_event INTEGER NOT NULL) STRICT;
