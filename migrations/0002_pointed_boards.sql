-- A board points to its revision. The newest row was not enough: organizers who take a correction
-- back mean the older revision again, which is never a new row. And indices for what is asked often.

CREATE TABLE board (
    challenge   TEXT NOT NULL,
    phase       TEXT NOT NULL,
    task        TEXT NOT NULL,
    revision_id BIGINT NOT NULL REFERENCES evaluation_revision (id),
    pointed_at  BIGINT NOT NULL,
    PRIMARY KEY (challenge, phase, task)
);
INSERT INTO board (challenge, phase, task, revision_id, pointed_at)
    SELECT challenge, phase, task, id, created_at FROM evaluation_revision
    WHERE id IN (SELECT MAX(id) FROM evaluation_revision GROUP BY challenge, phase, task);

-- What is due, in the order in which it is sent.
CREATE INDEX outbox_due ON outbox (priority, not_before, id) WHERE sent < version;
-- A board's scores.
CREATE INDEX score_revision ON score (revision_id);
-- What a submission has spent.
CREATE INDEX quota_entry_submission ON quota_entry (submission_id, kind);
-- A team's use of a board; the first three columns serve the whole board.
CREATE INDEX submission_team ON submission (challenge, phase, task, team);
DROP INDEX submission_board;
-- Asked with every push to a local repository.
CREATE UNIQUE INDEX repository_token ON repository (hook_token);
