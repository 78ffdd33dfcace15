//! Commits, branches, tags and files as the API shows them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git2::{Commit, Oid, Repository as Git};
use serde_json::{Map, Value, json};

use super::git::{self, Changes};
use super::shape::{Viewer, ZERO_TIME, time};
use super::state::State;

/// Nothing is signed here.
pub(super) fn unsigned() -> Value {
    json!({
        "verified": false,
        "reason": "gpg.error.not_signed_commit",
        "signature": "",
        "signer": null,
        "payload": "",
    })
}

fn person(signature: &git2::Signature) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(signature.name_bytes()), text(signature.email_bytes()))
}

fn message(commit: &Commit) -> String {
    String::from_utf8_lossy(commit.message_bytes()).into_owned()
}

impl State {
    fn git_url(&self, id: i64, kind: &str, name: impl std::fmt::Display) -> String {
        let full = self.full_name(id);
        format!("{}/api/v1/repos/{full}/git/{kind}/{name}", self.root)
    }

    pub(crate) fn page_url(&self, id: i64, rest: &str) -> String {
        format!("{}/{}/{rest}", self.root, self.full_name(id))
    }

    /// The account that has the address of a signature.
    fn account_by(&self, signature: &git2::Signature) -> Option<i64> {
        let (_, email) = person(signature);
        let mut all = self.accounts.iter();
        let found = all.find(|account| !email.is_empty() && account.email == email);
        found.map(|account| account.id)
    }

    fn signed(&self, signature: &git2::Signature) -> Value {
        let (name, email) = person(signature);
        json!({"name": name, "email": email, "date": time(signature.when().seconds())})
    }

    /// A reference to a commit without a time.
    pub(crate) fn bare_commit(&self, id: i64, sha: Oid, created: &str) -> Value {
        let url = self.git_url(id, "commits", sha);
        json!({"url": url, "sha": sha.to_string(), "created": created})
    }

    /// A commit as the commit endpoints show it, with its changes on request.
    pub(crate) fn commit(&self, id: i64, commit: &Commit, changes: Option<Changes>, verify: bool) -> Value {
        let sha = commit.id();
        let created = time(commit.committer().when().seconds());
        let user =
            |signature: &git2::Signature| self.account_by(signature).map(|who| self.user(who, Viewer::Anonymous));
        let parents = commit.parent_ids().map(|sha| self.bare_commit(id, sha, ZERO_TIME));
        // The forge shows the id of the commit where the id of the tree belongs.
        let tree = json!({
            "url": self.git_url(id, "trees", sha), "sha": sha.to_string(), "created": created,
        });
        let mut inner = Map::new();
        inner.insert("url".into(), json!(self.git_url(id, "commits", sha)));
        inner.insert("author".into(), self.signed(&commit.author()));
        inner.insert("committer".into(), self.signed(&commit.committer()));
        inner.insert("message".into(), json!(message(commit)));
        inner.insert("tree".into(), tree);
        inner.insert("verification".into(), if verify { unsigned() } else { Value::Null });
        json!({
            "url": self.git_url(id, "commits", sha),
            "sha": sha.to_string(),
            "created": created,
            "html_url": self.page_url(id, &format!("commit/{sha}")),
            "commit": inner,
            "author": user(&commit.author()),
            "committer": user(&commit.committer()),
            "parents": parents.collect::<Vec<_>>(),
            "files": changes.as_ref().map(files),
            "stats": changes.as_ref().map(|changes| json!({
                "total": changes.additions + changes.deletions,
                "additions": changes.additions,
                "deletions": changes.deletions,
            })),
        })
    }

    /// A commit as branches and pushes show it; only pushes list `changes`.
    pub(crate) fn payload_commit(&self, id: i64, commit: &Commit, changes: Option<&Changes>) -> Value {
        let who = |signature: &git2::Signature| {
            let (name, email) = person(signature);
            let account = self.account_by(signature).map(|id| self.account(id).login.clone());
            json!({"name": name, "email": email, "username": account.unwrap_or_default()})
        };
        json!({
            "id": commit.id().to_string(),
            "message": message(commit),
            "url": self.page_url(id, &format!("commit/{}", commit.id())),
            "author": who(&commit.author()),
            "committer": who(&commit.committer()),
            "verification": null,
            "timestamp": time(commit.author().when().seconds()),
            "added": changes.map(|changes| &changes.added),
            "removed": changes.map(|changes| &changes.removed),
            "modified": changes.map(|changes| &changes.modified),
        })
    }

    pub(crate) fn branch(&self, id: i64, name: &str, commit: &Commit, may_push: bool) -> Value {
        let mut shown = self.payload_commit(id, commit, None);
        shown["verification"] = unsigned();
        let protected = self.repository(id).protections.iter().any(|p| p["rule_name"] == name);
        json!({
            "name": name,
            "commit": shown,
            "protected": protected,
            "required_approvals": 0,
            "enable_status_check": false,
            "status_check_contexts": [],
            "user_can_push": may_push,
            "user_can_merge": may_push,
            "effective_branch_protection_name": if protected { name } else { "" },
        })
    }

