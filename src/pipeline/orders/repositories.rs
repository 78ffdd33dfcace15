//! Orders about repositories that nobody here has made: which of them are teams'.
//!
//! A team is bound to the forge's number of its repository, never to a name; a name that fits the
//! pattern only makes a repository a candidate.

use serde_json::json;

use super::super::{App, observe};
use super::{Answer, Desk, Refusal};
use crate::clock;
use crate::store::{Candidate, CandidateState, Repository};

/// Candidates that nobody has decided on, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn pending(desk: &Desk<'_>) -> Answer<Vec<Candidate>> {
    let mut all = desk.store.candidates(&desk.challenge.slug).await?;
    all.retain(|c| c.state == CandidateState::Pending);
    Ok(all)
}

/// Makes a candidate its team's repository. The daemon looks at it with its next sweep, or at once
/// where the order is given to it ([`approve_and_look`]).
///
/// # Errors
/// When there is no such candidate, it is bound already, or the team has another repository.
pub async fn approve(desk: &Desk<'_>, full_name: &str) -> Answer<Repository> {
    let candidate = candidate(desk, full_name).await?;
    let team = &candidate.team;
    if candidate.state == CandidateState::Bound {
        let says = format!("`{full_name}` is the repository of team `{team}`");
        return Err(Refusal::Already(says));
    }
    let ledger = desk.ledger(
        "team approve",
        subject(&candidate),
        decided(&candidate, "bound", ""),
    );
    let token = clock::page_token();
    Ok(desk
        .store
        .approve(&candidate, &token, &ledger, desk.now)
        .await?)
}

/// [`approve`], and what stands in the repository is entered at once.
///
/// # Errors
/// As [`approve`]. A repository that cannot be read now is left to the sweep.
pub async fn approve_and_look(app: &App, desk: &Desk<'_>, full_name: &str) -> Answer<Repository> {
    let repository = approve(desk, full_name).await?;
    if let Err(error) = observe::observe(app, &repository).await {
        tracing::warn!(
            repository = repository.full_name,
            error = format!("{error:#}"),
            "repository not readable; left to the sweep"
        );
    }
    Ok(repository)
}

/// Refuses a candidate. What is pushed there is ignored.
///
/// # Errors
/// When there is no such candidate, or it is bound or refused already.
pub async fn refuse(desk: &Desk<'_>, full_name: &str, why: &str) -> Answer<Candidate> {
    let candidate = candidate(desk, full_name).await?;
    if candidate.state != CandidateState::Pending {
        let says = format!("`{full_name}` is {}", candidate.state.as_str());
        return Err(Refusal::Already(says));
    }
    let detail = decided(&candidate, "refused", why);
    let ledger = desk.ledger("team refuse", subject(&candidate), detail);
    desk.store.refuse(&candidate, &ledger, desk.now).await?;
    Ok(candidate)
}

/// The candidate of that name: of several that have had it, the newest.
async fn candidate(desk: &Desk<'_>, full_name: &str) -> Answer<Candidate> {
    let all = desk.store.candidates(&desk.challenge.slug).await?;
    let named = all.iter().rev().find(|c| c.full_name == full_name);
    named.cloned().ok_or_else(|| {
        let open = all.iter().filter(|c| c.state == CandidateState::Pending);
        let known = open.map(|c| c.full_name.as_str());
        Refusal::unknown("repository that waits for an approval", &full_name, known)
    })
}

fn subject(candidate: &Candidate) -> String {
    format!("{} team {}", candidate.challenge, candidate.team)
}

fn decided(candidate: &Candidate, after: &str, why: &str) -> serde_json::Value {
    json!({
        "before": candidate.state.as_str(),
        "after": after,
        "repository": candidate.full_name,
        "forge": candidate.forge,
        "forge_id": candidate.forge_id,
        "reason": why,
    })
}
