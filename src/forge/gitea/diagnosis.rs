//! The checks of `referee doctor` on Gitea and Forgejo: version, account, rights, registry and webhook.

use async_trait::async_trait;

use super::bodies::split;
use super::forge::GiteaForge;
use super::packages::REGISTRY_HELP;
use super::version::{ForgeVersion, OLDEST, SupportLevel};
use crate::forge::{Diagnosis, ForgeError, Members as _, Packages as _};
use crate::model::diagnosis::{Check, CheckSeverity};
use crate::model::{Challenge, Sender, Timestamp};

use CheckSeverity::{Error, Warning};

/// Expected of every question to the forge.
const ANSWER: &str = "an answer";

#[async_trait]
impl Diagnosis for GiteaForge {
    async fn diagnose(
        &self,
        challenge: &Challenge,
        teams: Option<&[(String, String)]>,
        last_delivery: Option<Timestamp>,
    ) -> Vec<Check> {
        let name = format!("forge {}", challenge.forge);
        let version = match self.version().await {
            Ok(version) => version,
            Err(error @ ForgeError::Unauthorized) => return vec![refused_token(name, &error)],
            Err(error) => {
                let check = Check::ok(name, format!("{}: {error}", self.url));
                let help = "Correct `url` in referee.toml, or start the forge. Pushes made meanwhile are not lost.";
                return vec![check.with_problem(Error, ANSWER, help)];
            }
        };
        let seen = Check::ok(name, format!("{version} at {}", self.url));
        let mut checks = vec![check_version(seen, version)];
        let name = format!("account on {}", challenge.forge);
        let account = match self.account().await {
            Ok(account) => account,
            Err(error) => {
                checks.push(refused_token(name, &error));
                return checks;
            }
        };
        checks.push(Check::ok(name, account.login.as_str()));
        checks.push(self.check_organizers(challenge, &account).await);
        let template = challenge.template_repository();
        let own = [Some(&template), challenge.leaderboard.as_ref(), challenge.organizers.as_ref()];
        for full_name in own.into_iter().flatten() {
            let help = "`referee forge setup` creates it.";
            checks.push(self.check_repository(full_name, help).await);
        }
        if challenge.takes_images() {
            checks.push(self.check_registry(challenge).await);
        }
        if let Some(teams) = teams {
            checks.extend(self.check_teams(challenge, teams).await);
        }
        checks.push(self.check_webhook(challenge, last_delivery).await);
        checks
    }
}

fn refused_token(name: String, error: &ForgeError) -> Check {
    Check::ok(name, error.to_string()).with_problem(
        Error,
        "an account that the token in `token-file` belongs to",
        "Create a token of that account with the scopes write:repository, write:issue, read:organization, read:user \
         and read:package, and write it into the file.",
    )
}

fn check_version(seen: Check, version: ForgeVersion) -> Check {
    match version.support_level() {
        SupportLevel::Good => seen,
        SupportLevel::Unpatched(reason) => {
            seen.with_problem(Warning, "a version without known vulnerabilities", format!("Upgrade it: {reason}."))
        }
        SupportLevel::TooOld => {
            seen.with_problem(Error, format!("{OLDEST} or later"), "Upgrade it: it lacks functions that Referee needs.")
        }
    }
}

impl GiteaForge {
    /// Only a member of a forge team may see the other members.
    async fn check_organizers(&self, challenge: &Challenge, account: &Sender) -> Check {
        let name = format!("organizers of {}", challenge.slug);
        let Some(team) = &challenge.organizers else {
            return Check::ok(name, "not configured").with_problem(
                Warning,
                "`organizers` in challenge.toml",
                "Name a team of the forge; without one, no one can give commands by comments.",
            );
        };
        let login = &account.login;
        let help = format!("Make {login} a member of {team}; `referee forge setup` does it.");
        match self.is_member(team, account).await {
            Ok(true) => Check::ok(name, format!("{team}, and the account of Referee can see its members")),
            Ok(false) | Err(ForgeError::Forbidden(_)) => {
                let seen = format!("{login} is not a member of {team}");
                let expected = "the account of Referee as a member, because only members can see the other members";
                Check::ok(name, seen).with_problem(Error, expected, help)
            }
            Err(ForgeError::NotFound) => Check::ok(name, format!("no team {team} found")).with_problem(
                Error,
                "a team of that name that the account of Referee can see",
                "`referee forge setup` creates it.",
            ),
            Err(error) => Check::ok(name, error.to_string()).with_problem(Error, ANSWER, help),
        }
    }

