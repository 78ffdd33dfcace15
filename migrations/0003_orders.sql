-- What organizers order: overrides above challenge.toml, quota given, repositories that wait for an
-- approval, and scores made again by a changed scorer. Every order is in the ledger as well.

-- A value that stands above challenge.toml. Rows are only ever added; the newest that fits counts.
CREATE TABLE override (
    id         BIGINT PRIMARY KEY,
    challenge  TEXT NOT NULL,
    -- Empty: all of them.
    phase      TEXT NOT NULL,
    task       TEXT NOT NULL,
    team       TEXT NOT NULL,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    actor      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX override_challenge ON override (challenge, id);

-- Quota can be given without a submission, so an entry need not have one. Neither database can
-- take NOT NULL away in the other's words; the table is made anew.
CREATE TABLE quota_entry_anew (
    id            BIGINT PRIMARY KEY,
    challenge     TEXT NOT NULL,
    phase         TEXT NOT NULL,
    task          TEXT NOT NULL,
    team          TEXT NOT NULL,
    -- None for quota that organizers gave.
    submission_id BIGINT REFERENCES submission (id),
    kind          TEXT NOT NULL,
    amount        BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    created_at    BIGINT NOT NULL
);
INSERT INTO quota_entry_anew (id, challenge, phase, task, team, submission_id, kind, amount,
                              reason, created_at)
    SELECT id, challenge, phase, task, team, submission_id, kind, amount, reason, created_at
    FROM quota_entry;
DROP TABLE quota_entry;
ALTER TABLE quota_entry_anew RENAME TO quota_entry;
CREATE INDEX quota_entry_team ON quota_entry (challenge, phase, team, kind);
CREATE INDEX quota_entry_submission ON quota_entry (submission_id, kind);

-- A repository that fits the pattern of a challenge's teams and was not made by us. It is read only
-- after an organizer has approved it; then it has a row in `repository`, too.
CREATE TABLE candidate (
    id         BIGINT PRIMARY KEY,
    forge      TEXT NOT NULL,
    forge_id   TEXT NOT NULL,
    full_name  TEXT NOT NULL,
    challenge  TEXT NOT NULL,
    team       TEXT NOT NULL,
    -- pending, bound or refused.
    state      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    UNIQUE (forge, forge_id)
);

-- The scores of a board made again: by a changed scorer, truth or declaration of metrics.
CREATE TABLE rescore (
    id            BIGINT PRIMARY KEY,
    challenge     TEXT NOT NULL,
    phase         TEXT NOT NULL,
    task          TEXT NOT NULL,
    -- The board's revision when it was asked for; the board must still point there to be changed.
    from_revision BIGINT NOT NULL REFERENCES evaluation_revision (id),
    -- Of the revision to be; none while the scorer is built.
    definition    TEXT,
    -- preparing, running, ready; applied, discarded or failed.
    state         TEXT NOT NULL,
    problem       TEXT,
    requested_by  TEXT NOT NULL,
    -- The lease of who prepares it.
    owner         TEXT NOT NULL,
    lease_until   BIGINT NOT NULL,
    tries         BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    ended_at      BIGINT
);
-- A board has one at a time.
CREATE UNIQUE INDEX rescore_open ON rescore (challenge, phase, task)
    WHERE state IN ('preparing', 'running', 'ready');

-- One submission's predictions under the scorer of a rescore.
CREATE TABLE rescore_item (
    rescore_id    BIGINT NOT NULL REFERENCES rescore (id),
    submission_id BIGINT NOT NULL REFERENCES submission (id),
    -- waiting, working, done or failed.
    state         TEXT NOT NULL,
    owner         TEXT NOT NULL,
    lease_until   BIGINT NOT NULL,
    tries         BIGINT NOT NULL,
    -- Not before this moment.
    ready_at      BIGINT NOT NULL,
    score         TEXT,
    problem       TEXT,
    created_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    PRIMARY KEY (rescore_id, submission_id)
);

-- The rescore that a score came from; none for the score of a submission's own attempt. The attempt
-- of a rescored submission is the one whose predictions were scored again.
ALTER TABLE score ADD COLUMN rescore_id BIGINT REFERENCES rescore (id);
