-- Schema 9: a longer key, by which short lines are hashed in half the time.

-- 16 random bytes, and 192 more where no line had been hashed without them: what is hashed is never hashed otherwise.
-- They are added where randomness is (seen.rs).
