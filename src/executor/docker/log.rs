//! What a job prints: its start, its end, and a count of what was between.
//!
//! It refuses to attach: an attach stream that nobody reads stops the container, and then even
//! `kill` and `inspect` of it hang (moby#41827). The engine writes to its own rotated files, and
//! we read those, as fast as we like. Rotation loses the start, so a follower keeps it from the
//! first moment on. It cannot be trusted with the end: engines lose their place when files rotate
//! under a follower, and say that all is read (seen on 20.10 after 22 of 120 MB). So the end of a
//! long log is read again from what the engine still has when the job is over, and the count of
//! bytes is a lower bound.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use tokio::task::JoinHandle;

use super::{DockerEngine, lock, refusal};
use crate::executor::{ExecutorError, Result};
use crate::model::{LogExcerpt, limits};
use crate::report::sanitize;

/// More than this is not followed; a job must not keep the engine busy with its chatter.
const FOLLOW_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The first and the last bytes of a stream, in bounded memory.
#[derive(Debug, Default, Clone)]
pub(super) struct LogKeeper {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl LogKeeper {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = limits::LOG_HEAD_BYTES - self.head.len();
        let (first, rest) = bytes.split_at(bytes.len().min(room));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(limits::LOG_TAIL_BYTES)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(limits::LOG_TAIL_BYTES);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Short enough that the engine's files cannot have rotated meanwhile: even of empty lines, at
    /// some 75 bytes of JSON each, this many fit into one.
    fn is_short(&self) -> bool {
        self.tail.is_empty()
    }

    /// As text: lossy UTF-8, without control characters but newline and tab.
    pub(super) fn excerpt(&self) -> LogExcerpt {
        let (front, back) = self.tail.as_slices();
        let tail = [front, back].concat();
        LogExcerpt {
            head: plain(&self.head),
            tail: plain(&tail),
            total_bytes: self.total,
        }
    }

    /// The start that was seen live, and the end of what the engine still has.
    fn ended_by(mut self, reread: Self) -> Self {
        if self.is_short() && reread.total >= self.total {
            return reread;
        }
        let end = if reread.tail.is_empty() {
            reread.head.into()
        } else {
            reread.tail
        };
        self.total = self.total.max(reread.total);
        self.tail = end;
        self
    }
}

/// Text that a page or a terminal shows as it is: no colours, no cursor movements, no other control
/// characters. A progress bar that returns to the start of its line becomes lines.
pub(super) fn plain(bytes: &[u8]) -> String {
    sanitize::text(&String::from_utf8_lossy(bytes))
}

/// How a follower stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// It reads.
    On,
    /// The engine said that this was all.
    Complete,
    /// It stopped before the end: a flood, or a lost connection.
    Stopped,
}

/// Reads one job's log while it runs. Dropping it closes the connection.
pub(super) struct Follower {
    kept: Arc<Mutex<(LogKeeper, Reading)>>,
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    fn snapshot(&self) -> (LogKeeper, Reading) {
        lock(&self.kept).clone()
    }
}

impl DockerEngine {
    /// Starts to follow, once per job. Called right after the start: before, the engine would
    /// answer with the end of an empty log.
    pub(super) fn follow(&self, job: &str, container: &str) {
        let mut followers = self.followers();
        if followers.contains_key(job) {
            return;
        }
        let kept = Arc::new(Mutex::new((LogKeeper::default(), Reading::On)));
        let (engine, container, into) = (self.clone(), container.to_owned(), kept.clone());
        let task = tokio::spawn(async move {
            let complete = engine.read_log(&container, true, &into).await;
            lock(&into).1 = match complete {
                Ok(true) => Reading::Complete,
                Ok(false) | Err(_) => Reading::Stopped,
            };
        });
        followers.insert(job.to_owned(), Follower { kept, task });
    }

    pub(super) fn unfollow(&self, job: &str) {
        self.followers().remove(job);
    }

