//! A sticky comment: written once and edited afterwards.
//!
//! Before it is written, the intent is stored. After a crash, or a call without an answer, the comment is looked for by
//! its author and its marker before it is written again. A duplicate that a slow forge wrote is deleted.

use serde::{Deserialize, Serialize};

use super::{LATE, Target, Unpublished, report_issue};
use crate::forge::ForgeError;
use crate::model::{Digest, Duration, Timestamp};
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::store::OutboxMessage;

/// The clock of a forge may differ: comments are searched from this long before `since`.
const CLOCK_DIFFERENCE: Duration = Duration::seconds(3600);

/// The state that the forge shows, as stored with the message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct PublishedState {
    issue: Option<i64>,
    /// Id of the comment.
    comment: Option<i64>,
    /// Digest of its text.
    digest: Option<Digest>,
    /// Until then a comment may appear whose id Referee never received.
    #[serde(default)]
    unsure_until: Option<Timestamp>,
}

/// A comment to publish.
pub(super) struct StickyComment {
    /// Number of the issue. `None` for the issue in which Referee reports.
    pub issue: Option<i64>,
    /// Its text. It begins with the marker.
    pub text: String,
    /// The marker that identifies the comment.
    pub marker: String,
    /// The comment cannot be older than this.
    pub since: Timestamp,
}

/// Publishes a comment. Returns the time of the next check if an earlier attempt may still appear, as a second comment
/// or a second issue.
pub(super) async fn publish(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
    target: &mut Target<'_>,
    comment: &StickyComment,
) -> Result<Option<Timestamp>, Unpublished> {
    let (issue, issue_unsure) = match comment.issue {
        Some(issue) => (issue, None),
        None => report_issue::find(context, forges, target).await?,
    };
    let state = serde_json::from_value(message.published_state.clone()).unwrap_or_default();
    let mut publication = Publication { context, message, target, comment, issue, state };
    let result = publication.run().await;
    publication.keep()?;
    result?;
    let unsure = publication.state.unsure_until;
    Ok(unsure.into_iter().chain(issue_unsure).min())
}

/// One attempt to publish a comment.
struct Publication<'a, 't> {
    context: &'a Context,
    message: &'a mut OutboxMessage,
    target: &'a mut Target<'t>,
    comment: &'a StickyComment,
    issue: i64,
    state: PublishedState,
}

impl Publication<'_, '_> {
    async fn run(&mut self) -> Result<(), Unpublished> {
        let digest = Digest::of(self.comment.text.as_bytes());
        if self.state.issue != Some(self.issue) {
            // The comments of a deleted issue are deleted with it.
            self.state = PublishedState { issue: Some(self.issue), ..PublishedState::default() };
        }
        if self.state.unsure_until.is_some() {
            self.find_duplicates().await?;
        }
        if let Some(id) = self.state.comment {
            if self.state.digest.as_ref() == Some(&digest) {
                return Ok(());
            }
            match self.edit(id).await {
                Ok(()) => {
                    self.state.digest = Some(digest);
                    return Ok(());
                }
                // A person has deleted the comment, or the whole issue.
                Err(Unpublished::Forge(ForgeError::NotFound)) => self.state.comment = None,
                Err(error) => return Err(error),
            }
            self.check_issue().await?;
        }
        self.write(digest).await
    }

    async fn edit(&mut self, id: i64) -> Result<(), Unpublished> {
        let text = &self.comment.text;
        self.target
            .call(|forge, at| {
                let text = text.clone();
                async move { forge.issues()?.edit_comment(&at.full_name, id, &text).await }
            })
            .await
    }

    async fn write(&mut self, digest: Digest) -> Result<(), Unpublished> {
        let unsure_until = self.context.clock.now().plus(LATE);
        let unsure = self.state.unsure_until.replace(unsure_until);
        self.keep()?;
        self.context.store.record_published_state(self.message).await?;
        let (issue, text) = (self.issue, &self.comment.text);
        let written = self
            .target
            .call(|forge, at| {
                let text = text.clone();
                async move { forge.issues()?.write_comment(&at.full_name, issue, &text).await }
            })
            .await;
        match written {
            Ok(id) => {
                // Only an earlier attempt may still appear as a duplicate.
                self.state.unsure_until = unsure;
                self.state.comment = Some(id);
                self.state.digest = Some(digest);
                Ok(())
            }
            Err(error) => {
                // A forge answers 500 for a deleted issue, as for everything else.
                if let Unpublished::Forge(ForgeError::Server { .. } | ForgeError::NotFound) = &error {
                    self.check_issue().await?;
                }
                Err(error)
            }
        }
    }

    /// Fails if the issue was deleted. In place of the report issue the next attempt opens another one. In any other
    /// issue the comment has no use any more.
    async fn check_issue(&mut self) -> Result<(), Unpublished> {
        if !report_issue::is_deleted(self.context, self.target, self.issue).await? {
            return Ok(());
        }
        Err(Unpublished::Forge(match self.comment.issue {
            Some(_) => ForgeError::Invalid("the issue was deleted".to_owned()),
            None => ForgeError::NotFound,
        }))
    }

    /// Finds the comments that carry the marker. The first one is kept, the others are deleted. The doubt ends when all
    /// of them had time to appear.
    async fn find_duplicates(&mut self) -> Result<(), Unpublished> {
        let now = self.context.clock.now();
        let me = self.target.forge.members()?.account().await?.id;
        let issue = self.issue;
        let since = self.comment.since.minus(CLOCK_DIFFERENCE);
        let comments = self
            .target
            .call(|forge, at| async move { forge.issues()?.comments(&at.full_name, issue, since).await })
            .await?;
        let mut mine: Vec<i64> = comments
            .iter()
            .filter(|c| c.author.as_ref().is_some_and(|a| a.id == me))
            .filter(|c| c.body.starts_with(&self.comment.marker))
            .map(|c| c.id)
            .collect();
        mine.sort_unstable();
        let first = mine.first().copied();
        for duplicate in mine.into_iter().skip(1) {
            self.target
                .call(|forge, at| async move { forge.issues()?.delete_comment(&at.full_name, duplicate).await })
                .await?;
        }
        if self.state.comment != first {
            self.state.comment = first;
            self.state.digest = None;
        }
        self.state.unsure_until = self.state.unsure_until.filter(|until| now < *until);
        Ok(())
    }

    /// Copies the state into the message.
    fn keep(&mut self) -> anyhow::Result<()> {
        self.message.published_state = serde_json::to_value(&self.state)?;
        Ok(())
    }
}
