//! Gitea and Forgejo as a [`Forge`]: which call of which file answers which question.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Mutex, OnceCell, Semaphore};

use super::client::Client;
use super::owner::Owner;
use super::remote::Remote;
use super::version::ForgeVersion;
use crate::config::Secret;
use crate::forge::git::GitError;
use crate::forge::registry::Registry;
use crate::forge::{
    Capabilities, Comment, CommitStatus, Forge, ForgeError, ForgeRepository, Issue, MadeTeam,
    NewTeam, PushedTag, Reaction, ReactionTarget, Result,
};
use crate::model::{CommitSha, Duration, Sender, TeamPattern, Timestamp, limits};
use reqwest011::Method;

/// A Gitea or Forgejo, as one account.
pub struct GiteaForge {
    pub(super) client: Client,
    remote: Remote,
    /// What the forge calls itself to the world.
    public_url: String,
    /// Who may make teams, if anybody lets us.
    owner: Option<Owner>,
    account: OnceCell<Sender>,
    registry: OnceCell<Registry>,
    version: OnceCell<ForgeVersion>,
    /// Talks of git at the same time.
    git: Semaphore,
    /// One at a time in each mirror.
    mirrors: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

/// Gitea modules/structs/repo.go, `Repository`: what we read of it.
#[derive(Debug, Deserialize)]
pub(super) struct RepositoryBody {
    id: i64,
    full_name: String,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    pub(super) default_branch: String,
    #[serde(default)]
    permissions: Permissions,
}

/// Gitea modules/structs/repo.go, `Permission`: of who asks.
#[derive(Debug, Default, Deserialize)]
struct Permissions {
    #[serde(default)]
    push: bool,
}

impl From<RepositoryBody> for ForgeRepository {
    fn from(body: RepositoryBody) -> Self {
        Self {
            id: body.id.to_string(),
            full_name: body.full_name,
            private: body.private,
            archived: body.archived,
        }
    }
}

#[derive(Deserialize)]
struct VersionBody {
    version: String,
}

/// Owner and name of `owner/name`.
pub(super) fn split(full_name: &str) -> Result<(&str, &str)> {
    full_name
        .split_once('/')
        .ok_or_else(|| ForgeError::Invalid(format!("`{full_name}` is no owner/name")))
}

impl GiteaForge {
    /// The forge at this address (without `/` at the end), with mirrors of its repositories in a
    /// directory. Nothing is asked yet: a daemon starts also while its forge is away.
    ///
    /// # Errors
    /// When address or token cannot be used.
    pub fn new(url: &str, token: &Secret, mirrors: PathBuf) -> Result<Self> {
        Ok(Self {
            client: Client::new(url, token, limits::FORGE_CALL_TIME)?,
            remote: Remote {
                url: url.to_owned(),
                token: token.clone(),
                mirrors,
            },
            public_url: url.to_owned(),
            owner: None,
            account: OnceCell::new(),
            registry: OnceCell::new(),
            version: OnceCell::new(),
            git: Semaphore::new(limits::FORGE_GIT_AT_ONCE),
            mirrors: Mutex::new(HashMap::new()),
        })
    }

    /// The same forge, waited for as long as this instead of [`limits::FORGE_CALL_TIME`].
    ///
    /// # Errors
    /// As [`GiteaForge::new`].
    pub fn with_patience(mut self, patience: Duration) -> Result<Self> {
        self.client = Client::new(&self.remote.url, &self.remote.token, patience)?;
        Ok(self)
    }

