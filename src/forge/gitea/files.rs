//! Commits of several files without a working copy, by `POST /contents`.
//!
//! The forge would make an empty commit of unchanged files. When several writers compete, one wins and the others get
//! 403, 409, 422 or 500 (recordings, `contents-*`). So the current files are read first, only changed files are
//! written, and after every refusal the current files are read again.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git2::{ObjectType, Oid};
use reqwest011::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bodies::split;
use super::forge::GiteaForge;
use crate::forge::git::GitError;
use crate::forge::{FileCommits, ForgeError, Result};
use crate::model::{Duration, limits};

/// First pause after a lost race; doubled each time.
const PAUSE: Duration = Duration(200);

/// Gitea modules/structs/repo_tree.go, `GitTreeResponse`.
#[derive(Deserialize)]
struct TreeBody {
    #[serde(default)]
    tree: Option<Vec<EntryBody>>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct EntryBody {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

#[async_trait]
impl FileCommits for GiteaForge {
    async fn put_files(&self, full_name: &str, files: &BTreeMap<String, Vec<u8>>, message: &str) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let path = ["repos", owner, name, "contents"];
        let mut pause = PAUSE;
        let mut last = ForgeError::NotFound;
        for _ in 0..limits::FORGE_WRITE_ATTEMPTS_MAX {
            let repository = self.repository_body(full_name).await?;
            let branch = repository.ok_or(ForgeError::NotFound)?.default_branch;
            let changes = changes(files, &self.current_files(full_name, &branch).await?)?;
            if changes.is_empty() {
                return Ok(());
            }
            let body = json!({ "branch": branch, "message": message, "files": changes });
            let written = self.client.call(Method::POST, &path, &[], Some(&body));
            last = match written.await {
                Ok(_) => return Ok(()),
                Err(error @ (ForgeError::Conflict(_) | ForgeError::Invalid(_))) => error,
                Err(error) if error.is_uncertain() => error,
                Err(error) => return Err(error),
            };
            tokio::time::sleep(pause.std()).await;
            pause = Duration(pause.0 * 2);
        }
        Err(last)
    }
}

impl GiteaForge {
    /// All files of a branch, with the git ids of their content.
    async fn current_files(&self, full_name: &str, branch: &str) -> Result<BTreeMap<String, String>> {
        let (owner, name) = split(full_name)?;
        let path = ["repos", owner, name, "git", "trees", branch];
        let mut current = BTreeMap::new();
        for page in 1..=limits::FORGE_PAGES_MAX {
            let page = page.to_string();
            let query = [("recursive", "true"), ("page", page.as_str())];
            let answer = match self.client.call(Method::GET, &path, &query, None).await {
                Ok(answer) => answer,
                // A repository without a commit.
                Err(ForgeError::NotFound | ForgeError::Conflict(_)) => break,
                Err(error) => return Err(error),
            };
            let body: TreeBody = answer.json()?;
            let entries = body.tree.unwrap_or_default();
            let more = body.truncated && !entries.is_empty();
            let blobs = entries.into_iter().filter(|e| e.kind == "blob");
            current.extend(blobs.map(|e| (e.path, e.sha)));
            if !more {
                break;
            }
        }
        Ok(current)
    }
}

/// The operations that turn the current files into these.
fn changes(files: &BTreeMap<String, Vec<u8>>, current: &BTreeMap<String, String>) -> Result<Vec<Value>> {
    let mut changes = Vec::new();
    for (path, bytes) in files {
        let wanted = Oid::hash_object(ObjectType::Blob, bytes).map_err(GitError::from)?;
        let content = STANDARD.encode(bytes);
        match current.get(path) {
            Some(sha) if *sha == wanted.to_string() => {}
            Some(sha) => changes.push(json!({ "operation": "update", "path": path, "sha": sha, "content": content })),
            None => {
                changes.push(json!({ "operation": "create", "path": path, "content": content }));
            }
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_files_are_written() {
        let files = BTreeMap::from([
            ("same".to_owned(), b"hello\n".to_vec()),
            ("other".to_owned(), b"new".to_vec()),
            ("fresh".to_owned(), b"x".to_vec()),
        ]);
        let current = BTreeMap::from([
            // `echo hello | git hash-object --stdin`
            ("same".to_owned(), "ce013625030ba8dba906f756967f9e9ca394464a".to_owned()),
            ("other".to_owned(), "0".repeat(40)),
            ("theirs".to_owned(), "1".repeat(40)),
        ]);
        let changes = changes(&files, &current).unwrap();
        let operations: Vec<_> =
            changes.iter().map(|c| (c["operation"].as_str().unwrap(), c["path"].as_str().unwrap())).collect();
        assert_eq!(operations, [("create", "fresh"), ("update", "other")]);
    }
}
