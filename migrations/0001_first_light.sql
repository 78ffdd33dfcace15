-- The whole pipeline, thin: what was heard, what was submitted, what was tried, what came of it.

-- Row numbers and the numbers that people see, one counter a name.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

-- A repository of a team, bound at first sight to the forge's own number of it.
CREATE TABLE repository (
    id         BIGINT PRIMARY KEY,
    forge      TEXT NOT NULL,
    forge_id   TEXT NOT NULL,
    full_name  TEXT NOT NULL,
    challenge  TEXT NOT NULL,
    team       TEXT NOT NULL,
    -- What the repository's hook shows to be told about its own pushes. No authority beyond that.
    hook_token TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (forge, forge_id),
    UNIQUE (challenge, team)
);

-- A message of a forge, committed before it is answered. The body's digest makes it unique: a
-- replay has a new delivery id but the same bytes.
CREATE TABLE delivery (
    id          BIGINT PRIMARY KEY,
    forge       TEXT NOT NULL,
    digest      TEXT NOT NULL,
    event       TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    handled_at  BIGINT,
    note        TEXT,
    UNIQUE (forge, digest)
);
CREATE INDEX delivery_unhandled ON delivery (id) WHERE handled_at IS NULL;

-- The last value that we saw of every ref; what the sweep compares with.
CREATE TABLE known_ref (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    full_ref      TEXT NOT NULL,
    sha           TEXT NOT NULL,
    seen_at       BIGINT NOT NULL,
    PRIMARY KEY (repository_id, full_ref)
);

-- A commit entered for a phase: exists once, however often and by whatever way we hear of it.
CREATE TABLE source (
    id            BIGINT PRIMARY KEY,
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    sha           TEXT NOT NULL,
    phase         TEXT NOT NULL,
    full_ref      TEXT NOT NULL,
    observed_at   BIGINT NOT NULL,
    -- The git tree, known once the commit was read: equal trees are equal submissions.
    tree          TEXT,
    UNIQUE (repository_id, sha, phase)
);

CREATE TABLE submission (
    id          BIGINT PRIMARY KEY,
    source_id   BIGINT NOT NULL REFERENCES source (id),
    challenge   TEXT NOT NULL,
    number      BIGINT NOT NULL,
    token       TEXT NOT NULL UNIQUE,
    phase       TEXT NOT NULL,
    -- Empty until the rules have read submission.toml.
    task        TEXT NOT NULL,
    team        TEXT NOT NULL,
    dockerfile  TEXT NOT NULL,
    -- Digest of the challenge.toml that judged it.
    revision    TEXT NOT NULL,
    image_id    TEXT,
    stage       TEXT NOT NULL,
    working     BIGINT NOT NULL,
    outcome     TEXT,
    incident    TEXT,
    created_at  BIGINT NOT NULL,
    -- Since when it waits for its stage.
    ready_at    BIGINT NOT NULL,
    ended_at    BIGINT,
    UNIQUE (challenge, number),
    UNIQUE (source_id, task)
);
CREATE INDEX submission_open ON submission (stage, ready_at) WHERE outcome IS NULL;
CREATE INDEX submission_board ON submission (challenge, phase, task);

-- One try of one kind of work. Ended rows are never changed; a retry is a new row.
CREATE TABLE attempt (
    id            BIGINT PRIMARY KEY,
    submission_id BIGINT NOT NULL REFERENCES submission (id),
    kind          TEXT NOT NULL,
    case_id       TEXT NOT NULL,
    number        BIGINT NOT NULL,
    state         TEXT NOT NULL,
    owner         TEXT NOT NULL,
    lease_until   BIGINT NOT NULL,
    seed          BIGINT NOT NULL,
    kill_reason   TEXT,
    blame         TEXT,
    findings      TEXT NOT NULL,
    log           TEXT,
    detail        TEXT,
    artifact      TEXT,
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    UNIQUE (submission_id, kind, case_id, number)
);
-- At most one attempt of a submission is under way: the lease.
CREATE UNIQUE INDEX attempt_running ON attempt (submission_id) WHERE state = 'running';

-- An image that we built, by the engine's id for it.
CREATE TABLE image (
    id         TEXT NOT NULL,
    source_id  BIGINT NOT NULL REFERENCES source (id),
    dockerfile TEXT NOT NULL,
    facts      TEXT NOT NULL,
    build_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (source_id, dockerfile)
);

-- What a score means: scorer, truth, cases and metrics. Immutable; a board points to its newest.
CREATE TABLE evaluation_revision (
    id          BIGINT PRIMARY KEY,
    challenge   TEXT NOT NULL,
    phase       TEXT NOT NULL,
    task        TEXT NOT NULL,
    digest      TEXT NOT NULL,
    definition  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (challenge, phase, task, digest)
);

-- What a scorer found. Immutable; corrections are rows of another revision.
CREATE TABLE score (
    id            BIGINT PRIMARY KEY,
    submission_id BIGINT NOT NULL REFERENCES submission (id),
    revision_id   BIGINT NOT NULL REFERENCES evaluation_revision (id),
    attempt_id    BIGINT NOT NULL REFERENCES attempt (id),
    score         TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    UNIQUE (submission_id, revision_id)
);

-- Quota as entries with reasons: +1 spends, -1 refunds.
CREATE TABLE quota_entry (
    id            BIGINT PRIMARY KEY,
    challenge     TEXT NOT NULL,
    phase         TEXT NOT NULL,
    task          TEXT NOT NULL,
    team          TEXT NOT NULL,
    submission_id BIGINT NOT NULL REFERENCES submission (id),
    kind          TEXT NOT NULL,
    amount        BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    created_at    BIGINT NOT NULL
);
CREATE INDEX quota_entry_team ON quota_entry (challenge, phase, team, kind);

-- What a forge shall show: a desired state for each subject and channel, newer replaces older.
CREATE TABLE outbox (
    id         BIGINT PRIMARY KEY,
    forge      TEXT NOT NULL,
    subject    TEXT NOT NULL,
    channel    TEXT NOT NULL,
    payload    TEXT NOT NULL,
    version    BIGINT NOT NULL,
    sent       BIGINT NOT NULL,
    tries      BIGINT NOT NULL,
    priority   BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (forge, subject, channel)
);

-- Who did what, when: append-only.
CREATE TABLE ledger (
    id         BIGINT PRIMARY KEY,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    detail     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
