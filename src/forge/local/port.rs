//! The local forge as a [`Forge`]: notes and refs on this disk. It has no statuses, no issues and no
//! accounts, and says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;

use super::LocalForge;
use crate::forge::git::{self, GitError};
use crate::forge::registry::Registry;
use crate::forge::{
    Capabilities, Comment, CommitStatus, Forge, ForgeError, ForgeRepository, Issue, MadeTeam,
    NewTeam, PushedTag, Reaction, ReactionTarget, Result,
};
use crate::model::{CommitSha, Sender, TeamPattern, Timestamp};

fn none<T>(what: &'static str) -> Result<T> {
    Err(ForgeError::Unsupported("local", what))
}

impl LocalForge {
    async fn blocking<T: Send + 'static>(
        &self,
        doing: impl FnOnce(Self) -> std::result::Result<T, GitError> + Send + 'static,
    ) -> Result<T> {
        let me = self.clone();
        match tokio::task::spawn_blocking(move || doing(me)).await {
            Ok(result) => Ok(result?),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    async fn all(&self) -> Result<Vec<ForgeRepository>> {
        let found = self.blocking(|me| me.repositories()).await?;
        Ok(found
            .into_iter()
            .map(|r| ForgeRepository {
                id: r.id,
                full_name: r.full_name,
                private: true,
                archived: false,
            })
            .collect())
    }
}

#[async_trait]
impl Forge for LocalForge {
    fn shows(&self) -> Capabilities {
        Capabilities::LOCAL
    }

    /// Teams are made by `referee team add` alone: whatever else lies under the root is nobody's.
    async fn repositories(&self, _teams: &TeamPattern) -> Result<Vec<ForgeRepository>> {
        Ok(Vec::new())
    }

    async fn repository(&self, id: &str) -> Result<Option<ForgeRepository>> {
        Ok(self.all().await?.into_iter().find(|r| r.id == id))
    }

    async fn repository_named(&self, full_name: &str) -> Result<Option<ForgeRepository>> {
        let all = self.all().await?;
        Ok(all.into_iter().find(|r| r.full_name == full_name))
    }

    async fn refs(&self, full_name: &str) -> Result<Vec<(String, CommitSha)>> {
        let name = full_name.to_owned();
        self.blocking(move |me| LocalForge::refs(&me, &name)).await
    }

    async fn commit(&self, at: &ForgeRepository, _commit: (&str, &CommitSha)) -> Result<PathBuf> {
        Ok(self.path(&at.full_name))
    }

    async fn has_commit(&self, at: &ForgeRepository, sha: &CommitSha) -> Result<bool> {
        let (path, sha) = (self.path(&at.full_name), sha.clone());
        self.blocking(move |_| Ok(git::has_commit(&path, &sha)))
            .await
    }

    async fn show_note(
        &self,
        at: &ForgeRepository,
        sha: &CommitSha,
        text: &str,
        now: Timestamp,
    ) -> Result<()> {
        let (path, sha, text) = (self.path(&at.full_name), sha.clone(), text.to_owned());
        self.blocking(move |_| git::set_note(&path, &sha, &text, now))
            .await
    }

    async fn show_status(
        &self,
        _full_name: &str,
        _sha: &CommitSha,
        _status: &CommitStatus,
    ) -> Result<()> {
        none("commit statuses")
    }

    fn line_url(&self, _full_name: &str, _sha: &CommitSha, _place: (&str, u32)) -> Option<String> {
        None
    }

    async fn images(&self, _owner: &str) -> Result<Vec<PushedTag>> {
        none("images")
    }

    async fn registry(&self) -> Result<Registry> {
        none("a registry")
    }

    /// Its teams have no accounts; `referee team add` makes their repositories.
    async fn make_team(&self, _new: &NewTeam<'_>) -> Result<Option<MadeTeam>> {
        Ok(None)
    }

    async fn account(&self) -> Result<Sender> {
        none("accounts")
    }

    async fn organizations(&self) -> Result<BTreeMap<i64, String>> {
        none("accounts")
    }

    async fn is_member(&self, _team: &str, _who: &Sender) -> Result<bool> {
        none("accounts")
    }

    async fn our_issues(&self, _full_name: &str) -> Result<Vec<Issue>> {
        none("issues")
    }

    async fn issue(&self, _full_name: &str, _number: i64) -> Result<Option<Comment>> {
        none("issues")
    }

    async fn open_issue(&self, _full_name: &str, _title: &str, _body: &str) -> Result<i64> {
        none("issues")
    }

    async fn close_issue(&self, _full_name: &str, _number: i64, _body: &str) -> Result<()> {
        none("issues")
    }

    async fn comments(
        &self,
        _full_name: &str,
        _issue: i64,
        _since: Timestamp,
    ) -> Result<Vec<Comment>> {
        none("issues")
    }

    async fn comment(&self, _full_name: &str, _id: i64) -> Result<Option<Comment>> {
        none("issues")
    }

    async fn write_comment(&self, _full_name: &str, _issue: i64, _body: &str) -> Result<i64> {
        none("issues")
    }

    async fn edit_comment(&self, _full_name: &str, _id: i64, _body: &str) -> Result<()> {
        none("issues")
    }

    async fn delete_comment(&self, _full_name: &str, _id: i64) -> Result<()> {
        none("issues")
    }

    async fn react(
        &self,
        _full_name: &str,
        _spot: ReactionTarget,
        _reaction: Reaction,
    ) -> Result<()> {
        none("issues")
    }

    async fn put_files(
        &self,
        _full_name: &str,
        _files: &BTreeMap<String, Vec<u8>>,
        _message: &str,
    ) -> Result<()> {
        none("leaderboard repository")
    }
}
