-- Images that teams push to the forge's registry, in the place of commits.

-- Who pushes images is told by the owner's number: the right to push is the whole organization's, so
-- each team that submits images has an organization of its own. Everything that is reported goes to
-- the team's repository.
CREATE TABLE image_owner (
    id            BIGINT PRIMARY KEY,
    forge         TEXT NOT NULL,
    -- The forge's own number of the owner, which survives renames.
    owner_id      BIGINT NOT NULL,
    -- As last seen.
    login         TEXT NOT NULL,
    repository_id BIGINT NOT NULL UNIQUE REFERENCES repository (id),
    created_at    BIGINT NOT NULL,
    UNIQUE (forge, owner_id)
);

-- The last digest that we saw under every tag that may be a submission; what the sweep compares with.
CREATE TABLE known_image (
    image_owner_id BIGINT NOT NULL REFERENCES image_owner (id),
    name           TEXT NOT NULL,
    tag            TEXT NOT NULL,
    digest         TEXT NOT NULL,
    seen_at        BIGINT NOT NULL,
    PRIMARY KEY (image_owner_id, name, tag)
);

-- Whose image a source is; none for a commit. For an image `sha` is the digest of its manifest or
-- index, pinned when its tag was seen, `full_ref` is its name and tag, and `tree` is the digest of its
-- configuration: equal configurations are equal images, however they are packed.
ALTER TABLE source ADD COLUMN image_owner_id BIGINT REFERENCES image_owner (id);

-- The name and tag, `name:tag`, under which the image of this submission was pushed; none for a commit.
-- The tag names the task, so one image can be several submissions.
ALTER TABLE submission ADD COLUMN pushed_as TEXT;
