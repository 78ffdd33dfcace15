//! From a path to its handler. Only access is decided here: scopes, hidden repositories, old names.

use super::call::{Answer, Call, Reply};
use super::state::State;

impl State {
    /// Answers a request to the API.
    pub(crate) fn answer(&mut self, call: &Call) -> Answer {
        self.route(call).unwrap_or_else(|refusal| refusal)
    }

    fn route(&mut self, call: &Call) -> Reply {
        self.check_scope(call)?;
        let steps: Vec<&str> = call.steps.iter().map(String::as_str).collect();
        match (call.method.as_str(), &steps[..]) {
            ("GET", ["version"]) => Ok(self.version()),
            ("GET", ["settings", "api"]) => Ok(self.settings()),
            _ if self.is_for_members(&steps) && call.who.is_none() => Err(self.refuse(401, "token is required")),
            ("GET", ["users", login]) => self.one_user(call, login),
            ("GET", ["user"]) => Ok(self.current_user(call)),
            ("GET", ["user", "orgs"]) => Ok(self.our_orgs(call)),
            ("POST", ["users", login, "tokens"]) => self.create_token(call, login),
            ("GET", ["users", login, "orgs", org, "permissions"]) => self.org_permissions(call, login, org),
            ("DELETE", ["users", login, "tokens", token]) => self.delete_token(call, login, token),
            (_, ["admin", rest @ ..]) => self.in_admin(call, rest),
            ("POST", ["orgs"]) => self.create_org(call),
            (_, ["orgs", org, rest @ ..]) => self.in_org(call, org, rest),
            (_, ["teams", id, rest @ ..]) => self.in_team(call, id, rest),
            ("GET", ["repositories", id]) => self.repo_by_id(call, id),
            (_, ["repos", owner, name, rest @ ..]) => {
                let id = self.find(call, owner, name)?;
                self.in_repo(call, id, rest)
            }
            (_, ["packages", owner, rest @ ..]) => self.in_packages(call, owner, rest),
            _ => Err(Answer::no_such_page()),
        }
    }

    fn is_for_members(&self, steps: &[&str]) -> bool {
        let open = matches!(steps, ["repos" | "repositories", ..]);
        !open && !matches!(steps, ["nodeinfo"])
    }

    /// The repository of a name, if the account may see it. An old name redirects for every account.
    fn find(&self, call: &Call, owner: &str, name: &str) -> Result<i64, Answer> {
        if let Some(found) = self.repository_named(owner, name) {
            return if self.may_see(call.account(), found) { Ok(found.id) } else { Err(self.not_found()) };
        }
        let owner_id = self.account_named(owner).map(|account| account.id);
        let former = self.former_names.iter().rev().find(|(had, old, id)| {
            Some(*had) == owner_id && old.eq_ignore_ascii_case(name) && self.repositories.iter().any(|r| r.id == *id)
        });
        let Some((_, _, id)) = former else {
            return Err(self.not_found());
        };
        let old = format!("/{owner}/{name}");
        let path = call.path.replacen(&old, &format!("/{}", self.full_name(*id)), 1);
        let (status, words) = self.version.moved();
        Err(Answer::redirect(call, status, words, &path))
    }

    fn in_repo(&mut self, call: &Call, id: i64, rest: &[&str]) -> Reply {
        match rest {
            [] | ["generate" | "transfer" | "forks"] => self.in_repo_itself(call, id, rest),
            ["hooks", rest @ ..] => self.in_repo_hooks(call, id, rest),
            ["collaborators" | "teams" | "branch_protections" | "releases", ..] => {
                self.in_repo_settings(call, id, rest)
            }
            ["statuses", ..] | ["commits", _, "status" | "statuses"] => self.in_statuses(call, id, rest),
            ["issues" | "labels", ..] => self.in_issues(call, id, rest),
            ["git", "notes", sha] => self.in_notes(call, id, sha),
            ["contents", path @ ..] if call.method != "GET" => self.write_contents(call, id, &path.join("/")),
            _ if call.method == "GET" => self.in_code(call, id, rest),
            _ => Err(Answer::no_such_page()),
        }
    }
}