    /// The same forge, which people reach by this address (without `/` at the end): links lead there.
    #[must_use]
    pub fn with_public_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.public_url);
        self
    }

    /// The same forge, where teams are made with the rights of an owner of the organization.
    #[must_use]
    pub fn with_owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// What people reach it by.
    pub(super) fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Which forge this is.
    ///
    /// # Errors
    /// When it does not answer, or with a version that means nothing to us.
    pub async fn version(&self) -> Result<ForgeVersion> {
        self.version
            .get_or_try_init(|| async {
                let answer = self
                    .client
                    .call(Method::GET, &["version"], &[], None)
                    .await?;
                let version = answer.json::<VersionBody>()?.version;
                ForgeVersion::parse(&version)
                    .ok_or_else(|| ForgeError::Unreadable(format!("version `{version}`")))
            })
            .await
            .copied()
    }

    /// Makes a branch hold these files (paths to content and executable bit) and no others, by a push
    /// that leaves its history. Whether there was anything to push.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn push_files(
        &self,
        at: &ForgeRepository,
        branch: &str,
        files: BTreeMap<String, (Vec<u8>, bool)>,
        (message, now): (&'static str, Timestamp),
    ) -> Result<bool> {
        let lock = self.mirror_lock(&at.id).await;
        let _mine = lock.lock().await;
        let (id, name, branch) = (at.id.clone(), at.full_name.clone(), branch.to_owned());
        self.with_git(move |remote, ended| {
            remote.push_files((&id, &name), (&branch, &files), (message, now), &ended)
        })
        .await
    }

    /// Whether we may write to a repository; none where there is none that we see.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn may_write(&self, full_name: &str) -> Result<Option<bool>> {
        let body = self.repository_body(full_name).await?;
        Ok(body.map(|b| b.permissions.push))
    }

    pub(super) async fn repository_body(&self, full_name: &str) -> Result<Option<RepositoryBody>> {
        let (owner, name) = split(full_name)?;
        self.client.get(&["repos", owner, name]).await
    }

    async fn is_archived(&self, full_name: &str) -> Result<bool> {
        let body = self.repository_body(full_name).await?;
        Ok(body.is_some_and(|b| b.archived))
    }

    /// Does something with git beside the other work, for as long as [`limits::FORGE_GIT_TIME`].
    async fn with_git<T: Send + 'static>(
        &self,
        doing: impl FnOnce(Remote, Arc<AtomicBool>) -> std::result::Result<T, GitError> + Send + 'static,
    ) -> Result<T> {
        let _turn = self
            .git
            .acquire()
            .await
            .map_err(|_| ForgeError::Unreachable("ending".to_owned()))?;
        let ended = Arc::new(AtomicBool::new(false));
        let (remote, end) = (self.remote.clone(), Arc::clone(&ended));
        let task = tokio::task::spawn_blocking(move || doing(remote, end));
        match tokio::time::timeout(limits::FORGE_GIT_TIME.std(), task).await {
            Ok(Ok(result)) => Ok(result.map_err(of_git)?),
            Ok(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            Err(_) => {
                // It ends itself at its next sign of progress.
                ended.store(true, Ordering::Relaxed);
                Err(ForgeError::Unreachable(format!(
                    "git was not done within {}",
                    limits::FORGE_GIT_TIME
                )))
            }
        }
    }

    async fn mirror_lock(&self, id: &str) -> Arc<Mutex<()>> {
        Arc::clone(self.mirrors.lock().await.entry(id.to_owned()).or_default())
    }
}

/// What an error of git over the network means.
fn of_git(error: GitError) -> ForgeError {
    use git2::{ErrorClass, ErrorCode};
    let GitError::Git(error) = error else {
        return ForgeError::Git(error);
    };
    match (error.code(), error.class()) {
        (ErrorCode::Auth, _) => ForgeError::Unauthorized,
        (ErrorCode::NotFound, ErrorClass::Http) => ForgeError::NotFound,
        (_, ErrorClass::Http | ErrorClass::Net | ErrorClass::Ssl)
            if error.message().contains("404") =>
        {
            ForgeError::NotFound
        }
        // It answers, and about this repository alone: the forge is well.
        (_, ErrorClass::Http) if error.message().contains("403") => {
            ForgeError::Forbidden(error.message().to_owned())
        }
        (_, ErrorClass::Http | ErrorClass::Net | ErrorClass::Ssl) => {
            ForgeError::Unreachable(error.message().to_owned())
        }
        _ => ForgeError::Git(GitError::Git(error)),
    }
}

