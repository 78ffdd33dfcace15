//! The kept part of a log: the first and the last bytes of a stream, in bounded memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use crate::model::{LogExcerpt, limits};
use crate::report::sanitize;

/// The first and the last bytes of a stream, and the number of all bytes.
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

    /// Short enough that the engine's files cannot have rotated: even of empty lines, at about 75 bytes of JSON each,
    /// this many fit into one file.
    pub(super) fn is_short(&self) -> bool {
        self.tail.is_empty()
    }

    pub(super) fn excerpt(&self) -> LogExcerpt {
        let (front, back) = self.tail.as_slices();
        let tail = [front, back].concat();
        LogExcerpt { head: plain(&self.head), tail: plain(&tail), total_bytes: self.total }
    }

    /// Combines the start that was followed live with the end that the engine still has.
    pub(super) fn with_end_of(mut self, reread: Self) -> Self {
        if self.is_short() && reread.total >= self.total {
            return reread;
        }
        let end = if reread.tail.is_empty() { reread.head.into() } else { reread.tail };
        self.total = self.total.max(reread.total);
        self.tail = end;
        self
    }
}

/// Text that a page or a terminal can show without risk: lossy UTF-8 without colours, cursor movements and other
/// control characters. A progress bar that returns to the start of its line becomes several lines.
pub(super) fn plain(bytes: &[u8]) -> String {
    sanitize::text(&String::from_utf8_lossy(bytes))
}

/// The state of a follower.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum FollowState {
    #[default]
    Reading,
    /// The engine reported the end of the log.
    Complete,
    /// It stopped before the end: the log was too long, or the connection was lost.
    Stopped,
}

/// What a follower has read so far, and its state.
pub(super) type Followed = Arc<Mutex<(LogKeeper, FollowState)>>;

/// Reads the log of one job while it runs. Dropping it closes the connection.
pub(super) struct Follower {
    followed: Followed,
    task: JoinHandle<()>,
}

impl Follower {
    pub(super) fn new(followed: Followed, task: JoinHandle<()>) -> Self {
        Self { followed, task }
    }

    pub(super) fn snapshot(&self) -> (LogKeeper, FollowState) {
        let followed = self.followed.lock();
        followed.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
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
    fn the_followed_start_and_the_reread_end_become_one_log() {
        let keeper = |text: &[u8]| {
            let mut keeper = LogKeeper::default();
            keeper.push(text);
            keeper
        };
        // The follower missed the end of a short log.
        let whole = keeper(b"start").with_end_of(keeper(b"start, end"));
        assert_eq!(whole.excerpt().text(), "start, end");
        // The engine's files have lost the start of a long one.
        let long = keeper(&[b'a'; 200_000]).with_end_of(keeper(b"the end"));
        let excerpt = long.excerpt();
        assert!(excerpt.head.starts_with("aaa"));
        assert_eq!(excerpt.tail, "the end");
        assert_eq!(excerpt.total_bytes, 200_000);
    }
}
