//! Failures of engines. Retries and incidents are decided by the callers.

/// A failure between Referee and an engine. It is never the participant's fault.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The call may be retried.
    #[error("the engine does not answer: {0}")]
    Unreachable(String),
    /// By the engine, or by Referee before it asks the engine. A retry of the same call will not help.
    #[error("the request was refused: {0}")]
    Refused(String),
    /// The engine warned, or the effective configuration of a container differs from the requested one.
    #[error("the sandbox is not as requested: {0}")]
    Unsafe(String),
    /// Inputs or outputs could not be read or written on Referee's host.
    #[error("staging files failed: {0}")]
    Staging(#[from] std::io::Error),
}

pub type Result<T> = std::result::Result<T, ExecutorError>;
