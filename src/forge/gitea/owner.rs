//! What the owner of an organization does once: the webhook, the forge teams, the repositories.
//!
//! Each step looks first and changes only what is not as it should be, so all of them may be done
//! again at any time. Nothing is ever deleted or taken from anybody. The owner's token is used here
//! and never kept.

use std::collections::BTreeSet;

use reqwest011::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Client;
use super::port::{RepositoryBody, split};
use crate::config::Secret;
use crate::forge::{ForgeError, ForgeRepository, Result};
use crate::model::limits;

/// What a step met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It was so already.
    Found,
    /// It was made.
    Made,
    /// It was there, and was mended.
    Mended,
}

impl Met {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Made => "made",
            Self::Mended => "mended",
        }
    }
}

/// Rights of a forge team, by unit: `repo.code`, `write`.
pub type Units<'a> = &'a [(&'a str, &'a str)];

/// What an organizers' team may: commands are comments, so writing issues is enough.
pub const ORGANIZERS: Units<'static> = &[("repo.code", "write"), ("repo.issues", "write")];
/// What our own account needs in every repository.
pub const BOTS: Units<'static> = &[
    ("repo.code", "write"),
    ("repo.issues", "write"),
    ("repo.packages", "read"),
];
/// What a participating team may in its repository: push, and comment. Writing issues would let it
/// change our comments, and administration our settings.
pub const PARTICIPANTS: Units<'static> = &[("repo.code", "write"), ("repo.issues", "read")];

/// What a participating team may in the organization of its images: push them.
pub const PUSHERS: Units<'static> = &[("repo.packages", "write")];
/// What our own account needs there.
pub const PULLERS: Units<'static> = &[("repo.packages", "read")];

/// Events that we are told of, as they are asked for. `issues` would bring labels and milestones too.
const EVENTS: [&str; 7] = [
    "push",
    "create",
    "delete",
    "repository",
    "issues_only",
    "issue_comment",
    "package",
];

/// A forge as the owner of an organization sees it.
#[derive(Debug, Clone)]
pub struct Owner {
    client: Client,
}

/// Gitea modules/structs/org_team.go, `Team`.
#[derive(Debug, Deserialize)]
struct TeamBody {
    id: i64,
    name: String,
    #[serde(default)]
    includes_all_repositories: bool,
    #[serde(default)]
    units_map: Option<std::collections::BTreeMap<String, String>>,
}

impl TeamBody {
    fn lacks(&self, units: Units<'_>, everywhere: bool) -> bool {
        let rank = |right: Option<&str>| match right {
            Some("owner" | "admin") => 3,
            Some("write") => 2,
            Some("read") => 1,
            _ => 0,
        };
        let has = |unit: &str| {
            let map = self.units_map.as_ref();
            rank(map.and_then(|m| m.get(unit)).map(String::as_str))
        };
        (everywhere && !self.includes_all_repositories)
            || units
                .iter()
                .any(|(unit, right)| has(unit) < rank(Some(right)))
    }
}

/// Gitea modules/structs/org.go, `Organization`.
#[derive(Debug, Deserialize)]
struct OrganizationBody {
    id: i64,
}

/// Gitea modules/structs/user.go, `User`.
#[derive(Debug, Deserialize)]
struct AccountBody {
    id: i64,
    login: String,
}

/// Gitea modules/structs/hook.go, `Hook`.
#[derive(Debug, Deserialize)]
struct HookBody {
    id: i64,
    #[serde(default)]
    config: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    events: Option<Vec<String>>,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    branch_filter: String,
}

impl HookBody {
    /// Whether it sends us what we need. The forge names `issues_only` `issues`, and drops events
    /// that it does not know: only what every version has is asked of it.
    fn is_right(&self) -> bool {
        let events: BTreeSet<&str> = self.events.iter().flatten().map(String::as_str).collect();
        let wanted = [
            "push",
            "create",
            "delete",
            "repository",
            "issues",
            "issue_comment",
        ];
        self.active
            && matches!(self.branch_filter.as_str(), "" | "*")
            && self.config.get("content_type").is_some_and(|t| t == "json")
            && wanted.iter().all(|e| events.contains(e))
    }
}

impl Owner {
    /// Acts by a token of an owner of the organization, or of an administrator of the forge.
    ///
    /// # Errors
    /// When address or token cannot be used.
    pub fn at(url: &str, token: &Secret) -> Result<Self> {
        let client = Client::new(url, token, limits::FORGE_CALL_TIME)?;
        Ok(Self { client })
    }

