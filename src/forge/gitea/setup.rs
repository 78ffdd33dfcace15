//! `referee forge setup` on Gitea and Forgejo: webhook, forge teams, label and repositories of a challenge.

use anyhow::Context as _;

use super::bodies::split;
use super::forge::GiteaForge;
use super::owner::{BOTS, ORGANIZERS, Owner};
use super::packages::REGISTRY_HELP;
use super::version::{OLDEST, SupportLevel};
use crate::forge::git::CommitMessage;
use crate::forge::{Members as _, Packages as _, Reporter, Repositories as _, SetupLine, Step, StepOutcome, folder};
use crate::model::{Challenge, Timestamp};

/// A setup under way.
struct Setup<'a, 'r> {
    forge: &'a GiteaForge,
    owner: &'a Owner,
    challenge: &'a Challenge,
    hook_url: &'a str,
    /// Time of the commits.
    now: Timestamp,
    /// Login of our account.
    bot: String,
    report: &'a mut Reporter<'r>,
}

pub(super) async fn set_up(
    forge: &GiteaForge,
    challenge: &Challenge,
    hook_url: &str,
    now: Timestamp,
    report: &mut Reporter<'_>,
) -> anyhow::Result<()> {
    let owner = forge.owner()?;
    let version = forge.version().await.context("asking for its version")?;
    report(SetupLine::Note(format!("{version} at {}", forge.url)));
    match version.support_level() {
        SupportLevel::Good => {}
        SupportLevel::Unpatched(reason) => {
            report(SetupLine::Note(format!("note    upgrade it: {reason}")));
        }
        SupportLevel::TooOld => {
            anyhow::bail!("{version} lacks functions that Referee needs; upgrade to {OLDEST} or later")
        }
    }
    let account = forge.account().await.context("asking for the account of Referee")?;
    let mut setup = Setup { forge, owner, challenge, hook_url, now, bot: account.login, report };
    setup.steps().await?;
    setup.advise(version.announces_packages());
    let url = &forge.url;
    if challenge.takes_images() && !forge.registry().await?.is_there().await? {
        setup.note(format!("\nA phase is triggered by `image:`, and {url} has no registry. {REGISTRY_HELP}."));
    }
    Ok(())
}

impl Setup<'_, '_> {
    fn step(&mut self, outcome: StepOutcome, subject: impl Into<String>) {
        (self.report)(SetupLine::Step(Step::new(outcome, subject)));
    }

    fn note(&mut self, text: impl Into<String>) {
        (self.report)(SetupLine::Note(text.into()));
    }

    async fn steps(&mut self) -> anyhow::Result<()> {
        let (owner, challenge) = (self.owner, self.challenge);
        let (organization, _) = split(&challenge.teams.before)?;
        let outcome = owner.organization(organization).await?;
        self.step(outcome, format!("organization {organization}"));
        let bots = format!("{organization}/referee");
        let (id, outcome) = owner.team(&bots, BOTS, true).await?;
        self.step(outcome, format!("team {bots}: the account of Referee"));
        let outcome = owner.member(id, &self.bot).await?;
        self.step(outcome, format!("account {}: member of {bots}", self.bot));
        self.organizers(organization).await?;
        let outcome = owner.label(organization, "referee", "#0e8a16").await?;
        self.step(outcome, "label referee");
        if let Some(leaderboard) = &challenge.leaderboard {
            let outcome = owner.repository(leaderboard, false).await?;
            self.step(outcome, format!("repository {leaderboard}: for the leaderboards"));
        }
        self.template().await?;
        let url = self.hook_url;
        let outcome = owner.webhook(organization, url).await?;
        self.step(outcome, format!("webhook to {url}"));
        if outcome != StepOutcome::Created {
            self.note(
                "        The forge does not show its secret. If it differs from the first secret of `webhook-secrets` \
                 or `webhook-secret-files`, delete the webhook on the forge and repeat this command.",
            );
        }
        Ok(())
    }

    async fn organizers(&mut self, organization: &str) -> anyhow::Result<()> {
        let owner = self.owner;
        let Some(organizers) = &self.challenge.organizers else {
            self.note(format!(
                "note    challenge.toml names no `organizers`, so no one can give commands by comments; set it to a \
                 forge team, for example \"{organization}/organizers\""
            ));
            return Ok(());
        };
        let (id, outcome) = owner.team(organizers, ORGANIZERS, false).await?;
        self.step(outcome, format!("team {organizers}: its members may give commands"));
        // Only members may see the other members.
        let outcome = owner.member(id, &self.bot).await?;
        self.step(outcome, format!("account {}: member of {organizers}, to see its members", self.bot));
        let outcome = owner.repository(organizers, false).await?;
        owner.team_repository(id, organizers).await?;
        self.step(outcome, format!("repository {organizers}: issues for commands"));
        Ok(())
    }

    async fn template(&mut self) -> anyhow::Result<()> {
        let challenge = self.challenge;
        let name = challenge.template_repository();
        let outcome = self.owner.repository(&name, true).await?;
        self.step(outcome, format!("repository {name}: the template of teams' repositories"));
        let Some(folder) = &challenge.template else {
            return Ok(());
        };
        let shown = folder.display();
        let repository = self.forge.repository_named(&name).await?;
        let repository = repository.with_context(|| format!("{name} is not visible to the account of Referee"))?;
        let files = folder::read_files(folder).with_context(|| format!("reading the template {shown}"))?;
        let message = CommitMessage { text: "The template of the challenge", now: self.now };
        let pushed = self.forge.git.push_files(&repository, "main", files, message).await?;
        let outcome = if pushed { StepOutcome::Fixed } else { StepOutcome::Found };
        self.step(outcome, format!("files of {name}, from {shown}"));
        Ok(())
    }

    fn advise(&mut self, announces_packages: bool) {
        let url = self.hook_url;
        self.note(format!(
            "\nAn administrator of the forge has to add these lines to its app.ini (and restart it):\n\
             \n\
             \x20 [webhook]\n\
             \x20 ; by default the forge refuses private addresses; this list must include the host of {url}\n\
             \x20 ALLOWED_HOST_LIST = external,loopback,private\n\
             \n\
             \x20 [queue.webhook_sender]\n\
             \x20 ; deliveries leave about a second sooner (deploy/README.md has the numbers)\n\
             \x20 TYPE = channel"
        ));
        if !announces_packages {
            self.note("\nThis version does not announce pushed images: Referee finds them within a minute.");
        }
    }
}
