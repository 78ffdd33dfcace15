//! L1: `referee.toml` and `challenge.toml` to checked types, all problems at once.
//!
//! The only reader of the environment. Renders nothing: findings are shown by `crate::report`.

// A challenge, and where its data lies.
pub mod challenge;
pub mod data;
// What git tells a hook.
pub mod hook;
// The daemon, and all together.
pub mod installation;
pub mod secret;
pub mod server;
// How both are read.
mod reader;
mod values;

pub use challenge::{CHALLENGE_TOML, inspect_challenge, read_challenge};
pub use data::{
    cases, check_paths, chosen, ground_truth_of, inputs_of, sample_ground_truth, sample_inputs,
};
pub use hook::push_options;
pub use installation::{Installation, inspect_installation, read_installation};
pub use secret::{DatabaseUrl, Secret};
pub use server::{
    BuilderSettings, EngineSettings, ForgeSettings, GiteaSettings, Gpus, LocalSettings,
    REFEREE_TOML, RESERVED_FORGE, RunnerSettings, Settings, default_settings, inspect_settings,
    read_settings,
};

use crate::model::Finding;
use crate::model::finding::any_error;

/// What was read, unless one of the findings is an error.
fn accept<T>((value, findings): (Option<T>, Vec<Finding>)) -> Result<T, Vec<Finding>> {
    match value {
        Some(value) if !any_error(&findings) => Ok(value),
        _ => Err(findings),
    }
}
