//! Authentication and rights. Reads only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::call::{Answer, Call, Who};
use super::state::{Mode, Repository, State, Team};

impl State {
    /// The account of these credentials; `Err` when they are wrong.
    pub(crate) fn authenticate(&self, authorization: Option<&str>) -> Result<Option<Who>, Answer> {
        let Some(header) = authorization else {
            return Ok(None);
        };
        let who = match header.split_once(' ') {
            Some((scheme, secret)) if scheme.eq_ignore_ascii_case("basic") => self.basic(secret),
            Some((_, secret)) => self.bearer(secret),
            None => None,
        };
        who.map(Some).ok_or_else(|| {
            self.refuse(
                401,
                if self.version.is_latest() {
                    "invalid username, password or token"
                } else {
                    "user does not exist [uid: 0, name: ]"
                },
            )
        })
    }

    fn bearer(&self, secret: &str) -> Option<Who> {
        let token = self.tokens.iter().find(|token| token.secret == secret)?;
        Some(Who { account: token.account, scopes: Some(token.scopes.clone()) })
    }

    /// Name and password; a token may replace either.
    fn basic(&self, encoded: &str) -> Option<Who> {
        let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (login, password) = decoded.split_once(':')?;
        if let Some(who) = self.bearer(password).or_else(|| self.bearer(login)) {
            return Some(who);
        }
        let account = self.account_named(login)?;
        (account.password.as_deref() == Some(password)).then_some(Who { account: account.id, scopes: None })
    }

    /// Refuses a token whose scopes do not cover the request.
    pub(crate) fn check_scope(&self, call: &Call) -> Result<(), Answer> {
        let Some(scopes) = call.who.as_ref().and_then(|who| who.scopes.as_ref()) else {
            return Ok(());
        };
        let Some(area) = area(call) else {
            return Ok(());
        };
        let write = format!("write:{area}");
        let read = format!("read:{area}");
        let reads = matches!(call.method.as_str(), "GET" | "HEAD");
        let has = |scope: &str| scopes.iter().any(|have| have == scope || have == "all");
        if has(&write) || (reads && has(&read)) {
            return Ok(());
        }
        let required = if reads { read } else { write };
        let words = "token does not have at least one of required scope(s)";
        Err(self.refuse(
            403,
            &if self.version.is_old() {
                format!("{words}: [{required}]")
            } else {
                let have = scopes.join(",");
                format!("{words}, required=[{required}], token scope={have}")
            },
        ))
    }

    fn teams_of(&self, account: i64, organization: i64) -> impl Iterator<Item = &Team> {
        self.teams.iter().filter(move |t| t.organization == organization && t.members.contains(&account))
    }

    pub(crate) fn is_member(&self, account: i64, organization: i64) -> bool {
        self.teams_of(account, organization).next().is_some()
    }

    pub(crate) fn is_owner(&self, account: i64, organization: i64) -> bool {
        let mut teams = self.teams_of(account, organization);
        teams.any(|team| team.mode == Mode::Owner)
    }

    /// The rights of the account for one unit of a repository, `repo.code` for example.
    pub(crate) fn unit_mode(&self, account: Option<i64>, repository: &Repository, unit: &str) -> Mode {
        let general = self.general_mode(account, repository);
        if general >= Mode::Admin {
            return general;
        }
        let mut mode = general;
        if let Some(account) = account {
            for team in self.teams_with(account, repository) {
                mode = mode.max(team.units.get(unit).copied().unwrap_or(Mode::None));
            }
        }
        if !repository.private && self.may_see_owner(account, repository) {
            mode = mode.max(Mode::Read);
        }
        mode
    }

    fn may_see_owner(&self, account: Option<i64>, repository: &Repository) -> bool {
        let owner = self.account(repository.owner);
        match owner.visibility.as_str() {
            "public" => true,
            "limited" => account.is_some(),
            _ => account.is_some_and(|account| self.is_member(account, owner.id)),
        }
    }

    fn teams_with<'a>(&'a self, account: i64, of: &'a Repository) -> impl Iterator<Item = &'a Team> {
        let has = |team: &&Team| team.all_repositories || team.repositories.contains(&of.id);
        self.teams_of(account, of.owner).filter(has)
    }

    /// The access without regard to units. New versions give none to a team with rights by unit; old ones give it the
    /// least of its rights.
    pub(crate) fn general_mode(&self, account: Option<i64>, repository: &Repository) -> Mode {
        let Some(account) = account else {
            return Mode::None;
        };
        if self.account(account).is_admin || repository.owner == account || self.is_owner(account, repository.owner) {
            return Mode::Owner;
        }
        let direct = repository.collaborators.get(&account).copied();
        let teams = self.teams_with(account, repository).map(|team| team.mode);
        let best = teams.max().unwrap_or(Mode::None);
        best.max(direct.unwrap_or(Mode::None))
    }

    /// To an account without any right, the repository does not exist.
    pub(crate) fn may_see(&self, account: Option<i64>, repository: &Repository) -> bool {
        let units = ["repo.code", "repo.issues", "repo.packages"];
        let mut modes = units.map(|unit| self.unit_mode(account, repository, unit)).into_iter();
        modes.any(|mode| mode >= Mode::Read)
    }

    pub(crate) fn is_repository_admin(&self, account: Option<i64>, repository: &Repository) -> bool {
        self.general_mode(account, repository) >= Mode::Admin
    }
}

/// The area of the API whose scope a token needs; `None` where every token may ask.
fn area(call: &Call) -> Option<&'static str> {
    let steps: Vec<&str> = call.steps.iter().map(String::as_str).collect();
    match steps[..] {
        ["repos", _, _, "issues" | "labels" | "milestones", ..] => Some("issue"),
        ["repos" | "repositories", ..] => Some("repository"),
        ["orgs" | "org" | "teams", ..] | ["users", _, "orgs", ..] => Some("organization"),
        ["user" | "users", ..] => Some("user"),
        ["notifications", ..] => Some("notification"),
        ["packages", ..] => Some("package"),
        ["admin", ..] => Some("admin"),
        _ => None,
    }
}
