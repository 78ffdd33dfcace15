//! Facts that an engine reports, as plain values: images, ends of containers, outputs.
//!
//! Rules judge them; nothing here judges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::ids::ImageId;
use super::limits;
use super::time::Duration;

/// What `inspect` says of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// The only name by which it runs.
    pub id: ImageId,
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// Bytes of all layers, unpacked.
    pub bytes: u64,
    /// Number of layers.
    pub layers: usize,
    /// As written in the image; empty means root.
    pub user: String,
    /// Empty when the image has none.
    pub entrypoint: Vec<String>,
    /// Empty when the image has none.
    pub command: Vec<String>,
    /// Empty means `/`.
    pub working_dir: String,
    /// Paths that the image declares as volumes.
    pub volumes: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Instructions for images built on this one.
    pub on_build: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// What is at a path of an image. Parents are followed within the image, the path itself is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A folder.
    Directory,
    /// A regular file.
    File {
        /// Its size.
        bytes: u64,
        /// The bytes of its longest line; `None` if it is too large to be read for that.
        longest_line: Option<u64>,
    },
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
    /// The engine cannot get there, with its sentence: a path through a loop of links.
    Unreadable(String),
}

/// Why we ended a job ourselves. Recorded before the kill is sent, so that it survives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum KillReason {
    /// Its wall-clock time is over.
    Time,
    /// Withdrawn or cancelled.
    Cancelled,
    /// The daemon took its lease for lost.
    Orphaned,
}

/// How a container ended, as the engine tells it. Exit codes are the container's own claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// Whether it ever ran. A container that could not be started has ended, too.
    pub started: bool,
    /// As claimed by the container, 0 to 255.
    pub exit_code: i64,
    /// Whether the kernel killed any process of it for want of memory.
    pub out_of_memory: bool,
    /// Whether it was killed because memory had run out around it: on the whole host, or in a control group that it
    /// shares with others.
    #[serde(default)]
    pub host_out_of_memory: bool,
    /// Whether the engine was there the whole time; if not, exit codes 137 and 143 mean nothing.
    pub engine_continuous: bool,
    /// The engine's own sentence, if it has one (such as "no such file or directory").
    pub error: String,
    /// From start to end by the engine's clock.
    pub duration: Duration,
}

/// What is in an output directory, read after the container's end and without following links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputListing {
    /// Regular files: path relative to the output and bytes. Sorted.
    pub files: BTreeMap<String, u64>,
    /// Paths of things that are neither files nor directories, and what they are (`symlink`,
    /// `fifo`, `device`, `socket`, `hard link`).
    pub others: BTreeMap<String, String>,
    /// How many names were refused (characters, length, depth); the names are not kept.
    pub bad_names: u64,
    /// Bytes of all regular files.
    pub bytes: u64,
    /// Whether reading stopped because a limit of bytes, files or depth was reached.
    pub truncated: Option<OutputLimitHit>,
}

/// The limit that an output reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputLimitHit {
    /// Bytes of all files, or the file system was full.
    Bytes,
    /// Number of files.
    Files,
    /// Directories within directories.
    Depth,
}

/// The kept part of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogExcerpt {
    /// From the start; lossy UTF-8 with control characters (but newline and tab) removed.
    pub head: String,
    /// From the end; empty when the head holds everything.
    pub tail: String,
    /// Bytes that were printed in all.
    pub total_bytes: u64,
}

impl LogExcerpt {
    /// Both parts as one text, with a line that says how much is missing between them. Counted is
    /// what was printed: the parts themselves are shorter by the characters taken out.
    pub fn text(&self) -> String {
        if self.tail.is_empty() {
            return self.head.clone();
        }
        let kept = (limits::LOG_HEAD_BYTES + limits::LOG_TAIL_BYTES) as u64;
        match self.total_bytes.saturating_sub(kept) {
            0 => format!("{}{}", self.head, self.tail),
            missing => format!(
                "{}\n[… about {missing} bytes not kept …]\n{}",
                self.head, self.tail
            ),
        }
    }
}

/// Which of an engine's two builders makes images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BuildsWith {
    /// The classic builder: each build with limits of its own, several at a time.
    #[default]
    Classic,
    /// BuildKit, for engines that have nothing else: one build at a time, limited by the control group of
    /// all its steps. Its cache is cleared behind each build.
    BuildKit,
}

/// A GPU as the driver names it, `GPU-…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GpuUuid(pub String);
