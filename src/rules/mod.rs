//! L1, the rules for submissions. They take values and return findings: all of them at once, with file and line.
//!
//! In reading order:
//! - [`catalogue`]: every rule with its code, severity, help and explanation;
//! - [`policy`]: the settings of one challenge for the rules;
//! - [`admission`]: all static rules for a commit, in one call;
//! - [`submission_toml`], [`layout`], [`dockerfile`]: the three groups of static rules;
//! - [`build`], [`image`]: the engine's reports of the build and of the image;
//! - [`image_manifest`], [`image_layer`]: the manifest and the layers of a pushed image;
//! - [`exit`], [`hint`], [`output`]: the end of a run, the last lines of its log, and its output;
//! - [`mod@format`]: the content of outputs, if the challenge has checks for it;
//! - [`quota`]: whether the team may submit now.
//!
//! These modules read no file, use no clock and know no engine. A hostile text can cause a finding, and nothing else.

pub mod admission;
pub mod build;
pub mod catalogue;
pub mod dockerfile;
pub mod exit;
pub mod format;
pub mod hint;
pub mod image;
pub mod image_layer;
pub mod image_manifest;
pub mod layout;
pub mod output;
pub mod policy;
pub mod quota;
#[cfg(test)]
mod samples;
pub mod submission_toml;

pub use catalogue::{RULES, Rule, rule};
pub use policy::Policy;
