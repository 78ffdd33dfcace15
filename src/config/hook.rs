//! What git tells a hook through the environment. Read here, because only configuration reads it.

/// Push options accepted; git itself bounds their length.
const PUSH_OPTIONS_MAX: usize = 16;

/// The options of `git push -o …`, in order (githooks(5): `GIT_PUSH_OPTION_COUNT` and
/// `GIT_PUSH_OPTION_0` and so on).
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read in config"
)]
pub fn push_options() -> Vec<String> {
    let count = std::env::var("GIT_PUSH_OPTION_COUNT")
        .ok()
        .and_then(|n| n.parse::<usize>().ok())
        .unwrap_or(0);
    (0..count.min(PUSH_OPTIONS_MAX))
        .filter_map(|n| std::env::var(format!("GIT_PUSH_OPTION_{n}")).ok())
        .collect()
}