    async fn check_repository(&self, full_name: &str, help: &str) -> Check {
        let name = format!("repository {full_name}");
        match self.repository_body(full_name).await {
            Ok(Some(body)) if body.permissions.push => Check::ok(name, "the account of Referee can write to it"),
            Ok(Some(_)) => Check::ok(name, "the account of Referee cannot write to it").with_problem(
                Error,
                "the right to write code",
                "Give the forge team of the account of Referee `write` on code in all repositories; \
                 `referee forge setup` does it.",
            ),
            Ok(None) => Check::ok(name, "missing, or hidden from the account of Referee").with_problem(
                Error,
                "a repository that the account of Referee can see",
                help,
            ),
            Err(error) => Check::ok(name, error.to_string()).with_problem(Error, ANSWER, help),
        }
    }

    async fn check_registry(&self, challenge: &Challenge) -> Check {
        let name = format!("registry of {}", challenge.forge);
        let (url, public_url) = (&self.url, &self.public_url);
        let ask = async {
            let registry = self.registry().await?;
            if !registry.is_there().await? {
                return anyhow::Ok(false);
            }
            registry.check().await?;
            anyhow::Ok(true)
        };
        match ask.await {
            Ok(true) => Check::ok(name, format!("it answers, and its public address is {public_url}")),
            Ok(false) => Check::ok(name, format!("{url} has no registry")).with_problem(
                Error,
                "a registry, because a phase is triggered by `image:`",
                format!("{REGISTRY_HELP}."),
            ),
            Err(error) => Check::ok(name, format!("{error:#}")).with_problem(
                Error,
                format!("a registry that gives tokens at {url} or {public_url}"),
                format!(
                    "Set `public-url` of [forge.{}] to the ROOT_URL of the forge, and check that no proxy hides its \
                     registry: `/v2/` at its address, without a path, must answer.",
                    challenge.forge
                ),
            ),
        }
    }

    /// One check for all repositories that our account can write to, and one for each other.
    async fn check_teams(&self, challenge: &Challenge, teams: &[(String, String)]) -> Vec<Check> {
        let mut checks = Vec::new();
        for (team, full_name) in teams {
            let help = format!("`referee team add {team}` creates it again.");
            let check = self.check_repository(full_name, &help).await;
            checks.extend(Some(check).filter(|check| check.problem.is_some()));
        }
        let (ok, all) = (teams.len() - checks.len(), teams.len());
        let seen = format!("the account of Referee can write to {ok} of {all} repositories");
        checks.push(Check::ok(format!("teams of {}", challenge.slug), seen));
        checks
    }

    /// Only an owner can see webhooks; without an owner's token, deliveries show that one exists.
    async fn check_webhook(&self, challenge: &Challenge, last_delivery: Option<Timestamp>) -> Check {
        let name = format!("webhook of {}", challenge.forge);
        let ending = format!("/hooks/{}", challenge.forge);
        let ask = async {
            match self.owner() {
                Ok(owner) => {
                    let (organization, _) = split(&challenge.teams.before)?;
                    owner.has_webhook(organization, &ending).await
                }
                Err(_) => Ok(true),
            }
        };
        match ask.await {
            Ok(true) => {}
            Ok(false) => {
                let seen = format!("no correct webhook to …{ending}");
                let expected = "an active webhook of the organization that sends all events that Referee needs as JSON";
                let help = "`referee forge setup` creates or fixes it.";
                return Check::ok(name, seen).with_problem(Error, expected, help);
            }
            Err(error) => {
                let help = "Use a token of an owner of the organization.";
                return Check::ok(name, error.to_string()).with_problem(Warning, ANSWER, help);
            }
        }
        match last_delivery {
            Some(time) => Check::ok(name, format!("last delivery at {time}")),
            None => Check::ok(name, "no delivery has arrived yet").with_problem(
                Warning,
                "at least one delivery, after the first push or comment",
                "Most often the forge refuses the address of Referee: see ALLOWED_HOST_LIST in the output of \
                 `referee forge setup`, and \"Recent Deliveries\" of the webhook.",
            ),
        }
    }
}
