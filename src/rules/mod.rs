//! L1, is it admissible? Values in, findings out: with file and line, and always all of them.
//!
//! In reading order:
//! - [`catalogue`]: every rule with its code, weight, remedy and explanation;
//! - [`policy`]: what the organizers of one challenge allow;
//! - [`admission`]: a commit against all the static rules, in one call;
//! - [`submission_toml`], [`layout`], [`dockerfile`]: the three parts of it;
//! - [`build`], [`image`]: what the engine says of the build and of the image;
//! - [`image_manifest`], [`image_layer`]: what a registry says of a pushed image, and what its layers hold;
//! - [`exit`], [`hint`], [`output`]: what a run's end, its last words and its output mean;
//! - [`mod@format`]: what is in an output, where a challenge wants it looked at;
//! - [`quota`]: whether one more submission may be made now.
//!
//! Nothing here reads a file, asks for the time or knows an engine; nothing here is undone by a
//! participant's text, however hostile: the worst that text can get is a finding.

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
