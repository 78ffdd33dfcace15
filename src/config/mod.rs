//! L1: converts `referee.toml` and `challenge.toml` to checked types, or reports all their problems at once.
//!
//! No other module reads the environment. Nothing here renders a finding: `crate::report` does.

pub mod challenge;
pub mod data;
pub mod hook;
pub mod installation;
pub mod secret;
pub mod server;
// Shared by the readers of both files.
mod reader;
mod values;

pub use challenge::{CHALLENGE_TOML, inspect_challenge, read_challenge};
pub use data::{
    BoardData, InputListing, cases, check_data, ground_truth_of, inputs_of, sample_ground_truth, sample_inputs,
};
pub use hook::push_options;
pub use installation::{Installation, inspect_installation, read_installation};
pub use secret::{DatabaseUrl, Secret};
pub use server::{
    BuilderSettings, EngineSettings, ForgeSettings, GiteaSettings, Gpus, LocalSettings, REFEREE_TOML, RESERVED_FORGE,
    RunnerSettings, Settings, default_settings, inspect_settings, read_settings,
};

use crate::model::Finding;
use crate::model::finding::any_error;

/// The value, unless a finding is an error.
fn without_errors<T>(value: Option<T>, findings: Vec<Finding>) -> Result<T, Vec<Finding>> {
    match value {
        Some(value) if !any_error(&findings) => Ok(value),
        _ => Err(findings),
    }
}
