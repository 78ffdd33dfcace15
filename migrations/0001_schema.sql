-- The schema of Referee, for SQLite and PostgreSQL alike.
--
-- This file is edited in place until the first release. A database that was created by another text of
-- this file is refused at start, see `store/open.rs`.
--
-- Conventions: row numbers come from the table `counter`. Times are milliseconds since 1970 in UTC, as
-- BIGINT. JSON is TEXT. An empty TEXT stands for "all of them" or "not known yet" where a comment says so.

-- Row numbers, and the numbers of submissions that people see. One row per sequence.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

-- ---------------------------------------------------------------------------------------------------------
-- Teams and their repositories
-- ---------------------------------------------------------------------------------------------------------

-- The repository of a team. It is bound to the forge's own id, because a name can change hands.
CREATE TABLE repository (
    id         BIGINT PRIMARY KEY,
    forge      TEXT NOT NULL,
    forge_id   TEXT NOT NULL,
    full_name  TEXT NOT NULL,
    challenge  TEXT NOT NULL,
    team       TEXT NOT NULL,
    -- The hook of a local repository sends this token to ask about its own pushes. It permits nothing else.
    hook_token TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    UNIQUE (forge, forge_id),
    UNIQUE (challenge, team)
);

-- A repository that matches the pattern of a challenge's teams and was not created by Referee. Referee reads
-- it only after an organizer has approved the request. Then it has a row in `repository` as well.
CREATE TABLE registration_request (
    id         BIGINT PRIMARY KEY,
    forge      TEXT NOT NULL,
    forge_id   TEXT NOT NULL,
    full_name  TEXT NOT NULL,
    challenge  TEXT NOT NULL,
    team       TEXT NOT NULL,
    -- pending, approved or refused
    state      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    UNIQUE (forge, forge_id)
);

-- The account or organization that pushes a team's images to the forge's registry. A forge grants the right
-- to push images per organization, so each team that submits images has one of its own. Reports go to the
-- team's repository.
CREATE TABLE image_owner (
    id            BIGINT PRIMARY KEY,
    forge         TEXT NOT NULL,
    -- The forge's own id of the owner. It survives renames.
    owner_id      BIGINT NOT NULL,
    -- The owner's name when Referee last saw it.
    login         TEXT NOT NULL,
    repository_id BIGINT NOT NULL UNIQUE REFERENCES repository (id),
    created_at    BIGINT NOT NULL,
    UNIQUE (forge, owner_id)
);

-- ---------------------------------------------------------------------------------------------------------
-- Intake: deliveries, and the last known state of refs and images
-- ---------------------------------------------------------------------------------------------------------

-- A webhook delivery, committed before it is answered. The digest of the body makes it unique: a delivery
-- that is replayed has a new id and the same bytes.
CREATE TABLE delivery (
    id          BIGINT PRIMARY KEY,
    forge       TEXT NOT NULL,
    digest      TEXT NOT NULL,
    event       TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    handled_at  BIGINT,
    -- The result of handling it, for maintainers.
    note        TEXT,
    -- Referee asks the forge what a delivery means. If the forge does not answer, Referee asks again.
    attempts    BIGINT,
    not_before  BIGINT,
    UNIQUE (forge, digest)
);
CREATE INDEX delivery_unhandled ON delivery (id) WHERE handled_at IS NULL;

-- The last value of each ref of each repository. The sweep compares the forge's refs with these.
CREATE TABLE known_ref (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    full_ref      TEXT NOT NULL,
    sha           TEXT NOT NULL,
    seen_at       BIGINT NOT NULL,
    PRIMARY KEY (repository_id, full_ref)
);

-- The last digest of each image tag that may be a submission. The sweep compares the registry with these.
CREATE TABLE known_image (
    image_owner_id BIGINT NOT NULL REFERENCES image_owner (id),
    name           TEXT NOT NULL,
    tag            TEXT NOT NULL,
    digest         TEXT NOT NULL,
    seen_at        BIGINT NOT NULL,
    PRIMARY KEY (image_owner_id, name, tag)
);

