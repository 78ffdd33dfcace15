//! The rules of a challenge on this installation: its policy, its template, and the counts for its quota.

use crate::config::BuilderSettings;
use crate::forge::folder;
use crate::model::{Challenge, SourceTree};
use crate::rules::{self, Policy};
use crate::store::Usage;

/// The policy of a challenge, for images of this builder.
pub fn policy(builder: &BuilderSettings, challenge: &Challenge) -> Policy {
    let contracts = challenge.tasks.iter().map(|t| &t.contract);
    Policy { build_network: builder.network != "none", ..Policy::new(builder.bases.clone(), contracts) }
        .with_severities(challenge.rules.clone())
}

/// The files of the challenge's template. `None` if it has no template, or the template cannot be read.
pub fn template(challenge: &Challenge) -> Option<SourceTree> {
    let path = challenge.template.as_ref()?;
    match folder::read(path) {
        Ok(tree) => Some(tree),
        Err(error) => {
            tracing::warn!(template = %path.display(), %error, "the template cannot be read");
            None
        }
    }
}

/// The usage of a team's quota in the form that the rules take.
pub fn counts(used: Usage) -> rules::quota::Counts {
    rules::quota::Counts {
        today: used.today,
        total: used.total,
        submissions_today: used.submissions_today,
        under_way: used.under_way,
        granted_today: used.granted_today,
        granted: used.granted,
    }
}
