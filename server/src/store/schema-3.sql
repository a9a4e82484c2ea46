-- Schema 3: data health by source.

-- How the lines of each source fared, by program. `examples` is a JSON list of lines that were not understood.
ALTER TABLE health RENAME TO health_before;
CREATE TABLE health (
  source INTEGER NOT NULL,
  program TEXT NOT NULL,
  understood INTEGER NOT NULL,
  ignored INTEGER NOT NULL,
  unparsed INTEGER NOT NULL,
  examples TEXT NOT NULL,
  PRIMARY KEY (source, program)
) STRICT, WITHOUT ROWID;
-- No source has the number 0: these lines are nobody's any more.
INSERT INTO health SELECT 0, program, understood, ignored, unparsed, examples FROM health_before;
DROP TABLE health_before;
