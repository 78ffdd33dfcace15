//! What `doctor` looks at on Gitea and Forgejo: version, account, rights, webhook. It writes nothing
//! there.

use crate::cli::forge::REGISTRY_HELP;
use crate::cli::forge::{Configured, OwnerToken, configured, organization};
use crate::config::{ForgeSettings, Settings};
use crate::forge::gitea::version::SupportLevel;
use crate::forge::{Forge as _, ForgeError};
use crate::model::diagnosis::{Check, CheckSeverity};
use crate::model::{Challenge, Sender};
use crate::store::Store;

/// Looks at the forge of a challenge, if it has accounts.
pub async fn look(settings: &Settings, challenge: &Challenge, owner: &OwnerToken) -> Vec<Check> {
    let name = &challenge.forge;
    if !matches!(settings.forges.get(name), Some(ForgeSettings::Gitea { .. })) {
        return Vec::new();
    }
    let at = match configured(settings, challenge) {
        Ok(at) => at,
        Err(error) => {
            return vec![
                Check::ok(format!("forge {name}"), error.to_string()).with_problem(
                    CheckSeverity::Error,
                    "an account that answers on commits",
                    "Without it deliveries are stored, and nothing is read or answered.",
                ),
            ];
        }
    };
    let mut checks = vec![version(&at).await];
    if checks[0].problem.is_some() && unreachable(&checks[0]) {
        return checks;
    }
    let (check, account) = account(&at).await;
    checks.push(check);
    let Some(account) = account else {
        return checks;
    };
    checks.push(organizers(&at, challenge, &account).await);
    let template = challenge.template_repository();
    let own = [
        Some(&template),
        challenge.leaderboard.as_ref(),
        challenge.organizers.as_ref(),
    ];
    for full_name in own.into_iter().flatten() {
        checks.push(repository(&at, full_name, "`referee forge setup` makes it.").await);
    }
    if challenge.takes_images() {
        checks.push(registry(&at).await);
    }
    checks.extend(teams(settings, challenge, &at).await);
    checks.push(webhook(settings, challenge, (&at, owner)).await);
    checks
}

const AWAY: &str = "an answer";

fn unreachable(check: &Check) -> bool {
    check.problem.as_ref().is_some_and(|p| p.expected == AWAY)
}

async fn version(at: &Configured<'_>) -> Check {
    let what = format!("forge {}", at.name);
    let version = match at.forge.version().await {
        Ok(version) => version,
        Err(error) => {
            return Check::ok(what, format!("{}: {error}", at.url)).with_problem(
                CheckSeverity::Error,
                AWAY,
                "Correct `url` in referee.toml, or start the forge; a push made meanwhile is not lost.",
            );
        }
    };
    let seen = Check::ok(what, format!("{version} at {}", at.url));
    match version.support_level() {
        SupportLevel::Good => seen,
        SupportLevel::Unpatched(why) => seen.with_problem(
            CheckSeverity::Warning,
            "a version without known holes",
            format!("Upgrade it: {why}."),
        ),
        SupportLevel::TooOld => seen.with_problem(
            CheckSeverity::Error,
            "Gitea 1.22 or Forgejo 10, or later",
            "Upgrade it: what Referee asks for is not there.",
        ),
    }
}

async fn account(at: &Configured<'_>) -> (Check, Option<Sender>) {
    let what = format!("account on {}", at.name);
    match at.forge.account().await {
        Ok(account) => (Check::ok(what, account.login.clone()), Some(account)),
        Err(error) => {
            let check = Check::ok(what, error.to_string()).with_problem(
                CheckSeverity::Error,
                "an account that the token in `token-file` belongs to",
                "Make a token of that account with the scopes write:repository, write:issue, \
                 read:organization, read:user and read:package, and write it into the file.",
            );
            (check, None)
        }
    }
}

/// Only a member of a forge team is told who else is one.
async fn organizers(at: &Configured<'_>, challenge: &Challenge, account: &Sender) -> Check {
    let what = format!("organizers of {}", challenge.slug);
    let Some(team) = &challenge.organizers else {
        return Check::ok(what, "none named").with_problem(
            CheckSeverity::Warning,
            "`organizers` in challenge.toml",
            "Name a team of the forge; without one nobody can command by comments.",
        );
    };
    let help = format!(
        "Make {} a member of {team}; `referee forge setup` does it.",
        account.login
    );
    match at.forge.is_member(team, account).await {
        Ok(true) => Check::ok(what, format!("{team}, and we may ask who is in it")),
        Ok(false) | Err(ForgeError::Forbidden(_)) => {
            Check::ok(what, format!("{} is not in {team}", account.login)).with_problem(
                CheckSeverity::Error,
                "our account in it, as only members may ask who else is",
                help,
            )
        }
        Err(ForgeError::NotFound) => Check::ok(what, format!("there is no team {team}"))
            .with_problem(
                CheckSeverity::Error,
                "a team of that name that we can see",
                "`referee forge setup` makes it.",
            ),
        Err(error) => {
            Check::ok(what, error.to_string()).with_problem(CheckSeverity::Error, "an answer", help)
        }
    }
}

