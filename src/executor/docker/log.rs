//! The output of a job: its start, its end, and the number of bytes between them.
//!
//! Referee does not attach to a container: an attach stream that is not read stops the container, and then even `kill`
//! and `inspect` of it hang (moby#41827). The engine writes to its own rotated files, and Referee reads those at any
//! speed. Rotation loses the start, so a follower reads it while the job runs. A follower may miss the end: engines
//! lose their position when files rotate, and then report the end too early (seen on 20.10 after 22 of 120 MB). So
//! Referee reads the end of a long log again when the job is over. The number of bytes is a lower bound.

use std::sync::Mutex;

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;

use super::connection::{DockerEngine, lock, refusal};
use super::log_keeper::{FollowState, Followed, Follower, LogKeeper};
use crate::executor::{ExecutorError, Result};
use crate::model::{LogExcerpt, limits};

/// A follower stops after this many bytes, so that a job cannot keep the engine busy with its output.
const FOLLOW_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How often a follower of an ended job is asked for the end, and the pause in between.
const END_CHECKS: u32 = 100;
const END_CHECK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

impl DockerEngine {
    /// Starts to follow a job's log, once per job. Called right after the start: before that, the engine would report
    /// the end of an empty log.
    pub(super) fn follow(&self, job: &str, container: &str) {
        let mut followers = self.followers();
        if followers.contains_key(job) {
            return;
        }
        let followed = Followed::default();
        let (engine, container, into) = (self.clone(), container.to_owned(), followed.clone());
        let task = tokio::spawn(async move {
            let complete = engine.read_log(&container, true, &into).await;
            lock(&into).1 = match complete {
                Ok(true) => FollowState::Complete,
                Ok(false) | Err(_) => FollowState::Stopped,
            };
        });
        followers.insert(job.to_owned(), Follower::new(followed, task));
    }

    pub(super) fn unfollow(&self, job: &str) {
        self.followers().remove(job);
    }

    /// The kept part of the log. The end of an ended job is certain: Referee waits 2 s for its follower, and then reads
    /// the engine's files again.
    pub(super) async fn excerpt(&self, job: &str, container: &str, ended: bool) -> Result<LogExcerpt> {
        let followed = self.followed(job, ended).await;
        match followed {
            Some((keeper, FollowState::Complete)) if keeper.is_short() => {
                return Ok(keeper.excerpt());
            }
            Some((keeper, _)) if !ended => return Ok(keeper.excerpt()),
            _ => {}
        }
        let reread = Mutex::default();
        self.read_log(container, false, &reread).await?;
        let reread: LogKeeper = lock(&reread).0.clone();
        let keeper = match followed {
            Some((keeper, _)) => keeper.with_end_of(reread),
            None => reread,
        };
        Ok(keeper.excerpt())
    }

    async fn followed(&self, job: &str, ended: bool) -> Option<(LogKeeper, FollowState)> {
        for _ in 0..END_CHECKS {
            let snapshot = self.followers().get(job).map(Follower::snapshot)?;
            if snapshot.1 != FollowState::Reading || !ended {
                return Some(snapshot);
            }
            tokio::time::sleep(END_CHECK_PAUSE).await;
        }
        self.followers().get(job).map(Follower::snapshot)
    }

    /// Reads a log into `into`. Returns whether the engine's end was reached. A read that does not follow has a time
    /// limit: the engine has all of it already.
    async fn read_log(&self, container: &str, follow: bool, into: &Mutex<(LogKeeper, FollowState)>) -> Result<bool> {
        let unreachable = |why: &str| ExecutorError::Unreachable(format!("logs: {why}"));
        let options = LogsOptionsBuilder::default().follow(follow).stdout(true).stderr(true).build();
        let client = self.client()?;
        let mut stream = std::pin::pin!(client.logs(container, Some(options)));
        loop {
            let next = if follow {
                stream.next().await
            } else {
                let limit = limits::ENGINE_CALL_TIME.std();
                let timely = tokio::time::timeout(limit, stream.next()).await;
                timely.map_err(|_| unreachable("no answer"))?
            };
            match next {
                None => return Ok(true),
                Some(Ok(piece)) => {
                    let mut into = lock(into);
                    into.0.push(piece.as_ref());
                    if follow && into.0.total() > FOLLOW_BYTES_MAX {
                        return Ok(false);
                    }
                }
                Some(Err(error)) => match refusal(error) {
                    Ok(refusal) => return Err(refusal.into()),
                    Err(why) => return Err(unreachable(&why)),
                },
            }
        }
    }
}
