//! Calls that take the token of an organization's owner: teams, members, repositories, labels and webhooks.
//!
//! Each step looks first and changes only wrong settings, so it may be repeated at any time. Nothing is ever deleted,
//! and no right is taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest011::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bodies::{RepositoryBody, UserBody, split};
use super::client::Client;
use crate::config::Secret;
use crate::forge::credentials::Credentials;
use crate::forge::{ForgeError, ForgeRepository, Result, StepOutcome};
use crate::model::limits;

/// Rights of a forge team: the level for each unit.
pub(super) type Units<'a> = &'a [(&'a str, &'a str)];

/// An organizers' team. Commands are comments, so writing issues is enough.
pub(super) const ORGANIZERS: Units<'static> = &[("repo.code", "write"), ("repo.issues", "write")];
/// Our own account, in every repository.
pub(super) const BOTS: Units<'static> = &[("repo.code", "write"), ("repo.issues", "write"), ("repo.packages", "read")];
/// A participating team, in its repository: it may push and comment. With the right to write issues it could change
/// our comments, and as an administrator our settings.
pub(super) const PARTICIPANTS: Units<'static> = &[("repo.code", "write"), ("repo.issues", "read")];
/// A participating team, in the organization of its images.
pub(super) const PUSHERS: Units<'static> = &[("repo.packages", "write")];
/// Our own account, in the organization of a team's images.
pub(super) const PULLERS: Units<'static> = &[("repo.packages", "read")];

/// The events of the webhook, by the names of the request. `issues` would include labels and milestones.
const EVENTS: [&str; 7] = ["push", "create", "delete", "repository", "issues_only", "issue_comment", "package"];

/// The events of the webhook that every version has, by the names of the answer. The forge drops events that it does
/// not know.
const EVENTS_NEEDED: [&str; 6] = ["push", "create", "delete", "repository", "issues", "issue_comment"];

/// A forge as the owner of an organization sees it.
#[derive(Clone)]
pub(super) struct Owner {
    client: Client,
    webhook_secret: Option<Secret>,
}

/// Gitea modules/structs/org_team.go, `Team`.
#[derive(Debug, Deserialize)]
struct TeamBody {
    id: i64,
    name: String,
    #[serde(default)]
    includes_all_repositories: bool,
    #[serde(default)]
    units_map: Option<BTreeMap<String, String>>,
}

impl TeamBody {
    /// Whether the team lacks one of these rights.
    fn lacks(&self, units: Units<'_>, everywhere: bool) -> bool {
        let rank = |level: Option<&str>| match level {
            Some("owner" | "admin") => 3,
            Some("write") => 2,
            Some("read") => 1,
            _ => 0,
        };
        let level = |unit: &str| self.units_map.as_ref()?.get(unit).map(String::as_str);
        (everywhere && !self.includes_all_repositories)
            || units.iter().any(|(unit, wanted)| rank(level(unit)) < rank(Some(wanted)))
    }

    /// The team's rights together with these.
    fn extended(&self, units: Units<'_>) -> BTreeMap<String, String> {
        let mut all = self.units_map.clone().unwrap_or_default();
        for (unit, wanted) in units {
            let level = all.entry((*unit).to_owned()).or_default();
            if !matches!(level.as_str(), "admin" | "owner" | "write") {
                (*wanted).clone_into(level);
            }
        }
        all
    }
}

/// Gitea modules/structs/org.go, `Organization`.
#[derive(Debug, Deserialize)]
struct OrganizationBody {
    id: i64,
}

/// Gitea modules/structs/hook.go, `Hook`.
#[derive(Debug, Deserialize)]
struct HookBody {
    id: i64,
    #[serde(default)]
    config: BTreeMap<String, String>,
    #[serde(default)]
    events: Option<Vec<String>>,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    branch_filter: String,
}

impl HookBody {
    fn url(&self) -> &str {
        self.config.get("url").map_or("", String::as_str)
    }

    /// Whether it sends the events that Referee needs, as JSON.
    fn is_right(&self) -> bool {
        let events: BTreeSet<&str> = self.events.iter().flatten().map(String::as_str).collect();
        self.active
            && matches!(self.branch_filter.as_str(), "" | "*")
            && self.config.get("content_type").is_some_and(|t| t == "json")
            && EVENTS_NEEDED.iter().all(|e| events.contains(e))
    }
}

