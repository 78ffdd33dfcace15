//! The capabilities that a forge may have: one trait in each file, without any implementation.

pub(super) mod administration;
pub(super) mod commit_reports;
pub(super) mod diagnosis;
pub(super) mod files;
pub(super) mod hosting;
pub(super) mod issues;
pub(super) mod members;
pub(super) mod packages;
pub(super) mod repositories;
