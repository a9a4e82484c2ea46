-- Schema 7: events that are neighbours as one row.

-- Evidence: the events of a quarter hour whose numbers are neighbours, packed, and before them what is in them; samples of
-- the host, which come from no log, in blocks below zero (see blocks.rs). An import writes a thirtieth of the rows.
ALTER TABLE event RENAME TO event_before;
CREATE TABLE event (
  slot INTEGER NOT NULL,
  block INTEGER NOT NULL,
  entries BLOB NOT NULL,
  events BLOB NOT NULL,
  PRIMARY KEY (slot, block)
) STRICT;
