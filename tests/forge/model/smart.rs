//! Git over HTTP: the real `git http-backend` behind passwords, tokens and rights of teams. The changes of a push are
//! delivered to the hooks afterwards.

use std::collections::BTreeMap;
use std::process::Stdio;

use git2::Oid;
use tokio::io::AsyncWriteExt as _;

use super::api::Forge;
use super::call::{Answer, Who};
use super::git;
use super::state::{Mode, State};

/// A request below `/{owner}/{name}.git`.
pub(crate) struct GitRequest {
    pub method: String,
    pub path: String,
    pub query: String,
    pub authorization: Option<String>,
    pub content_type: String,
    pub encoding: String,
    pub protocol: String,
    pub body: Vec<u8>,
}

fn plain(status: u16, text: &str) -> Answer {
    let answer = Answer::empty(status).with("Content-Type", "text/plain; charset=utf-8");
    answer.body(text.as_bytes().to_vec())
}

impl GitRequest {
    /// Owner, name, and the rest of the path; `None` for a request that is not for git.
    pub(crate) fn parts(&self) -> Option<(&str, &str, &str)> {
        let (owner, rest) = self.path.strip_prefix('/')?.split_once('/')?;
        let (name, rest) = rest.split_once('/')?;
        let known = ["info/refs", "git-upload-pack", "git-receive-pack"].contains(&rest);
        known.then_some((owner, name.strip_suffix(".git").unwrap_or(name), rest))
    }

    fn is_push(&self) -> bool {
        self.query.contains("git-receive-pack") || self.path.ends_with("/git-receive-pack")
    }
}

impl Forge {
    /// Serves git, and announces a push to the hooks.
    pub(crate) async fn serve_git(&self, request: &GitRequest) -> Answer {
        let Some((owner, name, rest)) = request.parts() else {
            return Answer::no_such_page();
        };
        let (id, who, folder) = match self.admit(request, owner, name) {
            Ok(admitted) => admitted,
            Err(refusal) => return refusal,
        };
        let pushes = request.method == "POST" && request.is_push();
        // One push at a time, so that a change of refs belongs to one account.
        let _turn = if pushes { Some(self.push_turn().await) } else { None };
        let before = git::refs(&self.state().git(id));
        let answer = backend(request, &folder, &format!("/{id}.git/{rest}")).await;
        if pushes {
            let mut state = self.state();
            let after = git::refs(&state.git(id));
            let who = who.map_or(state.repository(id).owner, |who| who.account);
            state.announce_refs(id, who, &before, &after);
        }
        answer
    }

    fn admit(
        &self,
        request: &GitRequest,
        owner: &str,
        name: &str,
    ) -> Result<(i64, Option<Who>, std::path::PathBuf), Answer> {
        let state = self.state();
        let login = || plain(401, "Unauthorized\n").with("WWW-Authenticate", "Basic realm=\"Gitea\"");
        let who = state.authenticate(request.authorization.as_deref()).map_err(|_| login())?;
        let Some(repository) = state.repository_named(owner, name) else {
            return Err(state.git_moved(request, owner, name));
        };
        let account = who.as_ref().map(|who| who.account);
        let mode = state.unit_mode(account, repository, "repo.code");
        let needed = if request.is_push() { Mode::Write } else { Mode::Read };
        let scope = if request.is_push() { "write:repository" } else { "read:repository" };
        let scopes = who.as_ref().and_then(|who| who.scopes.as_ref());
        let covered = scopes.is_none_or(|scopes| {
            scopes.iter().any(|have| have == "all" || have == scope || have == "write:repository")
        });
        if mode < needed && who.is_none() {
            return Err(login());
        }
        if mode < Mode::Read {
            return Err(plain(404, "Repository not found"));
        }
        if mode < needed || !covered {
            return Err(plain(403, "User permission denied for writing."));
        }
        if request.is_push() && repository.archived.is_some() {
            return Err(plain(403, "This repo is archived. You can view files and clone it."));
        }
        Ok((repository.id, who, state.folder.clone()))
    }
}

impl State {
    /// The answer to a name that no repository has now.
    fn git_moved(&self, request: &GitRequest, owner: &str, name: &str) -> Answer {
        let owner_id = self.account_named(owner).map(|account| account.id);
        let mut former = self.former_names.iter().rev();
        let former = former.find(|(had, old, _)| Some(*had) == owner_id && old == name);
        let Some((_, _, id)) = former else {
            return plain(404, "Repository not found");
        };
        let path = request.path.replacen(&format!("/{owner}/{name}"), &format!("/{}", self.full_name(*id)), 1);
        Answer::empty(self.version.moved().0).with("Location", &format!("{path}?{}", request.query))
    }

    /// Announces the changes of a push to the hooks. Notes and other refs are not announced.
    pub(crate) fn announce_refs(
        &mut self,
        id: i64,
        who: i64,
        before: &BTreeMap<String, Oid>,
        after: &BTreeMap<String, Oid>,
    ) {
        self.repository_mut(id).updated = self.now();
        let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (was, is) = (before.get(name).copied(), after.get(name).copied());
            if was == is {
                continue;
            }
            if let Some(tag) = name.strip_prefix("refs/tags/") {
                self.next("release");
                self.announce_tag(id, who, tag, was, is);
            } else if let Some(branch) = name.strip_prefix("refs/heads/") {
                match is {
                    Some(is) => self.announce_push(id, who, name, was, is),
                    None => self.announce_delete(id, who, branch, "branch"),
                }
            }
        }
    }
}

/// Runs git's own server for one request.
async fn backend(request: &GitRequest, root: &std::path::Path, path: &str) -> Answer {
    let mut child = tokio::process::Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("REQUEST_METHOD", &request.method)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_TYPE", &request.content_type)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", &request.encoding)
        .env("GIT_PROTOCOL", &request.protocol)
        .env("REMOTE_USER", "git")
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = request.body.clone();
    let feed = tokio::spawn(async move {
        // Git may stop reading early; its answer has the reason.
        input.write_all(&body).await.ok();
    });
    let output = child.wait_with_output().await.unwrap().stdout;
    feed.await.unwrap();
    parsed(&output)
}

/// An answer of a CGI program: headers, an empty line, the body.
fn parsed(output: &[u8]) -> Answer {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else {
        return plain(500, "git gave no answer");
    };
    let mut answer = Answer::empty(200);
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        match line.split_once(": ") {
            Some(("Status", status)) => answer.status = status[..3].parse().unwrap_or(500),
            Some((name, value)) => answer.headers.push((name.to_owned(), value.to_owned())),
            None => {}
        }
    }
    answer.body(output[end + 4..].to_vec())
}
