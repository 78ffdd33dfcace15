//! The challenge that a command line is about: the one that it names, or the only one.

use anyhow::Context as _;

use crate::model::Challenge;

/// The challenge with this name, or the only one.
///
/// # Errors
/// There is none with this name, or there are several and no name is given.
pub(super) fn choose_challenge<'a>(challenges: &'a [Challenge], name: Option<&str>) -> anyhow::Result<&'a Challenge> {
    match (name, challenges) {
        (None, [only]) => Ok(only),
        (None, _) => {
            let names: Vec<_> = challenges.iter().map(|c| c.slug.as_str()).collect();
            anyhow::bail!("name a challenge: --challenge {}", names.join(" | "))
        }
        (Some(name), _) => challenges
            .iter()
            .find(|challenge| challenge.slug.as_str() == name)
            .with_context(|| format!("there is no challenge `{name}`")),
    }
}
