//! Facts that an engine reports, as plain values: images, ends of containers, outputs.
//!
//! Nothing here judges them. The rules do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::ids::ImageId;
use super::limits;
use super::time::Duration;

/// The properties of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Images run by id, never by name.
    pub id: ImageId,
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// Bytes of all layers, unpacked.
    pub bytes: u64,
    pub layers: usize,
    /// The user as the image names it. Empty means root.
    pub user: String,
    /// Empty if the image has none.
    pub entrypoint: Vec<String>,
    /// Empty if the image has none.
    pub command: Vec<String>,
    /// Empty means `/`.
    pub working_dir: String,
    /// Paths that the image declares as volumes.
    pub volumes: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Instructions for images that are built on this one.
    pub on_build: Vec<String>,
    pub labels: BTreeMap<String, String>,
}

/// The kind of file at a path of an image. Links in the parents are followed within the image, the path itself is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Directory,
    /// A regular file.
    File {
        bytes: u64,
        /// Bytes of its longest line. `None` if the file is too large to be read.
        longest_line: Option<u64>,
    },
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket.
    Other,
    /// The engine cannot reach the path, for example through a loop of links. The text is its message.
    Unreadable(String),
}

/// Why Referee ended a job. Recorded before the kill is sent, so that it survives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum KillReason {
    /// It exceeded its wall-clock time.
    Time,
    /// Its submission was withdrawn or cancelled.
    Cancelled,
    /// Its lease was lost.
    Orphaned,
}

/// How a container ended, as the engine reports it. The exit code is a claim of the container itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// Whether it ever ran. A container that could not be started has ended too.
    pub started: bool,
    /// 0 to 255.
    pub exit_code: i64,
    /// The kernel killed a process of the container because the container exceeded its memory limit.
    pub out_of_memory: bool,
    /// The kernel killed a process because the whole host, or a control group shared with others, ran out of memory.
    #[serde(default)]
    pub host_out_of_memory: bool,
    /// The engine ran without interruption. Otherwise the exit codes 137 and 143 prove nothing.
    pub engine_continuous: bool,
    /// The engine's message, such as "no such file or directory". May be empty.
    pub error: String,
    /// From start to end, by the engine's clock.
    pub duration: Duration,
}

/// The contents of an output directory, read after the end of the container and without following links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputListing {
    /// Regular files: the path relative to the output, and the size in bytes.
    pub files: BTreeMap<String, u64>,
    /// Everything but regular files and directories, with its kind (`symlink`, `fifo`, `device`, `hard link`).
    pub others: BTreeMap<String, String>,
    /// The number of names that were refused (characters, length, depth). The names are not kept.
    pub refused_names: u64,
    /// Bytes of all regular files.
    pub bytes: u64,
    /// The limit at which reading stopped.
    pub truncated: Option<OutputLimitHit>,
}

/// The limit that an output exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputLimitHit {
    /// Bytes of all files, or a full file system.
    Bytes,
    Files,
    /// Nesting of directories.
    Depth,
}

/// The kept part of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogExcerpt {
    /// The start: lossy UTF-8 without control characters except newline and tab.
    pub head: String,
    /// The end. Empty if the head contains the whole log.
    pub tail: String,
    /// Bytes that were printed in total.
    pub total_bytes: u64,
}

impl LogExcerpt {
    /// Both parts as one text, with a line for the number of missing bytes between them. The number counts printed
    /// bytes; the parts are shorter by the removed characters.
    pub fn text(&self) -> String {
        if self.tail.is_empty() {
            return self.head.clone();
        }
        let kept = (limits::LOG_HEAD_BYTES + limits::LOG_TAIL_BYTES) as u64;
        match self.total_bytes.saturating_sub(kept) {
            0 => format!("{}{}", self.head, self.tail),
            missing => format!("{}\n[… about {missing} bytes not kept …]\n{}", self.head, self.tail),
        }
    }
}

/// One of the two builders of an engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum BuildsWith {
    /// The classic builder. Each build has its own limits, and several run at the same time.
    #[default]
    Classic,
    /// BuildKit, for engines that have only this builder. One build runs at a time, limited by the control group of all
    /// its steps. The cache is cleared after each build.
    BuildKit,
}

/// The driver's name of a GPU, `GPU-…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GpuUuid(pub String);