-- ---------------------------------------------------------------------------------------------------------
-- Submissions and the work on them
-- ---------------------------------------------------------------------------------------------------------

-- A commit or an image, entered for a phase. It exists once, however often it is pushed or announced.
CREATE TABLE source (
    id             BIGINT PRIMARY KEY,
    repository_id  BIGINT NOT NULL REFERENCES repository (id),
    -- The commit. For an image the digest of its manifest or index, pinned when its tag was first seen.
    sha            TEXT NOT NULL,
    phase          TEXT NOT NULL,
    -- The ref that was pushed. For an image its name and tag.
    full_ref       TEXT NOT NULL,
    observed_at    BIGINT NOT NULL,
    -- The git tree, or the digest of an image's configuration. Sources of equal content are duplicates.
    content_digest TEXT,
    -- The owner of an image. NULL for a commit.
    image_owner_id BIGINT REFERENCES image_owner (id),
    UNIQUE (repository_id, sha, phase)
);

-- A source entered for one task. One push becomes one submission per task.
CREATE TABLE submission (
    id                  BIGINT PRIMARY KEY,
    source_id           BIGINT NOT NULL REFERENCES source (id),
    challenge           TEXT NOT NULL,
    -- The number that people see: #12.
    number              BIGINT NOT NULL,
    -- The unguessable part of the address of the submission's page.
    token               TEXT NOT NULL UNIQUE,
    phase               TEXT NOT NULL,
    -- Empty until admission has read submission.toml.
    task                TEXT NOT NULL,
    team                TEXT NOT NULL,
    dockerfile          TEXT NOT NULL,
    -- `name:tag` of a pushed image. NULL for a commit. The tag names the task, so that one image can be
    -- several submissions.
    pushed_as           TEXT,
    -- Digest of the challenge.toml that judges the submission.
    config_digest       TEXT NOT NULL,
    image_id            TEXT,
    -- admission, build, smoke, run or scoring: the next stage, or the stage at which the submission ended.
    stage               TEXT NOT NULL,
    -- 1 while an attempt at the stage is running.
    working             BIGINT NOT NULL,
    -- The outcome of an evaluation on hidden data, withheld for now. It is disclosed at
    -- `ready_at`. Until then no worker touches the submission.
    undisclosed_outcome TEXT,
    outcome             TEXT,
    incident            TEXT,
    created_at          BIGINT NOT NULL,
    -- The time from which the submission waits for its stage.
    ready_at            BIGINT NOT NULL,
    ended_at            BIGINT,
    UNIQUE (challenge, number),
    UNIQUE (source_id, task)
);
CREATE INDEX submission_open ON submission (stage, ready_at) WHERE outcome IS NULL;
CREATE INDEX submission_undisclosed ON submission (ready_at) WHERE undisclosed_outcome IS NOT NULL;
-- Usage of a leaderboard by a team. The first three columns also serve the whole leaderboard.
CREATE INDEX submission_team ON submission (challenge, phase, task, team);

-- One execution of a stage. Rows that have ended never change. A retry is a new row.
CREATE TABLE attempt (
    id            BIGINT PRIMARY KEY,
    submission_id BIGINT NOT NULL REFERENCES submission (id),
    stage         TEXT NOT NULL,
    -- The case, where the contract runs one container per case. Otherwise empty.
    case_id       TEXT NOT NULL,
    number        BIGINT NOT NULL,
    state         TEXT NOT NULL,
    -- The lease: its owner, and the time until which it holds unless it is renewed.
    owner         TEXT NOT NULL,
    lease_until   BIGINT NOT NULL,
    seed          BIGINT NOT NULL,
    -- Recorded before a kill is sent. It decides whose fault the end was.
    kill_reason   TEXT,
    blame         TEXT,
    findings      TEXT NOT NULL,
    log           TEXT,
    -- Facts that differ by stage, see `model/job.rs`.
    detail        TEXT,
    -- Digest of the predictions.
    artifact      TEXT,
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    UNIQUE (submission_id, stage, case_id, number)
);
-- A submission has at most one running attempt. This index is the lock behind the lease.
CREATE UNIQUE INDEX attempt_running ON attempt (submission_id) WHERE state = 'running';

