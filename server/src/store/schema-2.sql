-- Schema 2: findings.

-- What stood out of its own past: at most one row a day for each count, and none for nearly all. `day` is when the day
-- began in the server's zone; `from_secs` and `until_secs` are that day, or an hour of it.
CREATE TABLE finding (
  subject INTEGER NOT NULL,
  measure INTEGER NOT NULL,
  day INTEGER NOT NULL,
  from_secs INTEGER NOT NULL,
  until_secs INTEGER NOT NULL,
  step TEXT NOT NULL,
  value INTEGER NOT NULL,
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  score INTEGER NOT NULL,
  PRIMARY KEY (subject, measure, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX finding_day ON finding (day);
