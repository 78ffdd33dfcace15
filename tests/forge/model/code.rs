//! Reading a repository: branches, tags, refs, commits, files, comparisons.

use git2::Commit;
use serde_json::{Value, json};

use super::call::{Answer, Call, Reply};
use super::git;
use super::refusal::with_all;
use super::state::{Mode, State};

/// Entries of a page of a tree, by the settings of the forge.
const TREE_PAGE: usize = 1000;

impl State {
    pub(crate) fn in_code(&self, call: &Call, id: i64, rest: &[&str]) -> Reply {
        if self.unit_mode(call.account(), self.repository(id), "repo.code") < Mode::Read {
            return Err(self.not_found());
        }
        match rest {
            ["branches"] => Ok(self.branches(call, id)),
            ["branches", name @ ..] => self.one_branch(call, id, &name.join("/")),
            ["tags"] => Ok(self.tags(call, id)),
            ["git", "refs", under @ ..] => self.refs(id, &under.join("/")),
            ["commits"] => self.commits(call, id),
            ["git", "trees", name] => self.trees(call, id, name),
            ["git", "commits", sha] => self.one_commit(call, id, sha),
            ["compare", range @ ..] => self.compare(call, id, &range.join("/")),
            ["contents", path @ ..] => self.contents(call, id, &path.join("/")),
            ["raw", path @ ..] => self.raw(call, id, &path.join("/")),
            _ => Err(Answer::no_such_page()),
        }
    }

    /// Entries of a commit's tree; those of its folders only on request.
    fn trees(&self, call: &Call, id: i64, name: &str) -> Reply {
        let git = self.git(id);
        let commit = git::resolve(&git, name).ok_or_else(|| self.not_found())?;
        let tree = commit.tree().unwrap();
        let base = format!("{}/api/v1/repos/{}/git", self.root, self.full_name(id));
        let deep = call.query.get("recursive").is_some_and(|v| v == "true" || v == "1");
        let mut all = Vec::new();
        tree.walk(git2::TreeWalkMode::PreOrder, |root, entry| {
            let kind = entry.kind().map_or("blob", |kind| kind.str());
            let mut body = json!({
                "path": format!("{root}{}", entry.name().unwrap_or_default()),
                "mode": format!("{:06o}", entry.filemode()),
                "type": kind,
                "size": 0,
                "sha": entry.id().to_string(),
                "url": format!("{base}/{kind}s/{}", entry.id()),
            });
            if let Ok(blob) = git.find_blob(entry.id()) {
                body["size"] = json!(blob.size());
            }
            all.push(body);
            if deep { git2::TreeWalkResult::Ok } else { git2::TreeWalkResult::Skip }
        })
        .unwrap();
        let total = all.len();
        let page = call.query.get("page").and_then(|page| page.parse().ok());
        let page: usize = page.filter(|page| *page > 0).unwrap_or(1);
        let rest = all.into_iter().skip((page - 1) * TREE_PAGE);
        let here: Vec<Value> = rest.take(TREE_PAGE).collect();
        Ok(Answer::json(
            200,
            &json!({
                "sha": tree.id().to_string(),
                "url": format!("{base}/trees/{}", tree.id()),
                "tree": here,
                "truncated": page * TREE_PAGE < total,
                "page": page,
                "total_count": total,
            }),
        ))
    }

    fn may_push(&self, call: &Call, id: i64) -> bool {
        self.unit_mode(call.account(), self.repository(id), "repo.code") >= Mode::Write
    }

    /// Newest commit first, then in the order of the branches.
    fn branches(&self, call: &Call, id: i64) -> Answer {
        let git = self.git(id);
        let refs = git::refs(&git);
        let heads = refs.iter().filter_map(|(name, oid)| {
            let commit = git.find_commit(*oid).ok()?;
            Some((name.strip_prefix("refs/heads/")?.to_owned(), commit))
        });
        let mut all: Vec<(String, Commit)> = heads.collect();
        let default = self.repository(id).default_branch.clone();
        all.sort_by_key(|(name, commit)| (*name != default, -commit.time().seconds(), name.clone()));
        let may_push = self.may_push(call, id);
        self.page(call, all, |(name, commit)| self.branch(id, name, commit, may_push))
    }

    fn one_branch(&self, call: &Call, id: i64, name: &str) -> Reply {
        let git = self.git(id);
        let head = git.refname_to_id(&format!("refs/heads/{name}"));
        let head = head.map_err(|_| self.not_found())?;
        let commit = git.find_commit(head).unwrap();
        let body = self.branch(id, name, &commit, self.may_push(call, id));
        Ok(Answer::json(200, &body))
    }

    fn tags(&self, call: &Call, id: i64) -> Answer {
        let git = self.git(id);
        let refs = git::refs(&git).into_iter();
        let tags = refs.filter_map(|(name, oid)| Some((name.strip_prefix("refs/tags/")?.to_owned(), oid)));
        self.page(call, tags.collect(), |(name, oid)| self.tag(id, &git, name, *oid))
    }

