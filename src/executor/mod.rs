//! L2, the only module that knows container engines: their addresses, paths, devices and names of things.
//!
//! All other modules use the types and traits below. [`Builder`], [`ImageStore`] and [`Runner`] are apart, because an
//! engine may have only some of these abilities. [`ConfiguredEngine::open`] is the one function that knows which kinds
//! of engine exist; `docker` is the first. An engine never decides who is responsible for the end of a job:
//! `rules::exit` does.

mod build;
mod contract;
pub mod docker;
mod engine;
mod error;
mod job;

pub use build::{BuildEnd, BuildLimitHit, BuildLimits, BuildReport, BuildSpec};
pub use contract::{Builder, CheckScope, ImageStore, LoadEnd, Runner, SelfTest};
pub use docker::local_command::{LocalRun, local_run_command};
pub(crate) use docker::local_command::{local_build_command, open_local_shell};
pub use engine::Engine;
pub(crate) use engine::{ConfiguredEngine, EngineRole, configured_engines, open_all};
pub use error::{ExecutorError, Result};
pub use job::{Input, JobLimits, JobRef, JobSpec, JobStatus, OutputSpec};
