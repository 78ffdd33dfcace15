-- Forges with accounts and issues: what they show by our hand, the issues that we report in, and the
-- commands that people wrote there.

-- In the channel's own words: which lamps are lit how, which comment holds the report.
ALTER TABLE outbox ADD COLUMN shown TEXT;
-- When it was sent last: a comment is not edited with every breath.
ALTER TABLE outbox ADD COLUMN sent_at BIGINT;
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (forge, priority, not_before, id) WHERE sent < version;

-- The issue of a repository in which we report. Forgotten when it is deleted there.
CREATE TABLE thread (
    forge      TEXT NOT NULL,
    forge_id   TEXT NOT NULL,
    issue      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (forge, forge_id)
);

-- A command that somebody wrote, once, however often we hear of it. `spot` is the comment, or 0 for the
-- text that opened the issue; `nth` tells equal commands of one text apart.
CREATE TABLE command (
    id         BIGINT PRIMARY KEY,
    forge      TEXT NOT NULL,
    forge_id   TEXT NOT NULL,
    issue      BIGINT NOT NULL,
    spot       BIGINT NOT NULL,
    text       TEXT NOT NULL,
    nth        BIGINT NOT NULL,
    actor_id   BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    state      TEXT NOT NULL,
    reply      TEXT,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT,
    UNIQUE (forge, forge_id, issue, spot, text, nth)
);
CREATE INDEX command_open ON command (id) WHERE state <> 'ended';

-- What a delivery means is asked of the forge, which may be away: it is asked again.
ALTER TABLE delivery ADD COLUMN tries BIGINT;
ALTER TABLE delivery ADD COLUMN not_before BIGINT;
