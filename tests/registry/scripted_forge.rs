//! A forge with a registry, one repository and one issue: everything that an image needs of a forge.
//!
//! It has no commits: a test in which an image asks for a commit fails.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use referee::forge::registry::Registry;
use referee::forge::{
    Comment, CommitStatus, CommitStatuses, Forge, ForgeError, ForgeRepository, ImageTag, Issue, Issues, Members,
    Packages, ReactionTarget, Repositories, Result,
};
use referee::model::{CommitSha, Sender, TeamPattern, Timestamp};

/// The forge; clones share its comments.
#[derive(Clone)]
pub(crate) struct ScriptedForge {
    pub registry: Registry,
    /// The one repository, which has the issue.
    pub repository: &'static str,
    /// Login, number and images of each owner.
    pub owners: Vec<(&'static str, i64, Vec<&'static str>)>,
    /// Comments in the one issue.
    pub comments: Arc<Mutex<Vec<String>>>,
}

fn unsupported<T>() -> Result<T> {
    Err(ForgeError::Unsupported("such function in this test"))
}

fn referee() -> Sender {
    Sender { id: 1, login: "referee".into() }
}

impl Forge for ScriptedForge {
    fn commit_statuses(&self) -> Result<&dyn CommitStatuses> {
        Ok(self)
    }

    fn issues(&self) -> Result<&dyn Issues> {
        Ok(self)
    }

    fn members(&self) -> Result<&dyn Members> {
        Ok(self)
    }

    fn packages(&self) -> Result<&dyn Packages> {
        Ok(self)
    }
}

#[async_trait]
impl Repositories for ScriptedForge {
    async fn team_repositories(&self, _teams: &TeamPattern) -> Result<Vec<ForgeRepository>> {
        Ok(Vec::new())
    }

    async fn repository(&self, id: &str) -> Result<Option<ForgeRepository>> {
        Ok(Some(ForgeRepository { id: id.into(), full_name: self.repository.into(), private: true, archived: false }))
    }

    async fn repository_named(&self, _full_name: &str) -> Result<Option<ForgeRepository>> {
        unsupported()
    }

    async fn refs(&self, _full_name: &str) -> Result<Vec<(String, CommitSha)>> {
        Ok(Vec::new())
    }

    async fn fetch_commit(&self, _at: &ForgeRepository, _full_ref: &str, _sha: &CommitSha) -> Result<PathBuf> {
        unsupported()
    }

    async fn has_commit(&self, _at: &ForgeRepository, _sha: &CommitSha) -> Result<bool> {
        unsupported()
    }
}

#[async_trait]
impl CommitStatuses for ScriptedForge {
    async fn set_status(&self, _full_name: &str, _sha: &CommitSha, _status: &CommitStatus) -> Result<()> {
        unsupported()
    }
}

#[async_trait]
impl Members for ScriptedForge {
    async fn account(&self) -> Result<Sender> {
        Ok(referee())
    }

    async fn organizations(&self) -> Result<BTreeMap<i64, String>> {
        let all = self.owners.iter();
        Ok(all.map(|(name, id, _)| (*id, (*name).to_owned())).collect())
    }

    async fn is_member(&self, _team: &str, _who: &Sender) -> Result<bool> {
        unsupported()
    }
}

#[async_trait]
impl Packages for ScriptedForge {
    async fn image_tags(&self, owner: &str) -> Result<Vec<ImageTag>> {
        let owner = self.owners.iter().find(|(name, ..)| *name == owner);
        let (login, owner_id, names) = owner.ok_or(ForgeError::NotFound)?;
        let mut all = Vec::new();
        for name in names {
            let tags = self.registry.tags(&format!("{login}/{name}")).await;
            all.extend(tags.unwrap_or_default().into_iter().map(|tag| ImageTag {
                owner_id: *owner_id,
                name: (*name).to_owned(),
                tag,
            }));
        }
        Ok(all)
    }

    async fn registry(&self) -> Result<Registry> {
        Ok(self.registry.clone())
    }
}

#[async_trait]
impl Issues for ScriptedForge {
    async fn our_issues(&self, _full_name: &str) -> Result<Vec<Issue>> {
        Ok(Vec::new())
    }

    async fn issue(&self, _full_name: &str, number: i64) -> Result<Option<Comment>> {
        Ok(Some(Comment { id: number, author: Some(referee()), body: String::new() }))
    }

    async fn open_issue(&self, _full_name: &str, _title: &str, _body: &str) -> Result<i64> {
        Ok(1)
    }

    async fn close_issue(&self, _full_name: &str, _number: i64, _body: &str) -> Result<()> {
        unsupported()
    }

    async fn comments(&self, _full_name: &str, _issue: i64, _since: Timestamp) -> Result<Vec<Comment>> {
        let all = self.comments.lock().unwrap().clone();
        let numbered = all.into_iter().zip(0..);
        Ok(numbered.map(|(body, id)| Comment { id, author: Some(referee()), body }).collect())
    }

    async fn comment(&self, _full_name: &str, _id: i64) -> Result<Option<Comment>> {
        unsupported()
    }

    async fn write_comment(&self, full_name: &str, _issue: i64, body: &str) -> Result<i64> {
        assert_eq!(full_name, self.repository);
        let mut all = self.comments.lock().unwrap();
        all.push(body.to_owned());
        Ok(all.len() as i64 - 1)
    }

    async fn edit_comment(&self, _full_name: &str, id: i64, body: &str) -> Result<()> {
        self.comments.lock().unwrap()[id as usize] = body.to_owned();
        Ok(())
    }

    async fn delete_comment(&self, _full_name: &str, _id: i64) -> Result<()> {
        unsupported()
    }

    async fn acknowledge(&self, _full_name: &str, _target: ReactionTarget) -> Result<()> {
        unsupported()
    }
}
