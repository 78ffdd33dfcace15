//! The variables that git sets for a hook. They are read here because only `config` reads the environment.

/// Git itself limits the length of a push option.
const PUSH_OPTIONS_MAX: usize = 16;

/// The options of `git push -o …`, in order. githooks(5) describes the variables `GIT_PUSH_OPTION_COUNT`,
/// `GIT_PUSH_OPTION_0` and so on.
#[expect(clippy::disallowed_methods, reason = "only `config` reads the environment")]
pub fn push_options() -> Vec<String> {
    let count = std::env::var("GIT_PUSH_OPTION_COUNT").ok().and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    (0..count.min(PUSH_OPTIONS_MAX)).filter_map(|n| std::env::var(format!("GIT_PUSH_OPTION_{n}")).ok()).collect()
}
