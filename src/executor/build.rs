//! A build of an image: its specification, its limits and its result.

use std::path::PathBuf;

use crate::model::{Duration, ImageFacts, LogExcerpt};

/// The complete specification of a build.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildSpec {
    /// Unique to the attempt. The image gets this name.
    pub name: String,
    /// A tar file with the context. The Dockerfile of the repository is not in it.
    pub context: PathBuf,
    /// The Dockerfile that Referee emitted from its own parse.
    pub dockerfile: String,
    pub limits: BuildLimits,
    /// Network of `RUN` steps, by the engine's name for it. `none` by default.
    pub network: String,
    /// Labels of the image.
    pub labels: Vec<(String, String)>,
    /// Set for a build whose steps are untrusted. The engine's builder then inspects the result of each step before the
    /// engine reads it. The value is a random word of this build alone. It keeps the build out of every other build's
    /// cache.
    pub inspection_key: Option<String>,
}

/// The limits of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildLimits {
    /// Wall-clock time.
    pub time: Duration,
    /// Bytes of memory of a step.
    pub memory: u64,
    /// Percent of one CPU core: 200 means two cores.
    pub cpu_percent: u32,
    /// Bytes of log.
    pub log: usize,
    /// Bytes by which the engine's disk may grow.
    pub disk: u64,
    /// Bytes of a single file that a step writes.
    pub file: u64,
    /// Processes of a step.
    pub processes: u64,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEnd {
    Built(Box<ImageFacts>),
    /// A step failed.
    Failed {
        /// Number of the step in the emitted Dockerfile, from 1. `None` if the engine does not name it.
        step: Option<u32>,
        /// The engine's message.
        message: String,
    },
    /// The build exceeded a limit, and Referee or the kernel ended it.
    Limit(BuildLimitHit),
}

/// The limit that a build exceeded. Its text is the name of the field of [`BuildLimits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum BuildLimitHit {
    Time,
    Memory,
    Log,
    Disk,
    File,
    Processes,
}

/// The result of a build and its output, whether it succeeded or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildReport {
    pub end: BuildEnd,
    pub log: LogExcerpt,
}