#[async_trait]
impl Forge for GiteaForge {
    fn shows(&self) -> Capabilities {
        Capabilities::GITEA
    }

    async fn repositories(&self, teams: &TeamPattern) -> Result<Vec<ForgeRepository>> {
        let (owner, _) = split(&teams.before)?;
        // Organizations and people have their repositories in different places.
        let bodies: Vec<RepositoryBody> =
            match self.client.list(&["orgs", owner, "repos"], &[]).await {
                Err(ForgeError::NotFound) => {
                    self.client.list(&["users", owner, "repos"], &[]).await?
                }
                other => other?,
            };
        let mut found: Vec<ForgeRepository> = bodies.into_iter().map(Into::into).collect();
        found.retain(|r| teams.team_of(&r.full_name).is_some());
        found.sort_by(|a, b| a.full_name.cmp(&b.full_name));
        // A page that shifts while it is turned shows a repository twice.
        found.dedup();
        Ok(found)
    }

    async fn repository(&self, id: &str) -> Result<Option<ForgeRepository>> {
        let body: Option<RepositoryBody> = self.client.get(&["repositories", id]).await?;
        Ok(body.map(Into::into))
    }

    async fn repository_named(&self, full_name: &str) -> Result<Option<ForgeRepository>> {
        Ok(self.repository_body(full_name).await?.map(Into::into))
    }

    async fn refs(&self, full_name: &str) -> Result<Vec<(String, CommitSha)>> {
        let name = full_name.to_owned();
        self.with_git(move |remote, ended| remote.refs(&name, &ended))
            .await
    }

    async fn commit(
        &self,
        at: &ForgeRepository,
        (full_ref, sha): (&str, &CommitSha),
    ) -> Result<PathBuf> {
        let lock = self.mirror_lock(&at.id).await;
        let _mine = lock.lock().await;
        let (id, name) = (at.id.clone(), at.full_name.clone());
        let (full_ref, sha) = (full_ref.to_owned(), sha.clone());
        self.with_git(move |remote, ended| remote.fetch((&id, &name), (&full_ref, &sha), &ended))
            .await
    }

