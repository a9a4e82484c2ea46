-- Schema 5: the children of a parent on a day as one row.

-- Modes: the same sums by whole UTC days, those of a parent's children together. A row is 4,096 neighbouring numbers of
-- subjects; `children` are their numbers in it and their sums (see sums.rs, children.rs).
ALTER TABLE counter_day RENAME TO counter_day_before;
CREATE TABLE counter_day (
  parent INTEGER NOT NULL,
  measure INTEGER NOT NULL,
  utc_day INTEGER NOT NULL,
  block INTEGER NOT NULL,
  children BLOB NOT NULL,
  PRIMARY KEY (parent, measure, utc_day, block)
) STRICT, WITHOUT ROWID;
INSERT INTO counter_day (parent, measure, utc_day, block, children)
  SELECT parent, measure, utc_day, block(subject), packed(subject, value) FROM counter_day_before
  WHERE parent > 0 GROUP BY 1, 2, 3, 4;
DROP TABLE counter_day_before;