    /// The organization itself. A new one is private: teams must not see each other.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn organization(&self, name: &str) -> Result<Met> {
        let standing: Option<Value> = self.client.get(&["orgs", name]).await?;
        if standing.is_some() {
            return Ok(Met::Found);
        }
        let body = json!({ "username": name, "visibility": "private" });
        self.client
            .call(Method::POST, &["orgs"], &[], Some(&body))
            .await?;
        Ok(Met::Made)
    }

    /// The forge's number of an organization, which its packages name as their owner.
    ///
    /// # Errors
    /// When the forge says no, or has none of this name.
    pub async fn organization_id(&self, name: &str) -> Result<i64> {
        let body: Option<OrganizationBody> = self.client.get(&["orgs", name]).await?;
        body.map(|o| o.id).ok_or(ForgeError::NotFound)
    }

    /// Who owns an organization beside us: they can do everything in it.
    ///
    /// # Errors
    /// When the forge says no; it does to those who do not own it.
    pub async fn other_owners(&self, organization: &str) -> Result<Vec<String>> {
        let me: Option<AccountBody> = self.client.get(&["user"]).await?;
        let me = me.ok_or(ForgeError::NotFound)?;
        let path = ["orgs", organization, "teams"];
        let teams: Vec<TeamBody> = self.client.list(&path, &[]).await?;
        let owners = teams.iter().find(|t| t.name == "Owners");
        let id = owners.ok_or(ForgeError::NotFound)?.id.to_string();
        let path = ["teams", id.as_str(), "members"];
        let members: Vec<AccountBody> = self.client.list(&path, &[]).await?;
        Ok(members
            .into_iter()
            .filter(|m| m.id != me.id)
            .map(|m| m.login)
            .collect())
    }

    /// A forge team with at least these rights; `everywhere` in all repositories of the organization.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn team(&self, team: &str, units: Units<'_>, everywhere: bool) -> Result<(i64, Met)> {
        let (organization, name) = split(team)?;
        let path = ["orgs", organization, "teams"];
        let teams: Vec<TeamBody> = self.client.list(&path, &[]).await?;
        let standing = teams.iter().find(|t| t.name.eq_ignore_ascii_case(name));
        let map: Value = units.iter().map(|(u, r)| (*u, *r)).collect();
        let mut body = json!({
            "name": standing.map_or(name, |t| t.name.as_str()),
            "permission": "read",
            "units_map": map,
            "includes_all_repositories": everywhere,
            "can_create_org_repo": false,
        });
        match standing {
            Some(team) if !team.lacks(units, everywhere) => Ok((team.id, Met::Found)),
            Some(team) => {
                // What it may beyond that stays: rights are added, not taken.
                let mut map = team.units_map.clone().unwrap_or_default();
                for (unit, right) in units {
                    let held = map.entry((*unit).to_owned()).or_default();
                    if !matches!(held.as_str(), "admin" | "owner" | "write") {
                        *held = (*right).to_owned();
                    }
                }
                body["units_map"] = json!(map);
                body["includes_all_repositories"] =
                    Value::from(everywhere || team.includes_all_repositories);
                let id = team.id.to_string();
                self.client
                    .call(Method::PATCH, &["teams", &id], &[], Some(&body))
                    .await?;
                Ok((team.id, Met::Mended))
            }
            None => {
                let answer = self
                    .client
                    .call(Method::POST, &path, &[], Some(&body))
                    .await?;
                Ok((answer.json::<TeamBody>()?.id, Met::Made))
            }
        }
    }

    /// A member of a forge team.
    ///
    /// # Errors
    /// When there is no such account, or the forge says no.
    pub async fn member(&self, team: i64, login: &str) -> Result<Met> {
        let team = team.to_string();
        let path = ["teams", team.as_str(), "members", login];
        if self.client.get::<Value>(&path).await?.is_some() {
            return Ok(Met::Found);
        }
        self.client.call(Method::PUT, &path, &[], None).await?;
        Ok(Met::Made)
    }

    /// A repository of a forge team.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn team_repository(&self, team: i64, full_name: &str) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let team = team.to_string();
        let path = ["teams", team.as_str(), "repos", owner, name];
        self.client.call(Method::PUT, &path, &[], None).await?;
        Ok(())
    }

    /// A private repository with a first commit; `template` marks one that others are made from.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn repository(&self, full_name: &str, template: bool) -> Result<Met> {
        let (owner, name) = split(full_name)?;
        let path = ["repos", owner, name];
        let standing: Option<Value> = self.client.get(&path).await?;
        match standing {
            Some(body) if template && body["template"] != Value::Bool(true) => {
                let body = json!({ "template": true });
                self.client
                    .call(Method::PATCH, &path, &[], Some(&body))
                    .await?;
                Ok(Met::Mended)
            }
            Some(_) => Ok(Met::Found),
            None => {
                let body = json!({
                    "name": name, "private": true, "auto_init": true,
                    "default_branch": "main", "template": template,
                });
                let path = ["orgs", owner, "repos"];
                self.client
                    .call(Method::POST, &path, &[], Some(&body))
                    .await?;
                Ok(Met::Made)
            }
        }
    }

    /// A private repository made from a template repository, unless it is there.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn generate(
        &self,
        template: &str,
        full_name: &str,
    ) -> Result<(ForgeRepository, Met)> {
        let (owner, name) = split(full_name)?;
        let (from_owner, from) = split(template)?;
        let standing: Option<RepositoryBody> = self.client.get(&["repos", owner, name]).await?;
        if let Some(body) = standing {
            return Ok((body.into(), Met::Found));
        }
        let body = json!({
            "owner": owner, "name": name, "private": true,
            "default_branch": "main", "git_content": true, "labels": true,
        });
        let path = ["repos", from_owner, from, "generate"];
        let answer = self
            .client
            .call(Method::POST, &path, &[], Some(&body))
            .await?;
        Ok((answer.json::<RepositoryBody>()?.into(), Met::Made))
    }

    /// A label for all repositories of the organization.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn label(&self, organization: &str, name: &str, colour: &str) -> Result<Met> {
        let path = ["orgs", organization, "labels"];
        let labels: Vec<Value> = self.client.list(&path, &[]).await?;
        if labels.iter().any(|l| l["name"] == name) {
            return Ok(Met::Found);
        }
        let body = json!({ "name": name, "color": colour });
        self.client
            .call(Method::POST, &path, &[], Some(&body))
            .await?;
        Ok(Met::Made)
    }

    /// The organization's webhook to this address. A forge never shows a hook's secret and cannot
    /// change it, so a hook that was there keeps the one it has.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn webhook(&self, organization: &str, url: &str, secret: &Secret) -> Result<Met> {
        let path = ["orgs", organization, "hooks"];
        let hooks: Vec<HookBody> = self.client.list(&path, &[]).await?;
        let standing = hooks
            .iter()
            .find(|h| h.config.get("url").is_some_and(|u| u == url));
        // Also to mend: what a change does not name is reset.
        let mut body = json!({
            "active": true,
            "branch_filter": "*",
            "events": EVENTS,
            "config": { "url": url, "content_type": "json" },
        });
        match standing {
            Some(hook) if hook.is_right() => Ok(Met::Found),
            Some(hook) => {
                let id = hook.id.to_string();
                let path = ["orgs", organization, "hooks", id.as_str()];
                self.client
                    .call(Method::PATCH, &path, &[], Some(&body))
                    .await?;
                Ok(Met::Mended)
            }
            None => {
                body["type"] = Value::from("gitea");
                body["config"]["secret"] = Value::from(secret.expose());
                self.client
                    .call(Method::POST, &path, &[], Some(&body))
                    .await?;
                Ok(Met::Made)
            }
        }
    }

    /// Whether the organization has a webhook as it should be, to an address that ends so: the forge may
    /// know the daemon by another host name than participants do.
    ///
    /// # Errors
    /// When the forge says no; only owners may look.
    pub async fn webhook_is_right(&self, organization: &str, ending: &str) -> Result<bool> {
        let path = ["orgs", organization, "hooks"];
        let hooks: Vec<HookBody> = self.client.list(&path, &[]).await?;
        Ok(hooks
            .iter()
            .any(|h| h.config.get("url").is_some_and(|u| u.ends_with(ending)) && h.is_right()))
    }

    /// Whether an account of this name is there.
    ///
    /// # Errors
    /// When the forge says no.
    pub async fn account_exists(&self, login: &str) -> Result<bool> {
        match self.client.get::<Value>(&["users", login]).await {
            Ok(found) => Ok(found.is_some()),
            Err(ForgeError::Renamed) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
