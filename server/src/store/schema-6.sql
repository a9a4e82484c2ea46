-- Schema 6: the events of a subject in a quarter hour as one row.

-- Which events touched a domain, mailbox or service, and which measures they moved there: `entries` are those of a
-- quarter hour (see entries.rs). An import writes a fifth of the rows.
ALTER TABLE event_subject RENAME TO event_subject_before;
CREATE TABLE event_subject (
  subject INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  entries BLOB NOT NULL,
  PRIMARY KEY (subject, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO event_subject (subject, slot, entries)
  SELECT subject, slot_of(time), entries(time, event, measures) FROM event_subject_before GROUP BY 1, 2;
DROP TABLE event_subject_before;