impl Owner {
    /// Acts by a token of an owner of the organization, or of an administrator of the forge. `webhook_secret` signs
    /// the deliveries of new webhooks.
    ///
    /// # Errors
    /// The address cannot be used.
    pub(super) fn new(url: &str, credentials: Arc<dyn Credentials>, webhook_secret: Option<Secret>) -> Result<Self> {
        let client = Client::new(url, credentials, limits::FORGE_CALL_TIME)?;
        Ok(Self { client, webhook_secret })
    }

    async fn exists(&self, path: &[&str]) -> Result<bool> {
        Ok(self.client.get::<Value>(path).await?.is_some())
    }

    async fn send(&self, method: Method, path: &[&str], body: &Value) -> Result<()> {
        let sent = self.client.call(method, path, &[], Some(body));
        sent.await.map(drop)
    }

    /// The organization itself. A new one is private: teams must not see each other.
    pub(super) async fn organization(&self, name: &str) -> Result<StepOutcome> {
        if self.exists(&["orgs", name]).await? {
            return Ok(StepOutcome::Found);
        }
        let body = json!({ "username": name, "visibility": "private" });
        self.send(Method::POST, &["orgs"], &body).await?;
        Ok(StepOutcome::Created)
    }

    /// The forge's number of an organization, by which its packages name their owner.
    ///
    /// # Errors
    /// [`ForgeError::NotFound`] for an unknown name.
    pub(super) async fn organization_id(&self, name: &str) -> Result<i64> {
        let body: Option<OrganizationBody> = self.client.get(&["orgs", name]).await?;
        body.map(|o| o.id).ok_or(ForgeError::NotFound)
    }

    /// The other owners of an organization: they can do everything in it.
    ///
    /// # Errors
    /// Also when the token does not belong to an owner.
    pub(super) async fn other_owners(&self, organization: &str) -> Result<Vec<String>> {
        let me: Option<UserBody> = self.client.get(&["user"]).await?;
        let me = me.ok_or(ForgeError::NotFound)?;
        let teams = self.teams(organization).await?;
        let owners = teams.iter().find(|t| t.name == "Owners");
        let id = owners.ok_or(ForgeError::NotFound)?.id.to_string();
        let path = ["teams", id.as_str(), "members"];
        let members: Vec<UserBody> = self.client.list(&path, &[]).await?;
        let others = members.into_iter().filter(|m| m.id != me.id);
        Ok(others.map(|m| m.login).collect())
    }

    async fn teams(&self, organization: &str) -> Result<Vec<TeamBody>> {
        self.client.list(&["orgs", organization, "teams"], &[]).await
    }

    /// A forge team with at least these rights, and its number. With `everywhere` they apply to all repositories of the
    /// organization.
    pub(super) async fn team(&self, team: &str, units: Units<'_>, everywhere: bool) -> Result<(i64, StepOutcome)> {
        let (organization, name) = split(team)?;
        let teams = self.teams(organization).await?;
        let existing = teams.iter().find(|t| t.name.eq_ignore_ascii_case(name));
        let mut body = json!({
            "name": name,
            "permission": "read",
            "units_map": units.iter().map(|(u, r)| (*u, *r)).collect::<Value>(),
            "includes_all_repositories": everywhere,
            "can_create_org_repo": false,
        });
        match existing {
            Some(team) if !team.lacks(units, everywhere) => Ok((team.id, StepOutcome::Found)),
            Some(team) => {
                body["name"] = Value::from(team.name.as_str());
                body["units_map"] = json!(team.extended(units));
                body["includes_all_repositories"] = Value::from(everywhere || team.includes_all_repositories);
                let path = ["teams", &team.id.to_string()];
                self.send(Method::PATCH, &path, &body).await?;
                Ok((team.id, StepOutcome::Fixed))
            }
            None => {
                let path = ["orgs", organization, "teams"];
                let created = self.client.call(Method::POST, &path, &[], Some(&body));
                let created: TeamBody = created.await?.json()?;
                Ok((created.id, StepOutcome::Created))
            }
        }
    }

    /// A member of a forge team.
    ///
    /// # Errors
    /// [`ForgeError::NotFound`] for an unknown account.
    pub(super) async fn member(&self, team: i64, login: &str) -> Result<StepOutcome> {
        let path = ["teams", &team.to_string(), "members", login];
        if self.exists(&path).await? {
            return Ok(StepOutcome::Found);
        }
        self.client.call(Method::PUT, &path, &[], None).await?;
        Ok(StepOutcome::Created)
    }

