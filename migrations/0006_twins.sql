-- An issue in which we report may be opened twice: by a forge that did what it was asked long after we
-- gave up waiting. `issue` is 0 while it is being opened; until the moment in `unsure_until` another one
-- may appear beside it, which is closed.
ALTER TABLE thread ADD COLUMN unsure_until BIGINT;
