-- Verdicts on hidden data are told on a grid of time: the moment of an end would tell how long it took.

-- The outcome that is known already and told at `ready_at`; none once it is told, or while there is none.
-- Until then the submission waits at the stage that it ended at, and nobody works on it.
ALTER TABLE submission ADD COLUMN sealed TEXT;
CREATE INDEX submission_sealed ON submission (ready_at) WHERE sealed IS NOT NULL;