    async fn has_commit(&self, at: &ForgeRepository, sha: &CommitSha) -> Result<bool> {
        let (owner, name) = split(&at.full_name)?;
        let path = ["repos", owner, name, "git", "commits", sha.as_str()];
        // Nothing of it is read but that it is there.
        let query = ["stat", "verification", "files"].map(|part| (part, "false"));
        match self.client.call(Method::GET, &path, &query, None).await {
            Ok(_) => Ok(true),
            Err(ForgeError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn show_note(
        &self,
        at: &ForgeRepository,
        sha: &CommitSha,
        text: &str,
        now: Timestamp,
    ) -> Result<()> {
        if self.version().await?.writes_notes() {
            let (owner, name) = split(&at.full_name)?;
            let path = ["repos", owner, name, "git", "notes", sha.as_str()];
            let body = json!({ "message": text });
            self.client
                .call(Method::POST, &path, &[], Some(&body))
                .await?;
            return Ok(());
        }
        let lock = self.mirror_lock(&at.id).await;
        let _mine = lock.lock().await;
        let (id, name) = (at.id.clone(), at.full_name.clone());
        let (sha, text) = (sha.clone(), text.to_owned());
        let set = self.with_git(move |remote, ended| {
            remote.set_note((&id, &name), (&sha, &text), now, &ended)
        });
        match set.await {
            // Git is refused with the same words for whatever reason.
            Err(ForgeError::Forbidden(_)) if self.is_archived(&at.full_name).await? => {
                Err(ForgeError::Archived)
            }
            other => other,
        }
    }

    async fn show_status(
        &self,
        full_name: &str,
        sha: &CommitSha,
        status: &CommitStatus,
    ) -> Result<()> {
        self.post_status(full_name, sha, status).await
    }

    fn line_url(
        &self,
        full_name: &str,
        sha: &CommitSha,
        (path, line): (&str, u32),
    ) -> Option<String> {
        let mut url = reqwest011::Url::parse(&self.public_url).ok()?;
        let (owner, name) = split(full_name).ok()?;
        url.path_segments_mut()
            .ok()?
            .extend([owner, name, "src", "commit", sha.as_str()])
            .extend(path.split('/'));
        if line > 0 {
            url.set_fragment(Some(&format!("L{line}")));
        }
        Some(url.into())
    }

    async fn images(&self, owner: &str) -> Result<Vec<PushedTag>> {
        self.pushed_tags(owner).await
    }

    async fn registry(&self) -> Result<Registry> {
        self.registry
            .get_or_try_init(|| async {
                let login = self.account().await?.login;
                // Always at the forge's root, also where the forge is not.
                Registry::new(&self.remote.url, Some((login, self.remote.token.clone())))
                    .and_then(|registry| registry.with_public_address(&self.public_url))
                    .map_err(|e| ForgeError::Invalid(e.to_string()))
            })
            .await
            .cloned()
    }

    async fn make_team(&self, new: &NewTeam<'_>) -> Result<Option<MadeTeam>> {
        match &self.owner {
            Some(owner) => self.newcomer(owner, new).await.map(Some),
            None => Ok(None),
        }
    }

    async fn account(&self) -> Result<Sender> {
        self.account
            .get_or_try_init(|| self.who_am_i())
            .await
            .cloned()
    }

    async fn organizations(&self) -> Result<BTreeMap<i64, String>> {
        self.our_organizations().await
    }

    async fn is_member(&self, team: &str, who: &Sender) -> Result<bool> {
        self.is_team_member(team, who).await
    }

    async fn our_issues(&self, full_name: &str) -> Result<Vec<Issue>> {
        let me = self.account().await?;
        self.issues_by(full_name, &me).await
    }

    async fn issue(&self, full_name: &str, number: i64) -> Result<Option<Comment>> {
        self.read_issue(full_name, number).await
    }

    async fn open_issue(&self, full_name: &str, title: &str, body: &str) -> Result<i64> {
        self.create_issue(full_name, title, body).await
    }

    async fn close_issue(&self, full_name: &str, number: i64, body: &str) -> Result<()> {
        self.end_issue(full_name, number, body).await
    }

    async fn comments(
        &self,
        full_name: &str,
        issue: i64,
        since: Timestamp,
    ) -> Result<Vec<Comment>> {
        self.read_comments(full_name, issue, since).await
    }

    async fn comment(&self, full_name: &str, id: i64) -> Result<Option<Comment>> {
        self.read_comment(full_name, id).await
    }

    async fn write_comment(&self, full_name: &str, issue: i64, body: &str) -> Result<i64> {
        self.create_comment(full_name, issue, body).await
    }

    async fn edit_comment(&self, full_name: &str, id: i64, body: &str) -> Result<()> {
        self.change_comment(full_name, id, body).await
    }

    async fn delete_comment(&self, full_name: &str, id: i64) -> Result<()> {
        self.remove_comment(full_name, id).await
    }

    async fn react(
        &self,
        full_name: &str,
        comment_id: ReactionTarget,
        reaction: Reaction,
    ) -> Result<()> {
        self.put_reaction(full_name, comment_id, reaction).await
    }

    async fn put_files(
        &self,
        full_name: &str,
        files: &BTreeMap<String, Vec<u8>>,
        message: &str,
    ) -> Result<()> {
        self.write_files(full_name, files, message).await
    }
}
