//! The Docker Engine, through the client library bollard.
//!
//! This module does not guess. Where the engine gives no clear answer, the result is a platform error and never a
//! verdict about a participant. No type of the client library leaves this module. Every container, volume and tag has
//! the label of the instance in its name, so two daemons on one engine never touch each other's objects.
//!
//! | file | content |
//! |---|---|
//! | `connection` | one connection: calls, time limits, failures |
//! | `facts` | the properties of an engine that decide how a container is created |
//! | `sandbox` | the description of a locked-down container, compared with its effective configuration; pure |
//! | `runner` | the life of a job: prepare, submit, wait, cancel, clean up |
//! | `containers` | containers and volumes on the engine |
//! | `output_keeper` | the container that keeps a job's output volume mounted and detects a restart of the engine |
//! | `own_programs` | Referee's own programs: one that waits, three that probe limits and system calls |
//! | `log`, `log_keeper` | the output of a job: its start, its end and a count of the rest |
//! | `kernel_log` | out-of-memory kills in the kernel's log |
//! | `archive_stream` | the engine's archive of a path in a container |
//! | `output` | the files that a job wrote |
//! | `images` | the images on the engine |
//! | `load`, `save` | an image from an archive, and into one |
//! | `inspected_paths` | the kinds of files in an image that is not started |
//! | `build` | a build: Dockerfile and context to image |
//! | `build_context` | the context as a tar stream, with the emitted Dockerfile at its end; pure |
//! | `instructions` | the instructions of a Dockerfile; pure |
//! | `build_label` | the label on every image of a build; pure |
//! | `checkpoints`, `inspected_build` | untrusted builds, inspected between their steps |
//! | `classic_progress`, `buildkit_progress` | the output of the two builders; pure |
//! | `buildkit` | the additional needs of builds with BuildKit |
//! | `build_cgroup`, `disk` | processes, memory and disk of a build |
//! | `leftovers` | the objects that builds leave on the engine, and their removal |
//! | `local_command` | a job as a command for a person's own machine |
//! | `self_test` | checks of an engine for `referee doctor` |
//!
//! # Two builders
//!
//! The engine contains two builders, and Referee supports both (`[builder] with`). The classic builder is the default:
//! the engine itself limits each build, and several builds run at the same time. BuildKit accepts no limits from its
//! callers, so one build runs at a time in a control group that Referee limits. Newer engines have only BuildKit.
//! `build` is shared; `classic_progress`, `build_label`, `checkpoints` and `inspected_build` serve the classic builder,
//! `buildkit_progress` and `buildkit` the other.

mod archive_stream;
mod build;
mod build_cgroup;
mod build_context;
mod build_label;
mod buildkit;
mod buildkit_progress;
mod checkpoints;
mod classic_progress;
mod connection;
mod containers;
mod disk;
mod facts;
mod images;
mod inspected_build;
mod inspected_paths;
mod instructions;
mod kernel_log;
mod leftovers;
mod load;
pub mod local_command;
mod log;
mod log_keeper;
mod output;
mod output_keeper;
mod own_programs;
mod runner;
mod sandbox;
mod save;
mod self_test;

use std::path::PathBuf;

use crate::model::BuildsWith;

pub use connection::DockerEngine;
pub(super) use self_test::failed_check;

/// How Referee uses an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerOptions {
    /// OCI runtime of jobs (`runc`, `runsc`, `nvidia`). `None` means the engine's default.
    pub runtime: Option<String>,
    /// Pairs of path prefixes: on Referee's host, and on the engine's host. Needed where Referee runs in a container,
    /// or the engine's host mounts the same share elsewhere.
    pub paths: Vec<(PathBuf, PathBuf)>,
    /// The builder that makes images.
    pub builds_with: BuildsWith,
}
