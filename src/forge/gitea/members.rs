//! Our own account, its organizations, and membership in teams of the forge.
//!
//! Only membership in a team identifies an organizer: the API reports wrong permissions for teams with rights by unit
//! (recordings, `*-permission-*`). Every doubt is an error and never a yes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use reqwest011::Method;
use serde::Deserialize;

use super::bodies::{UserBody, split};
use super::forge::GiteaForge;
use crate::forge::{ForgeError, Members, Result};
use crate::model::Sender;

/// Gitea modules/structs/org_team.go, `Team`.
#[derive(Deserialize)]
struct TeamBody {
    id: i64,
    name: String,
}

/// Gitea modules/structs/org.go, `Organization`. `name` exists since Gitea 1.16.
#[derive(Deserialize)]
struct OrganizationBody {
    id: i64,
    name: String,
}

#[async_trait]
impl Members for GiteaForge {
    async fn account(&self) -> Result<Sender> {
        let ask = || async {
            let answer = self.client.call(Method::GET, &["user"], &[], None).await?;
            let sender = answer.json::<UserBody>()?.sender();
            sender.ok_or_else(|| ForgeError::Unreadable("no id of the account of Referee".to_owned()))
        };
        self.account.get_or_try_init(ask).await.cloned()
    }

    /// The forge lists only organizations that our account is a member of.
    async fn organizations(&self) -> Result<BTreeMap<i64, String>> {
        let all: Vec<OrganizationBody> = self.client.list(&["user", "orgs"], &[]).await?;
        Ok(all.into_iter().map(|o| (o.id, o.name)).collect())
    }

    /// The forge answers this to members of the team and to owners alone (recordings, `asked-by-team-member-*`).
    async fn is_member(&self, team: &str, who: &Sender) -> Result<bool> {
        let id = self.team_id(team).await?.to_string();
        let path = ["teams", &id, "members", &who.login];
        let answer = self.client.ask(Method::GET, &path, &[], None).await?;
        match answer.status {
            // Another account may have this login now.
            200 => {
                let member = answer.json::<UserBody>()?.sender();
                Ok(member.is_some_and(|member| member.id == who.id))
            }
            404 => Ok(false),
            403 => Err(ForgeError::Forbidden(format!(
                "only members of {team} may see its other members; add the account of Referee to that team"
            ))),
            401 => Err(ForgeError::Unauthorized),
            status => Err(ForgeError::Server { status, message: format!("asked for the members of {team}") }),
        }
    }
}

impl GiteaForge {
    /// The forge's number of a team, by `organization/team`.
    ///
    /// # Errors
    /// [`ForgeError::NotFound`] when our account cannot see such a team.
    async fn team_id(&self, team: &str) -> Result<i64> {
        let (organization, name) = split(team)?;
        let path = ["orgs", organization, "teams"];
        // The forge compares names of teams without regard to case.
        let named = |team: &TeamBody| team.name.eq_ignore_ascii_case(name);
        let found = self.client.find(&path, named).await?;
        found.map(|team| team.id).ok_or(ForgeError::NotFound)
    }
}
