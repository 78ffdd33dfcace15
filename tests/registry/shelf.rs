//! A forge that has a registry, one issue and nothing else: what an image needs of a forge.
//!
//! It refuses everything that is about commits: an image that asks for a commit fails its test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use referee::forge::registry::Registry;
use referee::forge::{
    Capabilities, Comment, CommitStatus, Forge, ForgeError, ForgeRepository, Issue, MadeTeam,
    NewTeam, PushedTag, Reaction, ReactionTarget, Result,
};
use referee::model::{CommitSha, Sender, TeamPattern, Timestamp};

/// The forge; clones share what it holds.
#[derive(Clone)]
pub struct Shelf {
    pub registry: Registry,
    /// The one repository, which has the issue.
    pub repository: &'static str,
    /// Owner, its number, and the images that it has.
    pub owners: Vec<(&'static str, i64, Vec<&'static str>)>,
    /// Comments in the one issue.
    pub comments: Arc<Mutex<Vec<String>>>,
}

fn no<T>() -> Result<T> {
    Err(ForgeError::Unsupported("shelf", "this"))
}

fn sender() -> Sender {
    Sender {
        id: 1,
        login: "referee".into(),
    }
}

#[async_trait]
impl Forge for Shelf {
    fn shows(&self) -> Capabilities {
        Capabilities {
            statuses: true,
            issues: true,
            files: false,
        }
    }

    async fn repositories(&self, _teams: &TeamPattern) -> Result<Vec<ForgeRepository>> {
        Ok(Vec::new())
    }

    async fn repository(&self, id: &str) -> Result<Option<ForgeRepository>> {
        Ok(Some(ForgeRepository {
            id: id.into(),
            full_name: self.repository.into(),
            private: true,
            archived: false,
        }))
    }

    async fn repository_named(&self, _full_name: &str) -> Result<Option<ForgeRepository>> {
        no()
    }

    async fn refs(&self, _full_name: &str) -> Result<Vec<(String, CommitSha)>> {
        Ok(Vec::new())
    }

    async fn commit(&self, _at: &ForgeRepository, _of: (&str, &CommitSha)) -> Result<PathBuf> {
        no()
    }

    async fn has_commit(&self, _at: &ForgeRepository, _sha: &CommitSha) -> Result<bool> {
        no()
    }

    async fn show_note(
        &self,
        _at: &ForgeRepository,
        _sha: &CommitSha,
        _text: &str,
        _now: Timestamp,
    ) -> Result<()> {
        no()
    }

    async fn show_status(&self, _at: &str, _sha: &CommitSha, _lit: &CommitStatus) -> Result<()> {
        no()
    }

    fn line_url(&self, _full_name: &str, _sha: &CommitSha, _at: (&str, u32)) -> Option<String> {
        None
    }

    async fn images(&self, owner: &str) -> Result<Vec<PushedTag>> {
        let owner = self.owners.iter().find(|(name, ..)| *name == owner);
        let (login, owner_id, names) = owner.ok_or(ForgeError::NotFound)?;
        let mut all = Vec::new();
        for name in names {
            let tags = self.registry.tags(&format!("{login}/{name}")).await;
            all.extend(tags.unwrap_or_default().into_iter().map(|tag| PushedTag {
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

    async fn make_team(&self, _new: &NewTeam<'_>) -> Result<Option<MadeTeam>> {
        no()
    }

    async fn account(&self) -> Result<Sender> {
        Ok(sender())
    }

    async fn organizations(&self) -> Result<BTreeMap<i64, String>> {
        let all = self.owners.iter();
        Ok(all.map(|(name, id, _)| (*id, (*name).to_owned())).collect())
    }

    async fn is_member(&self, _team: &str, _who: &Sender) -> Result<bool> {
        no()
    }

    async fn our_issues(&self, _full_name: &str) -> Result<Vec<Issue>> {
        Ok(Vec::new())
    }

    async fn issue(&self, _full_name: &str, number: i64) -> Result<Option<Comment>> {
        Ok(Some(Comment {
            id: number,
            author: Some(sender()),
            body: String::new(),
        }))
    }

    async fn open_issue(&self, _full_name: &str, _title: &str, _body: &str) -> Result<i64> {
        Ok(1)
    }

    async fn close_issue(&self, _full_name: &str, _number: i64, _body: &str) -> Result<()> {
        no()
    }

    async fn comments(
        &self,
        _full_name: &str,
        _issue: i64,
        _since: Timestamp,
    ) -> Result<Vec<Comment>> {
        let all = self.comments.lock().unwrap().clone();
        let numbered = all.into_iter().zip(0..);
        Ok(numbered
            .map(|(body, id)| Comment {
                id,
                author: Some(sender()),
                body,
            })
            .collect())
    }

    async fn comment(&self, _full_name: &str, _id: i64) -> Result<Option<Comment>> {
        no()
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
        no()
    }

    async fn react(
        &self,
        _full_name: &str,
        _spot: ReactionTarget,
        _reaction: Reaction,
    ) -> Result<()> {
        no()
    }

    async fn put_files(
        &self,
        _full_name: &str,
        _files: &BTreeMap<String, Vec<u8>>,
        _message: &str,
    ) -> Result<()> {
        no()
    }
}