    pub(crate) fn tag(&self, id: i64, git: &Git, name: &str, oid: Oid) -> Value {
        let tag = git.find_tag(oid).ok();
        let target = git.find_object(oid, None).unwrap().peel_to_commit().unwrap();
        let (text, at) = match &tag {
            Some(tag) => (
                tag.message().unwrap_or_default().unwrap_or_default().trim_end().to_owned(),
                tag.tagger().map_or(0, |tagger| tagger.when().seconds()),
            ),
            None => (message(&target).trim_end().to_owned(), target.committer().when().seconds()),
        };
        let archive = |ending: &str| self.page_url(id, &format!("archive/{name}.{ending}"));
        let mut shown = json!({
            "name": name,
            "message": text,
            "id": oid.to_string(),
            "commit": {
                "url": self.git_url(id, "commits", oid),
                "sha": target.id().to_string(),
                "created": time(at),
            },
            "zipball_url": archive("zip"),
            "tarball_url": archive("tar.gz"),
        });
        if self.version.is_forgejo() {
            shown["archive_download_count"] = json!({"zip": 0, "tar_gz": 0});
        }
        shown
    }

    pub(crate) fn git_ref(&self, id: i64, git: &Git, name: &str, oid: Oid) -> Value {
        let kind = git::kind(git, oid);
        json!({
            "ref": name,
            "url": format!("{}/api/v1/repos/{}/git/{name}", self.root, self.full_name(id)),
            "object": {
                "type": kind,
                "sha": oid.to_string(),
                "url": self.git_url(id, &format!("{kind}s"), oid),
            },
        })
    }

    /// A file at a commit. `at` is the branch or the commit of the request.
    pub(crate) fn file(&self, id: i64, head: &Commit, path: &str, at: &str, content: bool) -> Value {
        let git = self.git(id);
        let entry = head.tree().unwrap().get_path(path.as_ref()).unwrap();
        let sha = entry.id();
        let blob = git.find_blob(sha).ok();
        let last = git.find_commit(git::last_change(&git, head.id(), path)).unwrap();
        let kind = if git.find_branch(at, git2::BranchType::Local).is_ok() {
            format!("branch/{at}")
        } else {
            format!("commit/{at}")
        };
        let full = self.full_name(id);
        let this = format!("{}/api/v1/repos/{full}/contents/{path}?ref={at}", self.root);
        let html = self.page_url(id, &format!("src/{kind}/{path}"));
        let object = self.git_url(id, "blobs", sha);
        let text = blob.as_ref().filter(|_| content).map(|blob| STANDARD.encode(blob.content()));
        let mut file = json!({
            "name": path.rsplit('/').next(),
            "path": path,
            "sha": sha.to_string(),
            "last_commit_sha": last.id().to_string(),
            "last_committer_date": time(last.committer().when().seconds()),
            "last_author_date": time(last.author().when().seconds()),
            "type": if blob.is_some() { "file" } else { "dir" },
            "size": blob.as_ref().map_or(0, |blob| blob.size()),
            "encoding": text.as_ref().map(|_| "base64"),
            "content": text,
            "target": null,
            "url": this,
            "html_url": html,
            "git_url": object,
            "download_url": self.page_url(id, &format!("raw/{kind}/{path}")),
            "submodule_git_url": null,
            "_links": {"self": this, "git": object, "html": html},
        });
        if let (true, Some(keys)) = (self.version.is_old(), file.as_object_mut()) {
            keys.shift_remove("last_committer_date");
            keys.shift_remove("last_author_date");
        }
        file
    }

    /// The commit of a writer of contents.
    pub(crate) fn file_commit(&self, id: i64, commit: &Commit) -> Value {
        let mut shown = self.bare_commit(id, commit.id(), ZERO_TIME);
        let parents = commit.parent_ids().map(|sha| self.bare_commit(id, sha, ZERO_TIME));
        shown["html_url"] = json!(self.page_url(id, &format!("commit/{}", commit.id())));
        shown["author"] = self.signed(&commit.author());
        shown["committer"] = self.signed(&commit.committer());
        shown["parents"] = parents.collect();
        shown["message"] = json!(message(commit));
        let tree = commit.tree_id();
        shown["tree"] = json!({
            "url": self.git_url(id, "trees", tree), "sha": tree.to_string(), "created": ZERO_TIME,
        });
        shown
    }
}

/// Files of a commit with the change of each.
fn files(changes: &Changes) -> Value {
    let with = |files: &[String], status: &str| {
        let entry = |file: &String| json!({"filename": file, "status": status});
        files.iter().map(entry).collect::<Vec<_>>()
    };
    let mut all = with(&changes.added, "added");
    all.extend(with(&changes.removed, "removed"));
    all.extend(with(&changes.modified, "modified"));
    json!(all)
}