async fn repository(at: &Configured<'_>, full_name: &str, help: &str) -> Check {
    let what = format!("repository {full_name}");
    match at.forge.may_write(full_name).await {
        Ok(Some(true)) => Check::ok(what, "there, and we may write to it"),
        Ok(Some(false)) => Check::ok(what, "there, but we may not write to it").with_problem(
            CheckSeverity::Error,
            "the right to write code",
            "Give our account's forge team code `write` in all repositories; \
             `referee forge setup` does it.",
        ),
        Ok(None) => Check::ok(what, "not there, or not shown to us").with_problem(
            CheckSeverity::Error,
            "a repository that we can see",
            help,
        ),
        Err(error) => {
            Check::ok(what, error.to_string()).with_problem(CheckSeverity::Error, "an answer", help)
        }
    }
}

/// Where teams push the images that trigger a phase.
async fn registry(at: &Configured<'_>) -> Check {
    let what = format!("registry of {}", at.name);
    let there = async {
        let registry = at.forge.registry().await?;
        if !registry.is_there().await? {
            return anyhow::Ok(false);
        }
        registry.check().await?;
        anyhow::Ok(true)
    };
    match there.await {
        Ok(true) => Check::ok(what, format!("there, as {} calls it", at.public_url)),
        Ok(false) => Check::ok(what, format!("there is none at {}", at.url)).with_problem(
            CheckSeverity::Error,
            "a registry, as a phase is triggered by `image:`",
            format!("{REGISTRY_HELP}."),
        ),
        Err(error) => Check::ok(what, format!("{error:#}")).with_problem(
            CheckSeverity::Error,
            format!("a registry that gives tokens at {} or {}", at.url, at.public_url),
            format!(
                "Set `public-url` of [forge.{}] to the ROOT_URL of the forge, and see that nothing stands \
                 between: `/v2/` of its address, without a path, must answer.",
                at.name
            ),
        ),
    }
}

/// One line for all teams that are as they should be.
async fn teams(settings: &Settings, challenge: &Challenge, at: &Configured<'_>) -> Vec<Check> {
    let Ok(store) = Store::open(settings.database.expose()).await else {
        // The check of the database says more.
        return Vec::new();
    };
    let Ok(mut all) = store.repositories().await else {
        return Vec::new();
    };
    all.retain(|r| r.challenge == challenge.slug);
    let mut checks = Vec::new();
    for team in &all {
        let help = format!("`referee team add {}` makes it again.", team.team);
        let check = repository(at, &team.full_name, &help).await;
        if check.problem.is_some() {
            checks.push(check);
        }
    }
    let good = all.len() - checks.len();
    let what = format!("teams of {}", challenge.slug);
    checks.push(Check::ok(
        what,
        format!("{good} of {} repositories can be written to", all.len()),
    ));
    checks
}

async fn webhook(
    settings: &Settings,
    challenge: &Challenge,
    (at, owner): (&Configured<'_>, &OwnerToken),
) -> Check {
    let what = format!("webhook of {}", at.name);
    let hosts = "Most often the forge refuses our address: see ALLOWED_HOST_LIST in what \
                 `referee forge setup` prints, and \"Recent Deliveries\" of the webhook.";
    let ending = format!("/hooks/{}", at.name);
    let right = async {
        match owner.owner(at)? {
            None => anyhow::Ok(true),
            Some(owner) => Ok(owner
                .webhook_is_right(organization(challenge)?, &ending)
                .await?),
        }
    };
    match right.await {
        Ok(true) => {}
        Ok(false) => {
            return Check::ok(what, format!("none to …{ending}, or not as it should be"))
                .with_problem(
                    CheckSeverity::Error,
                    "an active webhook of the organization, JSON, with all our events",
                    "`referee forge setup` makes or mends it.",
                );
        }
        Err(error) => {
            return Check::ok(what, format!("{error:#}")).with_problem(
                CheckSeverity::Warning,
                "an answer",
                "Use a token of an owner of the organization.",
            );
        }
    }
    let received = match Store::open(settings.database.expose()).await {
        Ok(store) => store.last_delivery_at(at.name).await.ok().flatten(),
        Err(_) => None,
    };
    match received {
        Some(when) => Check::ok(what, format!("last delivery at {when}")),
        None => Check::ok(what, "no delivery has arrived yet").with_problem(
            CheckSeverity::Warning,
            "one at least, after the first push or comment",
            hosts,
        ),
    }
}