-- An image that was built from a source, or fetched, under the engine's id.
CREATE TABLE image (
    id         TEXT NOT NULL,
    source_id  BIGINT NOT NULL REFERENCES source (id),
    dockerfile TEXT NOT NULL,
    facts      TEXT NOT NULL,
    build_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (source_id, dockerfile)
);

-- ---------------------------------------------------------------------------------------------------------
-- Scores
-- ---------------------------------------------------------------------------------------------------------

-- The meaning of a score: scorer image, ground truth, cases and metrics. Rows never change.
CREATE TABLE scoring_revision (
    id         BIGINT PRIMARY KEY,
    challenge  TEXT NOT NULL,
    phase      TEXT NOT NULL,
    task       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (challenge, phase, task, digest)
);

-- The current scoring revision of each leaderboard. It need not be the newest one: organizers who undo a
-- correction make an older revision current again.
CREATE TABLE board (
    challenge           TEXT NOT NULL,
    phase               TEXT NOT NULL,
    task                TEXT NOT NULL,
    scoring_revision_id BIGINT NOT NULL REFERENCES scoring_revision (id),
    current_since       BIGINT NOT NULL,
    PRIMARY KEY (challenge, phase, task)
);

-- A rescore of a leaderboard: all stored predictions, scored again by a changed scorer, ground truth or
-- declaration of metrics.
CREATE TABLE rescore (
    id                       BIGINT PRIMARY KEY,
    challenge                TEXT NOT NULL,
    phase                    TEXT NOT NULL,
    task                     TEXT NOT NULL,
    -- The current scoring revision when the rescore was requested. If it is no longer current, the rescore
    -- cannot be applied.
    from_scoring_revision_id BIGINT NOT NULL REFERENCES scoring_revision (id),
    -- The definition of the new scoring revision. NULL while the scorer is being built.
    definition               TEXT,
    -- preparing, running or ready; then applied, discarded or failed
    state                    TEXT NOT NULL,
    problem                  TEXT,
    requested_by             TEXT NOT NULL,
    -- The lease of the worker that prepares the rescore.
    owner                    TEXT NOT NULL,
    lease_until              BIGINT NOT NULL,
    attempts                 BIGINT NOT NULL,
    created_at               BIGINT NOT NULL,
    ended_at                 BIGINT
);
-- A leaderboard has at most one open rescore.
CREATE UNIQUE INDEX rescore_open ON rescore (challenge, phase, task)
    WHERE state IN ('preparing', 'running', 'ready');

-- One submission of a rescore.
CREATE TABLE rescore_item (
    rescore_id    BIGINT NOT NULL REFERENCES rescore (id),
    submission_id BIGINT NOT NULL REFERENCES submission (id),
    -- waiting, working, done or failed
    state         TEXT NOT NULL,
    owner         TEXT NOT NULL,
    lease_until   BIGINT NOT NULL,
    attempts      BIGINT NOT NULL,
    ready_at      BIGINT NOT NULL,
    score         TEXT,
    problem       TEXT,
    created_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    PRIMARY KEY (rescore_id, submission_id)
);

-- The result of a scorer. Rows never change. A correction is a row of another scoring revision.
CREATE TABLE score (
    id                  BIGINT PRIMARY KEY,
    submission_id       BIGINT NOT NULL REFERENCES submission (id),
    scoring_revision_id BIGINT NOT NULL REFERENCES scoring_revision (id),
    -- The attempt that scored, or, for a rescore, the attempt whose predictions were scored again.
    attempt_id          BIGINT NOT NULL REFERENCES attempt (id),
    -- The rescore that made the score. NULL for the score of the submission's own scoring stage.
    rescore_id          BIGINT REFERENCES rescore (id),
    score               TEXT NOT NULL,
    created_at          BIGINT NOT NULL,
    UNIQUE (submission_id, scoring_revision_id)
);
CREATE INDEX score_scoring_revision ON score (scoring_revision_id);

