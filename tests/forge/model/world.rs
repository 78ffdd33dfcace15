//! Actions of tests on the forge: accounts, teams and repositories in one call, and actions of an account.

use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::api::{Forge, Request};
use super::git::{Author, Files};
use super::packages::Image;
use super::state::Mode;

/// The password of every person that a test makes.
pub(crate) const PASSWORD: &str = "correct-horse";

impl Forge {
    /// A person, whose password is [`PASSWORD`].
    pub(crate) fn person(&self, login: &str) -> i64 {
        self.state().make_person(login, PASSWORD, false)
    }

    /// An organization of limited visibility.
    pub(crate) fn organization(&self, name: &str, owner: &str) -> i64 {
        let mut state = self.state();
        let owner = state.account_named(owner).unwrap().id;
        state.make_org(name, "limited", owner)
    }

    /// A team with rights by unit, `("repo.code", Mode::Write)`, its members and its repositories; `None` means all.
    pub(crate) fn team(
        &self,
        org: &str,
        name: &str,
        units: &[(&str, Mode)],
        members: &[&str],
        repositories: Option<&[&str]>,
    ) -> i64 {
        let mut state = self.state();
        let org_id = state.account_named(org).unwrap().id;
        let units: Vec<_> = units.iter().map(|(unit, mode)| ((*unit).to_owned(), *mode)).collect();
        let team = state.make_team(org_id, name, &units, repositories.is_none());
        for login in members {
            let account = state.account_named(login).unwrap().id;
            state.add_member(team, account);
        }
        for name in repositories.unwrap_or_default() {
            let repository = state.repository_named(org, name).unwrap().id;
            state.give_team(team, repository);
        }
        team
    }

    /// A private repository with these files as its first commit, or an empty one. No hook gets a delivery.
    pub(crate) fn repository(&self, owner: &str, name: &str, files: &[(&str, &str)]) -> i64 {
        let mut state = self.state();
        let owner = state.account_named(owner).unwrap().id;
        let id = state.make_repo(owner, name, "main");
        if !files.is_empty() {
            let all = files.iter().map(|(path, text)| ((*path).to_owned(), Some(text.as_bytes().to_vec())));
            let files: Files = all.collect();
            let (name, email) = ("Forge".to_owned(), "forge@example.org".to_owned());
            let by = Author { name, email, at: state.now() };
            state.add_commit(id, &files, &by, "Initial commit\n");
        }
        id
    }

    /// A token of a person.
    pub(crate) fn token(&self, login: &str, scopes: &[&str]) -> String {
        let mut state = self.state();
        let account = state.account_named(login).unwrap().id;
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        state.make_token(account, scopes).1
    }

    /// Revokes a token.
    pub(crate) fn revoke(&self, token: &str) {
        self.state().tokens.retain(|known| known.secret != token);
    }

    /// An organization's webhook for all events, made by its owner through the API.
    pub(crate) async fn hook(&self, owner: &str, org: &str, url: &str, secret: &str) {
        let events = [
            "push",
            "create",
            "delete",
            "repository",
            "issues",
            "issue_comment",
            "package",
            "status",
            "release",
            "fork",
        ];
        let body = json!({
            "type": "gitea", "active": true, "branch_filter": "*", "events": events,
            "config": {"url": url, "content_type": "json", "secret": secret},
        });
        let (status, answer) = self.api(owner, "POST", &format!("/orgs/{org}/hooks"), &body).await;
        assert_eq!(status, 201, "{answer}");
    }

    /// A request to the API with a person's password: `path` is below `/api/v1`. Faults do not affect it.
    pub(crate) async fn api(&self, login: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let pair = STANDARD.encode(format!("{login}:{PASSWORD}"));
        let request = Request {
            method: method.to_owned(),
            path: format!("/api/v1{path}"),
            authorization: Some(format!("Basic {pair}")),
            body: body.to_string().into_bytes(),
        };
        let answer = self.answer(&request).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// The address that a person pushes to, with the password in it.
    pub(crate) fn remote(&self, login: &str, full_name: &str) -> String {
        let root = self.root();
        let host = root.trim_start_matches("http://");
        format!("http://{login}:{PASSWORD}@{host}/{full_name}.git")
    }

    /// A clone of a repository by real git, for a person to work in.
    pub(crate) async fn clone_to(&self, login: &str, full_name: &str, folder: &Path) {
        let remote = self.remote(login, full_name);
        let target = folder.to_str().unwrap().to_owned();
        let output = git(Path::new("."), &["clone", "--quiet", &remote, &target]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (key, value) in [("user.name", login), ("user.email", &format!("{login}@example.org"))] {
            git(folder, &["config", key, value]).await;
        }
    }

    /// Commits files in a clone and pushes its branch with real git. Returns the id of the commit.
    pub(crate) async fn push(&self, clone: &Path, branch: &str, files: &[(&str, &str)]) -> String {
        git(clone, &["checkout", "--quiet", "-B", branch]).await;
        for (path, text) in files {
            let file = clone.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        git(clone, &["add", "--all"]).await;
        git(clone, &["commit", "--quiet", "--allow-empty", "-m", "Work"]).await;
        let output = git(clone, &["push", "--quiet", "origin", branch]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let head = git(clone, &["rev-parse", "HEAD"]).await;
        String::from_utf8(head.stdout).unwrap().trim().to_owned()
    }

    /// Pushes a container image, and returns its digest.
    pub(crate) fn push_image(&self, login: &str, owner: &str, image: &Image) -> String {
        let mut state = self.state();
        let creator = state.account_named(login).unwrap().id;
        let owner = state.account_named(owner).unwrap().id;
        state.put_image(owner, creator, image);
        state.packages.last().unwrap().digest.clone()
    }

    /// Sends an earlier delivery again, with a new id.
    pub(crate) fn replay(&self, sent: usize) {
        let delivery = self.sent()[sent].delivery.clone();
        self.state().outbox.push_back(delivery.again());
    }
}

/// Runs git in a folder, without any prompt.
pub(crate) async fn git(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new("git");
    command.current_dir(folder).args(arguments);
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_CONFIG_NOSYSTEM", "1").kill_on_drop(true);
    command.output().await.unwrap()
}
