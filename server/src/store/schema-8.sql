-- Schema 8: lines told apart by a key of the file's own.

-- The one key by which lines are hashed: 16 random bytes, secret. Without it nobody can make two lines of one hash.
CREATE TABLE line_key (key BLOB NOT NULL) STRICT;

-- NULL: hashed by blake3, as all lines of a slot that an earlier version began. Else by the key; the lines in `counted`
-- are those of this source, which need no hash of their own in `hashes`, or of none (0).
ALTER TABLE seen ADD COLUMN source INTEGER;