-- ---------------------------------------------------------------------------------------------------------
-- Organizers: quota, overrides, commands, audit log
-- ---------------------------------------------------------------------------------------------------------

-- Quota as entries with reasons. +1 spends, -1 refunds. There is no counter that could disagree.
CREATE TABLE quota_entry (
    id            BIGINT PRIMARY KEY,
    challenge     TEXT NOT NULL,
    phase         TEXT NOT NULL,
    task          TEXT NOT NULL,
    team          TEXT NOT NULL,
    -- NULL for quota that an organizer granted.
    submission_id BIGINT REFERENCES submission (id),
    -- submission or evaluation
    kind          TEXT NOT NULL,
    amount        BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    created_at    BIGINT NOT NULL
);
CREATE INDEX quota_entry_team ON quota_entry (challenge, phase, team, kind);
CREATE INDEX quota_entry_submission ON quota_entry (submission_id, kind);

-- A value that takes precedence over challenge.toml, set by a command. Rows are only added. The newest row
-- that matches is in force.
CREATE TABLE override (
    id         BIGINT PRIMARY KEY,
    challenge  TEXT NOT NULL,
    -- Empty: all phases, all tasks, all teams.
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

-- A command in an issue, in a comment or on the command line. It runs once, however often the forge announces
-- it. `comment_id` is 0 for the text that opened the issue. `ordinal` distinguishes equal commands of one text.
CREATE TABLE command (
    id         BIGINT PRIMARY KEY,
    forge      TEXT NOT NULL,
    forge_id   TEXT NOT NULL,
    issue      BIGINT NOT NULL,
    comment_id BIGINT NOT NULL,
    text       TEXT NOT NULL,
    ordinal    BIGINT NOT NULL,
    actor_id   BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    -- new, running or ended
    state      TEXT NOT NULL,
    reply      TEXT,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT,
    UNIQUE (forge, forge_id, issue, comment_id, text, ordinal)
);
CREATE INDEX command_open ON command (id) WHERE state <> 'ended';

-- Every change by a command with who, when and what changed. Rows are only added.
CREATE TABLE audit_log (
    id         BIGINT PRIMARY KEY,
    challenge  TEXT NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    detail     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX audit_log_of_challenge ON audit_log (challenge, id);

-- ---------------------------------------------------------------------------------------------------------
-- Publishing to forges
-- ---------------------------------------------------------------------------------------------------------

-- The desired state of one subject on one channel of a forge. A newer version replaces an older one. The
-- message is delivered when `sent` has reached `version`.
CREATE TABLE outbox (
    id              BIGINT PRIMARY KEY,
    forge           TEXT NOT NULL,
    subject         TEXT NOT NULL,
    channel         TEXT NOT NULL,
    payload         TEXT NOT NULL,
    version         BIGINT NOT NULL,
    sent            BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    -- Smaller goes first.
    priority        BIGINT NOT NULL,
    not_before      BIGINT NOT NULL,
    last_error      TEXT,
    -- The state that the forge shows already, in the channel's own JSON: the digest of each commit status, the
    -- id of the comment.
    published_state TEXT,
    -- The time of the last delivery. It paces the edits of one comment.
    sent_at         BIGINT,
    created_at      BIGINT NOT NULL,
    UNIQUE (forge, subject, channel)
);
CREATE INDEX outbox_due ON outbox (forge, priority, not_before, id) WHERE sent < version;

-- The issue of a repository in which Referee reports. The row is deleted when the issue is deleted.
CREATE TABLE report_issue (
    forge        TEXT NOT NULL,
    forge_id     TEXT NOT NULL,
    -- 0 while the issue is being opened.
    issue        BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    -- A forge may execute a request long after Referee has given up on it. Until this time a duplicate issue
    -- may appear. Referee closes it.
    unsure_until BIGINT,
    PRIMARY KEY (forge, forge_id)
);
