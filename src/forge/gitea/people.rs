//! Who is who: our own account, and whether somebody is a member of a forge team.
//!
//! Only team membership tells an organizer: the permission on a repository and in an organization that
//! the API answers with is wrong for teams with rights by unit (recordings, `*-permission-*`). Every
//! doubt is an error, never a yes.

use std::collections::BTreeMap;

use reqwest011::Method;
use serde::Deserialize;

use super::port::GiteaForge;
use super::talk::UserBody;
use crate::forge::{ForgeError, Result};
use crate::model::Sender;

/// Gitea modules/structs/org_team.go, `Team`.
#[derive(Deserialize)]
struct TeamBody {
    id: i64,
    name: String,
}

/// Gitea modules/structs/org.go, `Organization`. `name` came with Gitea 1.16.
#[derive(Deserialize)]
struct OrganizationBody {
    id: i64,
    name: String,
}

impl GiteaForge {
    pub(super) async fn who_am_i(&self) -> Result<Sender> {
        let answer = self.client.call(Method::GET, &["user"], &[], None).await?;
        let user: UserBody = answer.json()?;
        user.sender()
            .ok_or_else(|| ForgeError::Unreadable("our own account without a number".to_owned()))
    }

    /// Those that our account is a member of; others it is not told of.
    pub(super) async fn our_organizations(&self) -> Result<BTreeMap<i64, String>> {
        let all: Vec<OrganizationBody> = self.client.list(&["user", "orgs"], &[]).await?;
        Ok(all.into_iter().map(|o| (o.id, o.name)).collect())
    }

    /// The forge's number of a team, by `organization/team`.
    ///
    /// # Errors
    /// When there is none that we may see.
    pub async fn team_id(&self, team: &str) -> Result<i64> {
        let (organization, name) = super::port::split(team)?;
        let path = ["orgs", organization, "teams"];
        // Names of teams are compared without regard to case, as the forge does.
        let named = |team: &TeamBody| team.name.eq_ignore_ascii_case(name);
        let found = self.client.find(&path, named).await?;
        found.map(|team| team.id).ok_or(ForgeError::NotFound)
    }

    /// Answered only to members of the team and owners (recordings, `asked-by-team-member-*`).
    pub(super) async fn is_team_member(&self, team: &str, who: &Sender) -> Result<bool> {
        let id = self.team_id(team).await?.to_string();
        let path = ["teams", id.as_str(), "members", who.login.as_str()];
        let answer = self.client.ask(Method::GET, &path, &[], None).await?;
        match answer.status {
            // The name may have passed to somebody else since the comment was written.
            200 => Ok(answer
                .json::<UserBody>()?
                .sender()
                .is_some_and(|s| s.id == who.id)),
            404 => Ok(false),
            403 => Err(ForgeError::Forbidden(format!(
                "only members of {team} may ask who else is; add our account to that team"
            ))),
            401 => Err(ForgeError::Unauthorized),
            status => Err(ForgeError::Server {
                status,
                message: "to the question who is in a team".to_owned(),
            }),
        }
    }
}