    /// The kept part. Of an ended job, its end is certain: a follower that has not come to it is
    /// given a moment, then the engine's files are read once more.
    pub(super) async fn excerpt(
        &self,
        job: &str,
        container: &str,
        ended: bool,
    ) -> Result<LogExcerpt> {
        let followed = self.followed(job, ended).await;
        match followed {
            Some((keeper, Reading::Complete)) if keeper.is_short() => return Ok(keeper.excerpt()),
            Some((keeper, _)) if !ended => return Ok(keeper.excerpt()),
            _ => {}
        }
        let reread = Mutex::new((LogKeeper::default(), Reading::On));
        self.read_log(container, false, &reread).await?;
        let reread = lock(&reread).0.clone();
        let keeper = match followed {
            Some((keeper, _)) => keeper.ended_by(reread),
            None => reread,
        };
        Ok(keeper.excerpt())
    }

    async fn followed(&self, job: &str, ended: bool) -> Option<(LogKeeper, Reading)> {
        for _ in 0..100 {
            let snapshot = self.followers().get(job).map(Follower::snapshot)?;
            if snapshot.1 != Reading::On || !ended {
                return Some(snapshot);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self.followers().get(job).map(Follower::snapshot)
    }

    /// Reads into `into`; true when the engine's end was reached. Only what is not followed is
    /// bounded in time: there the engine has everything at hand.
    async fn read_log(
        &self,
        container: &str,
        follow: bool,
        into: &Mutex<(LogKeeper, Reading)>,
    ) -> Result<bool> {
        let unreachable = |why: String| ExecutorError::Unreachable(format!("logs: {why}"));
        let client = self.client().map_err(|e| unreachable(e.to_string()))?;
        let options = LogsOptionsBuilder::default()
            .follow(follow)
            .stdout(true)
            .stderr(true)
            .build();
        let mut stream = std::pin::pin!(client.logs(container, Some(options)));
        loop {
            let next = if follow {
                stream.next().await
            } else {
                let limit = limits::ENGINE_CALL_TIME.std();
                let timely = tokio::time::timeout(limit, stream.next()).await;
                timely.map_err(|_| unreachable("no answer".to_owned()))?
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
                    Err(why) => return Err(unreachable(why)),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_log_is_all_head() {
        let mut keeper = LogKeeper::default();
        keeper.push(b"one\n\x1b[1;31mtwo\x07\x1b[0m\r\n");
        let excerpt = keeper.excerpt();
        assert_eq!(excerpt.text(), "one\ntwo\n");
        assert_eq!(excerpt.total_bytes, 21);
    }

    #[test]
    fn a_long_log_keeps_both_ends_and_the_count() {
        let mut keeper = LogKeeper::default();
        keeper.push(b"first\n");
        for _ in 0..1000 {
            keeper.push(&[b'x'; 1000]);
        }
        keeper.push(&[b'y'; 200_000]);
        keeper.push(b"last\n");
        let excerpt = keeper.excerpt();
        assert!(excerpt.head.starts_with("first\nxxx"));
        assert!(excerpt.tail.ends_with("yyylast\n"));
        assert_eq!(excerpt.head.len(), limits::LOG_HEAD_BYTES);
        assert_eq!(excerpt.tail.len(), limits::LOG_TAIL_BYTES);
        assert_eq!(excerpt.total_bytes, 6 + 1_000_000 + 200_000 + 5);
    }

    #[test]
    fn what_was_followed_and_what_is_read_again_become_one() {
        let keeper = |text: &[u8]| {
            let mut keeper = LogKeeper::default();
            keeper.push(text);
            keeper
        };
        // The follower missed the end of a short log.
        let whole = keeper(b"start").ended_by(keeper(b"start, end"));
        assert_eq!(whole.excerpt().text(), "start, end");
        // The engine's files have lost the start of a long one.
        let long = keeper(&[b'a'; 200_000]).ended_by(keeper(b"the end"));
        let excerpt = long.excerpt();
        assert!(excerpt.head.starts_with("aaa"));
        assert_eq!(excerpt.tail, "the end");
        assert_eq!(excerpt.total_bytes, 200_000);
    }
}