    /// Gives a forge team its rights in a repository.
    pub(super) async fn team_repository(&self, team: i64, full_name: &str) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let path = ["teams", &team.to_string(), "repos", owner, name];
        self.client.call(Method::PUT, &path, &[], None).await.map(drop)
    }

    /// A private repository with a first commit. A `template` is one that others are made from.
    pub(super) async fn repository(&self, full_name: &str, template: bool) -> Result<StepOutcome> {
        let (owner, name) = split(full_name)?;
        let path = ["repos", owner, name];
        match self.client.get::<Value>(&path).await? {
            Some(body) if template && body["template"] != Value::Bool(true) => {
                let body = json!({ "template": true });
                self.send(Method::PATCH, &path, &body).await?;
                Ok(StepOutcome::Fixed)
            }
            Some(_) => Ok(StepOutcome::Found),
            None => {
                let body = json!({
                    "name": name, "private": true, "auto_init": true,
                    "default_branch": "main", "template": template,
                });
                self.send(Method::POST, &["orgs", owner, "repos"], &body).await?;
                Ok(StepOutcome::Created)
            }
        }
    }

    /// A private repository, made from a template repository unless it exists.
    pub(super) async fn generate(&self, template: &str, full_name: &str) -> Result<(ForgeRepository, StepOutcome)> {
        let (owner, name) = split(full_name)?;
        let (template_owner, template_name) = split(template)?;
        let existing: Option<RepositoryBody> = self.client.get(&["repos", owner, name]).await?;
        if let Some(body) = existing {
            return Ok((body.into(), StepOutcome::Found));
        }
        let body = json!({
            "owner": owner, "name": name, "private": true,
            "default_branch": "main", "git_content": true, "labels": true,
        });
        let path = ["repos", template_owner, template_name, "generate"];
        let created = self.client.call(Method::POST, &path, &[], Some(&body));
        let created: RepositoryBody = created.await?.json()?;
        Ok((created.into(), StepOutcome::Created))
    }

    /// A label for all repositories of the organization.
    pub(super) async fn label(&self, organization: &str, name: &str, colour: &str) -> Result<StepOutcome> {
        let path = ["orgs", organization, "labels"];
        let labels: Vec<Value> = self.client.list(&path, &[]).await?;
        if labels.iter().any(|l| l["name"] == name) {
            return Ok(StepOutcome::Found);
        }
        let body = json!({ "name": name, "color": colour });
        self.send(Method::POST, &path, &body).await?;
        Ok(StepOutcome::Created)
    }

    /// The organization's webhook to this address. The forge neither shows nor changes the secret of a webhook, so an
    /// existing one keeps its secret.
    pub(super) async fn webhook(&self, organization: &str, url: &str) -> Result<StepOutcome> {
        let path = ["orgs", organization, "hooks"];
        let hooks: Vec<HookBody> = self.client.list(&path, &[]).await?;
        // Complete, because the forge resets every field that a change leaves out.
        let mut body = json!({
            "active": true,
            "branch_filter": "*",
            "events": EVENTS,
            "config": { "url": url, "content_type": "json" },
        });
        match hooks.iter().find(|hook| hook.url() == url) {
            Some(hook) if hook.is_right() => Ok(StepOutcome::Found),
            Some(hook) => {
                let path = ["orgs", organization, "hooks", &hook.id.to_string()];
                self.send(Method::PATCH, &path, &body).await?;
                Ok(StepOutcome::Fixed)
            }
            None => {
                let secret = self.webhook_secret.as_ref();
                let secret = secret.ok_or(ForgeError::Unsupported("webhook secret"))?;
                body["type"] = Value::from("gitea");
                body["config"]["secret"] = Value::from(secret.expose());
                self.send(Method::POST, &path, &body).await?;
                Ok(StepOutcome::Created)
            }
        }
    }

    /// Whether the organization has a right webhook whose address ends so. The forge may know the daemon by another
    /// host name than participants do.
    ///
    /// # Errors
    /// Also when the token does not belong to an owner.
    pub(super) async fn has_webhook(&self, organization: &str, ending: &str) -> Result<bool> {
        let path = ["orgs", organization, "hooks"];
        let hooks: Vec<HookBody> = self.client.list(&path, &[]).await?;
        Ok(hooks.iter().any(|h| h.url().ends_with(ending) && h.is_right()))
    }

    /// Whether there is an account with this login.
    pub(super) async fn account_exists(&self, login: &str) -> Result<bool> {
        match self.exists(&["users", login]).await {
            Err(ForgeError::Renamed) => Ok(false),
            other => other,
        }
    }
}