    fn refs(&self, id: i64, under: &str) -> Reply {
        let git = self.git(id);
        let prefix = format!("refs/{under}");
        let refs = git::refs(&git).into_iter().filter(|(name, _)| name.starts_with(&prefix));
        let bodies: Vec<Value> = refs.map(|(name, oid)| self.git_ref(id, &git, &name, oid)).collect();
        if bodies.is_empty() && !under.is_empty() {
            return Err(self.not_found());
        }
        Ok(Answer::json(200, &json!(bodies)))
    }

    fn commits(&self, call: &Call, id: i64) -> Reply {
        let git = self.git(id);
        let from = call.query.get("sha").map_or("HEAD", String::as_str);
        let head = git::resolve(&git, from).ok_or_else(|| self.not_found())?;
        let (page, limit) = call.paging();
        let all = git::log(&git, head.id(), None, usize::MAX);
        let total = all.len();
        let pages = total.div_ceil(limit);
        let (here, mut headers) = self.paged(call, all);
        for (name, value) in [
            ("X-Page", page.to_string()),
            ("X-PerPage", limit.to_string()),
            ("X-Total", total.to_string()),
            ("X-PageCount", pages.to_string()),
            ("X-HasMore", (page < pages).to_string()),
        ] {
            headers.push((name.to_owned(), value));
        }
        let bodies = here.iter().map(|oid| {
            let commit = git.find_commit(*oid).unwrap();
            self.asked_commit(call, id, &commit)
        });
        let bodies: Vec<Value> = bodies.collect();
        Ok(with_all(Answer::json(200, &json!(bodies)), headers))
    }

    /// A commit with or without its changes, by the query.
    fn asked_commit(&self, call: &Call, id: i64, commit: &Commit) -> Value {
        let wants = |name: &str| call.query.get(name).is_none_or(|value| value != "false");
        let changes = wants("files").then(|| git::changes(&self.git(id), commit));
        self.commit(id, commit, changes, wants("verification"))
    }

    /// 404 for a commit, with the message of the version.
    pub(crate) fn no_such_commit(&self, sha: &str) -> Answer {
        if self.version.is_old() {
            self.absent(sha, &[])
        } else {
            self.absent(&format!("commit doesn't exist: {sha}"), &[])
        }
    }

    fn one_commit(&self, call: &Call, id: i64, sha: &str) -> Reply {
        let git = self.git(id);
        let Some(commit) = git::resolve(&git, sha) else {
            return Err(self.no_such_commit(sha));
        };
        Ok(Answer::json(200, &self.asked_commit(call, id, &commit)))
    }

    /// Only the latest forge compares for an account that may not read pull requests.
    fn compare(&self, call: &Call, id: i64, range: &str) -> Reply {
        match self.version {
            super::version::ForgeVersion::Gitea122 => return Err(self.absent("BaseNotExist", &[])),
            _ if !self.version.is_latest() => {
                return Err(self.absent("Can't read pulls or can't read UnitTypeCode", &[]));
            }
            _ => {}
        }
        let git = self.git(id);
        let ends = range.split_once("...");
        let ends = ends.and_then(|(base, head)| Some((git::resolve(&git, base)?.id(), git::resolve(&git, head)?.id())));
        let (base, head) = ends.ok_or_else(|| self.not_found())?;
        let commits = git::log(&git, head, Some(base), usize::MAX);
        let bodies = commits.iter().map(|oid| {
            let commit = git.find_commit(*oid).unwrap();
            self.asked_commit(call, id, &commit)
        });
        let bodies: Vec<Value> = bodies.collect();
        Ok(Answer::json(200, &json!({"total_commits": bodies.len(), "commits": bodies})))
    }

    fn at<'a>(&self, call: &Call, id: i64, git: &'a git2::Repository) -> Result<(String, Commit<'a>), Answer> {
        let default = self.repository(id).default_branch.clone();
        let at = call.query.get("ref").cloned().filter(|at| !at.is_empty()).unwrap_or(default);
        let commit = git::resolve(git, &at).ok_or_else(|| self.not_found())?;
        Ok((at, commit))
    }

    /// A file with its content, or the entries of a folder without.
    fn contents(&self, call: &Call, id: i64, path: &str) -> Reply {
        let git = self.git(id);
        let (at, head) = self.at(call, id, &git)?;
        let tree = head.tree().unwrap();
        let folder = if path.is_empty() {
            Some(tree)
        } else {
            let entry = tree.get_path(path.as_ref()).map_err(|_| self.not_found())?;
            git.find_tree(entry.id()).ok()
        };
        let Some(folder) = folder else {
            return Ok(Answer::json(200, &self.file(id, &head, path, &at, true)));
        };
        let entries = folder.iter().map(|entry| {
            let name = entry.name().unwrap_or_default().to_owned();
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            self.file(id, &head, &path, &at, false)
        });
        Ok(Answer::json(200, &entries.collect()))
    }

    fn raw(&self, call: &Call, id: i64, path: &str) -> Reply {
        let git = self.git(id);
        let (_, head) = self.at(call, id, &git)?;
        let entry = head.tree().unwrap().get_path(path.as_ref()).map_err(|_| self.not_found())?;
        let blob = git.find_blob(entry.id()).map_err(|_| self.not_found())?;
        let answer = Answer::empty(200).with("Content-Type", "text/plain; charset=utf-8");
        Ok(answer.body(blob.content().to_vec()))
    }
}
