//! Collaborators, branch protections and releases of a repository.

use serde_json::{Value, json};

use super::call::{Answer, Call, Reply};
use super::git;
use super::shape::{Viewer, time};
use super::state::{Mode, State};
use super::version::ForgeVersion;

const ONLY_ADMINS: &str = "Only admins can query all permissions, repo admins can query all repo \
                           permissions, collaborators can query only their own";

impl State {
    pub(crate) fn in_repo_settings(&mut self, call: &Call, id: i64, rest: &[&str]) -> Reply {
        match (call.method.as_str(), rest) {
            ("GET", ["teams"]) => Ok(self.repo_teams(id)),
            ("GET", ["collaborators", login, "permission"]) => self.permission(call, id, login),
            ("POST", ["releases"]) => self.release(call, id),
            ("PUT", ["collaborators", login]) => {
                self.need_admin(call, self.repository(id))?;
                let account = self.account_named(login).map(|account| account.id);
                let account = account.ok_or_else(|| self.no_such_user(login))?;
                let mode = Mode::parse(&call.text("permission")).max(Mode::Read);
                self.repository_mut(id).collaborators.insert(account, mode);
                Ok(Answer::empty(204))
            }
            ("DELETE", ["collaborators", login]) => {
                self.need_admin(call, self.repository(id))?;
                let account = self.account_named(login).map(|account| account.id);
                let account = account.ok_or_else(|| self.no_such_user(login))?;
                self.repository_mut(id).collaborators.remove(&account);
                Ok(Answer::empty(204))
            }
            ("POST", ["branch_protections"]) => {
                self.need_admin(call, self.repository(id))?;
                let rule = self.protection(call);
                self.repository_mut(id).protections.push(rule.clone());
                Ok(Answer::json(201, &rule))
            }
            _ => Err(Answer::no_such_page()),
        }
    }

    /// The general access of an account. Only administrators of the repository may ask; since 1.24 every account may
    /// ask about itself.
    fn permission(&self, call: &Call, id: i64, login: &str) -> Reply {
        let repository = self.repository(id);
        let account = self.account_named(login).map(|account| account.id);
        let own = account.is_some() && account == call.account() && !self.version.is_old();
        if !own && !self.is_repository_admin(call.account(), repository) {
            return Err(self.refuse(403, ONLY_ADMINS));
        }
        let Some(account) = account else {
            return Err(self.no_such_user(login));
        };
        let mode = self.general_mode(Some(account), repository).name();
        let user = self.user(account, Viewer::SignedIn);
        Ok(Answer::json(200, &json!({"permission": mode, "role_name": mode, "user": user})))
    }

    fn protection(&self, call: &Call) -> Value {
        let now = time(self.now());
        let mut rule = json!({
            "branch_name": call.text("rule_name"),
            "rule_name": call.text("rule_name"),
            "enable_push": call.flag("enable_push"),
            "enable_push_whitelist": false,
            "push_whitelist_usernames": [],
            "push_whitelist_teams": [],
            "push_whitelist_deploy_keys": false,
            "enable_merge_whitelist": false,
            "merge_whitelist_usernames": [],
            "merge_whitelist_teams": [],
            "enable_status_check": false,
            "status_check_contexts": null,
            "required_approvals": 0,
            "enable_approvals_whitelist": false,
            "approvals_whitelist_username": [],
            "approvals_whitelist_teams": [],
            "block_on_rejected_reviews": call.flag("block_on_rejected_reviews"),
            "block_on_official_review_requests": false,
            "block_on_outdated_branch": false,
            "dismiss_stale_approvals": false,
            "ignore_stale_approvals": false,
            "require_signed_commits": false,
            "protected_file_patterns": call.text("protected_file_patterns"),
            "unprotected_file_patterns": "",
            "created_at": now,
            "updated_at": now,
        });
        let more = match self.version {
            ForgeVersion::Gitea122 => json!({}),
            ForgeVersion::Forgejo10 => json!({"apply_to_admins": false}),
            ForgeVersion::Gitea124 | ForgeVersion::Gitea127 => json!({
                "priority": 1,
                "enable_force_push": false,
                "enable_force_push_allowlist": false,
                "force_push_allowlist_usernames": [],
                "force_push_allowlist_teams": [],
                "force_push_allowlist_deploy_keys": false,
                "block_admin_merge_override": false,
            }),
        };
        for (key, value) in more.as_object().unwrap() {
            rule[key] = value.clone();
        }
        rule
    }

    /// A release makes its tag where there is none, and pushes it.
    fn release(&mut self, call: &Call, id: i64) -> Reply {
        if self.unit_mode(call.account(), self.repository(id), "repo.releases") < Mode::Write {
            return Err(self.not_found());
        }
        let tag = call.text("tag_name");
        let git = self.git(id);
        let name = format!("refs/tags/{tag}");
        if git.refname_to_id(&name).is_err() {
            let target = call.text("target_commitish");
            let Some(commit) = git::resolve(&git, &target).map(|commit| commit.id()) else {
                return Err(self.not_found());
            };
            git::point(&git, &name, commit);
            self.announce_tag(id, call.me(), &tag, None, Some(commit));
        }
        let shown = self.shown_release(call, id, &tag);
        self.announce_release(id, call.me(), &shown);
        Ok(Answer::json(201, &shown))
    }

    fn shown_release(&mut self, call: &Call, id: i64, tag: &str) -> Value {
        // Every tag is a release inside, so numbers go with tags.
        let number = self.next("release");
        let full = self.full_name(id);
        let url = format!("{}/api/v1/repos/{full}/releases/{number}", self.root);
        let now = time(self.now());
        self.repository_mut(id).releases += 1;
        let mut shown = json!({
            "id": number,
            "tag_name": tag,
            "target_commitish": call.text("target_commitish"),
            "name": call.text("name"),
            "body": call.text("body"),
            "url": url,
            "html_url": self.page_url(id, &format!("releases/tag/{tag}")),
            "tarball_url": self.page_url(id, &format!("archive/{tag}.tar.gz")),
            "zipball_url": self.page_url(id, &format!("archive/{tag}.zip")),
            "upload_url": format!("{url}/assets"),
            "draft": false,
            "prerelease": false,
            "created_at": now,
            "published_at": now,
            "author": self.user(call.me(), Viewer::Anonymous),
            "assets": [],
        });
        if self.version.is_forgejo() {
            shown["hide_archive_links"] = json!(false);
            shown["archive_download_count"] = json!({"zip": 0, "tar_gz": 0});
        }
        shown
    }
}
